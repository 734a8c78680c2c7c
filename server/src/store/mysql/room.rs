//! How much room the history takes; what of it is given up for want of room, and how that is told.
//!
//! Days of polls and months of hours in short go whole, by DDL. That they are to go is told before, and how
//! many polls they were after it, with the count that is kept of them: whoever dies in between leaves what
//! the next run adds.

use std::sync::Arc;

use chrono::NaiveDate;
use mysql_async::{Row, Transaction, TxOpts, Value, prelude::Queryable as _};

use super::{
    cells::RowReader,
    connect::within,
    moment, months,
    partitions::{self, Partition, PartitionedTable},
    pools::Pools,
    prune, status,
};
use crate::{
    model::{Loss, LossReason},
    rollup::Tier,
    store::{Room, Span, StoreError, row},
    units::WallMs,
};

const DOING: &str = "give up the oldest history";

const OLDEST: &str = "SELECT (SELECT MIN(oldest) FROM poll_day),
    (SELECT MAX(to_ts) FROM loss WHERE reason = ?)";

/// Reads it.
pub(super) async fn read(pools: &Pools) -> Result<Room, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let row: Option<Row> = conn
        .exec_first(OLDEST, (LossReason::Budget.as_str(),))
        .await
        .map_err(place.fault("read how much room the history takes"))?;
    let row = row.ok_or_else(|| place.corrupt("its oldest rows", "no answer".to_owned()))?;
    let cells = RowReader::new(row, place, "its oldest rows");
    let day = |oldest: WallMs| {
        let end = moment::begin(partitions::next(moment::day(oldest)?))?;
        Some(Span { from: oldest, to: end })
    };
    let months = months::list(&mut conn, place).await?;
    // What is before the first month has a partition, too. The last one is never dropped.
    let oldest = months.first().filter(|_| months.len() > 1);
    let month = |oldest: &Partition| {
        let end = oldest.end;
        let begin = end.checked_sub_months(chrono::Months::new(1))?;
        Some(Span { from: moment::begin(begin)?, to: moment::begin(end)? })
    };
    Ok(Room {
        used: status::bytes(&mut conn, pools).await?,
        // A partition that is dropped gives its room back.
        free: 0,
        disk: None,
        polls: cells.moment(0)?.and_then(day),
        // Rows that are deleted leave the table's file as large as it is.
        summaries: None,
        hours: oldest.and_then(month),
        given_up_to: cells.moment(1)?,
    })
}

/// Drops what of a tier is due before a moment, by whole partitions, and tells of it. Answers how many polls
/// went.
pub(super) async fn give_up(
    pools: &Arc<Pools>,
    tier: Tier,
    before: WallMs,
    now: WallMs,
) -> Result<u64, StoreError> {
    let limit = pools.limits.call;
    let Some(first) = moment::day(before) else { return Ok(0) };
    let doomed = match tier {
        Tier::Polls => within(limit, polls_before(pools, first, now)).await?,
        Tier::FiveMinutes => return Ok(0),
        Tier::Hours => within(limit, hours_before(pools, first, now)).await?,
    };
    if let Some(doomed) = &doomed {
        within(limit, note(pools, doomed, None)).await?;
    }
    match tier {
        Tier::Polls => {
            for table in [PartitionedTable::Poll, PartitionedTable::PollHour] {
                partitions::drop_before(pools, table, first).await?;
            }
            match &doomed {
                Some(doomed) => within(limit, note(pools, doomed, Some(first))).await,
                None => Ok(0),
            }
        }
        Tier::Hours => months::drop_before(pools, before).await.map(|()| 0),
        Tier::FiveMinutes => Ok(0),
    }
}

/// What is to be told of the polls before a day.
async fn polls_before(
    pools: &Pools,
    first: NaiveDate,
    noted_at: WallMs,
) -> Result<Option<Loss>, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let sql = "SELECT MIN(oldest), MAX(newest) FROM poll_day WHERE day < ?";
    let row: Option<Row> =
        conn.exec_first(sql, (moment::date(first),)).await.map_err(place.fault(DOING))?;
    let Some(row) = row else { return Ok(None) };
    let cells = RowReader::new(row, place, "days of polls");
    let Some((from, to)) = cells.moment(0)?.zip(cells.moment(1)?) else { return Ok(None) };
    let mut hosts = 0;
    for table in [PartitionedTable::Poll, PartitionedTable::PollHour] {
        let all = partitions::list(&mut conn, table, place).await?;
        let old = all.iter().filter(|one| one.end <= first && !one.is_gap());
        hosts = hosts.max(hosts_in(&mut conn, table.name(), old, pools).await?);
    }
    let reason = LossReason::Budget;
    Ok(Some(Loss { from, to, hosts, polls: 0, reason, noted_at }))
}

