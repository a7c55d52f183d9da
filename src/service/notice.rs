//! What people are told about changes of what is theirs (P34), in their language. There is no
//! switch to turn notices off; they need a mail address on record, and mail that is set up.

use std::sync::Arc;

use crate::clock::UnixTime;
use crate::model::{
    Actor, ActorOrigin, EmailAddress, Factor, Likeness, Login, MailKind, PinPlacement, Resource, TokenSerial,
    User, Visit,
};
use crate::store::{Changes, View};
use crate::vault::DataKey;
use crate::words::{Value, Words};

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
    PinSet(&'a TokenSerial, PinPlacement),
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
    /// Somebody asked for access: what they call lost, what they proved, from which network address.
    RestoreAsked {
        lost: &'a [Factor],
        proved: &'a [Factor],
        address: &'a str,
        /// The link that cancels it.
        cancel: Option<&'a str>,
    },
    /// Two operators approved it: when it takes effect, and the link that cancels it.
    RestoreWaits {
        at: UnixTime,
        cancel: &'a str,
    },
    /// It took effect: which of these.
    RestoreDone {
        token: Option<&'a TokenSerial>,
        password: bool,
        email: Option<&'a EmailAddress>,
    },
    RestoreCancelled,
    /// By an operator.
    WaysInChanged {
        password: bool,
        email: bool,
    },
    /// By an operator: a code in the place of the token's.
    EmergencyIssued {
        until: UnixTime,
        once: bool,
    },
    EmergencyUsed,
}

impl<'a> Happened<'a> {
    /// The message that tells it, with its variables. Its attribute `subject` is the subject line, which
    /// never names a person.
    fn message(&self, words: Words) -> (&'static str, Vec<(&'static str, Value<'a>)>) {
        let serial = |serial: &'a TokenSerial| vec![("serial", serial.display().into())];
        let unlike = |likeness: &'a Likeness| {
            let differences = words.differences(&likeness.differences);
            vec![("score", likeness.score.into()), ("differences", differences.into())]
        };
        match *self {
            Self::TokenConfirmed(token) => ("notice-token-confirmed", serial(token)),
            Self::TokenSynchronized(token) => ("notice-token-synchronized", serial(token)),
            Self::TokenRegistered(token) => ("notice-token-registered", serial(token)),
            Self::TokenUnassigned(token) => ("notice-token-unassigned", serial(token)),
            Self::PinSet(token, PinPlacement::Before) => ("notice-pin-set-before", serial(token)),
            Self::PinSet(token, PinPlacement::After) => ("notice-pin-set-after", serial(token)),
            Self::PinRemoved(token) => ("notice-pin-removed", serial(token)),
            Self::LoginChanged { from, to } => {
                ("notice-login-changed", vec![("from", from.as_str().into()), ("to", to.as_str().into())])
            }
            Self::NameChanged => ("notice-name-changed", vec![]),
            Self::PhoneChanged { is_kept: true } => ("notice-phone-changed", vec![]),
            Self::PhoneChanged { is_kept: false } => ("notice-phone-removed", vec![]),
            Self::PasswordCreated => ("notice-password-created", vec![]),
            Self::PasswordChanged => ("notice-password-changed", vec![]),
            Self::EmailChanged { from: Some(from), to } => {
                ("notice-email-changed", vec![("from", from.hint().into()), ("to", to.hint().into())])
            }
            Self::EmailChanged { from: None, to } => ("notice-email-set", vec![("to", to.hint().into())]),
            Self::UnlikeSeen(likeness) => ("notice-unlike-seen", unlike(likeness)),
            Self::UnlikeRefused(likeness) => ("notice-unlike-refused", unlike(likeness)),
            Self::EnvironmentTrusted => ("notice-environment-trusted", vec![]),
            Self::EnvironmentChanged => ("notice-environment-changed", vec![]),
            Self::SignedOutEverywhere => ("notice-signed-out-everywhere", vec![]),
            Self::RestoreAsked { lost, proved, address, .. } => (
                "notice-restore-asked",
                vec![
                    ("address", address.into()),
                    ("lost", listed(words, lost).into()),
                    ("proved", listed(words, proved).into()),
                ],
            ),
            Self::RestoreWaits { at, .. } => {
                ("notice-restore-waits", vec![("moment", words.date_and_time(at).into())])
            }
            Self::RestoreDone { .. } => ("notice-restore-done", vec![]),
            Self::RestoreCancelled => ("notice-restore-cancelled", vec![]),
            Self::WaysInChanged { password: true, email: true } => ("notice-operator-changed-both", vec![]),
            Self::WaysInChanged { password: true, .. } => ("notice-operator-changed-password", vec![]),
            Self::WaysInChanged { .. } => ("notice-operator-changed-email", vec![]),
            Self::EmergencyIssued { until, once } => {
                let id = if once { "notice-emergency-once" } else { "notice-emergency-until" };
                (id, vec![("moment", words.date_and_time(until).into())])
            }
            Self::EmergencyUsed => ("notice-emergency-used", vec![]),
        }
    }

    /// All that is said of it.
    fn sentences(&self, words: Words) -> String {
        let (id, variables) = self.message(words);
        let mut text = words.with(id, &variables);
        let mut add = |more: String| {
            text.push(' ');
            text.push_str(&more);
        };
        match *self {
            Self::RestoreDone { token, password, email } => {
                if let Some(token) = token {
                    add(words.with("notice-restore-done-token", &[("serial", token.display().into())]));
                }
                if password {
                    add(words.text("notice-restore-done-password"));
                }
                if let Some(to) = email {
                    add(words.with("notice-restore-done-email", &[("to", to.hint().into())]));
                }
            }
            Self::RestoreAsked { cancel: Some(link), .. } | Self::RestoreWaits { cancel: link, .. } => {
                text.push_str("\n\n");
                text.push_str(&words.text("notice-restore-cancel"));
                text.push('\n');
                text.push_str(link);
            }
            _ => {}
        }
        text
    }
}

