//! A request as it is made: step by step, the same for every login that exists or not.

use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, Claim, EmailAddress, FactorMark, Factors,
    IssueReference, Login, LoginStage, Resource, RestoreDraft, Session, SessionKind, Subject, User, UserId,
    Visit,
};
use crate::oath::Otp;
use crate::secret::Passphrase;
use crate::service::authenticate::{hashed_key, is_on};
use crate::service::check::{CheckResult, Comparison, compare, settle};
use crate::service::code::{self, Examined};
use crate::service::environment::Arrival;
use crate::service::mailed_code::{Purpose, Recipient, fits_session};
use crate::service::news::Event;
use crate::service::notice::{Happened, Notice};
use crate::service::pair::pair_of;
use crate::service::portal::proof::FRESH_SECS;
use crate::service::user::MIN_PASSWORD_CHARS;
use crate::service::{PortalSession, Service, ServiceError};
use crate::store::{Change, Changes, View};
use crate::vault::{check_new_password, random_bytes};

use super::machine::{RestoreStep, any};
use super::opening::Opening;
use super::{marks, names, standing};

/// Characters that a new password of a request needs at least.
pub const RESTORE_PASSWORD_CHARS: usize = MIN_PASSWORD_CHARS;

/// What was typed as proofs; nothing where a field was left empty.
#[derive(Debug, Default)]
pub struct RestoreTyped {
    /// The password.
    pub password: Option<Passphrase>,
    /// The code that was mailed.
    pub code: Option<Passphrase>,
    /// The token's code.
    pub otp: Option<Otp>,
}

/// What came of proofs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreProof {
    /// All that was typed is right.
    Passed,
    /// Something of it is not.
    Refused,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

/// What came of sending a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreResult {
    /// Its number. Whether anything was kept is not told.
    Sent(IssueReference),
    /// This address has sent enough of them.
    Blocked {
        /// Until when.
        until: UnixTime,
    },
    /// What was proved has changed since then: something else is asked for.
    Outdated,
}

/// Another window went on, or the visit ended.
fn out_of_order() -> ServiceError {
    ServiceError::state("restore_order", "start again with what is lost")
}

/// Whose access: the login as typed, and the user if it is somebody's who stands on the resource.
pub(super) struct Asking {
    session: Session,
    pub(super) resource: Resource,
    login: Option<Login>,
    pub(super) user: Option<User>,
}

impl Asking {
    fn read(view: &dyn View, portal: &PortalSession, now: UnixTime) -> Result<Self, ServiceError> {
        let ended = || ServiceError::state("sign_in_order", "start again with the login");
        let session = view.session(&portal.key)?.filter(|session| session.is_alive(now)).ok_or_else(ended)?;
        let SessionKind::Portal { resource, stage } = &session.kind else { return Err(ended()) };
        let resource = view.resource(*resource)?.ok_or_else(ended)?;
        let (login, id): (Option<Login>, Option<UserId>) = match stage {
            LoginStage::LoginTyped { login, user } => (Some(login.clone()), *user),
            LoginStage::OtpOwed { user } | LoginStage::Full { user, .. } => (None, Some(*user)),
            LoginStage::CodeOwed { .. } => return Err(ended()),
        };
        let user = match id.map(|id| view.user(id)).transpose()?.flatten() {
            Some(user) if is_on(view, &user, &resource)? => Some(user),
            _ => None,
        };
        Ok(Self { session, resource, login, user })
    }

    /// What the sign-in has proved so far. A page that was left open proves nothing, and what an emergency code
    /// stood in for is not proved by it.
    fn proved(&self, view: &dyn View, now: UnixTime) -> Result<Factors<bool>, ServiceError> {
        let (Some(user), SessionKind::Portal { stage, .. }) = (&self.user, &self.session.kind) else {
            return Ok(Factors::default());
        };
        let first = Factors {
            token: false,
            password: user.password.is_some(),
            email: user.password.is_none() && user.email.is_some(),
        };
        Ok(match stage {
            LoginStage::OtpOwed { .. } => first,
            LoginStage::Full { proved_at, proved_by, .. } if now.secs_since(*proved_at) <= FRESH_SECS => {
                let pair = pair_of(view, user.id, &self.resource)?.map(|(_, token)| token.id);
                Factors { token: pair.is_some() && pair == *proved_by, ..first }
            }
            LoginStage::Full { .. } | LoginStage::LoginTyped { .. } | LoginStage::CodeOwed { .. } => {
                Factors::default()
            }
        })
    }

