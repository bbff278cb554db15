//! The whole chart, grouped and plain, for `GET /v1/me/chart`. Shows what is recorded, plain names beside codes.
//! Must not show records that were entered in error, and must not hide that something was kept unread.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interpret::{self, ResultLine};
use super::medicines::Medicine;
use super::records::{self, Reading};
use super::{knowledge, next_steps, plain};
use crate::domain::ChartReference;
use crate::domain::chart::{Chart, Concept, FhirDate, Record};

/// A chart, grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChartView {
    /// The person.
    pub about: AboutView,
    /// Conditions that are active, newest first.
    pub conditions_active: Vec<ConditionView>,
    /// Conditions that are over.
    pub conditions_past: Vec<ConditionView>,
    /// Results by test, the latest tests first.
    pub results: Vec<ResultGroup>,
    /// Medicines taken now.
    pub medicines_current: Vec<Medicine>,
    /// Medicines of the past.
    pub medicines_past: Vec<Medicine>,
    /// Allergies.
    pub allergies: Vec<AllergyView>,
    /// Vaccines, latest first.
    pub vaccines: Vec<VaccineView>,
    /// Procedures, latest first.
    pub procedures: Vec<ItemView>,
    /// Visits, latest first.
    pub visits: Vec<VisitView>,
    /// Reports, latest first.
    pub reports: Vec<ItemView>,
    /// Notes, latest first: names only.
    pub notes: Vec<ItemView>,
    /// Care plans, active ones first.
    pub care_plans: Vec<CarePlanView>,
    /// Orders, latest first.
    pub orders: Vec<ItemView>,
    /// Appointments, by date.
    pub appointments: Vec<ItemView>,
    /// What runs in the family.
    pub family_history: Vec<FamilyView>,
    /// Records that are kept but not read, by type.
    pub kept_unread: BTreeMap<String, usize>,
}

/// The person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AboutView {
    /// The patient's id.
    pub id: String,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Date of birth as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
    /// Age in whole years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_years: Option<i32>,
    /// Sex for clinical use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// Preferred language (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether the record says that the patient has died.
    pub deceased: bool,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConditionView {
    /// The record shown.
    pub reference: ChartReference,
    /// Plain name.
    pub name: String,
    /// The name as recorded.
    pub recorded_name: String,
    /// Status in plain words.
    pub status: String,
    /// Since when, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Until when, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many records say the same.
    pub records: usize,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
}

/// The results of one test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultGroup {
    /// Plain name.
    pub name: String,
    /// What it measures, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<String>,
    /// Category as recorded (`laboratory`, `vital-signs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// How many results there are.
    pub count: usize,
    /// The latest result.
    pub latest: ResultView,
    /// The ones before, latest first, at most 20.
    pub earlier: Vec<ResultView>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResultView {
    /// The Observation; `GET /v1/me/results/{id}/explanation` explains it.
    pub reference: ChartReference,
    /// When, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Its values.
    pub lines: Vec<ResultLine>,
    /// Status where it is not final (`preliminary`, `amended`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// An allergy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AllergyView {
    /// The record.
    pub reference: ChartReference,
    /// Name.
    pub name: String,
    /// Reactions as recorded.
    pub reactions: Vec<String>,
    /// `low`, `high`, `unable-to-assess`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<String>,
    /// Whether it is on record now.
    pub active: bool,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
}

/// A vaccine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VaccineView {
    /// The record.
    pub reference: ChartReference,
    /// Plain name.
    pub name: String,
    /// The name as recorded.
    pub recorded_name: String,
    /// When, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether it was given.
    pub given: bool,
    /// Dose number, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose: Option<String>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
}

/// Something with a name and a date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemView {
    /// The record.
    pub reference: ChartReference,
    /// Name.
    pub name: String,
    /// When, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Status as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// More, in plain words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
}

/// A visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitView {
    /// The record.
    pub reference: ChartReference,
    /// Name.
    pub name: String,
    /// Kind in plain words ("emergency room").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// When, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Why.
    pub reasons: Vec<String>,
    /// Who saw the patient.
    pub with: Vec<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A care plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CarePlanView {
    /// The record.
    pub reference: ChartReference,
    /// Name.
    pub name: String,
    /// Whether it runs now.
    pub active: bool,
    /// Since when, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What it is for.
    pub addresses: Vec<String>,
    /// Its goals, in its own words.
    pub goals: Vec<String>,
    /// Its activities with their status.
    pub activities: Vec<String>,
}

