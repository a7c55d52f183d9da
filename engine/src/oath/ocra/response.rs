//! Responses (RFC 6287 §5): suite, counter, question, PIN, session and time under one HMAC.

#![expect(clippy::disallowed_methods, reason = "seeds and PINs go into the HMAC state here")]

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::search::OcraPosition;
use super::{OcraSuite, Question};
use crate::oath::hotp::truncate;
use crate::oath::{Digits, HashAlg, MovingFactor};
use crate::secret::{Pin, Seed, SessionData};

/// An input that the suite asks for and that is not there, or not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OcraInputError {
    /// The suite has P.
    #[error("the suite asks for a PIN, and none is known")]
    PinMissing,
    /// The hash of the PIN was made by another hash function.
    #[error("the hash of the PIN has {given} bytes, the suite asks for {expected}")]
    PinHash {
        /// Bytes given.
        given: usize,
        /// Bytes of the hash function that the suite names.
        expected: usize,
    },
    /// The suite has S.
    #[error("the suite asks for session data, and none are known")]
    SessionMissing,
    /// Empty, or longer than the suite says.
    #[error("the session data have {given} bytes, the suite takes 1 to {most}")]
    SessionLength {
        /// Bytes given.
        given: usize,
        /// Bytes that the suite takes.
        most: u16,
    },
    /// Not as long as the suite says, and the token fills nothing up.
    #[error("the session data have {given} bytes, this token takes exactly {exactly}")]
    SessionNotExact {
        /// Bytes given.
        given: usize,
        /// Bytes that the suite takes.
        exactly: u16,
    },
}

/// The hash of a PIN, as suites with P take it. As secret as the PIN: wiped when dropped, never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PinHash(Vec<u8>);

impl PinHash {
    /// Bytes of the shortest hash: what is shorter is no hash.
    pub const SHORTEST: usize = HashAlg::Sha1.output_bytes();

    /// Hashes a PIN with the hash function that the suite names behind P.
    pub fn new(alg: HashAlg, pin: &Pin) -> Self {
        Self(match alg {
            HashAlg::Sha1 => Sha1::digest(pin.expose()).to_vec(),
            HashAlg::Sha256 => Sha256::digest(pin.expose()).to_vec(),
            HashAlg::Sha512 => Sha512::digest(pin.expose()).to_vec(),
        })
    }
}

impl PinHash {
    /// Whether what was kept in so many bytes serves a suite that asks for this hash: the same hash, or a PIN as it was
    /// typed, which is shorter than any.
    pub const fn is_served_by(alg: HashAlg, bytes: usize) -> bool {
        bytes == alg.output_bytes() || bytes < Self::SHORTEST
    }

    /// Whether what was kept in so many bytes may be a hash, and not a PIN as it was typed.
    pub fn may_be(bytes: usize) -> bool {
        HashAlg::ALL.iter().any(|alg| alg.output_bytes() == bytes)
    }

    /// The hash as it was kept, see [`PinHash::keep`], or of a PIN that was kept as it was typed.
    pub fn from_kept(alg: HashAlg, kept: &Seed) -> Self {
        if kept.len() < Self::SHORTEST {
            return Self::new(alg, &Pin::new(kept.expose().to_vec()));
        }
        Self(kept.expose().to_vec())
    }

    /// The hash in the form in which secrets are sealed.
    pub fn keep(&self) -> Seed {
        Seed::new(self.0.clone())
    }
}

impl fmt::Debug for PinHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinHash({} bytes)", self.0.len())
    }
}

/// On which side session data that are shorter than the suite says are filled up with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionPadding {
    /// As the code of RFC 6287 Appendix A does.
    #[default]
    Left,
    /// As other programs do; the text of the standard does not say.
    Right,
    /// On neither: they must be as long as the suite says.
    Exact,
}

