//! Who may compute codes in bulk, and when.
//!
//! Long searches are cut into slices of about two milliseconds. A slice runs in one of the places, all cores but
//! one, and places are given in the order of asking: a short search waits for one slice of a long one, never for
//! its end, and sign-ins keep a core.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::model::{TokenId, UserId};
use crate::oath::{CodeSequence, Generator, Starts, Window, find_starts};

use super::ServiceError;

/// HMACs that may be asked for and not yet computed: a minute or two of a core. More would only wait, and hold
/// what waits for it. A search that is larger by itself is large: one such runs at a time, beside all others.
const MOST_HMACS: u128 = 10_000_000_000;
/// Searches of this size, those of the portal and the desk, are let in whatever waits: each is done in some
/// milliseconds, and an answer that only a full machine gives would tell which of them have anything to search.
pub(super) const SMALL_HMACS: u128 = 30_000_000;
/// What one core computes in a second at least, to say when to come again.
const HMACS_PER_SEC: u128 = 3_000_000;
/// Searches that wait for the same turn at most: each of them holds a thread that all other requests share.
const MOST_WAITING: usize = 8;

/// Whose searches run one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Turn {
    /// Those in one token.
    Token(TokenId),
    /// Those that a user asks for without saying in which token.
    User(UserId),
}

#[derive(Debug, Default)]
struct Queue {
    running: usize,
    /// Numbers as at a counter: the next one given out, and whose turn it is.
    next: u64,
    turn: u64,
    hmacs: u128,
    /// HMACs of the large search that runs; 0 without one.
    large: u128,
    turns: HashSet<Turn>,
    /// How many wait for a turn; those that nobody waits for are not in it.
    waiting: HashMap<Turn, usize>,
}

impl Queue {
    /// Counts one more that waits for a turn, unless too many do.
    fn wait_for(&mut self, turn: Turn) -> bool {
        let waiting = self.waiting.entry(turn).or_default();
        let has_room = *waiting < MOST_WAITING;
        *waiting += usize::from(has_room);
        has_room
    }

    fn waited_for(&mut self, turn: Turn) {
        if let Some(waiting) = self.waiting.get_mut(&turn) {
            *waiting -= 1;
            if *waiting == 0 {
                self.waiting.remove(&turn);
            }
        }
    }
}

/// The refusal of a search behind so much that waits.
fn busy(clock: &dyn Clock, hmacs: u128) -> ServiceError {
    let now = clock.now();
    let secs = i64::try_from(hmacs / HMACS_PER_SEC).unwrap_or(i64::MAX).min(3_600);
    ServiceError::Busy { until: now.plus_secs(secs.max(1)), now }
}

/// The places for searches.
#[derive(Debug)]
pub(super) struct SearchGate {
    queue: Mutex<Queue>,
    moved: Condvar,
    places: usize,
}

/// Work that was let in; leaves when dropped, also while a panic unwinds.
pub(super) struct Admitted<'g> {
    gate: &'g SearchGate,
    hmacs: u128,
    turn: Option<Turn>,
}

/// A place that is taken; given back when dropped.
struct Place<'g>(&'g SearchGate);

