//! What is asked about codes: checking, bringing back, confirming, authenticating.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, Secret, time};
use super::tokens::TokenDto;
use crate::http::auth::Acting;
use crate::http::diagnosis::DiagnosisDto;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::ChallengePurpose;
use crate::service::{
    AuthRequest, AuthResult, Between, CheckResult, ConfirmRequest, ConfirmResult, Explained, IssuedChallenge,
    KeypadInputs, ResyncRequest, SequenceOutcome, SequenceResult, Service, WindowSteps,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("POST", "/api/v1/challenges", Permission::Check),
    Rule::new("POST", "/api/v1/tokens/{serial}/check", Permission::Check),
    Rule::new("POST", "/api/v1/tokens/{serial}/resync", Permission::Resync),
    Rule::new("GET", "/api/v1/resources/{name}/confirmations", Permission::Read),
    Rule::new("POST", "/api/v1/resources/{name}/confirmations", Permission::Confirm),
    Rule::new("POST", "/api/v1/resources/{name}/confirmations/remind", Permission::Confirm),
    Rule::new("POST", "/api/v1/resources/{name}/authenticate", Permission::Authenticate),
];

/// The pause before an answer while a resource sees many failures.
const SLOW: Duration = Duration::from_secs(2);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(challenge))
        .routes(routes!(check))
        .routes(routes!(resync))
        .routes(routes!(unconfirmed, confirm))
        .routes(routes!(remind))
        .routes(routes!(authenticate))
}

/// The challenges of a request, as they are compared.
fn trimmed(challenges: Option<Vec<String>>) -> Vec<String> {
    challenges.unwrap_or_default().iter().map(|text| text.trim().to_owned()).collect()
}

/// What is to be asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChallengeBody {
    serial: String,
    /// What it is for; it counts for nothing else. check (the default), resync, confirm or authenticate.
    purpose: Option<String>,
    /// Data of your session in hexadecimal, for a token whose suite takes them (S): as many bytes as the suite says,
    /// or fewer, which are filled up as `session_padding` of the token says. The answer is good for that session only.
    #[schema(value_type = Option<String>)]
    session_data: Option<Secret>,
}

/// A challenge: typed into the token, answered once.
#[derive(Serialize, ToSchema)]
struct ChallengeAnswer {
    challenge: String,
    /// Until when it can be answered.
    expires_at: String,
}

#[utoipa::path(post, path = "/api/v1/challenges", tag = "codes", request_body = ChallengeBody,
    responses((status = 200, body = ChallengeAnswer)))]
async fn challenge(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<ChallengeBody>,
) -> ApiResult<ChallengeAnswer> {
    let serial = common::serial("serial", &body.serial)?;
    let purpose =
        ChallengePurpose::from_name(body.purpose.as_deref().unwrap_or("check")).ok_or_else(|| {
            let purposes = "purpose is check, resync, confirm or authenticate";
            ApiError::field("purpose", "purpose_unknown", purposes)
        })?;
    let session = common::session_data(body.session_data.as_ref())?;
    let issue =
        move |service: &Service| service.issue_challenge_for(&actor, &serial, purpose, session.as_ref());
    let issued = state.blocking(issue).await?;
    Ok(Json(ChallengeAnswer { challenge: issued.text, expires_at: time(issued.expires_at) }))
}

/// A code to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckBody {
    #[schema(value_type = String)]
    otp: Secret,
    /// What a token with a keypad was asked.
    challenge: Option<String>,
}

/// What came of it; fields that do not belong to the result are absent.
#[derive(Serialize, ToSchema)]
struct CheckAnswer {
    /// accepted, replayed, `outside_window`, wrong or blocked.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    /// When a code was last accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
    /// End of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[utoipa::path(post, path = "/api/v1/tokens/{serial}/check", tag = "codes", request_body = CheckBody,
    responses((status = 200, body = CheckAnswer)))]
