//! REST under `/api/v1`: one file for each kind of thing, and the document that describes them.

mod attest;
mod audit;
mod batches;
mod codes;
mod common;
mod device_profiles;
mod devices;
mod drift;
mod form;
mod identify;
mod imports;
mod jobs;
mod look;
mod notifications;
mod openapi;
mod operators;
mod resources;
mod runs;
mod scanners;
mod tokens;
mod user_imports;
mod user_issues;
mod users;

use axum::Router;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

pub(super) use look::{accent as read_accent, logo as read_logo};
pub(super) use notifications::read as read_notification;

use super::permission::{Permission, Rule};
use super::state::AppState;

/// The rules of these routes, by file.
const PARTS: [&[Rule]; 21] = [
    &[Rule { method: "GET", path: openapi::PATH, needs: Permission::Anyone }],
    attest::RULES,
    audit::RULES,
    batches::RULES,
    codes::RULES,
    device_profiles::RULES,
    devices::RULES,
    identify::RULES,
    drift::RULES,
    imports::RULES,
    jobs::RULES,
    look::RULES,
    notifications::RULES,
    operators::RULES,
    resources::RULES,
    runs::RULES,
    scanners::RULES,
    tokens::RULES,
    user_imports::RULES,
    user_issues::RULES,
    users::RULES,
];

const COUNT: usize = {
    let (mut count, mut part) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

const JOINED: [Rule; COUNT] = {
    let mut all = [PARTS[0][0]; COUNT];
    let (mut at, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut row = 0;
        while row < PARTS[part].len() {
            all[at] = PARTS[part][row];
            at += 1;
            row += 1;
        }
        part += 1;
    }
    all
};

/// The rules of these routes.
pub const RULES: &[Rule] = &JOINED;

/// The routes.
pub fn router() -> Router<AppState> {
    let (router, document) = OpenApiRouter::new()
        .merge(attest::router())
        .merge(audit::router())
        .merge(batches::router())
        .merge(codes::router())
        .merge(device_profiles::router())
        .merge(devices::router())
        .merge(identify::router())
        .merge(drift::router())
        .merge(imports::router())
        .merge(jobs::router())
        .merge(look::router())
        .merge(notifications::router())
        .merge(operators::router())
        .merge(resources::router())
        .merge(runs::router())
        .merge(scanners::router())
        .merge(tokens::router())
        .merge(user_imports::router())
        .merge(user_issues::router())
        .merge(users::router())
        .split_for_parts();
    let document = openapi::finish(&document);
    router.route(openapi::PATH, get(async move || openapi::answer(document.clone())))
}
