//! How well each sentence of a passage answers the question.
//!
//! Must not: reorder or change sentences.

use std::collections::HashSet;

use super::plan::Plan;
use super::rank::kind_fit;
use super::words::{Analyzer, Language};
use crate::domain::{Article, Passage, Section, SectionKind, SentenceKind};

/// Shares of: the question's words beside its subject, naming the subject, the kind of section.
const WORDS: f32 = 0.55;
const SUBJECT: f32 = 0.15;
const KIND: f32 = 0.3;
/// What a list item gets at least of its lead's score: a lead is never shown without its list.
const ITEM_OF_LEAD: f32 = 0.8;
/// Overview sentences matter less the later they stand where only "what is it" is asked.
const LATER: f32 = 0.9;

/// Stems of words that ask without saying what about: "do I need antibiotics" is about antibiotics, not about needing.
const GENERIC: [&str; 22] = [
    "need", "should", "take", "get", "help", "use", "good", "bad", "know", "want", "feel", "thing", "make", "go",
    "tell", "happen", "mean", "someth", "anyth", "still", "keep", "also",
];

/// Scores from 0 to 1 for all sentences, in order.
pub(crate) fn sentence_scores(plan: &Plan, article: &Article, section: &Section, passage: &Passage) -> Vec<f32> {
    let analyzer = Analyzer::new(Language::of(&article.language));
    let subject: HashSet<&str> = plan
        .subjects
        .iter()
        .flat_map(|s| &s.subject.terms)
        .map(String::as_str)
        .collect();
    let own_name: HashSet<String> = analyzer.terms(&article.title).into_iter().collect();
    let asked: Vec<(&str, f32)> = plan
        .terms
        .iter()
        .filter(|t| !GENERIC.contains(&t.term.as_str()))
        .filter(|t| t.known && !subject.contains(t.term.as_str()) && !own_name.contains(&t.term))
        .map(|t| (t.term.as_str(), t.weight * t.idf))
        .collect();
    let total: f32 = asked.iter().map(|(_, w)| w).sum();
    let fit = kind_fit(section.kind, &plan.kinds, 0.3);
    let heading: HashSet<String> = analyzer.terms(&section.heading).into_iter().collect();
    let only_subject = total <= f32::EPSILON;
    let mut scores: Vec<f32> = Vec::with_capacity(passage.sentences.len());
    let mut lead: f32 = 0.0;
    for (number, sentence) in passage.sentences.iter().enumerate() {
        let terms: HashSet<String> = analyzer.terms(&sentence.text).into_iter().collect();
        let matched: f32 = asked.iter().filter(|(t, _)| terms.contains(*t)).map(|(_, w)| w).sum();
        let by_heading: f32 = asked
            .iter()
            .filter(|(t, _)| !terms.contains(*t) && heading.contains(*t))
            .map(|(_, w)| w * 0.5)
            .sum();
        let names = terms
            .iter()
            .any(|t| own_name.contains(t) || subject.contains(t.as_str()));
        let words = if only_subject {
            if !plan.kinds.is_empty() {
                fit
            } else if section.kind == SectionKind::Overview {
                LATER.powi(i32::try_from(number).unwrap_or(0))
            } else {
                0.4
            }
        } else {
            // One strong word is already much of an answer: square root lifts partial overlap.
            ((matched + by_heading) / total).clamp(0.0, 1.0).sqrt()
        };
        let mut score = WORDS * words + SUBJECT * f32::from(u8::from(names)) + KIND * fit;
        match sentence.kind {
            SentenceKind::ListLead => lead = score,
            SentenceKind::ListItem => score = score.max(lead * ITEM_OF_LEAD),
            SentenceKind::Prose => {}
        }
        scores.push(score.clamp(0.0, 1.0));
    }
    scores
}
