//! Runs CDC's published CDSi test cases, which are not part of the project, and prints the accuracy per vaccine group.
//! Skipped, loudly, where the data folder is missing. `CHARTLIGHT_CDSI_SHOW=hpv` prints that group's misses.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and reports on stderr"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value as Json;

use crate::chart::preventive::{PreventiveItem, Rules, Status};
use crate::domain::PatientId;
use crate::domain::chart::{CVX, Chart, Coding, Concept, Condition, FhirDate, Immunization, Record};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");

fn text<'a>(json: &'a Json, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Json::as_str).filter(|t| !t.is_empty())
}

fn list<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn chart(case: &Json) -> Chart {
    let mut chart = Chart::empty(PatientId::parse("case").unwrap());
    chart.person.birth_date = text(case, "dob").map(|d| FhirDate(d.to_owned()));
    chart.person.gender = Some(
        if text(case, "sex") == Some("M") {
            "male"
        } else {
            "female"
        }
        .to_owned(),
    );
    for (number, dose) in list(case, "history").iter().enumerate() {
        let coding = Coding {
            system: Some(CVX.to_owned()),
            code: text(dose, "cvx").unwrap().to_owned(),
            display: text(dose, "vaccine").map(str::to_owned),
        };
        chart.immunizations.push(Immunization {
            record: Record {
                id: format!("dose-{number}"),
                status: Some("completed".to_owned()),
                code: Concept {
                    codings: vec![coding],
                    text: None,
                },
                date: text(dose, "date").map(|d| FhirDate(d.to_owned())),
                ..Record::default()
            },
            ..Immunization::default()
        });
    }
    for (number, seen) in list(case, "observations").iter().enumerate() {
        let coding = Coding {
            system: Some("https://www.cdc.gov/vaccines/programs/iis/cdsi".to_owned()),
            code: text(seen, "code").unwrap().to_owned(),
            display: text(seen, "text").map(str::to_owned),
        };
        chart.conditions.push(Condition {
            record: Record {
                id: format!("observation-{number}"),
                status: Some("confirmed".to_owned()),
                code: Concept {
                    codings: vec![coding],
                    text: None,
                },
                ..Record::default()
            },
            onset: text(seen, "date").map(|d| FhirDate(d.to_owned())),
            clinical_status: Some("active".to_owned()),
            ..Condition::default()
        });
    }
    chart
}

/// What differs from the expected result; `None` when nothing does.
fn miss(case: &Json, item: Option<&PreventiveItem>) -> Option<String> {
    let expected = case.get("expected").unwrap();
    let Some(item) = item else {
        return Some("no such rule".to_owned());
    };
    let open = matches!(item.status, Status::Due | Status::Overdue | Status::NotYet)
        || item.status == Status::SharedDecision && item.recommended.is_some();
    let wanted = text(expected, "series_status").unwrap().to_lowercase();
    let standing = match wanted.as_str() {
        "not complete" => open,
        "complete" | "immune" => item.status == Status::UpToDate,
        _ => matches!(item.status, Status::NotApplicable | Status::SharedDecision),
    };
    let show = |d: Option<jiff::civil::Date>| d.map_or("-".to_owned(), |d| d.to_string());
    let got = format!(
        "{:?} {} {} {} {}",
        item.status,
        item.dose_number.unwrap_or(0),
        show(item.earliest),
        show(item.recommended),
        show(item.past_due)
    );
    let same = |key: &str, date: Option<jiff::civil::Date>| text(expected, key).unwrap_or("-") == show(date);
    let dose = text(expected, "forecast_dose").is_none_or(|d| d == item.dose_number.unwrap_or(0).to_string());
    let dates =
        same("earliest", item.earliest) && same("recommended", item.recommended) && same("past_due", item.past_due);
    if standing && (!open || dates && dose) {
        None
    } else {
        Some(got)
    }
}

fn run(file: &str) -> Option<(usize, usize)> {
    let path = Path::new(DATA).join(file);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("SKIPPED: {file} is not in the shared data folder; the CDSi cases were NOT run");
        return None;
    };
    let mut lines = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut lines)
        .unwrap();
    let show = std::env::var("CHARTLIGHT_CDSI_SHOW").unwrap_or_default();
    let rules = Rules::embedded().unwrap();
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in lines.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let chart = chart(&case);
        let date = text(&case, "assessment_date").unwrap().parse().unwrap();
        let items = rules.assess(&chart, date);
        let wanted = format!("immunization.{}", text(&case, "vaccine_group").unwrap().to_lowercase());
        let named = |i: &&PreventiveItem| i.rule == wanted || rules.immunization.aliases(&i.rule).contains(&wanted);
        let group = tally.entry(wanted.clone()).or_default();
        group.1 += 1;
        match miss(&case, items.iter().find(named)) {
            None => group.0 += 1,
            Some(got) if show == "all" || wanted.ends_with(&show) && !show.is_empty() => {
                let history: Vec<String> = list(&case, "history")
                    .iter()
                    .map(|h| {
                        let status = if text(h, "status") == Some("Valid") { "" } else { "!" };
                        format!("{}:{}{status}", text(h, "date").unwrap(), text(h, "cvx").unwrap())
                    })
                    .collect();
                let seen: Vec<String> = list(&case, "observations")
                    .iter()
                    .map(|o| format!("{}({})", text(o, "code").unwrap(), text(o, "date").unwrap_or("")))
                    .collect();
                let e = case.get("expected").unwrap();
                eprintln!(
                    "{} {wanted} born {} on {date} {} [{}] want {} {} {} {} {} got {got}",
                    text(&case, "id").unwrap(),
                    text(&case, "dob").unwrap(),
                    history.join(" "),
                    seen.join(" "),
                    text(e, "series_status").unwrap(),
                    text(e, "forecast_dose").unwrap_or("0"),
                    text(e, "earliest").unwrap_or("-"),
                    text(e, "recommended").unwrap_or("-"),
                    text(e, "past_due").unwrap_or("-"),
                );
            }
            Some(_) => {}
        }
    }
    let (right, all) = tally.values().fold((0, 0), |(r, a), (right, all)| (r + right, a + all));
    for (group, (right, all)) in &tally {
        eprintln!("{group:<45} {right:>3} of {all:>3}");
    }
    eprintln!("{file}: {right} of {all}");
    Some((right, all))
}

#[test]
fn the_published_healthy_cases_are_forecast_as_cdc_expects() {
    if let Some((right, all)) = run("cdsi_healthy_cases.jsonl.gz") {
        assert!(right * 100 >= all * 99, "{right} of {all}");
    }
}

#[test]
fn the_published_underlying_condition_cases_are_forecast_as_cdc_expects() {
    if let Some((right, all)) = run("cdsi_condition_cases.jsonl.gz") {
        assert!(right * 100 >= all * 95, "{right} of {all}");
    }
}
