//! Results explained, on small charts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value as Json, json};

use super::*;
use crate::chart::import::parse_bundle;
use crate::domain::PatientId;
use crate::domain::text::flesch_kincaid_grade;

const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));

fn today() -> Date {
    "2026-11-22".parse().unwrap()
}

fn demo() -> Chart {
    parse_bundle(DEMO.as_bytes(), Some(&PatientId::parse("demo-patient").unwrap()))
        .unwrap()
        .chart
}

fn chart(person: Json, resources: &[Json]) -> Chart {
    let mut patient = json!({"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1970-05-01"});
    for (key, value) in person.as_object().unwrap() {
        patient[key] = value.clone();
    }
    let mut entries = vec![json!({"resource": patient})];
    for (index, resource) in resources.iter().enumerate() {
        let mut resource = resource.clone();
        let defaults = json!({"resourceType": "Observation", "id": format!("o{index}"), "status": "final", "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2026-11-20"});
        for (key, value) in defaults.as_object().unwrap() {
            if resource.get(key).is_none() {
                resource[key] = value.clone();
            }
        }
        entries.push(json!({"resource": resource}));
    }
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string();
    parse_bundle(bundle.as_bytes(), None).unwrap().chart
}

fn loinc(code: &str) -> Json {
    json!({"coding": [{"system": "http://loinc.org", "code": code}]})
}

fn one(observation: Json) -> ResultExplanation {
    result(&chart(json!({}), &[observation]), "o0", today()).unwrap()
}

#[test]
fn a_result_is_told_with_its_own_range_and_its_history() {
    let found = result(&demo(), "demo-a1c-2026", today()).unwrap();
    assert_eq!(
        found.sentences.join(" "),
        "Your A1C on March 3, 2026 was 6.1%. The range that came with this result is 4.0% to 5.6%, so it is above that \
         range. This measures your average blood sugar over the past 2 to 3 months. It was 5.6% on February 12, 2024: it \
         has gone up in 3 results. That is a rise of about 0.24 percentage points a year."
    );
    let trend = found.trends[0].as_ref().unwrap();
    assert_eq!(
        (trend.count, trend.direction, trend.without_turns),
        (3, Direction::Up, true)
    );
    assert_eq!(
        trend.series.iter().map(|p| p.value).collect::<Vec<_>>(),
        [5.6, 5.9, 6.1]
    );
    assert_eq!(found.urgency, None);
}

#[test]
fn an_older_result_says_that_there_is_a_newer_one() {
    let found = result(&demo(), "demo-a1c-2024", today()).unwrap();
    assert_eq!(found.newer.unwrap().id, "demo-a1c-2026");
    assert_eq!(found.lines[0].standing, Standing::Within);
}

#[test]
fn a_cancelled_or_mistaken_result_is_not_explained() {
    assert_eq!(result(&demo(), "demo-a1c-cancelled", today()), None);
    assert_eq!(result(&demo(), "nothing", today()), None);
    let wrong = chart(
        json!({}),
        &[json!({"status": "entered-in-error", "code": loinc("4548-4"), "valueQuantity": {"value": 12, "unit": "%"}})],
    );
    assert_eq!(result(&wrong, "o0", today()), None);
}

#[test]
fn the_range_for_the_patients_sex_and_age_is_taken() {
    let found = result(&demo(), "demo-creatinine-2026", today()).unwrap();
    assert_eq!(found.lines[0].range.as_ref().unwrap().text, "0.5 to 1.0 mg/dL");
    assert_eq!(found.lines[0].standing, Standing::Above);
    let both = json!([{"low": {"value": 1}, "high": {"value": 2}}, {"low": {"value": 3}, "high": {"value": 4}}]);
    let unsure = one(json!({"code": {"text": "x"}, "valueQuantity": {"value": 2.5}, "referenceRange": both}));
    assert_eq!(unsure.lines[0].standing, Standing::Unclear);
    assert!(
        unsure.lines[0]
            .why_unclear
            .as_ref()
            .unwrap()
            .starts_with("Several ranges")
    );
    let ages = json!([{"age": {"high": {"value": 18, "unit": "years"}}, "high": {"value": 5}}, {"age": {"low": {"value": 18, "unit": "years"}}, "high": {"value": 9}}]);
    let adult = one(json!({"code": {"text": "x"}, "valueQuantity": {"value": 7}, "referenceRange": ages}));
    assert_eq!(adult.lines[0].standing, Standing::Within);
    let men = json!([{"appliesTo": [{"text": "men"}], "high": {"value": 5}}]);
    let woman = one(json!({"code": {"text": "x"}, "valueQuantity": {"value": 7}, "referenceRange": men}));
    assert_eq!(woman.lines[0].standing, Standing::Unclear);
}

