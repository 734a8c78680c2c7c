//! How the file is: its size and what is in it.

use rusqlite::{Connection, Error};

use super::{
    fault::{fault, location},
    migrate,
};
use crate::{
    store::{StoreError, StoreStatus},
    units::WallMs,
};

/// Reads it.
pub(super) fn read(connection: &Connection) -> Result<StoreStatus, StoreError> {
    let failed = fault(connection, "read its status");
    let pragma = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let number = |sql: &str| number(connection, sql).map(|n| n.unwrap_or(0).unsigned_abs());
    let moment = |sql: &str| self::number(connection, sql).map(|ms| ms.map(WallMs));
    let status = || -> Result<StoreStatus, Error> {
        let page = pragma("page_size")?;
        Ok(StoreStatus {
            backend: "sqlite",
            location: location(connection),
            server: format!("SQLite {}", rusqlite::version()),
            clock: None,
            settings: None,
            partitions: Vec::new(),
            schema: migrate::version(connection)?,
            bytes: page * pragma("page_count")?,
            free_bytes: page * pragma("freelist_count")?,
            hosts: number("SELECT count(*) FROM host WHERE retired_at_ms IS NULL")?,
            retired: number("SELECT count(*) FROM host WHERE retired_at_ms IS NOT NULL")?,
            // Rows are numbered as they come and go from the old end: counting months of them
            // would read the whole index.
            polls: number("SELECT max(rowid) FROM poll")?
                .saturating_sub(number("SELECT min(rowid) - 1 FROM poll")?),
            events: number("SELECT count(*) FROM event")?,
            oldest_poll: moment("SELECT slot_ms FROM poll ORDER BY rowid LIMIT 1")?,
            newest_poll: moment("SELECT slot_ms FROM poll ORDER BY rowid DESC LIMIT 1")?,
            // Plain rows are all there is.
            sealed_polls: 0,
            sealed_bytes: 0,
            unsealed_bytes: page * (pragma("page_count")? - pragma("freelist_count")?),
            oldest_unsealed: None,
        })
    };
    status().map_err(failed)
}

/// One number; none when there is no row or it is NULL.
fn number(connection: &Connection, sql: &str) -> Result<Option<i64>, Error> {
    match connection.query_row(sql, [], |row| row.get(0)) {
        Err(Error::QueryReturnedNoRows) => Ok(None),
        other => other,
    }
}
