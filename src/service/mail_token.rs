//! Mail tokens (P14): a code that is mailed each time somebody signs in who gave what comes before it.
//!
//! Inside it is an event token whose secret was made here. Each mailing moves the floor to the counter whose code
//! it sends and writes down until when that holds; so a new code voids the old one, and one that was accepted is
//! below the floor like any other (law 1). What is mailed is never stored.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, LoginStage, MailKind, Resource, Subject,
    TokenId, TokenMailing, TokenState, User, Visit,
};
use crate::oath::{Digits, Generator, MovingFactor};
use crate::store::{Change, Changes, View};
use crate::vault::DataKey;

use super::address::AddressBudget;
use super::code::Examined;
use super::mailed_code::{CODE_SECS, CODE_WINDOW_SECS, CODES_IN_WINDOW};
use super::notice::{whom_to_ask, words_for};
use super::outbox::Draft;
use super::pair::pair_of;
use super::{MailMode, PortalSession, Service, ServiceError};

/// The mail token that page 3 asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTokenView {
    /// Where its codes go, most of it hidden; `None`: no mail address is on record, or no mail can be sent.
    pub hint: Option<String>,
    /// Until when the code holds that was mailed last; `None`: none waits.
    pub until: Option<UnixTime>,
}

/// A code of a mail token, computed outside the change that mails it.
pub(super) struct MailedOtp {
    pub(super) counter: MovingFactor,
    digits: Zeroizing<String>,
    mode: MailMode,
    sealer: Arc<DataKey>,
    /// The limit of the address that asks; none for an integration, which is not the person.
    of_address: Option<AddressBudget>,
}

/// To whom the code goes, and from where.
pub(super) struct Asked<'a> {
    pub(super) user: &'a User,
    pub(super) resource: &'a Resource,
    pub(super) token: Option<TokenId>,
    pub(super) visit: &'a Visit,
    pub(super) now: UnixTime,
}

impl MailedOtp {
    /// The changes that mail it and count it; `None`: no mail goes out, because there were enough of them for this
    /// user or from this address, because no address is on record, or because mail is not set up.
    pub(super) fn mail(&self, view: &dyn View, asked: &Asked<'_>) -> Result<Option<Changes>, ServiceError> {
        let Asked { user, resource, token, visit, now } = *asked;
        let Some(to) = user.email.clone().filter(|_| self.mode != MailMode::None) else { return Ok(None) };
        let sent_key = BudgetKey::User(BudgetKind::TokenCodeSent, user.id);
        let sent = view.budget(sent_key)?.within(now, CODE_WINDOW_SECS);
        if sent.failures >= CODES_IN_WINDOW {
            return Ok(None);
        }
        let mut changes = match &self.of_address {
            Some(of_address) => match of_address.mail(view)? {
                Some(changes) => changes,
                None => return Ok(None),
            },
            None => Vec::new(),
        };
        // Counted from the last mail, so that no quarter of an hour sees a fourth.
        let sent = Budget { since: Some(now), ..sent.failed(now, u32::MAX) };
        changes.push(Change::PutBudget(sent_key, sent));
        let words = words_for(user, visit);
        let message = if token.is_some() { "mail-code-token" } else { "mail-code-new-token" };
        let until = now.plus_secs(CODE_SECS).to_utc();
        let time = format!("{:02}:{:02}", until.hour(), until.minute());
        let text = format!(
            "{}\n\n{}\n\n{} {} {}\n",
            words.with("mail-hello", &[("name", user.display_name().into())]),
            words.with(
                message,
                &[("place", resource.name.as_str().into()), ("code", self.digits.as_str().into())]
            ),
            words.with("mail-code-until", &[("time", time.into())]),
            words.text(&format!("{message}.not-asked")),
            whom_to_ask(words, Some(resource)),
        );
        let subject = format!("{}: {}", resource.name, words.text("mail-code.subject"));
        let draft = Draft { kind: MailKind::Code, to, subject, lives_secs: CODE_SECS };
        draft.put(view, &self.sealer, &text, now, &mut changes)?;
        let mut subjects = vec![Subject::User(user.id), Subject::Resource(resource.id)];
        subjects.extend(token.map(Subject::Token));
        changes.push(super::audit_entry(
            now,
            &visit.stranger(),
            AuditAction::CodeMailed,
            subjects,
            AuditResult::Done,
            vec![("for", "mail token".to_owned())],
        ));
        Ok(Some(changes))
    }

    /// Until when it holds when it is mailed now.
    pub(super) const fn until(now: UnixTime) -> UnixTime {
        now.plus_secs(CODE_SECS)
    }

