//! Cards in PC/SC readers, through the service pcscd.
//!
//! Nothing here resets a card that another program uses: connections are shared, transactions are short, and a card is
//! left as it was found unless the caller says otherwise.

mod connection;

use std::ffi::{CStr, CString};
use std::time::Duration;

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, Scope, State};

pub use self::connection::{Connection, Operation};
use super::{Lengths, TransportError};

/// Readers that one question to the service may name (pcsclite's `PCSCLITE_MAX_READERS_CONTEXTS`), the one that stands
/// for new readers included.
const MOST_AT_ONCE: usize = 16;
/// How long one part of the readers is watched before the next one, when there are too many for one question.
const PART: Duration = Duration::from_millis(200);

/// A reader and what lies in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// As the service calls it; the numbers at its end change when it is plugged in again.
    pub name: String,
    /// What lies in it.
    pub holds: Holds,
    /// Cards put in and taken out so far, modulo 65,536: an equal card that was swapped in between is another number.
    pub changes: u16,
}

/// What lies in a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing.
    Nothing,
    /// A card.
    Card {
        /// What it said when it got power.
        atr: Vec<u8>,
        /// A program has it for itself: connecting gives [`TransportError::Busy`].
        exclusively_used: bool,
    },
    /// Something that says nothing: a card that lies the wrong way round, a coin.
    Mute,
}

/// The readers of this machine. Connects to the service when it is first asked, and again after the service was
/// restarted.
#[derive(Default)]
pub struct Readers {
    context: Option<Context>,
    /// What was reported last.
    known: Vec<ReaderState>,
}

impl Readers {
    /// Asks nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is there now.
    pub fn list(&mut self) -> Result<Vec<Reader>, TransportError> {
        self.known.clear();
        self.watch(Duration::ZERO)
    }

    /// Waits until a reader or a card comes or goes, at most so long, and says what is there then. What happened since
    /// the last call is not missed.
    pub fn watch(&mut self, limit: Duration) -> Result<Vec<Reader>, TransportError> {
        match self.try_watch(limit) {
            // An old connection to a service that was restarted says so for ever; and a reader may have gone just now.
            Err(error) if is_service_gone(error) || error == Error::UnknownReader => {
                self.context = None;
                self.known.clear();
                self.try_watch(limit)
            }
            watched => watched,
        }
        .map_err(|error| {
            self.context = None;
            self.known.clear();
            meaning(error, Moment::Before)
        })
    }

    fn try_watch(&mut self, limit: Duration) -> Result<Vec<Reader>, Error> {
        let context = match &self.context {
            Some(context) => context,
            None => self.context.insert(Context::establish(Scope::User)?),
        };
        let names = names(context)?;
        let same = self.known.len() == names.len() + 1
            && names.iter().all(|name| self.known.iter().any(|known| known.name() == name.as_c_str()));
        let limit = if same { limit } else { Duration::ZERO };
        if !same {
            let all = names.iter().map(CString::as_c_str);
            let state = |name: &CStr| ReaderState::new(name, State::UNAWARE);
            self.known = std::iter::once(PNP_NOTIFICATION()).chain(all).map(state).collect();
        }
        wait(context, &mut self.known, limit)?;
        // One that went just now is left out: the next call lists the names again.
        let gone = |state: State| state.intersects(State::UNKNOWN | State::IGNORE | State::UNAVAILABLE);
        let readers =
            self.known.iter().skip(1).filter(|known| !gone(known.event_state())).map(reader).collect();
        self.known.iter_mut().for_each(ReaderState::sync_current_state);
        Ok(readers)
    }
}

fn names(context: &Context) -> Result<Vec<CString>, Error> {
    match context.list_readers_owned() {
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        names => names,
    }
}

/// Waits for a change, in parts where there are more readers than one question may name.
fn wait(context: &Context, states: &mut [ReaderState], limit: Duration) -> Result<(), Error> {
    let ask = |states: &mut [ReaderState], limit: Duration| match context.get_status_change(limit, states) {
        Ok(()) => Ok(true),
        Err(Error::Timeout) => Ok(false),
        Err(error) => Err(error),
    };
    if states.len() <= MOST_AT_ONCE {
        return ask(states, limit).map(drop);
    }
    let parts = u32::try_from(states.len().div_ceil(MOST_AT_ONCE)).unwrap_or(u32::MAX);
    let rounds = limit.as_millis().div_ceil((PART * parts).as_millis()).max(1);
    let pause = PART.min(limit);
    for _ in 0..rounds {
        let mut changed = false;
        for part in states.chunks_mut(MOST_AT_ONCE) {
            changed |= ask(part, if changed { Duration::ZERO } else { pause })?;
        }
        if changed {
            break;
        }
    }
    Ok(())
}

fn reader(known: &ReaderState) -> Reader {
    let state = known.event_state();
    let holds = if state.contains(State::MUTE) {
        Holds::Mute
    } else if state.contains(State::PRESENT) {
        let exclusively_used = state.contains(State::EXCLUSIVE);
        Holds::Card { atr: known.atr().to_vec(), exclusively_used }
    } else {
        Holds::Nothing
    };
    Reader { name: known.name().to_string_lossy().into_owned(), holds, changes: changes(known) }
}

