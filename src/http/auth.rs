//! Who asks: an API key, a signed-in operator, or a process of this machine through the local socket.

#![expect(
    clippy::disallowed_methods,
    reason = "cookies and keys are read from headers and written to them here"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::language;
use super::request_id::RequestId;
use super::state::AppState;
use crate::model::{Actor, BrowserSays, Language, Operator, Visit};
use crate::secret::BearerToken;
use crate::service::Service;
use crate::vault::bearer_token;

/// Marks a request that came through the local socket or from the program itself.
#[derive(Clone, Copy, Debug)]
pub struct LocalPeer {
    /// User id of the peer.
    pub uid: u32,
}

/// How a caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    None,
    /// By a key or the local socket: no browser sends those by itself.
    Explicit,
    /// By a cookie, which browsers send by themselves: unsafe requests need more.
    Cookie,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whom the request acts for; `None`: nobody is signed in (portal sessions are found by the portal).
    pub actor: Option<Actor>,
    /// The operator behind a cookie.
    pub operator: Option<Operator>,
    /// How they proved it.
    pub proof: Proof,
    /// Network address; the loopback address for local peers.
    pub address: IpAddr,
    /// The address is that of a proxy which did not say whom it speaks for.
    pub behind_proxy: bool,
    /// What forms of this browser send back.
    pub form_token: String,
    /// Id of the request.
    pub request_id: Option<String>,
    /// What the browser says of itself in headers.
    pub says: BrowserSays,
    /// The language that was chosen in this browser.
    pub language: Option<Language>,
}

/// Names of the cookies; with TLS they are bound to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// Console and station.
    Operator,
    /// The portal.
    Portal,
    /// Binds forms to a browser.
    Form,
}

impl Cookie {
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Operator, true) => "__Host-mintmark-operator",
            (Self::Operator, false) => "mintmark-operator",
            (Self::Portal, true) => "__Host-mintmark-portal",
            (Self::Portal, false) => "mintmark-portal",
            (Self::Form, true) => "__Host-mintmark-form",
            (Self::Form, false) => "mintmark-form",
        }
    }

    /// The value a request carries.
    pub fn read(self, headers: &HeaderMap, secure: bool) -> Option<BearerToken> {
        let name = self.name(secure);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, value)| *key == name && value.len() <= 128)
            .map(|(_, value)| BearerToken::new(value.as_bytes().to_vec()))
    }

    /// The header that sets it, or (without a value) removes it.
    pub fn write(self, value: Option<&BearerToken>, secure: bool) -> HeaderValue {
        let flags = if secure { "; Secure" } else { "" };
        let name = self.name(secure);
        let text = match value {
            Some(value) => {
                let value = String::from_utf8_lossy(value.expose()).into_owned();
                format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{flags}")
            }
            None => format!("{name}=; Path=/; HttpOnly; SameSite=Strict{flags}; Max-Age=0"),
        };
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// What a form of this browser must send back: a hash of its form cookie.
fn form_token(cookie: &BearerToken) -> String {
    let mut hash = Sha256::new();
    hash.update(b"mintmark form token");
    hash.update(cookie.expose());
    data_encoding::HEXLOWER.encode(&hash.finalize()[..16])
}

impl Caller {
    /// Where the request comes from, for the log and for limits. A proxy that keeps its people to itself
    /// has no bare address here, so that no limit falls on all of them together.
    pub fn from(&self) -> String {
        if self.behind_proxy { format!("proxy {}", self.address) } else { self.address.to_string() }
    }

    /// The request as the log and the limits know it, for people who are not operators.
    pub fn visit(&self) -> Visit {
        Visit {
            address: self.from(),
            request_id: self.request_id.clone(),
            says: self.says.clone(),
            language: self.reads(),
        }
    }
}

/// The address of the person behind a request, the peer's or what a trusted proxy forwards; and whether
/// it is only the proxy's.
pub(super) fn address_of(request: &Request, state: &AppState) -> (IpAddr, bool) {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip());
    if !state.settings.trusted_proxies.contains(&peer) {
        return (peer, false);
    }
    // The last hop that no trusted proxy added is the one the outermost proxy saw. What stands before a
    // hop that cannot be read may be the sender's own invention.
    let hops = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','));
    let hops: Vec<Option<IpAddr>> = hops.map(hop).collect();
    let outermost = hops.into_iter().rev().find(|hop| match hop {
        Some(hop) => !state.settings.trusted_proxies.contains(hop),
        None => true,
    });
    let forwarded = outermost.flatten();
    (forwarded.unwrap_or(peer), forwarded.is_none())
}

