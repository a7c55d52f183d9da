//! What is remembered of clocks: of one token's, and of those that jumped together.

use serde::{Deserialize, Serialize};

use super::{Drift, SeedVersion, TokenId};
use crate::clock::UnixTime;
use crate::oath::PeriodSecs;
use crate::oath::drift::{Line, Observation, Sureness, fit};

/// What a token's clock was seen to show, oldest first: one record beside its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockHistory {
    /// Length of the token's steps: observations are no finer.
    pub period: PeriodSecs,
    /// At most [`ClockHistory::MOST`].
    pub observations: Vec<Observation>,
}

impl ClockHistory {
    /// Observations that are kept.
    pub const MOST: usize = 16;
    /// Sign-ins closer together than a week teach nothing of a rate.
    const APART_SECS: i64 = 7 * 86_400;

    /// Of a clock that was never seen, but for the drift that its seed file stated or an earlier version of
    /// the program learned.
    pub fn beginning(period: PeriodSecs, known: Option<Drift>) -> Self {
        let first = known.map(|drift| Observation {
            at: drift.learned_at,
            // The offset of a drift is where codes are looked for: the middle of a step.
            offset_secs: drift.seconds.saturating_sub(period.get() / 2),
            sure: Sureness::AtLeast,
        });
        Self { period, observations: first.into_iter().collect() }
    }

    /// True when another sign-in is worth remembering.
    pub fn is_due(&self, now: UnixTime) -> bool {
        self.observations.last().is_none_or(|last| now.secs_since(last.at) >= Self::APART_SECS)
    }

    /// With one more. When there are too many, the one goes that is missed least: never the first or the
    /// last, a sign-in before a sequence, the one with the nearest neighbours.
    #[must_use]
    pub fn with(mut self, observation: Observation) -> Self {
        self.observations.push(observation);
        self.observations.sort_by_key(|it| it.at);
        if self.observations.len() > Self::MOST {
            let inner = self.observations.windows(3).enumerate().min_by_key(|(_, three)| {
                let gap = three[2].at.secs_since(three[0].at);
                (three[1].sure == Sureness::Step, gap)
            });
            if let Some((before, _)) = inner {
                self.observations.remove(before + 1);
            }
        }
        self
    }

    /// Without what was observed at this moment.
    #[must_use]
    pub fn without(mut self, at: UnixTime) -> Self {
        self.observations.retain(|it| it.at != at);
        self
    }

    /// The line through it.
    pub fn line(&self) -> Option<Line> {
        fit(&self.observations, self.period)
    }
}

/// A clock that was seen before was found far from where it was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJump {
    /// Whose clock.
    pub token: TokenId,
    /// By which secret.
    pub version: SeedVersion,
    /// When it was found.
    pub at: UnixTime,
    /// How far it had jumped, in seconds; positive: forward.
    pub seconds: i64,
    /// What was known of its drift before.
    pub before: Option<Drift>,
    /// It was believed: the drift was learned.
    pub learned: bool,
}

/// The jumps of the last hour. Quartzes do not jump together: when many tokens that were right before are
/// off by the same, it is the server's clock that was set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJumps {
    /// Oldest first, one of each token.
    pub jumps: Vec<ClockJump>,
    /// When the server's clock was last seen to have been set, and by how many seconds; positive: forward.
    pub set: Option<(UnixTime, i64)>,
}

impl ClockJumps {
    /// Jumps that are kept; more do not change the picture.
    const MOST: usize = 64;
    /// For how long.
    const WINDOW_SECS: i64 = 3_600;
    /// So many are no chance.
    const LEAST: usize = 5;
    /// How far jumps may lie from their median to be the same: a step of the longest usual period, by which
    /// two clocks that agree can seem to differ.
    const SAME_SECS: u64 = 60;

    /// With one more, without those that are older than an hour.
    #[must_use]
    pub fn with(mut self, jump: ClockJump) -> Self {
        self.jumps.retain(|it| it.token != jump.token && jump.at.secs_since(it.at) < Self::WINDOW_SECS);
        self.jumps.push(jump);
        let beyond = self.jumps.len().saturating_sub(Self::MOST);
        self.jumps.drain(..beyond);
        self
    }

    /// By how much the server's clock seems to have been set: the median of the last hour's jumps, when at
    /// least five of them, and three in four, lie about it. The median and not the mean, because single
    /// tokens do jump (they were set, or fell): half of them could lie anywhere without moving it far.
    pub fn together(&self, now: UnixTime) -> Option<i64> {
        let mut jumps: Vec<i64> = self.recent(now).map(|it| it.seconds).collect();
        jumps.sort_unstable();
        let median = *jumps.get(jumps.len() / 2)?;
        let same = jumps.iter().filter(|it| Self::is_same(**it, median)).count();
        (same >= Self::LEAST && same * 4 >= jumps.len() * 3).then_some(median)
    }

    /// By how much the server's clock was set within the last hour.
    pub fn set_lately(&self, now: UnixTime) -> Option<i64> {
        self.set.filter(|(at, _)| now.secs_since(*at).abs() < Self::WINDOW_SECS).map(|(_, secs)| secs)
    }

    /// True while nothing is learned of any clock.
    pub fn is_doubted(&self, now: UnixTime) -> bool {
        self.together(now).is_some() || self.set_lately(now).is_some()
    }

