//! Values over time of what a host has several of: cores, interfaces, disks, mounts, processes, containers.
//!
//! Where points are of five minutes or longer they come from summaries; days that have none, and finer points,
//! are read from polls, newest first, and the answer says how far back that goes. Processes have no summaries.

mod gathered;

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use self::gathered::{AnswerLimits, Gathered};
use super::{
    BadSeries, ColumnSeries, MAX_COLUMNS, Query, QueryError, Resolution, grid::Grid,
    moment::Rfc3339,
};
use crate::{
    model::{DetailTable, HostId, day_of},
    rollup::{History, Tier},
    store::{RowsAsk, Span, has_summaries, summary_gaps},
    text::did_you_mean,
    units::WallMs,
};

/// The most rows in one answer.
pub const MAX_ROWS: usize = 100;

/// Rows in an answer when nobody says: as many as a chart tells apart.
pub const DEFAULT_ROWS: usize = 10;

/// The most polls that one answer is made of, from the newest on.
pub const MAX_ROW_POLLS: usize = 70_000;

/// The most rows that are told apart in one answer: further names are passed over.
pub const MAX_ROW_NAMES: usize = 20_000;

const ROOM: AnswerLimits =
    AnswerLimits { polls: MAX_ROW_POLLS, names: MAX_ROW_NAMES, points: 200_000 };

/// Rows that are read at once.
const ROWS_AT_ONCE: usize = 20_000;

/// Days of summaries that are read at once.
const DAYS_AT_ONCE: Duration = Duration::from_secs(16 * 86_400);

/// Polls read at first, when nobody knows how many rows they have.
const FIRST_STEP: usize = 16;

/// The most polls read at once.
const STEP: usize = 1_000;

/// Which rows of a host, and what of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRange {
    /// The list that they are in.
    pub table: DetailTable,
    /// What the row is known by; none: the largest ones.
    pub row: Option<String>,
    /// Positions of its columns in [`DetailTable::specs`]. Rows are ordered by the first one.
    pub columns: Vec<usize>,
    /// The first moment in it.
    pub from: WallMs,
    /// The first moment after it.
    pub to: WallMs,
    /// How fine.
    pub detail: Resolution,
    /// At most so many rows.
    pub rows: usize,
}

/// The position of a column of a list.
///
/// # Errors
/// When it has none of this name: the nearest name, in words.
pub fn parse_row_column(table: DetailTable, name: &str) -> Result<usize, String> {
    let names = || table.specs().iter().map(|spec| spec.name);
    names().position(|known| known == name).ok_or_else(|| {
        let hint = match did_you_mean(name, names()) {
            none if none.is_empty() => {
                format!("; it has {}", names().collect::<Vec<_>>().join(", "))
            }
            hint => hint,
        };
        format!("no column of {table} is called {name:?}{hint}")
    })
}

impl RowRange {
    /// Where its points lie: as those of host-wide values.
    ///
    /// # Errors
    /// [`BadSeries`].
    fn grid(&self, now: WallMs, history: History) -> Result<Grid, BadSeries> {
        if !(1..=MAX_COLUMNS).contains(&self.columns.len()) {
            return Err(BadSeries::Columns(self.columns.len()));
        }
        let span = Span { from: self.from, to: self.to };
        let tier = (!has_summaries(self.table)).then_some(Tier::Polls);
        let history = History { has_hours: false, ..history };
        let grid = Grid::new(span, self.detail, tier, now, history)?;
        let rows = if self.row.is_some() { 1 } else { self.rows };
        grid.hold(rows.saturating_mul(self.columns.len()), "rows or columns")?;
        Ok(grid)
    }
}

/// One row over time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RowSeries {
    /// What it is known by: its first label; of a process, number and name with `/` between them.
    pub row: String,
    /// Its columns, in the order asked.
    pub columns: Vec<ColumnSeries>,
}

