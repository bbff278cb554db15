//! A result in plain words: value, range, trend, panel, urgency; and where it cannot be interpreted, why not.
//! All numbers are computed here. Must not name a disease, say that something is good or bad, or advise.

mod line;
mod panel;
pub mod range;
#[cfg(test)]
mod tests;
mod trend;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use line::{Critical, RangeOrigin, RangeShown, ResultLine, line};
pub use panel::{PanelExplanation, panel};
pub use range::Standing;
pub use trend::{Direction, Point, Trend, trend};

use super::knowledge::{Test, knowledge};
use super::plain;
use super::records::{self, Reading};
use crate::domain::chart::{Chart, Observation};
use crate::domain::{ChartReference, Urgency};

/// How long after it was measured a critical value still raises urgency, in days.
pub const CRITICAL_DAYS: i64 = 7;

/// A result, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultExplanation {
    /// The Observation.
    pub reference: ChartReference,
    /// Plain name.
    pub name: String,
    /// The name as recorded.
    pub recorded_name: String,
    /// What it measures, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<String>,
    /// The measured values: one, or one for each component.
    pub lines: Vec<ResultLine>,
    /// How each value went over time, same order as `lines`; absent where there is only one result.
    pub trends: Vec<Option<Trend>>,
    /// The panel it belongs to, explained as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel: Option<PanelExplanation>,
    /// A newer result of the same test, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<ChartReference>,
    /// How soon care is needed because of the value itself; only for results of the last 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// What a patient reads, in order.
    pub sentences: Vec<String>,
    /// Notes that came with the result, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
    /// Words for retrieval.
    pub topics: Vec<String>,
}

/// Explains the Observation with this id; `None` where the chart has none, or has one that must not be used
/// (entered in error, cancelled).
#[must_use]
pub fn result(chart: &Chart, id: &str, today: Date) -> Option<ResultExplanation> {
    let observation = records::observation(chart, id).filter(|observation| records::is_usable(observation))?;
    Some(explain(chart, observation, today))
}

/// The plain name of an observation.
#[must_use]
pub fn name_of(observation: &Observation) -> String {
    plain::test_name(&observation.record.code)
}

/// The reference to an observation.
#[must_use]
pub fn reference_to(observation: &Observation) -> ChartReference {
    records::reference("Observation", &observation.record, name_of(observation))
}

fn explain(chart: &Chart, observation: &Observation, today: Date) -> ResultExplanation {
    let known = knowledge();
    let test = known.test_of(&observation.record.code);
    let readings: Vec<Reading<'_>> = records::readings_of(observation).collect();
    let lines: Vec<ResultLine> = readings.iter().map(|reading| line(chart, reading, today)).collect();
    let trends: Vec<Option<Trend>> = trends_of(chart, &readings, today);
    let panel = panel(chart, observation, today);
    let newer = newer_than(chart, observation, today);
    let recent = is_recent(observation, today);
    let urgency = lines
        .iter()
        .filter_map(|line| line.critical.as_ref())
        .map(|c| c.urgency)
        .max()
        .filter(|_| recent);

    let mut sentences = Vec::new();
    if let Some(note) = status_note(observation) {
        sentences.push(note);
    }
    sentences.extend(value_sentences(observation, &lines));
    if let Some(test) = test {
        sentences.push(format!("This measures {}.", test.measures));
    }
    for (line, trend) in lines.iter().zip(&trends) {
        sentences.extend(trend_sentences(line, trend.as_ref(), lines.len() > 1));
    }
    if let Some(newer) = &newer {
        let on = newer.date.clone().map(crate::domain::chart::FhirDate);
        sentences.push(format!("There is a newer result {}.", plain::on_date(on.as_ref())));
    }
    if let (Some(urgency), Some(critical)) = (urgency, lines.iter().find_map(|line| line.critical.as_ref())) {
        sentences.push(critical_sentence(urgency, critical));
    }
    let mut topics: Vec<String> = test.map(|test| test.topics.clone()).unwrap_or_default();
    topics.push(name_of(observation));
    ResultExplanation {
        reference: reference_to(observation),
        name: name_of(observation),
        recorded_name: observation.record.code.name().to_owned(),
        measures: test.map(|test| test.measures.clone()),
        lines,
        trends,
        panel,
        newer,
        urgency,
        sentences,
        notes: observation.record.notes.clone(),
        codes: records::codes(&observation.record.code),
        topics,
    }
}

