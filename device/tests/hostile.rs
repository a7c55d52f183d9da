//! Whatever a device answers: no parser panics, none takes more memory than a few times what was answered.
//!
//! The same functions are the targets in `fuzz/`, which go on for longer. Here each gets some ten thousand mutations of real
//! answers, drawn from a seed that is always the same.

mod seeds;

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use data_encoding::HEXUPPER;
use mintmark_device::parsers;

/// Mutations for each parser.
const MUTATIONS: usize = 30_000;
/// Mutations for parsers of whole conversations, which send dozens of commands.
const CONVERSATIONS: usize = 10_000;
/// Bytes of memory that a parser may hold at once: what `apdu` collects at most, a few times over.
const MOST_MEMORY: usize = 1 << 20;

/// The system's memory, counted. There is one test in this program, so nobody else takes any meanwhile.
struct Counted;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "it hands everything on to the system's")]
// SAFETY: every call goes to `System` as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static MEMORY: Counted = Counted;

/// Xorshift (Marsaglia 2003): what is drawn is always the same.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).expect("fits")).expect("fits")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    /// One of those bytes that lengths and tags turn on, or any.
    fn telling(&mut self) -> u8 {
        let telling = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x83, 0xff, 0x30, 0x61, 0x90];
        let at = self.below(telling.len() * 2);
        telling.get(at).copied().unwrap_or_else(|| self.byte())
    }

    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(7) {
                0 => bytes.truncate(at),
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 if at < bytes.len() => bytes[at] = self.telling(),
                3 => bytes.insert(at, self.telling()),
                4 if at < bytes.len() => drop(bytes.remove(at)),
                5 => {
                    let end = at + self.below(bytes.len() - at + 1);
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend(&other[from..]);
                }
            }
        }
        bytes
    }
}

#[test]
fn no_answer_breaks_a_parser() {
    let seeds = seeds::seeds();
    assert!(seeds.len() > 100, "{} answers", seeds.len());
    let mut drawn = Drawn(0x9e37_79b9_7f4a_7c15);
    for (name, parse) in parsers::ALL {
        let is_conversation = matches!(name, "look" | "genuine" | "apdu");
        let count = if is_conversation { CONVERSATIONS } else { MUTATIONS };
        // What is made once, such as the vendor's certificates, is made before.
        parse(&[]);
        let mutations = (0..count).map(|_| drawn.mutated(&seeds));
        for bytes in seeds.iter().cloned().chain(mutations) {
            let before = HELD.load(Ordering::Relaxed);
            MOST.store(before, Ordering::Relaxed);
            let parsed = catch_unwind(|| parse(&bytes));
            assert!(parsed.is_ok(), "{name} panics at {}", HEXUPPER.encode(&bytes));
            let most = MOST.load(Ordering::Relaxed).saturating_sub(before);
            assert!(most <= MOST_MEMORY, "{name} takes {most} bytes for {}", HEXUPPER.encode(&bytes));
        }
    }
}
