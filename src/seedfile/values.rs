//! Parameters of a token as most formats write them, read in one way. Faults have no place yet: the reader
//! of the format knows the column.

use super::Defaults;
use super::problem::{Fault, ProblemCode};
use crate::oath::{Digits, HashAlg, OcraSuite, PeriodSecs};

/// A number of digits, the one set, or six.
pub(super) fn digits(text: &str, set: &Defaults) -> Result<Digits, Fault> {
    if text.is_empty() {
        return Ok(set.digits.unwrap_or(Digits::SIX));
    }
    text.parse().ok().and_then(|d| Digits::new(d).ok()).ok_or_else(|| {
        let what = "the number of digits must be 6, 7 or 8. Ask the vendor how many digits the token shows.";
        Fault::new(ProblemCode::DigitsInvalid, 0, what)
    })
}

/// The length of a step in seconds.
pub(super) fn period(text: &str) -> Result<PeriodSecs, Fault> {
    text.parse().ok().and_then(|s| PeriodSecs::new(s).ok()).ok_or_else(|| {
        let what = "the time step must be a number of seconds from 1 to 3600. Ask the vendor how often the token changes its code.";
        Fault::new(ProblemCode::StepInvalid, 0, what)
    })
}

/// The next expected counter.
pub(super) fn counter_from(text: &str) -> Result<u64, Fault> {
    text.parse().ok().filter(|c| i64::try_from(*c).is_ok()).ok_or_else(|| {
        let what = "the counter must be a whole number from 0 to 9223372036854775807. Ask the vendor for the counter of this token.";
        Fault::new(ProblemCode::CounterInvalid, 0, what)
    })
}

/// Digits and step of mOTP, which are always the same. The fault stands at column 0 for the digits, at 1 for the step.
pub(super) fn motp_numbers(digits: &str, step: &str) -> Result<(), Fault> {
    if !matches!(digits, "" | "6") {
        let what = "mOTP shows six hexadecimal digits. Write 6 there, or nothing.";
        return Err(Fault::new(ProblemCode::DigitsInvalid, 0, what));
    }
    if !matches!(step, "" | "10") {
        let what = "mOTP has steps of ten seconds. Write 10 there, or nothing.";
        return Err(Fault::new(ProblemCode::StepInvalid, 1, what));
    }
    Ok(())
}

/// The hash by one of its names.
pub(super) fn hash(text: &str) -> Result<HashAlg, Fault> {
    HashAlg::from_name(text).ok_or_else(|| {
        let what = "the hash must be sha1, sha256 or sha512. Ask the vendor which hash the token uses.";
        Fault::new(ProblemCode::HashUnknown, 0, what)
    })
}

/// The OCRA suite, or the one set.
pub(super) fn suite(text: &str, set: &Defaults) -> Result<OcraSuite, Fault> {
    if text.is_empty() {
        return set.suite.clone().ok_or_else(|| {
            let what = "an OCRA token needs its suite, such as OCRA-1:HOTP-SHA1-6:QN08. Ask the vendor for it, or set suite.";
            Fault::new(ProblemCode::SuiteMissing, 0, what)
        });
    }
    OcraSuite::parse(text).map_err(|e| {
        let what = format!(
            "the OCRA suite does not follow the standard: at character {} {} is expected. Ask the vendor for the suite.",
            e.position, e.expected
        );
        Fault::new(ProblemCode::SuiteInvalid, 0, what)
    })
}
