//! Measures retrieval on any set in the fixed formats: queries, TREC qrels, a corpus of articles or MedQuAD lines.
//!
//! Must not: rank by other code than the product's. MedQuAD lines become articles and go through the same index.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::domain::guidance::{ArticleKind, Synonyms};
use crate::domain::text::sentences;
use crate::domain::{
    Article, ArticleSlug, Audience, Codes, Passage, PassageId, Section, SectionKind, Sentence, SentenceKind,
};
use crate::retrieval::articles::{LoadError, load_folder};
use crate::retrieval::{BuildError, OpenError, RetrievalQuery, SearchError, Snapshot, Tuning, build};

/// Documents written for each query, as TREC runs have them.
const RUN_DEPTH: usize = 100;
/// Cut-off of nDCG and success.
const CUT: usize = 10;

/// What to measure.
#[derive(Debug, Clone)]
pub struct RetrievalOptions {
    /// A folder of articles, or a JSONL file of MedQuAD lines (`.gz` too).
    pub corpus: PathBuf,
    /// Queries `{qid, text}` (or `original` instead of `text`), JSONL, `.gz` too.
    pub queries: PathBuf,
    /// TREC qrels, grades 1 to 4 (grade 1 is not relevant); without them only times are measured.
    pub qrels: Option<PathBuf>,
    /// Where the TREC run is written.
    pub run: Option<PathBuf>,
    /// Weights of retrieval; the product's own by default.
    pub tuning: Tuning,
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RetrievalReport {
    /// Documents in the corpus.
    pub documents: usize,
    /// Passages in the corpus.
    pub passages: usize,
    /// Queries that were asked.
    pub queries: usize,
    /// Queries with a relevant document in the corpus: the figures below are means over these.
    pub judged: usize,
    /// Normalised discounted cumulative gain of the first ten; gain = grade − 1.
    pub ndcg_at_10: f64,
    /// One over the rank of the first relevant document.
    pub mrr: f64,
    /// Share of queries with a relevant document among the first ten.
    pub success_at_10: f64,
    /// Mean gain (0 to 3) of the first document.
    pub score_at_1: f64,
    /// Median time of a query, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// Seconds for building the index.
    pub build_seconds: f64,
}

impl std::fmt::Display for RetrievalReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "corpus     {} documents, {} passages, built in {:.1} s",
            self.documents, self.passages, self.build_seconds
        )?;
        writeln!(
            f,
            "queries    {} asked, {} with a relevant document",
            self.queries, self.judged
        )?;
        writeln!(f, "nDCG@10    {:.3}", self.ndcg_at_10)?;
        writeln!(f, "MRR        {:.3}", self.mrr)?;
        writeln!(f, "success@10 {:.3}", self.success_at_10)?;
        writeln!(f, "score@1    {:.3}", self.score_at_1)?;
        write!(f, "time       p50 {:.2} ms, p99 {:.2} ms", self.p50_ms, self.p99_ms)
    }
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum RetrievalEvalError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is not in the format.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counting from 1.
        line: usize,
        /// What is wrong; never the line's text.
        reason: String,
    },
    /// The articles do not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The index does not build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The index does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The index cannot be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
}

#[derive(Deserialize)]
struct MedquadLine {
    qid: String,
    question: String,
    answer: String,
    #[serde(default)]
    focus: String,
    #[serde(default)]
    synonyms: Vec<String>,
    #[serde(default)]
    qtype: String,
}

#[derive(Deserialize)]
struct QueryLine {
    qid: String,
    text: Option<String>,
    original: Option<String>,
}

/// A corpus in the product's own form.
pub struct Corpus {
    /// The documents.
    pub articles: Vec<Article>,
    /// Document ids of qrels and run, by slug.
    pub ids: HashMap<ArticleSlug, String>,
}

/// Runs a measurement.
///
/// # Errors
/// When a file is missing or not in the format, or the index fails.
pub fn run(options: &RetrievalOptions) -> Result<RetrievalReport, RetrievalEvalError> {
    let corpus = read_corpus(&options.corpus)?;
    let queries = read_queries(&options.queries)?;
    let qrels = options
        .qrels
        .as_deref()
        .map(read_qrels)
        .transpose()?
        .unwrap_or_default();
    let started = Instant::now();
    let folder = tempfile::tempdir().map_err(|source| failed(Path::new("temporary folder"), source))?;
    let built = build(&corpus.articles, folder.path(), &|_, _| {})?;
    let build_seconds = started.elapsed().as_secs_f64();
    let snapshot = Snapshot::open(&built.path)?.with_tuning(options.tuning.clone());
    let mut times = Vec::with_capacity(queries.len());
    let mut runs: BTreeMap<String, Vec<(String, f32)>> = BTreeMap::new();
    for (qid, text) in &queries {
        let start = Instant::now();
        let found = snapshot.rank_articles(&RetrievalQuery::new(text), RUN_DEPTH)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        let named = found
            .into_iter()
            .filter_map(|f| Some((corpus.ids.get(&f.slug)?.clone(), f.score)));
        runs.insert(qid.clone(), named.collect());
    }
    if let Some(path) = &options.run {
        write_run(path, &runs)?;
    }
    let known: BTreeSet<&str> = corpus.ids.values().map(String::as_str).collect();
    let mut report = figures(&runs, &qrels, &known);
    report.documents = built.articles;
    report.passages = built.passages;
    report.queries = queries.len();
    report.build_seconds = build_seconds;
    times.sort_by(f64::total_cmp);
    report.p50_ms = percentile(&times, 0.5);
    report.p99_ms = percentile(&times, 0.99);
    Ok(report)
}

