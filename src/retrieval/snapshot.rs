//! An open snapshot: articles in memory, the index mapped, everything checked against the manifest.
//!
//! Must not: write, or delete what does not open.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::build::{ARTICLES, INDEX, MANIFEST, Manifest, SCHEMA_VERSION, VOCABULARY, content_id, file_hash};
use super::names::Names;
use super::schema::SearchIndex;
use super::suggest::Suggestions;
use super::tuning::Tuning;
use super::vocabulary::Vocabulary;
use crate::domain::{Article, ArticleSlug, Passage, PassageId, Section, SnapshotId};

/// Why a snapshot does not open. It is never deleted: an older program may still read it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing or cannot be read.
    #[error("the guidance snapshot is not whole: {path}: {source}; run `chartlight guidance build`")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file differs from what was written.
    #[error("the guidance snapshot is damaged: {0} differs from its manifest; run `chartlight guidance build`")]
    Damaged(String),
    /// A file is not in the expected format.
    #[error("the guidance snapshot's {file} cannot be read: {reason}; run `chartlight guidance build`")]
    Format {
        /// The file.
        file: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Written by another version.
    #[error(
        "the guidance snapshot has format {found}, this program reads {SCHEMA_VERSION}; run `chartlight guidance build`"
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// The index does not open.
    #[error("the guidance index does not open: {0}; run `chartlight guidance build`")]
    Index(#[from] tantivy::TantivyError),
}

/// Where a passage stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PassagePlace {
    pub article: u32,
    pub section: u32,
    pub part: u32,
}

/// An immutable published index.
pub struct Snapshot {
    id: SnapshotId,
    articles: Vec<Article>,
    by_slug: HashMap<ArticleSlug, u32>,
    by_passage: HashMap<PassageId, u32>,
    /// Chart codes (`icd10cm|E11`) → articles.
    pub(crate) by_code: HashMap<String, Vec<u32>>,
    pub(crate) places: Vec<PassagePlace>,
    /// First passage of each article.
    pub(crate) first_passage: Vec<u32>,
    pub(crate) index: SearchIndex,
    pub(crate) names: Names,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) suggestions: Suggestions,
    pub(crate) tuning: Tuning,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Snapshot({}, {} articles, {} passages)",
            self.id,
            self.articles.len(),
            self.places.len()
        )
    }
}

