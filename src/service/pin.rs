//! PINs beside the codes of a token (P21, P22, P33, P50).
//!
//! A PIN is compared outside the deciding closure, and exactly when more digits were typed than a code
//! can have: so the time depends on what was typed and on nothing else, not on whether the token is
//! there or has a PIN.

use zeroize::Zeroizing;

use crate::model::{
    Actor, AuditAction, AuditResult, OtpSpec, PasswordHash, PinPlacement, PinRecord, PortalAction,
    SelfService, Subject, Token, TokenId, TokenSerial, Visit,
};
use crate::oath::{CodeShape, MotpGenerator, OcraSuite, Otp, PinHash};
use crate::secret::{Passphrase, Pin};
use crate::store::Change;
use crate::vault::SealContext;

use super::code::Examined;
use super::notice::{Happened, Notice};
use super::pair::pair_of;
use super::portal::{require_fresh, signed_in};
use super::{PortalSession, Service, ServiceError};

/// The longest PIN that goes into responses, in bytes.
const LONGEST_RESPONSE_PIN: usize = 64;
/// The longest PIN of an app, which is kept as it is: it cannot be taken for a hash.
const LONGEST_APP_PIN: usize = PinHash::SHORTEST - 1;
/// No code has more digits.
const LONGEST_CODE: usize = 8;

/// What came with the codes of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SequencePin {
    /// The token has none, or the right one stood beside a code, or an operator acts.
    Proved,
    /// Bare codes of a token that has one: they bring it back, and forgive no failure.
    Bare,
    /// A wrong one stood beside a code.
    Wrong,
}

/// The PIN that is typed beside a code. One that goes into the responses of a token with a keypad never is; nor is
/// any beside codes that are not made of digits.
fn beside(examined: &Examined) -> Option<&PinRecord> {
    let spec = &examined.seed.spec;
    examined.token.pin.as_ref().filter(|_| !spec.takes_pin() && spec.digits().is_some())
}

/// Code and PIN in what was typed, when it is as long as both of this token together.
fn split(examined: &Examined, typed: &Otp) -> Option<(Otp, Otp)> {
    let (record, digits) = (beside(examined)?, examined.seed.spec.digits()?);
    let (code, pin) = (usize::from(digits.get()), usize::from(record.digits));
    if typed.len() != code + pin {
        return None;
    }
    match record.placement {
        PinPlacement::After => typed.split_at(code),
        PinPlacement::Before => typed.split_at(pin).map(|(pin, code)| (code, pin)),
    }
}

/// The codes of a sequence without the PIN that stood beside some of them; `None`: it stood beside none.
pub(super) fn without_pins(examined: &Examined, typed: &[Otp]) -> Option<Vec<Otp>> {
    let digits = examined.seed.spec.digits()?;
    let bare = |otp: &Otp| match split(examined, otp) {
        Some((code, _)) => Some(code),
        None => otp.value(digits).map(|value| Otp::from_value(value, digits)),
    };
    let glued = typed.iter().any(|otp| split(examined, otp).is_some());
    if glued { typed.iter().map(bare).collect() } else { None }
}

/// Whether a PIN is refused: all digits alike, or running up or down.
fn is_guessed_first(digits: &[u8]) -> bool {
    let step = |by: u8| digits.windows(2).all(|two| (two[0] - b'0' + by) % 10 == two[1] - b'0');
    step(0) || step(1) || step(9)
}

impl Service {
    fn keyed_pin(&self, token: TokenId, digits: &[u8]) -> Passphrase {
        let mut value = Zeroizing::new(Vec::with_capacity(24));
        value.extend_from_slice(&token.0.to_be_bytes());
        value.extend_from_slice(digits);
        Passphrase::new(self.vault.keyed_hash("pin", &value).to_vec())
    }

    #[expect(clippy::disallowed_methods, reason = "PINs are hashed and compared here")]
    fn pin_fits(
        &self,
        token: TokenId,
        typed: &Otp,
        record: Option<&PinRecord>,
    ) -> Result<bool, ServiceError> {
        let stored = record.map(|record| PasswordHash(record.phc.clone()));
        self.verify_password(&self.keyed_pin(token, typed.expose()), stored.as_ref())
    }

    /// The work of comparing a PIN where there is no token, when that much was typed.
    pub(super) fn dummy_pin(&self, typed: &Otp) -> Result<(), ServiceError> {
        if typed.shape() == CodeShape::Digits && typed.len() > LONGEST_CODE {
            self.pin_fits(TokenId(0), typed, None)?;
        }
        Ok(())
    }

