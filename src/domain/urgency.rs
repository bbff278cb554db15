//! How soon care is needed.

use serde::{Deserialize, Serialize};

/// How soon care is needed, lowest first, so that `max` keeps the higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Can be looked after at home.
    SelfCare,
    /// Belongs in a normal appointment.
    Routine,
    /// Needs care the same day or within 24 hours.
    Urgent,
    /// Needs the emergency services now.
    Emergency,
}

impl Urgency {
    /// The name used in the API and in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfCare => "self_care",
            Self::Routine => "routine",
            Self::Urgent => "urgent",
            Self::Emergency => "emergency",
        }
    }
}
