//! *Register New Token*: a draft first, then a right code makes the token (P14, P15).
//!
//! Until the code, there is nothing but the draft: the sealed secret under the session that made it, for a
//! quarter of an hour. A right code makes token, secret, pair, custody and records in one change. A
//! serial number or a secret that is here already gets the answer of a wrong code: it would tell of
//! others.

mod finish;

use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, OtpSpec, PortalAction, Resource, SelfService, Subject, TokenDraft,
    TokenId, TokenSerial, TokenType, User, Visit,
};
use crate::oath::{Digits, Generator, HashAlg, MovingFactor, PeriodSecs};
use crate::secret::{Passphrase, Seed};
use crate::seedfile::{TypedSecretError, typed_secret};
use crate::store::{Change, Changes, View};
use crate::vault::{SealContext, random_bytes, random_seed};

use super::code::Examined;
use super::mail_token::{Asked, MailedOtp};
use super::pair::pair_of;
use super::portal::{require_fresh, require_fresh_code, signed_in, user_now};
use super::{MailMode, PortalSession, Service, ServiceError};

/// Characters of the name that a user gives a token.
const NAME_CHARS: usize = 40;

/// A token to be set up.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Which sort.
    pub token_type: TokenType,
    /// What its user calls it.
    pub name: &'a str,
    /// The serial number on it; hardware only.
    pub serial: Option<&'a TokenSerial>,
    /// Who made it.
    pub manufacturer: &'a str,
    /// What model it is.
    pub model: &'a str,
    /// The shortest and the longest seed that the model takes, in bytes.
    pub seed_bytes: Option<std::ops::RangeInclusive<usize>>,
    /// The secret as typed; the service makes those of apps.
    pub secret: Option<&'a Passphrase>,
    /// What it computes, unless the typed text says so itself. Apps compute what the resource says.
    pub spec: Option<OtpSpec>,
    /// The next counter of an event token.
    pub counter: u64,
}

/// Where the code of a token by mail went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedDraft {
    /// Most of the address hidden.
    pub hint: String,
    /// Until when the code holds that was mailed last; `None`: none waits.
    pub until: Option<UnixTime>,
}

/// A draft as its page shows it.
#[derive(Debug)]
pub struct DraftView {
    /// The draft.
    pub draft: TokenDraft,
    /// Codes that the page asks for.
    pub codes: usize,
    /// The secret in base32 and the text of its QR code, when the service made it for an app.
    pub shown: Option<ShownSecret>,
    /// Where its code went, when codes are mailed.
    pub mailed: Option<MailedDraft>,
}

/// A secret on its way to its user: shown on one page, to the session that made it.
pub struct ShownSecret {
    /// In base32.
    pub base32: Zeroizing<String>,
    /// As `otpauth` URI.
    pub uri: Zeroizing<String>,
}

impl std::fmt::Debug for ShownSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownSecret")
    }
}

/// What came of the codes of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftResult {
    /// The token is there, and the codes are spent.
    Made {
        /// Its serial number.
        serial: TokenSerial,
    },
    /// Not proved; the draft stands.
    Refused {
        /// How far the clock that made the code is ahead, when the code fits far away.
        clock_secs: Option<i64>,
        /// Tries left for this draft.
        left: u32,
    },
    /// The draft has ended: too old, too many tries, or never made.
    Gone,
    /// Not looked at.
    Blocked {
        /// Until when.
        until: Option<UnixTime>,
    },
}

impl DraftResult {
    const fn name(&self) -> &'static str {
        match self {
            Self::Made { .. } => "made",
            Self::Refused { .. } => "refused",
            Self::Gone => "gone",
            Self::Blocked { .. } => "blocked",
        }
    }
}

/// Whether a sort of token is not offered to this user here. Codes by mail are for people with a password: who
/// signs in by a mailed code would prove the same thing twice.
pub(super) fn sort_missing(portal: &SelfService, sort: TokenType, user: &User, mail: MailMode) -> bool {
    let can_be_mailed = mail != MailMode::None && user.email.is_some() && user.password.is_some();
    !portal.token_types.contains(&sort) || (sort == TokenType::Mail && !can_be_mailed)
}

fn named(name: &str) -> Result<String, ServiceError> {
    let name = name.trim();
    let wrong = |code, detail: &str| Err(ServiceError::invalid("name", code, detail));
    if name.chars().count() > NAME_CHARS {
        return wrong("name_too_long", "a name has at most 40 characters");
    }
    if name.chars().any(char::is_control) {
        return wrong("name_invalid", "a name has no control characters");
    }
    Ok(name.to_owned())
}