    /// The code in what was typed (`None`: all of it), and whether the PIN is the token's: the right one
    /// beside the code, or none for a token that has none.
    pub(super) fn code_and_pin(
        &self,
        examined: &Examined,
        typed: &Otp,
    ) -> Result<(Option<Otp>, bool), ServiceError> {
        let record = beside(examined);
        if let Some((code, pin)) = split(examined, typed) {
            return Ok((Some(code), self.pin_fits(examined.id(), &pin, record)?));
        }
        self.dummy_pin(typed)?;
        Ok((None, record.is_none()))
    }

    /// What stood beside the codes of a sequence.
    pub(super) fn sequence_pin(
        &self,
        examined: &Examined,
        typed: &[Otp],
    ) -> Result<SequencePin, ServiceError> {
        let Some(record) = beside(examined) else { return Ok(SequencePin::Proved) };
        // One comparison, however many codes: the last one counts.
        let last = typed.iter().filter_map(|otp| split(examined, otp)).next_back();
        Ok(match last {
            None => SequencePin::Bare,
            Some((_, pin)) if self.pin_fits(examined.id(), &pin, Some(record))? => SequencePin::Proved,
            Some(_) => SequencePin::Wrong,
        })
    }

    /// *PIN Setup*. The PIN stands where the resource says, or where the user likes.
    #[expect(clippy::disallowed_methods, reason = "the rules look at the digits")]
    pub fn portal_set_pin(
        &self,
        portal: &PortalSession,
        pin: &Pin,
        placement: PinPlacement,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::SetupPin)?;
        let rules = portal.resource.portal.as_ref();
        let most = rules.map_or(*SelfService::PIN_LENGTHS.start(), |portal| portal.pin_length);
        let digits = pin.expose();
        let wrong = |code, detail: String| Err(ServiceError::invalid("pin", code, detail));
        if !digits.iter().all(u8::is_ascii_digit) {
            return wrong("pin_digits", "a PIN has digits only".to_owned());
        }
        let len = u8::try_from(digits.len()).unwrap_or(u8::MAX);
        if !(*SelfService::PIN_LENGTHS.start()..=most).contains(&len) {
            let allowed = if most == 4 { "four digits".to_owned() } else { format!("4 to {most} digits") };
            return wrong("pin_length", format!("a PIN has {allowed}, {} were typed", digits.len()));
        }
        if is_guessed_first(digits) {
            let detail = "this PIN is among the first that anybody tries: take digits that are not all alike and do not run up or down";
            return wrong("pin_guessed", detail.to_owned());
        }
        let placement = rules.and_then(|portal| portal.pin_placement).unwrap_or(placement);
        let user = signed_in(portal)?.clone();
        let token = self.store.read(|view| {
            let pair = pair_of(view, user.id, &portal.resource)?;
            pair.map(|(_, token)| token.id).ok_or(ServiceError::Stale)
        })?;
        let phc = self.hash_password(&self.keyed_pin(token, digits))?.0;
        let record = PinRecord { placement, digits: len, phc };
        let (actor, resource, now) = (portal.actor(visit), portal.resource.clone(), self.clock.now());
        let (post, session) = (self.post()?, portal.key);
        self.decide(move |view| {
            // The owner may have signed out everywhere while the PIN was hashed.
            if view.session(&session)?.is_none() {
                return Err(ServiceError::state("sign_in_order", "start again with the login"));
            }
            let (_, here) = pair_of(view, user.id, &resource)?
                .filter(|(_, here)| here.id == token && here.pin.is_none())
                .ok_or(ServiceError::Stale)?;
            let place = match placement {
                PinPlacement::Before => "before",
                PinPlacement::After => "after",
            };
            let serial = here.serial.clone();
            let mut changes = vec![
                Change::PutToken(Token { pin: Some(record.clone()), ..here }),
                super::audit_entry(
                    now,
                    &actor,
                    AuditAction::PinSet,
                    vec![Subject::Token(token), Subject::User(user.id), Subject::Resource(resource.id)],
                    AuditResult::Done,
                    vec![("placement", place.to_owned()), ("digits", len.to_string())],
                ),
            ];
            let happened = Happened::PinSet(&serial, placement);
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// *Remove PIN*, with a fresh proof.
    pub fn portal_remove_pin(&self, portal: &PortalSession, visit: &Visit) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::RemovePin)?;
        let user = signed_in(portal)?.clone();
        let (actor, resource, now) = (portal.actor(visit), portal.resource.clone(), self.clock.now());
        let (post, portal) = (self.post()?, portal.clone());
        self.decide(move |view| {
            require_fresh(view, &portal, now)?;
            let (_, here) = pair_of(view, user.id, &resource)?
                .filter(|(_, here)| here.pin.is_some())
                .ok_or(ServiceError::Stale)?;
            let subjects =
                vec![Subject::Token(here.id), Subject::User(user.id), Subject::Resource(resource.id)];
            let serial = here.serial.clone();
            let mut changes = vec![
                Change::PutToken(Token { pin: None, ..here }),
                super::audit_entry(now, &actor, AuditAction::PinRemoved, subjects, AuditResult::Done, vec![]),
            ];
            let happened = Happened::PinRemoved(&serial);
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// The PIN that goes into the codes of a token: its vendor says it, or whoever changed it in the token. Kept sealed,
    /// as the hash that a suite asks for, or as it is where codes take it so; nothing is typed beside such a code.
    pub fn set_response_pin(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        pin: &Pin,
    ) -> Result<(), ServiceError> {
        let (id, spec) = self.store.read(|view| {
            let token = super::token::scoped(view, actor, serial)?;
            let seed = view.seed(token.id)?.ok_or(ServiceError::NotFound { what: "token" })?;
            Ok::<_, ServiceError>((token.id, seed.spec))
        })?;
        let most = if spec == OtpSpec::Motp { LONGEST_APP_PIN } else { LONGEST_RESPONSE_PIN };
        if pin.is_empty() || pin.len() > most {
            let detail = format!("the PIN has {} characters, 1 to {most} are possible", pin.len());
            return Err(ServiceError::invalid("pin", "pin_length", detail));
        }
        let kept = match &spec {
            OtpSpec::Motp => Some(MotpGenerator::keep_pin(pin)),
            other => {
                let alg = other.suite().and_then(OcraSuite::pin_hash);
                alg.map(|alg| PinHash::new(alg, pin).keep())
            }
        };
        let kept = kept.ok_or_else(|| {
            let detail =
                "no PIN goes into the codes of this token: only those of mOTP and of suites with P take one";
            ServiceError::state("pin_not_in_responses", detail)
        })?;
        let sealed = self.sealer()?.seal(&kept, SealContext::PinHash(id))?;
        self.change_token(actor, serial, move |view, token, _| {
            let seed = view.seed(token.id)?.ok_or(ServiceError::Stale)?;
            if token.id != id || seed.spec != spec {
                return Err(ServiceError::Stale);
            }
            let changes = vec![Change::PutPinHash(id, sealed.clone())];
            Ok((changes, AuditAction::PinSet, vec![("placement", "in_response".to_owned())]))
        })
    }

    /// An operator removes a forgotten PIN; the note says how it was established who asks.
    pub fn remove_pin(&self, actor: &Actor, serial: &TokenSerial, note: &str) -> Result<(), ServiceError> {
        let note = note.trim().to_owned();
        if note.is_empty() {
            let detail = "say how you made sure who the person is";
            return Err(ServiceError::invalid("note", "note_missing", detail));
        }
        if note.chars().count() > 1_000 {
            return Err(ServiceError::invalid(
                "note",
                "note_too_long",
                "a note has at most 1,000 characters",
            ));
        }
        let post = self.post()?;
        let acting = actor.clone();
        self.change_token(actor, serial, move |view, token, now| {
            if token.pin.is_none() {
                return Err(ServiceError::state("pin_missing", "this token has no PIN"));
            }
            let mut changes = Vec::new();
            if let Some(holder) = token.holder.map(|id| view.user(id)).transpose()?.flatten() {
                let happened = Happened::PinRemoved(&token.serial);
                let notice = Notice { happened, user: &holder, actor: &acting, resource: None };
                post.tell(view, &notice, now, &mut changes)?;
            }
            changes.push(Change::PutToken(Token { pin: None, ..token }));
            Ok((changes, AuditAction::PinRemoved, vec![("note", note.clone())]))
        })?;
        self.wake_mailer();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P21: what everybody tries first.
    #[test]
    fn pins_that_are_guessed_first() {
        for refused in ["1111", "1234", "4321", "0123", "7890", "3210", "99999999"] {
            assert!(is_guessed_first(refused.as_bytes()), "{refused}");
        }
        for taken in ["1357", "1212", "2580", "1243", "0001"] {
            assert!(!is_guessed_first(taken.as_bytes()), "{taken}");
        }
    }
}
