//! A token that is being set up: the code that proves it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{codes_problem, done_page, read_home};
use super::place::{Inside, Place, Sent};
use super::setup::Purpose;
use super::sign_in::{blocked, enough_mails};
use crate::clock::UnixTime;
use crate::http::codes::{repeated_at, ring};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::setup::{Draft, Shown};
use crate::http::page::{Code, Fact, Notice, Tone};
use crate::http::{qr, words};
use crate::model::{OtpSpec, TokenType};
use crate::oath::HashAlg;
use crate::service::{DraftResult, DraftView, PortalSession};

/// The key in groups of four.
fn grouped(base32: &str) -> String {
    let fours: Vec<&str> =
        base32.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    fours.join(" ")
}

fn time_of_day(at: UnixTime, seconds: bool) -> String {
    let utc = at.to_utc();
    if seconds {
        format!("{:02}:{:02}:{:02} UTC", utc.hour(), utc.minute(), utc.second())
    } else {
        format!("{:02}:{:02} UTC", utc.hour(), utc.minute())
    }
}

fn facts(place: &Place, view: &DraftView) -> Vec<Fact> {
    let draft = &view.draft;
    let mut facts = Vec::new();
    if !draft.name.is_empty() {
        facts.push(Fact::new("Name", &draft.name));
    }
    facts.push(Fact::new("Service", place.resource.name.as_str()));
    if view.shown.is_some()
        && let Some(user) = place.session.as_ref().and_then(|session| session.user.as_ref())
    {
        facts.push(Fact::new("Account", user.login.as_str()));
    }
    if draft.token_type == TokenType::Hardware {
        let model = format!("{} {}", draft.manufacturer, draft.model);
        facts.push(Fact::new("Model", model.trim()));
        facts.push(Fact::new("Serial number", draft.serial.display()));
    }
    match draft.spec {
        OtpSpec::Totp { period, .. } => {
            facts.push(Fact::new("A new code", &format!("every {} s", period.get())));
        }
        OtpSpec::Mail { .. } => {
            facts.push(Fact::new("A new code", "by mail, at each sign-in"));
            return facts;
        }
        _ => facts.push(Fact::new("A new code", "at each press")),
    }
    if let Some(digits) = draft.spec.digits() {
        facts.push(Fact::new("Digits", &digits.get().to_string()));
    }
    if let Some(hash) = draft.spec.hash() {
        let name = match hash {
            HashAlg::Sha1 => "SHA-1",
            HashAlg::Sha256 => "SHA-256",
            HashAlg::Sha512 => "SHA-512",
        };
        facts.push(Fact::new("Hash", name));
    }
    facts
}

/// The fields that the page shows: a second code, not needed, for devices whose clock may be off.
fn code_fields(place: &Place, view: &DraftView) -> Vec<Code> {
    let draft = &view.draft;
    let has_clock = !matches!(draft.token_type, TokenType::Software | TokenType::Mail);
    let second = draft.failures > 0 && has_clock;
    let mut fields = Code::fields(place.words, if second { view.codes.max(2) } else { view.codes });
    if let [only] = fields.as_mut_slice() {
        "Code".clone_into(&mut only.label);
    }
    if view.codes == 1 && fields.len() == 2 {
        "Next code, if its clock may be off".clone_into(&mut fields[1].label);
    }
    fields
}

fn draft_page(
    place: &Place,
    status: StatusCode,
    view: &DraftView,
    codes: Vec<Code>,
    notice: Option<Notice>,
) -> Response {
    let now = place.state.service.now();
    let purpose = if view.draft.replaces.is_some() { Purpose::Replace } else { Purpose::First };
    let page = Draft {
        page: place.inside(purpose.heading()),
        portal: place.portal(),
        heading: purpose.heading(),
        shown: view.shown.as_ref().map(|shown| Shown {
            qr: qr::svg(&shown.uri, "QR code of your new token"),
            key: grouped(&shown.base32),
        }),
        mailed: view.mailed.as_ref().map(|mailed| (mailed.hint.clone(), mailed.until.is_some())),
        facts: facts(place, view),
        codes,
        ring: match view.draft.spec {
            OtpSpec::Totp { period, .. } => Some(ring(u32::try_from(period.get()).unwrap_or(30), now)),
            _ => None,
        },
        clock: time_of_day(now, true),
        until: time_of_day(view.draft.ends_at(), false),
        notice,
    };
    html(status, &page)
}

async fn drafted(place: &Place, session: &Arc<PortalSession>) -> Result<Option<DraftView>, ApiError> {
    let session = Arc::clone(session);
    place.state.blocking(move |service| service.portal_drafted(&session)).await
}