    /// The changes that make it the one code of this token.
    pub(super) fn kept(&self, fresh: &Examined, now: UnixTime) -> Changes {
        let mailing = TokenMailing { counter: self.counter, expires_at: Self::until(now) };
        let state = TokenState { floor: fresh.state.floor.max(self.counter), ..fresh.state };
        vec![Change::PutState(fresh.id(), fresh.seed.version, state), Change::PutMailing(fresh.id(), mailing)]
    }
}

fn ended() -> ServiceError {
    ServiceError::state("sign_in_order", "start again with the login")
}

impl Service {
    /// The code at a counter, to be mailed.
    #[expect(clippy::disallowed_methods, reason = "a mailed code is written into the mail")]
    pub(super) fn mailed_otp(
        &self,
        generator: &Generator,
        counter: MovingFactor,
        digits: Digits,
        visit: Option<&Visit>,
        now: UnixTime,
    ) -> Result<MailedOtp, ServiceError> {
        let code = generator.code(counter, digits);
        let mut text = Zeroizing::new(String::with_capacity(16));
        text.extend(code.expose().iter().copied().map(char::from));
        Ok(MailedOtp {
            counter,
            digits: text,
            mode: self.mail,
            sealer: self.sealer()?,
            of_address: visit.map(|visit| self.address_budget(&visit.address, now)),
        })
    }

    /// The next code of a mail token.
    pub(super) fn next_mailed_otp(
        &self,
        examined: &Examined,
        visit: Option<&Visit>,
        now: UnixTime,
    ) -> Result<MailedOtp, ServiceError> {
        let counter = examined.state.floor.next();
        self.mailed_otp(&self.generator(examined)?, counter, examined.digits()?, visit, now)
    }

    /// What page 3 says of a mail token; `None`: the token has a display of its own.
    pub fn mail_token(&self, portal: &PortalSession) -> Result<Option<MailTokenView>, ServiceError> {
        let LoginStage::OtpOwed { user } = portal.stage else { return Err(ended()) };
        let (now, mode) = (self.clock.now(), self.mail);
        self.store.read(|view| {
            let Some((_, token)) = pair_of(view, user, &portal.resource)? else { return Ok(None) };
            let examined = Examined::read(view, token, Some(portal.resource.id))?;
            if !examined.seed.spec.is_mailed() {
                return Ok(None);
            }
            let email = view.user(user)?.and_then(|user| user.email).filter(|_| mode != MailMode::None);
            let open = examined.mailing.filter(|mailing| mailing.is_open(examined.state.floor, now));
            let until = open.map(|mailing| mailing.expires_at);
            Ok(Some(MailTokenView { hint: email.map(|email| email.hint()), until }))
        })
    }

    /// Mails the code that page 3 asks for. False: none was mailed; there were enough of them lately, no address is
    /// on record, or the token has a display of its own.
    pub fn mail_token_code(&self, portal: &PortalSession, visit: &Visit) -> Result<bool, ServiceError> {
        let sent = self.until_settled(|| self.mail_token_code_once(portal, visit))?;
        self.wake_mailer();
        Ok(sent)
    }

    fn mail_token_code_once(&self, portal: &PortalSession, visit: &Visit) -> Result<bool, ServiceError> {
        let LoginStage::OtpOwed { user } = portal.stage else { return Err(ended()) };
        let (examined, now) = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let (_, token) = pair_of(view, user, &portal.resource)?.ok_or_else(ended)?;
            Ok::<_, ServiceError>((Examined::read(view, token, Some(portal.resource.id))?, now))
        })?;
        // One that is switched off lets nobody in, so nothing is mailed of it.
        if !examined.seed.spec.is_mailed() || examined.require_usable(now).is_err() {
            return Ok(false);
        }
        let code = self.next_mailed_otp(&examined, Some(visit), now)?;
        let (key, resource, visit) = (portal.key, portal.resource.id, visit.clone());
        self.decide(move |view| {
            let fresh = examined.unmoved(view)?;
            view.session(&key)?.filter(|session| session.is_alive(now)).ok_or_else(ended)?;
            let user = view.user(user)?.ok_or_else(ended)?;
            let resource = view.resource(resource)?.ok_or_else(ended)?;
            let asked =
                Asked { user: &user, resource: &resource, token: Some(fresh.id()), visit: &visit, now };
            let Some(mut changes) = code.mail(view, &asked)? else { return Ok((false, Vec::new())) };
            changes.extend(code.kept(&fresh, now));
            Ok((true, changes))
        })
    }
}
