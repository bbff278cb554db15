//! Which records count, which are current, and what belongs together. Must not word anything for a patient.

use jiff::civil::Date;

use super::knowledge::{KnownCondition, contains_word, knowledge};
use super::plain;
use crate::domain::ChartReference;
use crate::domain::chart::{
    Chart, Component, Concept, Condition, FhirDate, MedicationRequest, Observation, Record, ReferenceRange, Sex, Value,
};
use crate::domain::text::fold;

/// The reference to a record.
#[must_use]
pub fn reference(resource_type: &str, record: &Record, name: String) -> ChartReference {
    let date = record.date.as_ref().map(|date| date.0.clone());
    ChartReference {
        resource_type: resource_type.to_owned(),
        id: record.id.clone(),
        date,
        name,
    }
}

/// The codes of a concept as `system|code`.
#[must_use]
pub fn codes(concept: &Concept) -> Vec<String> {
    let coded = concept.codings.iter().filter(|coding| !coding.code.is_empty());
    coded
        .map(|coding| format!("{}|{}", coding.system.as_deref().unwrap_or_default(), coding.code))
        .collect()
}

/// The instant a record sorts by; undated records are older than all others.
#[must_use]
pub fn instant(date: Option<&FhirDate>) -> i64 {
    date.and_then(FhirDate::instant_millis).unwrap_or(i64::MIN)
}

/// One measured thing: an observation's own value or one of its components.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'c> {
    /// The observation.
    pub observation: &'c Observation,
    /// The component, where it is one.
    pub component: Option<&'c Component>,
}

impl<'c> Reading<'c> {
    /// What was measured.
    #[must_use]
    pub fn code(&self) -> &'c Concept {
        self.component
            .map_or(&self.observation.record.code, |component| &component.code)
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Option<&'c Value> {
        self.component
            .map_or(self.observation.value.as_ref(), |component| component.value.as_ref())
    }

    /// The ranges that came with it.
    #[must_use]
    pub fn ranges(&self) -> &'c [ReferenceRange] {
        self.component
            .map_or(&self.observation.ranges, |component| &component.ranges)
    }

    /// The sender's own interpretation.
    #[must_use]
    pub fn interpretation(&self) -> &'c [Concept] {
        self.component
            .map_or(&self.observation.interpretation, |component| &component.interpretation)
    }

    /// Why there is no value.
    #[must_use]
    pub fn absent(&self) -> Option<&'c Concept> {
        self.component
            .map_or(self.observation.absent.as_ref(), |component| component.absent.as_ref())
    }

    /// When it was measured.
    #[must_use]
    pub fn date(&self) -> Option<&'c FhirDate> {
        self.observation.record.date.as_ref()
    }

    /// The key under which it is followed over time.
    #[must_use]
    pub fn series(&self) -> String {
        series_key(self.code())
    }
}

/// Whether an observation may be used: not marked as a mistake, not cancelled, not merely registered.
#[must_use]
pub fn is_usable(observation: &Observation) -> bool {
    !matches!(
        observation.record.status.as_deref(),
        Some("entered-in-error" | "cancelled" | "registered")
    )
}

/// The readings of one observation: its components where it has some, else its own value (also without one).
pub fn readings_of(observation: &Observation) -> impl Iterator<Item = Reading<'_>> {
    let own = observation.components.is_empty() || observation.value.is_some();
    let own = own.then_some(Reading {
        observation,
        component: None,
    });
    let parts = observation.components.iter().map(move |part| Reading {
        observation,
        component: Some(part),
    });
    own.into_iter().chain(parts)
}

/// All usable readings, oldest first.
pub fn readings(chart: &Chart) -> impl DoubleEndedIterator<Item = Reading<'_>> {
    let usable = chart.observations.iter().filter(|observation| is_usable(observation));
    usable.flat_map(readings_of).collect::<Vec<_>>().into_iter()
}

