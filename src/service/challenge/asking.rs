//! Which questions are asked: random ones, and none twice of one token.
//!
//! What a token with a counter or a clock answered before is not what it answers now, so its questions are remembered for
//! a day. One that has neither answers a question in the same way for ever, and one whose clock takes hours for a step
//! does for days, so it is remembered for ever what they were asked: eight bytes beside the fingerprint of the secret,
//! which stay when the token is deleted. A record of the log is made with each question and is many times as long.

use crate::clock::UnixTime;
use crate::model::{
    Challenge, ChallengeOwner, ChallengePurpose, Challenges, Fingerprint, KeypadQuestion, SealedSeed, TokenId,
};
use crate::oath::{OcraSuite, Question, QuestionFormat, drawn_question};
use crate::service::ServiceError;
use crate::service::code::check_steps;
use crate::store::{Change, Changes, View};
use crate::vault::random_bytes;

use super::IssuedChallenge;

/// Fresh texts that are drawn for each challenge: one at least is new.
const CANDIDATES: usize = 24;
/// Questions of so few characters run out in the life of a token.
const SHORT: u8 = 6;
/// Texts that are drawn of these: while one in ten is left, the chance that no new one is among them is 10^-9.
const SHORT_CANDIDATES: usize = 200;

/// Of which token challenges are.
#[derive(Clone, Copy)]
pub(in crate::service) struct Whose<'a> {
    pub(in crate::service) token: TokenId,
    pub(in crate::service) secret: Fingerprint,
    pub(in crate::service) suite: &'a OcraSuite,
}

impl Whose<'_> {
    /// For how long an answer that was accepted would be accepted again, were the same asked again, counted from
    /// when it was asked. A counter has passed it. A step may lie at the far end of the window of a check when it is
    /// answered, and is taken until it has left the window; the floor stays at it, because several questions are answered within one step.
    pub(super) fn same_answer_secs(&self) -> i64 {
        match self.suite.period() {
            _ if self.suite.has_counter() => 0,
            Some(period) => {
                let window = 2 * check_steps(period) + 1;
                period.get().saturating_mul(i64::try_from(window).unwrap_or(i64::MAX)) + Challenge::SECS
            }
            None => i64::MAX,
        }
    }

    /// It answers a question in the same way for longer than what it was asked lately is remembered.
    fn is_bare(&self) -> bool {
        self.same_answer_secs() > Challenges::KEPT_SECS
    }

    /// True when two texts are one question, whatever they look like.
    pub(super) fn is_same(&self, one: &str, other: &str) -> bool {
        match (Question::new(self.suite, one), Question::new(self.suite, other)) {
            (Ok(one), Ok(other)) => one == other,
            _ => one == other,
        }
    }

    /// True when it was asked this before, as far as that must never be again.
    pub(super) fn was_asked(&self, view: &dyn View, text: &str) -> Result<bool, ServiceError> {
        match Question::new(self.suite, text) {
            Ok(question) if !self.suite.has_counter() => Ok(view.was_asked(self.secret, question.digest())?),
            _ => Ok(false),
        }
    }

    /// The change that remembers this question, where it must never be asked again.
    pub(super) fn remembers(&self, text: &str) -> Option<Change> {
        if self.is_bare() { self.put_asked(text) } else { None }
    }

    /// The same of one that was answered and had to make room for others while its answer still counts: somebody
    /// answers faster than people do.
    pub(super) fn remembers_forgotten(&self, old: &Challenge, now: UnixTime) -> Option<Change> {
        let still_counts = now.secs_since(old.issued_at) < self.same_answer_secs();
        if still_counts { self.put_asked(&old.text) } else { None }
    }

    fn put_asked(&self, text: &str) -> Option<Change> {
        let question = Question::new(self.suite, text).ok()?;
        Some(Change::PutAsked(self.secret, question.digest()))
    }
}

/// The format of a token's questions, and the most characters of one.
pub(super) fn format_of(suite: Option<&OcraSuite>, usual: KeypadQuestion) -> (QuestionFormat, u8) {
    suite.map_or((usual.format, usual.length), |suite| (suite.question_format(), suite.question_max_len()))
}

