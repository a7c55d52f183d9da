//! Batches: the list, one batch, and where it stands.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, missing, resource_of, typed};
use crate::http::auth::{Acting, Caller};
use crate::http::custody::custody_badge;
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::batch as view;
use crate::http::page::{Badge, Choice, Fact, Field, Notice, Tone, segment};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::{Actor, BatchName, BatchPart, ResourceName};
use crate::service::{BatchView, CustodyCount, Service, ServiceError, TokenQuery, parse_serial_ranges};
use crate::store::Page as ListPage;
use crate::words::Words;

/// Tokens of a batch that a row of the list looks at.
const ROW_LIMIT: u64 = 1_000;
/// Tokens of a batch that its own page looks at.
const PAGE_LIMIT: u64 = 10_000;
const CHUNK: usize = 1_000;

fn state_badge(batch: &BatchView) -> Badge {
    if batch.resources.is_empty() {
        Badge::with_icon(Tone::Neutral, "package", &Words::ENGLISH.text("batches-in-stock"))
    } else {
        Badge::new(Tone::Good, &Words::ENGLISH.text("batches-on-resource"))
    }
}

/// How many wait to be confirmed: "12", "1,000+" when not all were looked at.
fn waiting(counts: &[CustodyCount]) -> String {
    let waits = || counts.iter().filter(|count| matches!(count.place, "assigned" | "handed_out"));
    let more = if waits().any(|count| count.or_more) { "+" } else { "" };
    format!("{}{more}", words::count(waits().map(|count| count.tokens).sum()))
}

fn name_of(text: &str) -> Result<BatchName, ApiError> {
    BatchName::parse(text).map_err(|_| missing("batch"))
}

/// The list of batches.
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let page = asked.page();
    let wanted = asked.q.trim().to_lowercase();
    let (found, next) = state
        .blocking(move |service| {
            let slice = service.batches(&actor, page)?;
            let mut found = Vec::with_capacity(slice.items.len());
            for batch in slice.items {
                let named = batch.batch.name.as_str().to_lowercase().contains(&wanted)
                    || batch.batch.provenance.to_lowercase().contains(&wanted);
                if named {
                    let counts = service.custody_counts(&actor, &batch.batch, ROW_LIMIT)?;
                    found.push((batch, waiting(&counts)));
                }
            }
            Ok((found, slice.next))
        })
        .await?;
    let now = state.service.now();
    let rows: Vec<_> = found
        .into_iter()
        .map(|(batch, waiting)| {
            let places: Vec<_> = batch.resources.iter().map(|(name, _)| name.as_str()).collect();
            view::BatchRow {
                name: batch.batch.name.as_str().to_owned(),
                what: batch.batch.provenance.clone(),
                tokens: words::count(batch.batch.tokens),
                state: state_badge(&batch),
                resources: places.join(", "),
                unconfirmed: waiting,
                imported: words::moment(batch.batch.created_at, now),
            }
        })
        .collect();
    let pager = asked.pager("/admin/batches", rows.len(), "batch", next);
    let title = Words::ENGLISH.text("batches-title");
    let frame = frame::with_done(frame::page(&state, &caller, &title, "batches"), asked.done.as_deref());
    Ok(frame::html(StatusCode::OK, &view::Batches { page: frame, q: asked.q.clone(), rows, pager }))
}

/// What the form at a batch holds.
#[derive(Default)]
struct Giving {
    resource: String,
    serials: Field,
    notice: Option<Notice>,
    preview: Option<Notice>,
}

async fn shown(
    state: &AppState,
    caller: &Caller,
    actor: &Actor,
    name: &BatchName,
    giving: Giving,
    done: Option<&str>,
) -> Result<view::Batch, ApiError> {
    let (actor, name) = (actor.clone(), name.clone());
    let (batch, counts, places) = state
        .blocking(move |service| {
            let batch = service.batch(&actor, &name)?;
            let counts = service.custody_counts(&actor, &batch.batch, PAGE_LIMIT)?;
            Ok((batch, counts, service.resources(&actor, ListPage::first(500))?.items))
        })
        .await?;
    let now = state.service.now();
    let name = batch.batch.name.as_str().to_owned();
    let imported = words::moment(batch.batch.created_at, now);
    let counted = |count: &CustodyCount| {
        let tokens = words::count(count.tokens);
        if count.or_more { Words::ENGLISH.with("batch-or-more", &[("count", tokens.into())]) } else { tokens }
    };
    let custody = counts
        .iter()
        .map(|count| view::CustodyCount {
            badge: custody_badge(count.place),
            count: counted(count),
            href: format!("/admin/tokens?batch={}&custody={}", segment(&name), count.place),
        })
        .collect();
    let fact = |id, value: &str| Fact::new(&Words::ENGLISH.text(id), value);
    let mut facts = vec![
        fact("batch-came-from", &batch.batch.provenance),
        Fact { exact: imported.exact, ..fact("batch-imported", &imported.words) },
        fact("batch-tokens", &words::count(batch.batch.tokens)),
    ];
    if let Some(import) = batch.batch.import {
        let href = format!("/admin/import/{}", import.0);
        facts.push(fact("batch-import", &import.0.to_string()).to(&href));
    }
    let resources = places.into_iter().map(|place| {
        let name = place.resource.name.as_str().to_owned();
        Choice { selected: name == giving.resource, label: name.clone(), value: name }
    });
    let on = batch.resources.iter().map(|(resource, whole)| view::BatchPlace {
        resource: resource.clone(),
        words: Words::ENGLISH.text(if *whole { "batch-whole" } else { "batch-part" }),
        can_undo: true,
    });
    let title = Words::ENGLISH.with("batch-title", &[("name", name.as_str().into())]);
    let [count, shown] = words::plural(batch.batch.tokens);
    let frame = frame::page(state, caller, &title, "batches");
    Ok(view::Batch {
        page: frame::with_done(frame, done),
        words: Words::ENGLISH.with("batch-words", &[count, shown, ("imported", imported.words.into())]),
        state: state_badge(&batch),
        notice: giving.notice,
        custody,
        facts,
        resources: resources.collect(),
        serials: giving.serials,
        preview: giving.preview,
        on: on.collect(),
        name,
    })
}