/// The key under which measurements of one thing are followed: the known test, else the first code, else the name.
#[must_use]
pub fn series_key(concept: &Concept) -> String {
    if let Some(test) = knowledge().test_of(concept) {
        return test.key.clone();
    }
    if let Some(coding) = concept.codings.iter().find(|coding| !coding.code.is_empty()) {
        return format!("{}|{}", coding.system.as_deref().unwrap_or_default(), coding.code);
    }
    fold(concept.name())
}

/// Whether a concept belongs to the series with this key; the same as comparing [`series_key`], but without making
/// a key for each of thousands of observations.
#[must_use]
pub fn in_series(concept: &Concept, key: &str) -> bool {
    if let Some(test) = knowledge().test_of(concept) {
        return test.key == key;
    }
    match concept.codings.iter().find(|coding| !coding.code.is_empty()) {
        Some(coding) => {
            let system = coding.system.as_deref().unwrap_or_default();
            key.strip_prefix(system).and_then(|rest| rest.strip_prefix('|')) == Some(coding.code.as_str())
        }
        None => fold(concept.name()) == key,
    }
}

/// The observation with this id.
#[must_use]
pub fn observation<'c>(chart: &'c Chart, id: &str) -> Option<&'c Observation> {
    chart
        .observations
        .iter()
        .find(|observation| observation.record.id == id)
}

/// Whether a condition may be used: not a mistake, not refuted.
#[must_use]
pub fn condition_counts(condition: &Condition) -> bool {
    !matches!(condition.record.status.as_deref(), Some("entered-in-error" | "refuted"))
}

/// Whether the chart says that a condition is present now.
#[must_use]
pub fn is_active(condition: &Condition, today: Date) -> bool {
    let ended = condition
        .abatement
        .as_ref()
        .and_then(FhirDate::first_day)
        .is_some_and(|day| day <= today);
    condition_counts(condition)
        && !ended
        && match condition.clinical_status.as_deref() {
            Some("active" | "recurrence" | "relapse") => true,
            Some(_) => false,
            None => condition.abatement_text.is_none(),
        }
}

/// One problem of the patient: all records of one condition.
#[derive(Debug, Clone)]
pub struct Problem<'c> {
    /// The records, the one that says most about now first.
    pub records: Vec<&'c Condition>,
    /// Whether one of them is active.
    pub active: bool,
    /// What is known about it.
    pub known: Option<&'static KnownCondition>,
}

impl<'c> Problem<'c> {
    /// The record that is shown.
    #[must_use]
    pub fn lead(&self) -> Option<&'c Condition> {
        self.records.first().copied()
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> String {
        self.lead()
            .map_or_else(String::new, |condition| plain::condition_name(&condition.record.code))
    }

    /// When it was first recorded to begin.
    #[must_use]
    pub fn onset(&self) -> Option<&'c FhirDate> {
        let dates = self
            .records
            .iter()
            .filter_map(|condition| condition.onset.as_ref().or(condition.record.date.as_ref()));
        dates.min_by_key(|date| instant(Some(date)))
    }
}

/// The patient's problems, deduplicated, active ones first, then the latest first.
#[must_use]
pub fn problems(chart: &Chart, today: Date) -> Vec<Problem<'_>> {
    let mut found: Vec<(String, Problem<'_>)> = Vec::new();
    for condition in chart.conditions.iter().filter(|condition| condition_counts(condition)) {
        let key = condition_key(&condition.record.code);
        let active = is_active(condition, today);
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, problem)) => {
                problem.records.push(condition);
                problem.active |= active;
            }
            None => {
                let known = knowledge().condition_of(&condition.record.code);
                found.push((
                    key,
                    Problem {
                        records: vec![condition],
                        active,
                        known,
                    },
                ));
            }
        }
    }
    let mut problems: Vec<Problem<'_>> = found.into_iter().map(|(_, problem)| problem).collect();
    for problem in &mut problems {
        problem
            .records
            .sort_by_key(|c| (!is_active(c, today), std::cmp::Reverse(instant(began(c)))));
    }
    problems.sort_by_key(|p| (!p.active, std::cmp::Reverse(instant(p.lead().and_then(began)))));
    problems
}