async fn check(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
    ApiJson(body): ApiJson<CheckBody>,
) -> ApiResult<CheckAnswer> {
    let (serial, otp) = (common::serial("serial", &serial)?, body.otp.otp("otp")?);
    // A PIN is compared with much work, on purpose: not here.
    let result = if actor.is_operator() || otp.len() > 8 || body.challenge.is_some() {
        let check =
            move |service: &Service| service.check_response(&actor, &serial, body.challenge.as_deref(), &otp);
        state.blocking(check).await?
    } else {
        // Integrations ask often, and each needs few codes: handing every one to another thread and back
        // would take longer than the check.
        state.answered(|service, tell| service.check_later(&actor, &serial, &otp, tell)).await?
    };
    let mut answer =
        CheckAnswer { result: result.name(), steps: None, seconds: None, last_used: None, until: None };
    match result {
        CheckResult::Accepted { steps, seconds } | CheckResult::OutsideWindow { steps, seconds } => {
            (answer.steps, answer.seconds) = (Some(steps), seconds);
        }
        CheckResult::Replayed { last_used } => answer.last_used = last_used.map(time),
        CheckResult::Blocked { until } => answer.until = until.map(time),
        CheckResult::Wrong => {}
    }
    Ok(Json(answer))
}

/// How far to look.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowBody {
    /// Steps before; event tokens have none.
    #[serde(default)]
    past: u64,
    /// Steps or counters after.
    future: u64,
}

impl WindowBody {
    pub(super) const fn steps(self) -> WindowSteps {
        WindowSteps { past: self.past, future: self.future }
    }
}

/// Consecutive codes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResyncBody {
    #[schema(value_type = Vec<String>)]
    otps: Vec<Secret>,
    /// What a token with a keypad was asked, one for each code.
    challenges: Option<Vec<String>>,
    window: Option<WindowBody>,
    /// Needed for a window wider than the portal's.
    reason: Option<String>,
    /// Codes that may lie between one that was given and the next; each way in which they can makes the window
    /// narrower or asks for one more code, as `chance` and `otps_needed` show.
    left_out: Option<u64>,
    /// Of clock tokens: the seconds that passed from each code to the next, in place of `left_out`.
    seconds_between: Option<Vec<u64>>,
}

/// What came of it; fields that do not belong to the result are absent.
#[derive(Serialize, ToSchema)]
struct ResyncAnswer {
    /// synchronized, `not_found`, ambiguous, `more_otps_needed`, `behind_floor`, replayed or blocked. Ambiguous by eight codes:
    /// no more are looked at, exchange the token.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usable_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    otps_needed: usize,
    /// That random codes would have passed.
    chance: f64,
    evaluated: u64,
    elapsed_us: u64,
    /// The codes fit, and nothing was learned of the token's clock: many clocks jumped together, or this machine's was set.
    /// Set it right and synchronise again. Absent: no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    clock_doubt: bool,
    /// What the codes mean, when nothing was found; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisDto>,
}

impl From<Explained<SequenceOutcome>> for ResyncAnswer {
    fn from(explained: Explained<SequenceOutcome>) -> Self {
        let Explained { outcome, diagnosis } = explained;
        let mut answer = Self {
            result: outcome.result.name(),
            steps: None,
            seconds: None,
            counter: None,
            usable_from: None,
            until: None,
            otps_needed: outcome.otps_needed,
            chance: outcome.chance,
            evaluated: outcome.evaluated,
            elapsed_us: outcome.elapsed_us,
            clock_doubt: outcome.clock_doubt,
            diagnosis: diagnosis.as_ref().map(DiagnosisDto::from),
        };
        match outcome.result {
            SequenceResult::Synchronized { steps, seconds, counter } => {
                (answer.steps, answer.seconds, answer.counter) = (Some(steps), seconds, counter);
            }
            SequenceResult::BehindFloor { usable_from, steps, seconds } => {
                (answer.steps, answer.seconds) = (Some(steps), seconds);
                answer.usable_from = usable_from.map(time);
            }
            SequenceResult::Blocked { until } => answer.until = until.map(time),
            SequenceResult::NotFound
            | SequenceResult::Ambiguous
            | SequenceResult::MoreOtpsNeeded
            | SequenceResult::Replayed => {}
        }
        answer
    }
}

