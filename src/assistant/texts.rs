//! Approved fixed texts by language. Wording lives in `index/texts/`, not here.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::triage::EmergencyContacts;

const ENGLISH: &str = include_str!("../../index/texts/en.toml");
const SPANISH: &str = include_str!("../../index/texts/es.toml");

/// The texts of one language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the key of the text in index/texts")]
pub struct Texts {
    pub refusal: String,
    pub refusal_with_facts: String,
    pub chart_missing: String,
    pub urgent_fallback: String,
    pub emergency_fallback: String,
    pub guidance_note: String,
}

/// The texts of all languages.
#[derive(Debug, Clone)]
pub struct TextBook {
    languages: BTreeMap<&'static str, Texts>,
    english: Texts,
    contacts: EmergencyContacts,
    hash: String,
}

fn fill(text: &str, contacts: &EmergencyContacts) -> String {
    text.replace("{emergency}", &contacts.emergency)
        .replace("{crisis}", &contacts.crisis)
        .replace("{poison}", &contacts.poison)
}

impl TextBook {
    /// The embedded texts with the institution's numbers filled in.
    ///
    /// # Errors
    /// When a file is not valid.
    pub fn embedded(contacts: &EmergencyContacts) -> Result<Self, toml::de::Error> {
        let fill = |text: &str| fill(text, contacts);
        let english: Texts = toml::from_str(&fill(ENGLISH))?;
        let spanish: Texts = toml::from_str(&fill(SPANISH))?;
        let mut hasher = Sha256::new();
        hasher.update(fill(ENGLISH));
        hasher.update(fill(SPANISH));
        Ok(Self {
            languages: BTreeMap::from([("en", english.clone()), ("es", spanish)]),
            english,
            contacts: contacts.clone(),
            hash: hex::encode(hasher.finalize()),
        })
    }

    /// An approved text of another file with the institution's numbers put in.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        fill(text, &self.contacts)
    }

    /// The texts of a language, English where there are none.
    #[must_use]
    pub fn of(&self, language: &str) -> &Texts {
        self.languages.get(language).unwrap_or(&self.english)
    }

    /// SHA-256 over all texts.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}
