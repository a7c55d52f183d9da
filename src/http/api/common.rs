//! What all routes share: pages of lists, names in paths, secrets in bodies.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller, Proof};
use crate::http::devices::bytes;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, check_form_token};
use crate::http::state::AppState;
use crate::model::{
    Actor, BatchName, EmailAddress, Language, Login, NameError, PhoneNumber, ResourceAlias, ResourceName,
    Role, TokenSerial,
};
use crate::oath::Otp;
use crate::secret::{Passphrase, Pin, SessionData};
use crate::service::ServiceError;
use crate::store::{Page, Slice};

const DEFAULT_LIMIT: u64 = 50;
const MOST: u64 = 1_000;

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The records.
    pub(super) items: Vec<T>,
    /// `cursor` of the next part; null: the list has ended. A part may be empty and yet have a next.
    pub(super) next: Option<String>,
}

impl<T> List<T> {
    pub(super) fn of<R>(slice: Slice<R>, show: impl FnMut(R) -> T) -> Self {
        Self {
            items: slice.items.into_iter().map(show).collect(),
            next: slice.next.map(|next| next.to_string()),
        }
    }

    /// A list that is always shown whole.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Reads `limit` and `cursor`.
pub(super) fn page(limit: Option<u64>, cursor: Option<&str>) -> Result<Page, ApiError> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::field("limit", "limit_range", format!("limit is 1 to {MOST}")));
    }
    let after = match cursor {
        Some(text) => Some(text.parse().map_err(|_| {
            ApiError::field("cursor", "cursor_invalid", "take the cursor from next of the part before")
        })?),
        None => None,
    };
    Ok(Page { after, limit: usize::try_from(limit).unwrap_or(1) })
}

/// `limit` and `cursor` alone.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// At most this many, 1 to 1,000; 50 when absent.
    limit: Option<u64>,
    /// `next` of the part before.
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        page(self.limit, self.cursor.as_deref())
    }
}

/// The actor of a request that changes something. A browser must show the page's form token.
pub(super) struct Changing(pub(super) Actor);

impl<S: Sync> FromRequestParts<S> for Changing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Acting(actor) = Acting::from_request_parts(parts, state).await?;
        let caller = parts.extensions.get::<Caller>().ok_or_else(ApiError::unexpected)?;
        if caller.proof == Proof::Cookie {
            let sent = parts.headers.get("x-form-token").and_then(|v| v.to_str().ok()).unwrap_or_default();
            check_form_token(sent, &caller.form_token)?;
        }
        Ok(Self(actor))
    }
}

/// A JSON body that may be missing.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, crate::http::BODY_BYTES).await.map_err(|_| {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body is larger than 1 MiB")
        })?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let again = Request::from_parts(parts, axum::body::Body::from(bytes));
        ApiJson::from_request(again, state).await.map(|ApiJson(body)| Self(body))
    }
}

/// Who follows a stream, which goes on after the request was looked at.
pub(super) struct Follower {
    actor: Actor,
    seen: Instant,
}

impl Follower {
    /// How long a right that was taken away still shows something.
    const TRUSTED: Duration = Duration::from_secs(2);

    pub(super) fn new(actor: &Actor) -> Self {
        Self { actor: actor.clone(), seen: Instant::now() }
    }

    /// False once the operator or the key lost what it began with.
    pub(super) async fn may_go_on(&mut self, state: &AppState) -> bool {
        if self.seen.elapsed() < Self::TRUSTED {
            return true;
        }
        self.seen = Instant::now();
        let actor = self.actor.clone();
        state.blocking(move |service| service.is_still_allowed(&actor)).await.unwrap_or(false)
    }
}

/// A password or code in a body: wiped, never printed.
#[derive(ToSchema)]
#[schema(value_type = String)]
pub(super) struct Secret(Passphrase);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Passphrase::from_text(text)))
    }
}

impl Secret {
    /// As it was given.
    pub(super) fn text(&self) -> &Passphrase {
        &self.0
    }

    pub(super) fn password(self) -> Passphrase {
        self.0
    }

