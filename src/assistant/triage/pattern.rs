//! Phrases of a concept, compiled, and where they stand in a message.
//!
//! A phrase is words in order. `a|b` is a choice, `<class>` a word class of the word file, `word?` may be missing,
//! `=word` is the word as written, `..` allows up to four other words, `~` at the start takes the words in any order close together. Filler words
//! are stepped over everywhere, and words match by stem.

use super::text::Token;
use super::vocabulary::Vocabulary;

/// Fillers stepped over inside one phrase.
const MAX_FILLERS: usize = 7;
/// Words that `..` may step over.
const GAP: usize = 4;
/// Words (without fillers) within which a `~` phrase must stand.
const WINDOW: usize = 7;

/// One place of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Element {
    stems: Vec<u32>,
    optional: bool,
    gap: usize,
}

impl Element {
    fn matches(&self, token: &Token) -> bool {
        (token.english != 0 && self.stems.contains(&token.english))
            || (token.spanish != 0 && self.stems.contains(&token.spanish))
            || (token.exact != 0 && self.stems.contains(&token.exact))
    }
}

/// A compiled phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    elements: Vec<Element>,
    any_order: bool,
}

/// What is wrong with a phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Nothing in it, or only optional words at its start.
    #[error("phrase \"{0}\" must begin with a word")]
    Empty(String),
    /// A word class that the word file does not have.
    #[error("phrase \"{phrase}\" uses the unknown word class <{class}>")]
    UnknownClass {
        /// The phrase.
        phrase: String,
        /// The class.
        class: String,
    },
}

/// Where a phrase was found: tokens `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// First token.
    pub start: usize,
    /// One after the last token.
    pub end: usize,
}

impl Phrase {
    /// Compiles a phrase of one language.
    ///
    /// # Errors
    /// See [`PhraseError`].
    pub fn compile(text: &str, spanish: bool, vocabulary: &mut Vocabulary) -> Result<Self, PhraseError> {
        let folded = crate::domain::text::fold(text);
        let (any_order, body) = folded
            .strip_prefix('~')
            .map_or((false, folded.as_str()), |rest| (true, rest));
        let mut elements: Vec<Element> = Vec::new();
        let mut gap = 0;
        for part in body.split_whitespace() {
            if part == ".." {
                gap = GAP;
                continue;
            }
            let (part, optional) = part.strip_suffix('?').map_or((part, false), |p| (p, true));
            let mut stems = Vec::new();
            for choice in part.split('|') {
                if let Some(class) = choice.strip_prefix('<').and_then(|c| c.strip_suffix('>')) {
                    let words =
                        vocabulary
                            .class(class)
                            .map(<[String]>::to_vec)
                            .ok_or_else(|| PhraseError::UnknownClass {
                                phrase: text.to_owned(),
                                class: class.to_owned(),
                            })?;
                    for word in words {
                        stems.push(vocabulary.intern(&word, spanish));
                    }
                } else if let Some(exact) = choice.strip_prefix('=') {
                    stems.push(vocabulary.intern_exact(exact));
                } else {
                    stems.push(vocabulary.intern(choice, spanish));
                }
            }
            stems.sort_unstable();
            stems.dedup();
            elements.push(Element { stems, optional, gap });
            gap = 0;
        }
        if elements.first().is_none_or(|first| first.optional) {
            return Err(PhraseError::Empty(text.to_owned()));
        }
        Ok(Self { elements, any_order })
    }

    /// The stems that a match must begin with (any order: contain), for the index.
    #[must_use]
    pub fn anchor(&self) -> &[u32] {
        self.elements.first().map_or(&[], |e| e.stems.as_slice())
    }

    /// Matches with the first element at token `at`.
    #[must_use]
    pub fn find(&self, tokens: &[Token], at: usize) -> Option<Found> {
        if self.any_order {
            self.find_around(tokens, at)
        } else {
            self.find_forward(tokens, at)
        }
    }

    fn find_forward(&self, tokens: &[Token], at: usize) -> Option<Found> {
        let sentence = tokens.get(at)?.sentence;
        let mut position = at;
        let mut fillers = 0;
        for element in self.elements.iter().skip(1) {
            let mut gap = element.gap;
            let mut next = position + 1;
            let saved_fillers = fillers;
            let hit = loop {
                let Some(token) = tokens.get(next).filter(|t| t.sentence == sentence) else {
                    break None;
                };
                if element.matches(token) {
                    break Some(next);
                }
                if token.filler && fillers < MAX_FILLERS {
                    fillers += 1;
                } else if gap > 0 {
                    gap -= 1;
                } else {
                    break None;
                }
                next += 1;
            };
            match hit {
                Some(next) => position = next,
                None if element.optional => fillers = saved_fillers,
                None => return None,
            }
        }
        Some(Found {
            start: at,
            end: position + 1,
        })
    }

