//! Facts for questions, on the demo patient.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::chart::import::parse_bundle;
use crate::domain::text::flesch_kincaid_grade;

const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));
const DEMO_2: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient-2.json"));

fn ask(question: &str) -> Vec<Fact> {
    let chart = parse_bundle(DEMO.as_bytes(), None).unwrap().chart;
    for_question(&chart, question, "2026-11-22".parse().unwrap())
}

fn ids(question: &str) -> Vec<String> {
    ask(question)
        .into_iter()
        .filter_map(|fact| fact.references.first().map(|reference| reference.id.clone()))
        .collect()
}

#[test]
fn each_question_gets_the_records_it_needs_and_no_others() {
    for (question, wanted) in [
        ("What does my A1C mean?", vec!["demo-a1c-2026"]),
        (
            "Is my kidney function getting worse?",
            vec!["demo-egfr-2026", "demo-uacr-2026"],
        ),
        ("Why am I on lisinopril?", vec!["demo-lisinopril"]),
        ("What is my statin for?", vec!["demo-atorvastatin"]),
        ("How much ibuprofen can I take?", vec!["demo-ibuprofen"]),
        ("Why do I take a blood pressure pill?", vec!["demo-lisinopril"]),
        (
            "What do I still need to do before my surgery?",
            vec!["demo-ecg", "demo-appt-surgery"],
        ),
        ("When is my next appointment?", vec!["demo-appt-checkup"]),
        ("Am I allergic to anything?", vec!["demo-penicillin"]),
        ("What medicines do I take?", vec!["demo-ibuprofen"]),
        ("Do I have diabetes?", vec!["demo-prediabetes", "demo-a1c-2026"]),
        ("When was my last mammogram?", vec!["demo-mammogram-2024"]),
        ("Did I get my shingles shot?", vec!["demo-shingles-1"]),
        ("What was my potassium?", vec!["demo-potassium-2026"]),
        ("What happened at my last visit?", vec!["demo-visit-2026-09"]),
        ("Does diabetes run in my family?", vec!["demo-mother", "demo-father"]),
    ] {
        let found = ids(question);
        assert_eq!(found, wanted, "{question}");
    }
}

#[test]
fn questions_without_relation_to_the_chart_get_nothing() {
    for question in [
        "What is the flu?",
        "What are the symptoms of a heart attack?",
        "My mother has diabetes, what should she eat?",
        "My husband's A1C is 9, is that bad?",
        "Can you tell me what my son's blood pressure should be?",
        "How much lisinopril can my 2 year old have?",
        "can my 18-month-old take lisinopril",
        "My teenage son took my wife's lisinopril, what now?",
        "What is the dose of lisinopril for a five year old?",
        "Is gout contagious?",
        "How do I pay my bill?",
        "Can I eat grapefruit?",
        "",
    ] {
        assert_eq!(ask(question), Vec::new(), "{question}");
    }
}

#[test]
fn a_question_about_me_that_mentions_somebody_else_is_still_about_me() {
    assert_eq!(ids("My husband says my A1C is too high"), ["demo-a1c-2026"]);
}

#[test]
fn a_fact_says_what_the_chart_says_and_nothing_else() {
    let found = ask("Why am I on lisinopril?").remove(0);
    assert_eq!(
        found.text,
        "Your chart lists this medicine: lisinopril 10 MG Oral Tablet. The chart says what it is for: high blood \
         pressure. The chart says how to take it: \"Take 1 tablet by mouth once a day in the morning.\""
    );
    assert_eq!(found.codes, ["http://www.nlm.nih.gov/research/umls/rxnorm|314076"]);
    assert!(found.topics.contains(&"high blood pressure".to_owned()));
    assert_eq!(
        ask("When was my last colonoscopy?").remove(0).text,
        "Your chart shows no colonoscopy."
    );
}

#[test]
fn of_a_result_with_many_parts_only_the_part_asked_for_is_told() {
    let bundle = serde_json::json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p"}},
        {"resource": {"resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-01-02", "code": {"text": "Fertility hormone panel"}, "component": [
            {"code": {"text": "FSH"}, "valueQuantity": {"value": 6, "unit": "mIU/mL"}},
            {"code": {"coding": [{"system": "http://loinc.org", "code": "3016-3"}]}, "valueQuantity": {"value": 1.8, "unit": "uIU/mL"}}]}}]});
    let chart = parse_bundle(bundle.to_string().as_bytes(), None).unwrap().chart;
    let today = "2026-11-22".parse().unwrap();
    let part = for_question(&chart, "What is my TSH?", today).remove(0);
    assert!(
        part.text
            .starts_with("Your TSH (thyroid) on January 2, 2026 was 1.8 uIU/mL.")
            && !part.text.contains("FSH"),
        "{}",
        part.text
    );
    let whole = for_question(&chart, "What did my hormone panel show?", today).remove(0);
    assert!(
        whole.text.contains("FSH") && whole.text.contains("TSH"),
        "{}",
        whole.text
    );
}

#[test]
fn a_condition_that_was_entered_in_error_is_never_told() {
    for question in [
        "Do I have type 2 diabetes?",
        "What are my conditions?",
        "Do I have diabetes?",
    ] {
        for fact in ask(question) {
            assert!(
                !fact
                    .references
                    .iter()
                    .any(|reference| reference.id == "demo-wrong-entry"),
                "{question}"
            );
        }
    }
}

#[test]
fn facts_are_few_plain_and_of_one_patient_only() {
    let chart = parse_bundle(DEMO_2.as_bytes(), None).unwrap().chart;
    let today = "2026-11-22".parse().unwrap();
    for question in [
        "What do my results show?",
        "my blood pressure, kidneys, cholesterol, blood count and my next steps",
        "What are my next steps?",
        "What are my conditions?",
        "what vaccines have I had?",
    ] {
        let found = ask(question);
        assert!(found.len() <= MOST, "{question}");
        // A list of names is as hard to read as the names are.
        for fact in found
            .iter()
            .filter(|fact| !fact.text.starts_with("Your chart lists these"))
        {
            let grade = flesch_kincaid_grade(&fact.text);
            assert!(grade <= 8.5, "{grade}: {}", fact.text);
        }
        for fact in for_question(&chart, question, today) {
            assert!(
                fact.references
                    .iter()
                    .all(|reference| reference.id.starts_with("demo2-")),
                "{}",
                fact.text
            );
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    #[test]
    fn any_question_is_answered_or_not_without_panicking(question in "\\PC{0,80}") {
        proptest::prop_assert!(ask(&question).len() <= MOST);
    }
}
