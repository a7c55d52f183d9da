//! User issues: people who cannot sign in any more, *Verify Identity* and *Delete*.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, missing, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::user_issue as view;
use crate::http::page::{Badge, Fact, Field, Notice, Tone};
use crate::http::permission::Permission;
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::{
    Actor, Claim, DisabledBy, EmailAddress, Factor, IssueState, PhoneNumber, UserIssue, UserIssueId,
};
use crate::service::{IssueVerdict, UserIssueView};

/// From so many on they stand in a table.
const MANY: usize = 10;

fn id_of(text: &str) -> Result<UserIssueId, ApiError> {
    text.parse().map(UserIssueId).map_err(|_| missing("user issue"))
}

fn authenticator(factor: Factor, claim: Claim) -> view::Authenticator {
    let (icon, name, none) = match factor {
        Factor::Token => ("key-round", "Token", "No token"),
        Factor::Password => ("lock", "Password", "No password"),
        Factor::Email => ("mail", "E-mail", "No e-mail"),
    };
    let state = match claim {
        Claim::Absent => Badge::with_icon(Tone::Neutral, "circle", none),
        Claim::Lost => Badge::with_icon(Tone::Bad, "circle-x", &format!("{name} lost")),
        Claim::Proved => Badge::with_icon(Tone::Good, "circle-check", &format!("{name} proved")),
        Claim::Unproved => Badge::with_icon(Tone::Bad, "circle-question-mark", &format!("{name} not proved")),
    };
    view::Authenticator { icon, state }
}

/// What an ended or open state is called.
fn state_words(state: &IssueState) -> &'static str {
    match state {
        IssueState::Open => "Open",
        IssueState::Approved { .. } => "Approved",
        IssueState::DeletedByOperator { .. } => "Deleted by an operator",
        IssueState::DeletedBySignIn { .. } => "Deleted by signing in",
        IssueState::ClosedWithAnother { .. } => "Closed with another",
        IssueState::Expired { .. } => "Expired",
        IssueState::Cancelled { .. } => "Cancelled by mail",
    }
}

fn state_badge(issue: &UserIssueView, now: UnixTime) -> Badge {
    let record = &issue.issue;
    match (&record.state, record.effect_at, record.approvals.len()) {
        (IssueState::Open, Some(at), _) => {
            let text = format!("Takes effect {}", words::moment(at, now).words);
            Badge::with_icon(Tone::Attention, "clock", &text)
        }
        (IssueState::Open, None, 1..) => {
            Badge::with_icon(Tone::Attention, "user-check", "Needs another operator")
        }
        (IssueState::Open, None, 0) => Badge::with_icon(Tone::Attention, "clock", "Open"),
        (IssueState::Approved { .. }, ..) => Badge::new(Tone::Good, state_words(&record.state)),
        (ended, ..) => Badge::with_icon(Tone::Neutral, "archive", state_words(ended)),
    }
}

fn notice(issue: &UserIssueView) -> Option<Notice> {
    let record = &issue.issue;
    if !record.is_open() {
        return None;
    }
    if issue.is_outdated {
        let text = "Password, address or token are others than those that were proved. Delete the request; the person \
                    can make another.";
        return Some(Notice::new(Tone::Attention, "What was proved has changed since then.", text));
    }
    if record.needs_two() {
        let wait = match issue.wait_hours {
            0 => "with the second one's word".to_owned(),
            hours => format!("{} after that", words::duration(u64::from(hours) * 3_600)),
        };
        let text = format!(
            "Anybody who knows the login can ask like this. Two operators establish who it is, one after the other, and \
             it takes effect {wait}. Until then whoever reads the old e-mail can cancel it, and so does signing in."
        );
        return Some(Notice::new(Tone::Attention, "Nothing was proved.", &text));
    }
    match &issue.token {
        Some((serial, Some(DisabledBy::Operator))) => {
            let text = format!(
                "Token {serial} is not lost to the program but switched off. Approving lets the person in without it: \
                 find out first why it was disabled."
            );
            Some(Notice::new(Tone::Attention, "An operator disabled this token.", &text))
        }
        _ => None,
    }
}

