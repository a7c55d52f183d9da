//! The station: one field that finds people and tokens, answers that can be read from two metres.

pub mod words;

use axum::Router;

use super::access::Rule;
use super::state::AppState;

/// The rules of these routes.
pub const RULES: &[Rule] = &[];

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
}
