//! Everyday words and the words guidance uses (`index/query/lay_terms_en.txt`).
//!
//! Must not: replace what the patient wrote; it only adds.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::words::{Analyzer, Language, Token};

const MAX_WORDS: usize = 5;

struct LayTerms {
    /// Terms of the everyday phrase, joined → terms of each right-hand phrase.
    by_phrase: HashMap<String, Vec<Vec<String>>>,
}

static TERMS: LazyLock<LayTerms> = LazyLock::new(|| {
    let analyzer = Analyzer::new(Language::English);
    let mut by_phrase: HashMap<String, Vec<Vec<String>>> = HashMap::new();
    for line in include_str!("../../index/query/lay_terms_en.txt").lines() {
        let Some((left, right)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let key = joined(&analyzer.tokens(left).iter().collect::<Vec<_>>());
        let meant = right.split(',').map(|phrase| analyzer.terms(phrase)).filter(|t| !t.is_empty());
        by_phrase.entry(key).or_default().extend(meant);
    }
    LayTerms { by_phrase }
});

fn joined(tokens: &[&Token]) -> String {
    tokens.iter().map(|t| t.term.as_str()).collect::<Vec<_>>().join(" ")
}

/// What the everyday phrases in these words mean; longest phrase first, each word used once.
/// Stop words count here ("can't sleep").
pub(crate) fn meanings(tokens: &[Token]) -> Vec<Vec<String>> {
    let all: Vec<&Token> = tokens.iter().collect();
    let mut used = vec![false; all.len()];
    let mut found = Vec::new();
    for width in (1..=MAX_WORDS.min(all.len())).rev() {
        for start in 0..=all.len() - width {
            let free = used.get(start..start + width).is_some_and(|u| u.iter().all(|u| !u));
            let Some(window) = all.get(start..start + width).filter(|_| free) else { continue };
            if let Some(meant) = TERMS.by_phrase.get(&joined(window)) {
                found.extend(meant.iter().cloned());
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
    fn everyday_words_gain_the_words_of_guidance() {
        let tokens = Analyzer::new(Language::English).tokens("it burns when I pee and I have high blood pressure");
        let found = meanings(&tokens);
        assert!(found.contains(&vec!["hypertens".to_owned()]), "{found:?}");
        assert!(found.iter().any(|terms| terms.contains(&"urinari".to_owned())), "{found:?}");
    }
}
