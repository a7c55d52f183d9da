//! What a user sees in the portal, and why. What they do there is in the files below.

mod email;
mod environment;
mod password;
mod profile;
pub(super) mod proof;

use crate::model::{
    Actor, Login, LoginStage, OtpSpec, PortalAction, Resource, ResourceName, TokenId, TokenSerial, TokenType,
    User, Visit,
};
use crate::oath::Otp;
use crate::store::{Changes, View};

pub use self::email::{EmailResult, EmailSent};
pub use self::environment::{EnvironmentView, SignInView};
pub use self::password::PasswordResult;
pub use self::proof::{ProofAsked, ProofResult, ProvingToken};
pub(super) use self::proof::{
    proved_session, proving, require_fresh, require_fresh_code, require_token_proof, user_now,
};
use super::code::Examined;
use super::confirm::{Asking, codes_for};
use super::notice::{Happened, Notice};
use super::pair::{counting_pair, pair_of};
use super::pin::SequencePin;
use super::register::sort_missing;
use super::resync::{Sequence, portal_window};
use super::token::TokenView;
use super::{ConfirmRequest, ConfirmResult, MailMode, PortalSession, SequenceOutcome, Service, ServiceError};

/// Why an action does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyHidden {
    /// The admin did not enable it.
    NotEnabled,
    /// The user has a token here already.
    HasToken,
    /// The user has no token here.
    NoToken,
    /// Codes of this kind of token cannot be synchronised yet.
    KindNotSupported,
    /// The token has no clock and no button: its codes are mailed.
    CodesAreMailed,
    /// Each code of the token says its own position.
    NothingDrifts,
    /// The token types its codes itself, so nothing can be typed beside them.
    KeyTypesAlone,
    /// The token has a PIN already.
    HasPin,
    /// The token has no PIN.
    NoPin,
    /// The token has a keypad, and its PIN goes into its responses.
    PinInResponses,
    /// No sort of token that could be set up is enabled.
    NoTokenType,
    /// The user has a password already.
    HasPassword,
    /// The user has no password.
    NoPassword,
    /// No mail can be sent, and a new address is proved by one.
    NoMail,
    /// A later version brings it.
    NotOffered,
    /// The user does not stand on the resource.
    NotAssigned,
    /// Neither a password nor a mail address is on record, so the user cannot sign in.
    CannotSignIn,
}

impl WhyHidden {
    /// The reason for an admin, in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotEnabled => "not enabled for this resource",
            Self::HasToken => "the user has a token here already",
            Self::NoToken => "the user has no token here",
            Self::KindNotSupported => "this kind of token cannot be synchronised yet",
            Self::CodesAreMailed => {
                "the codes of the user's token are mailed: there is nothing to synchronise"
            }
            Self::NothingDrifts => {
                "each code of the user's key says its own position: there is nothing to synchronise"
            }
            Self::KeyTypesAlone => "the user's key types its codes itself: no PIN can stand beside them",
            Self::HasPin => "the token has a PIN already",
            Self::NoPin => "the token has no PIN",
            Self::PinInResponses => "the PIN of this token is typed into the token itself",
            Self::NoTokenType => {
                "no token type that this user can set up is enabled; one by mail needs a password and a mail address"
            }
            Self::HasPassword => "the user has a password already",
            Self::NoPassword => "the user has no password yet",
            Self::NoMail => "mail is not set up, so nobody can prove a new address",
            Self::NotOffered => "comes with a later version",
            Self::NotAssigned => "the user is not assigned to this resource",
            Self::CannotSignIn => {
                "neither a password nor a mail address is on record: the user cannot sign in"
            }
        }
    }
}

/// The page after sign-in.
#[derive(Clone, Debug)]
pub struct PortalHome {
    /// Who.
    pub user: User,
    /// Their token here.
    pub token: Option<TokenView>,
    /// What they can do, in the set order.
    pub actions: Vec<PortalAction>,
    /// Codes that the confirmation page asks for.
    pub confirm_codes: usize,
    /// Length of a step of their token in seconds, for the countdown; 30 when it is not known.
    pub step_secs: u32,
}

/// Where a portal session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortalState {
    /// Page 2 comes next.
    LoginTyped,
    /// Page 3 comes next.
    OtpOwed,
    /// A mailed code comes next.
    CodeOwed,
    /// Signed in.
    Full,
}

impl PortalSession {
    /// Where it stands.
    pub const fn state(&self) -> PortalState {
        match self.stage {
            LoginStage::LoginTyped { .. } => PortalState::LoginTyped,
            LoginStage::OtpOwed { .. } => PortalState::OtpOwed,
            LoginStage::CodeOwed { .. } => PortalState::CodeOwed,
            LoginStage::Full { .. } => PortalState::Full,
        }
    }
}

