//! Identifiers that cannot be mixed up. Each is checked when it is made.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct IdError {
    /// The kind of identifier that was wanted, as the API names it.
    pub kind: &'static str,
    /// What is wrong with the text; never the text itself.
    pub reason: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier (UUIDv7: sorts by the time it was made).
            #[must_use]
            pub fn generate(now: jiff::Timestamp) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                let stamp = uuid::Timestamp::from_unix(
                    uuid::NoContext,
                    millis / 1000,
                    u32::try_from((millis % 1000) * 1_000_000).unwrap_or(0),
                );
                Self(Uuid::new_v7(stamp))
            }

            /// Reads the hyphenated form.
            ///
            /// # Errors
            /// When the text is not a UUID.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).or(Err(IdError { kind: $kind, reason: "is not a UUID" }))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A conversation of one patient.
    ConversationId, "conversation id"
);
uuid_id!(
    /// One question with its answer. Also the message id of the API.
    TurnId, "message id"
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $allowed:expr, $why:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// When it is empty, too long, or holds a character the kind does not allow.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let allowed: fn(char) -> bool = $allowed;
                if text.is_empty() {
                    return Err(IdError { kind: $kind, reason: "is empty" });
                }
                if text.len() > $max {
                    return Err(IdError { kind: $kind, reason: "is too long" });
                }
                if !text.chars().all(allowed) {
                    return Err(IdError { kind: $kind, reason: $why });
                }
                Ok(Self(text.to_owned()))
            }

            /// The text form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id!(
    /// A patient, by the id of the FHIR Patient resource (FHIR R4 `id`: letters, digits, `-` and `.`, up to 64).
    PatientId, "patient id", 64,
    |c| c.is_ascii_alphanumeric() || c == '-' || c == '.',
    "may hold only letters, digits, '-' and '.' (FHIR R4 id)"
);
text_id!(
    /// An article's name in addresses and citations.
    ArticleSlug, "article slug", 120,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    "may hold only a-z, 0-9 and '-'"
);
text_id!(
    /// A published index, named by the SHA-256 of its content (lower-case hex).
    SnapshotId, "snapshot id", 64,
    |c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase(),
    "may hold only lower-case hex digits"
);
text_id!(
    /// A passage: `<slug>.<revision>.<section>.<part>`, counting from 0.
    PassageId, "passage id", 160,
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.',
    "may hold only a-z, 0-9, '-' and '.'"
);
