//! Lines through what simulated clocks show.

use proptest::prelude::*;

use super::*;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: i64 = 86_400;

fn step(days: i64, offset_secs: i64) -> Observation {
    Observation { at: START.plus_secs(days * DAY), offset_secs, sure: Sureness::Step }
}

fn login(days: i64, offset_secs: i64) -> Observation {
    Observation { sure: Sureness::AtLeast, ..step(days, offset_secs) }
}

fn line(observations: &[Observation]) -> Line {
    fit(observations, PeriodSecs::DEFAULT).expect("something was observed")
}

#[test]
fn nothing_observed_gives_no_line() {
    assert_eq!(fit(&[], PeriodSecs::DEFAULT), None);
}

#[test]
fn one_observation_is_a_constant_offset() {
    let line = line(&[step(0, -41)]);
    assert_eq!(line.known_rate_ppm(), None);
    assert_eq!([0, 10, 3_000].map(|days| line.predict(START.plus_secs(days * DAY))), [-41; 3]);
    assert_eq!(line.leaves_window(30, START), None);
    assert!((line.error_at(START) - 15.0).abs() < 1e-9, "half a step");
}

#[test]
fn two_findings_a_year_apart_give_a_rate_and_two_a_month_apart_do_not() {
    let year = line(&[step(0, 0), step(365, -120)]);
    let rate = year.known_rate_ppm().expect("known");
    assert!((rate + 3.805).abs() < 0.01, "{rate}");
    assert!(year.rate_ppm().1 < 0.7, "{:?}", year.rate_ppm());
    assert_eq!(line(&[step(0, 0), step(30, -10)]).known_rate_ppm(), None);
}

#[test]
fn sign_ins_count_half_as_much_as_sequences() {
    let steps: Vec<_> = (0..12).map(|month| step(month * 30, 0)).collect();
    let logins: Vec<_> = (0..12).map(|month| login(month * 30, 0)).collect();
    let ratio = line(&logins).rate_ppm().1 / line(&steps).rate_ppm().1;
    assert!((ratio - 2.0).abs() < 1e-9, "{ratio}");
    assert!(line(&logins).known_rate_ppm().is_some(), "a year of sign-ins gives a rate, too");
}

#[test]
fn a_clock_that_was_set_begins_a_new_line() {
    let set = [step(0, 0), step(200, -60), step(400, -120), step(401, 3_500), step(700, 3_440)];
    let line = line(&set);
    assert_eq!(line.observed().0, START.plus_secs(401 * DAY));
    assert!(line.rate_ppm().0.abs() < 5.0, "{:?}", line.rate_ppm());
}

#[test]
fn the_window_is_left_some_time_after_the_observed_span() {
    // 120 s a year slow, seen for a year: followed for another year, then 30 s take a quarter of one.
    let line = line(&[step(0, 0), step(365, -120)]);
    let leaving = line.leaves_window(30, START.plus_secs(365 * DAY)).expect("known");
    let days = |at: UnixTime| at.secs_since(START) / DAY;
    assert_eq!(leaving.at.map(days), Some(365 + 365 + 91));
    assert!(leaving.earliest < leaving.at.expect("there"), "{leaving:?}");
    assert!(leaving.latest.is_none_or(|latest| latest > leaving.at.expect("there")), "{leaving:?}");
    assert!(days(leaving.earliest) >= 365 + 90, "a known rate is good for 90 days");
    let late = START.plus_secs(2_000 * DAY);
    assert_eq!(line.leaves_window(30, late).expect("known").at, Some(late), "it is out already");
}

#[test]
fn a_clock_that_runs_right_stays_for_ten_years() {
    let year: Vec<_> = (0..12).map(|month| step(month * 30, 4)).collect();
    assert_eq!(line(&year).leaves_window(30, START).expect("known").at, None);
}

