//! The published guidance, open to anyone who can reach the server: it holds nothing of a patient.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Code, Problem};
use super::state::WebState;
use crate::domain::ArticleSlug;
use crate::domain::guidance::{Article, ArticleKind, Audience, Codes, SectionKind, SentenceKind, Source, Synonyms};
use crate::retrieval::{SearchOptions, SearchPage, Suggestion};

/// A search.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// What to look for, 1 to 500 characters.
    q: String,
    /// BCP 47 language, `en` if absent.
    language: Option<String>,
    /// Only articles of this kind.
    kind: Option<ArticleKind>,
    /// Only sections of this kind.
    section: Option<SectionKind>,
    /// Hits to pass over.
    offset: Option<usize>,
    /// Hits wanted, 1 to 50; 10 if absent.
    limit: Option<usize>,
}

/// The beginning of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SuggestQuery {
    /// What was typed so far.
    q: String,
}

/// Suggestions while typing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suggestions {
    /// Best first, at most 8.
    pub suggestions: Vec<Suggestion>,
}

/// An article as a page shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticlePage {
    /// Its name in addresses.
    pub slug: String,
    /// Revision number.
    pub revision: u32,
    /// Title.
    pub title: String,
    /// Kind.
    pub kind: ArticleKind,
    /// BCP 47 language.
    pub language: String,
    /// One sentence.
    pub summary: String,
    /// The review state in words.
    pub status_note: String,
    /// Date by which it is reviewed again.
    pub review_by: String,
    /// Other names.
    pub synonyms: Synonyms,
    /// Codes.
    pub codes: Codes,
    /// Whom it is for.
    pub audience: Audience,
    /// Where its facts come from.
    pub sources: Vec<Source>,
    /// Sections in order.
    pub sections: Vec<SectionPage>,
}

/// A section.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionPage {
    /// What it answers.
    pub kind: SectionKind,
    /// Heading.
    pub heading: String,
    /// Passages in order.
    pub passages: Vec<PassagePage>,
}

/// A passage.
#[derive(Debug, Serialize, ToSchema)]
pub struct PassagePage {
    /// Passage id, as citations name it.
    pub id: String,
    /// Sentences in order; citations count them from 0.
    pub sentences: Vec<SentencePage>,
}

/// A sentence.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentencePage {
    /// The text.
    pub text: String,
    /// Its place in the passage.
    pub kind: SentenceKind,
}

fn page(article: &Article) -> ArticlePage {
    let sections = article
        .sections
        .iter()
        .map(|section| SectionPage {
            kind: section.kind,
            heading: section.heading.clone(),
            passages: section
                .passages
                .iter()
                .map(|passage| PassagePage {
                    id: passage.id.to_string(),
                    sentences: passage
                        .sentences
                        .iter()
                        .map(|sentence| SentencePage {
                            text: sentence.text.clone(),
                            kind: sentence.kind,
                        })
                        .collect(),
                })
                .collect(),
        })
        .collect();
    ArticlePage {
        slug: article.slug.to_string(),
        revision: article.revision,
        title: article.title.clone(),
        kind: article.kind,
        language: article.language.clone(),
        summary: article.summary.clone(),
        status_note: article.status_note.clone(),
        review_by: article.review_by.clone(),
        synonyms: article.synonyms.clone(),
        codes: article.codes.clone(),
        audience: article.audience.clone(),
        sources: article.sources.clone(),
        sections,
    }
}

/// Searches the published guidance.
#[utoipa::path(tag = "guidance", params(SearchQuery), responses(
    (status = 200, description = "Hits with highlights and facets", body = SearchPage),
    (status = 422, description = "The search cannot be used", body = Problem),
))]
#[get("/v1/guidance/search")]
pub async fn search(
    state: web::Data<WebState>,
    query: web::Query<SearchQuery>,
) -> Result<web::Json<SearchPage>, Problem> {
    let length = query.q.trim().chars().count();
    if !(1..=500).contains(&length) {
        return Err(Problem::new(Code::Invalid, "Give 1 to 500 characters to search for.").field("q"));
    }
    let limit = query.limit.unwrap_or(10);
    if !(1..=50).contains(&limit) {
        return Err(Problem::new(Code::Invalid, "limit must lie between 1 and 50.").field("limit"));
    }
    let options = SearchOptions {
        language: query.language.clone().unwrap_or_else(|| "en".to_owned()),
        article_kind: query.kind,
        section_kind: query.section,
        offset: query.offset.unwrap_or(0).min(10_000),
        limit,
    };
    Ok(web::Json(state.snapshots.current().search(query.q.trim(), &options)?))
}

/// Suggests articles while someone types.
#[utoipa::path(tag = "guidance", params(SuggestQuery), responses(
    (status = 200, description = "Suggestions", body = Suggestions),
))]
#[get("/v1/guidance/suggest")]
pub async fn suggest(state: web::Data<WebState>, query: web::Query<SuggestQuery>) -> web::Json<Suggestions> {
    let typed: String = query.q.chars().take(100).collect();
    web::Json(Suggestions {
        suggestions: state.snapshots.current().suggest(&typed, 8),
    })
}

/// The current revision of an article.
#[utoipa::path(tag = "guidance", params(("slug" = String, Path, description = "Article slug")), responses(
    (status = 200, description = "The article", body = ArticlePage),
    (status = 404, description = "No such article", body = Problem),
))]
#[get("/v1/guidance/articles/{slug}")]
pub async fn read_article(
    state: web::Data<WebState>,
    slug: web::Path<String>,
) -> Result<web::Json<ArticlePage>, Problem> {
    let slug = ArticleSlug::parse(&slug)?;
    let snapshot = state.snapshots.current();
    Ok(web::Json(page(snapshot.article(&slug).ok_or_else(Problem::not_found)?)))
}

/// One revision of an article, as a citation names it.
#[utoipa::path(tag = "guidance",
    params(("slug" = String, Path, description = "Article slug"), ("revision" = u32, Path, description = "Revision number")),
    responses(
    (status = 200, description = "The article", body = ArticlePage),
    (status = 404, description = "No such revision", body = Problem),
))]
#[get("/v1/guidance/articles/{slug}/revisions/{revision}")]
pub async fn read_revision(
    state: web::Data<WebState>,
    path: web::Path<(String, u32)>,
) -> Result<web::Json<ArticlePage>, Problem> {
    let (slug, revision) = path.into_inner();
    let slug = ArticleSlug::parse(&slug)?;
    let snapshot = state.snapshots.current();
    let found = snapshot.article(&slug).filter(|article| article.revision == revision);
    Ok(web::Json(page(found.ok_or_else(Problem::not_found)?)))
}
