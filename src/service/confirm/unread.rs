//! A token without a legible number, confirmed by its codes alone.
//!
//! All that lies on the resource and is nobody's yet is tried, whoever asks and whatever was typed, so time tells
//! nothing of a token (law 6); beside them a few that are the user's own already. So many tokens are as many more ways to
//! hit one by chance, so more codes may be needed (law 2), as many for each user: own ones are counted whether they are
//! there or not. Tokens with a keypad are not among them: a code of theirs answers a challenge of their own suite.

use std::sync::atomic::AtomicBool;

use crate::clock::UnixTime;
use crate::model::{Actor, OtpSpec, PortalAction, Resource, Token, User, Visit};
use crate::oath::{CodeSequence, Digits, HashAlg, KeySet, MovingFactor, Otp, codes_needed, widest_window};
use crate::service::code::Examined;
use crate::service::identify::{Lot, Tried, try_lots};
use crate::service::pair::require_place;
use crate::service::portal::{require_fresh, require_fresh_code, signed_in};
use crate::service::resync::refuse_repeated;
use crate::service::search_gate::{Admitted, SMALL_HMACS, Turn};
use crate::service::sequence::{Place, start_window};
use crate::service::user::visible_user;
use crate::service::{PortalSession, Service, ServiceError};
use crate::store::{Page, TokenFilter, View};

use super::settle::{Weighed, are_failures_spent};
use super::{Asking, ConfirmResult, Proof, obstacle, positions, window_of};

/// Tokens of a user's own that are tried beside those that are nobody's: one that stands with them by name, one that they
/// gave back.
const OWN: usize = 2;
/// Among so many of a user's tokens they are looked for.
const MOST_LOOKED_AT: usize = 50;

/// What lies on a resource for whoever proves it.
struct Lying {
    now: UnixTime,
    resource: Resource,
    user: User,
    /// Tokens that are nobody's yet, those of other people's hands and those with a keypad included, and the user's own:
    /// everybody who asks counts as many.
    tokens: u64,
    /// Those whose codes this user may prove; none when the failures of the day are spent.
    eligible: Vec<Examined>,
    spent: bool,
}

/// The tokens of a resource that nobody has confirmed, unless there are more than are searched in one go.
fn lying_on(view: &dyn View, resource: &Resource) -> Result<Vec<Token>, ServiceError> {
    let most = usize::try_from(SMALL_HMACS / u128::from(positions(resource))).unwrap_or(usize::MAX);
    let most = most.saturating_sub(OWN);
    let filter = TokenFilter {
        resource: Some(resource.id),
        enabled: Some(true),
        unconfirmed: Some(true),
        ..TokenFilter::ALL
    };
    let mut page = Page::first(most.saturating_add(1));
    let mut tokens = Vec::new();
    loop {
        let slice = view.tokens(&filter, page)?;
        tokens.extend(slice.items);
        if tokens.len() > most {
            let detail = "too many tokens lie on this resource to find one by its codes: an operator finds it at the station";
            return Err(ServiceError::state("too_many_tokens", detail));
        }
        page.after = slice.next;
        if page.after.is_none() {
            return Ok(tokens);
        }
    }
}

/// The tokens on a resource that are this user's already, by name or because they held them before.
fn own_on(view: &dyn View, resource: &Resource, user: &User) -> Result<Vec<Token>, ServiceError> {
    let filter = TokenFilter {
        resource: Some(resource.id),
        user: Some(user.id),
        enabled: Some(true),
        ..TokenFilter::ALL
    };
    Ok(view.tokens(&filter, Page::first(MOST_LOOKED_AT))?.items)
}

/// How many are counted where so many are nobody's.
const fn counted(lying: &[Token]) -> u64 {
    (lying.len() + OWN) as u64
}

/// Start positions that so many tokens have together.
fn work(resource: &Resource, tokens: u64) -> u128 {
    u128::from(positions(resource)) * u128::from(tokens)
}

