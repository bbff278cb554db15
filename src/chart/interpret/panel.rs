//! Tests that were done together, explained as a whole. Must not draw a conclusion from their combination.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::line::{self, ResultLine};
use super::range::Standing;
use crate::chart::knowledge::{Panel, knowledge};
use crate::chart::plain;
use crate::chart::records::{self, Reading};
use crate::domain::ChartReference;
use crate::domain::chart::{Chart, Observation};

/// A panel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PanelExplanation {
    /// Plain name.
    pub name: String,
    /// Its values, in the order to read them.
    pub lines: Vec<ResultLine>,
    /// The Observations (and the report) it is made of.
    pub references: Vec<ChartReference>,
    /// What a patient reads.
    pub sentences: Vec<String>,
}

/// The panel that an observation belongs to: that of the report that lists it, of the observation that has it as a
/// member, or a known panel whose other tests were measured at the same moment. `None` where it stands alone.
#[must_use]
pub fn panel(chart: &Chart, observation: &Observation, today: Date) -> Option<PanelExplanation> {
    if !observation.members.is_empty() {
        let name = plain::test_name(&observation.record.code);
        return build(chart, name, members(chart, &observation.members), Vec::new(), today);
    }
    let id = &observation.record.id;
    let report = chart
        .diagnostic_reports
        .iter()
        .find(|report| !report.record.is_error() && report.results.contains(id));
    if let Some(report) = report {
        let known = knowledge().panel_of(&report.record.code);
        let name = known.map_or_else(|| plain::test_name(&report.record.code), |panel| panel.name.clone());
        let reference = records::reference("DiagnosticReport", &report.record, name.clone());
        return build(
            chart,
            name,
            sorted(members(chart, &report.results), known),
            vec![reference],
            today,
        );
    }
    let parent = chart
        .observations
        .iter()
        .find(|parent| records::is_usable(parent) && parent.members.contains(id));
    if let Some(parent) = parent {
        let name = plain::test_name(&parent.record.code);
        return build(chart, name, members(chart, &parent.members), Vec::new(), today);
    }
    same_moment(chart, observation, today)
}

fn same_moment(chart: &Chart, observation: &Observation, today: Date) -> Option<PanelExplanation> {
    let test = knowledge().test_of(&observation.record.code)?;
    let known = knowledge()
        .panels
        .iter()
        .find(|panel| panel.members.contains(&test.key))?;
    observation.record.date.as_ref()?;
    let together = chart.observations.iter().filter(|other| {
        records::is_usable(other)
            && other.components.is_empty()
            && other.record.date == observation.record.date
            && knowledge()
                .test_of(&other.record.code)
                .is_some_and(|t| known.members.contains(&t.key))
    });
    build(
        chart,
        known.name.clone(),
        sorted(together.collect(), Some(known)),
        Vec::new(),
        today,
    )
}

/// The usable observations with these ids, in the order of the ids; one look through the chart.
fn members<'c>(chart: &'c Chart, ids: &[String]) -> Vec<&'c Observation> {
    let places: HashMap<&str, usize> = ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    let usable = chart
        .observations
        .iter()
        .filter(|observation| records::is_usable(observation));
    let mut found: Vec<(usize, &Observation)> = usable
        .filter_map(|o| places.get(o.record.id.as_str()).map(|place| (*place, o)))
        .collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, observation)| observation).collect()
}

fn sorted<'c>(mut found: Vec<&'c Observation>, known: Option<&Panel>) -> Vec<&'c Observation> {
    if let Some(panel) = known {
        let place = |observation: &&Observation| {
            let key = knowledge()
                .test_of(&observation.record.code)
                .map(|test| test.key.as_str());
            panel
                .members
                .iter()
                .position(|member| Some(member.as_str()) == key)
                .unwrap_or(usize::MAX)
        };
        found.sort_by_key(place);
    }
    found
}

