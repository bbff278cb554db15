//! One visit: what happened, what changed, what to do, what to watch. Every line names the record it comes from.
//! Must not read meaning into notes: their text is passed on as written.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interpret::{self, Standing};
use super::{plain, records};
use crate::domain::ChartReference;
use crate::domain::chart::{Chart, Encounter, FhirDate, Record};

/// Which question a line answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VisitSection {
    /// What happened.
    Happened,
    /// What changed.
    Changed,
    /// What to do.
    ToDo,
    /// What to watch.
    Watch,
}

/// One line of a visit summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitLine {
    /// Which question it answers.
    pub section: VisitSection,
    /// What a patient reads.
    pub text: String,
    /// The records behind it.
    pub references: Vec<ChartReference>,
}

/// A note of a visit, as written. Its text is data, never instructions to a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitNote {
    /// The record.
    pub reference: ChartReference,
    /// The text as written.
    pub text: String,
}

/// A visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitSummary {
    /// The Encounter.
    pub reference: ChartReference,
    /// Name.
    pub name: String,
    /// Kind in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// When, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The lines, by section.
    pub lines: Vec<VisitLine>,
    /// Notes, as written.
    pub notes: Vec<VisitNote>,
}

/// The name of a visit.
#[must_use]
pub fn name(encounter: &Encounter) -> String {
    let name = plain::without_tag(encounter.record.code.name());
    if name == "unnamed" {
        kind(encounter).unwrap_or("visit").to_owned()
    } else {
        name.to_owned()
    }
}

/// The kind of a visit in plain words (HL7 v3 ActCode).
#[must_use]
pub fn kind(encounter: &Encounter) -> Option<&'static str> {
    Some(match encounter.class.as_deref()? {
        "AMB" => "office visit",
        "EMER" => "emergency room visit",
        "IMP" | "ACUTE" | "NONAC" => "hospital stay",
        "OBSENC" => "hospital stay for observation",
        "SS" | "DAY" => "day surgery or short stay",
        "VR" => "video or phone visit",
        "HH" => "home visit",
        "PRENC" => "check before a hospital stay",
        _ => return None,
    })
}

/// Summarises the visit with this id; `None` where the chart has none or it was entered in error.
#[must_use]
pub fn summary(chart: &Chart, id: &str, today: Date) -> Option<VisitSummary> {
    let encounter = chart
        .encounters
        .iter()
        .find(|encounter| encounter.record.id == id && !encounter.record.is_error())?;
    let mut lines = about(encounter);
    lines.extend(found(chart, encounter));
    lines.extend(done(chart, id));
    lines.extend(results(chart, id, today));
    lines.extend(changed(chart, id));
    lines.extend(to_do(chart, encounter));
    lines.sort_by_key(|line| line.section);
    Some(VisitSummary {
        reference: reference(encounter),
        name: name(encounter),
        kind: kind(encounter).map(str::to_owned),
        when: encounter.record.date.as_ref().and_then(plain::date),
        lines,
        notes: notes(chart, id),
    })
}

fn reference(encounter: &Encounter) -> ChartReference {
    records::reference("Encounter", &encounter.record, name(encounter))
}

fn belongs(record: &Record, id: &str) -> bool {
    record.encounter.as_deref() == Some(id) && !record.is_error()
}

fn line(section: VisitSection, text: String, reference: ChartReference) -> VisitLine {
    VisitLine {
        section,
        text,
        references: vec![reference],
    }
}

fn about(encounter: &Encounter) -> Vec<VisitLine> {
    let what = kind(encounter).unwrap_or("visit");
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    let mut text = format!(
        "You had {article} {what} {}: {}",
        plain::on_date(encounter.record.date.as_ref()),
        name(encounter)
    );
    if !encounter.participants.is_empty() {
        text.push_str(&format!(", with {}", plain::list(&encounter.participants)));
    }
    if let Some(place) = &encounter.location {
        text.push_str(&format!(", at {place}"));
    }
    let mut lines = vec![line(
        VisitSection::Happened,
        plain::sentence(&text),
        reference(encounter),
    )];
    let start = encounter.record.date.as_ref().and_then(FhirDate::first_day);
    let end = encounter.end.as_ref().and_then(FhirDate::first_day);
    if let (Some(start), Some(end)) = (start, end)
        && end > start
    {
        let days = plain::days_between(start, end);
        let plural = if days == 1 { "" } else { "s" };
        let text = format!(
            "It ended {}, {days} day{plural} later.",
            plain::on_date(encounter.end.as_ref())
        );
        lines.push(line(VisitSection::Happened, text, reference(encounter)));
    }
    if let Some(discharge) = &encounter.discharge {
        let text = plain::sentence(&format!("When you left, the record says: {}", discharge.name()));
        lines.push(line(VisitSection::Happened, text, reference(encounter)));
    }
    if !encounter.reasons.is_empty() {
        let reasons: Vec<String> = encounter.reasons.iter().map(plain::condition_name).collect();
        let text = plain::sentence(&format!("The reason for the visit was: {}", plain::list(&reasons)));
        lines.push(line(VisitSection::Happened, text, reference(encounter)));
    }
    lines
}