    /// What stands for each factor now; of nobody nothing does.
    pub(super) fn marks(&self, view: &dyn View) -> Result<Factors<Option<FactorMark>>, ServiceError> {
        let Some(user) = &self.user else { return Ok(Factors::default()) };
        let token = pair_of(view, user.id, &self.resource)?.map(|(_, token)| token);
        marks(view, user, token.as_ref())
    }

    /// The draft, when it stands at this step.
    fn draft_at(&self, step: RestoreStep) -> Result<RestoreDraft, ServiceError> {
        let draft = self.session.restore.as_deref().filter(|draft| RestoreStep::of(Some(draft)) == step);
        draft.cloned().ok_or_else(out_of_order)
    }

    /// The change that keeps the draft.
    fn keep(&self, portal: &PortalSession, draft: RestoreDraft) -> Change {
        let session = Session { restore: Some(Box::new(draft)), ..self.session.clone() };
        Change::PutSession(portal.key, session)
    }

    /// The counter of the sign-in's second page for this login: there is one for both, so that trying here
    /// and there adds up, and says the same of a login that nobody has.
    fn budget(
        &self,
        view: &dyn View,
        unknown: &[u8; 32],
        now: UnixTime,
    ) -> Result<(BudgetKey, Budget), ServiceError> {
        let Some(user) = &self.user else {
            let key = hashed_key(BudgetKind::Password, unknown);
            return Ok((key, view.budget(key)?.within(now, 86_400)));
        };
        let by_mail = user.password.is_none() && user.email.is_some();
        let kind = if by_mail { BudgetKind::MailedCode } else { BudgetKind::Password };
        let key = BudgetKey::User(kind, user.id);
        Ok((key, view.budget(key)?))
    }

    fn subjects(&self) -> Vec<Subject> {
        let user = self.user.as_ref().map(|user| Subject::User(user.id));
        user.into_iter().chain([Subject::Resource(self.resource.id)]).collect()
    }
}

