//! How the time of hosts went, of hours in short: the columns of `rollup_hour` that say so, the view over them
//! and what is read of them.

use mysql_async::{Row, Value, prelude::Queryable as _};

use super::{cells::RowReader, moment, pools::Pools};
use crate::{
    model::{HostId, Reckoned, Rollup},
    store::{PeriodSum, PeriodSums, ReckonAsk, StoreError},
};

/// The columns, in the order of [`Reckoned`]. NULL in hours that were made before they were there.
pub(super) const COLUMNS: [(&str, &str); 6] = [
    ("good_ms", "INT UNSIGNED"),
    ("bad_ms", "INT UNSIGNED"),
    ("paused_ms", "INT UNSIGNED"),
    ("rx_bytes", "BIGINT UNSIGNED"),
    ("tx_bytes", "BIGINT UNSIGNED"),
    ("counted_ms", "BIGINT UNSIGNED"),
];

/// All that the sums are made of, so that the wide rows of hours are not read for them.
pub(super) const KEY: [&str; 10] = [
    "host_id",
    "ts",
    "polls",
    "polls_failed",
    COLUMNS[0].0,
    COLUMNS[1].0,
    COLUMNS[2].0,
    COLUMNS[3].0,
    COLUMNS[4].0,
    COLUMNS[5].0,
];

/// Sums of them, and of polls. An hour that does not say how its time went is whole, and as good as its polls.
const SUMS: &str = "CAST(SUM(r.polls) AS SIGNED) AS polls,
  CAST(SUM(r.polls_failed) AS SIGNED) AS polls_failed,
  CAST(SUM(COALESCE(r.good_ms, 3600000 * (r.polls - r.polls_failed) DIV r.polls, 0)) AS SIGNED) AS good_ms,
  CAST(SUM(COALESCE(r.bad_ms, 3600000 - 3600000 * (r.polls - r.polls_failed) DIV r.polls, 0)) AS SIGNED)
    AS bad_ms,
  CAST(SUM(COALESCE(r.paused_ms, 0)) AS SIGNED) AS paused_ms,
  CAST(SUM(r.rx_bytes) AS SIGNED) AS rx_bytes,
  CAST(SUM(r.tx_bytes) AS SIGNED) AS tx_bytes,
  CAST(SUM(COALESCE(r.counted_ms, 0)) AS SIGNED) AS counted_ms";

/// Days in UTC with the host's name.
pub(super) fn host_day() -> String {
    format!(
        "SELECT
  h.name AS host,
  CAST(DATE(r.ts) AS DATETIME) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', DATE(MIN(r.ts))) DIV 1000 AS time_ms,
  h.group_name AS host_group,
  {SUMS}
FROM rollup_hour r JOIN host h ON h.id = r.host_id
GROUP BY r.host_id, h.name, h.group_name, CAST(DATE(r.ts) AS DATETIME)"
    )
}

/// What an hour has in the columns.
pub(super) fn cells(rollup: &Rollup) -> [Value; 6] {
    let Some(of) = rollup.reckoned else { return [const { Value::NULL }; 6] };
    let counted = |bytes| if of.counted_ms > 0 { Value::UInt(bytes) } else { Value::NULL };
    [
        Value::UInt(of.good_ms),
        Value::UInt(of.bad_ms),
        Value::UInt(of.paused_ms),
        counted(of.rx_bytes),
        counted(of.tx_bytes),
        Value::UInt(of.counted_ms),
    ]
}

const READING: &str = "read how the time went";

/// Sums over the hours of hosts, a period at a time: so each reads the partitions of its months alone.
pub(super) async fn read(pools: &Pools, ask: &ReckonAsk) -> Result<PeriodSums, StoreError> {
    let mut sums = PeriodSums::default();
    if ask.hosts.is_empty() {
        return Ok(sums);
    }
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let hosts: Vec<String> = ask.hosts.iter().map(|host| host.0.to_string()).collect();
    let hosts = hosts.join(",");
    let first = format!(
        "SELECT host_id, MIN(ts) FROM rollup_hour WHERE host_id IN ({hosts}) GROUP BY host_id"
    );
    let rows: Vec<Row> = conn.exec(first, ()).await.map_err(place.fault(READING))?;
    for row in rows {
        let cells = RowReader::new(row, place, "the first hour of a host");
        sums.first.push((HostId(cells.required_int(0)?), cells.required_moment(1)?));
    }
    let of_period = format!(
        "SELECT r.host_id, {SUMS} FROM rollup_hour r
         WHERE r.host_id IN ({hosts}) AND r.ts >= ? AND r.ts < ? GROUP BY r.host_id"
    );
    for (period, span) in ask.periods.iter().enumerate() {
        let key = vec![moment::datetime(span.from), moment::datetime(span.to)];
        let rows: Vec<Row> =
            conn.exec(of_period.as_str(), key).await.map_err(place.fault(READING))?;
        for row in rows {
            sums.sums.push(sum(&RowReader::new(row, place, "how the time went"), period)?);
        }
    }
    Ok(sums)
}

fn sum(cells: &RowReader<'_>, period: usize) -> Result<PeriodSum, StoreError> {
    let whole = |at| -> Result<u64, StoreError> { Ok(cells.int(at)?.map_or(0, i64::unsigned_abs)) };
    Ok(PeriodSum {
        host: HostId(cells.required_int(0)?),
        period,
        polls: whole(1)?,
        failed: whole(2)?,
        sum: Reckoned {
            good_ms: whole(3)?,
            bad_ms: whole(4)?,
            paused_ms: whole(5)?,
            rx_bytes: whole(6)?,
            tx_bytes: whole(7)?,
            counted_ms: whole(8)?,
        },
    })
}
