//! How the file is: its size and what is in it.

use rusqlite::{Connection, Error};

use super::{
    fault::{fault, location},
    hours, migrate,
};
use crate::{
    store::{StoreError, StoreStatus},
    units::WallMs,
};

/// Hours are packed host by host, each host's from the oldest on.
const PACKED_OLDEST: &str = "SELECT first_ms FROM poll_hour ORDER BY rowid LIMIT 1";
const PACKED_NEWEST: &str = "SELECT last_ms FROM poll_hour ORDER BY rowid DESC LIMIT 1";

/// The earlier of two moments, or the one that there is.
fn first(one: Option<WallMs>, other: Option<WallMs>) -> Option<WallMs> {
    one.into_iter().chain(other).min()
}

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
        let sealed_polls = number("SELECT polls FROM seal WHERE id = 1")?;
        let sealed_bytes = number("SELECT bytes FROM seal WHERE id = 1")?;
        let oldest = moment("SELECT slot_ms FROM poll ORDER BY rowid LIMIT 1")?;
        let newest = moment("SELECT slot_ms FROM poll ORDER BY rowid DESC LIMIT 1")?;
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
            polls: number("SELECT unsealed + polls FROM seal WHERE id = 1")?,
            events: number("SELECT count(*) FROM event")?,
            oldest_poll: first(moment(PACKED_OLDEST)?, oldest),
            newest_poll: newest.max(moment(PACKED_NEWEST)?),
            sealed_polls,
            sealed_bytes,
            unsealed_bytes: (page * (pragma("page_count")? - pragma("freelist_count")?))
                .saturating_sub(sealed_bytes),
            oldest_unsealed: oldest.map(hours::hour),
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
