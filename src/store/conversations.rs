//! Conversations and their turns. A turn is one question with its whole answer; both are written at once.

use super::audit::{AuditEntry, insert_audit};
use super::{Store, StoreError, on};
use crate::domain::{Answer, ConversationId, PatientId, TurnId, Urgency};

/// A conversation without its turns.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ConversationSummary {
    /// UUIDv7.
    pub id: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970 of the last turn.
    pub updated_at: i64,
    /// How many turns it has.
    pub turns: i64,
}

/// A turn to be stored.
#[derive(Debug)]
pub struct NewTurn<'a> {
    /// Its id.
    pub id: TurnId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The question's text.
    pub question: &'a str,
    /// The answer.
    pub answer: &'a Answer,
    /// The client's `Idempotency-Key`, if it sent one.
    pub idempotency_key: Option<&'a str>,
}

/// A turn as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTurn {
    /// Its id.
    pub id: TurnId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The question's text.
    pub question: String,
    /// The answer.
    pub answer: Answer,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// What a patient thinks of an answer.
#[derive(Debug, Clone)]
pub struct Feedback {
    /// Whether it helped.
    pub helpful: bool,
    /// In the patient's words; may be empty.
    pub comment: String,
}

type TurnRow = (String, String, String, String, i64);

const TURN_COLUMNS: &str = "SELECT id, conversation_id, question, answer, created_at FROM turns";

fn turn(row: TurnRow) -> Result<StoredTurn, StoreError> {
    let (id, conversation, question, answer, created_at) = row;
    Ok(StoredTurn {
        id: TurnId::parse(&id).or(Err(StoreError::Corrupt("turn id")))?,
        conversation: ConversationId::parse(&conversation).or(Err(StoreError::Corrupt("conversation id")))?,
        question,
        answer: serde_json::from_str(&answer).or(Err(StoreError::Corrupt("answer")))?,
        created_at,
    })
}

