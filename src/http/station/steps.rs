//! What is done to a token at the desk.

use axum::http::StatusCode;
use axum::response::Response;

use super::banner;
use super::desk::place_words;
use super::find::{Seen, home_page, seen, token_page};
use super::place::{Place, serial_of};
use crate::http::codes::{Typed, code_problem, fields_with, repeated_at};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::page::station::Desk;
use crate::http::page::{Code, Field, Notice, Tone};
use crate::http::words;
use crate::model::{Login, OtpSpec, ResourceName};
use crate::oath::Otp;
use crate::service::{
    Between, CheckResult, ConfirmRequest, ConfirmResult, Explained, ResyncRequest, SequenceResult,
};
use crate::words::Words;

type Form = Result<PageForm<Typed>, ApiError>;

const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

fn not_done(problem: &str) -> Notice {
    Notice::new(Tone::Bad, &Words::ENGLISH.text("station-not-done"), problem)
}

/// An error of a step, beside the token it was meant for: at its field, or as a banner.
async fn refused(
    place: &Place,
    seen: &Seen,
    error: ApiError,
    codes: &[usize; 2],
    adjust: impl FnOnce(&mut Desk),
) -> Result<Response, ApiError> {
    let [given, repeated] = *codes;
    let text = words::sentence(&error.message);
    match (error.status, error.field) {
        (UNFIT, Some("otp" | "otps")) => {
            let at = if error.code == "same_code_twice" { repeated } else { 0 };
            token_page(place, UNFIT, seen, None, |desk| {
                adjust(desk);
                desk.codes = fields_with(Words::ENGLISH, given.max(2), at, &text);
            })
            .await
        }
        (UNFIT, Some("reason")) => {
            token_page(place, UNFIT, seen, None, |desk| {
                adjust(desk);
                desk.reason = Field::wrong(&desk.reason.value, &text);
            })
            .await
        }
        (UNFIT | StatusCode::CONFLICT | StatusCode::FORBIDDEN, _) => {
            let notice = not_done(&text);
            token_page(place, error.status, seen, Some(notice), adjust).await
        }
        _ => Err(error),
    }
}

/// Consecutive codes bring a token back.
pub(super) async fn resync(place: Place, Path(serial): Path<String>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let serial = serial_of(&serial)?;
        let before = seen(&place, &serial).await?;
        let reason = typed.text("reason").to_owned();
        let keep = |desk: &mut Desk| desk.reason = Field::of(&reason);
        let codes = match typed.codes(Words::ENGLISH, 2, before.token.spec.shape()) {
            Ok(codes) => codes,
            Err(fields) => {
                return token_page(&place, UNFIT, &before, None, |desk| {
                    keep(desk);
                    desk.codes = fields;
                })
                .await;
            }
        };
        let sizes = [codes.len(), repeated_at(&codes)];
        let (actor, asked, why) = (place.actor.clone(), serial.clone(), reason.clone());
        let challenges = typed.challenges(codes.len());
        // With shorter steps people type slower than the codes come.
        let shows_time = matches!(before.token.spec, OtpSpec::Totp { period, .. } if period.get() >= 30);
        let passed = typed.seconds_between(codes.len()).filter(|_| shows_time);
        let outcome = place.state.blocking(move |service| {
            let between = passed.as_deref().map_or(Between::Nothing, Between::Seconds);
            let reason = Some(why.as_str());
            let request = ResyncRequest {
                challenges: &challenges,
                reason,
                between,
                ..ResyncRequest::new(&asked, &codes)
            };
            service.resync_explained(&actor, &request)
        });
        let Explained { outcome, diagnosis } = match outcome.await {
            Ok(explained) => explained,
            Err(error) => return refused(&place, &before, error, &sizes, keep).await,
        };
        let now = place.state.service.now();
        let notice = banner::resync(outcome, diagnosis.as_ref(), !reason.is_empty(), now, &before.token);
        Ok(match outcome.result {
            SequenceResult::Synchronized { .. } => {
                home_page(&place, StatusCode::OK, Field::default(), Some(notice), Vec::new()).await?
            }
            SequenceResult::MoreOtpsNeeded | SequenceResult::Ambiguous => {
                token_page(&place, StatusCode::OK, &before, Some(notice), |desk| {
                    keep(desk);
                    desk.codes = Code::fields(Words::ENGLISH, outcome.otps_needed.max(2));
                })
                .await?
            }
            _ => {
                token_page(&place, StatusCode::OK, &before, Some(notice), |desk| {
                    keep(desk);
                    desk.codes = Code::fields(Words::ENGLISH, sizes[0]);
                })
                .await?
            }
        })
    };
    let result = result.await;
    place.answer(result)
}

