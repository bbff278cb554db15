//! Writing a snapshot: an immutable folder named by its content, checked before it gets its name.
//!
//! Must not: change or delete a snapshot that exists. Everything is written into a temporary folder, synced, checked
//! and renamed, so a kill leaves either nothing or a whole snapshot.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rank::{RetrievalQuery, SearchError};
use super::schema::{self, Unit};
use super::vocabulary::Vocabulary;
use super::words::{Analyzer, Language};
use super::{OpenError, Snapshot};
use crate::domain::{Article, ArticleSlug, SnapshotId};

/// Raised whenever the files of a snapshot change, so that an old one is not mistaken for a new one.
pub(crate) const SCHEMA_VERSION: u32 = 1;
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const ARTICLES: &str = "articles.jsonl";
pub(crate) const VOCABULARY: &str = "vocabulary.tsv";
pub(crate) const INDEX: &str = "index";
/// A golden question must find its article among this many.
const GOLDEN_WITHIN: usize = 3;

/// What a snapshot folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub schema_version: u32,
    pub id: SnapshotId,
    pub articles: usize,
    pub passages: usize,
    /// SHA-256 of every file, by its path in the folder.
    pub files: BTreeMap<String, String>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildReport {
    /// The snapshot.
    pub id: SnapshotId,
    /// Its folder.
    pub path: PathBuf,
    /// Whether a snapshot of the same content was there already.
    pub reused: bool,
    /// Articles in it.
    pub articles: usize,
    /// Passages in it.
    pub passages: usize,
    /// Golden questions that were tried (0 where it was reused).
    pub golden: usize,
}

/// A golden question that did not find its article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoldenMiss {
    /// The article.
    pub article: ArticleSlug,
    /// The question, as the editor wrote it.
    pub question: String,
    /// What was found instead, best first.
    pub found: Vec<ArticleSlug>,
}

/// Why no snapshot was made. The snapshots that exist are untouched.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is nothing to publish.
    #[error("there are no articles to build a snapshot from")]
    NoArticles,
    /// Two articles share a slug.
    #[error("two articles have the slug {0}")]
    DuplicateSlug(ArticleSlug),
    /// A folder with the wanted name exists but does not open; it is left as it is.
    #[error("the folder {path} exists but is not a whole snapshot: {source}")]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        source: OpenError,
    },
    /// Writing failed.
    #[error("cannot write the snapshot: {0}")]
    Io(#[from] std::io::Error),
    /// The index failed.
    #[error("cannot write the index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// JSON failed.
    #[error("cannot write the articles: {0}")]
    Json(#[from] serde_json::Error),
    /// What was written does not open.
    #[error("the new snapshot does not open: {0}")]
    Open(#[from] OpenError),
    /// What was written cannot be searched.
    #[error("the new snapshot cannot be searched: {0}")]
    Search(#[from] SearchError),
    /// Golden questions do not find their article.
    #[error("{} golden question(s) do not find their article, first: {}", .0.len(),
        .0.first().map(|m| format!("'{}' of {}", m.question, m.article)).unwrap_or_default())]
    Golden(Vec<GoldenMiss>),
}

/// Builds the snapshot of these articles in `folder/<id>`; `progress` hears (done, all) articles.
///
/// # Errors
/// See [`BuildError`]; nothing that existed is changed.
pub fn build(articles: &[Article], folder: &Path, progress: &dyn Fn(usize, usize)) -> Result<BuildReport, BuildError> {
    let mut sorted: Vec<&Article> = articles.iter().collect();
    sorted.sort_by(|a, b| a.slug.cmp(&b.slug));
    if sorted.is_empty() {
        return Err(BuildError::NoArticles);
    }
    if let Some((twin, _)) = sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a.slug == b.slug) {
        return Err(BuildError::DuplicateSlug(twin.slug.clone()));
    }
    let lines = sorted
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<Vec<_>, _>>()?;
    let id = content_id(&lines);
    let passages = sorted.iter().flat_map(|a| &a.sections).map(|s| s.passages.len()).sum();
    let path = folder.join(id.as_str());
    let report = BuildReport {
        id,
        path,
        reused: true,
        articles: sorted.len(),
        passages,
        golden: 0,
    };
    if report.path.exists() {
        return match Snapshot::open(&report.path) {
            Ok(_) => Ok(report),
            Err(source) => Err(BuildError::Damaged {
                path: report.path,
                source,
            }),
        };
    }
    std::fs::create_dir_all(folder)?;
    let work = tempfile::Builder::new().prefix(".building-").tempdir_in(folder)?;
    write_files(work.path(), &sorted, &lines, &report, progress)?;
    let golden = check_golden(&Snapshot::open(work.path())?)?;
    let made = work.keep();
    if let Err(error) = std::fs::rename(&made, &report.path) {
        // Another build of the same content may have been first: then its snapshot is ours too.
        let other = Snapshot::open(&report.path);
        std::fs::remove_dir_all(&made)?;
        if other.is_err() {
            return Err(error.into());
        }
    }
    sync_folder(folder)?;
    Ok(BuildReport {
        reused: false,
        golden,
        ..report
    })
}

