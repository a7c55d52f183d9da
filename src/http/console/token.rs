//! Tokens: the list, and one token with its tabs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, login_of, resource_of, serial_of, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::custody::custody_badge;
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::token as view;
use crate::http::page::{Badge, Choice, Event, Fact, Field, Tone, segment};
use crate::http::state::AppState;
use crate::http::{drift, frame, words};
use crate::model::{BatchName, DisabledBy, OtpSpec, TokenSerial};
use crate::oath::{SessionPadding, YubicoPublicId};
use crate::service::{AuditView, CUSTODY_WORDS, TokenQuery, TokenView};
use crate::store::Page as ListPage;
use crate::words::Words;

/// Batches and resources that the filters offer.
const OFFERED: usize = 500;

fn enabled_badge(token: &TokenView) -> Badge {
    if token.token.disabled.is_none() {
        Badge::with_icon(Tone::Good, "power", &Words::ENGLISH.text("tokens-enabled"))
    } else {
        Badge::with_icon(Tone::Bad, "ban", &Words::ENGLISH.text("tokens-disabled"))
    }
}

/// "TOTP, 6 digits, 30 s".
fn kind_words(spec: &OtpSpec) -> String {
    match spec {
        OtpSpec::Totp { digits, period, .. } => {
            let period = ("period", period.get().into());
            Words::ENGLISH.with("tokens-totp", &[("digits", digits.get().into()), period])
        }
        OtpSpec::Hotp { digits, .. } => {
            Words::ENGLISH.with("tokens-hotp", &[("digits", digits.get().into())])
        }
        OtpSpec::Ocra { .. } | OtpSpec::OcraFilled { .. } => "OCRA".to_owned(),
        OtpSpec::Mail { digits, .. } => {
            Words::ENGLISH.with("tokens-mailed", &[("digits", digits.get().into())])
        }
        OtpSpec::Motp => Words::ENGLISH.text("tokens-motp"),
        OtpSpec::YubicoOtp { public_id } => {
            let public_id = ("id", public_id.to_string().into());
            let id = if spec.public_id().is_some_and(YubicoPublicId::is_empty) {
                "tokens-yubico.without-id"
            } else {
                "tokens-yubico"
            };
            Words::ENGLISH.with(id, &[public_id])
        }
    }
}

