//! Challenges for tokens with a keypad: made here, answered once, for one purpose, within five minutes.
//!
//! What programs and operators ask for belongs to the token; what a portal shows belongs to the visit. Both are
//! random, and none comes twice for one token (`asking`). A response is compared outside the store
//! like every code; that its challenge is still open is asked inside the change that decides, which spends it.

mod asking;
mod compare;
mod session;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, Challenge, ChallengeOwner, ChallengePurpose, KeypadQuestion, OtpSpec,
    Subject, TokenId, TokenSerial, UserId, Visit,
};
use crate::oath::{
    CodeSequence, MovingFactor, OcraGenerator, OcraInputError, OcraInputs, OcraPosition, OcraSuite,
    OcraWindow, PinHash, Question, Window, time_step,
};
use crate::secret::{Seed, SessionData};
use crate::store::{Change, Changes, View};
use crate::vault::SealContext;

use self::asking::format_of;
pub(super) use self::asking::{Asking, Whose, candidates};
use super::code::{self, Examined, REPLAY_COUNTERS};
use super::pair::pair_of;
use super::token::scoped;
use super::{PortalSession, Service, ServiceError, motp};

/// Time between two responses of one sequence: people read, type, and read again.
const BETWEEN_SECS: i64 = 120;

/// A challenge as it is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedChallenge {
    /// What is typed into the token.
    pub text: String,
    /// Until when it can be answered.
    pub expires_at: UnixTime,
}

/// Which challenges responses are given to.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) owner: ChallengeOwner,
    pub(super) purpose: ChallengePurpose,
    /// In the order of the responses.
    pub(super) texts: Vec<String>,
}

/// Whether challenges may still be answered.
pub(super) enum Spending {
    /// They may: the changes that spend them.
    Open(Changes),
    /// One was answered before: the changes that spend the others.
    Spent(Changes),
    /// One is too old, or was never made for this.
    Unknown,
}

impl Answered {
    /// Those of a token that a program or an operator names.
    pub(super) fn of_token(token: TokenId, purpose: ChallengePurpose, texts: &[String]) -> Self {
        Self { owner: ChallengeOwner::Token(token), purpose, texts: texts.to_vec() }
    }

    /// The open ones of a visit, the oldest first, as many as there are responses; `None` when there are fewer.
    pub(super) fn of_session(
        view: &dyn View,
        session: [u8; 32],
        purpose: ChallengePurpose,
        token: Option<TokenId>,
        responses: usize,
        now: UnixTime,
    ) -> Result<Option<Self>, ServiceError> {
        let owner = ChallengeOwner::Session(session);
        let known = view.challenges(owner)?.unwrap_or_default();
        let open = known.0.into_iter().filter(|challenge| challenge.is_open(purpose, token, now));
        let texts: Vec<String> = open.map(|challenge| challenge.text).take(responses).collect();
        Ok((texts.len() == responses && responses > 0).then_some(Self { owner, purpose, texts }))
    }

    /// Asked inside the deciding change. `token`: whose responses they are, when that is known.
    pub(super) fn spend(
        &self,
        view: &dyn View,
        token: Option<Whose<'_>>,
        now: UnixTime,
    ) -> Result<Spending, ServiceError> {
        let mut known = view.challenges(self.owner)?.unwrap_or_default();
        let id = token.map(|whose| whose.token);
        let remembered = match (self.owner, id) {
            (ChallengeOwner::Session(_), Some(id)) => view.challenges(ChallengeOwner::Token(id))?,
            _ => None,
        };
        let mut spent_before = false;
        let mut spent = Vec::with_capacity(self.texts.len());
        for text in &self.texts {
            let found = known.0.iter_mut().find(|one| {
                one.text == *text
                    && one.purpose.serves(self.purpose)
                    && (one.token.is_none() || one.token == id)
            });
            let Some(found) = found else { return Ok(Spending::Unknown) };
            spent_before |= found.spent;
            if !found.spent && !found.is_open(self.purpose, id, now) {
                return Ok(Spending::Unknown);
            }
            found.spent = true;
            spent.push(found.clone());
        }
        if let (Some(whose), Some(remembered)) = (token, &remembered) {
            let known = |text: &String| remembered.0.iter().any(|old| whose.is_same(&old.text, text));
            spent_before |= self.texts.iter().any(known);
        }
        let mut changes = vec![Change::PutChallenges(self.owner, known)];
        if let Some(whose) = token {
            // Nobody had said which token would answer these, so it may have been asked the same before.
            for challenge in spent.iter().filter(|challenge| challenge.token.is_none()) {
                spent_before |= whose.was_asked(view, &challenge.text)?;
                changes.extend(whose.remembers(&challenge.text));
            }
        }
        if spent_before {
            return Ok(Spending::Spent(changes));
        }
        if let (ChallengeOwner::Session(_), Some(id)) = (self.owner, id) {
            let mut remembered = remembered.unwrap_or_default();
            for challenge in spent {
                let forgotten = remembered.push(challenge);
                if let (Some(whose), Some(old)) = (token, forgotten) {
                    changes.extend(whose.remembers_forgotten(&old, now));
                }
            }
            changes.push(Change::PutChallenges(ChallengeOwner::Token(id), remembered));
        }
        Ok(Spending::Open(changes))
    }
}