impl Snapshot {
    /// Opens a snapshot folder and checks every file against its manifest.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the format is another.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let manifest = read_manifest(path)?;
        for (name, hash) in &manifest.files {
            let file = path.join(name);
            let found = file_hash(&file).map_err(|source| OpenError::Io { path: file, source })?;
            if found != *hash {
                return Err(OpenError::Damaged(name.clone()));
            }
        }
        let (articles, id) = read_articles(path)?;
        if id != manifest.id || articles.len() != manifest.articles {
            return Err(OpenError::Damaged(ARTICLES.to_owned()));
        }
        let vocabulary = Vocabulary::parse(&read(path, VOCABULARY)?).ok_or(OpenError::Format {
            file: VOCABULARY,
            reason: "a row is not right".to_owned(),
        })?;
        let places = places(&articles);
        if places.len() != manifest.passages {
            return Err(OpenError::Damaged(ARTICLES.to_owned()));
        }
        let index = SearchIndex::open(&path.join(INDEX), articles.len(), places.len())?;
        Ok(Self::assemble(manifest.id, articles, places, index, vocabulary))
    }

    fn assemble(
        id: SnapshotId,
        articles: Vec<Article>,
        places: Vec<PassagePlace>,
        index: SearchIndex,
        vocabulary: Vocabulary,
    ) -> Self {
        let numbered = || articles.iter().zip(0u32..);
        let by_slug = numbered().map(|(a, n)| (a.slug.clone(), n)).collect();
        let mut by_code: HashMap<String, Vec<u32>> = HashMap::new();
        for (article, number) in numbered() {
            for (system, codes) in code_lists(article) {
                for code in codes {
                    by_code
                        .entry(format!("{system}|{}", code.to_ascii_uppercase()))
                        .or_default()
                        .push(number);
                }
            }
        }
        let mut by_passage = HashMap::with_capacity(places.len());
        let mut first_passage = vec![u32::MAX; articles.len()];
        for (place, number) in places.iter().zip(0u32..) {
            if let Some(first) = first_passage.get_mut(place.article as usize) {
                *first = (*first).min(number);
            }
            if let Some((_, _, passage)) = at(&articles, *place) {
                by_passage.insert(passage.id.clone(), number);
            }
        }
        let names = Names::new(&articles);
        let suggestions = Suggestions::new(&articles);
        Self {
            id,
            by_slug,
            by_passage,
            by_code,
            places,
            first_passage,
            index,
            names,
            vocabulary,
            suggestions,
            tuning: Tuning::default(),
            articles,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &SnapshotId {
        &self.id
    }

    /// All articles, by slug.
    #[must_use]
    pub fn articles(&self) -> &[Article] {
        &self.articles
    }

    /// How many passages it holds.
    #[must_use]
    pub fn passage_count(&self) -> usize {
        self.places.len()
    }

    /// One article.
    #[must_use]
    pub fn article(&self, slug: &ArticleSlug) -> Option<&Article> {
        self.by_slug.get(slug).and_then(|n| self.articles.get(*n as usize))
    }

    /// One passage with where it stands.
    #[must_use]
    pub fn passage(&self, id: &PassageId) -> Option<(&Article, &Section, &Passage)> {
        self.passage_at(*self.by_passage.get(id)?)
    }

    pub(crate) fn passage_at(&self, number: u32) -> Option<(&Article, &Section, &Passage)> {
        at(&self.articles, *self.places.get(number as usize)?)
    }

    /// The same snapshot with other weights, for measuring them.
    #[must_use]
    pub fn with_tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }
}

/// The code lists of an article with the short names of their systems.
fn code_lists(article: &Article) -> [(&'static str, &[String]); 4] {
    let codes = &article.codes;
    [
        ("icd10cm", &codes.icd10cm),
        ("snomed", &codes.snomed),
        ("loinc", &codes.loinc),
        ("rxnorm", &codes.rxnorm),
    ]
}

fn at(articles: &[Article], place: PassagePlace) -> Option<(&Article, &Section, &Passage)> {
    let article = articles.get(place.article as usize)?;
    let section = article.sections.get(place.section as usize)?;
    Some((article, section, section.passages.get(place.part as usize)?))
}

fn places(articles: &[Article]) -> Vec<PassagePlace> {
    let mut found = Vec::new();
    for (article, a) in articles.iter().zip(0u32..) {
        for (section, s) in article.sections.iter().zip(0u32..) {
            found.extend(section.passages.iter().zip(0u32..).map(|(_, part)| PassagePlace {
                article: a,
                section: s,
                part,
            }));
        }
    }
    found
}

fn read(path: &Path, name: &str) -> Result<String, OpenError> {
    let file = path.join(name);
    std::fs::read_to_string(&file).map_err(|source| OpenError::Io { path: file, source })
}

fn read_manifest(path: &Path) -> Result<Manifest, OpenError> {
    let text = read(path, MANIFEST)?;
    let format = |e: serde_json::Error| OpenError::Format {
        file: MANIFEST,
        reason: e.to_string(),
    };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(format)?;
    let found = value
        .get("schema_version")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0);
    if found != u64::from(SCHEMA_VERSION) {
        return Err(OpenError::Version {
            found: u32::try_from(found).unwrap_or(0),
        });
    }
    serde_json::from_value(value).map_err(format)
}

fn read_articles(path: &Path) -> Result<(Vec<Article>, SnapshotId), OpenError> {
    let text = read(path, ARTICLES)?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let id = content_id(&lines);
    let articles = lines
        .iter()
        .map(|line| serde_json::from_str(line))
        .collect::<Result<Vec<Article>, _>>()
        .map_err(|e| OpenError::Format {
            file: ARTICLES,
            reason: e.to_string(),
        })?;
    Ok((articles, id))
}