#[test]
fn systematic_offsets_are_named() {
    let named = |secs| cause(secs, PeriodSecs::DEFAULT);
    assert_eq!(named(3_600), Some(Cause::TimeZone { half_hours: 2 }));
    assert_eq!(named(-5 * 3_600 - 150), Some(Cause::TimeZone { half_hours: -10 }));
    assert_eq!(named(5 * 3_600 + 1_800 + 90), Some(Cause::TimeZone { half_hours: 11 }));
    assert_eq!(named(14 * 3_600), Some(Cause::TimeZone { half_hours: 28 }));
    assert_eq!(named(14 * 3_600 + 1_800), None, "no zone is so far");
    assert_eq!(named(1_800), None, "half an hour is no zone");
    assert_eq!(named(3_600 + 400), None);
    assert_eq!(named(-DAY_SECS + 100), Some(Cause::Days(-1)));
    assert_eq!(named(41 * DAY_SECS), Some(Cause::Days(41)));
    assert_eq!(named(41 * DAY_SECS + 10_800), None);
    assert_eq!(named(-EPOCH_2000_SECS + 700), Some(Cause::Epoch2000));
    assert_eq!(named(EPOCH_2000_SECS), Some(Cause::Epoch2000));
    for small in [-200, -30, 0, 12, 179] {
        assert_eq!(named(small), None);
    }
}

proptest! {
    #[test]
    fn a_line_without_noise_is_found_again(
        offset in -100_000.0..100_000.0_f64,
        ppm in -150.0..150.0_f64,
        gaps in proptest::collection::vec(20_i64..200, 2..16),
    ) {
        let mut days = 0;
        let observations: Vec<_> = gaps.iter().map(|gap| {
            days += gap;
            step(days, whole(offset + ppm / 1e6 * float(days * DAY)))
        }).collect();
        let found = line(&observations);
        // Offsets are whole seconds: each may be off by half of one, and all of them in the direction that turns a
        // line of least squares most.
        let times: Vec<f64> = observations.iter().map(|it| seconds_between(START, it.at)).collect();
        let mean = times.iter().sum::<f64>() / float(i64::try_from(times.len()).expect("few"));
        let away: f64 = times.iter().map(|time| (time - mean).abs()).sum();
        let spread: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        let turned = away / spread / 2.0;
        prop_assert!((found.rate_ppm().0 - ppm).abs() <= turned * 1e6 + 1e-6, "{found:?}");
        let end = float(days * DAY);
        let wanted = offset + ppm / 1e6 * end;
        let most = 0.5 + turned * (end - mean) + 1e-3;
        prop_assert!((found.offset_at(START.plus_secs(days * DAY)) - wanted).abs() <= most, "{found:?}");
    }

    #[test]
    fn a_learned_rate_moves_the_centre_by_no_more_than_was_observed(
        offsets in proptest::collection::vec((1_i64..400, -400_i64..400, any::<bool>()), 1..16),
        wait in 0_i64..20_000,
    ) {
        let mut days = 0;
        let observations: Vec<_> = offsets.iter().map(|(gap, offset, sure)| {
            days += gap;
            if *sure { step(days, *offset) } else { login(days, *offset) }
        }).collect();
        let found = line(&observations);
        let (first, last) = found.observed();
        let seen = (found.offset_at(last) - found.offset_at(first)).abs();
        let moved = found.moved(last, last.plus_secs(wait * DAY));
        prop_assert!(float(moved.abs()) <= seen + 0.5, "{moved} s, seen {seen} s");
        if found.known_rate_ppm().is_none() {
            prop_assert_eq!(moved, 0);
            prop_assert_eq!(found.predict(last.plus_secs(wait * DAY)), found.predict(first));
        }
        // Backwards in time nothing is predicted.
        prop_assert_eq!(found.moved(last, last.plus_secs(-wait * DAY)), 0);
    }

    #[test]
    fn forecasts_lie_in_order_and_not_in_the_past(
        ppm in -60.0..60.0_f64,
        months in 4_i64..40,
        window in 30_i64..200,
        wait in 0_i64..4_000,
    ) {
        let observations: Vec<_> =
            (0..16).map(|n| step(n * months, whole(ppm / 1e6 * float(n * months * DAY)))).collect();
        let now = START.plus_secs((15 * months + wait) * DAY);
        if let Some(leaving) = line(&observations).leaves_window(window, now) {
            prop_assert!(leaving.earliest >= now);
            prop_assert!(leaving.at.is_none_or(|at| at >= leaving.earliest), "{leaving:?}");
            if let (Some(at), Some(latest)) = (leaving.at, leaving.latest) {
                prop_assert!(latest >= at, "{leaving:?}");
            }
        }
    }
}
