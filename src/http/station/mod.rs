//! The station: one field that finds people and tokens, answers that can be read from two metres.

mod banner;
mod begin;
mod card;
mod desk;
mod device;
mod find;
mod genuine;
mod models;
mod place;
mod recent;
mod scan;
mod steps;
mod tray;
mod whose;

use axum::Router;
use axum::routing::{get, post};

use super::permission::{Permission, Rule};
use super::state::AppState;

/// The rules of these routes.
pub const RULES: &[Rule] = &[
    Rule::new("GET", "/station", Permission::Read),
    Rule::new("POST", "/station/find", Permission::Read),
    Rule::new("POST", "/station/scans/{n}", Permission::Scan),
    Rule::new("GET", "/station/whose", Permission::Identify),
    Rule::new("POST", "/station/whose", Permission::Identify),
    Rule::new("GET", "/station/person/{login}", Permission::Read),
    Rule::new("GET", "/station/token/{serial}", Permission::Read),
    Rule::new("POST", "/station/tokens/{serial}/resync", Permission::Resync),
    Rule::new("POST", "/station/tokens/{serial}/check", Permission::Check),
    Rule::new("POST", "/station/tokens/{serial}/handout", Permission::Custody),
    Rule::new("POST", "/station/tokens/{serial}/handout/undo", Permission::Custody),
    Rule::new("POST", "/station/tokens/{serial}/custody", Permission::Custody),
    Rule::new("POST", "/station/tokens/{serial}/confirm", Permission::Confirm),
    Rule::new("GET", "/station/devices", Permission::Program),
    Rule::new("GET", "/station/devices/{reader}", Permission::Program),
    Rule::new("POST", "/station/devices/{reader}/clock", Permission::Program),
    Rule::new("POST", "/station/devices/{reader}/attest", Permission::Program),
    Rule::new("GET", "/station/models", Permission::Read),
    Rule::new("POST", "/station/runs", Permission::Program),
    Rule::new("GET", "/station/runs/{run}", Permission::Program),
    Rule::new("POST", "/station/runs/{run}/end", Permission::Program),
    Rule::new("POST", "/station/runs/{run}/readers", Permission::Program),
    Rule::new("POST", "/station/runs/{run}/items/{n}", Permission::Program),
    Rule::new("POST", "/station/rehearsal", Permission::Program),
];

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/station", get(find::start))
        .route("/station/find", post(find::find))
        .route("/station/scans/{n}", post(scan::take))
        .route("/station/whose", get(whose::form).post(whose::look))
        .route("/station/person/{login}", get(find::person))
        .route("/station/token/{serial}", get(find::token))
        .route("/station/tokens/{serial}/resync", post(steps::resync))
        .route("/station/tokens/{serial}/check", post(steps::check))
        .route("/station/tokens/{serial}/handout", post(steps::hand_out))
        .route("/station/tokens/{serial}/handout/undo", post(steps::take_back))
        .route("/station/tokens/{serial}/custody", post(steps::move_to))
        .route("/station/tokens/{serial}/confirm", post(steps::confirm))
        .route("/station/devices", get(begin::devices))
        .route("/station/devices/{reader}", get(device::device))
        .route("/station/devices/{reader}/clock", post(device::set_clock))
        .route("/station/devices/{reader}/attest", post(genuine::ask))
        .route("/station/models", get(models::models))
        .route("/station/runs", post(begin::begin))
        .route("/station/runs/{run}", get(tray::tray))
        .route("/station/runs/{run}/end", post(tray::end))
        .route("/station/runs/{run}/readers", post(tray::go_on))
        .route("/station/runs/{run}/items/{n}", post(tray::item))
        .route("/station/rehearsal", post(tray::rehearse))
}
