//! The table of envelopes: layers around a seed file that are known by their first bytes.
//!
//! A new envelope is a file of its own and a row here.

use zeroize::Zeroizing;

use super::ReadOptions;
use super::probe::Needs;
use super::problem::{FileError, ProblemCode};

/// Takes the content out; the buffer is wiped.
type Open = fn(&[u8], &ReadOptions<'_>) -> Result<Zeroizing<Vec<u8>>, FileError>;

/// One envelope.
pub(super) struct Envelope {
    /// The name in reports.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) detect: fn(&[u8]) -> bool,
    pub(super) needs: fn(&[u8]) -> Result<Needs, FileError>,
    pub(super) open: Open,
}

/// A row for an envelope that is recognised and not opened.
macro_rules! refused {
    ($name:literal, $title:literal, $detect:expr, $advice:literal) => {
        Envelope {
            name: $name,
            title: $title,
            detect: $detect,
            needs: |_| {
                Err(FileError::Unsupported {
                    title: $title,
                    advice: $advice,
                    code: ProblemCode::WrapperUnsupported,
                })
            },
            open: |_, _| {
                Err(FileError::Unsupported {
                    title: $title,
                    advice: $advice,
                    code: ProblemCode::WrapperUnsupported,
                })
            },
        }
    };
}

/// All envelopes, in the order in which they are tried.
pub(super) static ENVELOPES: &[Envelope] = &[
    refused!(
        "docx",
        "a Word document",
        |b| is_zip(b) && contains(b, b"word/"),
        "Ask the vendor for the seed file itself; a document can at best hold a picture of it."
    ),
    refused!(
        "xlsx",
        "an Excel workbook",
        |b| is_zip(b) && contains(b, b"xl/"),
        "Workbooks change serial numbers and secrets. Ask the vendor for the original text file; if there is none, save the sheet as CSV (UTF-8) and check serial numbers with leading zeros."
    ),
    refused!(
        "zip",
        "a zip archive",
        is_zip,
        "Unpack it (if it asks for a password, the vendor sends that separately) and import the file inside. Some vendors name such archives .pdf."
    ),
    refused!(
        "7z",
        "a 7-Zip archive",
        |b| b.starts_with(b"7z\xbc\xaf\x27\x1c"),
        "Unpack it (if it asks for a password, the vendor sends that separately) and import the file inside."
    ),
    refused!(
        "age",
        "a file encrypted with age",
        |b| b.starts_with(b"age-encryption.org/v1") || starts(b, b"-----BEGIN AGE ENCRYPTED FILE-----"),
        "Decrypt it with age and your identity file, and import the file inside."
    ),
    refused!(
        "openpgp",
        "a file encrypted with OpenPGP",
        |b| starts(b, b"-----BEGIN PGP MESSAGE-----") || is_openpgp(b),
        "Decrypt it with gpg and your private key, and import the file inside."
    ),
    refused!(
        "cms",
        "an S/MIME (CMS) message",
        |b| is_cms(b),
        "Decrypt it with your mail program or with openssl cms and your private key, and import the file inside."
    ),
    refused!(
        "gzip",
        "a gzip archive",
        |b| b.starts_with(&[0x1f, 0x8b]),
        "Unpack it and import the file inside."
    ),
    refused!(
        "openssl_enc",
        "a file encrypted with openssl enc",
        |b| b.starts_with(b"Salted__"),
        "The file does not name its cipher. Ask the vendor for the openssl command, decrypt it, and import the file inside."
    ),
    refused!(
        "old_office",
        "an old Excel or Word file",
        |b| b.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
        "Ask the vendor for the original text file; if there is none, save the sheet as CSV (UTF-8) and check serial numbers with leading zeros."
    ),
    refused!(
        "pdf",
        "a PDF document",
        |b| b.starts_with(b"%PDF"),
        "Ask the vendor for the seed file itself as text."
    ),
];

/// Bytes in which the names inside an archive are looked for.
const ARCHIVE_HEAD: usize = 64 * 1024;

fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(ARCHIVE_HEAD)];
    let tail = &bytes[bytes.len().saturating_sub(ARCHIVE_HEAD)..];
    [head, tail].iter().any(|piece| piece.windows(part.len()).any(|window| window == part))
}

/// Begins with `sign`, blanks and a mark of UTF-8 aside.
fn starts(bytes: &[u8], sign: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(sign)
}

/// A binary packet of type 1 or 3: encrypted for a key or a passphrase (RFC 9580 §4.2).
fn is_openpgp(bytes: &[u8]) -> bool {
    match bytes {
        [0x84 | 0x85 | 0x8c | 0x8d | 0xc1 | 0xc3, rest @ ..] => {
            // Version 3 or 4 (6 in the newest) stands behind a length of one, two or five bytes.
            rest.iter().take(6).any(|b| matches!(b, 3 | 4 | 6)) && std::str::from_utf8(bytes).is_err()
        }
        _ => false,
    }
}

/// PEM, MIME or DER of `EnvelopedData` or `SignedData` (RFC 5652 §4).
fn is_cms(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let pem = [&b"-----BEGIN PKCS7-----"[..], b"-----BEGIN CMS-----"].iter().any(|sign| starts(bytes, sign));
    let oid = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    let der = head.first() == Some(&0x30) && head[..head.len().min(24)].windows(10).any(|w| w == oid);
    let lower = head.to_ascii_lowercase();
    let mime = lower.starts_with(b"mime-version") || lower.starts_with(b"content-type");
    let mime = mime && lower.windows(10).any(|w| w == b"pkcs7-mime");
    pem || der || mime
}

/// The outermost envelope, when there is one.
pub(super) fn find(bytes: &[u8]) -> Option<&'static Envelope> {
    ENVELOPES.iter().find(|envelope| (envelope.detect)(bytes))
}
