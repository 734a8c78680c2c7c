//! The days of the tables of polls: made ahead, or when a row of a day without one comes; dropped
//! whole.
//!
//! `pYYYYMMDD` holds that day. `gYYYYMMDD` is a gap: it holds what is before that day and after the
//! partition below it, and is empty, since a row's own day is cut out of it first. So any day can be
//! made at any time without a row being copied.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use mysql_async::{Conn, prelude::Queryable as _};

use super::{
    connect::within,
    fault::{self, Place},
    moment,
    pools::Pools,
};
use crate::{store::StoreError, units::WallMs};

/// A table with a partition per day. Sealed history has days too, not weeks: retention is kept to
/// the day, and there are few (days kept, days ahead, gaps).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartitionedTable {
    /// Polls as they came.
    Poll,
    /// Sealed hours.
    PollHour,
}

impl PartitionedTable {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::PollHour => "poll_hour",
        }
    }
}

/// Days that are made ahead of today.
pub(super) const AHEAD: u64 = 3;

/// A poll that is due more days after the server's clock than this is refused: that clock stepped
/// back by as much, and the slot is another year's.
pub(super) const FUTURE_DAYS: u64 = 7;

/// How often to look again when other servers change the partitions at the same moment.
const ATTEMPTS: usize = 5;

/// The date at the end of a partition that has none.
const NO_END: NaiveDate = NaiveDate::MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) name: String,
    /// It holds what is before this day.
    pub(super) end: NaiveDate,
}

impl Partition {
    pub(super) fn is_gap(&self) -> bool {
        self.name.starts_with('g')
    }
}

/// What is to be done for a day to have its partition.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    /// Nothing.
    Nothing,
    /// This statement.
    Change(String),
    /// It cannot be: its partition, and all before this day, was dropped.
    Dropped { oldest: NaiveDate },
}

pub(super) fn next(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NO_END)
}

fn holding(day: NaiveDate) -> String {
    format!("PARTITION p{} VALUES LESS THAN ('{}')", day.format("%Y%m%d"), next(day))
}

fn gap_before(day: NaiveDate) -> String {
    format!("PARTITION g{} VALUES LESS THAN ('{day}')", day.format("%Y%m%d"))
}

/// What a day needs where these partitions are, in their order.
fn need(table: PartitionedTable, partitions: &[Partition], day: NaiveDate) -> Need {
    let table = table.name();
    let Some(position) = partitions.iter().position(|partition| partition.end > day) else {
        let end = partitions.last().map(|last| last.end);
        let gap = if end == Some(day) { String::new() } else { gap_before(day) + ", " };
        return Need::Change(format!("ALTER TABLE {table} ADD PARTITION ({gap}{})", holding(day)));
    };
    let found = &partitions[position];
    if !found.is_gap() {
        // A partition made by hand may hold more than a day: what falls into it is kept there.
        let own = format!("p{}", day.format("%Y%m%d"));
        let above = position > 0 || found.name == own || !found.name.starts_with('p');
        return match above {
            true => Need::Nothing,
            false => Need::Dropped { oldest: found.end.pred_opt().unwrap_or(found.end) },
        };
    }
    let mut parts = Vec::new();
    let begin = position.checked_sub(1).map(|below| partitions[below].end);
    if begin.is_none_or(|begin| begin < day) {
        parts.push(gap_before(day));
    }
    parts.push(holding(day));
    if next(day) < found.end {
        parts.push(gap_before(found.end));
    }
    Need::Change(format!(
        "ALTER TABLE {table} REORGANIZE PARTITION {} INTO ({})",
        found.name,
        parts.join(", ")
    ))
}

/// The partitions in their order.
pub(super) async fn list(
    conn: &mut Conn,
    table: PartitionedTable,
    place: &Place,
) -> Result<Vec<Partition>, StoreError> {
    let found: Vec<(Option<String>, Option<String>)> = conn
        .exec(
            "SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?
             ORDER BY PARTITION_ORDINAL_POSITION",
            (table.name(),),
        )
        .await
        .map_err(place.fault("read the partitions"))?;
    let partitions = found.into_iter().map(|(name, end)| Some((name?, end?)));
    let partitions = partitions.map(|partition| {
        let (name, end) = partition.ok_or_else(|| {
            place.corrupt(&format!("the table {}", table.name()), "it has no partitions".to_owned())
        })?;
        let date = end.trim_matches('\'').get(..10).and_then(|date| date.parse().ok());
        Ok(Partition { name, end: date.unwrap_or(NO_END) })
    });
    partitions.collect()
}

/// A day whose partition was dropped, and the oldest that is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone {
    pub(super) day: NaiveDate,
    pub(super) oldest: NaiveDate,
}

impl Gone {
    /// Why a poll of that day is not kept.
    pub(super) fn refusal(self) -> StoreError {
        StoreError::BadRow {
            row: format!("polls of {}", self.day),
            why: format!("retention has dropped that day; the oldest kept is {}", self.oldest),
        }
    }
}

/// Makes sure that each of these days has its partition; answers the newest that cannot have one
/// any more.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn ensure(
    pools: &Pools,
    table: PartitionedTable,
    days: &BTreeSet<NaiveDate>,
) -> Result<Option<Gone>, StoreError> {
    let making = async {
        let mut conn = pools.schema().await?;
        let mut attempts = 0;
        loop {
            match make(&mut conn, pools, table, days).await {
                Err(error) if fault::partitions_changed(&error) && attempts < ATTEMPTS => {
                    attempts += 1;
                }
                other => return other,
            }
        }
    };
    within(pools.limits.schema, making).await
}

