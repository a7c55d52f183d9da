//! mOTP: six hexadecimal digits of an MD5 over time, secret and PIN.
//!
//! The secret is used as **text**, whatever it looks like, and the PIN is part of what is hashed: a wrong PIN
//! and a wrong secret cannot be told apart. A step lasts ten seconds; the lowest step that may still be
//! accepted is kept by the callers.

#![expect(clippy::disallowed_methods, reason = "secrets and PINs are hashed here")]

use std::fmt;

use md5::{Digest, Md5};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{MovingFactor, PeriodSecs, Window, WindowMatch};
use crate::secret::{Pin, Seed};

/// A code as typed: six hexadecimal digits. Never printed, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MotpCode([u8; Self::LEN]);

impl MotpCode {
    pub(super) const LEN: usize = 6;

    /// Reads typed text; capitals and small letters are the same, blanks and dashes are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let mut code = Zeroizing::new([0; Self::LEN]);
        let mut len = 0;
        for c in text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}' | '\t' | '\r' | '\n')) {
            if !c.is_ascii_hexdigit() {
                return None;
            }
            *code.get_mut(len)? = c.to_ascii_lowercase() as u8;
            len += 1;
        }
        (len == Self::LEN).then_some(Self(*code))
    }

    /// Digits that were typed, when there are six: a code without a letter.
    pub(super) fn of_digits(digits: &[u8]) -> Option<Self> {
        digits.try_into().ok().map(Self)
    }

    pub(super) const fn copied(&self) -> Self {
        Self(self.0)
    }
}

impl ConstantTimeEq for MotpCode {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for MotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MotpCode(6 digits)")
    }
}

/// Computes the codes of one secret and PIN. Never printed, wiped when dropped.
pub struct MotpGenerator {
    /// Secret and PIN in a row, as they follow the time.
    tail: Zeroizing<Vec<u8>>,
}

impl MotpGenerator {
    /// Length of a step: ten seconds, counted from 1970.
    pub const PERIOD: PeriodSecs = PeriodSecs::of_suite(10);

    /// Takes the text of a secret and a PIN.
    pub fn new(secret: &Seed, pin: &Pin) -> Self {
        let mut tail = Zeroizing::new(Vec::with_capacity(secret.len() + pin.len()));
        tail.extend_from_slice(secret.expose());
        tail.extend_from_slice(pin.expose());
        Self { tail }
    }

    /// Takes the text of a secret, and a PIN that is kept as one.
    pub fn from_kept(secret: &Seed, pin: &Seed) -> Self {
        let mut tail = Zeroizing::new(Vec::with_capacity(secret.len() + pin.len()));
        tail.extend_from_slice(secret.expose());
        tail.extend_from_slice(pin.expose());
        Self { tail }
    }

    /// A PIN as it is kept.
    pub fn keep_pin(pin: &Pin) -> Seed {
        Seed::new(pin.expose().to_vec())
    }

    /// The code of a step.
    pub fn code(&self, step: MovingFactor) -> MotpCode {
        let mut md5 = Md5::new();
        md5.update(step.0.to_string().as_bytes());
        md5.update(&self.tail);
        let mut hash = md5.finalize();
        let mut code = [0; MotpCode::LEN];
        for (index, place) in code.iter_mut().enumerate() {
            let byte = hash[index / 2];
            let nibble = if index.is_multiple_of(2) { byte >> 4 } else { byte & 0xf };
            *place = b"0123456789abcdef"[usize::from(nibble)];
        }
        hash.as_mut_slice().zeroize();
        MotpCode(code)
    }

    /// The code as the app shows it, for a stand-in.
    pub fn shown(&self, step: MovingFactor) -> Zeroizing<String> {
        Zeroizing::new(self.code(step).0.iter().map(|digit| char::from(*digit)).collect())
    }

