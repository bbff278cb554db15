//! Is it running, and can it answer? For load balancers and operators; says nothing of patients.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Code, Problem};
use super::state::WebState;

/// What is ready.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`.
    pub status: &'static str,
    /// Snapshot of the guidance in use.
    pub guidance: String,
    /// The model in use, or `none`.
    pub model: String,
}

/// The process runs.
#[utoipa::path(tag = "operations", responses((status = 204, description = "Running")))]
#[get("/health/live")]
pub async fn live() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// The database, the guidance and the model are ready for questions.
#[utoipa::path(tag = "operations", responses(
    (status = 200, description = "Ready", body = Readiness),
    (status = 503, description = "Not ready: stopping, or the database does not answer", body = Problem),
))]
#[get("/health/ready")]
pub async fn ready(state: web::Data<WebState>) -> Result<web::Json<Readiness>, Problem> {
    if state.is_stopping() {
        return Err(Problem::new(Code::Unavailable, "stopping"));
    }
    if state.store.ping().await.is_err() {
        return Err(Problem::new(Code::Unavailable, "the database does not answer"));
    }
    Ok(web::Json(Readiness {
        status: "ready",
        guidance: state.snapshots.current().id().to_string(),
        model: state
            .model
            .as_ref()
            .map_or_else(|| "none".to_owned(), |model| model.name.clone()),
    }))
}
