//! A message as the rules see it: words with their stems, in sentences and clauses.
//!
//! Must not know any rule, and must not keep or print what it read.

use rust_stemmers::{Algorithm, Stemmer};

use crate::domain::text::fold;

use super::vocabulary::Vocabulary;

/// Longest text read, in characters; the rest of a longer one is not looked at (questions are shorter).
const MAX_CHARS: usize = 20_000;

/// One word or number of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Folded, spelled out, corrected.
    pub text: String,
    /// The value where it is a number.
    pub number: Option<f64>,
    /// Vocabulary number of the English stem; 0 where no pattern uses it.
    pub english: u32,
    /// Vocabulary number of the Spanish stem; 0 where no pattern uses it.
    pub spanish: u32,
    /// Vocabulary number of the word as written; 0 where no pattern asks for it exactly.
    pub exact: u32,
    /// A word that patterns may step over.
    pub filler: bool,
    /// Which sentence it stands in, counting from 0 over the whole conversation.
    pub sentence: usize,
    /// A comma or dash stands before it.
    pub comma_before: bool,
    /// A slash or the word "over" stands between it and the number before it ("210/120").
    pub slash_before: bool,
}

/// English and Spanish stemmers; both see every word, since people mix the languages.
pub struct Stemmers {
    english: Stemmer,
    spanish: Stemmer,
}

impl std::fmt::Debug for Stemmers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stemmers")
    }
}

impl Default for Stemmers {
    fn default() -> Self {
        Self {
            english: Stemmer::create(Algorithm::English),
            spanish: Stemmer::create(Algorithm::Spanish),
        }
    }
}

impl Stemmers {
    /// The English stem.
    #[must_use]
    pub fn english(&self, word: &str) -> String {
        self.english.stem(word).into_owned()
    }

    /// The Spanish stem.
    #[must_use]
    pub fn spanish(&self, word: &str) -> String {
        self.spanish.stem(word).into_owned()
    }
}

/// A raw piece of text before words are looked up.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Word(String),
    Number(String),
    Comma,
    Slash,
    Stop,
}

/// Cuts folded text into pieces.
fn pieces(folded: &str) -> Vec<Piece> {
    let chars: Vec<char> = folded.chars().take(MAX_CHARS).collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or(' ');
    let mut found = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c.is_ascii_digit() {
            let mut text = String::new();
            while at(i).is_ascii_digit()
                || (matches!(at(i), '.' | ',')
                    && at(i + 1).is_ascii_digit()
                    && !text.contains('.')
                    && i + 1 < chars.len())
            {
                if at(i) == ',' {
                    // 1,500 is a thousand; 38,5 is a Spanish decimal.
                    let digits = (1..=3).take_while(|n| at(i + n).is_ascii_digit()).count();
                    text.push_str(if digits == 3 { "" } else { "." });
                } else {
                    text.push(at(i));
                }
                i += 1;
            }
            found.push(Piece::Number(text));
        } else if c.is_alphabetic() {
            let mut text = String::new();
            while at(i).is_alphabetic() || (at(i) == '\'' && at(i + 1).is_alphabetic()) {
                text.push(at(i));
                i += 1;
            }
            // "spo2", "a1c", "t1d": one digit belongs to a short word.
            if text.chars().count() <= 3 && at(i).is_ascii_digit() && !at(i + 1).is_ascii_digit() && at(i + 1) != '.' {
                text.push(at(i));
                i += 1;
                while at(i).is_alphabetic() {
                    text.push(at(i));
                    i += 1;
                }
            }
            found.push(Piece::Word(text));
        } else {
            match c {
                '.' | '!' | '?' | ';' | '\n' | '…' | '|' => found.push(Piece::Stop),
                ',' | '(' | ')' | ':' => found.push(Piece::Comma),
                '-' if at(i.saturating_sub(1)) == ' ' || at(i + 1) == ' ' => found.push(Piece::Comma),
                '/' => found.push(Piece::Slash),
                '%' => found.push(Piece::Word("percent".to_owned())),
                '&' | '+' => found.push(Piece::Word("and".to_owned())),
                _ => {}
            }
            i += 1;
        }
    }
    found
}