impl Store {
    /// Begins a conversation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_conversation(
        &self,
        patient: &PatientId,
        id: ConversationId,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO conversations (id, patient_id, created_at, updated_at) VALUES ($1,$2,$3,$3)";
        on!(self, pool => {
            let mut transaction = pool.begin().await?;
            sqlx::query(sql)
                .bind(id.to_string())
                .bind(patient.as_str())
                .bind(audit.at)
                .execute(&mut *transaction)
                .await?;
            insert_audit!(&mut *transaction, audit);
            transaction.commit().await?;
        });
        Ok(())
    }

    /// The patient's conversations, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversations(&self, patient: &PatientId, limit: i64) -> Result<Vec<ConversationSummary>, StoreError> {
        let sql = "SELECT c.id, c.created_at, c.updated_at, COUNT(t.id) FROM conversations c \
                   LEFT JOIN turns t ON t.conversation_id = c.id WHERE c.patient_id = $1 \
                   GROUP BY c.id, c.created_at, c.updated_at ORDER BY c.updated_at DESC, c.id DESC LIMIT $2";
        let rows: Vec<(String, i64, i64, i64)> = on!(self, pool => {
            sqlx::query_as(sql).bind(patient.as_str()).bind(limit).fetch_all(pool).await?
        });
        Ok(rows
            .into_iter()
            .map(|(id, created_at, updated_at, turns)| ConversationSummary {
                id,
                created_at,
                updated_at,
                turns,
            })
            .collect())
    }

    /// One conversation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none with this id of this patient.
    pub async fn conversation(
        &self,
        patient: &PatientId,
        id: ConversationId,
    ) -> Result<ConversationSummary, StoreError> {
        let sql = "SELECT c.created_at, c.updated_at, (SELECT COUNT(*) FROM turns t WHERE t.conversation_id = c.id) \
                   FROM conversations c WHERE c.id = $1 AND c.patient_id = $2";
        let (created_at, updated_at, turns): (i64, i64, i64) = on!(self, pool => {
            sqlx::query_as(sql).bind(id.to_string()).bind(patient.as_str()).fetch_one(pool).await?
        });
        Ok(ConversationSummary {
            id: id.to_string(),
            created_at,
            updated_at,
            turns,
        })
    }

    /// The latest turns of a conversation, oldest first.
    ///
    /// # Errors
    /// When the database fails; an unknown conversation has no turns.
    pub async fn turns(
        &self,
        patient: &PatientId,
        conversation: ConversationId,
        limit: i64,
    ) -> Result<Vec<StoredTurn>, StoreError> {
        let sql =
            format!("{TURN_COLUMNS} WHERE conversation_id = $1 AND patient_id = $2 ORDER BY position DESC LIMIT $3");
        let rows: Vec<TurnRow> = on!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql.clone()))
                .bind(conversation.to_string())
                .bind(patient.as_str())
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().rev().map(turn).collect()
    }

    /// One turn.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none with this id of this patient.
    pub async fn turn(&self, patient: &PatientId, id: TurnId) -> Result<StoredTurn, StoreError> {
        let sql = format!("{TURN_COLUMNS} WHERE id = $1 AND patient_id = $2");
        let row: TurnRow = on!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql.clone()))
                .bind(id.to_string())
                .bind(patient.as_str())
                .fetch_one(pool)
                .await?
        });
        turn(row)
    }

    /// The turn that was stored under a client's idempotency key, if any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn turn_by_key(
        &self,
        patient: &PatientId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<StoredTurn>, StoreError> {
        let sql = format!("{TURN_COLUMNS} WHERE conversation_id = $1 AND patient_id = $2 AND idempotency_key = $3");
        let row: Option<TurnRow> = on!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql.clone()))
                .bind(conversation.to_string())
                .bind(patient.as_str())
                .bind(key)
                .fetch_optional(pool)
                .await?
        });
        row.map(turn).transpose()
    }

    /// Stores a turn with its audit row, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the conversation is not this patient's (or was deleted meanwhile);
    /// [`StoreError::Conflict`] when the idempotency key was used by a request that ran at the same time.
    pub async fn add_turn(&self, patient: &PatientId, new: &NewTurn<'_>, audit: &AuditEntry) -> Result<(), StoreError> {
        let answer = serde_json::to_string(new.answer).or(Err(StoreError::Corrupt("answer")))?;
        let urgency: Urgency = new.answer.triage.urgency;
        on!(self, pool => {
            let mut transaction = pool.begin().await?;
            // The row is locked by this update, so that positions of one conversation never collide.
            let touched = sqlx::query("UPDATE conversations SET updated_at = $3 WHERE id = $1 AND patient_id = $2")
                .bind(new.conversation.to_string())
                .bind(patient.as_str())
                .bind(audit.at)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if touched == 0 {
                return Err(StoreError::NotFound);
            }
            let (position,): (i64,) =
                sqlx::query_as("SELECT COALESCE(MAX(position), -1) + 1 FROM turns WHERE conversation_id = $1")
                    .bind(new.conversation.to_string())
                    .fetch_one(&mut *transaction)
                    .await?;
            sqlx::query(
                "INSERT INTO turns (id, conversation_id, patient_id, position, question, answer, urgency, refused, \
                 idempotency_key, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)",
            )
            .bind(new.id.to_string())
            .bind(new.conversation.to_string())
            .bind(patient.as_str())
            .bind(position)
            .bind(new.question)
            .bind(answer.as_str())
            .bind(urgency.as_str())
            .bind(i64::from(new.answer.refused))
            .bind(new.idempotency_key)
            .bind(audit.at)
            .execute(&mut *transaction)
            .await?;
            insert_audit!(&mut *transaction, audit);
            transaction.commit().await?;
        });
        Ok(())
    }

    /// Deletes a conversation with its turns and feedback; the audit row stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none with this id of this patient.
    pub async fn delete_conversation(
        &self,
        patient: &PatientId,
        id: ConversationId,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        on!(self, pool => {
            let mut transaction = pool.begin().await?;
            let removed = sqlx::query("DELETE FROM conversations WHERE id = $1 AND patient_id = $2")
                .bind(id.to_string())
                .bind(patient.as_str())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if removed == 0 {
                return Err(StoreError::NotFound);
            }
            insert_audit!(&mut *transaction, audit);
            transaction.commit().await?;
        });
        Ok(())
    }

    /// Keeps what a patient thinks of an answer; the latest counts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the turn is not this patient's.
    pub async fn put_feedback(
        &self,
        patient: &PatientId,
        turn: TurnId,
        feedback: &Feedback,
        audit: &AuditEntry,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO feedback (turn_id, patient_id, helpful, comment, created_at) \
                   SELECT id, patient_id, $3, $4, $5 FROM turns WHERE id = $1 AND patient_id = $2 \
                   ON CONFLICT (turn_id) DO UPDATE SET helpful = excluded.helpful, comment = excluded.comment, \
                   created_at = excluded.created_at";
        on!(self, pool => {
            let mut transaction = pool.begin().await?;
            let stored = sqlx::query(sql)
                .bind(turn.to_string())
                .bind(patient.as_str())
                .bind(i64::from(feedback.helpful))
                .bind(feedback.comment.as_str())
                .bind(audit.at)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if stored == 0 {
                return Err(StoreError::NotFound);
            }
            insert_audit!(&mut *transaction, audit);
            transaction.commit().await?;
        });
        Ok(())
    }
}
