//! Running the place: audit, operators, API keys, and the outbox of a demonstration.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, scope, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::operation as view;
use crate::http::page::{Badge, Choice, Field, Notice, Pager, Tone, segment};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::{Actor, AuditAction, AuditResult, Login, Role};
use crate::secret::Passphrase;
use crate::service::{AuditView, OperatorView, ServiceError};
use crate::store::Page as ListPage;
use crate::words::Words;

/// Records that one page of a filtered log looks at.
const LOOKED_AT: usize = 1_000;
const MAILS: usize = 100;

/// "Token changed" from `token_changed`.
pub(super) fn action_words(name: &str) -> String {
    words::sentence(&name.replace('_', " ")).trim_end_matches('.').to_owned()
}

/// "reason: person at the desk, assigned: 12".
pub(super) fn detail_words(detail: &[(String, String)]) -> String {
    let told: Vec<_> =
        detail.iter().map(|(name, value)| format!("{}: {value}", name.replace('_', " "))).collect();
    told.join(", ")
}

fn subject_link(kind: &str, name: &str) -> Option<String> {
    let place = match kind {
        "token" => "tokens",
        "user" => "users",
        "resource" => "resources",
        "batch" => "batches",
        "import" => "import",
        _ => return None,
    };
    (!name.starts_with("no longer here")).then(|| format!("/admin/{place}/{}", segment(name)))
}

fn audit_row(record: &AuditView, now: UnixTime) -> view::AuditRow {
    let mut what = action_words(record.action);
    if record.result == AuditResult::Refused {
        what = Words::ENGLISH.with("audit-refused", &[("what", what.into())]);
    }
    let who = match &record.address {
        Some(address) => Words::ENGLISH.with(
            "audit-who-from",
            &[("who", record.actor.as_str().into()), ("address", address.as_str().into())],
        ),
        None => record.actor.clone(),
    };
    let names: Vec<_> = record.subjects.iter().map(|(_, name)| name.as_str()).collect();
    let href = record.subjects.first().and_then(|(kind, name)| subject_link(kind, name));
    view::AuditRow {
        when: words::moment(record.at, now),
        who,
        what,
        subject: names.join(", "),
        href,
        detail: detail_words(&record.detail),
    }
}

fn fits(record: &AuditView, text: &str, action: &str) -> bool {
    let has = |value: &str| value.to_lowercase().contains(text);
    let about = || has(&record.actor) || record.subjects.iter().any(|(_, name)| has(name));
    (action.is_empty() || record.action == action) && (text.is_empty() || about())
}

async fn log(
    state: &AppState,
    caller: &Caller,
    actor: Actor,
    asked: &Asked,
    verified: Option<Notice>,
) -> Result<view::Audit, ApiError> {
    let (text, action) = (asked.q.trim().to_lowercase(), asked.action.clone());
    let limit = if text.is_empty() && action.is_empty() { super::ROWS } else { LOOKED_AT };
    let page = ListPage { limit, ..asked.page() };
    let is_admin = actor.role == Some(Role::Admin);
    let read =
        state.blocking(move |service| Ok((service.audit(&actor, None, page)?, service.clock_fault()?)));
    let (slice, fault) = read.await?;
    let now = state.service.now();
    let clock = fault.map(|newest| {
        let error = ApiError::from(ServiceError::ClockFault { now, newest });
        let title = Words::ENGLISH.text("audit-clock-fault");
        Notice::new(Tone::Bad, &title, &words::sentence(&error.message))
    });
    let fitting = slice.items.iter().filter(|record| fits(record, &text, &action));
    let rows: Vec<_> = fitting.map(|record| audit_row(record, now)).collect();
    let any =
        Choice { value: String::new(), label: Words::ENGLISH.text("audit-any"), selected: action.is_empty() };
    let kinds = AuditAction::ALL.iter().map(|kind| Choice {
        value: kind.name().to_owned(),
        label: action_words(kind.name()),
        selected: kind.name() == action,
    });
    let mut pager = asked.pager("/admin/audit", rows.len(), "record", slice.next);
    if rows.is_empty() && slice.next.is_some() {
        pager.words = Words::ENGLISH.text("audit-none-here");
    }
    Ok(view::Audit {
        page: frame::page(state, caller, &Words::ENGLISH.text("frame-audit"), "audit"),
        q: asked.q.clone(),
        actions: std::iter::once(any).chain(kinds).collect(),
        rows,
        pager,
        can_accept: is_admin && clock.is_some(),
        clock,
        verified,
    })
}

/// The audit log.
pub(super) async fn audit(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    Ok(frame::html(StatusCode::OK, &log(&state, &caller, actor, &asked, None).await?))
}

