//! What moved most on a host in a span, against the span of equal length before it.
//!
//! The measure is plain: how far the mean moved, in spreads of the values before. The spread is the median
//! distance from the median (MAD), which a few strange values do not widen; it is taken for no less than what
//! counts at all for the unit, and than a small part of the larger mean.

use std::{collections::HashMap, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    BadRange, BadSeries, MAX_CHANGES_POLLS, MAX_CHANGES_SPAN, MAX_ROW_NAMES, Query, QueryError,
    moment::Rfc3339,
    moved::{Both, Moved, Side},
    poll_shape::json_bytes,
};
use crate::{
    channel::with_unit,
    model::{Column, ColumnKind, ColumnSet as _, ColumnSpec, DetailTable, HostId, Record, Unit},
    store::{ReadOrder, Span},
    units::WallMs,
};

/// The most changes in one answer.
pub const MAX_CHANGES: usize = 100;

/// Changes in an answer when nobody says.
pub const DEFAULT_CHANGES: usize = 20;

/// Into so many parts the span before is divided, and its spread taken of one value of each.
const PARTS: u32 = 120;

/// Changes of one row, and of one column of a list, that are told apart: those after them say the same.
const ALIKE: usize = 3;

/// Polls read at first, when nobody knows how large they are.
const FIRST_STEP: usize = 16;

/// Bytes read at once from then on, as JSON.
const STEP_BYTES: usize = 2 << 20;

/// The most polls read at once.
const STEP: usize = 500;

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangeShape {
    /// The list that its row is in; `null` for a host-wide value.
    pub table: Option<DetailTable>,
    /// What the row is known by.
    pub row: Option<String>,
    /// The column.
    pub column: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// The mean of the span before; `null` when there was no such row.
    pub before: Option<f64>,
    /// The mean of the span; `null` when the row is gone.
    pub now: Option<f64>,
    /// The spread that the difference is measured by.
    pub spread: f64,
    /// The difference in spreads.
    pub score: f64,
    /// The same in a sentence.
    pub text: String,
}

/// What moved most on a host.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangesShape {
    /// The host.
    pub host: Arc<str>,
    /// When the span before begins.
    pub before_from: Rfc3339,
    /// The same in milliseconds since 1970.
    pub before_from_ms: WallMs,
    /// When the span begins.
    pub from: Rfc3339,
    /// The same in milliseconds since 1970.
    pub from_ms: WallMs,
    /// When it ends.
    pub to: Rfc3339,
    /// The same in milliseconds since 1970.
    pub to_ms: WallMs,
    /// Polls of the span before.
    pub polls_before: u32,
    /// Of these, polls that brought no values.
    pub failed_before: u32,
    /// Polls of the span.
    pub polls: u32,
    /// Of these, polls that brought no values.
    pub failed: u32,
    /// What moved, most first.
    pub changes: Vec<ChangeShape>,
    /// How much more moved.
    pub more: usize,
}

/// What the polls of both spans say.
struct Gathered {
    from: WallMs,
    /// The length of a part of the span before, milliseconds.
    part: i64,
    /// The part of which there is a value already.
    sampled: Option<i64>,
    polls: [u32; 2],
    failed: [u32; 2],
    host: Vec<Both>,
    rows: HashMap<(DetailTable, Box<str>), Box<[Both]>>,
}

impl Gathered {
    fn new(from: WallMs, length: Duration) -> Self {
        let part = i64::try_from((length / PARTS).as_millis()).unwrap_or(i64::MAX).max(1);
        Self {
            from,
            part,
            sampled: None,
            polls: [0; 2],
            failed: [0; 2],
            host: vec![Both::default(); Column::ALL.len()],
            rows: HashMap::new(),
        }
    }