impl Service {
    /// What the sign-in has proved already, so that it need not be asked: *Restore access* on page 3.
    pub fn portal_restore_proved(&self, portal: &PortalSession) -> Result<Factors<bool>, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| Asking::read(view, portal, now)?.proved(view, now))
    }

    /// First step: what cannot be used. What is left is to be proved; a code is mailed for it, if there is an
    /// address. Beginning again forgets what was typed.
    pub fn portal_restore_lost(
        &self,
        portal: &PortalSession,
        ticked: Factors<bool>,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let code = self.fresh_code(Purpose::Restore, visit, now)?;
        let (portal, visit) = (portal.clone(), visit.clone());
        self.decide(move |view| {
            let asking = Asking::read(view, &portal, now)?;
            let proved = asking.proved(view, now)?;
            let lost = ticked.map(|factor, is_lost| is_lost && !proved.of(factor));
            if !any(lost) {
                let detail = "tick what you cannot use";
                return Err(ServiceError::invalid("lost", "nothing_lost", detail));
            }
            let marks = asking.marks(view)?;
            let proved = proved.map(|factor, is| marks.of(factor).filter(|_| is));
            // The newest code holds also when there were enough mails for another.
            let before = asking.session.restore.as_ref().and_then(|draft| draft.code.clone());
            let mut draft = RestoreDraft {
                lost,
                proved,
                code: before,
                new_password: None,
                new_email: None,
                reference: None,
            };
            let mut changes = Vec::new();
            if !lost.email
                && RestoreStep::of(Some(&draft)) == RestoreStep::Proof
                && let Some(user) = &asking.user
                && let Some(to) = user.email.clone()
            {
                let recipient = Recipient { user, resource: &asking.resource, to };
                if let Some(mailed) = code.mail(view, &recipient, &visit, now)? {
                    changes = mailed;
                    draft.code = Some(code.kept_in_session(now));
                }
            }
            changes.push(asking.keep(&portal, draft));
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// Begins again: what was typed is forgotten.
    pub fn portal_restore_again(&self, portal: &PortalSession) -> Result<(), ServiceError> {
        let (portal, now) = (portal.clone(), self.clock.now());
        self.decide(move |view| {
            let asking = Asking::read(view, &portal, now)?;
            let session = Session { restore: None, ..asking.session };
            Ok(((), vec![Change::PutSession(portal.key, session)]))
        })
    }

    /// Second step: something that is left. One is enough, and all that is typed must be right. Failures are
    /// counted where the sign-in counts them, those of a code with its token, too.
    pub fn portal_restore_prove(
        &self,
        portal: &PortalSession,
        typed: &RestoreTyped,
        visit: &Visit,
    ) -> Result<RestoreProof, ServiceError> {
        self.until_settled(|| self.restore_prove_once(portal, typed, visit))
    }

    fn restore_prove_once(
        &self,
        portal: &PortalSession,
        typed: &RestoreTyped,
        visit: &Visit,
    ) -> Result<RestoreProof, ServiceError> {
        if typed.password.is_none() && typed.code.is_none() && typed.otp.is_none() {
            return Err(ServiceError::invalid("proof", "proof_missing", "type one of them"));
        }
        let (stored, examined, login, now) = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let asking = Asking::read(view, portal, now)?;
            let pair = match &asking.user {
                Some(user) => pair_of(view, user.id, &asking.resource)?,
                None => None,
            };
            let examined =
                pair.map(|(_, token)| Examined::read(view, token, Some(asking.resource.id))).transpose()?;
            Ok::<_, ServiceError>((asking.user, examined, asking.login, now))
        })?;
        let password_right = match &typed.password {
            Some(password) => {
                let stored = stored.as_ref().and_then(|user| user.password.as_ref());
                Some(self.verify_password(password, stored)?)
            }
            None => None,
        };
        let code = typed.code.as_ref().map(|code| self.code_hash_of(code));
        let comparison = match (&typed.otp, &examined) {
            // A token with a keypad is not asked here, so nothing typed answers it.
            (Some(otp), Some(examined)) if examined.can_be_asked(now) => {
                Some(compare(self, examined, otp, None, now, false)?)
            }
            (Some(otp), _) => {
                self.dummy_check(otp)?;
                None
            }
            (None, _) => None,
        };
        let login = login.map(|login| login.normal()).unwrap_or_default();
        let trying = Trying {
            stored,
            examined,
            comparison,
            asks_otp: typed.otp.is_some(),
            password_right,
            code,
            unknown: self.vault.keyed_hash("login", login.as_bytes()),
            of_address: self.address_budget(&visit.address, now),
            portal: portal.clone(),
            visit: visit.clone(),
            now,
        };
        self.decide(move |view| trying.settle(view))
    }

    /// Third step: the new password, hashed from the first moment. The rule is that of people without a token,
    /// whoever asks: what is on record must not show in it, and the token may be what is lost.
    pub fn portal_restore_password(
        &self,
        portal: &PortalSession,
        new: &Passphrase,
    ) -> Result<(), ServiceError> {
        check_new_password(new, RESTORE_PASSWORD_CHARS)?;
        let hash = self.hash_password(new)?;
        let (portal, now) = (portal.clone(), self.clock.now());
        self.decide(move |view| {
            let asking = Asking::read(view, &portal, now)?;
            let draft = asking.draft_at(RestoreStep::Password)?;
            let draft = RestoreDraft { new_password: Some(hash.clone()), ..draft };
            Ok(((), vec![asking.keep(&portal, draft)]))
        })
    }

    /// Fourth step: the new address. Nothing is mailed to it before somebody approves.
    pub fn portal_restore_email(
        &self,
        portal: &PortalSession,
        to: &EmailAddress,
    ) -> Result<(), ServiceError> {
        let (portal, to, now) = (portal.clone(), to.clone(), self.clock.now());
        self.decide(move |view| {
            let asking = Asking::read(view, &portal, now)?;
            let draft = asking.draft_at(RestoreStep::Email)?;
            let draft = RestoreDraft { new_email: Some(to.clone()), ..draft };
            Ok(((), vec![asking.keep(&portal, draft)]))
        })
    }

    /// Last step: the request gets its number. Whether something is kept of it is not told.
    pub fn portal_restore_send(
        &self,
        portal: &PortalSession,
        visit: &Visit,
    ) -> Result<RestoreResult, ServiceError> {
        let now = self.clock.now();
        let reference = IssueReference::from_random(u32::from_be_bytes(random_bytes()?));
        let cancel = self.cancel_secret(reference, now);
        let address = self.portal_address(&portal.resource, "restore/link");
        let of_address = self.address_budget(&visit.address, now);
        let (post, newsroom) = (self.post()?, self.newsroom()?);
        let (portal, visit) = (portal.clone(), visit.clone());
        let result = self.decide(move |view| {
            let asking = Asking::read(view, &portal, now)?;
            let draft = asking.draft_at(RestoreStep::Send)?;
            let draft = RestoreDraft { proved: standing(draft.proved, asking.marks(view)?), ..draft };
            if RestoreStep::of(Some(&draft)) != RestoreStep::Send {
                let detail = vec![("reason", "proof_outdated".to_owned())];
                let (action, about) = (AuditAction::UserIssueOpened, asking.subjects());
                let stranger = visit.stranger();
                let refused = AuditResult::Refused;
                let entry = crate::service::audit_entry(now, &stranger, action, about, refused, detail);
                return Ok((RestoreResult::Outdated, vec![asking.keep(&portal, draft), entry]));
            }
            let mut changes = match of_address.request(view)? {
                Ok(changes) => changes,
                Err(until) => return Ok((RestoreResult::Blocked { until }, Vec::new())),
            };
            let opening = Opening { asking: &asking, draft: &draft, reference, visit: &visit, now };
            let entry = |about, result, detail| {
                let action = AuditAction::UserIssueOpened;
                crate::service::audit_entry(now, &visit.stranger(), action, about, result, detail)
            };
            match opening.kept(view)? {
                Err(reason) => {
                    let detail = vec![("reference", reference.to_string()), ("reason", reason.to_owned())];
                    changes.push(entry(asking.subjects(), AuditResult::Refused, detail));
                }
                Ok((user, issue, more)) => {
                    changes.extend(more);
                    let lost = issue.claims.where_it(|claim| claim == Claim::Lost);
                    let proved = issue.claims.where_it(|claim| claim == Claim::Proved);
                    let detail = vec![
                        ("reference", reference.to_string()),
                        ("lost", names(&lost)),
                        ("proved", if proved.is_empty() { "nothing".to_owned() } else { names(&proved) }),
                    ];
                    changes.push(entry(super::subjects(&issue), AuditResult::Done, detail));
                    let link = issue
                        .needs_two()
                        .then(|| Zeroizing::new(format!("{address}?k={}-{}", issue.id.0, cancel.as_str())));
                    let happened = Happened::RestoreAsked {
                        lost: &lost,
                        proved: &proved,
                        address: &visit.address,
                        cancel: link.as_ref().map(|link| link.as_str()),
                    };
                    let actor = visit.stranger();
                    let notice = Notice { happened, user, actor: &actor, resource: Some(&asking.resource) };
                    // Of those that only take a place nobody is told: there is no end of them, and the old address
                    // hears of the one that two operators approve.
                    if issue.displaced == 0 {
                        post.tell(view, &notice, now, &mut changes)?;
                    }
                    let event = Event::UserIssue {
                        reference: reference.to_string(),
                        login: user.login.clone(),
                        resource: asking.resource.id,
                    };
                    newsroom.tell(view, &event, &mut changes)?;
                    changes.push(Change::PutUserIssue(Box::new(issue)));
                }
            }
            let sent = RestoreDraft {
                code: None,
                new_password: None,
                new_email: None,
                reference: Some(reference),
                ..draft
            };
            changes.push(asking.keep(&portal, sent));
            Ok((RestoreResult::Sent(reference), changes))
        })?;
        self.wake_mailer();
        Ok(result)
    }
}

