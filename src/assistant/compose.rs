//! Puts an answer together: what to do, what to ask, how hard it is to read. Quotes only; writes nothing itself.

use crate::domain::guidance::{Article, Passage, Section, SentenceKind};
use crate::domain::{Block, BlockKind, Citation, SectionKind, text};

/// Most questions for the care team an answer suggests.
const MAX_QUESTIONS: usize = 3;

/// "When to get help" of the article an answer is mostly from, unless it was quoted already.
#[must_use]
pub fn next_step(article: &Article, quoted: &[Citation]) -> Option<(String, Citation)> {
    let section = section(article, SectionKind::WhenToGetHelp)?;
    if quoted
        .iter()
        .any(|citation| citation.article == article.slug.as_str() && citation.section == section.kind)
    {
        return None;
    }
    let passage = section.passages.first()?;
    // A passage may be long: the first two sentences, or the first list with its lead.
    let list = passage
        .sentences
        .iter()
        .any(|sentence| sentence.kind == SentenceKind::ListItem);
    let end = if list {
        passage.sentences.len()
    } else {
        passage.sentences.len().min(2)
    };
    let citation = cite(article, section, passage, 0, end)?;
    Some((citation.quote.clone(), citation))
}

/// A few of the article's questions to ask.
#[must_use]
pub fn questions(article: &Article) -> Vec<(String, Citation)> {
    let Some(section) = section(article, SectionKind::QuestionsToAsk) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for passage in &section.passages {
        for (at, sentence) in passage.sentences.iter().enumerate() {
            if sentence.kind != SentenceKind::ListLead
                && let Some(citation) = cite(article, section, passage, at, at + 1)
            {
                found.push((sentence.text.clone(), citation));
            }
        }
    }
    found.truncate(MAX_QUESTIONS);
    found
}

fn section(article: &Article, kind: SectionKind) -> Option<&Section> {
    article.sections.iter().find(|section| section.kind == kind)
}

fn cite(article: &Article, section: &Section, passage: &Passage, first: usize, end: usize) -> Option<Citation> {
    let sentences = passage.sentences.get(first..end)?;
    Some(Citation {
        article: article.slug.to_string(),
        title: article.title.clone(),
        revision: article.revision,
        passage: passage.id.to_string(),
        section: section.kind,
        first_sentence: first,
        last_sentence: end.saturating_sub(1),
        quote: super::select::shown(sentences),
    })
}

/// Flesch–Kincaid grade of all that a patient reads, rounded to a tenth.
#[must_use]
pub fn reading_grade(blocks: &[Block]) -> f64 {
    let shown: Vec<&str> = blocks
        .iter()
        .filter(|block| block.kind != BlockKind::QuestionForCareTeam)
        .map(|b| b.text.as_str())
        .collect();
    let joined = shown.join("\n").replace("\n- ", ". ").replace(":.", ".");
    (text::flesch_kincaid_grade(&joined) * 10.0).round() / 10.0
}
