//! Many keys, one counter: whose codes are these.

use std::ops::Range;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Generator, Kernel, Keyed, KeyedSha1, KeyedSha256, KeyedSha512};
use crate::oath::{HashAlg, MovingFactor};

/// The HMAC states of as many keys as there are lanes, word by word. As secret as the seeds.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Lanes<W: Zeroize, const WORDS: usize, const LANES: usize> {
    pub(super) inner: [[W; LANES]; WORDS],
    pub(super) outer: [[W; LANES]; WORDS],
}

/// The two states of a key.
type States<W, const WORDS: usize> = ([W; WORDS], [W; WORDS]);

/// The states of the key at this place.
fn take<W: Copy + Zeroize, const WORDS: usize, const LANES: usize>(
    blocks: &[Lanes<W, WORDS, LANES>],
    key: usize,
) -> Option<States<W, WORDS>> {
    let block = blocks.get(key / LANES)?;
    Some((block.inner.map(|word| word[key % LANES]), block.outer.map(|word| word[key % LANES])))
}

/// Adds a key behind the `count` that are there. Lanes without a key compute something nobody asks for.
fn push<W: Copy + Default + Zeroize, const WORDS: usize, const LANES: usize>(
    blocks: &mut Vec<Lanes<W, WORDS, LANES>>,
    count: usize,
    inner: &[W; WORDS],
    outer: &[W; WORDS],
) {
    let lane = count % LANES;
    if lane == 0 {
        // Room for all was made at once: a vector that grows would leave copies behind.
        let empty = [[W::default(); LANES]; WORDS];
        blocks.push(Lanes { inner: empty, outer: empty });
    }
    if let Some(block) = blocks.last_mut() {
        for word in 0..WORDS {
            block.inner[word][lane] = inner[word];
            block.outer[word][lane] = outer[word];
        }
    }
}

/// The blocks of a set, in the shape of the kernel that it was made for.
pub(super) enum Blocks {
    Plain(Vec<Generator>),
    Sha1x32(Vec<Lanes<u32, 5, 32>>),
    Sha256x32(Vec<Lanes<u32, 8, 32>>),
    Sha512x16(Vec<Lanes<u64, 8, 16>>),
    Sha1x16(Vec<Lanes<u32, 5, 16>>),
    Sha256x16(Vec<Lanes<u32, 8, 16>>),
    Sha512x8(Vec<Lanes<u64, 8, 8>>),
    Sha1x4(Vec<Lanes<u32, 5, 4>>),
    Sha256x4(Vec<Lanes<u32, 8, 4>>),
}

/// Keys of one hash function, tried side by side at the same positions. Wiped when dropped, never printed.
pub struct KeySet {
    kernel: Kernel,
    alg: HashAlg,
    blocks: Blocks,
    len: usize,
}

impl KeySet {
    /// Keys that stay in the processor's nearest memory together.
    pub const MOST: usize = 512;

    /// An empty set for the fastest kernel.
    pub fn new(alg: HashAlg) -> Self {
        Self::for_kernel(Kernel::best(alg), alg)
    }

    /// An empty set for a kernel of one's choice; one that this processor cannot run gives way to
    /// [`Kernel::Plain`].
    pub fn for_kernel(kernel: Kernel, alg: HashAlg) -> Self {
        let kernel = if kernel.is_available() { kernel } else { Kernel::Plain };
        let blocks = match (kernel, alg) {
            (Kernel::Plain, _) | (Kernel::Sha, HashAlg::Sha512) => {
                Blocks::Plain(Vec::with_capacity(Self::MOST))
            }
            (Kernel::Sha, HashAlg::Sha1) => Blocks::Sha1x4(Vec::with_capacity(Self::MOST / 4)),
            (Kernel::Sha, HashAlg::Sha256) => Blocks::Sha256x4(Vec::with_capacity(Self::MOST / 4)),
            (Kernel::Avx512, HashAlg::Sha1) => Blocks::Sha1x32(Vec::with_capacity(Self::MOST / 32)),
            (Kernel::Avx512, HashAlg::Sha256) => Blocks::Sha256x32(Vec::with_capacity(Self::MOST / 32)),
            (Kernel::Avx512, HashAlg::Sha512) => Blocks::Sha512x16(Vec::with_capacity(Self::MOST / 16)),
            (Kernel::Avx2, HashAlg::Sha1) => Blocks::Sha1x16(Vec::with_capacity(Self::MOST / 16)),
            (Kernel::Avx2, HashAlg::Sha256) => Blocks::Sha256x16(Vec::with_capacity(Self::MOST / 16)),
            (Kernel::Avx2, HashAlg::Sha512) => Blocks::Sha512x8(Vec::with_capacity(Self::MOST / 8)),
        };
        Self { kernel, alg, blocks, len: 0 }
    }

    /// Number of keys.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True without keys.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when no more keys go in.
    pub const fn is_full(&self) -> bool {
        self.len == Self::MOST
    }

