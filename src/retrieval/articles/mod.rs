//! Articles as files: reading, writing and checking the format of `index/README.md`.
//!
//! Must not: decide what is published, or touch the index. Text that looks like a prompt template is plain text here.

mod body;
mod check;
mod front_matter;
mod markdown;

use std::path::{Path, PathBuf};

pub use check::{CheckFinding, CheckReport, check};
pub use markdown::to_markdown;

use crate::domain::{Article, ArticleSlug};

/// Largest article file read, in bytes. The longest seed article has under 20 KB.
const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// One thing that is wrong with an article's text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ArticleProblem {
    /// The file.
    pub file: String,
    /// Line, counting from 1.
    pub line: usize,
    /// What is wrong and what is wanted.
    pub message: String,
}

impl std::fmt::Display for ArticleProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Why a folder of articles was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder cannot be listed.
    #[error("cannot read the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Some articles are not in the format; every problem of every file.
    #[error("{} problem(s) in the articles, first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Problems(Vec<ArticleProblem>),
}

/// Collects problems with the line they stand on.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<(usize, String)>,
}

impl Problems {
    pub(crate) fn add(&mut self, line: usize, message: impl Into<String>) {
        self.found.push((line, message.into()));
    }

    const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    fn into_list(mut self, file: &str) -> Vec<ArticleProblem> {
        self.found.sort_by_key(|(line, _)| *line);
        let named = |(line, message)| ArticleProblem {
            file: file.to_owned(),
            line,
            message,
        };
        self.found.into_iter().map(named).collect()
    }
}

/// Reads one article.
///
/// # Errors
/// Every problem of the text at once, each with its line.
pub fn parse_article(text: &str, file_name: &str) -> Result<Article, Vec<ArticleProblem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut problems = Problems::default();
    let lines: Vec<&str> = text.lines().collect();
    let Some((head, head_start, body, body_start)) = split(&lines) else {
        problems.add(1, "the file must begin with front matter between two lines of '+++'");
        return Err(problems.into_list(file_name));
    };
    let head = front_matter::read(&head.join("\n"), head_start, &mut problems);
    if let Some(bad) = text
        .chars()
        .position(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        let line = text.chars().take(bad).filter(|c| *c == '\n').count() + 1;
        problems.add(line, "the text holds a control character");
    }
    let (slug, revision) = match &head {
        Some(head) => (head.slug.clone(), head.revision),
        None => (ArticleSlug::parse("unknown").ok(), 1),
    };
    let stem = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    if let (Some(slug), Some(stem)) = (&slug, stem.strip_suffix(".md"))
        && head.is_some()
        && slug.as_str() != stem
    {
        problems.add(
            head_start,
            format!("slug '{slug}' differs from the file name '{stem}.md'"),
        );
    }
    let sections = body::read(body, body_start, slug.as_ref(), revision, &mut problems);
    match (head.and_then(|head| head.into_article(sections)), problems.is_empty()) {
        (Some(article), true) => Ok(article),
        (_, empty) => {
            if empty {
                problems.add(head_start, "the front matter is not complete");
            }
            Err(problems.into_list(file_name))
        }
    }
}

/// Front matter lines, the line number of its first, body lines, the line number of its first.
fn split<'a>(lines: &'a [&'a str]) -> Option<(&'a [&'a str], usize, &'a [&'a str], usize)> {
    let open = lines.iter().position(|line| !line.trim().is_empty())?;
    if lines.get(open)?.trim_end() != "+++" {
        return None;
    }
    let rest = lines.get(open + 1..)?;
    let close = rest.iter().position(|line| line.trim_end() == "+++")?;
    Some((rest.get(..close)?, open + 2, rest.get(close + 1..)?, open + close + 3))
}

/// Reads every `*.md` file of a folder, sorted by slug.
///
/// # Errors
/// When the folder cannot be listed, or with all problems of all files.
pub fn load_folder(folder: &Path) -> Result<Vec<Article>, LoadError> {
    let failed = |source| LoadError::Folder {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "md") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let mut articles = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        match read_text(&path) {
            Ok(text) => match parse_article(&text, &name) {
                Ok(article) => articles.push(article),
                Err(found) => problems.extend(found),
            },
            Err(message) => problems.push(ArticleProblem {
                file: name,
                line: 1,
                message,
            }),
        }
    }
    if !problems.is_empty() {
        return Err(LoadError::Problems(problems));
    }
    articles.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(articles)
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path)
        .map_err(|e| format!("cannot be read: {e}"))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(format!("has {size} bytes; at most {MAX_FILE_BYTES} are read"));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("cannot be read: {e}"))?;
    String::from_utf8(bytes).map_err(|e| format!("is not UTF-8 (byte {})", e.utf8_error().valid_up_to()))
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::SentenceKind;

    pub(crate) const GOUT: &str = r#"+++
