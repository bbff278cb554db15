//! A sentence as the checks see it: folded words with stems, numbers as numbers.

use rust_stemmers::{Algorithm, Stemmer};

use crate::domain::text;

/// One word or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Folded text; a number in its shortest decimal form.
    pub(super) text: String,
    /// English stem (Porter 2).
    pub(super) stem: String,
    /// Whether it is a number.
    pub(super) number: bool,
}

/// A sentence taken apart.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) tokens: Vec<Token>,
}

/// Number words that are read as numbers. "one" is left out: it is mostly a pronoun.
const NUMBER_WORDS: [(&str, &str); 21] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("fifteen", "15"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("twice", "2"),
    ("half", "0.5"),
];

impl Reading {
    pub(super) fn of(sentence: &str) -> Self {
        let stemmer = Stemmer::create(Algorithm::English);
        let prepared = text::fold(sentence)
            .replace('%', " percent ")
            .replace('°', " degrees ")
            .replace("n't", " not")
            .replace("cannot", "can not")
            .replace("≥", " at least ")
            .replace("≤", " at most ")
            .replace('½', " 0.5 ")
            .replace(['/', '-'], " ");
        let tokens = text::words(&prepared)
            .into_iter()
            .flat_map(|word| split_possessive(&word))
            .map(|word| {
                let spelled = NUMBER_WORDS
                    .iter()
                    .find(|(name, _)| *name == word)
                    .map(|(_, number)| *number);
                let digits = spelled.map(str::to_owned).or_else(|| as_number(&word));
                match digits {
                    Some(number) => Token {
                        stem: number.clone(),
                        text: number,
                        number: true,
                    },
                    None => Token {
                        stem: stemmer.stem(&word).into_owned(),
                        text: word,
                        number: false,
                    },
                }
            })
            .collect();
        Self { tokens }
    }

    pub(super) fn has_number(&self) -> bool {
        self.tokens.iter().any(|token| token.number)
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token.text == word)
    }

    /// Whether the words of `phrase` (folded, spaces between) stand one after another.
    pub(super) fn has_phrase(&self, phrase: &str) -> bool {
        let wanted: Vec<&str> = phrase.split(' ').collect();
        self.tokens
            .windows(wanted.len())
            .any(|run| run.iter().map(|token| token.text.as_str()).eq(wanted.iter().copied()))
    }

    /// Whether both are the same words but for one or two: a copy adds nothing to the quote it stands beside.
    pub(super) fn nearly_repeats(&self, other: &Self) -> bool {
        let count = |reading: &Self| {
            let mut counts = std::collections::BTreeMap::new();
            for token in &reading.tokens {
                *counts.entry(token.stem.clone()).or_insert(0i32) += 1;
            }
            counts
        };
        let (ours, theirs) = (count(self), count(other));
        let stems: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let differing: i32 = stems
            .into_iter()
            .map(|stem| (ours.get(stem).unwrap_or(&0) - theirs.get(stem).unwrap_or(&0)).abs())
            .sum();
        differing <= 1 || (differing == 2 && self.tokens.len() >= other.tokens.len())
    }
}

fn split_possessive(word: &str) -> Vec<String> {
    match word.strip_suffix("'s") {
        Some(owner) => vec![owner.to_owned()],
        None => vec![word.to_owned()],
    }
}

/// `1,000` and `6.50` as `1000` and `6.5`; `None` for anything that is not a plain number.
fn as_number(word: &str) -> Option<String> {
    let plain = word.replace(',', "");
    if !plain.starts_with(|c: char| c.is_ascii_digit()) || !plain.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = plain.parse().ok()?;
    Some(format!("{value}"))
}
