//! The table `pause`: which hosts operators want left alone.

use rusqlite::{Connection, Row, params};

use super::fault::fault;
use crate::{health::Pause, model::HostId, store::StoreError, units::WallMs};

/// Keeps a pause in the place of any other of that host, or forgets it.
pub(super) fn set(
    connection: &Connection,
    host: HostId,
    pause: Option<&Pause>,
) -> Result<(), StoreError> {
    let failed = fault(connection, "keep a pause");
    let done = match pause {
        Some(Pause { since, until, reason }) => connection.execute(
            "INSERT INTO pause (host_id, since_ms, until_ms, reason) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (host_id) DO UPDATE SET since_ms = excluded.since_ms,
               until_ms = excluded.until_ms, reason = excluded.reason",
            params![host.0, since.0, until.map(|until| until.0), &**reason],
        ),
        None => connection.execute("DELETE FROM pause WHERE host_id = ?1", [host.0]),
    };
    done.map(drop).map_err(failed)
}

/// Every pause that is kept.
pub(super) fn read(connection: &Connection) -> Result<Vec<(HostId, Pause)>, StoreError> {
    let failed = fault(connection, "read pauses");
    let from_row = |row: &Row<'_>| {
        let until: Option<i64> = row.get(2)?;
        let pause =
            Pause { since: WallMs(row.get(1)?), until: until.map(WallMs), reason: row.get(3)? };
        Ok((HostId(row.get(0)?), pause))
    };
    connection
        .prepare_cached("SELECT host_id, since_ms, until_ms, reason FROM pause ORDER BY host_id")
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .map_err(failed)
}
