//! Whether a mention is meant: denied, past, or only asked about.
//!
//! The cues are data (`_cues.toml`). A doubt is settled towards "meant": a missed denial costs a call, a wrong one a life.

use std::collections::HashSet;

use super::pattern::{Found, Phrase, PhraseError, PhraseIndex};
use super::text::Token;
use super::vocabulary::Vocabulary;

/// Phrases of one kind of cue.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CuePhrases {
    /// English phrases.
    #[serde(default)]
    pub en: Vec<String>,
    /// Spanish phrases.
    #[serde(default)]
    pub es: Vec<String>,
}

/// The cue file.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CueFile {
    /// Words that deny a list of things after them ("no", "denies", "without").
    pub negators: String,
    /// Words that deny only the next thing ("not", "never").
    pub not_words: String,
    /// Words that may stand between a `not_words` word and what it denies.
    pub not_bridge: String,
    /// Words that end a denial.
    pub negation_stops: String,
    /// Words that begin a question about a thing in general.
    pub question_words: String,
    /// Words that make a sentence about somebody.
    pub personal_words: String,
    /// Phrases that look like a denial and are none ("no relief", "not sure").
    pub not_negation: CuePhrases,
    /// Words that join a list under one denial ("or", "nor").
    pub list_joiners: String,
    /// Questions about a thing in general.
    pub information: CuePhrases,
    /// Signs that somebody has it.
    pub personal: CuePhrases,
    /// Signs that it is happening now.
    pub now: CuePhrases,
    /// Signs, in the same clause, that it was long ago.
    pub past: CuePhrases,
    /// Signs that what follows was long ago or belongs to the record.
    pub past_forward: CuePhrases,
}

/// A cue's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cue {
    NotNegation,
    Information,
    Personal,
    Now,
    Past,
    PastForward,
}

const CUES: [Cue; 6] = [
    Cue::NotNegation,
    Cue::Information,
    Cue::Personal,
    Cue::Now,
    Cue::Past,
    Cue::PastForward,
];

/// What was found out about a mention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Said not to be there.
    pub negated: bool,
    /// Long ago.
    pub past: bool,
    /// Only asked about.
    pub hypothetical: bool,
}

/// The compiled cues.
#[derive(Debug, Default)]
pub struct Cues {
    index: PhraseIndex,
    negators: HashSet<String>,
    not_words: HashSet<String>,
    not_bridge: HashSet<String>,
    stops: HashSet<String>,
    joiners: HashSet<String>,
    question_words: HashSet<String>,
    personal_words: HashSet<String>,
}

impl Cues {
    /// Compiles the cue file.
    ///
    /// # Errors
    /// A phrase does not compile.
    pub fn compile(file: &CueFile, vocabulary: &mut Vocabulary) -> Result<Self, PhraseError> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<HashSet<_>>();
        let mut index = PhraseIndex::default();
        let lists = [
            &file.not_negation,
            &file.information,
            &file.personal,
            &file.now,
            &file.past,
            &file.past_forward,
        ];
        for (number, list) in lists.into_iter().enumerate() {
            for (phrases, spanish) in [(&list.en, false), (&list.es, true)] {
                for phrase in phrases {
                    index.add(number, Phrase::compile(phrase, spanish, vocabulary)?);
                }
            }
        }
        Ok(Self {
            index,
            negators: words(&file.negators),
            not_words: words(&file.not_words),
            not_bridge: words(&file.not_bridge),
            stops: words(&file.negation_stops),
            joiners: words(&file.list_joiners),
            question_words: words(&file.question_words),
            personal_words: words(&file.personal_words),
        })
    }

    /// Reads the cues of a turn.
    #[must_use]
    pub fn read<'a>(&'a self, tokens: &'a [Token]) -> CueReading<'a> {
        let mut places: Vec<(Cue, Found)> = Vec::new();
        self.index.search(tokens, |kind, place| {
            if let Some(cue) = CUES.get(kind) {
                places.push((*cue, place));
            }
        });
        let general = tokens
            .chunk_by(|a, b| a.sentence == b.sentence)
            .filter(|words| words.first().is_some_and(|w| self.question_words.contains(&w.text)))
            .filter(|words| !words.iter().any(|w| self.personal_words.contains(&w.text)))
            .filter_map(|words| words.first().map(|w| w.sentence))
            .collect();
        let mut reading = CueReading {
            tokens,
            places,
            denied: vec![false; tokens.len()],
            general,
        };
        for at in 0..tokens.len() {
            self.mark_denied(&mut reading, at);
        }
        reading
    }

    /// Marks the words that the word at `at` denies.
    fn mark_denied(&self, reading: &mut CueReading<'_>, at: usize) {
        let tokens = reading.tokens;
        let Some(token) = tokens.get(at) else { return };
        let list = self.negators.contains(&token.text);
        if !(list || self.not_words.contains(&token.text)) || reading.covers(Cue::NotNegation, at) {
            return;
        }
        let same = |i: usize| tokens.get(i).filter(|t| t.sentence == token.sentence);
        let mut words = 0;
        let mut bridge = !list;
        let mut next = at + 1;
        while let Some(word) = same(next) {
            let stop = self.stops.contains(&word.text)
                && !(next == at + 1 || (bridge && self.not_bridge.contains(&word.text)));
            if stop || self.negators.contains(&word.text) || (word.number.is_some() && next > at + 1) {
                break;
            }
            if word.comma_before && next > at + 1 {
                if !self.list_goes_on(tokens, next) {
                    break;
                }
                words = 0;
            }
            if self.joiners.contains(&word.text) {
                words = 0;
                next += 1;
                continue;
            }
            if bridge && !self.not_bridge.contains(&word.text) && !word.filler {
                bridge = false;
                words = 0;
            }
            if !bridge && !word.filler {
                words += 1;
            }
            if words > if list { 4 } else { 3 } {
                break;
            }
            if let Some(mark) = reading.denied.get_mut(next) {
                *mark = true;
            }
            next += 1;
        }
    }

    /// Whether a denied list goes on after the comma before `at`: a joiner follows, or only short bare items do.
    fn list_goes_on(&self, tokens: &[Token], at: usize) -> bool {
        let Some(sentence) = tokens.get(at).map(|t| t.sentence) else {
            return false;
        };
        let mut item = 0;
        for (offset, token) in tokens.iter().skip(at).enumerate() {
            if token.sentence != sentence {
                return true;
            }
            if self.joiners.contains(&token.text) {
                return true;
            }
            if self.stops.contains(&token.text) || token.number.is_some() || offset > 14 {
                return false;
            }
            item = if token.comma_before { 1 } else { item + 1 };
            if item > 3 {
                return false;
            }
        }
        true
    }
}