/// A relative's conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FamilyView {
    /// The record.
    pub reference: ChartReference,
    /// The relative.
    pub relative: String,
    /// The conditions.
    pub conditions: Vec<String>,
}

/// How many earlier results of one test are listed; the explanation has them all.
const EARLIER: usize = 20;

/// The chart, grouped and plain.
#[must_use]
pub fn grouped(chart: &Chart, today: Date) -> ChartView {
    let (conditions_active, conditions_past) = conditions(chart, today);
    let (medicines_current, medicines_past) = super::medicines::list(chart, today)
        .into_iter()
        .partition(|medicine| medicine.current);
    ChartView {
        about: about(chart, today),
        conditions_active,
        conditions_past,
        results: results(chart, today),
        medicines_current,
        medicines_past,
        allergies: allergies(chart),
        vaccines: vaccines(chart),
        procedures: procedures(chart),
        visits: visits(chart),
        reports: reports(chart),
        notes: notes(chart),
        care_plans: care_plans(chart, today),
        orders: orders(chart),
        appointments: appointments(chart),
        family_history: family(chart),
        kept_unread: chart.kept_unread.clone(),
    }
}

fn about(chart: &Chart, today: Date) -> AboutView {
    let person = &chart.person;
    let sex = chart.sex().map(|sex| match sex {
        crate::domain::chart::Sex::Female => "female".to_owned(),
        crate::domain::chart::Sex::Male => "male".to_owned(),
    });
    AboutView {
        id: chart.patient.to_string(),
        name: person.name.clone(),
        birth_date: person.birth_date.as_ref().map(|date| date.0.clone()),
        age_years: chart.age_years(
            person
                .deceased_date
                .as_ref()
                .and_then(FhirDate::first_day)
                .unwrap_or(today),
        ),
        sex,
        language: person.language.clone(),
        deceased: person.deceased,
    }
}

fn conditions(chart: &Chart, today: Date) -> (Vec<ConditionView>, Vec<ConditionView>) {
    let mut active = Vec::new();
    let mut past = Vec::new();
    for problem in records::problems(chart, today) {
        let Some(lead) = problem.lead() else { continue };
        let view = ConditionView {
            reference: records::reference("Condition", &lead.record, problem.name()),
            name: problem.name(),
            recorded_name: lead.record.code.name().to_owned(),
            status: super::explain::status_words(lead, problem.active),
            since: problem
                .onset()
                .and_then(plain::date)
                .or_else(|| lead.onset_text.clone()),
            until: if problem.active {
                None
            } else {
                lead.abatement
                    .as_ref()
                    .and_then(plain::date)
                    .or_else(|| lead.abatement_text.clone())
            },
            records: problem.records.len(),
            codes: records::codes(&lead.record.code),
        };
        if problem.active {
            active.push(view)
        } else {
            past.push(view)
        }
    }
    (active, past)
}

