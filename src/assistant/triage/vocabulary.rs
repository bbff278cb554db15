//! The words that patterns use: their numbers, word classes, abbreviations, fillers, and spelling correction.
//!
//! A word is corrected only where nothing else explains it: it is no word of any pattern, no listed ordinary word,
//! and it is one or two letters away from a pattern word of five letters or more.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::text::Stemmers;

/// Shortest word that is corrected; shorter ones have too many neighbours.
const SHORTEST_CORRECTED: usize = 5;
/// Longest word that is corrected; no medical word of the rules is longer.
const LONGEST_CORRECTED: usize = 24;
/// From this length on two slips are forgiven.
const TWO_SLIPS_FROM: usize = 7;

/// What the word file holds.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordFile {
    /// Word classes: name to words separated by spaces.
    pub classes: BTreeMap<String, String>,
    /// Abbreviations and common misspellings: what is written to what is meant (may be several words).
    pub replace: BTreeMap<String, String>,
    /// Words that patterns may step over, separated by spaces.
    pub fillers: String,
    /// Ordinary words that spelling correction must leave alone, separated by spaces.
    pub known: String,
    /// Number words.
    pub numbers: BTreeMap<String, f64>,
}

/// A word that a slip may have been meant to be.
#[derive(Debug)]
struct Candidate {
    text: String,
    size: usize,
    letters: u32,
}

/// Which of the letters a to z a word has, one bit each: two words one slip apart differ in two bits at most.
fn letter_set(word: &str) -> u32 {
    word.bytes()
        .filter(u8::is_ascii_lowercase)
        .fold(0, |set, letter| set | 1 << (letter - b'a'))
}

/// The words that patterns use.
#[derive(Debug, Default)]
pub struct Vocabulary {
    stemmers: Stemmers,
    english: HashMap<String, u32>,
    spanish: HashMap<String, u32>,
    exact: HashMap<String, u32>,
    surface: HashSet<String>,
    by_first: HashMap<char, Vec<Candidate>>,
    classes: BTreeMap<String, Vec<String>>,
    replace: HashMap<String, Vec<String>>,
    fillers: HashSet<String>,
    known: HashSet<String>,
    numbers: HashMap<String, f64>,
    next: u32,
}