/// The actions that this program offers; the others come with later versions and cannot be enabled.
pub const OFFERED: &[PortalAction] = &[
    PortalAction::RegisterNewToken,
    PortalAction::RegisterExistingToken,
    PortalAction::ReassignToken,
    PortalAction::UnassignToken,
    PortalAction::SynchronizeToken,
    PortalAction::SetupPin,
    PortalAction::RemovePin,
    PortalAction::CreatePassword,
    PortalAction::ChangePassword,
    PortalAction::ChangeEmail,
    PortalAction::ChangePhone,
    PortalAction::ChangeLogin,
    PortalAction::ChangeName,
    PortalAction::ManageEnvironment,
];

/// True when a PIN goes into the codes of a token: it is typed into the token, and nothing beside the code.
fn has_response_pin(view: &dyn View, token: TokenId) -> Result<bool, ServiceError> {
    Ok(view.seed(token)?.is_some_and(|seed| seed.spec.takes_pin()))
}

/// True when the token types its codes itself: a PIN cannot stand beside them.
fn types_alone(view: &dyn View, token: TokenId) -> Result<bool, ServiceError> {
    Ok(view.seed(token)?.is_some_and(|seed| seed.spec.public_id().is_some()))
}

fn why_hidden(
    view: &dyn View,
    user: &User,
    resource: &Resource,
    action: PortalAction,
    mail: MailMode,
    emergency: bool,
) -> Result<Option<WhyHidden>, ServiceError> {
    let enabled = resource.portal.as_ref().is_some_and(|portal| portal.actions.contains(&action));
    if !enabled {
        return Ok(Some(WhyHidden::NotEnabled));
    }
    let pair = counting_pair(view, user.id, resource, emergency)?;
    Ok(match action {
        PortalAction::SynchronizeToken | PortalAction::ReassignToken | PortalAction::UnassignToken => {
            match pair {
                None => Some(WhyHidden::NoToken),
                Some((_, token)) if action == PortalAction::SynchronizeToken => {
                    match view.seed(token.id)?.map(|seed| seed.spec) {
                        Some(OtpSpec::Mail { .. }) => Some(WhyHidden::CodesAreMailed),
                        Some(OtpSpec::YubicoOtp { .. }) => Some(WhyHidden::NothingDrifts),
                        Some(spec) if spec.shape().is_some() => None,
                        Some(_) | None => Some(WhyHidden::KindNotSupported),
                    }
                }
                Some(_) => None,
            }
        }
        PortalAction::SetupPin | PortalAction::RemovePin => match pair {
            None => Some(WhyHidden::NoToken),
            Some((_, token)) if has_response_pin(view, token.id)? => Some(WhyHidden::PinInResponses),
            Some((_, token)) if types_alone(view, token.id)? => Some(WhyHidden::KeyTypesAlone),
            Some((_, token)) if action == PortalAction::SetupPin => token.pin.map(|_| WhyHidden::HasPin),
            Some((_, token)) => token.pin.is_none().then_some(WhyHidden::NoPin),
        },
        PortalAction::RegisterExistingToken | PortalAction::RegisterNewToken if pair.is_some() => {
            Some(WhyHidden::HasToken)
        }
        PortalAction::RegisterNewToken => {
            let rules = resource.portal.as_ref();
            let none = rules
                .is_none_or(|rules| TokenType::ALL.iter().all(|sort| sort_missing(rules, *sort, user, mail)));
            none.then_some(WhyHidden::NoTokenType)
        }
        PortalAction::CreatePassword => user.password.is_some().then_some(WhyHidden::HasPassword),
        PortalAction::ChangePassword => user.password.is_none().then_some(WhyHidden::NoPassword),
        PortalAction::ChangeEmail => (mail == MailMode::None).then_some(WhyHidden::NoMail),
        _ => None,
    })
}

impl Service {
    /// Which actions a user would see, and why each other one is hidden.
    pub fn portal_preview(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        login: &Login,
    ) -> Result<Vec<(PortalAction, Option<WhyHidden>)>, ServiceError> {
        self.store.read(|view| {
            let resource = self.resource_named(view, actor, resource)?;
            let user = super::user::visible_user(view, actor, login)?;
            let assigned = super::authenticate::is_on(view, &user, &resource)?;
            let mut rows = Vec::new();
            for action in PortalAction::ALL {
                let why = if !OFFERED.contains(action) {
                    Some(WhyHidden::NotOffered)
                } else if !assigned {
                    Some(WhyHidden::NotAssigned)
                } else if user.password.is_none() && user.email.is_none() {
                    Some(WhyHidden::CannotSignIn)
                } else {
                    why_hidden(view, &user, &resource, *action, self.mail, false)?
                };
                rows.push((*action, why));
            }
            Ok(rows)
        })
    }

