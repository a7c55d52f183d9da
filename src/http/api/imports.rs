//! Seed files: uploaded, planned, committed, undone.

use axum::Json;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, Extension, Multipart, Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, OptionalJson, PageQuery, time};
use super::form::{self, Limit};
use crate::http::UPLOAD_BYTES;
use crate::http::auth::{Acting, LocalPeer};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{Import, ImportContent, ImportId, ImportLine};
use crate::secret::{Passphrase, Seed};
use crate::service::{ImportRequest, ImportView};

pub(super) const RULES: &[Rule] = &[
    Rule::new("POST", "/api/v1/imports", Permission::Administer),
    Rule::new("GET", "/api/v1/imports", Permission::Read),
    Rule::new("GET", "/api/v1/imports/{id}", Permission::Read),
    Rule::new("DELETE", "/api/v1/imports/{id}", Permission::Administer),
    Rule::new("GET", "/api/v1/imports/{id}/lines", Permission::Read),
    Rule::new("POST", "/api/v1/imports/{id}/commit", Permission::Administer),
];

/// Files through the local socket are at most this large.
const LOCAL_UPLOAD_BYTES: usize = 4 << 30;

pub(super) fn router() -> OpenApiRouter<AppState> {
    let upload = OpenApiRouter::new().routes(routes!(list, upload)).layer(DefaultBodyLimit::disable());
    upload.routes(routes!(show, delete)).routes(routes!(lines)).routes(routes!(commit))
}

/// A line of a file.
#[derive(Serialize, ToSchema)]
struct LineDto {
    line: u64,
    column: u64,
    serial: String,
    /// new, identical, conflict or rejected.
    verdict: &'static str,
    code: String,
    detail: String,
}

impl LineDto {
    fn of(line: ImportLine) -> Self {
        let ImportLine { line, column, serial, verdict, code, detail } = line;
        Self { line, column, serial, verdict: verdict.name(), code, detail }
    }
}

/// An import.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
pub(super) struct ImportDto {
    id: u64,
    /// parsing, planned, committed or dropped.
    state: &'static str,
    committed: bool,
    /// Empty when it is committed and brought no new token: then there is no batch.
    batch: String,
    format: String,
    envelope: String,
    file_name: String,
    new: u64,
    identical: u64,
    conflicts: u64,
    rejected: u64,
    /// Lines of the file that stand for a token.
    lines_total: u64,
    /// What readable tokens the file holds, by sort.
    contents: Vec<ContentDto>,
    /// What was assumed because the file does not say it, and warnings.
    notes: Vec<NoteDto>,
    allowed: Vec<String>,
    /// Committed, and none of its tokens was used or given out yet; lists of imports say false.
    can_undo: bool,
    created_at: String,
    /// Lines that are not `new`, the first 1,000; lists of imports leave them out.
    lines: Vec<LineDto>,
}

/// Tokens of one sort in a file.
#[derive(Serialize, ToSchema)]
struct ContentDto {
    kind: &'static str,
    /// Maker and model, empty when the file does not say.
    model: String,
    tokens: u64,
}

impl ContentDto {
    fn of(content: ImportContent) -> Self {
        Self { kind: content.kind.name(), model: content.model, tokens: content.tokens }
    }
}

/// A remark on the file as a whole.
#[derive(Serialize, ToSchema)]
struct NoteDto {
    code: String,
    detail: String,
}

impl ImportDto {
    pub(super) fn of(view: ImportView) -> Self {
        let lines = view.lines.into_iter().map(LineDto::of).collect();
        Self { lines, can_undo: view.can_undo, ..Self::head(view.import) }
    }

    fn head(import: Import) -> Self {
        let made_no_batch = import.state.is_committed() && import.counts.new == 0;
        Self {
            id: import.id.0,
            state: import.state.name(),
            committed: import.state.is_committed(),
            batch: if made_no_batch { String::new() } else { import.batch_name.as_str().to_owned() },
            format: import.format,
            envelope: import.envelope,
            file_name: import.file_name,
            new: import.counts.new,
            identical: import.counts.identical,
            conflicts: import.counts.conflicts,
            rejected: import.counts.rejected,
            lines_total: import.counts.total(),
            contents: import.contents.into_iter().map(ContentDto::of).collect(),
            notes: import.notes.into_iter().map(|(code, detail)| NoteDto { code, detail }).collect(),
            allowed: import.allowed,
            can_undo: false,
            created_at: time(import.created_at),
            lines: Vec::new(),
        }
    }
}

/// Where the work goes on.
#[derive(Serialize, ToSchema)]
struct UploadAnswer {
    import: u64,
    job: u64,
}

/// The parts of an upload. Fields `set.NAME` fill what the file does not say.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; the parts are read one by one")]
struct UploadForm {
    #[schema(value_type = String, format = Binary)]
    file: String,
    passphrase: Option<String>,
    key: Option<String>,
    batch: Option<String>,
    format: Option<String>,
    /// Commit when the plan is clean; true when absent.
    commit: Option<bool>,
    only_good: Option<bool>,
    replace: Option<bool>,
    /// `short_secret`, `test_secret`, `no_mac`, separated by commas.
    allow: Option<String>,
}