/// "token, password"; or that it is nothing.
fn listed(words: Words, factors: &[Factor]) -> String {
    if factors.is_empty() {
        return words.text("factor-none");
    }
    let names = factors.iter().map(|factor| {
        words.text(match factor {
            Factor::Token => "factor-token",
            Factor::Password => "factor-password",
            Factor::Email => "factor-email",
        })
    });
    names.collect::<Vec<_>>().join(", ")
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
pub(super) fn whom_to_ask(words: Words, resource: Option<&Resource>) -> String {
    let portal = resource.and_then(|resource| resource.portal.as_ref());
    let help = portal.map(|portal| portal.help_text.trim()).unwrap_or_default();
    if help.is_empty() {
        words.text("mail-tell-helpdesk")
    } else {
        words.with("mail-ask", &[("help", help.into())])
    }
}

/// The words in which this user is written to.
pub(super) fn words_of(user: &User) -> Words {
    Words::of(user.language.unwrap_or_default())
}

/// The words of a mail that a visit asked for: until a language is on record, whoever waits for it reads that of
/// the visit.
pub(super) fn words_for(user: &User, visit: &Visit) -> Words {
    Words::of(user.language.or(visit.language).unwrap_or_default())
}

impl Notice<'_> {
    fn text(&self, words: Words, now: UnixTime) -> String {
        let mut facts = Vec::new();
        if let Some(resource) = self.resource {
            facts.push(words.with("mail-where", &[("place", resource.name.as_str().into())]));
        }
        facts.push(words.with("mail-when", &[("moment", words.date_and_time(now).into())]));
        // The address of an operator is no business of the user's.
        if let (ActorOrigin::User { .. }, Some(address)) = (&self.actor.origin, &self.actor.address) {
            facts.push(words.with("mail-from", &[("address", address.as_str().into())]));
        }
        format!(
            "{}\n\n{}\n\n{}\n\n{} {}\n",
            words.with("mail-hello", &[("name", self.user.display_name().into())]),
            self.happened.sentences(words),
            facts.join("\n"),
            words.text("mail-if-not-you"),
            whom_to_ask(words, self.resource),
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
        let words = words_of(notice.user);
        let subject =
            format!("{place}: {}", words.text(&format!("{}.subject", notice.happened.message(words).0)));
        let draft = Draft { kind: MailKind::Notice, to: to.clone(), subject, lives_secs: LIVES_SECS };
        draft.put(view, &self.sealer, &notice.text(words, now), now, changes)
    }
}

impl Service {
    /// For changes that tell somebody. Call [`Service::wake_mailer`] after them.
    pub(super) fn post(&self) -> Result<Post, ServiceError> {
        Ok(Post { mode: self.mail, sealer: self.sealer()? })
    }
}
