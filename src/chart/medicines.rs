//! The patient's medicines: what the chart says each is for and how to take it, literally, and what to ask the
//! pharmacist. Must not advise to start, stop or change anything, and must not compute a dose.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::knowledge::{MedicineClass, contains_word, knowledge};
use super::{plain, records};
use crate::domain::ChartReference;
use crate::domain::chart::{AllergyIntolerance, Chart, Concept, MedicationRequest, RXNORM};
use crate::domain::text::fold;

/// How the chart answers "what is it for?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The record itself names the reason.
    Chart,
    /// The record does not; a condition of the chart is one that medicines of this kind are used for.
    UsualUse,
    /// Nothing in the chart tells.
    Unknown,
}

/// A medicine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Medicine {
    /// The MedicationRequest or MedicationStatement.
    pub reference: ChartReference,
    /// The name as recorded.
    pub name: String,
    /// Its kind in plain words ("a statin"), where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What medicines of this kind are used for, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind_used_for: Option<String>,
    /// What it is for: plain names.
    pub reasons: Vec<String>,
    /// The conditions meant.
    pub conditions: Vec<ChartReference>,
    /// Who says so.
    pub basis: Basis,
    /// How to take it, literally as the chart says.
    pub instructions: Vec<String>,
    /// Status as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether it is a current medicine.
    pub current: bool,
    /// Who ordered it, where the chart says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_by: Option<String>,
    /// Questions for the pharmacist: duplicates and allergies.
    pub questions: Vec<String>,
    /// Codes, `system|code`.
    pub codes: Vec<String>,
}

/// The medicines, current ones first, the newest first; orders of one medicine that repeat each other (refills) are
/// one entry, the newest.
#[must_use]
pub fn list(chart: &Chart, today: Date) -> Vec<Medicine> {
    let mut groups: Vec<(String, &MedicationRequest)> = Vec::new();
    for medicine in chart
        .medication_requests
        .iter()
        .rev()
        .filter(|m| records::medicine_counts(m))
    {
        let key = medicine_key(&medicine.record.code);
        let newer = groups.iter_mut().find(|(known, _)| *known == key);
        match newer {
            // A current order stands before a newer one that was stopped.
            Some((_, lead)) if !records::is_current_medicine(lead) && records::is_current_medicine(medicine) => {
                *lead = medicine
            }
            Some(_) => {}
            None => groups.push((key, medicine)),
        }
    }
    let current: Vec<&MedicationRequest> = groups
        .iter()
        .map(|(_, medicine)| *medicine)
        .filter(|m| records::is_current_medicine(m))
        .collect();
    let mut medicines: Vec<Medicine> = groups
        .iter()
        .map(|(_, medicine)| describe(chart, medicine, &current, today))
        .collect();
    medicines.sort_by_key(|medicine| !medicine.current);
    medicines
}

/// One medicine by its resource id.
#[must_use]
pub fn find<'c>(chart: &'c Chart, id: &str) -> Option<&'c MedicationRequest> {
    chart
        .medication_requests
        .iter()
        .find(|medicine| medicine.record.id == id && records::medicine_counts(medicine))
}

fn medicine_key(concept: &Concept) -> String {
    concept
        .code_in(RXNORM)
        .map_or_else(|| fold(concept.name()), str::to_owned)
}

/// The reference to a medicine.
#[must_use]
pub fn reference_to(medicine: &MedicationRequest) -> ChartReference {
    let kind = if medicine.resource_type.is_empty() {
        "MedicationRequest"
    } else {
        medicine.resource_type.as_str()
    };
    records::reference(kind, &medicine.record, medicine.record.code.name().to_owned())
}