impl SearchGate {
    pub(super) fn for_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_places(cores.saturating_sub(1).max(1))
    }

    fn with_places(places: usize) -> Self {
        Self { queue: Mutex::default(), moved: Condvar::new(), places }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets in a search that computes so many HMACs. One of a token or a user waits until no other of theirs runs, and
    /// is refused when too many do so already; refused, too, when too much waits altogether. A large one is refused beside another large one only, and makes no
    /// other wait for more than a slice.
    pub(super) fn admit(
        &self,
        clock: &dyn Clock,
        turn: Option<Turn>,
        hmacs: u128,
    ) -> Result<Admitted<'_>, ServiceError> {
        let mut queue = self.queue();
        if let Some(turn) = turn.filter(|turn| queue.turns.contains(turn)) {
            if !queue.wait_for(turn) {
                return Err(busy(clock, queue.hmacs));
            }
            while queue.turns.contains(&turn) {
                queue = self.moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.waited_for(turn);
        }
        let is_large = hmacs > MOST_HMACS;
        let (waiting, is_full) = if is_large {
            (queue.large, queue.large > 0)
        } else {
            (queue.hmacs, hmacs > SMALL_HMACS && queue.hmacs + hmacs > MOST_HMACS)
        };
        if is_full {
            return Err(busy(clock, waiting));
        }
        *(if is_large { &mut queue.large } else { &mut queue.hmacs }) += hmacs;
        if let Some(turn) = turn {
            queue.turns.insert(turn);
        }
        Ok(Admitted { gate: self, hmacs, turn })
    }

    fn place(&self) -> Place<'_> {
        let mut queue = self.queue();
        let mine = queue.next;
        queue.next += 1;
        while queue.turn != mine || queue.running >= self.places {
            queue = self.moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.turn += 1;
        queue.running += 1;
        drop(queue);
        // Whoever comes next may find another place free.
        self.moved.notify_all();
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.queue().running -= 1;
        self.0.moved.notify_all();
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut queue = self.gate.queue();
        *(if self.hmacs > MOST_HMACS { &mut queue.large } else { &mut queue.hmacs }) -= self.hmacs;
        if let Some(turn) = self.turn {
            queue.turns.remove(&turn);
        }
        drop(queue);
        self.gate.moved.notify_all();
    }
}

