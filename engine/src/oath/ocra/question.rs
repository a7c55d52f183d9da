//! Questions: from their text to the 128 bytes that are hashed (RFC 6287 §5.1).

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{OcraSuite, QuestionFormat};

/// Length of a question in the message, filled up with zeros on the right.
const FORM_BYTES: usize = 128;
/// Characters that carry 64 bits: decimal digits, hexadecimal digits, letters and digits.
const LONG_ENOUGH: [(QuestionFormat, usize); 3] =
    [(QuestionFormat::Numeric, 20), (QuestionFormat::Hexadecimal, 16), (QuestionFormat::Alphanumeric, 11)];

/// A text that is no question of a suite. Positions count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuestionError {
    /// There is nothing.
    #[error("the question is empty")]
    Empty,
    /// It has more characters than the suite takes; fewer are right.
    #[error("the question has {given} characters, this token takes {most} at most")]
    TooLong {
        /// Characters of the question.
        given: usize,
        /// Characters that the suite takes.
        most: u8,
    },
    /// A character of another format.
    #[error("character {position} of the question: {expected} expected")]
    Character {
        /// Which.
        position: usize,
        /// What could stand there.
        expected: &'static str,
    },
}

/// A question in the form in which it is hashed. Two texts are the same question when these bytes are
/// the same: 0 and 0000; also 1, 16 and 256, because a numeric question loses the zeros at the end of
/// its hexadecimal form.
#[derive(Clone, PartialEq, Eq)]
pub struct Question([u8; FORM_BYTES]);

/// A question, shortened: texts that are the same question have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuestionDigest(pub [u8; 8]);

impl Question {
    /// The question of one party: one-way challenge and response, and signatures (RFC 6287 §7.1, §7.3).
    pub fn new(suite: &OcraSuite, text: &str) -> Result<Self, QuestionError> {
        Self::of_parts(suite, &[text])
    }

    /// Two questions of one computation (RFC 6287 §7.2): that of the other party first, the own one behind.
    /// They are joined as texts; each may be as long as the suite says.
    pub fn joined(suite: &OcraSuite, others: &str, own: &str) -> Result<Self, QuestionError> {
        Self::of_parts(suite, &[others, own])
    }

    /// The 128 bytes.
    pub const fn bytes(&self) -> &[u8; FORM_BYTES] {
        &self.0
    }

    /// By what it is remembered that a question was asked: eight bytes of its SHA-256.
    pub fn digest(&self) -> QuestionDigest {
        let hash: [u8; 32] = Sha256::digest(self.0).into();
        let mut digest = [0; 8];
        digest.copy_from_slice(&hash[..8]);
        QuestionDigest(digest)
    }

    fn of_parts(suite: &OcraSuite, parts: &[&str]) -> Result<Self, QuestionError> {
        let format = suite.question_format();
        let most = suite.question_max_len();
        for part in parts {
            let given = part.chars().count();
            if given == 0 {
                return Err(QuestionError::Empty);
            }
            if given > usize::from(most) {
                return Err(QuestionError::TooLong { given, most });
            }
            if let Some(at) = part.chars().position(|c| !format.has(c)) {
                return Err(QuestionError::Character { position: at + 1, expected: format.characters() });
            }
        }
        let text = parts.concat();
        let mut form = [0; FORM_BYTES];
        match format {
            QuestionFormat::Alphanumeric => form[..text.len()].copy_from_slice(text.as_bytes()),
            QuestionFormat::Hexadecimal => fill_nibbles(&mut form, text.bytes().map(hex_value)),
            QuestionFormat::Numeric => {
                let nibbles = hexadecimal(text.as_bytes());
                fill_nibbles(&mut form, nibbles.into_iter());
            }
        }
        Ok(Self(form))
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(128 bytes)")
    }
}

