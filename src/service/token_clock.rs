//! A token's own clock, where somebody at the station may set it.
//!
//! Most such clocks obey everybody (CVE-2021-32033), and a clock that is set while a server follows it brings codes back
//! that were shown before. So it is cleared here first, in one change: no code that it showed until now passes any more,
//! the drift is nothing, and what was learned of its rate is void. Then the device is written. A crash in between leaves
//! a drift that is off and is seen when the token lies on a reader again; never a code that passes twice.
//!
//! The other way, which is always open: the server follows the clock, by codes of the token (`resync`).

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditRecord, AuditResult, ClockHistory, Custody, Drift, OtpSpec, Role, RunItem,
    SeedVersion, Subject, Token, TokenId, TokenSerial, TokenState,
};
use crate::oath::drift::{Observation, Sureness};
use crate::oath::{Digits, HashAlg, MovingFactor, PeriodSecs, step_start, time_step};
use crate::store::{AuditFilter, Change, Changes, Page, View};

use super::programming::{require_all, require_not_written};
use super::token::scoped;
use super::{Service, ServiceError, drift};

/// Between the look at a clock and that it is set: what it shows meanwhile was shown before, too. Whoever takes longer
/// clears it once more.
pub const UNTIL_SET_SECS: i64 = 10;
/// So long a token may have to wait until the time passes what it showed already; a clock that was further ahead costs
/// its secret.
const MOST_AHEAD_SECS: i64 = 3_600;
/// Records of a token among which a refused key is looked for.
const LOOKED_BACK: usize = 200;

/// A clock that may be set now.
#[derive(Clone, Debug)]
pub struct ClearedClock {
    /// Under the HMAC.
    pub hash: HashAlg,
    /// Length of its codes.
    pub digits: Digits,
    /// Of its steps.
    pub period: PeriodSecs,
    /// What it showed less the time of this machine, in seconds.
    pub offset_secs: i64,
    /// From when on its codes pass.
    pub usable_from: UnixTime,
    token: TokenId,
    version: SeedVersion,
    before: Option<Drift>,
    learned: Option<ClockHistory>,
    after: Drift,
}

/// What a token's clock shows, beside what is expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockHere {
    /// What it shows less the time of this machine, in seconds.
    pub offset_secs: i64,
    /// The same, as the store expects it.
    pub expected_secs: i64,
    /// Codes pass as they are.
    pub is_followed: bool,
    /// Somebody has the token: setting it takes an admin and a reason.
    pub is_bound: bool,
}

fn refused(code: &'static str, detail: impl Into<String>) -> ServiceError {
    ServiceError::state(code, detail.into())
}

/// Somebody has it, by name or as a holder.
fn is_bound(view: &dyn View, token: &Token) -> Result<bool, ServiceError> {
    let has_user = |own: &crate::model::Assignment| own.parties.user().is_some();
    Ok(token.holder.is_some()
        || matches!(token.custody, Custody::HandedOut { .. } | Custody::Confirmed { .. })
        || view.assignments_of_token(token.id)?.iter().any(has_user))
}

/// A token that makes its codes of the time that its clock shows.
fn clocked(spec: &OtpSpec) -> Option<(HashAlg, Digits, PeriodSecs)> {
    match *spec {
        OtpSpec::Totp { hash, digits, period, epoch_secs: 0 } => Some((hash, digits, period)),
        _ => None,
    }
}

/// Where codes begin that were never shown, of a clock that shows this.
fn unshown(shown: UnixTime, period: PeriodSecs) -> MovingFactor {
    time_step(shown.plus_secs(UNTIL_SET_SECS), 0, 0, period).map_or(MovingFactor(0), MovingFactor::next)
}

impl Service {
    /// What the clock of a token that lies on a reader means for it; `None`: it is not in the store, or has no clock.
    /// `offset_secs`: what it shows less the time of this machine.
    pub fn clock_here(
        &self,
        actor: &Actor,
        device: &str,
        offset_secs: i64,
    ) -> Result<Option<ClockHere>, ServiceError> {
        require_all(actor)?;
        let Ok(serial) = TokenSerial::parse(device) else { return Ok(None) };
        let now = self.clock.now();
        self.store.read(|view| {
            let Some(token) = view.token_by_serial(serial.normal())? else { return Ok(None) };
            let Some(seed) = view.seed(token.id)? else { return Ok(None) };
            let Some((_, _, period)) = clocked(&seed.spec) else { return Ok(None) };
            let (state, learned) = (view.state(&seed)?, view.clock_history(token.id, seed.version)?);
            let expected_secs = drift::drift_at(&state, learned.as_ref(), now);
            Ok(Some(ClockHere {
                offset_secs,
                expected_secs,
                is_followed: offset_secs.abs_diff(expected_secs) <= drift::window_secs(period).unsigned_abs(),
                is_bound: is_bound(view, &token)?,
            }))
        })
    }

