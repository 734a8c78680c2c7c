//! The table `rollup_hour`, and values over time from it or from `poll`.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use rusqlite::{Connection, Error, Row, Transaction, params, types::ValueRef};

use super::{
    fault::{fault, row_fault},
    hours::{self, merge},
    reckoned::{self, COLUMNS},
    record,
};
use crate::{
    model::{Column, ColumnKind, ColumnSet, HostId, Outcome, Rollup, Stat},
    rollup::Tier,
    store::{Bucket, Buckets, ReadOrder, Sample, SeriesAsk, Span, StoreError, row},
    units::WallMs,
};

/// The columns before those of the values.
const KEY: [&str; 4] = ["host_id", "hour_ms", "polls", "polls_failed"];

/// Those and what was reckoned.
const FIRST: usize = KEY.len() + COLUMNS.len();

/// The columns that each value has.
const PARTS: [&str; 4] = ["avg", "min", "max", "count"];

static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let parts = Column::ALL.iter().map(|column| column.spec().name);
    let parts = parts.flat_map(|name| PARTS.map(|part| format!("{name}_{part}")));
    let names: Vec<String> =
        KEY.into_iter().chain(COLUMNS).map(str::to_owned).chain(parts).collect();
    let places = vec!["?"; names.len()].join(", ");
    let set: Vec<String> =
        names[2..].iter().map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "INSERT INTO rollup_hour ({}) VALUES ({places})
         ON CONFLICT (host_id, hour_ms) DO UPDATE SET {}
         WHERE excluded.polls >= rollup_hour.polls",
        names.join(", "),
        set.join(", ")
    )
});

const WRITING: &str = "keep a batch of polls";

/// Keeps hours; one that is there gives way to one of as many polls or more.
pub(super) fn insert<'a>(
    transaction: &Transaction<'_>,
    rollups: impl IntoIterator<Item = &'a Rollup>,
) -> Result<(), StoreError> {
    for rollup in rollups {
        let mut statement =
            transaction.prepare_cached(&UPSERT).map_err(fault(transaction, WRITING))?;
        let mut bind = || -> Result<(), Error> {
            statement.raw_bind_parameter(1, rollup.host.0)?;
            statement.raw_bind_parameter(2, rollup.hour.0)?;
            statement.raw_bind_parameter(3, rollup.polls)?;
            statement.raw_bind_parameter(4, rollup.failed)?;
            for (place, value) in (KEY.len() + 1..).zip(reckoned::cells(rollup)) {
                statement.raw_bind_parameter(place, value)?;
            }
            for (position, column) in Column::ALL.iter().enumerate() {
                let stat = rollup.stat(*column);
                let place = FIRST + PARTS.len() * position + 1;
                statement.raw_bind_parameter(place, stat.avg())?;
                for (place, value) in [(place + 1, stat.min()), (place + 2, stat.max())] {
                    match column.spec().kind {
                        ColumnKind::Whole => {
                            statement.raw_bind_parameter(place, value.and_then(row::whole))?;
                        }
                        ColumnKind::Real => statement.raw_bind_parameter(place, value)?,
                    }
                }
                statement.raw_bind_parameter(place + 3, stat.count)?;
            }
            statement.raw_execute().map(drop)
        };
        let named = || row::rollup_name(rollup);
        bind().map_err(|error| row_fault(transaction, WRITING, named, error))?;
    }
    Ok(())
}

/// A list of outcomes in SQL.
fn list(which: impl Fn(Outcome) -> bool) -> String {
    let words = Outcome::ALL.iter().filter(|outcome| which(**outcome));
    words.map(|outcome| format!("'{outcome}'")).collect::<Vec<_>>().join(", ")
}

fn select(ask: &SeriesAsk) -> String {
    let step = ask.step_ms();
    let (moment, table, counts, which) = match ask.tier {
        Tier::Polls => {
            let good = list(Outcome::has_values);
            let counts = format!("COUNT(*), COUNT(*) FILTER (WHERE outcome NOT IN ({good}))");
            let which = format!(" AND outcome IN ({})", list(Outcome::was_asked));
            ("slot_ms", "poll", counts, which)
        }
        Tier::Hours | Tier::FiveMinutes => {
            ("hour_ms", "rollup_hour", "SUM(polls), SUM(polls_failed)".to_owned(), String::new())
        }
    };
    let mut sql = format!("SELECT {moment} / {step} AS bucket, MAX({moment}), {counts}");
    for column in ask.columns.iter() {
        let c = column.spec().name;
        // Writing to a String cannot fail.
        let _ = match ask.tier {
            Tier::Polls => write!(sql, ", COUNT({c}), AVG({c}), MIN({c}), MAX({c})"),
            Tier::Hours | Tier::FiveMinutes => write!(
                sql,
                ", SUM({c}_count), SUM({c}_avg * {c}_count) / SUM({c}_count), MIN({c}_min), \
                 MAX({c}_max)"
            ),
        };
    }
    let _ = write!(
        sql,
        " FROM {table} WHERE host_id = ?1 AND {moment} >= ?2 AND {moment} < ?3{which}
         GROUP BY bucket ORDER BY bucket"
    );
    sql
}

