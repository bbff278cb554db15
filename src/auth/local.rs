//! The local issuer of development mode: an Ed25519 key made on first run, tokens minted by `chartlight token`.
//! Never available in production mode; the configuration refuses that.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use sha2::{Digest as _, Sha256};

use super::claims::Claims;
use super::jwks::VerificationKey;
use crate::domain::{Clock, PatientId, Role};

/// The local issuer's `iss`.
pub(super) const ISSUER: &str = "urn:chartlight:local";
/// The `aud` of its tokens.
pub(super) const AUDIENCE: &str = "chartlight";

/// Why the local issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocalIssuerError {
    /// The key file cannot be read or written.
    #[error("the local issuer's key {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The key file holds no Ed25519 key.
    #[error("the local issuer's key {0} is damaged; delete it, a new one is made on the next start")]
    Damaged(String),
    /// No key could be made or no token signed.
    #[error("the local issuer could not sign")]
    Sign,
}

/// Signs demo tokens.
pub struct LocalIssuer {
    key: EncodingKey,
    public: Vec<u8>,
    id: String,
}

impl std::fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalIssuer({})", self.id)
    }
}

/// Whom a token is for.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// `sub`.
    pub subject: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Scopes.
    pub scopes: Vec<String>,
    /// `patient`.
    pub patient: Option<PatientId>,
    /// Whether the subject is a proxy of the patient.
    pub proxy: bool,
    /// Seconds the token is valid for.
    pub seconds: u64,
}

impl LocalIssuer {
    /// Reads the key from `folder`, or makes one that only the owner may read.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is damaged.
    pub fn open_or_create(folder: &Path) -> Result<Self, LocalIssuerError> {
        let path = folder.join("local-issuer.pk8");
        let file_error = |source| LocalIssuerError::File {
            path: path.display().to_string(),
            source,
        };
        let document = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let random = aws_lc_rs::rand::SystemRandom::new();
                let made = Ed25519KeyPair::generate_pkcs8(&random).or(Err(LocalIssuerError::Sign))?;
                std::fs::create_dir_all(folder).map_err(file_error)?;
                let mut file = tempfile::NamedTempFile::new_in(folder).map_err(file_error)?;
                file.write_all(made.as_ref()).map_err(file_error)?;
                file.as_file().sync_all().map_err(file_error)?;
                // Another process may have made one meanwhile: theirs counts then.
                match file.persist_noclobber(&path) {
                    Ok(_) => made.as_ref().to_vec(),
                    Err(_) => std::fs::read(&path).map_err(file_error)?,
                }
            }
            Err(error) => return Err(file_error(error)),
        };
        let pair =
            Ed25519KeyPair::from_pkcs8(&document).or(Err(LocalIssuerError::Damaged(path.display().to_string())))?;
        let public = pair.public_key().as_ref().to_vec();
        let id = hex::encode(Sha256::digest(&public)).chars().take(16).collect();
        Ok(Self {
            key: EncodingKey::from_ed_der(&document),
            public,
            id,
        })
    }

    pub(super) fn verification_key(&self) -> VerificationKey {
        VerificationKey {
            id: Some(self.id.clone()),
            algorithm: Algorithm::EdDSA,
            key: DecodingKey::from_ed_der(&self.public),
        }
    }

    /// A signed token.
    ///
    /// # Errors
    /// [`LocalIssuerError::Sign`].
    pub fn mint(&self, request: &TokenRequest, clock: &dyn Clock) -> Result<String, LocalIssuerError> {
        let now = u64::try_from(clock.now().as_second()).unwrap_or(0);
        let roles = serde_json::to_value(&request.roles).or(Err(LocalIssuerError::Sign))?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: request.subject.clone(),
            exp: now + request.seconds,
            nbf: now,
            scope: request.scopes.join(" "),
            patient: request.patient.as_ref().map(ToString::to_string),
            proxy: request.proxy,
            other: BTreeMap::from([("roles".to_owned(), roles), ("aud".to_owned(), AUDIENCE.into())]),
        };
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &self.key).or(Err(LocalIssuerError::Sign))
    }
}
