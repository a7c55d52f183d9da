//! A token without a legible number: whose codes are these.

use axum::http::StatusCode;
use axum::response::Response;

use super::banner;
use super::find::{seen, token_page};
use super::place::Place;
use super::recent::recent;
use crate::http::codes::{Typed, fields_with, repeated_at};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, StopWhenDropped};
use crate::http::frame::html;
use crate::http::page::station::Whose;
use crate::http::page::{Code, Field, Notice, Tone};
use crate::http::words;
use crate::model::BatchName;
use crate::oath::CodeSequence;
use crate::service::{IdentifyOutcome, IdentifyRequest, IdentifyResult};
use crate::words::Words;

const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
/// Fields that are offered: three codes name one token of any stock.
const FIELDS: usize = 3;

async fn page(
    place: &Place,
    status: StatusCode,
    banner: Option<Notice>,
    codes: Vec<Code>,
    batch: Field,
) -> Result<Response, ApiError> {
    let recent = recent(place).await?;
    let page = place.page(&Words::ENGLISH.text("station-whose-title"));
    Ok(html(status, &Whose { page, find: Field::default(), banner, codes, batch, recent }))
}

fn empty() -> Vec<Code> {
    Code::fields(Words::ENGLISH, FIELDS)
}

/// The fields.
pub(super) async fn form(place: Place) -> Response {
    let result = page(&place, StatusCode::OK, None, empty(), Field::default()).await;
    place.answer(result)
}

/// Looks for the token.
pub(super) async fn look(place: Place, form: Result<PageForm<Typed>, ApiError>) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let text = typed.text("batch").to_owned();
        let otps = match typed.codes(Words::ENGLISH, 1, None) {
            Ok(otps) => otps,
            Err(mut fields) => {
                fields.extend(empty().into_iter().skip(fields.len()));
                return page(&place, UNFIT, None, fields, Field::of(&text)).await;
            }
        };
        let batch = match (!text.is_empty()).then(|| BatchName::parse(&text)).transpose() {
            Ok(batch) => batch,
            Err(error) => {
                let field = Field::wrong(&text, &words::sentence(&error.to_string()));
                return page(&place, UNFIT, None, empty(), field).await;
            }
        };
        let (given, repeated) = (otps.len(), repeated_at(&otps));
        let request = IdentifyRequest { otps, batch, resource: None, window: None };
        let actor = place.actor.clone();
        let (_stops, stop) = StopWhenDropped::new();
        let outcome = place.state.blocking(move |service| service.identify(&actor, &request, &stop)).await;
        match outcome {
            Ok(outcome) => said(&place, &outcome, given, &text).await,
            Err(error) if error.status == StatusCode::NOT_FOUND => {
                let field = Field::wrong(&text, &Words::ENGLISH.text("station-whose-no-batch"));
                page(&place, UNFIT, None, empty(), field).await
            }
            Err(error) if error.field == Some("otps") => {
                let at = if error.code == "same_code_twice" { repeated } else { 0 };
                let problem = words::sentence(&error.message);
                let fields = fields_with(Words::ENGLISH, given.max(FIELDS), at, &problem);
                page(&place, UNFIT, None, fields, Field::of(&text)).await
            }
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer(result)
}

async fn said(
    place: &Place,
    outcome: &IdentifyOutcome,
    given: usize,
    batch: &str,
) -> Result<Response, ApiError> {
    let tell = |tone, id: &str| Notice::say(tone, Words::ENGLISH, id);
    match (outcome.result, &outcome.matches[..]) {
        (IdentifyResult::Found, [found]) => {
            let seen = seen(place, &found.serial).await?;
            let notice = banner::found(found.steps, found.seconds, &seen.token);
            token_page(place, StatusCode::OK, &seen, Some(notice), |_| {}).await
        }
        (IdentifyResult::Ambiguous, several) => {
            let serials: Vec<&str> = several.iter().map(|found| found.serial.display()).collect();
            let variables = [("serials", serials.join(", ").into())];
            if given >= CodeSequence::MAX_LEN {
                let notice = Notice::tell(Tone::Bad, Words::ENGLISH, "station-whose-same", &variables);
                return page(place, StatusCode::OK, Some(notice), empty(), Field::of(batch)).await;
            }
            let notice = Notice::tell(Tone::Attention, Words::ENGLISH, "station-whose-several", &variables);
            let fields = Code::fields(Words::ENGLISH, (given + 1).max(FIELDS));
            page(place, StatusCode::OK, Some(notice), fields, Field::of(batch)).await
        }
        (IdentifyResult::MoreOtpsNeeded, _) => {
            let notice = tell(Tone::Attention, "station-whose-more");
            let fields = Code::fields(Words::ENGLISH, outcome.otps_needed.max(FIELDS));
            page(place, StatusCode::OK, Some(notice), fields, Field::of(batch)).await
        }
        _ => {
            let notice = tell(Tone::Bad, "station-whose-nobody");
            page(place, StatusCode::OK, Some(notice), empty(), Field::of(batch)).await
        }
    }
}
