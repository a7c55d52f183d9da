//! What codes mean that fit nowhere.
//!
//! A token that never fits is rarely broken: the file named another step or hash, the secret was read in the wrong
//! encoding, the person holds the neighbour's token, typed the codes in another order or a PIN beside them. So
//! after a search that found nothing, these readings are tried, too, and what fits is told to the operator with
//! the next step. Nothing is accepted and nothing learned by it: a diagnosis opens no door.
//!
//! All readings together are one window: their start positions are added up, and the codes given carry only so
//! many ([`widest_window`]). A chance hit is as unlikely here as in a search, one in ten million.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, ChallengePurpose, OtpSpec, Subject, TokenId, TokenKind, TokenSerial,
};
use crate::oath::{CodeSequence, Digits, HashAlg, MovingFactor, Otp, PeriodSecs, time_step, widest_window};
use crate::seedfile::SecretReading;
use crate::store::Change;

use super::challenge::Answered;
use super::code::{Examined, signed_distance};
use super::confirm::{ConfirmRequest, ConfirmResult};
use super::pin::without_pins;
use super::resync::{ResyncRequest, SequenceOutcome, SequenceResult, closed, failed_attempt};
use super::search_gate::{Admitted, Turn};
use super::token::scoped;
use super::{Service, ServiceError};

mod advice;
mod answers;
mod others;
mod readings;

pub use self::advice::{Advice, Advised};

/// Most codes that are computed for one diagnosis: some tenths of a second of a core.
const MOST_HMACS: u64 = 16_000_000;
/// Responses of keypads, each of which takes longer.
const MOST_RESPONSES: u64 = 400_000;

/// How a token computes its codes, as a file states it or as its codes show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// HOTP or TOTP.
    pub kind: TokenKind,
    /// The hash under the HMAC.
    pub hash: HashAlg,
    /// Digits of a code.
    pub digits: Digits,
    /// Length of a step, of clock tokens.
    pub period: Option<PeriodSecs>,
    /// The moment from which steps are counted.
    pub epoch_secs: i64,
}

impl Parameters {
    /// Of a token that shows codes by itself.
    fn of(spec: &OtpSpec) -> Option<Self> {
        match *spec {
            OtpSpec::Hotp { hash, digits, .. } => {
                Some(Self { kind: TokenKind::Hotp, hash, digits, period: None, epoch_secs: 0 })
            }
            OtpSpec::Totp { hash, digits, period, epoch_secs } => {
                Some(Self { kind: TokenKind::Totp, hash, digits, period: Some(period), epoch_secs })
            }
            OtpSpec::Ocra { .. }
            | OtpSpec::OcraFilled { .. }
            | OtpSpec::Mail { .. }
            | OtpSpec::YubicoOtp { .. }
            | OtpSpec::Motp => None,
        }
    }
}

/// Why codes do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing but the distance: further away than was searched.
    Drift,
    /// They were typed in another order than they were shown.
    Order,
    /// Codes were left out between those that were typed.
    LeftOut,
    /// Something was typed beside each code, as if the token had a PIN.
    Pin {
        /// Digits of it.
        digits: usize,
        /// It stands before the code.
        before: bool,
    },
    /// The token computes in another way than is stated here.
    Parameters {
        /// As it stands here.
        stated: Parameters,
        /// As the codes show.
        shown: Parameters,
    },
    /// The secret was taken over in another reading than the token has.
    Secret(SecretReading),
    /// An event token shows codes that lie far behind those that were used.
    CounterBehind {
        /// The next counter here.
        expected: u64,
    },
    /// Another token shows these codes.
    OtherToken {
        /// Its serial number.
        serial: TokenSerial,
        /// Where it is, `assigned` left aside.
        custody: &'static str,
    },
}