/// Checks the first code.
pub(super) async fn check(place: Place, Path(serial): Path<String>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let serial = serial_of(&serial)?;
        let before = seen(&place, &serial).await?;
        let otp = match Otp::parse_shaped(typed.text("otp1"), before.token.spec.shape()) {
            Ok(otp) => otp,
            Err(error) => {
                return token_page(&place, UNFIT, &before, None, |desk| {
                    desk.codes = fields_with(Words::ENGLISH, 2, 0, &code_problem(Words::ENGLISH, error));
                })
                .await;
            }
        };
        let (actor, asked) = (place.actor.clone(), serial.clone());
        let challenge = typed.challenges(1).pop();
        let outcome = place
            .state
            .blocking(move |service| service.check_response(&actor, &asked, challenge.as_deref(), &otp));
        let outcome = match outcome.await {
            Ok(outcome) => outcome,
            Err(error) => return refused(&place, &before, error, &[2, 0], |_| {}).await,
        };
        let after = seen(&place, &serial).await?;
        let notice = banner::check(outcome, place.state.service.now(), &after.token);
        let accepted = matches!(outcome, CheckResult::Accepted { .. });
        token_page(&place, StatusCode::OK, &after, Some(notice), |desk| desk.focus_codes = !accepted).await
    };
    let result = result.await;
    place.answer(result)
}

/// Hands a token out to a person by name.
pub(super) async fn hand_out(place: Place, Path(serial): Path<String>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let serial = serial_of(&serial)?;
        let before = seen(&place, &serial).await?;
        let text = typed.text("login").to_owned();
        let wrong = |problem: String| {
            let (place, before, text) = (&place, &before, &text);
            token_page(place, UNFIT, before, Some(not_done(&problem)), move |desk| {
                desk.focus_codes = false;
                desk.handout = Field::wrong(text, &problem);
            })
        };
        let login = match Login::parse(&text) {
            Ok(login) => login,
            Err(error) => return wrong(words::sentence(&error.to_string())).await,
        };
        let (actor, asked, to) = (place.actor.clone(), serial.clone(), login.clone());
        let moved = place
            .state
            .blocking(move |service| service.set_custody(&actor, &asked, "handed_out", Some(&to), ""));
        match moved.await {
            Ok(()) => {}
            Err(error) if error.status == StatusCode::NOT_FOUND => {
                return wrong(Words::ENGLISH.text("station-nobody")).await;
            }
            Err(error) => return refused(&place, &before, error, &[2, 0], |_| {}).await,
        }
        let after = seen(&place, &serial).await?;
        let variables = [("serial", serial_words(&after).into()), ("login", login.as_str().into())];
        let notice = Notice::tell(Tone::Good, Words::ENGLISH, "station-handed-out", &variables);
        token_page(&place, StatusCode::OK, &after, Some(notice), |_| {}).await
    };
    let result = result.await;
    place.answer(result)
}

fn serial_words(seen: &Seen) -> &str {
    seen.token.token.serial.display()
}