    /// Whether the clock of a token may be set, by this person and now, as [`clear_clock`](Self::clear_clock) says it.
    pub fn clock_settable(
        &self,
        actor: &Actor,
        device: &str,
        offset_secs: i64,
        reason: &str,
    ) -> Result<(), ServiceError> {
        let asked = Asked::new(actor, device, offset_secs, reason)?;
        self.store.read(|view| asked.clear(view, self.trusted_now(view)?).map(drop))
    }

    /// Makes everything ready for the clock of a token to be set: codes that it showed before pass no more, and nothing
    /// is known of its drift but that there is none. `offset_secs`: what the clock shows less the time of this machine. A
    /// token that somebody has takes an admin and a reason.
    ///
    /// # Errors
    /// `no_clock`, `token_bound`, `reason_required`, `token_returned`, `clock_far_ahead`, `clock_doubted`,
    /// `key_refused`, `token_being_programmed`.
    pub fn clear_clock(
        &self,
        actor: &Actor,
        device: &str,
        offset_secs: i64,
        reason: &str,
    ) -> Result<ClearedClock, ServiceError> {
        let asked = Asked::new(actor, device, offset_secs, reason)?;
        let now = self.store.read(|view| self.trusted_now(view))?;
        self.decide(move |view| asked.clear(view, now))
    }

    /// The clock was not set: what was known of it holds again. Codes that were shown before stay spent. `code`, `why`: a
    /// stable word, and what happened; after `key_refused` it is not set again.
    pub fn clock_not_set(
        &self,
        actor: &Actor,
        cleared: &ClearedClock,
        code: &'static str,
        why: &str,
    ) -> Result<(), ServiceError> {
        let (actor, cleared, why, now) = (actor.clone(), cleared.clone(), why.to_owned(), self.clock.now());
        self.decide(move |view| {
            let ClearedClock { token, version, before, ref learned, after, period, .. } = cleared;
            let mut changes = Vec::new();
            if let Some(seed) = view.seed_version(token, version)? {
                let state = view.state(&seed)?;
                // Something newer was learned meanwhile.
                if state.drift == Some(after) {
                    changes.push(Change::PutState(token, version, TokenState { drift: before, ..state }));
                    let empty = || ClockHistory { period, observations: Vec::new() };
                    let history = learned.clone().unwrap_or_else(empty);
                    changes.push(Change::PutClockHistory(token, version, history));
                }
            }
            let detail = vec![("result", code.to_owned()), ("why", why.clone())];
            changes.push(logged(now, &actor, token, AuditResult::Refused, detail));
            Ok(((), changes))
        })
    }
}

/// Somebody asks for a clock to be set.
struct Asked {
    actor: Actor,
    serial: TokenSerial,
    offset_secs: i64,
    reason: String,
}

impl Asked {
    fn new(actor: &Actor, device: &str, offset_secs: i64, reason: &str) -> Result<Self, ServiceError> {
        require_all(actor)?;
        let serial = TokenSerial::parse(device).map_err(ServiceError::name("serial"))?;
        let reason = reason.trim().to_owned();
        if reason.chars().count() > 1_000 {
            return Err(ServiceError::invalid("reason", "reason_too_long", "type at most 1,000 characters"));
        }
        Ok(Self { actor: actor.clone(), serial, offset_secs, reason })
    }