#[test]
fn without_a_range_the_usual_one_is_named_with_its_source_or_it_is_said_that_there_is_none() {
    let known = one(json!({"code": loinc("2951-2"), "valueQuantity": {"value": 150, "unit": "mEq/L"}}));
    assert_eq!(known.lines[0].standing, Standing::Above);
    assert!(
        known.lines[0]
            .range
            .as_ref()
            .unwrap()
            .source
            .as_ref()
            .unwrap()
            .contains("MedlinePlus")
    );
    let unknown = one(json!({"code": {"text": "Zonulin"}, "valueQuantity": {"value": 30, "unit": "ng/mL"}}));
    assert_eq!(
        unknown.sentences,
        [
            "Your Zonulin on November 20, 2026 was 30 ng/mL.",
            "No range came with this result."
        ]
    );
    let child = chart(
        json!({"birthDate": "2020-01-01"}),
        &[json!({"code": loinc("718-7"), "valueQuantity": {"value": 11, "unit": "g/dL"}})],
    );
    let child = result(&child, "o0", today()).unwrap();
    assert_eq!(child.lines[0].standing, Standing::Unclear);
    assert_eq!(
        child.lines[0].why_unclear.as_deref(),
        Some("Usual ranges for adults do not fit this age.")
    );
    let pregnant = json!({"resourceType": "Condition", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "72892002"}]}, "onsetDateTime": "2026-08-01"});
    let pregnant = chart(
        json!({}),
        &[
            json!({"code": loinc("718-7"), "valueQuantity": {"value": 11, "unit": "g/dL"}}),
            pregnant,
        ],
    );
    let pregnant = result(&pregnant, "o0", today()).unwrap();
    assert_eq!(
        pregnant.lines[0].why_unclear.as_deref(),
        Some("Usual ranges can be different in pregnancy.")
    );
}

#[test]
fn values_and_ranges_in_different_units_are_compared_only_where_they_convert() {
    let range = json!([{"low": {"value": 70, "unit": "mg/dL"}, "high": {"value": 99, "unit": "mg/dL"}}]);
    let converts = one(
        json!({"code": loinc("1558-6"), "valueQuantity": {"value": 6.5, "unit": "mmol/L"}, "referenceRange": range}),
    );
    assert_eq!(converts.lines[0].standing, Standing::Above);
    let does_not =
        one(json!({"code": {"text": "x"}, "valueQuantity": {"value": 6.5, "unit": "mmol/L"}, "referenceRange": range}));
    assert_eq!(does_not.lines[0].standing, Standing::Unclear);
    assert!(
        does_not.lines[0]
            .why_unclear
            .as_ref()
            .unwrap()
            .contains("different units")
    );
}

#[test]
fn a_trend_over_two_units_is_in_the_newest_one() {
    let chart = chart(
        json!({}),
        &[
            json!({"code": loinc("4548-4"), "effectiveDateTime": "2024-01-01", "valueQuantity": {"value": 39, "unit": "mmol/mol"}}),
            json!({"code": loinc("17856-6"), "effectiveDateTime": "2025-01-01", "valueQuantity": {"value": 6.4, "unit": "%"}}),
        ],
    );
    let trend = result(&chart, "o1", today()).unwrap().trends.remove(0).unwrap();
    assert_eq!(
        (trend.first.shown.as_str(), trend.last.shown.as_str(), trend.direction),
        ("5.72%", "6.4%", Direction::Up)
    );
}

