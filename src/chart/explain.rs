//! What the chart says about one condition, ready for an explanation that the guidance then grounds.
//! Must not say what the condition is or what will happen: that is the guidance's part.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::knowledge::{contains_word, knowledge};
use super::{facts, medicines, plain, records};
use crate::domain::chart::{Chart, Condition, FhirDate};
use crate::domain::text::fold;
use crate::domain::{ChartReference, Fact};

/// A condition and what belongs to it in the chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConditionContext {
    /// The Condition.
    pub reference: ChartReference,
    /// The name as recorded.
    pub recorded_name: String,
    /// Plain name.
    pub name: String,
    /// Whether a plain name is known for its code (else the recorded one is used).
    pub known: bool,
    /// Whether it is active.
    pub active: bool,
    /// Status in plain words.
    pub status: String,
    /// Since when, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Severity and stage as recorded.
    pub stage: Vec<String>,
    /// Facts: the condition itself, then the latest related results.
    pub facts: Vec<Fact>,
    /// Medicines of the chart for it.
    pub medicines: Vec<Fact>,
    /// Care plans that address it.
    pub care_plans: Vec<Fact>,
    /// Notes that came with it, as written.
    pub notes: Vec<String>,
    /// All records of this condition.
    pub records: Vec<ChartReference>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
    /// Words for retrieval.
    pub topics: Vec<String>,
}

/// The status of a condition in plain words.
#[must_use]
pub fn status_words(condition: &Condition, active: bool) -> String {
    let sure = match condition.record.status.as_deref() {
        Some("unconfirmed") => " (not confirmed)",
        Some("provisional") => " (not yet confirmed)",
        Some("differential") => " (one of several possibilities)",
        _ => "",
    };
    let status = match condition.clinical_status.as_deref() {
        Some("recurrence") if active => "came back",
        Some("relapse") if active => "came back after getting better",
        Some("inactive") => "not active now",
        Some("remission") => "in remission",
        Some("resolved") => "over",
        _ if active => "active",
        _ => "over",
    };
    format!("{status}{sure}")
}

/// The condition with this id and what belongs to it; `None` where the chart has none, or one that must not be used.
#[must_use]
pub fn condition(chart: &Chart, id: &str, today: Date) -> Option<ConditionContext> {
    let found = chart.conditions.iter().find(|condition| condition.record.id == id)?;
    if !records::condition_counts(found) {
        return None;
    }
    let problem = records::problems(chart, today)
        .into_iter()
        .find(|p| p.records.iter().any(|c| c.record.id == id))?;
    let active = records::is_active(found, today);
    let name = plain::condition_name(&found.record.code);
    let stage = found
        .stage
        .iter()
        .chain(&found.severity)
        .map(|concept| plain::without_tag(concept.name()).to_owned());
    let ids: Vec<&str> = problem
        .records
        .iter()
        .map(|condition| condition.record.id.as_str())
        .collect();
    Some(ConditionContext {
        reference: records::reference("Condition", &found.record, name.clone()),
        recorded_name: found.record.code.name().to_owned(),
        known: problem.known.is_some(),
        active,
        status: status_words(found, active),
        since: problem
            .onset()
            .and_then(plain::date)
            .or_else(|| found.onset_text.clone()),
        stage: stage.collect(),
        facts: related_facts(chart, &problem, today),
        medicines: medicines_for(chart, &ids, today),
        care_plans: plans_for(chart, &ids, &name, today),
        notes: found.record.notes.clone(),
        records: problem
            .records
            .iter()
            .map(|c| records::reference("Condition", &c.record, name.clone()))
            .collect(),
        codes: records::codes(&found.record.code),
        topics: topics(&problem),
        name,
    })
}

/// Words for retrieval: the plain name, the recorded one, the known topics.
#[must_use]
pub fn topics(problem: &records::Problem<'_>) -> Vec<String> {
    let mut topics: Vec<String> = problem.known.map(|known| known.topics.clone()).unwrap_or_default();
    let recorded = problem
        .lead()
        .map(|condition| plain::without_tag(condition.record.code.name()).to_owned());
    for name in [problem.name()].into_iter().chain(recorded) {
        if !topics.iter().any(|topic| fold(topic) == fold(&name)) {
            topics.push(name);
        }
    }
    topics
}

fn related_facts(chart: &Chart, problem: &records::Problem<'_>, today: Date) -> Vec<Fact> {
    let mut found: Vec<Fact> = facts::condition_fact(problem).into_iter().collect();
    let tests = problem.known.map(|known| known.tests.as_slice()).unwrap_or_default();
    found.extend(tests.iter().filter_map(|key| facts::test_fact(chart, key, today)));
    found
}

