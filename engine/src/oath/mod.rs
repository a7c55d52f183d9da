//! OATH arithmetic: HOTP (RFC 4226), TOTP (RFC 6238), OCRA (RFC 6287), mOTP, Yubico OTP and the
//! search for the position of a sequence of codes.
//!
//! Pure functions: no I/O, no clock, no storage. What a token may accept (floors, budgets) is
//! decided by the callers.
//!
//! | To | Use |
//! |---|---|
//! | compute a code | [`Generator::code`] |
//! | check one code | [`time_step`], [`find_in_window`] |
//! | find a drifted token by consecutive codes | [`codes_needed`], [`CodeSequence`], [`find_sequence`] |
//! | find out which token shows some codes | [`Candidates`] |
//! | compute a response to a question | [`OcraSuite`], [`Question`], [`OcraGenerator`] |
//! | check responses, or find a drifted token by some | [`find_responses`], [`responses_needed`] |
//! | say when a step begins | [`step_start`] |
//! | predict a clock, name why it is off | [`drift::fit`], [`drift::cause`] |

pub mod drift;
mod hotp;
mod identify;
mod kernel;
mod motp;
mod ocra;
mod policy;
mod search;
mod totp;
mod types;
mod window;
mod yubico;

pub use identify::Candidates;
pub use kernel::{Generator, Kernel, KeySet};
pub use motp::{MotpCode, MotpGenerator, MotpMatch, MotpStarts};
pub use ocra::{
    OcraGenerator, OcraInputError, OcraInputs, OcraPosition, OcraSuite, OcraWindow, PinHash, Question,
    QuestionDigest, QuestionError, QuestionFormat, ResponseMatch, ResponseSearch, SessionPadding, SuiteError,
    drawn_question, find_responses,
};
pub use policy::{CodeSpace, chance, codes_needed, response_tries, responses_needed, widest_window};
pub use search::{
    Apart, CodeSequence, SequenceError, SequenceMatch, SequenceSearch, Starts, find_sequence, find_starts,
};
pub use totp::{step_start, time_step};
pub use types::{CodeShape, Digits, HashAlg, MovingFactor, Otp, OtpError, PeriodSecs, ValueError};
pub use window::{Window, WindowMatch, find_in_window};
pub use yubico::{YubicoKey, YubicoOtp, YubicoOtpError, YubicoPlain, YubicoPublicId};
