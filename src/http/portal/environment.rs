//! *Manage User Environment*: from where this person signs in.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::{Inside, Place, Sent};
use super::profile::UNFIT;
use super::prove;
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::environment::{EnvironmentRow, Environments};
use crate::http::page::{Badge, Event, Fact, Field, Notice, Tone};
use crate::model::EnvironmentPolicy;
use crate::service::{EnvironmentView, PortalSession, SignInView};

fn row(place: &Place, view: &EnvironmentView) -> EnvironmentRow {
    let words = place.words;
    let one = &view.environment;
    let traits = &one.traits;
    let families = [("browser", traits.browser.as_str().into()), ("system", traits.system.as_str().into())];
    let device = words.with("environment-device", &families);
    let told = |id: &str, kept: &str| {
        let kept = if kept.is_empty() { words.text("environment-untold") } else { words.told(kept) };
        Fact::new(&words.text(id), &kept)
    };
    let moment = |id: &str, at| {
        let moment = place.moment(at);
        Fact { exact: moment.exact, ..Fact::new(&words.text(id), &moment.words) }
    };
    let mut facts = vec![
        Fact::new(&words.text("environment-trait.browser"), &device),
        told("environment-trait.language", &traits.language),
        told("environment-trait.time-zone", &traits.time_zone),
        told("environment-trait.screen", &traits.screen),
        told("environment-trait.network", &traits.network),
        moment("environment-first-seen", one.first_seen),
        moment("environment-last-seen", one.last_seen),
    ];
    if !view.is_this {
        let score = ("score", view.score.into());
        let alike = if view.differences.is_empty() {
            words.with("environment-score", &[score])
        } else {
            let differences = words.differences(&view.differences);
            words.with("environment-score-differs", &[score, ("differences", differences.into())])
        };
        facts.push(Fact::new(&words.text("environment-alike"), &alike));
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

fn policy(place: &Place) -> String {
    let (words, Some(portal)) = (place.words, &place.resource.portal) else { return String::new() };
    let least = [("score", portal.environment_score.into())];
    match portal.environment_policy {
        EnvironmentPolicy::Off => words.text("environment-policy-off"),
        EnvironmentPolicy::Report => words.with("environment-policy-report", &least),
        EnvironmentPolicy::AskOtp => words.with("environment-policy-ask", &least),
        EnvironmentPolicy::Refuse => words.with("environment-policy-refuse", &least),
    }
}

fn sign_in(place: &Place, view: SignInView) -> Event {
    let words = place.words;
    let (tone, icon, what) = if view.is_done {
        (Tone::Good, "log-in", words.text("environment-sign-ins.done"))
    } else {
        (Tone::Attention, "ban", words.text("environment-sign-ins.tried"))
    };
    let who = view.address.map(|address| words.with("environment-from", &[("address", address.into())]));
    Event { tone, icon, what, who: who.unwrap_or_default(), when: place.moment(view.at) }
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
    let words = place.words;
    Ok(Environments {
        page: place.inside(&words.text("action-manage-environment")),
        portal: place.portal(),
        rows: rows.iter().map(|one| row(place, one)).collect(),
        this: Badge::with_icon(Tone::Good, "check", &words.text("environment-this")),
        trusted: Badge::with_icon(Tone::Good, "shield-check", &words.text("environment-trusted")),
        policy: policy(place),
        sign_ins: sign_ins.into_iter().map(|one| sign_in(place, one)).collect(),
        notice,
    })
}

/// The page.
pub(super) async fn show(Inside { place, session }: Inside) -> Response {
    let said = match place.query.as_str() {
        "done=named" => Some("environment-done.named"),
        "done=trusted" => Some("environment-done.trusted"),
        "done=untrusted" => Some("environment-done.untrusted"),
        "done=forgotten" => Some("environment-done.forgotten"),
        _ => None,
    };
    let notice = said.map(|said| Notice::new(Tone::Good, &place.words.text(said), ""));
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
                    row.name = Field::wrong(&name, &place.words.text("name-chars"));
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