/// When a condition began, else when it was recorded.
#[must_use]
pub fn began(condition: &Condition) -> Option<&FhirDate> {
    condition.onset.as_ref().or(condition.record.date.as_ref())
}

/// Records of one condition have one key: equal first codes, else equal names. Different stages stay apart.
fn condition_key(concept: &Concept) -> String {
    concept
        .codings
        .iter()
        .find(|coding| !coding.code.is_empty())
        .map_or_else(
            || fold(concept.name()),
            // The text may be more exact than the code ("Early pregnancy loss #2").
            |coding| {
                format!(
                    "{}|{}",
                    coding.code,
                    fold(concept.text.as_deref().map_or("", plain::without_tag))
                )
            },
        )
}

/// Whether a medicine is taken now, as far as the chart says.
#[must_use]
pub fn is_current_medicine(medicine: &MedicationRequest) -> bool {
    let proposed = matches!(medicine.intent.as_deref(), Some("proposal" | "plan" | "option"));
    !proposed
        && matches!(
            medicine.record.status.as_deref(),
            Some("active" | "on-hold" | "unknown") | None
        )
}

/// Whether a medicine record counts at all.
#[must_use]
pub fn medicine_counts(medicine: &MedicationRequest) -> bool {
    !matches!(
        medicine.record.status.as_deref(),
        Some("entered-in-error" | "draft" | "not-taken")
    )
}

/// The longest a pregnancy is taken to last after it was recorded, in days (42 weeks).
const PREGNANCY_DAYS: i64 = 294;

/// LOINC "Pregnancy status".
const PREGNANCY_STATUS: &str = "82810-3";

/// Whether the chart says that the patient is pregnant at `day`.
#[must_use]
pub fn is_pregnant(chart: &Chart, day: Date) -> bool {
    if chart.sex() == Some(Sex::Male) {
        return false;
    }
    let within = |date: Option<&FhirDate>| {
        let start = date.and_then(FhirDate::first_day);
        start.is_some_and(|start| (0..=PREGNANCY_DAYS).contains(&plain::days_between(start, day)))
    };
    let by_condition = chart
        .conditions
        .iter()
        .filter(|condition| condition_counts(condition))
        .any(|condition| {
            let known = knowledge()
                .condition_of(&condition.record.code)
                .is_some_and(|k| k.key == "normal_pregnancy");
            let ended = condition
                .abatement
                .as_ref()
                .and_then(FhirDate::first_day)
                .is_some_and(|end| end <= day);
            known && !ended && within(began(condition))
        });
    // Observations are oldest first: only the months before `day` are looked at (a day more for time zones).
    let earliest = day.saturating_sub(jiff::Span::new().days(PREGNANCY_DAYS + 2));
    let earliest = FhirDate(earliest.to_string()).instant_millis().unwrap_or(i64::MIN);
    let from = chart
        .observations
        .partition_point(|o| instant(o.record.date.as_ref()) < earliest);
    by_condition
        || chart.observations.iter().skip(from).any(|observation| {
            observation
                .record
                .code
                .codings
                .iter()
                .any(|coding| coding.code == PREGNANCY_STATUS)
                && is_usable(observation)
                && within(observation.record.date.as_ref())
                && matches!(&observation.value, Some(Value::Concept(value))
                    if value.codings.iter().any(|coding| matches!(coding.code.as_str(), "77386006" | "LA15173-0")))
        })
}

/// Whether one of the names of a concept holds one of the folded words as whole words.
#[must_use]
pub fn named(concept: &Concept, words: &[String]) -> bool {
    let displays = concept.codings.iter().filter_map(|coding| coding.display.as_deref());
    displays.chain(concept.text.as_deref()).any(|name| {
        let name = fold(name);
        words.iter().any(|word| contains_word(&name, word))
    })
}
