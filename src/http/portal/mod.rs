//! Placeholder of the portal routes.

use axum::Router;

use super::access::Rule;
use super::state::AppState;

/// The rules of these routes.
pub const RULES: &[Rule] = &[];

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
}