/// Refuses what the program does not know for a token that answers challenges.
fn missing(error: OcraInputError) -> ServiceError {
    match error {
        OcraInputError::PinMissing | OcraInputError::PinHash { .. } => ServiceError::state(
            "pin_not_known",
            "the PIN of this token goes into its codes, and is not known here: set it first",
        ),
        OcraInputError::SessionMissing
        | OcraInputError::SessionLength { .. }
        | OcraInputError::SessionNotExact { .. } => ServiceError::state(
            "session_not_known",
            "this token's suite takes data of a session, which only the program knows that asks: no page can ask it",
        ),
    }
}

impl Examined {
    /// Refuses a token whose PIN goes into its codes and is not known here.
    pub(super) fn require_known_pin(&self) -> Result<(), ServiceError> {
        if self.seed.spec.takes_pin() && self.pin_hash.is_none() {
            return Err(missing(OcraInputError::PinMissing));
        }
        Ok(())
    }

    /// Refuses a token whose codes take what a page does not know.
    pub(super) fn require_inputs(&self) -> Result<(), ServiceError> {
        self.require_known_pin()?;
        match self.seed.spec.session_padding() {
            Some(_) => Err(missing(OcraInputError::SessionMissing)),
            None => Ok(()),
        }
    }

    /// What its challenges are told apart by; `None` when it answers none.
    pub(super) fn whose(&self) -> Option<Whose<'_>> {
        let suite = self.seed.spec.suite()?;
        Some(Whose { token: self.id(), secret: self.seed.fingerprint, suite })
    }

    /// True when a code of it can be compared at all: it is usable, and what goes into it is known, but for data of
    /// a session, which come with the question.
    pub(super) fn can_be_asked(&self, now: UnixTime) -> bool {
        self.require_known_pin().is_ok() && self.require_usable(now).is_ok() && self.shape().is_ok()
    }

    /// The lowest position that may still be accepted. A time alone may come again: its challenges do not.
    pub(super) fn response_floor(&self) -> OcraPosition {
        match self.seed.spec.suite() {
            Some(suite) if suite.has_counter() => {
                OcraPosition { counter: self.state.floor, ..OcraPosition::START }
            }
            Some(suite) if suite.time_step_secs().is_some() => {
                // A secret that was here before: nobody knows which questions it answered in its last step.
                let step = if self.state.used { self.state.floor } else { self.state.floor.next() };
                OcraPosition { step, ..OcraPosition::START }
            }
            _ => OcraPosition::START,
        }
    }

    /// The same for a sequence, which is looked for far away: a clock that stands at the step of an answer for longer
    /// than its question is remembered has stopped, or was set back.
    pub(super) fn sequence_floor(&self, now: UnixTime) -> OcraPosition {
        let floor = self.response_floor();
        let counts_secs = self.whose().map_or(0, |whose| whose.same_answer_secs());
        let is_passed = self.state.last_used.is_some_and(|at| now.secs_since(at) > counts_secs);
        if is_passed && floor.step == self.state.floor && floor.step > MovingFactor(0) {
            return OcraPosition { step: floor.step.next(), ..floor };
        }
        floor
    }

    /// Steps that may pass between two responses of a sequence, or two codes of an app that asks for its PIN.
    pub(super) fn response_gap(&self) -> u64 {
        if self.seed.spec == OtpSpec::Motp {
            return motp::GAP;
        }
        let period = self.seed.spec.suite().and_then(OcraSuite::period);
        period.map_or(0, |period| {
            (BETWEEN_SECS + period.get() - 1).unsigned_abs() / period.get().unsigned_abs()
        })
    }

    /// The positions that a search looks at: `counters` ahead, steps to either side, and those before the floor
    /// that tell a replay.
    pub(super) fn response_window(&self, counters: u64, past: u64, future: u64, now: UnixTime) -> OcraWindow {
        let floor = self.response_floor();
        let step = self
            .seed
            .spec
            .clock()
            .and_then(|(period, epoch)| time_step(now, epoch, self.state.drift_secs(), period));
        OcraWindow {
            counters: Window::around(floor.counter, REPLAY_COUNTERS, counters),
            steps: Window::around(step.unwrap_or(MovingFactor(0)), past, future),
            gap: self.response_gap(),
        }
    }

    /// Where responses leave the token: the floor from then on.
    pub(super) fn floor_after(&self, last: OcraPosition) -> MovingFactor {
        match self.seed.spec.suite() {
            Some(suite) if suite.has_counter() => last.counter.next(),
            Some(suite) if suite.time_step_secs().is_some() => last.step,
            _ => self.state.floor,
        }
    }

    /// The part of a position that distances are told of: the time where there is one.
    pub(super) fn told(&self, at: OcraPosition) -> MovingFactor {
        if self.period().is_some() { at.step } else { at.counter }
    }
}

