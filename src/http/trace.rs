//! What is logged of requests.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::error::{self, ErrorMark};
use super::state::AppState;

/// Gives a request its id, and logs how it ended. Addresses are logged as their routes: what stands in
/// them may be a serial or a login.
pub async fn name(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = state.requests.next();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    request.extensions_mut().insert(id.clone());
    // Of the highest level, so that lines of all levels carry it.
    let span = tracing::error_span!("request", %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::warn!(http.method = %method, http.route = route, http.status = status.as_u16(), "a request failed");
        } else {
            tracing::debug!(http.method = %method, http.route = route, http.status = status.as_u16(), "answered");
        }
    });
    // Pages say it themselves.
    if let Some(mark) = response.extensions().get::<ErrorMark>().filter(|_| status.is_server_error()) {
        let body = error::problem_with_id(status, mark, &id);
        *response.body_mut() = body.into();
        response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    }
    response
}
