//! What can be wrong with a seed file or a line of it: places, codes, sentences.
//!
//! Sentences here are read by people as they are, so they are full sentences with what to do next.
//! None of them ever holds a field of the file, except a serial number or the name of an algorithm.

use thiserror::Error;

/// A place in a file, counted from 1. Zero stands for the whole line or the whole file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, counted as an editor does: LF, CRLF and lone CR each end one.
    pub line: u64,
    /// In tables the number of the field; in XML, URIs and text as such the character in the line.
    pub column: u64,
}

impl Position {
    /// The file as a whole.
    pub const FILE: Self = Self { line: 0, column: 0 };

    /// A place in a line.
    pub const fn new(line: u64, column: u64) -> Self {
        Self { line, column }
    }
}

/// Why a file has no mail tokens.
pub(super) const MAIL_IS_MADE_HERE: &str =
    "Mail tokens are made in the portal and come in no file. Say another kind.";

/// Why a file of another format has no keys with Yubico OTP.
pub(super) const KEYS_HAVE_MORE: &str = "A key with Yubico OTP has a private id beside its secret, which has no place in this format. Take the log of the tool that programmed it, or PSKC.";

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The stable word for each kind of problem, for scripts and filters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode {
            $($(#[$doc])* $variant,)*
        }

        impl ProblemCode {
            /// All codes, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The code with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Bytes that are not UTF-8.
    EncodingNotUtf8 = "encoding_not_utf8",
    /// Not a text at all, or UTF-16 without its mark.
    BinaryFile = "binary_file",
    /// Nothing inside.
    EmptyFile = "empty_file",
    /// No known format fits.
    FormatUnknown = "format_unknown",
    /// A known format that this version does not read.
    FormatUnsupported = "format_unsupported",
    /// A known format whose content is secret to its vendor.
    FormatProprietary = "format_proprietary",
    /// A protected file and no key or passphrase for it.
    WrapperNeedsKey = "wrapper_needs_key",
    /// The key given does not fit.
    WrapperWrongKey = "wrapper_wrong_key",
    /// The outer layer is broken.
    WrapperDamaged = "wrapper_damaged",
    /// The outer layer holds more than allowed.
    WrapperTooBig = "wrapper_too_big",
    /// An outer layer that this version does not open.
    WrapperUnsupported = "wrapper_unsupported",
    /// XML that is not well-formed.
    XmlMalformed = "xml_malformed",
    /// XML with a document type declaration.
    XmlDtdRefused = "xml_dtd_refused",
    /// A line separated by other signs than the rest.
    DelimiterMixed = "delimiter_mixed",
    /// A quotation mark without its partner, or in the middle of a field.
    QuoteUnclosed = "quote_unclosed",
    /// A column that is needed and not there.
    ColumnMissing = "column_missing",
    /// Content where no column is expected.
    ColumnExtra = "column_extra",
    /// No serial number.
    SerialMissing = "serial_missing",
    /// A serial number that cannot be one.
    SerialInvalid = "serial_invalid",
    /// Note: a name stands in for the serial number.
    SerialAssumed = "serial_assumed",
    /// The same serial number on two lines of one file.
    SerialDuplicateInFile = "serial_duplicate_in_file",
    /// The serial number is in the store already.
    SerialExists = "serial_exists",
    /// A serial number that a spreadsheet made a number of.
    SerialDamagedBySpreadsheet = "serial_damaged_by_spreadsheet",
    /// No secret.
    SecretMissing = "secret_missing",
    /// The secret is not written as it should be.
    SecretEncoding = "secret_encoding",
    /// A secret that a spreadsheet made a number of.
    SecretDamagedBySpreadsheet = "secret_damaged_by_spreadsheet",
    /// An odd number of hexadecimal digits.
    SecretOddHex = "secret_odd_hex",
    /// A number of base32 letters that cannot be.
    SecretBase32Length = "secret_base32_length",
    /// The secret is too short.
    SecretTooShort = "secret_too_short",
    /// The secret is too long.
    SecretTooLong = "secret_too_long",
    /// The secret is a published or trivial one.
    SecretWeak = "secret_weak",
    /// Another token has the same secret.
    SecretDuplicate = "secret_duplicate",
    /// What the token computes is not known or not supported.
    KindUnknown = "kind_unknown",
    /// Note: the kind was assumed.
    KindAssumed = "kind_assumed",
    /// A number of digits that is not supported.
    DigitsInvalid = "digits_invalid",
    /// Note: the number of digits was assumed.
    DigitsAssumed = "digits_assumed",
    /// A time step that is not supported.
    StepInvalid = "step_invalid",
    /// No time step.
    StepMissing = "step_missing",
    /// Note: the time step was assumed.
    StepAssumed = "step_assumed",
    /// A counter that is not a number from 0 to 2^63-1.
    CounterInvalid = "counter_invalid",
    /// Note: the counter was assumed to be 0.
    CounterAssumed = "counter_assumed",
    /// A drift that is not a number of steps.
    DriftInvalid = "drift_invalid",
    /// A hash that is not supported.
    HashUnknown = "hash_unknown",
    /// Note: the hash was assumed.
    HashAssumed = "hash_assumed",
    /// No OCRA suite.
    SuiteMissing = "suite_missing",
    /// An OCRA suite that does not follow the grammar.
    SuiteInvalid = "suite_invalid",
    /// A PSKC version that is not 1.0.
    PskcVersion = "pskc_version",
    /// A key package without a key.
    PskcNoKey = "pskc_no_key",
    /// A key that is not in the file but elsewhere.
    PskcKeyReference = "pskc_key_reference",
    /// A policy that cannot be kept.
    PskcPolicyUnknown = "pskc_policy_unknown",
    /// An algorithm that is not supported.
    PskcAlgorithmUnknown = "pskc_algorithm_unknown",
    /// An encrypted value without its check value.
    PskcMacMissing = "pskc_mac_missing",
    /// Encrypted values and no method to check them.
    PskcMacMethodMissing = "pskc_mac_method_missing",
    /// Wrong key or changed content; the two cannot be told apart.
    PskcKeyOrMacWrong = "pskc_key_or_mac_wrong",
    /// A key derivation without all its numbers.
    PskcKdfIncomplete = "pskc_kdf_incomplete",
    /// A key derivation with too few or too many rounds.
    PskcKdfCost = "pskc_kdf_cost",
    /// Encrypted for the private key of a certificate.
    PskcX509KeyNeeded = "pskc_x509_key_needed",
    /// Note: signed, and the signature was not checked.
    PskcSignatureUnverified = "pskc_signature_unverified",
    /// A date that is not one.
    DateInvalid = "date_invalid",
    /// Note: a date without a time zone was read as UTC.
    DateZoneAssumed = "date_zone_assumed",
    /// Note: tokens whose dates are past.
    Expired = "expired",
    /// Note: one device has several keys.
    SeveralKeys = "several_keys",
    /// Note: content that is known and not used.
    ContentIgnored = "content_ignored",
    /// A limit of the reader was reached.
    LimitExceeded = "limit_exceeded",
    /// The caller stopped the reading.
    Cancelled = "cancelled",
}

/// Something wrong with one token of a file; reading goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub position: Position,
    /// The serial number of the token, empty when it is not known.
    pub serial: String,
    /// What kind of problem.
    pub code: ProblemCode,
    /// One sentence: where, what, what to do. Never a secret, never a field of the file as such.
    pub detail: String,
}

impl Problem {
    /// Puts the place before `what`, which begins in small letters and ends with a full stop.
    pub(super) fn new(position: Position, serial: String, code: ProblemCode, what: &str) -> Self {
        let Position { line, column } = position;
        let detail = match (line, column) {
            (0, _) => {
                let mut signs = what.chars();
                signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
            }
            (_, 0) => format!("Line {line}: {what}"),
            _ => format!("Line {line}, column {column}: {what}"),
        };
        Self { position, serial, code, detail }
    }
}

/// Something about the file as a whole that the administrator should know: what was assumed or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What kind of note.
    pub code: ProblemCode,
    /// One or two sentences, with the number of tokens concerned.
    pub detail: String,
}

