//! What an integration asks: is this the right person? One answer for all wrong inputs.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, ChallengeOwner, ChallengePurpose, Login,
    Resource, ResourceName, SealedSeed, Subject, User, Visit,
};
use crate::oath::Otp;
use crate::secret::{Passphrase, SessionData};
use crate::store::{Change, Changes, View};

use super::challenge::{self, Answered, IssuedChallenge};
use super::check::{CheckResult, Comparison, compare, settle_answered};
use super::code::{self, Examined};
use super::emergency::TypedEmergency;
use super::mail_token::{Asked, MailedOtp};
use super::notice::{Happened, Notice};
use super::pair::pair_of;
use super::{Service, ServiceError, emergency};

/// What the integration knows of the person.
#[derive(Debug)]
pub struct AuthRequest<'a> {
    /// Who it should be.
    pub user: &'a Login,
    /// What was typed as a password, if it was asked.
    pub password: Option<&'a Passphrase>,
    /// What was typed as a code.
    pub otp: Option<&'a Otp>,
    /// Where the person came from.
    pub address: Option<&'a str>,
}

/// What belongs to a token with a keypad.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeypadInputs<'a> {
    /// The challenge that the code answers.
    pub challenge: Option<&'a str>,
    /// Data of the program's session, which go into the answer where the token takes them: needed when the token is
    /// asked; with an answer, the same as then.
    pub session: Option<&'a SessionData>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthResult {
    /// All that this person must give was right; the code is spent.
    Accepted,
    /// The password was right, and the user's token is one by mail: its code is asked for next.
    Challenge {
        /// A code was mailed by this; false: there were enough mails lately, or no address is on record.
        mailed: bool,
    },
    /// The password was right, and the user's token has a keypad: its response to this is asked for next.
    Question(IssuedChallenge),
    /// Something was not.
    Rejected,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl AuthResult {
    /// The word in JSON and in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Challenge { .. } | Self::Question(_) => "challenge",
            Self::Rejected => "rejected",
            Self::Blocked { .. } => "blocked",
        }
    }
}

impl AuthResult {
    const fn for_the_log(&self) -> AuditResult {
        match self {
            Self::Accepted | Self::Challenge { .. } | Self::Question(_) => AuditResult::Done,
            Self::Rejected | Self::Blocked { .. } => AuditResult::Refused,
        }
    }
}

struct Snapshot {
    now: UnixTime,
    resource: Resource,
    user: Option<User>,
    examined: Option<Examined>,
}

/// What came of comparing what was given.
struct Compared {
    password_right: Option<bool>,
    emergency: Option<TypedEmergency>,
    comparison: Option<Comparison>,
    /// The code of a mail token that is asked for next.
    mailed: Option<MailedOtp>,
    /// The challenge that the code answers, of a token with a keypad.
    answered: Option<Answered>,
    /// Questions for such a token that is asked next.
    questions: Vec<String>,
    /// The session data that go with it, sealed.
    session: Option<SealedSeed>,
    /// Why such a token cannot be asked: its session data are not right.
    refused: Option<ServiceError>,
}

impl Service {
    /// Tells whether password and code are right for a user of a resource. A user with a token must
    /// give its code; one without is accepted by the password alone. The code of a mail token is mailed once the
    /// password was right and no code was given.
    pub fn authenticate(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        request: &AuthRequest<'_>,
    ) -> Result<AuthResult, ServiceError> {
        self.authenticate_response(actor, resource, request, &KeypadInputs::default())
    }

    /// As [`Service::authenticate`], with what belongs to a token with a keypad: its challenge is made once the
    /// password was right and no code was given.
    pub fn authenticate_response(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        request: &AuthRequest<'_>,
        keypad: &KeypadInputs<'_>,
    ) -> Result<AuthResult, ServiceError> {
        let (answer, told) =
            self.until_settled(|| self.authenticate_once(actor, resource, request, keypad))?;
        if told || matches!(answer, AuthResult::Challenge { mailed: true }) {
            self.wake_mailer();
        }
        Ok(answer)
    }

