//! Values over time: from `rollup_hour`, or from polls on both sides of the seal boundary.
//!
//! What is not sealed is summed up by the server; of what is, the texts that hold the wanted columns
//! are unpacked and summed up here, some hours at a time.

use std::fmt::Write as _;

use mysql_async::{Row, Value, prelude::Queryable};

use super::{
    cells::RowReader,
    fault::Place,
    hours, moment,
    pools::Pools,
    record,
    seal_boundary::{self, ConsistentRead},
};
use crate::{
    model::{Column, ColumnSet, HostId, Outcome, Stat, State},
    rollup::Tier,
    store::{Bucket, Buckets, Sample, SeriesAsk, Span, StoreError},
    units::WallMs,
};

/// The columns of a bucket before those of its values, and how many each value has.
const FIRST: usize = 4;
const EACH: usize = 4;

/// Hosts that one statement reads the hours of.
const HOSTS_AT_ONCE: usize = 500;

const READING: &str = "read values over time";

/// Buckets of a host.
pub(super) async fn series(pools: &Pools, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    match ask.tier {
        Tier::Polls => seal_boundary::again(|| try_series(pools, ask)).await,
        Tier::Hours | Tier::FiveMinutes => {
            select(&mut pools.reader().await?, ask, ask.span, &pools.place).await
        }
    }
}

async fn try_series(pools: &Pools, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    let mut conn = pools.reader().await?;
    let mut look = ConsistentRead::begin(&mut conn, &pools.place).await?;
    let mut buckets = Buckets::new(ask);
    of_polls(&mut look, ask, &mut buckets, &pools.place).await?;
    look.end(&pools.place).await?;
    Ok(buckets.into_vec())
}

/// Adds polls to buckets, sealed or not.
pub(super) async fn of_polls(
    look: &mut ConsistentRead<'_>,
    ask: &SeriesAsk,
    buckets: &mut Buckets,
    place: &Place,
) -> Result<(), StoreError> {
    let (sealed, open) = look.boundary.split(ask.span);
    if !sealed.is_empty() {
        let asked = (ask.host, sealed, &*ask.columns);
        let mut samples = hours::Samples::begin(&mut look.transaction, asked, place).await?;
        while let Some(some) = samples.next(&mut look.transaction).await? {
            some.iter().for_each(|sample| buckets.add(sample));
        }
    }
    if !open.is_empty() {
        for bucket in select(&mut look.transaction, ask, open, place).await? {
            buckets.merge(bucket);
        }
    }
    Ok(())
}

/// A list of outcomes in SQL.
fn list(which: impl Fn(Outcome) -> bool) -> String {
    let words = Outcome::ALL.iter().filter(|outcome| which(**outcome));
    words.map(|outcome| format!("'{outcome}'")).collect::<Vec<_>>().join(", ")
}

/// Count, mean, least and most of a column of `rollup_hour`.
fn of_hours(c: &str) -> String {
    let n = format!(
        "IF({c}_avg IS NULL, 0, CAST(COALESCE({c}_count, polls - polls_failed) AS SIGNED))"
    );
    format!("SUM({n}), SUM({c}_avg * {n}) / SUM({n}), MIN({c}_min), MAX({c}_max)")
}

