//! Who is calling, after the token has been checked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ids::PatientId;

/// What a caller may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A patient (or a proxy acting for one).
    Patient,
    /// Keeps the guidance.
    Editor,
    /// Reviews answers.
    Clinician,
    /// Another system of the institution (loads charts).
    System,
    /// Runs the service.
    Operator,
}

/// A caller whose token was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The token's `iss`.
    pub issuer: String,
    /// The token's `sub`: who acts.
    pub subject: String,
    /// Roles.
    pub roles: BTreeSet<Role>,
    /// SMART-style scopes (`patient/*.read`, `system/*.write`).
    pub scopes: BTreeSet<String>,
    /// The `patient` claim.
    pub patient: Option<PatientId>,
    /// Whether the caller acts for the patient rather than being the patient.
    pub is_proxy: bool,
}

impl Principal {
    /// Whether the caller has the role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the caller was granted the scope.
    #[must_use]
    pub fn granted(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
}

/// Proof that the caller may act for this patient: every function on patient data takes one, or its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Whose data.
    pub id: PatientId,
    /// Who acts: the token's subject.
    pub actor: String,
    /// Whether a proxy acts.
    pub is_proxy: bool,
}
