//! A patient's conversations.

use actix_web::{HttpResponse, delete, get, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::Caller;
use super::problem::Problem;
use super::state::WebState;
use crate::domain::{Answer, ConversationId};
use crate::store::{AuditEntry, ConversationSummary};

/// Most conversations and turns that are listed.
const LIMIT: i64 = 200;

/// A patient's conversations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conversations {
    /// The conversations.
    pub conversations: Vec<ConversationSummary>,
}

/// One question with its answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Turn {
    /// Message id.
    pub id: String,
    /// The question as asked.
    pub question: String,
    /// The answer as given.
    pub answer: Answer,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// A conversation with its turns, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conversation {
    /// UUIDv7.
    pub id: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970 of the last turn.
    pub updated_at: i64,
    /// The turns.
    pub turns: Vec<Turn>,
}

fn audit(state: &WebState, caller: &Caller, action: &'static str, resource: &str) -> AuditEntry {
    let kind = if caller.0.is_proxy { "proxy" } else { "patient" };
    state.audit(&caller.0.actor, kind, Some(&caller.0.id), action, resource)
}

/// Begins a conversation.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 201, description = "Begun", body = ConversationSummary),
    (status = 401, description = "No good token", body = Problem),
    (status = 403, description = "Not a patient's token", body = Problem),
))]
#[post("")]
pub async fn create(state: web::Data<WebState>, caller: Caller) -> Result<HttpResponse, Problem> {
    let id = ConversationId::generate(state.clock.now());
    let audit = audit(&state, &caller, "conversation.created", &id.to_string());
    state.store.create_conversation(&caller.0.id, id, &audit).await?;
    let summary = ConversationSummary {
        id: id.to_string(),
        created_at: audit.at,
        updated_at: audit.at,
        turns: 0,
    };
    Ok(HttpResponse::Created()
        .insert_header(("Location", format!("/v1/conversations/{id}")))
        .json(summary))
}

/// Lists conversations, newest first.
#[utoipa::path(tag = "patient", security(("bearer" = [])), responses(
    (status = 200, description = "The latest 200", body = Conversations),
    (status = 401, description = "No good token", body = Problem),
    (status = 403, description = "Not a patient's token", body = Problem),
))]
#[get("")]
pub async fn list(state: web::Data<WebState>, caller: Caller) -> Result<web::Json<Conversations>, Problem> {
    Ok(web::Json(Conversations {
        conversations: state.store.conversations(&caller.0.id, LIMIT).await?,
    }))
}

/// Reads a conversation.
#[utoipa::path(tag = "patient", security(("bearer" = [])), params(("id" = String, Path, description = "Conversation id")),
    responses(
    (status = 200, description = "The conversation with its latest 200 turns", body = Conversation),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "Unknown, or someone else's", body = Problem),
))]
#[get("/{id}")]
pub async fn read(
    state: web::Data<WebState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<web::Json<Conversation>, Problem> {
    let id = ConversationId::parse(&path)?;
    let summary = state.store.conversation(&caller.0.id, id).await?;
    Ok(web::Json(whole(&state, &caller, summary, LIMIT).await?))
}

/// A conversation with its latest turns.
pub(super) async fn whole(
    state: &WebState,
    caller: &Caller,
    summary: ConversationSummary,
    limit: i64,
) -> Result<Conversation, Problem> {
    let ConversationSummary {
        id,
        created_at,
        updated_at,
        ..
    } = summary;
    let turns = state
        .store
        .turns(&caller.0.id, ConversationId::parse(&id)?, limit)
        .await?;
    let turns = turns
        .into_iter()
        .map(|turn| Turn {
            id: turn.id.to_string(),
            question: turn.question,
            answer: turn.answer,
            created_at: turn.created_at,
        })
        .collect();
    Ok(Conversation {
        id,
        created_at,
        updated_at,
        turns,
    })
}

/// Deletes a conversation for good.
#[utoipa::path(tag = "patient", security(("bearer" = [])), params(("id" = String, Path, description = "Conversation id")),
    responses(
    (status = 204, description = "Deleted"),
    (status = 401, description = "No good token", body = Problem),
    (status = 404, description = "Unknown, or someone else's", body = Problem),
))]
#[delete("/{id}")]
pub async fn delete(
    state: web::Data<WebState>,
    caller: Caller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = ConversationId::parse(&path)?;
    let audit = audit(&state, &caller, "conversation.deleted", &id.to_string());
    state.store.delete_conversation(&caller.0.id, id, &audit).await?;
    Ok(HttpResponse::NoContent().finish())
}
