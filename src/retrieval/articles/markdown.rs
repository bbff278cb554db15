//! Writes an article back to the file format of `index/README.md`.
//!
//! Must not: change a character of a sentence. What [`super::parse_article`] reads from the result equals the article.

use std::fmt::Write as _;

use crate::domain::{Article, Passage, SentenceKind};

/// The article as Markdown with TOML front matter.
#[must_use]
pub fn to_markdown(article: &Article) -> String {
    let mut out = String::from("+++\n");
    let mut text_line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key} = {}", quoted(value));
    };
    text_line("slug", article.slug.as_str());
    text_line("title", &article.title);
    text_line("kind", &kind_name(article));
    text_line("language", &article.language);
    if let Some(original) = &article.translation_of {
        text_line("translation_of", original.as_str());
    }
    text_line("summary", &article.summary);
    text_line("review_by", &article.review_by);
    text_line("status_note", &article.status_note);
    let _ = writeln!(out, "revision = {}", article.revision);
    let _ = writeln!(out, "golden = {}", list(&article.golden));
    let _ = writeln!(out, "\n[synonyms]\nlay = {}", list(&article.synonyms.lay));
    let _ = writeln!(out, "clinical = {}", list(&article.synonyms.clinical));
    let _ = writeln!(out, "\n[codes]\nicd10cm = {}", list(&article.codes.icd10cm));
    let _ = writeln!(out, "snomed = {}", list(&article.codes.snomed));
    let _ = writeln!(out, "loinc = {}", list(&article.codes.loinc));
    let _ = writeln!(out, "rxnorm = {}", list(&article.codes.rxnorm));
    audience(&mut out, article);
    for source in &article.sources {
        let _ = writeln!(out, "\n[[sources]]\norganization = {}", quoted(&source.organization));
        let _ = writeln!(out, "title = {}\nyear = {}", quoted(&source.title), source.year);
        if let Some(url) = &source.url {
            let _ = writeln!(out, "url = {}", quoted(url));
        }
    }
    out.push_str("+++\n");
    for section in &article.sections {
        let _ = writeln!(out, "\n## {}: {}", section.kind.as_str(), section.heading);
        for (number, passage) in section.passages.iter().enumerate() {
            if number > 0 {
                out.push('\n');
            }
            write_passage(&mut out, passage);
        }
    }
    out
}

fn write_passage(out: &mut String, passage: &Passage) {
    let prose: Vec<&str> = passage
        .sentences
        .iter()
        .filter(|s| s.kind != SentenceKind::ListItem)
        .map(|s| s.text.as_str())
        .collect();
    let _ = writeln!(out, "{}", prose.join(" "));
    let mut items = passage
        .sentences
        .iter()
        .filter(|s| s.kind == SentenceKind::ListItem)
        .peekable();
    if items.peek().is_some() {
        out.push('\n');
    }
    for item in items {
        let _ = writeln!(out, "- {}", item.text);
    }
}

fn audience(out: &mut String, article: &Article) {
    out.push_str("\n[audience]\n");
    if let Some(age) = article.audience.min_age {
        let _ = writeln!(out, "min_age = {age}");
    }
    if let Some(age) = article.audience.max_age {
        let _ = writeln!(out, "max_age = {age}");
    }
    if let Some(sex) = &article.audience.sex {
        let _ = writeln!(out, "sex = {}", quoted(sex));
    }
    let _ = writeln!(out, "pregnancy = {}", article.audience.pregnancy);
}

fn kind_name(article: &Article) -> String {
    serde_json::to_value(article.kind)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", "))
}
