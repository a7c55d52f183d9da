//! The codes of a draft: right ones make the token, in one change.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditResult, Batch, BatchName, BatchState, BudgetKey, BudgetKind, Custody, Resource, SeedRow,
    SeedVersion, SelfService, Token, TokenDraft, TokenId, TokenMailing, TokenOrigin, TokenState, User, Visit,
};
use crate::oath::{Generator, MovingFactor, Otp, widest_window};
use crate::secret::Seed;
use crate::store::{Change, Changes, View};
use crate::vault::{DataKey, SealContext};

use super::{DraftResult, audit};
use crate::service::check::{Comparison, compare_by};
use crate::service::code::{self, Examined};
use crate::service::import::holder_of;
use crate::service::notice::{Happened, Notice, Post};
use crate::service::pair::{Pairing, require_place};
use crate::service::portal::{require_token_proof, signed_in};
use crate::service::resync::{WindowSteps, refuse_repeated, take_over};
use crate::service::sequence::{Place, SequenceFound};
use crate::service::token::old_floor;
use crate::service::{PortalSession, Service, ServiceError, drift};

/// Ends of drafts of one user in a day: codes that do not prove a token, and tokens made. What is made is not
/// forgiven: whoever knows the secret has right codes at will.
const USER_TRIES_A_DAY: u32 = 30;
/// A right code for a serial number or secret that is here already counts as so many: the answer tells whoever
/// chose both that it is here.
const OBSTACLE_TRIES: u32 = 10;
/// What the batches say where tokens of the portal came from.
const PROVENANCE: &str = "made in the portal";

/// What the service computes outside the store of the codes for a draft.
#[derive(Clone, Copy, Debug)]
enum Proof {
    Right(Place),
    Wrong { clock_secs: Option<i64> },
}

