//! `chartlight guidance`: building, checking and searching.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::Outcome;
use crate::config::Settings;
use crate::domain::guidance::Article;
use crate::domain::{Clock as _, SystemClock};
use crate::retrieval::{self, RetrievalQuery, articles};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Builds a snapshot of the article folder, checks it, and makes it the current one. A running server takes it up at
    /// its next start.
    Build {
        /// The article folder (guidance.articles).
        folder: Option<PathBuf>,
    },
    /// Checks the articles: format, sections, sentence length, reading grade, duplicates, dates.
    Check {
        /// The article folder (guidance.articles).
        folder: Option<PathBuf>,
        /// Warnings fail too.
        #[arg(long)]
        strict: bool,
    },
    /// Asks the current snapshot and shows what it finds.
    Search {
        /// The question.
        #[arg(required = true)]
        words: Vec<String>,
        /// Language of the guidance.
        #[arg(long, default_value = "en")]
        language: String,
    },
}

pub(super) fn run(settings: &Settings, command: Command) -> Outcome {
    match command {
        Command::Build { folder } => build(settings, folder.as_deref().unwrap_or(&settings.guidance.articles)),
        Command::Check { folder, strict } => check(folder.as_deref().unwrap_or(&settings.guidance.articles), strict),
        Command::Search { words, language } => search(settings, &words.join(" "), &language),
    }
}

fn load(folder: &Path) -> Result<Vec<Article>, anyhow::Error> {
    articles::load_folder(folder).map_err(Into::into)
}

fn build(settings: &Settings, folder: &Path) -> Outcome {
    let articles = load(folder)?;
    let target = settings.snapshot_dir();
    crate::app::create_folder(&settings.data_dir)?;
    std::fs::create_dir_all(&target)?;
    let bar = super::progress(articles.len() as u64, "building the snapshot");
    let report = retrieval::build(&articles, &target, &|done, _| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    retrieval::activate(&target, &report.id)?;
    let how = if report.reused { "unchanged" } else { "built" };
    println!(
        "snapshot {} {how}: {} articles, {} passages, {} golden questions found their article",
        report.id.as_str().get(..12).unwrap_or(""),
        report.articles,
        report.passages,
        report.golden
    );
    Ok(())
}

fn check(folder: &Path, strict: bool) -> Outcome {
    let articles = load(folder)?;
    let report = articles::check(&articles, SystemClock.today());
    for finding in &report.errors {
        println!("error    {finding}");
    }
    for finding in &report.warnings {
        println!("warning  {finding}");
    }
    println!(
        "{} articles, {} errors, {} warnings",
        report.articles,
        report.errors.len(),
        report.warnings.len()
    );
    if !report.errors.is_empty() || (strict && !report.warnings.is_empty()) {
        anyhow::bail!("the guidance has faults (see above)");
    }
    Ok(())
}

fn search(settings: &Settings, text: &str, language: &str) -> Outcome {
    let snapshot = crate::app::snapshot(settings)?;
    let query = RetrievalQuery {
        text,
        topics: &[],
        codes: &[],
        language,
        age_years: None,
        sex: None,
        pregnant: None,
        limit: 8,
    };
    let grounding = snapshot.retrieve(&query)?;
    println!(
        "coverage {:.2} (below {} counts as not covered)",
        grounding.coverage, settings.guidance.coverage_floor
    );
    for passage in &grounding.passages {
        println!(
            "\n{:.2}  {} — {}",
            passage.score, passage.citation.title, passage.heading
        );
        for (sentence, score) in passage.sentences.iter().zip(&passage.sentence_scores) {
            println!("   {score:.2}  {}", sentence.text);
        }
    }
    Ok(())
}
