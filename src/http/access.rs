//! Who may what: a table of all routes. A route that is not in it is refused.

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::auth::Caller;
use super::error::ApiError;
use super::permission::{Permission, Rule};

/// Every route.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    OPEN.iter()
        .chain(super::api::RULES)
        .chain(super::console::RULES)
        .chain(super::station::RULES)
        .chain(super::portal::RULES)
}

/// Routes that need no session.
const OPEN: &[Rule] = &[
    Rule::new("GET", "/healthz", Permission::Anyone),
    Rule::new("GET", "/readyz", Permission::Anyone),
    Rule::new("GET", "/assets/css/base.css", Permission::Anyone),
    Rule::new("GET", "/assets/css/chart.css", Permission::Anyone),
    Rule::new("GET", "/assets/css/mintmark.css", Permission::Anyone),
    Rule::new("GET", "/assets/css/parts.css", Permission::Anyone),
    Rule::new("GET", "/assets/css/places.css", Permission::Anyone),
    Rule::new("GET", "/assets/css/tray.css", Permission::Anyone),
    Rule::new("GET", "/assets/js/camera.js", Permission::Anyone),
    Rule::new("GET", "/assets/js/scans.js", Permission::Anyone),
    Rule::new("GET", "/assets/js/mintmark.js", Permission::Anyone),
    Rule::new("GET", "/assets/favicon.svg", Permission::Anyone),
];

/// What a request needs; `None`: the route is in no table.
pub fn needed(method: &Method, path: &str) -> Option<Permission> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    rules().find(|rule| rule.method == method && rule.path == path).map(|rule| rule.needs)
}

/// Lets a request through when its caller's role has what the route needs.
pub async fn authorise(request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else {
        // No route: the fallback answers.
        return next.run(request).await;
    };
    let Some(needs) = needed(request.method(), path) else {
        if rules().any(|rule| rule.path == path) {
            return super::error::method_not_allowed().await.into_response();
        }
        tracing::error!(http.method = %request.method(), http.route = path, "route without a rule");
        return ApiError::forbidden().into_response();
    };
    if needs == Permission::Anyone {
        return next.run(request).await;
    }
    let role = request.extensions().get::<Caller>().and_then(|caller| caller.actor.as_ref()?.role);
    match role {
        Some(role) if needs.allows(role) => next.run(request).await,
        Some(_) => ApiError::forbidden().into_response(),
        None if wants_page(&request) => Redirect::to("/").into_response(),
        None => ApiError::unauthorized().into_response(),
    }
}

/// True for a browser that asks for a page.
fn wants_page(request: &Request) -> bool {
    let html = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains("text/html"));
    html && !request.uri().path().starts_with("/api/")
}
