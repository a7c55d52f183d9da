//! Tokens: finding, showing, enabling, moving, deleting.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AssignmentKind, AuditAction, AuditResult, BatchId, BatchName, Budget, Custody, DisabledBy, Login,
    OtpSpec, ResourceId, ResourceName, SeedRow, Subject, Token, TokenId, TokenSerial, TokenState, Tombstone,
    UserId,
};
use crate::oath::{MovingFactor, SessionPadding};
use crate::store::{Change, Changes, CustodyFilter, Page, Slice, TokenFilter, View};

use super::programming::require_not_written;
use super::scope::{rules_token, seen_tokens, sees_token, sees_user, shared};
use super::user::visible_user;
use super::{ClockView, Service, ServiceError};

/// A token as lists and pages show it. Never a secret.
#[derive(Clone, Debug)]
pub struct TokenView {
    /// The record.
    pub token: Token,
    /// What it computes.
    pub spec: OtpSpec,
    /// What checks changed.
    pub state: TokenState,
    /// What is known of its clock, of a clock token that was seen.
    pub clock: Option<ClockView>,
    /// Where it is, `assigned` included.
    pub custody: &'static str,
    /// Name of its batch.
    pub batch: String,
    /// Login of the user who set it up, when the actor sees that person.
    pub creator: Option<String>,
    /// Serial number of the token whose place it took.
    pub replaces: Option<String>,
    /// Serial number of the token that took its place.
    pub replaced_by: Option<String>,
    /// Login of the person who holds it, when the actor sees that person.
    pub user: Option<String>,
    /// Name of that person.
    pub user_name: Option<String>,
    /// Where it stands as far as the actor's scope goes: resource, kind, login of the user there.
    pub assignments: Vec<(String, AssignmentKind, Option<String>)>,
}

/// Which tokens, by names.
#[derive(Clone, Debug, Default)]
pub struct TokenQuery {
    /// Serial begins or ends with this.
    pub q: Option<String>,
    /// Of this batch.
    pub batch: Option<BatchName>,
    /// On this resource.
    pub resource: Option<ResourceName>,
    /// Of this user.
    pub user: Option<Login>,
    /// Word of the place, `assigned` included.
    pub custody: Option<String>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// On a resource and not confirmed.
    pub unconfirmed: Option<bool>,
}

/// Changes of a token; `None` leaves a field.
#[derive(Clone, Debug, Default)]
pub struct TokenPatch {
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// An operator's note.
    pub note: Option<String>,
    /// On which side session data are filled up, of an OCRA token that takes them.
    pub session_padding: Option<SessionPadding>,
}

/// The records that the names of a query stand for.
struct Named {
    batch: Option<BatchId>,
    resource: Option<ResourceId>,
    user: Option<UserId>,
}

/// The words of all places.
pub const CUSTODY_WORDS: &[&str] =
    &["in_stock", "assigned", "handed_out", "confirmed", "returned", "lost", "retired"];

fn custody_filter(word: &str) -> Result<CustodyFilter, ServiceError> {
    Ok(match word {
        "in_stock" => CustodyFilter::InStock,
        "assigned" => CustodyFilter::Assigned,
        other => {
            let at = UnixTime::EPOCH;
            CustodyFilter::Place(custody_named(other, at)?.index())
        }
    })
}

fn custody_named(word: &str, at: UnixTime) -> Result<Custody, ServiceError> {
    Ok(match word {
        "in_stock" => Custody::InStock,
        "handed_out" => Custody::HandedOut { at },
        "confirmed" => Custody::Confirmed { at },
        "returned" => Custody::Returned { at },
        "lost" => Custody::Lost { at },
        "retired" => Custody::Retired { at },
        "assigned" => {
            let detail = "assigned follows from an assignment: assign the token to a resource";
            return Err(ServiceError::invalid("to", "custody_derived", detail));
        }
        _ => {
            let detail = format!("the places are {}", CUSTODY_WORDS.join(", "));
            return Err(ServiceError::invalid("custody", "custody_unknown", detail));
        }
    })
}