#[utoipa::path(post, path = "/api/v1/tokens/{serial}/resync", tag = "codes", request_body = ResyncBody,
    responses((status = 200, body = ResyncAnswer)))]
async fn resync(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
    ApiJson(body): ApiJson<ResyncBody>,
) -> ApiResult<ResyncAnswer> {
    let (serial, otps) = (common::serial("serial", &serial)?, common::otps(&body.otps)?);
    let challenges = trimmed(body.challenges);
    let window = body.window.map(WindowBody::steps);
    if body.left_out.is_some() && body.seconds_between.is_some() {
        let detail = "give left_out or seconds_between, not both";
        return Err(ApiError::field("seconds_between", "between_twice", detail));
    }
    let outcome = state
        .blocking(move |service| {
            let reason = body.reason.as_deref();
            let between = match (body.left_out, &body.seconds_between) {
                (Some(most), _) => Between::LeftOut(most),
                (None, Some(seconds)) => Between::Seconds(seconds),
                (None, None) => Between::Nothing,
            };
            let challenges = &challenges;
            let request =
                ResyncRequest { challenges, window, reason, between, ..ResyncRequest::new(&serial, &otps) };
            service.resync_explained(&actor, &request)
        })
        .await?;
    Ok(Json(outcome.into()))
}

/// Who confirms what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    user: String,
    serial: String,
    #[schema(value_type = Vec<String>)]
    otps: Vec<Secret>,
    /// What a token with a keypad was asked, one for each code.
    challenges: Option<Vec<String>>,
}

/// What came of it; fields that do not belong to the result are absent.
#[derive(Serialize, ToSchema)]
struct ConfirmAnswer {
    /// confirmed, refused, `more_otps_needed` or blocked.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
    /// Why it was refused; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    otps_needed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What the codes mean, when they do not fit; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisDto>,
}

#[utoipa::path(post, path = "/api/v1/resources/{name}/confirmations", tag = "codes",
    request_body = ConfirmBody, responses((status = 200, body = ConfirmAnswer)))]
async fn confirm(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<ConfirmBody>,
) -> ApiResult<ConfirmAnswer> {
    let resource = common::resource("resource", &name)?;
    let user = common::login("user", &body.user)?;
    let serial = common::serial("serial", &body.serial)?;
    let otps = common::otps(&body.otps)?;
    let tells_why = actor.is_operator();
    let challenges = trimmed(body.challenges);
    let Explained { outcome: result, diagnosis } = state
        .blocking(move |service| {
            let request = ConfirmRequest { resource: &resource, user: &user, serial: &serial, otps: &otps };
            service.confirm_explained(&actor, &request, &challenges)
        })
        .await?;
    let mut answer = ConfirmAnswer {
        result: result.name(),
        steps: None,
        seconds: None,
        reason: None,
        otps_needed: None,
        until: None,
        diagnosis: diagnosis.as_ref().map(DiagnosisDto::from),
    };
    match result {
        ConfirmResult::Confirmed { steps, seconds } => {
            (answer.steps, answer.seconds) = (Some(steps), seconds);
        }
        ConfirmResult::Refused { reason, slow } => {
            answer.reason = tells_why.then_some(reason);
            if slow {
                tokio::time::sleep(SLOW).await;
            }
        }
        ConfirmResult::MoreOtpsNeeded { otps_needed } => answer.otps_needed = Some(otps_needed),
        ConfirmResult::Blocked { until } => answer.until = until.map(time),
    }
    Ok(Json(answer))
}

/// Which confirmations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ConfirmationsQuery {
    /// `open`, the only one there is.
    state: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
}

/// A token that waits for its confirmation.
#[derive(Serialize, ToSchema)]
#[schema(as = UnconfirmedToken)]
struct UnconfirmedDto {
    /// Since it was handed out, else since it stands on the resource.
    since: String,
    #[serde(flatten)]
    token: TokenDto,
}

#[utoipa::path(get, path = "/api/v1/resources/{name}/confirmations", tag = "codes",
    params(ConfirmationsQuery), responses((status = 200, body = List<UnconfirmedDto>)))]