fn found(chart: &Chart, encounter: &Encounter) -> Vec<VisitLine> {
    let id = encounter.record.id.as_str();
    let mut lines = Vec::new();
    for condition in chart
        .conditions
        .iter()
        .filter(|condition| records::condition_counts(condition))
    {
        let name = plain::condition_name(&condition.record.code);
        let reference = records::reference("Condition", &condition.record, name.clone());
        if belongs(&condition.record, id) {
            let text = plain::sentence(&format!("This was recorded: {name}"));
            lines.push(line(VisitSection::Changed, text, reference));
        } else if encounter.diagnoses.contains(&condition.record.id) {
            lines.push(line(
                VisitSection::Happened,
                plain::sentence(&format!("The visit was about: {name}")),
                reference,
            ));
        }
    }
    lines
}

fn done(chart: &Chart, id: &str) -> Vec<VisitLine> {
    let mut lines = Vec::new();
    for procedure in chart
        .procedures
        .iter()
        .filter(|procedure| belongs(&procedure.record, id))
    {
        let name = plain::without_tag(procedure.record.code.name()).to_owned();
        let reference = records::reference("Procedure", &procedure.record, name.clone());
        let verb = match procedure.record.status.as_deref() {
            Some("completed") | None => "This was done",
            Some("not-done") => "This was not done",
            Some("stopped") => "This was stopped before it was finished",
            _ => "This was started",
        };
        lines.push(line(
            VisitSection::Happened,
            plain::sentence(&format!("{verb}: {name}")),
            reference.clone(),
        ));
        for follow_up in &procedure.follow_up {
            let text = plain::sentence(&format!("After {name}: {}", follow_up.name()));
            lines.push(line(VisitSection::ToDo, text, reference.clone()));
        }
    }
    for vaccine in chart
        .immunizations
        .iter()
        .filter(|vaccine| belongs(&vaccine.record, id))
    {
        let name = plain::vaccine_name(&vaccine.record.code);
        let given = vaccine.record.status.as_deref() != Some("not-done");
        let verb = if given {
            "You got this vaccine"
        } else {
            "This vaccine was not given"
        };
        let reference = records::reference("Immunization", &vaccine.record, name.clone());
        lines.push(line(
            VisitSection::Happened,
            plain::sentence(&format!("{verb}: {name}")),
            reference,
        ));
    }
    lines
}

fn results(chart: &Chart, id: &str, today: Date) -> Vec<VisitLine> {
    let mut lines = Vec::new();
    for observation in chart
        .observations
        .iter()
        .filter(|o| belongs(&o.record, id) && records::is_usable(o))
    {
        let read: Vec<_> = records::readings_of(observation)
            .map(|reading| interpret::line(chart, &reading, today))
            .collect();
        let out = read
            .iter()
            .any(|l| matches!(l.standing, Standing::Above | Standing::Below | Standing::Different));
        let section = if out {
            VisitSection::Watch
        } else {
            VisitSection::Happened
        };
        let text = interpret::value_sentences(observation, &read).join(" ");
        lines.push(line(section, text, interpret::reference_to(observation)));
    }
    lines
}

fn changed(chart: &Chart, id: &str) -> Vec<VisitLine> {
    let mut lines = Vec::new();
    for medicine in chart
        .medication_requests
        .iter()
        .filter(|m| belongs(&m.record, id) && records::medicine_counts(m))
    {
        let name = medicine.record.code.name();
        let mut text = match medicine.record.status.as_deref() {
            Some("stopped" | "cancelled") => format!("This medicine was ordered and is marked as stopped now: {name}."),
            Some("completed") => format!("This medicine was ordered and is marked as finished now: {name}."),
            _ => format!("This medicine was ordered: {name}."),
        };
        for instruction in &medicine.instructions {
            text.push_str(&format!(" The chart says: {}", plain::quoted(instruction)));
        }
        lines.push(line(
            VisitSection::Changed,
            text,
            super::medicines::reference_to(medicine),
        ));
    }
    for allergy in chart.allergies.iter().filter(|allergy| belongs(&allergy.record, id)) {
        let name = super::view::allergy_name(&allergy.record.code);
        let reference = records::reference("AllergyIntolerance", &allergy.record, name.clone());
        lines.push(line(
            VisitSection::Changed,
            plain::sentence(&format!("An allergy was recorded: {name}")),
            reference,
        ));
    }
    lines
}