/// Undoes English contractions, with or without the apostrophe ("can't", "dont").
fn spelled_out(word: &str) -> Option<&'static [&'static str]> {
    Some(match word {
        "cant" | "can't" | "cannot" | "couldnt" | "couldn't" | "unable" => &["cannot"],
        "wont" | "won't" => &["will", "not"],
        "dont" | "don't" => &["do", "not"],
        "doesnt" | "doesn't" => &["does", "not"],
        "didnt" | "didn't" => &["did", "not"],
        "isnt" | "isn't" => &["is", "not"],
        "wasnt" | "wasn't" => &["was", "not"],
        "arent" | "aren't" | "aint" | "ain't" => &["are", "not"],
        "havent" | "haven't" => &["have", "not"],
        "hasnt" | "hasn't" => &["has", "not"],
        "hadnt" | "hadn't" => &["had", "not"],
        "wouldnt" | "wouldn't" => &["would", "not"],
        "shouldnt" | "shouldn't" => &["should", "not"],
        "im" | "i'm" => &["i", "am"],
        "ive" | "i've" => &["i", "have"],
        "hes" | "he's" => &["he", "is"],
        "shes" | "she's" => &["she", "is"],
        "thats" | "that's" => &["that", "is"],
        "whats" | "what's" => &["what", "is"],
        "theres" | "there's" => &["there", "is"],
        "gonna" => &["going", "to"],
        "wanna" => &["want", "to"],
        "gotta" => &["have", "to"],
        _ => return None,
    })
}

/// The words of one raw word: contractions undone, possessives dropped, stretched letters ("sooo") shortened.
fn plain_words(raw: &str) -> Vec<String> {
    if let Some(words) = spelled_out(raw) {
        return words.iter().map(|w| (*w).to_owned()).collect();
    }
    let mut word = raw.to_owned();
    let mut more = None;
    for (ending, becomes) in [
        ("'s", None),
        ("'re", Some("are")),
        ("'ve", Some("have")),
        ("'ll", Some("will")),
        ("'d", Some("would")),
        ("'m", Some("am")),
    ] {
        if let Some(stem) = word.strip_suffix(ending) {
            word = stem.to_owned();
            more = becomes.map(str::to_owned);
            break;
        }
    }
    let word = word.replace('\'', "");
    let letters: Vec<char> = word.chars().collect();
    let out: String = letters
        .chunk_by(|a, b| a == b)
        .flat_map(|run| {
            run.iter().take(if run.len() > 2 && letters.len() > 3 {
                1
            } else {
                run.len()
            })
        })
        .collect();
    let mut words = vec![out];
    words.extend(more);
    words
}

/// Reads one turn. `first_sentence` is the number its first sentence gets.
#[must_use]
pub fn tokenize(text: &str, vocabulary: &Vocabulary, first_sentence: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut sentence = first_sentence;
    let mut comma = false;
    let mut slash = false;
    let mut began = false;
    for piece in pieces(&fold(text)) {
        let (words, number) = match piece {
            Piece::Stop => {
                sentence += usize::from(began);
                began = false;
                comma = false;
                slash = false;
                continue;
            }
            Piece::Comma => {
                comma = true;
                continue;
            }
            Piece::Slash => {
                slash = true;
                continue;
            }
            Piece::Number(digits) => {
                let value = digits.parse::<f64>().ok();
                (vec![digits], value)
            }
            Piece::Word(raw) => (plain_words(&raw), None),
        };
        for word in words {
            for word in vocabulary.expand(&word) {
                let word = vocabulary.corrected(&word);
                let number = number.or_else(|| vocabulary.number_word(&word));
                let (english, spanish) = vocabulary.stems_of(&word);
                let exact = vocabulary.exact_of(&word);
                let filler = number.is_none() && vocabulary.is_filler(&word);
                tokens.push(Token {
                    text: word,
                    number,
                    english,
                    spanish,
                    exact,
                    filler,
                    sentence,
                    comma_before: std::mem::take(&mut comma),
                    slash_before: std::mem::take(&mut slash),
                });
                began = true;
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        tokenize(text, &Vocabulary::default(), 0)
            .into_iter()
            .map(|t| t.text)
            .collect()
    }

    #[test]
    fn contractions_possessives_and_stretched_words_become_plain() {
        assert_eq!(
            read("I can't breathe, dad's arm is soooo weak"),
            ["i", "cannot", "breathe", "dad", "arm", "is", "so", "weak"]
        );
    }

    #[test]
    fn numbers_keep_decimals_and_lose_their_unit_letters() {
        assert_eq!(
            read("temp 38,5 or 101.3F, 1,500 steps"),
            ["temp", "38.5", "or", "101.3", "f", "1500", "steps"]
        );
    }

    #[test]
    fn slashes_and_sentences_are_marked() {
        let tokens = tokenize("BP 210/120. ok", &Vocabulary::default(), 4);
        assert_eq!(
            tokens.iter().map(|t| t.slash_before).collect::<Vec<_>>(),
            [false, false, true, false]
        );
        assert_eq!(tokens.iter().map(|t| t.sentence).collect::<Vec<_>>(), [4, 4, 4, 5]);
    }
}
