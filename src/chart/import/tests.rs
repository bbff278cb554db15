//! Import of well-formed, malformed and real bundles.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::Read as _;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::domain::chart::Value;

const DEMO: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient.json"));
const DEMO_2: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/demo/demo-patient-2.json"));

fn import(bundle: &Json) -> Result<ImportedChart, ImportError> {
    parse_bundle(bundle.to_string().as_bytes(), None)
}

fn patient() -> Json {
    json!({"resource": {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1970-05-01"}})
}

fn bundle(resources: &[Json]) -> Json {
    let mut entries = vec![patient()];
    entries.extend(resources.iter().map(|resource| json!({"resource": resource})));
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries})
}

fn observation(fields: Json) -> Json {
    let mut observation = json!({"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "A1C"}, "subject": {"reference": "Patient/p"}});
    for (key, value) in fields.as_object().unwrap() {
        observation[key] = value.clone();
    }
    observation
}

#[test]
fn the_demo_bundles_import_whole_without_a_warning() {
    for (text, id) in [(DEMO, "demo-patient"), (DEMO_2, "demo-patient-2")] {
        let expected = PatientId::parse(id).unwrap();
        let found = parse_bundle(text.as_bytes(), Some(&expected)).unwrap();
        assert_eq!(found.chart.patient, expected);
        assert_eq!(found.report.warnings, Vec::<String>::new());
        let counted: usize = found
            .report
            .read
            .values()
            .chain(found.report.kept_unread.values())
            .sum();
        assert_eq!(counted, found.resources.len());
    }
    let found = parse_bundle(DEMO.as_bytes(), None).unwrap();
    assert_eq!(
        found
            .chart
            .medication_requests
            .iter()
            .filter(|m| m.record.code.name().contains("atorvastatin"))
            .count(),
        1
    );
    assert!(found.chart.documents.iter().all(|document| document.text.is_some()));
}

#[test]
fn every_complaint_names_the_path_and_the_reason_but_not_the_value() {
    let cases = [
        (
            json!({"valueQuantity": {"value": "secret"}}),
            "entry[1].resource.valueQuantity.value: expected a number, found text",
        ),
        (
            json!({"valueQuantity": 6.1}),
            "entry[1].resource.valueQuantity: expected an object, found a number",
        ),
        (
            json!({"code": ["secret"]}),
            "entry[1].resource.code: expected an object, found a list",
        ),
        (
            json!({"effectiveDateTime": "2026-02-30"}),
            "entry[1].resource.effectiveDateTime: is not a FHIR date",
        ),
        (
            json!({"component": {"code": {}}}),
            "entry[1].resource.component: expected a list, found an object",
        ),
        (
            json!({"component": [{"valueQuantity": {"value": true}}]}),
            "entry[1].resource.component[0].valueQuantity.value: expected a number, found true or false",
        ),
        (
            json!({"valueQuantity": {"value": 1, "comparator": "secret"}}),
            "entry[1].resource.valueQuantity.comparator: is not a comparator",
        ),
        (
            json!({"resourceType": 7}),
            "entry[1].resource.resourceType: expected text, found a number",
        ),
        (
            json!({"status": 5}),
            "entry[1].resource.status: expected text, found a number",
        ),
    ];
    for (fields, message) in cases {
        let error = import(&bundle(&[observation(fields)])).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!error.to_string().contains("secret"));
        assert!(error.to_string().starts_with(error.path()));
    }
}

#[test]
fn what_is_no_bundle_is_refused() {
    let error = |bytes: &[u8]| parse_bundle(bytes, None).unwrap_err().to_string();
    assert_eq!(error(b""), "line 1, column 0: the text ends too early");
    assert_eq!(
        error(b"{\"resourceType\": \"Bundle\""),
        "line 1, column 25: the text ends too early"
    );
    assert_eq!(error(b"\n hello"), "line 2, column 2: is not valid JSON");
    assert_eq!(error(b"{\"a\": \xff}"), "line 1, column 7: is not UTF-8 text");
    assert_eq!(
        error("[".repeat(100_000).as_bytes()),
        "line 1, column 128: is nested too deeply"
    );
    assert_eq!(error(b"[]"), ": expected an object, found a list");
    assert_eq!(error(b"{}"), "resourceType: is missing");
    assert_eq!(
        error(br#"{"resourceType": "Patient", "id": "p"}"#),
        "resourceType: is not Bundle"
    );
    assert_eq!(error(br#"{"resourceType": "Bundle"}"#), "type: is missing");
    assert!(error(br#"{"resourceType": "Bundle", "type": "history"}"#).starts_with("type: is none of"));
    assert_eq!(
        error(br#"{"resourceType": "Bundle", "type": "batch"}"#),
        "entry: the bundle holds no Patient resource"
    );
    assert_eq!(
        error(&vec![b' '; MAX_BYTES + 1]),
        format!("the bundle has more than {MAX_BYTES} bytes")
    );
}

#[test]
fn another_patient_two_patients_and_strangers_are_kept_apart() {
    let other = PatientId::parse("q").unwrap();
    let text = bundle(&[]).to_string();
    assert_eq!(
        parse_bundle(text.as_bytes(), Some(&other)).unwrap_err(),
        ImportError::OtherPatient {
            path: "entry[0].resource".to_owned()
        }
    );

    let partner = json!({"resourceType": "Patient", "id": "q"});
    let his =
        json!({"resourceType": "Condition", "id": "c", "code": {"text": "his"}, "subject": {"reference": "Patient/q"}});
    let nobodys = json!({"resourceType": "Condition", "id": "d", "code": {"text": "whose"}});
    let two = bundle(&[partner, his, nobodys]);
    assert!(matches!(import(&two).unwrap_err(), ImportError::SeveralPatients { .. }));
    let mine = parse_bundle(two.to_string().as_bytes(), Some(&PatientId::parse("p").unwrap())).unwrap();
    assert!(mine.chart.conditions.is_empty());
    assert_eq!(mine.report.kept_unread["Condition (another person)"], 2);
    assert_eq!(mine.resources.len(), 4);
    assert_eq!(
        parse_bundle(two.to_string().as_bytes(), Some(&other))
            .unwrap()
            .chart
            .conditions
            .len(),
        1
    );
    assert_eq!(patients(two.to_string().as_bytes()).unwrap().len(), 2);

    let stranger =
        observation(json!({"id": "s", "subject": {"reference": "https://elsewhere.example/fhir/Patient/x"}}));
    let one_slip = import(&bundle(&[observation(json!({})), stranger.clone()])).unwrap();
    assert_eq!(one_slip.chart.observations.len(), 1);
    assert_eq!(
        one_slip.report.warnings,
        ["entry[2].resource: is about another person or thing; not read into the chart"]
    );
    assert_eq!(
        import(&bundle(&[stranger])).unwrap_err(),
        ImportError::OtherPatient {
            path: "entry[1].resource".to_owned()
        }
    );
}

#[test]
fn references_of_every_kind_are_followed() {
    let text = json!({"resourceType": "Bundle", "type": "searchset", "entry": [
        {"fullUrl": "urn:uuid:11111111-1111-1111-1111-111111111111", "resource": {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": "7"}]}},
        {"fullUrl": "urn:uuid:22222222-2222-2222-2222-222222222222", "resource": {"resourceType": "Condition", "code": {"text": "gout"}, "subject": {"reference": "urn:uuid:11111111-1111-1111-1111-111111111111"}}},
        {"fullUrl": "https://ehr.example/fhir/Medication/m1", "resource": {"resourceType": "Medication", "id": "m1", "code": {"text": "allopurinol"}}},
        {"resource": {"resourceType": "MedicationRequest", "id": "a", "subject": {"reference": "Patient/11111111-1111-1111-1111-111111111111"}, "medicationReference": {"reference": "https://ehr.example/fhir/Medication/m1/_history/3"}, "reasonReference": [{"reference": "urn:uuid:22222222-2222-2222-2222-222222222222"}]}},
        {"resource": {"resourceType": "MedicationRequest", "id": "b", "subject": {"reference": "Patient?identifier=urn:mrn|7"}, "contained": [{"resourceType": "Medication", "id": "x", "code": {"text": "colchicine"}}], "medicationReference": {"reference": "#x"}}},
        {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome", "id": "oo"}}
    ]});
    let found = import(&text).unwrap();
    assert_eq!(found.chart.patient.as_str(), "11111111-1111-1111-1111-111111111111");
    let medicine = |id: &str| {
        found
            .chart
            .medication_requests
            .iter()
            .find(|m| m.record.id == id)
            .unwrap()
    };
    assert_eq!(medicine("a").record.code.name(), "allopurinol");
    assert_eq!(
        medicine("a").reason_conditions,
        ["22222222-2222-2222-2222-222222222222"]
    );
    assert_eq!(medicine("a").reasons[0].name(), "gout");
    assert_eq!(medicine("b").record.code.name(), "colchicine");
    assert_eq!(
        found.chart.conditions[0].record.id,
        "22222222-2222-2222-2222-222222222222"
    );
    assert_eq!(found.report.kept_unread["OperationOutcome"], 1);
    assert_eq!(found.report.warnings, Vec::<String>::new());
}

#[test]
fn values_keep_the_text_the_sender_wrote() {
    let text = r#"{"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p"}},
        {"resource": {"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}, "code": {"text": "A1C"}, "valueQuantity": {"value": 6.10, "unit": "%"}}}]}"#;
    let found = parse_bundle(text.as_bytes(), None).unwrap();
    let Some(Value::Quantity(quantity)) = &found.chart.observations[0].value else {
        panic!("no quantity")
    };
    assert_eq!((quantity.value, quantity.value_text.as_str()), (6.1, "6.10"));
}

#[test]
fn observations_are_sorted_by_instant_over_precisions_and_time_zones() {
    let dated = |id: &str, date: &str| observation(json!({"id": id, "effectiveDateTime": date}));
    let found = import(&bundle(&[
        dated("d", "2026-03-03T01:00:00+02:00"),
        dated("c", "2026-03-02T22:30:00Z"),
        dated("b", "2026-03"),
        dated("a", "2025"),
        observation(json!({"id": "undated"})),
        dated("e", "2026-03-03"),
    ]));
    let ids: Vec<String> = found
        .unwrap()
        .chart
        .observations
        .into_iter()
        .map(|o| o.record.id)
        .collect();
    assert_eq!(ids, ["undated", "a", "b", "c", "d", "e"]);
}

#[test]
fn a_resource_that_stands_twice_counts_once_and_nothing_is_lost() {
    let old = observation(json!({"meta": {"lastUpdated": "2026-01-01T00:00:00Z"}, "valueQuantity": {"value": 5}}));
    let new = observation(json!({"meta": {"lastUpdated": "2026-02-01T00:00:00Z"}, "valueQuantity": {"value": 6}}));
    let found = import(&bundle(&[new.clone(), old, new])).unwrap();
    assert_eq!(found.chart.observations.len(), 1);
    assert!(matches!(&found.chart.observations[0].value, Some(Value::Quantity(q)) if q.value_text == "6"));
    assert_eq!(found.report.kept_unread["Observation (older version)"], 1);
    assert_eq!(found.report.kept_unread["Observation (repeated)"], 1);
    assert_eq!(found.resources.len(), 4);
}

#[test]
fn observations_about_somebody_else_than_their_subject_are_not_the_patients() {
    let found = import(&bundle(&[observation(
        json!({"focus": [{"reference": "RelatedPerson/donor"}]}),
    )]))
    .unwrap();
    assert!(found.chart.observations.is_empty());
    assert_eq!(found.report.kept_unread["Observation (another person)"], 1);
}

#[test]
fn a_note_that_cannot_be_decoded_is_warned_about_and_kept() {
    let document = json!({"resourceType": "DocumentReference", "id": "n", "subject": {"reference": "Patient/p"}, "content": [{"attachment": {"contentType": "text/plain", "data": "###"}}]});
    let found = import(&bundle(&[document])).unwrap();
    assert_eq!(found.chart.documents[0].text, None);
    assert_eq!(
        found.report.warnings,
        ["entry[1].resource.content[0].attachment.data: is no text that can be read; kept as received"]
    );
}

#[test]
fn coded_dosage_is_put_into_words_without_rounding() {
    let medicine = |dosage: Json| json!({"resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p"}, "medicationCodeableConcept": {"text": "x"}, "dosageInstruction": dosage});
    let read = |dosage: Json| {
        import(&bundle(&[medicine(dosage)]))
            .unwrap()
            .chart
            .medication_requests
            .remove(0)
            .instructions
    };
    assert_eq!(
        read(
            json!([{"timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}, "doseAndRate": [{"doseQuantity": {"value": 1.5, "unit": "tablet"}}]}])
        ),
        ["1.5 tablet, 2 times each day"]
    );
    assert_eq!(
        read(
            json!([{"timing": {"repeat": {"frequency": 1, "period": 6, "periodUnit": "h"}}, "asNeededBoolean": true}])
        ),
        ["1 time every 6 hours, as needed"]
    );
    assert_eq!(
        read(json!([{"text": "Take with food.", "patientInstruction": "Not at night."}])),
        ["Take with food. Not at night."]
    );
}

/// The folder with real bundles; `None` (said loudly) where it is missing.
fn real_bundles() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/fhir");
    let Ok(files) = std::fs::read_dir(folder) else {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("SKIPPED: no real bundles at {folder}");
        }
        return None;
    };
    let mut found = Vec::new();
    for file in files {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut bytes = Vec::new();
            flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap())
                .read_to_end(&mut bytes)
                .unwrap();
            found.push((path.file_stem().unwrap().to_string_lossy().into_owned(), bytes));
        }
    }
    Some(found)
}

#[test]
fn all_real_bundles_import_with_nothing_lost() {
    let Some(files) = real_bundles() else { return };
    let manifest = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/data/fhir/MANIFEST.json"
    ))
    .unwrap();
    let manifest: Vec<Json> = serde_json::from_str(&manifest).unwrap();
    assert_eq!(files.len(), manifest.len());
    for (name, bytes) in files {
        let described = manifest
            .iter()
            .find(|described| described["file"] == name.as_str())
            .unwrap();
        let owner = patients(&bytes).unwrap().remove(0).id;
        let found = parse_bundle(&bytes, Some(&owner)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (kind, count) in found.report.read.iter().chain(&found.report.kept_unread) {
            *counts.entry(kind.split(" (").next().unwrap()).or_default() += *count as u64;
        }
        let wanted: BTreeMap<&str, u64> = described["resources"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_u64().unwrap()))
            .collect();
        assert_eq!(counts, wanted, "{name}");
        let document: Json = serde_json::from_slice(&bytes).unwrap();
        let received: Vec<&Json> = document["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["resource"])
            .collect();
        assert_eq!(found.resources.iter().collect::<Vec<_>>(), received, "{name}");
        assert_eq!(
            found.chart.person.gender.as_deref(),
            described["sex"].as_str(),
            "{name}"
        );
        assert_eq!(
            found.chart.person.birth_date.as_ref().map(|d| d.0.as_str()),
            described["birth"].as_str(),
            "{name}"
        );
        let today = "2026-11-22".parse().unwrap();
        for problem in crate::chart::records::problems(&found.chart, today)
            .iter()
            .filter(|p| p.active)
        {
            let names: Vec<&str> = problem.records.iter().map(|c| c.record.code.name()).collect();
            let listed = described["active_conditions"].as_array().unwrap();
            assert!(
                listed.iter().any(|l| names
                    .iter()
                    .any(|n| n.contains(l.as_str().unwrap().split(" (").next().unwrap()))),
                "{name}: {names:?} is not active"
            );
        }
        let copy: Chart = serde_json::from_str(&serde_json::to_string(&found.chart).unwrap()).unwrap();
        assert_eq!(copy, found.chart, "{name}");
    }
}

#[test]
fn another_patients_record_inside_a_real_bundle_stays_out() {
    let Some(files) = real_bundles() else { return };
    let (_, bytes) = files.iter().find(|(name, _)| name.contains("JaneDavis")).unwrap();
    let found = parse_bundle(bytes, Some(&PatientId::parse("patient-jane").unwrap())).unwrap();
    assert!(
        found
            .chart
            .conditions
            .iter()
            .all(|condition| condition.record.id != "cond-cf-carrier-john")
    );
    assert!(
        found
            .chart
            .observations
            .iter()
            .all(|o| o.record.id != "obs-semen-analysis")
    );
    let (_, bytes) = files.iter().find(|(name, _)| name.contains("ElenaKim")).unwrap();
    let found = parse_bundle(bytes, None).unwrap();
    assert!(
        found
            .chart
            .observations
            .iter()
            .all(|o| o.record.id != "obs-ob-history-1")
    );
    assert!(
        found
            .report
            .warnings
            .iter()
            .any(|warning| warning.starts_with("entry[15].resource:"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_refused_without_panicking(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse_bundle(&bytes, None).is_err());
    }

    #[test]
    fn cutting_or_changing_a_good_bundle_never_panics(cut in 0usize..6000, byte in any::<u8>()) {
        let mut bytes = DEMO_2.as_bytes().to_vec();
        // The closing brace or anything before it: without the last line break the bundle is still whole.
        let at = cut % bytes.trim_ascii_end().len();
        bytes[at] = byte;
        let _ = parse_bundle(&bytes, None);
        bytes.truncate(at);
        prop_assert!(parse_bundle(&bytes, None).is_err());
    }

    #[test]
    fn any_quantity_keeps_its_text(number in -1_000_000i64..1_000_000, decimals in 0usize..5) {
        let text = format!("{:.decimals$}", number as f64 / 1000.0);
        let bundle = format!(r#"{{"resourceType": "Bundle", "type": "collection", "entry": [{{"resource": {{"resourceType": "Patient", "id": "p"}}}}, {{"resource": {{"resourceType": "Observation", "id": "o", "subject": {{"reference": "Patient/p"}}, "code": {{}}, "valueQuantity": {{"value": {text}}}}}}}]}}"#);
        let found = parse_bundle(bundle.as_bytes(), None).unwrap();
        let Some(Value::Quantity(quantity)) = &found.chart.observations[0].value else { panic!("no quantity") };
        prop_assert_eq!(&quantity.value_text, &text);
        prop_assert_eq!(quantity.value, text.parse::<f64>().unwrap());
    }
}
