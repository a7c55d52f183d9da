//! One code of one token: right, used before, or wrong. A right one is spent.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, BudgetKind, ChallengePurpose, Custody, OtpSpec, Resource, Scope,
    Subject, TokenSerial, TokenState,
};
use crate::oath::{Generator, MovingFactor, OcraPosition, Otp, WindowMatch, find_in_window};
use crate::store::{Change, Changes, View};

use super::authenticate::hashed_key;
use super::challenge::{self, Answered, Spending};
use super::code::{self, CHECK_COUNTERS, Examined, REPLAY_COUNTERS};
use super::token::scoped;
use super::{Service, ServiceError, drift};

/// How far `outside_window` looks: one day to either side, or this many counters ahead.
pub(super) const HINT_SECS: u64 = 86_400;
pub(super) const HINT_COUNTERS: u64 = 1_000;

/// Answer to one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// Right, and spent by this.
    Accepted {
        /// Distance from the server's clock or from the next counter, in steps; positive: ahead.
        steps: i64,
        /// The same in seconds, for clock tokens.
        seconds: Option<i64>,
    },
    /// Was right and is spent, or was passed over.
    Replayed {
        /// When a code of this token was last accepted.
        last_used: Option<UnixTime>,
    },
    /// Perhaps right, but too far away. Told to operators only.
    OutsideWindow {
        /// Distance, as above.
        steps: i64,
        /// The same in seconds, for clock tokens.
        seconds: Option<i64>,
    },
    /// Not right.
    Wrong,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl CheckResult {
    /// The word in JSON and in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Replayed { .. } => "replayed",
            Self::OutsideWindow { .. } => "outside_window",
            Self::Wrong => "wrong",
            Self::Blocked { .. } => "blocked",
        }
    }
}

/// What a comparison outside the store found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    /// Fits at `factor`; `last` is the last position of the window that has the same code, so that
    /// accepting shuts out all of them.
    Fits {
        factor: MovingFactor,
        last: MovingFactor,
    },
    /// A response that fits, of a token with a keypad: where the token was when it gave it.
    Responds {
        last: OcraPosition,
    },
    /// As these, with a wrong PIN or none: the code is spent all the same, and leaves this floor.
    FitsWithoutPin {
        floor: MovingFactor,
    },
    Used,
    Outside(MovingFactor),
    Wrong,
}

/// Compares what was typed, with the PIN if the token has one. A wrong PIN and a wrong code are not told
/// apart, whatever else there is to say of the code.
pub(super) fn compare(
    service: &Service,
    examined: &Examined,
    typed: &Otp,
    answered: Option<&Answered>,
    now: UnixTime,
    hint: bool,
) -> Result<Comparison, ServiceError> {
    let (code, pin_fits) = service.code_and_pin(examined, typed)?;
    let bare = code.as_ref().unwrap_or(typed);
    let found = compare_bare(service, examined, bare, answered, now, hint)?;
    Ok(match found {
        found if pin_fits => found,
        Comparison::Fits { last, .. } => Comparison::FitsWithoutPin { floor: last.next() },
        Comparison::Responds { last } => Comparison::FitsWithoutPin { floor: examined.floor_after(last) },
        _ => Comparison::Wrong,
    })
}

/// Compares one bare code, or the response to a challenge, with the ordinary window of a token. With `hint` one
/// that does not fit is looked for within a day or a thousand counters.
pub(super) fn compare_bare(
    service: &Service,
    examined: &Examined,
    otp: &Otp,
    answered: Option<&Answered>,
    now: UnixTime,
    hint: bool,
) -> Result<Comparison, ServiceError> {
    if examined.seed.spec.suite().is_some() {
        return service.compare_response(examined, answered, otp, now, hint);
    }
    match examined.seed.spec {
        OtpSpec::YubicoOtp { .. } => return service.compare_typed_by_key(examined, otp),
        OtpSpec::Motp => return service.compare_motp(examined, otp, now, hint),
        _ => {}
    }
    compare_by(&service.generator(examined)?, examined, otp, now, hint)
}