fn medicines_for(chart: &Chart, ids: &[&str], today: Date) -> Vec<Fact> {
    let current = medicines::list(chart, today)
        .into_iter()
        .filter(|medicine| medicine.current);
    current
        .filter(|m| m.conditions.iter().any(|c| ids.contains(&c.id.as_str())))
        .map(|m| facts::medicine_fact(&m))
        .collect()
}

fn plans_for(chart: &Chart, ids: &[&str], name: &str, today: Date) -> Vec<Fact> {
    let mut found = Vec::new();
    for plan in chart
        .care_plans
        .iter()
        .filter(|plan| super::next_steps::plan_is_active(plan, today))
    {
        let by_id = plan.address_conditions.iter().any(|id| ids.contains(&id.as_str()));
        let by_name = plan.addresses.iter().any(|address| fold(address) == fold(name));
        if !by_id && !by_name {
            continue;
        }
        let plan_name = super::next_steps::plan_name(plan);
        let mut activities: Vec<String> = Vec::new();
        for activity in &plan.activities {
            let activity = plain::without_tag(activity.code.name()).to_owned();
            if activity != "unnamed" && !activities.contains(&activity) {
                activities.push(activity);
            }
        }
        let mut text = format!("You have a care plan for {name}: {plan_name}.");
        if !activities.is_empty() {
            text.push_str(&format!(" It lists: {}.", plain::list(&activities)));
        }
        for goal in &plan.goals {
            text.push_str(&format!(" A goal in the plan is: {}.", goal.trim_end_matches('.')));
        }
        found.push(Fact {
            text,
            references: vec![records::reference("CarePlan", &plan.record, plan_name.clone())],
            topics: vec![plan_name],
            codes: records::codes(&plan.record.code),
            urgency: None,
        });
    }
    found
}

/// The problem of the chart that a folded text names, by patients' words or by the recorded name.
#[must_use]
pub fn named_problem<'c>(chart: &'c Chart, text: &str, today: Date) -> Option<records::Problem<'c>> {
    let mut best: Option<(usize, records::Problem<'c>)> = None;
    for problem in records::problems(chart, today) {
        let recorded = problem
            .lead()
            .map(|condition| fold(plain::without_tag(condition.record.code.name())));
        let plain_name = fold(problem.name().split(" (").next().unwrap_or_default());
        let words = problem.known.map(|known| known.words.clone()).unwrap_or_default();
        let names = words.into_iter().chain(recorded).chain([plain_name]);
        let length = names
            .filter(|name| name.len() >= 3 && contains_word(text, name))
            .map(|name| name.len())
            .max();
        if let Some(length) = length
            && best.as_ref().is_none_or(|(known, _)| length > *known)
        {
            best = Some((length, problem));
        }
    }
    best.map(|(_, problem)| problem)
}

/// When a condition was first recorded, for sorting and for pages.
#[must_use]
pub fn first_day(condition: &Condition) -> Option<Date> {
    records::began(condition).and_then(FhirDate::first_day)
}

/// Whether the knowledge has a plain name for a condition.
#[must_use]
pub fn is_known(condition: &Condition) -> bool {
    knowledge().condition_of(&condition.record.code).is_some()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));

    #[test]
    fn a_condition_comes_with_its_results_medicines_and_plans() {
        let chart = crate::chart::import::parse_bundle(DEMO.as_bytes(), None).unwrap().chart;
        let today = "2026-11-22".parse().unwrap();
        let found = condition(&chart, "demo-hypertension", today).unwrap();
        assert_eq!(
            (found.name.as_str(), found.status.as_str(), found.since.as_deref()),
            ("high blood pressure", "active", Some("June 11, 2019"))
        );
        assert!(found.facts.iter().any(|fact| fact.text.contains("134/82 mmHg")));
        assert_eq!(found.medicines.len(), 1);
        assert!(
            found
                .care_plans
                .iter()
                .any(|fact| fact.text.contains("Blood pressure below 130/80"))
        );
        assert!(
            found
                .codes
                .contains(&"http://hl7.org/fhir/sid/icd-10-cm|I10".to_owned())
        );
        let kidneys = condition(&chart, "demo-ckd", today).unwrap();
        assert_eq!(kidneys.stage, ["Stage 3a"]);
        assert_eq!(condition(&chart, "demo-wrong-entry", today), None);
        assert_eq!(condition(&chart, "nothing", today), None);
    }
}
