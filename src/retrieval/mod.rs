//! Finding guidance: articles as files, immutable snapshots of them, and passages for a question.
//!
//! Files: `articles` (format and checks) → `build` (snapshot folder) → `snapshot` (open) → `plan` (what a message asks
//! for) → `rank` (articles and passages) → `coverage` (is it covered at all). `schema` is the only file that speaks
//! tantivy. Must not: know patients, conversations, databases or models.

pub mod articles;
mod build;
mod coverage;
mod handle;
mod kinds;
mod lay_terms;
mod names;
mod plan;
mod pointer;
mod rank;
mod schema;
mod search;
mod sentences;
mod snapshot;
mod suggest;
mod tuning;
mod vocabulary;
mod words;

pub use build::{BuildError, BuildReport, GoldenMiss, build};
pub use handle::SnapshotHandle;
pub use pointer::{PointerError, activate, current_id, open_current};
pub use rank::{RankedArticle, RetrievalQuery, SearchError};
pub use search::{Facets, Fragment, SearchHit, SearchOptions, SearchPage};
pub use snapshot::{OpenError, Snapshot};
pub use suggest::Suggestion;
pub use tuning::Tuning;

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]
mod tests;