    /// Takes a key; it is called by its place in the order of coming, from 0. Gives it back when the set is
    /// full or of another hash function.
    pub fn push(&mut self, generator: Generator) -> Result<(), Box<Generator>> {
        if self.is_full() || generator.alg() != self.alg {
            return Err(Box::new(generator));
        }
        match (&mut self.blocks, &generator.0) {
            (Blocks::Sha1x32(blocks), Keyed::Sha1(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha256x32(blocks), Keyed::Sha256(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha512x16(blocks), Keyed::Sha512(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha1x16(blocks), Keyed::Sha1(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha256x16(blocks), Keyed::Sha256(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha512x8(blocks), Keyed::Sha512(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha1x4(blocks), Keyed::Sha1(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Sha256x4(blocks), Keyed::Sha256(key)) => push(blocks, self.len, &key.inner, &key.outer),
            (Blocks::Plain(all), _) => {
                all.push(generator);
                self.len += 1;
                return Ok(());
            }
            _ => return Err(Box::new(generator)),
        }
        self.len += 1;
        Ok(())
    }

    /// Computes the code value of every key at every position of `range` (half-open) and reports those that
    /// equal a wanted value: place of the key, position, index in `wanted`.
    ///
    /// Positions come in ascending order, at one position keys, of one key indices.
    pub fn scan(
        &self,
        range: Range<u64>,
        wanted: &[u32],
        modulus: u32,
        hit: &mut dyn FnMut(usize, u64, usize),
    ) {
        let mut within = |key: usize, position, index| {
            if key < self.len {
                hit(key, position, index);
            }
        };
        #[cfg(target_arch = "x86_64")]
        if super::lanes::scan_keys(self.kernel, &self.blocks, range.clone(), wanted, modulus, &mut within) {
            return;
        }
        for position in range {
            for key in 0..self.len {
                let value = self.truncated(key, MovingFactor(position)) % modulus;
                for (index, _) in wanted.iter().enumerate().filter(|(_, want)| **want == value) {
                    within(key, position, index);
                }
            }
        }
    }

    /// The 31-bit number of the key at this place; 0 where there is none.
    pub fn truncated(&self, key: usize, factor: MovingFactor) -> u32 {
        macro_rules! of {
            ($blocks:ident, $keyed:ident) => {
                take($blocks, key).map(|(inner, outer)| $keyed { inner, outer }.truncated(factor.0))
            };
        }
        let number = match &self.blocks {
            Blocks::Plain(all) => all.get(key).map(|generator| generator.truncated(factor)),
            Blocks::Sha1x32(blocks) => of!(blocks, KeyedSha1),
            Blocks::Sha256x32(blocks) => of!(blocks, KeyedSha256),
            Blocks::Sha512x16(blocks) => of!(blocks, KeyedSha512),
            Blocks::Sha1x16(blocks) => of!(blocks, KeyedSha1),
            Blocks::Sha256x16(blocks) => of!(blocks, KeyedSha256),
            Blocks::Sha512x8(blocks) => of!(blocks, KeyedSha512),
            Blocks::Sha1x4(blocks) => of!(blocks, KeyedSha1),
            Blocks::Sha256x4(blocks) => of!(blocks, KeyedSha256),
        };
        number.unwrap_or(0)
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeySet({} keys, {})", self.len, self.alg.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Seed;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_kernel_finds_what_each_key_shows(
            seeds in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..140), 1..70),
            alg in prop::sample::select(&HashAlg::ALL[..]),
            kernel in prop::sample::select(&Kernel::ALL[..]),
            from in prop_oneof![
                any::<u64>(),
                (u64::from(u32::MAX) - 9)..=u64::from(u32::MAX),
                (u64::MAX - 9)..=u64::MAX,
            ],
            len in 0u64..6,
            modulus in prop_oneof![2u32..12, (4u32..=9).prop_map(|digits| 10u32.pow(digits))],
            wanted in prop::collection::vec(any::<u32>(), 0..4),
            plant in any::<prop::sample::Index>(),
        ) {
            let mut wanted: Vec<u32> = wanted.iter().map(|value| value % modulus).collect();
            let range = from..from.saturating_add(len);
            if let Some(first) = wanted.first_mut() {
                // With many digits nothing fits by chance.
                let seed = Seed::new(seeds[plant.index(seeds.len())].clone());
                let place = MovingFactor(from.saturating_add(plant.index(6) as u64));
                *first = Generator::new(&seed, alg).truncated(place) % modulus;
            }
            let mut set = KeySet::for_kernel(kernel, alg);
            let mut expected = Vec::new();
            for (key, seed) in seeds.iter().enumerate() {
                let generator = Generator::new(&Seed::new(seed.clone()), alg);
                for position in range.clone() {
                    let value = generator.truncated(MovingFactor(position)) % modulus;
                    expected.extend(
                        (0..wanted.len()).filter(|i| wanted[*i] == value).map(|i| (position, key, i)),
                    );
                }
                prop_assert!(set.push(generator).is_ok());
            }
            expected.sort_unstable();
            let mut seen = Vec::new();
            set.scan(range, &wanted, modulus, &mut |key, position, index| seen.push((position, key, index)));
            prop_assert_eq!(seen, expected);
            let first = Generator::new(&Seed::new(seeds[0].clone()), alg);
            prop_assert_eq!(set.truncated(0, MovingFactor(from)), first.truncated(MovingFactor(from)));
        }
    }

    #[test]
    fn a_set_takes_one_hash_function_and_so_many_keys() {
        let mut set = KeySet::new(HashAlg::Sha1);
        let key = |alg| Generator::new(&Seed::new(vec![7; 20]), alg);
        assert!(set.push(key(HashAlg::Sha256)).is_err());
        for _ in 0..KeySet::MOST {
            assert!(set.push(key(HashAlg::Sha1)).is_ok());
        }
        assert!(set.is_full());
        assert!(set.push(key(HashAlg::Sha1)).is_err());
        assert_eq!(format!("{set:?}"), "KeySet(512 keys, sha1)");
    }
}