impl Cause {
    /// The word in JSON and in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Order => "order",
            Self::LeftOut => "left_out",
            Self::Pin { .. } => "pin",
            Self::Parameters { stated, shown } => {
                let differs = [
                    (stated.kind != shown.kind, "kind"),
                    (stated.hash != shown.hash, "hash"),
                    (stated.digits != shown.digits, "digits"),
                    (stated.kind == shown.kind && stated.period != shown.period, "step"),
                    (stated.epoch_secs != shown.epoch_secs, "epoch"),
                ];
                let mut names = differs.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name);
                match (names.next(), names.next()) {
                    (Some(only), None) => only,
                    _ => "parameters",
                }
            }
            Self::Secret(_) => "secret",
            Self::CounterBehind { .. } => "counter_behind",
            Self::OtherToken { .. } => "other_token",
        }
    }
}

/// One reading that fits, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why the codes do not fit as they stand.
    pub cause: Cause,
    /// How far the token's clock is off in this reading, of clock tokens.
    pub seconds: Option<i64>,
    /// The counter of the first code, of event tokens.
    pub counter: Option<u64>,
}

/// What was found out about codes that fit nowhere, the likeliest first. Empty: nothing that was tried explains them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// What fits.
    pub findings: Vec<Finding>,
    /// Codes computed.
    pub evaluated: u64,
    /// Time of the search in microseconds, opening of the secrets included.
    pub elapsed_us: u64,
}

/// A search for consecutive codes, and what they mean if it found nothing.
#[derive(Clone, Debug)]
pub struct Explained<T> {
    /// What came of the search.
    pub outcome: T,
    /// What the codes mean; `None`: they were found, or one more is needed first.
    pub diagnosis: Option<Diagnosis>,
}

/// What readings found so far.
#[derive(Default)]
struct Told {
    findings: Vec<Finding>,
    evaluated: u64,
}

/// What codes are held against.
#[derive(Clone, Copy)]
struct Case<'a> {
    examined: &'a Examined,
    otps: &'a [Otp],
    now: UnixTime,
}

impl Case<'_> {
    /// How far a clock is off that shows `last` now.
    fn seconds(&self, last: MovingFactor, period: PeriodSecs, epoch_secs: i64) -> i64 {
        let server = time_step(self.now, epoch_secs, 0, period).unwrap_or(MovingFactor(0));
        signed_distance(server, last).saturating_mul(period.get())
    }
}

/// Parts of a budget, one for each wish, none larger than its wish: what the modest leave goes to the others.
fn shares(wishes: &[u64], budget: u64) -> Vec<u64> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|at| wishes[*at]);
    let (mut left, mut parts) = (budget, vec![0; wishes.len()]);
    for (done, at) in order.into_iter().enumerate() {
        let part = wishes[at].min(left / (wishes.len() - done) as u64);
        parts[at] = part;
        left -= part;
    }
    parts
}

impl Service {
    /// Brings a token back, and says what its codes mean if that finds nothing. For operators.
    pub fn resync_explained(
        &self,
        actor: &Actor,
        request: &ResyncRequest<'_>,
    ) -> Result<Explained<SequenceOutcome>, ServiceError> {
        let ResyncRequest { serial, otps, challenges, .. } = *request;
        let answer = self.resync_as(actor, request);
        let is_open = match &answer {
            Ok(outcome) => match outcome.result {
                SequenceResult::NotFound => true,
                // The window that these codes carry was searched, and more would widen it.
                SequenceResult::MoreOtpsNeeded => outcome.evaluated > 0,
                _ => false,
            },
            Err(error) => is_length(error),
        };
        if !is_open || !actor.is_operator() {
            return answer.map(|outcome| Explained { outcome, diagnosis: None });
        }
        if answer.is_err()
            && let Some(until) = self.count_misread(actor, serial)?
        {
            let result = SequenceResult::Blocked { until };
            return Ok(Explained { outcome: unsearched(result, otps.len()), diagnosis: None });
        }
        let purpose = ChallengePurpose::Synchronization;
        let diagnosis = self.diagnose(actor, serial, purpose, challenges, otps);
        let is_explained = diagnosis.as_ref().is_some_and(|diagnosis| !diagnosis.findings.is_empty());
        let outcome = match answer {
            // Codes of another length cannot be this token's as it stands here; what they are was found all the same.
            Err(_) if is_explained => unsearched(SequenceResult::NotFound, otps.len()),
            answer => answer?,
        };
        Ok(Explained { outcome, diagnosis })
    }