/// The hours of each host that begin in a span, taken together.
pub(super) async fn hours_of(
    pools: &Pools,
    hosts: &[HostId],
    column: Column,
    span: Span,
) -> Result<Vec<(HostId, Bucket)>, StoreError> {
    let (mut conn, place) = (pools.reader().await?, &pools.place);
    let mut all = Vec::with_capacity(hosts.len());
    for some in hosts.chunks(HOSTS_AT_ONCE) {
        let numbers: Vec<String> = some.iter().map(|host| host.0.to_string()).collect();
        let sql = format!(
            "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', MIN(ts)) DIV 1000, MAX(ts), SUM(polls), \
             SUM(polls_failed), {}, host_id FROM rollup_hour \
             WHERE host_id IN ({}) AND ts >= ? AND ts < ? GROUP BY host_id",
            of_hours(column.spec().name),
            numbers.join(", ")
        );
        let read = |row: Row| -> Result<(HostId, Bucket), StoreError> {
            let cells = RowReader::new(row, place, "hours of several hosts");
            let host = HostId(cells.required_int(FIRST + EACH)?);
            Ok((host, bucket(&cells, &[column], 1)?))
        };
        let key = vec![moment::datetime(span.from), moment::datetime(span.to)];
        let rows: Vec<Row> = conn.exec(sql, key).await.map_err(place.fault(READING))?;
        all.extend(rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

/// Reads one table: `poll` or `rollup_hour`.
fn statement(ask: &SeriesAsk) -> String {
    let step = ask.step_ms();
    let (counts, table, which) = match ask.tier {
        Tier::Polls => {
            let good = list(Outcome::has_values);
            let counts =
                format!("COUNT(*), COUNT(CASE WHEN outcome IN ({good}) THEN NULL ELSE 1 END)");
            (counts, "poll", format!(" AND outcome IN ({})", list(Outcome::was_asked)))
        }
        Tier::Hours | Tier::FiveMinutes => {
            ("SUM(polls), SUM(polls_failed)".to_owned(), "rollup_hour", String::new())
        }
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
            Tier::Hours | Tier::FiveMinutes => write!(sql, ", {}", of_hours(c)),
        };
    }
    let _ = write!(
        sql,
        " FROM {table} WHERE host_id = ? AND ts >= ? AND ts < ?{which} GROUP BY bucket ORDER BY bucket"
    );
    sql
}

/// A bucket as it is read: which of those of `step` milliseconds it is, its newest moment, counts, values.
fn bucket(cells: &RowReader<'_>, columns: &[Column], step: i64) -> Result<Bucket, StoreError> {
    let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let stat = |(position, column): (usize, &Column)| -> Result<Stat, StoreError> {
        let at = FIRST + EACH * position;
        let count = small(cells.int(at)?.unwrap_or(0));
        // A FLOAT of a thousandth is that thousandth again.
        let end = |cell| Ok(cells.number(cell)?.map(|value| column.spec().kind.tidy(value)));
        Ok(Stat::of(count, cells.number(at + 1)?, end(at + 2)?, end(at + 3)?))
    };
    Ok(Bucket {
        start: WallMs(cells.required_int(0)?.saturating_mul(step)),
        last: cells.required_moment(1)?,
        polls: small(cells.required_int(2)?),
        failed: small(cells.required_int(3)?),
        stats: columns.iter().enumerate().map(stat).collect::<Result<_, _>>()?,
    })
}

async fn select(
    conn: &mut impl Queryable,
    ask: &SeriesAsk,
    span: Span,
    place: &Place,
) -> Result<Vec<Bucket>, StoreError> {
    let bucket = |row: Row| {
        bucket(&RowReader::new(row, place, "a bucket of values"), &ask.columns, ask.step_ms())
    };
    let collect = |buckets: Result<Vec<Bucket>, StoreError>, row: Row| {
        let mut buckets = buckets?;
        buckets.push(bucket(row)?);
        Ok(buckets)
    };
    let key = vec![Value::Int(ask.host.0), moment::datetime(span.from), moment::datetime(span.to)];
    let read = conn.exec_fold(statement(ask), key, Ok(Vec::new()), collect).await;
    read.map_err(place.fault(READING))?
}

/// Polls of a host without what repeats, oldest first.
pub(super) async fn samples(
    pools: &Pools,
    host: HostId,
    span: Span,
    limit: usize,
) -> Result<Vec<Sample>, StoreError> {
    seal_boundary::again(|| try_samples(pools, host, span, limit)).await
}

async fn try_samples(
    pools: &Pools,
    host: HostId,
    span: Span,
    limit: usize,
) -> Result<Vec<Sample>, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let mut look = ConsistentRead::begin(&mut conn, place).await?;
    let (sealed, open) = look.boundary.split(span);
    let mut found = Vec::new();
    if !sealed.is_empty() {
        let asked = (host, sealed, Column::ALL);
        let mut samples = hours::Samples::begin(&mut look.transaction, asked, place).await?;
        while found.len() < limit
            && let Some(some) = samples.next(&mut look.transaction).await?
        {
            found.extend(some);
        }
        found.truncate(limit);
    }
    if !open.is_empty() && found.len() < limit {
        let left = limit - found.len();
        found.extend(open_samples(&mut look.transaction, host, open, left, place).await?);
    }
    look.end(place).await?;
    Ok(found)
}

async fn open_samples(
    conn: &mut impl Queryable,
    host: HostId,
    span: Span,
    limit: usize,
    place: &Place,
) -> Result<Vec<Sample>, StoreError> {
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.spec().name).collect();
    let sql = format!(
        "SELECT ts, outcome, state, elapsed_ns, {} FROM poll WHERE host_id = ? AND ts >= ? AND ts < ?
         ORDER BY ts LIMIT ?",
        names.join(", ")
    );
    let params = vec![
        Value::Int(host.0),
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let collect = |samples: Result<Vec<Sample>, StoreError>, row: Row| {
        let mut samples = samples?;
        let cells = RowReader::new(row, place, "a poll");
        let outcome = cells.word(1, "outcome", Outcome::parse)?;
        let state = cells.word(2, "state", State::parse)?;
        let elapsed_ns = cells.int(3)?.map(i64::unsigned_abs);
        let values = outcome.has_values().then(|| record::read_values(&cells, 4)).transpose()?;
        let slot = cells.required_moment(0)?;
        samples.push(Sample { slot, outcome, state, elapsed_ns, values });
        Ok(samples)
    };
    let read = conn.exec_fold(sql, params, Ok(Vec::new()), collect).await;
    read.map_err(place.fault("read polls"))?
}
