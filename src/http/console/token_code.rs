//! The codes of a token: one checked, consecutive ones to bring it back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::token::{find, shell};
use super::{Fields, chosen, serial_of, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::page::console::token as view;
use crate::http::page::{Choice, Code, Field, Notice, Ring, Tone};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::OtpSpec;
use crate::oath::Otp;
use crate::service::{CheckResult, SequenceOutcome, SequenceResult, TokenView, WindowSteps};
use crate::words::Words;

fn ring(token: &TokenView, now: UnixTime) -> Option<Ring> {
    let OtpSpec::Totp { period, .. } = token.spec else { return None };
    let millis = now.plus_secs(token.state.drift_secs()).millis();
    let server_now = format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000));
    Some(Ring { step_secs: u32::try_from(period.get()).unwrap_or(30), server_now })
}

/// Why neither a check nor a synchronisation applies to a mail token.
fn codes_are_mailed() -> Notice {
    Notice::new(
        Tone::Neutral,
        "The codes of this token are mailed.",
        "One is mailed when its user signs in, and asked for there. There is no display whose codes could be checked, confirmed or synchronised.",
    )
}

fn check_tab(
    token: &TokenView,
    now: UnixTime,
    result: Option<Notice>,
    error: Option<String>,
) -> view::TokenTab {
    let code = Code { name: "otp".into(), label: "OTP".into(), challenge: None, error };
    let result = result.or_else(|| token.spec.is_mailed().then(codes_are_mailed));
    view::TokenTab::Check(view::Check { codes: vec![code], ring: ring(token, now), result })
}

/// The form for one code.
pub(super) async fn check_form(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
) -> Result<Response, ApiError> {
    let token = find(&state, &acting, &serial_of(&serial)?).await?;
    let tab = check_tab(&token, state.service.now(), None, None);
    Ok(frame::html(StatusCode::OK, &shell(&state, &caller, &token, tab, None)))
}

fn blocked(until: Option<UnixTime>, now: UnixTime) -> Notice {
    let text = match until {
        Some(at) => format!("The next try is possible {}.", words::moment(at, now).words),
        None => "An operator must unblock it first.".to_owned(),
    };
    Notice::new(Tone::Bad, "Blocked after too many wrong codes", &text)
}

fn check_notice(result: CheckResult, now: UnixTime) -> Notice {
    match result {
        CheckResult::Accepted { steps, seconds } => {
            let text = format!("The code fits: {}. It is used up by this.", words::distance(steps, seconds));
            Notice::new(Tone::Good, "Accepted", &text)
        }
        CheckResult::Replayed { last_used } => {
            let when = last_used.map(|at| format!(" {}", words::moment(at, now).words)).unwrap_or_default();
            let text = format!("This OTP was already used{when}. Wait for the next one.");
            Notice::new(Tone::Attention, "Replayed", &text)
        }
        CheckResult::OutsideWindow { steps, seconds } => {
            let far = words::distance(steps, seconds);
            let text = format!("The code is the token's, but too far away: {far}. Resync brings it back.");
            Notice::new(Tone::Attention, "Outside the window", &text)
        }
        CheckResult::Wrong => {
            Notice::new(Tone::Bad, "Wrong", "This is not a code of this token. Compare the serial.")
        }
        CheckResult::Blocked { until } => blocked(until, now),
    }
}

/// Checks one code and says what came of it.
pub(super) async fn check(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let answer = match Otp::parse(fields.get("otp")) {
        Ok(otp) => {
            let (actor, named) = (acting.0.clone(), serial.clone());
            state.blocking(move |service| service.check(&actor, &named, &otp)).await
        }
        Err(error) => Err(ApiError::field("otp", "otp_malformed", error.to_string())),
    };
    let token = find(&state, &acting, &serial).await?;
    let now = state.service.now();
    let (status, tab) = match answer {
        Ok(result) => (StatusCode::OK, check_tab(&token, now, Some(check_notice(result, now)), None)),
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => {
            (error.status, check_tab(&token, now, None, Some(words::sentence(&error.message))))
        }
        Err(error) if error.status == StatusCode::CONFLICT => {
            let notice = Notice::new(Tone::Attention, "Not checked", &words::sentence(&error.message));
            (error.status, check_tab(&token, now, Some(notice), None))
        }
        Err(error) => return Err(error),
    };
    Ok(frame::html(status, &shell(&state, &caller, &token, tab, None)))
}

fn windows(token: &TokenView, selected: &str) -> Vec<Choice> {
    let auto = ("", "As far as these codes allow");
    match token.spec {
        OtpSpec::Totp { .. } => chosen(
            &[
                auto,
                ("P1D", "1 day to either side"),
                ("P30D", "30 days to either side"),
                ("P365D", "1 year to either side"),
            ],
            selected,
        ),
        _ => {
            chosen(&[auto, ("1000", "1,000 counters ahead"), ("100000", "100,000 counters ahead")], selected)
        }
    }
}

