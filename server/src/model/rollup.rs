//! An hour of a host in short: how many polls, how the time went, and of each column the least, the mean, the
//! most.

use serde::{Deserialize, Serialize};

use super::{Column, ColumnSet, HostId, Values};
use crate::units::WallMs;

/// Milliseconds in an hour: what a rollup covers.
pub const HOUR_MS: i64 = 3_600_000;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The values of one column over some time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Stat {
    /// How many polls had a value. With none, the rest means nothing.
    pub count: u32,
    /// Their sum, in the column's unit.
    pub sum: f64,
    /// The least of them.
    pub min: f64,
    /// The greatest of them.
    pub max: f64,
}

impl Stat {
    /// Of values that were summed up elsewhere; none when there were none.
    #[must_use]
    pub fn of(count: u32, avg: Option<f64>, min: Option<f64>, max: Option<f64>) -> Self {
        match (avg, min, max) {
            (Some(avg), Some(min), Some(max)) if count > 0 => {
                Self { count, sum: avg * f64::from(count), min, max }
            }
            _ => Self::default(),
        }
    }

    /// Takes a value in.
    pub fn add(&mut self, value: f64) {
        self.merge(&Self { count: 1, sum: value, min: value, max: value });
    }

    /// Takes in what was gathered apart.
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            self.count = self.count.saturating_add(other.count);
            self.sum += other.sum;
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
        }
    }

    /// The mean, to a thousandth of the column's unit; none without values.
    #[must_use]
    pub fn avg(&self) -> Option<f64> {
        self.known((self.sum / f64::from(self.count.max(1)) * 1000.0).round() / 1000.0)
    }

    /// The least; none without values.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.known(self.min)
    }

    /// The greatest; none without values.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.known(self.max)
    }

    fn known(&self, value: f64) -> Option<f64> {
        (self.count > 0).then_some(value)
    }
}

/// How the time of a host went, and what crossed its network meanwhile. What is in none of the three lengths
/// is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reckoned {
    /// For so long it answered, milliseconds.
    pub good_ms: u64,
    /// For so long it did not, milliseconds.
    pub bad_ms: u64,
    /// For so long it was paused by an operator or a maintenance window, whatever it answered, milliseconds.
    pub paused_ms: u64,
    /// What its physical interfaces received: the growth of their counters, bytes.
    pub rx_bytes: u64,
    /// What they sent, bytes.
    pub tx_bytes: u64,
    /// The time in which these counters grew so, milliseconds.
    pub counted_ms: u64,
}

impl Reckoned {
    /// Takes in what is known of another time or host.
    pub fn merge(&mut self, other: &Self) {
        let Self { good_ms, bad_ms, paused_ms, rx_bytes, tx_bytes, counted_ms } = self;
        for (sum, more) in [
            (good_ms, other.good_ms),
            (bad_ms, other.bad_ms),
            (paused_ms, other.paused_ms),
            (rx_bytes, other.rx_bytes),
            (tx_bytes, other.tx_bytes),
            (counted_ms, other.counted_ms),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// The time that is known, milliseconds.
    #[must_use]
    pub fn known_ms(&self) -> u64 {
        self.good_ms.saturating_add(self.bad_ms).saturating_add(self.paused_ms)
    }
}

/// One hour of one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// The host.
    pub host: HostId,
    /// When the hour begins, in UTC.
    pub hour: WallMs,
    /// Polls that were due in it and were made ([`Outcome::was_asked`](super::Outcome::was_asked)).
    pub polls: u32,
    /// Of these, polls that brought no values.
    pub failed: u32,
    /// How its time went; none of one that was made before that was reckoned.
    #[serde(default)]
    pub reckoned: Option<Reckoned>,
    stats: Box<[Stat]>,
}

impl Rollup {
    /// An hour without polls.
    #[must_use]
    pub fn new(host: HostId, hour: WallMs) -> Self {
        let stats = vec![Stat::default(); Column::ALL.len()].into();
        Self { host, hour, polls: 0, failed: 0, reckoned: None, stats }
    }

    /// Takes a poll in: its values, or none when it failed.
    pub fn add(&mut self, values: Option<&Values<Column>>) {
        self.polls = self.polls.saturating_add(1);
        let Some(values) = values else {
            self.failed = self.failed.saturating_add(1);
            return;
        };
        for (stat, (_, value)) in self.stats.iter_mut().zip(values.iter()) {
            if let Some(value) = value {
                stat.add(value);
            }
        }
    }

    /// What is known of a column; nothing of one that is newer than the rollup.
    #[must_use]
    pub fn stat(&self, column: Column) -> Stat {
        self.stats.get(column.index()).copied().unwrap_or_default()
    }
}

/// The day, in UTC, in which a moment lies.
#[must_use]
pub fn day_of(moment: WallMs) -> WallMs {
    WallMs(moment.0.div_euclid(DAY_MS).saturating_mul(DAY_MS))
}

/// The hour in which a moment lies.
#[must_use]
pub fn hour_of(moment: WallMs) -> WallMs {
    WallMs(moment.0.div_euclid(HOUR_MS).saturating_mul(HOUR_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_of_no_values() {
        let stat = Stat::default();
        assert_eq!((stat.avg(), stat.min(), stat.max()), (None, None, None));
        assert_eq!(Stat::of(0, Some(1.0), Some(1.0), Some(1.0)), stat);
        assert_eq!(Stat::of(3, None, None, None), stat);
    }

    #[test]
    fn parts_make_the_whole() {
        let values = [3.0, 0.0, 7.5, 1.25];
        let all = |values: &[f64]| {
            let mut stat = Stat::default();
            values.iter().for_each(|value| stat.add(*value));
            stat
        };
        let mut merged = all(&values[..1]);
        merged.merge(&Stat::default());
        merged.merge(&all(&values[1..]));
        assert_eq!(merged, all(&values));
        assert_eq!((merged.avg(), merged.min(), merged.max()), (Some(2.938), Some(0.0), Some(7.5)));
        let mut none = Stat::default();
        none.merge(&merged);
        assert_eq!(none, merged);
    }

    #[test]
    fn an_hour_begins_on_the_hour() {
        assert_eq!(hour_of(WallMs(HOUR_MS)), WallMs(HOUR_MS));
        assert_eq!(hour_of(WallMs(HOUR_MS - 1)), WallMs(0));
        assert_eq!(hour_of(WallMs(-1)), WallMs(-HOUR_MS));
        assert_eq!(day_of(WallMs(DAY_MS + HOUR_MS)), WallMs(DAY_MS));
        assert_eq!(day_of(WallMs(-1)), WallMs(-DAY_MS));
    }

    #[test]
    fn a_failed_poll_counts_and_has_no_values() {
        let mut rollup = Rollup::new(HostId(1), WallMs(0));
        let mut values = Values::default();
        values.set(Column::CpuBusyPct, 50.0);
        rollup.add(Some(&values));
        rollup.add(None);
        assert_eq!((rollup.polls, rollup.failed), (2, 1));
        assert_eq!(rollup.stat(Column::CpuBusyPct).avg(), Some(50.0));
        assert_eq!(rollup.stat(Column::CpuBusyPct).count, 1);
        assert_eq!(rollup.stat(Column::Load1).avg(), None);
    }
}
