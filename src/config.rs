//! Settings: flag, then `MINTMARK_*`, then `mintmark.toml` in the data directory, then the default.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "mintmark.toml";
/// Where the service listens when nothing else is said.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// A setting cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file breaks the form; the text names line and column.
    #[error("{}: {detail}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong and where.
        detail: String,
    },
    /// A value does not fit.
    #[error("setting {setting}: {expected}")]
    Value {
        /// The setting's name.
        setting: &'static str,
        /// What fits.
        expected: String,
    },
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpProtection {
    /// TLS from the first byte.
    Tls,
    /// Starts in clear and must switch to TLS.
    #[default]
    StartTls,
    /// In clear; only for a server on this machine.
    None,
}

/// Where mails go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Name of the mail server.
    pub host: String,
    /// Its port; without it the usual one of the protection.
    pub port: Option<u16>,
    /// Protection of the connection.
    #[serde(default)]
    pub security: SmtpProtection,
    /// Login at the server.
    pub user: Option<String>,
    /// File that holds its password.
    pub password_file: Option<PathBuf>,
    /// Sender's address.
    pub from: String,
}

impl SmtpConfig {
    /// The port that is spoken to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            SmtpProtection::Tls => 465,
            SmtpProtection::StartTls => 587,
            SmtpProtection::None => 25,
        })
    }
}

/// A scanner in serial mode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerConfig {
    /// What pages call it; empty: as its port.
    #[serde(default)]
    pub name: String,
    /// Its port, better by a name that stays: `/dev/serial/by-id/…`.
    pub path: PathBuf,
    /// Bits per second; a scanner on USB has no speed.
    #[serde(default = "usual_baud")]
    pub baud: u32,
    /// What it was told to send before each scan.
    #[serde(default)]
    pub prefix: String,
    /// What it was told to send behind each scan; empty: line ends and silence end it.
    #[serde(default)]
    pub suffix: String,
}

const fn usual_baud() -> u32 {
    9600
}

impl ScannerConfig {
    /// Longest prefix and suffix, in bytes.
    const MAX_AFFIX: usize = 16;
    /// Longest name, in characters.
    const MAX_NAME: usize = 64;
    /// Speeds that serial ports have.
    const BAUD: std::ops::RangeInclusive<u32> = 300..=4_000_000;

    /// `PATH` or `PATH,BAUD`.
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let (path, baud) = match text.trim().rsplit_once(',') {
            Some((path, baud)) => {
                (path.trim(), parsed("scanner", baud, "a port and a speed, such as /dev/ttyACM0,9600,")?)
            }
            None => (text.trim(), usual_baud()),
        };
        Ok(Self {
            name: String::new(),
            path: path.into(),
            baud,
            prefix: String::new(),
            suffix: String::new(),
        })
    }

    /// With a name, if the rest fits.
    fn checked(mut self) -> Result<Self, ConfigError> {
        let path = self.path.display().to_string();
        let wrong = |expected: String| Err(ConfigError::Value { setting: "scanner", expected });
        if !self.path.is_absolute() {
            return wrong(format!("{path:?}: the path of a port is expected, such as /dev/ttyACM0"));
        }
        if !Self::BAUD.contains(&self.baud) {
            return wrong(format!(
                "{path}: a speed of {} to {} baud is expected, as the scanner's manual says",
                Self::BAUD.start(),
                Self::BAUD.end()
            ));
        }
        if self.prefix.len().max(self.suffix.len()) > Self::MAX_AFFIX {
            return wrong(format!(
                "{path}: prefix and suffix of at most {} bytes are expected",
                Self::MAX_AFFIX
            ));
        }
        let mut name = self.name.trim().to_owned();
        if name.is_empty() {
            name = self.path.file_name().map_or(path.clone(), |name| name.to_string_lossy().into_owned());
        }
        self.name = name;
        if self.name.chars().count() > Self::MAX_NAME || self.name.chars().any(char::is_control) {
            return wrong(format!("{path}: a name of at most {} characters is expected", Self::MAX_NAME));
        }
        Ok(self)
    }
}

