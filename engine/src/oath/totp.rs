//! TOTP (RFC 6238): from a time to a step number and back.
//!
//! The present time is an argument. Where the offset of a token comes from and how far it may move
//! is the caller's decision.

use super::{MovingFactor, PeriodSecs};
use crate::clock::UnixTime;

/// The step that a token shows at `at` (server time): floor((at + `offset_secs` − `t0_secs`) / period),
/// RFC 6238 §4.2; `None` before T0 (and beyond 2^64 steps).
///
/// `offset_secs` is how far the token's clock is ahead of the server's (negative: behind). It is
/// added **before** the division: an offset that is no multiple of the period moves the boundary
/// between steps too. `t0_secs` is T0 in seconds since 1970.
pub fn time_step(at: UnixTime, t0_secs: i64, offset_secs: i64, period: PeriodSecs) -> Option<MovingFactor> {
    let elapsed = i128::from(at.secs()) + i128::from(offset_secs) - i128::from(t0_secs);
    u64::try_from(elapsed.div_euclid(i128::from(period.get()))).ok().map(MovingFactor)
}

/// The server time at which a token begins to show `step`; the opposite of [`time_step`] with the
/// same arguments. For countdowns and for "usable from".
///
/// Stops at the ends of what [`UnixTime`] can hold.
pub fn step_start(step: MovingFactor, t0_secs: i64, offset_secs: i64, period: PeriodSecs) -> UnixTime {
    let secs = i128::from(step.0) * i128::from(period.get()) + i128::from(t0_secs) - i128::from(offset_secs);
    let end = if secs < 0 { i64::MIN } else { i64::MAX };
    UnixTime::from_secs(i64::try_from(secs).unwrap_or(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use subtle::ConstantTimeEq;

    use super::*;
    use crate::oath::{Digits, Generator, HashAlg, Otp};
    use crate::secret::Seed;

    #[derive(Deserialize)]
    struct Vectors {
        rows: Vec<Row>,
        wrong_seed_rows: Vec<WrongSeedRow>,
    }

    #[derive(Deserialize)]
    struct Row {
        source: String,
        hash: String,
        seed_ascii: String,
        unix_secs: i64,
        t0_secs: i64,
        period_secs: u64,
        step: u64,
        digits: u32,
        code: String,
    }

    #[derive(Deserialize)]
    struct WrongSeedRow {
        hash: String,
        seed_ascii: String,
        unix_secs: i64,
        digits: u32,
        code: String,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../../tests/data/vectors/totp.json"))
            .expect("the vector file is well formed")
    }

    fn period(secs: u64) -> PeriodSecs {
        PeriodSecs::new(secs).expect("a legal period")
    }

    #[test]
    fn all_vectors_give_their_code() {
        let rows = vectors().rows;
        assert_eq!(rows.iter().filter(|r| r.source == "RFC 6238 Appendix B").count(), 18);
        assert_eq!(rows.len(), 68);
        for row in rows {
            let what = format!("{} {} at {} digits {}", row.source, row.hash, row.unix_secs, row.digits);
            let step = time_step(UnixTime::from_secs(row.unix_secs), row.t0_secs, 0, period(row.period_secs))
                .expect("after T0");
            assert_eq!(step, MovingFactor(row.step), "{what}");
            let alg = HashAlg::from_name(&row.hash).expect("a known hash");
            let digits = Digits::new(row.digits).expect("6 to 8 digits");
            let made = Generator::new(&Seed::new(row.seed_ascii.into_bytes()), alg).code(step, digits);
            assert!(bool::from(made.ct_eq(&Otp::parse(&row.code).expect("a code"))), "{what}");
        }
    }

    #[test]
    fn twenty_byte_seed_gives_the_well_known_wrong_codes() {
        let Vectors { rows, wrong_seed_rows } = vectors();
        assert_eq!(wrong_seed_rows.len(), 12);
        for wrong in wrong_seed_rows {
            let alg = HashAlg::from_name(&wrong.hash).expect("a known hash");
            let step = time_step(UnixTime::from_secs(wrong.unix_secs), 0, 0, PeriodSecs::DEFAULT)
                .expect("after 1970");
            let digits = Digits::new(wrong.digits).expect("8 digits");
            let made = Generator::new(&Seed::new(wrong.seed_ascii.into_bytes()), alg).code(step, digits);
            assert!(bool::from(made.ct_eq(&Otp::parse(&wrong.code).expect("a code"))));
            let right = rows
                .iter()
                .find(|r| {
                    r.source == "RFC 6238 Appendix B"
                        && r.hash == wrong.hash
                        && r.unix_secs == wrong.unix_secs
                })
                .expect("the RFC has a row for this hash and time");
            assert_ne!(right.code, wrong.code);
        }
    }

    #[test]
    fn step_changes_at_the_multiple_of_the_period() {
        for secs in [30, 60] {
            let x = i64::try_from(secs).expect("small");
            for n in [1u64, 37_037_037, 700_000_000] {
                let border = x * i64::try_from(n).expect("small");
                let at = |millis| time_step(UnixTime::from_millis(millis), 0, 0, period(secs));
                assert_eq!(at(border * 1000 - 1), Some(MovingFactor(n - 1)));
                assert_eq!(at(border * 1000), Some(MovingFactor(n)));
                assert_eq!(at((border + x) * 1000 - 1), Some(MovingFactor(n)));
            }
        }
    }

    #[test]
    fn no_step_before_t0() {
        let t0 = 946_684_800;
        let at = |secs, offset| time_step(UnixTime::from_secs(secs), t0, offset, PeriodSecs::DEFAULT);
        assert_eq!(at(t0 - 1, 0), None);
        assert_eq!(at(t0, 0), Some(MovingFactor(0)));
        assert_eq!(at(t0, -1), None);
        assert_eq!(at(t0 - 1, 1), Some(MovingFactor(0)));
    }

    #[test]
    fn every_offset_moves_the_boundary_by_whole_seconds() {
        for secs in [15, 30, 60] {
            let x = i64::try_from(secs).expect("small");
            for offset in -120..=120i64 {
                for at in 1_000_000_000..1_000_000_000 + 2 * x {
                    let step =
                        time_step(UnixTime::from_secs(at), 0, offset, period(secs)).expect("after 1970");
                    let token_clock = at + offset;
                    let first = i64::try_from(step.0).expect("small") * x;
                    assert!((first..first + x).contains(&token_clock), "period {x}, offset {offset}");
                    let start = step_start(step, 0, offset, period(secs));
                    assert_eq!(start.secs(), first - offset);
                }
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let one = period(1);
        let late = UnixTime::from_millis(i64::MAX);
        assert!(time_step(late, 0, i64::MAX, one).is_some());
        assert_eq!(time_step(late, i64::MIN, i64::MAX, one), None);
        assert_eq!(time_step(UnixTime::from_millis(i64::MIN), i64::MAX, i64::MIN, one), None);
        assert_eq!(step_start(MovingFactor(u64::MAX), 0, 0, period(3600)), UnixTime::from_secs(i64::MAX));
        assert_eq!(step_start(MovingFactor(0), i64::MIN, 0, one), UnixTime::from_secs(i64::MIN));
    }

    proptest! {
        #[test]
        fn a_step_lasts_from_its_start_for_one_period(
            step in 0u64..1_000_000_000_000,
            t0_secs in -4_000_000_000i64..4_000_000_000,
            offset_secs in -100_000_000i64..100_000_000,
            secs in 1u64..=3600,
        ) {
            let x = period(secs);
            let start = step_start(MovingFactor(step), t0_secs, offset_secs, x);
            let at = |secs| time_step(start.plus_secs(secs), t0_secs, offset_secs, x);
            prop_assert_eq!(at(0), Some(MovingFactor(step)));
            prop_assert_eq!(at(x.get() - 1), Some(MovingFactor(step)));
            prop_assert_eq!(at(x.get()), Some(MovingFactor(step + 1)));
            prop_assert_eq!(at(-1), step.checked_sub(1).map(MovingFactor));
        }
    }
}
