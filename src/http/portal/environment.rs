//! *Manage User Environment*: from where this person signs in.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::{Inside, Place, Sent};
use super::profile::UNFIT;
use super::prove;
use crate::clock::UnixTime;
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::environment::{EnvironmentRow, Environments};
use crate::http::page::{Badge, Event, Fact, Field, Notice, Tone};
use crate::http::words;
use crate::model::{EnvironmentPolicy, Resource};
use crate::service::{EnvironmentView, PortalSession, SignInView};

fn row(view: &EnvironmentView, now: UnixTime) -> EnvironmentRow {
    let one = &view.environment;
    let traits = &one.traits;
    let device = format!("{} on {}", traits.browser, traits.system);
    let told = |text: &str| if text.is_empty() { "not told".to_owned() } else { text.to_owned() };
    let moment = |term, at| {
        let moment = words::moment(at, now);
        Fact { exact: moment.exact, ..Fact::new(term, &moment.words) }
    };
    let mut facts = vec![
        Fact::new("Browser", &device),
        Fact::new("Language", &told(&traits.language)),
        Fact::new("Time zone", &told(&traits.time_zone)),
        Fact::new("Screen", &told(&traits.screen)),
        Fact::new("Network", &told(&traits.network)),
        moment("First seen", one.first_seen),
        moment("Last seen", one.last_seen),
    ];
    if !view.is_this {
        let reasons = view.differences.join("; ");
        let alike = if reasons.is_empty() {
            format!("{} of 100", view.score)
        } else {
            format!("{} of 100: {reasons}", view.score)
        };
        facts.push(Fact::new("Alike to this one", &alike));
    }
    EnvironmentRow {
        number: one.number,
        title: if one.name.is_empty() { device } else { one.name.clone() },
        is_this: view.is_this,
        trusted: one.trusted,
        facts,
        name: Field::of(&one.name),
        prefix: format!("e{}-", one.number),
    }
}

fn policy(resource: &Resource) -> String {
    let Some(portal) = &resource.portal else { return String::new() };
    let does = match portal.environment_policy {
        EnvironmentPolicy::Off => return "Unusual sign-ins lead to nothing here.".to_owned(),
        EnvironmentPolicy::Report => "you are told",
        EnvironmentPolicy::AskOtp => {
            "a code is mailed to you and asked for, if you have no token; without a mail address you are not let in"
        }
        EnvironmentPolicy::Refuse => "nobody is let in, and you are told",
    };
    format!("When a sign-in is less than {} of 100 alike to each of these, {does}.", portal.environment_score)
}

fn sign_in(view: SignInView, now: UnixTime) -> Event {
    let (tone, icon, what) = if view.is_done {
        (Tone::Good, "log-in", "Signed in")
    } else {
        (Tone::Attention, "ban", "Tried, not let in")
    };
    let who = view.address.map(|address| format!("from {address}")).unwrap_or_default();
    Event { tone, icon, what: what.to_owned(), who, when: words::moment(view.at, now) }
}

async fn page(
    place: &Place,
    session: &Arc<PortalSession>,
    notice: Option<Notice>,
) -> Result<Environments, ApiError> {
    let asked = Arc::clone(session);
    let read = place.state.blocking(move |service| {
        Ok((service.portal_environments(&asked)?, service.portal_sign_ins(&asked)?))
    });
    let (rows, sign_ins) = read.await?;
    let now = place.state.service.now();
    Ok(Environments {
        page: place.inside("Manage User Environment"),
        portal: place.portal(),
        rows: rows.iter().map(|one| row(one, now)).collect(),
        this: Badge::with_icon(Tone::Good, "check", "This one"),
        trusted: Badge::with_icon(Tone::Good, "shield-check", "Trusted"),
        policy: policy(&place.resource),
        sign_ins: sign_ins.into_iter().map(|one| sign_in(one, now)).collect(),
        notice,
    })
}

/// The page.
pub(super) async fn show(Inside { place, session }: Inside) -> Response {
    let said = match place.query.as_str() {
        "done=named" => Some("The name is saved."),
        "done=trusted" => Some("It is trusted from now on."),
        "done=untrusted" => Some("It is trusted no longer."),
        "done=forgotten" => Some("It is forgotten."),
        _ => None,
    };
    let notice = said.map(|said| Notice::new(Tone::Good, said, ""));
    let result = page(&place, &session, notice).await.map(|page| html(StatusCode::OK, &page));
    place.answer(result)
}

fn number(typed: &Typed) -> Result<u32, ApiError> {
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no such environment");
    typed.text("number").parse().map_err(|_| unknown())
}

/// A name, or forgetting, which asks first who is there.
pub(super) async fn change(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let (number, visit, asked) = (number(&typed)?, place.visit(), Arc::clone(&session));
        if typed.text("step") == "forget" {
            place
                .state
                .blocking(move |service| service.portal_forget_environment(&asked, number, &visit))
                .await?;
            return Ok(place.go("environment?done=forgotten"));
        }
        let name = typed.text("name").to_owned();
        let given = name.clone();
        let named = place
            .state
            .blocking(move |service| service.portal_name_environment(&asked, number, &given, &visit));
        match named.await {
            Ok(()) => Ok(place.go("environment?done=named")),
            Err(error) if error.field == Some("name") => {
                let mut page = page(&place, &session, None).await?;
                if let Some(row) = page.rows.iter_mut().find(|row| row.number == number) {
                    row.name = Field::wrong(&name, &words::sentence(&error.message));
                }
                Ok(html(UNFIT, &page))
            }
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer_or_prove(result, &prove::FORGET, &typed).await
}

/// Trust, which asks first who is there; or an end of it.
pub(super) async fn trust(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let (number, visit, trusted) = (number(&typed)?, place.visit(), typed.text("no").is_empty());
        place
            .state
            .blocking(move |service| service.portal_trust_environment(&session, number, trusted, &visit))
            .await?;
        Ok(place.go(if trusted { "environment?done=trusted" } else { "environment?done=untrusted" }))
    };
    let result = result.await;
    place.answer_or_prove(result, &prove::TRUST, &typed).await
}

/// *Sign out everywhere*.
pub(super) async fn leave_everywhere(Sent { place, session, .. }: Sent) -> Response {
    let result = async {
        let visit = place.visit();
        place.state.blocking(move |service| service.portal_sign_out_everywhere(&session, &visit)).await?;
        Ok(place.go_with("portal?signed-out", None))
    };
    let result = result.await;
    place.answer(result)
}