/// The scanners of the first source that names any.
fn scanners(
    written: Option<Vec<ScannerConfig>>,
    flags: &[String],
    environment: Option<String>,
) -> Result<Vec<ScannerConfig>, ConfigError> {
    let texts = |texts: Vec<&str>| texts.into_iter().map(ScannerConfig::parse).collect::<Result<Vec<_>, _>>();
    let named = if !flags.is_empty() {
        texts(flags.iter().map(String::as_str).collect())?
    } else if let Some(text) = environment {
        texts(text.split(';').filter(|part| !part.trim().is_empty()).collect())?
    } else {
        written.unwrap_or_default()
    };
    let all = named.into_iter().map(ScannerConfig::checked).collect::<Result<Vec<_>, _>>()?;
    for (at, one) in all.iter().enumerate() {
        for other in all.iter().skip(at + 1) {
            if one.path == other.path || one.name == other.name {
                let (name, path) = (&other.name, other.path.display());
                let expected =
                    format!("{path}: another name and port for each is expected, {name} is there twice");
                return Err(ConfigError::Value { setting: "scanner", expected });
            }
        }
    }
    Ok(all)
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    listen: Option<String>,
    portal_listen: Option<String>,
    public_url: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    tls_self_signed: Option<bool>,
    behind_proxy: Option<bool>,
    trusted_proxies: Option<Vec<String>>,
    allowed_hosts: Option<Vec<String>>,
    webhook_ca_file: Option<PathBuf>,
    log: Option<String>,
    smtp: Option<SmtpConfig>,
    scanner: Option<Vec<ScannerConfig>>,
}