async fn unconfirmed(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    ApiQuery(asked): ApiQuery<ConfirmationsQuery>,
) -> ApiResult<List<UnconfirmedDto>> {
    if asked.state.is_some_and(|state| state != "open") {
        return Err(ApiError::field("state", "state_unknown", "state is open"));
    }
    let page = common::page(asked.limit, asked.cursor.as_deref())?;
    let resource = common::resource("resource", &name)?;
    let now = state.service.now();
    let found = state.blocking(move |service| service.unconfirmed(&actor, &resource, page)).await?;
    let one = |(view, since)| UnconfirmedDto { since: time(since), token: TokenDto::of(view, now) };
    Ok(Json(List::of(found, one)))
}

/// Whom a reminder went to.
#[derive(Serialize, ToSchema)]
#[schema(as = Reminded)]
struct RemindedDto {
    /// Were sent a mail.
    reminded: usize,
    /// Had one within a day already.
    reminded_today: usize,
    /// Have no mail address.
    unreachable: usize,
    /// Their logins, the first 200.
    without_address: Vec<String>,
}

#[utoipa::path(post, path = "/api/v1/resources/{name}/confirmations/remind", tag = "codes",
    responses((status = 200, body = RemindedDto)))]
async fn remind(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
) -> ApiResult<RemindedDto> {
    let (resource, url) = (common::resource("resource", &name)?, state.settings.public_url.clone());
    let found = state.blocking(move |service| service.remind(&actor, &resource, &url)).await?;
    Ok(Json(RemindedDto {
        reminded: found.people,
        reminded_today: found.reminded_today,
        unreachable: found.unreachable,
        without_address: found.without_address,
    }))
}

/// What a person typed elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AuthBody {
    user: String,
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    #[schema(value_type = Option<String>)]
    otp: Option<Secret>,
    /// What a token with a keypad was asked.
    challenge: Option<String>,
    /// Data of your session in hexadecimal. They are needed to ask a token whose suite takes them (S), and with its
    /// answer they must be the same, if they are given; for all other tokens they do not matter.
    #[schema(value_type = Option<String>)]
    session_data: Option<Secret>,
    /// Where the person came from.
    address: Option<String>,
}

/// One answer for all wrong inputs.
#[derive(Serialize, ToSchema)]
struct AuthAnswer {
    /// accepted, rejected, challenge or blocked. challenge: the password was right, and the code that is mailed to the
    /// user, or the response of the user's token with a keypad, is asked for next: ask again with both.
    result: &'static str,
    /// With challenge: a code was mailed by this. False: there were enough mails lately (the last one may hold still),
    /// or no mail address is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed: Option<bool>,
    /// What the token with a keypad is asked: give it back with the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// Until when it can be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[utoipa::path(post, path = "/api/v1/resources/{name}/authenticate", tag = "codes",
    request_body = AuthBody, responses((status = 200, body = AuthAnswer)))]
async fn authenticate(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<AuthBody>,
) -> ApiResult<AuthAnswer> {
    let resource = common::resource("resource", &name)?;
    let user = common::login("user", &body.user)?;
    let otp = body.otp.map(|otp| otp.otp("otp")).transpose()?;
    let password = body.password.map(Secret::password);
    let session = common::session_data(body.session_data.as_ref())?;
    let result = state
        .blocking(move |service| {
            let request = AuthRequest {
                user: &user,
                password: password.as_ref(),
                otp: otp.as_ref(),
                address: body.address.as_deref(),
            };
            let keypad = KeypadInputs { challenge: body.challenge.as_deref(), session: session.as_ref() };
            service.authenticate_response(&actor, &resource, &request, &keypad)
        })
        .await?;
    let mut answer = AuthAnswer { result: result.name(), mailed: None, challenge: None, expires_at: None };
    match result {
        AuthResult::Challenge { mailed } => answer.mailed = Some(mailed),
        AuthResult::Question(IssuedChallenge { text, expires_at }) => {
            (answer.challenge, answer.expires_at) = (Some(text), Some(time(expires_at)));
        }
        _ => {}
    }
    Ok(Json(answer))
}
