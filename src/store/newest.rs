//! The newest states of tokens: appended first, entered by token many at a time.
//!
//! Checks come in random order of tokens, so each would dirty a page of `states` in its commit. So the
//! engine appends a new state to `state_log`, whose end is one page for all of them, and moves what
//! waits there into `states` later, in key order. [`Newest`] remembers in memory where in the log the
//! newest state of a seed lies. It is a hint only: an entry names its seed, and a snapshot that does not
//! have the entry (it is older, or was made after the entries moved) looks through its own log.
//!
//! [`Fresh`] makes one table of the two for everybody above: get, put and delete by key.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use super::kv::{Entry, Kv, KvMut, Order, Span, Tab};
use super::{StoreError, keys};

/// Entries that a slice moves at most.
const SLICE: usize = 8_192;
/// From this many waiting entries on it is worth a commit while nothing else is to do.
const WORTH: u64 = 1_024;
/// From this many on they are moved although others wait.
const MANY: u64 = 8_192;

/// The key of a state: token and seed version.
type SeedKey = [u8; 12];

/// Where the newest states of seeds lie in the log.
#[derive(Debug, Default)]
pub(super) struct Newest(RwLock<Places>);

#[derive(Debug, Default)]
struct Places {
    /// All entries up to this one have moved.
    moved: u64,
    /// The last entry.
    last: u64,
    at: HashMap<SeedKey, u64>,
}

impl Newest {
    fn places<T>(&self, look: impl FnOnce(&Places) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Places) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks through the whole log, when a file was opened.
    pub(super) fn learn(&self, raw: &dyn Kv) -> Result<(), StoreError> {
        let moved = moved(raw)?;
        let at = look_through(raw)?;
        let last = last(raw)?.max(moved);
        self.change(|places| *places = Places { moved, last, at });
        Ok(())
    }

    /// True when entries wait that are worth a commit.
    pub(super) fn is_worth_moving(&self) -> bool {
        self.places(|places| places.last.saturating_sub(places.moved) >= WORTH)
    }

    /// True when so many wait that they are moved although others wait, too.
    pub(super) fn is_due(&self) -> bool {
        self.places(|places| places.last.saturating_sub(places.moved) >= MANY)
    }

    /// Moves a bounded number of entries; gives what to tell [`Newest::have_moved`] after the commit.
    pub(super) fn slice(raw: &dyn KvMut) -> Result<Option<Moved>, StoreError> {
        let entries = raw.range(Tab::StateLog, &Span::ALL, Order::Up, SLICE)?;
        let Some(to) = entries.last().map(|(key, _)| keys::last_number(key)) else {
            return Ok(None);
        };
        // Of several states of a seed the last one counts.
        let mut newest = BTreeMap::new();
        for (_, value) in &entries {
            let (seed, state) = parts(value)?;
            newest.insert(seed, state);
        }
        for (seed, state) in newest {
            if state.is_empty() {
                raw.delete(Tab::States, &seed)?;
            } else {
                raw.put(Tab::States, &seed, state)?;
            }
        }
        for (key, _) in &entries {
            raw.delete(Tab::StateLog, key)?;
        }
        raw.put(Tab::Meta, keys::meta::STATES_MOVED, &keys::number(to))?;
        Ok(Some(Moved(to)))
    }

    /// A slice was committed.
    pub(super) fn have_moved(&self, Moved(to): Moved) {
        self.change(|places| {
            places.moved = to;
            places.at.retain(|_, n| *n > to);
        });
    }
}

/// Entries up to this one lie in `states` now.
#[derive(Debug)]
pub(super) struct Moved(u64);

/// The tables of a snapshot or of the writer, with the newest states.
pub(super) struct Fresh<'a, K> {
    raw: &'a K,
    newest: &'a Newest,
    /// What a look through the own log found.
    own: OnceCell<HashMap<SeedKey, u64>>,
    /// The hints that the present decision replaced.
    before: RefCell<Vec<(SeedKey, Option<u64>)>>,
}

impl<'a, K> Fresh<'a, K> {
    /// These tables with what is newest.
    pub(super) fn new(raw: &'a K, newest: &'a Newest) -> Self {
        Self { raw, newest, own: OnceCell::new(), before: RefCell::default() }
    }

    /// A decision begins: the hints stay.
    pub(super) fn keep(&self) {
        self.before.borrow_mut().clear();
    }

    /// What was appended since the last `keep` is no longer there.
    pub(super) fn take_back(&self) {
        self.newest.change(|places| {
            for (seed, at) in self.before.borrow_mut().drain(..).rev() {
                match at {
                    Some(n) => drop(places.at.insert(seed, n)),
                    None => drop(places.at.remove(&seed)),
                }
            }
        });
    }
}