/// The counter that the service keeps in two bytes.
fn changes(known: &ReaderState) -> u16 {
    let [_, _, high, low] = known.event_count().to_be_bytes();
    u16::from_be_bytes([high, low])
}

const fn is_service_gone(error: Error) -> bool {
    matches!(error, Error::NoService | Error::ServiceStopped | Error::InvalidHandle | Error::CommError)
}

/// Whether a command had been sent when something went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    During,
}

/// What an error of the service means for the token.
fn meaning(error: Error, moment: Moment) -> TransportError {
    match (error, moment) {
        (Error::SharingViolation, _) => TransportError::Busy,
        (Error::SecurityViolation | Error::NoAccess, _) => TransportError::NoPermission,
        (Error::UnresponsiveCard | Error::UnpoweredCard | Error::ProtoMismatch, Moment::Before) => {
            TransportError::Silent
        }
        (error, Moment::Before) if is_service_gone(error) => TransportError::NoService,
        (Error::InsufficientBuffer, Moment::During) => TransportError::Garbled("a response that is too long"),
        (Error::Timeout | Error::UnresponsiveCard, Moment::During) => TransportError::Silent,
        (_, Moment::Before) => TransportError::Absent,
        (_, Moment::During) => TransportError::Lost,
    }
}

/// Lengths that get through to a card with this ATR: extended ones when the card says so among its historical bytes
/// (ISO 7816-4 §12.1.1.9, third table of software functions) and lies in no contactless reader. Many of those pass 255
/// bytes at most, whatever the card can do; PC/SC part 3 §3.1.3.2.3 has them begin with `3B 8n 80 01`.
pub fn lengths_of(atr: &[u8]) -> Lengths {
    if is_contactless(atr) {
        return Lengths::Short;
    }
    let mut rest = historical_bytes(atr);
    // A category byte, then objects of tag and length in one byte; 00 has three bytes of status at the end.
    match rest.split_first() {
        Some((0x80, objects)) => rest = objects,
        Some((0x00, objects)) => rest = &objects[..objects.len().saturating_sub(3)],
        _ => return Lengths::Short,
    }
    while let Some((head, behind)) = rest.split_first() {
        let Some((value, next)) = behind.split_at_checked(usize::from(head & 0x0f)) else { break };
        if head >> 4 == 7 && value.get(2).is_some_and(|functions| functions & 0x40 != 0) {
            return Lengths::Extended;
        }
        rest = next;
    }
    Lengths::Short
}

/// True when a contactless reader made this ATR (PC/SC part 3 §3.1.3.2.3): `3B 8n 80 01`, then what the card says.
pub fn is_contactless(atr: &[u8]) -> bool {
    atr.len() > 3 && atr[1] & 0xf0 == 0x80 && atr[2..4] == [0x80, 0x01]
}

/// The historical bytes of an ATR (ISO 7816-3 §8.2): behind all interface bytes, whose presence is said by the high half
/// of T0 and of each TD.
fn historical_bytes(atr: &[u8]) -> &[u8] {
    let Some(&t0) = atr.get(1) else { return &[] };
    let mut at = 2;
    let mut present = t0 >> 4;
    while present != 0 {
        let following = usize::try_from(present.count_ones()).unwrap_or(0);
        let td = if present & 0x8 == 0 { None } else { atr.get(at + following - 1) };
        at += following;
        present = td.map_or(0, |td| td >> 4);
    }
    let rest = atr.get(at..).unwrap_or(&[]);
    &rest[..rest.len().min(usize::from(t0 & 0x0f))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::scripted::{bytes, hex};

    #[test]
    fn lengths_follow_from_what_the_card_says() {
        let of = |atr: &str| lengths_of(&bytes(atr));
        assert_eq!(of("3BFD1300008131FE158073C021C057597562694B657940"), Lengths::Extended, "YubiKey 5, USB");
        assert_eq!(of("3B8D80018073C021C057597562694B6579F9"), Lengths::Short, "YubiKey 5, contactless");
        assert_eq!(of("3BF81300008131FE15597562696B657934D4"), Lengths::Short, "YubiKey 4 says nothing");
        assert_eq!(of("3B80800101"), Lengths::Short);
        assert_eq!(hex(historical_bytes(&bytes("3BF81300008131FE15597562696B657934D4"))), "597562696B657934");
    }

    #[test]
    fn errors_are_told_apart() {
        let before = |error| meaning(error, Moment::Before);
        assert_eq!(before(Error::NoService), TransportError::NoService);
        assert_eq!(before(Error::ServiceStopped), TransportError::NoService);
        assert_eq!(before(Error::SharingViolation), TransportError::Busy);
        assert_eq!(before(Error::SecurityViolation), TransportError::NoPermission);
        assert_eq!(before(Error::NoSmartcard), TransportError::Absent);
        assert_eq!(before(Error::UnresponsiveCard), TransportError::Silent);
        let during = |error| meaning(error, Moment::During);
        assert_eq!(during(Error::RemovedCard), TransportError::Lost);
        assert_eq!(during(Error::NotTransacted), TransportError::Lost);
        assert_eq!(during(Error::NoService), TransportError::Lost, "the service died under the command");
        assert_eq!(during(Error::ResetCard), TransportError::Lost);
    }

    proptest! {
        #[test]
        fn any_atr_has_lengths(atr in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = lengths_of(&atr);
        }
    }
}
