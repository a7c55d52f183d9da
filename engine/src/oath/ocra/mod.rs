//! OCRA (RFC 6287): responses to questions, one-way, mutual and as signatures.
//!
//! | File | What |
//! |---|---|
//! | `suite` | the grammar: which parts a response is computed from |
//! | `question` | from the text of a question to the 128 bytes that are hashed |
//! | `response` | the response itself |
//! | `search` | the position of a token from its responses to known questions |
//!
//! Which questions are asked, and that each is answered once, is decided by the callers.

mod question;
mod response;
mod search;
mod suite;

pub use question::{Question, QuestionDigest, QuestionError, drawn_question};
pub use response::{OcraGenerator, OcraInputError, OcraInputs, PinHash, SessionPadding};
pub use search::{OcraPosition, OcraWindow, ResponseMatch, ResponseSearch, find_responses};
pub use suite::{OcraSuite, QuestionFormat, SuiteError};
