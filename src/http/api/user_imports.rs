//! Users from a list: planned, or planned and committed.

use axum::Json;
use axum::extract::{DefaultBodyLimit, Multipart, Request, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::Changing;
use super::form::{self, Limit};
use crate::http::UPLOAD_BYTES;
use crate::http::error::ApiError;
use crate::http::extract::ApiResult;
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::service::{OnConflict, UserImportLine, UserImportRequest, UserImportView};

pub(super) const RULES: &[Rule] = &[Rule::new("POST", "/api/v1/users/imports", Permission::Administer)];

const MOST: Limit = Limit { bytes: UPLOAD_BYTES, advice: "split it and import the parts" };

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(upload)).layer(DefaultBodyLimit::disable())
}

/// A line of a list of users.
#[derive(Serialize, ToSchema)]
struct UserLineDto {
    line: u64,
    column: u64,
    login: String,
    /// new, identical, filled, conflict or rejected.
    verdict: &'static str,
    code: &'static str,
    detail: String,
}

impl UserLineDto {
    fn of(line: UserImportLine) -> Self {
        let UserImportLine { line, column, login, verdict, code, detail } = line;
        Self { line, column, login, verdict: verdict.name(), code, detail }
    }
}

/// What a list of users changes, or changed.
#[derive(Serialize, ToSchema)]
#[schema(as = UserImport)]
struct UserImportDto {
    /// planned or committed.
    state: &'static str,
    committed: bool,
    file_name: String,
    new: u64,
    identical: u64,
    filled: u64,
    conflicts: u64,
    rejected: u64,
    /// Lines of the file that stand for a user.
    lines_total: u64,
    /// Lines that are not `new`, the first 1,000; conflicts and rejected ones before the others.
    lines: Vec<UserLineDto>,
}

impl UserImportDto {
    fn of(file_name: String, view: UserImportView) -> Self {
        Self {
            state: if view.committed { "committed" } else { "planned" },
            committed: view.committed,
            file_name,
            new: view.counts.new,
            identical: view.counts.identical,
            filled: view.counts.filled,
            conflicts: view.counts.conflicts,
            rejected: view.counts.rejected,
            lines_total: view.counts.total(),
            lines: view.lines.into_iter().map(UserLineDto::of).collect(),
        }
    }
}

/// The parts of an upload: CSV with login, e-mail, phone, first name, last name, then pairs of resource
/// and serial number of a token; a header may name the columns in another order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; the parts are read one by one")]
struct UserUploadForm {
    #[schema(value_type = String, format = Binary)]
    file: String,
    /// Commit when the plan is clean; true when absent.
    commit: Option<bool>,
    only_good: Option<bool>,
    /// `fail` or `fill`.
    on_conflict: Option<String>,
}

async fn read_form(mut form: Multipart) -> Result<(String, UserImportRequest), ApiError> {
    let mut file = None;
    let mut request = UserImportRequest { commit: true, ..UserImportRequest::default() };
    while let Some(mut field) = form.next_field().await.map_err(form::broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" if file.is_none() => {
                let name = field.file_name().unwrap_or("upload").chars().take(200).collect();
                file = Some((name, std::mem::take(&mut *form::file(&mut field, MOST).await?)));
            }
            "commit" => request.commit = form::flag(&mut field, "commit").await?,
            "only_good" => request.only_good = form::flag(&mut field, "only_good").await?,
            "on_conflict" => {
                request.on_conflict = match form::text(&mut field, "on_conflict").await?.trim() {
                    "fail" => OnConflict::Fail,
                    "fill" => OnConflict::Fill,
                    _ => return Err(ApiError::field("on_conflict", "invalid_value", "give fail or fill")),
                };
            }
            other => return Err(form::unknown(other)),
        }
    }
    let (name, bytes) =
        file.ok_or_else(|| ApiError::field("file", "missing_field", "the field file is missing"))?;
    Ok((name, UserImportRequest { bytes, ..request }))
}

#[utoipa::path(post, path = "/api/v1/users/imports", tag = "users",
    request_body(content = UserUploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = UserImportDto)))]
async fn upload(
    State(state): State<AppState>,
    Changing(actor): Changing,
    request: Request,
) -> ApiResult<UserImportDto> {
    let (name, request) = read_form(form::begin(request, &state, MOST).await?).await?;
    let view = state.blocking(move |service| service.import_users(&actor, &request)).await?;
    Ok(Json(UserImportDto::of(name, view)))
}