impl TokenView {
    pub(super) fn read(view: &dyn View, actor: &Actor, token: Token) -> Result<Self, ServiceError> {
        let seed = view.seed(token.id)?.ok_or(ServiceError::NotFound { what: "token" })?;
        let state = view.state(&seed)?;
        let clock = ClockView::read(view, &seed, &state)?;
        let batch = view.batch(token.batch)?.map(|b| b.name.as_str().to_owned()).unwrap_or_default();
        let holder = match token.holder {
            Some(id) if sees_user(view, actor, id)? => view.user(id)?,
            _ => None,
        };
        let mut assignments = Vec::new();
        for own in view.assignments_of_token(token.id)? {
            let Some(resource) = view.resource(own.resource)?.filter(|r| actor.scope.covers(r.id)) else {
                continue;
            };
            let user = match own.parties.user() {
                Some(id) => view.user(id)?.map(|u| u.login.as_str().to_owned()),
                None => None,
            };
            assignments.push((resource.name.as_str().to_owned(), own.parties.kind(), user));
        }
        if token.follows_batch {
            for resource in view.resources_of(&token)? {
                if let Some(resource) = view.resource(resource)?.filter(|r| actor.scope.covers(r.id)) {
                    assignments.push((resource.name.as_str().to_owned(), AssignmentKind::Token, None));
                }
            }
        }
        let custody = match token.custody {
            Custody::InStock if !assignments.is_empty() => "assigned",
            other => other.name(),
        };
        let (user, user_name) = match holder {
            Some(user) => (Some(user.login.as_str().to_owned()), Some(user.display_name())),
            None => (assignments.iter().find_map(|(_, _, user)| user.clone()), None),
        };
        let creator = match token.creator {
            Some(id) if sees_user(view, actor, id)? => view.user(id)?.map(|u| u.login.as_str().to_owned()),
            _ => None,
        };
        // Who sees one of the two may know which the other is: they were the same person's.
        let serial = |id: Option<TokenId>| -> Result<Option<String>, ServiceError> {
            let other = id.map(|id| view.token(id)).transpose()?.flatten();
            Ok(other.map(|other| other.serial.display().to_owned()))
        };
        let (replaces, replaced_by) = (serial(token.replaces)?, serial(token.replaced_by)?);
        Ok(Self {
            spec: seed.spec,
            state,
            clock,
            custody,
            batch,
            creator,
            replaces,
            replaced_by,
            user,
            user_name,
            assignments,
            token,
        })
    }
}

impl Service {
    /// Tokens in the order of their numbers. A batch, resource or user that is not there and one of
    /// another scope answer alike: with an empty list. Tokens that stand nowhere are shown to a scoped
    /// actor with the batch that they came with, if the actor imported it.
    pub fn tokens(
        &self,
        actor: &Actor,
        query: &TokenQuery,
        page: Page,
    ) -> Result<Slice<TokenView>, ServiceError> {
        self.store.read(|view| {
            let custody = query.custody.as_deref().map(custody_filter).transpose()?;
            let Some(Named { batch, resource, user }) = self.named(view, actor, query)? else {
                return Ok(Slice { items: Vec::new(), next: None });
            };
            let filter = TokenFilter {
                serial: query.q.as_deref().map(TokenSerial::normal_form).filter(|text| !text.is_empty()),
                batch,
                resource,
                user,
                custody,
                enabled: query.enabled,
                unconfirmed: query.unconfirmed,
                scope: actor.scope.clone(),
            };
            let slice = seen_tokens(view, actor, filter, page)?;
            let items = slice
                .items
                .into_iter()
                .map(|token| TokenView::read(view, actor, token))
                .collect::<Result<_, _>>()?;
            Ok(Slice { items, next: slice.next })
        })
    }