/// The value below which a share of sorted values lies (nearest rank).
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

type Qrels = BTreeMap<String, BTreeMap<String, u32>>;

/// Means over the queries that have a relevant document in the corpus.
fn figures(runs: &BTreeMap<String, Vec<(String, f32)>>, qrels: &Qrels, known: &BTreeSet<&str>) -> RetrievalReport {
    let mut report = RetrievalReport::default();
    for (qid, found) in runs {
        let Some(grades) = qrels.get(qid) else { continue };
        let gain = |id: &str| f64::from(grades.get(id).copied().unwrap_or(0).saturating_sub(1));
        let mut ideal: Vec<f64> = grades
            .keys()
            .filter(|id| known.contains(id.as_str()))
            .map(|id| gain(id))
            .collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        if ideal.first().is_none_or(|g| *g <= 0.0) {
            continue;
        }
        report.judged += 1;
        let gains: Vec<f64> = found.iter().map(|(id, _)| gain(id)).collect();
        report.ndcg_at_10 += discounted(&gains) / discounted(&ideal);
        if let Some(first) = gains.iter().position(|g| *g > 0.0) {
            report.mrr += 1.0 / (first as f64 + 1.0);
            report.success_at_10 += if first < CUT { 1.0 } else { 0.0 };
        }
        report.score_at_1 += gains.first().copied().unwrap_or(0.0);
    }
    let count = report.judged.max(1) as f64;
    report.ndcg_at_10 /= count;
    report.mrr /= count;
    report.success_at_10 /= count;
    report.score_at_1 /= count;
    report
}

/// Discounted cumulative gain of the first ten (Järvelin and Kekäläinen 2002, linear gain).
fn discounted(gains: &[f64]) -> f64 {
    gains
        .iter()
        .take(CUT)
        .enumerate()
        .map(|(rank, gain)| gain / (rank as f64 + 2.0).log2())
        .sum()
}

fn failed(path: &Path, source: std::io::Error) -> RetrievalEvalError {
    RetrievalEvalError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Lines of a file, unpacked when its name ends in `.gz`.
fn lines(path: &Path) -> Result<Vec<String>, RetrievalEvalError> {
    let file = std::fs::File::open(path).map_err(|e| failed(path, e))?;
    let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    BufReader::new(reader)
        .lines()
        .collect::<Result<_, _>>()
        .map_err(|e| failed(path, e))
}

fn json_lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>, RetrievalEvalError> {
    let mut found = Vec::new();
    for (number, line) in lines(path)?.iter().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        found.push(serde_json::from_str(line).map_err(|e| RetrievalEvalError::Line {
            path: path.to_owned(),
            line: number + 1,
            reason: format!("{e}"),
        })?);
    }
    Ok(found)
}

/// Reads a folder of articles or a MedQuAD file.
///
/// # Errors
/// When it is not in the format.
pub fn read_corpus(path: &Path) -> Result<Corpus, RetrievalEvalError> {
    if path.is_dir() {
        let articles = load_folder(path)?;
        let ids = articles.iter().map(|a| (a.slug.clone(), a.slug.to_string())).collect();
        return Ok(Corpus { articles, ids });
    }
    let mut corpus = Corpus {
        articles: Vec::new(),
        ids: HashMap::new(),
    };
    for (number, line) in json_lines::<MedquadLine>(path)?.into_iter().enumerate() {
        let id = line.qid.clone();
        if let Some(article) = medquad_article(number, line) {
            corpus.ids.insert(article.slug.clone(), id);
            corpus.articles.push(article);
        }
    }
    Ok(corpus)
}

