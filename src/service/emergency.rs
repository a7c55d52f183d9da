//! Emergency codes (P48): an operator who has made sure who somebody is gives them a code that stands in the place
//! of their token's, for one sign-in or until a time.
//!
//! The code opens the door and changes nothing else. The token stays as it is: whoever left it at home uses it again
//! tomorrow, and needs its code for what asks for a fresh proof. Only a token that an operator switched off or noted
//! as lost counts as none in a session that such a code opened, so that its owner can set up or confirm another one,
//! which takes its places; without the code, sign-in still asks for the old one and is refused.

use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AssignmentKind, AuditAction, AuditResult, DisabledBy, EmergencyCode, Login, PasswordHash, Subject,
    Token, UserId, Visit,
};
use crate::oath::Otp;
use crate::secret::{BearerToken, Passphrase};
use crate::store::{Change, Changes, View};
use crate::vault::{bearer_hash, bearer_token, random_bytes};

use super::check::CheckResult;
use super::code;
use super::notice::{Happened, Notice};
use super::scope::{rules_token, rules_user, shared};
use super::second_factor::{FullSession, ThirdPage};
use super::user::visible_user;
use super::{PortalSession, Service, ServiceError};

/// Digits of an emergency code: 66 bits, and longer than any code with a PIN.
const DIGITS: usize = 20;
/// Hours that one may hold.
const HOURS: std::ops::RangeInclusive<u32> = 1..=168;
/// Hours that it holds unless something else is said.
pub const EMERGENCY_HOURS: u32 = 24;

/// A code to be issued.
#[derive(Clone, Copy, Debug)]
pub struct EmergencyRequest<'a> {
    /// How it was established who asks.
    pub note: &'a str,
    /// How long it holds, 1 to 168.
    pub hours: u32,
    /// It works once; else until its time.
    pub once: bool,
    /// The token is lost: it is switched off, too.
    pub token_lost: bool,
}

/// A code, shown this once.
pub struct IssuedEmergencyCode {
    /// In groups of four digits.
    pub code: Zeroizing<String>,
    /// Until when it holds.
    pub until: UnixTime,
}

impl std::fmt::Debug for IssuedEmergencyCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssuedEmergencyCode")
    }
}

/// True for what can only be an emergency code.
pub(super) fn is_one(typed: &Otp) -> bool {
    typed.len() == DIGITS
}

/// A token that an operator switched off or noted as lost: its owner cannot use it again by themselves.
pub(super) fn is_away(token: &Token) -> bool {
    token.disabled.is_some() || matches!(token.custody, crate::model::Custody::Lost { .. })
}

/// What was typed as an emergency code, compared outside the store.
#[derive(Clone, Debug)]
pub(super) struct TypedEmergency {
    compared: Option<EmergencyCode>,
    fits: bool,
}

impl TypedEmergency {
    /// Whether it is right, and the code that it is.
    pub(super) fn right(
        &self,
        view: &dyn View,
        user: UserId,
        now: UnixTime,
    ) -> Result<Option<EmergencyCode>, ServiceError> {
        let in_force = view.emergency_code(user)?.filter(|code| code.is_alive(now));
        Ok(in_force.filter(|code| self.fits && self.compared.as_ref() == Some(code)))
    }
}

/// What goes with a code that was used: a single one is gone.
pub(super) fn used(code: &EmergencyCode, user: UserId) -> Option<Change> {
    code.once.then_some(Change::DeleteEmergencyCode(user))
}

impl Service {
    fn keyed_emergency(&self, user: UserId, digits: &[u8]) -> Passphrase {
        let mut value = Zeroizing::new(Vec::with_capacity(28));
        value.extend_from_slice(&user.0.to_be_bytes());
        value.extend_from_slice(digits);
        Passphrase::new(self.vault.keyed_hash("emergency code", &value).to_vec())
    }

    /// Compares what was typed; as much work without a code as with one.
    #[expect(clippy::disallowed_methods, reason = "an emergency code is compared by its hash")]
    pub(super) fn typed_emergency(
        &self,
        user: Option<UserId>,
        typed: &Otp,
    ) -> Result<TypedEmergency, ServiceError> {
        let compared = match user {
            Some(user) => self.store.read(|view| Ok::<_, ServiceError>(view.emergency_code(user)?))?,
            None => None,
        };
        let keyed = self.keyed_emergency(user.unwrap_or(UserId(0)), typed.expose());
        let fits = self.verify_password(&keyed, compared.as_ref().map(|code| &code.phc))?;
        Ok(TypedEmergency { compared, fits })
    }

