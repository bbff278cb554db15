//! What the user's turns say: mentions of concepts and numbers, and whether a condition holds for them.

use super::context::TriageContext;
use super::files::ConceptKind;
use super::pattern::Found;
use super::rules::{Condition, RuleSet};
use super::text::tokenize;

/// Words within which two mentions are close to each other (about three sentences).
const NEAR_WORDS: usize = 45;
/// Which concept says that the message is about someone else.
const OTHER_PERSON: &str = "other-person";
/// Which concept says that the writer speaks of themselves.
const SELF: &str = "first-person";

/// What has been read so far.
#[derive(Debug)]
pub struct Evidence<'a> {
    rules: &'a RuleSet,
    context: &'a TriageContext,
    flags: Vec<&'static str>,
    /// Per concept: places where it counts.
    places: Vec<Vec<Found>>,
    /// Per quantity: values.
    values: Vec<Vec<f64>>,
    words: usize,
    sentences: usize,
}

impl<'a> Evidence<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(rules: &'a RuleSet, context: &'a TriageContext) -> Self {
        Self {
            rules,
            context,
            flags: context.flags(),
            places: vec![Vec::new(); rules.concept_names.len()],
            values: vec![Vec::new(); rules.quantities.count()],
            words: 0,
            sentences: 0,
        }
    }

    /// Reads one turn of the user.
    pub fn read(&mut self, text: &str) {
        let tokens = tokenize(text, &self.rules.vocabulary, self.sentences);
        self.sentences = tokens.last().map_or(self.sentences, |t| t.sentence + 1);
        let cues = self.rules.cues.read(&tokens);
        let offset = self.words;
        let places = &mut self.places;
        let kinds = &self.rules.concept_kinds;
        self.rules.phrases.search(&tokens, |concept, place| {
            let kind = kinds.get(concept).copied().unwrap_or_default();
            let found = cues.attributes(place);
            let counts = match kind {
                ConceptKind::Words => true,
                ConceptKind::Background => !found.negated,
                ConceptKind::Sign => !found.negated && !found.past && !found.hypothetical,
            };
            if counts && let Some(list) = places.get_mut(concept) {
                list.push(Found {
                    start: place.start + offset,
                    end: place.end + offset,
                });
            }
        });
        for measured in self.rules.quantities.read(&tokens) {
            let found = cues.attributes(measured.place);
            if !found.hypothetical
                && !found.past
                && let Some(list) = self.values.get_mut(measured.quantity)
            {
                list.push(measured.value);
            }
        }
        self.words += tokens.len();
    }

    /// Whether the message speaks only of someone else, so that the patient's own chart does not apply.
    fn about_other(&self) -> bool {
        let there = |name: &str| {
            self.rules
                .concept_names
                .iter()
                .position(|n| n == name)
                .and_then(|i| self.places.get(i))
                .is_some_and(|p| !p.is_empty())
        };
        there(OTHER_PERSON) && !there(SELF)
    }

    /// Whether the condition holds.
    #[must_use]
    pub fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Concept(number) => self.places.get(*number).is_some_and(|p| !p.is_empty()),
            Condition::Flag(flag) => self.flags.contains(flag) && !self.about_other(),
            Condition::Compare(quantity, comparison, limit) => {
                let said = self.values.get(*quantity).map(Vec::as_slice).unwrap_or_default();
                if said.is_empty() {
                    return self
                        .value_of_chart(*quantity)
                        .is_some_and(|value| comparison.holds(value, *limit));
                }
                said.iter().any(|value| comparison.holds(*value, *limit))
            }
            Condition::Not(inner) => !self.holds(inner),
            Condition::All(parts) => parts.iter().all(|p| self.holds(p)),
            Condition::Any(parts) => parts.iter().any(|p| self.holds(p)),
            Condition::AtLeast(count, parts) => parts.iter().filter(|p| self.holds(p)).count() >= *count,
            Condition::Near(first, second) => self.near(first, second),
        }
    }

    fn value_of_chart(&self, quantity: usize) -> Option<f64> {
        if self.about_other() {
            return None;
        }
        if self.rules.quantities.number("age") == Some(quantity) {
            return self.context.age_years.map(f64::from);
        }
        if self.rules.quantities.number("weeks_pregnant") == Some(quantity) {
            return self.context.pregnancy_weeks.map(f64::from);
        }
        None
    }

    fn near(&self, first: &[usize], second: &[usize]) -> bool {
        let all = |numbers: &[usize]| {
            numbers
                .iter()
                .filter_map(|n| self.places.get(*n))
                .flatten()
                .copied()
                .collect::<Vec<_>>()
        };
        let second = all(second);
        all(first)
            .iter()
            .any(|a| second.iter().any(|b| a.start.abs_diff(b.start) <= NEAR_WORDS))
    }

    /// Names of the concepts that count, for tests and for people who tune the rules.
    #[must_use]
    pub fn concepts(&self) -> Vec<&str> {
        self.rules
            .concept_names
            .iter()
            .zip(&self.places)
            .filter(|(_, places)| !places.is_empty())
            .map(|(name, _)| name.as_str())
            .collect()
    }
}