/// Codes that are asked for where so many tokens lie, whatever they show: six digits over the widest window.
fn codes_among(resource: &Resource, tokens: u64) -> usize {
    codes_needed(Digits::SIX, work(resource, tokens))
}

/// Refuses a proof that is too old, as the change does that decides.
fn require_proof(view: &dyn View, asking: &Asking, now: UnixTime) -> Result<(), ServiceError> {
    match asking.replaces {
        Some(_) => require_fresh(view, &asking.portal, now),
        None => require_fresh_code(view, &asking.portal, None, now),
    }
}

/// The codes as a sequence, if a token shows such codes.
fn sequence(otps: &[Otp]) -> Option<(Digits, CodeSequence)> {
    let shown = otps.first().map(Otp::len).filter(|digits| (6..=8).contains(digits))?;
    let digits = Digits::new(u32::try_from(shown).ok()?).ok()?;
    Some((digits, CodeSequence::new(digits, otps).ok()?))
}

impl Service {
    /// Codes that *I cannot read the number* asks for on this resource, the same for everybody.
    pub fn portal_unread_codes(&self, portal: &PortalSession) -> Result<usize, ServiceError> {
        signed_in(portal)?;
        let tokens = self.store.read(|view| lying_on(view, &portal.resource))?;
        Ok(codes_among(&portal.resource, counted(&tokens)))
    }

