//! Typed settings: embedded commented defaults, then a TOML file, then `CHARTLIGHT_…` variables.
//!
//! Unknown keys are refused and every problem is reported at once. Secrets are never shown.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use secrecy::SecretString;
use serde::Deserialize;

/// The defaults, commented: the documentation of every key.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Every problem found in the settings, one a line.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {} problem(s):\n{}", .problems.len(), .problems.iter().map(|p| format!("  - {p}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// The problems.
    pub problems: Vec<String>,
}

/// Development or production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The local issuer and the demo patient are allowed.
    Development,
    /// They are refused.
    Production,
}

/// All settings. Each field is described in `default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Settings {
    pub mode: Mode,
    pub data_dir: PathBuf,
    pub server: Server,
    pub database: Database,
    pub guidance: Guidance,
    pub model: Model,
    pub contacts: Contacts,
    pub log: Log,
    pub auth: Auth,
}

/// Section `[server]`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub body_limit: usize,
    pub chart_body_limit: usize,
    pub shutdown_seconds: u64,
    pub workers: usize,
}

/// Section `[database]`. The address may hold a password.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Database {
    pub url: SecretString,
    pub max_connections: u32,
}

/// Section `[guidance]`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Guidance {
    pub articles: PathBuf,
    pub coverage_floor: f32,
    pub max_passages: usize,
    pub max_quoted_sentences: usize,
}

/// Section `[model]`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Model {
    pub name: String,
    pub path: String,
    pub url: String,
    pub sha256: String,
    pub context_tokens: u32,
    pub batch_tokens: u32,
    pub sequences: u32,
    pub threads: u32,
    pub queue: usize,
    pub kv_type: String,
    pub flash_attention: String,
    pub deadline_seconds: u64,
    pub max_claims: usize,
    pub max_claim_tokens: usize,
    pub seed: u32,
}

/// Section `[contacts]`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Contacts {
    pub emergency: String,
    pub crisis: String,
    pub poison: String,
}

/// Section `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Log {
    pub filter: String,
    pub format: String,
}

/// Section `[auth]`.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Auth {
    pub local_issuer: bool,
    pub leeway_seconds: u64,
    pub jwks_cooldown_seconds: u64,
    pub jwks_max_age_seconds: u64,
    pub issuers: Vec<Issuer>,
}

/// One `[[auth.issuers]]` entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml describes each key where it is set")]
pub struct Issuer {
    pub name: String,
    pub issuer: String,
    pub audience: String,
    pub jwks_url: String,
    pub algorithms: Vec<String>,
    #[serde(default = "default_roles_claim")]
    pub roles_claim: String,
}

fn default_roles_claim() -> String {
    "roles".to_owned()
}

/// The environment variable that names the settings file; not itself a setting.
pub const CONFIG_VARIABLE: &str = "CHARTLIGHT_CONFIG";