impl<K: Kv> Fresh<'_, K> {
    fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let seed = seed_key(key)?;
        let (known_moved, hint) = self.newest.places(|places| (places.moved, places.at.get(&seed).copied()));
        match hint {
            // What is newest of all is newest for everybody who has it.
            Some(n) => {
                if let Some(state) = entry(self.raw, n, &seed)? {
                    return Ok(some(state));
                }
            }
            // Nothing of this seed came after these entries moved, and they have moved here, too.
            None if moved(self.raw)? == known_moved => return self.raw.get(Tab::States, key),
            None => {}
        }
        let own = if let Some(own) = self.own.get() {
            own
        } else {
            let own = look_through(self.raw)?;
            self.own.get_or_init(|| own)
        };
        match own.get(&seed) {
            Some(&n) => Ok(entry(self.raw, n, &seed)?.and_then(some)),
            None => self.raw.get(Tab::States, key),
        }
    }
}

impl<K: KvMut> Fresh<'_, K> {
    /// Appends a state, or (no bytes) that there is none any more.
    fn append(&self, key: &[u8], state: &[u8]) -> Result<(), StoreError> {
        let seed = seed_key(key)?;
        let n = self.newest.places(|places| places.last).saturating_add(1);
        self.raw.put(Tab::StateLog, &keys::number(n), &keys::joined(&[key, state]))?;
        let at = self.newest.change(|places| {
            places.last = n;
            places.at.insert(seed, n)
        });
        self.before.borrow_mut().push((seed, at));
        Ok(())
    }
}

impl<K: Kv> Kv for Fresh<'_, K> {
    fn get(&self, table: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if table == Tab::States { self.state(key) } else { self.raw.get(table, key) }
    }

    fn range(&self, table: Tab, span: &Span, order: Order, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.raw.range(table, span, order, limit)
    }

    fn count(&self, table: Tab, span: &Span) -> Result<u64, StoreError> {
        self.raw.count(table, span)
    }

    fn len(&self, table: Tab) -> Result<u64, StoreError> {
        self.raw.len(table)
    }
}

impl<K: KvMut> KvMut for Fresh<'_, K> {
    fn put(&self, table: Tab, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if table != Tab::States {
            return self.raw.put(table, key, value);
        }
        let old = self.state(key)?;
        self.append(key, value)?;
        Ok(old)
    }

    fn delete(&self, table: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if table != Tab::States {
            return self.raw.delete(table, key);
        }
        let old = self.state(key)?;
        // Most tokens that go were never used.
        if old.is_some() {
            self.append(key, &[])?;
        }
        Ok(old)
    }
}

fn damaged() -> StoreError {
    StoreError::Record { table: Tab::StateLog.name() }
}

fn seed_key(key: &[u8]) -> Result<SeedKey, StoreError> {
    key.try_into().map_err(|_| damaged())
}

fn parts(value: &[u8]) -> Result<(SeedKey, &[u8]), StoreError> {
    let (seed, state) = value.split_first_chunk::<12>().ok_or_else(damaged)?;
    Ok((*seed, state))
}

/// No bytes stand for a state that was removed: a record has at least its version.
fn some(state: Vec<u8>) -> Option<Vec<u8>> {
    (!state.is_empty()).then_some(state)
}

/// The state in an entry, if it is there and about this seed.
fn entry(raw: &dyn Kv, n: u64, seed: &SeedKey) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut value) = raw.get(Tab::StateLog, &keys::number(n))? else { return Ok(None) };
    Ok((parts(&value)?.0 == *seed).then(|| value.split_off(seed.len())))
}

fn moved(raw: &dyn Kv) -> Result<u64, StoreError> {
    Ok(raw.get(Tab::Meta, keys::meta::STATES_MOVED)?.map_or(0, |n| keys::last_number(&n)))
}

fn last(raw: &dyn Kv) -> Result<u64, StoreError> {
    let last = raw.range(Tab::StateLog, &Span::ALL, Order::Down, 1)?;
    Ok(last.first().map_or(0, |(key, _)| keys::last_number(key)))
}

fn look_through(raw: &dyn Kv) -> Result<HashMap<SeedKey, u64>, StoreError> {
    let log: Vec<Entry> = raw.range(Tab::StateLog, &Span::ALL, Order::Up, usize::MAX)?;
    log.iter().map(|(key, value)| Ok((parts(value)?.0, keys::last_number(key)))).collect()
}
