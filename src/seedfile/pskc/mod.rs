//! PSKC, RFC 6030: plain, or encrypted with AES-CBC under a transport key or a passphrase.
//!
//! The file is read several times and never held as a whole: a first pass finds out whether it is
//! well-formed, what protects it and which devices have several keys; with a key given, a second one
//! looks whether it fits; the last gives out the records. Signatures, certificates and the drafts
//! before the RFC are recognised and not used.

#![expect(clippy::disallowed_methods, reason = "decrypts seed files with transport keys and passphrases")]

mod cipher;
mod key;
mod protection;
mod survey;
mod xml;

use protection::{KeySource, Protection};
use survey::Survey;

use super::ReadOptions;
use super::output::Output;
use super::probe::{Needs, Probe};
use super::problem::{FileError, Position, ProblemCode};

pub(super) fn needs(probe: &Probe<'_>) -> Result<Needs, FileError> {
    let survey = Survey::of(probe.text, &mut || Ok(()))?;
    let mut needs = Needs::default();
    if survey.encrypted.is_some() {
        match KeySource::of(&survey) {
            KeySource::Passphrase { label, .. } => (needs.passphrase, needs.key_name) = (true, label),
            KeySource::Named(name) => (needs.key, needs.key_name) = (true, name),
            KeySource::Unsaid => needs.key = true,
            // Reading refuses it and says why.
            KeySource::Certificate(_) => {}
        }
    }
    Ok(needs)
}

pub(super) fn read(
    probe: &Probe<'_>,
    options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    let survey = Survey::of(probe.text, &mut || out.tick(0))?;
    let mut protection = Protection::open(&survey, options, &mut || out.tick(0).is_ok())?;
    if let Some(protection) = &mut protection {
        survey.try_key(probe.text, protection)?;
    }
    if survey.signed {
        let text = "The file is signed; the signature was not verified";
        out.note(ProblemCode::PskcSignatureUnverified, text, Position::FILE);
    }
    let reader =
        key::Reader { options, protection: protection.as_ref(), has_mac: survey.mac_method.is_some() };
    survey::packages(probe.text, |package, done| {
        match reader.draft(&package, survey.slot(&package), out) {
            Ok(Some(draft)) => out.draft(draft)?,
            Ok(None) => {}
            Err(placed) => out.fault(placed.line, key::serial(&package).0, &placed.fault)?,
        }
        out.progress(done)?;
        Ok(true)
    })?;
    Ok(protection.map_or("none", |p| p.name))
}
