//! Codes that are mailed: eight digits, ten minutes, one use, three in a quarter of an hour.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, EmailAddress, MailKind, MailedCode, Resource,
    ResourceId, SessionCode, Subject, User, UserId, Visit,
};
use crate::secret::Passphrase;
use crate::store::{Change, Changes, View};
use crate::vault::{DataKey, random_bytes};

use super::address::AddressBudget;
use super::notice::{whom_to_ask, words_for};
use super::outbox::Draft;
use super::{MailMode, Service, ServiceError};

/// A mailed code lives this long.
pub(super) const CODE_SECS: i64 = 600;
/// Mailed codes in a quarter of an hour.
pub(super) const CODES_IN_WINDOW: u32 = 3;
pub(super) const CODE_WINDOW_SECS: i64 = 900;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    SignIn,
    /// Somebody who is signed in wants to change something that matters.
    Proof,
    /// Somebody says that this is their new address.
    NewAddress,
    /// Somebody lost something else and asks for access.
    Restore,
}

impl Purpose {
    /// The message that brings the code.
    const fn message(self) -> &'static str {
        match self {
            Self::SignIn => "mail-code",
            Self::Proof => "mail-code-proof",
            Self::NewAddress => "mail-code-address",
            Self::Restore => "mail-code-restore",
        }
    }
}

impl Purpose {
    /// Where its mails are counted: those that anybody can cause by typing a login apart from those of people
    /// who are signed in.
    const fn counted(self) -> BudgetKind {
        match self {
            Self::SignIn => BudgetKind::MailSent,
            Self::Restore => BudgetKind::RestoreCodeSent,
            Self::Proof | Self::NewAddress => BudgetKind::SessionCodeSent,
        }
    }
}

/// A code that was drawn outside the change which mails it.
pub(super) struct FreshCode {
    digits: Zeroizing<String>,
    hash: [u8; 32],
    purpose: Purpose,
    mode: MailMode,
    sealer: Arc<DataKey>,
    of_address: AddressBudget,
}

/// To whom a code goes.
pub(super) struct Recipient<'a> {
    pub(super) user: &'a User,
    pub(super) resource: &'a Resource,
    pub(super) to: EmailAddress,
}

impl FreshCode {
    /// False when mail is not set up.
    pub(super) fn can_be_mailed(&self) -> bool {
        self.mode != MailMode::None
    }

    /// The changes that mail it and count it; `None`: no mail goes out, because there were enough of them
    /// for this user or from this address, or because mail is not set up.
    pub(super) fn mail(
        &self,
        view: &dyn View,
        recipient: &Recipient<'_>,
        visit: &Visit,
        now: UnixTime,
    ) -> Result<Option<Changes>, ServiceError> {
        let Recipient { user, resource, to } = recipient;
        let sent_key = BudgetKey::User(self.purpose.counted(), user.id);
        let sent = view.budget(sent_key)?.within(now, CODE_WINDOW_SECS);
        if self.mode == MailMode::None || sent.failures >= CODES_IN_WINDOW {
            return Ok(None);
        }
        let Some(mut changes) = self.of_address.mail(view)? else { return Ok(None) };
        // Counted from the last mail, so that no quarter of an hour sees a fourth.
        let sent = Budget { since: Some(now), ..sent.failed(now, u32::MAX) };
        changes.push(Change::PutBudget(sent_key, sent));
        let words = words_for(user, visit);
        let message = self.purpose.message();
        let place = ("place", resource.name.as_str().into());
        let mut otherwise = words.text(&format!("{message}.not-asked"));
        if matches!(self.purpose, Purpose::Proof | Purpose::Restore) {
            otherwise = format!("{otherwise} {}", whom_to_ask(words, Some(resource)));
        }
        let text = format!(
            "{}\n\n{}\n\n{} {otherwise}\n",
            words.with("mail-hello", &[("name", user.display_name().into())]),
            words.with(message, &[place, ("code", self.digits.as_str().into())]),
            words.text("mail-code.life"),
        );
        let subject = format!("{}: {}", resource.name, words.text("mail-code.subject"));
        let draft = Draft { kind: MailKind::Code, to: to.clone(), subject, lives_secs: CODE_SECS };
        draft.put(view, &self.sealer, &text, now, &mut changes)?;
        changes.push(super::audit_entry(
            now,
            &visit.stranger(),
            AuditAction::CodeMailed,
            vec![Subject::User(user.id), Subject::Resource(resource.id)],
            AuditResult::Done,
            vec![],
        ));
        Ok(Some(changes))
    }

    /// What the session of somebody who is signed in keeps of it.
    pub(super) fn kept_in_session(&self, now: UnixTime) -> SessionCode {
        SessionCode { hash: self.hash, expires_at: now.plus_secs(CODE_SECS) }
    }

    /// The change that keeps it for a session.
    pub(super) fn kept_for(
        &self,
        user: UserId,
        resource: ResourceId,
        session: [u8; 32],
        now: UnixTime,
    ) -> Change {
        let code = MailedCode { hash: self.hash, expires_at: now.plus_secs(CODE_SECS), session };
        Change::PutMailedCode(user, resource, code)
    }
}

/// Whether what was typed is this code, in the session that asked for it and in time.
pub(super) fn fits(code: &MailedCode, typed: &[u8; 32], session: &[u8; 32], now: UnixTime) -> bool {
    bool::from(code.hash.ct_eq(typed)) && code.session == *session && now < code.expires_at
}

/// Whether what was typed is this code of the session, in time.
pub(super) fn fits_session(code: &SessionCode, typed: &[u8; 32], now: UnixTime) -> bool {
    bool::from(code.hash.ct_eq(typed)) && now < code.expires_at
}

impl Service {
    /// Draws a code: eight random digits, each as likely as the others.
    pub(super) fn fresh_code(
        &self,
        purpose: Purpose,
        visit: &Visit,
        now: UnixTime,
    ) -> Result<FreshCode, ServiceError> {
        let value = u64::from_be_bytes(random_bytes::<8>()?) % 100_000_000;
        let digits = Zeroizing::new(format!("{value:08}"));
        Ok(FreshCode {
            hash: self.vault.keyed_hash("mailed code", digits.as_bytes()),
            digits,
            purpose,
            mode: self.mail,
            sealer: self.sealer()?,
            of_address: self.address_budget(&visit.address, now),
        })
    }

    /// Keyed hash of what was typed where a mailed code may stand: blanks and dashes do not matter.
    #[expect(clippy::disallowed_methods, reason = "a mailed code is compared by its hash")]
    pub(super) fn code_hash_of(&self, typed: &Passphrase) -> [u8; 32] {
        let digits: Zeroizing<Vec<u8>> =
            typed.expose().iter().copied().filter(|b| !matches!(b, b' ' | b'-')).collect::<Vec<u8>>().into();
        self.vault.keyed_hash("mailed code", &digits)
    }
}
