//! Chooses the guidance sentences that are quoted: those that answer this question, whole lists with the sentence that
//! leads them in, no sentence whose subject stands only in the one before it. Never changes a word.

use crate::domain::answer::GroundedPassage;
use crate::domain::guidance::{Sentence, SentenceKind};
use crate::domain::{Citation, Grounding, SectionKind};

/// A run of neighbouring sentences of one passage, with its citation.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// Where it stands; `quote` holds the text.
    pub citation: Citation,
    /// The sentences.
    pub sentences: Vec<Sentence>,
    /// Best score among them, 0 to 1.
    pub score: f32,
}

/// How much may be quoted.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Passages.
    pub passages: usize,
    /// Sentences in all; a list counts as two.
    pub sentences: usize,
}

/// A sentence below this share of the best one is not quoted.
const KEEP_SHARE: f32 = 0.62;

/// A passage below this share of the best one's retrieval score is about something else.
const NEAR_SHARE: f32 = 0.55;

/// Beginnings that lean on the sentence before.
const LEANING: [&str; 22] = [
    "it ", "its ", "they ", "their ", "them ", "this ", "these ", "those ", "that ", "such ", "both ", "he ", "she ",
    "however", "also", "another ", "other ", "others ", "either ", "ellos ", "esto ", "estos ",
];

/// The quotes for a grounding, best first; sections that only make sense as their own block are left out.
#[must_use]
pub fn quotes(grounding: &Grounding, limits: Limits) -> Vec<Quote> {
    let candidates = candidates(grounding, limits.passages);
    let best = candidates
        .iter()
        .map(|(passage, share)| best_score(passage) * share)
        .fold(0.0f32, f32::max);
    let mut found: Vec<Quote> = Vec::new();
    let mut room = limits.sentences;
    for (passage, share) in candidates {
        let chosen = choose(passage, best * KEEP_SHARE / share);
        for run in runs(&chosen) {
            let cost = cost(passage, &run);
            if cost > room && !found.is_empty() {
                continue;
            }
            let Some(quote) = quote(passage, &run) else { continue };
            if found.iter().any(|known| known.citation.quote == quote.citation.quote) {
                continue;
            }
            room = room.saturating_sub(cost);
            found.push(quote);
        }
        if room == 0 {
            break;
        }
    }
    found
}

/// The passages to quote from, with each one's retrieval score as a share of the best: those that come close to the best
/// and hold sentences that answer this question, best of both first.
fn candidates(grounding: &Grounding, limit: usize) -> Vec<(&GroundedPassage, f32)> {
    let top = grounding
        .passages
        .iter()
        .map(|passage| passage.score)
        .fold(0.0f32, f32::max);
    let mut found: Vec<(&GroundedPassage, f32)> = grounding
        .passages
        .iter()
        .filter(|passage| is_quotable(passage) && top > 0.0)
        .map(|passage| (passage, passage.score / top))
        .filter(|(_, share)| *share >= NEAR_SHARE)
        .collect();
    let worth = |(passage, share): &(&GroundedPassage, f32)| share * (0.35 + 0.65 * best_score(passage));
    found.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    found.truncate(limit);
    found
}

fn best_score(passage: &GroundedPassage) -> f32 {
    passage.sentence_scores.iter().copied().fold(0.0f32, f32::max)
}

fn is_quotable(passage: &GroundedPassage) -> bool {
    passage.citation.section != SectionKind::QuestionsToAsk
}

fn choose(passage: &GroundedPassage, floor: f32) -> Vec<usize> {
    let kinds: Vec<SentenceKind> = passage.sentences.iter().map(|sentence| sentence.kind).collect();
    let mut wanted = vec![false; kinds.len()];
    for (at, score) in passage.sentence_scores.iter().enumerate() {
        if *score >= floor && *score > 0.0 {
            mark(passage, at, &mut wanted);
        }
    }
    wanted
        .iter()
        .enumerate()
        .filter(|(_, wanted)| **wanted)
        .map(|(at, _)| at)
        .collect()
}

/// Marks a sentence with what it needs: the sentence it leans on, its whole list.
fn mark(passage: &GroundedPassage, at: usize, wanted: &mut [bool]) {
    let Some(sentence) = passage.sentences.get(at) else {
        return;
    };
    match wanted.get_mut(at) {
        Some(flag) if !*flag => *flag = true,
        _ => return,
    }
    match sentence.kind {
        SentenceKind::Prose => {
            let start = crate::domain::text::fold(&sentence.text);
            if at > 0 && LEANING.iter().any(|leaning| start.starts_with(leaning)) {
                mark(passage, at - 1, wanted);
            }
        }
        SentenceKind::ListLead => mark(passage, at + 1, wanted),
        SentenceKind::ListItem => {
            mark(passage, at.wrapping_sub(1), wanted);
            if passage
                .sentences
                .get(at + 1)
                .is_some_and(|next| next.kind == SentenceKind::ListItem)
            {
                mark(passage, at + 1, wanted);
            }
        }
    }
}

fn runs(chosen: &[usize]) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = Vec::new();
    for &at in chosen {
        match found.last_mut() {
            Some(run) if run.last().is_some_and(|last| last + 1 == at) => run.push(at),
            _ => found.push(vec![at]),
        }
    }
    found
}

fn cost(passage: &GroundedPassage, run: &[usize]) -> usize {
    let kind = |at: &usize| passage.sentences.get(*at).map(|sentence| sentence.kind);
    run.iter().filter(|at| kind(at) != Some(SentenceKind::ListItem)).count()
        + usize::from(run.iter().any(|at| kind(at) == Some(SentenceKind::ListItem)))
}

fn quote(passage: &GroundedPassage, run: &[usize]) -> Option<Quote> {
    let (first, last) = (*run.first()?, *run.last()?);
    let sentences = passage.sentences.get(first..=last)?.to_vec();
    let score = run
        .iter()
        .filter_map(|at| passage.sentence_scores.get(*at))
        .copied()
        .fold(0.0f32, f32::max);
    Some(Quote {
        citation: cite(&passage.citation, &sentences, first),
        sentences,
        score,
    })
}

/// A citation of some sentences of a passage.
#[must_use]
pub fn cite(passage: &Citation, sentences: &[Sentence], first: usize) -> Citation {
    Citation {
        first_sentence: first,
        last_sentence: first + sentences.len().saturating_sub(1),
        quote: shown(sentences),
        ..passage.clone()
    }
}

/// Sentences as they are shown: prose with spaces between, each list item on a line of its own.
#[must_use]
pub fn shown(sentences: &[Sentence]) -> String {
    let mut out = String::new();
    for sentence in sentences {
        if sentence.kind == SentenceKind::ListItem && !(out.is_empty() && sentences.len() == 1) {
            out.push_str("\n- ");
        } else if !out.is_empty() {
            out.push(if out.contains("\n- ") { '\n' } else { ' ' });
        }
        out.push_str(&sentence.text);
    }
    out
}
