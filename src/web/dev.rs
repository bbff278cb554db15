//! Signing in as a demo patient, in development mode only: with real issuers the portal brings its own tokens.

use actix_web::{post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{Code, Problem};
use super::state::WebState;
use crate::auth::TokenRequest;
use crate::domain::{PatientId, Role};

/// Seconds a demo token is valid for.
const SECONDS: u64 = 3_600;

/// Whom to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// FHIR id of a patient whose chart is loaded.
    pub patient: String,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// Bearer token.
    pub token: String,
    /// Seconds it is valid for.
    pub expires_in: u64,
    /// FHIR id of the patient.
    pub patient: String,
}

/// Signs a demo patient in. Development mode only; 404 otherwise.
#[utoipa::path(tag = "development", request_body = SignIn, responses(
    (status = 200, description = "A token", body = SignedIn),
    (status = 404, description = "Not in development mode, or no such chart", body = Problem),
))]
#[post("/v1/dev/sign-in")]
pub async fn sign_in(state: web::Data<WebState>, body: web::Json<SignIn>) -> Result<web::Json<SignedIn>, Problem> {
    let issuer = state.local_issuer.as_ref().ok_or_else(Problem::not_found)?;
    let patient = PatientId::parse(&body.patient)?;
    state.store.chart(&patient).await?;
    let request = TokenRequest {
        subject: format!("demo:{patient}"),
        roles: vec![Role::Patient],
        scopes: vec!["openid".to_owned(), "patient/*.read".to_owned()],
        patient: Some(patient.clone()),
        proxy: false,
        seconds: SECONDS,
    };
    let token = issuer.mint(&request, state.clock.as_ref()).or(Err(Problem::new(
        Code::Internal,
        "The local issuer could not sign a token.",
    )))?;
    Ok(web::Json(SignedIn {
        token,
        expires_in: SECONDS,
        patient: patient.to_string(),
    }))
}
