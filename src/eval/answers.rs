//! `eval answers`: the whole pipeline over a file of questions, without HTTP and without the store.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::assistant::{Inquiry, Pipeline};
use crate::chart::import::parse_bundle;
use crate::domain::{Block, BlockKind, Chart, Question, Release, Timings, Urgency};
use crate::retrieval::Snapshot;

/// What to run.
#[derive(Debug, Clone)]
pub struct AnswersOptions {
    /// Questions `{id, question, chart?}`, JSONL; `chart` is a FHIR Bundle or a path beside the file.
    pub questions: PathBuf,
    /// Where the answers go, JSONL.
    pub out: PathBuf,
    /// A FHIR Bundle for all questions without a chart of their own.
    pub chart: Option<PathBuf>,
    /// The date the answers are given on.
    pub today: jiff::civil::Date,
}

/// Why it could not run.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// A line is not of the form asked for.
    #[error("{file} line {line}: {reason}")]
    Line {
        /// The file.
        file: String,
        /// Line, counting from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A chart cannot be read.
    #[error("chart {0}: {1}")]
    Chart(String, String),
}

#[derive(Deserialize)]
struct Case {
    id: String,
    question: String,
    #[serde(default)]
    chart: Option<serde_json::Value>,
}

/// One line of the output.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    id: &'a str,
    urgency: Urgency,
    scope: &'a str,
    blocks: &'a [Block],
    refused: bool,
    reading_grade: f64,
    timings: &'a Timings,
    release: &'a Release,
}

/// What came out, as counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AnswersReport {
    /// Questions answered.
    pub questions: usize,
    /// Questions whose text was not usable.
    pub rejected: usize,
    /// Refusals.
    pub refused: usize,
    /// Emergencies.
    pub emergencies: usize,
    /// Answers with at least two explanation sentences.
    pub explained: usize,
    /// Sentences the model wrote.
    pub claims: usize,
    /// Sentences that were shown.
    pub claims_shown: usize,
    /// Median time to the first block, milliseconds.
    pub first_block_p50_ms: f64,
    /// 95th percentile of the same.
    pub first_block_p95_ms: f64,
    /// Median total time, milliseconds.
    pub total_p50_ms: f64,
    /// Mean reading grade.
    pub mean_grade: f64,
}

impl std::fmt::Display for AnswersReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "questions      {} answered, {} not usable",
            self.questions, self.rejected
        )?;
        writeln!(f, "refused        {}", self.refused)?;
        writeln!(f, "emergencies    {}", self.emergencies)?;
        writeln!(
            f,
            "explained      {} answers with two or more verified sentences",
            self.explained
        )?;
        writeln!(f, "claims         {} written, {} shown", self.claims, self.claims_shown)?;
        writeln!(
            f,
            "first block    {:.1} ms median, {:.1} ms p95",
            self.first_block_p50_ms, self.first_block_p95_ms
        )?;
        writeln!(f, "whole answer   {:.0} ms median", self.total_p50_ms)?;
        writeln!(f, "reading grade  {:.1} mean", self.mean_grade)
    }
}

/// Answers every question of the file.
///
/// # Errors
/// See [`AnswersError`].
pub async fn run(
    options: &AnswersOptions,
    pipeline: &Pipeline,
    snapshot: Arc<Snapshot>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<AnswersReport, AnswersError> {
    let name = options.questions.display().to_string();
    let io = |path: &Path, error| AnswersError::Io(path.display().to_string(), error);
    let shared = options.chart.as_deref().map(read_chart).transpose()?;
    let file = std::fs::File::open(&options.questions).map_err(|error| io(&options.questions, error))?;
    let mut out = std::fs::File::create(&options.out).map_err(|error| io(&options.out, error))?;
    let mut report = AnswersReport::default();
    let (mut first, mut total, mut grades) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| io(&options.questions, error))?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |reason: String| AnswersError::Line {
            file: name.clone(),
            line: number + 1,
            reason,
        };
        let case: Case = serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
        let chart = match &case.chart {
            None => shared.clone(),
            Some(serde_json::Value::String(path)) => Some(read_chart(&options.questions.with_file_name(path))?),
            Some(bundle) => Some(parse_chart(bundle.to_string().as_bytes(), "inline")?),
        };
        let question = match Question::parse(&case.question) {
            Ok(question) => question,
            Err(error) => {
                report.rejected += 1;
                let refused =
                    serde_json::json!({"id": case.id, "error": error.to_string(), "blocks": [], "refused": true});
                writeln!(out, "{refused}").map_err(|error| io(&options.out, error))?;
                continue;
            }
        };
        let inquiry = Inquiry {
            question,
            earlier: Vec::new(),
            chart,
            today: options.today,
            snapshot: Arc::clone(&snapshot),
        };
        let assessment = pipeline.assess(&inquiry);
        let permit = pipeline.generator().and_then(|generator| generator.reserve().ok());
        let (sender, mut receiver) = mpsc::channel(256);
        let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let answer = pipeline.answer(&inquiry, &assessment, permit, &sender).await;
        drop(sender);
        drop(drain.await);
        let outcome = Outcome {
            id: &case.id,
            urgency: answer.triage.urgency,
            scope: &answer.scope,
            blocks: &answer.blocks,
            refused: answer.refused,
            reading_grade: answer.reading_grade,
            timings: &answer.timings,
            release: &answer.release,
        };
        let json = serde_json::to_string(&outcome).map_err(|error| wrong(error.to_string()))?;
        writeln!(out, "{json}").map_err(|error| io(&options.out, error))?;
        report.questions += 1;
        report.refused += usize::from(answer.refused);
        report.emergencies += usize::from(answer.triage.urgency == Urgency::Emergency);
        let explanations = answer
            .blocks
            .iter()
            .filter(|block| block.kind == BlockKind::Explanation)
            .count();
        report.explained += usize::from(explanations >= 2);
        report.claims += answer.timings.claims;
        report.claims_shown += answer.timings.claims_shown;
        first.push(answer.timings.first_block_ms);
        total.push(answer.timings.total_ms);
        grades.push(answer.reading_grade);
        progress(report.questions);
    }
    report.first_block_p50_ms = percentile(&mut first, 0.50);
    report.first_block_p95_ms = percentile(&mut first, 0.95);
    report.total_p50_ms = percentile(&mut total, 0.50);
    #[expect(clippy::cast_precision_loss, reason = "a count of questions")]
    let count = grades.len().max(1) as f64;
    report.mean_grade = grades.iter().sum::<f64>() / count;
    Ok(report)
}

fn read_chart(path: &Path) -> Result<Arc<Chart>, AnswersError> {
    let bytes = std::fs::read(path).map_err(|error| AnswersError::Io(path.display().to_string(), error))?;
    parse_chart(&bytes, &path.display().to_string())
}

fn parse_chart(bytes: &[u8], name: &str) -> Result<Arc<Chart>, AnswersError> {
    let imported =
        parse_bundle(bytes, None).map_err(|error| AnswersError::Chart(name.to_owned(), error.to_string()))?;
    Ok(Arc::new(imported.chart))
}

/// The nearest-rank percentile; 0 for no values.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a short list"
    )]
    let rank = ((values.len() as f64 * share).ceil() as usize).max(1) - 1;
    values.get(rank).copied().unwrap_or(0.0)
}