/// The cues of one turn.
#[derive(Debug)]
pub struct CueReading<'a> {
    tokens: &'a [Token],
    places: Vec<(Cue, Found)>,
    denied: Vec<bool>,
    /// Sentences that ask about a thing in general and about nobody.
    general: HashSet<usize>,
}

impl CueReading<'_> {
    fn sentence(&self, at: usize) -> Option<usize> {
        self.tokens.get(at).map(|t| t.sentence)
    }

    fn covers(&self, cue: Cue, at: usize) -> bool {
        self.places
            .iter()
            .any(|(kind, place)| *kind == cue && place.start <= at && at < place.end)
    }

    fn in_sentence(&self, cue: Cue, at: usize) -> impl Iterator<Item = Found> + '_ {
        let sentence = self.sentence(at);
        self.places
            .iter()
            .filter(move |(kind, place)| *kind == cue && self.sentence(place.start) == sentence)
            .map(|(_, place)| *place)
    }

    /// Whether a clause ends between two places: a comma, "but", or "and" with a new subject.
    fn comma_between(&self, from: usize, to: usize) -> bool {
        (from.min(to) + 1..=to.max(from)).any(|at| {
            let word = |i: usize| self.tokens.get(i).map_or("", |t| t.text.as_str());
            let subject = matches!(
                word(at + 1),
                "i" | "he" | "she" | "my" | "we" | "it" | "now" | "me" | "ahora" | "mi"
            );
            self.tokens.get(at).is_some_and(|t| t.comma_before)
                || matches!(word(at), "but" | "pero" | "now" | "ahora")
                || (matches!(word(at), "and" | "so" | "y" | "then") && subject)
        })
    }

    /// What is known about the mention at `place`.
    #[must_use]
    pub fn attributes(&self, place: Found) -> Attributes {
        let last = place.end.saturating_sub(1);
        // A mention is denied where its first word is: "no chest pain", but not "cannot breathe, no".
        let negated = self.denied.get(place.start).copied().unwrap_or(false);
        let now_here = self.in_sentence(Cue::Now, place.start).next().is_some();
        let past = self.in_sentence(Cue::PastForward, place.start).any(|cue| {
            cue.start <= place.start
                && place.start.saturating_sub(cue.end) <= 4
                && !self.comma_between(cue.end.saturating_sub(1), place.start)
        }) || (!now_here
            && self.in_sentence(Cue::Past, place.start).any(|cue| {
                let (near, far) = if cue.start > last {
                    (last, cue.start)
                } else {
                    (cue.end.saturating_sub(1), place.start)
                };
                !self.comma_between(near, far) && far.saturating_sub(near) <= 12
            }));
        let general = self.sentence(place.start).is_some_and(|s| self.general.contains(&s));
        let hypothetical = !now_here
            && (general
                || self.in_sentence(Cue::Information, place.start).any(|cue| {
                    cue.start <= place.start
                        && !self.in_sentence(Cue::Personal, place.start).any(|personal| {
                            personal.end > cue.end
                                && personal.start <= place.start
                                && !self.follows_condition(personal.start)
                        })
                }));
        Attributes {
            negated,
            past,
            hypothetical,
        }
    }

    /// Whether "if", "when" or "that" stands just before: "how do I know if I am having a stroke".
    fn follows_condition(&self, at: usize) -> bool {
        let before = at
            .checked_sub(1)
            .and_then(|i| self.tokens.get(i))
            .map(|t| t.text.as_str());
        matches!(before, Some("if" | "when" | "whether" | "after" | "si" | "cuando"))
    }
}