impl QuestionFormat {
    const fn has(self, c: char) -> bool {
        match self {
            Self::Alphanumeric => c.is_ascii_alphanumeric(),
            Self::Numeric => c.is_ascii_digit(),
            Self::Hexadecimal => c.is_ascii_hexdigit(),
        }
    }

    const fn characters(self) -> &'static str {
        match self {
            Self::Alphanumeric => "a letter from a to z or a digit",
            Self::Numeric => "a digit",
            Self::Hexadecimal => "a digit or a letter from a to f",
        }
    }

    const fn alphabet(self) -> &'static [u8] {
        match self {
            Self::Alphanumeric => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            Self::Numeric => b"0123456789",
            Self::Hexadecimal => b"0123456789ABCDEF",
        }
    }
}

/// The text of a fresh question out of random bytes: as long as the format allows, but no longer than 64
/// bits need. `None` when these bytes do not give one: draw others.
///
/// A numeric question is never divisible by 16, so no other number is the same question.
pub fn drawn_question(format: QuestionFormat, max_len: u8, random: &[u8; 32]) -> Option<String> {
    let enough = LONG_ENOUGH.iter().find(|(known, _)| *known == format).map_or(20, |(_, len)| *len);
    let len = usize::from(max_len).min(enough);
    let alphabet = format.alphabet();
    // Bytes from here on would make the first characters of the alphabet likelier than the others.
    let fair = 256 - 256 % alphabet.len();
    let drawn = random.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
    let text: String = drawn.take(len).map(|byte| char::from(alphabet[byte % alphabet.len()])).collect();
    // 10,000 is divisible by 16, so the last four digits decide.
    let tail = text.get(text.len().saturating_sub(4)..)?.parse::<u32>();
    let collides = format == QuestionFormat::Numeric && tail.is_ok_and(|tail| tail.is_multiple_of(16));
    (text.len() == len && !collides).then_some(text)
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

/// Writes hexadecimal digits two to a byte; an odd last one gets a zero on its right.
fn fill_nibbles(form: &mut [u8; FORM_BYTES], nibbles: impl Iterator<Item = u8>) {
    for (index, nibble) in nibbles.enumerate() {
        form[index / 2] |= if index.is_multiple_of(2) { nibble << 4 } else { nibble };
    }
}

/// The hexadecimal digits of a decimal number of up to 128 digits, without leading zeros.
fn hexadecimal(digits: &[u8]) -> Vec<u8> {
    // Lowest first.
    let mut nibbles: Vec<u8> = Vec::with_capacity(digits.len());
    for digit in digits {
        let mut carry = u32::from(digit - b'0');
        for nibble in &mut nibbles {
            carry += u32::from(*nibble) * 10;
            *nibble = u8::try_from(carry & 0xf).unwrap_or(0);
            carry >>= 4;
        }
        if carry > 0 {
            nibbles.push(u8::try_from(carry).unwrap_or(0));
        }
    }
    nibbles.reverse();
    nibbles
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn suite(question: &str) -> OcraSuite {
        OcraSuite::parse(&format!("OCRA-1:HOTP-SHA1-6:{question}")).expect("a suite")
    }

    fn form(question: &str, text: &str) -> String {
        let question = Question::new(&suite(question), text).expect("a question");
        let hex = data_encoding::HEXLOWER.encode(question.bytes());
        hex.trim_end_matches('0').to_owned()
    }

    #[test]
    fn questions_become_bytes_as_the_standard_says() {
        assert_eq!(form("QN08", "12345678"), "bc614e");
        assert_eq!(form("QN08", "00000000"), "");
        assert_eq!(form("QN08", "10"), "a");
        assert_eq!(form("QN08", "99999999"), "5f5e0ff");
        assert_eq!(form("QA08", "ab12"), "61623132".trim_end_matches('0'));
        assert_eq!(form("QH07", "A1b2C3d"), "a1b2c3d");
        assert_eq!(form("QH08", "0a"), "0a");
    }

    #[test]
    fn numbers_that_differ_in_zero_nibbles_collide() {
        let same = |a: &str, b: &str| form("QN08", a) == form("QN08", b);
        assert!(same("1", "16") && same("1", "256") && same("00000001", "1"));
        assert!(!same("1", "17"));
    }

    #[test]
    fn what_is_no_question_is_refused_with_its_place() {
        let refused = |of: &str, text: &str| Question::new(&suite(of), text).expect_err("refused");
        assert_eq!(refused("QN08", ""), QuestionError::Empty);
        assert_eq!(refused("QN08", "123456789"), QuestionError::TooLong { given: 9, most: 8 });
        let digit = |position| QuestionError::Character { position, expected: "a digit" };
        assert_eq!(refused("QN08", "12a4"), digit(3));
        assert_eq!(refused("QN08", "12\u{663}4"), digit(3));
        assert!(matches!(refused("QH08", "12g4"), QuestionError::Character { position: 3, .. }));
        assert!(matches!(refused("QA08", "a b"), QuestionError::Character { position: 2, .. }));
        let joined = Question::joined(&suite("QN08"), "12345678", "");
        assert_eq!(joined.expect_err("an empty half"), QuestionError::Empty);
    }

    #[test]
    fn joined_questions_are_joined_as_texts() {
        for (of, a, b) in [("QA08", "CLI22220", "SRV11110"), ("QH07", "abcdef1", "1234567")] {
            let joined = Question::joined(&suite(of), a, b).expect("both fit");
            let long = suite(&format!("{}64", &of[..2]));
            assert_eq!(joined, Question::new(&long, &format!("{a}{b}")).expect("fits"));
            assert_ne!(joined, Question::joined(&suite(of), b, a).expect("both fit"));
        }
    }

    proptest! {
        #[test]
        fn leading_zeros_of_a_number_do_not_count(n in any::<u32>(), zeros in 0usize..20) {
            let plain = form("QN64", &n.to_string());
            let padded = form("QN64", &format!("{}{n}", "0".repeat(zeros)));
            prop_assert_eq!(plain, padded);
        }

        #[test]
        fn sixteen_times_a_number_is_the_same_question(n in 0u64..1 << 50, power in 0u32..3) {
            prop_assert_eq!(form("QN64", &n.to_string()), form("QN64", &(n << (4 * power)).to_string()));
        }

        #[test]
        fn numbers_not_divisible_by_sixteen_are_different_questions(a in any::<u64>(), b in any::<u64>()) {
            prop_assume!(a != b && !a.is_multiple_of(16) && !b.is_multiple_of(16));
            prop_assert_ne!(form("QN64", &a.to_string()), form("QN64", &b.to_string()));
        }

        #[test]
        fn numbers_are_converted_as_integers_are(n in any::<u128>()) {
            let hex = format!("{n:x}");
            prop_assert_eq!(form("QN64", &n.to_string()), hex.trim_end_matches('0'));
        }

        #[test]
        fn drawn_questions_are_of_their_format(random in any::<[u8; 32]>(), max_len in 1u8..=64) {
            for (format, letter) in [
                (QuestionFormat::Numeric, 'N'),
                (QuestionFormat::Hexadecimal, 'H'),
                (QuestionFormat::Alphanumeric, 'A'),
            ] {
                let Some(text) = drawn_question(format, max_len, &random) else { continue };
                let suite = suite(&format!("Q{letter}{max_len:02}"));
                let question = Question::new(&suite, &text);
                prop_assert!(question.is_ok(), "{}", text);
                if letter == 'N' {
                    prop_assert!(text.parse::<u128>().is_ok_and(|n| !n.is_multiple_of(16)), "{}", text);
                }
            }
        }

        #[test]
        fn never_panics(text in ".{0,70}", own in ".{0,70}") {
            for of in ["QN64", "QH64", "QA64"] {
                let _ = Question::new(&suite(of), &text);
                let _ = Question::joined(&suite(of), &text, &own);
            }
        }
    }
}
