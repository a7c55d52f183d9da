//! The self-service portal: three pages to sign in, then what the person can do.

mod actions;
mod place;
mod sign_in;

use axum::Router;
use axum::routing::{get, post};

use super::access::{Permission, Rule};
use super::state::AppState;

const fn rule(method: &'static str, path: &'static str) -> Rule {
    // The portal's own session is asked for by `place::Place`.
    Rule { method, path, needs: Permission::Anyone }
}

/// The rules of these routes.
pub const RULES: &[Rule] = &[
    rule("GET", "/selfservice/{alias}"),
    rule("GET", "/selfservice/{alias}/portal"),
    rule("POST", "/selfservice/{alias}/portal"),
    rule("GET", "/selfservice/{alias}/verify"),
    rule("POST", "/selfservice/{alias}/verify"),
    rule("GET", "/selfservice/{alias}/otp"),
    rule("POST", "/selfservice/{alias}/otp"),
    rule("POST", "/selfservice/{alias}/sign-out"),
    rule("GET", "/selfservice/{alias}/home"),
    rule("GET", "/selfservice/{alias}/tokens/confirm"),
    rule("POST", "/selfservice/{alias}/tokens/confirm"),
    rule("GET", "/selfservice/{alias}/tokens/synchronize"),
    rule("POST", "/selfservice/{alias}/tokens/synchronize"),
];

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/selfservice/{alias}", get(sign_in::start))
        .route("/selfservice/{alias}/portal", get(sign_in::login).post(sign_in::begin))
        .route("/selfservice/{alias}/verify", get(sign_in::second).post(sign_in::verify))
        .route("/selfservice/{alias}/otp", get(sign_in::third).post(sign_in::prove))
        .route("/selfservice/{alias}/sign-out", post(sign_in::leave))
        .route("/selfservice/{alias}/home", get(actions::home))
        .route("/selfservice/{alias}/tokens/confirm", get(actions::confirm).post(actions::confirmed))
        .route(
            "/selfservice/{alias}/tokens/synchronize",
            get(actions::synchronize).post(actions::synchronized),
        )
}