    /// Issues a code; an earlier one of the user ends. It is shown this once.
    pub fn issue_emergency_code(
        &self,
        actor: &Actor,
        login: &Login,
        request: &EmergencyRequest<'_>,
    ) -> Result<IssuedEmergencyCode, ServiceError> {
        let note = request.note.trim().to_owned();
        if note.is_empty() {
            let detail = "say how you made sure who the person is";
            return Err(ServiceError::invalid("note", "note_missing", detail));
        }
        if note.chars().count() > 1_000 {
            let detail = "a note has at most 1,000 characters";
            return Err(ServiceError::invalid("note", "note_too_long", detail));
        }
        if !HOURS.contains(&request.hours) {
            let detail = "an emergency code holds for 1 to 168 hours";
            return Err(ServiceError::invalid("hours", "hours_range", detail));
        }
        let id = self.user(actor, login)?.user.id;
        let digits = drawn()?;
        let phc: PasswordHash = self.hash_password(&self.keyed_emergency(id, digits.as_bytes()))?;
        let now = self.clock.now();
        let until = now.plus_secs(i64::from(request.hours) * 3_600);
        let (once, lost) = (request.once, request.token_lost);
        let code = EmergencyCode { phc, once, issued_at: now, expires_at: until, issued_by: actor.label() };
        let (actor, login, post) = (actor.clone(), login.clone(), self.post()?);
        self.decide(move |view| {
            let user = visible_user(view, &actor, &login)?;
            if user.id != id {
                return Err(ServiceError::Stale);
            }
            // It opens the doors of all the resources where the user stands.
            if !rules_user(view, &actor, &user)? {
                return Err(shared());
            }
            let tokens = asked_tokens(view, id)?;
            if tokens.is_empty() {
                let detail = "no resource asks this user for the code of a token, so there is nothing that an emergency code would stand in for";
                return Err(ServiceError::state("token_missing", detail));
            }
            let uses = if once { "once" } else { "until its time" };
            let mut changes = vec![Change::PutEmergencyCode(id, code.clone())];
            let mut subjects = vec![Subject::User(id)];
            for token in tokens {
                subjects.push(Subject::Token(token.id));
                if lost && !rules_token(view, &actor, &token)? {
                    return Err(shared());
                }
                if lost && token.disabled.is_none() {
                    changes.push(Change::PutToken(Token { disabled: Some(DisabledBy::Operator), ..token }));
                }
            }
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::EmergencyCode,
                subjects,
                AuditResult::Done,
                vec![
                    ("step", "issued".to_owned()),
                    ("uses", uses.to_owned()),
                    ("until", until.to_string()),
                    ("token", if lost { "lost, switched off" } else { "not at hand" }.to_owned()),
                    ("note", note.clone()),
                ],
            ));
            let happened = Happened::EmergencyIssued { until, once };
            let notice = Notice { happened, user: &user, actor: &actor, resource: None };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(IssuedEmergencyCode { code: grouped(&digits), until })
    }