    /// The records behind the names of a query; `None` when one is not there for this actor.
    fn named(
        &self,
        view: &dyn View,
        actor: &Actor,
        query: &TokenQuery,
    ) -> Result<Option<Named>, ServiceError> {
        let found = || -> Result<Named, ServiceError> {
            let missing = ServiceError::NotFound { what: "batch" };
            Ok(Named {
                batch: match &query.batch {
                    // Whose it is does not matter: only tokens of the scope show.
                    Some(name) => Some(view.batch_by_name(&name.normal())?.ok_or(missing)?.id),
                    None => None,
                },
                resource: match &query.resource {
                    Some(name) => Some(self.resource_named(view, actor, name)?.id),
                    None => None,
                },
                user: match &query.user {
                    Some(login) => Some(visible_user(view, actor, login)?.id),
                    None => None,
                },
            })
        };
        match found() {
            Ok(named) => Ok(Some(named)),
            Err(ServiceError::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// One token.
    pub fn token(&self, actor: &Actor, serial: &TokenSerial) -> Result<TokenView, ServiceError> {
        self.store.read(|view| TokenView::read(view, actor, scoped(view, actor, serial)?))
    }

    /// Changes a token in one decision, with its audit record.
    pub(super) fn change_token(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        mut change: impl FnMut(
            &dyn View,
            Token,
            UnixTime,
        )
            -> Result<(Changes, AuditAction, Vec<(&'static str, String)>), ServiceError>
        + Send
        + 'static,
    ) -> Result<(), ServiceError> {
        let (actor, serial, now) = (actor.clone(), serial.clone(), self.clock.now());
        self.decide(move |view| {
            let token = scoped(view, &actor, &serial)?;
            let id = token.id;
            let (mut changes, action, detail) = change(view, token, now)?;
            changes.push(super::audit_entry(
                now,
                &actor,
                action,
                vec![Subject::Token(id)],
                AuditResult::Done,
                detail,
            ));
            Ok(((), changes))
        })
    }

    /// Changes what an operator may set of a token, all of it or nothing.
    pub fn edit_token(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        patch: &TokenPatch,
    ) -> Result<(), ServiceError> {
        let TokenPatch { enabled, note, session_padding } = patch.clone();
        if note.as_ref().is_some_and(|note| note.chars().count() > 1_000) {
            return Err(ServiceError::invalid(
                "note",
                "note_too_long",
                "a note has at most 1,000 characters",
            ));
        }
        let acting = actor.clone();
        self.change_token(actor, serial, move |view, before, _| {
            let mut token = before.clone();
            let mut detail = Vec::new();
            match enabled {
                Some(enabled) if before.disabled.is_none() == enabled => {
                    detail.push(("enabled", format!("{enabled}, as before")));
                }
                Some(true) if before.disabled == Some(DisabledBy::Replaced) => {
                    return Err(ServiceError::state(
                        "token_replaced",
                        "another token took its place: assign it anew instead",
                    ));
                }
                Some(enabled) => {
                    token.disabled = (!enabled).then_some(DisabledBy::Operator);
                    detail.push(("enabled", enabled.to_string()));
                }
                None => {}
            }
            if let Some(note) = &note {
                note.trim().clone_into(&mut token.note);
                detail.push(("changed", "note".to_owned()));
            }
            let mut changes = Vec::new();
            if let Some(padding) = session_padding {
                if !rules_token(view, &acting, &before)? {
                    return Err(shared());
                }
                changes.extend(filled_up(view, before.id, padding)?);
                detail.push(("session_padding", padding.name().to_owned()));
            }
            if token != before {
                changes.push(Change::PutToken(token));
            }
            Ok((changes, AuditAction::TokenChanged, detail))
        })
    }

    /// Enables or disables a token.
    pub fn set_token_enabled(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        enabled: bool,
    ) -> Result<(), ServiceError> {
        self.edit_token(actor, serial, &TokenPatch { enabled: Some(enabled), ..TokenPatch::default() })
    }

    /// Writes an operator's note on a token.
    pub fn set_token_note(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        note: &str,
    ) -> Result<(), ServiceError> {
        self.edit_token(actor, serial, &TokenPatch { note: Some(note.to_owned()), ..TokenPatch::default() })
    }

    /// Clears a token's failures. After ten wide attempts only another operator than the one who tried.
    pub fn unblock_token(&self, actor: &Actor, serial: &TokenSerial) -> Result<(), ServiceError> {
        let operator = actor.operator();
        self.change_token(actor, serial, move |view, token, _| {
            let seed = view.seed(token.id)?.ok_or(ServiceError::Stale)?;
            let state = view.state(&seed)?;
            if state.wide_failures >= 10 && (operator.is_none() || operator == state.wide_operator) {
                return Err(ServiceError::Forbidden {
                    code: "second_operator_needed",
                    detail: "ten wide searches failed: another signed-in operator must unblock this token",
                });
            }
            let state = TokenState { budget: Budget::CLEAR, wide_failures: 0, wide_operator: None, ..state };
            Ok((vec![Change::PutState(token.id, seed.version, state)], AuditAction::TokenUnblocked, vec![]))
        })
    }

    /// Moves a token to another place. Handing it out to a user by name makes that user its holder:
    /// then only that user can confirm it.
    pub fn set_custody(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        to: &str,
        user: Option<&Login>,
        note: &str,
    ) -> Result<(), ServiceError> {
        let (to, user, note) = (to.to_owned(), user.cloned(), note.trim().to_owned());
        if to == "confirmed" {
            let detail = "a token becomes confirmed when its user proves possession";
            return Err(ServiceError::state("custody_transition", detail));
        }
        let acting = actor.clone();
        self.change_token(actor, serial, move |view, mut token, now| {
            let place = custody_named(&to, now)?;
            // All but a loss change who holds the token, on every resource it stands on.
            if !matches!(place, Custody::Lost { .. }) && !rules_token(view, &acting, &token)? {
                return Err(shared());
            }
            let from = token.custody;
            require_not_written(view, token.id)?;
            let holder = match &user {
                Some(login) => {
                    if !matches!(place, Custody::HandedOut { .. }) {
                        let detail = "a person is named only when a token is handed out";
                        return Err(ServiceError::invalid("user", "user_not_expected", detail));
                    }
                    Some(visible_user(view, &acting, login)?.id)
                }
                None => None,
            };
            if let (Custody::HandedOut { .. }, Some(present)) = (place, token.holder)
                && holder != Some(present)
            {
                let detail = "another person holds this token: take it back first";
                return Err(ServiceError::state("token_held", detail));
            }
            token.custody = from.moved_to(place)?;
            let mut changes = Vec::new();
            match token.custody {
                Custody::HandedOut { .. } => {
                    token.holder = holder;
                    changes.extend(super::code::touch_batch(view, &token)?);
                }
                Custody::Returned { .. } | Custody::InStock | Custody::Retired { .. } => {
                    token.holder = None;
                    // PIN and name were that person's.
                    (token.pin, token.name) = (None, String::new());
                    for own in view.assignments_of_token(token.id)? {
                        if let Ok((user, _)) = own.parties.unpaired() {
                            changes.push(Change::PutAssignment(crate::model::Assignment {
                                parties: user,
                                ..own
                            }));
                        } else if matches!(token.custody, Custody::Retired { .. }) {
                            changes.push(Change::DeleteAssignment(own.id));
                        }
                    }
                    if matches!(token.custody, Custody::Retired { .. }) {
                        token.follows_batch = false;
                    }
                }
                Custody::Lost { .. } | Custody::Confirmed { .. } => {}
            }
            let mut detail = vec![("from", from.name().to_owned()), ("to", to.clone())];
            detail.extend(user.iter().map(|login| ("user", login.to_string())));
            if !note.is_empty() {
                detail.push(("note", note.clone()));
            }
            changes.push(Change::PutToken(token));
            Ok((changes, AuditAction::CustodyChanged, detail))
        })
    }

    /// Deletes a token. A tombstone keeps its floor, so that importing it again does not reopen old codes.
    pub fn delete_token(&self, actor: &Actor, serial: &TokenSerial) -> Result<(), ServiceError> {
        let acting = actor.clone();
        // What the device holds is known further on, and destroyed once the device is put in.
        let (held, sealer) = (self.secret_on_device(serial)?, self.sealer()?);
        self.change_token(actor, serial, move |view, token, now| {
            if !rules_token(view, &acting, &token)? {
                return Err(shared());
            }
            require_not_written(view, token.id)?;
            let seed = view.seed(token.id)?.ok_or(ServiceError::Stale)?;
            let state = view.state(&seed)?;
            let mut changes = Vec::new();
            if let Some(held) = &held {
                changes.extend(held.left_behind(view, &sealer, state.floor, &acting, now)?);
            }
            for own in view.assignments_of_token(token.id)? {
                changes.push(super::import::without_token(own));
            }
            let tombstone = Tombstone {
                serial: token.serial.clone(),
                fingerprint: seed.fingerprint,
                spec: seed.spec,
                floor: state.floor,
                deleted_at: now,
            };
            if let Some(mut batch) = view.batch(token.batch)? {
                batch.tokens = batch.tokens.saturating_sub(1);
                changes.push(Change::PutBatch(batch));
            }
            changes.push(Change::BuryToken(token.id, tombstone));
            changes.push(Change::BumpGeneration);
            let detail = vec![("serial", token.serial.display().to_owned())];
            Ok((changes, AuditAction::TokenDeleted, detail))
        })
    }
}

/// The change after which session data of a token are filled up on this side; none when they are already.
fn filled_up(
    view: &dyn View,
    token: TokenId,
    padding: SessionPadding,
) -> Result<Option<Change>, ServiceError> {
    let seed = view.seed(token)?.ok_or(ServiceError::Stale)?;
    let Some(suite) = seed.spec.suite().filter(|suite| suite.session_bytes().is_some()) else {
        let detail = "this token takes no session data, so nothing is filled up: leave it out";
        return Err(ServiceError::invalid("session_padding", "session_data_not_expected", detail));
    };
    let spec = OtpSpec::ocra(suite.clone(), padding);
    let is_new = spec != seed.spec;
    Ok(is_new.then_some(Change::PutSeed(SeedRow { spec, ..seed })))
}

/// The token of this serial inside a change, when the actor's scope covers it.
pub(super) fn scoped(view: &dyn View, actor: &Actor, serial: &TokenSerial) -> Result<Token, ServiceError> {
    let token = view.token_by_serial(serial.normal())?.ok_or(ServiceError::NotFound { what: "token" })?;
    if sees_token(view, actor, &token)? { Ok(token) } else { Err(ServiceError::NotFound { what: "token" }) }
}

/// The floor that a secret had in another life of it: the highest of live states and tombstones whose
/// codes come from the same sequence.
pub(super) fn old_floor(
    view: &dyn View,
    fingerprint: crate::model::Fingerprint,
    spec: &OtpSpec,
) -> Result<Option<MovingFactor>, ServiceError> {
    let mut highest: Option<MovingFactor> = None;
    let mut consider = |other: &OtpSpec, floor: MovingFactor| {
        if let Some(floor) = comparable_floor(other, floor, spec) {
            highest = highest.max(Some(floor));
        }
    };
    for (row, state) in view.states_with(fingerprint)? {
        consider(&row.spec, state.floor);
    }
    for tombstone in view.tombstones_with(fingerprint)? {
        consider(&tombstone.spec, tombstone.floor);
    }
    Ok(highest)
}

/// A floor of one kind in the numbers of another: counters as they are, steps by the moment they begin.
fn comparable_floor(from: &OtpSpec, floor: MovingFactor, to: &OtpSpec) -> Option<MovingFactor> {
    match (from, to) {
        (OtpSpec::Hotp { .. }, OtpSpec::Hotp { .. })
        | (OtpSpec::YubicoOtp { .. }, OtpSpec::YubicoOtp { .. })
        | (OtpSpec::Motp, OtpSpec::Motp) => Some(floor),
        (
            OtpSpec::Totp { period: a, epoch_secs: t0, .. },
            OtpSpec::Totp { period: b, epoch_secs: t1, .. },
        ) => {
            let secs = i128::from(floor.0) * i128::from(a.get()) + i128::from(*t0) - i128::from(*t1);
            let steps = (secs + i128::from(b.get()) - 1).div_euclid(i128::from(b.get()));
            u64::try_from(steps).ok().map(MovingFactor)
        }
        _ => comparable_answers(from, floor, to),
    }
}

/// The same of keypads: counters as they are, steps where they are of one length.
fn comparable_answers(from: &OtpSpec, floor: MovingFactor, to: &OtpSpec) -> Option<MovingFactor> {
    let (from, to) = (from.suite()?, to.suite()?);
    let both_count = from.has_counter() && to.has_counter();
    let one_clock = !from.has_counter() && !to.has_counter() && from.time_step_secs() == to.time_step_secs();
    (both_count || one_clock).then_some(floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oath::{Digits, HashAlg, PeriodSecs};

    #[test]
    fn floors_move_between_step_lengths_without_falling() {
        let totp = |secs| OtpSpec::Totp {
            hash: HashAlg::Sha1,
            digits: Digits::SIX,
            period: PeriodSecs::new(secs).expect("a step"),
            epoch_secs: 0,
        };
        let hotp = OtpSpec::Hotp { hash: HashAlg::Sha1, digits: Digits::SIX };
        assert_eq!(comparable_floor(&totp(30), MovingFactor(101), &totp(60)), Some(MovingFactor(51)));
        assert_eq!(comparable_floor(&totp(60), MovingFactor(51), &totp(30)), Some(MovingFactor(102)));
        assert_eq!(comparable_floor(&hotp, MovingFactor(7), &hotp), Some(MovingFactor(7)));
        assert_eq!(comparable_floor(&hotp, MovingFactor(7), &totp(30)), None);
    }
}
