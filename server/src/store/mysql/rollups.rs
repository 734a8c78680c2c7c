//! The table `rollup_hour`: hours in short, as they come in.

use std::{collections::BTreeSet, sync::LazyLock};

use chrono::{Datelike as _, NaiveDate};
use mysql_async::{Params, Transaction, Value, prelude::Queryable as _};

use super::{fault::Place, moment, reckoned, record};
use crate::{
    model::{Column, ColumnSet, Rollup},
    store::{Batch, StoreError, row},
};

/// The columns before those of the values.
const KEY: [&str; 4] = ["host_id", "ts", "polls", "polls_failed"];

/// The columns that each value has.
const PARTS: [&str; 4] = ["avg", "min", "max", "count"];

/// Rows that one INSERT takes: as many of the first as fit, then of the next. 16 rows are some 10,000 of the
/// 65,535 places a statement has.
const ROWS: [usize; 2] = [16, 1];

const WRITING: &str = "keep a batch of polls";

/// One INSERT for each of [`ROWS`]. `polls` is set last: what stands before it compares with what it
/// was.
static UPSERTS: LazyLock<[String; 2]> = LazyLock::new(|| {
    let parts = Column::ALL.iter().map(|column| column.spec().name);
    let parts = parts.flat_map(|name| PARTS.map(|part| format!("{name}_{part}")));
    let reckoned = reckoned::COLUMNS.into_iter().map(|(name, _)| name);
    let names: Vec<String> =
        KEY.into_iter().chain(reckoned).map(str::to_owned).chain(parts).collect();
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
    let good = rollup.polls.saturating_sub(rollup.failed);
    let mut values = Vec::with_capacity(KEY.len() + PARTS.len() * Column::ALL.len());
    values.extend([
        Value::Int(rollup.host.0),
        moment::datetime(rollup.hour),
        Value::UInt(rollup.polls.into()),
        Value::UInt(rollup.failed.into()),
    ]);
    values.extend(reckoned::cells(rollup));
    for column in Column::ALL {
        let stat = rollup.stat(*column);
        let all = [stat.avg(), stat.min(), stat.max()];
        let fit = all.iter().flatten().all(|value| record::fits_single(*value));
        values.extend(all.map(|number| match number {
            Some(number) if fit => Value::Double(number),
            _ => Value::NULL,
        }));
        let told = stat.count > 0 && stat.count != good;
        let count = stat.count.min(u16::MAX.into());
        values.push(if told { Value::UInt(count.into()) } else { Value::NULL });
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
