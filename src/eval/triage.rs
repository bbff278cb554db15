//! `eval triage`: runs a set of messages through the triage rules and counts what was caught and what was not.
//!
//! Reads and writes JSON lines; prints nothing itself and never repeats a message in an error.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::assistant::triage::{RuleError, Speaker, TriageContext, TriageRules, TurnText};
use crate::domain::Urgency;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum TriageEvalError {
    /// A file cannot be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// A line is not a case.
    #[error("line {line}: {cause}")]
    Line {
        /// Counting from 1.
        line: usize,
        /// What the parser says (it names keys, not text).
        #[source]
        cause: serde_json::Error,
    },
    /// A case has neither `text` nor `turns`, or a level that does not exist.
    #[error("line {line}: {what}")]
    Case {
        /// Counting from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RuleError),
}

#[derive(Debug, Deserialize)]
struct CaseTurn {
    role: String,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: serde_json::Value,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    turns: Vec<CaseTurn>,
    #[serde(default)]
    gold: Option<String>,
    #[serde(default)]
    gold_ok: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
struct Outcome<'a> {
    id: &'a serde_json::Value,
    urgency: Urgency,
    reasons: &'a [crate::domain::TriageReason],
}

/// Counts for one gold level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelCount {
    /// Cases with this gold level.
    pub cases: usize,
    /// Given exactly this level.
    pub exact: usize,
    /// Given a level that the case accepts.
    pub accepted: usize,
    /// Given a lower level than any the case accepts.
    pub under: usize,
    /// Given a higher level than any the case accepts.
    pub over: usize,
    /// Given urgent or emergency.
    pub urgent_or_worse: usize,
    /// Given emergency.
    pub emergency: usize,
}

/// What a run found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TriageReport {
    /// All cases.
    pub cases: usize,
    /// Counts per gold level: emergency, urgent, routine, self-care.
    pub levels: [LevelCount; 4],
    /// Cases without a gold level, and how many of them were called an emergency.
    pub unlabelled: (usize, usize),
    /// Ids of cases under-triaged, in file order.
    pub under: Vec<String>,
    /// Ids of cases over-triaged, in file order.
    pub over: Vec<String>,
    /// Median time of one case, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the time of one case, milliseconds.
    pub p99_ms: f64,
}

const LEVELS: [Urgency; 4] = [Urgency::Emergency, Urgency::Urgent, Urgency::Routine, Urgency::SelfCare];

fn level(name: &str) -> Option<Urgency> {
    match name {
        "emergency" => Some(Urgency::Emergency),
        "urgent" => Some(Urgency::Urgent),
        "routine" => Some(Urgency::Routine),
        "self_care" | "selfcare" => Some(Urgency::SelfCare),
        _ => None,
    }
}

fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

impl TriageReport {
    /// Counts of one gold level.
    #[must_use]
    pub fn level(&self, level: Urgency) -> LevelCount {
        LEVELS
            .iter()
            .position(|l| *l == level)
            .and_then(|i| self.levels.get(i))
            .copied()
            .unwrap_or_default()
    }

    /// Share of gold emergencies called an emergency, percent.
    #[must_use]
    pub fn emergency_recall(&self) -> f64 {
        let count = self.level(Urgency::Emergency);
        share(count.emergency, count.cases)
    }

    /// Share of gold emergencies and urgent cases called urgent or worse, percent.
    #[must_use]
    pub fn urgent_or_worse_recall(&self) -> f64 {
        let (high, low) = (self.level(Urgency::Emergency), self.level(Urgency::Urgent));
        share(high.urgent_or_worse + low.urgent_or_worse, high.cases + low.cases)
    }

    /// Share of routine and self-care cases called an emergency, percent.
    #[must_use]
    pub fn false_emergency(&self) -> f64 {
        let (high, low) = (self.level(Urgency::Routine), self.level(Urgency::SelfCare));
        share(high.emergency + low.emergency, high.cases + low.cases)
    }