const fn prefix(sort: TokenType) -> &'static str {
    match sort {
        TokenType::Software => "SW",
        TokenType::Mail => "ML",
        TokenType::Universal | TokenType::Hardware => "UN",
    }
}

fn made_serial(sort: TokenType) -> Result<TokenSerial, ServiceError> {
    let number = u64::from_be_bytes(random_bytes::<8>()?) % 10_000_000_000;
    TokenSerial::parse(&format!("{}{number:010}", prefix(sort))).map_err(ServiceError::name("serial"))
}

fn secret_refused(error: &TypedSecretError) -> ServiceError {
    let code = match error {
        TypedSecretError::Missing => "secret_missing",
        TypedSecretError::Unreadable => "secret_encoding",
        TypedSecretError::TooShort => "secret_too_short",
        TypedSecretError::TooLong => "secret_too_long",
        TypedSecretError::Published => "secret_weak",
        TypedSecretError::Uri { .. } => "secret_uri",
    };
    ServiceError::invalid("secret", code, error.to_string())
}

impl Service {
    /// The token that a re-assignment would replace.
    pub(super) fn replaced_by_draft(
        &self,
        portal: &PortalSession,
        replace: bool,
    ) -> Result<Option<TokenId>, ServiceError> {
        let action = if replace { PortalAction::ReassignToken } else { PortalAction::RegisterNewToken };
        self.require_action(portal, action)?;
        if !replace {
            return Ok(None);
        }
        let user = signed_in(portal)?;
        let pair = self.store.read(|view| pair_of(view, user.id, &portal.resource))?;
        pair.map(|(_, token)| Some(token.id)).ok_or(ServiceError::Stale)
    }

    /// The sorts of token that this user may set up here.
    pub fn portal_token_types(&self, portal: &PortalSession) -> Vec<TokenType> {
        let Some(rules) = portal.resource.open_portal() else { return Vec::new() };
        let Some(user) = &portal.user else { return Vec::new() };
        TokenType::ALL.iter().copied().filter(|sort| !sort_missing(rules, *sort, user, self.mail)).collect()
    }