impl Service {
    /// Codes of the token that is being set up: right, they make it. A clock token shows one that fits
    /// now, or several in a row that fit somewhere in the portal's window; an event token shows two.
    pub fn portal_finish(
        &self,
        portal: &PortalSession,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<DraftResult, ServiceError> {
        refuse_repeated(otps)?;
        let answer = self.until_settled(|| self.finish_once(portal, otps, visit))?;
        if matches!(answer, DraftResult::Made { .. }) {
            self.wake_mailer();
        }
        Ok(answer)
    }

    fn finish_once(
        &self,
        portal: &PortalSession,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<DraftResult, ServiceError> {
        let Some(draft) = self.live_draft(portal)? else { return Ok(DraftResult::Gone) };
        let replace = draft.replaces.is_some();
        if self.replaced_by_draft(portal, replace)? != draft.replaces {
            return Err(ServiceError::state(
                "token_changed",
                "the token to be replaced is no longer yours here",
            ));
        }
        let user = signed_in(portal)?.clone();
        let (now, floor) = self.store.read(|view| {
            let floor = old_floor(view, draft.fingerprint, &draft.spec)?;
            Ok::<_, ServiceError>((self.trusted_now(view)?, floor))
        })?;
        let seed = self.draft_seed(portal, &draft)?;
        let examined = unborn(&draft, &portal.resource, floor, now);
        let proof = self.prove_draft(&seed, &examined, otps, &portal.resource, now)?;
        let (session, actor, resource) = (portal.key, portal.actor(visit), portal.resource.id);
        let asking = portal.clone();
        let (sealer, post) = (self.sealer()?, self.post()?);
        self.decide(move |view| {
            // A draft that was begun without a token in use proves nothing once there is one.
            require_token_proof(view, &asking, None, now)?;
            let resource = view.resource(resource)?.ok_or(ServiceError::Stale)?;
            let Some(draft) = view.draft(&session)?.filter(|now| *now == draft) else {
                return Err(ServiceError::Stale);
            };
            if old_floor(view, draft.fingerprint, &draft.spec)? != floor {
                return Err(ServiceError::Stale);
            }
            let emergency = asking.emergency;
            let finish = Finish {
                view,
                session,
                draft: &draft,
                user: &user,
                resource: &resource,
                actor: &actor,
                emergency,
                now,
            };
            let key = BudgetKey::User(BudgetKind::Registration, user.id);
            let budget = view.budget(key)?.within(now, 86_400);
            if budget.failures >= USER_TRIES_A_DAY {
                let until = budget.since.map(|since| since.plus_secs(86_400));
                return Ok(finish.answer(DraftResult::Blocked { until }, Vec::new(), "user_budget"));
            }
            let obstacle = match proof {
                Proof::Wrong { .. } => Some("wrong"),
                Proof::Right(_) => finish.obstacle()?,
            };
            let (Proof::Right(place), None) = (proof, obstacle) else {
                let clock_secs = match proof {
                    Proof::Wrong { clock_secs } => clock_secs,
                    Proof::Right(_) => None,
                };
                let tries = if matches!(proof, Proof::Right(_)) { OBSTACLE_TRIES } else { 1 };
                let failures = draft.failures + 1;
                let left = TokenDraft::MOST_FAILURES.saturating_sub(failures);
                let mut budget = budget.failed(now, u32::MAX);
                budget.failures += tries - 1;
                let mut changes = vec![Change::PutBudget(key, budget)];
                changes.push(match left {
                    0 => Change::DeleteDraft(session),
                    _ => Change::PutDraft(session, TokenDraft { failures, ..draft.clone() }),
                });
                let answer = DraftResult::Refused { clock_secs, left };
                return Ok(finish.answer(answer, changes, obstacle.unwrap_or_default()));
            };
            let state = proved(&examined, place, now);
            let mut changes = vec![Change::PutBudget(key, budget.failed(now, u32::MAX))];
            changes.extend(finish.make(&seed, &sealer, &post, state)?);
            Ok(finish.answer(DraftResult::Made { serial: draft.serial.clone() }, changes, ""))
        })
    }

    fn prove_draft(
        &self,
        seed: &Seed,
        examined: &Examined,
        otps: &[Otp],
        resource: &Resource,
        now: UnixTime,
    ) -> Result<Proof, ServiceError> {
        let (digits, spec) = (examined.digits()?, &examined.seed.spec);
        let generator = Generator::new(seed, spec.hash().ok_or_else(Examined::not_computed)?);
        let wrong = Proof::Wrong { clock_secs: None };
        if let [otp] = otps {
            if examined.period().is_none() && !spec.is_mailed() {
                return Err(ServiceError::invalid("otps", "otps_count", "two codes in a row are needed"));
            }
            // The secret is this person's own, so how far the clock is off helps nobody else.
            return Ok(match compare_by(&generator, examined, otp, now, true)? {
                Comparison::Fits { last, .. } => Proof::Right(Place::Codes { start: last, last, codes: 1 }),
                Comparison::Outside(factor) => Proof::Wrong { clock_secs: examined.offset(factor, now).1 },
                _ => wrong,
            });
        }
        let (secs, counters) = resource
            .portal
            .as_ref()
            .map_or((SelfService::DEFAULT_WINDOW_SECS, SelfService::DEFAULT_WINDOW_COUNTERS), |portal| {
                (portal.window_secs, portal.window_counters)
            });
        let whole = WindowSteps::for_token(spec, u64::from(secs), u64::from(counters));
        let window = whole.cut_to(widest_window(digits, otps.len()));
        let searched = self.search_by(&generator, examined, otps, &[], window, now)?;
        Ok(match searched.found {
            SequenceFound::One(place) => Proof::Right(place),
            _ => wrong,
        })
    }
}

/// The draft as a token that is not there yet.
fn unborn(draft: &TokenDraft, resource: &Resource, floor: Option<MovingFactor>, now: UnixTime) -> Examined {
    let stated = draft.counter;
    let initial = TokenState::fresh(floor.map_or(stated, |old| old.max(stated)));
    let (id, version) = (TokenId(0), SeedVersion::FIRST);
    let token = Token {
        id,
        serial: draft.serial.clone(),
        batch: crate::model::BatchId(0),
        origin: TokenOrigin::Portal,
        disabled: None,
        custody: Custody::Confirmed { at: now },
        holder: Some(draft.user),
        follows_batch: false,
        pin: None,
        manufacturer: draft.manufacturer.clone(),
        model: draft.model.clone(),
        note: String::new(),
        name: draft.name.clone(),
        creator: Some(draft.user),
        replaces: None,
        replaced_by: None,
        valid_from: None,
        valid_until: None,
        created_at: now,
    };
    let seed = SeedRow {
        token: id,
        version,
        import: None,
        spec: draft.spec.clone(),
        sealed: draft.sealed.clone(),
        fingerprint: draft.fingerprint,
        initial,
    };
    let mailing = draft.mailed_until.map(|expires_at| TokenMailing { counter: draft.counter, expires_at });
    Examined::unborn(token, seed, mailing, resource.failure_limit)
}

/// The state of the new token: past the codes that proved it.
fn proved(examined: &Examined, place: Place, now: UnixTime) -> TokenState {
    match place {
        // One code teaches too little: whoever typed it late would have a slow clock from the first day.
        Place::Codes { last, codes: 1, .. } => code::accepted(examined.state, last, now, None),
        place => take_over(examined, place, now).0,
    }
}

/// The end of a draft inside its change.
struct Finish<'a> {
    view: &'a dyn View,
    session: [u8; 32],
    draft: &'a TokenDraft,
    user: &'a User,
    resource: &'a Resource,
    actor: &'a Actor,
    /// An emergency code opened the session.
    emergency: bool,
    now: UnixTime,
}

impl Finish<'_> {
    fn answer(&self, answer: DraftResult, mut changes: Changes, reason: &str) -> (DraftResult, Changes) {
        let result = match answer {
            DraftResult::Made { .. } => return (answer, changes),
            _ => AuditResult::Refused,
        };
        let mut detail = vec![("step", "code".to_owned()), ("result", answer.name().to_owned())];
        if !reason.is_empty() {
            detail.push(("reason", reason.to_owned()));
        }
        changes.push(audit(self.actor, self.draft, result, detail, None, self.now));
        (answer, changes)
    }

