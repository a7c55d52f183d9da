//! The clocks of all tokens at a glance: how far they are off, at which rate, and which will leave the window
//! of their checks.
//!
//! A page must not read a record of every token: 100,000 of them take most of a second. So a snapshot is kept
//! in memory: for each set of resources that tokens stand on, the counts of its bars and the tokens that will
//! leave. There are few such sets, an actor sees all of one or nothing, and a page adds them up. Counts kept in
//! the store would be exact, but every check that teaches something would write them, and both offset and
//! forecast move with time without any write. The watch makes the snapshot anew every ten minutes; a store so
//! small that this takes no time is looked at for every page.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::clock::UnixTime;
use crate::model::{Actor, Custody, ResourceId, Scope, TokenId};
use crate::store::{Page, View};

use super::scope::sees_token;
use super::{Service, ServiceError, TokenView};

/// A snapshot that took longer than this is kept.
const QUICK: Duration = Duration::from_millis(30);
/// For so long.
const KEPT: Duration = Duration::from_mins(10);
/// Records read in one go.
const AT_ONCE: usize = 1_000;
/// Tokens that a forecast warns of: those that leave within this many days.
pub const WARNED_DAYS: i64 = 90;
/// Tokens that are listed at most; the page says how many more there are.
pub const LISTED: usize = 50;

/// The clocks of all tokens that stand on the same resources.
#[derive(Debug)]
struct Place {
    offsets: Bars,
    rates: Bars,
    /// Those that will leave within [`WARNED_DAYS`], and when.
    leaving: Vec<(UnixTime, TokenId)>,
}

/// All clocks at one moment.
#[derive(Debug)]
pub(super) struct Fleet {
    made: Duration,
    took: Duration,
    at: UnixTime,
    places: HashMap<Vec<ResourceId>, Place>,
}

/// One bar: from (included), to (excluded), how many.
pub type Bar = (i64, i64, u64);

/// The clocks that an actor sees.
#[derive(Clone, Debug)]
pub struct FleetView {
    /// The moment of the snapshot.
    pub at: UnixTime,
    /// How many clocks are known.
    pub clocks: u64,
    /// How many of them have a known rate.
    pub rated: u64,
    /// By offset in seconds; the ends hold all that are further off.
    pub offsets: Vec<Bar>,
    /// By rate in parts in a million, likewise.
    pub rates: Vec<Bar>,
    /// How many will leave their window within [`WARNED_DAYS`].
    pub leaving: u64,
    /// The first [`LISTED`] of them, and when.
    pub listed: Vec<(TokenView, UnixTime)>,
    /// By how much the server's clock seems to have been set.
    pub doubt: Option<i64>,
    /// By how much it was seen to have been set within the last hour.
    pub set: Option<i64>,
}

/// Bounds of the bars for offsets: steps of 30 s near the middle, wider outwards.
const OFFSET_BOUNDS: &[i64] =
    &[-600, -300, -180, -120, -90, -60, -30, -15, 15, 30, 60, 90, 120, 180, 300, 600];
/// Bounds of the bars for rates.
const RATE_BOUNDS: &[i64] = &[-50, -20, -15, -10, -8, -6, -4, -2, 0, 2, 4, 6, 8, 10, 15, 20, 50];

/// Bars that are being counted.
#[derive(Clone, Debug)]
struct Bars {
    bounds: &'static [i64],
    counts: Vec<u64>,
}

impl Bars {
    fn new(bounds: &'static [i64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1] }
    }

