//! The table of formats: one row for each, in the order in which they are tried.
//!
//! A new format is a reader in a file of its own and a row here; a row that only refuses becomes a
//! reader by exchanging its last three functions. Nothing else changes.

use std::sync::LazyLock;

use super::output::Output;
use super::probe::{Needs, Probe};
use super::problem::{FileError, ProblemCode};
use super::{
    ReadOptions, encoding, entra_csv, multiotp_csv, oath_csv, otpauth, protectimus_csv, pskc, yubico_log,
};

/// What a format is, for lists and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatInfo {
    /// The name, as in `--format`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Usual extensions of the file's name. Content decides, never the extension.
    pub extensions: &'static [&'static str],
    /// What is needed beside the file, in words; empty when nothing is.
    pub needs: &'static str,
}

type Detect = fn(&Probe<'_>) -> bool;
type Inspect = fn(&Probe<'_>) -> Result<Needs, FileError>;
/// Reads the file and gives the name of its protection.
type Read = fn(&Probe<'_>, &ReadOptions<'_>, &mut Output<'_>) -> Result<&'static str, FileError>;

/// One format.
pub(super) struct Format {
    pub(super) info: FormatInfo,
    pub(super) detect: Detect,
    pub(super) needs: Inspect,
    /// `None`: recognised only; `needs` says why and what to do.
    pub(super) read: Option<Read>,
}

/// A row for a format that is recognised and not read.
macro_rules! refused {
    ($name:literal, $title:literal, $code:ident, $detect:expr, $advice:literal) => {
        Format {
            info: FormatInfo { name: $name, title: $title, extensions: &[], needs: "" },
            detect: $detect,
            needs: |_| {
                Err(FileError::Unsupported { title: $title, advice: $advice, code: ProblemCode::$code })
            },
            read: None,
        }
    };
}

/// All formats, in the order in which they are tried: the surest signs first.
pub(super) static FORMATS: &[Format] = &[
    Format {
        info: FormatInfo {
            name: "pskc",
            title: "PSKC (RFC 6030)",
            extensions: &["pskcxml", "pskc", "xml"],
            needs: "passphrase or transport key, when protected",
        },
        detect: |p| p.root.as_ref().is_some_and(|r| r.name == "KeyContainer" && r.is_pskc),
        needs: pskc::needs,
        read: Some(pskc::read),
    },
    refused!(
        "pskc_draft",
        "a PSKC file of an early draft",
        FormatUnsupported,
        |p| p.has_root("KeyContainer") || p.has_root("SecretContainer"),
        "Only PSKC 1.0 (RFC 6030) can be read. Ask the vendor for that, or for a CSV file with serial, secret and kind."
    ),
    refused!(
        "safenet_xml",
        "a SafeNet token file (XML)",
        FormatUnsupported,
        |p| p.has_root("Tokens"),
        "Only the newer PSKC files of this vendor can be read. Ask the vendor for PSKC, or for a CSV file with serial, secret and kind."
    ),
    refused!(
        "rsa_sdtid",
        "a SecurID token file",
        FormatProprietary,
        |p| p.has_root("TKNBatch"),
        "SecurID tokens do not compute OATH codes, so no OATH server can check them. Ask the vendor for OATH tokens."
    ),
    refused!(
        "deepnet_xml",
        "a Deepnet DualShield file (XML)",
        FormatUnsupported,
        |p| p.has_root("data") && p.text.contains("manufacturerCode"),
        "It cannot be read yet. Ask the vendor for PSKC, or for the CSV file for Microsoft Entra ID."
    ),
    refused!(
        "safeword_dat",
        "a SafeWord authenticator file",
        FormatUnsupported,
        |p| p.first.contains("SafeWord Authenticator Records")
            || p.lines
                .iter()
                .any(|l| l.starts_with("sccTokenData:") || l.starts_with("dn: sccAuthenticatorId=")),
        "It cannot be read yet. Ask the vendor for PSKC, or for a CSV file with serial, secret and kind."
    ),
    refused!(
        "authenex_sql",
        "an Authenex database file",
        FormatUnsupported,
        |p| p.first.contains("AUTHENEXDB") || p.lines.iter().any(|l| l.starts_with("INSERT INTO OTP")),
        "It cannot be read yet. Ask the vendor for a CSV file with serial, secret and kind."
    ),
    refused!(
        "digipass_dpx",
        "a DIGIPASS export file",
        FormatProprietary,
        |p| p.first.starts_with("DIGIPASS"),
        "Its content can only be read with the vendor's own software. Ask OneSpan for an OATH export as PSKC, which some models allow."
    ),
    refused!(
        "graph_json",
        "a token list for Microsoft Graph (JSON)",
        FormatUnsupported,
        |p| p.first.starts_with(['{', '['])
            && p.text.contains("serialNumber")
            && p.text.contains("secretKey"),
        "It cannot be read yet. Ask the vendor for the CSV file for Microsoft Entra ID, or for PSKC."
    ),
    refused!(
        "otpauth_migration",
        "an export of Google Authenticator",
        FormatUnsupported,
        otpauth::is_migration,
        "It cannot be read yet. Export single accounts as otpauth:// addresses, one on each line."
    ),
    Format {
        info: FormatInfo {
            name: "otpauth",
            title: "otpauth URIs, one on each line",
            extensions: &["txt"],
            needs: "",
        },
        detect: otpauth::detect,
        needs: |_| Ok(Needs::default()),
        read: Some(otpauth::read),
    },
    Format {
        info: FormatInfo {
            name: "yubico_log",
            title: "log of the YubiKey tools (Personalization Tool, ykman)",
            extensions: &["csv", "log"],
            needs: "kind=hotp for slots with HOTP; digits where they are not 6",
        },
        detect: yubico_log::detect,
        needs: |_| Ok(Needs::default()),
        read: Some(yubico_log::read),
    },
    Format {
        info: FormatInfo {
            name: "entra_csv",
            title: "CSV for Microsoft Entra ID",
            extensions: &["csv"],
            needs: "period, when the column is missing",
        },
        detect: entra_csv::detect,
        needs: |p| Ok(entra_csv::needs(p)),
        read: Some(entra_csv::read),
    },
    refused!(
        "entra_report",
        "the error report of Microsoft Entra ID, not the seed file",
        FormatUnsupported,
        entra_csv::is_error_report,
        "Take the file that was uploaded there."
    ),
    Format {
        info: FormatInfo {
            name: "protectimus_csv",
            title: "CSV of Protectimus",
            extensions: &["csv"],
            needs: "kind; digits and period where they are not 6 and 30",
        },
        detect: protectimus_csv::detect,
        needs: |_| Ok(Needs { asks: vec!["kind"], ..Needs::default() }),
        read: Some(protectimus_csv::read),
    },
    refused!(
        "oath_users",
        "a users file of oath-toolkit",
        FormatUnsupported,
        |p| p.lines.iter().any(|l| {
            let first = l.split_whitespace().next().unwrap_or("");
            (first == "HOTP" || first.starts_with("HOTP/")) && l.split_whitespace().count() >= 4
        }),
        "It cannot be read yet. Make a CSV file with serial, secret and kind."
    ),
    refused!(
        "nexus_text",
        "a Nexus or PortWise token list",
        FormatUnsupported,
        |p| p.lines.iter().take(5).all(|l| {
            let parts: Vec<_> = l.trim().split(':').collect();
            // An OCRA suite has three parts, too.
            parts.len() == 3
                && !parts[0].ends_with("OCRA-1")
                && parts[1..].iter().all(|b| encoding::fits(b, encoding::SecretEncoding::Base64))
        }) && !p.lines.is_empty(),
        "It cannot be read yet. Ask the vendor for PSKC, or for a CSV file with serial, secret and kind."
    ),
    Format {
        info: FormatInfo { name: "multiotp_csv", title: "CSV of multiOTP", extensions: &["csv"], needs: "" },
        detect: multiotp_csv::detect,
        needs: |_| Ok(Needs::default()),
        read: Some(multiotp_csv::read),
    },
    refused!(
        "duo_csv",
        "a list for Duo Security",
        FormatUnsupported,
        |p| p.most_lines(|f| {
            f.len() == 3
                && oath_csv::looks_like_secret(f[1].as_str())
                && f[2].as_str().bytes().all(|b| b.is_ascii_digit())
        }),
        "It does not say whether its last column is a counter or a time step. Write serial, secret, totp, 6, 30 (digits and step) or serial, secret, hotp, 6, 0 (digits and counter)."
    ),
    Format {
        info: FormatInfo {
            name: "oath_csv",
            title: "OATH CSV (privacyIDEA, LinOTP, NetIQ)",
            extensions: &["csv", "txt", "oath"],
            needs: "kind, when no line names one",
        },
        detect: oath_csv::detect,
        needs: |p| Ok(oath_csv::needs(p)),
        read: Some(oath_csv::read),
    },
    refused!(
        "pairs",
        "a list of pairs separated by blanks",
        FormatUnsupported,
        |p| p.lines.iter().take(5).all(|l| {
            let parts: Vec<_> = l.split_whitespace().collect();
            parts.len() == 2 && oath_csv::looks_like_secret(parts[1])
        }) && !p.lines.is_empty(),
        "It cannot be read yet. Put commas between serial and secret and set kind."
    ),
];

/// The formats that can be read, in the order in which they are tried.
pub fn formats() -> &'static [FormatInfo] {
    static READABLE: LazyLock<Vec<FormatInfo>> =
        LazyLock::new(|| FORMATS.iter().filter(|f| f.read.is_some()).map(|f| f.info).collect());
    &READABLE
}

/// The format of a text, by content.
pub(super) fn find(probe: &Probe<'_>) -> Result<&'static Format, FileError> {
    FORMATS.iter().find(|format| (format.detect)(probe)).ok_or_else(|| {
        let advice = if probe.first.starts_with('<') {
            "This XML file is none of the seed files known here. Ask the vendor for PSKC (RFC 6030), or for a CSV file with serial, secret and kind."
        } else if probe.first.starts_with(['{', '[']) {
            "This JSON file is none of the seed files known here. Ask the vendor for PSKC, or for a CSV file with serial, secret and kind."
        } else {
            "This is none of the seed files known here. A line should hold serial, secret (hexadecimal), kind (hotp or totp), separated by commas. If the first lines are a text, take them out, or choose the format."
        };
        FileError::FormatUnknown { advice }
    })
}

/// The format with this name.
pub(super) fn named(name: &str) -> Result<&'static Format, FileError> {
    FORMATS.iter().find(|format| format.info.name == name).ok_or_else(|| {
        let known: Vec<_> = formats().iter().map(|f| f.name).collect();
        FileError::FormatName { known: known.join(", ") }
    })
}
