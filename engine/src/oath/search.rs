//! The search for the position of several consecutive codes: resynchronisation, first confirmation,
//! diagnosis (RFC 4226 §7.4 and E.3, RFC 6238 §6).
//!
//! How wide a window a number of codes may carry is told by [`policy`](super::policy); attempts and
//! floors are kept by the callers.
//!
//! Every start position is examined for the **whole** sequence. A search that stops where the first
//! code fits and compares the others only there fails legitimate users: with six digits and two
//! years of steps the first fit is a chance hit more often than not.

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Digits, Generator, MovingFactor, Otp, Window};

/// These codes are not a sequence that can be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// One code fits nearly everywhere in a wide window.
    #[error("{0} codes were given, {min} to {max} are needed", min = CodeSequence::MIN_LEN, max = CodeSequence::MAX_LEN)]
    Count(usize),
    /// The token shows another number of digits.
    #[error("code {number} has {given} digits, the token shows {expected}")]
    Length {
        /// Which code, counted from 1.
        number: usize,
        /// Digits typed.
        given: usize,
        /// Digits of the token.
        expected: u8,
    },
}

/// How many positions lie between one code and the next, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart {
    /// At least so many, never none.
    pub least: u64,
    /// At most so many.
    pub most: u64,
}

impl Apart {
    /// The next code, none left out.
    pub const NEXT: Self = Self { least: 1, most: 1 };

    /// Up to so many codes may have been left out.
    pub const fn left_out(most: u64) -> Self {
        Self { least: 1, most: most.saturating_add(1) }
    }

    /// In how many ways the next code can follow: what this multiplies the start positions by.
    pub const fn ways(self) -> u64 {
        self.most.saturating_sub(self.least).saturating_add(1)
    }

    /// In how many ways codes can lie that are so far apart, one after another.
    pub fn all_ways(apart: &[Self]) -> u128 {
        apart.iter().fold(1, |ways: u128, apart| ways.saturating_mul(apart.ways().into()))
    }
}

/// Two to eight codes that a token showed in this order, none left out unless it is said. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CodeSequence {
    values: [u32; Self::MAX_LEN],
    len: usize,
    #[zeroize(skip)]
    modulus: u32,
    /// From the code before to each code; the first has none.
    #[zeroize(skip)]
    apart: [Apart; Self::MAX_LEN],
}

impl CodeSequence {
    /// Fewest codes: one alone proves nothing in a wide window.
    pub const MIN_LEN: usize = 2;
    /// Most codes that anybody would type.
    pub const MAX_LEN: usize = 8;

    /// Takes the codes in the order in which the token showed them. Equal neighbours are allowed: an
    /// event token shows them once in 10^digits times.
    pub fn new(digits: Digits, codes: &[Otp]) -> Result<Self, SequenceError> {
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&codes.len()) {
            return Err(SequenceError::Count(codes.len()));
        }
        let (values, apart) = ([0; Self::MAX_LEN], [Apart::NEXT; Self::MAX_LEN]);
        let mut made = Self { values, len: codes.len(), modulus: digits.modulus(), apart };
        for (index, (place, code)) in made.values.iter_mut().zip(codes).enumerate() {
            *place = code.value(digits).ok_or(SequenceError::Length {
                number: index + 1,
                given: code.len(),
                expected: digits.get(),
            })?;
        }
        Ok(made)
    }

    /// The same codes, where so many positions may lie before the second, the third and so on. What is not said
    /// stays [`Apart::NEXT`].
    #[must_use]
    pub fn spread(mut self, apart: &[Apart]) -> Self {
        for (place, apart) in self.apart.iter_mut().skip(1).zip(apart) {
            let least = apart.least.max(1);
            *place = Apart { least, most: apart.most.max(least) };
        }
        self
    }

    /// In how many ways the codes can lie from one start position on.
    pub fn ways(&self) -> u128 {
        Apart::all_ways(&self.apart[1..self.len])
    }

    /// How far behind its start position a sequence can end.
    fn reach(&self) -> u64 {
        self.apart[1..self.len].iter().fold(0, |reach: u64, apart| reach.saturating_add(apart.most))
    }

    /// Number of codes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Never true.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when codes of a token with so many digits are compared.
    pub const fn has_digits(&self, digits: Digits) -> bool {
        self.modulus == digits.modulus()
    }

    pub(super) fn values(&self) -> &[u32] {
        &self.values[..self.len]
    }

    pub(super) const fn modulus(&self) -> u32 {
        self.modulus
    }

    /// HMACs that a search over these start positions costs: positions plus number of codes less one, plus those
    /// that may have been left out.
    pub fn evaluated(&self, starts: Window) -> u64 {
        let last = starts.last().0.saturating_add(self.reach());
        (last - starts.first().0).saturating_add(1)
    }

    /// Codes of a toy token, so small that collisions are everywhere.
    #[cfg(test)]
    fn toy(modulus: u32, codes: &[u32]) -> Self {
        let mut values = [0; Self::MAX_LEN];
        values[..codes.len()].copy_from_slice(codes);
        Self { values, len: codes.len(), modulus, apart: [Apart::NEXT; Self::MAX_LEN] }
    }
}

impl std::fmt::Debug for CodeSequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CodeSequence({} codes)", self.len)
    }
}