impl SessionPadding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Left, Self::Right, Self::Exact];

    /// The name in JSON, forms and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Exact => "exact",
        }
    }

    /// Reads a name.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|padding| padding.name().eq_ignore_ascii_case(text))
    }

    /// Refuses session data of a length that cannot go in. Where none go in, any length is right.
    pub fn require(self, suite: &OcraSuite, given: usize) -> Result<(), OcraInputError> {
        match suite.session_bytes() {
            Some(most) if given == 0 || given > usize::from(most) => {
                Err(OcraInputError::SessionLength { given, most })
            }
            Some(exactly) if self == Self::Exact && given < usize::from(exactly) => {
                Err(OcraInputError::SessionNotExact { given, exactly })
            }
            _ => Ok(()),
        }
    }
}

impl SessionData {
    /// The data as they were kept, see [`SessionData::keep`].
    pub fn from_kept(kept: &Seed) -> Self {
        Self::new(kept.expose().to_vec())
    }

    /// The data in the form in which secrets are sealed.
    pub fn keep(&self) -> Seed {
        Seed::new(self.expose().to_vec())
    }
}

/// What goes in besides seed, suite, question and position. What the suite does not ask for is not used.
#[derive(Clone, Copy, Debug, Default)]
pub struct OcraInputs<'a> {
    /// The hash of the PIN.
    pub pin: Option<&'a PinHash>,
    /// Session data and the side on which they are filled up.
    pub session: Option<(&'a SessionData, SessionPadding)>,
}

/// A keyed HMAC with what was fed into it so far; wiped when dropped.
#[derive(Clone)]
enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

macro_rules! each {
    ($keyed:expr, $mac:ident => $body:expr) => {
        match $keyed {
            Keyed::Sha1($mac) => $body,
            Keyed::Sha256($mac) => $body,
            Keyed::Sha512($mac) => $body,
        }
    };
}

impl Keyed {
    fn new(seed: &Seed, alg: HashAlg) -> Self {
        let key = seed.expose();
        let any = "HMAC takes keys of any length";
        match alg {
            HashAlg::Sha1 => Self::Sha1(Hmac::new_from_slice(key).expect(any)),
            HashAlg::Sha256 => Self::Sha256(Hmac::new_from_slice(key).expect(any)),
            HashAlg::Sha512 => Self::Sha512(Hmac::new_from_slice(key).expect(any)),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        each!(self, mac => mac.update(bytes));
    }
}

/// Answers one question for one token, at any counter and time. As secret as the seed: never printed,
/// wiped when dropped.
///
/// Everything before the part that moves is in the HMAC state once and for all: without a counter all but
/// the time.
pub struct OcraGenerator {
    /// Suite and zero byte; without a counter also question, PIN and session.
    head: Keyed,
    /// Question, PIN and session when a counter stands before them.
    tail: Zeroizing<Vec<u8>>,
    has_counter: bool,
    has_time: bool,
    digits: Option<Digits>,
}

impl OcraGenerator {
    /// Keys a generator. The suite is hashed byte for byte as it was delivered.
    ///
    /// # Errors
    /// When the suite asks for a PIN or session data that are not there or do not fit.
    pub fn new(
        seed: &Seed,
        suite: &OcraSuite,
        question: &Question,
        inputs: &OcraInputs<'_>,
    ) -> Result<Self, OcraInputError> {
        let session_len = suite.session_bytes().map_or(0, usize::from);
        let most = question.bytes().len() + HashAlg::Sha512.output_bytes() + session_len;
        // At full capacity, because a buffer that grows leaves copies behind.
        let mut tail = Zeroizing::new(Vec::with_capacity(most));
        tail.extend_from_slice(question.bytes());
        if let Some(alg) = suite.pin_hash() {
            let PinHash(hash) = inputs.pin.ok_or(OcraInputError::PinMissing)?;
            let (given, expected) = (hash.len(), alg.output_bytes());
            if given != expected {
                return Err(OcraInputError::PinHash { given, expected });
            }
            tail.extend_from_slice(hash);
        }
        if suite.session_bytes().is_some() {
            let (session, padding) = inputs.session.ok_or(OcraInputError::SessionMissing)?;
            padding.require(suite, session.len())?;
            let zeros = session_len - session.len();
            let before = if padding == SessionPadding::Left { zeros } else { 0 };
            tail.extend(std::iter::repeat_n(0, before));
            tail.extend_from_slice(session.expose());
            tail.extend(std::iter::repeat_n(0, zeros - before));
        }
        let mut head = Keyed::new(seed, suite.hash());
        head.update(suite.as_str().as_bytes());
        head.update(&[0]);
        if !suite.has_counter() {
            head.update(&tail);
            tail.zeroize();
        }
        Ok(Self {
            head,
            tail,
            has_counter: suite.has_counter(),
            has_time: suite.time_step_secs().is_some(),
            digits: suite.code_digits(),
        })
    }