    /// Looks for `typed` from `past` steps before `center` to `future` after it; all of them are computed and
    /// compared in constant time. Of several the nearest to the centre counts, of two equally near the later
    /// one. `floor` is the lowest step that may still be accepted.
    pub fn find_in_window(
        &self,
        typed: &MotpCode,
        center: MovingFactor,
        past: u64,
        future: u64,
        floor: MovingFactor,
    ) -> WindowMatch {
        let window = Window::around(center, past, future);
        let (mut fresh, mut used) = (None, None);
        for step in window.first().0..=window.last().0 {
            if bool::from(self.code(MovingFactor(step)).ct_eq(typed)) {
                let side = if step >= floor.0 { &mut fresh } else { &mut used };
                let is_nearer =
                    side.is_none_or(|best: u64| step.abs_diff(center.0) <= best.abs_diff(center.0));
                if is_nearer {
                    *side = Some(step);
                }
            }
        }
        match (fresh, used) {
            (Some(step), _) => WindowMatch::Accepted(MovingFactor(step)),
            (None, Some(step)) => WindowMatch::Used(MovingFactor(step)),
            (None, None) => WindowMatch::None,
        }
    }
}

/// Where codes in order were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MotpMatch {
    /// Nowhere.
    None,
    /// In exactly one way, not below the floor.
    One {
        /// Step of the first code.
        first: MovingFactor,
        /// Step of the last one.
        last: MovingFactor,
    },
    /// In exactly one way, and the first lies below the floor.
    BehindFloor {
        /// Step of the first code.
        first: MovingFactor,
        /// Step of the last one.
        last: MovingFactor,
    },
    /// In more than one way.
    Several,
}

/// Ways in which codes in order fitted, of a window or a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MotpStarts {
    found: Option<(MovingFactor, MovingFactor)>,
    count: u64,
}

impl MotpStarts {
    /// Those of two parts that share no start.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { found: self.found.or(other.found), count: self.count.saturating_add(other.count) }
    }

    /// What they say of a token with this floor.
    pub fn conclude(self, floor: MovingFactor) -> MotpMatch {
        match (self.found, self.count) {
            (None, _) => MotpMatch::None,
            (Some((first, last)), 1) if first < floor => MotpMatch::BehindFloor { first, last },
            (Some((first, last)), 1) => MotpMatch::One { first, last },
            (Some(_), _) => MotpMatch::Several,
        }
    }
}

impl MotpGenerator {
    /// The ways in which `codes` fit in their order, the first of them in `starts`, each other one 1 to `gap` steps
    /// after the one before it: an app shows a code when its PIN was typed, not by itself. The whole window is
    /// examined for the whole sequence, whatever is found.
    pub fn find_starts(&self, codes: &[MotpCode], starts: Window, gap: u64) -> MotpStarts {
        let mut found = MotpStarts::default();
        let Some((first, rest)) = codes.split_first() else { return found };
        for step in starts.first().0..=starts.last().0 {
            if self.shows(step, first) {
                self.follow(step, step, rest, gap, &mut found);
            }
        }
        found
    }

    fn shows(&self, step: u64, code: &MotpCode) -> bool {
        self.code(MovingFactor(step)).ct_eq(code).into()
    }

    fn follow(&self, first: u64, at: u64, rest: &[MotpCode], gap: u64, found: &mut MotpStarts) {
        let Some((next, rest)) = rest.split_first() else {
            found.count = found.count.saturating_add(1);
            found.found.get_or_insert((MovingFactor(first), MovingFactor(at)));
            return;
        };
        for step in at.saturating_add(1)..=at.saturating_add(gap) {
            if self.shows(step, next) {
                self.follow(first, step, rest, gap, found);
            }
        }
    }
}