impl Settings {
    /// Reads defaults, then `file` if given, then the environment, and checks everything.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem found.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        if let Some(path) = file
            && !path.is_file()
        {
            problems.push(format!("the settings file {} does not exist", path.display()));
        }
        let defaults = Figment::from(Toml::string(DEFAULTS));
        let mut layers = defaults.clone();
        if let Some(path) = file {
            layers = layers.merge(Toml::file_exact(path));
        }
        layers = layers.merge(environment());
        problems.extend(unknown_keys(&defaults, &layers));
        match layers.extract::<Self>() {
            Ok(settings) => {
                settings.check(&mut problems);
                if problems.is_empty() {
                    Ok(settings)
                } else {
                    Err(ConfigError { problems })
                }
            }
            Err(errors) => {
                for error in errors {
                    let text = error.to_string();
                    if !text.contains("unknown field") {
                        problems.push(text);
                    }
                }
                if problems.is_empty() {
                    problems.push("the settings cannot be read".to_owned());
                }
                Err(ConfigError { problems })
            }
        }
    }

    fn check(&self, problems: &mut Vec<String>) {
        let mut need = |good: bool, problem: &str| {
            if !good {
                problems.push(problem.to_owned());
            }
        };
        let production = self.mode == Mode::Production;
        need(
            !(production && self.auth.local_issuer),
            "auth.local_issuer must be false in production mode: configure [[auth.issuers]]",
        );
        need(
            self.auth.local_issuer || !self.auth.issuers.is_empty(),
            "auth.issuers is empty and the local issuer is off: nobody could sign in",
        );
        for issuer in &self.auth.issuers {
            let name = &issuer.name;
            for algorithm in &issuer.algorithms {
                need(
                    matches!(algorithm.as_str(), "RS256" | "ES256" | "EdDSA"),
                    &format!("auth.issuers {name}: algorithm {algorithm} is not RS256, ES256 or EdDSA"),
                );
            }
            need(
                !issuer.algorithms.is_empty(),
                &format!("auth.issuers {name}: algorithms is empty"),
            );
            need(
                issuer.jwks_url.starts_with("https://") || !production,
                &format!("auth.issuers {name}: jwks_url must be https in production mode"),
            );
            need(
                !issuer.audience.is_empty(),
                &format!("auth.issuers {name}: audience is empty"),
            );
        }
        need(
            (0.0..=1.0).contains(&self.guidance.coverage_floor),
            "guidance.coverage_floor must lie between 0 and 1",
        );
        need(
            self.guidance.max_passages >= 1,
            "guidance.max_passages must be at least 1",
        );
        need(
            self.guidance.max_quoted_sentences >= 1,
            "guidance.max_quoted_sentences must be at least 1",
        );
        let model = &self.model;
        need(
            model.context_tokens >= 2048 && model.context_tokens <= 131_072,
            "model.context_tokens must lie between 2048 and 131072",
        );
        need(
            (32..=4096).contains(&model.batch_tokens),
            "model.batch_tokens must lie between 32 and 4096",
        );
        need(
            (1..=64).contains(&model.sequences),
            "model.sequences must lie between 1 and 64",
        );
        need(
            (1..=1024).contains(&model.queue),
            "model.queue must lie between 1 and 1024",
        );
        need(
            matches!(model.kv_type.as_str(), "f16" | "f32" | "q8_0"),
            "model.kv_type must be \"f16\", \"f32\" or \"q8_0\"",
        );
        need(
            matches!(model.flash_attention.as_str(), "auto" | "off" | "on"),
            "model.flash_attention must be \"auto\", \"off\" or \"on\"",
        );
        need(
            model.kv_type != "q8_0" || model.flash_attention != "off",
            "model.kv_type \"q8_0\" needs model.flash_attention \"on\" or \"auto\"",
        );
        let given = !model.path.is_empty() || !model.url.is_empty();
        need(
            !given || model.sha256.len() == 64,
            "model.sha256 (64 hex digits) is required with model.path or model.url",
        );
        need(
            matches!(self.log.format.as_str(), "text" | "json"),
            "log.format must be \"text\" or \"json\"",
        );
        let url = secrecy::ExposeSecret::expose_secret(&self.database.url);
        need(
            url.is_empty()
                || url.starts_with("sqlite:")
                || url.starts_with("postgres://")
                || url.starts_with("postgresql://"),
            "database.url must begin with sqlite: or postgres://",
        );
    }

    /// The database address, with the default filled in. May hold a password: never log it.
    #[must_use]
    pub fn database_url(&self) -> SecretString {
        if secrecy::ExposeSecret::expose_secret(&self.database.url).is_empty() {
            SecretString::from(format!("sqlite:{}", self.data_dir.join("chartlight.db").display()))
        } else {
            self.database.url.clone()
        }
    }

    /// Where snapshots are kept.
    #[must_use]
    pub fn snapshot_dir(&self) -> PathBuf {
        self.data_dir.join("snapshots")
    }

    /// Where models are kept.
    #[must_use]
    pub fn model_dir(&self) -> PathBuf {
        self.data_dir.join("models")
    }

    /// Threads the engine computes with.
    #[must_use]
    pub fn engine_threads(&self) -> i32 {
        let available = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        let wanted = if self.model.threads == 0 {
            available
        } else {
            self.model.threads as usize
        };
        i32::try_from(wanted).unwrap_or(2)
    }
}

fn environment() -> Env {
    Env::prefixed("CHARTLIGHT_")
        .ignore(&["config", "test_model"])
        .split("__")
}

/// Keys that no default names. Entries of lists (issuers) are checked when they are read.
fn unknown_keys(defaults: &Figment, layers: &Figment) -> Vec<String> {
    fn paths(value: &figment::value::Value, at: &str, found: &mut Vec<String>) {
        if let figment::value::Value::Dict(_, entries) = value {
            for (key, inner) in entries {
                paths(
                    inner,
                    &if at.is_empty() {
                        key.clone()
                    } else {
                        format!("{at}.{key}")
                    },
                    found,
                );
            }
        } else {
            found.push(at.to_owned());
        }
    }
    let keys = |figment: &Figment| {
        let mut found = Vec::new();
        if let Ok(value) = figment.extract::<figment::value::Value>() {
            paths(&value, "", &mut found);
        }
        found
    };
    let known = keys(defaults);
    keys(layers)
        .into_iter()
        .filter(|key| !known.contains(key))
        .map(|key| format!("{key} is not a setting; `chartlight doctor --defaults` lists them all"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> Result<Settings, ConfigError> {
        let file = tempfile::NamedTempFile::new().and_then(|file| std::fs::write(file.path(), text).map(|()| file));
        let Ok(file) = file else {
            return Err(ConfigError {
                problems: vec!["no temporary file".to_owned()],
            });
        };
        Settings::load(Some(file.path()))
    }

    #[test]
    fn the_embedded_defaults_are_valid() {
        assert!(with_file("").is_ok());
    }

    #[test]
    fn every_problem_is_reported_at_once_and_unknown_keys_are_refused() {
        let error =
            with_file("mode = \"production\"\n[server]\nprot = 1\n[log]\nformat = \"xml\"\n[model]\nsequences = 0\n");
        let problems = error.err().map(|error| error.problems).unwrap_or_default();
        for part in ["server.prot", "local_issuer", "log.format", "model.sequences"] {
            assert!(
                problems.iter().any(|problem| problem.contains(part)),
                "{part} in {problems:?}"
            );
        }
    }

    #[test]
    fn a_wrong_type_names_the_key() {
        let error = with_file("[server]\nport = \"many\"\n");
        let problems = error.err().map(|error| error.problems).unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.contains("port")), "{problems:?}");
    }
}
