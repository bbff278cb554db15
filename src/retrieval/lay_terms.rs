//! Everyday words and the words guidance uses (`index/query/lay_terms_en.txt`).
//!
//! Must not: replace what the patient wrote; it only adds.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::words::{Analyzer, Language, Token};

const MAX_WORDS: usize = 5;

struct LayTerms {
    /// Words of the everyday phrase, joined → terms of each right-hand phrase.
    by_phrase: HashMap<String, Vec<Vec<String>>>,
}

static TERMS: LazyLock<LayTerms> = LazyLock::new(|| {
    let analyzer = Analyzer::new(Language::English);
    let mut by_phrase: HashMap<String, Vec<Vec<String>>> = HashMap::new();
    for line in include_str!("../../index/query/lay_terms_en.txt").lines() {
        let Some((left, right)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let key = joined(&analyzer.tokens(left).iter().collect::<Vec<_>>());
        let meant = right
            .split(',')
            .map(|phrase| analyzer.terms(phrase))
            .filter(|t| !t.is_empty());
        by_phrase.entry(key).or_default().extend(meant);
    }
    LayTerms { by_phrase }
});

fn joined(tokens: &[&Token]) -> String {
    tokens.iter().map(|t| t.word.as_str()).collect::<Vec<_>>().join(" ")
}

/// The phrase with inflected words cut to their stems ("pooped" is "poop", but "periodic" is not "period").
fn uninflected(tokens: &[&Token]) -> String {
    let base = |t: &&Token| {
        let inflected = ["s", "ed", "ing"].iter().any(|ending| t.word.ends_with(ending));
        if inflected { t.term.clone() } else { t.word.clone() }
    };
    tokens.iter().map(base).collect::<Vec<_>>().join(" ")
}

/// An everyday phrase that was found.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    /// The terms of the words written.
    pub written: Vec<String>,
    /// What each of its meanings is called in guidance.
    pub meant: Vec<Vec<String>>,
}

/// What the everyday phrases in these words mean; longest phrase first, each word used once.
/// Stop words count here ("can't sleep").
pub(crate) fn meanings(tokens: &[Token]) -> Vec<Meaning> {
    let all: Vec<&Token> = tokens.iter().collect();
    let mut used = vec![false; all.len()];
    let mut found = Vec::new();
    for width in (1..=MAX_WORDS.min(all.len())).rev() {
        for start in 0..=all.len() - width {
            let free = used.get(start..start + width).is_some_and(|u| u.iter().all(|u| !u));
            let Some(window) = all.get(start..start + width).filter(|_| free) else {
                continue;
            };
            let by_phrase = &TERMS.by_phrase;
            if let Some(meant) = by_phrase
                .get(&joined(window))
                .or_else(|| by_phrase.get(&uninflected(window)))
            {
                let written = window.iter().filter(|t| !t.stop).map(|t| t.term.clone()).collect();
                found.push(Meaning {
                    written,
                    meant: meant.clone(),
                });
                if let Some(slots) = used.get_mut(start..start + width) {
                    slots.fill(true);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflected_words_count_but_derived_ones_do_not() {
        let analyzer = Analyzer::new(Language::English);
        assert_eq!(meanings(&analyzer.tokens("she pooped")).len(), 1);
        assert!(meanings(&analyzer.tokens("periodic tests")).is_empty());
    }

    #[test]
    fn everyday_words_gain_the_words_of_guidance() {
        let tokens = Analyzer::new(Language::English).tokens("it burns when I pee and I have high blood pressure");
        let found = meanings(&tokens);
        let holds = |term: &str| found.iter().flat_map(|m| &m.meant).flatten().any(|t| t == term);
        assert!(holds("hypertens") && holds("urinari"), "{found:?}");
    }
}