    /// Begins to set up a token: nothing but a draft, in place of an earlier one of the same visit. With
    /// `replace` the finished token takes the places of the present one.
    pub fn portal_draft(
        &self,
        portal: &PortalSession,
        new: &NewToken<'_>,
        replace: bool,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        let replaces = self.replaced_by_draft(portal, replace)?;
        let user = signed_in(portal)?.id;
        let rules = portal.resource.open_portal().ok_or(ServiceError::NotFound { what: "portal" })?;
        let sort = new.token_type;
        if sort_missing(rules, sort, signed_in(portal)?, self.mail) {
            return Err(ServiceError::NotFound { what: "token type" });
        }
        let name = named(new.name)?;
        let serial = match (sort, new.serial) {
            (TokenType::Hardware, Some(serial)) => serial.clone(),
            (TokenType::Hardware, None) => {
                let detail = "type the serial number that is printed on the token";
                return Err(ServiceError::invalid("serial", "serial_missing", detail));
            }
            _ => made_serial(sort)?,
        };
        let (seed, spec, counter) = match (sort, new.secret) {
            (TokenType::Mail, _) => {
                let hash = HashAlg::Sha1;
                (random_seed(hash.output_bytes())?, OtpSpec::Mail { hash, digits: Digits::EIGHT }, 1)
            }
            (TokenType::Software, _) => {
                let hash = rules.software_hash;
                let seed = random_seed(hash.output_bytes())?;
                let (digits, period) = (rules.software_digits, PeriodSecs::DEFAULT);
                (seed, OtpSpec::Totp { hash, digits, period, epoch_secs: 0 }, 0)
            }
            (_, Some(typed)) => {
                let typed = typed_secret(typed, &serial).map_err(|error| secret_refused(&error))?;
                let (spec, counter) = match (typed.spec, &new.spec) {
                    (Some(said), _) => said,
                    (None, Some(spec)) => (spec.clone(), new.counter),
                    (None, None) => {
                        let detail = "say what the token computes";
                        return Err(ServiceError::invalid("kind", "kind_missing", detail));
                    }
                };
                if let Some(bytes) =
                    new.seed_bytes.as_ref().filter(|bytes| !bytes.contains(&typed.seed.len()))
                {
                    let detail = format!(
                        "this model has secrets of {} to {} bytes, and {} were typed: check the model and the secret",
                        bytes.start(),
                        bytes.end(),
                        typed.seed.len()
                    );
                    return Err(ServiceError::invalid("secret", "secret_length", detail));
                }
                (typed.seed, spec, counter)
            }
            (_, None) => return Err(secret_refused(&TypedSecretError::Missing)),
        };
        if matches!(
            spec,
            OtpSpec::Ocra { .. } | OtpSpec::OcraFilled { .. } | OtpSpec::Motp | OtpSpec::YubicoOtp { .. }
        ) {
            let detail = "tokens of this kind cannot be set up here; those with a clock or a button that show digits can";
            return Err(ServiceError::invalid("secret", "kind_not_supported", detail));
        }
        let session = portal.key;
        let draft = TokenDraft {
            user,
            resource: portal.resource.id,
            replaces,
            token_type: sort,
            serial,
            name,
            manufacturer: new.manufacturer.trim().to_owned(),
            model: new.model.trim().to_owned(),
            spec,
            counter: MovingFactor(counter),
            sealed: self.sealer()?.seal(&seed, SealContext::Draft(session))?,
            fingerprint: self.vault.fingerprint(&seed),
            mailed_until: None,
            failures: 0,
            created_at: self.clock.now(),
        };
        let mailed = draft.spec.is_mailed().then(|| self.draft_otp(&seed, &draft, visit)).transpose()?;
        let (actor, portal, visit) = (portal.actor(visit), portal.clone(), visit.clone());
        self.decide(move |view| {
            // What follows within the life of the draft rests on this proof.
            if replace {
                require_fresh(view, &portal, draft.created_at)?;
            } else {
                require_fresh_code(view, &portal, None, draft.created_at)?;
            }
            let detail = vec![("step", "begun".to_owned()), ("type", sort.name().to_owned())];
            let entry = audit(&actor, &draft, AuditResult::Done, detail, None, draft.created_at);
            let mut changes = vec![entry];
            let mut draft = draft.clone();
            if let Some(code) = &mailed {
                let now = draft.created_at;
                changes.extend(mail_draft(view, &portal, code, &mut draft, &visit, now)?.unwrap_or_default());
            }
            changes.push(Change::PutDraft(session, draft));
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// Another code for the mail token that is being set up. False: there were enough mails lately.
    pub fn portal_mail_draft(&self, portal: &PortalSession, visit: &Visit) -> Result<bool, ServiceError> {
        let gone = || ServiceError::NotFound { what: "draft" };
        let draft = self.live_draft(portal)?.filter(|draft| draft.spec.is_mailed()).ok_or_else(gone)?;
        let next = TokenDraft { counter: draft.counter.next(), ..draft.clone() };
        let code = self.draft_otp(&self.draft_seed(portal, &draft)?, &next, visit)?;
        let (portal, visit, now) = (portal.clone(), visit.clone(), self.clock.now());
        let sent = self.decide(move |view| {
            if view.draft(&portal.key)?.as_ref() != Some(&draft) {
                return Err(ServiceError::Stale);
            }
            let mut next = next.clone();
            let Some(mut changes) = mail_draft(view, &portal, &code, &mut next, &visit, now)? else {
                return Ok((false, Vec::new()));
            };
            changes.push(Change::PutDraft(portal.key, next));
            Ok((true, changes))
        })?;
        self.wake_mailer();
        Ok(sent)
    }

    /// The code at the counter of a draft.
    fn draft_otp(&self, seed: &Seed, draft: &TokenDraft, visit: &Visit) -> Result<MailedOtp, ServiceError> {
        let generator = Generator::new(seed, draft.spec.hash().ok_or_else(Examined::not_computed)?);
        let digits = draft.spec.digits().unwrap_or(Digits::EIGHT);
        self.mailed_otp(&generator, draft.counter, digits, Some(visit), self.clock.now())
    }

    fn live_draft(&self, portal: &PortalSession) -> Result<Option<TokenDraft>, ServiceError> {
        let (user, now) = (signed_in(portal)?.id, self.clock.now());
        let draft = self.store.read(|view| Ok::<_, ServiceError>(view.draft(&portal.key)?))?;
        let mine = |draft: &TokenDraft| {
            draft.is_alive(now)
                && draft.failures < TokenDraft::MOST_FAILURES
                && draft.user == user
                && draft.resource == portal.resource.id
        };
        Ok(draft.filter(mine))
    }

    fn draft_seed(&self, portal: &PortalSession, draft: &TokenDraft) -> Result<Seed, ServiceError> {
        let wanted = draft.sealed.data_key;
        let stored = if self.vault.knows_data_key(wanted) {
            None
        } else {
            self.store.read(|view| Ok::<_, ServiceError>(view.data_key(wanted)?))?
        };
        Ok(self.vault.open_seed(&draft.sealed, SealContext::Draft(portal.key), |_| stored)?)
    }

    /// The draft of a visit, with its secret if the service made it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one showing of a secret, to the person it is made for"
    )]
    pub fn portal_drafted(&self, portal: &PortalSession) -> Result<Option<DraftView>, ServiceError> {
        let Some(draft) = self.live_draft(portal)? else { return Ok(None) };
        let codes = if matches!(draft.spec, OtpSpec::Hotp { .. }) { 2 } else { 1 };
        let shown = match draft.token_type {
            TokenType::Software => {
                let seed = self.draft_seed(portal, &draft)?;
                let base32 = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(seed.expose()));
                let uri = otpauth(&draft, &portal.resource, signed_in(portal)?, &base32);
                Some(ShownSecret { base32, uri })
            }
            TokenType::Hardware | TokenType::Universal | TokenType::Mail => None,
        };
        let (now, email) = (self.clock.now(), signed_in(portal)?.email.as_ref());
        let mailed = email.filter(|_| draft.spec.is_mailed()).map(|email| MailedDraft {
            hint: email.hint(),
            until: draft.mailed_until.filter(|until| now < *until),
        });
        Ok(Some(DraftView { draft, codes, shown, mailed }))
    }

