//! A token that is being set up: the code that proves it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{done_page, read_home};
use super::place::{Inside, Place, Sent};
use super::setup::Purpose;
use super::sign_in::{blocked, enough_mails};
use super::synchronize::codes_problem;
use crate::clock::UnixTime;
use crate::http::codes::{repeated_at, ring};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::setup::{Draft, Shown};
use crate::http::page::{Code, Fact, Notice, Tone};
use crate::http::qr;
use crate::model::{OtpSpec, TokenType};
use crate::service::{DraftResult, DraftView, PortalSession};
use crate::words::Words;

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
    let (draft, words) = (&view.draft, place.words);
    let fact = |id: &str, value: &str| Fact::new(&words.text(id), value);
    let mut facts = Vec::new();
    if !draft.name.is_empty() {
        facts.push(fact("draft-about.name", &draft.name));
    }
    facts.push(fact("draft-about.service", place.shown_name()));
    if view.shown.is_some()
        && let Some(user) = place.session.as_ref().and_then(|session| session.user.as_ref())
    {
        facts.push(fact("draft-about.account", user.login.as_str()));
    }
    if draft.token_type == TokenType::Hardware {
        let model = format!("{} {}", draft.manufacturer, draft.model);
        facts.push(fact("register-model", model.trim()));
        facts.push(fact("confirm-serial", draft.serial.display()));
    }
    let pace = match draft.spec {
        OtpSpec::Totp { period, .. } => words.with("draft-every", &[("secs", period.get().into())]),
        OtpSpec::Mail { .. } => words.text("draft-about.mail"),
        _ => words.text("draft-about.press"),
    };
    facts.push(fact("draft-about.new-code", &pace));
    if draft.spec.is_mailed() {
        return facts;
    }
    if let Some(digits) = draft.spec.digits() {
        facts.push(fact("draft-about.digits", &digits.get().to_string()));
    }
    let Some(hash) = draft.spec.hash() else { return facts };
    facts.push(fact("register-hash", crate::http::words::hash_name(hash)));
    facts
}

/// The fields that the page shows: a second code, not needed, for devices whose clock may be off.
fn code_fields(place: &Place, view: &DraftView) -> Vec<Code> {
    let draft = &view.draft;
    let has_clock = !matches!(draft.token_type, TokenType::Software | TokenType::Mail);
    let second = draft.failures > 0 && has_clock;
    let mut fields = Code::fields(place.words, if second { view.codes.max(2) } else { view.codes });
    if let [only] = fields.as_mut_slice() {
        only.label = place.words.text("code");
    }
    if view.codes == 1 && fields.len() == 2 {
        fields[1].label = place.words.text("draft-type.clock-may-be-off");
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
    let heading = place.words.text(purpose.heading());
    let page = Draft {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        shown: view.shown.as_ref().map(|shown| Shown {
            qr: qr::svg(&shown.uri, &place.words.text("draft-scan.picture")),
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
                let (heading, next) = if place.query == "done" {
                    let name = [("place", place.shown_name().into())];
                    ("draft-done", place.words.with("draft-done.next", &name))
                } else {
                    ("reassign-done", place.words.text("reassign-done.next"))
                };
                let (heading, text) = (place.words.text(heading), place.words.text("token-code-fits"));
                return Ok(done_page(&place, &home, &heading, &text, next));
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

fn refused(words: Words, view: &DraftView, clock_secs: Option<i64>, left: u32, now: UnixTime) -> Notice {
    let sort = view.draft.token_type;
    let left = ("left", left.into());
    if sort == TokenType::Mail {
        return Notice::tell(Tone::Bad, words, "draft-mail-refused", &[left]);
    }
    let clock = ("clock", time_of_day(now, true).into());
    if let Some(secs) = clock_secs {
        let id =
            if sort == TokenType::Software { "draft-clock-wrong.phone" } else { "draft-clock-wrong.token" };
        let text = words.with(id, &[left, clock, ("off", words.clock(secs).into())]);
        return Notice::new(Tone::Attention, &words.text("draft-clock-wrong"), &text);
    }
    let id = match sort {
        TokenType::Software => "draft-refused.software",
        TokenType::Hardware => "draft-refused.hardware",
        TokenType::Universal | TokenType::Mail => "draft-refused.universal",
    };
    Notice::new(Tone::Bad, &words.text("draft-refused"), &words.with(id, &[left, clock]))
}

/// The code, sent.
pub(super) async fn prove(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let Some(view) = drafted(&place, &session).await? else { return Ok(gone(&place)) };
        if !typed.text("mail").is_empty() && view.mailed.is_some() {
            return mail_again(&place, &session).await;
        }
        let unfit = StatusCode::UNPROCESSABLE_ENTITY;
        let codes = match typed.codes(place.words, view.codes, view.draft.spec.shape()) {
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
                    let notice = Some(refused(place.words, &view, clock_secs, left, now));
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
        Notice::say(Tone::Neutral, place.words, "otp-mail-sent")
    } else {
        enough_mails(place.words)
    };
    Ok(draft_page(place, StatusCode::OK, &view, code_fields(place, &view), Some(notice)))
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
