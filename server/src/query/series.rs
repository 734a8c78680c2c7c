//! Values over time, for charts: from the cheapest tier that has the wanted points.
//!
//! A chart from hours ends with polls: those of the hours that are not in short yet.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    BadSeries, MAX_COLUMNS, Query, QueryError, Resolution, grid::Grid, moment::Rfc3339, seen::Seen,
};
use crate::{
    model::{Column, ColumnSet, ColumnSpec, HOUR_MS, HostId, HostName, Stat, Unit, hour_of},
    rollup::{GRACE, History, Tier},
    store::{Bucket, SeriesAsk, Span},
    text::did_you_mean,
    units::WallMs,
};

/// Points in an answer when nobody says: a chart's width in a page.
pub const DEFAULT_POINTS: usize = 300;

/// The most significant digits that values are rounded to: those that tell any two `f64` apart.
pub const MAX_DIGITS: usize = 17;

/// The longest time whose hours are given at once.
pub const HOURS_PAGE: Duration = Duration::from_secs(14 * 86_400);

/// Polls of at most so long before now are read to complete a chart of hours.
const TAIL: Duration = Duration::from_secs(3 * 3_600);

/// What is shown of a host when nobody says: enough to see what it was doing.
pub const USUAL_COLUMNS: [Column; 7] = [
    Column::CpuBusyPct,
    Column::Load1,
    Column::MemUsedPct,
    Column::NetRxBytesPerS,
    Column::NetTxBytesPerS,
    Column::DiskReadBytesPerS,
    Column::DiskWrittenBytesPerS,
];

/// Reads a column's name.
///
/// # Errors
/// When no column has it: the nearest name, in words.
pub fn parse_column(name: &str) -> Result<Column, String> {
    let names = || Column::ALL.iter().map(|column| column.spec().name);
    Column::ALL.iter().find(|column| column.spec().name == name).copied().ok_or_else(|| {
        let hint = match did_you_mean(name, names()) {
            none if none.is_empty() => {
                format!(
                    "; the first ones are {}, …",
                    names().take(3).collect::<Vec<_>>().join(", ")
                )
            }
            hint => hint,
        };
        format!("no value has this name{hint}")
    })
}

/// What part of a host's values is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRange {
    /// The first moment in it.
    pub from: WallMs,
    /// The first moment after it.
    pub to: WallMs,
    /// How fine.
    pub detail: Resolution,
    /// From where; none: the cheapest that will do.
    pub tier: Option<Tier>,
    /// Which columns.
    pub columns: Vec<Column>,
}

impl SeriesRange {
    /// How it is answered.
    ///
    /// # Errors
    /// [`BadSeries`].
    fn ask(&self, host: HostId, now: WallMs, history: History) -> Result<SeriesAsk, BadSeries> {
        if !(1..=MAX_COLUMNS).contains(&self.columns.len()) {
            return Err(BadSeries::Columns(self.columns.len()));
        }
        let span = Span { from: self.from, to: self.to };
        let Grid { span, step, tier } = Grid::new(span, self.detail, self.tier, now, history)?;
        Ok(SeriesAsk { host, columns: self.columns.as_slice().into(), span, step, tier })
    }
}

/// One column over time: an entry per point, null where nothing is known.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ColumnSeries {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The mean.
    pub avg: Vec<Option<f64>>,
    /// The least.
    pub min: Vec<Option<f64>>,
    /// The most.
    pub max: Vec<Option<f64>>,
    /// Of how many polls.
    pub count: Vec<u32>,
}

impl ColumnSeries {
    /// Of what is known of each point.
    pub(super) fn new<'a>(
        spec: &ColumnSpec,
        points: impl Iterator<Item = Option<&'a Stat>> + Clone,
    ) -> Self {
        let each = |part: fn(&Stat) -> Option<f64>| points.clone().map(move |s| s.and_then(part));
        Self {
            name: spec.name,
            unit: spec.unit,
            avg: each(Stat::avg).collect(),
            min: each(Stat::min).collect(),
            max: each(Stat::max).collect(),
            count: points.clone().map(|stat| stat.map_or(0, |stat| stat.count)).collect(),
        }
    }

    /// Rounds all values to so many significant digits.
    pub(super) fn round(&mut self, digits: usize) {
        let all = [&mut self.avg, &mut self.min, &mut self.max];
        all.into_iter().for_each(|values| round_all(values, digits));
    }
}