slug = "gout"
title = "Gout"
kind = "condition"
revision = 2
language = "en"
summary = "Gout is a kind of arthritis that comes in sudden attacks."
review_by = "2027-11-30"
status_note = "seed content, not clinically reviewed"
golden = ["why does my big toe hurt so bad", "what foods set off gout"]

[synonyms]
lay = ["uric acid arthritis"]
clinical = ["gouty arthritis"]

[codes]
icd10cm = ["M10"]

[audience]
min_age = 18

[[sources]]
organization = "NIAMS (NIH)"
title = "Gout"
year = 2023
+++

## overview: What is gout?
Gout is a kind of arthritis. Gout attacks often
start at night.

## symptoms: Signs of gout
Gout has stages. A gout attack has these signs:

- The big toe is hot, red and sore.
- Token <|im_start|>system stays text & "plain".
"#;

    #[test]
    fn an_article_is_read_into_sections_passages_and_sentences() {
        let article = parse_article(GOUT, "gout.md").unwrap();
        assert_eq!(article.revision, 2);
        assert_eq!(article.audience.min_age, Some(18));
        let passages: Vec<_> = article.sections.iter().flat_map(|s| &s.passages).collect();
        let ids: Vec<_> = passages.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, ["gout.2.0.0", "gout.2.1.0", "gout.2.1.1"]);
        assert_eq!(passages[0].sentences[1].text, "Gout attacks often start at night.");
        let kinds: Vec<_> = passages[2].sentences.iter().map(|s| s.kind).collect();
        assert_eq!(
            kinds,
            [SentenceKind::ListLead, SentenceKind::ListItem, SentenceKind::ListItem]
        );
        assert_eq!(
            passages[2].sentences[2].text,
            "Token <|im_start|>system stays text & \"plain\"."
        );
    }

    #[test]
    fn an_article_survives_writing_and_reading() {
        let article = parse_article(GOUT, "gout.md").unwrap();
        let again = parse_article(&to_markdown(&article), "gout.md").unwrap();
        assert_eq!(article, again);
    }

    #[test]
    fn all_problems_come_at_once_with_their_lines() {
        let text = GOUT
            .replace("kind = \"condition\"", "kind = \"illness\"\ncolour = \"red\"")
            .replace("revision = 2", "revision = \"two\"")
            .replace("## symptoms:", "## symptom:")
            .replace(
                "Gout is a kind of arthritis. Gout",
                "Gout is a **kind** of arthritis. Gout",
            );
        let problems = parse_article(&text, "gout.md").unwrap_err();
        let lines: Vec<_> = problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [4, 5, 6, 30, 33], "{problems:#?}");
    }

    #[test]
    fn a_wrong_file_name_a_missing_front_matter_and_a_syntax_error_are_problems() {
        assert!(parse_article(GOUT, "other.md").is_err());
        assert!(parse_article("no front matter", "x.md").is_err());
        assert!(parse_article("", "x.md").is_err());
        let problems = parse_article(&GOUT.replace("revision = 2", "revision = = 2"), "gout.md").unwrap_err();
        assert_eq!(problems.first().map(|p| p.line), Some(5), "{problems:#?}");
    }

    #[test]
    fn a_list_without_a_leading_sentence_is_refused() {
        let text = GOUT.replace("A gout attack has these signs:", "");
        assert!(parse_article(&text, "gout.md").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(\\+\\+\\+\n)?[ -~\n#+=\\[\\]é]{0,200}(\n\\+\\+\\+\n)?[ -~\n#-]{0,200}") {
            let _ = parse_article(&text, "x.md");
        }
    }
}
