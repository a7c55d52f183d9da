//! The suite grammar of OCRA (RFC 6287 §6): which parts a response is computed from.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::oath::{Digits, HashAlg, PeriodSecs};

/// A text that is no OCRA suite.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("character {position}: {expected} expected")]
pub struct SuiteError {
    /// Where the text stops making sense, counted in characters from 1; one past the end when it is
    /// too short.
    pub position: usize,
    /// What could stand there.
    pub expected: &'static str,
}

/// What a question consists of (RFC 6287 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum QuestionFormat {
    /// `A`: letters and digits.
    Alphanumeric,
    /// `N`: decimal digits.
    Numeric,
    /// `H`: hexadecimal digits.
    Hexadecimal,
}

/// An OCRA suite such as `OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1`.
///
/// Keeps its text byte for byte, because the text is part of what is hashed: two spellings of one
/// suite are two suites. Serialized as that text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OcraSuite {
    text: String,
    hash: HashAlg,
    digits: u8,
    counter: bool,
    question: (QuestionFormat, u8),
    pin: Option<HashAlg>,
    session_bytes: Option<u16>,
    time_step_secs: Option<u32>,
}

impl OcraSuite {
    /// Reads a suite; upper and lower case are the same.
    ///
    /// Defaults of RFC 6287 §6.3 stand for what is left out: `Q` is `QN08`, `P` is `PSHA1`, `S` is
    /// `S064`, `T` is `T1M`. P, S and T may come together, in this order (the bars in §6.3 mean
    /// concatenation).
    ///
    /// Taken though the RFC says otherwise, because files in the field have it: question lengths of
    /// one digit and below 4, joined time steps such as `T1H30M`. Ten digits stay allowed (errata
    /// 3730, which ends the range at 9, is not verified), zero hours are not (errata 3729).
    pub fn parse(text: &str) -> Result<Self, SuiteError> {
        let mut rest = Cursor { text: text.as_bytes(), at: 0 };
        rest.need("OCRA-1:", "\"OCRA-1:\"")?;
        rest.need("HOTP-", "\"HOTP-\"")?;
        let hash = rest.hash().ok_or(rest.error("SHA1, SHA256 or SHA512"))?;
        rest.need("-", "\"-\" and the number of digits")?;
        let digits = rest.number(1..=2, "0 or 4 to 10 digits", |n, len| {
            len == n.checked_ilog10().map_or(1, |log| log as usize + 1) && matches!(n, 0 | 4..=10)
        })?;
        rest.need(":", "\":\"")?;
        let counter = rest.take("C-");
        rest.need("Q", if counter { "a question (Q)" } else { "a counter (C-) or a question (Q)" })?;
        let question = rest.question()?;
        let mut suite = Self {
            text: text.to_owned(),
            hash,
            digits: u8::try_from(digits).expect("at most 10"),
            counter,
            question,
            pin: None,
            session_bytes: None,
            time_step_secs: None,
        };
        let mut expected = "\"-\" with P, S or T, or the end";
        if rest.take("-P") {
            suite.pin = Some(rest.hash().unwrap_or(HashAlg::Sha1));
            expected = "\"-\" with S or T, or the end";
        }
        if rest.take("-S") {
            suite.session_bytes = Some(rest.session_bytes()?);
            expected = "\"-T\" or the end";
        }
        if rest.take("-T") {
            suite.time_step_secs = Some(rest.time_step_secs()?);
            expected = "the end";
        }
        if rest.is_at_end() { Ok(suite) } else { Err(rest.error(expected)) }
    }

    /// The text as it was delivered.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Hash function under the HMAC of the response.
    pub const fn hash(&self) -> HashAlg {
        self.hash
    }

    /// Digits of the response: 4 to 10, or 0 for the whole HMAC without truncation.
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// Digits of a response that people can type; `None` when it is the whole HMAC.
    pub const fn code_digits(&self) -> Option<Digits> {
        Digits::of_suite(self.digits)
    }

    /// True when a counter goes in.
    pub const fn has_counter(&self) -> bool {
        self.counter
    }

    /// What the question consists of.
    pub const fn question_format(&self) -> QuestionFormat {
        self.question.0
    }