/// What was typed as proofs, compared outside the store.
struct Trying {
    stored: Option<User>,
    examined: Option<Examined>,
    comparison: Option<Comparison>,
    asks_otp: bool,
    password_right: Option<bool>,
    code: Option<[u8; 32]>,
    unknown: [u8; 32],
    of_address: crate::service::address::AddressBudget,
    portal: PortalSession,
    visit: Visit,
    now: UnixTime,
}

impl Trying {
    /// Counts the attempt, then uses the comparisons.
    fn settle(&self, view: &dyn View) -> Result<(RestoreProof, Changes), ServiceError> {
        let now = self.now;
        let asking = Asking::read(view, &self.portal, now)?;
        let mut draft = asking.draft_at(RestoreStep::Proof)?;
        let (key, budget) = asking.budget(view, &self.unknown, now)?;
        let entry = |result, word: &str| {
            let detail = vec![("result", word.to_owned())];
            let (actor, about) = (self.visit.stranger(), asking.subjects());
            crate::service::audit_entry(now, &actor, AuditAction::RestoreTried, about, result, detail)
        };
        let blocked = match self.of_address.blocked(view)? {
            Some(until) => Some(Some(until)),
            None => code::blocked(&budget, now),
        };
        if let Some(until) = blocked {
            return Ok((RestoreProof::Blocked { until }, vec![entry(AuditResult::Refused, "blocked")]));
        }
        // The password that was compared must still be the one in force.
        let in_force = asking.user.as_ref().and_then(|user| user.password.as_ref());
        let compared = self.stored.as_ref().and_then(|user| user.password.as_ref());
        let told = !self.hides_password(view, &asking)?;
        let password =
            self.password_right.map(|right| right && told && in_force.is_some() && in_force == compared);
        let code = self.code.map(|typed| {
            let has = asking.user.as_ref().is_some_and(|user| user.email.is_some());
            has && draft.code.as_ref().is_some_and(|code| fits_session(code, &typed, now))
        });
        let (token, mut changes) = self.settle_token(view, asking.login.is_some())?;
        let given = [(password, draft.lost.password), (code, draft.lost.email), (token, draft.lost.token)];
        // What is said to be lost is not asked for; were it given all the same, it would prove nothing.
        let wrong =
            given.iter().any(|(right, is_lost)| *right == Some(false) || (*is_lost && right.is_some()));
        if wrong {
            changes.push(Change::PutBudget(key, budget.failed(now, asking.resource.failure_limit)));
            changes.extend(self.of_address.failed(view)?);
            changes.push(entry(AuditResult::Refused, "wrong"));
            return Ok((RestoreProof::Refused, changes));
        }
        let right = Factors {
            token: token == Some(true),
            password: password == Some(true),
            email: code == Some(true),
        };
        let marks = asking.marks(view)?;
        draft.proved = right.map(|factor, is| marks.of(factor).filter(|_| is));
        if code == Some(true) {
            draft.code = None;
        }
        changes.push(entry(AuditResult::Done, &names(&right.where_it(|is| is))));
        changes.push(asking.keep(&self.portal, draft));
        Ok((RestoreProof::Passed, changes))
    }

