//! The only map from errors to answers: RFC 9457 problem documents for programs, plain pages for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::request_id::RequestId;
use crate::service::ServiceError;
use crate::store::StoreError;

/// An answer that is not the one asked for.
#[derive(Debug)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable word in snake case.
    pub code: &'static str,
    /// One sentence for the caller: what is wrong and what to do.
    pub message: String,
    /// The field of the request that is meant.
    pub field: Option<&'static str>,
    /// Seconds until another try makes sense.
    pub retry_after_secs: Option<u64>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// `about:blank`: the code says more than an address would.
    pub r#type: &'static str,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable word in snake case.
    pub code: &'static str,
    /// One sentence for people.
    pub detail: String,
    /// The field of the request that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// What to tell the administrator when something went wrong on the server; log lines have it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl ApiError {
    /// An error with its parts.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after_secs: None }
    }

    /// A field of the request breaks a rule.
    pub fn field(field: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message) }
    }

    /// Nobody is signed in, or the key is not known.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in, or send a valid API key")
    }

    /// The role may not do this.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "your role does not allow this")
    }

    /// Something that must not happen; the log says more.
    pub fn unexpected() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unexpected",
            "something went wrong here; the log says more",
        )
    }

    /// The body of the problem document.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("error").to_owned(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.message.clone(),
            field: self.field,
            request_id: None,
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match error {
            ServiceError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            ServiceError::Invalid { field, code, .. } => Self::field(field, code, message),
            ServiceError::State { code, .. } => Self::new(StatusCode::CONFLICT, code, message),
            ServiceError::Forbidden { code, .. } => Self::new(StatusCode::FORBIDDEN, code, message),
            ServiceError::TooMany { until, now } => {
                let left =
                    |until: crate::clock::UnixTime| u64::try_from(until.secs_since(now)).unwrap_or(1).max(1);
                let wait = until.map_or(3_600, left);
                Self {
                    retry_after_secs: Some(wait),
                    ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message)
                }
            }
            ServiceError::Busy { until, now } => Self {
                retry_after_secs: Some(u64::try_from(until.secs_since(now)).unwrap_or(1).max(1)),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
            },
            ServiceError::ClockFault { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "clock_fault", message)
            }
            ServiceError::Stale => Self::new(StatusCode::CONFLICT, "stale", message),
            ServiceError::SeedFile(file) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, file.code().name(), message)
            }
            ServiceError::Store(store) => Self::from_store(&store),
            ServiceError::Vault(vault) => {
                tracing::error!(error = %vault, "the vault reports a fault");
                Self::unexpected()
            }
        }
    }
}

impl ApiError {
    fn from_store(error: &StoreError) -> Self {
        match error {
            StoreError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, "store_full", error.to_string()),
            StoreError::Unavailable => Self {
                retry_after_secs: Some(2),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", error.to_string())
            },
            StoreError::Taken(_) => Self::new(StatusCode::CONFLICT, "taken", error.to_string()),
            StoreError::AuditSealed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "sealed", "the store is sealed")
            }
            other => {
                tracing::error!(error = %other, "the store reports a fault");
                Self::unexpected()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // Pages replace the document by a page of their own.
        response.extensions_mut().insert(ErrorMark { code: self.code, message: self.message });
        response
    }
}

/// What went wrong, kept beside an answer so that a page can say it in its own form.
#[derive(Clone, Debug)]
pub struct ErrorMark {
    /// Stable word.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

/// The same problem document with the id of its request.
pub fn problem_with_id(status: StatusCode, mark: &ErrorMark, id: &RequestId) -> String {
    let error = ApiError::new(status, mark.code, mark.message.clone());
    let body = ProblemBody { request_id: Some(id.to_string()), ..error.body() };
    // Text and numbers always have a form in JSON.
    serde_json::to_string(&body).unwrap_or_default()
}

/// An address that leads nowhere.
pub async fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

/// An address that does not know this method.
pub async fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not know this method",
    )
}
