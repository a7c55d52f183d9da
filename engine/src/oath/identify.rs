//! Which of many tokens shows these codes.
//!
//! Keys are tried side by side, one position after another, so a group takes tokens whose windows lie near each
//! other: clocks that run alike, counters that are about as far. The first code is compared at every position of
//! every token, the others where it fits; nothing is chosen before all have been examined.

use super::{CodeSequence, Generator, KeySet, MovingFactor, Window};

/// Below so many keys lanes pay only along the positions of one key.
const FEW: usize = 4;

/// Keys that are tried together, and the windows of each.
pub struct Candidates {
    keys: Keys,
    /// What the caller calls them, and where each may be.
    members: Vec<(usize, Window)>,
    /// From the first start position of any to the last.
    span: Window,
}

enum Keys {
    Together(KeySet),
    Alone(Generator),
}

impl Candidates {
    /// Sorts keys of one hash function into groups; `name` is what [`find`](Self::find) calls them.
    pub fn group(mut keys: Vec<(usize, Generator, Window)>) -> Vec<Self> {
        keys.sort_by_key(|(_, _, window)| (window.first(), window.last()));
        let mut groups = Vec::new();
        let mut open: Vec<(usize, Generator, Window)> = Vec::new();
        let mut span: Option<Window> = None;
        for (name, generator, window) in keys {
            let wider = span.and_then(|span: Window| {
                let wider = Window::new(span.first(), span.last().max(window.last()))?;
                let own = window.positions().min(span.positions());
                let fits = wider.positions() <= own.saturating_mul(2) && open.len() < KeySet::MOST;
                fits.then_some(wider)
            });
            if wider.is_none() {
                close(&mut groups, std::mem::take(&mut open));
            }
            span = Some(wider.unwrap_or(window));
            open.push((name, generator, window));
        }
        close(&mut groups, open);
        groups
    }

    fn of(members: &[(usize, Window)], keys: Keys) -> Option<Self> {
        let first = members.iter().map(|(_, window)| window.first()).min()?;
        let last = members.iter().map(|(_, window)| window.last()).max()?;
        Some(Self { keys, members: members.to_vec(), span: Window::new(first, last)? })
    }

    /// Pieces of the group's span, each about as much work as [`Window::SLICE`] codes of one key.
    pub fn slices(&self) -> impl Iterator<Item = Window> + use<> {
        let each = match &self.keys {
            Keys::Together(set) => u64::from(Window::SLICE) / set.len().max(1) as u64,
            Keys::Alone(_) => u64::from(Window::SLICE),
        };
        self.span.pieces(each.max(1))
    }

    /// HMACs that one slice costs.
    pub fn evaluated(&self, slice: Window) -> u64 {
        let keys = match &self.keys {
            Keys::Together(set) => set.len() as u64,
            Keys::Alone(_) => 1,
        };
        u64::try_from(slice.positions()).unwrap_or(u64::MAX).saturating_mul(keys)
    }

    /// Names of the keys that show `codes` one after another from a start position of `slice` that lies in their
    /// window, with that position. A key can be there more than once.
    pub fn find(&self, codes: &CodeSequence, slice: Window) -> Vec<(usize, MovingFactor)> {
        let mut found = Vec::new();
        let Some((first, rest)) = codes.values().split_first() else { return found };
        let modulus = codes.modulus();
        // Of the last counter no code follows, so no sequence begins there.
        let range = slice.first().0..slice.last().0.saturating_add(1);
        let mut hit = |key: usize, position: u64, truncated: &dyn Fn(MovingFactor) -> u32| {
            let (name, window) = self.members[key];
            let inside = window.first().0 <= position && position <= window.last().0;
            let fits = inside
                && rest.iter().zip(1u64..).all(|(code, ahead)| {
                    position
                        .checked_add(ahead)
                        .is_some_and(|at| truncated(MovingFactor(at)) % modulus == *code)
                });
            if fits {
                found.push((name, MovingFactor(position)));
            }
        };
        match &self.keys {
            Keys::Together(set) => set.scan(range, &[*first], modulus, &mut |key, position, _| {
                hit(key, position, &|at| set.truncated(key, at));
            }),
            Keys::Alone(generator) => generator.scan(range, &[*first], modulus, &mut |position, _| {
                hit(0, position, &|at| generator.truncated(at));
            }),
        }
        found
    }
}