    /// What it takes, and what changes.
    fn clear(&self, view: &dyn View, now: UnixTime) -> Result<(ClearedClock, Changes), ServiceError> {
        let Self { actor, serial, offset_secs, reason } = self;
        let token = scoped(view, actor, serial)?;
        require_not_written(view, token.id)?;
        let seed = view.seed(token.id)?.ok_or(ServiceError::Stale)?;
        let Some((hash, digits, period)) = clocked(&seed.spec) else {
            return Err(refused("no_clock", format!("token {} has no clock to set", serial.display())));
        };
        require_settable(view, actor, &token, reason)?;
        require_key_taken(view, &token)?;
        if view.clock_jumps()?.is_doubted(now) {
            let detail = "the clocks of many tokens seem to have jumped together, so it may be that of this machine: \
                          have it put right first";
            return Err(refused("clock_doubted", detail));
        }
        let (before, learned) = (view.state(&seed)?, view.clock_history(token.id, seed.version)?);
        // Who set it meanwhile in another way did not make the codes unseen that it showed until then.
        let expected_secs = drift::drift_at(&before, learned.as_ref(), now);
        let ahead = expected_secs.max(*offset_secs);
        let floor = before.floor.max(unshown(now.plus_secs(ahead), period));
        let usable_from = step_start(floor, 0, 0, period);
        if usable_from.secs_since(now) > MOST_AHEAD_SECS {
            let detail = format!(
                "token {} has shown codes of times that are still to come, and they would pass then: write a fresh \
                 secret to it, in a run, or let the server follow its clock",
                serial.display()
            );
            return Err(refused("clock_far_ahead", detail));
        }
        let after = Drift { seconds: 0, learned_at: now };
        let seen = Observation { at: now, offset_secs: 0, sure: Sureness::Step };
        let history = ClockHistory { period, observations: vec![seen] };
        let mut detail = vec![("result", "cleared".to_owned()), ("seconds", offset_secs.to_string())];
        if !reason.is_empty() {
            detail.push(("reason", reason.clone()));
        }
        let changes = vec![
            Change::PutState(token.id, seed.version, TokenState { floor, drift: Some(after), ..before }),
            Change::PutClockHistory(token.id, seed.version, history),
            logged(now, actor, token.id, AuditResult::Done, detail),
        ];
        let cleared = ClearedClock {
            hash,
            digits,
            period,
            offset_secs: *offset_secs,
            usable_from,
            token: token.id,
            version: seed.version,
            before: before.drift,
            learned,
            after,
        };
        Ok((cleared, changes))
    }
}

/// Nobody but an admin who says why sets the clock of a token that somebody has.
fn require_settable(view: &dyn View, actor: &Actor, token: &Token, reason: &str) -> Result<(), ServiceError> {
    let serial = token.serial.display();
    if matches!(token.custody, Custody::Returned { .. } | Custody::Lost { .. } | Custody::Retired { .. }) {
        let detail = format!(
            "token {serial} is {}: its old secret is worth nothing, so write a fresh one in a run",
            token.custody.name()
        );
        return Err(refused("token_returned", detail));
    }
    if !is_bound(view, token)? {
        return Ok(());
    }
    if actor.role.is_some_and(|role| role != Role::Admin) {
        let detail = format!(
            "somebody has token {serial}, and whoever sets its clock can make it show codes of other times: let the \
             server follow its clock by two codes, or have an admin set it"
        );
        return Err(refused("token_bound", detail));
    }
    if reason.is_empty() {
        let detail = "somebody has this token: say why its clock is to be set";
        return Err(ServiceError::invalid("reason", "reason_required", detail));
    }
    Ok(())
}

/// A token that did not take the key of its model is not asked again: older ones lock for ever.
fn require_key_taken(view: &dyn View, token: &Token) -> Result<(), ServiceError> {
    let records =
        view.audit(AuditFilter { subject: Some(Subject::Token(token.id)) }, Page::first(LOOKED_BACK))?.items;
    let is_refused = |record: &AuditRecord| {
        record.entry.action == AuditAction::TokenClockSet
            && record
                .entry
                .detail
                .iter()
                .any(|(name, value)| name == "result" && value == RunItem::KEY_REFUSED)
    };
    if records.iter().any(is_refused) {
        let detail = format!(
            "token {} did not take the key of its model before, and may lock for ever if it is asked again: let the server \
             follow its clock",
            token.serial.display()
        );
        return Err(refused(RunItem::KEY_REFUSED, detail));
    }
    Ok(())
}

fn logged(
    now: UnixTime,
    actor: &Actor,
    token: TokenId,
    result: AuditResult,
    detail: Vec<(&'static str, String)>,
) -> Change {
    super::audit_entry(now, actor, AuditAction::TokenClockSet, vec![Subject::Token(token)], result, detail)
}
