//! The outer form of a claim: one plain sentence, no markup, no control tokens, no talk about the task.

use crate::domain::text;

/// Most words of one explanation sentence.
const MAX_WORDS: usize = 34;

/// Phrases with which models talk about the task instead of doing it.
const META: [&str; 24] = [
    "the sentence",
    "this sentence",
    "the passage",
    "the text",
    "the guidance",
    "the statement",
    "reword",
    "rewrite",
    "rephrase",
    "in other words",
    "plain words",
    "simple words",
    "simpler words",
    "in simple terms",
    "as an ai",
    "language model",
    "here is",
    "here's",
    "sure,",
    "sure!",
    "certainly",
    "i can",
    "i am",
    "the following",
];

/// Signs of markup, links or template debris.
const DEBRIS: [&str; 22] = [
    "<",
    ">",
    "|",
    "[",
    "]",
    "{",
    "}",
    "`",
    "*",
    "#",
    "_",
    "\\",
    "http",
    "www.",
    "plain:",
    "sentence:",
    "system",
    "assistant:",
    "user:",
    "\u{fffd}",
    "\"",
    "=",
];

/// Fails with the name of the check.
pub(super) fn check(claim: &str) -> Result<(), &'static str> {
    let trimmed = claim.trim();
    let starts = trimmed
        .chars()
        .next()
        .is_some_and(|c| c.is_uppercase() || c.is_ascii_digit());
    let ends = trimmed.ends_with(['.', '!']) && !trimmed.ends_with("..");
    let words = text::words(trimmed);
    if !starts || !ends || words.len() < 3 || trimmed.lines().count() != 1 || text::sentences(trimmed).len() != 1 {
        return Err("form");
    }
    let folded = text::fold(trimmed);
    if DEBRIS.iter().any(|debris| folded.contains(debris)) || folded.chars().any(|c| c.is_control() || !is_plain(c)) {
        return Err("form");
    }
    let padded = format!(" {folded}");
    if META.iter().any(|meta| padded.contains(&format!(" {meta}"))) {
        return Err("meta");
    }
    if words.len() > MAX_WORDS {
        return Err("length");
    }
    let mut seen = std::collections::BTreeSet::new();
    for three in words.windows(3) {
        if !seen.insert(three) {
            return Err("repetition");
        }
    }
    Ok(())
}

/// Letters of the Latin script, digits and the punctuation of plain English.
fn is_plain(c: char) -> bool {
    c.is_ascii() || matches!(c, '°' | 'µ' | '–' | '—' | '’' | '½' | '≥' | '≤') || ('\u{00c0}'..='\u{024f}').contains(&c)
}
