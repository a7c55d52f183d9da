//! What a use case can answer instead of its result.

use thiserror::Error;

use crate::clock::UnixTime;
use crate::model::{CustodyError, InvalidTransition, NameError};
use crate::oath::{OtpError, SequenceError};
use crate::seedfile::FileError;
use crate::store::StoreError;
use crate::vault::{PasswordRule, VaultError};

/// What a use case can answer instead of its result. `http::error` maps it to a status.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// There is no such thing, or it belongs to another scope.
    #[error("there is no {what} of this name or number")]
    NotFound {
        /// The noun.
        what: &'static str,
    },
    /// An input breaks a rule; nothing was changed.
    #[error("{detail}")]
    Invalid {
        /// The field of the request.
        field: &'static str,
        /// Stable word.
        code: &'static str,
        /// One sentence: what is wrong and what to do.
        detail: String,
    },
    /// The state does not allow it; nothing was changed.
    #[error("{detail}")]
    State {
        /// Stable word.
        code: &'static str,
        /// One sentence: what is wrong and what to do.
        detail: String,
    },
    /// The role may not do this, or another person must.
    #[error("{detail}")]
    Forbidden {
        /// Stable word.
        code: &'static str,
        /// One sentence: why, and who may.
        detail: &'static str,
    },
    /// Too many attempts; try again later.
    #[error("too many attempts, the next is possible later")]
    TooMany {
        /// When; `None`: after an operator opened it.
        until: Option<UnixTime>,
        /// The service's time when it was said.
        now: UnixTime,
    },
    /// Too many codes are being computed already.
    #[error("other searches keep this machine busy, try again in a moment")]
    Busy {
        /// When there is room again, at a guess.
        until: UnixTime,
        /// The service's time when it was said.
        now: UnixTime,
    },
    /// The machine's clock contradicts the newest record of the log.
    #[error(
        "the clock of this machine shows {now}, the newest record of the log is from {newest}: if the clock is \
         wrong, correct the clock; if it is right and the record was written while it ran ahead, two admins \
         accept the clock on the console's audit page"
    )]
    ClockFault {
        /// What the clock shows.
        now: UnixTime,
        /// The newest record.
        newest: UnixTime,
    },
    /// What was read has moved; the caller computes again.
    #[error("the record changed meanwhile, try again")]
    Stale,
    /// A seed file cannot be read as a whole.
    #[error(transparent)]
    SeedFile(#[from] FileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl ServiceError {
    /// Shorthand for an input that breaks a rule.
    pub(crate) fn invalid(field: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { field, code, detail: detail.into() }
    }

    /// Shorthand for a state that does not allow it.
    pub(crate) fn state(code: &'static str, detail: impl Into<String>) -> Self {
        Self::State { code, detail: detail.into() }
    }

    /// Names the field that a name came from.
    pub fn name(field: &'static str) -> impl FnOnce(NameError) -> Self {
        move |error| Self::invalid(field, "name_invalid", error.to_string())
    }
}

impl From<CustodyError> for ServiceError {
    fn from(error: CustodyError) -> Self {
        Self::state("custody_transition", error.to_string())
    }
}

impl From<InvalidTransition> for ServiceError {
    fn from(error: InvalidTransition) -> Self {
        Self::state("assignment_transition", error.to_string())
    }
}

impl From<OtpError> for ServiceError {
    fn from(error: OtpError) -> Self {
        Self::invalid("otp", "otp_malformed", error.to_string())
    }
}

impl From<SequenceError> for ServiceError {
    fn from(error: SequenceError) -> Self {
        let code = match error {
            SequenceError::Count(_) => "otps_count",
            SequenceError::Length { .. } => "otp_length",
        };
        Self::invalid("otps", code, error.to_string())
    }
}

impl From<PasswordRule> for ServiceError {
    fn from(error: PasswordRule) -> Self {
        Self::invalid("password", "password_rule", error.to_string())
    }
}
