//! From which tier, and how coarsely, a chart is answered.

use std::time::Duration;

use crate::{model::HOUR_MS, units::WallMs};

/// What a point of a summary stands for.
pub const SUMMARY_STEP: Duration = Duration::from_secs(300);

const HOUR: Duration = Duration::from_millis(HOUR_MS.unsigned_abs());

/// Where values over time are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Single polls: any step, as far back as polls are kept.
    Polls,
    /// Summaries of days: steps of whole five minutes, as far back as these are kept. Days that have none
    /// yet are read from polls.
    FiveMinutes,
    /// Hours in short: steps of whole hours, as far back as these are kept.
    Hours,
}

impl Tier {
    /// All of them, the finest first.
    pub const ALL: &'static [Self] = &[Self::Polls, Self::FiveMinutes, Self::Hours];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polls => "poll",
            Self::FiveMinutes => "five_minutes",
            Self::Hours => "hour",
        }
    }

    /// What its steps are multiples of; none: any will do.
    #[must_use]
    pub const fn unit(self) -> Option<Duration> {
        match self {
            Self::Polls => None,
            Self::FiveMinutes => Some(SUMMARY_STEP),
            Self::Hours => Some(HOUR),
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a chart is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Where from.
    pub tier: Tier,
    /// The length of time that one point stands for.
    pub step: Duration,
}

/// Steps that people read well, seconds. Beyond the last, whole days.
pub const STEPS: [u64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200];

const DAY_S: u64 = 86_400;

/// What is known of the history that a chart is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// How long polls are kept.
    pub kept: Duration,
    /// How long summaries are kept.
    pub summaries: Duration,
    /// The time between two polls: in a finer step there would be nothing most of the time. 0 when
    /// it is not known.
    pub interval: Duration,
    /// Whether there are hours: of what a host has several of there are none.
    pub has_hours: bool,
}

