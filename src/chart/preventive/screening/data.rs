//! The screening and counselling rules as data: who, how often, what counts, who is left out, on whose word.
//! Read from `index/preventive/screening`; decides nothing.

use serde::Deserialize;

use crate::chart::preventive::terms::Terms;
use crate::chart::preventive::{Kind, Period, RuleError};
use crate::domain::chart::Sex;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    pub rule: Vec<RuleEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    /// Rule id.
    pub id: String,
    /// What it is, in plain words.
    pub title: String,
    pub kind: Kind,
    pub grade: String,
    #[serde(default = "uspstf")]
    pub organization: String,
    /// Title of the publication.
    pub source: String,
    pub year: i16,
    #[serde(default)]
    pub topics: Vec<String>,
    /// The recommendation in one plain sentence, said when it applies.
    pub says: String,
    #[serde(default)]
    sex: Option<Sex>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    until: Option<String>,
    /// A choice to be made with a clinician rather than a recommendation.
    #[serde(default)]
    pub shared: bool,
    #[serde(default)]
    pub needs: Vec<Need>,
    /// `term`, `active term`, then ` = ` and the reason in plain words.
    #[serde(default)]
    excludes: Vec<String>,
    #[serde(default)]
    done: Vec<DoneEntry>,
}

fn uspstf() -> String {
    "USPSTF".to_owned()
}

/// Something that must be true of the patient.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Need {
    /// What it is, in plain words: "a body mass index (BMI) of 25 or more".
    pub what: String,
    /// Terms any of which shows it.
    #[serde(default)]
    pub yes: Vec<String>,
    /// Terms any of which shows the contrary.
    #[serde(default)]
    pub no: Vec<String>,
    /// Only active conditions count.
    #[serde(default)]
    pub active: bool,
    /// Only records of this last while count.
    #[serde(default)]
    pub within: Option<String>,
    /// A measurement whose latest value decides.
    #[serde(default)]
    pub number: Option<String>,
    /// Least value that shows it.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// Value from which it is not so.
    #[serde(default)]
    pub below: Option<f64>,
    /// Something computed: `pregnant`, `smoked-20-pack-years`, `smoked-within-15-years`, `can-be-pregnant`.
    #[serde(default)]
    pub computed: Option<String>,
    /// What is said when the chart has neither; without it, silence of the chart means no.
    #[serde(default)]
    pub missing: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneEntry {
    any: Vec<String>,
    /// How long it holds; for ever when left out.
    #[serde(default)]
    every: Option<String>,
    /// How long it still counts as done, where a quality measure allows a margin for booking.
    #[serde(default)]
    margin: Option<String>,
    /// Age from which it counts.
    #[serde(default)]
    from: Option<String>,
    /// Only while the patient is younger than this.
    #[serde(default)]
    while_under: Option<String>,
    /// Only in the present pregnancy.
    #[serde(default)]
    this_pregnancy: bool,
    /// Results above this leave the matter open.
    #[serde(default)]
    above: Option<f64>,
}

/// A checked rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub entry: RuleEntry,
    pub sex: Option<Sex>,
    pub from: Option<Period>,
    pub until: Option<Period>,
    pub excludes: Vec<Exclusion>,
    pub done: Vec<Done>,
}

/// A record that takes a person out of a rule.
#[derive(Debug, Clone)]
pub(super) struct Exclusion {
    pub term: String,
    pub active: bool,
    pub reason: String,
}

/// What shows that a service was done.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub any: Vec<String>,
    pub every: Option<Period>,
    pub margin: Option<Period>,
    pub from: Option<Period>,
    pub while_under: Option<Period>,
    pub this_pregnancy: bool,
    pub above: Option<f64>,
}

fn period(text: Option<&String>) -> Result<Option<Period>, RuleError> {
    text.map(|t| Period::parse(t)).transpose()
}

fn known(terms: &Terms, id: &str) -> Result<(), RuleError> {
    if terms.knows(id) {
        Ok(())
    } else {
        Err(RuleError::Undefined {
            what: "a term",
            name: id.to_owned(),
        })
    }
}

impl Rule {
    pub(super) fn check(entry: RuleEntry, terms: &Terms) -> Result<Self, RuleError> {
        let mut excludes = Vec::new();
        for text in &entry.excludes {
            let wrong = || RuleError::Syntax {
                what: "an exclusion",
                text: text.clone(),
            };
            let (term, reason) = text.split_once(" = ").ok_or_else(wrong)?;
            let (active, term) = match term.strip_prefix("active ") {
                Some(rest) => (true, rest),
                None => (false, term),
            };
            if !super::COMPUTED_EXCLUSIONS.contains(&term) {
                known(terms, term)?;
            }
            excludes.push(Exclusion {
                term: term.to_owned(),
                active,
                reason: reason.to_owned(),
            });
        }
        let mut done = Vec::new();
        for item in &entry.done {
            item.any.iter().try_for_each(|term| known(terms, term))?;
            done.push(Done {
                any: item.any.clone(),
                every: period(item.every.as_ref())?,
                margin: period(item.margin.as_ref())?,
                from: period(item.from.as_ref())?,
                while_under: period(item.while_under.as_ref())?,
                this_pregnancy: item.this_pregnancy,
                above: item.above,
            });
        }
        for need in &entry.needs {
            need.yes
                .iter()
                .chain(&need.no)
                .chain(&need.number)
                .try_for_each(|term| known(terms, term))?;
            period(need.within.as_ref())?;
        }
        Ok(Self {
            sex: entry.sex,
            from: period(entry.from.as_ref())?,
            until: period(entry.until.as_ref())?,
            excludes,
            done,
            entry,
        })
    }
}
