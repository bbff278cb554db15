//! For other systems of the institution: loading a chart, erasing a patient.

use actix_web::{HttpResponse, delete, put, web};
use futures::StreamExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::guard::SystemCaller;
use super::problem::{Code, Problem};
use super::state::WebState;
use crate::chart::import::{ImportError, ImportReport, parse_bundle};
use crate::domain::PatientId;

/// What became of a bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChartStored {
    /// Whose chart it is.
    pub patient: String,
    /// What was read, what was kept unread, what to look at.
    pub report: ImportReport,
}

fn wrong_id() -> Problem {
    Problem::new(
        Code::Invalid,
        "The id must be a FHIR R4 id: letters, digits, '-' and '.', at most 64.",
    )
    .field("id")
}

fn import_problem(error: &ImportError) -> Problem {
    Problem::new(
        Code::Invalid,
        format!("The bundle was not imported, nothing was changed. {error}"),
    )
    .field(if error.path().is_empty() { "body" } else { error.path() })
}

/// Replaces a patient's chart by a FHIR R4 Bundle (transaction, batch, collection or searchset). A bundle with a mistake
/// changes nothing; the problem names the path in it.
#[utoipa::path(tag = "integration", security(("bearer" = [])),
    params(("id" = String, Path, description = "FHIR id of the Patient")),
    request_body(content = Object, description = "FHIR R4 Bundle", content_type = "application/fhir+json"),
    responses(
    (status = 200, description = "Stored", body = ChartStored),
    (status = 401, description = "No good token", body = Problem),
    (status = 403, description = "Not a system's token", body = Problem),
    (status = 413, description = "Bundle too large", body = Problem),
    (status = 422, description = "The bundle cannot be used", body = Problem),
))]
#[put("/{id}/chart")]
pub async fn put_chart(
    state: web::Data<WebState>,
    caller: SystemCaller,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<web::Json<ChartStored>, Problem> {
    let id = PatientId::parse(&path).or(Err(wrong_id()))?;
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.or(Err(Problem::new(Code::BadRequest, "The body ended before its time.")))?;
        body.extend_from_slice(&chunk);
        if body.len() > state.chart_body_limit {
            let detail = format!("A bundle may have at most {} bytes.", state.chart_body_limit);
            return Err(Problem::new(Code::TooLarge, detail).field("body"));
        }
    }
    let expected = id.clone();
    let parsed = web::block(move || parse_bundle(&body, Some(&expected))).await;
    let imported = parsed
        .or(Err(Problem::new(Code::Internal, "")))?
        .map_err(|error| import_problem(&error))?;
    let audit = state.audit_system(&caller.0, &id, "chart.imported");
    state
        .store
        .put_chart(&imported.chart, &imported.resources, &audit)
        .await?;
    Ok(web::Json(ChartStored {
        patient: id.to_string(),
        report: imported.report,
    }))
}

/// Erases everything of a patient but the audit trail.
#[utoipa::path(tag = "integration", security(("bearer" = [])),
    params(("id" = String, Path, description = "FHIR id of the Patient")),
    responses(
    (status = 204, description = "Erased"),
    (status = 401, description = "No good token", body = Problem),
    (status = 403, description = "Not a system's token", body = Problem),
    (status = 404, description = "Nothing of this patient is kept", body = Problem),
))]
#[delete("/{id}")]
pub async fn erase(
    state: web::Data<WebState>,
    caller: SystemCaller,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = PatientId::parse(&path).or(Err(wrong_id()))?;
    let audit = state.audit_system(&caller.0, &id, "patient.erased");
    state.store.erase_patient(&id, &audit).await?;
    Ok(HttpResponse::NoContent().finish())
}
