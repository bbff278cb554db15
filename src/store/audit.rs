//! The audit trail: who did what to whose data, and when. Never what was said.

use super::{Store, StoreError, on};
use crate::domain::PatientId;

/// An action to record.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// UUIDv7.
    pub id: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The token's subject, or a command's name.
    pub actor: String,
    /// `patient`, `proxy`, `editor`, `clinician`, `system`, `operator`.
    pub actor_kind: String,
    /// Whose data; `None` where nobody's.
    pub patient: Option<PatientId>,
    /// What was done (`chart.read`, `message.answered`, …).
    pub action: &'static str,
    /// What it was done to (an id, never a text).
    pub resource: String,
}

/// A recorded action, as a patient may read it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AuditRow {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// In what role.
    pub actor_kind: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub resource: String,
}

/// The statement; a macro because it runs on a pool or inside a transaction of either database.
macro_rules! insert_audit {
    ($executor:expr, $entry:expr) => {
        sqlx::query(
            "INSERT INTO audit (id, at, actor, actor_kind, patient_id, action, resource) VALUES ($1,$2,$3,$4,$5,$6,$7)",
        )
        .bind($entry.id.as_str())
        .bind($entry.at)
        .bind($entry.actor.as_str())
        .bind($entry.actor_kind.as_str())
        .bind($entry.patient.as_ref().map(|patient| patient.as_str()))
        .bind($entry.action)
        .bind($entry.resource.as_str())
        .execute($executor)
        .await?
    };
}
pub(super) use insert_audit;

impl Store {
    /// Records an action.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        on!(self, pool => { insert_audit!(pool, entry); });
        Ok(())
    }

    /// The latest actions on a patient's data, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn access_log(&self, patient: &PatientId, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
        type Row = (i64, String, String, String, String);
        let sql = "SELECT at, actor, actor_kind, action, resource FROM audit WHERE patient_id = $1 \
                   ORDER BY at DESC, id DESC LIMIT $2";
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(sql).bind(patient.as_str()).bind(limit).fetch_all(pool).await?
        });
        Ok(rows
            .into_iter()
            .map(|(at, actor, actor_kind, action, resource)| AuditRow {
                at,
                actor,
                actor_kind,
                action,
                resource,
            })
            .collect())
    }
}
