//! `CURRENT`: which snapshot of a folder is in use.
//!
//! Must not: leave a half-written pointer. It is written beside and renamed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{OpenError, Snapshot};
use crate::domain::SnapshotId;

/// Name of the pointer file.
const CURRENT: &str = "CURRENT";

/// Why the pointer was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum PointerError {
    /// No snapshot has been activated.
    #[error("no guidance snapshot is active in {0}; run `chartlight guidance build`")]
    NotSet(PathBuf),
    /// The snapshot to activate does not exist.
    #[error("the guidance snapshot {0} does not exist")]
    Unknown(SnapshotId),
    /// The pointer holds something else than an id.
    #[error("{0} does not hold a snapshot id")]
    Damaged(PathBuf),
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The snapshot named does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Makes a snapshot the current one: writes `folder/CURRENT` beside and renames it.
///
/// # Errors
/// When the snapshot does not exist or the file cannot be written; the old pointer then stays.
pub fn activate(folder: &Path, id: &SnapshotId) -> Result<(), PointerError> {
    if !folder.join(id.as_str()).is_dir() {
        return Err(PointerError::Unknown(id.clone()));
    }
    let path = folder.join(CURRENT);
    let failed = |source| PointerError::Io {
        path: path.clone(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    writeln!(file, "{id}").map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&path).map_err(|e| failed(e.error))?;
    super::build::sync_folder(folder).map_err(failed)
}

/// The id in `folder/CURRENT`.
///
/// # Errors
/// When there is none, or it is not an id.
pub fn current_id(folder: &Path) -> Result<SnapshotId, PointerError> {
    let path = folder.join(CURRENT);
    match std::fs::read_to_string(&path) {
        Ok(text) => SnapshotId::parse(text.trim()).or(Err(PointerError::Damaged(path))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(PointerError::NotSet(folder.to_owned())),
        Err(source) => Err(PointerError::Io { path, source }),
    }
}

/// Opens the current snapshot.
///
/// # Errors
/// When there is none, or it does not open.
pub fn open_current(folder: &Path) -> Result<Snapshot, PointerError> {
    let id = current_id(folder)?;
    Ok(Snapshot::open(&folder.join(id.as_str()))?)
}