async fn passphrase(field: &mut Field<'_>, name: &'static str) -> Result<Option<Passphrase>, ApiError> {
    let mut typed = form::text(field, name).await?;
    Ok((!typed.is_empty()).then(|| Passphrase::from_text(std::mem::take(&mut *typed))))
}

async fn read_form(mut form: Multipart, most: Limit) -> Result<ImportRequest, ApiError> {
    let mut file = None;
    let mut request =
        ImportRequest { commit: true, ..ImportRequest::new(String::new(), Seed::new(Vec::new())) };
    while let Some(mut field) = form.next_field().await.map_err(form::broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" if file.is_none() => {
                request.file_name = field.file_name().unwrap_or("upload").chars().take(200).collect();
                file = Some(Seed::new(std::mem::take(&mut *form::file(&mut field, most).await?)));
            }
            "passphrase" => request.passphrase = passphrase(&mut field, "passphrase").await?,
            "key" => request.key = passphrase(&mut field, "key").await?,
            "batch" => {
                let name = form::text(&mut field, "batch").await?;
                request.batch =
                    if name.trim().is_empty() { None } else { Some(common::batch("batch", &name)?) };
            }
            "format" => {
                let name = form::text(&mut field, "format").await?;
                request.format = (!name.trim().is_empty()).then(|| name.trim().to_owned());
            }
            "commit" => request.commit = form::flag(&mut field, "commit").await?,
            "only_good" => request.only_good = form::flag(&mut field, "only_good").await?,
            "replace" => request.replace = form::flag(&mut field, "replace").await?,
            "allow" => {
                let words = form::text(&mut field, "allow").await?;
                let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
                request.allow.extend(words.map(str::to_owned));
            }
            other => {
                let Some(what) = other.strip_prefix("set.") else { return Err(form::unknown(other)) };
                let value = form::text(&mut field, "set").await?;
                request.set.push((what.to_owned(), value.as_str().to_owned()));
            }
        }
    }
    request.bytes =
        file.ok_or_else(|| ApiError::field("file", "missing_field", "the field file is missing"))?;
    Ok(request)
}

#[utoipa::path(post, path = "/api/v1/imports", tag = "imports",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 202, body = UploadAnswer)))]
async fn upload(
    State(state): State<AppState>,
    Changing(actor): Changing,
    local: Option<Extension<LocalPeer>>,
    request: Request,
) -> Result<(StatusCode, Json<UploadAnswer>), ApiError> {
    let bytes = if local.is_some() { LOCAL_UPLOAD_BYTES } else { UPLOAD_BYTES };
    let most = Limit { bytes, advice: "larger ones go through the command line" };
    let request = read_form(form::begin(request, &state, most).await?, most).await?;
    let task = state.blocking(move |service| service.begin_import(&actor, request)).await?;
    let answer = UploadAnswer { import: task.import.0, job: task.job.0 };
    if !state.jobs.submit_import(task) {
        let message = "the service is ending; send the file again in a moment";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ending", message));
    }
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

#[utoipa::path(get, path = "/api/v1/imports", tag = "imports", params(PageQuery),
    responses((status = 200, body = List<ImportDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<ImportDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.imports(&actor, page)).await?;
    Ok(Json(List::of(found, ImportDto::head)))
}

fn import_id(text: &str) -> Result<ImportId, ApiError> {
    common::number(text, "import").map(ImportId)
}

#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "imports",
    responses((status = 200, body = ImportDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
) -> ApiResult<ImportDto> {
    let id = import_id(&id)?;
    let view = state.blocking(move |service| service.import(&actor, id)).await?;
    Ok(Json(ImportDto::of(view)))
}

#[utoipa::path(delete, path = "/api/v1/imports/{id}", tag = "imports", responses((status = 204)))]
async fn delete(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = import_id(&id)?;
    state.blocking(move |service| service.drop_import(&actor, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/v1/imports/{id}/lines", tag = "imports", params(PageQuery),
    responses((status = 200, body = List<LineDto>)))]
async fn lines(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<LineDto>> {
    let (id, page) = (import_id(&id)?, asked.page()?);
    let found = state.blocking(move |service| service.import_lines(&actor, id, page)).await?;
    Ok(Json(List::of(found, LineDto::of)))
}

/// What to do with lines that are not good; absent: as uploaded.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CommitBody {
    only_good: Option<bool>,
    replace: Option<bool>,
}

#[utoipa::path(post, path = "/api/v1/imports/{id}/commit", tag = "imports",
    request_body = Option<CommitBody>, responses((status = 200, body = ImportDto)))]
async fn commit(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
    OptionalJson(body): OptionalJson<CommitBody>,
) -> ApiResult<ImportDto> {
    let id = import_id(&id)?;
    let view = state
        .blocking(move |service| service.commit_import(&actor, id, body.only_good, body.replace))
        .await?;
    Ok(Json(ImportDto::of(view)))
}
