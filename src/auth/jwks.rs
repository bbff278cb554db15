//! An issuer's public keys (RFC 7517): fetched, kept, fetched again when a token names an unknown key, but not more
//! often than the cooldown allows. A failed fetch keeps the old keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use super::AuthError;

/// Largest key document that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// One public key with the only algorithm it is used with.
#[derive(Clone)]
pub(super) struct VerificationKey {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl std::fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerificationKey({:?})", self.algorithm)
    }
}

/// Where an issuer's keys come from.
#[derive(Debug)]
pub(super) enum KeySource {
    Fixed(VerificationKey),
    Jwks(Arc<JwksCache>),
}

impl KeySource {
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, AuthError> {
        match self {
            Self::Fixed(key) => pick(std::slice::from_ref(key), id, algorithm),
            Self::Jwks(cache) => cache.find(id, algorithm).await,
        }
    }
}

/// The key with this id and algorithm. A token without an id is accepted only where one key could be meant.
fn pick(keys: &[VerificationKey], id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, AuthError> {
    let Some(id) = id else {
        let mut fitting = keys.iter().filter(|key| key.algorithm == algorithm);
        return match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only.key.clone()),
            _ => Err(AuthError::Key),
        };
    };
    let named = keys
        .iter()
        .find(|key| key.id.as_deref() == Some(id))
        .ok_or(AuthError::Key)?;
    if named.algorithm == algorithm {
        Ok(named.key.clone())
    } else {
        Err(AuthError::Algorithm)
    }
}

#[derive(Debug)]
struct Fetched {
    keys: Vec<VerificationKey>,
    at: Instant,
}

/// Cached keys of one issuer.
#[derive(Debug)]
pub(super) struct JwksCache {
    client: reqwest::Client,
    url: String,
    cooldown: Duration,
    max_age: Duration,
    fetched: ArcSwapOption<Fetched>,
    /// When a fetch was last tried; the lock lets one caller fetch at a time.
    tried: Mutex<Option<Instant>>,
}

impl JwksCache {
    pub(super) fn new(client: reqwest::Client, url: String, cooldown: Duration, max_age: Duration) -> Self {
        Self {
            client,
            url,
            cooldown,
            max_age,
            fetched: ArcSwapOption::empty(),
            tried: Mutex::new(None),
        }
    }

    async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, AuthError> {
        if let Some(fetched) = self.fetched.load_full()
            && fetched.at.elapsed() < self.max_age
        {
            match pick(&fetched.keys, id, algorithm) {
                Err(AuthError::Key) => {}
                found => return found,
            }
        }
        self.refresh().await;
        match self.fetched.load_full() {
            Some(fetched) => pick(&fetched.keys, id, algorithm),
            None => Err(AuthError::KeysUnavailable),
        }
    }

    async fn refresh(&self) {
        let mut tried = self.tried.lock().await;
        if tried.is_some_and(|at| at.elapsed() < self.cooldown) {
            return;
        }
        *tried = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => self.fetched.store(Some(Arc::new(Fetched {
                keys,
                at: Instant::now(),
            }))),
            Err(error) => tracing::warn!(error = %error, "an issuer's keys could not be fetched"),
        }
    }

    async fn fetch(&self) -> Result<Vec<VerificationKey>, FetchError> {
        let mut response = self.client.get(&self.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
        }
        let set: JwkSet = serde_json::from_slice(&body)?;
        Ok(set.keys.iter().filter_map(verification_key).collect())
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("the key document is too large")]
    TooLarge,
    #[error("the key document is not a JWK set")]
    Json(#[from] serde_json::Error),
}

/// A signing key with its one algorithm; symmetric keys, encryption keys and other curves are passed over.
fn verification_key(jwk: &Jwk) -> Option<VerificationKey> {
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|usage| *usage != PublicKeyUse::Signature)
    {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(curve) if curve.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let stated = match jwk.common.key_algorithm {
        None => true,
        Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
        Some(KeyAlgorithm::EdDSA) => algorithm == Algorithm::EdDSA,
        Some(_) => false,
    };
    if !stated {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some(VerificationKey {
        id: jwk.common.key_id.clone(),
        algorithm,
        key,
    })
}
