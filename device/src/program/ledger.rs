//! What of a write left this machine, and what the token said to it. From this follows what an error means.

use std::cell::Cell;

use zeroize::Zeroizing;

use super::{Trouble, WriteError};
use crate::transport::{Lengths, Transport, TransportError};

/// Kept while something is written.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// From now on what is sent may change the token.
    is_writing: Cell<bool>,
    /// Something that may was sent.
    has_left: Cell<bool>,
    /// Something that may was not refused: it was done, or nobody knows.
    has_taken: Cell<bool>,
}

impl Ledger {
    /// The next command changes the token.
    pub(super) fn begin(&self) {
        self.is_writing.set(true);
    }

    /// Whether anything that was sent so far may have changed it.
    pub(super) fn has_taken(&self) -> bool {
        self.has_taken.get()
    }

    /// What was just answered well changed nothing, as the token says in another way than by its status: `before` is what
    /// [`has_taken`](Self::has_taken) was before it.
    pub(super) fn changed_nothing(&self, before: bool) {
        self.has_taken.set(before);
    }

    /// What an error means for the token.
    pub(super) fn judge(&self, trouble: Trouble) -> WriteError {
        match (self.has_left.get(), self.has_taken.get()) {
            (false, _) => WriteError::NotStarted(trouble),
            (true, false) => WriteError::Refused(trouble),
            (true, true) => WriteError::Unknown(trouble),
        }
    }

    fn note(&self, answer: &Result<Zeroizing<Vec<u8>>, TransportError>) {
        match answer {
            Ok(response) => {
                self.has_left.set(true);
                if !is_refusal(response) {
                    self.has_taken.set(true);
                }
            }
            Err(error) if error.outcome_is_unknown() => {
                self.has_left.set(true);
                self.has_taken.set(true);
            }
            // It was not sent.
            Err(_) => {}
        }
    }
}

/// True when a token says in its status that it did nothing (ISO 7816-4 §5.6: checking errors). Warnings (62xx, 63xx) and
/// errors while it worked (64xx, 65xx, 6Fxx) are no such thing.
fn is_refusal(response: &[u8]) -> bool {
    let [.., high, low] = response else { return false };
    let status = u16::from_be_bytes([*high, *low]);
    matches!(
        status,
        0x6700 | 0x6881..=0x6884 | 0x6981..=0x6988 | 0x6a80..=0x6a89 | 0x6b00 | 0x6c00..=0x6cff | 0x6d00 | 0x6e00
    )
}

/// A transport that is written down.
pub(super) struct Gate<'a> {
    transport: &'a mut dyn Transport,
    ledger: &'a Ledger,
}

impl<'a> Gate<'a> {
    pub(super) fn new(transport: &'a mut dyn Transport, ledger: &'a Ledger) -> Self {
        Self { transport, ledger }
    }
}

impl Transport for Gate<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let answer = self.transport.transmit(command);
        if self.ledger.is_writing.get() {
            self.ledger.note(&answer);
        }
        answer
    }

    fn lengths(&self) -> Lengths {
        self.transport.lengths()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::{self, Command, Rest};
    use crate::program::Unfit;
    use crate::transport::scripted::Scripted;

    const WRITE: &str = "00010000";

    /// What the answers to some writes mean.
    fn judged(answers: &[Result<&str, TransportError>]) -> &'static str {
        let ledger = Ledger::default();
        for answer in answers {
            let mut card = match answer {
                Ok(answer) => Scripted::new(Lengths::Short, &[(WRITE, answer)]),
                Err(TransportError::Absent) => {
                    Scripted::new(Lengths::Short, &[]).then_fails(WRITE, TransportError::Absent)
                }
                Err(_) => Scripted::new(Lengths::Short, &[]).then_fails(WRITE, TransportError::Lost),
            };
            let mut gate = Gate::new(&mut card, &ledger);
            ledger.begin();
            let _ = apdu::send(&mut gate, &Command::new(0, 1, 0, 0), Rest::GetResponse);
        }
        match ledger.judge(Trouble::Unfit(Unfit::NoSerial)) {
            WriteError::NotStarted(_) => "not started",
            WriteError::Refused(_) => "refused",
            WriteError::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn only_what_was_refused_throughout_is_refused() {
        let (absent, lost) = (|| Err(TransportError::Absent), || Err(TransportError::Lost));
        assert_eq!(judged(&[]), "not started");
        assert_eq!(judged(&[absent()]), "not started");
        for refusal in ["6982", "6A80", "6A84", "6D00", "6700", "6983"] {
            assert_eq!(judged(&[Ok(refusal)]), "refused", "{refusal}");
            assert_eq!(judged(&[Ok(refusal), absent()]), "refused", "{refusal}");
            assert_eq!(judged(&[Ok(refusal), lost()]), "unknown", "{refusal}");
            assert_eq!(judged(&[Ok("9000"), Ok(refusal)]), "unknown", "{refusal}");
        }
        for doubt in ["9000", "6581", "6F00", "6300", "6400", "6283", "9100", "90"] {
            assert_eq!(judged(&[Ok(doubt)]), "unknown", "{doubt}");
        }
        assert_eq!(judged(&[lost()]), "unknown");
        assert_eq!(judged(&[Ok("9000"), absent()]), "unknown");
    }

    #[test]
    fn what_was_sent_before_does_not_count() {
        let ledger = Ledger::default();
        let mut card = Scripted::new(Lengths::Short, &[(WRITE, "9000")]);
        let mut gate = Gate::new(&mut card, &ledger);
        apdu::send(&mut gate, &Command::new(0, 1, 0, 0), Rest::GetResponse).expect("answered");
        assert!(matches!(ledger.judge(Trouble::Unfit(Unfit::NoSerial)), WriteError::NotStarted(_)));
    }
}