/// What is wrong with one field, before line and serial number are known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: ProblemCode,
    /// Column as [`Position::column`] counts it.
    pub(super) column: u64,
    /// Begins in small letters, ends with a full stop.
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(code: ProblemCode, column: u64, what: impl Into<String>) -> Self {
        Self { code, column, what: what.into() }
    }

    /// The same fault elsewhere in the line.
    pub(super) fn at(mut self, column: u64) -> Self {
        self.column = column;
        self
    }
}

/// The file as a whole cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// No bytes, or nothing but blanks.
    #[error("The file is empty. Ask the vendor to send it again.")]
    Empty,
    /// Bytes that are not UTF-8, and no mark of another encoding.
    #[error(
        "Line {}: the byte at offset {offset} is not UTF-8 text. Save the file as UTF-8, or ask the vendor for it in UTF-8.",
        at.line
    )]
    NotUtf8 {
        /// Bytes before it.
        offset: u64,
        /// Its place.
        at: Position,
    },
    /// A NUL byte or half a character of UTF-16.
    #[error(
        "Line {}: at offset {offset} this looks like UTF-16 without its mark or like a binary file. Save it as UTF-8, or ask the vendor for a text file.",
        at.line
    )]
    Binary {
        /// Bytes before it.
        offset: u64,
        /// Its place.
        at: Position,
    },
    /// No format fits.
    #[error("{advice}")]
    FormatUnknown {
        /// What was seen and what to do.
        advice: &'static str,
    },
    /// The format asked for does not exist.
    #[error("There is no format of this name. Known are {known}.")]
    FormatName {
        /// The names of the formats.
        known: String,
    },
    /// A format or envelope that is recognised and not read.
    #[error("This is {title}. {advice}")]
    Unsupported {
        /// What it is.
        title: &'static str,
        /// What to do.
        advice: &'static str,
        /// `FormatUnsupported`, `FormatProprietary` or `WrapperUnsupported`.
        code: ProblemCode,
    },
    /// The file does not say something that must be known.
    #[error("{advice}")]
    SettingNeeded {
        /// The setting to fill, as in `--set FIELD=VALUE`.
        field: &'static str,
        /// `KindUnknown`, `StepMissing` …
        code: ProblemCode,
        /// What is missing and how to set it.
        advice: &'static str,
    },
    /// Protected by a passphrase that was not given.
    #[error(
        "This file is protected by a passphrase{}. Give the passphrase that the vendor sent separately.",
        named(name)
    )]
    PassphraseNeeded {
        /// The name that the file gives the key, empty when it gives none.
        name: String,
    },
    /// Protected by a key that was not given.
    #[error(
        "This file is protected by a transport key{}. Give the key that the vendor sent separately.",
        named(name)
    )]
    KeyNeeded {
        /// The name that the file gives the key, empty when it gives none.
        name: String,
    },
    /// The key has another length than the cipher needs.
    #[error(
        "The key has {found} bytes, this file needs one of {expected}. Check that it was copied completely."
    )]
    KeyLength {
        /// Bytes that the cipher needs.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// The key is wrong or the content was changed; nobody can tell which.
    #[error(
        "Wrong key or passphrase, or the file was changed. Check the key; if it is right, ask the vendor to send the file again."
    )]
    WrongKey,
    /// One place in the file that makes all of it unreadable.
    #[error("{}", .0.detail)]
    Fault(Box<Problem>),
    /// The caller stopped the reading.
    #[error("Reading was stopped.")]
    Cancelled,
}

