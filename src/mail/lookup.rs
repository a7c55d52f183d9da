//! Network addresses of a name, with a limit of time: the system's own question has none, and a name service that
//! does not answer would hold up whatever waits behind it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Questions that the system has not answered yet. Beyond that none is asked: each keeps a thread.
const MOST_OPEN: usize = 8;

type Ask = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Asks for addresses.
pub(super) struct Lookup {
    ask: Arc<Ask>,
    open: Arc<AtomicUsize>,
}

/// One question under way.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lookup {
    /// Asks the system.
    pub(super) fn of_the_system() -> Self {
        Self::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
    }

    fn new(ask: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self { ask: Arc::new(ask), open: Arc::default() }
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// `TimedOut` when there was no answer in time, or too many questions have none yet.
    pub(super) fn find(&self, host: &str, port: u16, wait: Duration) -> io::Result<Vec<SocketAddr>> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(Arc::clone(&self.open));
        if before >= MOST_OPEN {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let (tell, told) = sync_channel(1);
        let (ask, host) = (Arc::clone(&self.ask), host.to_owned());
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let _open = open;
            // Nobody may be waiting any more.
            let _ = tell.send(ask(&host, port));
        })?;
        told.recv_timeout(wait).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn a_name_service_that_does_not_answer_holds_up_nobody_for_long() {
        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        let names = Lookup::new(move |_, port| {
            if port == 1 {
                // Until the test lets go.
                let _ = held.lock().map(|held| held.recv());
            }
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
        });
        let slow = |wait| names.find("slow.example.org", 1, wait).map_err(|error| error.kind());
        assert_eq!(slow(SHORT), Err(io::ErrorKind::TimedOut));
        assert_eq!(names.find("example.org", 2, LONG).expect("found").len(), 1);
        for _ in 1..MOST_OPEN {
            assert_eq!(slow(SHORT), Err(io::ErrorKind::TimedOut));
        }
        // No more threads than that, whatever is asked: the answer is there at once.
        assert_eq!(slow(LONG), Err(io::ErrorKind::TimedOut));
        drop(release);
    }

    #[test]
    fn addresses_are_their_own() {
        let found = Lookup::of_the_system().find("192.0.2.7", 443, LONG).expect("an address");
        assert_eq!(found, [SocketAddr::from(([192, 0, 2, 7], 443))]);
    }
}
