//! The rules of `index/README.md` that a program can test, over a whole library.
//!
//! Must not: change an article, read a clock (the caller says what day it is), or judge medical content.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::domain::guidance::ArticleKind;
use crate::domain::text::{flesch_kincaid_grade, fold, words};
use crate::domain::{Article, Passage, SectionKind, SentenceKind};

/// Highest reading grade of an article (the library's own rule; the AMA and NIH advise sixth to eighth grade).
const MAX_GRADE: f64 = 8.0;
/// Above this an article is refused. Between the two it is a warning: the name of a condition alone ("trichomoniasis", six
/// syllables, in every sentence) can lift a plainly written article over grade 8.
const REFUSED_GRADE: f64 = 9.5;
/// Longest sentence, in words (`index/README.md`).
const MAX_SENTENCE_WORDS: usize = 25;
/// Passages shorter than this may stand in several articles ("Call 911 if someone passes out.").
const MIN_DUPLICATE_WORDS: usize = 12;
/// Marks of prompt templates. They are plain data, but no patient text holds them, so an editor should look.
const TEMPLATE_TOKENS: [&str; 8] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<s>",
    "</s>",
];
/// Words that name nothing by themselves at the start of a paragraph.
const ORPHANS: [&str; 10] = [
    "it", "its", "this", "that", "they", "these", "those", "them", "he", "she",
];

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckFinding {
    /// Slug of the article.
    pub article: String,
    /// Passage id, where one passage is meant.
    pub passage: Option<String>,
    /// Name of the rule (`reading-grade`).
    pub rule: &'static str,
    /// What was found and what is wanted.
    pub message: String,
}

impl std::fmt::Display for CheckFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} [{}] {}",
            self.passage.as_deref().unwrap_or(&self.article),
            self.rule,
            self.message
        )
    }
}

/// All findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// How many articles were checked.
    pub articles: usize,
    /// Findings that stop a release.
    pub errors: Vec<CheckFinding>,
    /// Findings that an editor should look at.
    pub warnings: Vec<CheckFinding>,
}

impl CheckReport {
    fn error(&mut self, article: &Article, passage: Option<&Passage>, rule: &'static str, message: String) {
        self.errors.push(finding(article, passage, rule, message));
    }

    fn warn(&mut self, article: &Article, passage: Option<&Passage>, rule: &'static str, message: String) {
        self.warnings.push(finding(article, passage, rule, message));
    }
}

fn finding(article: &Article, passage: Option<&Passage>, rule: &'static str, message: String) -> CheckFinding {
    CheckFinding {
        article: article.slug.to_string(),
        passage: passage.map(|p| p.id.to_string()),
        rule,
        message,
    }
}

/// Checks a whole library as of `today`.
#[must_use]
pub fn check(articles: &[Article], today: jiff::civil::Date) -> CheckReport {
    let mut report = CheckReport {
        articles: articles.len(),
        ..CheckReport::default()
    };
    for article in articles {
        check_front(article, today, &mut report);
        check_sections(article, &mut report);
        check_text(article, &mut report);
    }
    check_slugs(articles, &mut report);
    check_duplicates(articles, &mut report);
    report
}

fn check_front(article: &Article, today: jiff::civil::Date, report: &mut CheckReport) {
    if article
        .review_by
        .parse::<jiff::civil::Date>()
        .is_ok_and(|date| date < today)
    {
        report.error(
            article,
            None,
            "review-by",
            format!("its review date {} has passed", article.review_by),
        );
    }
    if !(2..=4).contains(&article.golden.len()) {
        report.warn(
            article,
            None,
            "golden",
            format!("has {} golden questions; 2 to 4 are wanted", article.golden.len()),
        );
    }
    if article.sources.len() < 2 {
        report.warn(
            article,
            None,
            "sources",
            "names one source; two are wanted where possible".to_owned(),
        );
    }
    let translated = article.translation_of.is_some();
    let suffix = format!("-{}", article.language);
    if article.language != "en" && !(translated && article.slug.as_str().ends_with(&suffix)) {
        let message = format!(
            "a {} article names translation_of and its slug ends in '{suffix}'",
            article.language
        );
        report.error(article, None, "translation", message);
    }
}

/// Section kinds an article of this kind must have; each entry lists kinds of which one is enough.
const fn required(kind: ArticleKind) -> &'static [&'static [SectionKind]] {
    use SectionKind as S;
    match kind {
        ArticleKind::Condition => &[
            &[S::Overview],
            &[S::Symptoms],
            &[S::Causes, S::Risk],
            &[S::Diagnosis],
            &[S::Treatment],
            &[S::SelfCare],
            &[S::WhenToGetHelp],
            &[S::QuestionsToAsk],
        ],
        ArticleKind::Test => &[
            &[S::Overview],
            &[S::WhatToExpect],
            &[S::Results],
            &[S::NextSteps],
            &[S::WhenToGetHelp],
            &[S::QuestionsToAsk],
        ],
        ArticleKind::Medicine => &[
            &[S::Overview],
            &[S::Medicines],
            &[S::SideEffects],
            &[S::SelfCare],
            &[S::WhenToGetHelp],
            &[S::QuestionsToAsk],
        ],
        ArticleKind::Symptom | ArticleKind::Procedure | ArticleKind::Prevention | ArticleKind::Navigation => {
            &[&[S::Overview]]
        }
    }
}

fn check_sections(article: &Article, report: &mut CheckReport) {
    let present: BTreeSet<SectionKind> = article.sections.iter().map(|s| s.kind).collect();
    for group in required(article.kind) {
        if !group.iter().any(|kind| present.contains(kind)) {
            let names: Vec<&str> = group.iter().map(|k| k.as_str()).collect();
            report.error(
                article,
                None,
                "sections",
                format!("has no section {}", names.join(" or ")),
            );
        }
    }
    for section in &article.sections {
        if section.passages.is_empty() {
            report.error(
                article,
                None,
                "sections",
                format!("section '{}' has no text", section.kind.as_str()),
            );
        }
    }
}