    fn count(&mut self, case: &Case, gold: Option<Urgency>, accepted: &[Urgency], given: Urgency) {
        self.cases += 1;
        let Some(gold) = gold else {
            self.unlabelled.0 += 1;
            self.unlabelled.1 += usize::from(given == Urgency::Emergency);
            return;
        };
        let id = case.id.as_str().map_or_else(|| case.id.to_string(), str::to_owned);
        let lowest = accepted.iter().min().copied().unwrap_or(gold);
        let highest = accepted.iter().max().copied().unwrap_or(gold);
        if let Some(count) = LEVELS
            .iter()
            .position(|l| *l == gold)
            .and_then(|i| self.levels.get_mut(i))
        {
            count.cases += 1;
            count.exact += usize::from(given == gold);
            count.accepted += usize::from(accepted.contains(&given) || (lowest..=highest).contains(&given));
            count.under += usize::from(given < lowest);
            count.over += usize::from(given > highest);
            count.urgent_or_worse += usize::from(given >= Urgency::Urgent);
            count.emergency += usize::from(given == Urgency::Emergency);
        }
        if given < lowest {
            self.under.push(id);
        } else if given > highest {
            self.over.push(id);
        }
    }
}

impl fmt::Display for TriageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cases {}", self.cases)?;
        writeln!(
            f,
            "{:<10} {:>6} {:>8} {:>9} {:>7} {:>7}",
            "gold", "cases", "recall%", "accept%", "under%", "over%"
        )?;
        for (level, count) in LEVELS.iter().zip(&self.levels) {
            writeln!(
                f,
                "{:<10} {:>6} {:>8.1} {:>9.1} {:>7.1} {:>7.1}",
                level.as_str(),
                count.cases,
                share(count.exact, count.cases),
                share(count.accepted, count.cases),
                share(count.under, count.cases),
                share(count.over, count.cases)
            )?;
        }
        writeln!(f, "emergencies flagged          {:.1}%", self.emergency_recall())?;
        writeln!(f, "urgent or worse flagged      {:.1}%", self.urgent_or_worse_recall())?;
        writeln!(f, "non-urgent called emergency  {:.1}%", self.false_emergency())?;
        let (cases, emergencies) = self.unlabelled;
        if cases > 0 {
            writeln!(
                f,
                "unlabelled {cases}, of them called emergency {emergencies} ({:.2}%)",
                share(emergencies, cases)
            )?;
        }
        write!(f, "time p50 {:.3} ms, p99 {:.3} ms", self.p50_ms, self.p99_ms)
    }
}

