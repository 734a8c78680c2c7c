//! How much waits in a spool, looked at from outside while a server may be using it. Changes nothing.

use std::path::Path;

use rusqlite::{Connection, Error, OpenFlags};

use super::{
    SpoolStatus,
    file::{ROW_BYTES, failed},
};
use crate::{store::StoreError, units::WallMs};

/// What waits in this file; none when there is no file.
///
/// # Errors
/// [`StoreError`]: it is there and cannot be read.
pub fn peek(path: &Path, max_bytes: u64) -> Result<Option<SpoolStatus>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let look = || -> Result<SpoolStatus, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        let sum = |table: &str| -> Result<(u64, u64), Error> {
            let sql = format!("SELECT count(*), coalesce(sum(length(data)), 0) FROM {table}");
            connection.query_row(&sql, [], |row| {
                Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
            })
        };
        let ((polls, poll_bytes), (others, other_bytes)) = (sum("poll")?, sum("other")?);
        let oldest = connection
            .query_row("SELECT min(slot_ms) FROM poll", [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(SpoolStatus {
            polls,
            others,
            bytes: poll_bytes + other_bytes + (polls + others) * ROW_BYTES,
            max_bytes,
            oldest: oldest.map(WallMs),
        })
    };
    look().map(Some).map_err(failed(path, "look into the spool"))
}