    /// Where the sign-in refuses an unusual environment, it does not tell right passwords from wrong ones; nor is
    /// it to be found out here.
    fn hides_password(&self, view: &dyn View, asking: &Asking) -> Result<bool, ServiceError> {
        let Some(user) = &asking.user else { return Ok(false) };
        Ok(pair_of(view, user.id, &asking.resource)?.is_none()
            && Arrival::at(view, user, &asking.resource, &self.visit, self.now)?.is_refused())
    }

    /// A code of the token is spent, and a wrong one counted with the token, as everywhere; but not that of a
    /// stranger, who has typed a login only: it counts with the login, or anybody could block anybody's token.
    /// That the token is blocked, disabled or not there is a wrong code to whoever typed it.
    fn settle_token(
        &self,
        view: &dyn View,
        of_stranger: bool,
    ) -> Result<(Option<bool>, Changes), ServiceError> {
        if !self.asks_otp {
            return Ok((None, Vec::new()));
        }
        let (Some(examined), Some(comparison)) = (&self.examined, self.comparison) else {
            return Ok((Some(false), Vec::new()));
        };
        let fresh = examined.unmoved(view)?;
        let (result, mut changes) = settle(view, &fresh, comparison, self.now)?;
        let right = matches!(result, CheckResult::Accepted { .. });
        if of_stranger && !right {
            for change in &mut changes {
                if let Change::PutState(_, _, state) = change {
                    state.budget = fresh.state.budget;
                }
            }
        }
        Ok((Some(right), changes))
    }
}
