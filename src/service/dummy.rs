//! The work of a check and of a confirmation where there is no token to do it for, so that the time tells nothing
//! of serial numbers and people (law 6).

use crate::model::Resource;
use crate::oath::{
    CodeSequence, CodeShape, Digits, Generator, HashAlg, Kernel, MovingFactor, Otp, Window, find_in_window,
};
use crate::secret::Seed;

use super::code::CHECK_STEPS;
use super::confirm::windows;
use super::yubico::open_nothing;
use super::{Service, ServiceError, motp};

/// A response costs as much as so many codes: its message is longer.
pub(super) const RESPONSE_COST: u64 = 2;

/// What one code costs in nanoseconds of a core, by the kernel that computes it here. Only the ratios count.
fn cost(hash: HashAlg) -> u64 {
    match (Kernel::best(hash), hash) {
        (Kernel::Avx512, HashAlg::Sha1) => 16,
        (Kernel::Avx512, HashAlg::Sha256) => 32,
        (Kernel::Avx512, HashAlg::Sha512) => 85,
        (Kernel::Avx2, HashAlg::Sha1) => 29,
        (Kernel::Avx2, HashAlg::Sha256) => 72,
        (Kernel::Avx2, HashAlg::Sha512) => 180,
        (Kernel::Plain, HashAlg::Sha1) => 35,
        (Kernel::Plain, HashAlg::Sha256) => 56,
        (Kernel::Plain, HashAlg::Sha512) => 330,
    }
}

/// Start positions of the dearest search on a resource.
pub(super) fn dearest_positions(resource: &Resource) -> u64 {
    let (secs, counters) = windows(resource);
    (u64::from(secs) / 15 + 1).max(u64::from(counters) + 1) + CodeSequence::MAX_LEN as u64
}

/// Start positions of mOTP that cost as much as the dearest search on a resource.
pub(super) fn dearest_motp_positions(resource: &Resource) -> u64 {
    dearest_positions(resource) * cost(HashAlg::Sha512) / motp::NANOS
}

/// How many codes with SHA-1 cost as much as one of mOTP, rounded up.
pub(super) fn motp_cost() -> u64 {
    motp::NANOS.div_ceil(cost(HashAlg::Sha1))
}

impl Service {
    /// The work of an ordinary check without a token, and of comparing a PIN if one was typed.
    pub(super) fn dummy_check(&self, otp: &Otp) -> Result<(), ServiceError> {
        self.dummy_pin(otp)?;
        if let Some(code) = otp.yubico() {
            open_nothing(code);
            return Ok(());
        }
        if let Some(code) = otp.motp().filter(|_| otp.shape() == CodeShape::Hex) {
            motp::look_for_nothing(&code);
            return Ok(());
        }
        let generator = Generator::new(&Seed::new(vec![0x5a; 20]), HashAlg::Sha1);
        std::hint::black_box(find_in_window(
            &generator,
            Digits::SIX,
            otp,
            MovingFactor(50_000_000),
            CHECK_STEPS,
            CHECK_STEPS,
            MovingFactor(0),
        ));
        Ok(())
    }

    /// Computes what the dearest search on this resource costs and this one did not, in a place for searches as all of
    /// them, so that time tells nothing: not whether the serial is known, not the token's hash, not whether it was
    /// used before.
    pub(super) fn dummy_search(
        &self,
        resource: &Resource,
        evaluated: u64,
        hash: HashAlg,
    ) -> Result<(), ServiceError> {
        let dearest = HashAlg::Sha512;
        let all = dearest_positions(resource) * cost(dearest);
        let left = all.saturating_sub(evaluated.saturating_mul(cost(hash)));
        let rest = (left / cost(dearest)).saturating_sub(1);
        let generator = Generator::new(&Seed::new(vec![0x5a; 20]), dearest);
        let starts = Window::around(MovingFactor(50_000_000), 0, rest);
        let dummy = [Otp::from_value(1, Digits::SIX), Otp::from_value(2, Digits::SIX)];
        let codes = CodeSequence::new(Digits::SIX, &dummy)?;
        let admitted = self.searches.admit(self.clock.as_ref(), None, u128::from(rest))?;
        std::hint::black_box(admitted.find(&generator, &codes, starts));
        Ok(())
    }
}
