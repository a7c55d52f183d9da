//! Codes that a key types itself (Yubico OTP). Each says its own position, so there is nothing to search, nothing
//! that drifts and nothing to bring back; positions must rise.
//!
//! One such code is proof enough: that a guess is one is a matter of 64 bits, where six digits have 20.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::{Actor, SeedRow};
use crate::oath::{CodeShape, MovingFactor, Otp, YubicoKey, YubicoOtp};
use crate::secret::Seed;
use crate::store::Page;
use crate::vault::SealContext;

use super::check::Comparison;
use super::code::Examined;
use super::identify::Place as Looked;
use super::scope::seen_tokens;
use super::sequence::{Place, Searched, SequenceFound};
use super::{Service, ServiceError};

/// Tokens that are read at once in a search for a key.
const PAGE: usize = 1_000;

/// True when all of these were typed by a key: what is asked of them depends on what was typed, never on whose
/// serial number stands beside them.
pub(super) fn are_typed_by_key(otps: &[Otp]) -> bool {
    !otps.is_empty() && otps.iter().all(|otp| otp.shape() == CodeShape::Modhex)
}

/// Opens a block, whatever comes of it: the work of a check where there is no key.
pub(super) fn open_nothing(code: &YubicoOtp) {
    let key = YubicoKey::from_kept(&Seed::new(vec![0x5a; YubicoKey::BYTES]));
    std::hint::black_box(key.and_then(|key| key.open(code)));
}

impl Examined {
    /// True for keys whose codes say their position.
    pub(super) fn says_position(&self) -> bool {
        self.seed.spec.public_id().is_some()
    }

    /// Refuses a key for what brings tokens back: it cannot get out of step.
    pub(super) fn require_drifting(&self) -> Result<(), ServiceError> {
        if !self.says_position() {
            return Ok(());
        }
        let detail = "each code of this key says its own position, so the key cannot get out of step and there is nothing to synchronise: check one code instead";
        Err(ServiceError::state("nothing_to_synchronize", detail))
    }

    /// Why no generator computes the codes of a token.
    pub(super) fn not_computed() -> ServiceError {
        let detail = "codes of this token are not computed from a counter or the time alone";
        ServiceError::state("kind_not_supported", detail)
    }
}

impl Service {
    fn yubico_key(&self, row: &SeedRow) -> Result<Option<YubicoKey>, ServiceError> {
        let seed = self.opened(&row.sealed, SealContext::Seed(row.token, row.version))?;
        Ok(YubicoKey::from_kept(&seed))
    }

    /// The position that a code says; `None`: it is not one of this key.
    fn said_position(&self, row: &SeedRow, otp: &Otp) -> Result<Option<MovingFactor>, ServiceError> {
        let key = self.yubico_key(row)?;
        let (Some(public_id), Some(code)) = (row.spec.public_id(), otp.yubico()) else {
            self.dummy_check(otp)?;
            return Ok(None);
        };
        let plain = key.and_then(|key| key.open(code));
        let is_named = code.public_id() == public_id.as_bytes();
        Ok(plain.filter(|_| is_named).map(|plain| plain.position()))
    }

    /// Compares one code of a key.
    pub(super) fn compare_typed_by_key(
        &self,
        examined: &Examined,
        otp: &Otp,
    ) -> Result<Comparison, ServiceError> {
        Ok(match self.said_position(&examined.seed, otp)? {
            Some(position) if position >= examined.state.floor => {
                Comparison::Fits { factor: position, last: position }
            }
            Some(_) => Comparison::Used,
            None => Comparison::Wrong,
        })
    }

    /// Looks whether all of some codes are of one key, each later than the one before it.
    pub(super) fn search_typed_by_key(
        &self,
        examined: &Examined,
        otps: &[Otp],
    ) -> Result<Searched, ServiceError> {
        let mut said = Vec::with_capacity(otps.len());
        for otp in otps {
            said.extend(self.said_position(&examined.seed, otp)?);
        }
        let found = match (said.first().copied(), said.last().copied()) {
            (Some(first), Some(last))
                if said.len() == otps.len() && said.is_sorted_by(|before, after| before < after) =>
            {
                let place = Place::Codes { start: first, last, codes: 1 };
                if first < examined.state.floor {
                    SequenceFound::BehindFloor(place)
                } else {
                    SequenceFound::One(place)
                }
            }
            _ => SequenceFound::Nowhere,
        };
        Ok(Searched { found, codes: otps.len(), evaluated: 0, elapsed_us: 0 })
    }

    /// The tokens among those of a place whose key typed these codes; also how many blocks were opened.
    pub(super) fn keys_that_typed(
        &self,
        actor: &Actor,
        place: &Looked,
        otps: &[Otp],
        stop: &AtomicBool,
    ) -> Result<(Vec<(Examined, MovingFactor)>, u64), ServiceError> {
        let Some(code) = otps.first().and_then(Otp::yubico) else { return Ok((Vec::new(), 0)) };
        let filter = place.filter();
        let (mut found, mut opened, mut after) = (Vec::new(), 0, None);
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(super::identify::stopped());
            }
            let page = Page { after, limit: PAGE };
            let (named, next) = self.store.read(|view| {
                let slice = seen_tokens(view, actor, filter.clone(), page)?;
                let mut named = Vec::new();
                for token in slice.items {
                    // Most are of other kinds or other keys, of which no more is read.
                    let Some(seed) = view.seed(token.id)? else { continue };
                    if seed.spec.public_id().is_some_and(|id| id.as_bytes() == code.public_id()) {
                        named.push(Examined::read(view, token, None)?);
                    }
                }
                Ok::<_, ServiceError>((named, slice.next))
            })?;
            for examined in named {
                opened += otps.len() as u64;
                if let SequenceFound::One(Place::Codes { last, .. })
                | SequenceFound::BehindFloor(Place::Codes { last, .. }) =
                    self.search_typed_by_key(&examined, otps)?.found
                {
                    found.push((examined, last));
                }
            }
            after = next;
            if after.is_none() {
                return Ok((found, opened));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_of_digits_among_them_makes_them_codes_of_digits() {
        let read = |text: &str| Otp::parse_shaped(text, None).expect("a code");
        let key = || read("vvccllbbddeejbdhvrfdrlkujkkccubfftvnjfnfrnnu");
        assert!(are_typed_by_key(&[key()]) && are_typed_by_key(&[key(), key()]));
        assert!(!are_typed_by_key(&[]) && !are_typed_by_key(&[key(), read("123456")]));
    }
}
