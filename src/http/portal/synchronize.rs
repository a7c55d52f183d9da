//! *Token Synchronization*, and what is said of consecutive codes that did not fit.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{done_page, not_offered, read_home, whom_to_ask};
use super::keypad;
use super::place::{Inside, Place, Sent};
use super::sign_in::{blocked, misfit};
use crate::clock::UnixTime;
use crate::http::codes::{repeated_at, ring_of};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::Synchronize;
use crate::http::page::{Choice, Code, Notice, Tone};
use crate::model::PortalAction;
use crate::service::{
    Advice, Advised, KeypadPage, PortalHome, PortalSession, SequenceOutcome, SequenceResult, TokenView,
};
use crate::words::Words;

async fn synchronize_page(
    place: &Place,
    session: &Arc<PortalSession>,
    status: StatusCode,
    token: &TokenView,
    codes: Vec<Code>,
    notice: Option<Notice>,
) -> Result<Response, ApiError> {
    let asked = keypad::asked(place, session, KeypadPage::Synchronization, codes).await?;
    let serial = token.token.serial.display();
    let page = Synchronize {
        page: place.inside(&place.words.text("action-synchronize-token")),
        portal: place.portal(),
        serials: Choice::list(&[(serial, serial)], serial),
        codes: asked.fields,
        ring: ring_of(token, place.state.service.now()),
        notice: asked.notice.or(notice),
    };
    Ok(html(status, &page))
}

/// The fields that bring this token back. What a keypad is asked says how many there are.
fn codes_of(place: &Place, home: &PortalHome, token: &TokenView) -> Vec<Code> {
    let is_keypad = token.spec.suite().is_some();
    let fields = Code::fields(place.words, if is_keypad { 1 } else { home.confirm_codes });
    Code::shaped(fields, token.spec.shape())
}

/// *Token Synchronization*, and `?done` after it.
pub(super) async fn synchronize(Inside { place, session }: Inside) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        if place.query == "done" && home.token.is_some() {
            let next = place.words.text("synchronize-done.next");
            let heading = place.words.text("synchronize-done");
            return Ok(done_page(&place, &home, &heading, &place.words.text("token-codes-fit"), next));
        }
        match &home.token {
            Some(token) if home.actions.contains(&PortalAction::SynchronizeToken) => {
                let codes = codes_of(&place, &home, token);
                synchronize_page(&place, &session, StatusCode::OK, token, codes, None).await
            }
            _ => Err(not_offered()),
        }
    };
    let result = result.await;
    place.answer(result)
}

/// *Token Synchronization*, sent.
pub(super) async fn synchronized(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        let token = home.token.as_ref().ok_or_else(not_offered)?;
        let again = |fields, notice| {
            let unfit = StatusCode::UNPROCESSABLE_ENTITY;
            synchronize_page(&place, &session, unfit, token, fields, notice)
        };
        let codes = match typed.codes(place.words, codes_of(&place, &home, token).len(), token.spec.shape()) {
            Ok(codes) => codes,
            Err(fields) => return again(fields, None).await,
        };
        let (given, repeated, visit) = (codes.len(), repeated_at(&codes), place.visit());
        let asked = Arc::clone(&session);
        let advised =
            place.state.blocking(move |service| service.portal_synchronize_advised(&asked, &codes, &visit));
        match advised.await {
            Ok(Advised {
                outcome: SequenceOutcome { result: SequenceResult::Synchronized { .. }, .. },
                ..
            }) => Ok(place.go("tokens/synchronize?done")),
            Ok(Advised { outcome, advice }) => {
                let notice = match advice {
                    Some(advice) => advice_notice(&place, advice),
                    None => outcome_notice(&place, &outcome),
                };
                let count = outcome.otps_needed.max(codes_of(&place, &home, token).len());
                again(Code::fields(place.words, count), Some(notice)).await
            }
            Err(error) => match codes_problem(place.words, &error, given, repeated) {
                Some((fields, notice)) => again(fields, notice).await,
                None => Err(error),
            },
        }
    };
    let result = result.await;
    place.answer(result)
}

/// Why consecutive codes did not bring the token back, for its owner; one that no code can bring back is for the desk.
pub(super) fn outcome_notice(place: &Place, outcome: &SequenceOutcome) -> Notice {
    if outcome.stays_ambiguous() {
        return advice_notice(place, Advice::Helpdesk);
    }
    sequence_notice(place.words, outcome.result, place.state.service.now())
}

fn sequence_notice(words: Words, result: SequenceResult, now: UnixTime) -> Notice {
    let (tone, id) = match result {
        SequenceResult::Replayed => (Tone::Attention, "sequence-replayed"),
        SequenceResult::MoreOtpsNeeded | SequenceResult::Ambiguous => (Tone::Attention, "sequence-more"),
        SequenceResult::BehindFloor { usable_from: Some(at), .. } => {
            let text = words.with("sequence-behind.until", &[("when", words.moment(at, now).into())]);
            return Notice::new(Tone::Bad, &words.text("sequence-behind"), &text);
        }
        SequenceResult::BehindFloor { usable_from: None, .. } => (Tone::Bad, "sequence-behind"),
        SequenceResult::Blocked { until } => return blocked(words, until, now),
        SequenceResult::Synchronized { .. } | SequenceResult::NotFound => (Tone::Bad, "sequence-not-found"),
    };
    Notice::say(tone, words, id)
}

/// What the owner of a token can do whose codes did not fit.
fn advice_notice(place: &Place, advice: Advice) -> Notice {
    let id = match advice {
        Advice::Order => "sequence-order",
        Advice::LeftOut => "sequence-left-out",
        Advice::Pin => "sequence-pin",
        Advice::OtherToken => "sequence-other",
        Advice::Helpdesk => return whom_to_ask(place, Tone::Bad, "sequence-helpdesk"),
    };
    Notice::say(Tone::Attention, place.words, id)
}

/// What of an error can be said beside the codes.
pub(super) fn codes_problem(
    words: Words,
    error: &ApiError,
    given: usize,
    repeated: usize,
) -> Option<(Vec<Code>, Option<Notice>)> {
    if let Some(fields) = misfit(words, error, given, repeated) {
        return Some((fields, None));
    }
    // A token that is switched off answers like one that does not fit.
    let off = matches!(error.code, "token_disabled" | "token_not_yet_valid" | "pin_not_known");
    off.then(|| {
        (Code::fields(words, given), Some(sequence_notice(words, SequenceResult::NotFound, UnixTime::EPOCH)))
    })
}