impl fmt::Debug for MotpGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MotpGenerator")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::clock::UnixTime;
    use crate::oath::time_step;

    #[derive(Deserialize)]
    struct Vectors {
        rows: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        source: String,
        secret: String,
        pin: String,
        unix_secs: i64,
        code: String,
    }

    fn generator(secret: &str, pin: &str) -> MotpGenerator {
        MotpGenerator::new(&Seed::new(secret.as_bytes().to_vec()), &Pin::new(pin.as_bytes().to_vec()))
    }

    fn typed(text: &str) -> MotpCode {
        MotpCode::parse(text).expect("six hexadecimal digits")
    }

    #[test]
    fn all_vectors_give_their_code() {
        let text = include_str!("../../../tests/data/vectors/motp.json");
        let rows = serde_json::from_str::<Vectors>(text).expect("the vector file is well formed").rows;
        assert_eq!(rows.len(), 9);
        for row in rows {
            let at = UnixTime::from_secs(row.unix_secs);
            let step = time_step(at, 0, 0, MotpGenerator::PERIOD).expect("after 1970");
            let shown = generator(&row.secret, &row.pin).shown(step);
            assert_eq!(*shown, row.code, "{} {}", row.source, row.unix_secs);
        }
    }

    #[test]
    fn codes_are_found_in_the_window_and_not_below_the_floor() {
        let app = generator("1234567890123456", "1234");
        let step = 154_461_672;
        let find = |text: &str, center, floor| {
            app.find_in_window(&typed(text), MovingFactor(center), 18, 18, MovingFactor(floor))
        };
        let code = app.shown(MovingFactor(step)).to_string();
        assert_eq!(find(&code, step, 0), WindowMatch::Accepted(MovingFactor(step)));
        assert_eq!(find(&code.to_uppercase(), step + 18, 0), WindowMatch::Accepted(MovingFactor(step)));
        assert_eq!(find(&code, step + 19, 0), WindowMatch::None);
        assert_eq!(find(&code, step - 18, step), WindowMatch::Accepted(MovingFactor(step)));
        assert_eq!(find(&code, step, step + 1), WindowMatch::Used(MovingFactor(step)));
        let other = generator("1234567890123456", "4321").shown(MovingFactor(step)).to_string();
        assert_eq!(find(&other, step, 0), WindowMatch::None, "the PIN goes in");
    }

    #[test]
    fn codes_in_order_are_found_with_time_between_them() {
        let app = generator("1234567890123456", "1234");
        let at = 154_461_672;
        let window = |first, last| {
            Window::new(MovingFactor(first), MovingFactor(last)).expect("first comes before last")
        };
        let find = |steps: &[u64], starts, floor| {
            let codes: Vec<MotpCode> = steps.iter().map(|step| app.code(MovingFactor(*step))).collect();
            app.find_starts(&codes, starts, 12).conclude(MovingFactor(floor))
        };
        let wide = window(at - 5_000, at + 5_000);
        for steps in [[at, at + 1], [at, at + 12], [at - 5_000, at - 4_990], [at + 5_000, at + 5_012]] {
            let [first, last] = steps.map(MovingFactor);
            assert_eq!(find(&steps, wide, 0), MotpMatch::One { first, last });
            assert_eq!(find(&steps, wide, steps[0] + 1), MotpMatch::BehindFloor { first, last });
        }
        let three = MotpMatch::One { first: MovingFactor(at), last: MovingFactor(at + 14) };
        assert_eq!(find(&[at, at + 7, at + 14], wide, at), three);
        for steps in [[at, at + 13], [at + 1, at], [at, at], [at + 5_001, at + 5_002]] {
            assert_eq!(find(&steps, wide, 0), MotpMatch::None, "{steps:?}");
        }
        // The same pair twice, as two tokens would show it: nobody can tell.
        let pair = [app.code(MovingFactor(at)), app.code(MovingFactor(at + 1))];
        let part = app.find_starts(&pair, window(at, at), 12);
        assert_eq!(part.and(part).conclude(MovingFactor(0)), MotpMatch::Several);
        assert_eq!(part.and(MotpStarts::default()), part);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "12345", "1234567", "12345g", "１２３４５６"] {
            assert!(MotpCode::parse(text).is_none(), "{text}");
        }
        assert!(MotpCode::parse(" 48 8c-CF ").is_some());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let app = generator("1234567890123456", "1234");
        let shown = format!("{app:?} {:?}", app.code(MovingFactor(1)));
        assert_eq!(shown, "MotpGenerator MotpCode(6 digits)");
    }
}
