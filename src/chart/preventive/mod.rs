//! Preventive care: which screenings, counselling and vaccines the guidelines call for, given one chart and a date.
//!
//! A rules engine over the reviewable files of `index/preventive`. It computes; it never advises on its own: each
//! item names its source. A rule never treats a missing record as a known fact: it answers "unknown" and says what
//! the chart lacks.

pub mod immunization;
mod period;
pub mod screening;
mod terms;

use std::borrow::Cow;

use jiff::civil::Date;
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::domain::{Chart, ChartReference};

pub use period::Period;

/// Why the rule files could not be read. Names the file or the rule's own text, never chart content.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// An embedded file is missing.
    #[error("the rule file {0} is missing")]
    Missing(String),
    /// A file is not UTF-8.
    #[error("the rule file {file} is not UTF-8")]
    Encoding {
        /// The file.
        file: String,
        /// The cause.
        source: std::str::Utf8Error,
    },
    /// A file is not the TOML that is expected.
    #[error("the rule file {file} could not be read")]
    Toml {
        /// The file.
        file: String,
        /// The cause.
        source: Box<toml::de::Error>,
    },
    /// A short form in a rule file is wrong.
    #[error("{what} cannot be read: {text}")]
    Syntax {
        /// What was wanted.
        what: &'static str,
        /// The text as the rule file has it.
        text: String,
    },
    /// A rule names something that no file defines.
    #[error("{what} is named but not defined: {name}")]
    Undefined {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
}

/// What kind of service a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A test or an examination.
    Screening,
    /// A vaccine.
    Immunization,
    /// Advice or counselling.
    Counselling,
    /// A medicine that prevents disease.
    PreventiveMedicine,
    /// Regular measurement in someone who has a disease (A1C in diabetes).
    Monitoring,
}

/// Where a patient stands with a rule on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Recommended now.
    Due,
    /// The time in which it should have been done has passed.
    Overdue,
    /// Done, and not yet to be repeated.
    UpToDate,
    /// Recommended later.
    NotYet,
    /// Not for this patient.
    NotApplicable,
    /// A choice to be made with a clinician.
    SharedDecision,
    /// The chart lacks what is needed to tell.
    Unknown,
}

/// The publication a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleSource {
    /// Who published it (`USPSTF`, `CDC/ACIP`).
    pub organization: String,
    /// Its title.
    pub title: String,
    /// Year of publication.
    pub year: i16,
}

/// One rule applied to one patient on one date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreventiveItem {
    /// Rule id: `screening.breast-cancer`, `immunization.dtap`.
    pub rule: String,
    /// What it is, in plain words.
    pub title: String,
    /// Kind of service.
    pub kind: Kind,
    /// Where the patient stands.
    pub status: Status,
    /// First day on which it may be done (ISO date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub earliest: Option<Date>,
    /// Day from which it is recommended (ISO date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub recommended: Option<Date>,
    /// Last day before it is overdue (ISO date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub past_due: Option<Date>,
    /// Number of the next dose, for vaccines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose_number: Option<u32>,
    /// Why, in a plain sentence.
    pub why: String,
    /// The chart resources it rests on.
    pub evidence: Vec<ChartReference>,
    /// What the chart lacks.
    pub missing: Vec<String>,
    /// The publication's grade (`A`, `B`, `C`), or `routine` / `risk` for vaccines.
    pub grade: String,
    /// The publication.
    pub source: RuleSource,
    /// Slugs of guidance topics that explain it.
    pub guidance_topics: Vec<String>,
}

#[derive(RustEmbed)]
#[folder = "index/preventive"]
struct Files;

fn read(file: &str) -> Result<String, RuleError> {
    let content = Files::get(file).ok_or_else(|| RuleError::Missing(file.to_owned()))?;
    let text = std::str::from_utf8(&content.data).map_err(|source| RuleError::Encoding {
        file: file.to_owned(),
        source,
    })?;
    Ok(text.to_owned())
}

fn parse_file<T: serde::de::DeserializeOwned>(file: &str) -> Result<T, RuleError> {
    toml::from_str(&read(file)?).map_err(|source| RuleError::Toml {
        file: file.to_owned(),
        source: Box::new(source),
    })
}

fn files_under(folder: &str) -> Vec<Cow<'static, str>> {
    let mut names: Vec<_> = Files::iter()
        .filter(|name| name.starts_with(folder) && name.ends_with(".toml"))
        .collect();
    names.sort();
    names
}

/// All preventive-care rules, read once and checked.
#[derive(Debug, Clone)]
pub struct Rules {
    hash: String,
    terms: terms::Terms,
    screening: screening::ScreeningRules,
    immunization: immunization::Schedule,
}

impl Rules {
    /// The rules that are compiled into the program.
    ///
    /// # Errors
    /// When a file is missing or cannot be read; a test keeps this from happening in a release.
    pub fn embedded() -> Result<Self, RuleError> {
        let mut hasher = Sha256::new();
        for name in files_under("") {
            hasher.update(name.as_bytes());
            hasher.update([0]);
            hasher.update(read(&name)?.as_bytes());
            hasher.update([0]);
        }
        let terms = terms::Terms::load()?;
        Ok(Self {
            hash: hex::encode(hasher.finalize()),
            screening: screening::ScreeningRules::load(&terms)?,
            immunization: immunization::Schedule::load()?,
            terms,
        })
    }

    /// SHA-256 over all rule files (lower-case hex), part of a release.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Other names under which evaluation files know a rule: `immunization.pneumococcal` for `immunization.pcv`.
    #[must_use]
    pub fn other_names(&self, rule: &str) -> Vec<String> {
        self.immunization.aliases(rule)
    }

    /// Applies every rule to `chart` as of `date`: screenings first, then vaccines, in the order of the rule files.
    /// Records dated after `date` and records marked as mistakes are not used.
    #[must_use]
    pub fn assess(&self, chart: &Chart, date: Date) -> Vec<PreventiveItem> {
        if chart.person.deceased {
            return Vec::new();
        }
        let facts = terms::Facts::of(chart, date, &self.terms);
        let mut items = self.screening.assess(&facts);
        items.extend(self.immunization.assess(&facts));
        items
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_rules_can_be_read_and_have_a_hash() {
        let rules = Rules::embedded().unwrap();
        assert_eq!(rules.hash().len(), 64);
        assert_eq!(rules.hash(), Rules::embedded().unwrap().hash());
    }
}