impl Service {
    /// Keys one generator for each question. Texts that are no questions of the suite, or were asked without the
    /// session data that it takes, give `None`.
    pub(super) fn responders(
        &self,
        examined: &Examined,
        answered: &Answered,
    ) -> Result<Option<Vec<OcraGenerator>>, ServiceError> {
        self.responders_by(examined, &self.seed(examined)?, answered)
    }

    /// The same with this secret in place of the token's.
    pub(super) fn responders_by(
        &self,
        examined: &Examined,
        seed: &Seed,
        answered: &Answered,
    ) -> Result<Option<Vec<OcraGenerator>>, ServiceError> {
        let Some(suite) = examined.seed.spec.suite() else { return Ok(None) };
        let questions: Result<Vec<_>, _> =
            answered.texts.iter().map(|text| Question::new(suite, text)).collect();
        let Ok(questions) = questions else { return Ok(None) };
        let pin = match (suite.pin_hash(), &examined.pin_hash) {
            (Some(alg), Some(sealed)) => {
                let context = SealContext::PinHash(examined.id());
                Some(PinHash::from_kept(alg, &self.opened(sealed, context)?))
            }
            _ => None,
        };
        let padding = examined.seed.spec.session_padding();
        let sessions = match padding {
            Some(_) => self.sessions_of(answered)?,
            None => Some(Vec::new()),
        };
        let Some(sessions) = sessions else { return Ok(None) };
        let mut keyed = Vec::with_capacity(questions.len());
        for (at, question) in questions.iter().enumerate() {
            let inputs = OcraInputs { pin: pin.as_ref(), session: sessions.get(at).zip(padding) };
            match OcraGenerator::new(seed, suite, question, &inputs) {
                Ok(generator) => keyed.push(generator),
                // Its suite, or how they are filled up, was changed after the token was asked.
                Err(OcraInputError::SessionLength { .. } | OcraInputError::SessionNotExact { .. }) => {
                    return Ok(None);
                }
                Err(error) => return Err(missing(error)),
            }
        }
        Ok(Some(keyed))
    }

    /// A challenge for a token, for one purpose.
    pub fn issue_challenge(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        purpose: ChallengePurpose,
    ) -> Result<IssuedChallenge, ServiceError> {
        self.issue_challenge_for(actor, serial, purpose, None)
    }

    /// As [`Service::issue_challenge`], for a token that takes data of the asking program's session. The challenge is
    /// good for that session only.
    pub fn issue_challenge_for(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        purpose: ChallengePurpose,
        session: Option<&SessionData>,
    ) -> Result<IssuedChallenge, ServiceError> {
        self.issued(actor, serial, purpose, 1, session)?.pop().ok_or(ServiceError::Stale)
    }

    /// As [`Service::issue_challenge`], several in one change and one record: those of a page.
    pub fn issue_challenges(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        purpose: ChallengePurpose,
        count: usize,
    ) -> Result<Vec<IssuedChallenge>, ServiceError> {
        self.issued(actor, serial, purpose, count, None)
    }

