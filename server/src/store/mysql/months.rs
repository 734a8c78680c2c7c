//! The months of the table `rollup_hour`: made ahead, or when an hour of a month without one comes;
//! dropped whole.
//!
//! `pYYYYMM` holds that month. `gYYYYMM` holds what is before that month and after the partition below
//! it. An hour of a month that was dropped is kept in the oldest one, and goes with it.

use std::collections::BTreeSet;

use chrono::{Datelike as _, Months, NaiveDate};
use mysql_async::{Conn, prelude::Queryable as _};

use super::{
    connect::within,
    fault::{self, Place},
    moment,
    partitions::Partition,
    pools::Pools,
};
use crate::{store::StoreError, units::WallMs};

/// Months that are made ahead of this one.
const AHEAD: u32 = 1;

/// How often to look again when other servers change the partitions at the same moment.
const ATTEMPTS: usize = 5;

fn holding(month: NaiveDate) -> String {
    let end = month.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
    format!("PARTITION p{} VALUES LESS THAN ('{end}')", month.format("%Y%m"))
}

/// What a month needs where these partitions are, in their order; none when it has what it needs.
fn need(partitions: &[Partition], month: NaiveDate) -> Option<String> {
    let end = partitions.last().map(|last| last.end);
    if end.is_some_and(|end| end > month) {
        return None;
    }
    let gap = match end == Some(month) {
        true => String::new(),
        false => format!("PARTITION g{} VALUES LESS THAN ('{month}'), ", month.format("%Y%m")),
    };
    Some(format!("ALTER TABLE rollup_hour ADD PARTITION ({gap}{})", holding(month)))
}

/// The partitions in their order.
pub(super) async fn list(conn: &mut Conn, place: &Place) -> Result<Vec<Partition>, StoreError> {
    let found: Vec<(Option<String>, Option<String>)> = conn
        .query(
            "SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'rollup_hour'
             ORDER BY PARTITION_ORDINAL_POSITION",
        )
        .await
        .map_err(place.fault("read the partitions"))?;
    let read = |(name, end): (Option<String>, Option<String>)| {
        let date = end.as_deref()?.trim_matches('\'').get(..10)?.parse().ok();
        Some(Partition { name: name?, end: date.unwrap_or(NaiveDate::MAX) })
    };
    let partitions: Option<Vec<Partition>> = found.into_iter().map(read).collect();
    partitions
        .ok_or_else(|| place.corrupt("the table rollup_hour", "it has no partitions".to_owned()))
}

/// Makes sure that each of these months, given by its first day, has a partition.
pub(super) async fn ensure(pools: &Pools, months: &BTreeSet<NaiveDate>) -> Result<(), StoreError> {
    let making = async {
        let mut conn = pools.schema().await?;
        let mut attempts = 0;
        loop {
            match make(&mut conn, pools, months).await {
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
    months: &BTreeSet<NaiveDate>,
) -> Result<(), StoreError> {
    for month in months {
        if let Some(statement) = need(&list(conn, &pools.place).await?, *month) {
            let made = conn.query_drop(statement).await;
            made.map_err(pools.place.fault("make a partition for a month"))?;
        }
    }
    Ok(())
}

/// This month and those ahead of it.
pub(super) fn ahead(now: WallMs) -> BTreeSet<NaiveDate> {
    let first = moment::day(now).and_then(|today| today.with_day(1));
    let later = |months| first.and_then(|first| first.checked_add_months(Months::new(months)));
    (0..=AHEAD).filter_map(later).collect()
}

/// Drops every month that ends before `before` or with it, each in a statement of its own; the last
/// that is left stays.
pub(super) async fn drop_before(pools: &Pools, before: WallMs) -> Result<(), StoreError> {
    let Some(day) = moment::day(before) else { return Ok(()) };
    let dropping = async {
        let mut conn = pools.schema().await?;
        let partitions = list(&mut conn, &pools.place).await?;
        let old = partitions.iter().filter(|partition| partition.end <= day);
        for partition in old.take(partitions.len().saturating_sub(1)) {
            let statement = format!("ALTER TABLE rollup_hour DROP PARTITION {}", partition.name);
            let dropped = conn.query_drop(statement).await;
            match dropped.map_err(pools.place.fault("drop a month of rollups")) {
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

    #[test]
    fn a_month_is_added_above_with_a_gap_where_one_is() {
        let all = |ends: &[&str]| -> Vec<Partition> {
            let one = |end: &&str| Partition { name: "p".to_owned(), end: end.parse().unwrap() };
            ends.iter().map(one).collect()
        };
        let need = |ends: &[&str], month: &str| need(&all(ends), month.parse().unwrap());
        assert_eq!(
            need(&["2000-01-01"], "2026-12-01").unwrap(),
            "ALTER TABLE rollup_hour ADD PARTITION (PARTITION g202612 VALUES LESS THAN \
             ('2026-12-01'), PARTITION p202612 VALUES LESS THAN ('2027-01-01'))"
        );
        assert_eq!(
            need(&["2000-01-01", "2026-12-01"], "2026-12-01").unwrap(),
            "ALTER TABLE rollup_hour ADD PARTITION (PARTITION p202612 VALUES LESS THAN \
             ('2027-01-01'))"
        );
        for month in ["2026-11-01", "1999-01-01"] {
            assert_eq!(need(&["2000-01-01", "2026-12-01"], month), None, "{month}");
        }
    }
}
