//! Mails out: SMTP, blocking. Called by the worker that empties the outbox. Requests to other programs are
//! in [`webhook`].

#![expect(clippy::disallowed_methods, reason = "a mail server's password is handed to the SMTP library")]

mod lookup;
pub mod webhook;

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, Message, SmtpTransport, Transport};
use thiserror::Error;

use crate::model::EmailAddress;
use crate::secret::Passphrase;

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    Tls,
    /// Starts in clear and must switch to TLS.
    #[default]
    StartTls,
    /// In clear; only for a server on this machine.
    None,
}

/// Where mails go and from whom they come.
#[derive(Debug)]
pub struct SmtpSettings {
    /// Name of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Protection of the connection.
    pub security: SmtpSecurity,
    /// Login at the server, with its password.
    pub credentials: Option<(String, Passphrase)>,
    /// Sender's address.
    pub from: EmailAddress,
}

/// A mail could not be handed over.
#[derive(Debug, Error)]
pub enum MailError {
    /// The settings cannot be used.
    #[error("mail settings: {0}")]
    Settings(String),
    /// The server did not take it.
    #[error("the mail server did not take the mail")]
    Refused(#[source] lettre::transport::smtp::Error),
}

/// Sends mails through one server.
#[derive(Debug)]
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
}

fn address(text: &EmailAddress) -> Result<Address, MailError> {
    text.as_str().parse().map_err(|e| MailError::Settings(format!("an address is not usable: {e}")))
}

impl Mailer {
    /// Prepares the connection; the server is first spoken to when a mail is sent.
    pub fn new(settings: &SmtpSettings) -> Result<Self, MailError> {
        let tls = || {
            TlsParameters::new(settings.host.clone()).map_err(|e| MailError::Settings(format!("TLS: {e}")))
        };
        let tls = match settings.security {
            SmtpSecurity::Tls => Tls::Wrapper(tls()?),
            SmtpSecurity::StartTls => Tls::Required(tls()?),
            SmtpSecurity::None => Tls::None,
        };
        let mut builder = SmtpTransport::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(20)));
        if let Some((login, password)) = &settings.credentials {
            let password = std::str::from_utf8(password.expose())
                .map_err(|_| MailError::Settings("the password is not UTF-8".to_owned()))?;
            builder = builder.credentials(Credentials::new(login.clone(), password.to_owned()));
        }
        let from = Mailbox::new(Some("Mintmark".to_owned()), address(&settings.from)?);
        Ok(Self { transport: builder.build(), from })
    }

    /// Hands one text mail to the server.
    pub fn send(&self, to: &EmailAddress, subject: &str, text: &str) -> Result<(), MailError> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address(to)?))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text.to_owned())
            .map_err(|e| MailError::Settings(format!("the mail cannot be written: {e}")))?;
        self.transport.send(&message).map(|_| ()).map_err(MailError::Refused)
    }
}
