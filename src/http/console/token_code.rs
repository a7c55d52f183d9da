//! The codes of a token: one checked, consecutive ones to bring it back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::token::{find, shell};
use super::{Fields, serial_of, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::codes::{ask_at_desk, challenges_beside, ring_of};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::page::console::token as view;
use crate::http::page::{Choice, Code, Field, Notice, Tone};
use crate::http::state::AppState;
use crate::http::{diagnosis, frame, words};
use crate::model::OtpSpec;
use crate::oath::Otp;
use crate::service::{
    Between, CheckResult, Explained, ResyncRequest, SequenceOutcome, SequenceResult, Service, TokenView,
    WindowSteps,
};
use crate::words::Words;

/// Why neither a check nor a synchronisation applies to a mail token.
fn codes_are_mailed() -> Notice {
    Notice::say(Tone::Neutral, Words::ENGLISH, "token-page-codes-mailed")
}

/// Why a synchronisation does not apply to a token.
fn nothing_to_bring_back(spec: &OtpSpec) -> Option<Notice> {
    match spec {
        OtpSpec::Mail { .. } => Some(codes_are_mailed()),
        OtpSpec::YubicoOtp { .. } => {
            Some(Notice::say(Tone::Neutral, Words::ENGLISH, "token-page-nothing-drifts"))
        }
        OtpSpec::Hotp { .. }
        | OtpSpec::Totp { .. }
        | OtpSpec::Ocra { .. }
        | OtpSpec::OcraFilled { .. }
        | OtpSpec::Motp => None,
    }
}

async fn check_tab(
    state: &AppState,
    acting: &Acting,
    token: &TokenView,
    result: Option<Notice>,
    error: Option<String>,
) -> Result<view::TokenTab, ApiError> {
    let label = Words::ENGLISH.text("token-page-otp");
    let letters = false;
    let codes = vec![Code { name: "otp".into(), label, challenge: None, letters, error }];
    let mut codes = Code::shaped(codes, token.spec.shape());
    ask_at_desk(state, &acting.0, token, &mut codes).await?;
    let result = result.or_else(|| token.spec.is_mailed().then(codes_are_mailed));
    Ok(view::TokenTab::Check(view::Check { codes, ring: ring_of(token, state.service.now()), result }))
}

/// The form for one code.
pub(super) async fn check_form(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
) -> Result<Response, ApiError> {
    let token = find(&state, &acting, &serial_of(&serial)?).await?;
    let tab = check_tab(&state, &acting, &token, None, None).await?;
    Ok(frame::html(StatusCode::OK, &shell(&state, &caller, &token, tab, None)))
}

fn blocked(until: Option<UnixTime>, now: UnixTime) -> Notice {
    match until {
        Some(at) => {
            let until = ("until", words::moment(at, now).words.into());
            Notice::tell(Tone::Bad, Words::ENGLISH, "token-page-blocked-until", &[until])
        }
        None => Notice::say(Tone::Bad, Words::ENGLISH, "token-page-blocked"),
    }
}

fn check_notice(result: CheckResult, now: UnixTime) -> Notice {
    let at_distance = |tone, id, steps, seconds| {
        let distance = ("distance", words::distance(steps, seconds).into());
        Notice::tell(tone, Words::ENGLISH, id, &[distance])
    };
    match result {
        CheckResult::Accepted { steps, seconds } => {
            at_distance(Tone::Good, "token-page-accepted", steps, seconds)
        }
        CheckResult::Replayed { last_used: Some(at) } => {
            let when = ("when", words::moment(at, now).words.into());
            Notice::tell(Tone::Attention, Words::ENGLISH, "token-page-used-at", &[when])
        }
        CheckResult::Replayed { last_used: None } => {
            Notice::say(Tone::Attention, Words::ENGLISH, "token-page-used")
        }
        CheckResult::OutsideWindow { steps, seconds } => {
            at_distance(Tone::Attention, "token-page-too-far", steps, seconds)
        }
        CheckResult::Wrong => Notice::say(Tone::Bad, Words::ENGLISH, "token-page-wrong"),
        CheckResult::Blocked { until } => blocked(until, now),
    }
}

/// Checks one code and says at the right what came of it.
pub(super) async fn check(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let serial = serial_of(&serial)?;
    let shape = find(&state, &acting, &serial).await?.spec.shape();
    let answer = match Otp::parse_shaped(fields.get("otp"), shape) {
        Ok(otp) => {
            let (actor, named) = (acting.0.clone(), serial.clone());
            let challenge = challenges_beside(&["otp"], |name| fields.get(name)).pop();
            let check =
                move |service: &Service| service.check_response(&actor, &named, challenge.as_deref(), &otp);
            state.blocking(check).await
        }
        Err(error) => Err(ApiError::field("otp", "otp_malformed", error.to_string())),
    };
    let token = find(&state, &acting, &serial).await?;
    let now = state.service.now();
    let mut flash = None;
    let (status, tab) = match answer {
        Ok(result) => {
            flash = Some(check_notice(result, now).into_flash());
            (StatusCode::OK, check_tab(&state, &acting, &token, None, None).await?)
        }
        Err(error) if error.status == StatusCode::UNPROCESSABLE_ENTITY => (
            error.status,
            check_tab(&state, &acting, &token, None, Some(words::sentence(&error.message))).await?,
        ),
        Err(error) if error.status == StatusCode::CONFLICT => {
            let title = Words::ENGLISH.text("token-page-unchecked");
            let notice = Notice::new(Tone::Attention, &title, &words::sentence(&error.message));
            (error.status, check_tab(&state, &acting, &token, Some(notice), None).await?)
        }
        Err(error) => return Err(error),
    };
    let mut page = shell(&state, &caller, &token, tab, None);
    page.page.flash = flash;
    Ok(frame::html(status, &page))
}

fn windows(token: &TokenView, selected: &str) -> Vec<Choice> {
    let auto = ("", "token-page-look-auto");
    let pairs: &[(&str, &str)] = match token.spec.clock() {
        Some(_) => &[
            auto,
            ("P1D", "token-page-look-day"),
            ("P30D", "token-page-look-month"),
            ("P365D", "token-page-look-year"),
        ],
        None => &[auto, ("1000", "token-page-look-1000"), ("100000", "token-page-look-100000")],
    };
    Choice::say(Words::ENGLISH, pairs, selected)
}

/// Codes that may have been left out; each makes the window narrower or asks for one code more.
fn left_outs(token: &TokenView, selected: &str) -> Vec<Choice> {
    if !matches!(token.spec, OtpSpec::Hotp { .. } | OtpSpec::Totp { .. }) {
        return Vec::new();
    }
    let pairs =
        [("", "token-page-left-out-none"), ("1", "token-page-left-out-1"), ("3", "token-page-left-out-3")];
    Choice::say(Words::ENGLISH, &pairs, selected)
}

fn window(token: &TokenView, text: &str) -> Option<WindowSteps> {
    match token.spec.clock() {
        Some((period, _)) => {
            let days: u64 = text.strip_prefix('P')?.strip_suffix('D')?.parse().ok()?;
            let steps = days.checked_mul(86_400)? / u64::try_from(period.get()).ok()?;
            Some(WindowSteps { past: steps, future: steps })
        }
        None => text.parse().ok().map(|future| WindowSteps { past: 0, future }),
    }
}

struct Resyncing<'a> {
    window: &'a str,
    left_out: &'a str,
    reason: Field,
    result: Option<Notice>,
    errors: Vec<(usize, String)>,
}

