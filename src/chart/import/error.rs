//! Why a bundle was refused. Names the place in the bundle and the reason, never the patient's data.

/// Why a bundle was refused; nothing was imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// The bundle has more bytes than are taken.
    #[error("the bundle has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The bundle has more entries than are taken.
    #[error("entry: the bundle has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// Not JSON, cut off, not UTF-8, or nested too deeply.
    #[error("line {line}, column {column}: {reason}")]
    NotJson {
        /// Line, counting from 1.
        line: usize,
        /// Column, counting from 1.
        column: usize,
        /// What the parser met.
        reason: &'static str,
    },
    /// A value is not of the JSON type that FHIR R4 has there.
    #[error("{path}: expected {expected}, found {found}")]
    WrongType {
        /// Where.
        path: String,
        /// The type FHIR has there.
        expected: &'static str,
        /// The type that stands there.
        found: &'static str,
    },
    /// An element that cannot be done without is missing.
    #[error("{path}: is missing")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// A value is not what FHIR R4 allows there.
    #[error("{path}: {reason}")]
    Invalid {
        /// Where.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The bundle holds no Patient.
    #[error("entry: the bundle holds no Patient resource")]
    NoPatient,
    /// The bundle holds several Patients and nobody said which one is meant.
    #[error("{second}: the bundle holds more than one Patient (first at {first}); say whose chart it is")]
    SeveralPatients {
        /// Where the first one is.
        first: String,
        /// Where the second one is.
        second: String,
    },
    /// The bundle, or a record in it, belongs to somebody else.
    #[error("{path}: belongs to another patient than the chart it was sent for")]
    OtherPatient {
        /// Where.
        path: String,
    },
}

impl ImportError {
    /// The place in the bundle (`entry[3].resource.valueQuantity.value`); empty where the whole text is meant.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::TooLarge { .. } | Self::NotJson { .. } => "",
            Self::TooManyEntries { .. } | Self::NoPatient => "entry",
            Self::WrongType { path, .. }
            | Self::Missing { path }
            | Self::Invalid { path, .. }
            | Self::OtherPatient { path } => path,
            Self::SeveralPatients { second, .. } => second,
        }
    }
}