fn close(groups: &mut Vec<Candidates>, keys: Vec<(usize, Generator, Window)>) {
    if keys.len() < FEW {
        groups.extend(keys.into_iter().filter_map(|(name, generator, window)| {
            Candidates::of(&[(name, window)], Keys::Alone(generator))
        }));
        return;
    }
    let mut set = KeySet::new(keys[0].1.alg());
    let mut members = Vec::with_capacity(keys.len());
    for (name, generator, window) in keys {
        match set.push(generator) {
            Ok(()) => members.push((name, window)),
            // Of another hash function than the first.
            Err(generator) => {
                groups.extend(Candidates::of(&[(name, window)], Keys::Alone(*generator)));
            }
        }
    }
    groups.extend(Candidates::of(&members, Keys::Together(set)));
}

impl std::fmt::Debug for Candidates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Candidates({} keys)", self.members.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oath::{Digits, HashAlg, Otp};
    use crate::secret::Seed;

    fn generator(alg: HashAlg, number: u32) -> Generator {
        Generator::new(&Seed::new(number.to_be_bytes().repeat(5)), alg)
    }

    fn find_all(groups: &[Candidates], codes: &CodeSequence) -> Vec<(usize, MovingFactor)> {
        let mut found: Vec<_> = groups
            .iter()
            .flat_map(|group| group.slices().flat_map(|slice| group.find(codes, slice)))
            .collect();
        found.sort_unstable();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_token_is_known_by_its_codes_wherever_it_is_in_its_window(
            alg in prop::sample::select(&HashAlg::ALL[..]),
            centers in prop::collection::vec(prop_oneof![1_000u64..1_020, 0u64..40, any::<u64>()], 1..60),
            past in 0u64..30,
            future in 0u64..30,
            who in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(),
        ) {
            let window = |center: &u64| Window::around(MovingFactor(*center), past, future);
            let keys = centers.iter().enumerate().map(|(name, center)| {
                (name, generator(alg, u32::try_from(name).expect("few")), window(center))
            });
            let groups = Candidates::group(keys.collect());
            let name = who.index(centers.len());
            let own = window(&centers[name]);
            let at = own.first().0 + place.index(usize::try_from(own.positions()).expect("few")) as u64;
            prop_assume!(at < u64::MAX - 3);
            let shows = generator(alg, u32::try_from(name).expect("few"));
            let codes: Vec<Otp> =
                (at..at + 3).map(|at| shows.code(MovingFactor(at), Digits::EIGHT)).collect();
            let codes = CodeSequence::new(Digits::EIGHT, &codes).expect("three codes");
            prop_assert_eq!(find_all(&groups, &codes), vec![(name, MovingFactor(at))]);
        }
    }

    #[test]
    fn a_token_outside_its_window_is_not_named() {
        let near = |first, last| Window::new(MovingFactor(first), MovingFactor(last)).expect("in order");
        // Ten tokens in one group whose spans reach further than each of them may be.
        let keys = (0..10u32).map(|n| {
            let first = 100 + u64::from(n);
            (n as usize, generator(HashAlg::Sha1, n), near(first, first + 50))
        });
        let groups = Candidates::group(keys.collect());
        assert_eq!(groups.len(), 1);
        let shows = generator(HashAlg::Sha1, 9);
        let codes = |at: u64| {
            let codes: Vec<Otp> =
                (at..at + 2).map(|at| shows.code(MovingFactor(at), Digits::EIGHT)).collect();
            CodeSequence::new(Digits::EIGHT, &codes).expect("two codes")
        };
        assert_eq!(find_all(&groups, &codes(109)), [(9, MovingFactor(109))]);
        assert_eq!(find_all(&groups, &codes(108)), []);
    }

    #[test]
    fn tokens_far_apart_do_not_pay_for_each_other() {
        let keys = (0..8u32).map(|n| {
            let center = MovingFactor(u64::from(n / 4) * 1_000_000);
            (n as usize, generator(HashAlg::Sha1, n), Window::around(center, 0, 9))
        });
        let groups = Candidates::group(keys.collect());
        let work: u64 =
            groups.iter().flat_map(|group| group.slices().map(|slice| group.evaluated(slice))).sum();
        assert_eq!((groups.len(), work), (2, 80));
    }
}