/// One batch.
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let name = name_of(&name)?;
    let page = shown(&state, &caller, &actor, &name, Giving::default(), asked.done.as_deref()).await?;
    Ok(frame::html(StatusCode::OK, &page))
}

/// Reads serials as typed; ranges may be written with "to".
fn part_of(text: &str) -> Result<BatchPart, ServiceError> {
    if text.is_empty() {
        return Ok(BatchPart::Whole);
    }
    let text = text.replace(" to ", "-");
    Ok(BatchPart::Serials(parse_serial_ranges(&[text])?))
}

/// How many tokens would move, and how many stand somewhere already.
fn count(
    service: &Service,
    actor: &Actor,
    name: &BatchName,
    part: &BatchPart,
) -> Result<(u64, u64), ServiceError> {
    let batch = service.batch(actor, name)?;
    if *part == BatchPart::Whole && batch.resources.is_empty() && batch.detached == 0 {
        return Ok((batch.batch.tokens, 0));
    }
    let query = TokenQuery { batch: Some(name.clone()), ..TokenQuery::default() };
    let (mut free, mut standing) = (0, 0);
    let mut page = ListPage::first(CHUNK);
    loop {
        let slice = service.tokens(actor, &query, page)?;
        for token in slice.items.iter().filter(|t| part.includes(&t.token.serial)) {
            if token.assignments.is_empty() { free += 1 } else { standing += 1 }
        }
        match slice.next {
            Some(next) => page.after = Some(next),
            None => return Ok((free, standing)),
        }
    }
}

fn preview(free: u64, standing: u64, resource: &ResourceName) -> Notice {
    let variables = [
        ("resource", resource.as_str().into()),
        ("free", free.into()),
        ("free-shown", words::count(free).into()),
        ("standing", standing.into()),
        ("standing-shown", words::count(standing).into()),
    ];
    Notice::tell(Tone::Neutral, Words::ENGLISH, "batch-preview", &variables)
}

/// Shows what giving a batch to a resource would change; with `confirmed` does it.
pub(super) async fn assign(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let name = name_of(&name)?;
    let confirmed = fields.is_true("confirmed");
    let mut giving = Giving {
        resource: fields.get("resource").to_owned(),
        serials: Field::of(fields.get("serials")),
        ..Giving::default()
    };
    let answer = match (ResourceName::parse(fields.get("resource")), part_of(fields.get("serials"))) {
        (Ok(resource), Ok(part)) => {
            let (actor, name) = (actor.clone(), name.clone());
            state
                .blocking(move |service| {
                    if confirmed {
                        service.assign_batch(&actor, &name, &resource, part)?;
                        return Ok(None);
                    }
                    let (free, standing) = count(service, &actor, &name, &part)?;
                    Ok(Some(preview(free, standing, &resource)))
                })
                .await
        }
        (Err(error), _) => Err(ApiError::field("resource", "name_invalid", error.to_string())),
        (_, Err(error)) => Err(error.into()),
    };
    let status = match answer {
        Ok(None) => {
            let path = format!("/admin/batches/{}", segment(name.as_str()));
            return Ok(frame::done(&path, "batch-assigned"));
        }
        Ok(Some(preview)) => {
            giving.preview = Some(preview);
            StatusCode::OK
        }
        Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
            giving.serials = typed(&error, "serials", fields.get("serials"));
            if giving.serials.error.is_none() {
                let title = Words::ENGLISH.text("batch-unchanged");
                giving.notice = Some(Notice::new(Tone::Attention, &title, &words::sentence(&error.message)));
            }
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(error) => return Err(error),
    };
    Ok(frame::html(status, &shown(&state, &caller, &actor, &name, giving, None).await?))
}

/// Takes a batch off a resource.
pub(super) async fn unassign(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let name = name_of(&name)?;
    let resource = resource_of(fields.get("resource"))?;
    let path = format!("/admin/batches/{}", segment(name.as_str()));
    state.blocking(move |service| service.unassign_batch(&actor, &name, &resource, BatchPart::Whole)).await?;
    Ok(frame::done(&path, "batch-unassigned"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_counts_what_would_move_and_what_would_stay() {
        let resource = ResourceName::parse("VPN").expect("a name");
        let said = |free, standing| {
            let notice = preview(free, standing, &resource);
            [notice.title, notice.text]
        };
        assert_eq!(said(1, 0), ["1 token would stand on VPN.", "None of them stands on another resource."]);
        assert_eq!(
            said(1_240, 1),
            ["1,240 tokens would stand on VPN.", "1 token stands somewhere already and would stay there."]
        );
        assert_eq!(said(0, 2_000)[1], "2,000 tokens stand somewhere already and would stay there.");
    }
}
