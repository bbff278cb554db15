//! Errors as problem+json (RFC 9457), from one closed list of codes. Bodies of 5xx say nothing of the cause; the request
//! id in them leads an operator to the log.

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::assistant::AskError;
use crate::auth::AuthError;
use crate::domain::{IdError, QuestionError};
use crate::store::StoreError;

/// All errors of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request is not well-formed.
    BadRequest,
    /// 401: no token, or one that is not accepted.
    Unauthenticated,
    /// 403: the token does not allow this.
    Forbidden,
    /// 404: there is no such thing, or it is someone else's.
    NotFound,
    /// 405: not with this method.
    MethodNotAllowed,
    /// 409: another request came first.
    Conflict,
    /// 413: the body is too large.
    TooLarge,
    /// 415: the body is of another type.
    UnsupportedMediaType,
    /// 422: a field's value cannot be used.
    Invalid,
    /// 503: every place is taken; see `Retry-After`.
    Busy,
    /// 503: starting, stopping, or something it needs is down; see `Retry-After`.
    Unavailable,
    /// 500: a fault of ours.
    Internal,
}

impl Code {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is not well-formed",
            Self::Unauthenticated => "Sign in first",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict => "Conflict",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::Invalid => "A value cannot be used",
            Self::Busy => "Busy",
            Self::Unavailable => "Not available now",
            Self::Internal => "Something went wrong here",
        }
    }
}

/// A problem details object.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:chartlight:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's title.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The code, for programs.
    pub code: Code,
    /// What is wrong with this request, and how to mend it.
    pub detail: String,
    /// The field it is about, as a path into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Seconds after which to try again.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let name = serde_json::to_value(code)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default();
        Self {
            kind: format!("urn:chartlight:problem:{}", name.replace('_', "-")),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: detail.into(),
            field: None,
            retry_after: matches!(code, Code::Busy | Code::Unavailable).then_some(5),
        }
    }

    /// About a field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// There is no such thing, or it is someone else's: the same answer for both.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here with this id.")
    }

    fn internal() -> Self {
        Self::new(
            Code::Internal,
            "The request could not be carried out. The operators can find it by the x-request-id.",
        )
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.title, self.status)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.code == Code::Unauthenticated {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(serde_json::to_string(self).unwrap_or_default())
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::KeysUnavailable => Self::new(Code::Unavailable, error.to_string()),
            other => Self::new(Code::Unauthenticated, other.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found(),
            StoreError::Conflict(what) => Self::new(Code::Conflict, what),
            StoreError::Database(_) | StoreError::Migration(_) | StoreError::Corrupt(_) | StoreError::Address => {
                tracing::error!(error = %error, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotFound => Self::not_found(),
            AskError::Busy => Self::new(
                Code::Busy,
                "Many questions are being answered right now. Please try again soon.",
            ),
            AskError::Stopping => Self::new(Code::Unavailable, "The service is restarting. Please try again soon."),
            AskError::Store(error) => error.into(),
        }
    }
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        Self::new(Code::Invalid, error.to_string()).field("question")
    }
}

impl From<IdError> for Problem {
    fn from(_: IdError) -> Self {
        // An id of the wrong form names nothing: the same as an unknown one.
        Self::not_found()
    }
}

impl From<crate::retrieval::SearchError> for Problem {
    fn from(error: crate::retrieval::SearchError) -> Self {
        tracing::error!(error = %error, "the index failed");
        Self::internal()
    }
}

/// A body that is not the JSON asked for. The message never repeats the body.
pub fn json_error(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    match error {
        JsonPayloadError::Overflow { limit } | JsonPayloadError::OverflowKnownLength { limit, .. } => {
            Problem::new(Code::TooLarge, format!("The body may have at most {limit} bytes.")).field("body")
        }
        JsonPayloadError::ContentType => Problem::new(Code::UnsupportedMediaType, "Send the body as application/json."),
        JsonPayloadError::Deserialize(error) if error.is_data() => Problem::new(
            Code::Invalid,
            format!(
                "The body has a missing, unknown or wrong field near line {}, column {}.",
                error.line(),
                error.column()
            ),
        )
        .field("body"),
        _ => Problem::new(Code::BadRequest, "The body is not valid JSON in UTF-8.").field("body"),
    }
    .into()
}

/// A query string that cannot be read.
pub fn query_error(_: QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    Problem::new(Code::BadRequest, "A query parameter is missing or has the wrong form.")
        .field("query")
        .into()
}

/// A path that cannot be read.
pub fn path_error(_: PathError, _: &HttpRequest) -> actix_web::Error {
    Problem::not_found().into()
}

/// No such route.
pub async fn no_route() -> Result<HttpResponse, Problem> {
    Err(Problem::new(
        Code::NotFound,
        "There is no such address. /docs lists them all.",
    ))
}