fn window(token: &TokenView, text: &str) -> Option<WindowSteps> {
    match &token.spec {
        OtpSpec::Totp { period, .. } => {
            let days: u64 = text.strip_prefix('P')?.strip_suffix('D')?.parse().ok()?;
            let steps = days.checked_mul(86_400)? / u64::try_from(period.get()).ok()?;
            Some(WindowSteps { past: steps, future: steps })
        }
        _ => text.parse().ok().map(|future| WindowSteps { past: 0, future }),
    }
}

struct Resyncing<'a> {
    window: &'a str,
    reason: Field,
    result: Option<Notice>,
    errors: Vec<(usize, String)>,
}

fn resync_tab(token: &TokenView, now: UnixTime, form: Resyncing<'_>) -> view::TokenTab {
    let mut codes = Code::fields(Words::ENGLISH, 3);
    for (code, label) in codes.iter_mut().zip(["First OTP", "Next OTP", "The one after that"]) {
        code.label = label.into();
    }
    for (at, error) in form.errors {
        if let Some(code) = codes.get_mut(at) {
            code.error = Some(error);
        }
    }
    view::TokenTab::Resync(view::Resync {
        codes,
        windows: windows(token, form.window),
        reason: form.reason,
        ring: ring(token, now),
        result: form.result.or_else(|| token.spec.is_mailed().then(codes_are_mailed)),
    })
}

/// The form for consecutive codes.
pub(super) async fn resync_form(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
) -> Result<Response, ApiError> {
    let token = find(&state, &acting, &serial_of(&serial)?).await?;
    let reason = Field::of("Person at the desk, identified");
    let form = Resyncing { window: "", reason, result: None, errors: Vec::new() };
    let tab = resync_tab(&token, state.service.now(), form);
    Ok(frame::html(StatusCode::OK, &shell(&state, &caller, &token, tab, None)))
}

fn resync_notice(outcome: &SequenceOutcome, now: UnixTime) -> Notice {
    match outcome.result {
        SequenceResult::Synchronized { steps, seconds, .. } => {
            let text = format!(
                "The token is {}; corrected. These codes are used up.",
                words::distance(steps, seconds)
            );
            Notice::new(Tone::Good, "Synchronised", &text)
        }
        SequenceResult::NotFound => Notice::new(
            Tone::Bad,
            "No position fits",
            "The codes belong to another token, or are not consecutive. Compare the serial and read them again.",
        ),
        SequenceResult::Ambiguous => Notice::new(
            Tone::Attention,
            "More than one position fits",
            "One more consecutive code tells which.",
        ),
        SequenceResult::MoreOtpsNeeded => {
            let text = format!("To look this far, {} consecutive codes are needed.", outcome.otps_needed);
            Notice::new(Tone::Attention, "More codes are needed", &text)
        }
        SequenceResult::BehindFloor { usable_from, steps, seconds } => {
            let when = usable_from
                .map(|at| format!(" Its codes are accepted again {}.", words::moment(at, now).words))
                .unwrap_or_default();
            let far = words::distance(steps, seconds);
            let text =
                format!("The token's clock was set back: {far}, behind codes that were used already.{when}");
            Notice::new(Tone::Attention, "Behind used codes", &text)
        }
        SequenceResult::Replayed => {
            Notice::new(Tone::Attention, "Replayed", "These codes were used just now. Wait for new ones.")
        }
        SequenceResult::Blocked { until } => blocked(until, now),
    }
}

/// Finds the drift and says what came of it.
pub(super) async fn resync(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let token = find(&state, &acting, &serial).await?;
    let (mut otps, mut errors) = (Vec::new(), Vec::new());
    for (at, name) in ["otp1", "otp2", "otp3"].into_iter().enumerate() {
        if at == 2 && fields.get(name).is_empty() {
            continue;
        }
        match Otp::parse(fields.get(name)) {
            Ok(otp) => otps.push(otp),
            Err(error) => errors.push((at, words::sentence(&error.to_string()))),
        }
    }
    let wanted = window(&token, fields.get("window"));
    let reason = fields.get("reason").to_owned();
    let mut form =
        Resyncing { window: fields.get("window"), reason: Field::of(&reason), result: None, errors };
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if form.errors.is_empty() {
        let (actor, named) = (acting.0.clone(), serial.clone());
        let answer =
            state.blocking(move |service| service.resync(&actor, &named, &otps, wanted, Some(&reason))).await;
        match answer {
            Ok(outcome) => {
                status = StatusCode::OK;
                form.result = Some(resync_notice(&outcome, state.service.now()));
            }
            Err(error) if error.field == Some("reason") => {
                form.reason = typed(&error, "reason", fields.get("reason"));
            }
            Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
                status = error.status;
                form.result =
                    Some(Notice::new(Tone::Attention, "Not resynced", &words::sentence(&error.message)));
            }
            Err(error) => return Err(error),
        }
    }
    let token = find(&state, &acting, &serial).await?;
    let tab = resync_tab(&token, state.service.now(), form);
    Ok(frame::html(status, &shell(&state, &caller, &token, tab, None)))
}
