//! Bodies and queries, read strictly: what is not understood is refused, never ignored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection, QueryRejection};
use axum::extract::{self, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::auth::{Caller, Proof};
use super::error::ApiError;

/// A JSON body. Not JSON: 400; not the right fields: 422; another content type: 415.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn body_error(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the body is larger than 1 MiB",
        );
    }
    ApiError::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body did not arrive whole")
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let message = "send the body as application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message));
        }
        let caller = request.extensions().get::<Caller>().filter(|caller| caller.proof == Proof::Cookie);
        if let Some(caller) = caller {
            let sent = request.headers().get("x-form-token").and_then(|value| value.to_str().ok());
            check_form_token(sent.unwrap_or_default(), &caller.form_token).map_err(|_| {
                let message = "send the page's form token in X-Form-Token";
                ApiError::new(StatusCode::FORBIDDEN, "form_token", message)
            })?;
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|e| body_error(&e))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| json_error(&error))
    }
}

/// Says what is wrong without repeating what was sent: it may be a secret.
fn json_error(error: &serde_json::Error) -> ApiError {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_data() {
        let text = error.to_string();
        let named =
            |kind: &str| text.strip_prefix(kind).and_then(|rest| rest.split('`').nth(1)).map(str::to_owned);
        if let Some(field) = named("unknown field ") {
            let message = format!("{place}: there is no field {field} here");
            return ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_field", message);
        }
        if let Some(field) = named("missing field ") {
            let message = format!("the field {field} is missing");
            return ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "missing_field", message);
        }
        let message = format!("{place}: a value has the wrong type or is not one of those allowed");
        return ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", message);
    }
    ApiError::new(StatusCode::BAD_REQUEST, "json_malformed", format!("{place}: this is not JSON"))
}

/// Query parameters; unknown ones are refused by the type's `deny_unknown_fields`.
#[derive(Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(query) =
            Query::<T>::from_request_parts(parts, state).await.map_err(|e: QueryRejection| {
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "query_invalid", e.body_text())
            })?;
        Ok(Self(query))
    }
}

/// Parts of an address. What is not UTF-8 is refused in the form that the place has for errors.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|extract::Path(parts)| Self(parts)).map_err(|rejection| {
            if rejection.status().is_server_error() {
                tracing::error!(error = %rejection, "a route takes other parts than its path has");
                return ApiError::unexpected();
            }
            ApiError::new(StatusCode::BAD_REQUEST, "path_malformed", "this address is not UTF-8 text")
        })
    }
}

/// A form of a page, with the token that binds it to this browser.
#[derive(Debug)]
pub struct PageForm<T>(pub T);

#[derive(serde::Deserialize)]
struct Token {
    #[serde(default)]
    form_token: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for PageForm<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let expected = request.extensions().get::<Caller>().map(|c| c.form_token.clone()).unwrap_or_default();
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state)
            .await
            .map_err(|e| body_error(&e))?;
        let again = |bytes: Bytes| Request::from_parts(parts.clone(), axum::body::Body::from(bytes));
        let broken = |_: FormRejection| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "form_invalid",
                "the form did not arrive whole; load the page again",
            )
        };
        let axum::Form(token) =
            axum::Form::<Token>::from_request(again(bytes.clone()), state).await.map_err(broken)?;
        check_form_token(&token.form_token, &expected)?;
        let axum::Form(form) = axum::Form::<T>::from_request(again(bytes), state).await.map_err(broken)?;
        Ok(Self(form))
    }
}

/// Refuses a form that another page made.
pub fn check_form_token(sent: &str, expected: &str) -> Result<(), ApiError> {
    use subtle::ConstantTimeEq;
    let same = !expected.is_empty() && bool::from(sent.as_bytes().ct_eq(expected.as_bytes()));
    if same {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "form_token",
        "this form is from an older page: load the page again and repeat",
    ))
}

/// An answer as JSON.
pub type ApiResult<T> = Result<Json<T>, ApiError>;

/// Stops the search when nobody waits for its answer any more.
pub struct StopWhenDropped(Arc<AtomicBool>);

impl StopWhenDropped {
    /// The guard that stops, and what the search looks at.
    pub fn new() -> (Self, Arc<AtomicBool>) {
        let stop = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&stop)), stop)
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