    fn count(&mut self, value: i64) {
        self.counts[self.bounds.partition_point(|bound| *bound <= value)] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    fn all(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn bars(self) -> Vec<Bar> {
        let from = std::iter::once(i64::MIN).chain(self.bounds.iter().copied());
        let to = self.bounds.iter().copied().chain([i64::MAX]);
        from.zip(to).zip(self.counts).map(|((from, to), count)| (from, to, count)).collect()
    }
}

impl Default for Place {
    fn default() -> Self {
        Self { offsets: Bars::new(OFFSET_BOUNDS), rates: Bars::new(RATE_BOUNDS), leaving: Vec::new() }
    }
}

impl Place {
    fn add(&mut self, other: &Self) {
        self.offsets.add(&other.offsets);
        self.rates.add(&other.rates);
        self.leaving.extend(&other.leaving);
    }
}

fn look(view: &dyn View, at: UnixTime) -> Result<HashMap<Vec<ResourceId>, Place>, ServiceError> {
    let mut places: HashMap<_, Place> = HashMap::new();
    let soon = at.plus_secs(WARNED_DAYS * 86_400);
    let mut page = Page::first(AT_ONCE);
    loop {
        let slice = view.clock_histories(page)?;
        for (id, version, history) in slice.items {
            let Some(token) = view.token(id)? else { continue };
            let is_out = token.disabled.is_some()
                || matches!(token.custody, Custody::Lost { .. } | Custody::Retired { .. });
            if is_out || view.seed(id)?.is_none_or(|seed| seed.version != version) {
                continue;
            }
            let Some(line) = history.line() else { continue };
            let place = places.entry(view.resources_of(&token)?).or_default();
            place.offsets.count(line.predict(at));
            if let Some(rate) = line.known_rate_ppm() {
                place.rates.count(super::drift::floor(rate));
            }
            let window = super::drift::window_secs(history.period);
            let leaves = line.leaves_window(window, at).and_then(|leaving| leaving.at);
            place.leaving.extend(leaves.filter(|leaves| *leaves <= soon).map(|leaves| (leaves, id)));
        }
        page.after = slice.next;
        if page.after.is_none() {
            return Ok(places);
        }
    }
}

impl Service {
    fn look_at_fleet(&self) -> Result<Arc<Fleet>, ServiceError> {
        let (began, at) = (self.clock.monotonic(), self.clock.now());
        let places = self.store.read(|view| look(view, at))?;
        let made = self.clock.monotonic();
        Ok(Arc::new(Fleet { made, took: made.saturating_sub(began), at, places }))
    }

    /// The snapshot, made anew when it is old, or when that takes no time.
    fn fleet(&self) -> Result<Arc<Fleet>, ServiceError> {
        let mut kept = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fleet) = kept.as_ref()
            && fleet.took > QUICK
        {
            return Ok(Arc::clone(fleet));
        }
        let fleet = self.look_at_fleet()?;
        *kept = Some(Arc::clone(&fleet));
        Ok(fleet)
    }

    /// Makes the snapshot anew when it is old; pages go on with the old one meanwhile.
    pub(super) fn watch_fleet(&self) -> Result<(), ServiceError> {
        let now = self.clock.monotonic();
        let kept = self.fleet.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_old = kept.is_none_or(|fleet| now.saturating_sub(fleet.made) >= KEPT);
        if is_old {
            let fleet = self.look_at_fleet()?;
            *self.fleet.lock().unwrap_or_else(PoisonError::into_inner) = Some(fleet);
        }
        Ok(())
    }

    /// The clocks of all tokens that the actor sees on its resources.
    pub fn fleet_clocks(&self, actor: &Actor) -> Result<FleetView, ServiceError> {
        let fleet = self.fleet()?;
        let now = self.clock.now();
        let mut seen = Place::default();
        for (resources, place) in &fleet.places {
            if actor.scope == Scope::All || resources.iter().any(|resource| actor.scope.covers(*resource)) {
                seen.add(place);
            }
        }
        let Place { offsets, rates, mut leaving } = seen;
        leaving.sort_unstable();
        let (listed, jumps) = self.store.read(|view| {
            let mut listed = Vec::new();
            for (at, id) in leaving.iter().take(LISTED) {
                // It may have gone, or moved, since the snapshot.
                if let Some(token) = view.token(*id)?
                    && sees_token(view, actor, &token)?
                {
                    listed.push((TokenView::read(view, actor, token)?, *at));
                }
            }
            Ok::<_, ServiceError>((listed, view.clock_jumps()?))
        })?;
        Ok(FleetView {
            at: fleet.at,
            clocks: offsets.all(),
            rated: rates.all(),
            offsets: offsets.bars(),
            rates: rates.bars(),
            leaving: leaving.len() as u64,
            listed,
            doubt: jumps.together(now),
            set: jumps.set_lately(now),
        })
    }

    /// By how much the server's clock seems to have been set, when many tokens jumped together within the last
    /// hour: nothing is learned of clocks until that ends.
    pub fn clock_doubt(&self) -> Result<Option<i64>, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| Ok(view.clock_jumps()?.together(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bar() {
        let mut bars = Bars::new(&[-15, 15, 30]);
        for value in [-600, -15, 0, 14, 15, 29, 30, 9_000] {
            bars.count(value);
        }
        assert_eq!(bars.all(), 8);
        let counted = bars.bars();
        let counts: Vec<u64> = counted.iter().map(|bar| bar.2).collect();
        assert_eq!(counts, [1, 3, 2, 2]);
        assert_eq!(counted[1], (-15, 15, 3));
        assert!(OFFSET_BOUNDS.is_sorted() && RATE_BOUNDS.is_sorted());
    }
}
