//! The claims Chartlight reads and how they become a principal.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::AuthError;
use crate::domain::{PatientId, Principal, Role};

/// Only the issuer, before anything is trusted.
#[derive(Debug, Deserialize)]
pub(super) struct IssuerPeek {
    pub(super) iss: Option<String>,
}

/// The claims of an access token (RFC 9068; `scope` and `patient` as SMART App Launch has them).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Subject: who acts.
    pub sub: String,
    /// Expiry, seconds since 1970.
    pub exp: u64,
    /// Not before, seconds since 1970.
    pub nbf: u64,
    /// Space-separated scopes.
    #[serde(default)]
    pub scope: String,
    /// The patient in context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// Whether `sub` acts for the patient as a proxy.
    #[serde(default)]
    pub proxy: bool,
    /// All other claims; the roles claim is among them.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

impl Claims {
    pub(super) fn into_principal(self, roles_claim: &str) -> Result<Principal, AuthError> {
        if self.sub.trim().is_empty() || self.sub.len() > 255 || self.sub.chars().any(char::is_control) {
            return Err(AuthError::Claim("sub".to_owned()));
        }
        let roles = self
            .other
            .get(roles_claim)
            .and_then(serde_json::Value::as_array)
            .map(|roles| {
                roles
                    .iter()
                    .filter_map(|role| serde_json::from_value::<Role>(role.clone()).ok())
                    .collect::<BTreeSet<_>>()
            })
            .unwrap_or_default();
        let patient = match self.patient {
            None => None,
            Some(id) => Some(PatientId::parse(&id).or(Err(AuthError::Claim("patient".to_owned())))?),
        };
        Ok(Principal {
            issuer: self.iss,
            subject: self.sub,
            roles,
            scopes: self.scope.split_whitespace().map(str::to_owned).collect(),
            patient,
            is_proxy: self.proxy,
        })
    }
}
