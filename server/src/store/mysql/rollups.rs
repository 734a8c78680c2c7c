//! The table `rollup_hour`, and values over time from it or from `poll`.

use std::{collections::BTreeSet, fmt::Write as _, sync::LazyLock};

use chrono::{Datelike as _, NaiveDate};
use mysql_async::{Params, Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::Cells, connect::Doors, fault::Place, moment, record};
use crate::{
    model::{Column, ColumnSet, HostId, Kind, Outcome, Rollup, Stat},
    rollup::Tier,
    store::{Batch, Bucket, Sample, SeriesAsk, Span, StoreError, row},
    units::WallMs,
};

/// The columns before those of the values.
const KEY: [&str; 4] = ["host_id", "ts", "polls", "polls_failed"];

/// The columns that each value has.
const PARTS: [&str; 4] = ["avg", "min", "max", "count"];

/// Rows that one INSERT takes: as many of the first as fit, then of the next. 16 rows are 9,920 of the
/// 65,535 places a statement has.
const ROWS: [usize; 2] = [16, 1];

const WRITING: &str = "keep a batch of polls";

/// One INSERT for each of [`ROWS`]. `polls` is set last: what stands before it compares with what it
/// was.
static UPSERTS: LazyLock<[String; 2]> = LazyLock::new(|| {
    let parts = Column::ALL.iter().map(|column| column.spec().name);
    let parts = parts.flat_map(|name| PARTS.map(|part| format!("{name}_{part}")));
    let names: Vec<String> = KEY.map(str::to_owned).into_iter().chain(parts).collect();
    let place = format!("({})", vec!["?"; names.len()].join(","));
    let set =
        |name: &String| format!("{name} = IF(VALUES(polls) >= polls, VALUES({name}), {name})");
    let set: Vec<String> = names[3..].iter().chain(&names[2..3]).map(set).collect();
    ROWS.map(|rows| {
        format!(
            "INSERT INTO rollup_hour ({}) VALUES {} ON DUPLICATE KEY UPDATE {}",
            names.join(", "),
            vec![place.as_str(); rows].join(","),
            set.join(", ")
        )
    })
});

fn values(rollup: &Rollup) -> Vec<Value> {
    let real = |number: Option<f64>| number.map_or(Value::NULL, Value::Double);
    let mut values = Vec::with_capacity(KEY.len() + PARTS.len() * Column::ALL.len());
    values.extend([
        Value::Int(rollup.host.0),
        moment::datetime(rollup.hour),
        Value::UInt(rollup.polls.into()),
        Value::UInt(rollup.failed.into()),
    ]);
    for column in Column::ALL {
        let stat = rollup.stat(*column);
        let cell = |value: Option<f64>| match column.spec().kind {
            Kind::Whole => value.and_then(row::whole).map_or(Value::NULL, Value::Int),
            Kind::Real => real(value),
        };
        values.push(real(stat.avg()));
        values.push(cell(stat.min()));
        values.push(cell(stat.max()));
        values.push(Value::UInt(stat.count.into()));
    }
    values
}

/// Keeps hours; one that is there gives way to one of as many polls or more.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    batch: &Batch,
    place: &Place,
) -> Result<(), StoreError> {
    let mut rest = batch.rollups.as_slice();
    while !rest.is_empty() {
        let fits = |(_, rows): &(usize, &usize)| **rows <= rest.len();
        let Some((kind, rows)) = ROWS.iter().enumerate().find(fits) else { break };
        let (part, after) = rest.split_at(*rows);
        rest = after;
        let named = || match part {
            [one] => row::rollup_name(one),
            all => format!("one of {} hours in short", all.len()),
        };
        let values = part.iter().flat_map(|rollup| values(rollup)).collect();
        transaction
            .exec_drop(UPSERTS[kind].as_str(), Params::Positional(values))
            .await
            .map_err(|error| place.row_fault(WRITING, named, error))?;
    }
    Ok(())
}

/// The first days of the months that must have a partition.
///
/// # Errors
/// [`StoreError::BadRow`] for an hour that no DATETIME holds.
pub(super) fn months(batch: &Batch) -> Result<BTreeSet<NaiveDate>, StoreError> {
    let month = |rollup: &std::sync::Arc<Rollup>| {
        let day = moment::day(rollup.hour).and_then(|day| day.with_day(1));
        day.ok_or_else(|| StoreError::BadRow {
            row: row::rollup_name(rollup),
            why: "a DATETIME has years 1000 to 9999".to_owned(),
        })
    };
    batch.rollups.iter().map(month).collect()
}