/// A MedQuAD pair as an article of one section. `None` when it has no answer text.
fn medquad_article(number: usize, line: MedquadLine) -> Option<Article> {
    let slug = ArticleSlug::parse(&format!("medquad-{number:06}")).ok()?;
    let mut passages = Vec::new();
    for paragraph in line.answer.lines() {
        let found: Vec<Sentence> = sentences(paragraph)
            .into_iter()
            .map(|text| Sentence {
                text,
                kind: SentenceKind::Prose,
            })
            .collect();
        if !found.is_empty() {
            let id = PassageId::parse(&format!("{slug}.1.0.{}", passages.len())).ok()?;
            passages.push(Passage { id, sentences: found });
        }
    }
    if passages.is_empty() {
        return None;
    }
    let mut lay = line.synonyms;
    if !line.focus.trim().is_empty() {
        lay.insert(0, line.focus);
    }
    Some(Article {
        slug,
        revision: 1,
        title: line.question.clone(),
        kind: ArticleKind::Condition,
        language: "en".to_owned(),
        translation_of: None,
        summary: String::new(),
        review_by: "9999-12-31".to_owned(),
        status_note: "MedQuAD, CC BY 4.0".to_owned(),
        golden: Vec::new(),
        synonyms: Synonyms {
            lay,
            clinical: Vec::new(),
        },
        codes: Codes::default(),
        audience: Audience::default(),
        sources: Vec::new(),
        sections: vec![Section {
            kind: section_kind(&line.qtype),
            heading: line.question,
            passages,
        }],
    })
}

/// MedQuAD's question types as kinds of section.
fn section_kind(qtype: &str) -> SectionKind {
    match qtype {
        "symptoms" => SectionKind::Symptoms,
        "treatment" => SectionKind::Treatment,
        "causes" | "genetic changes" => SectionKind::Causes,
        "inheritance" | "susceptibility" => SectionKind::Risk,
        "exams and tests" => SectionKind::Diagnosis,
        "outlook" | "stages" => SectionKind::Outlook,
        "prevention" => SectionKind::Prevention,
        "complications" => SectionKind::Complications,
        "considerations" => SectionKind::SelfCare,
        "research" | "support groups" | "frequency" => SectionKind::NextSteps,
        _ => SectionKind::Overview,
    }
}

/// Reads queries: id and text.
///
/// # Errors
/// When a line is not in the format.
pub fn read_queries(path: &Path) -> Result<Vec<(String, String)>, RetrievalEvalError> {
    let mut found = Vec::new();
    for (number, line) in json_lines::<QueryLine>(path)?.into_iter().enumerate() {
        let Some(text) = line.text.or(line.original) else {
            let reason = "has neither `text` nor `original`".to_owned();
            return Err(RetrievalEvalError::Line {
                path: path.to_owned(),
                line: number + 1,
                reason,
            });
        };
        found.push((line.qid, text));
    }
    Ok(found)
}

fn read_qrels(path: &Path) -> Result<Qrels, RetrievalEvalError> {
    let mut qrels = Qrels::new();
    for (number, line) in lines(path)?.iter().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let grade = parts.get(3).and_then(|g| g.parse::<u32>().ok());
        let (Some(qid), Some(id), Some(grade), 4) = (parts.first(), parts.get(2), grade, parts.len()) else {
            let reason = "is not 'query 0 document grade'".to_owned();
            return Err(RetrievalEvalError::Line {
                path: path.to_owned(),
                line: number + 1,
                reason,
            });
        };
        qrels
            .entry((*qid).to_owned())
            .or_default()
            .insert((*id).to_owned(), grade);
    }
    Ok(qrels)
}

fn write_run(path: &Path, runs: &BTreeMap<String, Vec<(String, f32)>>) -> Result<(), RetrievalEvalError> {
    let file = std::fs::File::create(path).map_err(|e| failed(path, e))?;
    let mut out = std::io::BufWriter::new(file);
    for (qid, found) in runs {
        for (rank, (id, score)) in found.iter().enumerate() {
            writeln!(out, "{qid} Q0 {id} {} {score:.6} chartlight", rank + 1).map_err(|e| failed(path, e))?;
        }
    }
    out.flush().map_err(|e| failed(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_follow_their_definitions() {
        let run = vec![("a".to_owned(), 3.0), ("b".to_owned(), 2.0), ("c".to_owned(), 1.0)];
        let runs = BTreeMap::from([("q1".to_owned(), run.clone()), ("q2".to_owned(), run)]);
        let grades = |pairs: &[(&str, u32)]| pairs.iter().map(|(d, g)| ((*d).to_owned(), *g)).collect();
        let qrels = Qrels::from([
            ("q1".to_owned(), grades(&[("b", 4), ("c", 2), ("a", 1)])),
            ("q2".to_owned(), grades(&[("a", 1), ("missing", 4)])),
        ]);
        let report = figures(&runs, &qrels, &BTreeSet::from(["a", "b", "c"]));
        assert_eq!(
            report.judged, 1,
            "a query without a relevant document in the corpus is left out"
        );
        let expected = (3.0 / 3f64.log2() + 1.0 / 2.0) / (3.0 + 1.0 / 3f64.log2());
        assert!((report.ndcg_at_10 - expected).abs() < 1e-9);
        assert!((report.mrr - 0.5).abs() < 1e-9 && (report.success_at_10 - 1.0).abs() < 1e-9);
    }
}