    /// The user does not want it any more.
    pub fn portal_drop_draft(&self, portal: &PortalSession, visit: &Visit) -> Result<(), ServiceError> {
        let (session, actor, now) = (portal.key, portal.actor(visit), self.clock.now());
        self.decide(move |view| {
            let Some(draft) = view.draft(&session)? else { return Ok(((), Vec::new())) };
            let detail = vec![("step", "dropped".to_owned())];
            let entry = audit(&actor, &draft, AuditResult::Done, detail, None, now);
            Ok(((), vec![Change::DeleteDraft(session), entry]))
        })
    }
}

/// The changes that mail the code of a draft, whose record then says until when it holds; `None`: there were enough
/// mails lately.
fn mail_draft(
    view: &dyn View,
    portal: &PortalSession,
    code: &MailedOtp,
    draft: &mut TokenDraft,
    visit: &Visit,
    now: UnixTime,
) -> Result<Option<Changes>, ServiceError> {
    let user = user_now(view, portal, now)?;
    let asked = Asked { user: &user, resource: &portal.resource, token: None, visit, now };
    let mailed = code.mail(view, &asked)?;
    if mailed.is_some() {
        draft.mailed_until = Some(MailedOtp::until(now));
    }
    Ok(mailed)
}

fn audit(
    actor: &Actor,
    draft: &TokenDraft,
    result: AuditResult,
    detail: Vec<(&'static str, String)>,
    token: Option<TokenId>,
    now: UnixTime,
) -> Change {
    let mut subjects = vec![Subject::User(draft.user), Subject::Resource(draft.resource)];
    subjects.extend(token.map(Subject::Token));
    super::audit_entry(now, actor, AuditAction::Registration, subjects, result, detail)
}

/// The text that an app's camera reads.
fn otpauth(draft: &TokenDraft, resource: &Resource, user: &User, base32: &str) -> Zeroizing<String> {
    let part = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let (issuer, account) = (part(resource.name.as_str()), part(user.login.as_str()));
    let hash = draft.spec.hash().unwrap_or(HashAlg::Sha1).name().to_uppercase();
    let digits = draft.spec.digits().map_or(6, crate::oath::Digits::get);
    let period = match draft.spec {
        OtpSpec::Totp { period, .. } => period.get(),
        _ => 30,
    };
    let mut uri = Zeroizing::new(String::with_capacity(512));
    for piece in [
        "otpauth://totp/",
        &issuer,
        ":",
        &account,
        "?secret=",
        base32,
        "&issuer=",
        &issuer,
        "&algorithm=",
        &hash,
        "&digits=",
        &digits.to_string(),
        "&period=",
        &period.to_string(),
    ] {
        uri.push_str(piece);
    }
    uri
}