    fn add(&mut self, record: &Record) {
        if !record.outcome.was_asked() {
            return;
        }
        let is_now = record.slot >= self.from;
        let at = usize::from(is_now);
        self.polls[at] += 1;
        let Some(values) = &record.values else {
            self.failed[at] += 1;
            return;
        };
        let part = record.slot.0.div_euclid(self.part);
        let side = match is_now {
            true => Side::Now,
            false => Side::Before { is_sampled: self.sampled.replace(part) != Some(part) },
        };
        for (both, (_, value)) in self.host.iter_mut().zip(values.iter()) {
            value.into_iter().for_each(|value| both.add(side, value));
        }
        let Some(detail) = &record.detail else { return };
        for table in DetailTable::ALL {
            for (labels, cells) in detail.rows(*table) {
                let key = (*table, Box::from(&*table.key(labels)));
                if self.rows.len() >= MAX_ROW_NAMES && !self.rows.contains_key(&key) {
                    continue;
                }
                let row = self.rows.entry(key);
                let row = row.or_insert_with(|| vec![Both::default(); cells.len()].into());
                for (both, value) in row.iter_mut().zip(cells).filter(|(_, cell)| !cell.is_nan()) {
                    both.add(side, *value);
                }
            }
        }
    }

    /// What moved, most first.
    fn changes(&self) -> Vec<ChangeShape> {
        let of_host = self.host.iter().zip(Column::SPECS);
        let of_host = of_host
            .filter_map(|(both, spec)| Some(told(None, spec, &both.moved(spec.unit, false)?)));
        let mut all: Vec<ChangeShape> = of_host.collect();
        let good = |at: usize| self.polls[at] - self.failed[at];
        for ((table, row), cells) in &self.rows {
            let has = |side: fn(&Both) -> u32| cells.iter().any(|both| side(both) > 0);
            let (was, is) = (has(|both| both.before.count), has(|both| both.now.count));
            // What is not named is only not among the largest: of it the CPU says enough.
            let whole = match table {
                DetailTable::Process => 1,
                DetailTable::Container => 2,
                _ => cells.len(),
            };
            let is_new_or_gone = was != is && good(0) > 0 && good(1) > 0;
            for (at, (both, spec)) in cells.iter().zip(table.specs()).enumerate() {
                let moved = both.moved(spec.unit, is_new_or_gone && at < whole);
                all.extend(moved.map(|moved| told(Some((*table, row)), spec, &moved)));
            }
        }
        all.sort_by(|one, other| {
            let by_score = other.score.total_cmp(&one.score);
            let place = |change: &ChangeShape| (change.table, change.row.clone(), change.column);
            by_score.then_with(|| place(one).cmp(&place(other)))
        });
        apart(all)
    }
}

/// Without those that say the same as [`ALIKE`] before them: of a row, or of a column of a list.
fn apart(all: Vec<ChangeShape>) -> Vec<ChangeShape> {
    let (mut rows, mut columns) = (HashMap::new(), HashMap::new());
    let is_new = |change: &ChangeShape| {
        let Some(table) = change.table else { return true };
        let of_row: &mut usize = rows.entry((table, change.row.clone())).or_default();
        let of_column: &mut usize = columns.entry((table, change.column)).or_default();
        *of_row += 1;
        *of_column += 1;
        *of_row <= ALIKE && *of_column <= ALIKE
    };
    all.into_iter().filter(is_new).collect()
}

/// A change in words.
fn told(of: Option<(DetailTable, &str)>, spec: &ColumnSpec, moved: &Moved) -> ChangeShape {
    let value = |value: f64| with_unit(value, spec.unit);
    let name = spec.name;
    let whose = of.map_or_else(String::new, |(table, row)| format!("{table} {row} "));
    let text = match (moved.before, moved.now) {
        (Some(before), None) => format!("{whose}is gone: {name} was {}", value(before)),
        (None, Some(now)) => format!("{whose}is new: {name} {}", value(now)),
        (before, now) => {
            let (before, now) = (before.unwrap_or_default(), now.unwrap_or_default());
            let way = if now > before { "rose" } else { "fell" };
            let measured = match moved.is_steady {
                true => "it was steady before".to_owned(),
                false => {
                    let spread = value(moved.spread);
                    format!("{:.0} times the usual spread of {spread}", moved.score)
                }
            };
            format!("{whose}{name} {way} from {} to {}: {measured}", value(before), value(now))
        }
    };
    let tidy = |value| ColumnKind::Real.tidy(value);
    ChangeShape {
        table: of.map(|(table, _)| table),
        row: of.map(|(_, row)| row.to_owned()),
        column: name,
        unit: spec.unit,
        before: moved.before.map(tidy),
        now: moved.now.map(tidy),
        spread: tidy(moved.spread),
        score: tidy(moved.score),
        text,
    }
}