async fn resync_tab(
    state: &AppState,
    acting: &Acting,
    token: &TokenView,
    form: Resyncing<'_>,
) -> Result<view::TokenTab, ApiError> {
    let mut codes = Code::shaped(Code::fields(Words::ENGLISH, 3), token.spec.shape());
    let labels = ["token-page-otp-first", "token-page-otp-next", "token-page-otp-third"];
    for (code, label) in codes.iter_mut().zip(labels) {
        code.label = Words::ENGLISH.text(label);
    }
    for (at, error) in form.errors {
        if let Some(code) = codes.get_mut(at) {
            code.error = Some(error);
        }
    }
    ask_at_desk(state, &acting.0, token, &mut codes).await?;
    Ok(view::TokenTab::Resync(view::Resync {
        codes,
        windows: windows(token, form.window),
        left_out: left_outs(token, form.left_out),
        reason: form.reason,
        ring: ring_of(token, state.service.now()),
        result: form.result.or_else(|| nothing_to_bring_back(&token.spec)),
    }))
}

/// The form for consecutive codes.
pub(super) async fn resync_form(
    State(state): State<AppState>,
    caller: Caller,
    acting: Acting,
    Path(serial): Path<String>,
) -> Result<Response, ApiError> {
    let token = find(&state, &acting, &serial_of(&serial)?).await?;
    let reason = Field::of(&Words::ENGLISH.text("desk-identified"));
    let form = Resyncing { window: "", left_out: "", reason, result: None, errors: Vec::new() };
    let tab = resync_tab(&state, &acting, &token, form).await?;
    Ok(frame::html(StatusCode::OK, &shell(&state, &caller, &token, tab, None)))
}

