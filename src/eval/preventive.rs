//! `eval preventive`: the preventive-care rules over a file of cases, in the fixed open format.
//!
//! In: JSONL (`.gz` too) of `{id, date, chart: FHIR Bundle}`; out: `{id, items: [{rule, status, earliest?, recommended?,
//! past_due?, evidence[]}]}`. Measures nothing but counts and time; compares with no expected result.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::chart::import::parse_bundle;
use crate::chart::preventive::{PreventiveItem, RuleError, Rules};

/// What was evaluated.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Cases read.
    pub cases: usize,
    /// Cases whose chart could not be read; they are written with an `error` and no items.
    pub failed: usize,
    /// Items by status.
    pub by_status: BTreeMap<String, usize>,
    /// Median time of one assessment, milliseconds, without reading the bundle.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// Hash of the rules.
    pub rules: String,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "cases      {} ({} could not be read)", self.cases, self.failed)?;
        for (status, count) in &self.by_status {
            writeln!(f, "{status:<16} {count}")?;
        }
        write!(f, "time       p50 {:.2} ms, p99 {:.2} ms", self.p50_ms, self.p99_ms)
    }
}

/// Why nothing was evaluated.
#[derive(Debug, thiserror::Error)]
pub enum PreventiveError {
    /// A file could not be read or written.
    #[error("{path} could not be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is not a case.
    #[error("line {line} is not a case of the form {{id, date, chart}}")]
    Case {
        /// The line, from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
    /// The rules could not be read.
    #[error("the preventive-care rules could not be read")]
    Rules(#[from] RuleError),
}

#[derive(Deserialize)]
struct Case {
    id: String,
    date: Date,
    chart: serde_json::Value,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    items: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Item<'a> {
    rule: &'a str,
    status: crate::chart::preventive::Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    past_due: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dose_number: Option<u32>,
    evidence: Vec<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing: &'a [String],
}

impl<'a> Item<'a> {
    fn of(item: &'a PreventiveItem, rule: &'a str) -> Self {
        Self {
            rule,
            status: item.status,
            earliest: item.earliest,
            recommended: item.recommended,
            past_due: item.past_due,
            dose_number: item.dose_number,
            evidence: item
                .evidence
                .iter()
                .map(|e| format!("{}/{}", e.resource_type, e.id))
                .collect(),
            missing: &item.missing,
        }
    }
}

/// Evaluates every case of `cases` and writes one line for each to `out`. A vaccine group that case files know under
/// several names (`immunization.pcv`, `immunization.pneumococcal`) is written under each.
///
/// # Errors
/// When a file cannot be read or written, a line is not a case, or the rules cannot be read. A chart that cannot be
/// read is counted and does not stop the run.
pub fn run(cases: &Path, out: &Path) -> Result<Report, PreventiveError> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| PreventiveError::File { path, source }
    };
    let rules = Rules::embedded()?;
    let input = File::open(cases).map_err(file_error(cases))?;
    let zipped = cases.extension().is_some_and(|e| e == "gz");
    let reader: Box<dyn Read> = if zipped {
        Box::new(flate2::read::MultiGzDecoder::new(input))
    } else {
        Box::new(input)
    };
    let mut writer = BufWriter::new(File::create(out).map_err(file_error(out))?);
    let mut report = Report {
        rules: rules.hash().to_owned(),
        ..Report::default()
    };
    let mut times = Vec::new();
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(file_error(cases))?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Case = serde_json::from_str(&line).map_err(|source| PreventiveError::Case {
            line: number + 1,
            source,
        })?;
        report.cases += 1;
        let text = match parse_bundle(case.chart.to_string().as_bytes(), None) {
            Ok(imported) => {
                let started = Instant::now();
                let items = rules.assess(&imported.chart, case.date);
                times.push(started.elapsed().as_secs_f64() * 1000.0);
                for item in &items {
                    *report.by_status.entry(status_name(item)).or_default() += 1;
                }
                let aliases: Vec<Vec<String>> = items.iter().map(|i| rules.other_names(&i.rule)).collect();
                let mut written: Vec<Item<'_>> = Vec::new();
                for (item, names) in items.iter().zip(&aliases) {
                    written.push(Item::of(item, &item.rule));
                    written.extend(names.iter().map(|name| Item::of(item, name)));
                }
                serde_json::to_string(&Line {
                    id: &case.id,
                    items: written,
                    error: None,
                })
            }
            Err(error) => {
                report.failed += 1;
                serde_json::to_string(&Line {
                    id: &case.id,
                    items: Vec::new(),
                    error: Some(error.to_string()),
                })
            }
        };
        let text = text.map_err(|source| PreventiveError::Case {
            line: number + 1,
            source,
        })?;
        writeln!(writer, "{text}").map_err(file_error(out))?;
    }
    writer.flush().map_err(file_error(out))?;
    times.sort_by(f64::total_cmp);
    let share = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    report.p50_ms = share(50).copied().unwrap_or(0.0);
    report.p99_ms = share(99).copied().unwrap_or(0.0);
    Ok(report)
}

fn status_name(item: &PreventiveItem) -> String {
    match serde_json::to_value(item.status) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_answered_in_the_open_format_under_every_name_of_its_vaccine_group() {
        let folder = tempfile::tempdir().unwrap();
        let (cases, out) = (folder.path().join("cases.jsonl"), folder.path().join("out.jsonl"));
        let chart = r#"{"resourceType":"Bundle","type":"collection","entry":[
            {"resource":{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1970-05-01"}},
            {"resource":{"resourceType":"Procedure","id":"m1","status":"completed","subject":{"reference":"Patient/p1"},
              "code":{"text":"Mammography"},"performedDateTime":"2025-03-01"}}]}"#
            .replace('\n', " ");
        std::fs::write(
            &cases,
            format!("{{\"id\":\"a\",\"date\":\"2025-11-10\",\"chart\":{chart}}}\n"),
        )
        .unwrap();
        let report = run(&cases, &out).unwrap();
        assert_eq!((report.cases, report.failed), (1, 0));
        let line: serde_json::Value =
            serde_json::from_str(std::fs::read_to_string(&out).unwrap().lines().next().unwrap()).unwrap();
        let item = |rule: &str| {
            line.get("items")
                .unwrap()
                .as_array()
                .unwrap()
                .iter()
                .find(|i| i.get("rule").unwrap() == rule)
                .cloned()
        };
        let breast = item("screening.breast-cancer").unwrap();
        assert_eq!(breast.get("status").unwrap(), "up_to_date");
        assert_eq!(breast.get("evidence").unwrap(), &serde_json::json!(["Procedure/m1"]));
        assert_eq!(breast.get("recommended").unwrap(), "2027-03-01");
        assert_eq!(
            item("immunization.pcv").unwrap().get("status"),
            item("immunization.pneumococcal").unwrap().get("status")
        );
    }

    #[test]
    fn a_chart_that_is_no_bundle_is_counted_and_does_not_stop_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let (cases, out) = (folder.path().join("cases.jsonl"), folder.path().join("out.jsonl"));
        std::fs::write(
            &cases,
            "{\"id\":\"a\",\"date\":\"2025-11-10\",\"chart\":{\"resourceType\":\"Patient\"}}\n",
        )
        .unwrap();
        let report = run(&cases, &out).unwrap();
        assert_eq!((report.cases, report.failed), (1, 1));
    }
}
