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
use crate::oath::{MovingFactor, PeriodSecs};
use crate::secret::{Passphrase, Seed};
use crate::seedfile::{TypedSecretError, typed_secret};
use crate::store::Change;
use crate::vault::{SealContext, random_bytes};

use super::pair::pair_of;
use super::portal::{require_fresh, require_fresh_code, signed_in};
use super::{PortalSession, Service, ServiceError};

/// Characters of the name that a user gives a token.
const NAME_CHARS: usize = 40;

/// The sorts of token that users can set up; codes by mail come with a later version.
pub const OFFERED_TYPES: &[TokenType] = &[TokenType::Hardware, TokenType::Software, TokenType::Universal];

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

/// A draft as its page shows it.
#[derive(Debug)]
pub struct DraftView {
    /// The draft.
    pub draft: TokenDraft,
    /// Codes that the page asks for.
    pub codes: usize,
    /// The secret in base32 and the text of its QR code, when the service made it.
    pub shown: Option<ShownSecret>,
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

/// Why a sort of token is not offered to this user here.
pub(super) fn sort_missing(portal: &SelfService, sort: TokenType) -> bool {
    !OFFERED_TYPES.contains(&sort) || !portal.token_types.contains(&sort)
}

/// Refuses to enable what does not exist yet.
pub(super) fn refuse_unknown_types(types: &[TokenType]) -> Result<(), ServiceError> {
    match types.iter().find(|sort| !OFFERED_TYPES.contains(sort)) {
        Some(sort) => {
            let detail = format!("tokens of type {} come with a later version", sort.name());
            Err(ServiceError::invalid("token_types", "token_type_not_available", detail))
        }
        None => Ok(()),
    }
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
        TokenType::ALL.iter().copied().filter(|sort| !sort_missing(rules, *sort)).collect()
    }

    /// Begins to set up a token: nothing but a draft, in place of an earlier one of this session. With
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
        if sort_missing(rules, sort) {
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
            (TokenType::Software, _) => {
                let hash = rules.software_hash;
                let seed = Seed::from_fn(hash.output_bytes(), |bytes| {
                    for chunk in bytes.chunks_mut(4) {
                        chunk.copy_from_slice(&random_bytes::<4>()?[..chunk.len()]);
                    }
                    Ok::<_, ServiceError>(())
                })?;
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
        if matches!(spec, OtpSpec::Ocra { .. }) {
            let detail = "tokens with a keypad cannot be set up here yet";
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
            failures: 0,
            created_at: self.clock.now(),
        };
        let (actor, portal) = (portal.actor(visit), portal.clone());
        self.decide(move |view| {
            // What follows within the life of the draft rests on this proof.
            if replace {
                require_fresh(view, &portal, draft.created_at)?;
            } else {
                require_fresh_code(view, &portal, None, draft.created_at)?;
            }
            let detail = vec![("step", "begun".to_owned()), ("type", sort.name().to_owned())];
            let entry = audit(&actor, &draft, AuditResult::Done, detail, None, draft.created_at);
            Ok(((), vec![Change::PutDraft(session, draft.clone()), entry]))
        })
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

    /// The draft of this session, with its secret if the service made it.
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
        Ok(Some(DraftView { draft, codes, shown }))
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
    let hash = draft.spec.hash().map_or_else(String::new, |hash| hash.name().to_uppercase());
    let digits = draft.spec.digits().map_or(6, crate::oath::Digits::get);
    let period = match draft.spec {
        OtpSpec::Totp { period, .. } => period.get(),
        OtpSpec::Hotp { .. } | OtpSpec::Ocra { .. } => 30,
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
