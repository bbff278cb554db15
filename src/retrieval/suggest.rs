//! Suggestions as a person types: titles and names of articles that begin with, or have a word that begins with, what
//! was typed.
//!
//! Must not: search text. A binary search over sorted keys keeps it far under its 10 ms.

use serde::Serialize;

use super::Snapshot;
use crate::domain::text::fold;
use crate::domain::{Article, ArticleSlug};

/// Most entries looked at for one prefix.
const MAX_SCAN: usize = 2_000;

/// One suggestion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Suggestion {
    /// What to show: the title or the name that matched.
    pub text: String,
    /// The article it leads to.
    pub article: String,
    /// The article's title.
    pub title: String,
    /// The article's language.
    pub language: String,
}

struct Entry {
    key: String,
    text: String,
    article: u32,
    /// Smaller is shown first: whole name before a later word, title before synonym.
    order: u8,
}

#[derive(Default)]
pub(crate) struct Suggestions {
    sorted: Vec<Entry>,
}

impl Suggestions {
    pub(crate) fn new(articles: &[Article]) -> Self {
        let mut sorted = Vec::new();
        for (article, number) in articles.iter().zip(0u32..) {
            let names = article.synonyms.lay.iter().chain(&article.synonyms.clinical);
            for (text, order) in std::iter::once((&article.title, 0)).chain(names.map(|n| (n, 1))) {
                let folded = fold(text);
                let starts = folded.char_indices().filter(|(at, _)| {
                    let before = folded.get(..*at).and_then(|b| b.chars().next_back());
                    before.is_none_or(|c| !c.is_alphanumeric())
                });
                for (at, first) in starts {
                    if !first.is_alphanumeric() {
                        continue;
                    }
                    let key = folded.get(at..).unwrap_or("").to_owned();
                    sorted.push(Entry {
                        key,
                        text: text.clone(),
                        article: number,
                        order: order + if at == 0 { 0 } else { 2 },
                    });
                }
            }
        }
        sorted.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| a.order.cmp(&b.order)));
        Self { sorted }
    }
}

impl Snapshot {
    /// Names that begin with what was typed, at most one for each article, best first.
    #[must_use]
    pub fn suggest(&self, prefix: &str, limit: usize) -> Vec<Suggestion> {
        let typed = fold(prefix.trim()).split_whitespace().collect::<Vec<_>>().join(" ");
        if typed.is_empty() {
            return Vec::new();
        }
        let sorted = &self.suggestions.sorted;
        let start = sorted.partition_point(|e| e.key.as_str() < typed.as_str());
        let mut hits: Vec<&Entry> = sorted
            .iter()
            .skip(start)
            .take(MAX_SCAN)
            .take_while(|e| e.key.starts_with(&typed))
            .collect();
        hits.sort_by_key(|e| (e.order, e.text.len()));
        let mut seen: Vec<u32> = Vec::new();
        let mut found = Vec::new();
        for hit in hits {
            if found.len() >= limit {
                break;
            }
            let Some(article) = self
                .articles()
                .get(hit.article as usize)
                .filter(|_| !seen.contains(&hit.article))
            else {
                continue;
            };
            seen.push(hit.article);
            found.push(Suggestion {
                text: hit.text.clone(),
                article: ArticleSlug::as_str(&article.slug).to_owned(),
                title: article.title.clone(),
                language: article.language.clone(),
            });
        }
        found
    }
}