/// Values over time of what a host has several of. Points are equally far apart, gaps included.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RowSeriesShape {
    /// The host.
    pub host: Arc<str>,
    /// The list of `detail` that the rows are in.
    pub table: DetailTable,
    /// `poll` or `five_minutes`: what it is read from. Five minutes are whole: the first may begin before `from`.
    pub tier: &'static str,
    /// What a point stands for, milliseconds. It begins at a multiple of it since 1970.
    pub step_ms: i64,
    /// When the first point begins.
    pub start: Rfc3339,
    /// The same in milliseconds since 1970.
    pub start_ms: WallMs,
    /// What was before is not in the answer: polls are kept no longer, or there are too many of them; `null`
    /// when the whole span was read.
    pub known_from: Option<Rfc3339>,
    /// The same in milliseconds since 1970.
    pub known_from_ms: Option<WallMs>,
    /// Polls due in each point.
    pub polls: Vec<u32>,
    /// Of these, polls that brought no values.
    pub failed: Vec<u32>,
    /// The rows, that with the largest mean of the first column over all polls first.
    pub rows: Vec<RowSeries>,
    /// How many rows there were besides.
    pub more_rows: usize,
}

impl RowSeriesShape {
    /// Rounds all values to so many significant digits.
    pub fn round(&mut self, digits: usize) {
        let columns = self.rows.iter_mut().flat_map(|row| &mut row.columns);
        columns.for_each(|column| column.round(digits));
    }
}

