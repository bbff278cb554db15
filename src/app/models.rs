//! Model files: the catalogue, where a file is kept, whether it is the right one. Weights are only ever used after their
//! SHA-256 was checked.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::config::Settings;

const CATALOGUE: &str = include_str!("models.toml");

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Not in the catalogue and no path or address configured.
    #[error(
        "model.name \"{0}\" is not in the catalogue; `chartlight model list` shows it, or set model.path and model.sha256"
    )]
    Unknown(String),
    /// The file is not there.
    #[error("the model file {0} is missing; run `chartlight model fetch {1}`")]
    Missing(PathBuf, String),
    /// The file is another one.
    #[error(
        "the model file {path} is damaged (its SHA-256 is {found}, expected {expected}); run `chartlight model fetch {name}`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The model.
        name: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The file cannot be read.
    #[error("the model file {0} cannot be read: {1}")]
    Io(PathBuf, #[source] std::io::Error),
    /// The embedded catalogue.
    #[error("the model catalogue is damaged: {0}")]
    Catalogue(#[from] toml::de::Error),
}

/// A model that Chartlight knows where to get.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub note: String,
    /// Licence of the weights (SPDX).
    pub license: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file (lower-case hex).
    pub sha256: String,
    /// Python packages whose data files, one after the other, are the file.
    pub packages: Vec<String>,
    /// End of the data file's name inside each package.
    pub member: String,
    /// The publisher's address.
    #[serde(default)]
    pub url: String,
}

#[derive(Deserialize)]
struct Catalogue {
    model: Vec<CatalogueEntry>,
}

/// The catalogue.
///
/// # Errors
/// When the embedded file is not valid.
pub fn catalogue() -> Result<Vec<CatalogueEntry>, ModelError> {
    Ok(toml::from_str::<Catalogue>(CATALOGUE)?.model)
}

/// A model file that was found and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// The model's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
}

/// Where the configured model's file belongs, with the hash it must have; `None` for "none".
///
/// # Errors
/// [`ModelError::Unknown`].
pub fn expected(settings: &Settings) -> Result<Option<ModelFile>, ModelError> {
    let model = &settings.model;
    if model.name == "none" {
        return Ok(None);
    }
    if !model.path.is_empty() || !model.url.is_empty() {
        let path = if model.path.is_empty() {
            settings.model_dir().join(format!("{}.gguf", model.name))
        } else {
            PathBuf::from(&model.path)
        };
        return Ok(Some(ModelFile {
            name: model.name.clone(),
            path,
            sha256: model.sha256.to_lowercase(),
        }));
    }
    let known = catalogue()?.into_iter().find(|entry| entry.name == model.name);
    let entry = known.ok_or_else(|| ModelError::Unknown(model.name.clone()))?;
    let path = settings.model_dir().join(format!("{}.gguf", entry.name));
    Ok(Some(ModelFile {
        name: entry.name,
        path,
        sha256: entry.sha256,
    }))
}

/// The configured model's file, checked; `None` for "none".
///
/// # Errors
/// See [`ModelError`].
pub fn find(settings: &Settings) -> Result<Option<ModelFile>, ModelError> {
    let Some(file) = expected(settings)? else {
        return Ok(None);
    };
    if !file.path.is_file() {
        return Err(ModelError::Missing(file.path, file.name));
    }
    let found = checked_hash(&file.path)?;
    if found != file.sha256 {
        return Err(ModelError::Damaged {
            path: file.path,
            name: file.name,
            expected: file.sha256,
            found,
        });
    }
    Ok(Some(file))
}

/// The file's SHA-256. Hashing a gigabyte takes seconds, so the result is kept beside the file with its size and time of
/// change, and used again while both are the same.
fn checked_hash(path: &Path) -> Result<String, ModelError> {
    let failed = |error| ModelError::Io(path.to_owned(), error);
    let about = std::fs::metadata(path).map_err(failed)?;
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    let stamp = format!("{} {changed}", about.len());
    let note = path.with_extension("sha256");
    if let Ok(kept) = std::fs::read_to_string(&note)
        && let Some((hash, kept_stamp)) = kept.trim().split_once(' ')
        && kept_stamp == stamp
    {
        return Ok(hash.to_owned());
    }
    let hash = hash_file(path, &|_| {}).map_err(failed)?;
    // Without the note the next start hashes again; nothing else is lost.
    drop(std::fs::write(&note, format!("{hash} {stamp}\n")));
    Ok(hash)
}

/// SHA-256 of a file (lower-case hex); `progress` hears the bytes done.
///
/// # Errors
/// When the file cannot be read.
pub fn hash_file(path: &Path, progress: &dyn Fn(u64)) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut done = 0u64;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hasher.update(part);
        done += read as u64;
        progress(done);
    }
    Ok(hex::encode(hasher.finalize()))
}
