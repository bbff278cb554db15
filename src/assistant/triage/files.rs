//! The rule files as they are written. Unknown keys are refused; nothing is decided here.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::Urgency;

/// The folder with one file per presentation and the shared files, whose names begin with `_`.
#[derive(rust_embed::RustEmbed)]
#[folder = "index/triage"]
pub struct RuleFolder;

/// How a mention of a concept counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConceptKind {
    /// Counts only where it is there now: not denied, not long ago, not merely asked about.
    #[default]
    Sign,
    /// Counts unless denied: a condition, a medicine, an operation.
    Background,
    /// Counts wherever the words stand.
    Words,
}

/// A concept: the phrases people use for one thing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConceptEntry {
    /// How a mention counts.
    #[serde(default)]
    pub kind: ConceptKind,
    /// English phrases.
    #[serde(default)]
    pub en: Vec<String>,
    /// Spanish phrases.
    #[serde(default)]
    pub es: Vec<String>,
}

/// A rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Its name within the file; the full id is `<file>.<name>`.
    pub id: String,
    /// The level it asks for.
    pub level: Urgency,
    /// The condition.
    pub when: String,
    /// The approved text, where it is not the level's own.
    #[serde(default)]
    pub notice: Option<String>,
    /// The guideline, where it is not the file's.
    #[serde(default)]
    pub source: Option<String>,
    /// Messages that must make the rule fire.
    #[serde(default)]
    pub fires: Vec<String>,
    /// Messages that must not.
    #[serde(default)]
    pub quiet: Vec<String>,
}

/// One presentation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presentation {
    /// Its name for reviewers; must not be empty.
    pub title: String,
    /// The public guideline its rules come from.
    pub source: String,
    /// Its concepts.
    #[serde(default)]
    pub concepts: BTreeMap<String, ConceptEntry>,
    /// Conditions that other conditions may name.
    #[serde(default)]
    pub define: BTreeMap<String, String>,
    /// Its rules.
    #[serde(default)]
    pub rules: Vec<RuleEntry>,
    /// Messages that must make no rule of the file fire.
    #[serde(default)]
    pub quiet: Vec<String>,
}

/// The approved texts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeFile {
    /// Texts by name.
    #[serde(default)]
    pub notices: BTreeMap<String, NoticeText>,
}

/// One approved text; `{emergency}`, `{crisis}` and `{poison}` stand for the numbers to call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeText {
    /// English.
    pub en: String,
    /// Spanish.
    pub es: String,
}