fn results(chart: &Chart, today: Date) -> Vec<ResultGroup> {
    let mut groups: Vec<(String, Vec<&crate::domain::chart::Observation>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for observation in chart
        .observations
        .iter()
        .rev()
        .filter(|observation| records::is_usable(observation))
    {
        let key = records::series_key(&observation.record.code);
        match places.get(&key).and_then(|place| groups.get_mut(*place)) {
            Some((_, members)) => members.push(observation),
            None => {
                places.insert(key.clone(), groups.len());
                groups.push((key, vec![observation]));
            }
        }
    }
    groups
        .into_iter()
        .filter_map(|(_, members)| {
            let latest = *members.first()?;
            let test = knowledge::knowledge().test_of(&latest.record.code);
            let earlier = members
                .iter()
                .skip(1)
                .take(EARLIER)
                .map(|observation| result(chart, observation, today))
                .collect();
            Some(ResultGroup {
                name: interpret::name_of(latest),
                measures: test.map(|test| test.measures.clone()),
                category: latest
                    .record
                    .category
                    .first()
                    .and_then(|c| c.codings.first().map(|code| code.code.clone())),
                count: members.len(),
                latest: result(chart, latest, today),
                earlier,
                codes: records::codes(&latest.record.code),
            })
        })
        .collect()
}

fn result(chart: &Chart, observation: &crate::domain::chart::Observation, today: Date) -> ResultView {
    let readings: Vec<Reading<'_>> = records::readings_of(observation).collect();
    ResultView {
        reference: interpret::reference_to(observation),
        when: observation.record.date.as_ref().and_then(plain::date),
        lines: readings
            .iter()
            .map(|reading| interpret::line(chart, reading, today))
            .collect(),
        status: observation.record.status.clone().filter(|status| status != "final"),
    }
}

fn allergies(chart: &Chart) -> Vec<AllergyView> {
    let counted = chart
        .allergies
        .iter()
        .filter(|a| !matches!(a.record.status.as_deref(), Some("entered-in-error" | "refuted")));
    counted
        .map(|allergy| AllergyView {
            reference: records::reference(
                "AllergyIntolerance",
                &allergy.record,
                allergy_name(&allergy.record.code),
            ),
            name: allergy_name(&allergy.record.code),
            reactions: allergy
                .reactions
                .iter()
                .map(|reaction| plain::without_tag(reaction.name()).to_owned())
                .collect(),
            criticality: allergy.criticality.clone(),
            active: super::medicines::allergy_counts(allergy),
            codes: records::codes(&allergy.record.code),
        })
        .collect()
}

/// The name of an allergy.
#[must_use]
pub fn allergy_name(concept: &Concept) -> String {
    plain::without_tag(concept.name()).to_owned()
}

fn vaccines(chart: &Chart) -> Vec<VaccineView> {
    let counted = chart
        .immunizations
        .iter()
        .rev()
        .filter(|immunization| !immunization.record.is_error());
    counted
        .map(|immunization| VaccineView {
            reference: records::reference(
                "Immunization",
                &immunization.record,
                plain::vaccine_name(&immunization.record.code),
            ),
            name: plain::vaccine_name(&immunization.record.code),
            recorded_name: immunization.record.code.name().to_owned(),
            when: immunization.record.date.as_ref().and_then(plain::date),
            given: immunization.record.status.as_deref() != Some("not-done"),
            dose: immunization.dose_number.clone(),
            codes: records::codes(&immunization.record.code),
        })
        .collect()
}

fn item(resource_type: &str, record: &Record, name: String, details: Vec<String>) -> ItemView {
    ItemView {
        reference: records::reference(resource_type, record, name.clone()),
        name,
        when: record.date.as_ref().and_then(plain::date),
        status: record.status.clone(),
        details,
        codes: records::codes(&record.code),
    }
}

fn procedures(chart: &Chart) -> Vec<ItemView> {
    let counted = chart
        .procedures
        .iter()
        .rev()
        .filter(|procedure| !procedure.record.is_error());
    counted
        .map(|procedure| {
            let mut details: Vec<String> = procedure
                .reasons
                .iter()
                .map(|r| format!("For: {}", plain::condition_name(r)))
                .collect();
            details.dedup();
            details.extend(
                procedure
                    .outcome
                    .iter()
                    .map(|outcome| format!("Outcome: {}", outcome.name())),
            );
            details.extend(procedure.record.notes.iter().cloned());
            item(
                "Procedure",
                &procedure.record,
                plain::without_tag(procedure.record.code.name()).to_owned(),
                details,
            )
        })
        .collect()
}

fn visits(chart: &Chart) -> Vec<VisitView> {
    let counted = chart
        .encounters
        .iter()
        .rev()
        .filter(|encounter| !encounter.record.is_error());
    counted
        .map(|encounter| VisitView {
            reference: records::reference("Encounter", &encounter.record, super::visits::name(encounter)),
            name: super::visits::name(encounter),
            kind: super::visits::kind(encounter).map(str::to_owned),
            when: encounter.record.date.as_ref().and_then(plain::date),
            reasons: encounter.reasons.iter().map(plain::condition_name).collect(),
            with: encounter.participants.clone(),
            place: encounter.location.clone(),
        })
        .collect()
}

fn reports(chart: &Chart) -> Vec<ItemView> {
    let counted = chart
        .diagnostic_reports
        .iter()
        .rev()
        .filter(|report| !report.record.is_error());
    counted
        .map(|report| {
            let known = knowledge::knowledge().panel_of(&report.record.code);
            let name = known.map_or_else(|| plain::test_name(&report.record.code), |panel| panel.name.clone());
            let mut details: Vec<String> = report.conclusion.iter().cloned().collect();
            if !report.results.is_empty() {
                details.push(format!("{} results", report.results.len()));
            }
            item("DiagnosticReport", &report.record, name, details)
        })
        .collect()
}

fn notes(chart: &Chart) -> Vec<ItemView> {
    let counted = chart
        .documents
        .iter()
        .rev()
        .filter(|note| !note.record.is_error() && note.doc_status.as_deref() != Some("entered-in-error"));
    counted
        .map(|note| {
            item(
                "DocumentReference",
                &note.record,
                note.record.code.name().to_owned(),
                note.description.iter().cloned().collect(),
            )
        })
        .collect()
}

fn care_plans(chart: &Chart, today: Date) -> Vec<CarePlanView> {
    let mut plans: Vec<CarePlanView> = chart
        .care_plans
        .iter()
        .filter(|plan| !plan.record.is_error())
        .map(|plan| CarePlanView {
            reference: records::reference("CarePlan", &plan.record, next_steps::plan_name(plan)),
            name: next_steps::plan_name(plan),
            active: next_steps::plan_is_active(plan, today),
            since: plan.record.date.as_ref().and_then(plain::date),
            addresses: plan.addresses.clone(),
            goals: plan.goals.clone(),
            activities: plan
                .activities
                .iter()
                .map(|activity| {
                    let status = activity
                        .status
                        .as_ref()
                        .map(|status| format!(" ({status})"))
                        .unwrap_or_default();
                    format!("{}{status}", plain::without_tag(activity.code.name()))
                })
                .collect(),
        })
        .collect();
    plans.sort_by_key(|plan| !plan.active);
    plans
}

fn orders(chart: &Chart) -> Vec<ItemView> {
    let counted = chart
        .service_requests
        .iter()
        .rev()
        .filter(|order| !order.record.is_error());
    counted
        .map(|order| {
            let mut details: Vec<String> = order
                .reasons
                .iter()
                .map(|reason| format!("For: {}", plain::condition_name(reason)))
                .collect();
            details.extend(
                order
                    .occurrence
                    .as_ref()
                    .and_then(plain::date)
                    .map(|date| format!("Meant for {date}")),
            );
            details.extend(order.patient_instruction.iter().cloned());
            item(
                "ServiceRequest",
                &order.record,
                plain::without_tag(order.record.code.name()).to_owned(),
                details,
            )
        })
        .collect()
}

fn appointments(chart: &Chart) -> Vec<ItemView> {
    let mut counted: Vec<_> = chart
        .appointments
        .iter()
        .filter(|appointment| !appointment.record.is_error())
        .collect();
    counted.sort_by_key(|appointment| records::instant(appointment.record.date.as_ref()));
    counted
        .into_iter()
        .map(|appointment| {
            let mut details: Vec<String> = appointment
                .record
                .date
                .as_ref()
                .and_then(plain::time_of_day)
                .into_iter()
                .collect();
            details.extend(appointment.participants.iter().map(|who| format!("With {who}")));
            details.extend(appointment.patient_instruction.iter().cloned());
            item(
                "Appointment",
                &appointment.record,
                next_steps::appointment_name(appointment),
                details,
            )
        })
        .collect()
}

fn family(chart: &Chart) -> Vec<FamilyView> {
    let counted = chart
        .family_history
        .iter()
        .filter(|relative| !relative.record.is_error());
    counted
        .map(|relative| FamilyView {
            reference: records::reference(
                "FamilyMemberHistory",
                &relative.record,
                relative.record.code.name().to_owned(),
            ),
            relative: relative.record.code.name().to_owned(),
            conditions: relative
                .conditions
                .iter()
                .map(|condition| plain::condition_name(&condition.code))
                .collect(),
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));

    #[test]
    fn the_demo_chart_is_grouped_and_mistakes_are_not_shown() {
        let chart = crate::chart::import::parse_bundle(DEMO.as_bytes(), None).unwrap().chart;
        let view = grouped(&chart, "2026-11-22".parse().unwrap());
        assert_eq!(view.about.age_years, Some(58));
        let names: Vec<&str> = view
            .conditions_active
            .iter()
            .map(|condition| condition.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "chronic kidney disease",
                "prediabetes",
                "high cholesterol",
                "high blood pressure"
            ]
        );
        assert_eq!(view.conditions_past.len(), 1);
        let a1c = view.results.iter().find(|group| group.name == "A1C").unwrap();
        assert_eq!((a1c.count, a1c.latest.reference.id.as_str()), (3, "demo-a1c-2026"));
        assert_eq!(view.medicines_current.len(), 3);
        assert_eq!(view.medicines_past.len(), 1);
        assert!(view.vaccines.iter().any(|vaccine| !vaccine.given));
        assert_eq!(view.kept_unread.values().sum::<usize>(), 3);
        let text = serde_json::to_string(&view).unwrap();
        assert!(!text.contains("demo-wrong-entry") && !text.contains("demo-a1c-cancelled"));
        let copy: ChartView = serde_json::from_str(&text).unwrap();
        assert_eq!(copy, view);
    }
}
