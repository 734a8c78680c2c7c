//! One column of several hosts over time. Of a few, each; of many, how they spread, and who is outside of that.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    BadSeries, ColumnSeries, DEFAULT_POINTS, MAX_POINTS_IN_ALL, Query, QueryError, Resolution,
    grid::Grid,
    moment::Rfc3339,
    series::round_all,
    together::{HostsOf, Member},
};
use crate::{
    model::{Column, ColumnSet as _, Stat, Unit},
    rollup::{History, Tier},
    store::{Bucket, Span},
    units::WallMs,
};

/// The most hosts that are drawn each by itself: as many as eyes tell apart.
pub const MAX_LINES: usize = 12;

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareRange {
    /// Of which value.
    pub column: Column,
    /// Of which hosts.
    pub of: HostsOf,
    /// The first moment in it.
    pub from: WallMs,
    /// The first moment after it.
    pub to: WallMs,
    /// How fine; none: [`DEFAULT_POINTS`] points, or as many as there is room for.
    pub detail: Option<Resolution>,
    /// From where; none: the cheapest that will do.
    pub tier: Option<Tier>,
}

/// One host of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HostLine {
    /// The host.
    pub host: Arc<str>,
    /// In how many of its points it is outside of the middle, per cent; `null` where each host is drawn.
    pub outside_pct: Option<f64>,
    /// Its values.
    pub values: ColumnSeries,
}

/// How the means of many hosts spread in each point; null where nothing is known of any.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Spread {
    /// A tenth of the hosts is below it.
    pub p10: Vec<Option<f64>>,
    /// Half of them is.
    pub p50: Vec<Option<f64>>,
    /// A tenth is above it.
    pub p90: Vec<Option<f64>>,
    /// The mean of the hosts; times `hosts` it is their sum.
    pub mean: Vec<Option<f64>>,
    /// Of how many hosts something is known.
    pub hosts: Vec<u32>,
}

/// One column of several hosts over time. Points are equally far apart, gaps included, and the same for all.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CompareShape {
    /// The column.
    pub column: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// `poll`, `five_minutes` or `hour`: what it is read from. Hours and five minutes are whole: the first
    /// may begin before `from`.
    pub tier: &'static str,
    /// What a point stands for, milliseconds. It begins at a multiple of it since 1970.
    pub step_ms: i64,
    /// When the first point begins.
    pub start: Rfc3339,
    /// The same in milliseconds since 1970.
    pub start_ms: WallMs,
    /// How many hosts are compared.
    pub hosts: usize,
    /// Up to 12 hosts: each. Of more, those that are outside of `spread` in at least half of their points, the
    /// farthest first, at most 12.
    pub lines: Vec<HostLine>,
    /// How more than 12 hosts spread; `null` for fewer.
    pub spread: Option<Spread>,
}

impl CompareShape {
    /// Rounds all values to so many significant digits.
    pub fn round(&mut self, digits: usize) {
        self.lines.iter_mut().for_each(|line| line.values.round(digits));
        if let Some(spread) = &mut self.spread {
            let all = [&mut spread.p10, &mut spread.p50, &mut spread.p90, &mut spread.mean];
            all.into_iter().for_each(|values| round_all(values, digits));
        }
    }
}

impl CompareRange {
    /// Where the points of so many hosts lie.
    ///
    /// # Errors
    /// [`BadSeries`].
    fn grid(&self, hosts: usize, now: WallMs, history: History) -> Result<Grid, BadSeries> {
        // A grid that does not begin with the span has a point more.
        let room = (MAX_POINTS_IN_ALL / hosts.max(1)).saturating_sub(1);
        let usual = Resolution::Points(DEFAULT_POINTS.min(room));
        let span = Span { from: self.from, to: self.to };
        let grid = Grid::new(span, self.detail.unwrap_or(usual), self.tier, now, history)?;
        grid.hold(hosts, "hosts")?;
        Ok(grid)
    }
}

/// What is known of each point of one host.
type Line = Vec<Option<Stat>>;

fn aligned(grid: &Grid, buckets: &[Bucket]) -> Line {
    let mut buckets = buckets.iter().peekable();
    let mut at = |point| buckets.next_if(|bucket| grid.point(bucket.start) == point);
    grid.points().map(|point| at(point).and_then(|bucket| bucket.stats.first().copied())).collect()
}

/// The value that so many per cent of sorted ones are below, between neighbours in proportion.
pub(super) fn percentile(sorted: &[f64], pct: usize) -> Option<f64> {
    let rank = sorted.len().checked_sub(1)? * pct;
    let (low, rest) = (rank / 100, u32::try_from(rank % 100).unwrap_or(0));
    let below = sorted.get(low)?;
    let above = sorted.get(low + 1).unwrap_or(below);
    Some(below + (above - below) * f64::from(rest) / 100.0)
}