    /// Confirms a token for a user at the desk, and says what the codes mean if they do not fit.
    pub fn confirm_explained(
        &self,
        actor: &Actor,
        request: &ConfirmRequest<'_>,
        challenges: &[String],
    ) -> Result<Explained<ConfirmResult>, ServiceError> {
        let outcome = self.confirm_responses(actor, request, challenges)?;
        let diagnosis = match outcome {
            ConfirmResult::Refused { reason: "not_found" | "otp_length", .. } if actor.is_operator() => {
                let purpose = ChallengePurpose::Confirmation;
                self.diagnose(actor, request.serial, purpose, challenges, request.otps)
            }
            _ => None,
        };
        Ok(Explained { outcome, diagnosis })
    }

    /// Counts codes that can be no code of the token as an attempt: else they could be tried without end. When it is
    /// blocked, gives until when.
    fn count_misread(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
    ) -> Result<Option<Option<UnixTime>>, ServiceError> {
        let (actor, serial) = (actor.clone(), serial.clone());
        let now = self.store.read(|view| self.trusted_now(view))?;
        self.decide(move |view| {
            let examined = Examined::read(view, scoped(view, &actor, &serial)?, None)?;
            let until = closed(&examined.state, true, now);
            if until.is_some() {
                return Ok((until, Vec::new()));
            }
            let state = failed_attempt(&examined, &actor, true, now);
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::Resynced,
                vec![Subject::Token(examined.id())],
                AuditResult::Refused,
                vec![("result", "otp_length".to_owned())],
            );
            Ok((None, vec![Change::PutState(examined.id(), examined.seed.version, state), entry]))
        })
    }

    /// Tries the other readings of codes that fit nowhere, and notes on record who looked and what was found. `None`
    /// where there are none: an app with mOTP and a key with Yubico OTP have nothing that a file could state wrongly.
    /// What came of the codes stands already, so a diagnosis that cannot be made is none, too.
    fn diagnose(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        purpose: ChallengePurpose,
        challenges: &[String],
        otps: &[Otp],
    ) -> Option<Diagnosis> {
        let read = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let token = scoped(view, actor, serial)?;
            Ok::<_, ServiceError>((Examined::read(view, token, None)?, now))
        });
        let (examined, now) = read.ok()?;
        let answered = Answered::of_token(examined.id(), purpose, challenges);
        self.diagnose_read(actor, &Case { examined: &examined, otps, now }, Some(&answered), MOST_HMACS)
    }

    /// The same for a token that was read, with at most so many codes.
    fn diagnose_read(
        &self,
        actor: &Actor,
        case: &Case<'_>,
        answered: Option<&Answered>,
        most: u64,
    ) -> Option<Diagnosis> {
        let Case { examined, otps, now } = *case;
        let began = self.clock.monotonic();
        let bare = without_pins(examined, otps);
        let case = Case { otps: bare.as_deref().unwrap_or(otps), ..*case };
        let told = match Parameters::of(&examined.seed.spec) {
            Some(stated) => self.diagnose_codes(actor, &case, stated, most),
            None => self.diagnose_answers(
                actor,
                &case,
                answered.filter(|_| examined.seed.spec.suite().is_some())?,
                most,
            ),
        };
        let Told { findings, evaluated } = told.ok()?;
        let elapsed = self.clock.monotonic().saturating_sub(began);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let diagnosis = Diagnosis { findings, evaluated, elapsed_us };
        self.note_diagnosed(actor, examined.id(), &diagnosis, now).ok()?;
        Some(diagnosis)
    }

    fn diagnose_codes(
        &self,
        actor: &Actor,
        case: &Case<'_>,
        stated: Parameters,
        most: u64,
    ) -> Result<Told, ServiceError> {
        let mut told = Told::default();
        let Some(typed) = readings::Typed::of(case, stated.digits) else { return Ok(told) };
        let budget = widest_window(typed.digits, case.otps.len()).min(most);
        let admitted = self.admit_diagnosis(case, budget)?;
        let readings = self.readings(case, stated, &typed)?;
        let wishes: Vec<u64> = readings.iter().map(readings::Reading::wish).collect();
        // One half for this token, the other for those beside it.
        let parts = shares(&wishes, budget / 2);
        for (reading, part) in readings.iter().zip(parts) {
            reading.search(case, part, &admitted, &mut told);
        }
        self.other_tokens(actor, case, &typed, budget - budget / 2, &admitted, &mut told)?;
        Ok(told)
    }

    /// A diagnosis takes its turn as every search does, one of a token at a time.
    fn admit_diagnosis(&self, case: &Case<'_>, hmacs: u64) -> Result<Admitted<'_>, ServiceError> {
        self.searches.admit(self.clock.as_ref(), Some(Turn::Token(case.examined.id())), u128::from(hmacs))
    }

    fn note_diagnosed(
        &self,
        actor: &Actor,
        token: TokenId,
        diagnosis: &Diagnosis,
        now: UnixTime,
    ) -> Result<(), ServiceError> {
        let causes: Vec<_> = diagnosis.findings.iter().map(|finding| finding.cause.name()).collect();
        let result = if causes.is_empty() { AuditResult::Refused } else { AuditResult::Done };
        let found = if causes.is_empty() { "nothing".to_owned() } else { causes.join(", ") };
        let mut detail = vec![("cause", found), ("evaluated", diagnosis.evaluated.to_string())];
        for finding in &diagnosis.findings {
            if let Cause::OtherToken { serial, .. } = &finding.cause {
                detail.push(("serial", serial.to_string()));
            }
        }
        let subjects = vec![Subject::Token(token)];
        let entry = super::audit_entry(now, actor, AuditAction::Diagnosed, subjects, result, detail);
        self.decide(move |_| Ok(((), vec![entry.clone()])))
    }
}