/// Verifies the chain and says what was found.
pub(super) async fn verify(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let verifier = actor.clone();
    let report = state.blocking(move |service| service.verify_audit(&verifier)).await?;
    let notice = match report.fault {
        None => {
            let records = [("records", words::counted(report.records, "record").into())];
            Notice::tell(Tone::Good, Words::ENGLISH, "audit-whole", &records)
        }
        Some((chain, n, fault)) => {
            let place = [
                ("number", words::count(n).into()),
                ("chain", chain.to_string().into()),
                ("fault", fault.name().replace('_', " ").into()),
            ];
            Notice::tell(Tone::Bad, Words::ENGLISH, "audit-broken", &place)
        }
    };
    Ok(frame::html(StatusCode::OK, &log(&state, &caller, actor, &Asked::default(), Some(notice)).await?))
}

/// Accepts the clock as it is; the second operator who does so ends the fault.
pub(super) async fn accept_clock(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let operator = actor.clone();
    let notice = if state.blocking(move |service| service.accept_clock(&operator)).await? {
        Notice::say(Tone::Good, Words::ENGLISH, "audit-clock-accepted")
    } else {
        Notice::say(Tone::Attention, Words::ENGLISH, "audit-clock-first")
    };
    Ok(frame::html(StatusCode::OK, &log(&state, &caller, actor, &Asked::default(), Some(notice)).await?))
}

fn access_row(view: &OperatorView, now: UnixTime, is_key: bool) -> view::AccessRow {
    let (tone, icon, id) = match (view.enabled, is_key) {
        (true, _) => (Tone::Good, Tone::Good.icon(), "operator-active"),
        (false, true) => (Tone::Neutral, "ban", "key-is-revoked"),
        (false, false) => (Tone::Neutral, "ban", "operator-disabled"),
    };
    view::AccessRow {
        name: view.name.clone(),
        role: view.role.name().to_owned(),
        scope: match &view.resources {
            Some(names) => names.join(", "),
            None => Words::ENGLISH.text("operator-scope-all"),
        },
        state: Badge::with_icon(tone, icon, &Words::ENGLISH.text(id)),
        since: words::moment(view.created_at, now),
        revocable: is_key && view.enabled,
    }
}

fn people_roles(selected: &str) -> Vec<Choice> {
    let roles = [
        ("helpdesk", "operator-role-helpdesk"),
        ("station", "operator-role-station"),
        ("auditor", "operator-role-auditor"),
        ("admin", "operator-role-admin"),
    ];
    Choice::say(Words::ENGLISH, &roles, if selected.is_empty() { "helpdesk" } else { selected })
}

fn key_roles(selected: &str) -> Vec<Choice> {
    let roles = [
        ("verifier", "key-role-verifier"),
        ("provisioner", "key-role-provisioner"),
        ("auditor", "key-role-auditor"),
        ("admin", "key-role-admin"),
    ];
    Choice::say(Words::ENGLISH, &roles, if selected.is_empty() { "verifier" } else { selected })
}

fn role_of(text: &str) -> Result<Role, ServiceError> {
    Role::from_name(text).ok_or_else(|| ServiceError::invalid("role", "role_unknown", "choose a role"))
}

/// A form's error belongs to one of its fields; the first takes what belongs to none.
fn place(mut fields: Vec<&mut Field>, error: &ApiError) {
    if fields.iter().all(|field| field.error.is_none())
        && let Some(first) = fields.first_mut()
    {
        first.error = Some(words::sentence(&error.message));
    }
}

fn is_about_input(error: &ApiError) -> bool {
    matches!(error.status.as_u16(), 404 | 409 | 422)
}

/// Whoever asks for a page of the console is signed in.
fn acting(caller: &Caller) -> Result<Actor, ApiError> {
    caller.actor.clone().ok_or_else(ApiError::unauthorized)
}

async fn operators_page(
    state: &AppState,
    caller: &Caller,
    done: Option<&str>,
    refused: Option<(&ApiError, &Fields)>,
) -> Result<view::Operators, ApiError> {
    let actor = acting(caller)?;
    let slice = state.blocking(move |service| service.operators(&actor, ListPage::first(1_000))).await?;
    let now = state.service.now();
    let frame = frame::page(state, caller, &Words::ENGLISH.text("frame-operators"), "operators");
    let mut page = view::Operators {
        page: frame::with_done(frame, done),
        rows: slice.items.iter().map(|operator| access_row(operator, now, false)).collect(),
        login: Field::default(),
        roles: people_roles(refused.map_or("", |(_, fields)| fields.get("role"))),
        scope: Field::default(),
        password: Field::default(),
    };
    if let Some((error, fields)) = refused {
        page.login = typed(error, "login", fields.get("login"));
        page.scope = typed(error, "scope", fields.get("scope"));
        page.password = typed(error, "password", "");
        place(vec![&mut page.login, &mut page.scope, &mut page.password], error);
    }
    Ok(page)
}

