//! What all requests pass: known hosts, own forms, limits for strangers, headers of the answer.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{Caller, LocalPeer, Proof};
use super::error::ApiError;
use super::state::AppState;

/// Requests of one address that are not signed in, at the same time.
const STRANGERS_IN_FLIGHT: u32 = 20;

const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Sets the headers that every answer carries.
pub async fn answer_headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        // A file may be held more strictly.
        if !(name == header::CONTENT_SECURITY_POLICY && headers.contains_key(&name)) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if state.settings.secure {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Refuses requests to a host that this service does not answer for (DNS rebinding).
pub async fn check_host(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.extensions().get::<LocalPeer>().is_some() {
        return next.run(request).await;
    }
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let known =
        host.is_some_and(|host| state.settings.allowed_hosts.iter().any(|h| h.eq_ignore_ascii_case(host)));
    if known {
        return next.run(request).await;
    }
    let message = "this service does not answer for this host name; add it to allowed_hosts";
    ApiError::new(StatusCode::MISDIRECTED_REQUEST, "host_not_allowed", message).into_response()
}

/// Refuses unsafe requests with a cookie that did not come from a page of ours: the browser must say
/// where they come from, and it must be here. Forms also carry a token, which their handlers check.
pub async fn refuse_foreign_forms(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let proof = request.extensions().get::<Caller>().map_or(Proof::None, |caller| caller.proof);
    let explicit = proof == Proof::Explicit;
    // A program that forgot its key is told so: nothing of the API is done for nobody.
    let keyless = proof == Proof::None && request.uri().path().starts_with("/api/");
    if safe || explicit || keyless || comes_from_here(&request, &state) {
        return next.run(request).await;
    }
    let message = "this request did not come from a page of this service";
    ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", message).into_response()
}

fn comes_from_here(request: &Request, state: &AppState) -> bool {
    let text = |name| request.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let origin = text(header::ORIGIN);
    let site_fits = site.is_none_or(|site| site == "same-origin");
    let scheme = if state.settings.secure { "https" } else { "http" };
    let origin_fits = origin.is_none_or(|origin| {
        let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
        host.is_some_and(|host| {
            let same = text(header::HOST).is_some_and(|own| own.eq_ignore_ascii_case(host));
            same && state.settings.allowed_hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
        })
    });
    (site.is_some() || origin.is_some()) && site_fits && origin_fits
}

/// Limits how many requests of one address are under way without a sign-in. A key or cookie that
/// nobody holds is no sign-in, so this runs after it was looked up.
pub async fn limit_strangers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let signed = request.extensions().get::<Caller>().is_some_and(|caller| caller.actor.is_some());
    // Whoever watches the service must not take a crowd for an outage.
    let watches = matches!(request.uri().path(), "/healthz" | "/readyz");
    // People behind a proxy are told apart by what it forwards; one that forwards nothing is not held
    // back as if it were one person.
    let direct = request.extensions().get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().is_some();
    let (address, behind_proxy) = super::auth::address_of(&request, &state);
    let peer = (direct && !behind_proxy).then_some(address);
    let (false, Some(peer)) = (signed || watches, peer) else { return next.run(request).await };
    let Some(_place) = Place::take(&state, peer) else {
        let busy = ApiError {
            retry_after_secs: Some(1),
            ..ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "too many requests at the same time",
            )
        };
        return busy.into_response();
    };
    next.run(request).await
}

/// A place among the requests of one address; given back when dropped.
struct Place {
    state: AppState,
    peer: std::net::IpAddr,
}

impl Place {
    fn take(state: &AppState, peer: std::net::IpAddr) -> Option<Self> {
        let mut counts = state.strangers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if count.in_flight >= STRANGERS_IN_FLIGHT {
            return None;
        }
        count.in_flight += 1;
        Some(Self { state: state.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.state.strangers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.peer) {
            count.in_flight = count.in_flight.saturating_sub(1);
            if count.in_flight == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}
