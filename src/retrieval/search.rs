//! The search page: hits with highlights, facets, paging.
//!
//! Must not: judge coverage; a person who searches sees what there is.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::Snapshot;
use super::rank::{RetrievalQuery, SearchError};
use super::words::{Analyzer, Language};
use crate::domain::guidance::ArticleKind;
use crate::domain::{Article, SectionKind};

/// Longest snippet, in characters.
const SNIPPET_CHARS: usize = 240;
/// A passage this much worse than the best is not a hit.
const LEAST_SHARE: f32 = 0.35;

/// How to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchOptions {
    /// BCP 47 language.
    pub language: String,
    /// Only articles of this kind.
    pub article_kind: Option<ArticleKind>,
    /// Only sections of this kind.
    pub section_kind: Option<SectionKind>,
    /// Hits to skip.
    pub offset: usize,
    /// Most hits wanted.
    pub limit: usize,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            article_kind: None,
            section_kind: None,
            offset: 0,
            limit: 10,
        }
    }
}

/// A piece of a snippet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fragment {
    /// The text.
    pub text: String,
    /// Whether it matches the search.
    pub hit: bool,
}

/// One hit.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SearchHit {
    /// Article slug.
    pub article: String,
    /// Article title.
    pub title: String,
    /// Kind of article.
    pub article_kind: ArticleKind,
    /// Language of the article.
    pub language: String,
    /// Passage id.
    pub passage: String,
    /// Kind of section.
    pub section: SectionKind,
    /// Heading of the section.
    pub heading: String,
    /// The passage's beginning or the part that matches, in order; joined it is the snippet.
    pub snippet: Vec<Fragment>,
    /// Score, comparable within one search.
    pub score: f32,
}

/// How many hits there are of each kind, before paging and kind filters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Facets {
    /// By kind of article.
    pub article_kinds: BTreeMap<String, usize>,
    /// By kind of section.
    pub section_kinds: BTreeMap<String, usize>,
    /// By language.
    pub languages: BTreeMap<String, usize>,
}

/// One page of hits.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SearchPage {
    /// Hits that pass the filters, all pages.
    pub total: usize,
    /// The hits of this page, best first.
    pub hits: Vec<SearchHit>,
    /// Counts by kind.
    pub facets: Facets,
}

impl Snapshot {
    /// Searches the library for a person who browses it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(&self, text: &str, options: &SearchOptions) -> Result<SearchPage, SearchError> {
        let query = RetrievalQuery {
            language: &options.language,
            ..RetrievalQuery::new(text)
        };
        let ranking = self.rank(&query)?;
        let least = ranking.passages.first().map_or(0.0, |(_, s)| s * LEAST_SHARE);
        let mut facets = Facets::default();
        let mut passing: Vec<(u32, f32)> = Vec::new();
        for (number, score) in ranking.passages.iter().filter(|(_, s)| *s >= least) {
            let Some((article, section, _)) = self.passage_at(*number) else {
                continue;
            };
            *facets.article_kinds.entry(kind_name(article)).or_default() += 1;
            *facets
                .section_kinds
                .entry(section.kind.as_str().to_owned())
                .or_default() += 1;
            *facets.languages.entry(article.language.clone()).or_default() += 1;
            let kind = options.article_kind.is_none_or(|k| k == article.kind);
            if kind && options.section_kind.is_none_or(|k| k == section.kind) {
                passing.push((*number, *score));
            }
        }
        let terms: HashSet<&str> = ranking.plan.terms.iter().map(|t| t.term.as_str()).collect();
        let analyzer = Analyzer::new(Language::of(&options.language));
        let page = passing.iter().skip(options.offset).take(options.limit);
        let hits = page
            .filter_map(|(number, score)| self.hit(*number, *score, &terms, &analyzer))
            .collect();
        Ok(SearchPage {
            total: passing.len(),
            hits,
            facets,
        })
    }

    fn hit(&self, number: u32, score: f32, terms: &HashSet<&str>, analyzer: &Analyzer) -> Option<SearchHit> {
        let (article, section, passage) = self.passage_at(number)?;
        Some(SearchHit {
            article: article.slug.to_string(),
            title: article.title.clone(),
            article_kind: article.kind,
            language: article.language.clone(),
            passage: passage.id.to_string(),
            section: section.kind,
            heading: section.heading.clone(),
            snippet: snippet(&passage.text(), terms, analyzer),
            score,
        })
    }
}

fn kind_name(article: &Article) -> String {
    serde_json::to_value(article.kind)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Cuts a text to [`SNIPPET_CHARS`] around its first match and marks the matching words.
fn snippet(text: &str, terms: &HashSet<&str>, analyzer: &Analyzer) -> Vec<Fragment> {
    use unicode_segmentation::UnicodeSegmentation as _;
    let pieces: Vec<(&str, bool)> = text
        .split_word_bounds()
        .map(|piece| {
            let words = crate::domain::text::words(piece);
            let hit = words.into_iter().any(|w| {
                let token = analyzer.token(w);
                !token.stop && terms.contains(token.term.as_str())
            });
            (piece, hit)
        })
        .collect();
    let first = pieces.iter().position(|(_, hit)| *hit).unwrap_or(0);
    let before: usize = pieces.iter().take(first).map(|(p, _)| p.chars().count()).sum();
    let start = if before > SNIPPET_CHARS / 2 {
        first.saturating_sub(12)
    } else {
        0
    };
    let mut found: Vec<Fragment> = Vec::new();
    let mut length = 0;
    if start > 0 {
        found.push(Fragment {
            text: "… ".to_owned(),
            hit: false,
        });
    }
    for (piece, hit) in pieces.into_iter().skip(start) {
        length += piece.chars().count();
        if length > SNIPPET_CHARS {
            found.push(Fragment {
                text: " …".to_owned(),
                hit: false,
            });
            break;
        }
        match found.last_mut().filter(|last| last.hit == hit) {
            Some(last) => last.text.push_str(piece),
            None => found.push(Fragment {
                text: piece.to_owned(),
                hit,
            }),
        }
    }
    found
}