/// What flags say; they win.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--portal-listen`.
    pub portal_listen: Option<String>,
    /// `--public-url`.
    pub public_url: Option<String>,
    /// `--tls-cert`.
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key`.
    pub tls_key: Option<PathBuf>,
    /// `--tls-self-signed`.
    pub tls_self_signed: bool,
    /// `--behind-proxy`.
    pub behind_proxy: bool,
    /// `--scanner`, each.
    pub scanners: Vec<String>,
}

/// Who protects the connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Nobody; for this machine only.
    #[default]
    None,
    /// The listeners speak TLS with this certificate and key.
    Files {
        /// Certificates, PEM.
        certificate: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
    /// The listeners speak TLS with a certificate that is made here.
    SelfSigned,
    /// A proxy in front speaks TLS.
    Proxy,
}

impl Protection {
    /// True when browsers speak TLS, with this service or with a proxy.
    pub const fn is_secure(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Settings that hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Console, station, API and portal.
    pub listen: SocketAddr,
    /// The portal alone.
    pub portal_listen: Option<SocketAddr>,
    /// Address that links begin with, without a slash at the end.
    pub public_url: Option<String>,
    /// Who protects the connections.
    pub protection: Protection,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Further hosts that requests may be sent to.
    pub allowed_hosts: Vec<String>,
    /// Certificates (PEM) of authorities that webhooks are trusted by, beside those that browsers trust.
    pub webhook_ca_file: Option<PathBuf>,
    /// Filter of the log; empty: the command's own.
    pub log: String,
    /// Mail server.
    pub smtp: Option<SmtpConfig>,
    /// Scanners in serial mode; no two have the same name or port.
    pub scanners: Vec<ScannerConfig>,
}

fn parsed<T: FromStr>(setting: &'static str, text: &str, expected: &str) -> Result<T, ConfigError> {
    let wrong = |_| ConfigError::Value { setting, expected: format!("{expected} is expected") };
    text.trim().parse().map_err(wrong)
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn url(text: &str) -> Result<String, ConfigError> {
    let text = text.trim().trim_end_matches('/');
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', ' '])) {
        let expected = "http:// or https:// and a host is expected, without a path".to_owned();
        return Err(ConfigError::Value { setting: "public_url", expected });
    }
    Ok(text.to_owned())
}

/// `true` or `false`, as a setting of the environment says it.
fn yes(setting: &'static str, text: &str) -> Result<bool, ConfigError> {
    parsed(setting, text, "true or false")
}

/// One of the three ways, or none. A way that a flag names hides the others: they are of a lower source.
fn protection(
    written: &Written,
    flags: &Flags,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<Protection, ConfigError> {
    type Source = (Option<PathBuf>, Option<PathBuf>, bool, bool);
    let from_flags: Source =
        (flags.tls_cert.clone(), flags.tls_key.clone(), flags.tls_self_signed, flags.behind_proxy);
    let set = |name: &str, setting| environment(name).map(|text| yes(setting, &text)).transpose();
    let from_environment: Source = (
        environment("MINTMARK_TLS_CERT").map(PathBuf::from),
        environment("MINTMARK_TLS_KEY").map(PathBuf::from),
        set("MINTMARK_TLS_SELF_SIGNED", "tls_self_signed")?.unwrap_or(false),
        set("MINTMARK_BEHIND_PROXY", "behind_proxy")?.unwrap_or(false),
    );
    let from_file: Source = (
        written.tls_cert.clone(),
        written.tls_key.clone(),
        written.tls_self_signed.unwrap_or(false),
        written.behind_proxy.unwrap_or(false),
    );
    for source in [from_flags, from_environment, from_file] {
        let found = match source {
            (None, None, false, false) => continue,
            (Some(certificate), Some(key), false, false) => Protection::Files { certificate, key },
            (None, None, true, false) => Protection::SelfSigned,
            (None, None, false, true) => Protection::Proxy,
            (Some(_), None, ..) | (None, Some(_), ..) => {
                let expected = "tls_cert and tls_key go together".to_owned();
                return Err(ConfigError::Value { setting: "tls_cert", expected });
            }
            _ => {
                let expected =
                    "one of tls_cert with tls_key, tls_self_signed and behind_proxy is expected: TLS is \
                                spoken here or by a proxy, not by both"
                        .to_owned();
                return Err(ConfigError::Value { setting: "behind_proxy", expected });
            }
        };
        return Ok(found);
    }
    Ok(Protection::None)
}

impl Config {
    /// Reads the file of a data directory, when there is one, and puts all sources together.
    pub fn load(
        dir: &Path,
        flags: &Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let path = dir.join(FILE_NAME);
        let written = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| ConfigError::Form { path, detail: error.to_string().trim().to_owned() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Written::default(),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        Self::build(written, flags, environment)
    }

    fn build(
        written: Written,
        flags: &Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let protection = protection(&written, flags, &environment)?;
        let listen = flags.listen.clone().or_else(|| environment("MINTMARK_LISTEN")).or(written.listen);
        let portal = flags.portal_listen.clone().or_else(|| environment("MINTMARK_PORTAL_LISTEN"));
        let public = flags.public_url.clone().or_else(|| environment("MINTMARK_PUBLIC_URL"));
        let proxies = environment("MINTMARK_TRUSTED_PROXIES").map(|text| list(&text));
        let hosts = environment("MINTMARK_ALLOWED_HOSTS").map(|text| list(&text));
        let address = "an address with a port, such as 127.0.0.1:8080,";
        let proxies = proxies.or(written.trusted_proxies).unwrap_or_default();
        Ok(Self {
            listen: parsed("listen", listen.as_deref().unwrap_or(DEFAULT_LISTEN), address)?,
            portal_listen: portal
                .or(written.portal_listen)
                .map(|text| parsed("portal_listen", &text, address))
                .transpose()?,
            public_url: public.or(written.public_url).map(|text| url(&text)).transpose()?,
            protection,
            trusted_proxies: proxies
                .iter()
                .map(|text| parsed("trusted_proxies", text, "a list of IP addresses"))
                .collect::<Result<_, _>>()?,
            allowed_hosts: hosts.or(written.allowed_hosts).unwrap_or_default(),
            webhook_ca_file: environment("MINTMARK_WEBHOOK_CA_FILE")
                .map(PathBuf::from)
                .or(written.webhook_ca_file),
            log: environment("MINTMARK_LOG").or(written.log).unwrap_or_default(),
            smtp: written.smtp,
            scanners: scanners(written.scanner, &flags.scanners, environment("MINTMARK_SCANNER"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn flag_wins_over_environment_over_file_over_default() {
        let file = || toml::from_str::<Written>("listen = '127.0.0.1:3'").expect("well formed");
        let env = |name: &str| (name == "MINTMARK_LISTEN").then(|| "127.0.0.1:2".to_owned());
        let flags = Flags { listen: Some("127.0.0.1:1".into()), ..Flags::default() };
        let port = |config: Result<Config, ConfigError>| config.expect("usable").listen.port();
        assert_eq!(port(Config::build(file(), &flags, env)), 1);
        assert_eq!(port(Config::build(file(), &Flags::default(), env)), 2);
        assert_eq!(port(Config::build(file(), &Flags::default(), none)), 3);
        assert_eq!(port(Config::build(Written::default(), &Flags::default(), none)), 8080);
    }

    #[test]
    fn unknown_settings_and_wrong_values_are_refused() {
        assert!(toml::from_str::<Written>("lisen = '127.0.0.1:3'").is_err());
        let flags = Flags { public_url: Some("otp.example.org".into()), ..Flags::default() };
        let refused = Config::build(Written::default(), &flags, none);
        assert!(matches!(refused, Err(ConfigError::Value { setting: "public_url", .. })));
    }

    #[test]
    fn scanners_come_from_one_source() {
        let built = |file: &str, flags: &[&str], env: Option<&str>| {
            let written = toml::from_str::<Written>(file).expect("well formed");
            let flags =
                Flags { scanners: flags.iter().map(|&flag| flag.into()).collect(), ..Flags::default() };
            let env = env.map(str::to_owned);
            let config =
                Config::build(written, &flags, |name| env.clone().filter(|_| name == "MINTMARK_SCANNER"));
            config.map(|config| config.scanners).map_err(|error| error.to_string())
        };
        let names = |all: Result<Vec<ScannerConfig>, String>| -> Vec<(String, u32)> {
            all.expect("usable").into_iter().map(|one| (one.name, one.baud)).collect()
        };
        let file = "[[scanner]]\nname = 'Desk'\npath = '/dev/ttyACM0'\nprefix = \"\\u0002\"\n\
                    [[scanner]]\npath = '/dev/ttyUSB0'\nbaud = 115200";
        assert_eq!(names(built("", &[], None)), []);
        assert_eq!(names(built(file, &[], None)), [("Desk".into(), 9600), ("ttyUSB0".into(), 115_200)]);
        let env = Some("/dev/ttyACM1; /dev/ttyACM2,19200");
        assert_eq!(names(built(file, &[], env)), [("ttyACM1".into(), 9600), ("ttyACM2".into(), 19_200)]);
        assert_eq!(names(built(file, &["/dev/ttyS0"], env)), [("ttyS0".into(), 9600)]);
        for (flags, what) in [
            (&["ttyACM0"][..], "the path of a port is expected"),
            (&["/dev/ttyACM0,fast"], "/dev/ttyACM0,9600, is expected"),
            (&["/dev/ttyACM0,7"], "300 to 4000000 baud"),
            (&["/dev/ttyACM0", "/dev/ttyACM0"], "is there twice"),
            (&["/dev/a/scanner", "/dev/b/scanner"], "is there twice"),
        ] {
            let refused = built("", flags, None).expect_err("refused");
            assert!(refused.starts_with("setting scanner: ") && refused.contains(what), "{refused}");
        }
        let long = "[[scanner]]\npath = '/dev/ttyACM0'\nsuffix = '12345678901234567'";
        assert!(built(long, &[], None).expect_err("refused").contains("at most 16 bytes"));
        assert!(toml::from_str::<Written>("[[scanner]]\npath = '/dev/ttyACM0'\nspeed = 3").is_err());
    }

    /// Decision 34: one way of protection, and a flag hides what lower sources say.
    #[test]
    fn protection_comes_from_one_source() {
        let built = |file: &str, flags: &Flags, env: &dyn Fn(&str) -> Option<String>| {
            let written = toml::from_str::<Written>(file).expect("well formed");
            Config::build(written, flags, env).map(|config| config.protection)
        };
        let files = |name: &str| Protection::Files {
            certificate: format!("{name}.pem").into(),
            key: format!("{name}.key").into(),
        };
        let file = "tls_cert = 'file.pem'\ntls_key = 'file.key'";
        assert_eq!(built("", &Flags::default(), &none).expect("usable"), Protection::None);
        assert_eq!(built(file, &Flags::default(), &none).expect("usable"), files("file"));
        let env = |name: &str| match name {
            "MINTMARK_TLS_CERT" => Some("env.pem".to_owned()),
            "MINTMARK_TLS_KEY" => Some("env.key".to_owned()),
            _ => None,
        };
        assert_eq!(built(file, &Flags::default(), &env).expect("usable"), files("env"));
        let flags = Flags { behind_proxy: true, ..Flags::default() };
        assert_eq!(built(file, &flags, &env).expect("usable"), Protection::Proxy);
        for wrong in ["tls_cert = 'a'", "tls_key = 'a'", "tls_self_signed = true\nbehind_proxy = true"] {
            let refused = built(wrong, &Flags::default(), &none);
            assert!(matches!(refused, Err(ConfigError::Value { .. })), "{wrong}: {refused:?}");
        }
        let env = |name: &str| (name == "MINTMARK_TLS_SELF_SIGNED").then(|| "maybe".to_owned());
        assert!(built("", &Flags::default(), &env).is_err());
    }
}