/// The cheapest way to at most `points` points over `length` up to a chart's end, which begins at
/// `from`. Where polls are gone, summaries are the finest there is, and where these are gone, hours.
#[must_use]
pub fn plan(from: WallMs, length: Duration, points: usize, now: WallMs, history: History) -> Plan {
    let History { kept, summaries, interval, has_hours } = history;
    let points = u128::try_from(points.max(1)).unwrap_or(1);
    let least = length.as_millis().div_ceil(points).max(interval.as_millis());
    let fits = |step: &&u64| u128::from(**step) * 1000 >= least;
    let step = STEPS.iter().find(fits).copied().unwrap_or_else(|| {
        let days = least.div_ceil(u128::from(DAY_S) * 1000);
        u64::try_from(days).unwrap_or(u64::MAX).saturating_mul(DAY_S)
    });
    let step = Duration::from_secs(step);
    let are_kept = |for_long: Duration| from >= now.minus(for_long);
    if has_hours && (step >= HOUR || !are_kept(kept) && !are_kept(summaries)) {
        Plan { tier: Tier::Hours, step: step.max(HOUR) }
    } else if step >= SUMMARY_STEP || !are_kept(kept) {
        Plan { tier: Tier::FiveMinutes, step: step.max(SUMMARY_STEP) }
    } else {
        Plan { tier: Tier::Polls, step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallMs = WallMs(1_774_747_800_000);
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3_600;
    const DAY: u64 = 86_400;

    fn history(interval_ms: u64) -> History {
        History {
            kept: Duration::from_secs(30 * DAY),
            summaries: Duration::from_secs(365 * DAY),
            interval: Duration::from_millis(interval_ms),
            has_hours: true,
        }
    }

    #[test]
    fn the_cheapest_tier_that_gives_the_wanted_points() {
        use Tier::{FiveMinutes, Hours, Polls};
        // (begin, seconds before now; length, seconds; points) -> (tier, step in seconds)
        for ((ago, length, points), (tier, step)) in [
            ((10, 10, 300), (Polls, 1)),
            ((HOUR, HOUR, 300), (Polls, 15)),
            ((HOUR, HOUR, 360), (Polls, 10)),
            ((DAY, DAY, 200), (FiveMinutes, 10 * MINUTE)),
            ((DAY, DAY, 288), (FiveMinutes, 5 * MINUTE)),
            ((DAY, DAY, 289), (FiveMinutes, 5 * MINUTE)),
            ((DAY, DAY, 720), (Polls, 2 * MINUTE)),
            ((DAY, DAY, 2_000), (Polls, MINUTE)),
            ((DAY, DAY, 24), (Hours, HOUR)),
            ((7 * DAY, 7 * DAY, 300), (Hours, HOUR)),
            ((7 * DAY, 7 * DAY, 2_000), (FiveMinutes, 10 * MINUTE)),
            ((30 * DAY, 30 * DAY, 300), (Hours, 3 * HOUR)),
            ((30 * DAY, 30 * DAY, 720), (Hours, HOUR)),
            ((29 * DAY, 29 * DAY, 2_000), (FiveMinutes, 30 * MINUTE)),
            // Polls are gone: summaries are the finest there is.
            ((40 * DAY, HOUR, 300), (FiveMinutes, 5 * MINUTE)),
            ((31 * DAY, 31 * DAY, 2_000), (FiveMinutes, 30 * MINUTE)),
            ((364 * DAY, DAY, 300), (FiveMinutes, 5 * MINUTE)),
            // So are these: hours are.
            ((366 * DAY, HOUR, 300), (Hours, HOUR)),
            ((366 * DAY, 20 * DAY, 2_000), (Hours, HOUR)),
            ((730 * DAY, 730 * DAY, 300), (Hours, 3 * DAY)),
            ((730 * DAY, 730 * DAY, 1), (Hours, 730 * DAY)),
            ((1, 1, 0), (Polls, 1)),
        ] {
            let from = NOW.minus(Duration::from_secs(ago));
            let found = plan(from, Duration::from_secs(length), points, NOW, history(0));
            let expected = Plan { tier, step: Duration::from_secs(step) };
            assert_eq!(found, expected, "{length} s from {ago} s ago in {points} points");
        }
    }

    #[test]
    fn what_repeats_has_summaries_where_the_host_has_hours() {
        use Tier::{FiveMinutes, Polls};
        for ((ago, length, points), (tier, step)) in [
            ((HOUR, HOUR, 300), (Polls, 15)),
            ((DAY, DAY, 300), (FiveMinutes, 5 * MINUTE)),
            ((7 * DAY, 7 * DAY, 300), (FiveMinutes, HOUR)),
            ((90 * DAY, 90 * DAY, 300), (FiveMinutes, 12 * HOUR)),
            ((40 * DAY, HOUR, 300), (FiveMinutes, 5 * MINUTE)),
            ((730 * DAY, 730 * DAY, 300), (FiveMinutes, 3 * DAY)),
        ] {
            let from = NOW.minus(Duration::from_secs(ago));
            let rows = History { has_hours: false, ..history(0) };
            let found = plan(from, Duration::from_secs(length), points, NOW, rows);
            let expected = Plan { tier, step: Duration::from_secs(step) };
            assert_eq!(found, expected, "{length} s from {ago} s ago in {points} points");
        }
    }

    #[test]
    fn no_point_is_finer_than_the_polls_are_apart() {
        use Tier::{FiveMinutes, Hours, Polls};
        // (time between polls, ms; length, seconds) -> (tier, step in seconds)
        for ((interval, length), (tier, step)) in [
            ((2_000, 270), (Polls, 2)),
            ((10_000, 15 * MINUTE), (Polls, 10)),
            ((10_001, 15 * MINUTE), (Polls, 15)),
            ((30_000, HOUR), (Polls, 30)),
            ((45_000, MINUTE), (Polls, MINUTE)),
            ((60_000, HOUR), (Polls, MINUTE)),
            ((60_000, DAY), (FiveMinutes, 5 * MINUTE)),
            ((200_000, HOUR), (FiveMinutes, 5 * MINUTE)),
            ((400_000, HOUR), (FiveMinutes, 10 * MINUTE)),
            ((2 * 3_600_000, HOUR), (Hours, 2 * HOUR)),
            ((86_400_000, HOUR), (Hours, DAY)),
        ] {
            let length = Duration::from_secs(length);
            let found = plan(NOW.minus(length), length, 300, NOW, history(interval));
            let expected = Plan { tier, step: Duration::from_secs(step) };
            assert_eq!(found, expected, "{length:?} of polls every {interval} ms");
        }
    }

    #[test]
    fn no_length_of_time_is_too_long() {
        let found = plan(WallMs(i64::MIN), Duration::MAX, 1, NOW, history(0));
        assert_eq!(found.tier, Tier::Hours);
        assert!(found.step >= Duration::from_secs(u64::MAX / DAY));
    }
}