fn resync_notice(outcome: &SequenceOutcome, now: UnixTime) -> Notice {
    match outcome.result {
        SequenceResult::Synchronized { steps, seconds, .. } => {
            let distance = ("distance", words::distance(steps, seconds).into());
            let (tone, id) = if outcome.clock_doubt && steps != 0 {
                (Tone::Attention, "station-in-doubt")
            } else {
                (Tone::Good, "token-page-synchronised")
            };
            Notice::tell(tone, Words::ENGLISH, id, &[distance])
        }
        SequenceResult::NotFound => Notice::say(Tone::Bad, Words::ENGLISH, "token-page-no-position"),
        SequenceResult::Ambiguous if outcome.stays_ambiguous() => {
            Notice::say(Tone::Bad, Words::ENGLISH, "token-page-stays-ambiguous")
        }
        SequenceResult::Ambiguous => Notice::say(Tone::Attention, Words::ENGLISH, "token-page-ambiguous"),
        SequenceResult::MoreOtpsNeeded => {
            let codes = ("codes", outcome.otps_needed.into());
            Notice::tell(Tone::Attention, Words::ENGLISH, "token-page-more-codes", &[codes])
        }
        SequenceResult::BehindFloor { usable_from, steps, seconds } => {
            let mut variables = vec![("distance", words::distance(steps, seconds).into())];
            let id = match usable_from {
                Some(at) => {
                    variables.push(("from", words::moment(at, now).words.into()));
                    "token-page-behind-until"
                }
                None => "token-page-behind",
            };
            Notice::tell(Tone::Attention, Words::ENGLISH, id, &variables)
        }
        SequenceResult::Replayed => Notice::say(Tone::Attention, Words::ENGLISH, "token-page-used-now"),
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
        match Otp::parse_shaped(fields.get(name), token.spec.shape()) {
            Ok(otp) => otps.push(otp),
            Err(error) => errors.push((at, words::sentence(&error.to_string()))),
        }
    }
    let wanted = window(&token, fields.get("window"));
    let reason = fields.get("reason").to_owned();
    let left_out = fields.get("left_out");
    let mut form = Resyncing {
        window: fields.get("window"),
        left_out,
        reason: Field::of(&reason),
        result: None,
        errors,
    };
    let between = left_out.parse().map_or(Between::Nothing, Between::LeftOut);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if form.errors.is_empty() {
        let (actor, named) = (acting.0.clone(), serial.clone());
        let mut challenges = challenges_beside(&["otp1", "otp2", "otp3"], |name| fields.get(name));
        challenges.truncate(otps.len());
        let bring_back = move |service: &Service| {
            let request = ResyncRequest {
                challenges: &challenges,
                window: wanted,
                reason: Some(&reason),
                between,
                ..ResyncRequest::new(&named, &otps)
            };
            service.resync_explained(&actor, &request)
        };
        let answer = state.blocking(bring_back).await;
        match answer {
            Ok(Explained { outcome, diagnosis }) => {
                status = StatusCode::OK;
                let notice = resync_notice(&outcome, state.service.now());
                form.result = Some(diagnosis::explain(notice, diagnosis.as_ref()));
            }
            Err(error) if error.field == Some("reason") => {
                form.reason = typed(&error, "reason", fields.get("reason"));
            }
            Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
                status = error.status;
                let title = Words::ENGLISH.text("token-page-not-resynced");
                form.result = Some(Notice::new(Tone::Attention, &title, &words::sentence(&error.message)));
            }
            Err(error) => return Err(error),
        }
    }
    let token = find(&state, &acting, &serial).await?;
    let tab = resync_tab(&state, &acting, &token, form).await?;
    Ok(frame::html(status, &shell(&state, &caller, &token, tab, None)))
}