impl Spread {
    fn of(lines: &[Line], points: usize) -> Self {
        let mut spread = Self {
            p10: Vec::with_capacity(points),
            p50: Vec::with_capacity(points),
            p90: Vec::with_capacity(points),
            mean: Vec::with_capacity(points),
            hosts: Vec::with_capacity(points),
        };
        for point in 0..points {
            let means = lines.iter().filter_map(|line| line.get(point)?.as_ref()?.avg());
            let mut means: Vec<f64> = means.collect();
            means.sort_by(f64::total_cmp);
            spread.p10.push(percentile(&means, 10));
            spread.p50.push(percentile(&means, 50));
            spread.p90.push(percentile(&means, 90));
            let hosts = u32::try_from(means.len()).unwrap_or(u32::MAX);
            let sum: f64 = means.iter().sum();
            spread.mean.push((hosts > 0).then(|| sum / f64::from(hosts)));
            spread.hosts.push(hosts);
        }
        spread
    }

    /// In which part of its points a host is outside of the middle, and how far on the mean of all of its
    /// points, in widths of the middle; none for one without values.
    fn outside(&self, line: &[Option<Stat>]) -> Option<(f64, f64)> {
        /// A middle that is narrower is taken for this part of its value.
        const NARROWEST: f64 = 0.05;
        let (mut known, mut outside, mut far) = (0_u32, 0_u32, 0.0);
        for (point, stat) in line.iter().enumerate() {
            let Some(mean) = stat.as_ref().and_then(Stat::avg) else { continue };
            let (Some(low), Some(high)) = (self.p10[point], self.p90[point]) else { continue };
            known += 1;
            let distance = (low - mean).max(mean - high);
            if distance > 0.0 {
                outside += 1;
                far += distance / (high - low).max(high.abs() * NARROWEST).max(f64::MIN_POSITIVE);
            }
        }
        let part = f64::from(outside) / f64::from(known);
        (known > 0).then(|| (part, far / f64::from(known)))
    }
}

impl Query {
    /// One column of several hosts over time.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn compare(
        &self,
        range: &CompareRange,
        now: WallMs,
    ) -> Result<CompareShape, QueryError> {
        range.grid(1, now, self.history(None, now))?;
        let members = self.hosts_of(&range.of).await?;
        // No point is finer than the polls of any of them are apart.
        let interval = members.iter().map(|member| member.interval).max().unwrap_or_default();
        let history = History { interval, ..self.history(None, now) };
        let grid = range.grid(members.len(), now, history)?;
        let read = (grid.span, grid.step, grid.tier);
        let read = self.buckets_of(&members, range.column, read, now).await?;
        let lines: Vec<Line> = read.iter().map(|buckets| aligned(&grid, buckets)).collect();
        Ok(shape(range.column, &grid, &members, &lines))
    }
}

fn shape(column: Column, grid: &Grid, members: &[Member], lines: &[Line]) -> CompareShape {
    let spec = column.spec();
    let line = |at: usize, outside_pct: Option<f64>| HostLine {
        host: members[at].name.as_str().into(),
        outside_pct,
        values: ColumnSeries::new(spec, lines[at].iter().map(Option::as_ref)),
    };
    let (shown, spread) = if members.len() <= MAX_LINES {
        ((0..members.len()).map(|at| line(at, None)).collect(), None)
    } else {
        let spread = Spread::of(lines, grid.points().count());
        let outside = lines.iter().enumerate();
        let outside = outside.filter_map(|(at, line)| Some((at, spread.outside(line)?)));
        let mut outside: Vec<_> = outside.filter(|(_, (part, _))| *part >= 0.5).collect();
        outside.sort_by(|(_, (_, one)), (_, (_, other))| other.total_cmp(one));
        outside.truncate(MAX_LINES);
        let pct = |part: f64| Some((part * 1000.0).round() / 10.0);
        (outside.into_iter().map(|(at, (part, _))| line(at, pct(part))).collect(), Some(spread))
    };
    CompareShape {
        column: spec.name,
        unit: spec.unit,
        tier: grid.tier.as_str(),
        step_ms: grid.step_ms(),
        start: Rfc3339(grid.start()),
        start_ms: grid.start(),
        hosts: members.len(),
        lines: shown,
        spread,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_percentile_lies_between_its_neighbours() {
        let all: Vec<f64> = (0..=20).map(f64::from).collect();
        assert_eq!(percentile(&all, 10), Some(2.0));
        assert_eq!(percentile(&all[..12], 50), Some(5.5));
        assert_eq!(percentile(&all[..1], 90), Some(0.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn points_of_all_hosts_fit_when_nobody_says_how_many() {
        let range = |detail| CompareRange {
            column: Column::CpuBusyPct,
            of: HostsOf::Inventory,
            from: WallMs(7),
            to: WallMs(3_600_007),
            detail,
            tier: None,
        };
        let ever = Duration::MAX;
        let history =
            History { kept: ever, summaries: ever, interval: Duration::ZERO, has_hours: true };
        let grid = |hosts, detail| range(detail).grid(hosts, WallMs(3_600_007), history);
        for hosts in [1, 12, 333, 1_000] {
            let points = grid(hosts, None).unwrap().points().count();
            assert!(points * hosts <= MAX_POINTS_IN_ALL && points >= 50, "{hosts}: {points}");
        }
        let refused = grid(1_000, Some(Resolution::Points(300))).unwrap_err().to_string();
        assert!(refused.starts_with("1000 series of "), "{refused}");
        assert!(refused.ends_with("choose fewer hosts or a longer step"), "{refused}");
    }
}