fn named(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" named \u{201c}{name}\u{201d}") }
}

impl FileError {
    /// A fault at a place that spoils the whole file.
    pub(super) fn at(position: Position, code: ProblemCode, what: &str) -> Self {
        Self::Fault(Box::new(Problem::new(position, String::new(), code, what)))
    }

    /// The stable word for it.
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Empty => ProblemCode::EmptyFile,
            Self::NotUtf8 { .. } => ProblemCode::EncodingNotUtf8,
            Self::Binary { .. } => ProblemCode::BinaryFile,
            Self::FormatUnknown { .. } | Self::FormatName { .. } => ProblemCode::FormatUnknown,
            Self::Unsupported { code, .. } | Self::SettingNeeded { code, .. } => *code,
            Self::PassphraseNeeded { .. } | Self::KeyNeeded { .. } => ProblemCode::WrapperNeedsKey,
            Self::KeyLength { .. } => ProblemCode::WrapperWrongKey,
            Self::WrongKey => ProblemCode::PskcKeyOrMacWrong,
            Self::Fault(problem) => problem.code,
            Self::Cancelled => ProblemCode::Cancelled,
        }
    }

    /// Where; [`Position::FILE`] when no single place is to blame.
    pub fn position(&self) -> Position {
        match self {
            Self::NotUtf8 { at, .. } | Self::Binary { at, .. } => *at,
            Self::Fault(problem) => problem.position,
            _ => Position::FILE,
        }
    }
}