impl Query {
    /// Values over time of what a host has several of.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn row_series(
        &self,
        name: &str,
        range: &RowRange,
        now: WallMs,
    ) -> Result<RowSeriesShape, QueryError> {
        self.row_series_within(name, range, now, ROOM).await
    }

    async fn row_series_within(
        &self,
        name: &str,
        range: &RowRange,
        now: WallMs,
        room: AnswerLimits,
    ) -> Result<RowSeriesShape, QueryError> {
        // What cannot be answered is said before anybody is asked.
        range.grid(now, self.history(None, now))?;
        let (host, name) = self.find(name).await?;
        let grid = range.grid(now, self.history(Some(&name), now))?;
        let mut gathered = Gathered::new(range, grid, room);
        self.gather(host, &mut gathered).await?;
        let (names, all) = (gathered.largest(), gathered.rows.len());
        if gathered.is_overfull {
            gathered = Gathered::new(range, grid, room);
            gathered.only = Some(names.iter().cloned().collect());
            self.gather(host, &mut gathered).await?;
        }
        let kept_from = self.polls_from(now);
        let oldest = match grid.tier {
            Tier::Polls => kept_from,
            _ => kept_from.min(now.minus(self.retention.summaries)),
        };
        let known_from =
            gathered.cut_at.max((grid.span.from < oldest).then_some(oldest.min(grid.span.to)));
        let of_point = |point: i64| gathered.polls.get(&point).copied().unwrap_or_default();
        Ok(RowSeriesShape {
            host: name.as_str().into(),
            table: range.table,
            tier: grid.tier.as_str(),
            step_ms: grid.step_ms(),
            start: Rfc3339(grid.start()),
            start_ms: grid.start(),
            known_from: known_from.map(Rfc3339),
            known_from_ms: known_from,
            polls: grid.points().map(|point| of_point(point).0).collect(),
            failed: grid.points().map(|point| of_point(point).1).collect(),
            rows: names.iter().map(|name| gathered.row(name)).collect(),
            more_rows: all.saturating_sub(names.len()),
        })
    }

    /// Reads summaries where the grid is of these, and polls where a day has none.
    async fn gather(&self, host: HostId, gathered: &mut Gathered<'_>) -> Result<(), QueryError> {
        let Grid { span, step, tier } = gathered.grid;
        let mut days = Vec::new();
        let mut some = Span { to: span.from, ..span };
        while tier != Tier::Polls && some.to < span.to {
            some = Span { from: some.to, to: day_of(some.to.plus(DAYS_AT_ONCE)).min(span.to) };
            let RowRange { table, row, columns, .. } = gathered.range;
            let row = row.as_deref().map(Arc::from);
            let columns = columns.as_slice().into();
            let ask = RowsAsk { host, table: *table, row, columns, span: some, step };
            let buckets = self.store.row_summaries(ask).await?;
            gathered.add_summaries(&buckets);
            days.extend(buckets.days);
        }
        let mut read = 0;
        for gap in summary_gaps(span, &days).into_iter().rev() {
            if read < gathered.room.polls {
                self.gather_polls(host, gap, gathered, &mut read).await?;
            }
        }
        Ok(())
    }

    /// Reads polls, newest first, some at a time.
    async fn gather_polls(
        &self,
        host: HostId,
        mut span: Span,
        gathered: &mut Gathered<'_>,
        read: &mut usize,
    ) -> Result<(), QueryError> {
        let (table, limit) = (gathered.range.table, gathered.room.polls);
        let mut step = FIRST_STEP;
        loop {
            let most = step.min(limit - *read);
            let some = self.store.table_samples(host, table, span, most).await?;
            let mut rows = 0;
            for sample in &some {
                rows = gathered.add(sample).max(rows);
                span.to = sample.slot;
            }
            *read += some.len();
            if some.len() < most {
                return Ok(());
            }
            if *read >= limit {
                gathered.cut_at = Some(span.to);
                return Ok(());
            }
            step = (ROWS_AT_ONCE / rows.max(1)).clamp(FIRST_STEP, STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        model::{CoreColumn, DiskColumn, ProcessColumn, Record},
        store::{Batch, Mode, Store, sample, sqlite::Sqlite},
    };

    /// A multiple of all steps that are asked for.
    const START: WallMs = WallMs(1_774_746_000_000);

    fn after(seconds: u64) -> WallMs {
        START.plus(Duration::from_secs(seconds))
    }

    struct Fixture {
        query: Query,
        _dir: tempfile::TempDir,
    }

    /// A host with a poll every ten seconds, as `change` makes them of a good one.
    async fn polled(polls: u64, change: impl Fn(u64, &mut Record)) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("r.db"), Mode::ReadWrite).await.unwrap();
        let host = store.register(vec![sample::registration("web-1")], START).await.unwrap();
        let records = (0..polls).map(|n| {
            let mut record = sample::good(host[0].id, &host[0].name, after(n * 10));
            change(n, &mut record);
            record
        });
        store.write(Arc::new(Batch::of_polls(records))).await.unwrap();
        Fixture { query: Query::of_store(Arc::new(store)), _dir: dir }
    }

    fn range(table: DetailTable, columns: &[&str], seconds: u64, step: u64) -> RowRange {
        let columns = columns.iter().map(|name| parse_row_column(table, name).unwrap());
        RowRange {
            table,
            row: None,
            columns: columns.collect(),
            from: START,
            to: after(seconds),
            detail: Resolution::Step(Duration::from_secs(step)),
            rows: DEFAULT_ROWS,
        }
    }

    fn cores(count: u16, busy: impl Fn(u16) -> f64) -> Vec<crate::model::Row<CoreColumn>> {
        (0..count).map(|n| sample::row(&[&n.to_string()], [Some(busy(n))])).collect()
    }

    fn names(shape: &RowSeriesShape) -> Vec<&str> {
        shape.rows.iter().map(|row| row.row.as_str()).collect()
    }

    #[tokio::test]
    async fn one_row_has_its_columns_with_gaps_as_gaps() {
        let fixture = polled(12, |n, record| {
            if n == 4 {
                *record = sample::failed(record.host, &record.name, record.slot, "away");
            } else if n >= 9 {
                // It is gone.
                record.detail.as_mut().unwrap().disks.remove(1);
            } else {
                let sdb = &mut record.detail.as_mut().unwrap().disks[1].values;
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                sdb.set(DiskColumn::BusyPct, (n != 1).then_some(n as f64));
            }
        })
        .await;
        let mut asked = range(DetailTable::Disk, &["busy_pct", "read_await_ms"], 120, 30);
        asked.row = Some("sdb".to_owned());
        let shape = fixture.query.row_series("web-1", &asked, after(120)).await.unwrap();
        assert_eq!((shape.start_ms, shape.step_ms, shape.known_from_ms), (START, 30_000, None));
        assert_eq!((shape.polls, shape.failed), (vec![3, 3, 3, 3], vec![0, 1, 0, 0]));
        let [row] = shape.rows.try_into().unwrap();
        let [busy, wait] = row.columns.try_into().unwrap();
        assert_eq!((row.row.as_str(), busy.name, wait.name), ("sdb", "busy_pct", "read_await_ms"));
        assert_eq!(busy.avg, [Some(1.0), Some(4.0), Some(7.0), None]);
        assert_eq!(busy.min, [Some(0.0), Some(3.0), Some(6.0), None]);
        assert_eq!(busy.max, [Some(2.0), Some(5.0), Some(8.0), None]);
        assert_eq!(busy.count, [2, 2, 3, 0]);
        assert_eq!((wait.avg, wait.count), (vec![None; 4], vec![0; 4]), "an unknown is no 0");
    }

    #[tokio::test]
    async fn of_many_rows_the_largest_are_there_and_the_others_counted() {
        let fixture = polled(30, |n, record| {
            let detail = record.detail.as_mut().unwrap();
            detail.cores = cores(64, |core| f64::from((core * 7) % 64));
            // One that was large for a single poll, and one that has no value.
            let once: &[&str] = if n == 3 { &["77", "burst", "R"] } else { &["9", "small", "S"] };
            let values = [Some(400.0), None, None];
            detail.processes = vec![
                sample::row(&["1", "init", "S"], [Some(50.0), None, None]),
                sample::row(once, if n == 3 { values } else { [None; 3] }),
            ];
        })
        .await;
        let asked = RowRange { rows: 3, ..range(DetailTable::Core, &["busy_pct"], 300, 60) };
        let shape = fixture.query.row_series("web-1", &asked, after(300)).await.unwrap();
        assert_eq!((names(&shape), shape.more_rows), (vec!["9", "18", "27"], 61));
        assert_eq!(shape.rows[0].columns[0].avg, [Some(63.0); 5]);

        let asked = range(DetailTable::Process, &["cpu_pct"], 300, 300);
        let shape = fixture.query.row_series("web-1", &asked, after(300)).await.unwrap();
        assert_eq!(names(&shape), ["1/init", "77/burst", "9/small"]);

        // More points than are gathered at once: read again for the largest.
        let asked = RowRange { rows: 3, ..range(DetailTable::Core, &["busy_pct"], 300, 60) };
        let room = AnswerLimits { points: 100, ..ROOM };
        let again = fixture.query.row_series_within("web-1", &asked, after(300), room).await;
        let again = again.unwrap();
        assert_eq!((names(&again), again.more_rows), (vec!["9", "18", "27"], 61));
        assert_eq!(again.rows[2].columns[0].avg, [Some(61.0); 5]);
        assert_eq!(again.polls, [6; 5]);

        let room = AnswerLimits { names: 8, ..ROOM };
        let few = fixture.query.row_series_within("web-1", &asked, after(300), room).await;
        let few = few.unwrap();
        assert_eq!((few.rows.len(), few.more_rows), (3, 5), "further names are passed over");
    }

    #[tokio::test]
    async fn what_is_not_kept_or_too_much_to_read_is_said() {
        let fixture = polled(90, |_, _| ()).await;
        let asked = range(DetailTable::Net, &["rx_bytes_per_s"], 900, 300);
        let room = AnswerLimits { polls: 40, ..ROOM };
        let cut = fixture.query.row_series_within("web-1", &asked, after(900), room).await;
        let cut = cut.unwrap();
        assert_eq!(cut.known_from_ms, Some(after(500)));
        assert_eq!(cut.polls, [0, 10, 30], "the newest");

        let kept = Duration::from_secs(600);
        let retention = config::Retention {
            polls: kept,
            events: kept,
            summaries: kept,
            rollups: kept,
            size: None,
        };
        let query = fixture.query.clone().keeping(retention);
        let shape = query.row_series("web-1", &asked, after(900)).await.unwrap();
        assert_eq!(shape.known_from_ms, Some(after(300)));
        let within = RowRange { from: after(300), ..asked };
        let shape = query.row_series("web-1", &within, after(900)).await.unwrap();
        assert_eq!(shape.known_from_ms, None);
    }

    #[test]
    fn more_points_of_all_rows_than_the_limit_are_refused() {
        let (ever, interval) = (Duration::MAX, Duration::ZERO);
        let history = History { kept: ever, summaries: ever, interval, has_hours: true };
        let grid = |rows, points| {
            let all = range(DetailTable::Process, &["cpu_pct", "rss_bytes"], 10_000, 1);
            let detail = Resolution::Points(points);
            RowRange { rows, detail, ..all }.grid(after(10_000), history)
        };
        assert!(grid(25, 2_000).is_ok());
        let refused = grid(26, 2_000).unwrap_err().to_string();
        assert_eq!(
            refused,
            "52 series of 2000 points are more than 100000 points: choose fewer rows or columns or a longer step"
        );
        assert_eq!(ProcessColumn::CpuPct as usize, 0);
    }

    #[test]
    fn a_column_of_a_list_is_found_or_the_nearest_is_told() {
        let refused = |name| parse_row_column(DetailTable::Disk, name).unwrap_err();
        assert_eq!(
            refused("busy"),
            "no column of disk is called \"busy\"; did you mean `busy_pct`?"
        );
        assert!(refused("zzzzzz").contains("; it has reads_per_s, reads_merged_per_s, "));
    }
}