/// A random question of a format.
fn drawn(format: QuestionFormat, max_len: u8) -> Result<String, ServiceError> {
    loop {
        if let Some(text) = drawn_question(format, max_len, &random_bytes()?) {
            return Ok(text);
        }
    }
}

/// Random questions, more than are needed.
pub(in crate::service) fn candidates(
    format: QuestionFormat,
    max_len: u8,
    count: usize,
) -> Result<Vec<String>, ServiceError> {
    let each = if max_len <= SHORT { SHORT_CANDIDATES } else { CANDIDATES };
    (0..count.saturating_mul(each)).map(|_| drawn(format, max_len)).collect()
}

/// What a visit or a token is asked, inside its change.
pub(in crate::service) struct Asking<'a> {
    pub(in crate::service) owner: ChallengeOwner,
    pub(in crate::service) purpose: ChallengePurpose,
    /// Whose, when that is known.
    pub(in crate::service) token: Option<Whose<'a>>,
    /// Where the texts come from.
    pub(in crate::service) candidates: &'a [String],
    /// Data of the session that asks, sealed, where the token takes them.
    pub(in crate::service) session: Option<&'a SealedSeed>,
    pub(in crate::service) now: UnixTime,
}

impl Asking<'_> {
    /// `count` open challenges: those that stay open long enough to be answered, and fresh ones. With the changes
    /// that the fresh ones need.
    pub(in crate::service) fn open(
        &self,
        view: &dyn View,
        count: usize,
    ) -> Result<(Vec<IssuedChallenge>, Changes), ServiceError> {
        let mut known = view.challenges(self.owner)?.unwrap_or_default();
        let id = self.token.map(|whose| whose.token);
        let remembered = match (self.owner, id) {
            (ChallengeOwner::Session(_), Some(id)) => {
                view.challenges(ChallengeOwner::Token(id))?.unwrap_or_default()
            }
            _ => Challenges::default(),
        };
        let issued = |challenge: &Challenge| IssuedChallenge {
            text: challenge.text.clone(),
            expires_at: challenge.expires_at(),
        };
        let mut open: Vec<IssuedChallenge> = Vec::new();
        if matches!(self.owner, ChallengeOwner::Session(_)) {
            // Who reloads a page reads the same; who would have no time left to answer reads others.
            let soon = self.now.plus_secs(Challenge::SECS / 3);
            let stays = known.0.iter().filter(|one| one.is_open(self.purpose, id, soon)).take(count);
            open = stays.map(issued).collect();
            if open.len() == count {
                return Ok((open, Vec::new()));
            }
            open.clear();
            known.0.retain(|one| !one.is_open(self.purpose, id, self.now));
        }
        let mut changes = Vec::new();
        for text in self.candidates {
            if open.len() == count {
                break;
            }
            let is_known = |old: &Challenge| match self.token {
                Some(whose) => whose.is_same(&old.text, text),
                None => old.text == *text,
            };
            if known.0.iter().chain(&remembered.0).any(is_known) {
                continue;
            }
            if let Some(whose) = self.token {
                if whose.was_asked(view, text)? {
                    continue;
                }
                changes.extend(whose.remembers(text));
            }
            let challenge = Challenge {
                purpose: self.purpose,
                token: id,
                text: text.clone(),
                issued_at: self.now,
                spent: false,
                session: self.session.cloned(),
            };
            open.push(issued(&challenge));
            let forgotten = known.push(challenge);
            if let (Some(whose), Some(old)) = (self.token, forgotten) {
                changes.extend(whose.remembers_forgotten(&old, self.now));
            }
        }
        if open.len() < count {
            return Err(ServiceError::state("challenges_used_up", self.used_up()));
        }
        changes.push(Change::PutChallenges(self.owner, known));
        Ok((open, changes))
    }
    fn used_up(&self) -> &'static str {
        match self.token {
            Some(whose) if whose.is_bare() => {
                "this token was asked nearly all questions that its suite knows, and none is asked twice: give its owner another token"
            }
            _ => "so few questions are known here that all were asked lately: try again tomorrow",
        }
    }
}
