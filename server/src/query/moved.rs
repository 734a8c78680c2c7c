//! How far a value moved from one span to the next, in spreads. Pure.

use crate::model::Unit;

/// What moved by fewer spreads is no change.
const LEAST_SCORE: f64 = 3.0;

/// A spread is no less than this part of the larger mean: so the largest score is 50, whatever the unit.
const LEAST_PART: f64 = 0.02;

/// The MAD of a normal distribution times this is its standard deviation.
const OF_NORMAL: f64 = 1.4826;

/// With fewer values before there is no spread.
const LEAST_VALUES: usize = 5;

/// The least spread that counts, in a unit.
fn least(unit: Unit) -> f64 {
    match unit {
        Unit::Number => 0.1,
        Unit::Count | Unit::Percent | Unit::PerSecond | Unit::Seconds | Unit::Milliseconds => 1.0,
        Unit::Bytes => 1_048_576.0,
        Unit::BytesPerSecond => 10_240.0,
        Unit::Microseconds => 1_000.0,
    }
}

/// Of which span a poll is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Before { is_sampled: bool },
    Now,
}

/// Values of one side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    pub(super) count: u32,
    sum: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        self.sum += value;
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

/// What is known of one value.
#[derive(Debug, Clone, Default)]
pub(super) struct Both {
    pub(super) before: Mean,
    pub(super) now: Mean,
    /// Some of the values before.
    some: Vec<f64>,
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(*values.get(low)?, *values.get(high)?))
}

/// The standard deviation that a normal distribution of this MAD has.
fn spread(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    let middle = median(&mut values)?;
    let mut distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&mut distances).map(|distance| distance * OF_NORMAL)
}

/// How a value moved, before it is put in words.
pub(super) struct Moved {
    pub(super) before: Option<f64>,
    pub(super) now: Option<f64>,
    pub(super) spread: f64,
    pub(super) score: f64,
    pub(super) is_steady: bool,
}

impl Both {
    pub(super) fn add(&mut self, side: Side, value: f64) {
        match side {
            Side::Now => self.now.add(value),
            Side::Before { is_sampled } => {
                self.before.add(value);
                if is_sampled {
                    self.some.push(value);
                }
            }
        }
    }

    /// None when nothing can be said, or it did not move. On one side alone it counts when its row was not
    /// there on the other.
    pub(super) fn moved(&self, unit: Unit, is_new_or_gone: bool) -> Option<Moved> {
        let (before, now) = (self.before.get(), self.now.get());
        let of_values = match (before, now) {
            (Some(_), Some(_)) if self.some.len() >= LEAST_VALUES => spread(&self.some)?,
            (Some(_), None) | (None, Some(_)) if is_new_or_gone => 0.0,
            _ => return None,
        };
        let (was, is) = (before.unwrap_or(0.0), now.unwrap_or(0.0));
        let spread = of_values.max(least(unit)).max(was.max(is) * LEAST_PART);
        let score = (is - was).abs() / spread;
        let is_steady = of_values < spread;
        (score >= LEAST_SCORE).then_some(Moved { before, now, spread, score, is_steady })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_the_middle() {
        assert_eq!(spread(&[1.0, 2.0, 3.0, 4.0, 1e9]), Some(OF_NORMAL));
        assert_eq!(spread(&[]), None);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
