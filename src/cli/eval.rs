//! `chartlight eval`: runs the harness on files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use super::Outcome;
use crate::config::Settings;
use crate::domain::{Clock as _, SystemClock};
use crate::eval;
use crate::retrieval::{self, Snapshot};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Urgency of messages: `{id, text | turns:[{role,text}], gold?, gold_ok?}` → `{id, urgency, reasons[]}`.
    Triage {
        /// Cases, JSONL.
        #[arg(long)]
        cases: PathBuf,
        /// Where the results go, JSONL.
        #[arg(long)]
        out: PathBuf,
    },
    /// Retrieval over a corpus: prints nDCG@10, MRR, success@10, score@1 and query times.
    Retrieval {
        /// A folder of articles, or JSONL lines `{qid, question, answer, focus, synonyms[], qtype, url}` (.gz too).
        #[arg(long)]
        corpus: PathBuf,
        /// Queries `{qid, text}`, JSONL (.gz too).
        #[arg(long)]
        queries: PathBuf,
        /// TREC qrels.
        #[arg(long)]
        qrels: Option<PathBuf>,
        /// Where the TREC run goes.
        #[arg(long)]
        run: Option<PathBuf>,
    },
    /// Whole answers: `{id, question, chart?}` → `{id, urgency, blocks[], refused, reading_grade, timings, release}`.
    Answers {
        /// Questions, JSONL.
        #[arg(long)]
        questions: PathBuf,
        /// Where the answers go, JSONL.
        #[arg(long)]
        out: PathBuf,
        /// A FHIR R4 Bundle for questions without a chart of their own.
        #[arg(long)]
        chart: Option<PathBuf>,
        /// A model of the catalogue, or "none"; the configured one if absent.
        #[arg(long)]
        model: Option<String>,
        /// Answer from this corpus (folder or JSONL) instead of the current snapshot.
        #[arg(long)]
        corpus: Option<PathBuf>,
        /// Answer as on this date (YYYY-MM-DD); today if absent.
        #[arg(long)]
        date: Option<jiff::civil::Date>,
    },
    /// Preventive care: `{id, date, chart}` → `{id, items:[{rule, status, earliest?, recommended?, past_due?, evidence[]}]}`.
    Preventive {
        /// Cases, JSONL (.gz too).
        #[arg(long)]
        cases: PathBuf,
        /// Where the results go, JSONL.
        #[arg(long)]
        out: PathBuf,
    },
}

pub(super) async fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Triage { cases, out } => print!("{}", eval::triage::run(&cases, &out)?),
        Command::Retrieval {
            corpus,
            queries,
            qrels,
            run,
        } => {
            let tuning = retrieval::Tuning::default();
            let options = eval::retrieval::RetrievalOptions {
                corpus,
                queries,
                qrels,
                run,
                tuning,
            };
            print!("{}", eval::retrieval::run(&options)?);
        }
        Command::Preventive { cases, out } => print!("{}", eval::preventive::run(&cases, &out)?),
        Command::Answers {
            questions,
            out,
            chart,
            model,
            corpus,
            date,
        } => {
            let mut settings = settings.clone();
            if let Some(model) = model {
                settings.model.name = model;
            }
            let today = date.unwrap_or_else(|| SystemClock.today());
            let options = eval::answers::AnswersOptions {
                questions,
                out,
                chart,
                today,
            };
            answers(&settings, &options, corpus.as_deref()).await?;
        }
    }
    Ok(())
}

async fn answers(settings: &Settings, options: &eval::answers::AnswersOptions, corpus: Option<&Path>) -> Outcome {
    // The folder of a corpus built for this run must outlive the snapshot.
    let folder = tempfile::tempdir()?;
    let snapshot = match corpus {
        None => crate::app::snapshot(settings)?,
        Some(corpus) => {
            let corpus = eval::retrieval::read_corpus(corpus)?;
            let built = retrieval::build(&corpus.articles, folder.path(), &|_, _| {})?;
            Snapshot::open(&built.path)?
        }
    };
    let (pipeline, engine) = crate::app::pipeline(settings, None).await?;
    let bar = indicatif::ProgressBar::new_spinner();
    bar.set_message("answering");
    let report = eval::answers::run(options, &pipeline, Arc::new(snapshot), &|done| {
        bar.set_position(done as u64)
    })
    .await?;
    bar.finish_and_clear();
    if let Some(engine) = engine {
        engine.stop();
    }
    print!("{report}");
    Ok(())
}