impl Query {
    /// What moved most on a host from `from` to `to`, at most `limit` values.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Series`] for what cannot be answered.
    pub async fn changes(
        &self,
        name: &str,
        (from, to): (WallMs, WallMs),
        limit: usize,
    ) -> Result<ChangesShape, QueryError> {
        if from >= to {
            return Err(BadSeries::from(BadRange::Backwards { from, to }).into());
        }
        let length = to.since(from);
        if length > MAX_CHANGES_SPAN {
            return Err(BadSeries::TooLong { most: MAX_CHANGES_SPAN }.into());
        }
        let (host, name) = self.find(name).await?;
        let before_from = from.minus(length);
        let mut gathered = Gathered::new(from, length);
        self.gather_both(host, Span { from: before_from, to }, &mut gathered).await?;
        let mut changes = gathered.changes();
        let more = changes.len().saturating_sub(limit.min(MAX_CHANGES));
        changes.truncate(limit.min(MAX_CHANGES));
        let ([polls_before, polls], [failed_before, failed]) = (gathered.polls, gathered.failed);
        Ok(ChangesShape {
            host: name.as_str().into(),
            before_from: Rfc3339(before_from),
            before_from_ms: before_from,
            from: Rfc3339(from),
            from_ms: from,
            to: Rfc3339(to),
            to_ms: to,
            polls_before,
            failed_before,
            polls,
            failed,
            changes,
            more,
        })
    }

