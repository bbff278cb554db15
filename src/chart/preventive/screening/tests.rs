//! Boundary cases derived from the recommendation statements: each age limit, interval and exclusion
//! (`tests/data/preventive/screening_cases.jsonl`), and a look at whole patients from the shared data folder.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and reports on stderr"
)]

use serde::Deserialize;

use crate::chart::preventive::{Rules, Status};
use crate::domain::PatientId;
use crate::domain::chart::{
    Chart, Coding, Concept, Condition, FhirDate, Observation, Procedure, Quantity, Record, ServiceRequest, Value,
};

const CASES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/preventive/screening_cases.jsonl"
));

#[derive(Deserialize)]
struct Case {
    name: String,
    birth: Option<String>,
    sex: Option<String>,
    date: jiff::civil::Date,
    records: Vec<Entry>,
    expect: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Entry {
    kind: String,
    text: String,
    date: Option<String>,
    code: Option<String>,
    system: Option<String>,
    value: Option<f64>,
    answer: Option<(String, String, String)>,
    status: Option<String>,
    clinical: Option<String>,
    end: Option<String>,
}

fn coding(system: &str, code: &str, display: &str) -> Coding {
    Coding {
        system: Some(system.to_owned()),
        code: code.to_owned(),
        display: Some(display.to_owned()),
    }
}

fn chart(case: &Case) -> Chart {
    let mut chart = Chart::empty(PatientId::parse("case").unwrap());
    chart.person.birth_date = case.birth.clone().map(FhirDate);
    chart.person.gender.clone_from(&case.sex);
    for (number, entry) in case.records.iter().enumerate() {
        let codings = match (&entry.system, &entry.code) {
            (Some(system), Some(code)) => vec![coding(system, code, &entry.text)],
            _ => Vec::new(),
        };
        let done = if entry.kind == "observation" {
            "final"
        } else {
            "completed"
        };
        let record = Record {
            id: format!("r{number}"),
            status: Some(entry.status.clone().unwrap_or_else(|| done.to_owned())),
            code: Concept {
                codings,
                text: Some(entry.text.clone()),
            },
            date: entry.date.clone().map(FhirDate),
            ..Record::default()
        };
        match entry.kind.as_str() {
            "procedure" => chart.procedures.push(Procedure {
                record,
                ..Procedure::default()
            }),
            "order" => chart.service_requests.push(ServiceRequest {
                record,
                ..ServiceRequest::default()
            }),
            "condition" => chart.conditions.push(Condition {
                onset: record.date.clone(),
                abatement: entry.end.clone().map(FhirDate),
                clinical_status: Some(entry.clinical.clone().unwrap_or_else(|| "active".to_owned())),
                record: Record {
                    status: Some("confirmed".to_owned()),
                    ..record
                },
                ..Condition::default()
            }),
            _ => {
                let number = entry.value.map(|value| {
                    Value::Quantity(Quantity {
                        value,
                        value_text: value.to_string(),
                        comparator: None,
                        unit: None,
                        ucum: None,
                    })
                });
                let answer = entry.answer.as_ref().map(|(text, code, system)| {
                    Value::Concept(Concept {
                        codings: vec![coding(system, code, text)],
                        text: Some(text.clone()),
                    })
                });
                chart.observations.push(Observation {
                    record,
                    value: number.or(answer),
                    ..Observation::default()
                });
            }
        }
    }
    chart
}

#[test]
fn every_boundary_case_has_the_status_its_recommendation_calls_for() {
    let rules = Rules::embedded().unwrap();
    let mut wrong = Vec::new();
    for line in CASES.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let items = rules.assess(&chart(&case), case.date);
        for (rule, expected) in &case.expect {
            let item = items.iter().find(|i| &i.rule == rule);
            let status = item.map(|i| serde_json::to_value(i.status).unwrap().as_str().unwrap().to_owned());
            let right = match (expected.as_str(), status.as_deref()) {
                ("due or overdue", Some("due" | "overdue")) => true,
                (wanted, Some(got)) => wanted == got,
                (_, None) => false,
            };
            if !right {
                wrong.push(format!("{}: {rule} should be {expected}, is {status:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_item_says_why_in_plain_words_and_names_its_source() {
    let rules = Rules::embedded().unwrap();
    let mut hardest: Vec<(f64, String)> = Vec::new();
    for line in CASES.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        for item in rules.assess(&chart(&case), case.date) {
            assert!(!item.why.is_empty() && !item.title.is_empty(), "{}", item.rule);
            assert!(
                item.source.year > 1990 && !item.source.title.is_empty(),
                "{}",
                item.rule
            );
            assert_eq!(
                item.status == Status::Unknown,
                !item.missing.is_empty(),
                "{} {:?}",
                item.rule,
                item.missing
            );
            hardest.push((crate::domain::text::flesch_kincaid_grade(&item.why), item.why));
        }
    }
    hardest.sort_by(|a, b| b.0.total_cmp(&a.0));
    hardest.dedup();
    let mean = hardest.iter().map(|(grade, _)| grade).sum::<f64>() / f64::from(u32::try_from(hardest.len()).unwrap());
    assert!(
        mean <= 8.0,
        "mean grade {mean:.1}; hardest: {:?}",
        hardest.iter().take(5).collect::<Vec<_>>()
    );
}

#[test]
fn whole_patients_of_the_shared_data_are_assessed_without_a_due_item_for_what_was_just_done() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/fhir");
    let Ok(files) = std::fs::read_dir(folder) else {
        eprintln!("SKIPPED: the shared data folder is missing; no whole patient was assessed");
        return;
    };
    let rules = Rules::embedded().unwrap();
    let show = std::env::var("CHARTLIGHT_PREVENTIVE_SHOW").is_ok();
    let mut assessed = 0;
    for file in files
        .map(|f| f.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "gz"))
    {
        let mut bytes = Vec::new();
        let zipped = std::fs::File::open(&file).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(zipped), &mut bytes).unwrap();
        // A bundle with a second Patient (a newborn) needs to be told whose chart is meant; not this test's matter.
        let Ok(imported) = crate::chart::import::parse_bundle(&bytes, None) else {
            continue;
        };
        let date = jiff::civil::date(2025, 11, 10);
        let started = std::time::Instant::now();
        let items = rules.assess(&imported.chart, date);
        assert!(items.is_empty() == imported.chart.person.deceased);
        assessed += 1;
        if show {
            eprintln!(
                "{} {:?} {:?}",
                file.display(),
                imported.chart.age_years(date),
                started.elapsed()
            );
            for item in items.iter().filter(|i| i.status != Status::NotApplicable) {
                let evidence: Vec<&str> = item.evidence.iter().map(|e| e.name.as_str()).take(2).collect();
                eprintln!(
                    "  {:?} {} {:?} {:?}",
                    item.status, item.rule, item.recommended, evidence
                );
            }
        }
    }
    assert!(assessed > 10, "only {assessed} bundles could be assessed");
}
