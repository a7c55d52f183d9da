//! TLS of the listeners: certificates from files or made here, read again when they change.
//!
//! TLS 1.2 and 1.3 with rustls' own choice of ciphers. What a certificate says of itself is read only as far as
//! its end, by a few lines over DER: it is one's own, and rustls has taken it already.

use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::clock::UnixTime;

/// A client that is silent has this long to finish its part of the handshake.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a certificate that is made here holds.
const OWN_DAYS: i64 = 397;
/// It is made again this long before its end.
const RENEWED_DAYS: i64 = 30;
/// Its file in the data directory.
const OWN_CERTIFICATE: &str = "tls-self-signed.crt";
/// Its key's.
const OWN_KEY: &str = "tls-self-signed.key";

/// A certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds no certificate or key.
    #[error("{} holds no {what} in PEM form", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Others can read the key.
    #[error("{0} can be read by others; run: chmod 600 {0}")]
    Readable(String),
    /// Certificate and key do not go together, or are of a sort that is not known.
    #[error("certificate and key: {0}")]
    Pair(#[from] rustls::Error),
    /// A certificate could not be made.
    #[error("making a certificate: {0}")]
    Making(#[from] rcgen::Error),
}

/// Where the certificate of a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and its authority, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// What a certificate tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Until when it holds.
    pub until: Option<UnixTime>,
    /// SHA-256 in pairs of hex digits.
    pub fingerprint: String,
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// The certificate of these files, for `doctor` and for the start.
pub fn facts(files: &TlsFiles) -> Result<CertificateFacts, TlsError> {
    let chain = certificates(&files.certificate)?;
    let first = chain
        .first()
        .ok_or_else(|| TlsError::Empty { path: files.certificate.clone(), what: "certificate" })?;
    Ok(facts_of(first))
}

fn facts_of(certificate: &CertificateDer<'_>) -> CertificateFacts {
    let hash = Sha256::digest(certificate.as_ref());
    let pairs: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
    CertificateFacts { until: not_after(certificate.as_ref()), fingerprint: pairs.join(":") }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let none = || TlsError::Empty { path: path.to_owned(), what: "certificate" };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| none())?;
    if chain.is_empty() { Err(none()) } else { Ok(chain) }
}

/// Reads certificate and key and puts them together.
fn load(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&files.certificate)?;
    let of_key = |source| TlsError::File { path: files.key.clone(), source };
    let mode = std::fs::metadata(&files.key).map_err(of_key)?.permissions().mode();
    // Reading by a group is usual: certificates that are renewed by a program are shared that way.
    if mode & 0o027 != 0 {
        return Err(TlsError::Readable(files.key.display().to_string()));
    }
    let pem = Zeroizing::new(read(&files.key)?);
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| TlsError::Empty { path: files.key.clone(), what: "private key" })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// When a file was changed last; changes of the size count, too.
fn stamp(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

type Stamps = [Option<(std::time::SystemTime, u64)>; 2];

/// The certificate of the listeners, as it is now.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<(Arc<ServerConfig>, Stamps)>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files for the first time.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamps = [stamp(&files.certificate), stamp(&files.key)];
        let config = Arc::new(load(&files)?);
        Ok(Self { files, current: RwLock::new((config, stamps)) })
    }

    /// What new connections are served with.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Reads the files again when they changed, or in any case. Files that do not fit are logged, and what
    /// was read before stays. True: there is something new.
    pub fn reload(&self, in_any_case: bool) -> bool {
        let stamps = [stamp(&self.files.certificate), stamp(&self.files.key)];
        let unchanged = self.current.read().unwrap_or_else(PoisonError::into_inner).1 == stamps;
        if unchanged && !in_any_case {
            return false;
        }
        let loaded = load(&self.files);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Also when they did not fit: they are looked at again when they change again.
        current.1 = stamps;
        match loaded {
            Ok(config) => {
                current.0 = Arc::new(config);
                tracing::info!("the certificate was read again");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the certificate could not be read again, the one before stays");
                false
            }
        }
    }
}

/// The files of the certificate that is made here.
pub fn own_files(dir: &Path) -> TlsFiles {
    TlsFiles { certificate: dir.join(OWN_CERTIFICATE), key: dir.join(OWN_KEY) }
}

/// The certificate that is made here: the one of the last start, or a new one when there is none, when it ends
/// within a month, or when these names are not those that it was made for.
pub fn self_signed(dir: &Path, names: &[String], now: UnixTime) -> Result<TlsFiles, TlsError> {
    let files = own_files(dir);
    if is_fresh(&files, names, now) {
        return Ok(files);
    }
    let day = |days: i64| now.plus_secs(days * 86_400).to_utc();
    let mut params = rcgen::CertificateParams::new(names.to_vec())?;
    params.not_before = day(-1);
    params.not_after = day(OWN_DAYS);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Mintmark on this machine");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    write_private(&files.key, Zeroizing::new(key.serialize_pem()).as_bytes())?;
    write_private(&files.certificate, certificate.pem().as_bytes())?;
    Ok(files)
}