fn card(issue: &UserIssueView, may_decide: bool, now: UnixTime) -> view::IssueCard {
    let (record, user) = (&issue.issue, &issue.user);
    let name = format!("{} {}", user.first_name, user.last_name).trim().to_owned();
    let mut facts = vec![
        Fact::new("Resource", &issue.resource),
        Fact::new("From", &format!("{}, {}", record.address, record.browser)),
        Fact::new("E-mail on record", user.email.as_ref().map_or("none", EmailAddress::as_str)),
        Fact::new("Phone on record", user.phone.as_ref().map_or("none", PhoneNumber::as_str)),
    ];
    if let Some((serial, _)) = &issue.token {
        facts.push(Fact::new("Lost token", serial.display()).to(&format!("/admin/tokens/{serial}")));
    }
    if let Some(to) = &record.new_email {
        facts.push(Fact::new("New e-mail", to.as_str()));
    }
    let earlier = issue.earlier.iter().take(5).map(|one| {
        format!(
            "{} ({}, {})",
            one.reference,
            state_words(&one.state),
            words::moment(one.opened_at, now).words
        )
    });
    let earlier = earlier.collect::<Vec<_>>().join("; ");
    let more = issue.earlier.len().saturating_sub(5);
    facts.push(Fact::new(
        "Other requests",
        &match (earlier.is_empty(), more) {
            (true, _) => "none".to_owned(),
            (false, 0) => earlier,
            (false, more) => format!("{earlier}; and {more} more"),
        },
    ));
    if let Some(link) = &record.proves_email {
        let words = if now < link.expires_at {
            format!("not opened yet, works until {}", words::moment(link.expires_at, now).words)
        } else {
            "was not opened in its day".to_owned()
        };
        facts.push(Fact::new("Link to the new e-mail", &words));
    }
    if record.displaced > 0 {
        let before = words::counted(u64::from(record.displaced), "request");
        facts.push(Fact::new("In the place of", &format!("{before} that proved nothing")));
    }
    let approvals = record.approvals.iter();
    view::IssueCard {
        id: record.id.0,
        login: user.login.as_str().to_owned(),
        name,
        reference: record.reference.to_string(),
        when: words::moment(record.opened_at, now),
        state: state_badge(issue, now),
        authenticators: Factor::ALL.map(|factor| authenticator(factor, record.claims.of(factor))).to_vec(),
        facts,
        approvals: approvals
            .map(|word| format!("{}, {}: {}", word.by, words::moment(word.at, now).words, word.note))
            .collect(),
        notice: notice(issue),
        can_verify: may_decide && record.is_open() && record.effect_at.is_none() && !issue.is_outdated,
        can_delete: may_decide && record.is_open(),
        can_mail_link: may_decide
            && record.proves_email.is_some()
            && record.is_approved_within(UserIssue::LINKS_SECS, now),
    }
}

fn may_decide(actor: &Actor) -> bool {
    actor.role.is_some_and(|role| Permission::DecideIssues.allows(role))
}

/// The list.
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let (acting, page) = (actor.clone(), asked.page());
    let slice = state.blocking(move |service| service.user_issues(&acting, page)).await?;
    let (now, may) = (state.service.now(), may_decide(&actor));
    let cards: Vec<_> = slice.items.iter().map(|issue| card(issue, may, now)).collect();
    let pager = asked.pager("/admin/user-issues", cards.len(), "request", slice.next);
    let frame = frame::page(&state, &caller, "User Issues", "user-issues");
    let page = view::UserIssues {
        page: frame::with_done(frame, asked.done.as_deref()),
        as_table: cards.len() >= MANY,
        cards,
        pager,
    };
    Ok(frame::html(StatusCode::OK, &page))
}

async fn one(
    state: &AppState,
    caller: &Caller,
    actor: &Actor,
    id: UserIssueId,
) -> Result<view::UserIssue, ApiError> {
    let acting = actor.clone();
    let issue = state.blocking(move |service| service.user_issue(&acting, id)).await?;
    Ok(view::UserIssue {
        page: frame::page(state, caller, "User Issue", "user-issues"),
        card: card(&issue, may_decide(actor), state.service.now()),
        reference: Field::default(),
        note: Field::default(),
        problem: None,
    })
}

/// One of them.
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(frame::html(StatusCode::OK, &one(&state, &caller, &actor, id_of(&id)?).await?))
}

/// *Verify Identity*.
pub(super) async fn verify(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = id_of(&id)?;
    let (acting, reference, note) =
        (actor.clone(), fields.get("reference").to_owned(), fields.get("note").to_owned());
    let verdict =
        state.blocking(move |service| service.verify_user_issue(&acting, id, &reference, &note)).await;
    match verdict {
        Ok(verdict) => Ok(frame::done(
            "/admin/user-issues",
            match verdict {
                IssueVerdict::Approved => "issue-approved",
                IssueVerdict::FirstOfTwo => "issue-first",
                IssueVerdict::Waits { .. } => "issue-waits",
            },
        )),
        Err(error) if matches!(error.status.as_u16(), 403 | 409 | 422) => {
            let mut page = one(&state, &caller, &actor, id).await?;
            page.reference = typed(&error, "reference", fields.get("reference"));
            page.note = typed(&error, "note", fields.get("note"));
            if error.field.is_none() {
                let text = words::sentence(&error.message);
                page.problem = Some(Notice::new(Tone::Bad, "Nothing was changed.", &text));
            }
            Ok(frame::html(error.status, &page))
        }
        Err(error) => Err(error),
    }
}

/// The link to the new address, mailed again.
pub(super) async fn link(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = id_of(&id)?;
    let acting = actor.clone();
    match state.blocking(move |service| service.mail_issue_link(&acting, id)).await {
        Ok(_) => Ok(frame::done("/admin/user-issues", "issue-link")),
        Err(error) if matches!(error.status.as_u16(), 403 | 409) => {
            let mut page = one(&state, &caller, &actor, id).await?;
            let text = words::sentence(&error.message);
            page.problem = Some(Notice::new(Tone::Bad, "Nothing was mailed.", &text));
            Ok(frame::html(error.status, &page))
        }
        Err(error) => Err(error),
    }
}

/// *Delete*.
pub(super) async fn delete(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = id_of(&id)?;
    state.blocking(move |service| service.delete_user_issue(&actor, id)).await?;
    Ok(frame::done("/admin/user-issues", "issue-deleted"))
}
