//! Retention: days of polls and months of hours in short are dropped whole, by DDL; transitions and losses, which are few, in small steps.

use std::sync::Arc;

use chrono::NaiveDate;
use mysql_async::{Row, TxOpts, Value, prelude::Queryable};

use super::{
    cells::RowReader,
    connect::within,
    fault::Place,
    moment, months,
    partitions::{self, PartitionedTable},
    pools::Pools,
};
use crate::{
    store::{PruneReach, Pruned, Retention, StoreError},
    units::WallMs,
};

/// Transitions that one statement takes out at most.
const ROWS: u64 = 1_000;

const DOING: &str = "prune";

const EVENTS: &str = "DELETE FROM event WHERE ts < ? ORDER BY ts LIMIT ?";

/// What is known of losses is kept as long as transitions are.
const LOSSES: &str = "DELETE FROM loss WHERE noted_at < ? ORDER BY noted_at LIMIT ?";

/// Notices that are over, too.
const NOTICES: &str =
    "DELETE FROM notice WHERE created < ? AND state <> 'pending' ORDER BY created LIMIT ?";

/// Changes of alarms, too.
const ALARM_EVENTS: &str = "DELETE FROM alert_event WHERE slot < ? ORDER BY slot LIMIT ?";

/// What became of messages, too.
const DELIVERIES: &str = "DELETE FROM delivery WHERE ended < ? ORDER BY ended LIMIT ?";

/// Annotations, too.
const ANNOTATIONS: &str = "DELETE FROM annotation WHERE at < ? ORDER BY at LIMIT ?";
/// What somebody asked to be changed, too.
const AUDIT: &str = "DELETE FROM audit WHERE at < ? ORDER BY at LIMIT ?";

/// Days that were summed up.
const SUMMARIES: &str = "DELETE FROM summary_day WHERE day < ? ORDER BY day LIMIT ?";

/// The oldest of polls, and of transitions, losses, changes of alarms, messages, annotations and the audit, and of
/// summaries.
const OLDEST: &str = "SELECT (SELECT MIN(oldest) FROM poll_day),
    (SELECT MIN(at) FROM (SELECT MIN(ts) AS at FROM event
     UNION ALL SELECT MIN(noted_at) FROM loss
     UNION ALL SELECT MIN(slot) FROM alert_event
     UNION ALL SELECT MIN(ended) FROM delivery
     UNION ALL SELECT MIN(at) FROM annotation
     UNION ALL SELECT MIN(at) FROM audit) AS old),
    (SELECT MIN(day) FROM summary_day)";

/// How far one run may go. Of hours in short that is the oldest month, which is dropped whole.
pub(super) async fn reach(pools: &Pools) -> Result<PruneReach, StoreError> {
    let mut conn = pools.reader().await?;
    let row: Option<Row> = conn.exec_first(OLDEST, ()).await.map_err(pools.place.fault(DOING))?;
    let row = row.ok_or_else(|| pools.place.corrupt("its oldest rows", "no answer".to_owned()))?;
    let cells = RowReader::new(row, &pools.place, "its oldest rows");
    let months = months::list(&mut conn, &pools.place).await?;
    Ok(PruneReach {
        polls: PruneReach::from(cells.moment(0)?),
        events: PruneReach::from(cells.moment(1)?),
        summaries: PruneReach::from(cells.moment(2)?),
        rollups: months.first().and_then(|month| moment::begin(month.end)),
    })
}

/// Drops the days and months before the one in which `before` lies, and transitions before theirs.
pub(super) async fn prune(pools: &Arc<Pools>, before: Retention) -> Result<Pruned, StoreError> {
    let polls = match moment::day(before.polls) {
        Some(first) => {
            for table in [PartitionedTable::Poll, PartitionedTable::PollHour] {
                partitions::drop_before(pools, table, first).await?;
            }
            within(pools.limits.call, forgotten(pools, first)).await?
        }
        None => 0,
    };
    months::drop_before(pools, before.rollups).await?;
    while within(pools.limits.call, take(pools, SUMMARIES, before.summaries)).await? == ROWS {}
    let mut events = 0;
    loop {
        let gone = within(pools.limits.call, take(pools, EVENTS, before.events)).await?;
        events += gone;
        if gone < ROWS {
            break;
        }
    }
    for table in [LOSSES, NOTICES, ALARM_EVENTS, DELIVERIES, ANNOTATIONS, AUDIT] {
        while within(pools.limits.call, take(pools, table, before.events)).await? == ROWS {}
    }
    Ok(Pruned { polls, events })
}

async fn forgotten(pools: &Pools, first: NaiveDate) -> Result<u64, StoreError> {
    let fault = pools.place.fault(DOING);
    let mut conn = pools.writer(DOING).await?;
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    let polls = forget_days(&mut transaction, first, &pools.place).await?;
    transaction.commit().await.map_err(&fault)?;
    Ok(polls)
}

/// Forgets how many polls the dropped days had; says how many they were. Also those of days whose
/// dropping another run did not live to note.
pub(super) async fn forget_days(
    conn: &mut impl Queryable,
    first: NaiveDate,
    place: &Place,
) -> Result<u64, StoreError> {
    let fault = place.fault(DOING);
    let polls: Option<Option<i64>> = conn
        .exec_first(
            "SELECT CAST(SUM(polls) AS SIGNED) FROM poll_day WHERE day < ? FOR UPDATE",
            (moment::date(first),),
        )
        .await
        .map_err(&fault)?;
    conn.exec_drop("DELETE FROM poll_day WHERE day < ?", (moment::date(first),))
        .await
        .map_err(&fault)?;
    Ok(polls.flatten().map_or(0, i64::unsigned_abs))
}

/// Takes out some rows from before a moment; says how many they were.
async fn take(pools: &Pools, rows: &str, before: WallMs) -> Result<u64, StoreError> {
    let mut conn = pools.writer(DOING).await?;
    conn.exec_drop(rows, vec![moment::datetime(before), Value::UInt(ROWS)])
        .await
        .map_err(pools.place.fault(DOING))?;
    Ok(conn.affected_rows())
}
