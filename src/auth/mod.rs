//! From a bearer token to a [`Principal`]. Knows no web framework; never logs a token or a claim.
//!
//! Issuers are configured. Each has its own audience, pinned algorithms and keys; a token is only ever checked against
//! the issuer it names, with an algorithm that issuer allows and a key of that algorithm (RFC 8725).

mod claims;
mod jwks;
mod local;

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation};

pub use claims::Claims;
pub use local::{LocalIssuer, LocalIssuerError, TokenRequest};

use crate::config;
use crate::domain::Principal;
use jwks::{JwksCache, KeySource};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a caller is not let in. The text says what to mend, never what the token held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization: Bearer …` header.
    #[error("no bearer token was sent")]
    Missing,
    /// Not a signed JWT.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The issuer is not configured here.
    #[error("the token's issuer is not known here")]
    Issuer,
    /// Made for someone else.
    #[error("the token was made for another audience")]
    Audience,
    /// An algorithm the issuer may not use, or another than the key's.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// No such key of the issuer.
    #[error("the token was signed with an unknown key")]
    Key,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// A required claim is absent or has the wrong form.
    #[error("the token's claim {0} is missing or has the wrong form")]
    Claim(String),
    /// The issuer's keys cannot be fetched now.
    #[error("the issuer's keys cannot be fetched now")]
    KeysUnavailable,
}

/// All configured issuers.
#[derive(Debug)]
pub struct Authenticator {
    issuers: Vec<Issuer>,
    leeway_seconds: u64,
}

#[derive(Debug)]
struct Issuer {
    issuer: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    roles_claim: String,
    keys: KeySource,
}

impl Authenticator {
    /// Sets up the configured issuers, and the local one where there is one.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(settings: &config::Auth, local: Option<&LocalIssuer>) -> Result<Self, AuthError> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .or(Err(AuthError::KeysUnavailable))?;
        let mut issuers: Vec<Issuer> = settings
            .issuers
            .iter()
            .map(|issuer| Issuer {
                issuer: issuer.issuer.clone(),
                audience: issuer.audience.clone(),
                algorithms: issuer.algorithms.iter().filter_map(|name| name.parse().ok()).collect(),
                roles_claim: issuer.roles_claim.clone(),
                keys: KeySource::Jwks(Arc::new(JwksCache::new(
                    client.clone(),
                    issuer.jwks_url.clone(),
                    Duration::from_secs(settings.jwks_cooldown_seconds),
                    Duration::from_secs(settings.jwks_max_age_seconds),
                ))),
            })
            .collect();
        if let Some(local) = local {
            issuers.push(Issuer {
                issuer: local::ISSUER.to_owned(),
                audience: local::AUDIENCE.to_owned(),
                algorithms: vec![Algorithm::EdDSA],
                roles_claim: "roles".to_owned(),
                keys: KeySource::Fixed(local.verification_key()),
            });
        }
        Ok(Self {
            issuers,
            leeway_seconds: settings.leeway_seconds,
        })
    }

    /// Checks a token and says who it stands for.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn verify(&self, token: &str) -> Result<Principal, AuthError> {
        if token.len() > MAX_TOKEN_BYTES || token.split('.').count() != 3 {
            return Err(AuthError::Malformed);
        }
        // A header with an algorithm the library does not know ("none") does not decode: that is no algorithm of ours.
        let header = jsonwebtoken::decode_header(token).map_err(|error| header_error(token, error.kind()))?;
        // Only to find the issuer whose rules apply; nothing of it is trusted before the signature was checked.
        let peek: claims::IssuerPeek =
            jsonwebtoken::dangerous::insecure_decode_claims(token).or(Err(AuthError::Malformed))?;
        let named = peek.iss.as_deref().ok_or_else(|| AuthError::Claim("iss".to_owned()))?;
        let issuer = self
            .issuers
            .iter()
            .find(|issuer| issuer.issuer == named)
            .ok_or(AuthError::Issuer)?;
        if !issuer.algorithms.contains(&header.alg) {
            return Err(AuthError::Algorithm);
        }
        let key = issuer.keys.find(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = self.leeway_seconds;
        validation.validate_nbf = true;
        validation.set_issuer(&[&issuer.issuer]);
        validation.set_audience(&[&issuer.audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        let token =
            jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|error| from_library(error.kind()))?;
        token.claims.into_principal(&issuer.roles_claim)
    }
}

fn header_error(token: &str, kind: &jsonwebtoken::errors::ErrorKind) -> AuthError {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap_or("");
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).ok();
    let json = decoded.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    match json {
        Some(json) if json.get("alg").is_some() => AuthError::Algorithm,
        _ => from_library(kind),
    }
}

fn from_library(kind: &jsonwebtoken::errors::ErrorKind) -> AuthError {
    use jsonwebtoken::errors::ErrorKind as Kind;
    match kind {
        Kind::ExpiredSignature => AuthError::Expired,
        Kind::ImmatureSignature => AuthError::NotYetValid,
        Kind::InvalidIssuer => AuthError::Issuer,
        Kind::InvalidAudience => AuthError::Audience,
        Kind::InvalidAlgorithm | Kind::InvalidAlgorithmName | Kind::MissingAlgorithm | Kind::UnsupportedAlgorithm => {
            AuthError::Algorithm
        }
        Kind::InvalidSignature => AuthError::Signature,
        Kind::MissingRequiredClaim(claim) | Kind::InvalidClaimFormat(claim) => AuthError::Claim(claim.clone()),
        _ => AuthError::Malformed,
    }
}
