//! Words of a text as the index knows them: folded, stemmed, stop words marked.
//!
//! Must not: know anything about articles. Index and queries both go through here, so that they agree.

use std::collections::HashSet;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use crate::domain::text::{fold, words};

/// Languages with stemming. Any other language is searched by its folded words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    English,
    Spanish,
    Other,
}

impl Language {
    /// From a BCP 47 tag.
    pub(crate) fn of(tag: &str) -> Self {
        match tag.split('-').next().unwrap_or("").to_ascii_lowercase().as_str() {
            "en" | "" => Self::English,
            "es" => Self::Spanish,
            _ => Self::Other,
        }
    }

    /// Keeps the vocabularies of languages apart in one index.
    const fn prefix(self) -> &'static str {
        match self {
            Self::English => "",
            Self::Spanish => "es:",
            Self::Other => "xx:",
        }
    }
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// Folded, without a possessive ending.
    pub word: String,
    /// The term in the index.
    pub term: String,
    /// Never searched for.
    pub stop: bool,
}

fn word_set(text: &'static str) -> HashSet<&'static str> {
    text.split_whitespace().collect()
}

static STOP_EN: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| word_set(include_str!("../../index/query/stop_words_en.txt")));
static STOP_ES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| word_set(include_str!("../../index/query/stop_words_es.txt")));
static COMMON_EN: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| word_set(include_str!("../../index/query/common_words_en.txt")));
static ENGLISH: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| word_set(include_str!("../../index/query/english_words.txt")));

/// Whether patients write this word around any topic.
pub(crate) fn is_common(word: &str) -> bool {
    COMMON_EN.contains(word)
}

/// Whether this is an English word (SCOWL's small list), so not a misspelling.
pub(crate) fn is_english(word: &str) -> bool {
    ENGLISH.contains(word)
}

/// Makes tokens of one language.
pub(crate) struct Analyzer {
    language: Language,
    stemmer: Option<Stemmer>,
}

impl Analyzer {
    pub(crate) fn new(language: Language) -> Self {
        let stemmer = match language {
            Language::English => Some(Stemmer::create(Algorithm::English)),
            Language::Spanish => Some(Stemmer::create(Algorithm::Spanish)),
            Language::Other => None,
        };
        Self { language, stemmer }
    }

    /// The term of one folded word.
    pub(crate) fn term(&self, word: &str) -> String {
        let stem = match &self.stemmer {
            Some(stemmer) if word.len() > 3 => stemmer.stem(word),
            _ => word.into(),
        };
        format!("{}{stem}", self.language.prefix())
    }

    /// All words of a text in order.
    pub(crate) fn tokens(&self, text: &str) -> Vec<Token> {
        words(text).into_iter().map(|word| self.token(word)).collect()
    }

    /// One word.
    pub(crate) fn token(&self, word: String) -> Token {
        let stop = self.is_stop(&word);
        let word = match word.strip_suffix("'s").or_else(|| word.strip_suffix('\'')) {
            Some(bare) => bare.to_owned(),
            None => word,
        };
        let term = self.term(&word);
        Token { stop, word, term }
    }

    fn is_stop(&self, word: &str) -> bool {
        match self.language {
            Language::English => STOP_EN.contains(word),
            Language::Spanish => STOP_ES.contains(word),
            Language::Other => false,
        }
    }

    /// The terms of a text for the index, stop words left out.
    pub(crate) fn terms(&self, text: &str) -> Vec<String> {
        self.tokens(text)
            .into_iter()
            .filter(|t| !t.stop)
            .map(|t| t.term)
            .collect()
    }
}

/// Splits a message into clauses at sentence ends and line breaks; patients rarely write capitals after a full stop.
pub(crate) fn clauses(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let ends = match c {
            '?' | '!' | '\n' | ';' | '¿' => true,
            '.' => {
                chars
                    .peek()
                    .is_none_or(|(_, next)| next.is_whitespace() || *next == '.')
                    && !abbreviated(text, at)
            }
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            push_clause(&mut found, text.get(start..end));
            start = end;
        }
    }
    push_clause(&mut found, text.get(start..));
    found
}

fn abbreviated(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or("");
    let last = before
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or("");
    matches!(
        fold(last).as_str(),
        "dr" | "mr" | "mrs" | "ms" | "e.g" | "i.e" | "vs" | "st" | "approx"
    )
}

fn push_clause<'a>(found: &mut Vec<&'a str>, text: Option<&'a str>) {
    if let Some(text) = text.map(str::trim).filter(|t| t.chars().any(char::is_alphanumeric)) {
        found.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_stemmed_and_possessives_cut() {
        let english = Analyzer::new(Language::English);
        assert_eq!(
            english.terms("The patient's kidneys, and Kidney diseases"),
            ["patient", "kidney", "kidney", "diseas"]
        );
        let spanish = Analyzer::new(Language::Spanish);
        assert_eq!(spanish.terms("Los riñones"), ["es:riñon".replace('ñ', "n")]);
    }

    #[test]
    fn clauses_follow_the_way_patients_write() {
        let found = clauses("hi dr. smith. my a1c is 6.1 . is that bad?? thanks");
        assert_eq!(found, ["hi dr. smith.", "my a1c is 6.1 .", "is that bad?", "thanks"]);
    }

    #[test]
    fn the_word_lists_are_filled() {
        assert!(is_english("brake") && !is_english("pheochromocytoma") && is_common("husband"));
    }
}
