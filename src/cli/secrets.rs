//! Passwords, passphrases and keys: from a file or typed, never from an argument.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::Result;
use data_encoding::HEXLOWER_PERMISSIVE;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::output::{environment, usage};
use crate::secret::Passphrase;
use crate::vault::bearer_token;

/// Reads a file without the line end behind its content.
pub(super) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = std::fs::read(path);
    let mut bytes =
        Zeroizing::new(bytes.map_err(|error| environment(format!("{}: {error}", path.display())))?);
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(bytes)
}

/// A passphrase from a file.
pub(super) fn passphrase_file(path: &Path) -> Result<Passphrase> {
    Ok(Passphrase::new(std::mem::take(&mut *read_file(path)?)))
}

/// Data of a session, or a key, from a file that holds them in hexadecimal.
pub(super) fn hexadecimal_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = HEXLOWER_PERMISSIVE.decode(read_file(path)?.trim_ascii_end());
    Ok(Zeroizing::new(bytes.map_err(|error| {
        let (path, at) = (path.display(), error.position + 1);
        usage(format!("{path}: hexadecimal is expected, two signs for each byte: it is wrong at sign {at}"))
    })?))
}

/// A password as text: from the file, or typed (on a terminal without showing it), or one line of
/// standard input.
pub(super) fn password(file: Option<&Path>, question: &str) -> Result<Zeroizing<String>> {
    let bytes = match file {
        Some(path) => read_file(path)?,
        None => typed(question)?,
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| usage("the password is not UTF-8 text"))?;
    if text.is_empty() {
        return Err(usage("the password is empty"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// A code as text: from the file, or typed, or one line of standard input.
pub(super) fn code(file: Option<&Path>) -> Result<Zeroizing<String>> {
    let bytes = match file {
        Some(path) => read_file(path)?,
        None => typed("Code")?,
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| usage("the code is not UTF-8 text"))?;
    if text.trim().is_empty() {
        return Err(usage("no code was given"));
    }
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn typed(question: &str) -> Result<Zeroizing<Vec<u8>>> {
    let stdin = std::io::stdin();
    let mut line = Zeroizing::new(String::new());
    if stdin.is_terminal() {
        let mut stderr = std::io::stderr();
        write!(stderr, "{question}: ")?;
        stderr.flush()?;
        let before = tcgetattr(&stdin)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &quiet)?;
        let read = stdin.lock().read_line(&mut line);
        tcsetattr(&stdin, OptionalActions::Flush, &before)?;
        writeln!(stderr)?;
        read?;
    } else {
        stdin.lock().read_line(&mut line)?;
    }
    Ok(Zeroizing::new(line.trim_end_matches(['\n', '\r']).as_bytes().to_vec()))
}

/// A random password, shown once: as text and as what is typed.
#[expect(clippy::disallowed_methods, reason = "its only showing")]
pub(super) fn random_password() -> Result<(String, Passphrase)> {
    let token = bearer_token().map_err(|error| environment(error.to_string()))?;
    let text = String::from_utf8_lossy(token.expose()).into_owned();
    let text: String = text.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    Ok((text.clone(), Passphrase::from_text(text)))
}
