//! The snapshot in use: read without waiting, replaced without a pause.
//!
//! Must not: open or delete files. A request keeps the `Arc` it began with.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Snapshot;

/// Shared by all requests.
#[derive(Debug)]
pub struct SnapshotHandle {
    current: ArcSwap<Snapshot>,
}

impl SnapshotHandle {
    /// Starts with a snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            current: ArcSwap::from_pointee(snapshot),
        }
    }

    /// The snapshot in use now.
    #[must_use]
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Puts another snapshot in use and returns the one before.
    pub fn swap(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        self.current.swap(Arc::new(snapshot))
    }
}
