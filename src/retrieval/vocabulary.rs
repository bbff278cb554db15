//! The words of a library, and the repair of misspelt ones against them.
//!
//! Must not: change a word that exists, in the library or in English.

use std::collections::HashMap;

use super::words::is_english;

/// Shortest word that is repaired; shorter ones are abbreviations too often.
const MIN_REPAIR_CHARS: usize = 5;
/// From this length on two edits are allowed.
const TWO_EDIT_CHARS: usize = 7;
/// From this length on three edits are allowed.
const THREE_EDIT_CHARS: usize = 10;
/// How many first letters must agree for three edits.
const SURE_PREFIX: usize = 5;
/// How often a word must occur (in articles) to be offered as a repair, unless it stands in a title or a name.
const MIN_ARTICLES: u32 = 2;

struct Word {
    text: String,
    articles: u32,
    named: bool,
}

/// All words of a library.
#[derive(Default)]
pub(crate) struct Vocabulary {
    words: Vec<Word>,
    /// Letters and length of each word, close together in memory: a repair looks at all of them.
    shapes: Vec<(u32, u32)>,
    known: HashMap<String, usize>,
}

/// Most edits between a word and what was meant.
const fn edits(length: usize) -> usize {
    if length >= THREE_EDIT_CHARS {
        3
    } else if length >= TWO_EDIT_CHARS - 1 {
        2
    } else {
        1
    }
}

/// A bit for each letter, to skip words that cannot be within the edits.
fn letters(word: &str) -> u32 {
    let bit = |b: u8| {
        if b.is_ascii_lowercase() {
            1 << (b - b'a')
        } else {
            1 << 26
        }
    };
    word.bytes().fold(0, |mask, b| mask | bit(b))
}

impl Vocabulary {
    /// From words with the number of articles they stand in and whether they stand in a title or a name.
    pub(crate) fn new(counted: impl IntoIterator<Item = (String, u32, bool)>) -> Self {
        let words: Vec<Word> = counted
            .into_iter()
            .map(|(text, articles, named)| Word { text, articles, named })
            .collect();
        let known = words.iter().enumerate().map(|(at, w)| (w.text.clone(), at)).collect();
        let shapes = words
            .iter()
            .map(|w| (letters(&w.text), u32::try_from(w.text.len()).unwrap_or(u32::MAX)))
            .collect();
        Self { words, shapes, known }
    }

    pub(crate) fn knows(&self, word: &str) -> bool {
        self.known.contains_key(word)
    }

    /// The library's word that was probably meant; `None` when the word exists or nothing is near. With `stem_known`
    /// (the library has another word of the same stem) only one edit after the first letters is believed.
    pub(crate) fn repair(&self, word: &str, stem_known: bool) -> Option<&str> {
        let length = word.len();
        let letters_only = word.bytes().all(|c| c.is_ascii_lowercase());
        if length < MIN_REPAIR_CHARS || !letters_only || self.knows(word) || is_english(word) {
            return None;
        }
        let most = if stem_known { 1 } else { edits(length) };
        let mask = letters(word);
        let mut best: Option<(f32, &Word)> = None;
        for (candidate, (shape, size)) in self.words.iter().zip(&self.shapes) {
            let difference = (shape ^ mask).count_ones() as usize;
            let size = *size as usize;
            if difference > 2 * most
                || size.abs_diff(length) > most
                || size < MIN_REPAIR_CHARS
                || candidate.articles < MIN_ARTICLES && !candidate.named
            {
                continue;
            }
            let distance = strsim::osa_distance(word, &candidate.text);
            let prefix = word
                .bytes()
                .zip(candidate.text.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            // Two edits in a short word, or three in a long one, are believed only where the rest agrees well.
            let plausible = match distance {
                0 | 1 if stem_known => prefix >= SURE_PREFIX,
                0 | 1 => prefix > 0 || length >= TWO_EDIT_CHARS,
                2 => prefix > 0 && (length >= TWO_EDIT_CHARS || (difference == 0 && candidate.named)),
                _ => prefix >= SURE_PREFIX && candidate.named,
            };
            if distance > most || !plausible {
                continue;
            }
            let score = (candidate.articles as f32).ln_1p() * 0.5 - distance as f32 * 3.0
                + if candidate.named { 1.0 } else { 0.0 }
                + if prefix > 0 { 1.0 } else { 0.0 };
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, candidate));
            }
        }
        best.map(|(_, word)| word.text.as_str())
    }

    /// Rows for the file in the snapshot.
    pub(crate) fn rows(&self) -> impl Iterator<Item = String> + '_ {
        self.words
            .iter()
            .map(|w| format!("{}\t{}\t{}\n", w.text, w.articles, u8::from(w.named)))
    }

    /// Reads what [`Self::rows`] wrote; `None` when a row is not right.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut counted = Vec::new();
        for line in text.lines() {
            let mut parts = line.split('\t');
            let word = parts.next()?.to_owned();
            let articles = parts.next()?.parse().ok()?;
            counted.push((word, articles, parts.next()? == "1"));
        }
        Some(Self::new(counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = [
            ("diabetes", 9, true),
            ("fasciitis", 2, true),
            ("pneumonia", 4, true),
            ("break", 7, false),
            ("asthma", 3, true),
            ("constipation", 3, true),
            ("rash", 5, true),
        ];
        Vocabulary::new(words.map(|(w, n, t)| (w.to_owned(), n, t)))
    }

    #[test]
    fn misspelt_words_are_repaired() {
        let vocabulary = vocabulary();
        for (wrong, right) in [
            ("athsma", "asthma"),
            ("constipashun", "constipation"),
            ("diabetis", "diabetes"),
            ("diabets", "diabetes"),
            ("fasiciitis", "fasciitis"),
            ("pnuemonia", "pneumonia"),
            ("neumonia", "pneumonia"),
        ] {
            assert_eq!(vocabulary.repair(wrong, false), Some(right), "{wrong}");
        }
    }

    #[test]
    fn words_that_exist_and_short_words_stay() {
        let vocabulary = vocabulary();
        for word in ["brake", "diabetes", "ra", "rush", "rsh", "mississippi", "a1c"] {
            assert_eq!(vocabulary.repair(word, false), None, "{word}");
        }
    }

    #[test]
    fn the_vocabulary_survives_writing_and_reading() {
        let text: String = vocabulary().rows().collect();
        let again = Vocabulary::parse(&text);
        assert_eq!(again.map(|v| v.rows().collect::<String>()), Some(text));
        assert!(Vocabulary::parse("word\tmany\t1\n").is_none());
    }
}
