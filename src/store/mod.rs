//! The only sqlx code: conversations, charts, audit; SQLite and PostgreSQL behind one set of functions.
//!
//! Every function on patient data takes the [`PatientId`](crate::domain::PatientId) and has it in the WHERE clause:
//! someone else's id is the same as an unknown one. Ids and times come from the caller, never from SQL.

mod audit;
mod charts;
mod conversations;

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

pub use audit::{AuditEntry, AuditRow};
pub use charts::StoredChart;
pub use conversations::{ConversationSummary, Feedback, NewTurn, StoredTurn};

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// What went wrong in the store. The text never holds a value of a patient.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row for this patient (or it is someone else's).
    #[error("not found")]
    NotFound,
    /// Another request did the same thing first.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The database refused or could not be reached.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored document cannot be read back.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
    /// The address is of no database Chartlight knows.
    #[error("the database address must begin with sqlite: or postgres://")]
    Address,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(inner) if inner.is_unique_violation() => Self::Conflict("already exists"),
            _ => Self::Database(error),
        }
    }
}

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same code on either database: both take `$1` parameters and the types TEXT and BIGINT.
macro_rules! on {
    ($store:expr, $pool:ident => $body:expr) => {
        match &$store.pool {
            $crate::store::Pool::Sqlite($pool) => $body,
            $crate::store::Pool::Postgres($pool) => $body,
        }
    };
}
use on;

/// A database with the current schema. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
}

impl Store {
    /// Connects, creates the SQLite file where there is none, and brings the schema up to date.
    ///
    /// # Errors
    /// When the address is unknown, the database cannot be reached, or its schema is newer than this program.
    pub async fn open(url: &SecretString, max_connections: u32) -> Result<Self, StoreError> {
        let url = url.expose_secret();
        let pool = if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // FULL: what was acknowledged survives a power cut, not only a crash of the program.
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(Duration::from_secs(10));
            Pool::Sqlite(
                SqlitePoolOptions::new()
                    .max_connections(max_connections)
                    .connect_with(options)
                    .await?,
            )
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgPoolOptions::new()
                .max_connections(max_connections)
                .acquire_timeout(Duration::from_secs(10));
            Pool::Postgres(options.connect(url).await?)
        } else {
            return Err(StoreError::Address);
        };
        match &pool {
            Pool::Sqlite(pool) => SQLITE_MIGRATIONS.run(pool).await?,
            Pool::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await?,
        }
        Ok(Self { pool })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on!(self, pool => { sqlx::query("SELECT 1").execute(pool).await?; });
        Ok(())
    }

    /// Closes all connections, after the running queries.
    pub async fn close(&self) {
        on!(self, pool => pool.close().await);
    }

    /// Versions of both databases' migrations, for the test that they are equal.
    #[must_use]
    pub fn migration_versions() -> (Vec<i64>, Vec<i64>) {
        let versions = |migrator: &Migrator| migrator.iter().map(|migration| migration.version).collect();
        (versions(&SQLITE_MIGRATIONS), versions(&POSTGRES_MIGRATIONS))
    }
}