/// What the outcomes with values are in SQL.
fn good() -> String {
    let words = Outcome::ALL.iter().filter(|outcome| outcome.has_values());
    words.map(|outcome| format!("'{outcome}'")).collect::<Vec<_>>().join(", ")
}

/// Reads one table: `poll` or `rollup_hour`.
fn select(ask: &SeriesAsk) -> String {
    let step = ask.step_ms();
    let (counts, table) = match ask.tier {
        Tier::Polls => (
            format!("COUNT(*), COUNT(CASE WHEN outcome IN ({}) THEN NULL ELSE 1 END)", good()),
            "poll",
        ),
        Tier::Hours => ("SUM(polls), SUM(polls_failed)".to_owned(), "rollup_hour"),
    };
    // Whole numbers all the way: a decimal division costs as much as the rest.
    let mut sql = format!(
        "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ts) DIV {step}000 AS bucket, MAX(ts), \
         {counts}"
    );
    for column in ask.columns.iter() {
        let c = column.spec().name;
        // Writing to a String cannot fail.
        let _ = match ask.tier {
            Tier::Polls => write!(sql, ", COUNT({c}), AVG({c} + 0e0), MIN({c}), MAX({c})"),
            Tier::Hours => write!(
                sql,
                ", SUM({c}_count), SUM({c}_avg * {c}_count) / SUM({c}_count), MIN({c}_min), \
                 MAX({c}_max)"
            ),
        };
    }
    let _ = write!(
        sql,
        " FROM {table} WHERE host_id = ? AND ts >= ? AND ts < ? GROUP BY bucket ORDER BY bucket"
    );
    sql
}

/// Buckets of a host.
pub(super) async fn series(doors: &Doors, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    let place = &doors.place;
    let step = ask.step_ms();
    let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let bucket = |row: Row| -> Result<Bucket, StoreError> {
        let cells = Cells::new(row, place, "a bucket of values");
        let stat = |position: usize| -> Result<Stat, StoreError> {
            let at = KEY.len() + PARTS.len() * position;
            let number = |column| cells.number(column);
            let count = small(cells.int(at)?.unwrap_or(0));
            Ok(Stat::of(count, number(at + 1)?, number(at + 2)?, number(at + 3)?))
        };
        Ok(Bucket {
            start: WallMs(cells.required_int(0)?.saturating_mul(step)),
            last: cells.required_moment(1)?,
            polls: small(cells.required_int(2)?),
            failed: small(cells.required_int(3)?),
            stats: (0..ask.columns.len()).map(stat).collect::<Result<_, _>>()?,
        })
    };
    let mut conn = doors.reader().await?;
    let span = vec![
        Value::Int(ask.host.0),
        moment::datetime(ask.span.from),
        moment::datetime(ask.span.to),
    ];
    let collect = |buckets: Result<Vec<Bucket>, StoreError>, row: Row| {
        let mut buckets = buckets?;
        buckets.push(bucket(row)?);
        Ok(buckets)
    };
    let read = conn.exec_fold(select(ask), span, Ok(Vec::new()), collect).await;
    read.map_err(place.fault("read values over time"))?
}

/// Polls of a host without what repeats, oldest first.
pub(super) async fn samples(
    doors: &Doors,
    host: HostId,
    span: Span,
    limit: usize,
) -> Result<Vec<Sample>, StoreError> {
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.spec().name).collect();
    let sql = format!(
        "SELECT ts, outcome, {} FROM poll WHERE host_id = ? AND ts >= ? AND ts < ?
         ORDER BY ts LIMIT ?",
        names.join(", ")
    );
    let mut conn = doors.reader().await?;
    let params = vec![
        Value::Int(host.0),
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let collect = |samples: Result<Vec<Sample>, StoreError>, row: Row| {
        let mut samples = samples?;
        let cells = Cells::new(row, &doors.place, "a poll");
        let outcome = cells.word(1, "outcome", Outcome::parse)?;
        let values = outcome.has_values().then(|| record::read_values(&cells, 2)).transpose()?;
        samples.push(Sample { slot: cells.required_moment(0)?, outcome, values });
        Ok(samples)
    };
    let read = conn.exec_fold(sql, params, Ok(Vec::new()), collect).await;
    read.map_err(doors.place.fault("read polls"))?
}