    fn authenticate_once(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        request: &AuthRequest<'_>,
        keypad: &KeypadInputs<'_>,
    ) -> Result<(AuthResult, bool), ServiceError> {
        let Snapshot { now, resource, user, examined } =
            self.store.read(|view| self.person(view, actor, resource, request.user))?;

        let Compared { password_right, emergency, comparison, mailed, answered, questions, session, refused } =
            self.compared(request, keypad, user.as_ref(), examined.as_ref(), now)?;
        let visit = Visit::from_address(request.address.unwrap_or_default());
        let unknown = self.vault.keyed_hash("login", request.user.normal().as_bytes());
        let post = self.post()?;
        let (has_otp, actor) = (request.otp.is_some(), Self::with_address(actor, request.address));
        let split = self.splits_check();
        let is_refused = refused.is_some();
        let (answer, told, asked) = self.decide(move |view| {
            let mut settling = Settling { now, resource: &resource, changes: Vec::new() };
            let (mut by_emergency, mut asked) = (false, false);
            let answer = match &user {
                None => settling.stranger(view, &unknown, has_otp, password_right.is_some())?,
                Some(user) => {
                    // The password that was compared must still be the one in force.
                    if !split && view.user(user.id)?.is_none_or(|now| now.password != user.password) {
                        return Err(ServiceError::Stale);
                    }
                    let fresh = match &examined {
                        Some(before) if split => Some(before.clone()),
                        Some(before) => Some(before.unmoved(view)?),
                        None => None,
                    };
                    if !split
                        && pair_of(view, user.id, &resource)?.map(|(_, t)| t.id)
                            != examined.as_ref().map(Examined::id)
                    {
                        return Err(ServiceError::Stale);
                    }
                    let emergency = match (&emergency, &fresh) {
                        (Some(typed), Some(_)) => typed.right(view, user.id, now)?,
                        _ => None,
                    };
                    by_emergency = emergency.is_some();
                    let answered = answered.as_ref();
                    let given =
                        Given { has_otp, comparison, answered, password_right, emergency: by_emergency };
                    let challenge = fresh.as_ref().zip(mailed.as_ref());
                    match settling.user(view, user, &unknown, fresh.as_ref(), given)? {
                        AuthResult::Accepted if by_emergency => {
                            if let Some(code) = emergency {
                                settling.changes.extend(emergency::used(&code, user.id));
                            }
                            let happened = Happened::EmergencyUsed;
                            let notice = Notice { happened, user, actor: &actor, resource: Some(&resource) };
                            post.tell(view, &notice, now, &mut settling.changes)?;
                            AuthResult::Accepted
                        }
                        AuthResult::Rejected if challenge.is_some() => {
                            let (fresh, code) = challenge.ok_or(ServiceError::Stale)?;
                            settling.challenge(view, user, fresh, code, &visit)?
                        }
                        AuthResult::Rejected if !questions.is_empty() => {
                            asked = true;
                            let fresh = fresh.as_ref().ok_or(ServiceError::Stale)?;
                            if is_refused {
                                AuthResult::Rejected
                            } else {
                                settling.question(view, fresh, &questions, session.as_ref())?
                            }
                        }
                        other => other,
                    }
                }
            };
            let mut changes = settling.changes;
            if let Some(user) = user.as_ref().filter(|_| answer == AuthResult::Accepted && !by_emergency)
                && password_right == Some(true)
            {
                changes.extend(super::restore::deleted_by_sign_in(view, user, &resource, &actor, now)?);
            }
            let mut detail = vec![("result", answer.name().to_owned())];
            if by_emergency && answer == AuthResult::Accepted {
                detail.push(("by", "emergency_code".to_owned()));
            }
            if asked && is_refused {
                detail.push(("reason", "session_data".to_owned()));
            }
            let mut subjects = vec![Subject::Resource(resource.id)];
            subjects.extend(user.as_ref().map(|user| Subject::User(user.id)));
            subjects.extend(examined.as_ref().map(|examined| Subject::Token(examined.id())));
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::Authenticated,
                subjects,
                answer.for_the_log(),
                detail,
            ));
            Ok(((answer, by_emergency, asked), changes))
        })?;
        match refused {
            // Whoever gave the right password hears what is missing for the question.
            Some(refused) if asked => Err(refused),
            _ => Ok((answer, told)),
        }
    }

    /// The person of this login on a resource, with their token there.
    fn person(
        &self,
        view: &dyn View,
        actor: &Actor,
        resource: &ResourceName,
        login: &Login,
    ) -> Result<Snapshot, ServiceError> {
        let now = self.trusted_now(view)?;
        let resource = self.resource_named(view, actor, resource)?;
        let user = view.user_by_login(&login.normal())?;
        let user = match user {
            Some(user) if is_on(view, &user, &resource)? => Some(user),
            _ => None,
        };
        let pair = match &user {
            Some(user) => pair_of(view, user.id, &resource)?,
            None => None,
        };
        let examined = pair.map(|(_, token)| Examined::read(view, token, Some(resource.id))).transpose()?;
        Ok(Snapshot { now, resource, user, examined })
    }

    /// What was given, compared outside the store.
    fn compared(
        &self,
        request: &AuthRequest<'_>,
        keypad: &KeypadInputs<'_>,
        user: Option<&User>,
        examined: Option<&Examined>,
        now: UnixTime,
    ) -> Result<Compared, ServiceError> {
        let password_right = match request.password {
            Some(password) => {
                Some(self.verify_password(password, user.and_then(|user| user.password.as_ref()))?)
            }
            None => None,
        };
        // An emergency code is told by its length, and compared as long with a code as without.
        let emergency = match request.otp {
            Some(otp) if emergency::is_one(otp) => {
                let user = user.filter(|_| examined.is_some()).map(|user| user.id);
                Some(self.typed_emergency(user, otp)?)
            }
            _ => None,
        };
        let answered = examined.zip(keypad.challenge).map(|(examined, text)| {
            Answered::of_token(examined.id(), ChallengePurpose::Authentication, &[text.trim().to_owned()])
        });
        let of_other_session = match (examined, &answered) {
            (Some(examined), Some(answered)) => {
                self.is_of_other_session(examined, answered, keypad.session)?
            }
            _ => false,
        };
        let comparison = match (request.otp, examined) {
            // Wrong ones count on the token, as its own codes do.
            (Some(_), examined) if emergency.is_some() => examined.is_some().then_some(Comparison::Wrong),
            // Whoever answers a challenge with a code that answers none has asked about another token.
            (Some(otp), Some(examined))
                if keypad.challenge.is_some() && examined.require_keypad().is_err() =>
            {
                self.dummy_check(otp)?;
                Some(Comparison::Wrong)
            }
            (Some(otp), Some(_)) if of_other_session => {
                self.dummy_check(otp)?;
                Some(Comparison::Wrong)
            }
            (Some(otp), Some(examined)) if examined.can_be_asked(now) => {
                Some(compare(self, examined, otp, answered.as_ref(), now, false)?)
            }
            (Some(otp), _) => {
                self.dummy_check(otp)?;
                None
            }
            (None, _) => None,
        };

        let mailed = match (request.otp, examined, password_right) {
            (None, Some(examined), Some(true))
                if examined.seed.spec.is_mailed() && examined.require_usable(now).is_ok() =>
            {
                Some(self.next_mailed_otp(examined, None, now)?)
            }
            _ => None,
        };
        let questions = match (request.otp, examined.zip(examined.and_then(|it| it.seed.spec.suite()))) {
            (None, Some((examined, suite))) if password_right == Some(true) && examined.can_be_asked(now) => {
                challenge::candidates(suite.question_format(), suite.question_max_len(), 1)?
            }
            _ => Vec::new(),
        };
        let (mut session, mut refused) = (None, None);
        if let Some(examined) = examined.filter(|_| !questions.is_empty()) {
            // A program that asks for everybody gives them for everybody.
            let taken = keypad.session.filter(|_| examined.seed.spec.session_padding().is_some());
            refused = examined.require_session(taken).err();
            session = self.sealed_session(examined, taken)?;
        }
        let answered = answered.filter(|_| examined.is_some_and(|it| it.seed.spec.suite().is_some()));
        Ok(Compared { password_right, emergency, comparison, mailed, answered, questions, session, refused })
    }

    fn with_address(actor: &Actor, address: Option<&str>) -> Actor {
        let mut actor = actor.clone();
        if let Some(address) = address {
            let clean: String = address.chars().filter(|c| !c.is_control()).take(64).collect();
            actor.address = Some(clean);
        }
        actor
    }
}

