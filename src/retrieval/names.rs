//! Names of the library's subjects: which articles a phrase of a question names.
//!
//! Must not: rank. It only says "these words are the title or a synonym of these articles".

use std::collections::HashMap;

use super::words::{Analyzer, Language, Token, is_common};
use crate::domain::Article;

/// Longest name looked for, in words without stop words.
const MAX_WORDS: usize = 6;

/// A phrase of a question that names articles.
#[derive(Debug, Clone)]
pub(crate) struct NamedSubject {
    /// The articles, with 1.0 for a title and less for a synonym.
    pub articles: Vec<(u32, f32)>,
    /// The terms of the phrase.
    pub terms: Vec<String>,
}

/// All names. A key is the sorted terms, so that "pain in the knee" finds "knee pain".
#[derive(Default)]
pub(crate) struct Names {
    by_key: HashMap<String, Vec<(u32, f32)>>,
    /// Golden questions word by word: an editor said which article answers exactly this.
    by_question: HashMap<String, Vec<(u32, f32)>>,
}

/// What a golden question asked word by word counts, against 1 for a title.
const GOLDEN: f32 = 1.5;

fn question_key(tokens: &[Token]) -> String {
    tokens.iter().map(|t| t.word.as_str()).collect::<Vec<_>>().join(" ")
}

/// Words of titles that say what kind of thing it is, not which.
const GENERIC: [&str; 14] = [
    "test",
    "tests",
    "results",
    "result",
    "medicines",
    "medicine",
    "disease",
    "readings",
    "after",
    "diagnosis",
    "basics",
    "the",
    "scan",
    "monitoring",
];

/// The subjects of a title: "Pap and HPV tests" is about "pap" and "hpv"; "A1C test" about "a1c".
fn title_parts(title: &str) -> Vec<String> {
    let words = crate::domain::text::words(title);
    if words.len() > 6 || title.contains('?') {
        return Vec::new();
    }
    let parts = words.split(|w| matches!(w.as_str(), "and" | "or" | "y" | "o"));
    let bare = parts.map(|part| {
        let kept: Vec<&str> = part
            .iter()
            .map(String::as_str)
            .filter(|w| !GENERIC.contains(w))
            .collect();
        kept.join(" ")
    });
    bare.filter(|part| !part.is_empty() && !is_common(part)).collect()
}

fn key(terms: &[&str]) -> String {
    let mut sorted = terms.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.join(" ")
}

impl Names {
    pub(crate) fn new(articles: &[Article]) -> Self {
        let mut names = Self::default();
        let mut analyzers: HashMap<Language, Analyzer> = HashMap::new();
        for (number, article) in articles.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let language = Language::of(&article.language);
            let analyzer = analyzers.entry(language).or_insert_with(|| Analyzer::new(language));
            names.add(analyzer, &article.title, number, 1.0);
            for part in title_parts(&article.title) {
                names.add(analyzer, &part, number, 0.8);
            }
            for question in &article.golden {
                let key = question_key(&analyzer.tokens(question));
                names.by_question.entry(key).or_default().push((number, GOLDEN));
            }
            for lay in &article.synonyms.lay {
                names.add(analyzer, lay, number, 0.9);
            }
            for clinical in &article.synonyms.clinical {
                names.add(analyzer, clinical, number, 0.9);
            }
        }
        names
    }

    fn add(&mut self, analyzer: &Analyzer, name: &str, article: u32, strength: f32) {
        let terms = analyzer.terms(name);
        if terms.is_empty() || terms.len() > MAX_WORDS {
            return;
        }
        let key = key(&terms.iter().map(String::as_str).collect::<Vec<_>>());
        let entry = self.by_key.entry(key).or_default();
        match entry.iter_mut().find(|(known, _)| *known == article) {
            Some((_, known)) => *known = known.max(strength),
            None => entry.push((article, strength)),
        }
    }

    /// The articles these terms name, all of them together.
    pub(crate) fn exact(&self, terms: &[String]) -> Option<NamedSubject> {
        let articles = self
            .by_key
            .get(&key(&terms.iter().map(String::as_str).collect::<Vec<_>>()))?;
        Some(NamedSubject {
            articles: articles.clone(),
            terms: terms.to_vec(),
        })
    }

    /// The articles for which this clause is a golden question.
    pub(crate) fn golden(&self, tokens: &[Token]) -> Option<NamedSubject> {
        let articles = self.by_question.get(&question_key(tokens))?.clone();
        let terms = tokens.iter().filter(|t| !t.stop).map(|t| t.term.clone()).collect();
        Some(NamedSubject { articles, terms })
    }

    /// Names in a run of words, longest first, each word used once.
    pub(crate) fn find(&self, tokens: &[Token]) -> Vec<NamedSubject> {
        let content: Vec<&Token> = tokens.iter().filter(|t| !t.stop).collect();
        let mut used = vec![false; content.len()];
        let mut found = Vec::new();
        for width in (1..=MAX_WORDS.min(content.len())).rev() {
            for start in 0..=content.len() - width {
                let free = used.get(start..start + width).is_some_and(|u| u.iter().all(|u| !u));
                let Some(window) = content.get(start..start + width).filter(|_| free) else {
                    continue;
                };
                let terms: Vec<&str> = window.iter().map(|t| t.term.as_str()).collect();
                let Some(articles) = self.by_key.get(&key(&terms)) else {
                    continue;
                };
                if let Some(slots) = used.get_mut(start..start + width) {
                    slots.fill(true);
                }
                let terms = terms.into_iter().map(str::to_owned).collect();
                found.push(NamedSubject {
                    articles: articles.clone(),
                    terms,
                });
            }
        }
        found
    }
}