async fn make(
    conn: &mut Conn,
    pools: &Pools,
    table: PartitionedTable,
    days: &BTreeSet<NaiveDate>,
) -> Result<Option<Gone>, StoreError> {
    let mut gone = None;
    for day in days {
        let partitions = list(conn, table, &pools.place).await?;
        match need(table, &partitions, *day) {
            Need::Nothing => {}
            Need::Change(statement) => {
                conn.query_drop(statement)
                    .await
                    .map_err(pools.place.fault("make a partition for a day"))?;
            }
            Need::Dropped { oldest } => gone = Some(Gone { day: *day, oldest }),
        }
    }
    Ok(gone)
}

/// Today and the days ahead of it.
pub(super) fn ahead(now: WallMs) -> BTreeSet<NaiveDate> {
    let Some(today) = moment::day(now) else { return BTreeSet::new() };
    (0..=AHEAD).filter_map(|days| today.checked_add_days(Days::new(days))).collect()
}

/// Drops every partition that holds nothing from `first` on, oldest first, each in a statement of
/// its own; the last that is left stays.
pub(super) async fn drop_before(
    pools: &Pools,
    table: PartitionedTable,
    first: NaiveDate,
) -> Result<(), StoreError> {
    let dropping = async {
        let mut conn = pools.schema().await?;
        let partitions = list(&mut conn, table, &pools.place).await?;
        let old = partitions.iter().filter(|partition| partition.end <= first);
        for partition in old.take(partitions.len().saturating_sub(1)) {
            let statement =
                format!("ALTER TABLE {} DROP PARTITION {}", table.name(), partition.name);
            let dropped = conn.query_drop(statement).await;
            match dropped.map_err(pools.place.fault("drop a day of polls")) {
                // Another server was first.
                Err(error) if fault::partitions_changed(&error) => {}
                other => other?,
            }
        }
        Ok(())
    };
    within(pools.limits.schema, dropping).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn partitions(all: &[(&str, &str)]) -> Vec<Partition> {
        let one = |(name, end): &(&str, &str)| Partition { name: (*name).into(), end: day(end) };
        all.iter().map(one).collect()
    }

    fn change(partitions: &[Partition], wanted: &str) -> String {
        match need(PartitionedTable::Poll, partitions, day(wanted)) {
            Need::Change(statement) => statement,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_day_is_added_above_with_a_gap_where_one_is() {
        let first = partitions(&[("g20000101", "2000-01-01")]);
        assert_eq!(
            change(&first, "2026-03-29"),
            "ALTER TABLE poll ADD PARTITION (PARTITION g20260329 VALUES LESS THAN ('2026-03-29'), \
             PARTITION p20260329 VALUES LESS THAN ('2026-03-30'))"
        );
        assert_eq!(
            change(&first, "2000-01-01"),
            "ALTER TABLE poll ADD PARTITION (PARTITION p20000101 VALUES LESS THAN ('2000-01-02'))"
        );
    }

    #[test]
    fn a_day_is_cut_out_of_a_gap() {
        let all = partitions(&[
            ("g20260301", "2026-03-01"),
            ("p20260301", "2026-03-02"),
            ("g20260305", "2026-03-05"),
            ("p20260305", "2026-03-06"),
        ]);
        let into = |wanted| {
            let statement = change(&all, wanted);
            statement.split_once(" REORGANIZE PARTITION ").unwrap().1.to_owned()
        };
        assert_eq!(
            into("2026-03-03"),
            "g20260305 INTO (PARTITION g20260303 VALUES LESS THAN ('2026-03-03'), PARTITION \
             p20260303 VALUES LESS THAN ('2026-03-04'), PARTITION g20260305 VALUES LESS THAN \
             ('2026-03-05'))"
        );
        assert_eq!(
            into("2026-03-02"),
            "g20260305 INTO (PARTITION p20260302 VALUES LESS THAN ('2026-03-03'), PARTITION \
             g20260305 VALUES LESS THAN ('2026-03-05'))"
        );
        assert_eq!(
            into("2026-03-04"),
            "g20260305 INTO (PARTITION g20260304 VALUES LESS THAN ('2026-03-04'), PARTITION \
             p20260304 VALUES LESS THAN ('2026-03-05'))"
        );
        assert_eq!(
            into("2026-02-28"),
            "g20260301 INTO (PARTITION g20260228 VALUES LESS THAN ('2026-02-28'), PARTITION \
             p20260228 VALUES LESS THAN ('2026-03-01'))"
        );
    }

    #[test]
    fn a_day_that_is_there_needs_nothing_and_a_dropped_one_is_refused() {
        let all = partitions(&[("p20260301", "2026-03-02"), ("p20260302", "2026-03-03")]);
        assert_eq!(need(PartitionedTable::Poll, &all, day("2026-03-01")), Need::Nothing);
        assert_eq!(need(PartitionedTable::Poll, &all, day("2026-03-02")), Need::Nothing);
        let oldest = day("2026-03-01");
        assert_eq!(need(PartitionedTable::Poll, &all, day("2026-02-27")), Need::Dropped { oldest });
    }
}