/// Whether a result is so new that a critical value still matters today.
#[must_use]
pub fn is_recent(observation: &Observation, today: Date) -> bool {
    let day = observation
        .record
        .date
        .as_ref()
        .and_then(crate::domain::chart::FhirDate::first_day);
    day.is_some_and(|day| (0..=CRITICAL_DAYS).contains(&plain::days_between(day, today)))
}

/// The trends of what these readings measure, in their order; one look through the chart for all of them.
#[must_use]
pub fn trends_of(chart: &Chart, readings: &[Reading<'_>], today: Date) -> Vec<Option<Trend>> {
    let mut series: Vec<(String, Vec<Reading<'_>>)> = readings.iter().map(|r| (r.series(), Vec::new())).collect();
    for observation in chart
        .observations
        .iter()
        .filter(|observation| records::is_usable(observation))
    {
        for reading in records::readings_of(observation) {
            for (key, members) in &mut series {
                if records::in_series(reading.code(), key) {
                    members.push(reading);
                }
            }
        }
    }
    let tests = readings.iter().map(|reading| knowledge().test_of(reading.code()));
    tests
        .zip(&series)
        .map(|(test, (_, members))| trend(members, test, today))
        .collect()
}

/// The newest usable result of the same test after this one.
fn newer_than(chart: &Chart, observation: &Observation, today: Date) -> Option<ChartReference> {
    let key = records::series_key(&observation.record.code);
    let own = records::instant(observation.record.date.as_ref());
    let mut later = chart
        .observations
        .iter()
        .rev()
        .filter(|other| records::is_usable(other));
    let newest = later.find(|other| {
        let date = other.record.date.as_ref();
        records::in_series(&other.record.code, &key)
            && other.record.id != observation.record.id
            && date
                .and_then(crate::domain::chart::FhirDate::first_day)
                .is_some_and(|day| day <= today)
    })?;
    (records::instant(newest.record.date.as_ref()) > own).then(|| reference_to(newest))
}

/// What must be said first about a result that is not final.
#[must_use]
pub fn status_note(observation: &Observation) -> Option<String> {
    match observation.record.status.as_deref() {
        Some("preliminary") => Some("This result is not final yet and may change.".to_owned()),
        Some("amended" | "corrected") => {
            Some("The laboratory corrected this result after it was first sent.".to_owned())
        }
        _ => None,
    }
}

/// The sentences about the values: one result, blood pressure as a pair, or a list of parts.
#[must_use]
pub fn value_sentences(observation: &Observation, lines: &[ResultLine]) -> Vec<String> {
    let on = plain::on_date(observation.record.date.as_ref());
    if let [line] = lines {
        return line::sentences(line, &on, None);
    }
    let find = |key: &str| lines.iter().find(|line| line.test.as_deref() == Some(key));
    if let (Some(top), Some(bottom)) = (find("systolic"), find("diastolic")) {
        return panel::blood_pressure(top, bottom, &on);
    }
    let mut sentences = vec![format!("Your {} {on} has {} parts.", name_of(observation), lines.len())];
    for line in lines {
        sentences.extend(line::sentences(line, "", Some("The")));
    }
    sentences
}

/// The sentences about how one value went over time. `several`: the result has several values, so each sentence
/// names its own.
#[must_use]
pub fn trend_sentences(line: &ResultLine, trend: Option<&Trend>, several: bool) -> Vec<String> {
    let Some(trend) = trend else {
        return Vec::new();
    };
    let subject = match line.test.as_deref() {
        Some("systolic") => "top number",
        Some("diastolic") => "bottom number",
        _ => line.name.as_str(),
    };
    let mut sentences = trend.sentences(subject, "percentage points");
    if several
        && let Some(first) = sentences.first_mut()
        && let Some(rest) = first.strip_prefix("It was ")
    {
        *first = format!("The {subject} was {rest}");
    }
    sentences.extend(meaning(
        knowledge().test(line.test.as_deref().unwrap_or_default()),
        trend,
    ));
    sentences
}

/// What the change of the number is, where the knowledge says so.
#[must_use]
pub fn meaning(test: Option<&Test>, trend: &Trend) -> Option<String> {
    match trend.direction {
        Direction::Up => test?.more_means.clone(),
        Direction::Down => test?.less_means.clone(),
        Direction::Steady => None,
    }
}

/// The sentence that a critical value adds.
#[must_use]
pub fn critical_sentence(urgency: Urgency, critical: &Critical) -> String {
    let _ = critical;
    match urgency {
        Urgency::Emergency => "A value like this needs care right now: call 911.".to_owned(),
        _ => "A value like this needs care soon: call your care team today.".to_owned(),
    }
}
