//! Whom a question is about: only a question about the reader may be answered from the reader's own chart. Reads words
//! only, never the chart.

use std::sync::LazyLock;

use regex::Regex;

use super::has_any;

/// Relatives and others: a question about them is not about this chart.
const OTHERS: [&str; 47] = [
    "girl",
    "boy",
    "teen",
    "teenager",
    "little one",
    "parent",
    "stepson",
    "husband",
    "wife",
    "spouse",
    "partner",
    "boyfriend",
    "girlfriend",
    "mother",
    "mom",
    "mum",
    "mama",
    "father",
    "dad",
    "papa",
    "son",
    "daughter",
    "child",
    "children",
    "kid",
    "kids",
    "baby",
    "newborn",
    "infant",
    "toddler",
    "brother",
    "sister",
    "grandmother",
    "grandma",
    "grandfather",
    "grandpa",
    "grandson",
    "granddaughter",
    "aunt",
    "uncle",
    "cousin",
    "friend",
    "neighbor",
    "niece",
    "nephew",
    "parents",
    "coworker",
];

/// Phrases in which "I" says nothing about whom the question is about.
const FILLERS: [&str; 14] = [
    "i wonder",
    "i was wondering",
    "i am wondering",
    "i want to know",
    "i would like to know",
    "i'd like to know",
    "i need to know",
    "i have a question",
    "can you tell me",
    "could you tell me",
    "please tell me",
    "tell me",
    "should i take him",
    "should i take her",
];

/// Beginnings of questions about things in general.
const GENERAL: [&str; 16] = [
    "what is ",
    "what are ",
    "what's ",
    "what causes ",
    "how is ",
    "how are ",
    "how do you ",
    "how does ",
    "is it ",
    "can you ",
    "why do people ",
    "why does ",
    "who gets ",
    "what does ",
    "what do ",
    "how common ",
];

/// Somebody else in a folded question: "my husband's", "my teenage son", "my 2 year old", "a 4yo".
static SOMEBODY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let age = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)(?: ?- ?| )?(?:year|yr|month|mo|week|wk|day|y)s?(?: ?- ?| )?(?:olds?|o)";
    let between = format!(
        r"(?:(?:{age}|little|young|older|younger|teenage|pregnant|late|elderly|newborn|only|oldest|youngest|own) ){{0,2}}"
    );
    let pattern = format!(
        r"\b(?:my|our|a|an|the|his|her) {between}(?:{}|{age})(?:'s)?\b",
        OTHERS.join("|")
    );
    // The pattern is fixed and covered by tests.
    Regex::new(&pattern).ok()
});

/// Whom a folded question is about.
pub(super) fn is_personal(question: &str) -> bool {
    let mut rest = question.to_owned();
    for filler in FILLERS {
        rest = rest.replace(filler, " ");
    }
    let without = SOMEBODY.as_ref().map_or_else(
        || rest.clone(),
        |somebody| somebody.replace_all(&rest, " ").into_owned(),
    );
    let about_other = without != rest;
    rest = without;
    let me = has_any(
        &rest,
        &["my", "i", "me", "mine", "myself", "i'm", "i've", "im", "we", "our"],
    );
    if about_other {
        return me;
    }
    me || !GENERAL.iter().any(|start| rest.trim_start().starts_with(start))
}