fn describe(chart: &Chart, medicine: &MedicationRequest, current: &[&MedicationRequest], today: Date) -> Medicine {
    let classes = knowledge().classes_of(&medicine.record.code);
    let (reasons, conditions, basis) = what_for(chart, medicine, &classes, today);
    let is_current = records::is_current_medicine(medicine);
    let mut questions = Vec::new();
    if is_current {
        questions.extend(duplicates(medicine, &classes, current));
        questions.extend(allergy_questions(chart, medicine, &classes));
    }
    Medicine {
        reference: reference_to(medicine),
        name: medicine.record.code.name().to_owned(),
        kind: (!classes.is_empty())
            .then(|| plain::list(&classes.iter().map(|class| class.plain.clone()).collect::<Vec<_>>())),
        kind_used_for: match classes.as_slice() {
            [class] => Some(class.used_for.clone()),
            _ => None,
        },
        reasons,
        conditions,
        basis,
        instructions: medicine.instructions.clone(),
        status: medicine.record.status.clone(),
        current: is_current,
        ordered_by: medicine.requester.clone(),
        questions,
        codes: records::codes(&medicine.record.code),
    }
}

/// What the medicine is for: reasons in the record first, then conditions of the chart its kind is used in.
fn what_for(
    chart: &Chart,
    medicine: &MedicationRequest,
    classes: &[&MedicineClass],
    today: Date,
) -> (Vec<String>, Vec<ChartReference>, Basis) {
    let mut reasons: Vec<String> = Vec::new();
    let mut conditions = Vec::new();
    for id in &medicine.reason_conditions {
        let found = chart
            .conditions
            .iter()
            .find(|c| c.record.id == *id && records::condition_counts(c));
        if let Some(condition) = found {
            let name = plain::condition_name(&condition.record.code);
            conditions.push(records::reference("Condition", &condition.record, name.clone()));
            push_new(&mut reasons, name);
        }
    }
    // A reference that was followed also left its name among the reasons; names say it once.
    if reasons.is_empty() {
        for reason in &medicine.reasons {
            push_new(&mut reasons, plain::condition_name(reason));
        }
        for problem in records::problems(chart, today) {
            let Some(lead) = problem.lead() else { continue };
            if reasons.iter().any(|reason| fold(reason) == fold(&problem.name())) {
                conditions.push(records::reference("Condition", &lead.record, problem.name()));
            }
        }
    }
    if !reasons.is_empty() {
        return (reasons, conditions, Basis::Chart);
    }
    for problem in records::problems(chart, today)
        .into_iter()
        .filter(|problem| problem.active)
    {
        let fits = problem
            .known
            .is_some_and(|known| classes.iter().any(|class| class.conditions.contains(&known.key)));
        if let Some(lead) = problem.lead().filter(|_| fits) {
            push_new(&mut reasons, problem.name());
            conditions.push(records::reference("Condition", &lead.record, problem.name()));
        }
    }
    let basis = if reasons.is_empty() {
        Basis::Unknown
    } else {
        Basis::UsualUse
    };
    (reasons, conditions, basis)
}

fn push_new(list: &mut Vec<String>, item: String) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn duplicates(medicine: &MedicationRequest, classes: &[&MedicineClass], current: &[&MedicationRequest]) -> Vec<String> {
    let mut questions = Vec::new();
    for other in current.iter().filter(|other| other.record.id != medicine.record.id) {
        let shared = knowledge()
            .classes_of(&other.record.code)
            .into_iter()
            .find(|c| classes.iter().any(|own| own.key == c.key));
        if let Some(class) = shared {
            questions.push(format!(
                "Your chart lists two medicines of one kind ({}): {} and {}. Ask your pharmacist if both are meant.",
                class.plain,
                medicine.record.code.name(),
                other.record.code.name()
            ));
        }
    }
    questions
}

fn allergy_questions(chart: &Chart, medicine: &MedicationRequest, classes: &[&MedicineClass]) -> Vec<String> {
    let name = fold(medicine.record.code.name());
    let matches = |allergy: &&AllergyIntolerance| {
        let substance = fold(allergy.record.code.name());
        let by_class = classes
            .iter()
            .flat_map(|class| &class.allergy_words)
            .any(|word| substance.contains(word.as_str()));
        let by_word = classes
            .iter()
            .flat_map(|class| &class.words)
            .any(|word| contains_word(&substance, word) && contains_word(&name, word));
        by_class || by_word
    };
    let allergies = chart.allergies.iter().filter(|allergy| allergy_counts(allergy));
    allergies
        .filter(matches)
        .map(|allergy| {
            format!(
                "Your chart lists an allergy ({}) and the medicine {}. Ask your pharmacist or doctor before you take it.",
                plain::without_tag(allergy.record.code.name()),
                medicine.record.code.name()
            )
        })
        .collect()
}