fn is_fresh(files: &TlsFiles, names: &[String], now: UnixTime) -> bool {
    let Ok(chain) = certificates(&files.certificate) else { return false };
    let Some(first) = chain.first() else { return false };
    let lasts = not_after(first.as_ref()).is_some_and(|until| until > now.plus_secs(RENEWED_DAYS * 86_400));
    let Ok(parsed) = rustls::server::ParsedCertificate::try_from(first) else { return false };
    let fits = |name: &String| {
        let name = rustls::pki_types::ServerName::try_from(name.as_str());
        name.is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
    };
    lasts && names.iter().all(fits) && load(files).is_ok()
}

/// Writes beside and renames: a reader sees the old file or the new one.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), TlsError> {
    use std::io::Write;
    let fault = |source| TlsError::File { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    file.sync_all().map_err(fault)?;
    std::fs::rename(&beside, path).map_err(fault)
}

/// One DER value: its tag, its content, and what follows it.
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |len, digit| (len << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((tag, content, rest))
}

/// `notAfter` of a certificate (RFC 5280, 4.1): certificate, to be signed, then version, serial number,
/// algorithm and issuer before the two times.
fn not_after(certificate: &[u8]) -> Option<UnixTime> {
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = der(certificate)?;
    let (_, signed, _) = der(certificate)?;
    let mut rest = signed;
    if let (VERSION, _, behind) = der(rest)? {
        rest = behind;
    }
    for _ in 0..3 {
        rest = der(rest)?.2;
    }
    let (_, times, _) = der(rest)?;
    let (_, _, behind) = der(times)?;
    let (tag, text, _) = der(behind)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    // UTCTime has two digits for the year (RFC 5280, 4.1.2.5.1), GeneralizedTime four.
    let text = match (tag, text.len()) {
        (0x17, 12) if text < "50" => format!("20{text}"),
        (0x17, 12) => format!("19{text}"),
        (0x18, 14) => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    UnixTime::parse_rfc3339(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn names() -> Vec<String> {
        vec!["localhost".into(), "127.0.0.1".into(), "otp.example.org".into()]
    }

    /// Decision 34: made once, private, and made again before it ends or for other names.
    #[test]
    fn own_certificate_is_kept_and_renewed() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = self_signed(dir.path(), &names(), NOW).expect("made");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&first.key), mode(&first.certificate)), (0o600, 0o600));
        let print = |files: &TlsFiles| facts(files).expect("readable");
        let before = print(&first);
        assert_eq!(before.until, Some(NOW.plus_secs(OWN_DAYS * 86_400)));
        let later = NOW.plus_secs((OWN_DAYS - RENEWED_DAYS - 1) * 86_400);
        self_signed(dir.path(), &names(), later).expect("kept");
        assert_eq!(print(&first), before, "the same as long as it lasts");
        self_signed(dir.path(), &names()[..2], NOW).expect("kept");
        assert_eq!(print(&first), before, "fewer names fit");
        let near = NOW.plus_secs((OWN_DAYS - RENEWED_DAYS + 1) * 86_400);
        self_signed(dir.path(), &names(), near).expect("renewed");
        let renewed = print(&first);
        assert_ne!(renewed.fingerprint, before.fingerprint);
        self_signed(dir.path(), &["other.example.org".to_owned()], near).expect("made for another name");
        assert_ne!(print(&first).fingerprint, renewed.fingerprint);
        assert_eq!(before.fingerprint.len(), 95);
    }

    /// A certificate that is put in the place of the old one is taken, one that does not fit is not.
    #[test]
    fn certificates_are_read_again_when_they_change() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = self_signed(dir.path(), &names(), NOW).expect("made");
        let tls = Tls::open(files.clone()).expect("usable");
        let first = tls.current();
        assert!(!tls.reload(false) && Arc::ptr_eq(&first, &tls.current()), "nothing changed");
        std::fs::write(&files.certificate, "nonsense").expect("written");
        assert!(!tls.reload(false) && Arc::ptr_eq(&first, &tls.current()), "the old one stays");
        self_signed(dir.path(), &names(), NOW).expect("made again");
        assert!(tls.reload(false));
        assert!(!Arc::ptr_eq(&first, &tls.current()));
        assert!(tls.reload(true), "in any case");
    }

    #[test]
    fn keys_that_everybody_can_read_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = self_signed(dir.path(), &names(), NOW).expect("made");
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o604)).expect("set");
        assert!(matches!(Tls::open(files), Err(TlsError::Readable(_))));
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_end() {
        for bad in [&b""[..], &[0x30], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x03, 0x30, 0x05, 0x00]]
        {
            assert_eq!(not_after(bad), None);
        }
    }
}