/// The same with a generator that is keyed already.
pub(super) fn compare_by(
    generator: &Generator,
    examined: &Examined,
    otp: &Otp,
    now: UnixTime,
    hint: bool,
) -> Result<Comparison, ServiceError> {
    let digits = examined.digits()?;
    let (center, floor) = (examined.center(now), examined.state.floor);
    let search = |past, future| find_in_window(generator, digits, otp, center, past, future, floor);
    if examined.seed.spec.is_mailed() {
        // One code at most: the one that was mailed last.
        let is_open = examined.mailing.is_some_and(|mailing| mailing.is_open(floor, now));
        return Ok(match search(REPLAY_COUNTERS, 0) {
            WindowMatch::Accepted(factor) if is_open => Comparison::Fits { factor, last: factor },
            WindowMatch::Used(_) => Comparison::Used,
            WindowMatch::Accepted(_) | WindowMatch::None => Comparison::Wrong,
        });
    }
    let (past, future) = match examined.period() {
        Some(_) => (examined.check_steps(), examined.check_steps()),
        None => (REPLAY_COUNTERS, CHECK_COUNTERS - 1),
    };
    Ok(match search(past, future) {
        WindowMatch::Accepted(factor) => {
            let mut last = factor;
            while let WindowMatch::Accepted(again) =
                find_in_window(generator, digits, otp, center, past, future, last.next())
            {
                last = again;
            }
            Comparison::Fits { factor, last }
        }
        WindowMatch::Used(_) => Comparison::Used,
        WindowMatch::None if hint => {
            let far = match examined.period() {
                Some(period) => {
                    let steps = HINT_SECS / period.get().unsigned_abs();
                    search(steps, steps)
                }
                None => search(0, HINT_COUNTERS),
            };
            match far {
                WindowMatch::Accepted(factor) => Comparison::Outside(factor),
                WindowMatch::Used(_) => Comparison::Used,
                WindowMatch::None => Comparison::Wrong,
            }
        }
        WindowMatch::None => Comparison::Wrong,
    })
}

/// As [`settle`], for a code that may be the response to a challenge: that must be open still, and is spent.
pub(super) fn settle_answered(
    view: &dyn View,
    fresh: &Examined,
    comparison: Comparison,
    answered: Option<&Answered>,
    now: UnixTime,
) -> Result<(CheckResult, Changes), ServiceError> {
    let (comparison, spending) = match challenge::spent(view, fresh, answered, now)? {
        Spending::Open(changes) => (comparison, changes),
        Spending::Spent(changes) => (Comparison::Used, changes),
        Spending::Unknown => (Comparison::Wrong, Vec::new()),
    };
    let (result, mut changes) = settle(view, fresh, comparison, now)?;
    changes.extend(spending);
    Ok((result, changes))
}

/// Turns a comparison into an answer and the changes that go with it. The budget is the one of this
/// moment; the comparison rests on a state that `fresh` was shown to equal.
pub(super) fn settle(
    view: &dyn View,
    fresh: &Examined,
    comparison: Comparison,
    now: UnixTime,
) -> Result<(CheckResult, Changes), ServiceError> {
    if let Some(until) = code::blocked(&fresh.state.budget, now) {
        return Ok((CheckResult::Blocked { until }, Vec::new()));
    }
    let put = |state| Change::PutState(fresh.id(), fresh.seed.version, state);
    let one_more_failure = || put(code::failed(fresh.state, now, fresh.failure_limit));
    let fits = match comparison {
        Comparison::Responds { last } => Some((fresh.told(last), fresh.floor_after(last))),
        Comparison::Fits { factor, last } => Some((factor, last.next())),
        _ => None,
    };
    if let Some((factor, floor)) = fits {
        let (steps, seconds) = fresh.offset(factor, now);
        let (drift, seen) = drift::learn_login(view, fresh, factor, now)?;
        let mut changes = vec![put(code::accepted_to(fresh.state, floor, now, drift))];
        changes.extend(seen);
        if !fresh.state.used {
            changes.extend(code::touch_batch(view, &fresh.token)?);
        }
        return Ok((CheckResult::Accepted { steps, seconds }, changes));
    }
    Ok(match comparison {
        Comparison::FitsWithoutPin { floor } => {
            let floor = fresh.state.floor.max(floor);
            let failed = code::failed(fresh.state, now, fresh.failure_limit);
            (CheckResult::Wrong, vec![put(TokenState { floor, used: true, ..failed })])
        }
        Comparison::Used => (CheckResult::Replayed { last_used: fresh.state.last_used }, Vec::new()),
        Comparison::Outside(factor) => {
            let (steps, seconds) = fresh.offset(factor, now);
            (CheckResult::OutsideWindow { steps, seconds }, vec![one_more_failure()])
        }
        _ => (CheckResult::Wrong, vec![one_more_failure()]),
    })
}

/// What is left of a check: deciding inside the change.
type CheckDecision = Box<dyn FnMut(&dyn View) -> Result<(CheckResult, Changes), ServiceError> + Send>;

/// Failures after which a token that is not there would be blocked: those of one of the actor's resources,
/// always the same for a serial, as if it stood there.
fn usual_limit(view: &dyn View, actor: &Actor, serial: &[u8; 32]) -> Result<u32, ServiceError> {
    let place = match &actor.scope {
        Scope::All => None,
        Scope::Resources(list) => list.iter().cycle().nth(usize::from(serial[0]) % list.len().max(1)),
    };
    let place = place.map(|id| view.resource(*id)).transpose()?.flatten();
    Ok(place.map_or(Resource::DEFAULT_FAILURE_LIMIT, |resource| resource.failure_limit))
}

impl Service {
    /// Checks one code of a token and spends it when it is right.
    pub fn check(&self, actor: &Actor, serial: &TokenSerial, otp: &Otp) -> Result<CheckResult, ServiceError> {
        self.check_response(actor, serial, None, otp)
    }

