//! The self-service portal: three pages to sign in, then what the person can do.

mod actions;
mod draft;
mod environment;
mod keypad;
mod language;
mod look;
mod pin;
mod place;
mod profile;
mod prove;
mod restore;
mod setup;
mod sign_in;
mod synchronize;
mod ways_in;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use super::even::{on_the_beat, on_the_password_beat};
pub(super) use look::{colours, picture};

use super::permission::{Permission, Rule};
use super::state::AppState;

/// The rules of these routes.
pub const RULES: &[Rule] = &[
    Rule::new("GET", "/selfservice/{alias}", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/look.css", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/logo", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/portal", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/portal", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/verify", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/verify", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/otp", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/otp", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/sign-out", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/language", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/home", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/unusual", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/unusual", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/restore", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/restore", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/restore/link", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/restore/link", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/environment", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/environment", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/environment/trust", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/sign-out-everywhere", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/prove", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/prove", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/login", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/login", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/name", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/name", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/phone", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/phone", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/password", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/password", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/password/new", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/password/new", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/email", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/email", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/email/code", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/confirm", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/confirm", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/synchronize", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/synchronize", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/register", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/register", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/draft", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/draft", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/draft/drop", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/reassign", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/reassign", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/unassign", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/unassign", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/pin", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/pin", Permission::Anyone),
    Rule::new("GET", "/selfservice/{alias}/tokens/pin/remove", Permission::Anyone),
    Rule::new("POST", "/selfservice/{alias}/tokens/pin/remove", Permission::Anyone),
];

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/selfservice/{alias}", get(sign_in::start))
        .route(
            "/selfservice/{alias}/portal",
            post(sign_in::begin).layer(from_fn(on_the_beat)).get(sign_in::login),
        )
        .route("/selfservice/{alias}/look.css", get(look::stylesheet))
        .route("/selfservice/{alias}/logo", get(look::logo))
        .route(
            "/selfservice/{alias}/verify",
            post(sign_in::verify).layer(from_fn(on_the_password_beat)).get(sign_in::second),
        )
        .route("/selfservice/{alias}/otp", get(sign_in::third).post(sign_in::prove))
        .route("/selfservice/{alias}/sign-out", post(sign_in::leave))
        .route("/selfservice/{alias}/language", post(language::choose))
        .route("/selfservice/{alias}/home", get(actions::home))
        .route("/selfservice/{alias}/unusual", get(sign_in::unusual).post(sign_in::unusual_sent))
        .route(
            "/selfservice/{alias}/restore",
            post(restore::send).layer(from_fn(on_the_password_beat)).get(restore::show),
        )
        .route("/selfservice/{alias}/restore/link", get(restore::link).post(restore::link_used))
        .route("/selfservice/{alias}/environment", get(environment::show).post(environment::change))
        .route("/selfservice/{alias}/environment/trust", post(environment::trust))
        .route("/selfservice/{alias}/sign-out-everywhere", post(environment::leave_everywhere))
        .route("/selfservice/{alias}/prove", get(prove::ask).post(prove::prove))
        .route("/selfservice/{alias}/login", get(profile::login).post(profile::login_sent))
        .route("/selfservice/{alias}/name", get(profile::name).post(profile::name_sent))
        .route("/selfservice/{alias}/phone", get(profile::phone).post(profile::phone_sent))
        .route("/selfservice/{alias}/password", get(ways_in::password).post(ways_in::password_sent))
        .route(
            "/selfservice/{alias}/password/new",
            get(ways_in::first_password).post(ways_in::first_password_sent),
        )
        .route("/selfservice/{alias}/email", get(ways_in::email).post(ways_in::email_sent))
        .route("/selfservice/{alias}/email/code", post(ways_in::email_code))
        .route(
            "/selfservice/{alias}/tokens/confirm",
            post(actions::confirmed).layer(from_fn(on_the_beat)).get(actions::confirm),
        )
        .route(
            "/selfservice/{alias}/tokens/synchronize",
            post(synchronize::synchronized).layer(from_fn(on_the_beat)).get(synchronize::synchronize),
        )
        .route("/selfservice/{alias}/tokens/register", get(setup::register).post(setup::begin))
        .route("/selfservice/{alias}/tokens/draft", get(draft::proof).post(draft::prove))
        .route("/selfservice/{alias}/tokens/draft/drop", post(draft::drop_draft))
        .route(
            "/selfservice/{alias}/tokens/reassign",
            post(setup::replace).layer(from_fn(on_the_beat)).get(setup::reassign),
        )
        .route("/selfservice/{alias}/tokens/unassign", get(pin::unassign_form).post(pin::unassign))
        .route("/selfservice/{alias}/tokens/pin", get(pin::form).post(pin::set))
        .route("/selfservice/{alias}/tokens/pin/remove", get(pin::remove_form).post(pin::remove))
}
