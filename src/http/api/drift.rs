//! The clocks of all tokens.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::time;
use crate::http::auth::Acting;
use crate::http::extract::ApiResult;
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::service::Bar;

pub(super) const RULES: &[Rule] = &[Rule::new("GET", "/api/v1/drift", Permission::Read)];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(fleet))
}

/// How many clocks lie from one bound (included) to another (excluded).
#[derive(Serialize, ToSchema)]
struct BarDto {
    /// Null: all below `to`.
    from: Option<i64>,
    /// Null: all from `from` on.
    to: Option<i64>,
    count: u64,
}

impl BarDto {
    fn of((from, to, count): Bar) -> Self {
        Self { from: (from != i64::MIN).then_some(from), to: (to != i64::MAX).then_some(to), count }
    }
}

/// A token that will leave the window of its checks.
#[derive(Serialize, ToSchema)]
struct LeavingDto {
    serial: String,
    /// When, if it is not used before.
    leaves_window_at: String,
}

/// What is known of the clocks of all tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = Fleet)]
struct FleetDto {
    /// The moment that this is of: some minutes old where there are many tokens.
    as_of: String,
    /// Clocks that are known.
    clocks: u64,
    /// Those whose rate is known.
    rated: u64,
    /// By their offset in seconds; positive: fast.
    offsets: Vec<BarDto>,
    /// By their rate in parts in a million.
    rates: Vec<BarDto>,
    /// Tokens that will leave the window of their checks within 90 days.
    leaving: u64,
    /// The first 50 of them, in order.
    tokens: Vec<LeavingDto>,
    /// Many tokens jumped together by so many seconds within an hour: the server's clock is probably wrong by
    /// as much the other way, and nothing is learned.
    jump_secs: Option<i64>,
    /// The server's clock was set by so many seconds within the last hour, and nothing is learned.
    set_secs: Option<i64>,
}

/// How far the clocks of tokens are off, and which tokens will fail.
#[utoipa::path(get, path = "/api/v1/drift", tag = "tokens", responses((status = 200, body = FleetDto)))]
async fn fleet(State(state): State<AppState>, Acting(actor): Acting) -> ApiResult<FleetDto> {
    let fleet = state.blocking(move |service| service.fleet_clocks(&actor)).await?;
    let tokens = fleet.listed.into_iter().map(|(token, leaves)| LeavingDto {
        serial: token.token.serial.display().to_owned(),
        leaves_window_at: time(leaves),
    });
    Ok(Json(FleetDto {
        as_of: time(fleet.at),
        clocks: fleet.clocks,
        rated: fleet.rated,
        offsets: fleet.offsets.into_iter().map(BarDto::of).collect(),
        rates: fleet.rates.into_iter().map(BarDto::of).collect(),
        leaving: fleet.leaving,
        tokens: tokens.collect(),
        jump_secs: fleet.doubt,
        set_secs: fleet.set,
    }))
}