/// What is to be told of the hours in short before a month: looked up in the key, host by host.
async fn hours_before(
    pools: &Pools,
    first: NaiveDate,
    noted_at: WallMs,
) -> Result<Option<Loss>, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let months = months::list(&mut conn, place).await?;
    let Some(old) = names(months.iter().filter(|month| month.end <= first)) else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT COUNT(*), MIN(first), MAX(last) FROM (SELECT MIN(ts) AS first, MAX(ts) AS last
         FROM rollup_hour PARTITION ({old}) GROUP BY host_id) AS hosts"
    );
    let row: Option<Row> = conn.exec_first(sql, ()).await.map_err(place.fault(DOING))?;
    let Some(row) = row else { return Ok(None) };
    let cells = RowReader::new(row, place, "months of hours in short");
    let hosts = cells.required_int(0)?.unsigned_abs();
    let span = cells.moment(1)?.zip(cells.moment(2)?);
    let reason = LossReason::BudgetHours;
    Ok(span.map(|(from, to)| Loss { from, to, hosts, polls: 0, reason, noted_at }))
}

/// The names of some partitions in SQL; none of none.
fn names<'a>(partitions: impl Iterator<Item = &'a Partition>) -> Option<String> {
    let names: Vec<&str> = partitions.map(|partition| partition.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Of how many hosts the rows of some partitions are: looked up in the key, host by host.
async fn hosts_in(
    conn: &mut mysql_async::Conn,
    table: &str,
    partitions: impl Iterator<Item = &Partition>,
    pools: &Pools,
) -> Result<u64, StoreError> {
    let Some(names) = names(partitions) else { return Ok(0) };
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT DISTINCT host_id FROM {table} PARTITION ({names})) AS hosts"
    );
    let hosts: Option<u64> = conn.query_first(sql).await.map_err(pools.place.fault(DOING))?;
    Ok(hosts.unwrap_or_default())
}

/// Tells of what goes; of what has gone, the days of polls before `gone`, also how many these were, and
/// forgets that count in the same transaction. Answers it.
async fn note(pools: &Pools, doomed: &Loss, gone: Option<NaiveDate>) -> Result<u64, StoreError> {
    let mut conn = pools.writer(DOING).await?;
    let mut transaction =
        conn.start_transaction(TxOpts::default()).await.map_err(pools.place.fault(DOING))?;
    let polls = match gone {
        Some(first) => prune::forget_days(&mut transaction, first, &pools.place).await?,
        None => 0,
    };
    tell(&mut transaction, &Loss { polls, ..doomed.clone() }, pools).await?;
    transaction.commit().await.map_err(pools.place.fault(DOING))?;
    Ok(polls)
}

/// Adds to the row of what went for this reason in the UTC day, or begins it.
async fn tell(
    transaction: &mut Transaction<'_>,
    loss: &Loss,
    pools: &Pools,
) -> Result<(), StoreError> {
    let fault = pools.place.fault(DOING);
    let day = moment::day(loss.noted_at).and_then(moment::begin).unwrap_or(loss.noted_at);
    let known: Option<Row> = transaction
        .exec_first(
            "SELECT noted_at FROM loss WHERE reason = ? AND noted_at >= ? AND noted_at <= ?
             ORDER BY noted_at LIMIT 1 FOR UPDATE",
            vec![
                loss.reason.as_str().into(),
                moment::datetime(day),
                moment::datetime(WallMs(day.0 + 86_400_000 - 1)),
            ],
        )
        .await
        .map_err(&fault)?;
    let known = known
        .map(|row| RowReader::new(row, &pools.place, "a loss").required_moment(0))
        .transpose()?;
    let values = vec![
        moment::datetime(loss.from),
        moment::datetime(loss.to),
        Value::Int(row::signed(loss.hosts)),
        Value::Int(row::signed(loss.polls)),
        moment::datetime(known.unwrap_or(loss.noted_at)),
        loss.reason.as_str().into(),
    ];
    let sql = match known {
        Some(_) => {
            "UPDATE loss SET from_ts = LEAST(from_ts, ?), to_ts = GREATEST(to_ts, ?),
               hosts = GREATEST(hosts, ?), polls = polls + ? WHERE noted_at = ? AND reason = ?"
        }
        None => {
            "INSERT INTO loss (from_ts, to_ts, hosts, polls, noted_at, reason)
             VALUES (?, ?, ?, ?, ?, ?)"
        }
    };
    transaction.exec_drop(sql, values).await.map_err(&fault)
}
