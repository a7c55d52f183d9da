//! Which kernel computes.

use std::sync::OnceLock;

use crate::oath::HashAlg;

/// A way to compute many codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// One code after another by the crates, which use the processor's SHA instructions.
    Plain,
    /// 8 codes at once, with SHA-512 4.
    Avx2,
    /// 16 codes at once, with SHA-512 8.
    Avx512,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Avx2, Self::Avx512];

    /// The name in tables and JSON: `plain`, `avx2`, `avx512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// True when this processor can run it.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Self::Plain => true,
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            Self::Avx512 => {
                std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        matches!(self, Self::Plain)
    }

    /// The fastest on this processor, by what `mintmark bench search` shows: wide lanes before the SHA
    /// instructions, these before eight lanes (there are none for SHA-512 that the crates use).
    pub fn best(alg: HashAlg) -> Self {
        static BEST: OnceLock<[Kernel; HashAlg::ALL.len()]> = OnceLock::new();
        let best = BEST.get_or_init(|| HashAlg::ALL.map(Self::choose));
        match alg {
            HashAlg::Sha1 => best[0],
            HashAlg::Sha256 => best[1],
            HashAlg::Sha512 => best[2],
        }
    }

    fn choose(alg: HashAlg) -> Self {
        let instructions = alg != HashAlg::Sha512 && has_sha_instructions();
        if Self::Avx512.is_available() {
            Self::Avx512
        } else if Self::Avx2.is_available() && !instructions {
            Self::Avx2
        } else {
            Self::Plain
        }
    }
}

fn has_sha_instructions() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("sha");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