    /// The page after sign-in.
    pub fn portal_home(&self, portal: &PortalSession) -> Result<PortalHome, ServiceError> {
        let (user, actor) = (signed_in(portal)?, portal.actor(&Visit::from_address("")));
        self.store.read(|view| {
            let pair = pair_of(view, user.id, &portal.resource)?;
            let token = pair.map(|(_, token)| TokenView::read(view, &actor, token)).transpose()?;
            let mut actions = Vec::new();
            let order = portal.resource.portal.as_ref().map(|p| p.actions.clone()).unwrap_or_default();
            for action in order {
                // An emergency code opens the door; what an owner is known by stays as it is.
                let is_held = portal.emergency
                    && matches!(
                        action,
                        PortalAction::SetupPin | PortalAction::ChangePhone | PortalAction::ChangeName
                    );
                if OFFERED.contains(&action)
                    && !is_held
                    && why_hidden(view, user, &portal.resource, action, self.mail, portal.emergency)?
                        .is_none()
                {
                    actions.push(action);
                }
            }
            let step_secs = match token.as_ref().map(|t| &t.spec) {
                Some(OtpSpec::Totp { period, .. }) => u32::try_from(period.get()).unwrap_or(30),
                _ => 30,
            };
            Ok(PortalHome {
                user: user.clone(),
                token,
                actions,
                confirm_codes: codes_for(&portal.resource),
                step_secs,
            })
        })
    }

    pub(super) fn require_action(
        &self,
        portal: &PortalSession,
        action: PortalAction,
    ) -> Result<(), ServiceError> {
        if self.portal_home(portal)?.actions.contains(&action) {
            Ok(())
        } else {
            Err(ServiceError::NotFound { what: "action" })
        }
    }

    /// *Existing Token Registration*.
    pub fn portal_confirm(
        &self,
        portal: &PortalSession,
        serial: &TokenSerial,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<ConfirmResult, ServiceError> {
        self.require_action(portal, PortalAction::RegisterExistingToken)?;
        let user = signed_in(portal)?;
        let request = ConfirmRequest { resource: &portal.resource.name, user: &user.login, serial, otps };
        let asking = Asking { portal: portal.clone(), replaces: None };
        Ok(self.confirm_asked_by(&portal.actor(visit), &request, &[], Some(&asking))?.for_users())
    }

    /// *Token Synchronization*.
    pub fn portal_synchronize(
        &self,
        portal: &PortalSession,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<SequenceOutcome, ServiceError> {
        self.require_action(portal, PortalAction::SynchronizeToken)?;
        let user = signed_in(portal)?;
        let outcome = self.until_settled(|| {
            let (examined, window, now) = self.store.read(|view| {
                let now = self.trusted_now(view)?;
                let missing = ServiceError::NotFound { what: "token" };
                let (_, token) = pair_of(view, user.id, &portal.resource)?.ok_or(missing)?;
                let examined = Examined::read(view, token, Some(portal.resource.id))?;
                let window = portal_window(view, &examined)?;
                Ok::<_, ServiceError>((examined, window, now))
            })?;
            examined.require_usable(now)?;
            examined.require_drifting()?;
            // The person is signed in with the PIN; a wrong one beside a code is a failure all the same.
            let pin = match self.sequence_pin(&examined, otps)? {
                SequencePin::Wrong => SequencePin::Wrong,
                SequencePin::Proved | SequencePin::Bare => SequencePin::Proved,
            };
            let answered = match examined.seed.spec.suite() {
                Some(_) => self.answered_here(portal, &examined, otps.len(), now)?,
                None => None,
            };
            let asked = Sequence::in_portal(otps, window, answered, pin, now);
            let told = self.tells_synchronized(portal, &examined, visit)?;
            let asking = portal.clone();
            self.synchronize(&portal.actor(visit), &examined, &asked, move |view| {
                // The owner may have signed out everywhere while the codes were searched for.
                user_now(view, &asking, now)?;
                let mut changes = Vec::new();
                told(view, &mut changes)?;
                Ok(changes)
            })
        })?;
        self.wake_mailer();
        Ok(outcome)
    }

    /// What goes with a token that a user brought back: they are told.
    pub(super) fn tells_synchronized(
        &self,
        portal: &PortalSession,
        examined: &Examined,
        visit: &Visit,
    ) -> Result<
        impl Fn(&dyn View, &mut Changes) -> Result<(), ServiceError> + Send + Clone + 'static,
        ServiceError,
    > {
        let (post, actor, resource) = (self.post()?, portal.actor(visit), portal.resource.clone());
        let (user, serial, now) = (portal.user.clone(), examined.token.serial.clone(), self.clock.now());
        Ok(move |view: &dyn View, changes: &mut Changes| {
            if let Some(user) = &user {
                let happened = Happened::TokenSynchronized(&serial);
                let notice = Notice { happened, user, actor: &actor, resource: Some(&resource) };
                post.tell(view, &notice, now, changes)?;
            }
            Ok(())
        })
    }
}

/// Refuses to enable what does not exist yet.
pub(super) fn refuse_unknown(actions: &[PortalAction]) -> Result<(), ServiceError> {
    match actions.iter().find(|action| !OFFERED.contains(action)) {
        Some(action) => {
            let offered = OFFERED.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ");
            let detail = format!("{} comes with a later version; this one offers {offered}", action.name());
            Err(ServiceError::invalid("actions", "action_not_available", detail))
        }
        None => Ok(()),
    }
}

pub(super) fn signed_in(portal: &PortalSession) -> Result<&User, ServiceError> {
    match (portal.state(), &portal.user) {
        (PortalState::Full, Some(user)) => Ok(user),
        _ => Err(ServiceError::state("sign_in_order", "sign in first")),
    }
}