    /// As [`Service::check`], with the challenge that a token with a keypad was asked.
    pub fn check_response(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        challenge: Option<&str>,
        otp: &Otp,
    ) -> Result<CheckResult, ServiceError> {
        let decision = || self.examine(actor, serial, challenge, otp);
        self.until_settled(|| self.store.write(self.newsroom()?.hearing(decision()?)))
    }

    /// As [`Service::check`] for callers that must not wait: what has to be computed is computed now,
    /// `tell` hears the answer once it is durable. The answer may be `Stale`: then ask again.
    ///
    /// For verifiers only: an operator's check may search a day around the present code, which takes
    /// too long for a thread that others wait for.
    pub fn check_later(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        otp: &Otp,
        tell: impl FnOnce(Result<CheckResult, ServiceError>) + Send + 'static,
    ) {
        let newsroom = self.newsroom();
        let decision =
            self.examine(actor, serial, None, otp).and_then(|decision| Ok(newsroom?.hearing(decision)));
        match decision {
            Ok(decision) => self.store.write_later(decision, tell),
            Err(error) => tell(Err(error)),
        }
    }

    /// Compares outside the store; gives what is left to decide inside.
    fn examine(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        challenge: Option<&str>,
        otp: &Otp,
    ) -> Result<CheckDecision, ServiceError> {
        let operator = actor.is_operator();
        match self.examine_token(actor, serial, challenge, otp, operator) {
            // A verifier learns nothing about which tokens exist or why one is refused, nor which of them has a
            // keypad.
            Err(
                ServiceError::NotFound { .. }
                | ServiceError::State { .. }
                | ServiceError::Invalid { code: "challenge_not_expected", .. },
            ) if !operator => {
                self.dummy_check(otp)?;
                Ok(self.examine_nothing(actor, serial))
            }
            other => other,
        }
    }

    /// What a verifier hears of a token that is not there, or not for it: the counter, the waits, the
    /// record and the durable change of a wrong code, so that neither answer nor time tells it apart.
    fn examine_nothing(&self, actor: &Actor, serial: &TokenSerial) -> CheckDecision {
        let hash = self.vault.keyed_hash("serial", serial.normal().as_bytes());
        let key = hashed_key(BudgetKind::UnknownOtp, &hash);
        let (actor, serial, now) = (actor.clone(), serial.clone(), self.clock.now());
        Box::new(move |view| {
            let budget = view.budget(key)?.within(now, 86_400);
            let (result, mut changes) = if let Some(until) = code::blocked(&budget, now) {
                (CheckResult::Blocked { until }, Vec::new())
            } else {
                let counted = budget.failed(now, usual_limit(view, &actor, &hash)?);
                (CheckResult::Wrong, vec![Change::PutBudget(key, counted)])
            };
            // The log may know what the verifier may not.
            let token = view.token_by_serial(serial.normal())?;
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::OtpChecked,
                token.iter().map(|token| Subject::Token(token.id)).collect(),
                AuditResult::Refused,
                vec![
                    ("result", result.name().to_owned()),
                    ("reason", if token.is_some() { "not_usable_here" } else { "unknown_serial" }.to_owned()),
                ],
            ));
            Ok((result, changes))
        })
    }

    fn examine_token(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        challenge: Option<&str>,
        otp: &Otp,
        hint: bool,
    ) -> Result<CheckDecision, ServiceError> {
        let (examined, now) = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let token = scoped(view, actor, serial)?;
            Ok::<_, ServiceError>((Examined::read(view, token, None)?, now))
        })?;
        examined.require_usable(now)?;
        examined.require_shown()?;
        // A token that came back is nobody's; only operators, who look whether it still works, try it.
        if !hint && matches!(examined.token.custody, Custody::Returned { .. }) {
            return Err(ServiceError::state("out_of_custody", "the token is noted as returned"));
        }
        examined.require_challenges("challenge", usize::from(challenge.is_some()), 1)?;
        examined.shape()?;
        if hint {
            examined.require_shape(otp)?;
        }
        let answered = challenge.map(|text| {
            Answered::of_token(examined.id(), ChallengePurpose::Check, &[text.trim().to_owned()])
        });
        if hint {
            self.require_asked(&examined, answered.as_ref(), now)?;
        }
        let comparison = compare(self, &examined, otp, answered.as_ref(), now, hint)?;
        let actor = actor.clone();
        let split = self.splits_check();
        Ok(Box::new(move |view| {
            let fresh = if split { examined.clone() } else { examined.unmoved(view)? };
            let (result, mut changes) = settle_answered(view, &fresh, comparison, answered.as_ref(), now)?;
            let done = matches!(result, CheckResult::Accepted { .. });
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::OtpChecked,
                vec![Subject::Token(fresh.id())],
                if done { AuditResult::Done } else { AuditResult::Refused },
                vec![("result", result.name().to_owned())],
            ));
            Ok((result, changes))
        }))
    }
}