fn resources(token: &TokenView) -> String {
    token.assignments.iter().map(|(name, _, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A token as a row of a table.
pub(super) fn row(token: &TokenView, now: UnixTime) -> view::TokenRow {
    view::TokenRow {
        serial: token.token.serial.display().to_owned(),
        enabled: enabled_badge(token),
        custody: custody_badge(token.custody),
        user: token.user.clone(),
        resource: resources(token),
        drift: drift::clock_of(token, now),
        kind: kind_words(&token.spec),
        batch: match &token.creator {
            Some(creator) => {
                let named = [("batch", token.batch.as_str().into()), ("creator", creator.as_str().into())];
                Words::ENGLISH.with("tokens-batch-by", &named)
            }
            None => token.batch.clone(),
        },
    }
}

fn any_and(choices: impl Iterator<Item = Choice>, selected: &str) -> Vec<Choice> {
    Choice::say(Words::ENGLISH, &[("", "tokens-any")], selected).into_iter().chain(choices).collect()
}

/// The list of tokens.
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let query = TokenQuery {
        q: given(asked.q.trim()),
        batch: given(&asked.batch)
            .map(|t| BatchName::parse(&t).map_err(|_| super::missing("batch")))
            .transpose()?,
        resource: given(&asked.resource).map(|text| resource_of(&text)).transpose()?,
        user: given(&asked.user).map(|text| login_of(&text)).transpose()?,
        custody: given(&asked.custody),
        enabled: given(&asked.enabled).map(|text| text == "true"),
        unconfirmed: (asked.unconfirmed == "true").then_some(true),
    };
    let page = asked.page();
    let (slice, batches, places) = state
        .blocking(move |service| {
            let batches = service.batches(&actor, ListPage::first(OFFERED))?.items;
            let places = service.resources(&actor, ListPage::first(OFFERED))?.items;
            Ok((service.tokens(&actor, &query, page)?, batches, places))
        })
        .await?;
    let named = |name: &str, selected: &str| Choice {
        value: name.to_owned(),
        label: name.to_owned(),
        selected: name == selected,
    };
    let batches = batches.iter().map(|b| named(b.batch.name.as_str(), &asked.batch));
    let places = places.iter().map(|r| named(r.resource.name.as_str(), &asked.resource));
    let custody = CUSTODY_WORDS.iter().map(|word| Choice {
        value: (*word).to_owned(),
        label: custody_badge(word).text,
        selected: *word == asked.custody,
    });
    let switched = [("", "tokens-any"), ("true", "tokens-enabled"), ("false", "tokens-disabled")];
    let filter = view::TokenFilter {
        q: asked.q.clone(),
        batches: any_and(batches, &asked.batch),
        resources: any_and(places, &asked.resource),
        custody: any_and(custody, &asked.custody),
        enabled: Choice::say(Words::ENGLISH, &switched, &asked.enabled),
        unconfirmed: asked.unconfirmed == "true",
    };
    let now = state.service.now();
    let rows: Vec<_> = slice.items.iter().map(|token| row(token, now)).collect();
    let pager = asked.pager("/admin/tokens", rows.len(), "token", slice.next);
    let frame = frame::page(&state, &caller, &Words::ENGLISH.text("tokens-title"), "tokens");
    Ok(frame::html(StatusCode::OK, &view::Tokens { page: frame, filter, rows, pager }))
}

/// "With user test, confirmed; clock 12 s slow."
fn state_words(token: &TokenView, now: UnixTime) -> String {
    let custody = custody_badge(token.custody).text;
    let mut words = match &token.user {
        Some(user) => {
            let custody = ("custody", custody.to_lowercase().into());
            Words::ENGLISH.with("token-page-with", &[("user", user.as_str().into()), custody])
        }
        None => custody,
    };
    let places = resources(token);
    if !places.is_empty() {
        let on = [("words", words.into()), ("resources", places.into())];
        words = Words::ENGLISH.with("token-page-on", &on);
    }
    if let Some(clock) = drift::clock_words(token, now) {
        let clock = [("words", words.into()), ("clock", clock.into())];
        words = Words::ENGLISH.with("token-page-clock", &clock);
    }
    words.push('.');
    words
}

/// A token's page with one of its tabs open.
pub(super) fn shell(
    state: &AppState,
    caller: &Caller,
    token: &TokenView,
    tab: view::TokenTab,
    done: Option<&str>,
) -> view::Token {
    let serial = token.token.serial.display().to_owned();
    let title = Words::ENGLISH.with("token-page-title", &[("serial", serial.as_str().into())]);
    let frame = frame::page(state, caller, &title, "tokens");
    view::Token {
        page: frame::with_done(frame, done),
        words: state_words(token, state.service.now()),
        enabled: enabled_badge(token),
        custody: custody_badge(token.custody),
        serial,
        tab,
    }
}

/// The token of an address.
pub(super) async fn find(
    state: &AppState,
    acting: &Acting,
    serial: &TokenSerial,
) -> Result<TokenView, ApiError> {
    let (actor, serial) = (acting.0.clone(), serial.clone());
    state.blocking(move |service| service.token(&actor, &serial)).await
}

/// How session data of an OCRA token are filled up.
pub(super) fn padding_words(padding: SessionPadding) -> String {
    Words::ENGLISH.text(match padding {
        SessionPadding::Left => "token-page-session-data.left",
        SessionPadding::Right => "token-page-session-data.right",
        SessionPadding::Exact => "token-page-session-data.exact",
    })
}

fn facts(token: &TokenView, now: UnixTime) -> Vec<Fact> {
    let fact = |id, value: &str| Fact::new(&Words::ENGLISH.text(id), value);
    let mut facts = vec![fact("tokens-serial", token.token.serial.display()).copied()];
    let kind = match token.spec.suite() {
        Some(suite) => suite.as_str().to_owned(),
        None => match token.spec.hash() {
            Some(hash) => format!("{}, {}", kind_words(&token.spec), hash.name().to_uppercase()),
            None => kind_words(&token.spec),
        },
    };
    facts.push(fact("tokens-kind", &kind));
    if let Some(padding) = token.spec.session_padding() {
        facts.push(fact("token-page-session-data", &padding_words(padding)));
    }
    if !token.token.manufacturer.is_empty() || !token.token.model.is_empty() {
        let made = format!("{} {}", token.token.manufacturer, token.token.model);
        facts.push(fact("token-page-made-by", made.trim()));
    }
    if let Some(user) = &token.user {
        facts.push(fact("tokens-user", user).to(&format!("/admin/users/{}", segment(user))));
    }
    for (name, _, _) in &token.assignments {
        facts.push(fact("tokens-resource", name).to(&format!("/admin/resources/{}", segment(name))));
    }
    if let Some(creator) = &token.creator {
        facts.push(fact("token-page-set-up-by", creator).to(&format!("/admin/users/{}", segment(creator))));
    }
    let others = [("token-page-replaces", &token.replaces), ("token-page-replaced-by", &token.replaced_by)];
    for (id, other) in others {
        if let Some(other) = other {
            facts.push(fact(id, other).to(&format!("/admin/tokens/{}", segment(other))));
        }
    }
    if !token.token.name.is_empty() {
        facts.push(fact("token-page-called", &token.token.name));
    }
    let batch = format!("/admin/batches/{}", segment(&token.batch));
    facts.push(fact("tokens-batch", &token.batch).to(&batch));
    match token.state.last_used {
        Some(at) => {
            let used = words::moment(at, now);
            facts.push(Fact { exact: used.exact, ..fact("token-page-last-used", &used.words) });
        }
        None => facts.push(fact("token-page-last-used", &Words::ENGLISH.text("token-page-never-used"))),
    }
    if let Some(known) = token.state.drift {
        let learned = words::moment(known.learned_at, now);
        let clock = [("clock", drift::clock_of(token, now).into()), ("when", learned.words.into())];
        let text = Words::ENGLISH.with("token-page-drift", &clock);
        facts.push(Fact { exact: format!("{} s", known.seconds), ..fact("tokens-drift", &text) });
    }
    if let Some(until) = token.token.valid_until {
        facts.push(fact("token-page-valid-until", &words::moment(until, now).words));
    }
    let pin = if token.token.pin.is_some() { "token-page-pin-set" } else { "token-page-pin-none" };
    facts.push(fact("token-page-pin", &Words::ENGLISH.text(pin)));
    if !token.token.note.is_empty() {
        facts.push(fact("token-page-note", &token.token.note));
    }
    facts
}

fn overview_tab(token: &TokenView, now: UnixTime, fields: [Field; 3]) -> view::TokenTab {
    let switch = match token.token.disabled {
        None => "token-page-if-disabled",
        Some(DisabledBy::Operator) => "token-page-by-operator",
        Some(DisabledBy::Issue) => "token-page-by-issue",
        Some(DisabledBy::Replaced) => "token-page-by-other",
    };
    let allowed = token.token.custody.allowed().iter().filter(|word| **word != "confirmed");
    let custody_choices = allowed
        .enumerate()
        .map(|(at, word)| Choice {
            value: (*word).to_owned(),
            label: custody_badge(word).text,
            selected: at == 0,
        })
        .collect();
    let [user, note, pin_note] = fields;
    view::TokenTab::Overview(Box::new(view::Overview {
        clock: drift::chart(token, now, "clock"),
        clock_remarks: drift::remarks(token, now),
        facts: facts(token, now),
        is_enabled: token.token.disabled.is_none(),
        switch_words: Words::ENGLISH.text(switch),
        custody_choices,
        user,
        note,
        pin_note: token.token.pin.as_ref().map(|_| pin_note),
    }))
}

/// Facts, switch and custody.
pub(super) async fn overview(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let token = find(&state, &acting, &serial_of(&serial)?).await?;
    let tab =
        overview_tab(&token, state.service.now(), [Field::default(), Field::default(), Field::default()]);
    Ok(frame::html(StatusCode::OK, &shell(&state, &caller, &token, tab, asked.done.as_deref())))
}

fn address(serial: &TokenSerial) -> String {
    format!("/admin/tokens/{}", segment(serial.display()))
}

/// Switches a token on or off.
pub(super) async fn edit(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(serial): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let enabled = fields.is_true("enabled");
    if enabled && actor.role != Some(crate::model::Role::Admin) {
        return Err(ApiError::forbidden());
    }
    let named = serial.clone();
    state.blocking(move |service| service.set_token_enabled(&actor, &named, enabled)).await?;
    Ok(frame::done(&address(&serial), if enabled { "token-enabled" } else { "token-disabled" }))
}

/// Notes where a token is.
pub(super) async fn custody(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let (to, note) = (fields.get("to").to_owned(), fields.get("note").to_owned());
    let user = Some(fields.get("user")).filter(|login| !login.is_empty());
    let moved = match user.map(crate::model::Login::parse).transpose() {
        Ok(user) => {
            let (actor, named) = (acting.0.clone(), serial.clone());
            state
                .blocking(move |service| service.set_custody(&actor, &named, &to, user.as_ref(), &note))
                .await
        }
        Err(error) => Err(ApiError::field("user", "name_invalid", error.to_string())),
    };
    let Err(error) = moved else { return Ok(frame::done(&address(&serial), "custody")) };
    if !matches!(
        error.status,
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::NOT_FOUND
    ) {
        return Err(error);
    }
    let token = find(&state, &acting, &serial).await?;
    let mut user = typed(&error, "user", fields.get("user"));
    let mut note = typed(&error, "note", fields.get("note"));
    if user.error.is_none() && note.error.is_none() {
        let place = if error.status == StatusCode::NOT_FOUND { &mut user } else { &mut note };
        place.error = Some(words::sentence(&error.message));
    }
    let tab = overview_tab(&token, state.service.now(), [user, note, Field::default()]);
    Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &shell(&state, &caller, &token, tab, None)))
}