#[test]
fn words_and_comparators_are_compared_only_where_they_can_be() {
    let text = |value: &str, range: &str| {
        one(json!({"code": {"text": "Culture"}, "valueString": value, "referenceRange": [{"text": range}]})).lines[0]
            .standing
    };
    assert_eq!(text("Not detected", "Negative"), Standing::Within);
    assert_eq!(text("POSITIVE", "Negative"), Standing::Different);
    assert_eq!(text("Few colonies", "Negative"), Standing::Unclear);
    let less = one(
        json!({"code": {"text": "x"}, "valueQuantity": {"value": 5, "comparator": "<", "unit": "mg/L"}, "referenceRange": [{"text": "<10 mg/L"}]}),
    );
    assert_eq!(less.sentences[0], "Your x on November 20, 2026 was less than 5 mg/L.");
    assert_eq!(
        less.lines[0].standing,
        Standing::Unclear,
        "mg/L is not a known unit, so the text range is not read"
    );
    let open = one(
        json!({"code": {"text": "x"}, "valueQuantity": {"value": 5, "comparator": "<"}, "referenceRange": [{"text": "<10"}]}),
    );
    assert_eq!(open.lines[0].standing, Standing::Within);
}

#[test]
fn a_missing_value_says_why() {
    let found = one(json!({"code": loinc("4548-4"), "dataAbsentReason": {"coding": [{"code": "not-performed"}]}}));
    assert_eq!(found.sentences[1], "The record has no value: the test was not done.");
}

#[test]
fn critical_values_raise_urgency_only_while_they_are_new() {
    let potassium = |value: f64, date: &str| {
        one(json!({"code": loinc("2823-3"), "effectiveDateTime": date, "valueQuantity": {"value": value, "unit": "mmol/L"}})).urgency
    };
    assert_eq!(potassium(6.2, "2026-11-20"), Some(Urgency::Urgent));
    assert_eq!(potassium(6.1, "2026-11-20"), None);
    assert_eq!(potassium(2.8, "2026-11-20"), Some(Urgency::Urgent));
    assert_eq!(potassium(6.9, "2026-11-15"), Some(Urgency::Urgent));
    assert_eq!(potassium(6.9, "2026-11-14"), None);
    let oxygen = one(json!({"code": loinc("59408-5"), "valueQuantity": {"value": 87, "unit": "%"}}));
    assert_eq!(oxygen.urgency, Some(Urgency::Emergency));
    assert!(oxygen.sentences.iter().any(|sentence| sentence.contains("call 911")));
    let open =
        one(json!({"code": loinc("2823-3"), "valueQuantity": {"value": 3, "comparator": ">", "unit": "mmol/L"}}));
    assert_eq!(open.urgency, None);
}

#[test]
fn blood_pressure_is_told_as_a_pair() {
    let found = result(&demo(), "demo-bp-2026-09", today()).unwrap();
    assert_eq!(
        found.sentences[0],
        "Your blood pressure on September 15, 2026 was 134/82 mmHg."
    );
    assert!(
        found.sentences[1].ends_with("so both numbers are above that range."),
        "{}",
        found.sentences[1]
    );
    assert_eq!(found.lines.len(), 2);
}

#[test]
fn a_panel_is_told_as_a_whole() {
    let found = result(&demo(), "demo-ldl-2026", today()).unwrap().panel.unwrap();
    assert_eq!(
        found.sentences.join(" "),
        "Your cholesterol panel on March 3, 2026 has 4 results. LDL cholesterol and triglycerides are above their ranges. \
         Total cholesterol and HDL cholesterol are within their ranges."
    );
    assert_eq!(found.references[0].id, "demo-lipid-2026");
}

#[test]
fn what_a_patient_reads_is_at_grade_eight_or_below() {
    let chart = demo();
    for observation in chart
        .observations
        .iter()
        .filter(|observation| records::is_usable(observation))
    {
        let found = explain(&chart, observation, today());
        let text: Vec<&str> = found
            .sentences
            .iter()
            .map(String::as_str)
            .filter(|s| !s.starts_with("Source"))
            .collect();
        let grade = flesch_kincaid_grade(&text.join(" "));
        assert!(grade <= 8.0, "{grade}: {}", text.join(" "));
    }
}

#[test]
fn ten_thousand_observations_are_explained_in_time() {
    let mut chart = demo();
    let template = records::observation(&chart, "demo-a1c-2024").unwrap().clone();
    for index in 0..10_000 {
        let mut copy = template.clone();
        copy.record.id = format!("many-{index}");
        chart.observations.insert(0, copy);
    }
    let start = std::time::Instant::now();
    assert!(result(&chart, "demo-a1c-2026", today()).is_some());
    // Twenty times the budget of a release build: this guards against quadratic work, the bench measures.
    assert!(
        start.elapsed() < std::time::Duration::from_millis(400),
        "{:?}",
        start.elapsed()
    );
}