    /// Reads polls, newest first, some at a time.
    async fn gather_both(
        &self,
        host: HostId,
        mut span: Span,
        gathered: &mut Gathered,
    ) -> Result<(), QueryError> {
        let (mut step, mut read, mut bytes) = (FIRST_STEP, 0, 0);
        loop {
            let some = self.store.polls(host, span, ReadOrder::NewestFirst, step).await?;
            for record in &some {
                gathered.add(record);
                bytes += json_bytes(record);
                span.to = record.slot;
            }
            read += some.len();
            if read > MAX_CHANGES_POLLS {
                return Err(BadSeries::TooManyPolls.into());
            }
            if some.len() < step {
                return Ok(());
            }
            step = (STEP_BYTES / (bytes / read).max(1)).clamp(1, STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{DiskColumn, HostName, ProcessColumn},
        store::{Batch, Mode, Store, sample, sqlite::Sqlite},
    };

    const FROM: WallMs = WallMs(1_774_746_000_000);
    const MINUTES: u64 = 10;

    /// A poll every ten seconds, in the order of time: `n` counts from the begin of the span on.
    async fn polled(change: impl Fn(i64, &mut Record)) -> (Query, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("r.db"), Mode::ReadWrite).await.unwrap();
        let host = store.register(vec![sample::registration("web-1")], FROM).await.unwrap();
        let records = (-60..60).map(|n| {
            let slot = WallMs(FROM.0 + n * 10_000);
            let mut record = sample::good(host[0].id, &host[0].name, slot);
            change(n, &mut record);
            record
        });
        store.write(Arc::new(Batch::of_polls(records))).await.unwrap();
        (Query::of_store(Arc::new(store)), dir)
    }

    async fn changes(query: &Query, limit: usize) -> ChangesShape {
        let to = FROM.plus(Duration::from_secs(MINUTES * 60));
        query.changes("web-1", (FROM, to), limit).await.unwrap()
    }

    fn texts(shape: &ChangesShape) -> Vec<&str> {
        shape.changes.iter().map(|change| change.text.as_str()).collect()
    }

    #[tokio::test]
    async fn what_moved_is_found_and_said_and_what_did_not_is_not() {
        let (query, _dir) = polled(|n, record| {
            let noise = f64::from(i32::try_from(n.rem_euclid(5)).unwrap());
            let values = record.values.as_mut().unwrap();
            // 10 to 14 %, then 60 to 64 %.
            values.set(Column::CpuBusyPct, if n < 0 { 10.0 + noise } else { 60.0 + noise });
            // Widely spread, and a little more: nothing.
            values.set(Column::Load1, if n < 0 { noise * 10.0 } else { noise * 10.0 + 8.0 });
            // Steady; by less than counts; at one pace.
            values.set(Column::MemUsedPct, if n < 0 { 80.0 } else { 20.0 });
            values.set(Column::SwapUsedPct, if n < 0 { 1.0 } else { 3.5 });
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            values.set(Column::UptimeS, (1_000 + n * 10) as f64);
            // Known on one side only: nothing can be said.
            values.set(Column::PressureIoSomePct, (n < 0).then_some(90.0));
            let detail = record.detail.as_mut().unwrap();
            let sda = &mut detail.disks[0].values;
            sda.set(DiskColumn::BusyPct, if n < 0 { 5.0 } else { 95.0 });
            let busy = |pct| [Some(pct), Some(1e9), Some(4.0)];
            detail.processes = vec![match n {
                ..0 => sample::row::<ProcessColumn>(&["1", "init", "S"], busy(0.5)),
                _ => sample::row(&["77", "burst", "R"], busy(180.0)),
            }];
            if n >= 30 {
                *record = sample::failed(record.host, &record.name, record.slot, "away");
            }
        })
        .await;
        let shape = changes(&query, 20).await;
        assert_eq!(
            (shape.polls_before, shape.failed_before, shape.polls, shape.failed, shape.more),
            (60, 0, 60, 30, 0)
        );
        assert_eq!(shape.before_from_ms, WallMs(FROM.0 - 600_000));
        assert_eq!(
            texts(&shape),
            [
                "process 77/burst is new: cpu_pct 180 %",
                "disk sda busy_pct rose from 5 % to 95 %: it was steady before",
                "mem_used_pct fell from 80 % to 20 %: it was steady before",
                "cpu_busy_pct rose from 12 % to 62 %: 34 times the usual spread of 1.48 %",
            ]
        );
        let [burst, _, _, cpu] = &shape.changes[..] else { panic!("{shape:?}") };
        assert_eq!((burst.before, burst.now), (None, Some(180.0)));
        assert_eq!((cpu.before, cpu.now, cpu.spread), (Some(12.0), Some(62.0), 1.483));
        assert_eq!((cpu.table, &cpu.row, cpu.score), (None, &None, 33.725));
        assert!(shape.changes.iter().all(|change| change.score <= 50.0), "{shape:?}");
        let few = changes(&query, 1).await;
        assert_eq!((few.changes.len(), few.more), (1, 3));
    }

    #[tokio::test]
    async fn what_says_the_same_of_many_rows_is_said_three_times() {
        let (query, _dir) = polled(|n, record| {
            let core = |core: i64| {
                sample::row(&[&core.to_string()], [Some(if n < 0 { 1.0 } else { 90.0 })])
            };
            record.detail.as_mut().unwrap().cores = (0..16).map(core).collect();
        })
        .await;
        let shape = changes(&query, 20).await;
        assert_eq!(shape.changes.len() + shape.more, ALIKE, "{:?}", texts(&shape));
        let alone = (FROM.plus(Duration::from_secs(9_000)), FROM.plus(Duration::from_secs(9_600)));
        let nothing = query.changes("web-1", alone, 20).await.unwrap();
        assert_eq!((nothing.polls, nothing.polls_before, nothing.changes.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn changes_of_too_many_polls_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("r.db"), Mode::ReadWrite).await.unwrap();
        let host = store.register(vec![sample::registration("web-1")], FROM).await.unwrap();
        let name: &HostName = &host[0].name;
        let most = i64::try_from(MAX_CHANGES_POLLS).unwrap();
        let failed = |n: i64| sample::failed(host[0].id, name, WallMs(FROM.0 + n * 1_000), "away");
        for first in (0..=most).step_by(2_000) {
            let some = (first..(first + 2_000).min(most + 1)).map(failed);
            store.write(Arc::new(Batch::of_polls(some))).await.unwrap();
        }
        let query = Query::of_store(Arc::new(store));
        let half = Duration::from_secs(MAX_CHANGES_POLLS as u64 / 2);
        let span = |to: WallMs| (to.minus(half), to);
        let within = span(WallMs(FROM.0 + most * 1_000));
        assert_eq!(query.changes("web-1", within, 20).await.unwrap().failed, 10_000);
        let (from, to) = span(WallMs(FROM.0 + (most + 1) * 1_000));
        let refused = query.changes("web-1", (from.minus(Duration::from_secs(1)), to), 20).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.starts_with("the span and the one before have more than 20000 polls"));
    }
}