/// Removes a forgotten PIN.
pub(super) async fn remove_pin(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let note = fields.get("pin_note").to_owned();
    let (actor, named, noted) = (acting.0.clone(), serial.clone(), note.clone());
    match state.blocking(move |service| service.remove_pin(&actor, &named, &noted)).await {
        Ok(()) => Ok(frame::done(&address(&serial), "pin-removed")),
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let token = find(&state, &acting, &serial).await?;
            let field = Field::wrong(&note, &words::sentence(&error.message));
            let tab = overview_tab(&token, state.service.now(), [Field::default(), Field::default(), field]);
            Ok(frame::html(error.status, &shell(&state, &caller, &token, tab, None)))
        }
        Err(error) => Err(error),
    }
}

fn event(record: &AuditView, now: UnixTime) -> Event {
    let done = record.result == crate::model::AuditResult::Done;
    let mut what = super::operation::action_words(record.action);
    if !done {
        what = Words::ENGLISH.with("token-page-refused", &[("what", what.into())]);
    }
    let detail = super::operation::detail_words(&record.detail);
    if !detail.is_empty() {
        what.push_str(" (");
        what.push_str(&detail);
        what.push(')');
    }
    let tone = if done { Tone::Neutral } else { Tone::Bad };
    let icon = if done { "check" } else { "x" };
    Event { tone, icon, what, who: record.actor.clone(), when: words::moment(record.at, now) }
}

/// What happened to a token, newest first.
pub(super) async fn history(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let token = find(&state, &acting, &serial).await?;
    let actor = acting.0.clone();
    let records =
        state.blocking(move |service| service.token_history(&actor, &serial, ListPage::first(200))).await?;
    let now = state.service.now();
    let mut events: Vec<Event> = records.items.iter().map(|record| event(record, now)).collect();
    if records.next.is_none() {
        // The import's own record is about the batch, not about each of a million tokens.
        events.push(Event {
            tone: Tone::Neutral,
            icon: "package",
            what: Words::ENGLISH.with("token-page-came", &[("batch", token.batch.as_str().into())]),
            who: String::new(),
            when: words::moment(token.token.created_at, now),
        });
    }
    let tab = view::TokenTab::History(events);
    Ok(frame::html(StatusCode::OK, &shell(&state, &caller, &token, tab, None)))
}
