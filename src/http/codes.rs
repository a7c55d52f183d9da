//! Codes as people type them on the pages of portal and station, and the ring that counts to the next one.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroize;

use super::error::ApiError;
use super::page::{Code, Ring};
use super::permission::Permission;
use super::state::AppState;
use super::words;
use crate::clock::UnixTime;
use crate::model::{Actor, ChallengePurpose, OtpSpec};
use crate::oath::{CodeShape, Otp, OtpError, YubicoOtpError};
use crate::secret::Passphrase;
use crate::service::{Service, TokenView};
use crate::words::Words;

/// After so many seconds the time between two codes says nothing any more.
const MOST_BETWEEN_SECS: u64 = 150;

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

    /// The challenges that came back beside the first so many codes.
    pub fn challenges(&self, codes: usize) -> Vec<String> {
        let names: Vec<String> = (1..=codes).map(|n| format!("otp{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        challenges_beside(&names, |name| self.text(name))
    }

    /// The seconds that passed between the first so many codes, as the page's script saw them typed. Only when they
    /// say that a code went by: within two steps nothing else than the next code is looked for.
    pub fn seconds_between(&self, codes: usize) -> Option<Vec<u64>> {
        let passed: Option<Vec<u64>> =
            (2..=codes).map(|n| self.text(&format!("otp{n}-after")).parse().ok()).collect();
        // Whoever was called away meanwhile may have read both codes before: then it says nothing.
        passed.filter(|passed| passed.iter().all(|secs| *secs <= MOST_BETWEEN_SECS))
    }

    /// What was typed as a password or the like, blanks and all.
    pub fn secret(&self, name: &str) -> Passphrase {
        Passphrase::from_text(self.0.get(name).cloned().unwrap_or_default())
    }

    /// The codes in `otp1`, `otp2` … At least `least` are wanted; without a gap.
    ///
    /// `shape`: what the codes of the token are made of, when it is known which token it is. Otherwise the fields with
    /// what is wrong in its place.
    pub fn codes(&self, words: Words, least: usize, shape: Option<CodeShape>) -> Result<Vec<Otp>, Vec<Code>> {
        let shown = (1..=8)
            .filter(|n| !self.text(&format!("otp{n}")).is_empty())
            .max()
            .unwrap_or(0)
            .max(least)
            .max(1);
        let mut fields = Code::shaped(Code::fields(words, shown), shape);
        let mut codes = Vec::with_capacity(shown);
        for field in &mut fields {
            match Otp::parse_shaped(self.text(&field.name), shape) {
                Ok(code) => codes.push(code),
                Err(error) => field.error = Some(code_problem(words, error)),
            }
        }
        if codes.len() == fields.len() { Ok(codes) } else { Err(fields) }
    }
}

/// The name of the hidden field beside a code, which holds what the token was asked.
fn challenge_field(code: &str) -> String {
    format!("{code}-challenge")
}

/// What an operator's page asks a token with a keypad: one challenge for each field. All other tokens are asked
/// nothing; nor are those of which nothing can be compared, as the answer to a code says. A token that was asked all
/// that it knows, and one that takes data of a program's session, say so beside the first field.
pub async fn ask_at_desk(
    state: &AppState,
    actor: &Actor,
    token: &TokenView,
    fields: &mut [Code],
) -> Result<(), ApiError> {
    let may_check = actor.role.is_some_and(|role| Permission::Check.allows(role));
    if token.spec.suite().is_none() || !may_check {
        return Ok(());
    }
    let (actor, serial, count) = (actor.clone(), token.token.serial.clone(), fields.len());
    let ask =
        move |service: &Service| service.issue_challenges(&actor, &serial, ChallengePurpose::Desk, count);
    match state.blocking(ask).await {
        Ok(asked) => {
            for (field, challenge) in fields.iter_mut().zip(asked) {
                field.challenge = Some(challenge.text);
            }
            Ok(())
        }
        Err(error) if matches!(error.code, "challenges_used_up" | "session_data_needed") => {
            if let Some(first) = fields.first_mut() {
                first.error = Some(words::sentence(&error.message));
            }
            Ok(())
        }
        Err(error) if error.status == StatusCode::CONFLICT => Ok(()),
        Err(error) => Err(error),
    }
}

/// The challenges that came back beside so many codes; none when the page showed none.
pub fn challenges_beside<'a>(codes: &[&str], field: impl Fn(&str) -> &'a str) -> Vec<String> {
    let texts = codes.iter().map(|code| field(&challenge_field(code)).to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

/// What is wrong with a code, and what to do.
pub fn code_problem(words: Words, error: OtpError) -> String {
    match error {
        OtpError::Empty => words.text("code-empty"),
        OtpError::NotADigit { .. } => words.text("code-digits"),
        OtpError::Length(typed) => words.with("code-length", &[("typed", typed.into())]),
        OtpError::NotHex => words.text("code-hex"),
        OtpError::NotModhex(YubicoOtpError::Letter { .. }) => words.text("code-key.layout"),
        OtpError::NotModhex(_) => words.text("code-key"),
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