/// Runs the embedded rules over `cases` (JSON lines `{id, text | turns:[{role,text}], gold?, gold_ok?}`, other keys
/// ignored) and writes `{id, urgency, reasons}` lines to `out`.
///
/// # Errors
/// See [`TriageEvalError`].
pub fn run(cases: &Path, out: &Path) -> Result<TriageReport, TriageEvalError> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |cause| TriageEvalError::File { path, cause }
    };
    let rules = TriageRules::embedded()?;
    let context = TriageContext::default();
    let input = BufReader::new(File::open(cases).map_err(at(cases))?);
    let mut output = BufWriter::new(File::create(out).map_err(at(out))?);
    let mut report = TriageReport::default();
    let mut times: Vec<f64> = Vec::new();
    for (number, line) in input.lines().enumerate() {
        let line_number = number + 1;
        let line = line.map_err(at(cases))?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Case = serde_json::from_str(&line).map_err(|cause| TriageEvalError::Line {
            line: line_number,
            cause,
        })?;
        let wrong = |what| TriageEvalError::Case {
            line: line_number,
            what,
        };
        let turns: Vec<TurnText<'_>> = match (&case.text, case.turns.is_empty()) {
            (_, false) => case
                .turns
                .iter()
                .map(|t| TurnText {
                    role: if matches!(t.role.as_str(), "assistant" | "system") {
                        Speaker::Assistant
                    } else {
                        Speaker::User
                    },
                    text: &t.text,
                })
                .collect(),
            (Some(text), true) => vec![TurnText {
                role: Speaker::User,
                text,
            }],
            (None, true) => return Err(wrong("a case needs `text` or `turns`")),
        };
        let gold = case
            .gold
            .as_deref()
            .map(|g| level(g).ok_or_else(|| wrong("`gold` is no level")))
            .transpose()?;
        let accepted: Vec<Urgency> = match &case.gold_ok {
            Some(names) => names
                .iter()
                .map(|n| level(n).ok_or_else(|| wrong("`gold_ok` holds no level")))
                .collect::<Result<_, _>>()?,
            None => gold.into_iter().collect(),
        };
        let started = Instant::now();
        let triage = rules.assess(&turns, &context);
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        report.count(&case, gold, &accepted, triage.urgency);
        let outcome = Outcome {
            id: &case.id,
            urgency: triage.urgency,
            reasons: &triage.reasons,
        };
        serde_json::to_writer(&mut output, &outcome).map_err(|cause| TriageEvalError::Line {
            line: line_number,
            cause,
        })?;
        output.write_all(b"\n").map_err(at(out))?;
    }
    output.flush().map_err(at(out))?;
    times.sort_by(f64::total_cmp);
    let rank = |percent: usize| {
        times
            .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    };
    report.p50_ms = rank(50);
    report.p99_ms = rank(99);
    Ok(report)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn report(name: &str) -> TriageReport {
        let cases = format!("{}/tests/data/triage/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let out = std::env::temp_dir().join(format!("chartlight-triage-{name}-{}.jsonl", std::process::id()));
        let report = run(cases.as_ref(), &out).unwrap();
        let lines = std::fs::read_to_string(&out).unwrap().lines().count();
        std::fs::remove_file(&out).unwrap();
        assert_eq!(lines, report.cases);
        report
    }

    /// The recorded floors: a change that goes below one of them does not go in.
    #[test]
    fn the_labelled_messages_stay_above_their_recorded_floors() {
        let messages = report("messages");
        assert!(messages.cases >= 300);
        assert!(messages.emergency_recall() >= 99.0, "{messages}\n{:?}", messages.under);
        assert!(
            messages.urgent_or_worse_recall() >= 98.0,
            "{messages}\n{:?}",
            messages.under
        );
        assert!(messages.false_emergency() <= 3.0, "{messages}\n{:?}", messages.over);
        let information = report("information");
        assert!(
            information.false_emergency() <= 1.0,
            "{information}\n{:?}",
            information.over
        );
    }

    /// Emergencies told in people's own, oblique words. Tuned on after they were measured blind: a floor against falling
    /// back, no evidence of what unseen messages do.
    #[test]
    fn emergencies_in_peoples_own_words_stay_above_their_recorded_floor() {
        let own = report("own-words");
        assert!(own.cases >= 700);
        assert!(own.emergency_recall() >= 96.0, "{own}\n{:?}", own.under);
        assert!(own.false_emergency() <= 1.0, "{own}\n{:?}", own.over);
    }

    #[test]
    fn remarks_slips_and_later_turns_lower_nothing_that_counts() {
        let minimised = report("minimised");
        assert!(
            minimised.emergency_recall() >= 99.0,
            "{minimised}\n{:?}",
            minimised.under
        );
        let conversations = report("conversations");
        assert!(
            conversations.emergency_recall() >= 100.0,
            "{conversations}\n{:?}",
            conversations.under
        );
        let misspelt = report("misspelt");
        assert!(misspelt.emergency_recall() >= 95.0, "{misspelt}\n{:?}", misspelt.under);
    }

    #[test]
    fn a_line_that_is_no_case_is_named_by_its_number() {
        let folder = std::env::temp_dir();
        let cases = folder.join(format!("chartlight-triage-bad-{}.jsonl", std::process::id()));
        let out = cases.with_extension("out");
        std::fs::write(
            &cases,
            "{\"id\": 1, \"text\": \"hello\", \"gold\": \"selfcare\"}\n{\"id\": 2}\n",
        )
        .unwrap();
        let error = run(&cases, &out).unwrap_err();
        assert!(matches!(error, TriageEvalError::Case { line: 2, .. }), "{error}");
        std::fs::remove_file(&cases).unwrap();
        std::fs::remove_file(&out).unwrap();
    }
}