    fn issued(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        purpose: ChallengePurpose,
        count: usize,
        session: Option<&SessionData>,
    ) -> Result<Vec<IssuedChallenge>, ServiceError> {
        let count = count.min(CodeSequence::MAX_LEN);
        let operator = actor.is_operator();
        let asked = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let token = scoped(view, actor, serial)?;
            let examined = Examined::read(view, token, None)?;
            examined.require_usable(now)?;
            examined.require_keypad()?;
            examined.digits()?;
            examined.require_known_pin()?;
            // A program may give data for everybody.
            let taken = operator || examined.seed.spec.session_padding().is_some();
            examined.require_session(session.filter(|_| taken))?;
            Ok(examined)
        });
        let (now, acting) = (self.clock.now(), actor.clone());
        let (examined, unfit) = match asked {
            Ok(examined) => (Some(examined), ""),
            // A verifier reads a challenge for every serial, and what it answers is wrong. Why stands on record.
            Err(ServiceError::NotFound { .. } | ServiceError::State { .. }) if !operator => {
                (None, "not_usable_here")
            }
            Err(ServiceError::Invalid { code, .. }) if !operator => (None, code),
            Err(error) => return Err(error),
        };
        let suite = examined.as_ref().and_then(|examined| examined.seed.spec.suite());
        // Where nobody knows of a suite, such as for a token that is not there.
        let (format, most) = format_of(suite, KeypadQuestion::DEFAULT);
        let candidates = candidates(format, most, count)?;
        let session = match &examined {
            Some(examined) => self.sealed_session(examined, session)?,
            None => None,
        };
        self.decide(move |view| {
            let subjects = examined.iter().map(|examined| Subject::Token(examined.id())).collect();
            let opened = examined.as_ref().map(|examined| {
                let token = Some(examined.whose().ok_or(ServiceError::Stale)?);
                let owner = ChallengeOwner::Token(examined.id());
                let session = session.as_ref();
                Asking { owner, purpose, token, candidates: &candidates, session, now }.open(view, count)
            });
            let (opened, reason) = match opened {
                Some(Ok(opened)) => (Some(opened), ""),
                // Nor does it learn that this token has no question left.
                Some(Err(ServiceError::State { code, .. })) if !acting.is_operator() => (None, code),
                Some(Err(error)) => return Err(error),
                None => (None, unfit),
            };
            let result = if opened.is_some() { AuditResult::Done } else { AuditResult::Refused };
            let mut detail = vec![("purpose", purpose.name().to_owned())];
            if count > 1 {
                detail.push(("challenges", count.to_string()));
            }
            if !reason.is_empty() {
                detail.push(("reason", reason.to_owned()));
            }
            let entry =
                super::audit_entry(now, &acting, AuditAction::ChallengeIssued, subjects, result, detail);
            let (issued, mut changes) = opened.unwrap_or_else(|| {
                let expires_at = now.plus_secs(Challenge::SECS);
                let texts = candidates.iter().take(count).cloned();
                (texts.map(|text| IssuedChallenge { text, expires_at }).collect(), Vec::new())
            });
            changes.push(entry);
            Ok((issued, changes))
        })
    }
}

/// The changes that spend what was answered, or what stands in the way. Without challenges there is nothing to
/// spend, and the codes speak for themselves.
pub(super) fn spent(
    view: &dyn View,
    fresh: &Examined,
    answered: Option<&Answered>,
    now: UnixTime,
) -> Result<Spending, ServiceError> {
    let Some(answered) = answered else { return Ok(Spending::Open(Vec::new())) };
    if code::blocked(&fresh.state.budget, now).is_some() {
        // Not looked at, so it can be answered again.
        return Ok(Spending::Open(Vec::new()));
    }
    answered.spend(view, fresh.whose(), now)
}

impl Service {
    /// Refuses answers to what was not asked for this, or too long ago, before they are looked at: for operators, who can
    /// ask again. Nothing is counted, since none of it could pass.
    pub(super) fn require_asked(
        &self,
        examined: &Examined,
        answered: Option<&Answered>,
        now: UnixTime,
    ) -> Result<(), ServiceError> {
        if answered.is_none() {
            return Ok(());
        }
        match self.store.read(|view| spent(view, examined, answered, now))? {
            Spending::Open(_) | Spending::Spent(_) => Ok(()),
            Spending::Unknown => Err(ServiceError::state(
                "challenge_over",
                "this was not asked here for this, or more than five minutes ago: ask again. The answer was not looked at, \
                 and counts as no failure",
            )),
        }
    }
}