/// The code that proves the new token, and `?done` after it.
pub(super) async fn proof(Inside { place, session }: Inside) -> Response {
    let result = async {
        if matches!(place.query.as_str(), "done" | "replaced") {
            let home = read_home(&place, &session).await?;
            if home.token.is_some() {
                let service = &place.resource.name;
                let (heading, next) = if place.query == "done" {
                    let next = format!("From now on, {service} asks for its code when you sign in.");
                    ("Your new token is ready", next)
                } else {
                    let next = "The old one is switched off. From now on, use the new one.".to_owned();
                    ("Your token was replaced", next)
                };
                return Ok(done_page(&place, &home, heading, "The code fits.", next));
            }
        }
        match drafted(&place, &session).await? {
            Some(view) => Ok(draft_page(&place, StatusCode::OK, &view, code_fields(&place, &view), None)),
            None => Ok(place.go("home")),
        }
    };
    let result = result.await;
    place.answer(result)
}

fn refused(view: &DraftView, clock_secs: Option<i64>, left: u32, now: UnixTime) -> Notice {
    let tries = words::counted(u64::from(left), "more try").replace("trys", "tries");
    if view.draft.token_type == TokenType::Mail {
        let text = format!("Only the newest code works, once and for ten minutes. {tries}.");
        return Notice::new(Tone::Bad, "That code did not fit.", &text);
    }
    let device = if view.draft.token_type == TokenType::Software { "phone" } else { "token" };
    if let Some(secs) = clock_secs {
        let text = format!(
            "The clock of your {device} is {}; ours was checked and shows {}. Set it right (on a phone: date and time by themselves; some apps have a time correction of their own), then type the next code. {tries}.",
            words::clock(secs),
            time_of_day(now, true),
        );
        return Notice::new(Tone::Attention, "Your code fits, but for another time.", &text);
    }
    let check = match view.draft.token_type {
        TokenType::Software => "Scan the code anew, and look at the date and time of your phone",
        TokenType::Hardware => {
            "Check the serial number, the model and the secret, and the clock of the token"
        }
        TokenType::Universal | TokenType::Mail => {
            "Check the secret and what you said about the token, and its clock"
        }
    };
    let text = format!(
        "{check}; some apps have a time correction. Our clock was checked and shows {}. Then type the next code. {tries}.",
        time_of_day(now, true),
    );
    Notice::new(Tone::Bad, "We could not set up this token.", &text)
}

/// The code, sent.
pub(super) async fn prove(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let Some(view) = drafted(&place, &session).await? else { return Ok(gone(&place)) };
        if !typed.text("mail").is_empty() && view.mailed.is_some() {
            return mail_again(&place, &session).await;
        }
        let unfit = StatusCode::UNPROCESSABLE_ENTITY;
        let codes = match typed.codes(place.words, view.codes) {
            Ok(codes) => codes,
            Err(fields) => return Ok(draft_page(&place, unfit, &view, fields, None)),
        };
        let (given, repeated) = (codes.len(), repeated_at(&codes));
        let (asked, visit) = (Arc::clone(&session), place.visit());
        let outcome = place.state.blocking(move |service| service.portal_finish(&asked, &codes, &visit));
        let outcome = match outcome.await {
            Ok(outcome) => outcome,
            Err(error) => {
                return match codes_problem(place.words, &error, given, repeated) {
                    Some((fields, notice)) => Ok(draft_page(&place, unfit, &view, fields, notice)),
                    None => Err(error),
                };
            }
        };
        let now = place.state.service.now();
        Ok(match outcome {
            DraftResult::Made { .. } if view.draft.replaces.is_some() => place.go("tokens/draft?replaced"),
            DraftResult::Made { .. } => place.go("tokens/draft?done"),
            DraftResult::Refused { clock_secs, left } => match drafted(&place, &session).await? {
                Some(view) => {
                    let notice = Some(refused(&view, clock_secs, left, now));
                    draft_page(&place, unfit, &view, code_fields(&place, &view), notice)
                }
                None => gone(&place),
            },
            DraftResult::Blocked { until } => {
                let notice = Some(blocked(place.words, until, now));
                draft_page(&place, StatusCode::TOO_MANY_REQUESTS, &view, code_fields(&place, &view), notice)
            }
            DraftResult::Gone => gone(&place),
        })
    };
    let result = result.await;
    place.answer(result)
}

/// Another code for a token by mail.
async fn mail_again(place: &Place, session: &Arc<PortalSession>) -> Result<Response, ApiError> {
    let (asked, visit) = (Arc::clone(session), place.visit());
    let sent = place.state.blocking(move |service| service.portal_mail_draft(&asked, &visit)).await?;
    let Some(view) = drafted(place, session).await? else { return Ok(gone(place)) };
    let notice = if sent {
        Notice::new(Tone::Neutral, "A code is on its way.", "An earlier one is useless now.")
    } else {
        enough_mails(place.words)
    };
    Ok(draft_page(place, StatusCode::OK, &view, code_fields(&place, &view), Some(notice)))
}

/// There is nothing to prove any more.
fn gone(place: &Place) -> Response {
    place.go("home?draft-ended")
}

/// The user does not want it.
pub(super) async fn drop_draft(Sent { place, session, .. }: Sent) -> Response {
    let result = async {
        let visit = place.visit();
        place.state.blocking(move |service| service.portal_drop_draft(&session, &visit)).await?;
        Ok(place.go("home"))
    };
    let result = result.await;
    place.answer(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_grouped_in_fours() {
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
    }
}