/// Rounds values to so many significant digits, at most [`MAX_DIGITS`].
pub(super) fn round_all(values: &mut [Option<f64>], digits: usize) {
    let round = |value: &mut f64| {
        let text = format!("{:.*e}", digits.clamp(1, MAX_DIGITS) - 1, *value);
        *value = text.parse().unwrap_or(*value);
    };
    values.iter_mut().flatten().for_each(round);
}

/// Values over time. Points are equally far apart, gaps included.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeriesShape {
    /// The host.
    pub host: Arc<str>,
    /// `poll`, `five_minutes` or `hour`: what it is read from. Hours and five minutes are whole: the first
    /// may begin before `from`.
    pub tier: &'static str,
    /// What a point stands for, milliseconds. It begins at a multiple of it since 1970.
    pub step_ms: i64,
    /// When the first point begins.
    pub start: Rfc3339,
    /// The same in milliseconds since 1970.
    pub start_ms: WallMs,
    /// Polls due in each point.
    pub polls: Vec<u32>,
    /// Of these, polls that brought no values.
    pub failed: Vec<u32>,
    /// The columns.
    pub columns: Vec<ColumnSeries>,
}

impl SeriesShape {
    fn new(host: Arc<str>, ask: &SeriesAsk, buckets: &[Bucket]) -> Self {
        let grid = Grid { span: ask.span, step: ask.step, tier: ask.tier };
        let mut buckets = buckets.iter().peekable();
        let points: Vec<Option<&Bucket>> = grid
            .points()
            .map(|point| buckets.next_if(|bucket| grid.point(bucket.start) == point))
            .collect();
        let column = |(position, column): (usize, &Column)| {
            let stats = points.iter().map(|point| point.map(|b| &b.stats[position]));
            ColumnSeries::new(column.spec(), stats)
        };
        let start = grid.start();
        Self {
            host,
            tier: ask.tier.as_str(),
            step_ms: grid.step_ms(),
            start: Rfc3339(start),
            start_ms: start,
            polls: points.iter().map(|point| point.map_or(0, |b| b.polls)).collect(),
            failed: points.iter().map(|point| point.map_or(0, |b| b.failed)).collect(),
            columns: ask.columns.iter().enumerate().map(column).collect(),
        }
    }

    /// Rounds all values to so many significant digits, at most [`MAX_DIGITS`]: a chart has no room
    /// for more than four, and they are a third of its bytes.
    pub fn round(&mut self, digits: usize) {
        self.columns.iter_mut().for_each(|column| column.round(digits));
    }

    /// When each point begins.
    pub fn moments(&self) -> impl Iterator<Item = WallMs> + '_ {
        let point = |(position, _)| {
            WallMs(self.start_ms.0.saturating_add(self.step_ms.saturating_mul(position)))
        };
        (0_i64..).zip(&self.polls).map(point)
    }
}

