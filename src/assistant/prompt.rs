//! Prompt files: embedded, hashed into the release, rendered strictly. Holds no wording of its own.

use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

#[derive(RustEmbed)]
#[folder = "prompts/"]
struct Files;

/// Why a prompt cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// No such file.
    #[error("there is no prompt {0}")]
    Missing(String),
    /// Not UTF-8.
    #[error("prompt {0} is not UTF-8")]
    Encoding(String),
    /// A variable the caller did not give, or one it gave and the file does not use.
    #[error("prompt {prompt}: variable {variable} is not on both sides")]
    Variable {
        /// The file.
        prompt: String,
        /// The variable.
        variable: String,
    },
}

/// All prompt files of this build.
#[derive(Debug, Clone)]
pub struct PromptSet {
    files: BTreeMap<String, String>,
    hash: String,
}

impl PromptSet {
    /// The files under `prompts/`.
    ///
    /// # Errors
    /// When one is not UTF-8.
    pub fn embedded() -> Result<Self, PromptError> {
        let mut files = BTreeMap::new();
        for name in Files::iter() {
            let file = Files::get(&name).ok_or_else(|| PromptError::Missing(name.to_string()))?;
            let text = String::from_utf8(file.data.into_owned()).or(Err(PromptError::Encoding(name.to_string())))?;
            files.insert(name.to_string(), text);
        }
        let mut hasher = Sha256::new();
        for (name, text) in &files {
            hasher.update(name.as_bytes());
            hasher.update([0]);
            hasher.update(text.as_bytes());
            hasher.update([0]);
        }
        Ok(Self {
            hash: hex::encode(hasher.finalize()),
            files,
        })
    }

    /// SHA-256 over names and texts of all prompt files.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The prompt with `{{name}}` replaced, without the final line break. Values are put in as they are: what they hold
    /// is never read as a variable.
    ///
    /// # Errors
    /// When the file is missing, or its variables and `values` are not the same.
    pub fn render(&self, name: &str, values: &[(&str, &str)]) -> Result<String, PromptError> {
        let text = self
            .files
            .get(name)
            .ok_or_else(|| PromptError::Missing(name.to_owned()))?;
        let unknown = |variable: &str| PromptError::Variable {
            prompt: name.to_owned(),
            variable: variable.to_owned(),
        };
        let mut out = String::new();
        let mut used = Vec::new();
        let mut rest = text.trim_end();
        while let Some((before, after)) = rest.split_once("{{") {
            let (variable, after) = after.split_once("}}").ok_or_else(|| unknown("{{"))?;
            let (_, value) = values
                .iter()
                .find(|(name, _)| *name == variable)
                .ok_or_else(|| unknown(variable))?;
            out.push_str(before);
            out.push_str(value);
            used.push(variable);
            rest = after;
        }
        out.push_str(rest);
        match values.iter().find(|(name, _)| !used.contains(name)) {
            Some((name, _)) => Err(unknown(name)),
            None => Ok(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_is_strict_and_values_are_data() {
        let set = PromptSet {
            files: BTreeMap::from([("a".to_owned(), "x {{one}} y\n".to_owned())]),
            hash: String::new(),
        };
        assert_eq!(set.render("a", &[("one", "{{two}}")]), Ok("x {{two}} y".to_owned()));
        assert!(matches!(set.render("a", &[]), Err(PromptError::Variable { .. })));
        assert!(matches!(
            set.render("a", &[("one", "1"), ("two", "2")]),
            Err(PromptError::Variable { .. })
        ));
        assert!(matches!(set.render("b", &[]), Err(PromptError::Missing(_))));
    }
}