/// Where the sequence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceMatch {
    /// Nowhere in the window.
    None,
    /// At exactly one start position, which is not below the floor. The token's next position comes after `last`.
    One {
        /// Position of the first code.
        start: MovingFactor,
        /// Position of the last code.
        last: MovingFactor,
    },
    /// At exactly one start position, and that lies below the floor: the codes are right, but some
    /// or all of them were used or passed over (a clock that was set back, or a replay).
    BehindFloor {
        /// Position of the first code.
        start: MovingFactor,
        /// Position of the last code.
        last: MovingFactor,
    },
    /// At more than one start position, or in more than one way from one, on whichever side of the floor: nobody can tell which is the
    /// token's, so none is chosen. Ask for one more code.
    Several,
}

/// Answer of [`find_sequence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceSearch {
    /// Where the sequence was found.
    pub found: SequenceMatch,
    /// HMACs computed, see [`CodeSequence::evaluated`]. The same for every outcome.
    pub evaluated: u64,
}

/// Looks for `codes` at every start position of `starts`; `floor` is the lowest position that may
/// still be accepted, positions below it are searched too.
///
/// Each HMAC is computed once, memory is constant, and the whole window is examined whatever is
/// found. A match on each side of the floor counts as [`SequenceMatch::Several`]: the one below may
/// be the true one (a token whose clock was set back), and then the one above is a chance hit.
///
/// Codes behind the last counter value do not exist, so start positions from which the sequence
/// would run past it fit nothing.
///
/// A wide window can be cut into [slices](Window::slices), each searched with [`find_starts`] by
/// whoever has time for it, and their finds put together.
pub fn find_sequence(
    generator: &Generator,
    codes: &CodeSequence,
    starts: Window,
    floor: MovingFactor,
) -> SequenceSearch {
    let found = find_starts(generator, codes, starts).conclude(floor);
    SequenceSearch { found, evaluated: codes.evaluated(starts) }
}

/// Start positions that fitted, of a window or a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// The first of them, and where the sequence ends from there.
    first: Option<(MovingFactor, MovingFactor)>,
    count: u64,
}

impl Starts {
    /// Those of two parts that share no start position.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { first, count: self.count.saturating_add(other.count) }
    }

    /// What they say of a token with this floor.
    pub fn conclude(self, floor: MovingFactor) -> SequenceMatch {
        match (self.first, self.count) {
            (None, _) => SequenceMatch::None,
            (Some((start, last)), 1) if start < floor => SequenceMatch::BehindFloor { start, last },
            (Some((start, last)), 1) => SequenceMatch::One { start, last },
            (Some(_), _) => SequenceMatch::Several,
        }
    }
}

/// The start positions of `starts` at which `codes` fit. Computes [`CodeSequence::evaluated`] HMACs.
pub fn find_starts(generator: &Generator, codes: &CodeSequence, starts: Window) -> Starts {
    let mut progress = Progress::new(codes, starts.last());
    let wanted = codes.values();
    let last = starts.last().0.saturating_add(codes.reach());
    // `scan` cannot reach the largest counter, so the last position is compared here.
    generator.scan(starts.first().0..last, wanted, codes.modulus, &mut |position, index| {
        progress.hit(position, index);
    });
    let value = generator.truncated(MovingFactor(last)) % codes.modulus;
    for (index, _) in wanted.iter().enumerate().filter(|(_, want)| **want == value) {
        progress.hit(last, index);
    }
    progress.found
}

/// One code of a sequence that fitted, with all before it.
#[derive(Clone, Copy)]
struct Reached {
    position: u64,
    /// Ways that lead here.
    ways: u64,
    /// Where the first of them begins.
    start: MovingFactor,
}

/// Follows the sequence through the ascending hits of a scan.
struct Progress<'c> {
    apart: &'c [Apart],
    /// No sequence begins behind it: the codes there belong to the next part of a window.
    last_start: MovingFactor,
    /// For each code but the last, the places that another code can still follow.
    reached: Vec<Vec<Reached>>,
    found: Starts,
}

impl<'c> Progress<'c> {
    fn new(codes: &'c CodeSequence, last_start: MovingFactor) -> Self {
        let apart = &codes.apart[..codes.len];
        let reached = vec![Vec::new(); codes.len.saturating_sub(1)];
        Self { apart, last_start, reached, found: Starts::default() }
    }

    fn hit(&mut self, position: u64, index: usize) {
        let here = match index.checked_sub(1) {
            None if position > self.last_start.0 => return,
            None => Reached { position, ways: 1, start: MovingFactor(position) },
            Some(before) => {
                let Apart { least, most } = self.apart[index];
                let places = &mut self.reached[before];
                // Positions come in ascending order: what is too far away now is so for ever.
                places.retain(|place| position - place.position <= most);
                let mut fits = places.iter().filter(|place| position - place.position >= least);
                let Some(first) = fits.next() else { return };
                let ways = fits.fold(first.ways, |ways, place| ways.saturating_add(place.ways));
                Reached { position, ways, start: first.start }
            }
        };
        if let Some(places) = self.reached.get_mut(index) {
            places.push(here);
            return;
        }
        self.found.count = self.found.count.saturating_add(here.ways);
        self.found.first.get_or_insert((here.start, MovingFactor(position)));
    }
}

#[cfg(test)]
mod tests;