    /// Digits of a response; `None` for suites of 0 digits, whose response is for machines.
    pub const fn digits(&self) -> Option<Digits> {
        self.digits
    }

    /// The generator at one counter, at any time. Without a counter in the suite it is the same for all.
    pub(super) fn at_counter(&self, counter: MovingFactor) -> TimeGenerator {
        let mut fed = self.head.clone();
        if self.has_counter {
            fed.update(&counter.0.to_be_bytes());
            fed.update(&self.tail);
        }
        TimeGenerator { fed, has_time: self.has_time }
    }

    pub(super) const fn has_counter(&self) -> bool {
        self.has_counter
    }

    pub(super) const fn has_time(&self) -> bool {
        self.has_time
    }

    /// The 31-bit number before the reduction to digits.
    pub fn truncated(&self, at: OcraPosition) -> u32 {
        self.at_counter(at.counter).truncated(at.step)
    }

    /// The response as the token shows it: digits with leading zeros. With a suite of 0 digits the whole
    /// HMAC in lower-case hexadecimal (errata 5625), which only machines can pass on.
    pub fn response(&self, at: OcraPosition) -> Zeroizing<String> {
        let timed = self.at_counter(at.counter);
        Zeroizing::new(match self.digits {
            Some(digits) => {
                let value = timed.truncated(at.step) % digits.modulus();
                format!("{value:0width$}", width = usize::from(digits.get()))
            }
            None => data_encoding::HEXLOWER.encode(&timed.whole(at.step)),
        })
    }
}

impl fmt::Debug for OcraGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OcraGenerator")
    }
}

/// All but the time is fed in.
pub(super) struct TimeGenerator {
    fed: Keyed,
    has_time: bool,
}

impl TimeGenerator {
    fn whole(&self, step: MovingFactor) -> Zeroizing<Vec<u8>> {
        let mut fed = self.fed.clone();
        if self.has_time {
            fed.update(&step.0.to_be_bytes());
        }
        Zeroizing::new(each!(fed, mac => mac.finalize().into_bytes().to_vec()))
    }

