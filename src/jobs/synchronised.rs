//! Whether the clock of this machine is kept right by something, as the system says it.

use std::process::{Command, Stdio};

/// What is known of the clock of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronised {
    /// Something keeps it right.
    Yes,
    /// Nothing does, or it did not succeed yet.
    No,
    /// The system does not say.
    Unknown,
}

impl Synchronised {
    /// Asks systemd, which asks the kernel, whatever keeps the clock (timesyncd, chrony, ntpd).
    pub fn of_this_machine() -> Self {
        let asked = Command::new("timedatectl")
            .args(["show", "--property=NTPSynchronized", "--value"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        match asked {
            Ok(answer) if answer.status.success() => Self::read(&answer.stdout),
            _ => Self::Unknown,
        }
    }

    fn read(answer: &[u8]) -> Self {
        match answer.trim_ascii() {
            b"yes" => Self::Yes,
            b"no" => Self::No,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(Synchronised::read(b"yes\n"), Synchronised::Yes);
        assert_eq!(Synchronised::read(b"no\n"), Synchronised::No);
        assert_eq!(Synchronised::read(b""), Synchronised::Unknown);
    }
}
