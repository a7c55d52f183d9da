//! Simulated cards in readers of the real card reader service, through the driver vpcd of vsmartcard.
//!
//! The driver listens and a card connects (`virtualsmartcard/src/vpcd/vpcd.c`): both send a length of two bytes, the
//! highest first, and as much. One byte is for the reader: 0 power off, 1 power on, 2 reset, 4 asks for the ATR, which
//! alone is answered. More is a command.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::net::sockopt::set_tcp_quickack;
use zeroize::Zeroizing;

use super::Card;

/// A card that lies in a reader until this is dropped, or until the card goes by itself.
pub struct InReader {
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl InReader {
    /// Puts a card into the reader whose driver listens there.
    pub fn insert(card: Arc<Mutex<dyn Card>>, reader: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(reader)?;
        let mut served = stream.try_clone()?;
        // A service that stops closes the connection: the card lies in no reader any more.
        let thread = thread::spawn(move || {
            let _ = serve(&card, &mut served);
            let _ = served.shutdown(Shutdown::Both);
        });
        Ok(Self { stream, thread: Some(thread) })
    }
}

impl Drop for InReader {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // A card that panics has said why.
            let _ = thread.join();
        }
    }
}

/// Until the card goes, or the service.
fn serve(card: &Mutex<dyn Card>, stream: &mut TcpStream) -> io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        // The driver writes length and message apart, and the system keeps the second back until the first is
        // acknowledged: at once, and not after the 40 ms in which an answer might have taken it along.
        set_tcp_quickack(&*stream, true)?;
        let mut message = Zeroizing::new(vec![0; usize::from(u16::from_be_bytes(length))]);
        stream.read_exact(&mut message)?;
        let mut card = card.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match message.as_slice() {
            [1 | 2] => {
                card.power_on();
                continue;
            }
            [4] => card.atr().to_vec(),
            [] | [_] => continue,
            command => match card.transmit(command) {
                Some(response) => response,
                None => return Ok(()),
            },
        };
        drop(card);
        let Ok(length) = u16::try_from(answer.len()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a response of more than 65,535 bytes"));
        };
        let answer = Zeroizing::new([&length.to_be_bytes()[..], &answer].concat());
        stream.write_all(&answer)?;
    }
}