    pub(super) fn truncated(&self, step: MovingFactor) -> u32 {
        let hmac = self.whole(step);
        let word =
            |i: usize| u32::from_be_bytes([hmac[4 * i], hmac[4 * i + 1], hmac[4 * i + 2], hmac[4 * i + 3]]);
        truncate(std::array::from_fn(word), hmac[hmac.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        rows: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        source: String,
        mode: String,
        suite: String,
        seed_ascii: String,
        question: Vec<String>,
        #[serde(default)]
        counter: u64,
        pin: Option<String>,
        session: Option<String>,
        padding: Option<String>,
        #[serde(default)]
        step: u64,
        response: String,
    }

    fn rows() -> Vec<Row> {
        let text = include_str!("../../../../tests/data/vectors/ocra.json");
        serde_json::from_str::<Vectors>(text).expect("the vector file is well formed").rows
    }

    fn answer(row: &Row) -> String {
        let suite = OcraSuite::parse(&row.suite).unwrap_or_else(|e| panic!("{}: {e}", row.suite));
        let question = match &row.question[..] {
            [own] => Question::new(&suite, own),
            [others, own] => Question::joined(&suite, others, own),
            more => panic!("{} questions", more.len()),
        };
        let question = question.unwrap_or_else(|e| panic!("{}: {e}", row.suite));
        let pin = row.pin.as_ref().map(|pin| {
            let alg = suite.pin_hash().expect("rows with a PIN have P");
            PinHash::new(alg, &Pin::new(pin.clone().into_bytes()))
        });
        let padding = match row.padding.as_deref() {
            Some("right") => SessionPadding::Right,
            _ => SessionPadding::Left,
        };
        let session = row.session.as_ref().map(|text| SessionData::new(text.clone().into_bytes()));
        let session = session.as_ref().map(|data| (data, padding));
        let inputs = OcraInputs { pin: pin.as_ref(), session };
        let seed = Seed::new(row.seed_ascii.clone().into_bytes());
        let generator = OcraGenerator::new(&seed, &suite, &question, &inputs);
        let generator = generator.unwrap_or_else(|e| panic!("{}: {e}", row.suite));
        let at = OcraPosition { counter: MovingFactor(row.counter), step: MovingFactor(row.step) };
        generator.response(at).to_string()
    }

    #[test]
    fn all_vectors_give_their_response() {
        let rows = rows();
        assert_eq!(rows.len(), 108);
        for (appendix, count) in [("C.1", 40), ("C.2", 20), ("C.3", 10)] {
            let of_rfc = rows.iter().filter(|row| row.source == format!("RFC 6287 Appendix {appendix}"));
            assert_eq!(of_rfc.count(), count, "{appendix}");
        }
        for row in &rows {
            assert_eq!(answer(row), row.response, "{} {} {:?}", row.mode, row.suite, row.question);
        }
    }

    /// Two spellings of one suite are two suites: the text is hashed as it was delivered.
    #[test]
    fn spelling_of_the_suite_counts() {
        let of = |suite: &str| {
            let row = rows().into_iter().find(|row| row.suite == suite && row.question == ["12345678"]);
            row.map_or_else(|| panic!("no row {suite}"), |row| answer(&row))
        };
        assert_ne!(of("ocra-1:hotp-sha1-6:qn08"), of("OCRA-1:HOTP-SHA1-6:qn08"));
        assert_ne!(of("OCRA-1:HOTP-SHA1-6:Q"), of("OCRA-1:HOTP-SHA1-6:qn08"));
    }

    #[test]
    fn inputs_that_are_asked_for_must_be_there() {
        let seed = Seed::new(vec![7; 20]);
        let made = |suite: &str, inputs: &OcraInputs<'_>| {
            let suite = OcraSuite::parse(suite).expect("a suite");
            let question = Question::new(&suite, "1").expect("a question");
            OcraGenerator::new(&seed, &suite, &question, inputs).map(|_| ())
        };
        let none = OcraInputs::default();
        assert_eq!(made("OCRA-1:HOTP-SHA1-6:QN08-PSHA1", &none), Err(OcraInputError::PinMissing));
        assert_eq!(made("OCRA-1:HOTP-SHA1-6:QN08-S064", &none), Err(OcraInputError::SessionMissing));
        let pin = PinHash::new(HashAlg::Sha256, &Pin::new(b"1234".to_vec()));
        let longer = SessionData::new(b"longer".to_vec());
        let inputs = OcraInputs { pin: Some(&pin), session: Some((&longer, SessionPadding::Left)) };
        let expected = Err(OcraInputError::PinHash { given: 32, expected: 20 });
        assert_eq!(made("OCRA-1:HOTP-SHA1-6:QN08-PSHA1", &inputs), expected);
        let expected = Err(OcraInputError::SessionLength { given: 6, most: 5 });
        assert_eq!(made("OCRA-1:HOTP-SHA1-6:QN08-S005", &inputs), expected);
        let empty = SessionData::new(Vec::new());
        let inputs = OcraInputs { session: Some((&empty, SessionPadding::Left)), ..inputs };
        let expected = Err(OcraInputError::SessionLength { given: 0, most: 5 });
        assert_eq!(made("OCRA-1:HOTP-SHA1-6:QN08-S005", &inputs), expected);
        // What the suite does not ask for does not matter.
        assert_eq!(made("OCRA-1:HOTP-SHA1-6:QN08", &inputs), Ok(()));
    }

    #[test]
    fn parts_that_the_suite_does_not_name_are_left_out() {
        let seed = Seed::new(vec![7; 20]);
        let suite = OcraSuite::parse("OCRA-1:HOTP-SHA1-6:QN08").expect("a suite");
        let question = Question::new(&suite, "1").expect("a question");
        let generator =
            OcraGenerator::new(&seed, &suite, &question, &OcraInputs::default()).expect("nothing missing");
        let at = |counter, step| OcraPosition { counter: MovingFactor(counter), step: MovingFactor(step) };
        assert_eq!(generator.truncated(at(0, 0)), generator.truncated(at(5, 9)));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let suite = OcraSuite::parse("OCRA-1:HOTP-SHA1-6:QN08-PSHA1").expect("a suite");
        let question = Question::new(&suite, "12345678").expect("a question");
        let pin = PinHash::new(HashAlg::Sha1, &Pin::new(b"1234".to_vec()));
        let inputs = OcraInputs { pin: Some(&pin), session: None };
        let generator = OcraGenerator::new(&Seed::new(vec![7; 20]), &suite, &question, &inputs);
        assert_eq!(
            format!("{generator:?} {pin:?} {question:?}"),
            "Ok(OcraGenerator) PinHash(20 bytes) Question(128 bytes)"
        );
    }

    fn with_session(
        suite: &OcraSuite,
        data: &[u8],
        padding: SessionPadding,
    ) -> Result<String, OcraInputError> {
        let question = Question::new(suite, "12345678").expect("a question");
        let data = SessionData::new(data.to_vec());
        let inputs = OcraInputs { pin: None, session: Some((&data, padding)) };
        let generator = OcraGenerator::new(&Seed::new(vec![7; 32]), suite, &question, &inputs)?;
        Ok(generator.response(OcraPosition::START).to_string())
    }

    #[test]
    fn exact_takes_one_length_only() {
        let suite = OcraSuite::parse("OCRA-1:HOTP-SHA256-8:QN08-S004").expect("a suite");
        let made = |data: &[u8]| with_session(&suite, data, SessionPadding::Exact);
        assert_eq!(made(b"abc"), Err(OcraInputError::SessionNotExact { given: 3, exactly: 4 }));
        assert_eq!(made(b"abcde"), Err(OcraInputError::SessionLength { given: 5, most: 4 }));
        // Who fills up on their own gets what filling up gives.
        assert_eq!(made(b"\0abc"), with_session(&suite, b"abc", SessionPadding::Left));
        assert_eq!(made(b"abc\0"), with_session(&suite, b"abc", SessionPadding::Right));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The side matters where something is filled up, and nowhere else.
        #[test]
        fn sides_agree_at_full_length_and_nowhere_else(
            data in prop::collection::vec(1u8.., 1..=40),
            surplus in 0u16..3,
        ) {
            let length = u16::try_from(data.len()).expect("short") + surplus;
            let suite = OcraSuite::parse(&format!("OCRA-1:HOTP-SHA256-10:QN08-S{length:03}")).expect("a suite");
            let [left, right, exact] = SessionPadding::ALL.map(|padding| with_session(&suite, &data, padding));
            prop_assert_eq!(left == right, surplus == 0);
            prop_assert_eq!(left == exact, surplus == 0);
        }
    }
}
