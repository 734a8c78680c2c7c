//! How the database is: its size and what is in it.

use mysql_async::{Conn, Row, prelude::Queryable as _};

use super::{cells::Cells, connect::Doors, migrate};
use crate::store::{StoreError, StoreStatus};

/// The sizes of the tables' files, from where one server, the other, and any user can see them. The
/// last is an estimate that lags behind.
const SIZES: [&str; 3] = [
    "SELECT CAST(COALESCE(SUM(FILE_SIZE), 0) AS SIGNED)
     FROM information_schema.INNODB_SYS_TABLESPACES WHERE NAME LIKE CONCAT(DATABASE(), '/%')",
    "SELECT CAST(COALESCE(SUM(FILE_SIZE), 0) AS SIGNED)
     FROM information_schema.INNODB_TABLESPACES WHERE NAME LIKE CONCAT(DATABASE(), '/%')",
    "SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS SIGNED)
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
];

/// Reads it.
pub(super) async fn read(doors: &Doors) -> Result<StoreStatus, StoreError> {
    let mut conn = doors.reader().await?;
    let row: Option<Row> = conn
        .exec_first(
            "SELECT
               (SELECT COUNT(*) FROM host WHERE retired_at IS NULL),
               (SELECT COUNT(*) FROM host WHERE retired_at IS NOT NULL),
               (SELECT CAST(COALESCE(SUM(polls), 0) AS SIGNED) FROM poll_day),
               (SELECT COUNT(*) FROM event),
               (SELECT MIN(oldest) FROM poll_day),
               (SELECT MAX(newest) FROM poll_day)",
            (),
        )
        .await
        .map_err(doors.place.fault("read its status"))?;
    let row = row.ok_or_else(|| doors.place.corrupt("its status", "there is none".to_owned()))?;
    let cells = Cells::new(row, &doors.place, "its status");
    let count = |column| cells.required_int(column).map(i64::unsigned_abs);
    Ok(StoreStatus {
        backend: "mysql",
        location: doors.place.location.clone(),
        schema: migrate::read(&mut conn, doors).await?,
        bytes: size(&mut conn, doors).await?,
        // A day that is dropped gives its room back.
        free_bytes: 0,
        hosts: count(0)?,
        retired: count(1)?,
        polls: count(2)?,
        events: count(3)?,
        oldest_poll: cells.moment(4)?,
        newest_poll: cells.moment(5)?,
    })
}

async fn size(conn: &mut Conn, doors: &Doors) -> Result<u64, StoreError> {
    let mut seen = Ok(None);
    for sql in SIZES {
        seen = conn.query_first::<i64, _>(sql).await;
        if let Ok(Some(size)) = seen
            && size > 0
        {
            return Ok(size.unsigned_abs());
        }
    }
    seen.map(|_| 0).map_err(doors.place.fault("read its size"))
}
