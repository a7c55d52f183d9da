//! Parts of an upload, read one by one.

use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use crate::http::error::ApiError;
use crate::http::part::{self, PartFault};
use crate::http::state::AppState;

/// All fields but the file are at most this large.
const FIELD_BYTES: usize = 64 << 10;
/// Room for the fields and the frame around the file.
const FRAME_BYTES: usize = 1 << 20;

/// How large a file may be, and what to do with a larger one.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    pub(super) bytes: usize,
    pub(super) advice: &'static str,
}

impl Limit {
    fn exceeded(self) -> ApiError {
        let message = format!("the file is larger than {} MiB; {}", self.bytes >> 20, self.advice);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", message)
    }
}

/// The form of a request, unless it says itself that it is too large.
pub(super) async fn begin(request: Request, state: &AppState, most: Limit) -> Result<Multipart, ApiError> {
    if announced(request.headers()).is_some_and(|length| length > most.bytes + FRAME_BYTES) {
        return Err(most.exceeded());
    }
    Multipart::from_request(request, state).await.map_err(|_| {
        let message = "send the file as multipart/form-data";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message)
    })
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The form broke off.
pub(super) fn broken<E>(_: E) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "multipart_malformed", "the form did not arrive whole")
}

/// A part that nobody asked for.
pub(super) fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().take(40).collect();
    let message = format!("there is no field {shown} here, or it came twice");
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_field", message)
}

/// The file.
pub(super) async fn file(field: &mut Field<'_>, most: Limit) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    part::read(field, most.bytes).await.map_err(|fault| match fault {
        PartFault::TooLarge => most.exceeded(),
        PartFault::Broken(error) => broken(error),
    })
}

/// A field of text.
pub(super) async fn text(field: &mut Field<'_>, name: &'static str) -> Result<Zeroizing<String>, ApiError> {
    let raw = part::read(field, FIELD_BYTES).await;
    let mut raw = raw.map_err(|fault| match fault {
        PartFault::TooLarge => {
            let message = "this field holds more than 64 KiB";
            ApiError {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                ..ApiError::field(name, "field_too_large", message)
            }
        }
        PartFault::Broken(error) => broken(error),
    })?;
    let text = String::from_utf8(std::mem::take(&mut *raw));
    text.map(Zeroizing::new).map_err(|_| ApiError::field(name, "not_utf8", "this field must be UTF-8"))
}

/// Yes or no.
pub(super) async fn flag(field: &mut Field<'_>, name: &'static str) -> Result<bool, ApiError> {
    match text(field, name).await?.trim() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ApiError::field(name, "invalid_value", "give true or false")),
    }
}