    fn find_around(&self, tokens: &[Token], at: usize) -> Option<Found> {
        let sentence = tokens.get(at)?.sentence;
        let reach = |forward: bool| {
            let mut words = 0;
            let mut edge = at;
            loop {
                let next = if forward { Some(edge + 1) } else { edge.checked_sub(1) };
                let Some(next) = next else { break };
                let Some(token) = tokens.get(next).filter(|t| t.sentence == sentence) else {
                    break;
                };
                words += usize::from(!token.filler);
                if words > WINDOW {
                    break;
                }
                edge = next;
            }
            edge
        };
        let (from, to) = (reach(false), reach(true));
        let (mut start, mut end) = (at, at);
        for element in self.elements.iter().skip(1) {
            let hit = (from..=to)
                .filter(|i| *i != at && tokens.get(*i).is_some_and(|t| element.matches(t)))
                .min_by_key(|i| i.abs_diff(at));
            match hit {
                Some(hit) => {
                    start = start.min(hit);
                    end = end.max(hit);
                }
                None if element.optional => {}
                None => return None,
            }
        }
        Some(Found { start, end: end + 1 })
    }
}

/// All phrases with the number of the concept each belongs to, found by their first word.
#[derive(Debug, Default)]
pub struct PhraseIndex {
    phrases: Vec<(usize, Phrase)>,
    by_stem: Vec<Vec<usize>>,
}

impl PhraseIndex {
    /// Adds a phrase of concept number `concept`.
    pub fn add(&mut self, concept: usize, phrase: Phrase) {
        let number = self.phrases.len();
        for stem in phrase.anchor() {
            let slot = usize::try_from(*stem).unwrap_or(0);
            if self.by_stem.len() <= slot {
                self.by_stem.resize(slot + 1, Vec::new());
            }
            if let Some(list) = self.by_stem.get_mut(slot) {
                list.push(number);
            }
        }
        self.phrases.push((concept, phrase));
    }

    /// Calls `found` for each match: concept and place.
    pub fn search(&self, tokens: &[Token], mut found: impl FnMut(usize, Found)) {
        for (at, token) in tokens.iter().enumerate() {
            let spanish = if token.spanish == token.english {
                0
            } else {
                token.spanish
            };
            for stem in [token.english, spanish, token.exact] {
                if stem == 0 {
                    continue;
                }
                let Some(list) = self.by_stem.get(usize::try_from(stem).unwrap_or(0)) else {
                    continue;
                };
                for number in list {
                    if let Some((concept, phrase)) = self.phrases.get(*number)
                        && let Some(place) = phrase.find(tokens, at)
                    {
                        found(*concept, place);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::text::tokenize;
    use super::super::vocabulary::{Vocabulary, WordFile};
    use super::*;

    fn found(phrase: &str, text: &str) -> bool {
        let mut vocabulary = Vocabulary::new(WordFile {
            fillers: "is my the his of really".to_owned(),
            classes: [("pain".to_owned(), "pain hurt".to_owned())].into(),
            ..WordFile::default()
        });
        let phrase = Phrase::compile(phrase, false, &mut vocabulary).unwrap();
        let mut index = PhraseIndex::default();
        index.add(0, phrase);
        let mut any = false;
        index.search(&tokenize(text, &vocabulary, 0), |_, _| any = true);
        any
    }

    #[test]
    fn fillers_are_stepped_over_and_other_words_are_not() {
        assert!(found("face droop", "his face is really drooping"));
        assert!(!found("face droop", "his face and arm drooping"));
        assert!(found("face .. droop", "his face and arm drooping"));
        assert!(!found("face droop", "his face. Drooping plants"));
    }

    #[test]
    fn any_order_choices_classes_and_optional_words_work() {
        assert!(found("~ face droop|sag", "a sagging look of my face"));
        assert!(found("chest <pain>", "my chest really hurts"));
        assert!(found("cannot catch my? breath", "i can't catch breath"));
        assert!(!found(
            "~ face droop",
            "face one two three four five six seven eight drooping"
        ));
    }
}