impl Admitted<'_> {
    /// Runs one slice of the work in a place.
    pub(super) fn slice<T>(&self, work: impl FnOnce() -> T) -> T {
        let _place = self.gate.place();
        work()
    }

    /// Does all parts of a work, each in [`slice`](Self::slice)s of its own, on as many threads as there are places
    /// when there is more than one part; puts the answers together. `None` when it was told to stop.
    pub(super) fn parts<P: Send, T: Send + Default>(
        &self,
        parts: impl Iterator<Item = P> + Send,
        stop: &AtomicBool,
        work: impl Fn(P) -> T + Sync,
        join: impl Fn(T, T) -> T + Sync,
    ) -> Option<T> {
        let mut parts = parts.peekable();
        let Some(first) = parts.next() else {
            return (!stop.load(Ordering::Relaxed)).then(T::default);
        };
        if parts.peek().is_none() {
            let done = work(first);
            return (!stop.load(Ordering::Relaxed)).then_some(done);
        }
        let left = Mutex::new(std::iter::once(first).chain(parts));
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let worker = || {
            let mut done = T::default();
            while !stop.load(Ordering::Relaxed) {
                let Some(part) = next() else { break };
                done = join(done, work(part));
            }
            done
        };
        let done = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.gate.places).map(|_| scope.spawn(worker)).collect();
            others.into_iter().fold(worker(), |done, other| match other.join() {
                Ok(more) => join(done, more),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        });
        (!stop.load(Ordering::Relaxed)).then_some(done)
    }

    /// The start positions at which the codes fit, of the whole window.
    pub(super) fn find(&self, generator: &Generator, codes: &CodeSequence, starts: Window) -> Starts {
        let never = AtomicBool::new(false);
        let slice = |slice| self.slice(|| find_starts(generator, codes, slice));
        self.parts(starts.slices(), &never, slice, Starts::and).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::clock::{ManualClock, UnixTime};

    fn clock() -> ManualClock {
        ManualClock::new(UnixTime::from_secs(1_800_000_000))
    }

    #[test]
    fn a_panic_gives_place_and_admission_back() {
        let (gate, clock) = (SearchGate::with_places(1), clock());
        let turn = Some(Turn::Token(TokenId(7)));
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let admitted = gate.admit(&clock, turn, 5).expect("room");
            admitted.slice(|| -> u8 { panic!("on purpose") })
        }));
        assert!(ended.is_err());
        // Would wait for ever for what is never given back, so it is looked at first.
        let queue = gate.queue();
        assert_eq!((queue.running, queue.hmacs, queue.turns.len()), (0, 0, 0));
        drop(queue);
        assert_eq!(gate.admit(&clock, turn, 5).expect("room").slice(|| 7), 7);
    }

    #[test]
    fn a_large_search_shuts_out_large_ones_only() {
        let (gate, clock) = (SearchGate::with_places(1), clock());
        let large = gate.admit(&clock, None, 20 * MOST_HMACS).expect("alone");
        let again = gate.admit(&clock, None, MOST_HMACS + 1).map(|_| ());
        assert!(matches!(again, Err(ServiceError::Busy { until, now }) if until > now), "{again:?}");
        // A day of a million tokens, and a diagnosis beside it.
        let day = gate.admit(&clock, None, 5_761_000_000).expect("ordinary");
        drop(gate.admit(&clock, None, SMALL_HMACS + 1).expect("ordinary"));
        drop(large);
        let large = gate.admit(&clock, None, 2 * MOST_HMACS).expect("beside ordinary ones");
        drop((day, large));
        let queue = gate.queue();
        assert_eq!((queue.hmacs, queue.large), (0, 0));
    }

    #[test]
    fn more_work_than_the_machine_does_in_a_minute_is_refused() {
        let (gate, clock) = (SearchGate::with_places(1), clock());
        let full = gate.admit(&clock, None, MOST_HMACS).expect("room");
        let Err(ServiceError::Busy { until, now }) = gate.admit(&clock, None, SMALL_HMACS + 1).map(|_| ())
        else {
            panic!("refused");
        };
        assert!(until > now);
        assert!(gate.admit(&clock, None, SMALL_HMACS).is_ok(), "a desk is served all the same");
        drop(full);
        assert!(gate.admit(&clock, None, SMALL_HMACS + 1).is_ok());
    }

    #[test]
    fn so_many_wait_for_a_turn_and_no_more() {
        let (gate, clock) = (SearchGate::with_places(1), clock());
        let turn = Some(Turn::Token(TokenId(7)));
        let first = gate.admit(&clock, turn, 1).expect("room");
        std::thread::scope(|scope| {
            let wait = || drop(gate.admit(&clock, turn, 1).expect("waits"));
            let waiting: Vec<_> = (0..MOST_WAITING).map(|_| scope.spawn(wait)).collect();
            while gate.queue().waiting.values().sum::<usize>() < MOST_WAITING {
                std::thread::yield_now();
            }
            let refused = gate.admit(&clock, turn, 1).map(|_| ());
            assert!(matches!(refused, Err(ServiceError::Busy { until, now }) if until > now), "{refused:?}");
            drop(gate.admit(&clock, Some(Turn::Token(TokenId(8))), 1).expect("another turn"));
            drop(first);
            for one in waiting {
                one.join().expect("had its turn");
            }
        });
        let queue = gate.queue();
        assert_eq!((queue.hmacs, queue.turns.len(), queue.waiting.len()), (0, 0, 0));
    }

    #[test]
    fn a_short_search_waits_for_a_slice_of_a_long_one_only() {
        let (gate, clock) = (SearchGate::with_places(1), clock());
        let has_run = AtomicBool::new(false);
        let (begun, go) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let (gate, clock, has_run) = (&gate, &clock, &has_run);
            scope.spawn(move || {
                let admitted = gate.admit(clock, None, 10).expect("room");
                // Goes on until the short one has had its turn: for ever, if it had to wait for the end.
                let parts = std::iter::from_fn(|| (!has_run.load(Ordering::SeqCst)).then_some(()));
                let never = AtomicBool::new(false);
                let work = |()| {
                    admitted.slice(|| {
                        let _ = begun.send(());
                    });
                };
                admitted.parts(parts, &never, work, |(), ()| ()).expect("not stopped");
            });
            go.recv().expect("the long one has begun");
            let admitted = gate.admit(clock, None, 1).expect("room");
            admitted.slice(|| has_run.store(true, Ordering::SeqCst));
        });
    }

    #[test]
    fn parts_are_done_once_each_on_all_places_and_stop_when_told() {
        let (gate, clock) = (SearchGate::with_places(4), clock());
        let admitted = gate.admit(&clock, None, 10).expect("room");
        let stop = AtomicBool::new(false);
        let sum = admitted.parts(1..=100u64, &stop, |part| part, |a, b| a + b);
        assert_eq!(sum, Some(5_050));
        assert_eq!(admitted.parts(std::iter::empty::<u64>(), &stop, |part| part, |a, b| a + b), Some(0));
        stop.store(true, Ordering::Relaxed);
        for count in [100u64, 1, 0] {
            assert_eq!(admitted.parts(1..=count, &stop, |part| part, |a, b| a + b), None);
        }
    }
}