/// SHA-256 over the format version and the articles as JSON, one a line, sorted by slug.
pub(crate) fn content_id(lines: &[String]) -> SnapshotId {
    let mut hash = Sha256::new();
    hash.update(format!("chartlight guidance snapshot {SCHEMA_VERSION}\n"));
    for line in lines {
        hash.update(line);
        hash.update("\n");
    }
    let text = hex::encode(hash.finalize());
    // A SHA-256 in hex is always an id.
    SnapshotId::parse(&text).unwrap_or_else(|_| unreachable!("hex is a snapshot id"))
}

fn write_files(
    work: &Path,
    articles: &[&Article],
    lines: &[String],
    report: &BuildReport,
    progress: &dyn Fn(usize, usize),
) -> Result<(), BuildError> {
    let mut file = BufWriter::new(File::create(work.join(ARTICLES))?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    let index = work.join(INDEX);
    std::fs::create_dir(&index)?;
    let mut analysed = Analysed::default();
    for (done, article) in articles.iter().enumerate() {
        analysed.add(article);
        progress(done, articles.len());
    }
    std::fs::write(work.join(VOCABULARY), analysed.vocabulary().rows().collect::<String>())?;
    schema::write(&index, analysed.articles.into_iter().chain(analysed.passages))?;
    progress(articles.len(), articles.len());
    let mut files = BTreeMap::new();
    for path in files_in(work)? {
        File::open(&path)?.sync_all()?;
        let name = path
            .strip_prefix(work)
            .unwrap_or(&path)
            .to_string_lossy()
            .replace('\\', "/");
        files.insert(name, file_hash(&path)?);
    }
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        id: report.id.clone(),
        articles: report.articles,
        passages: report.passages,
        files,
    };
    let mut file = File::create(work.join(MANIFEST))?;
    file.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
    file.sync_all()?;
    sync_folder(&index)?;
    Ok(sync_folder(work)?)
}

/// Everything below a folder that is part of a snapshot (tantivy's lock files are not).
fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_in(&path)?);
        } else if path.extension().is_none_or(|e| e != "lock") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn file_hash(path: &Path) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer)?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}

/// Makes renames in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Articles and passages as terms, and the words they were made from.
#[derive(Default)]
struct Analysed {
    articles: Vec<Unit>,
    passages: Vec<Unit>,
    /// Word → articles that hold it, whether it stands in a title or a name.
    words: HashMap<String, (u32, bool)>,
    analyzers: HashMap<Language, Analyzer>,
}

impl Analysed {
    fn add(&mut self, article: &Article) {
        let language = Language::of(&article.language);
        let analyzer = self
            .analyzers
            .entry(language)
            .or_insert_with(|| Analyzer::new(language));
        let mut seen: HashMap<String, bool> = HashMap::new();
        let mut terms = |text: &str, named: bool| -> Vec<String> {
            let tokens = analyzer.tokens(text);
            let mut terms = Vec::with_capacity(tokens.len());
            for token in tokens {
                if token.stop {
                    continue;
                }
                terms.push(token.term);
                *seen.entry(token.word).or_default() |= named;
            }
            terms
        };
        let title = terms(&article.title, true);
        let mut names = Vec::new();
        for name in article.synonyms.lay.iter().chain(&article.synonyms.clinical) {
            names.extend(terms(name, true));
        }
        let mut headings = Vec::new();
        let mut text = terms(&article.summary, false);
        for section in &article.sections {
            let heading = terms(&section.heading, false);
            for passage in &section.passages {
                let body = terms(&passage.text(), false);
                text.extend(body.iter().cloned());
                self.passages.push(Unit::Passage([heading.clone(), body]));
            }
            headings.extend(heading);
        }
        let questions = terms(&article.golden.join("\n"), false);
        for field in [&title, &names, &questions, &headings] {
            text.extend(field.iter().cloned());
        }
        self.articles
            .push(Unit::Article([title, names, questions, headings, text]));
        if language == Language::English {
            for (word, named) in seen {
                let entry = self.words.entry(word).or_default();
                entry.0 += 1;
                entry.1 |= named;
            }
        }
    }

    fn vocabulary(&mut self) -> Vocabulary {
        let mut counted: Vec<(String, u32, bool)> = std::mem::take(&mut self.words)
            .into_iter()
            .map(|(word, (count, named))| (word, count, named))
            .collect();
        counted.sort();
        Vocabulary::new(counted)
    }
}

/// Asks every golden question; gives how many there were.
fn check_golden(snapshot: &Snapshot) -> Result<usize, BuildError> {
    let mut asked = 0;
    let mut missed = Vec::new();
    for article in snapshot.articles() {
        for question in &article.golden {
            asked += 1;
            let query = RetrievalQuery {
                language: &article.language,
                ..RetrievalQuery::new(question)
            };
            let found = snapshot.rank_articles(&query, GOLDEN_WITHIN)?;
            if !found.iter().any(|f| f.slug == article.slug) {
                missed.push(GoldenMiss {
                    article: article.slug.clone(),
                    question: question.clone(),
                    found: found.into_iter().map(|f| f.slug).collect(),
                });
            }
        }
    }
    if missed.is_empty() {
        Ok(asked)
    } else {
        Err(BuildError::Golden(missed))
    }
}
