//! Who may pass: bearer token → principal, before the body is read. Never logs a token, a claim or a query string.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, ResponseError as _, web};
use tracing_actix_web::RootSpanBuilder;

use super::problem::{Code, Problem};
use super::state::WebState;
use crate::auth::AuthError;
use crate::domain::{Patient, Principal, Role};

/// Scopes with which a patient's data may be used (SMART App Launch 1 and 2).
const PATIENT_SCOPES: [&str; 4] = ["patient/*.read", "patient/*.rs", "patient/*.*", "patient/*.cruds"];
/// Scopes with which another system may write charts.
const SYSTEM_SCOPES: [&str; 3] = ["system/*.write", "system/*.*", "system/*.cruds"];

async fn principal(request: &ServiceRequest) -> Result<Principal, Problem> {
    let state = request
        .app_data::<web::Data<WebState>>()
        .ok_or_else(|| Problem::new(Code::Internal, ""))?;
    let value = request.headers().get(header::AUTHORIZATION).ok_or(AuthError::Missing)?;
    let text = value.to_str().or(Err(AuthError::Malformed))?;
    let (scheme, token) = text.split_once(' ').ok_or(AuthError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Missing.into());
    }
    Ok(state.authenticator.verify(token.trim()).await?)
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(Code::Forbidden, detail)
}

/// A refusal as a response: as an error it would pass by the middleware that adds headers.
fn refuse<B: MessageBody>(request: ServiceRequest, problem: &Problem) -> ServiceResponse<EitherBody<B>> {
    request.into_response(problem.error_response()).map_into_right_body()
}

fn as_patient(principal: Principal) -> Result<Patient, Problem> {
    if !principal.has(Role::Patient) {
        return Err(forbidden("The token lacks the role patient."));
    }
    let Some(id) = principal.patient.clone() else {
        return Err(forbidden("The token lacks the claim patient."));
    };
    if !PATIENT_SCOPES.iter().any(|scope| principal.granted(scope)) {
        return Err(forbidden("The token lacks a scope such as patient/*.read."));
    }
    Ok(Patient {
        id,
        actor: principal.subject,
        is_proxy: principal.is_proxy,
    })
}

fn as_system(principal: Principal) -> Result<Principal, Problem> {
    if !principal.has(Role::System) {
        return Err(forbidden("The token lacks the role system."));
    }
    if !SYSTEM_SCOPES.iter().any(|scope| principal.granted(scope)) {
        return Err(forbidden("The token lacks a scope such as system/*.write."));
    }
    Ok(principal)
}

/// Lets patients and their proxies pass; handlers then take a [`Caller`]. 401 without a good token, 403 when it is not a
/// patient's.
///
/// # Errors
/// Those of the handler.
pub async fn patient<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match principal(&request).await.and_then(as_patient) {
        Ok(patient) => {
            request.extensions_mut().insert(patient);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(refuse(request, &problem)),
    }
}

/// Lets other systems of the institution pass; handlers then take a [`SystemCaller`].
///
/// # Errors
/// Those of the handler.
pub async fn system<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match principal(&request).await.and_then(as_system) {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(refuse(request, &problem)),
    }
}

/// Refuses new work while the server goes down; health answers still.
///
/// # Errors
/// Those of the handler.
pub async fn stopping<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let stopping = request
        .app_data::<web::Data<WebState>>()
        .is_some_and(|state| state.is_stopping());
    if stopping && !request.path().starts_with("/health/") {
        let problem = Problem::new(Code::Unavailable, "The service is restarting. Please try again soon.");
        return Ok(refuse(request, &problem));
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// Names the request in its answer, so that a caller can tell an operator which one went wrong.
///
/// # Errors
/// Those of the handler.
pub async fn request_id<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let id = request
        .extensions()
        .get::<tracing_actix_web::RequestId>()
        .map(ToString::to_string);
    let mut response = next.call(request).await?;
    if let Some(value) = id.and_then(|id| header::HeaderValue::from_str(&id).ok()) {
        response
            .headers_mut()
            .insert(header::HeaderName::from_static("x-request-id"), value);
    }
    Ok(response)
}

/// The patient whose data a handler may touch. Only the guard can put one into a request.
#[derive(Debug, Clone)]
pub struct Caller(pub Patient);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let patient = request.extensions().get::<Patient>().cloned();
        std::future::ready(patient.map(Self).ok_or_else(|| AuthError::Missing.into()))
    }
}

/// The system that calls.
#[derive(Debug, Clone)]
pub struct SystemCaller(pub Principal);

impl FromRequest for SystemCaller {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let principal = request.extensions().get::<Principal>().cloned();
        std::future::ready(principal.map(Self).ok_or_else(|| AuthError::Missing.into()))
    }
}

/// A request's span: method, route pattern, status, time, request id. The address itself is left out, since it may hold
/// a patient's id or words.
#[derive(Debug)]
pub struct QuietSpan;

impl RootSpanBuilder for QuietSpan {
    fn on_request_start(request: &ServiceRequest) -> tracing::Span {
        let route = request.match_pattern().unwrap_or_else(|| "-".to_owned());
        let id = request
            .extensions()
            .get::<tracing_actix_web::RequestId>()
            .map(ToString::to_string);
        tracing::info_span!(
            "request",
            method = %request.method(),
            route,
            request_id = id,
            http.status_code = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
            exception.message = tracing::field::Empty,
            exception.details = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: tracing::Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            span.record("http.status_code", response.status().as_u16());
        }
        // Unlike the library's own builder this records no error text: it could quote the request.
    }
}
