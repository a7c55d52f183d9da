//! Who may what: a table of all routes. A route that is not in it is refused.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::auth::Caller;
use super::error::ApiError;
use super::state::AppState;
use crate::model::Role;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nobody needs to be signed in; the portal asks by itself.
    Anyone,
    /// Any operator or key with an operator's role.
    Read,
    /// Look at audit records and verify them.
    Audit,
    /// Check a code of a token.
    Check,
    /// Ask whether a user is the right one.
    Authenticate,
    /// Bring a token back.
    Resync,
    /// Confirm a token for a user.
    Confirm,
    /// Disable a token; enabling it again is an admin's.
    Disable,
    /// Clear failures.
    Unblock,
    /// Assign and unassign single users and tokens.
    AssignSingle,
    /// Make a user.
    CreateUser,
    /// Move a token to another place.
    Custody,
    /// Everything else.
    Administer,
}

impl Permission {
    /// All of them, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::Anyone,
        Self::Read,
        Self::Audit,
        Self::Check,
        Self::Authenticate,
        Self::Resync,
        Self::Confirm,
        Self::Disable,
        Self::Unblock,
        Self::AssignSingle,
        Self::CreateUser,
        Self::Custody,
        Self::Administer,
    ];

    /// Whether a role has it.
    pub const fn allows(self, role: Role) -> bool {
        use Role::{Admin, Auditor, Helpdesk, Provisioner, Station, Verifier};
        match self {
            Self::Anyone => true,
            Self::Read => matches!(role, Auditor | Helpdesk | Station | Admin),
            Self::Audit => matches!(role, Auditor | Admin),
            Self::Check => matches!(role, Helpdesk | Station | Admin | Verifier),
            Self::Authenticate => matches!(role, Admin | Verifier),
            Self::Resync => matches!(role, Helpdesk | Station | Admin),
            Self::Confirm | Self::Custody => matches!(role, Station | Admin),
            Self::Disable | Self::Unblock => matches!(role, Helpdesk | Admin),
            Self::AssignSingle => matches!(role, Station | Admin | Provisioner),
            Self::CreateUser => matches!(role, Admin | Provisioner),
            Self::Administer => matches!(role, Admin),
        }
    }
}

/// One route and what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// HTTP method.
    pub method: &'static str,
    /// Path as the router knows it.
    pub path: &'static str,
    /// What it needs.
    pub needs: Permission,
}

const fn rule(method: &'static str, path: &'static str, needs: Permission) -> Rule {
    Rule { method, path, needs }
}

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
    rule("GET", "/healthz", Permission::Anyone),
    rule("GET", "/readyz", Permission::Anyone),
    rule("GET", "/assets/css/base.css", Permission::Anyone),
    rule("GET", "/assets/css/mintmark.css", Permission::Anyone),
    rule("GET", "/assets/css/parts.css", Permission::Anyone),
    rule("GET", "/assets/css/places.css", Permission::Anyone),
    rule("GET", "/assets/js/mintmark.js", Permission::Anyone),
    rule("GET", "/assets/favicon.svg", Permission::Anyone),
];

/// What a request needs; `None`: the route is in no table.
pub fn needed(method: &Method, path: &str) -> Option<Permission> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    rules().find(|rule| rule.method == method && rule.path == path).map(|rule| rule.needs)
}

/// Lets a request through when its caller's role has what the route needs.
pub async fn authorise(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let _ = state;
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