    /// Takes a code back.
    pub fn revoke_emergency_code(&self, actor: &Actor, login: &Login) -> Result<(), ServiceError> {
        let (actor, login, now) = (actor.clone(), login.clone(), self.clock.now());
        self.decide(move |view| {
            let user = visible_user(view, &actor, &login)?;
            let missing = ServiceError::NotFound { what: "emergency code" };
            view.emergency_code(user.id)?.filter(|code| code.is_alive(now)).ok_or(missing)?;
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::EmergencyCode,
                vec![Subject::User(user.id)],
                AuditResult::Done,
                vec![("step", "taken back".to_owned())],
            );
            Ok(((), vec![Change::DeleteEmergencyCode(user.id), entry]))
        })
    }

    /// Page 3 with an emergency code in the place of the token's. Wrong ones count on the token; a right one neither
    /// clears its failures nor spends anything of it, and is no fresh proof.
    pub(super) fn third_by_emergency(
        &self,
        portal: &PortalSession,
        otp: &Otp,
        visit: &Visit,
    ) -> Result<ThirdPage, ServiceError> {
        let answer = self.until_settled(|| self.third_by_emergency_once(portal, otp, visit))?;
        self.wake_mailer();
        Ok(match answer {
            (CheckResult::Blocked { until }, _) => ThirdPage::Blocked { until },
            (_, Some(cookie)) => ThirdPage::Passed { cookie },
            (_, None) => ThirdPage::Refused { can_synchronize: false },
        })
    }

    fn third_by_emergency_once(
        &self,
        portal: &PortalSession,
        otp: &Otp,
        visit: &Visit,
    ) -> Result<(CheckResult, Option<BearerToken>), ServiceError> {
        let (user, examined, now) = self.token_at_hand(portal, None)?;
        let typed = self.typed_emergency(Some(user), otp)?;
        let cookie = bearer_token()?;
        let (old_key, new_key) = (portal.key, bearer_hash(&cookie));
        let (actor, visit, post, resource) =
            (portal.actor(visit), visit.clone(), self.post()?, portal.resource.id);
        let (result, passed) = self.decide(move |view| {
            let fresh = examined.unmoved(view)?;
            if view.session(&old_key)?.is_none_or(|session| !session.is_alive(now)) {
                return Err(ServiceError::state("sign_in_order", "start again with the login"));
            }
            let entry = |result, word: &str| {
                let subjects =
                    vec![Subject::User(user), Subject::Token(fresh.id()), Subject::Resource(resource)];
                let detail = vec![("page", "third".to_owned()), ("result", word.to_owned())];
                super::audit_entry(now, &actor, AuditAction::SignIn, subjects, result, detail)
            };
            if let Some(until) = code::blocked(&fresh.state.budget, now) {
                let blocked = CheckResult::Blocked { until };
                return Ok(((blocked, false), vec![entry(AuditResult::Refused, "blocked")]));
            }
            let Some(code) = typed.right(view, user, now)? else {
                let state = code::failed(fresh.state, now, fresh.failure_limit);
                let counted = Change::PutState(fresh.id(), fresh.seed.version, state);
                let refused = entry(AuditResult::Refused, "wrong_emergency_code");
                return Ok(((CheckResult::Wrong, false), vec![counted, refused]));
            };
            let full =
                FullSession { keys: (old_key, new_key), user, resource, token: None, visit: &visit, now };
            let (mut changes, done) = full.open(view, &post)?;
            if !done {
                // From a place that is refused nobody gets in, and the code is not used up.
                changes.push(entry(AuditResult::Refused, "environment"));
                return Ok(((CheckResult::Wrong, false), changes));
            }
            changes.extend(used(&code, user));
            changes.push(entry(AuditResult::Done, "emergency_code"));
            if let (Some(user), Some(resource)) = (view.user(user)?, view.resource(resource)?) {
                let happened = Happened::EmergencyUsed;
                let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
                post.tell(view, &notice, now, &mut changes)?;
            }
            Ok(((CheckResult::Wrong, true), changes))
        })?;
        Ok((result, passed.then_some(cookie)))
    }
}

/// The tokens that sign-ins of this user ask for.
fn asked_tokens(view: &dyn View, user: UserId) -> Result<Vec<Token>, ServiceError> {
    let mut found: Vec<Token> = Vec::new();
    for place in view.assignments_of_user(user)? {
        if place.parties.kind() == AssignmentKind::TokenWithUser
            && let Some(token) = place.parties.token()
            && let Some(token) = view.token(token)?
            && !matches!(token.disabled, Some(DisabledBy::Issue | DisabledBy::Replaced))
            && found.iter().all(|known| known.id != token.id)
        {
            found.push(token);
        }
    }
    Ok(found)
}

/// Random digits, each as likely as the others.
fn drawn() -> Result<Zeroizing<String>, ServiceError> {
    let mut digits = Zeroizing::new(String::with_capacity(DIGITS));
    while digits.len() < DIGITS {
        for byte in random_bytes::<32>()? {
            // 250 is the largest multiple of ten in a byte.
            if byte < 250 && digits.len() < DIGITS {
                digits.push(char::from(b'0' + byte % 10));
            }
        }
    }
    Ok(digits)
}

fn grouped(digits: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(DIGITS + DIGITS / 4));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// What the page of a user tells of their code; never the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyView {
    /// Until when it holds.
    pub until: UnixTime,
    /// It works once.
    pub once: bool,
    /// Who issued it.
    pub by: String,
}

impl EmergencyView {
    /// The code in force.
    pub(super) fn read(view: &dyn View, user: UserId, now: UnixTime) -> Result<Option<Self>, ServiceError> {
        let code = view.emergency_code(user)?.filter(|code| code.is_alive(now));
        Ok(code.map(|code| Self { until: code.expires_at, once: code.once, by: code.issued_by }))
    }
}

/// What ends with a token that was confirmed or set up: the user has no need of the code any more.
pub(super) fn ended(user: UserId) -> Changes {
    vec![Change::DeleteEmergencyCode(user)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_twenty_digits_in_fours() {
        let digits = drawn().expect("random");
        assert!(digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(grouped("12345678901234567890").as_str(), "1234-5678-9012-3456-7890");
        assert!(is_one(&Otp::parse(&grouped(&digits)).expect("an input")));
    }
}
