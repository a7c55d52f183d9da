//! One connection to one card. It lives on a thread of its own, because the service has no time limit for a card that
//! does not answer: whoever waits gives up, the thread may not.

use std::ffi::CString;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use pcsc::{Card, Context, Disposition, Error, Protocol, Protocols, ReaderState, Scope, ShareMode, State};
use zeroize::Zeroizing;

use super::{Moment, changes, lengths_of, meaning};
use crate::transport::{Lengths, Transport, TransportError};

/// Room for the longest response of all (ISO 7816-4 §5.1), status word included.
const MOST_BYTES: usize = (64 << 10) + 2;

type Answer<T> = Result<T, TransportError>;

/// What the thread is asked for. A command and its answer are wiped wherever they end.
enum Request {
    Begin(Sender<Answer<()>>),
    Send(Zeroizing<Vec<u8>>, Sender<Answer<Zeroizing<Vec<u8>>>>),
    End(Disposition, Sender<Answer<()>>),
}

/// What is known of a card from connecting to it.
struct Connected {
    lengths: Lengths,
    atr: Vec<u8>,
    changes: u16,
}

/// A connection to the card in one reader, shared with other programs. Dropping it leaves the card as it is.
pub struct Connection {
    requests: Sender<Request>,
    limit: Duration,
    card: Connected,
    /// The card did not answer in time, and the thread may wait for it still.
    stuck: bool,
}

impl Connection {
    /// Connects to the card in this reader. `limit` holds for this and for each command: what takes longer is
    /// [`TransportError::Silent`], and [`TransportError::Busy`] while another program has its turn. After anything but
    /// that, open another one.
    pub fn open(reader: &str, limit: Duration) -> Result<Self, TransportError> {
        // A name that has a zero byte is no reader's.
        let reader = CString::new(reader).map_err(|_| TransportError::Absent)?;
        let (requests, asked) = mpsc::channel();
        let (answer, opened) = mpsc::channel();
        // Whatever the thread is doing when nobody waits any more, it ends after it.
        thread::spawn(move || match connect(&reader) {
            Ok((card, connected)) => {
                if answer.send(Ok(connected)).is_ok() {
                    serve(card, &asked);
                } else {
                    leave(card);
                }
            }
            Err(error) => drop(answer.send(Err(meaning(error, Moment::Before)))),
        });
        let card = waited(&opened, limit, TransportError::Silent)?;
        Ok(Self { requests, limit, card, stuck: false })
    }

    /// What the card said when it got power.
    pub fn atr(&self) -> &[u8] {
        &self.card.atr
    }

    /// The number of changes ([`Reader::changes`](super::Reader)) that made this the card in the reader: with another one than
    /// was seen, this is another card than was seen.
    pub fn changes(&self) -> u16 {
        self.card.changes
    }

    /// Keeps other programs away from the card until the operation ends. One for each logical operation: an applet that
    /// was selected before may not be any more.
    pub fn begin(&mut self) -> Result<Operation<'_>, TransportError> {
        if self.stuck {
            return Err(TransportError::Silent);
        }
        match self.ask(Request::Begin, TransportError::Busy) {
            Ok(()) => Ok(Operation { connection: self }),
            Err(error) => {
                // Its turn may have come while nobody waited any more.
                self.end(Disposition::LeaveCard);
                Err(error)
            }
        }
    }

    /// Ends what was begun, and tells who wants to know.
    fn end(&self, disposition: Disposition) -> Receiver<Answer<()>> {
        let (answer, ended) = mpsc::channel();
        // A thread that panicked has ended it.
        let _ = self.requests.send(Request::End(disposition, answer));
        ended
    }

    fn ask<T>(
        &self,
        request: impl FnOnce(Sender<Answer<T>>) -> Request,
        late: TransportError,
    ) -> Result<T, TransportError> {
        let (answer, answered) = mpsc::channel();
        // The thread ends before this only if it panicked.
        self.requests.send(request(answer)).map_err(|_| TransportError::Lost)?;
        waited(&answered, self.limit, late)
    }
}

fn waited<T>(answered: &Receiver<Answer<T>>, limit: Duration, late: TransportError) -> Answer<T> {
    match answered.recv_timeout(limit) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err(late),
        Err(RecvTimeoutError::Disconnected) => Err(TransportError::Lost),
    }
}