    #[expect(clippy::disallowed_methods, reason = "what was typed becomes a PIN here")]
    pub(super) fn pin(&self) -> Pin {
        Pin::new(self.0.expose().to_vec())
    }

    /// The code inside; `field` is what it was called.
    #[expect(clippy::disallowed_methods, reason = "a typed code becomes an `Otp` here")]
    pub(super) fn otp(&self, field: &'static str) -> Result<Otp, ApiError> {
        let text = std::str::from_utf8(self.0.expose()).unwrap_or_default();
        // Which token it is of says the request beside it: what cannot be its code is told by the service.
        Otp::parse_shaped(text, None)
            .map_err(|error| ApiError::field(field, "otp_malformed", error.to_string()))
    }
}

/// Data of a session, as hexadecimal text.
pub(super) fn session_data(given: Option<&Secret>) -> Result<Option<SessionData>, ApiError> {
    let bytes =
        given.map(|Secret(text)| bytes(text, "session_data", "session_data_malformed")).transpose()?;
    Ok(bytes.map(|mut bytes| SessionData::new(std::mem::take(&mut *bytes))))
}

/// Consecutive codes.
pub(super) fn otps(codes: &[Secret]) -> Result<Vec<Otp>, ApiError> {
    if codes.len() > 16 {
        return Err(ApiError::field("otps", "otps_count", "give at most 16 codes"));
    }
    codes.iter().map(|code| code.otp("otps")).collect()
}

fn named<T>(field: &'static str, read: Result<T, NameError>) -> Result<T, ApiError> {
    read.map_err(|error| ServiceError::name(field)(error).into())
}

/// A serial number out of a body.
pub(super) fn serial(field: &'static str, text: &str) -> Result<TokenSerial, ApiError> {
    named(field, TokenSerial::parse(text))
}

/// A login out of a body.
pub(super) fn login(field: &'static str, text: &str) -> Result<Login, ApiError> {
    named(field, Login::parse(text))
}

/// A resource's name.
pub(super) fn resource(field: &'static str, text: &str) -> Result<ResourceName, ApiError> {
    named(field, ResourceName::parse(text))
}

/// A batch's name.
pub(super) fn batch(field: &'static str, text: &str) -> Result<BatchName, ApiError> {
    named(field, BatchName::parse(text))
}

/// The last part of a portal's address.
pub(super) fn alias(text: &str) -> Result<ResourceAlias, ApiError> {
    named("alias", ResourceAlias::parse(text))
}

/// A mail address.
pub(super) fn email(text: &str) -> Result<EmailAddress, ApiError> {
    named("email", EmailAddress::parse(text))
}

/// A mail address in a field of another name.
pub(super) fn email_in(field: &'static str, text: &str) -> Result<EmailAddress, ApiError> {
    named(field, EmailAddress::parse(text))
}

/// A phone number.
pub(super) fn phone(text: &str) -> Result<PhoneNumber, ApiError> {
    named("phone", PhoneNumber::parse(text))
}

/// A language by its tag.
pub(super) fn language(tag: &str) -> Result<Language, ApiError> {
    Language::ALL.into_iter().find(|language| language.tag() == tag).ok_or_else(|| {
        let known = Language::ALL.map(Language::tag).join(", ");
        ApiError::field("language", "language_unknown", format!("a language is one of {known}"))
    })
}

/// A role by its name.
pub(super) fn role(text: &str) -> Result<Role, ApiError> {
    Role::from_name(text).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        ApiError::field("role", "role_unknown", format!("a role is one of {}", known.join(", ")))
    })
}

/// Names of resources that an operator or key is bound to; an absent list stays absent.
pub(super) fn resources(names: Option<&[String]>) -> Result<Option<Vec<ResourceName>>, ApiError> {
    names.map(|names| names.iter().map(|name| resource("resources", name)).collect()).transpose()
}

/// A record's number in a path.
pub(super) fn number(text: &str, what: &'static str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ServiceError::NotFound { what }.into())
}

/// A moment as answers show it.
pub(super) fn time(at: UnixTime) -> String {
    at.to_string()
}

/// Tells a field that is null from one that is missing.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}