/// Which page of a portal asks a token with a keypad.
#[derive(Clone, Copy, Debug)]
pub enum KeypadPage<'a> {
    /// The last page of the sign-in.
    SignIn,
    /// A fresh proof; the token by its handle, when there are several.
    Proof(Option<&'a str>),
    /// Bringing the token back, signed in or on the last page of the sign-in.
    Synchronization,
    /// *Existing Token Registration*: nobody has said yet which token it is.
    Confirmation,
}

impl KeypadPage<'_> {
    const fn purpose(self) -> ChallengePurpose {
        match self {
            Self::SignIn => ChallengePurpose::SignIn,
            Self::Proof(_) => ChallengePurpose::Proof,
            Self::Synchronization => ChallengePurpose::Synchronization,
            Self::Confirmation => ChallengePurpose::Confirmation,
        }
    }
}

impl Service {
    /// What a page of the portal shows for a token with a keypad: nothing when the token there has none. Where
    /// several are answered, as many as its window needs, and `at_least` so many. The challenges belong to the
    /// visit; those of the page are the same until they are answered or nearly old, so it is asked for when the
    /// page is shown, not before an answer is looked at.
    ///
    /// A token that nobody can ask says why: its PIN is not known here, or it has answered all that it can be asked.
    pub fn portal_challenges(
        &self,
        portal: &PortalSession,
        page: KeypadPage<'_>,
        at_least: usize,
    ) -> Result<Vec<IssuedChallenge>, ServiceError> {
        let at_least = at_least.min(CodeSequence::MAX_LEN);
        let now = self.clock.now();
        let (examined, count) = match page {
            KeypadPage::Confirmation => {
                super::portal::signed_in(portal)?;
                (None, super::confirm::codes_for(&portal.resource).max(at_least))
            }
            KeypadPage::SignIn | KeypadPage::Proof(_) | KeypadPage::Synchronization => {
                let handle = if let KeypadPage::Proof(handle) = page { handle } else { None };
                let (_, examined, _) = match (page, &portal.user) {
                    (KeypadPage::Synchronization, Some(user)) => self.token_here(portal, user.id)?,
                    _ => self.token_at_hand(portal, handle)?,
                };
                if examined.seed.spec.suite().is_none() {
                    return Ok(Vec::new());
                }
                examined.require_inputs()?;
                if !examined.can_be_asked(now) {
                    return Ok(Vec::new());
                }
                let count = match page {
                    KeypadPage::Synchronization => {
                        self.store.read(|view| super::resync::portal_codes(view, &examined))?.max(at_least)
                    }
                    _ => 1,
                };
                (Some(examined), count)
            }
        };
        let suite = examined.as_ref().and_then(|examined| examined.seed.spec.suite());
        let usual = portal.resource.keypad_question;
        let (format, most) = format_of(suite, usual);
        let candidates = candidates(format, most, count)?;
        let (key, purpose, resource) = (portal.key, page.purpose(), portal.resource.id);
        let actor = portal.actor(&Visit::from_address(""));
        self.decide(move |view| {
            if view.session(&key)?.is_none() {
                return Err(ServiceError::state("sign_in_order", "start again with the login"));
            }
            let token = examined.as_ref().and_then(Examined::whose);
            let owner = ChallengeOwner::Session(key);
            let asking = Asking { owner, purpose, token, candidates: &candidates, session: None, now };
            let (issued, mut changes) = asking.open(view, count)?;
            if !changes.is_empty() {
                let mut subjects = vec![Subject::Resource(resource)];
                subjects.extend(token.map(|whose| Subject::Token(whose.token)));
                let detail = vec![("purpose", purpose.name().to_owned())];
                let (action, result) = (AuditAction::ChallengeIssued, AuditResult::Done);
                changes.push(super::audit_entry(now, &actor, action, subjects, result, detail));
            }
            Ok((issued, changes))
        })
    }

    /// The user's token on the resource of the portal.
    fn token_here(
        &self,
        portal: &PortalSession,
        user: UserId,
    ) -> Result<(UserId, Examined, UnixTime), ServiceError> {
        self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let (_, token) = pair_of(view, user, &portal.resource)?.ok_or(ServiceError::Stale)?;
            Ok((user, Examined::read(view, token, Some(portal.resource.id))?, now))
        })
    }
}