/// `203.0.113.9`, `203.0.113.9:51234`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:51234`.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// Finds out who asks and hands it on; gives the browser its form cookie.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let secure = state.settings.secure;
    let (address, behind_proxy) = address_of(&request, &state);
    let credentials = match credentials(&request, secure) {
        Ok(credentials) => credentials,
        Err(refused) => return refused.into_response(),
    };
    let known_form = Cookie::Form.read(request.headers(), secure);
    // Nobody fills in forms with a key; without a token of their own none is accepted.
    let is_key = matches!(credentials, Credentials::Key(_));
    let fresh_form = if known_form.is_none() && !is_key {
        match bearer_token() {
            Ok(token) => Some(token),
            Err(_) => return ApiError::unexpected().into_response(),
        }
    } else {
        None
    };
    let form = known_form.as_ref().or(fresh_form.as_ref()).map(form_token).unwrap_or_default();
    let mut caller = Caller {
        actor: None,
        operator: None,
        proof: Proof::None,
        address,
        behind_proxy,
        form_token: form,
        request_id: RequestId::of(&request).map(|id| id.to_string()),
        says: says(request.headers()),
        language: language::chosen(request.headers()),
    };
    if let Err(refused) = find_actor(&state, credentials, &mut caller).await {
        return refused.into_response();
    }
    let Visit { address, request_id, .. } = caller.visit();
    if let Some(actor) = &mut caller.actor {
        actor.address = Some(address);
        actor.request_id = request_id;
    }
    let is_page = !request.uri().path().starts_with("/api/") && !request.uri().path().starts_with("/assets/");
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(token) = fresh_form.filter(|_| is_page) {
        response.headers_mut().append(header::SET_COOKIE, Cookie::Form.write(Some(&token), secure));
    }
    response
}

/// What a browser says of itself in headers, as far as it is of a sane length.
fn says(headers: &HeaderMap) -> BrowserSays {
    let text = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.chars().take(300).collect()
    };
    BrowserSays {
        user_agent: text(header::USER_AGENT),
        languages: text(header::ACCEPT_LANGUAGE),
        ..BrowserSays::default()
    }
}

/// What a request brings to show who asks.
enum Credentials {
    None,
    Local(LocalPeer),
    Key(BearerToken),
    Session { cookie: BearerToken, prolong: bool },
}

fn credentials(request: &Request, secure: bool) -> Result<Credentials, ApiError> {
    if let Some(peer) = request.extensions().get::<LocalPeer>() {
        return Ok(Credentials::Local(*peer));
    }
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        let key = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::trim);
        let key = key.filter(|key| !key.is_empty() && key.len() <= 128).ok_or_else(ApiError::unauthorized)?;
        return Ok(Credentials::Key(BearerToken::new(key.as_bytes().to_vec())));
    }
    // Streams stay open for long; they must not keep a session alive that nobody uses.
    let prolong = !request.uri().path().ends_with("/events");
    let cookie = Cookie::Operator.read(request.headers(), secure);
    Ok(cookie.map_or(Credentials::None, |cookie| Credentials::Session { cookie, prolong }))
}

async fn find_actor(state: &AppState, credentials: Credentials, caller: &mut Caller) -> Result<(), ApiError> {
    match credentials {
        Credentials::None => {}
        Credentials::Local(LocalPeer { uid }) => {
            caller.actor = Some(Actor::local(uid));
            caller.proof = Proof::Explicit;
        }
        Credentials::Key(key) => {
            // One record of a small table: handing this to another thread takes longer than the look.
            let actor = state.service.key_actor(&key).map_err(ApiError::from)?;
            caller.actor = Some(actor.ok_or_else(ApiError::unauthorized)?);
            caller.proof = Proof::Explicit;
        }
        Credentials::Session { cookie, prolong } => {
            let operator = state.blocking(move |service| service.operator_session(&cookie, prolong)).await?;
            if let Some(operator) = operator {
                caller.actor = Some(Service::operator_actor(&operator));
                caller.operator = Some(operator);
                caller.proof = Proof::Cookie;
            }
        }
    }
    Ok(())
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(ApiError::unexpected)
    }
}

/// The actor of a request whose route needs one.
#[derive(Clone, Debug)]
pub struct Acting(pub Actor);

impl<S: Sync> FromRequestParts<S> for Acting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().ok_or_else(ApiError::unexpected)?;
        caller.actor.clone().map(Self).ok_or_else(ApiError::unauthorized)
    }
}
