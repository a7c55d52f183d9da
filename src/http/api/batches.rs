//! Batches, and where they stand.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, PageQuery, time};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{BatchName, BatchPart, ResourceName};
use crate::service::{BatchView, parse_serial_ranges};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/batches", Permission::Read),
    Rule::new("GET", "/api/v1/batches/{name}", Permission::Read),
    Rule::new("POST", "/api/v1/batches/{name}/assign", Permission::Administer),
    Rule::new("POST", "/api/v1/batches/{name}/unassign", Permission::Administer),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(assign))
        .routes(routes!(unassign))
}

/// Where a batch stands.
#[derive(Serialize, ToSchema)]
struct BatchPlace {
    resource: String,
    /// All of it, or a part.
    whole: bool,
}

/// A batch.
#[derive(Serialize, ToSchema)]
#[schema(as = Batch)]
struct BatchDto {
    name: String,
    tokens: u64,
    /// Tokens that have an assignment of their own.
    detached: u64,
    resources: Vec<BatchPlace>,
    /// The import it came with.
    import: Option<u64>,
    /// A token of it was used or given away: its import cannot be undone.
    touched: bool,
    provenance: String,
    created_at: String,
}

impl BatchDto {
    fn of(view: BatchView) -> Self {
        let BatchView { batch, resources, detached } = view;
        Self {
            name: batch.name.as_str().to_owned(),
            tokens: batch.tokens,
            detached,
            resources: resources
                .into_iter()
                .map(|(resource, whole)| BatchPlace { resource, whole })
                .collect(),
            import: batch.import.map(|id| id.0),
            touched: batch.touched,
            provenance: batch.provenance,
            created_at: time(batch.created_at),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/batches", tag = "batches", params(PageQuery),
    responses((status = 200, body = List<BatchDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<BatchDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.batches(&actor, page)).await?;
    Ok(Json(List::of(found, BatchDto::of)))
}

#[utoipa::path(get, path = "/api/v1/batches/{name}", tag = "batches",
    responses((status = 200, body = BatchDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
) -> ApiResult<BatchDto> {
    let name = common::batch("batch", &name)?;
    let view = state.blocking(move |service| service.batch(&actor, &name)).await?;
    Ok(Json(BatchDto::of(view)))
}

/// Which part of a batch, and which resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PartBody {
    resource: String,
    /// `FROM-TO` or single serial numbers; absent: the whole batch.
    serials: Option<Vec<String>>,
}

impl PartBody {
    fn read(&self, name: &str) -> Result<(BatchName, ResourceName, BatchPart), ApiError> {
        let part = match &self.serials {
            Some(texts) => BatchPart::Serials(parse_serial_ranges(texts)?),
            None => BatchPart::Whole,
        };
        Ok((common::batch("batch", name)?, common::resource("resource", &self.resource)?, part))
    }
}

/// How many tokens.
#[derive(Serialize, ToSchema)]
struct AssignAnswer {
    assigned: u64,
    /// Stood somewhere already and stay there.
    already: u64,
}

#[utoipa::path(post, path = "/api/v1/batches/{name}/assign", tag = "batches", request_body = PartBody,
    responses((status = 200, body = AssignAnswer)))]
async fn assign(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<PartBody>,
) -> ApiResult<AssignAnswer> {
    let (name, resource, part) = body.read(&name)?;
    let count = state.blocking(move |service| service.assign_batch(&actor, &name, &resource, part)).await?;
    Ok(Json(AssignAnswer { assigned: count.changed, already: count.already }))
}

/// How many tokens.
#[derive(Serialize, ToSchema)]
struct UnassignAnswer {
    unassigned: u64,
}

#[utoipa::path(post, path = "/api/v1/batches/{name}/unassign", tag = "batches", request_body = PartBody,
    responses((status = 200, body = UnassignAnswer)))]
async fn unassign(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<PartBody>,
) -> ApiResult<UnassignAnswer> {
    let (name, resource, part) = body.read(&name)?;
    let count = state.blocking(move |service| service.unassign_batch(&actor, &name, &resource, part)).await?;
    Ok(Json(UnassignAnswer { unassigned: count.changed }))
}