/// True when the user stands on the resource in a kind that lets people in.
pub(super) fn is_on(view: &dyn View, user: &User, resource: &Resource) -> Result<bool, ServiceError> {
    Ok(view.assignments_of_user(user.id)?.iter().any(|a| a.resource == resource.id))
}

/// What was given, and what came of comparing it outside the store.
#[derive(Clone, Copy)]
struct Given<'a> {
    has_otp: bool,
    comparison: Option<Comparison>,
    /// The challenge that the code answers.
    answered: Option<&'a Answered>,
    password_right: Option<bool>,
    /// An emergency code was given, and is right.
    emergency: bool,
}

/// The counter of something typed with a login that has no such counter of its own.
pub(super) fn hashed_key(kind: BudgetKind, login: &[u8; 32]) -> BudgetKey {
    let mut id = [0; 16];
    id.copy_from_slice(&login[..16]);
    BudgetKey::Hashed(kind, id)
}

/// One question inside its change.
struct Settling<'a> {
    now: UnixTime,
    resource: &'a Resource,
    changes: Changes,
}

impl Settling<'_> {
    fn count(&mut self, key: BudgetKey, budget: Budget) {
        self.changes.push(Change::PutBudget(key, budget.failed(self.now, self.resource.failure_limit)));
    }

    /// A login that nobody has here: the same counters, waits and answers as for a user.
    fn stranger(
        &mut self,
        view: &dyn View,
        unknown: &[u8; 32],
        has_otp: bool,
        has_password: bool,
    ) -> Result<AuthResult, ServiceError> {
        let kinds = [(has_password, BudgetKind::Password), (has_otp, BudgetKind::UnknownOtp)];
        let mut counters = Vec::new();
        for (_, kind) in kinds.iter().filter(|(given, _)| *given) {
            let key = hashed_key(*kind, unknown);
            let budget = view.budget(key)?.within(self.now, 86_400);
            if let Some(until) = code::blocked(&budget, self.now) {
                return Ok(AuthResult::Blocked { until });
            }
            counters.push((key, budget));
        }
        for (key, budget) in counters {
            self.count(key, budget);
        }
        Ok(AuthResult::Rejected)
    }

    /// The password was right: asks the token with a keypad.
    fn question(
        &mut self,
        view: &dyn View,
        fresh: &Examined,
        candidates: &[String],
        session: Option<&SealedSeed>,
    ) -> Result<AuthResult, ServiceError> {
        if let Some(until) = code::blocked(&fresh.state.budget, self.now) {
            return Ok(AuthResult::Blocked { until });
        }
        let whose = fresh.whose().ok_or(ServiceError::Stale)?;
        let asking = challenge::Asking {
            owner: ChallengeOwner::Token(fresh.id()),
            purpose: ChallengePurpose::Authentication,
            token: Some(whose),
            candidates,
            session,
            now: self.now,
        };
        let (mut issued, changes) = asking.open(view, 1)?;
        self.changes.extend(changes);
        Ok(AuthResult::Question(issued.pop().ok_or(ServiceError::Stale)?))
    }

    /// The password was right: mails the code that is asked for next.
    fn challenge(
        &mut self,
        view: &dyn View,
        user: &User,
        fresh: &Examined,
        code: &MailedOtp,
        visit: &Visit,
    ) -> Result<AuthResult, ServiceError> {
        if let Some(until) = code::blocked(&fresh.state.budget, self.now) {
            return Ok(AuthResult::Blocked { until });
        }
        let asked = Asked { user, resource: self.resource, token: Some(fresh.id()), visit, now: self.now };
        let mailed = code.mail(view, &asked)?;
        let sent = mailed.is_some();
        if let Some(changes) = mailed {
            self.changes.extend(changes);
            self.changes.extend(code.kept(fresh, self.now));
        }
        Ok(AuthResult::Challenge { mailed: sent })
    }

    fn user(
        &mut self,
        view: &dyn View,
        user: &User,
        login: &[u8; 32],
        token: Option<&Examined>,
        given: Given<'_>,
    ) -> Result<AuthResult, ServiceError> {
        let Given { has_otp, comparison, answered, password_right, emergency } = given;
        let key = BudgetKey::User(BudgetKind::Password, user.id);
        let budget = view.budget(key)?;
        if password_right.is_some()
            && let Some(until) = code::blocked(&budget, self.now)
        {
            return Ok(AuthResult::Blocked { until });
        }
        if has_otp
            && let Some(fresh) = token
            && let Some(until) = code::blocked(&fresh.state.budget, self.now)
        {
            return Ok(AuthResult::Blocked { until });
        }
        // A code that no token can be asked about is counted as with a login that nobody has.
        if has_otp && comparison.is_none() {
            let key = hashed_key(BudgetKind::UnknownOtp, login);
            let budget = view.budget(key)?.within(self.now, 86_400);
            if let Some(until) = code::blocked(&budget, self.now) {
                return Ok(AuthResult::Blocked { until });
            }
            if token.is_some() || password_right != Some(true) {
                self.count(key, budget);
            }
        }
        if password_right == Some(false) {
            self.count(key, budget);
        } else if password_right == Some(true) && budget != Budget::CLEAR {
            self.changes.push(Change::PutBudget(key, Budget::CLEAR));
        }
        let code_right = match (token, comparison) {
            // Not used up beside a wrong password: nobody has seen it who did not type it.
            (Some(_), _) if emergency => true,
            (Some(fresh), Some(comparison)) => {
                // A right code beside a wrong password is spent too: it was shown to somebody.
                let (result, changes) = settle_answered(view, fresh, comparison, answered, self.now)?;
                self.changes.extend(changes);
                matches!(result, CheckResult::Accepted { .. })
            }
            (Some(_), None) => false,
            (None, _) => password_right == Some(true),
        };
        let accepted = code_right && password_right != Some(false);
        Ok(if accepted { AuthResult::Accepted } else { AuthResult::Rejected })
    }
}