fn build(
    chart: &Chart,
    name: String,
    found: Vec<&Observation>,
    mut references: Vec<ChartReference>,
    today: Date,
) -> Option<PanelExplanation> {
    if found.len() < 2 {
        return None;
    }
    let readings: Vec<Reading<'_>> = found
        .iter()
        .flat_map(|observation| records::readings_of(observation))
        .collect();
    let lines: Vec<ResultLine> = readings
        .iter()
        .map(|reading| line::line(chart, reading, today))
        .collect();
    references.extend(found.iter().map(|observation| super::reference_to(observation)));
    let on = plain::on_date(found.first().and_then(|observation| observation.record.date.as_ref()));
    let sentences = summary(&name, &lines, &on);
    Some(PanelExplanation {
        name,
        lines,
        references,
        sentences,
    })
}

/// "Your cholesterol panel on … has 4 results: 1 above, 3 within their range."
fn summary(name: &str, lines: &[ResultLine], on: &str) -> Vec<String> {
    let of = |standing: Standing| {
        lines
            .iter()
            .filter(move |line| line.standing == standing)
            .map(|l| l.name.clone())
            .collect::<Vec<_>>()
    };
    let mut sentences = vec![format!("Your {name} {on} has {} results.", lines.len())];
    let mut say = |names: Vec<String>, place: &str| {
        if !names.is_empty() {
            let verb = if names.len() == 1 { "is" } else { "are" };
            let range = if names.len() == 1 { "its range" } else { "their ranges" };
            sentences.push(plain::sentence(&format!(
                "{} {verb} {place} {range}",
                plain::list(&names)
            )));
        }
    };
    say(of(Standing::Above), "above");
    say(of(Standing::Below), "below");
    say(of(Standing::Within), "within");
    let different = of(Standing::Different);
    if !different.is_empty() {
        sentences.push(plain::sentence(&format!(
            "{}: not the expected result",
            plain::list(&different)
        )));
    }
    let unclear = of(Standing::Unclear);
    if !unclear.is_empty() {
        sentences.push(plain::sentence(&format!(
            "{} cannot be compared with a range",
            plain::list(&unclear)
        )));
    }
    sentences
}

/// Blood pressure as a pair: "142/88 mmHg".
#[must_use]
pub fn blood_pressure(top: &ResultLine, bottom: &ResultLine, on: &str) -> Vec<String> {
    let number = |line: &ResultLine| {
        let value = line.value.clone().unwrap_or_else(|| "?".to_owned());
        let unit = line.unit.clone().unwrap_or_default();
        value
            .strip_suffix(&unit)
            .map_or_else(|| value.clone(), |rest| rest.trim().to_owned())
    };
    let unit = top.unit.clone().unwrap_or_default();
    let mut sentences = vec![plain::sentence(&format!(
        "Your blood pressure {on} was {}/{} {unit}",
        number(top),
        number(bottom)
    ))];
    let place = |line: &ResultLine| match line.standing {
        Standing::Below => Some("below"),
        Standing::Within => Some("within"),
        Standing::Above => Some("above"),
        Standing::Different | Standing::Unclear => None,
    };
    let ranges = (&top.range, &bottom.range, place(top), place(bottom));
    let (Some(top_range), Some(bottom_range), Some(top_place), Some(bottom_place)) = ranges else {
        sentences.extend(line::range_sentence(top));
        return sentences;
    };
    let origin = match &top_range.source {
        Some(_) => "No range came with this result. A usual range for adults is",
        None => "The range that came with this result is",
    };
    let verdict = if top_place == bottom_place {
        format!("so both numbers are {top_place} that range")
    } else {
        format!("so the top number is {top_place} and the bottom number is {bottom_place} that range")
    };
    sentences.push(format!(
        "{origin} {} for the top number and {} for the bottom number, {verdict}.",
        top_range.text, bottom_range.text
    ));
    if let Some(source) = &top_range.source {
        sentences.push(format!("Source of that range: {source}."));
    }
    sentences
}