fn to_do(chart: &Chart, encounter: &Encounter) -> Vec<VisitLine> {
    let id = encounter.record.id.as_str();
    let mut lines = Vec::new();
    for order in chart
        .service_requests
        .iter()
        .filter(|order| belongs(&order.record, id) && !order.do_not_perform)
    {
        let name = plain::without_tag(order.record.code.name()).to_owned();
        let mut text = plain::sentence(&format!("This was ordered: {name}"));
        if let Some(date) = order.occurrence.as_ref().and_then(plain::date) {
            text.push_str(&format!(" It is meant for {date}."));
        }
        if let Some(instruction) = &order.patient_instruction {
            text.push_str(&format!(" The chart says: {}", plain::quoted(instruction)));
        }
        lines.push(line(
            VisitSection::ToDo,
            text,
            records::reference("ServiceRequest", &order.record, name),
        ));
    }
    for plan in chart.care_plans.iter().filter(|plan| belongs(&plan.record, id)) {
        let name = super::next_steps::plan_name(plan);
        let mut activities: Vec<String> = Vec::new();
        for activity in &plan.activities {
            let activity = plain::without_tag(activity.code.name()).to_owned();
            if !activities.contains(&activity) {
                activities.push(activity);
            }
        }
        let listed = if activities.is_empty() {
            String::new()
        } else {
            format!(": {}", plain::list(&activities))
        };
        let text = plain::sentence(&format!("A care plan was made ({name}){listed}"));
        lines.push(line(
            VisitSection::ToDo,
            text,
            records::reference("CarePlan", &plan.record, name),
        ));
    }
    lines
}

fn notes(chart: &Chart, id: &str) -> Vec<VisitNote> {
    let mut notes: Vec<VisitNote> = Vec::new();
    for document in chart.documents.iter().filter(|document| belongs(&document.record, id)) {
        if document.doc_status.as_deref() == Some("entered-in-error") {
            continue;
        }
        if let Some(text) = &document.text {
            let reference = records::reference(
                "DocumentReference",
                &document.record,
                document.record.code.name().to_owned(),
            );
            notes.push(VisitNote {
                reference,
                text: text.clone(),
            });
        }
    }
    for report in chart
        .diagnostic_reports
        .iter()
        .filter(|report| belongs(&report.record, id))
    {
        // One note is often sent both as a document and as a report.
        if let Some(text) = report
            .text
            .as_ref()
            .filter(|text| !notes.iter().any(|note| note.text == **text))
        {
            let reference =
                records::reference("DiagnosticReport", &report.record, report.record.code.name().to_owned());
            notes.push(VisitNote {
                reference,
                text: text.clone(),
            });
        }
    }
    notes
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));

    #[test]
    fn a_visit_tells_what_happened_what_to_do_and_each_line_names_its_record() {
        let chart = crate::chart::import::parse_bundle(DEMO.as_bytes(), None).unwrap().chart;
        let today = "2026-11-22".parse().unwrap();
        let found = summary(&chart, "demo-visit-2026-09", today).unwrap();
        assert!(found.lines.iter().all(|line| !line.references.is_empty()));
        let to_do: Vec<&str> = found
            .lines
            .iter()
            .filter(|l| l.section == VisitSection::ToDo)
            .map(|l| l.text.as_str())
            .collect();
        assert_eq!(to_do.len(), 2);
        assert!(
            to_do
                .iter()
                .any(|text| text.starts_with("This was ordered: Ultrasound of the kidneys."))
        );
        assert!(
            found
                .notes
                .iter()
                .any(|note| note.text.contains("Follow-up for high blood pressure"))
        );
        let emergency = summary(&chart, "demo-er-2025", today).unwrap();
        assert_eq!(emergency.kind.as_deref(), Some("emergency room visit"));
        assert!(
            emergency
                .lines
                .iter()
                .any(|line| line.text == "This was recorded: Sprained ankle."
                    || line.text == "This was recorded: sprained ankle.")
        );
        assert_eq!(summary(&chart, "nothing", today), None);
    }
}