/// The card while no other program can reach it. Dropping it leaves the card as it is.
pub struct Operation<'a> {
    connection: &'a mut Connection,
}

impl Operation<'_> {
    /// Ends it with a reset: the card forgets who has authenticated, and what was selected. For contactless cards after
    /// they were written to.
    pub fn end_with_reset(self) -> Result<(), TransportError> {
        let ended = self.connection.end(Disposition::ResetCard);
        waited(&ended, self.connection.limit, TransportError::Silent)
    }
}

impl Transport for Operation<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        if self.connection.stuck {
            return Err(TransportError::Silent);
        }
        let command = Zeroizing::new(command.to_vec());
        let sent = self.connection.ask(|answer| Request::Send(command, answer), TransportError::Silent);
        self.connection.stuck |= sent == Err(TransportError::Silent);
        sent
    }

    fn lengths(&self) -> Lengths {
        self.connection.card.lengths
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        // Nothing is left to end after a reset: then this is answered, and nobody listens.
        self.connection.end(Disposition::LeaveCard);
    }
}

/// A context of its own: the library lets one thread at a time into each.
fn connect(reader: &CString) -> Result<(Card, Connected), Error> {
    let context = Context::establish(Scope::User)?;
    let card = context.connect(reader, ShareMode::Shared, Protocols::T0 | Protocols::T1)?;
    match connected(&context, &card, reader) {
        Ok(connected) => Ok((card, connected)),
        Err(error) => {
            leave(card);
            Err(error)
        }
    }
}

fn connected(context: &Context, card: &Card, reader: &CString) -> Result<Connected, Error> {
    let status = card.status2_owned()?;
    // Counted behind connecting: of a card that goes in between the connection says so.
    let mut now = [ReaderState::new(reader.as_c_str(), State::UNAWARE)];
    context.get_status_change(Duration::ZERO, &mut now)?;
    // T=0 has no room for extended lengths (ISO 7816-3 §10).
    let over_t0 = status.protocol2() == Some(Protocol::T0);
    let lengths = if over_t0 { Lengths::Short } else { lengths_of(status.atr()) };
    let [now] = now;
    Ok(Connected { lengths, atr: status.atr().to_vec(), changes: changes(&now) })
}

/// Without this the library resets the card.
fn leave(card: Card) {
    if let Err((card, _)) = card.disconnect(Disposition::LeaveCard) {
        // The service does not know it any more, so there is nothing to reset.
        drop(card);
    }
}

fn serve(mut card: Card, asked: &Receiver<Request>) {
    while let Ok(request) = asked.recv() {
        match request {
            Request::Begin(answer) => operate(&mut card, &answer, asked),
            Request::Send(_, answer) => drop(answer.send(Err(TransportError::Absent))),
            Request::End(_, answer) => drop(answer.send(Ok(()))),
        }
    }
    leave(card);
}

/// From the beginning of a transaction to its end.
fn operate(card: &mut Card, begun: &Sender<Answer<()>>, asked: &Receiver<Request>) {
    let transaction = match card.transaction2() {
        Err((card, Error::ResetCard)) => {
            // Another program reset it, which costs nothing between two operations.
            let again =
                card.reconnect(ShareMode::Shared, Protocols::T0 | Protocols::T1, Disposition::LeaveCard);
            again.and_then(|()| card.transaction())
        }
        begun => begun.map_err(|(_, error)| error),
    };
    let transaction = match transaction {
        Ok(transaction) => transaction,
        Err(error) => return drop(begun.send(Err(meaning(error, Moment::Before)))),
    };
    if begun.send(Ok(())).is_err() {
        return;
    }
    let mut room = Zeroizing::new(vec![0; MOST_BYTES]);
    while let Ok(request) = asked.recv() {
        match request {
            Request::Send(command, answer) => {
                let sent = match transaction.transmit(&command, &mut room) {
                    // A card that was torn out meanwhile is a success without a byte.
                    Ok([]) => Err(TransportError::Lost),
                    Ok(response) => Ok(Zeroizing::new(response.to_vec())),
                    Err(error) => Err(meaning(error, Moment::During)),
                };
                let _ = answer.send(sent);
            }
            Request::End(disposition, answer) => {
                let ended = transaction.end(disposition).map_err(|(_, error)| meaning(error, Moment::During));
                return drop(answer.send(ended));
            }
            Request::Begin(answer) => drop(answer.send(Err(TransportError::Busy))),
        }
    }
}
