//! Triage: how soon care is needed, decided by reviewed rules before anything else runs.
//!
//! Reads only the user's own turns and the chart. No model, no network, no clock, and nothing a later turn says
//! lowers what an earlier one raised. The rules are data: `index/triage`, one file per presentation.

mod attributes;
mod context;
mod evidence;
mod expression;
mod files;
mod pattern;
mod quantities;
mod rules;
mod text;
mod vocabulary;

#[cfg(test)]
mod tests;

/// The phrase machinery, for other stages that match reviewed phrases.
pub mod phrases {
    pub use super::pattern::{Found, Phrase, PhraseError, PhraseIndex};
    pub use super::text::{Token, tokenize};
    pub use super::vocabulary::{Vocabulary, WordFile};
}

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::{Triage, TriageReason, Urgency};

pub use context::{Sex, TriageContext};
pub use rules::RuleError;

use evidence::Evidence;
use files::RuleFolder;
use rules::RuleSet;

/// Who wrote a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The patient or a caregiver; the only evidence.
    User,
    /// Chartlight; never evidence.
    Assistant,
}

/// One turn of the conversation, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct TurnText<'a> {
    /// Who wrote it.
    pub role: Speaker,
    /// What was written.
    pub text: &'a str,
}

/// The numbers to call, as the institution configured them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyContacts {
    /// Emergency services (`911`).
    pub emergency: String,
    /// Suicide and crisis line (`988`).
    pub crisis: String,
    /// Poison control.
    pub poison: String,
}

impl Default for EmergencyContacts {
    /// The numbers of the United States: 911; the 988 Suicide & Crisis Lifeline; America's Poison Centers.
    fn default() -> Self {
        Self {
            emergency: "911".to_owned(),
            crisis: "988".to_owned(),
            poison: "1-800-222-1222".to_owned(),
        }
    }
}

/// The approved text for a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The rule that decided which text.
    pub rule: String,
    /// The text, with the numbers filled in.
    pub text: String,
}

/// The rules, ready to use. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct TriageRules {
    set: RuleSet,
    hash: String,
}

impl TriageRules {
    /// The rules that were built into the program.
    ///
    /// # Errors
    /// A file is missing, does not parse, has an unknown key or names something that does not exist.
    pub fn embedded() -> Result<Self, RuleError> {
        let mut files = BTreeMap::new();
        for name in RuleFolder::iter().filter(|name| name.ends_with(".toml")) {
            if let Some(file) = RuleFolder::get(&name) {
                let text = String::from_utf8(file.data.into_owned())
                    .map_err(|cause| RuleError::NotText(format!("{name} ({cause})")))?;
                files.insert(name.into_owned(), text);
            }
        }
        Self::from_files(&files)
    }

    /// Rules from files, by name (`stroke.toml`) and text.
    ///
    /// # Errors
    /// See [`TriageRules::embedded`].
    pub fn from_files(files: &BTreeMap<String, String>) -> Result<Self, RuleError> {
        let mut hasher = Sha256::new();
        for (name, text) in files {
            for part in [name, text] {
                hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        Ok(Self {
            set: RuleSet::compile(files)?,
            hash: hex::encode(hasher.finalize()),
        })
    }

    /// SHA-256 over all rule files, lower-case hex.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Decides the level. Each user turn is judged together with all before it, and the highest level counts:
    /// a later "I'm fine" lowers nothing.
    #[must_use]
    pub fn assess(&self, turns: &[TurnText<'_>], context: &TriageContext) -> Triage {
        let mut evidence = Evidence::new(&self.set, context);
        let mut fired = vec![false; self.set.rules.len()];
        for turn in turns.iter().filter(|t| t.role == Speaker::User) {
            evidence.read(turn.text);
            for (rule, mark) in self.set.rules.iter().zip(&mut fired) {
                *mark = if rule.level >= Urgency::Urgent {
                    *mark || evidence.holds(&rule.when)
                } else {
                    evidence.holds(&rule.when)
                };
            }
        }
        let mut reasons: Vec<TriageReason> = self
            .set
            .rules
            .iter()
            .zip(&fired)
            .filter(|(_, fired)| **fired)
            .map(|(rule, _)| TriageReason {
                rule: rule.id.clone(),
                urgency: rule.level,
                source: rule.source.clone(),
            })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.urgency));
        let urgency = reasons.first().map_or(Urgency::Routine, |r| r.urgency);
        if urgency > Urgency::SelfCare {
            reasons.retain(|r| r.urgency > Urgency::SelfCare);
        }
        Triage { urgency, reasons }
    }

    /// The rules' own examples that do not hold, as one line each; empty when all do. For tests and `eval`.
    #[must_use]
    pub fn failing_examples(&self) -> Vec<String> {
        let context = TriageContext::default();
        let holds = |rule: &rules::Rule, text: &str| {
            let mut evidence = Evidence::new(&self.set, &context);
            evidence.read(text);
            evidence.holds(&rule.when)
        };
        let mut wrong = Vec::new();
        for rule in &self.set.rules {
            let silent = rule.fires.iter().filter(|text| !holds(rule, text));
            wrong.extend(silent.map(|text| format!("{} must fire: {text}", rule.id)));
            let loud = rule.quiet.iter().filter(|text| holds(rule, text));
            wrong.extend(loud.map(|text| format!("{} must not fire: {text}", rule.id)));
        }
        wrong
    }

    /// Names of the concepts that count in a message, for people who tune the rules. Never for logs.
    #[must_use]
    pub fn debug_concepts(&self, text: &str) -> Vec<String> {
        let context = TriageContext::default();
        let mut evidence = Evidence::new(&self.set, &context);
        evidence.read(text);
        evidence.concepts().into_iter().map(str::to_owned).collect()
    }

    /// What the rules read a single word as, after spelling correction; for people who tune the word file.
    #[must_use]
    pub fn read_as(&self, word: &str) -> String {
        self.set.vocabulary.corrected(&crate::domain::text::fold(word))
    }

    /// The approved text for an emergency or urgent result, in Spanish where `language` begins with "es"; `None` for
    /// the other levels.
    #[must_use]
    pub fn notice(&self, triage: &Triage, language: &str, contacts: &EmergencyContacts) -> Option<Notice> {
        if triage.urgency < Urgency::Urgent {
            return None;
        }
        let deciding = triage.reasons.iter().filter(|r| r.urgency == triage.urgency);
        let rules = deciding.filter_map(|reason| self.set.rules.iter().find(|r| r.id == reason.rule));
        // A text of its own (crisis line, poison control) is more help than the level's general one.
        let general = triage.urgency.as_str();
        let best = rules.min_by_key(|r| r.notice == general);
        let (rule, name) = best.map_or((String::new(), general), |r| (r.id.clone(), r.notice.as_str()));
        let text = self.set.notices.get(name).or_else(|| self.set.notices.get(general))?;
        let text = if language.to_ascii_lowercase().starts_with("es") {
            &text.es
        } else {
            &text.en
        };
        let text = text
            .replace("{emergency}", &contacts.emergency)
            .replace("{crisis}", &contacts.crisis)
            .replace("{poison}", &contacts.poison);
        Some(Notice { rule, text })
    }
}
