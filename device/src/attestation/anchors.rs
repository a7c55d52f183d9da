//! Who is trusted to vouch for devices.

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

/// Most bytes of a file, and most certificates of all files together.
const MOST_BYTES: usize = 256 << 10;
const MOST_CERTIFICATES: usize = 200;

/// Yubico's certificates for PIV, as published at developers.yubico.com/PKI; SHA-256 of each in `tests.rs`.
const YUBICO: [&str; 7] = [
    include_str!("yubico/piv-root-ca-263751.pem"),
    include_str!("yubico/attestation-root-1.pem"),
    include_str!("yubico/attestation-intermediate-a-1.pem"),
    include_str!("yubico/attestation-intermediate-b-1.pem"),
    include_str!("yubico/piv-attestation-a-1.pem"),
    include_str!("yubico/piv-attestation-b-1.pem"),
    include_str!("yubico/piv-attestation-b2-1.pem"),
];

/// Why a file of certificates is not used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnchorError {
    /// It is not PEM.
    #[error("it is no file of certificates (PEM: -----BEGIN CERTIFICATE-----)")]
    NoPem,
    /// There is none in it.
    #[error("no certificate is in it")]
    Empty,
    /// This one is none.
    #[error("certificate {0} in it is not readable")]
    Unreadable(usize),
    /// More than anybody has.
    #[error(
        "it is too long, or there are too many certificates: up to 256 KiB and {MOST_CERTIFICATES} in all"
    )]
    TooMany,
}

/// Certificates that vouch for devices: those that were issued by themselves are trusted, the others lead to them.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    der: Vec<Vec<u8>>,
}

impl Anchors {
    /// None: nobody is trusted.
    pub const fn none() -> Self {
        Self { der: Vec::new() }
    }

    /// The vendor's.
    pub fn vendor() -> Self {
        let mut anchors = Self::none();
        for pem in YUBICO {
            anchors.add_pem(pem.as_bytes()).expect("a test reads each of them");
        }
        anchors
    }

    /// One more, that is not in PEM.
    pub(crate) fn add_der(&mut self, der: Vec<u8>) {
        self.der.push(der);
    }

    /// Takes the certificates of a file in; all of them, or none when something is wrong with one. Returns how many.
    pub fn add_pem(&mut self, text: &[u8]) -> Result<usize, AnchorError> {
        if text.len() > MOST_BYTES {
            return Err(AnchorError::TooMany);
        }
        let mut read = Vec::new();
        for (at, pem) in Pem::iter_from_buffer(text).enumerate() {
            let pem = pem.map_err(|_| AnchorError::NoPem)?;
            match X509Certificate::from_der(&pem.contents) {
                Ok(([], _)) if pem.label == "CERTIFICATE" => read.push(pem.contents),
                _ => return Err(AnchorError::Unreadable(at + 1)),
            }
            if self.der.len() + read.len() > MOST_CERTIFICATES {
                return Err(AnchorError::TooMany);
            }
        }
        if read.is_empty() {
            return Err(if text.is_empty() { AnchorError::Empty } else { AnchorError::NoPem });
        }
        let count = read.len();
        self.der.extend(read);
        Ok(count)
    }

    pub(super) fn certificates(&self) -> Vec<X509Certificate<'_>> {
        let read = |der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
        self.der.iter().filter_map(|der| read(der)).collect()
    }
}