    /// Those that were believed although they belong to a jump of all.
    pub fn believed(&self, now: UnixTime, median: i64) -> impl Iterator<Item = &ClockJump> {
        self.recent(now).filter(move |it| it.learned && Self::is_same(it.seconds, median))
    }

    fn recent(&self, now: UnixTime) -> impl Iterator<Item = &ClockJump> {
        self.jumps.iter().filter(move |it| now.secs_since(it.at).abs() < Self::WINDOW_SECS)
    }

    const fn is_same(seconds: i64, median: i64) -> bool {
        seconds.signum() == median.signum() && seconds.abs_diff(median) <= Self::SAME_SECS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn seen(day: i64, sure: Sureness) -> Observation {
        Observation { at: NOW.plus_secs(day * 86_400), offset_secs: day, sure }
    }

    #[test]
    fn a_full_history_keeps_its_ends_its_sequences_and_its_length() {
        let mut history = ClockHistory::beginning(PeriodSecs::DEFAULT, None);
        for week in 0..200 {
            let sure = if week == 50 { Sureness::Step } else { Sureness::AtLeast };
            history = history.with(seen(week * 7, sure));
        }
        assert_eq!(history.observations.len(), ClockHistory::MOST);
        assert_eq!(history.observations[0].offset_secs, 0);
        assert_eq!(history.observations[ClockHistory::MOST - 1].offset_secs, 199 * 7);
        assert!(history.observations.iter().any(|it| it.sure == Sureness::Step));
        assert!(history.line().and_then(|line| line.known_rate_ppm()).is_some());
        assert!(!history.is_due(NOW.plus_secs(199 * 7 * 86_400 + 6 * 86_400)));
        assert!(history.is_due(NOW.plus_secs(200 * 7 * 86_400)));
    }

    /// Numbers that look random, the same each time.
    fn random(state: &mut u64, below: i64) -> i64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(*state >> 33).expect("31 bits") % below
    }

    /// Four hundred tokens of all rates that quartzes have, signed in with once or twice a week for a year, each
    /// code typed up to 20 s late; then a quarter of a year without. What is expected then, and what a constant
    /// offset would be.
    #[test]
    fn a_year_of_late_sign_ins_predicts_a_quarter() {
        let (mut state, mut found, mut constant) = (7, 0, 0);
        for _ in 0..400 {
            let (ppm, began) = (random(&mut state, 50) - 25, random(&mut state, 30) - 15);
            let offset = |at: UnixTime| began * 1_000_000 + ppm * at.secs_since(NOW);
            let step = |at: UnixTime, micros: i64| (at.secs() * 1_000_000 + micros).div_euclid(30_000_000);
            let mut history = ClockHistory::beginning(PeriodSecs::DEFAULT, None);
            let mut at = NOW;
            while at.secs_since(NOW) < 365 * 86_400 {
                at = at.plus_secs(3 * 86_400 + random(&mut state, 5 * 86_400));
                let shown = step(at, offset(at));
                let typed = at.plus_secs(random(&mut state, 20));
                if history.is_due(typed) {
                    let offset_secs = shown * 30 - typed.secs();
                    history = history.with(Observation { at: typed, offset_secs, sure: Sureness::AtLeast });
                }
            }
            let line = history.line().expect("seen");
            let then = at.plus_secs(90 * 86_400 + random(&mut state, 86_400));
            let (shown, typed) = (step(then, offset(then)), then.plus_secs(random(&mut state, 20)));
            let is_in = |secs: i64| (step(typed, secs * 1_000_000) - shown).abs() <= 1;
            found += i32::from(is_in(line.predict(typed)));
            constant += i32::from(is_in(line.predict(at)));
        }
        assert!(found >= 396, "{found} of 400 with the rate");
        assert!(constant <= 200, "{constant} of 400 without");
    }

    fn jumps(seconds: &[i64]) -> ClockJumps {
        seconds.iter().zip(1..).fold(ClockJumps::default(), |jumps, (seconds, token)| {
            let (token, version) = (TokenId(token), SeedVersion::FIRST);
            jumps.with(ClockJump { token, version, at: NOW, seconds: *seconds, before: None, learned: true })
        })
    }

    #[test]
    fn five_that_jump_alike_are_the_server() {
        assert_eq!(jumps(&[-90, -90, -60, -120]).together(NOW), None);
        assert_eq!(jumps(&[-90, -90, -60, -120, -90]).together(NOW), Some(-90));
        assert_eq!(jumps(&[-90, -90, -60, -120, -90, 4_000]).together(NOW), Some(-90));
        assert_eq!(jumps(&[-90, 300, -60, 7_200, -500, 86_400, -3_600, 90]).together(NOW), None);
        assert_eq!(jumps(&[90, 60, 120, 90, -90]).together(NOW), None, "four forward, one back");
        let later = NOW.plus_secs(3_600);
        assert_eq!(jumps(&[-90; 6]).together(later), None, "an hour later nothing is left of it");
    }

    #[test]
    fn a_token_counts_once() {
        let jump = jumps(&[-90]).jumps[0];
        let many = (0..20)
            .fold(ClockJumps::default(), |jumps, n| jumps.with(ClockJump { at: NOW.plus_secs(n), ..jump }));
        assert_eq!(many.jumps.len(), 1);
        assert_eq!(many.together(NOW), None);
    }
}