fn check_text(article: &Article, report: &mut CheckReport) {
    let mut whole = String::new();
    for passage in article.sections.iter().flat_map(|s| &s.passages) {
        for (number, sentence) in passage.sentences.iter().enumerate() {
            whole.push_str(&sentence.text);
            // A lead ends in a colon, an item may lack its full stop: for the reading grade each is a sentence.
            whole.push_str(if sentence.text.ends_with(['.', '!', '?']) {
                "\n"
            } else {
                ".\n"
            });
            let count = words(&sentence.text).len();
            if count > MAX_SENTENCE_WORDS {
                let message = format!("a sentence has {count} words; at most {MAX_SENTENCE_WORDS}");
                report.error(article, Some(passage), "sentence-length", message);
            }
            if sentence.kind == SentenceKind::ListItem && !sentence.text.ends_with(['.', '!', '?']) {
                report.warn(
                    article,
                    Some(passage),
                    "list-item",
                    "a list item does not end in a full stop".to_owned(),
                );
            }
            let first = words(&sentence.text).into_iter().next().unwrap_or_default();
            if number == 0 && article.language == "en" && ORPHANS.contains(&first.as_str()) {
                let message = format!("the passage begins with '{first}', which names nothing when quoted alone");
                report.error(article, Some(passage), "orphan-pronoun", message);
            }
        }
        let folded = fold(&passage.text());
        if let Some(token) = TEMPLATE_TOKENS.iter().find(|token| folded.contains(*token)) {
            report.warn(
                article,
                Some(passage),
                "template-token",
                format!("holds '{token}', kept as plain text"),
            );
        }
    }
    if article.language == "en" {
        let grade = flesch_kincaid_grade(&whole);
        let message = format!("reads at grade {grade:.1}; at most {MAX_GRADE}");
        if grade > REFUSED_GRADE {
            report.error(article, None, "reading-grade", message);
        } else if grade > MAX_GRADE {
            report.warn(article, None, "reading-grade", message);
        }
    }
}

fn check_slugs(articles: &[Article], report: &mut CheckReport) {
    let mut by_slug: BTreeMap<&str, &Article> = BTreeMap::new();
    for article in articles {
        if by_slug.insert(article.slug.as_str(), article).is_some() {
            report.error(
                article,
                None,
                "duplicate-slug",
                "another article has the same slug".to_owned(),
            );
        }
    }
    for article in articles {
        let Some(original) = &article.translation_of else {
            continue;
        };
        match by_slug.get(original.as_str()) {
            None => report.error(
                article,
                None,
                "translation",
                format!("translates '{original}', which does not exist"),
            ),
            Some(found) if found.language == article.language => {
                report.error(
                    article,
                    None,
                    "translation",
                    format!("translates '{original}' into its own language"),
                );
            }
            Some(_) => {}
        }
    }
}

fn check_duplicates(articles: &[Article], report: &mut CheckReport) {
    let mut seen: HashMap<String, &Passage> = HashMap::new();
    for article in articles {
        for passage in article.sections.iter().flat_map(|s| &s.passages) {
            let key = words(&passage.text());
            if key.len() < MIN_DUPLICATE_WORDS {
                continue;
            }
            if let Some(first) = seen.insert(key.join(" "), passage) {
                report.error(
                    article,
                    Some(passage),
                    "duplicate-passage",
                    format!("says the same as {}", first.id),
                );
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::{parse_article, tests::GOUT};
    use super::*;

    fn rules(text: &str, today: &str) -> Vec<&'static str> {
        let article = parse_article(text, "gout.md").unwrap();
        check(&[article], today.parse().unwrap())
            .errors
            .iter()
            .map(|f| f.rule)
            .collect()
    }

    #[test]
    fn missing_sections_and_a_passed_review_date_are_errors() {
        let found = rules(GOUT, "2026-01-01");
        assert_eq!(found, ["sections"; 6]);
        assert!(rules(GOUT, "2028-01-01").contains(&"review-by"));
    }

    #[test]
    fn long_sentences_orphan_pronouns_and_hard_words_are_errors() {
        let long = format!("It is {} end.", "hyperuricemia characteristically ".repeat(15));
        let found = rules(&GOUT.replace("Gout is a kind of arthritis.", &long), "2026-01-01");
        for rule in ["sentence-length", "orphan-pronoun", "reading-grade"] {
            assert!(found.contains(&rule), "{rule} in {found:?}");
        }
    }

    #[test]
    fn duplicate_slugs_and_passages_and_broken_translations_are_errors() {
        let text = GOUT.replace(
            "start at night.",
            "start at night and they can come back after some months or years.",
        );
        let first = parse_article(&text, "gout.md").unwrap();
        let mut second = first.clone();
        second.language = "es".to_owned();
        second.translation_of = crate::domain::ArticleSlug::parse("nothing").ok();
        let report = check(&[first, second], "2026-01-01".parse().unwrap());
        let rules: Vec<_> = report.errors.iter().map(|f| f.rule).collect();
        for rule in ["duplicate-slug", "duplicate-passage", "translation"] {
            assert!(rules.contains(&rule), "{rule} in {rules:?}");
        }
    }

    #[test]
    fn template_tokens_are_only_a_warning() {
        let report = check(
            &[parse_article(GOUT, "gout.md").unwrap()],
            "2026-01-01".parse().unwrap(),
        );
        assert!(report.warnings.iter().any(|f| f.rule == "template-token"));
    }
}
