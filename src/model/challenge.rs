//! What tokens with a keypad are asked (RFC 6287): each challenge for one purpose, answered once, and soon.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{SealedSeed, TokenId};
use crate::clock::UnixTime;
use crate::oath::{OcraSuite, QuestionFormat};

/// What a challenge was made for; it counts for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengePurpose {
    /// A check of one response.
    Check,
    /// Bringing a token back.
    Synchronization,
    /// A user's proof that a token is theirs.
    Confirmation,
    /// A program's question whether somebody is who they say.
    Authentication,
    /// A sign-in to a portal.
    SignIn,
    /// A fresh proof of who is there.
    Proof,
    /// What an operator does next with the token on the page: checks it, brings it back, confirms it.
    Desk,
}

impl ChallengePurpose {
    /// The name in JSON and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Synchronization => "resync",
            Self::Confirmation => "confirm",
            Self::Authentication => "authenticate",
            Self::SignIn => "sign_in",
            Self::Proof => "proof",
            Self::Desk => "desk",
        }
    }

    /// True when a challenge that was made for this counts for that.
    pub const fn serves(self, that: Self) -> bool {
        match self {
            Self::Desk => matches!(that, Self::Check | Self::Synchronization | Self::Confirmation),
            other => other as u8 == that as u8,
        }
    }

    /// Reads the name of a purpose that programs may ask for; the others belong to portals.
    pub fn from_name(text: &str) -> Option<Self> {
        [Self::Check, Self::Synchronization, Self::Confirmation, Self::Authentication]
            .into_iter()
            .find(|purpose| purpose.name() == text)
    }
}

/// What a token with a keypad is asked where nobody has said yet which token it is: format and length of the
/// question, written as suites write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeypadQuestion {
    /// What it consists of.
    pub format: QuestionFormat,
    /// Its length, 4 to 64.
    pub length: u8,
}

impl KeypadQuestion {
    /// Eight decimal digits: what nearly every keypad takes.
    pub const DEFAULT: Self = Self { format: QuestionFormat::Numeric, length: 8 };

    /// Reads `QN08`, `QA10`, `qh40` …
    pub fn parse(text: &str) -> Option<Self> {
        let suite = OcraSuite::parse(&format!("OCRA-1:HOTP-SHA1-6:{text}")).ok()?;
        let length = suite.question_max_len();
        (text.len() == 4 && length >= 4).then_some(Self { format: suite.question_format(), length })
    }
}

impl fmt::Display for KeypadQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.format {
            QuestionFormat::Alphanumeric => 'A',
            QuestionFormat::Numeric => 'N',
            QuestionFormat::Hexadecimal => 'H',
        };
        write!(f, "Q{letter}{:02}", self.length)
    }
}

/// Who may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeOwner {
    /// Whoever names this token.
    Token(TokenId),
    /// This visit to a portal, by the hash of its cookie.
    Session([u8; 32]),
}

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What it was made for.
    pub purpose: ChallengePurpose,
    /// The token that answers it; `None` while nobody has said which it is.
    pub token: Option<TokenId>,
    /// What is typed into the token.
    pub text: String,
    /// When it was made.
    pub issued_at: UnixTime,
    /// A response to it was looked at.
    pub spent: bool,
    /// Data of the session that it was made for, sealed: they go into its answer, and it is good for no other.
    pub session: Option<SealedSeed>,
}

impl Challenge {
    /// It is answered within so long.
    pub const SECS: i64 = 300;

    /// Until when it can be answered.
    pub fn expires_at(&self) -> UnixTime {
        self.issued_at.plus_secs(Self::SECS)
    }

    /// True while it can be answered by this token for this purpose.
    pub fn is_open(&self, purpose: ChallengePurpose, token: Option<TokenId>, now: UnixTime) -> bool {
        let fits = self.token.is_none() || self.token == token;
        !self.spent && fits && self.purpose.serves(purpose) && now < self.expires_at()
    }
}

/// The challenges of one owner, oldest first; those that were answered stay for a while, so that none comes
/// twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenges(pub Vec<Challenge>);

impl Challenges {
    /// At most so many are remembered.
    pub const MOST: usize = 64;
    /// And for so long.
    pub const KEPT_SECS: i64 = 86_400;

    /// Adds one, and forgets those that are old or too many: first those that nobody answered, so that asking
    /// often makes no answer good again; of these first those that are over, then those made for the same, so that who asks
    /// often for one thing keeps nobody from another. Gives an answered one that had to make room.
    pub fn push(&mut self, challenge: Challenge) -> Option<Challenge> {
        let now = challenge.issued_at;
        self.0.retain(|old| now.secs_since(old.issued_at) < Self::KEPT_SECS);
        let made_room = (self.0.len() >= Self::MOST).then(|| {
            let unanswered =
                |so: &dyn Fn(&Challenge) -> bool| self.0.iter().position(|old| !old.spent && so(old));
            let place = unanswered(&|old| old.expires_at() <= now)
                .or_else(|| unanswered(&|old| old.purpose == challenge.purpose))
                .or_else(|| unanswered(&|_| true));
            self.0.remove(place.unwrap_or(0))
        });
        self.0.push(challenge);
        made_room.filter(|old| old.spent)
    }

