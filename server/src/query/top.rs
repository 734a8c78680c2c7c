//! The hosts with the largest, or the smallest, mean of a column over a span.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Query, QueryError, SortOrder,
    compare::percentile,
    means::Means,
    moment::Rfc3339,
    together::{HostsOf, Member},
};
use crate::{
    model::{Column, ColumnKind, ColumnSet as _, Unit},
    rollup::SpanStat,
    store::Span,
    units::WallMs,
};

/// The most hosts in one answer.
pub const MAX_TOP: usize = 100;

/// Hosts in an answer when nobody says.
pub const DEFAULT_TOP: usize = 10;

/// Parts into which the span of the hosts' means is divided for a histogram.
const BINS: usize = 20;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopRange {
    /// By which value.
    pub column: Column,
    /// Of which hosts.
    pub of: HostsOf,
    /// The first moment in it.
    pub from: WallMs,
    /// The first moment after it.
    pub to: WallMs,
    /// At most so many hosts, up to [`MAX_TOP`].
    pub limit: usize,
    /// Largest or smallest first.
    pub order: SortOrder,
}

/// A host and what it had.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopRow {
    /// The host.
    pub host: Arc<str>,
    /// The mean.
    pub avg: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// Of how many polls.
    pub count: u32,
    /// Polls that brought no values.
    pub failed: u32,
}

/// The hosts with the largest, or the smallest, mean of a column.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TopShape {
    /// The column.
    pub column: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// `poll`, `ten_minutes` (in the server's memory) or `hour`: what it is read from.
    pub tier: &'static str,
    /// From when on: but with polls, the begin of the ten minutes or the hour in which the `from` that was asked for
    /// lies.
    pub from: Rfc3339,
    /// The same in milliseconds since 1970.
    pub from_ms: WallMs,
    /// Up to when: now, where memory has a part in it.
    pub to: Rfc3339,
    /// The same in milliseconds since 1970.
    pub to_ms: WallMs,
    /// How many hosts were looked at.
    pub hosts: usize,
    /// Of these, those of which no value is known.
    pub unknown: usize,
    /// The hosts, by their means.
    pub top: Vec<TopRow>,
    /// How the means of all of them spread; `null` when none is known.
    pub distribution: Option<Distribution>,
}

/// How the means of hosts spread.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Distribution {
    /// The least mean.
    pub min: f64,
    /// A tenth of the hosts have less.
    pub p10: f64,
    /// Half of them have less.
    pub p50: f64,
    /// A tenth have more.
    pub p90: f64,
    /// The greatest mean.
    pub max: f64,
    /// The mean of the means; times the hosts it is their sum.
    pub mean: f64,
    /// Where the first bin begins: 0 for per cent of one thing, else `min`.
    pub bins_from: f64,
    /// Where the last bin ends: 100 for per cent of one thing, else `max`.
    pub bins_to: f64,
    /// How many hosts lie in each of 20 bins of one width. A mean between two bins is in the upper one.
    pub bins: Vec<u32>,
}

impl Distribution {
    /// Of means, sorted; none of none.
    fn of(sorted: &[f64], unit: Unit) -> Option<Self> {
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let is_share = unit == Unit::Percent && max <= 100.0;
        let (bins_from, bins_to) = if is_share { (0.0, 100.0) } else { (min, max) };
        let mut bins = vec![0; BINS];
        for mean in sorted {
            bins[bin_of(*mean, bins_from, bins_to)] += 1;
        }
        let hosts = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        let mean = sorted.iter().sum::<f64>() / f64::from(hosts);
        let tidy = |value| ColumnKind::Real.tidy(value);
        let (mean, at) = (tidy(mean), |pct| tidy(percentile(sorted, pct).unwrap_or(min)));
        let (p10, p50, p90) = (at(10), at(50), at(90));
        Some(Self { min, p10, p50, p90, max, mean, bins_from, bins_to, bins })
    }
}

/// The bin in which a value lies.
fn bin_of(value: f64, from: f64, to: f64) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "twenty")]
    let share = (value - from) / (to - from) * BINS as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no number is 0")]
    let bin = share as usize;
    bin.min(BINS - 1)
}

fn row(member: &Member, known: &SpanStat) -> Option<TopRow> {
    let stat = &known.stat;
    Some(TopRow {
        host: member.name.as_str().into(),
        avg: stat.avg()?,
        min: stat.min()?,
        max: stat.max()?,
        count: stat.count,
        failed: known.failed,
    })
}

impl Query {
    /// The hosts with the largest, or the smallest, mean of a column over a span, and how all of them spread.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn top(&self, range: &TopRange, now: WallMs) -> Result<TopShape, QueryError> {
        let span = Span { from: range.from, to: range.to };
        let members = self.all_hosts_of(&range.of).await?;
        let Means { tier, from, to, of } = self.means(&members, range.column, span, now).await?;
        let rows = members.iter().zip(&of);
        let mut rows: Vec<TopRow> = rows.filter_map(|(member, of)| row(member, of)).collect();
        let known = rows.len();
        let spec = range.column.spec();
        let mut means: Vec<f64> = rows.iter().map(|row| row.avg).collect();
        means.sort_by(f64::total_cmp);
        let distribution = Distribution::of(&means, spec.unit);
        rows.sort_by(|one, other| {
            let by_mean = match range.order {
                SortOrder::Asc => one.avg.total_cmp(&other.avg),
                SortOrder::Desc => other.avg.total_cmp(&one.avg),
            };
            by_mean.then_with(|| one.host.cmp(&other.host))
        });
        rows.truncate(range.limit.min(MAX_TOP));
        Ok(TopShape {
            column: spec.name,
            unit: spec.unit,
            tier,
            from: Rfc3339(from),
            from_ms: from,
            to: Rfc3339(to),
            to_ms: to,
            hosts: members.len(),
            unknown: members.len() - known,
            top: rows,
            distribution,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mean_is_in_one_bin() {
        let of = |means: &[f64], unit| Distribution::of(means, unit).unwrap();
        let shares = of(&[0.0, 4.9, 5.0, 99.9, 100.0], Unit::Percent);
        assert_eq!((shares.bins_from, shares.bins_to), (0.0, 100.0));
        let filled = |of: &Distribution| -> Vec<(usize, u32)> {
            of.bins.iter().copied().enumerate().filter(|(_, hosts)| *hosts > 0).collect()
        };
        assert_eq!(filled(&shares), [(0, 2), (1, 1), (19, 2)]);
        // Several cores: more than all of one thing.
        let more = of(&[200.0, 300.0, 400.0], Unit::Percent);
        assert_eq!(
            (more.bins_from, more.bins_to, filled(&more)),
            (200.0, 400.0, vec![(0, 1), (10, 1), (19, 1)])
        );
        let same = of(&[7.0; 3], Unit::Count);
        assert_eq!((same.min, same.p50, same.mean, filled(&same)), (7.0, 7.0, 7.0, vec![(0, 3)]));
        assert_eq!(Distribution::of(&[], Unit::Count), None);
        // What lies between hosts has as many digits as what is of one.
        let thirds = of(&[0.001, 0.002, 0.004], Unit::Count);
        assert_eq!((thirds.p10, thirds.mean), (0.001, 0.002));
    }
}
