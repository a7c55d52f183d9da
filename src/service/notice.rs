//! What people are told about changes of what is theirs (P34): one place knows the words. There is no
//! switch to turn notices off; they need a mail address on record, and mail that is set up.

use std::sync::Arc;

use crate::clock::UnixTime;
use crate::model::{
    Actor, ActorOrigin, EmailAddress, Likeness, Login, MailKind, Resource, TokenSerial, User,
};
use crate::store::{Changes, View};
use crate::vault::DataKey;

use super::outbox::Draft;
use super::{MailMode, Service, ServiceError};

/// A notice that could not be sent for so long is pointless.
const LIVES_SECS: i64 = 7 * 86_400;

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum Happened<'a> {
    TokenConfirmed(&'a TokenSerial),
    TokenSynchronized(&'a TokenSerial),
    TokenRegistered(&'a TokenSerial),
    TokenUnassigned(&'a TokenSerial),
    /// Where it is typed: before or after.
    PinSet(&'a TokenSerial, &'static str),
    PinRemoved(&'a TokenSerial),
    LoginChanged {
        from: &'a Login,
        to: &'a Login,
    },
    NameChanged,
    PhoneChanged {
        is_kept: bool,
    },
    PasswordCreated,
    PasswordChanged,
    /// Told at both addresses, which show most of themselves to nobody.
    EmailChanged {
        from: Option<&'a EmailAddress>,
        to: &'a EmailAddress,
    },
    /// Somebody signed in from an environment that is unlike the known ones.
    UnlikeSeen(&'a Likeness),
    /// As before, and was not let in.
    UnlikeRefused(&'a Likeness),
    EnvironmentTrusted,
    EnvironmentChanged,
    SignedOutEverywhere,
    /// By an operator: which of the ways in.
    WaysInChanged(&'a [&'static str]),
    /// By an operator: a code in the place of the token's.
    EmergencyIssued {
        until: UnixTime,
        once: bool,
    },
    EmergencyUsed,
}

impl Happened<'_> {
    /// The subject line, which never names a person.
    fn subject(&self) -> &'static str {
        match self {
            Self::TokenConfirmed(_) => "token confirmed",
            Self::TokenSynchronized(_) => "token synchronized",
            Self::TokenRegistered(_) => "new token",
            Self::TokenUnassigned(_) => "token given back",
            Self::PinSet(..) => "PIN set",
            Self::PinRemoved(_) => "PIN removed",
            Self::LoginChanged { .. } => "your login was changed",
            Self::NameChanged => "your name was changed",
            Self::PhoneChanged { .. } => "your phone number was changed",
            Self::PasswordCreated => "a password was created",
            Self::PasswordChanged => "your password was changed",
            Self::EmailChanged { .. } => "your e-mail address was changed",
            Self::UnlikeSeen(_) => "a sign-in from an unusual place",
            Self::UnlikeRefused(_) => "a sign-in was refused",
            Self::EnvironmentTrusted => "an environment is trusted",
            Self::EnvironmentChanged => "your list of environments was changed",
            Self::SignedOutEverywhere => "signed out everywhere",
            Self::WaysInChanged(_) => "your account was changed",
            Self::EmergencyIssued { .. } => "an emergency code",
            Self::EmergencyUsed => "signed in with an emergency code",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::TokenConfirmed(serial) => format!("the token {serial} was confirmed and is yours now."),
            Self::TokenSynchronized(serial) => {
                format!("the token {serial} was brought back in time with codes from its display.")
            }
            Self::TokenRegistered(serial) => {
                format!("the token {serial} was set up for you. Its codes are asked for from now on.")
            }
            Self::TokenUnassigned(serial) => {
                format!("the token {serial} was given back: its codes are no longer asked for here.")
            }
            Self::PinSet(serial, place) => {
                format!("the token {serial} has a PIN now, typed {place} the code.")
            }
            Self::PinRemoved(serial) => format!("the PIN of the token {serial} was removed."),
            Self::LoginChanged { from, to } => {
                format!("your login was changed from {from} to {to}. Sign in as {to} from now on.")
            }
            Self::NameChanged => "the name on record for you was changed.".to_owned(),
            Self::PhoneChanged { is_kept: true } => {
                "the phone number on record for you was changed.".to_owned()
            }
            Self::PhoneChanged { is_kept: false } => {
                "the phone number on record for you was removed.".to_owned()
            }
            Self::PasswordCreated => {
                "a password was created for you. You sign in with it from now on; codes are no longer mailed."
                    .to_owned()
            }
            Self::PasswordChanged => {
                "your password was changed. Wherever else you were signed in, you were signed out.".to_owned()
            }
            Self::EmailChanged { from, to } => {
                let from = from.map_or_else(|| "none".to_owned(), EmailAddress::hint);
                format!("your e-mail address was changed from {from} to {}.", to.hint())
            }
            Self::UnlikeSeen(likeness) => format!(
                "somebody signed in as you from an environment that is unlike those you use ({} of 100): {}.",
                likeness.score,
                likeness.differences.join("; "),
            ),
            Self::UnlikeRefused(likeness) => format!(
                "somebody gave what is needed to sign in as you, from an environment that is unlike those you use \
                 ({} of 100), and was not let in: {}. If it was you, ask for help to be let in from there.",
                likeness.score,
                likeness.differences.join("; "),
            ),
            Self::EnvironmentTrusted => {
                "an environment from which you sign in was marked as trusted.".to_owned()
            }
            Self::EnvironmentChanged => {
                "the list of environments from which you sign in was changed.".to_owned()
            }
            Self::SignedOutEverywhere => "you were signed out wherever you were signed in.".to_owned(),
            Self::WaysInChanged(what) => format!("an operator changed your {}.", what.join(" and ")),
            Self::EmergencyIssued { until, once } => {
                let at = until.to_utc();
                let uses = if *once { "once" } else { "as often as needed" };
                format!(
                    "an operator gave out an emergency code for you. It stands in the place of the code of your token, {uses}, until {} {:02}:{:02} UTC.",
                    at.date(),
                    at.hour(),
                    at.minute(),
                )
            }
            Self::EmergencyUsed => {
                "somebody signed in as you with an emergency code in the place of your token's.".to_owned()
            }
        }
    }
}

/// Something that happened to somebody.
pub(super) struct Notice<'a> {
    pub(super) happened: Happened<'a>,
    /// Whose it is, as they were before.
    pub(super) user: &'a User,
    /// Who did it.
    pub(super) actor: &'a Actor,
    /// Where; without one nobody in particular is named whom to ask.
    pub(super) resource: Option<&'a Resource>,
}

/// What to do when it was somebody else.
pub(super) fn whom_to_ask(resource: &Resource) -> String {
    let help = resource.portal.as_ref().map(|portal| portal.help_text.trim()).unwrap_or_default();
    if help.is_empty() {
        "Tell the helpdesk at once.".to_owned()
    } else {
        format!("Ask for help at once: {help}")
    }
}

impl Notice<'_> {
    fn text(&self, now: UnixTime) -> String {
        let at = now.to_utc();
        let mut facts = Vec::new();
        if let Some(resource) = self.resource {
            facts.push(format!("Where: {}", resource.name));
        }
        facts.push(format!("When: {} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()));
        // The address of an operator is no business of the user's.
        if let (ActorOrigin::User { .. }, Some(address)) = (&self.actor.origin, &self.actor.address) {
            facts.push(format!("From: network address {address}"));
        }
        let ask = self.resource.map_or_else(|| "Tell the helpdesk at once.".to_owned(), whom_to_ask);
        format!(
            "Hello {},\n\n{}\n\n{}\n\nIf this was you, there is nothing to do. If not, somebody else may be acting in your name. {ask}\n",
            self.user.display_name(),
            self.happened.sentence(),
            facts.join("\n"),
        )
    }
}

/// What a change needs to send notices.
#[derive(Clone)]
pub(super) struct Post {
    mode: MailMode,
    sealer: Arc<DataKey>,
}

impl Post {
    /// Tells the user, if there is an address to write to.
    pub(super) fn tell(
        &self,
        view: &dyn View,
        notice: &Notice<'_>,
        now: UnixTime,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        match &notice.user.email {
            Some(to) => self.tell_at(view, notice, to, now, changes),
            None => Ok(()),
        }
    }

    /// Tells it at an address of its own.
    pub(super) fn tell_at(
        &self,
        view: &dyn View,
        notice: &Notice<'_>,
        to: &EmailAddress,
        now: UnixTime,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        if self.mode == MailMode::None {
            return Ok(());
        }
        let place = notice.resource.map_or("Mintmark", |resource| resource.name.as_str());
        let subject = format!("{place}: {}", notice.happened.subject());
        let draft = Draft { kind: MailKind::Notice, to: to.clone(), subject, lives_secs: LIVES_SECS };
        draft.put(view, &self.sealer, &notice.text(now), now, changes)
    }
}

impl Service {
    /// For changes that tell somebody. Call [`Service::wake_mailer`] after them.
    pub(super) fn post(&self) -> Result<Post, ServiceError> {
        Ok(Post { mode: self.mail, sealer: self.sealer()? })
    }
}