    /// Why a right code makes no token: nothing that the user is told.
    fn obstacle(&self) -> Result<Option<&'static str>, ServiceError> {
        if self.view.token_by_serial(self.draft.serial.normal())?.is_some() {
            return Ok(Some("serial_exists"));
        }
        let holder = holder_of(self.view, self.draft.fingerprint, &self.draft.spec, None)?;
        Ok(holder.map(|_| "secret_exists"))
    }

    /// The batch that tokens of the portal come with; made when the first one comes. A batch of this name
    /// that came from elsewhere is left alone.
    fn batch(&self) -> Result<Batch, ServiceError> {
        for n in 1..100u32 {
            let name = if n == 1 { "portal".to_owned() } else { format!("portal-{n}") };
            let name = BatchName::parse(&name).map_err(ServiceError::name("batch"))?;
            match self.view.batch_by_name(&name.normal())? {
                Some(batch) if batch.import.is_none() && batch.provenance == PROVENANCE => return Ok(batch),
                Some(_) => {}
                None => {
                    return Ok(Batch {
                        id: self.view.next_batch()?,
                        name,
                        state: BatchState::Live,
                        import: None,
                        tokens: 0,
                        touched: true,
                        provenance: PROVENANCE.to_owned(),
                        created_at: self.now,
                    });
                }
            }
        }
        Err(ServiceError::state("batch_exists", "a hundred batches are called portal"))
    }

    /// Token, secret, state, pair and what tells of them.
    fn make(
        &self,
        seed: &Seed,
        sealer: &DataKey,
        post: &Post,
        state: TokenState,
    ) -> Result<Changes, ServiceError> {
        let (view, draft) = (self.view, self.draft);
        require_place(view, self.user, self.resource, draft.replaces, self.emergency)?;
        let mut batch = self.batch()?;
        batch.tokens += 1;
        let mut examined = unborn(draft, self.resource, None, self.now);
        let (id, version) = (view.next_token()?, SeedVersion::FIRST);
        let token = &mut examined.token;
        (token.id, token.batch) = (id, batch.id);
        let pairing = Pairing {
            user: self.user,
            resource: self.resource,
            actor: self.actor,
            now: self.now,
            replaced: draft.replaces,
        };
        let paired = pairing.changes(view, token)?;
        let fresh = examined.clone();
        let row = SeedRow {
            token: id,
            sealed: sealer.seal(seed, SealContext::Seed(id, version))?,
            initial: TokenState::fresh(state.floor),
            ..examined.seed
        };
        let mut changes =
            vec![Change::PutBatch(batch), Change::PutToken(examined.token), Change::PutSeed(row)];
        changes.push(Change::PutState(id, version, state));
        if state.drift.is_some() {
            // Two codes in a row showed the step.
            drift::learn_sequence(view, &fresh, 2, self.now, &mut changes)?;
        }
        changes.extend(paired);
        changes.push(Change::DeleteDraft(self.session));
        changes.push(Change::BumpGeneration);
        let detail = vec![
            ("step", "made".to_owned()),
            ("type", draft.token_type.name().to_owned()),
            ("serial", draft.serial.display().to_owned()),
        ];
        changes.push(audit(self.actor, draft, AuditResult::Done, detail, Some(id), self.now));
        let notice = Notice {
            happened: Happened::TokenRegistered(&draft.serial),
            user: self.user,
            actor: self.actor,
            resource: Some(self.resource),
        };
        post.tell(view, &notice, self.now, &mut changes)?;
        Ok(changes)
    }
}