impl Query {
    /// Values of a host over time.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn series(
        &self,
        name: &str,
        range: &SeriesRange,
        now: WallMs,
    ) -> Result<SeriesShape, QueryError> {
        // What cannot be answered is said before anybody is asked.
        range.ask(HostId(0), now, self.history(None, now))?;
        let (host, name) = self.find(name).await?;
        let ask = range.ask(host, now, self.history(Some(&name), now))?;
        let buckets = self.buckets(ask.clone(), now).await?;
        Ok(SeriesShape::new(name.as_str().into(), &ask, &buckets))
    }

    /// What is asked for; hours with the polls of those that are not in short yet.
    pub(super) async fn buckets(
        &self,
        ask: SeriesAsk,
        now: WallMs,
    ) -> Result<Vec<Bucket>, QueryError> {
        let mut buckets = self.store.series(ask.clone()).await?;
        if ask.tier == Tier::Hours {
            self.complete(&ask, &mut buckets, now).await?;
        }
        Ok(buckets)
    }

    /// What is known of the history of a host, or of any.
    pub(super) fn history(&self, host: Option<&HostName>, now: WallMs) -> History {
        let interval = host.map_or(Duration::ZERO, |host| self.interval(host));
        let kept = now.since(self.polls_from(now));
        History { kept, summaries: self.retention.summaries, interval, has_hours: true }
    }

    /// The time between two polls of a host; 0 when it is not known.
    pub(super) fn interval(&self, host: &HostName) -> Duration {
        let view = self.live.as_ref().and_then(|live| live.host(host.as_str()));
        view.map_or(Duration::ZERO, |view| view.interval)
    }

    /// The first moment of which polls are kept: by their retention, and by the room that there is for them.
    pub(super) fn polls_from(&self, now: WallMs) -> WallMs {
        let live = self.live.as_ref().and_then(Seen::given_up_to);
        let after = |last: WallMs| last.plus(Duration::from_millis(1));
        let held = live.or(self.given_up_to).map_or(WallMs(i64::MIN), after);
        now.minus(self.retention.polls).max(held)
    }

    /// Polls, where these go back to `from`, or hours.
    #[must_use]
    pub fn finest(&self, from: WallMs, now: WallMs) -> Tier {
        if from < self.polls_from(now) { Tier::Hours } else { Tier::Polls }
    }

    /// A host's hours in short that begin in a span of at most [`HOURS_PAGE`], or in its first part
    /// of that length.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn hours(
        &self,
        name: &str,
        columns: &[Column],
        from: WallMs,
        to: WallMs,
    ) -> Result<Vec<Bucket>, QueryError> {
        let (host, _) = self.find(name).await?;
        let span = Span { from, to: to.min(from.plus(HOURS_PAGE)) };
        let step = Duration::from_millis(HOUR_MS.unsigned_abs());
        let ask = SeriesAsk { host, columns: columns.into(), span, step, tier: Tier::Hours };
        Ok(self.store.series(ask).await?)
    }

    /// Adds the polls of hours that are not in short yet.
    async fn complete(
        &self,
        ask: &SeriesAsk,
        buckets: &mut Vec<Bucket>,
        now: WallMs,
    ) -> Result<(), QueryError> {
        let hour = Duration::from_millis(HOUR_MS.unsigned_abs());
        let after = buckets.last().map_or(WallMs(i64::MIN), |bucket| bucket.last.plus(hour));
        let from = after.max(hour_of(now.minus(TAIL + GRACE))).max(ask.span.from);
        if from >= ask.span.to {
            return Ok(());
        }
        let span = Span { from, ..ask.span };
        let tail = SeriesAsk { span, tier: Tier::Polls, ..ask.clone() };
        for bucket in self.store.series(tail).await? {
            match buckets.last_mut().filter(|last| last.start == bucket.start) {
                Some(last) => last.merge(&bucket),
                None => buckets.push(bucket),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        live::Live,
        query::MAX_POINTS,
        store::{Mode, Store, sqlite::Sqlite},
    };

    const NOW: WallMs = WallMs(1_774_747_800_000);
    const DAY: u64 = 86_400;

    fn ask(ago: u64, detail: Resolution, tier: Option<Tier>) -> Result<(Tier, u64), BadSeries> {
        let from = NOW.minus(Duration::from_secs(ago));
        let columns = vec![Column::CpuBusyPct];
        let range = SeriesRange { from, to: NOW, detail, tier, columns };
        let history = History {
            kept: Duration::from_secs(30 * DAY),
            summaries: Duration::from_secs(365 * DAY),
            interval: Duration::ZERO,
            has_hours: true,
        };
        let asked = range.ask(HostId(1), NOW, history)?;
        Ok((asked.tier, asked.step.as_secs()))
    }

    #[test]
    fn a_tier_and_a_step_are_taken_as_asked_or_found() {
        use Resolution::{Points, Step};
        let minutes = |minutes: u64| Step(Duration::from_secs(minutes * 60));
        for ((ago, detail, tier), expected) in [
            ((DAY, Points(200), None), (Tier::FiveMinutes, 600)),
            ((DAY, Points(200), Some(Tier::Polls)), (Tier::Polls, 600)),
            ((DAY, Points(2_000), Some(Tier::FiveMinutes)), (Tier::FiveMinutes, 300)),
            ((DAY, Points(10), Some(Tier::Polls)), (Tier::Polls, 10_800)),
            ((DAY, Points(2_000), Some(Tier::Hours)), (Tier::Hours, 3_600)),
            ((40 * DAY, Points(300), Some(Tier::Polls)), (Tier::Polls, 21_600)),
            ((DAY, minutes(5), None), (Tier::FiveMinutes, 300)),
            ((DAY, minutes(7), None), (Tier::Polls, 420)),
            ((DAY, minutes(90), None), (Tier::FiveMinutes, 5_400)),
            ((DAY, minutes(120), None), (Tier::Hours, 7_200)),
            ((DAY, minutes(120), Some(Tier::Polls)), (Tier::Polls, 7_200)),
        ] {
            assert_eq!(ask(ago, detail, tier), Ok(expected), "{ago} {detail:?} {tier:?}");
        }
        let refused = |detail, tier| ask(DAY, detail, tier).unwrap_err().to_string();
        assert_eq!(
            refused(Step(Duration::from_secs(10)), None),
            "8640 points of 10s are more than 2000: choose a longer step or a shorter span"
        );
        assert_eq!(refused(Step(Duration::ZERO), None), "expected a step of 1s or more");
        assert_eq!(
            refused(minutes(90), Some(Tier::Hours)),
            "the tier \"hour\" has steps of whole hours"
        );
        assert_eq!(
            refused(minutes(7), Some(Tier::FiveMinutes)),
            "the tier \"five_minutes\" has steps of whole five minutes"
        );
    }

    /// A chart of a time whose polls were given up comes from a coarser tier, as of one that retention has dropped:
    /// by what the live view says, or of a store alone by what it said when it was opened.
    #[tokio::test]
    async fn where_polls_were_given_up_a_chart_comes_from_summaries() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let store = Sqlite::open(&file, Mode::ReadWrite).await.unwrap();
        let (store, live): (Arc<dyn Store>, _) = (Arc::new(store), Arc::new(Live::default()));
        let ago = |days: u64| NOW.minus(Duration::from_secs(days * DAY));
        let polls = Duration::from_secs(30 * DAY);
        let longer = 12 * polls;
        let retention = config::Retention {
            polls,
            events: longer,
            summaries: longer,
            rollups: longer,
            size: None,
        };
        let alone = Query::of_store(Arc::clone(&store)).keeping(retention);
        let served = Query::new(Arc::clone(&live), store).keeping(retention);
        let tiers = |query: &Query| [29, 8, 7, 6].map(|days| query.finest(ago(days), NOW));
        for query in [&alone, &served] {
            assert_eq!(tiers(query), [Tier::Polls; 4]);
            assert_eq!(query.finest(ago(31), NOW), Tier::Hours);
        }
        let last = WallMs(ago(7).0 - 1);
        live.update_server(|server| server.given_up_to = Some(last));
        for query in [alone.without(Some(last)), served] {
            assert_eq!(tiers(&query), [Tier::Hours, Tier::Hours, Tier::Polls, Tier::Polls]);
            let columns = vec![Column::CpuBusyPct];
            let (from, detail) = (ago(8), Resolution::Points(2_000));
            let range = SeriesRange { from, to: NOW, detail, tier: None, columns };
            let asked = range.ask(HostId(1), NOW, query.history(None, NOW)).unwrap();
            assert_eq!((asked.tier, asked.step.as_secs()), (Tier::FiveMinutes, 600));
        }
    }

    #[test]
    fn a_column_is_found_by_its_name_or_the_nearest_is_told() {
        assert_eq!(parse_column("cpu_busy_pct"), Ok(Column::CpuBusyPct));
        let message = parse_column("cpu_bussy_pct").unwrap_err();
        assert_eq!(message, "no value has this name; did you mean `cpu_busy_pct`?");
        let message = parse_column("zzz").unwrap_err();
        assert!(message.ends_with("the first ones are load_1, load_5, load_15, …"), "{message}");
    }

    #[test]
    fn values_are_rounded_to_the_digits_asked_for() {
        let rounded = |value: f64, digits| {
            let column = ColumnSeries {
                name: "load_1",
                unit: Column::Load1.spec().unit,
                avg: vec![Some(value), None],
                min: vec![Some(-value)],
                max: vec![],
                count: vec![1, 0],
            };
            let start = WallMs(0);
            let mut series = SeriesShape {
                host: "web-1".into(),
                tier: "poll",
                step_ms: 1,
                start: Rfc3339(start),
                start_ms: start,
                polls: vec![1, 0],
                failed: vec![0, 0],
                columns: vec![column],
            };
            series.round(digits);
            let column = &series.columns[0];
            assert_eq!((column.avg[1], column.min[0]), (None, column.avg[0].map(|value| -value)));
            column.avg[0].unwrap()
        };
        for (value, digits, expected) in [
            (12.345_678, 4, 12.35),
            (99.996, 4, 100.0),
            (8_321_499_136.0, 4, 8_321_000_000.0),
            (0.000_123_456, 2, 0.000_12),
            (0.0, 1, 0.0),
            (9.9, 1, 10.0),
            (0.1 + 0.2, MAX_DIGITS, 0.1 + 0.2),
            (0.1 + 0.2, MAX_DIGITS + 9, 0.1 + 0.2),
        ] {
            assert_eq!(
                rounded(value, digits).to_bits(),
                f64::to_bits(expected),
                "{value} {digits}"
            );
        }
    }

    #[test]
    fn no_answer_has_more_points_than_the_limit() {
        for ago in [1, 3_599, DAY, 29 * DAY, 31 * DAY, 3_650 * DAY] {
            let (_, step) = ask(ago, Resolution::Points(MAX_POINTS), None).unwrap();
            assert!(ago.div_ceil(step) <= 2_000, "{ago}");
        }
    }
}