    /// When all of it can be forgotten.
    pub fn ends_at(&self) -> UnixTime {
        let newest = self.0.iter().map(|challenge| challenge.issued_at).max();
        newest.map_or(UnixTime::EPOCH, |at| at.plus_secs(Self::KEPT_SECS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(text: &str, secs: i64) -> Challenge {
        let purpose = ChallengePurpose::Check;
        let issued_at = UnixTime::from_secs(secs);
        Challenge {
            purpose,
            token: Some(TokenId(7)),
            text: text.to_owned(),
            issued_at,
            spent: false,
            session: None,
        }
    }

    #[test]
    fn questions_of_keypads_are_written_as_suites_write_them() {
        assert_eq!(KeypadQuestion::parse("QN08"), Some(KeypadQuestion::DEFAULT));
        for text in ["QN08", "QA10", "QH64", "QN04"] {
            assert_eq!(KeypadQuestion::parse(text).expect(text).to_string(), text);
        }
        assert_eq!(KeypadQuestion::parse("qh40").expect("lower case").to_string(), "QH40");
        for text in ["", "Q", "QN3", "QN03", "QN65", "QX08", "QN8", "QN08-PSHA1"] {
            assert_eq!(KeypadQuestion::parse(text), None, "{text}");
        }
    }

    #[test]
    fn asking_often_makes_no_one_forget_what_was_answered() {
        let mut known = Challenges::default();
        known.push(Challenge { spent: true, ..challenge("87654321", 1_000) });
        for n in 0..200 {
            known.push(challenge(&format!("{n:08}"), 1_001 + n));
        }
        assert_eq!(known.0.len(), Challenges::MOST);
        assert!(known.0.iter().any(|old| old.spent && old.text == "87654321"));
        assert_eq!(known.0.last().map(|newest| newest.text.as_str()), Some("00000199"));
    }

    #[test]
    fn who_asks_often_for_one_thing_keeps_nobody_from_another() {
        let mut known = Challenges::default();
        let sign_in = ChallengePurpose::SignIn;
        known.push(challenge("11111111", 1_000));
        for n in 0..200 {
            known.push(Challenge { purpose: sign_in, ..challenge(&format!("{n:08}"), 1_001 + n) });
        }
        let is_there = |known: &Challenges, text: &str| known.0.iter().any(|old| old.text == text);
        assert!(is_there(&known, "11111111"), "the other kind made room");
        // What is over goes first, whatever it was made for.
        known.push(Challenge { purpose: sign_in, ..challenge("22222222", 1_300) });
        assert!(!is_there(&known, "11111111") && is_there(&known, "00000199"));
    }

    #[test]
    fn an_answered_one_that_makes_room_is_told() {
        let mut known = Challenges::default();
        for n in 0..64 {
            let forgotten = known.push(Challenge { spent: true, ..challenge(&format!("{n:08}"), 1_000 + n) });
            assert_eq!(forgotten, None);
        }
        let told = known.push(challenge("99999999", 2_000)).map(|old| old.text);
        assert_eq!(told.as_deref(), Some("00000000"));
        assert_eq!(known.push(challenge("99999998", 2_000)), None, "nobody answered the one that went");
    }

    #[test]
    fn a_challenge_is_open_for_its_token_and_purpose_for_five_minutes() {
        let one = challenge("12345678", 1_000);
        let open =
            |purpose, token, secs| one.is_open(purpose, Some(TokenId(token)), UnixTime::from_secs(secs));
        assert!(open(ChallengePurpose::Check, 7, 1_299));
        assert!(!open(ChallengePurpose::Check, 7, 1_300));
        assert!(!open(ChallengePurpose::Check, 8, 1_001));
        assert!(!open(ChallengePurpose::SignIn, 7, 1_001));
        assert!(!Challenge { spent: true, ..one }.is_open(
            ChallengePurpose::Check,
            Some(TokenId(7)),
            UnixTime::from_secs(1_001)
        ));
    }

    #[test]
    fn old_ones_and_too_many_are_forgotten() {
        let mut all = Challenges::default();
        for n in 0..100 {
            all.push(challenge(&n.to_string(), n));
        }
        assert_eq!((all.0.len(), all.0[0].text.as_str()), (Challenges::MOST, "36"));
        all.push(challenge("new", Challenges::KEPT_SECS + 98));
        assert_eq!(all.0.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(), ["99", "new"]);
        assert_eq!(all.ends_at(), UnixTime::from_secs(2 * Challenges::KEPT_SECS + 98));
    }
}
