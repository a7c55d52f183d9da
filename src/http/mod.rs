//! What browsers and other programs talk to. Translates; decides nothing.
//!
//! One router carries everything; [`access`] says which role may use which route, [`auth`] finds out
//! who asks, [`security`] keeps foreign pages and hosts out, [`error`] turns errors into answers.

pub mod access;
mod action;
pub mod api;
pub mod auth;
pub mod codes;
pub mod console;
mod custody;
mod devices;
mod diagnosis;
mod drift;
pub mod error;
mod even;
pub mod extract;
pub mod frame;
pub mod language;
pub mod page;
pub(crate) mod part;
mod patience;
pub mod permission;
pub mod portal;
mod qr;
pub mod request_id;
mod run_settings;
pub mod security;
pub mod serve;
pub mod state;
pub mod station;
pub mod tls;
pub mod trace;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;

pub use state::{AppState, Exposure, HttpSettings};

/// Bodies are at most this large, but for uploads.
pub const BODY_BYTES: usize = 1 << 20;
/// Seed files over TCP are at most this large.
pub const UPLOAD_BYTES: usize = 64 << 20;

/// Everything: console, station, API and portal, behind the checks that all requests pass.
pub fn router(state: AppState) -> Router {
    let places = match state.settings.exposure {
        Exposure::Everything => Router::new()
            .merge(api::router())
            .merge(console::router())
            .merge(station::router())
            .merge(portal::router()),
        Exposure::PortalOnly => portal::router(),
    };
    places
        .merge(page_assets())
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        // The innermost layer runs last: first the host, then who asks, then how many, then whether they may.
        .layer(middleware::from_fn(access::authorise))
        .layer(middleware::from_fn_with_state(state.clone(), security::refuse_foreign_forms))
        .layer(middleware::from_fn_with_state(state.clone(), security::limit_strangers))
        .layer(middleware::from_fn_with_state(state.clone(), auth::identify))
        .layer(middleware::from_fn_with_state(state.clone(), security::check_host))
        .layer(middleware::from_fn_with_state(state.clone(), frame::problems_as_pages))
        .layer(middleware::from_fn_with_state(state.clone(), security::answer_headers))
        .layer(middleware::from_fn_with_state(state.clone(), trace::name))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(state)
}

/// Static files and health: no session, no store.
fn page_assets() -> Router<AppState> {
    let mut router = Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready));
    for asset in page::asset::ASSETS {
        let answer = (
            [
                (axum::http::header::CONTENT_TYPE, asset.content_type),
                (axum::http::header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.text,
        );
        router = router.route(asset.path, get(move || async move { answer.into_response() }));
    }
    router
}

/// Ready: the store answers.
async fn ready(
    axum::extract::State(state): axum::extract::State<AppState>,
) -> Result<&'static str, error::ApiError> {
    state.blocking(crate::service::Service::has_no_operator).await.map(|_| "ready\n")
}
