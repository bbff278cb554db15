//! Charts as imported: the parsed chart beside every resource as it was received.

use super::audit::{AuditEntry, insert_audit};
use super::{Store, StoreError, on};
use crate::domain::{Chart, PatientId};

/// A chart with the time it was imported.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredChart {
    /// The chart.
    pub chart: Chart,
    /// Milliseconds since 1970.
    pub imported_at: i64,
}

impl Store {
    /// Replaces the patient's chart and records who did it, in one transaction.
    ///
    /// # Errors
    /// When the database fails; then nothing has changed.
    pub async fn put_chart(
        &self,
        chart: &Chart,
        resources: &[serde_json::Value],
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let parsed = serde_json::to_string(chart).or(Err(StoreError::Corrupt("chart")))?;
        let raw = serde_json::to_string(resources).or(Err(StoreError::Corrupt("chart")))?;
        let sql = "INSERT INTO charts (patient_id, chart, resources, imported_at) VALUES ($1,$2,$3,$4) \
                   ON CONFLICT (patient_id) DO UPDATE SET chart = excluded.chart, resources = excluded.resources, \
                   imported_at = excluded.imported_at";
        on!(self, pool => {
            let mut transaction = pool.begin().await?;
            sqlx::query(sql)
                .bind(chart.patient.as_str())
                .bind(parsed.as_str())
                .bind(raw.as_str())
                .bind(audit.at)
                .execute(&mut *transaction)
                .await?;
            insert_audit!(&mut *transaction, audit);
            transaction.commit().await?;
        });
        Ok(())
    }

    /// The patient's chart.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where none was imported.
    pub async fn chart(&self, patient: &PatientId) -> Result<StoredChart, StoreError> {
        let sql = "SELECT chart, imported_at FROM charts WHERE patient_id = $1";
        let (text, imported_at): (String, i64) = on!(self, pool => {
            sqlx::query_as(sql).bind(patient.as_str()).fetch_one(pool).await?
        });
        let chart = serde_json::from_str(&text).or(Err(StoreError::Corrupt("chart")))?;
        Ok(StoredChart { chart, imported_at })
    }

    /// Every resource of the patient as it was received.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where none was imported.
    pub async fn chart_resources(&self, patient: &PatientId) -> Result<serde_json::Value, StoreError> {
        let sql = "SELECT resources FROM charts WHERE patient_id = $1";
        let (text,): (String,) = on!(self, pool => {
            sqlx::query_as(sql).bind(patient.as_str()).fetch_one(pool).await?
        });
        serde_json::from_str(&text).or(Err(StoreError::Corrupt("chart")))
    }

    /// Removes everything of a patient but the audit trail, and records that.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is nothing of the patient.
    pub async fn erase_patient(&self, patient: &PatientId, audit: &AuditEntry) -> Result<(), StoreError> {
        let removed: u64 = on!(self, pool => {
            let mut transaction = pool.begin().await?;
            let mut removed = 0;
            for sql in [
                "DELETE FROM feedback WHERE patient_id = $1",
                "DELETE FROM turns WHERE patient_id = $1",
                "DELETE FROM conversations WHERE patient_id = $1",
                "DELETE FROM charts WHERE patient_id = $1",
            ] {
                removed += sqlx::query(sql).bind(patient.as_str()).execute(&mut *transaction).await?.rows_affected();
            }
            if removed > 0 {
                insert_audit!(&mut *transaction, audit);
            }
            transaction.commit().await?;
            removed
        });
        if removed == 0 {
            Err(StoreError::NotFound)
        } else {
            Ok(())
        }
    }
}
