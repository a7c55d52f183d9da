//! Which kernel computes.

use std::sync::OnceLock;

use crate::oath::HashAlg;

/// A way to compute many codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kernel {
    /// One code after another by the crates, which use the processor's SHA instructions.
    Plain,
    /// 4 codes at once by the processor's SHA instructions: not SHA-512, which has none that are common.
    Sha,
    /// 16 codes at once in two vectors, with SHA-512 8.
    Avx2,
    /// 32 codes at once in two vectors, with SHA-512 16.
    Avx512,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Sha, Self::Avx2, Self::Avx512];

    /// The name in tables and JSON: `plain`, `sha`, `avx2`, `avx512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sha => "sha",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// True when this processor can run it.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Self::Plain => true,
            Self::Sha => {
                std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1")
            }
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
    /// instructions, these before eight lanes.
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
        let ranked = [Self::Avx512, Self::Sha, Self::Avx2];
        let fits = |kernel: &Self| kernel.is_available() && (*kernel, alg) != (Self::Sha, HashAlg::Sha512);
        ranked.into_iter().find(fits).unwrap_or(Self::Plain)
    }
}