impl Vocabulary {
    /// A vocabulary from the word file, without pattern words yet.
    #[must_use]
    pub fn new(file: WordFile) -> Self {
        let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut replace: HashMap<String, Vec<String>> = file
            .replace
            .iter()
            .map(|(from, to)| (from.clone(), split(to)))
            .collect();
        replace.shrink_to_fit();
        Self {
            classes: file
                .classes
                .iter()
                .map(|(name, words)| (name.clone(), split(words)))
                .collect(),
            replace,
            fillers: split(&file.fillers).into_iter().collect(),
            known: split(&file.known).into_iter().collect(),
            numbers: file.numbers.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The words of a class.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&[String]> {
        self.classes.get(name).map(Vec::as_slice)
    }

    /// Takes a pattern word in that must stand as written, and gives its number.
    pub fn intern_exact(&mut self, word: &str) -> u32 {
        self.remember(word);
        *self.exact.entry(word.to_owned()).or_insert_with(|| {
            self.next += 1;
            self.next
        })
    }

    /// The number of a word that some pattern wants as written; 0 for any other.
    #[must_use]
    pub fn exact_of(&self, word: &str) -> u32 {
        self.exact.get(word).copied().unwrap_or(0)
    }

    /// Keeps a word for spelling correction.
    fn remember(&mut self, word: &str) {
        if self.surface.insert(word.to_owned())
            && word.chars().count() >= SHORTEST_CORRECTED
            && let Some(first) = word.chars().next()
        {
            let list = self.by_first.entry(first).or_default();
            list.push(Candidate {
                text: word.to_owned(),
                size: word.chars().count(),
                letters: letter_set(word),
            });
            list.sort_by(|a, b| a.text.cmp(&b.text));
        }
    }

    /// Takes a pattern word in and gives its stem's number.
    pub fn intern(&mut self, word: &str, spanish: bool) -> u32 {
        self.remember(word);
        let (stem, map) = if spanish {
            (self.stemmers.spanish(word), &mut self.spanish)
        } else {
            (self.stemmers.english(word), &mut self.english)
        };
        *map.entry(stem).or_insert_with(|| {
            self.next += 1;
            self.next
        })
    }

    /// The numbers of a word's English and Spanish stems; 0 where no pattern uses it.
    #[must_use]
    pub fn stems_of(&self, word: &str) -> (u32, u32) {
        let english = self.english.get(&self.stemmers.english(word)).copied().unwrap_or(0);
        let spanish = self.spanish.get(&self.stemmers.spanish(word)).copied().unwrap_or(0);
        (english, spanish)
    }

    /// Whether patterns may step over the word.
    #[must_use]
    pub fn is_filler(&self, word: &str) -> bool {
        self.fillers.contains(word)
    }

    /// The value of a number word.
    #[must_use]
    pub fn number_word(&self, word: &str) -> Option<f64> {
        self.numbers.get(word).copied()
    }

    /// The word, or what its abbreviation stands for.
    #[must_use]
    pub fn expand(&self, word: &str) -> Vec<String> {
        self.replace.get(word).cloned().unwrap_or_else(|| vec![word.to_owned()])
    }

    /// The pattern word that was most likely meant, or the word itself.
    #[must_use]
    pub fn corrected(&self, word: &str) -> String {
        let length = word.chars().count();
        if !(SHORTEST_CORRECTED..=LONGEST_CORRECTED).contains(&length)
            || !word.chars().all(char::is_alphabetic)
            || self.surface.contains(word)
            || self.known.contains(word)
            || self.fillers.contains(word)
            || self.stems_of(word) != (0, 0)
        {
            return word.to_owned();
        }
        let allowed = if length >= TWO_SLIPS_FROM { 2 } else { 1 };
        let mut letters = word.chars();
        let (first, second) = (letters.next(), letters.next());
        let sorted = |text: &str| {
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        let letters_of_word = sorted(word);
        let letters = letter_set(word);
        let far = u32::try_from(2 * allowed).unwrap_or(0);
        let mut best: Option<((usize, u8), &str)> = None;
        for start in [first, second].into_iter().flatten() {
            for candidate in self.by_first.get(&start).into_iter().flatten() {
                let size = candidate.size;
                if (candidate.letters ^ letters).count_ones() > far {
                    continue;
                }
                let candidate = candidate.text.as_str();
                // A one-letter change at the start must be a swap of the first two letters.
                if size.abs_diff(length) > allowed || (Some(start) != first && candidate.chars().nth(1) != first) {
                    continue;
                }
                let slips = strsim::osa_distance(word, candidate);
                let slack = if size >= TWO_SLIPS_FROM { allowed } else { 1 };
                if slips > slack {
                    continue;
                }
                // Swapped letters are the commonest slip, then a letter too many or too few, then a wrong one.
                let kind = if sorted(candidate) == letters_of_word {
                    0
                } else {
                    1 + u8::from(size == length)
                };
                if best.is_none_or(|(least, _)| (slips, kind) < least) {
                    best = Some(((slips, kind), candidate));
                }
            }
        }
        best.map_or_else(|| word.to_owned(), |(_, candidate)| candidate.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let mut vocabulary = Vocabulary::new(WordFile {
            known: "chess".to_owned(),
            ..WordFile::default()
        });
        for word in ["chest", "unconscious", "breathing"] {
            vocabulary.intern(word, false);
        }
        vocabulary
    }

    #[test]
    fn slips_are_forgiven_and_ordinary_words_are_left_alone() {
        let words = vocabulary();
        assert_eq!(words.corrected("chset"), "chest");
        assert_eq!(words.corrected("unconcious"), "unconscious");
        assert_eq!(words.corrected("breahting"), "breathing");
        assert_eq!(words.corrected("chess"), "chess");
        assert_eq!(words.corrected("banana"), "banana");
    }

    #[test]
    fn inflections_share_one_number() {
        let words = vocabulary();
        assert_eq!(words.stems_of("breathe").0, words.stems_of("breathing").0);
        assert_ne!(words.stems_of("breathe").0, 0);
    }
}
