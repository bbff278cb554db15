//! What earlier turns mean for this question: its language, and the topic a follow-up is about. Reads nothing of the chart.

use crate::domain::text;

/// One earlier turn, as far as a later one may use it.
#[derive(Debug, Clone)]
pub struct EarlierTurn {
    /// The patient's question.
    pub question: String,
    /// Titles of the articles its answer cited, in order of appearance.
    pub topics: Vec<String>,
}

/// Words that Spanish questions hold and English ones do not.
const SPANISH: [&str; 32] = [
    "que", "como", "cual", "cuando", "donde", "tengo", "tiene", "puedo", "debo", "estoy", "esta", "mi", "mis", "una",
    "los", "las", "del", "para", "por", "con", "siento", "duele", "dolor", "hijo", "hija", "desde", "muy", "fiebre",
    "es", "el", "se", "si",
];

/// `es` or `en`: Spanish where its little words outnumber chance, or its own signs are used.
#[must_use]
pub fn language(question: &str) -> &'static str {
    if question.contains(['¿', '¡']) {
        return "es";
    }
    let words = text::words(question);
    let spanish = words.iter().filter(|word| SPANISH.contains(&word.as_str())).count();
    if spanish >= 2 && spanish * 4 >= words.len() {
        "es"
    } else {
        "en"
    }
}

/// Words that point back.
const BACK: [&str; 14] = [
    "it", "its", "that", "this", "they", "them", "those", "these", "one", "eso", "esto", "ello", "same", "he",
];

/// Beginnings of a follow-up.
const OPENERS: [&str; 10] = [
    "and ",
    "what about",
    "how about",
    "and what",
    "is it",
    "does it",
    "can it",
    "y ",
    "what else",
    "why",
];

/// The earlier topics a question leans on: those of the last answer, when the question is short and points back.
#[must_use]
pub fn topics(question: &str, earlier: &[EarlierTurn]) -> Vec<String> {
    let Some(last) = earlier.iter().rev().find(|turn| !turn.topics.is_empty()) else {
        return Vec::new();
    };
    let words = text::words(question);
    let folded = text::fold(question);
    let points_back = words.iter().any(|word| BACK.contains(&word.as_str()));
    let opens = OPENERS.iter().any(|opener| folded.trim_start().starts_with(opener));
    if words.len() <= 4 || (words.len() <= 14 && (points_back || opens)) {
        last.topics.iter().take(2).cloned().collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier() -> Vec<EarlierTurn> {
        vec![EarlierTurn {
            question: "what is gout".to_owned(),
            topics: vec!["Gout".to_owned()],
        }]
    }

    #[test]
    fn a_follow_up_takes_the_last_topic_and_a_new_question_does_not() {
        assert_eq!(topics("and side effects?", &earlier()), ["Gout"]);
        assert_eq!(topics("is it contagious", &earlier()), ["Gout"]);
        assert!(topics("what are the early symptoms of type 2 diabetes in adults", &earlier()).is_empty());
        assert!(topics("is it contagious", &[]).is_empty());
    }

    #[test]
    fn spanish_is_told_from_english() {
        assert_eq!(language("me duele el pecho desde ayer"), "es");
        assert_eq!(language("tengo fiebre y tos que puedo hacer"), "es");
        assert_eq!(language("what does my A1C mean?"), "en");
        assert_eq!(language("I have a pain in my el bow"), "en");
    }
}
