//! Codes as people type them on the pages of portal and station, and the ring that counts to the next one.

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroize;

use super::page::{Code, Ring};
use crate::clock::UnixTime;
use crate::model::OtpSpec;
use crate::oath::{Otp, OtpError};
use crate::secret::Passphrase;
use crate::service::TokenView;
use crate::words::Words;

/// The ring that runs with a token's step; none for tokens that count presses.
pub fn ring_of(token: &TokenView, now: UnixTime) -> Option<Ring> {
    let OtpSpec::Totp { period, .. } = token.spec else { return None };
    let shown = now.plus_secs(super::drift::expected(token, now).unwrap_or(0));
    Some(ring(u32::try_from(period.get()).unwrap_or(30), shown))
}

/// A ring over a step of this length.
pub fn ring(step_secs: u32, now: UnixTime) -> Ring {
    let millis = now.millis();
    let server_now = format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000));
    Ring { step_secs, server_now }
}

/// The fields of a form that asks for codes, wiped when dropped.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Typed(BTreeMap<String, String>);

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Typed({} fields)", self.0.len())
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.0.values_mut().for_each(Zeroize::zeroize);
    }
}

impl Typed {
    /// The text of a field; empty when it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }

    /// What was typed as a password or the like, blanks and all.
    pub fn secret(&self, name: &str) -> Passphrase {
        Passphrase::from_text(self.0.get(name).cloned().unwrap_or_default())
    }

    /// The codes in `otp1`, `otp2` … At least `least` are wanted; without a gap.
    ///
    /// Otherwise the fields with what is wrong in its place.
    pub fn codes(&self, words: Words, least: usize) -> Result<Vec<Otp>, Vec<Code>> {
        let shown = (1..=8)
            .filter(|n| !self.text(&format!("otp{n}")).is_empty())
            .max()
            .unwrap_or(0)
            .max(least)
            .max(1);
        let mut fields = Code::fields(words, shown);
        let mut codes = Vec::with_capacity(shown);
        for field in &mut fields {
            match Otp::parse(self.text(&field.name)) {
                Ok(code) => codes.push(code),
                Err(error) => field.error = Some(code_problem(words, error)),
            }
        }
        if codes.len() == fields.len() { Ok(codes) } else { Err(fields) }
    }
}

/// What is wrong with a code, and what to do.
pub fn code_problem(words: Words, error: OtpError) -> String {
    match error {
        OtpError::Empty => words.text("code-empty"),
        OtpError::NotADigit { .. } => words.text("code-digits"),
        OtpError::Length(typed) => words.with("code-length", &[("typed", typed.into())]),
    }
}

/// Code fields of which one says what is wrong.
pub fn fields_with(words: Words, count: usize, at: usize, problem: &str) -> Vec<Code> {
    let mut fields = Code::fields(words, count.max(1));
    let at = at.min(fields.len() - 1);
    fields[at].error = Some(problem.to_owned());
    fields
}

/// The place of the second of two equal codes.
pub fn repeated_at(codes: &[Otp]) -> usize {
    use subtle::ConstantTimeEq;
    codes.windows(2).position(|pair| bool::from(pair[0].ct_eq(&pair[1]))).map_or(0, |at| at + 1)
}
