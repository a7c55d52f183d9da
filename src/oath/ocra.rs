//! The suite grammar of OCRA (RFC 6287 §6).

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An OCRA suite, kept byte for byte because it is part of the HMAC input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OcraSuite(String);

/// A suite that does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("position {position}: expected {expected}")]
pub struct SuiteError {
    /// 1-based position in the text.
    pub position: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl OcraSuite {
    /// Reads a suite.
    pub fn parse(text: &str) -> Result<Self, SuiteError> {
        if !text.to_ascii_uppercase().starts_with("OCRA-1:HOTP-") {
            return Err(SuiteError { position: 1, expected: "OCRA-1:HOTP-" });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as delivered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