/// Buckets of a host, from hours or from polls.
pub(super) fn series(connection: &Connection, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    let failed = fault(connection, "read values over time");
    // One moment's view of both tables.
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let read = match ask.tier {
        Tier::Polls => of_polls(&look, ask),
        Tier::Hours | Tier::FiveMinutes => of_rows(&look, ask),
    };
    read.map_err(&failed)
}

/// The hours of each host that begin in a span, taken together.
pub(super) fn hours_of(
    connection: &Connection,
    hosts: &[HostId],
    column: Column,
    span: Span,
) -> Result<Vec<(HostId, Bucket)>, StoreError> {
    let failed = fault(connection, "read hours of several hosts");
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let columns: Arc<[Column]> = [column].into();
    let of = |host: &HostId| -> Result<Option<(HostId, Bucket)>, Error> {
        let columns = Arc::clone(&columns);
        let step = span.to.since(span.from);
        let ask = SeriesAsk { host: *host, columns, span, step, tier: Tier::Hours };
        let hours = of_rows(&look, &ask)?.into_iter().reduce(|mut all, more| {
            all.merge(&more);
            all
        });
        Ok(hours.map(|hours| (*host, hours)))
    };
    let read: Result<Vec<_>, Error> =
        hosts.iter().filter_map(|host| of(host).transpose()).collect();
    read.map_err(&failed)
}

fn of_rows(connection: &Connection, ask: &SeriesAsk) -> Result<Vec<Bucket>, Error> {
    let step = ask.step_ms();
    let mut statement = connection.prepare_cached(&select(ask))?;
    let bucket = |row: &Row<'_>| -> Result<Bucket, Error> {
        let stat = |position: usize| -> Result<Stat, Error> {
            let at = KEY.len() + PARTS.len() * position;
            let number = |column| number(row, column);
            let count = row.get::<_, Option<u32>>(at)?.unwrap_or(0);
            Ok(Stat::of(count, number(at + 1)?, number(at + 2)?, number(at + 3)?))
        };
        Ok(Bucket {
            start: WallMs(row.get::<_, i64>(0)?.saturating_mul(step)),
            last: WallMs(row.get(1)?),
            polls: row.get(2)?,
            failed: row.get(3)?,
            stats: (0..ask.columns.len()).map(stat).collect::<Result<_, _>>()?,
        })
    };
    let span = params![ask.host.0, ask.span.from.0, ask.span.to.0];
    statement.query_map(span, bucket)?.collect()
}

/// Buckets of polls, packed or not.
pub(super) fn of_polls(connection: &Connection, ask: &SeriesAsk) -> Result<Vec<Bucket>, Error> {
    let rows = of_rows(connection, ask)?;
    let packed = hours::samples(connection, ask.host, ask.span, usize::MAX, &ask.columns)?;
    if packed.is_empty() {
        return Ok(rows);
    }
    let mut buckets = Buckets::new(ask);
    packed.iter().for_each(|sample| buckets.add(sample));
    rows.into_iter().for_each(|bucket| buckets.merge(bucket));
    Ok(buckets.into_vec())
}

#[expect(clippy::cast_precision_loss, reason = "whole columns are exact to 2^53")]
fn number(row: &Row<'_>, column: usize) -> Result<Option<f64>, Error> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(whole) => Some(whole as f64),
        ValueRef::Real(real) => Some(real),
        _ => None,
    })
}

/// Polls of a host without what repeats, oldest first.
pub(super) fn samples(
    connection: &Connection,
    host: HostId,
    span: Span,
    limit: usize,
) -> Result<Vec<Sample>, StoreError> {
    let failed = fault(connection, "read polls");
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.spec().name).collect();
    let sql = format!(
        "SELECT slot_ms, outcome, state, elapsed_ns, {} FROM poll
         WHERE host_id = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 ORDER BY slot_ms LIMIT ?4",
        names.join(", ")
    );
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let packed = hours::samples(&look, host, span, limit, Column::ALL).map_err(&failed)?;
    let mut statement = look.prepare_cached(&sql).map_err(&failed)?;
    let sample = |row: &Row<'_>| -> Result<Sample, Error> {
        let outcome = record::outcome(row, 1)?;
        let state = record::state(row, 2)?;
        let elapsed_ns = row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs);
        let values = outcome.has_values().then(|| record::values(row, 4)).transpose()?;
        Ok(Sample { slot: WallMs(row.get(0)?), outcome, state, elapsed_ns, values })
    };
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![host.0, span.from.0, span.to.0, most], sample)
        .map_err(&failed)?;
    let rows = rows.collect::<Result<_, _>>().map_err(&failed)?;
    Ok(merge(rows, packed, ReadOrder::OldestFirst, limit, |sample| sample.slot))
}
