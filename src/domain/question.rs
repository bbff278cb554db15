//! A patient's question, checked once at the door.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest question taken, in characters after normalisation. Long enough for a patient's whole story
/// (the longest of 504 consumer health messages in MeQSum has under 3 000).
pub const MAX_CHARS: usize = 4_000;

/// What is wrong with a question; the text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// Nothing but white space.
    #[error("the question is empty")]
    Empty,
    /// Over [`MAX_CHARS`].
    #[error("the question has more than {MAX_CHARS} characters")]
    TooLong,
    /// A NUL or another control character that text does not hold.
    #[error("the question holds a control character")]
    ControlCharacter,
    /// No letter or digit at all.
    #[error("the question holds no words")]
    NoWords,
}

/// A patient's question: NFC, no control characters but line breaks (folded to spaces), 1 to [`MAX_CHARS`]
/// characters, at least one letter or digit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Question(String);

impl Question {
    /// Checks and normalises the text.
    ///
    /// # Errors
    /// See [`QuestionError`].
    pub fn parse(text: &str) -> Result<Self, QuestionError> {
        if text.chars().take(MAX_CHARS * 4 + 1).count() > MAX_CHARS * 4 {
            return Err(QuestionError::TooLong);
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(QuestionError::ControlCharacter);
        }
        let folded = text.nfc().filter(|c| !is_invisible(*c)).collect::<String>();
        let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
        if folded.is_empty() {
            return Err(QuestionError::Empty);
        }
        if folded.chars().count() > MAX_CHARS {
            return Err(QuestionError::TooLong);
        }
        if !folded.chars().any(char::is_alphanumeric) {
            return Err(QuestionError::NoWords);
        }
        Ok(Self(folded))
    }

    /// The checked text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that show nothing but could hide words from a rule: zero-width and direction marks.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{00ad}')
}

/// A question is a patient's words, so its debug form does not show them.
impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Question({} characters)", self.0.chars().count())
    }
}

impl TryFrom<String> for Question {
    type Error = QuestionError;
    fn try_from(text: String) -> Result<Self, QuestionError> {
        Self::parse(&text)
    }
}

impl From<Question> for String {
    fn from(question: Question) -> Self {
        question.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_blank_and_wordless_questions_are_refused() {
        assert_eq!(Question::parse(""), Err(QuestionError::Empty));
        assert_eq!(Question::parse(" \n\t "), Err(QuestionError::Empty));
        assert_eq!(Question::parse("???"), Err(QuestionError::NoWords));
        assert_eq!(Question::parse(&"😀".repeat(50_000)), Err(QuestionError::TooLong));
        assert_eq!(Question::parse("a\0b"), Err(QuestionError::ControlCharacter));
    }

    #[test]
    fn white_space_is_folded_and_hidden_characters_go() {
        let question = Question::parse("  chest\u{200b} pain\r\nnow ").map(String::from);
        assert_eq!(question, Ok("chest pain now".to_owned()));
    }
}