    /// *Existing Token Registration* without a serial number; with `replace` for *Re-Assign Token*.
    pub fn portal_confirm_unread(
        &self,
        portal: &PortalSession,
        replace: bool,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<ConfirmResult, ServiceError> {
        let replaces = if replace {
            Some(self.replaced_by_draft(portal, true)?.ok_or(ServiceError::Stale)?)
        } else {
            self.require_action(portal, PortalAction::RegisterExistingToken)?;
            None
        };
        let (actor, user) = (portal.actor(visit), signed_in(portal)?.id);
        let asking = Asking { portal: portal.clone(), replaces };
        refuse_repeated(otps)?;
        let tokens = self.store.read(|view| {
            // Before any work: an old proof is asked for again, and that costs no attempt.
            require_proof(view, &asking, self.trusted_now(view)?)?;
            Ok::<_, ServiceError>(counted(&lying_on(view, &portal.resource)?))
        })?;
        let work = work(&portal.resource, tokens);
        // Until it is decided: who sends many forms at once has them looked at one after another.
        let admitted = self.searches.admit(self.clock.as_ref(), Some(Turn::User(user)), work)?;
        let answer = self.until_settled(|| self.confirm_unread_once(&actor, &asking, otps, &admitted))?;
        if matches!(answer, ConfirmResult::Confirmed { .. }) {
            self.wake_mailer();
        }
        Ok(answer.for_users())
    }

    fn confirm_unread_once(
        &self,
        actor: &Actor,
        asking: &Asking,
        otps: &[Otp],
        admitted: &Admitted<'_>,
    ) -> Result<ConfirmResult, ServiceError> {
        let lying = self.read_lying(actor, asking)?;
        let needed = codes_among(&lying.resource, lying.tokens);
        if otps.len() < needed {
            return Ok(ConfirmResult::MoreOtpsNeeded { otps_needed: needed });
        }
        let (eligible, proof) = match sequence(otps) {
            None => (None, Proof::Wrong("otp_length")),
            Some((digits, codes)) => self.find_lying(&lying, digits, &codes, admitted)?,
        };
        let Lying { now, resource, user, .. } = lying;
        let weighed = Weighed {
            now,
            resource,
            user,
            eligible,
            proof,
            answered: None,
            single: false,
            needed,
            by_codes: true,
        };
        self.settle_confirmation(actor, Some(asking), weighed)
    }

    fn read_lying(&self, actor: &Actor, asking: &Asking) -> Result<Lying, ServiceError> {
        let Asking { portal, replaces } = asking;
        let login = &signed_in(portal)?.login;
        self.store.read(|view| {
            let now = self.trusted_now(view)?;
            require_proof(view, asking, now)?;
            let resource = self.resource_named(view, actor, &portal.resource.name)?;
            let user = visible_user(view, actor, login)?;
            require_place(view, &user, &resource, *replaces, portal.emergency)?;
            let spent = are_failures_spent(view, user.id, now)?;
            let all = lying_on(view, &resource)?;
            let tokens = counted(&all);
            let mut own = own_on(view, &resource, &user)?;
            own.retain(|own| !all.iter().any(|token| token.id == own.id));
            // What was handed out last is what lies in the hand.
            own.reverse();
            let examine = |token: Token| -> Result<Option<Examined>, ServiceError> {
                if spent || obstacle(view, &token, &user, &resource)?.is_some() {
                    return Ok(None);
                }
                let examined = Examined::read(view, token, Some(resource.id))?;
                let spec = &examined.seed.spec;
                let shows_codes = matches!(spec, OtpSpec::Hotp { .. } | OtpSpec::Totp { .. });
                Ok((shows_codes && examined.require_usable(now).is_ok()).then_some(examined))
            };
            let lying = all.into_iter().filter_map(|token| examine(token).transpose());
            let own = own.into_iter().filter_map(|token| examine(token).transpose()).take(OWN);
            let eligible = lying.chain(own).collect::<Result<Vec<_>, _>>()?;
            Ok(Lying { now, resource, user, tokens, eligible, spent })
        })
    }

    /// The one token that shows the codes, and where; else why there is none.
    fn find_lying(
        &self,
        lying: &Lying,
        digits: Digits,
        codes: &CodeSequence,
        admitted: &Admitted<'_>,
    ) -> Result<(Option<Examined>, Proof), ServiceError> {
        if lying.spent {
            return Ok((None, Proof::Wrong("user_budget")));
        }
        let carried = widest_window(digits, codes.len()) / lying.tokens;
        let mut tokens: Vec<&Examined> = lying.eligible.iter().collect();
        let hash =
            |examined: &Examined| HashAlg::ALL.iter().position(|alg| Some(*alg) == examined.seed.spec.hash());
        tokens.sort_by_key(|examined| hash(examined));
        let lots = tokens
            .chunk_by(|one, other| hash(one) == hash(other))
            .flat_map(|same| same.chunks(KeySet::MOST))
            .map(|lot| self.lying_lot(lying, lot, codes, carried));
        let never = AtomicBool::new(false);
        let told = try_lots(admitted, lots, codes, &never)?;
        // Those that show other digits were tried, too: else time would tell how many there are.
        let shows = |examined: &Examined| examined.seed.spec.digits() == Some(digits);
        let mut fits = told.matches.into_iter().filter(|(examined, _)| shows(examined));
        Ok(match (fits.next(), fits.next()) {
            (None, _) => (None, Proof::Wrong("not_found")),
            (Some(_), Some(_)) => (None, Proof::Wrong("ambiguous")),
            (Some((examined, start)), None) if start < examined.state.floor => {
                (Some(examined), Proof::Wrong("behind_floor"))
            }
            (Some((examined, start)), None) => {
                let last = MovingFactor(start.0.saturating_add(codes.len() as u64 - 1));
                (Some(examined), Proof::Right(Place::Codes { start, last, codes: codes.len() }))
            }
        })
    }

    /// Opens the secrets of some tokens.
    fn lying_lot(
        &self,
        lying: &Lying,
        tokens: &[&Examined],
        codes: &CodeSequence,
        carried: u64,
    ) -> Result<Lot, ServiceError> {
        let opened = tokens.iter().map(|examined| {
            let steps = window_of(examined, &lying.resource, carried);
            let window = start_window(examined, steps, codes.len(), lying.now);
            Ok(Tried { generator: self.generator(examined)?, examined: (*examined).clone(), window })
        });
        opened.collect::<Result<Vec<_>, _>>().map(Lot)
    }
}