/// An outcome without a search.
const fn unsearched(result: SequenceResult, otps_needed: usize) -> SequenceOutcome {
    SequenceOutcome {
        result,
        otps_needed,
        chance: 0.0,
        evaluated: 0,
        elapsed_us: 0,
        clock_doubt: false,
        is_last: otps_needed >= CodeSequence::MAX_LEN,
    }
}

/// True for the refusal of codes that have another number of digits than the token.
fn is_length(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Invalid { code: "otp_length", .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_shared_and_what_the_modest_leave_goes_to_the_others() {
        assert_eq!(shares(&[100, 10, 100], 90), [40, 10, 40]);
        assert_eq!(shares(&[5, 5], 90), [5, 5]);
        assert_eq!(shares(&[], 90), Vec::<u64>::new());
        assert_eq!(shares(&[7, 7, 7], 2), [0, 1, 1]);
    }

    #[test]
    fn a_cause_is_named_after_what_differs() {
        let stated = Parameters {
            kind: TokenKind::Totp,
            hash: HashAlg::Sha1,
            digits: Digits::SIX,
            period: Some(PeriodSecs::DEFAULT),
            epoch_secs: 0,
        };
        let named = |shown| Cause::Parameters { stated, shown }.name();
        let minute = PeriodSecs::new(60).ok();
        assert_eq!(named(Parameters { period: minute, ..stated }), "step");
        assert_eq!(named(Parameters { hash: HashAlg::Sha256, ..stated }), "hash");
        assert_eq!(named(Parameters { digits: Digits::EIGHT, ..stated }), "digits");
        assert_eq!(named(Parameters { epoch_secs: 946_684_800, ..stated }), "epoch");
        assert_eq!(named(Parameters { kind: TokenKind::Hotp, period: None, ..stated }), "kind");
        assert_eq!(named(Parameters { hash: HashAlg::Sha512, period: minute, ..stated }), "parameters");
    }
}
