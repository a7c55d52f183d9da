//! Which token shows some codes.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::codes::WindowBody;
use super::common::{self, Changing, Secret};
use crate::http::extract::{ApiJson, ApiResult, StopWhenDropped};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::service::{IdentifyOutcome, IdentifyRequest};

pub(super) const RULES: &[Rule] = &[Rule::new("POST", "/api/v1/tokens/identify", Permission::Identify)];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(identify))
}

/// Codes of a token that nobody knows, and where to look for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IdentifyBody {
    /// Consecutive codes: two carry a batch or a few minutes, three any number of tokens over a day.
    #[schema(value_type = Vec<String>)]
    otps: Vec<Secret>,
    /// Only among the tokens of this batch.
    batch: Option<String>,
    /// Only among the tokens of this resource.
    resource: Option<String>,
    /// Left out: a day, or as much of it as the codes carry.
    window: Option<WindowBody>,
}

/// A token that shows the codes.
#[derive(Serialize, ToSchema)]
struct IdentifyMatch {
    serial: String,
    custody: &'static str,
    steps: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
struct IdentifyAnswer {
    /// found, `not_found`, ambiguous or `more_otps_needed`.
    result: &'static str,
    /// The tokens that fit, the first twenty.
    matches: Vec<IdentifyMatch>,
    otps_needed: usize,
    evaluated: u64,
    elapsed_us: u64,
}

impl From<IdentifyOutcome> for IdentifyAnswer {
    fn from(outcome: IdentifyOutcome) -> Self {
        let one = |found: crate::service::IdentifyMatch| IdentifyMatch {
            serial: found.serial.to_string(),
            custody: found.custody,
            steps: found.steps,
            seconds: found.seconds,
        };
        Self {
            result: outcome.result.name(),
            matches: outcome.matches.into_iter().map(one).collect(),
            otps_needed: outcome.otps_needed,
            evaluated: outcome.evaluated,
            elapsed_us: outcome.elapsed_us,
        }
    }
}

#[utoipa::path(post, path = "/api/v1/tokens/identify", tag = "codes", request_body = IdentifyBody,
    responses((status = 200, body = IdentifyAnswer)))]
async fn identify(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<IdentifyBody>,
) -> ApiResult<IdentifyAnswer> {
    let request = IdentifyRequest {
        otps: common::otps(&body.otps)?,
        batch: body.batch.map(|name| common::batch("batch", &name)).transpose()?,
        resource: body.resource.map(|name| common::resource("resource", &name)).transpose()?,
        window: body.window.map(WindowBody::steps),
    };
    let (_stops, stop) = StopWhenDropped::new();
    let outcome = state.blocking(move |service| service.identify(&actor, &request, &stop)).await?;
    Ok(Json(outcome.into()))
}