    /// Most characters of a question, 1 to 64. Shorter questions are right too. The RFC begins at 4:
    /// below that, warn.
    pub const fn question_max_len(&self) -> u8 {
        self.question.1
    }

    /// Hash function of the PIN when one goes in; independent of [`hash`](Self::hash).
    pub const fn pin_hash(&self) -> Option<HashAlg> {
        self.pin
    }

    /// Length of the session data in bytes, 1 to 999, when they go in.
    pub const fn session_bytes(&self) -> Option<u16> {
        self.session_bytes
    }

    /// Length of a time step in seconds when a time goes in.
    pub const fn time_step_secs(&self) -> Option<u32> {
        self.time_step_secs
    }

    /// The same as the length of a step.
    pub const fn period(&self) -> Option<PeriodSecs> {
        match self.time_step_secs {
            Some(secs) => Some(PeriodSecs::of_suite(secs)),
            None => None,
        }
    }
}

impl fmt::Display for OcraSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for OcraSuite {
    type Error = SuiteError;

    fn try_from(text: String) -> Result<Self, SuiteError> {
        Self::parse(&text)
    }
}

impl From<OcraSuite> for String {
    fn from(suite: OcraSuite) -> Self {
        suite.text
    }
}

/// The text that is still to be read. All that was read is ASCII, so bytes count as characters.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn error(&self, expected: &'static str) -> SuiteError {
        SuiteError { position: self.at + 1, expected }
    }

    fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Steps over `word` when it comes next.
    fn take(&mut self, word: &str) -> bool {
        let next = self.text.get(self.at..self.at + word.len());
        let found = next.is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        if found {
            self.at += word.len();
        }
        found
    }

    fn need(&mut self, word: &str, expected: &'static str) -> Result<(), SuiteError> {
        if self.take(word) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn hash(&mut self) -> Option<HashAlg> {
        HashAlg::ALL.into_iter().find(|alg| self.take(alg.name()))
    }

    /// Reads a number of as many digits as `len` allows; `fits` gets it and the number of digits. An
    /// error points to its first digit.
    fn number(
        &mut self,
        len: std::ops::RangeInclusive<usize>,
        expected: &'static str,
        fits: impl Fn(u32, usize) -> bool,
    ) -> Result<u32, SuiteError> {
        let digits = self.text[self.at..].iter().take(*len.end()).take_while(|b| b.is_ascii_digit());
        let (value, count) =
            digits.fold((0, 0), |(value, count), b| (value * 10 + u32::from(b - b'0'), count + 1));
        if !len.contains(&count) || !fits(value, count) {
            return Err(self.error(expected));
        }
        self.at += count;
        Ok(value)
    }

    fn question(&mut self) -> Result<(QuestionFormat, u8), SuiteError> {
        let format = if self.take("A") {
            QuestionFormat::Alphanumeric
        } else if self.take("N") {
            QuestionFormat::Numeric
        } else if self.take("H") {
            QuestionFormat::Hexadecimal
        } else if self.is_at_end() || self.text[self.at] == b'-' {
            return Ok((QuestionFormat::Numeric, 8));
        } else {
            return Err(self.error("a question format (A, N or H), \"-\" or the end"));
        };
        let len = self.number(1..=2, "a question length of 01 to 64", |n, _| (1..=64).contains(&n))?;
        Ok((format, u8::try_from(len).expect("at most 64")))
    }

    fn session_bytes(&mut self) -> Result<u16, SuiteError> {
        if self.is_at_end() || self.text[self.at] == b'-' {
            return Ok(64);
        }
        let len = self.number(3..=3, "a session length of 001 to 999", |n, _| n > 0)?;
        Ok(u16::try_from(len).expect("at most 999"))
    }

    fn time_step_secs(&mut self) -> Result<u32, SuiteError> {
        if self.is_at_end() {
            return Ok(60);
        }
        let mut total = 0;
        // Units left to choose from: joined steps go from the large one to the small one.
        let mut units = &[(b'H', 48, 3600), (b'M', 59, 60), (b'S', 59, 1)][..];
        while !self.is_at_end() {
            let start = self.at;
            let expected = "a time step of 1 to 59 S, 1 to 59 M or 1 to 48 H";
            let count = self.number(1..=2, expected, |n, _| n > 0)?;
            let unit = self.text.get(self.at).map(u8::to_ascii_uppercase);
            let Some(index) = units.iter().position(|(name, ..)| Some(*name) == unit) else {
                return Err(self.error("the unit of the time step (H, M or S)"));
            };
            let (_, most, secs) = units[index];
            if count > most {
                self.at = start;
                return Err(self.error(expected));
            }
            self.at += 1;
            total += count * secs;
            units = &units[index + 1..];
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn suite(text: &str) -> OcraSuite {
        OcraSuite::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn suites_of_the_rfc_and_of_public_seed_files_are_read() {
        use HashAlg::{Sha1, Sha256, Sha512};
        use QuestionFormat::{Alphanumeric, Hexadecimal, Numeric};
        type Parts = (HashAlg, u8, bool, QuestionFormat, u8, Option<HashAlg>, Option<u16>, Option<u32>);
        let table: &[(&str, Parts)] = &[
            ("OCRA-1:HOTP-SHA1-6:QN08", (Sha1, 6, false, Numeric, 8, None, None, None)),
            ("OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1", (Sha256, 8, true, Numeric, 8, Some(Sha1), None, None)),
            ("OCRA-1:HOTP-SHA256-8:QN08-PSHA1", (Sha256, 8, false, Numeric, 8, Some(Sha1), None, None)),
            ("OCRA-1:HOTP-SHA512-8:C-QN08", (Sha512, 8, true, Numeric, 8, None, None, None)),
            ("OCRA-1:HOTP-SHA512-8:QN08-T1M", (Sha512, 8, false, Numeric, 8, None, None, Some(60))),
            ("OCRA-1:HOTP-SHA256-8:QA08", (Sha256, 8, false, Alphanumeric, 8, None, None, None)),
            ("OCRA-1:HOTP-SHA512-8:QA10-T1M", (Sha512, 8, false, Alphanumeric, 10, None, None, Some(60))),
            ("OCRA-1:HOTP-SHA1-4:QH8-S512", (Sha1, 4, false, Hexadecimal, 8, None, Some(512), None)),
            ("OCRA-1:HOTP-SHA1-8:QN08-PSHA1-T30S", (Sha1, 8, false, Numeric, 8, Some(Sha1), None, Some(30))),
            ("OCRA-1:HOTP-SHA256-9:QN02-T2H", (Sha256, 9, false, Numeric, 2, None, None, Some(7200))),
            ("OCRA-1:HOTP-SHA1-6:C-QH64-PSHA256", (Sha1, 6, true, Hexadecimal, 64, Some(Sha256), None, None)),
            (
                "OCRA-1:HOTP-SHA512-0:C-QA64-PSHA512-S128-T48H",
                (Sha512, 0, true, Alphanumeric, 64, Some(Sha512), Some(128), Some(172_800)),
            ),
            ("OCRA-1:HOTP-SHA1-10:Q-P-S-T", (Sha1, 10, false, Numeric, 8, Some(Sha1), Some(64), Some(60))),
            ("OCRA-1:HOTP-SHA1-6:Q", (Sha1, 6, false, Numeric, 8, None, None, None)),
            ("OCRA-1:HOTP-SHA1-6:C-Q", (Sha1, 6, true, Numeric, 8, None, None, None)),
            ("OCRA-1:HOTP-SHA1-6:QA1-T1H30M", (Sha1, 6, false, Alphanumeric, 1, None, None, Some(5400))),
            ("OCRA-1:HOTP-SHA1-6:QN08-T48H59M59S", (Sha1, 6, false, Numeric, 8, None, None, Some(176_399))),
        ];
        for (text, parts) in table {
            for spelling in [(*text).to_owned(), text.to_ascii_lowercase()] {
                let suite = suite(&spelling);
                assert_eq!(suite.as_str(), spelling);
                assert_eq!(suite.to_string(), spelling);
                let read = (
                    suite.hash(),
                    suite.digits(),
                    suite.has_counter(),
                    suite.question_format(),
                    suite.question_max_len(),
                    suite.pin_hash(),
                    suite.session_bytes(),
                    suite.time_step_secs(),
                );
                assert_eq!(read, *parts, "{spelling}");
            }
        }
    }

    #[test]
    fn errors_point_to_the_character() {
        let table = [
            ("", 1),
            ("OCRA-2:HOTP-SHA1-6:QN08", 1),
            ("OCRA-1:TOTP-SHA1-6:QN08", 8),
            ("OCRA-1:HOTP-MD5-6:QN08", 13),
            ("OCRA-1:HOTP-SHA1", 17),
            ("OCRA-1:HOTP-SHA1-3:QN08", 18),
            ("OCRA-1:HOTP-SHA1-11:QN08", 18),
            ("OCRA-1:HOTP-SHA1-06:QN08", 18),
            ("OCRA-1:HOTP-SHA1-00:QN08", 18),
            ("OCRA-1:HOTP-SHA1-6", 19),
            ("OCRA-1:HOTP-SHA1-6:", 20),
            ("OCRA-1:HOTP-SHA1-6:C", 20),
            ("OCRA-1:HOTP-SHA1-6:C-", 22),
            ("OCRA-1:HOTP-SHA1-6:CQN08", 20),
            ("OCRA-1:HOTP-SHA1-6:QX08", 21),
            ("OCRA-1:HOTP-SHA1-6:Q08", 21),
            ("OCRA-1:HOTP-SHA1-6:QN", 22),
            ("OCRA-1:HOTP-SHA1-6:QN00", 22),
            ("OCRA-1:HOTP-SHA1-6:QN65", 22),
            ("OCRA-1:HOTP-SHA1-6:QN008", 22),
            ("OCRA-1:HOTP-SHA1-6:QN080", 24),
            ("OCRA-1:HOTP-SHA1-6:QN08-", 24),
            ("OCRA-1:HOTP-SHA1-6:QN08 ", 24),
            ("OCRA-1:HOTP-SHA1-6:QN08-C", 24),
            ("OCRA-1:HOTP-SHA1-6:QN08-PMD5", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-PSHA1-P", 30),
            ("OCRA-1:HOTP-SHA1-6:QN08-T1M-PSHA1", 28),
            ("OCRA-1:HOTP-SHA1-6:QN08-S64", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-S000", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-S0640", 29),
            ("OCRA-1:HOTP-SHA1-6:QN08-T0M", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-T60S", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-T49H", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-T0H", 26),
            ("OCRA-1:HOTP-SHA1-6:QN08-T1D", 27),
            ("OCRA-1:HOTP-SHA1-6:QN08-T1", 27),
            ("OCRA-1:HOTP-SHA1-6:QN08-T30M1H", 30),
            ("OCRA-1:HOTP-SHA1-6:QN08-T1M1M", 29),
            ("OCRA-1:HOTP-SHA1-6:QN08-T1M-", 28),
            ("OCRA-1:HOTP-SHA1-6:QN8８", 23),
            ("ＯCRA-1:HOTP-SHA1-6:QN08", 1),
        ];
        for (text, position) in table {
            let error = OcraSuite::parse(text).expect_err(text);
            assert_eq!(error.position, position, "{text}: {error}");
        }
        let error = OcraSuite::parse("OCRA-1:HOTP-MD5-6:QN08").expect_err("MD5");
        assert_eq!(error.to_string(), "character 13: SHA1, SHA256 or SHA512 expected");
    }

    #[test]
    fn serialized_as_its_text() {
        let text = "ocra-1:hotp-sha1-6:qn08";
        let json = serde_json::to_string(&suite(text)).expect("a string");
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<OcraSuite>(&json).expect("the same suite").as_str(), text);
        assert!(serde_json::from_str::<OcraSuite>("\"OCRA-1\"").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = OcraSuite::parse(&text);
        }

        #[test]
        fn never_panics_near_a_suite(
            tail in "[CQANHPSTMD0-9:-]{0,20}|é",
            cut in 0usize..20,
        ) {
            let head = "OCRA-1:HOTP-SHA1-6:QN08";
            let text = format!("{}{tail}", &head[..head.len() - cut]);
            if let Err(error) = OcraSuite::parse(&text) {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.position));
            }
        }
    }
}