/// The operators.
pub(super) async fn operators(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    Ok(frame::html(StatusCode::OK, &operators_page(&state, &caller, asked.done.as_deref(), None).await?))
}

/// Adds an operator.
pub(super) async fn add_operator(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(mut fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let password = Passphrase::from_text(fields.take("password"));
    let parsed = Login::parse(fields.get("login"))
        .map_err(ServiceError::name("login"))
        .and_then(|login| Ok((login, role_of(fields.get("role"))?, scope(fields.get("scope"))?)));
    let added = match parsed {
        Ok((login, role, resources)) => {
            state
                .blocking(move |service| {
                    service.add_operator(&actor, &login, &password, role, resources.as_deref())
                })
                .await
        }
        Err(error) => Err(error.into()),
    };
    match added {
        Ok(()) => Ok(frame::done("/admin/operators", "operator-added")),
        Err(error) if is_about_input(&error) => {
            let page = operators_page(&state, &caller, None, Some((&error, &fields))).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

async fn keys_page(
    state: &AppState,
    caller: &Caller,
    done: Option<&str>,
    created: Option<view::NewKey>,
    refused: Option<(&ApiError, &Fields)>,
) -> Result<view::Keys, ApiError> {
    let actor = acting(caller)?;
    let slice = state.blocking(move |service| service.api_keys(&actor, ListPage::first(1_000))).await?;
    let now = state.service.now();
    let frame = frame::page(state, caller, &Words::ENGLISH.text("frame-keys"), "keys");
    let mut page = view::Keys {
        page: frame::with_done(frame, done),
        rows: slice.items.iter().map(|key| access_row(key, now, true)).collect(),
        created,
        name: Field::default(),
        roles: key_roles(refused.map_or("", |(_, fields)| fields.get("role"))),
        scope: Field::default(),
    };
    if let Some((error, fields)) = refused {
        page.name = typed(error, "name", fields.get("name"));
        page.scope = typed(error, "scope", fields.get("scope"));
        place(vec![&mut page.name, &mut page.scope], error);
    }
    Ok(page)
}

/// The API keys.
pub(super) async fn keys(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    Ok(frame::html(StatusCode::OK, &keys_page(&state, &caller, asked.done.as_deref(), None, None).await?))
}

/// Adds a key and shows it, this once.
#[expect(clippy::disallowed_methods, reason = "the one showing of a key")]
pub(super) async fn add_key(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let name = fields.get("name").to_owned();
    let parsed = role_of(fields.get("role")).and_then(|role| Ok((role, scope(fields.get("scope"))?)));
    let added = match parsed {
        Ok((role, resources)) => {
            state
                .blocking(move |service| service.add_api_key(&actor, &name, role, resources.as_deref()))
                .await
        }
        Err(error) => Err(error.into()),
    };
    match added {
        Ok(new) => {
            let key = String::from_utf8_lossy(new.key.expose()).into_owned();
            let created = view::NewKey { name: new.name, key };
            Ok(frame::html(StatusCode::OK, &keys_page(&state, &caller, None, Some(created), None).await?))
        }
        Err(error) if is_about_input(&error) => {
            let page = keys_page(&state, &caller, None, None, Some((&error, &fields))).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

/// Revokes a key.
pub(super) async fn revoke_key(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    state.blocking(move |service| service.revoke_api_key(&actor, &name)).await?;
    Ok(frame::done("/admin/keys", "key-revoked"))
}

/// Mails that a demonstration did not send. They hold codes, so an admin alone reads them.
pub(super) async fn outbox(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    let actor = acting(&caller)?;
    let mails = state.blocking(move |service| service.outbox(&actor, MAILS)).await?;
    let now = state.service.now();
    let mails = mails
        .into_iter()
        .map(|open| view::OutboxMail {
            to: open.mail.to.as_str().to_owned(),
            subject: open.mail.subject,
            text: open.text.as_str().to_owned(),
            when: words::moment(open.mail.created_at, now),
        })
        .collect();
    let page = frame::page(&state, &caller, &Words::ENGLISH.text("frame-outbox"), "outbox");
    Ok(frame::html(StatusCode::OK, &view::Outbox { page, mails, pager: Pager::default() }))
}