/// Takes a hand-out back.
pub(super) async fn take_back(place: Place, Path(serial): Path<String>, form: Form) -> Response {
    let result = async {
        form?;
        let serial = serial_of(&serial)?;
        let before = seen(&place, &serial).await?;
        let (actor, asked) = (place.actor.clone(), serial.clone());
        let moved = place.state.blocking(move |service| {
            service.set_custody(&actor, &asked, "in_stock", None, "hand-out undone")
        });
        if let Err(error) = moved.await {
            return refused(&place, &before, error, &[2, 0], |_| {}).await;
        }
        let variables = [("serial", serial_words(&before).into())];
        let notice = Notice::tell(Tone::Good, Words::ENGLISH, "station-taken-back", &variables);
        home_page(&place, StatusCode::OK, Field::default(), Some(notice), Vec::new()).await
    };
    let result = result.await;
    place.answer(result)
}

/// Notes where a token is.
pub(super) async fn move_to(place: Place, Path(serial): Path<String>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let serial = serial_of(&serial)?;
        let before = seen(&place, &serial).await?;
        let (actor, asked, to) = (place.actor.clone(), serial.clone(), typed.text("to").to_owned());
        let moved = place.state.blocking(move |service| service.set_custody(&actor, &asked, &to, None, ""));
        if let Err(error) = moved.await {
            return refused(&place, &before, error, &[2, 0], |_| {}).await;
        }
        let after = seen(&place, &serial).await?;
        let place_now = place_words(after.token.custody);
        let variables = [("serial", serial_words(&after).into()), ("place", place_now.into())];
        let notice = Notice::tell(Tone::Good, Words::ENGLISH, "station-noted", &variables);
        token_page(&place, StatusCode::OK, &after, Some(notice), |desk| desk.focus_codes = false).await
    };
    let result = result.await;
    place.answer(result)
}

/// Confirms a token for the person at the desk.
pub(super) async fn confirm(place: Place, Path(serial): Path<String>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let serial = serial_of(&serial)?;
        let before = seen(&place, &serial).await?;
        let codes = match typed.codes(Words::ENGLISH, 1, before.token.spec.shape()) {
            Ok(codes) => codes,
            Err(mut fields) => {
                fields.extend(Code::fields(Words::ENGLISH, 2).into_iter().skip(fields.len()));
                return token_page(&place, UNFIT, &before, None, |desk| desk.codes = fields).await;
            }
        };
        let broken = |field| ApiError::field(field, "name_invalid", "the page is too old: load it again");
        let user = Login::parse(typed.text("user")).map_err(|_| broken("user"))?;
        let resource = ResourceName::parse(typed.text("resource")).map_err(|_| broken("resource"))?;
        let sizes = [codes.len(), repeated_at(&codes)];
        let (actor, asked, login) = (place.actor.clone(), serial.clone(), user.to_string());
        let challenges = typed.challenges(codes.len());
        let outcome = place.state.blocking(move |service| {
            let request = ConfirmRequest { resource: &resource, user: &user, serial: &asked, otps: &codes };
            service.confirm_explained(&actor, &request, &challenges)
        });
        let Explained { outcome, diagnosis } = match outcome.await {
            Ok(explained) => explained,
            Err(error) => return refused(&place, &before, error, &sizes, |_| {}).await,
        };
        let notice =
            banner::confirm(&outcome, diagnosis.as_ref(), &login, place.state.service.now(), &before.token);
        Ok(match outcome {
            ConfirmResult::Confirmed { .. } => {
                home_page(&place, StatusCode::OK, Field::default(), Some(notice), Vec::new()).await?
            }
            ConfirmResult::MoreOtpsNeeded { otps_needed } => {
                token_page(&place, StatusCode::OK, &before, Some(notice), |desk| {
                    let problem = Words::ENGLISH.text("code-next-too");
                    desk.codes = fields_with(Words::ENGLISH, otps_needed, sizes[0], &problem);
                })
                .await?
            }
            _ => token_page(&place, StatusCode::OK, &before, Some(notice), |_| {}).await?,
        })
    };
    let result = result.await;
    place.answer(result)
}
