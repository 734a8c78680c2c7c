//! How the time of hosts went, of hours in short: the columns of `rollup_hour` that say so, the view over them
//! and what is read of them.

use rusqlite::{Connection, Row, params};

use super::fault::fault;
use crate::{
    model::{HostId, Reckoned, Rollup},
    store::{PeriodSum, PeriodSums, ReckonAsk, StoreError, row},
    units::WallMs,
};

/// The columns, in the order of [`Reckoned`]. NULL in hours that were made before they were there.
pub(super) const COLUMNS: [&str; 6] =
    ["good_ms", "bad_ms", "paused_ms", "rx_bytes", "tx_bytes", "counted_ms"];

/// Sums of them, and of polls. An hour that does not say how its time went is whole, and as good as its polls.
const SUMS: &str = "sum(r.polls) AS polls,
  sum(r.polls_failed) AS polls_failed,
  sum(coalesce(r.good_ms, 3600000 * (r.polls - r.polls_failed) / r.polls, 0)) AS good_ms,
  sum(coalesce(r.bad_ms, 3600000 - 3600000 * (r.polls - r.polls_failed) / r.polls, 0)) AS bad_ms,
  sum(coalesce(r.paused_ms, 0)) AS paused_ms,
  sum(r.rx_bytes) AS rx_bytes,
  sum(r.tx_bytes) AS tx_bytes,
  sum(coalesce(r.counted_ms, 0)) AS counted_ms";

/// All that the sums are made of, so that the wide rows of hours are not read for them.
pub(super) fn index() -> String {
    format!(
        "CREATE INDEX IF NOT EXISTS rollup_hour_reckoned ON rollup_hour (
  host_id, hour_ms, polls, polls_failed, {}
)",
        COLUMNS.join(", ")
    )
}

/// Days in UTC with the host's name.
pub(super) fn host_day() -> String {
    format!(
        "SELECT
  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.hour_ms / 86400000 * 86400.0, 'unixepoch') AS time,
  r.hour_ms / 86400000 * 86400000 AS time_ms,
  h.group_name AS host_group,
  {SUMS}
FROM rollup_hour r JOIN host h ON h.id = r.host_id
GROUP BY r.host_id, r.hour_ms / 86400000"
    )
}

/// What an hour has in the columns.
pub(super) fn cells(rollup: &Rollup) -> [Option<i64>; 6] {
    let Some(of) = rollup.reckoned else { return [None; 6] };
    let counted = |bytes| (of.counted_ms > 0).then(|| row::signed(bytes));
    let whole = |ms| Some(row::signed(ms));
    [
        whole(of.good_ms),
        whole(of.bad_ms),
        whole(of.paused_ms),
        counted(of.rx_bytes),
        counted(of.tx_bytes),
        whole(of.counted_ms),
    ]
}

/// Sums over the hours of hosts, a period at a time.
pub(super) fn read(connection: &Connection, ask: &ReckonAsk) -> Result<PeriodSums, StoreError> {
    let failed = fault(connection, "read how the time went");
    // One moment's view of all.
    let look = connection.unchecked_transaction().map_err(&failed)?;
    try_read(&look, ask).map_err(&failed)
}

fn try_read(connection: &Connection, ask: &ReckonAsk) -> Result<PeriodSums, rusqlite::Error> {
    let mut sums = PeriodSums::default();
    let of_host = format!(
        "SELECT {SUMS} FROM rollup_hour r INDEXED BY rollup_hour_reckoned
         WHERE r.host_id = ?1 AND r.hour_ms >= ?2 AND r.hour_ms < ?3 HAVING count(*) > 0"
    );
    let mut of_host = connection.prepare(&of_host)?;
    let mut first =
        connection.prepare("SELECT min(hour_ms) FROM rollup_hour WHERE host_id = ?1")?;
    for host in ask.hosts.iter().copied() {
        if let Some(hour) = first.query_row([host.0], |row| row.get(0))? {
            sums.first.push((host, WallMs(hour)));
        }
        for (period, span) in ask.periods.iter().enumerate() {
            let key = params![host.0, span.from.0, span.to.0];
            let found = of_host.query_map(key, |row| sum(row, host, period))?;
            for sum in found {
                sums.sums.push(sum?);
            }
        }
    }
    Ok(sums)
}

fn sum(row: &Row<'_>, host: HostId, period: usize) -> Result<PeriodSum, rusqlite::Error> {
    let whole = |at| -> Result<u64, rusqlite::Error> {
        Ok(row.get::<_, Option<i64>>(at)?.map_or(0, i64::unsigned_abs))
    };
    Ok(PeriodSum {
        host,
        period,
        polls: whole(0)?,
        failed: whole(1)?,
        sum: Reckoned {
            good_ms: whole(2)?,
            bad_ms: whole(3)?,
            paused_ms: whole(4)?,
            rx_bytes: whole(5)?,
            tx_bytes: whole(6)?,
            counted_ms: whole(7)?,
        },
    })
}
