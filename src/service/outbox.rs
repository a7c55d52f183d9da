//! Mails that the use cases write: they go into the outbox with the change that causes them, and a
//! worker sends them later, so a dead mail server never stops anything. What notices say is in `notice`.

use std::sync::PoisonError;

use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{Actor, EmailAddress, MailId, MailKind, MailState, OutboxMail, Scope};
use crate::secret::Seed;
use crate::store::{Change, Changes, Page, View};
use crate::vault::{DataKey, SealContext};

use super::notification::delivered;
use super::{Service, ServiceError};

/// Where mails go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailMode {
    /// Nowhere: mailed codes are unavailable, and the console says so.
    None,
    /// To a mail server.
    Smtp,
    /// They stay in the outbox, whose page shows them. Demonstration stores only.
    Outbox,
}

/// Tries before a mail is given up.
const MOST_TRIES: u32 = 8;
/// How many mails of the outbox are kept for reading.
const KEPT_SECS: i64 = 7 * 24 * 3600;

/// A mail to be written inside a change.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) kind: MailKind,
    pub(super) to: EmailAddress,
    pub(super) subject: String,
    pub(super) lives_secs: i64,
}

impl Draft {
    /// Puts it into the outbox with these changes, its text sealed and bound to it. The mails that the
    /// changes hold already have taken the numbers before its own.
    pub(super) fn put(
        self,
        view: &dyn View,
        sealer: &DataKey,
        text: &str,
        now: UnixTime,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        let taken = changes.iter().filter(|change| matches!(change, Change::PutMail(_))).count();
        let id = MailId(view.next_mail()?.0 + taken as u64);
        let body = sealer.seal(&Seed::new(text.as_bytes().to_vec()), SealContext::Mail(id))?;
        changes.push(Change::PutMail(OutboxMail {
            id,
            kind: self.kind,
            to: self.to,
            subject: self.subject,
            body,
            state: MailState::Waiting { tries: 0, next_try: now },
            created_at: now,
            expires_at: now.plus_secs(self.lives_secs),
        }));
        Ok(())
    }
}

/// A mail as the sender and the outbox page need it.
#[derive(Debug)]
pub struct OpenMail {
    /// The record.
    pub mail: OutboxMail,
    /// Its text.
    pub text: Zeroizing<String>,
}

impl Service {
    /// Where mails go.
    pub const fn mail_mode(&self) -> MailMode {
        self.mail
    }

    /// Sets what is called when a mail was written.
    pub fn on_mail(&self, wake: Box<dyn Fn() + Send>) {
        *self.mail_waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }

    pub(super) fn wake_mailer(&self) {
        if let Some(wake) = &*self.mail_waker.lock().unwrap_or_else(PoisonError::into_inner) {
            wake();
        }
    }

    /// Opens the mails that may be sent now, oldest first.
    pub fn due_mails(&self, limit: usize) -> Result<Vec<OpenMail>, ServiceError> {
        let now = self.clock.now();
        let mails = self.store.read(|view| Ok::<_, ServiceError>(view.mails_due(now, limit)?))?;
        mails.into_iter().map(|mail| self.open_mail(mail)).collect()
    }

    /// The newest mails with their texts. Only a demonstration store shows them, and only to those who
    /// see everything: the codes in them open the portals of all resources.
    pub fn outbox(&self, actor: &Actor, limit: usize) -> Result<Vec<OpenMail>, ServiceError> {
        if !self.meta.demo || actor.scope != Scope::All {
            return Err(ServiceError::NotFound { what: "outbox" });
        }
        let mails = self.store.read(|view| Ok::<_, ServiceError>(view.mails(Page::first(limit))?.items))?;
        mails.into_iter().map(|mail| self.open_mail(mail)).collect()
    }

    fn open_mail(&self, mail: OutboxMail) -> Result<OpenMail, ServiceError> {
        let wanted = mail.body.data_key;
        let stored = self.store.read(|view| Ok::<_, ServiceError>(view.data_key(wanted)?))?;
        let text = self.vault.open_text(&mail.body, SealContext::Mail(mail.id), |_| stored)?;
        Ok(OpenMail { mail, text })
    }

    /// Writes down how sending went, and why not. A mail that failed is tried again after a growing pause
    /// until it is too old or was tried eight times; news for operators until it is too old.
    pub fn mail_tried(&self, id: MailId, sent: Result<(), String>) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.decide(move |view| {
            let Some(mut mail) = view.mail(id)? else { return Ok(((), Vec::new())) };
            let most = if matches!(mail.kind, MailKind::News(_)) { u32::MAX } else { MOST_TRIES };
            let Some(state) = after_try(&mail.state, sent.is_ok(), most, mail.expires_at, now) else {
                return Ok(((), Vec::new()));
            };
            mail.state = state;
            let mut changes = Vec::new();
            if let MailKind::News(subscription) = mail.kind {
                let failed = sent.as_ref().err().map(String::as_str);
                changes = delivered(view, subscription, failed, &mail.state, now)?;
            }
            changes.push(Change::PutMail(mail));
            Ok(((), changes))
        })
    }
}

/// Where something that waited stands after a try; `None`: it does not wait any more.
pub(super) fn after_try(
    before: &MailState,
    sent: bool,
    most_tries: u32,
    expires_at: UnixTime,
    now: UnixTime,
) -> Option<MailState> {
    let tries = match before {
        MailState::Waiting { tries, .. } => tries.saturating_add(1),
        MailState::Sent { .. } | MailState::Failed { .. } => return None,
    };
    let next_try = now.plus_secs(15 << tries.min(8));
    Some(if sent {
        MailState::Sent { at: now }
    } else if tries >= most_tries || next_try > expires_at {
        MailState::Failed { at: now }
    } else {
        MailState::Waiting { tries, next_try }
    })
}

/// Numbers of mails that are old enough to go, the oldest first.
pub(super) fn old_mails(view: &dyn View, now: UnixTime, limit: usize) -> Result<Vec<MailId>, ServiceError> {
    let old = |mail: &OutboxMail| now.secs_since(mail.created_at) > KEPT_SECS;
    Ok(view.oldest_mails(limit)?.into_iter().filter(old).map(|mail| mail.id).collect())
}