/// Whether an allergy is on record now: not a mistake, not refuted, not inactive or resolved.
#[must_use]
pub fn allergy_counts(allergy: &AllergyIntolerance) -> bool {
    !matches!(allergy.record.status.as_deref(), Some("entered-in-error" | "refuted"))
        && !matches!(allergy.clinical_status.as_deref(), Some("inactive" | "resolved"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    fn medicines(resources: &[serde_json::Value]) -> Vec<Medicine> {
        let mut entries = vec![json!({"resource": {"resourceType": "Patient", "id": "p"}})];
        for (index, resource) in resources.iter().enumerate() {
            let mut resource = resource.clone();
            for (key, value) in [
                ("id", json!(format!("m{index}"))),
                ("subject", json!({"reference": "Patient/p"})),
                ("status", json!("active")),
            ] {
                if resource.get(key).is_none() {
                    resource[key] = value;
                }
            }
            entries.push(json!({"resource": resource}));
        }
        let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string();
        let chart = crate::chart::import::parse_bundle(bundle.as_bytes(), None)
            .unwrap()
            .chart;
        list(&chart, "2026-11-22".parse().unwrap())
    }

    fn order(name: &str) -> serde_json::Value {
        json!({"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": name}})
    }

    #[test]
    fn duplicates_and_allergies_become_questions_for_the_pharmacist_and_never_advice() {
        let allergy = json!({"resourceType": "AllergyIntolerance", "status": null, "patient": {"reference": "Patient/p"}, "code": {"text": "Allergy to penicillin"}});
        let found = medicines(&[
            order("Simvastatin 20 MG"),
            order("Atorvastatin 20 MG"),
            order("Amoxicillin 500 MG"),
            allergy,
        ]);
        let of = |name: &str| found.iter().find(|medicine| medicine.name.starts_with(name)).unwrap();
        assert_eq!(of("Simvastatin").questions.len(), 1);
        assert!(
            of("Atorvastatin")
                .questions
                .first()
                .unwrap()
                .contains("Ask your pharmacist if both are meant.")
        );
        assert!(
            of("Amoxicillin")
                .questions
                .first()
                .unwrap()
                .contains("Allergy to penicillin")
        );
        let resolved = json!({"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p"}, "clinicalStatus": {"coding": [{"code": "resolved"}]}, "code": {"text": "Allergy to penicillin"}});
        assert!(
            medicines(&[order("Amoxicillin 500 MG"), resolved])
                .first()
                .unwrap()
                .questions
                .is_empty()
        );
    }

    #[test]
    fn a_reason_that_the_chart_does_not_state_is_not_claimed() {
        let gout = json!({"resourceType": "Condition", "code": {"text": "Hypertension", "coding": [{"system": "http://snomed.info/sct", "code": "38341003"}]}});
        let found = medicines(&[order("Lisinopril 10 MG"), gout]);
        let medicine = found.first().unwrap();
        assert_eq!(
            (medicine.basis, medicine.reasons.as_slice()),
            (Basis::UsualUse, ["high blood pressure".to_owned()].as_slice())
        );
        let fact = crate::chart::facts::medicine_fact(medicine);
        assert!(
            fact.text.contains("The chart does not say what it is for."),
            "{}",
            fact.text
        );
        assert_eq!(medicines(&[order("Quxamine")]).first().unwrap().basis, Basis::Unknown);
    }

    #[test]
    fn refills_are_one_medicine_and_stopped_ones_are_past() {
        let mut stopped = order("Lisinopril 10 MG");
        stopped["status"] = json!("stopped");
        let found = medicines(&[order("Lisinopril 10 MG"), stopped.clone()]);
        assert_eq!(found.len(), 1);
        assert!(found.first().unwrap().current);
        assert!(!medicines(&[stopped]).first().unwrap().current);
    }
}
