//! How the database is: its size and what is in it.

use mysql_async::{Conn, Params, Row, prelude::Queryable as _};

use super::{
    cells::RowReader,
    migrate, moment,
    partitions::{self, PartitionedTable},
    pools::Pools,
    release::Release,
};
use crate::store::{DatabaseSettings, PartitionStatus, StoreError, StoreStatus};

/// Switches of the optimizer by which conditions on a view reach the tables under it: MySQL's and
/// MariaDB's.
const PUSHDOWN: [&str; 2] = ["derived_condition_pushdown", "condition_pushdown_for_derived"];

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

/// The same of one table, whose partitions each have a file.
const TABLE_SIZES: [&str; 3] = [
    "SELECT CAST(COALESCE(SUM(FILE_SIZE), 0) AS SIGNED)
     FROM information_schema.INNODB_SYS_TABLESPACES
     WHERE NAME LIKE CONCAT(DATABASE(), '/', ?, '#P#%')",
    "SELECT CAST(COALESCE(SUM(FILE_SIZE), 0) AS SIGNED)
     FROM information_schema.INNODB_TABLESPACES
     WHERE NAME LIKE CONCAT(DATABASE(), '/', ?, '#p#%')",
    "SELECT CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS SIGNED)
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
];

/// Reads it.
pub(super) async fn read(pools: &Pools) -> Result<StoreStatus, StoreError> {
    let mut conn = pools.reader().await?;
    let row: Option<Row> = conn
        .exec_first(
            "SELECT
               (SELECT COUNT(*) FROM host WHERE retired_at IS NULL),
               (SELECT COUNT(*) FROM host WHERE retired_at IS NOT NULL),
               (SELECT CAST(COALESCE(SUM(polls), 0) AS SIGNED) FROM poll_day),
               (SELECT COUNT(*) FROM event),
               (SELECT MIN(oldest) FROM poll_day),
               (SELECT MAX(newest) FROM poll_day),
               (SELECT CAST(COALESCE(SUM(sealed_polls), 0) AS SIGNED) FROM poll_day),
               (SELECT MIN(GREATEST(d.oldest, s.sealed_before)) FROM poll_day d JOIN seal s
                WHERE s.id = 1 AND d.newest >= s.sealed_before),
               VERSION(), UTC_TIMESTAMP(3)",
            (),
        )
        .await
        .map_err(pools.place.fault("read its status"))?;
    let row = row.ok_or_else(|| pools.place.corrupt("its status", "there is none".to_owned()))?;
    let cells = RowReader::new(row, &pools.place, "its status");
    let count = |column| cells.required_int(column).map(i64::unsigned_abs);
    Ok(StoreStatus {
        backend: "mysql",
        location: pools.location(),
        server: cells.required_text(8)?.to_owned(),
        clock: cells.moment(9)?,
        settings: Some(settings(&mut conn, pools).await?),
        partitions: partitions_of(&mut conn, pools).await?,
        schema: migrate::read(&mut conn, pools).await?,
        bytes: bytes(&mut conn, pools).await?,
        unsealed_bytes: size(&mut conn, &TABLE_SIZES, ("poll",).into(), pools).await?,
        sealed_bytes: size(&mut conn, &TABLE_SIZES, ("poll_hour",).into(), pools).await?,
        // A day that is dropped gives its room back.
        free_bytes: 0,
        hosts: count(0)?,
        retired: count(1)?,
        polls: count(2)?,
        events: count(3)?,
        oldest_poll: cells.moment(4)?,
        newest_poll: cells.moment(5)?,
        sealed_polls: count(6)?,
        oldest_unsealed: cells.moment(7)?.map(moment::hour),
    })
}

/// Says in the log that the server is too old, where it is.
pub(super) async fn warn_of_age(pools: &Pools) -> Result<(), StoreError> {
    let mut conn = pools.reader().await?;
    let version: Option<String> = conn
        .query_first("SELECT VERSION()")
        .await
        .map_err(pools.place.fault("read its version"))?;
    let version = version.unwrap_or_default();
    if let Some(release) = Release::of(&version).filter(|release| release.is_too_old()) {
        tracing::warn!(
            database = pools.place.location,
            version,
            needed = release.oldest(),
            "the database server is too old: its views fail, or read all history: upgrade it"
        );
    }
    Ok(())
}

/// How the server is set, for whoever connects; what it does not know it does not tell.
async fn settings(conn: &mut Conn, pools: &Pools) -> Result<DatabaseSettings, StoreError> {
    let known: Vec<(String, String)> = conn
        .query(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN
             ('optimizer_switch', 'log_bin', 'binlog_expire_logs_seconds')",
        )
        .await
        .map_err(pools.place.fault("read its settings"))?;
    let value =
        |name: &str| known.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let switch = |(name, value): (&str, &str)| {
        let name = PUSHDOWN.into_iter().find(|known| *known == name)?;
        (value == "off").then_some(name)
    };
    Ok(DatabaseSettings {
        pushdown_off: value("optimizer_switch")
            .and_then(|all| all.split(',').filter_map(|one| one.split_once('=')).find_map(switch)),
        binlog_kept_s: value("log_bin")
            .filter(|on| *on == "ON")
            .and_then(|_| value("binlog_expire_logs_seconds")?.parse().ok()),
    })
}

/// The partitions of each table that retention drops.
async fn partitions_of(conn: &mut Conn, pools: &Pools) -> Result<Vec<PartitionStatus>, StoreError> {
    let mut all = Vec::new();
    for table in [PartitionedTable::Poll, PartitionedTable::PollHour] {
        let found = partitions::list(conn, table, &pools.place).await?;
        let until = found.last().and_then(|last| moment::begin(last.end));
        all.push(PartitionStatus { table: table.name(), count: found.len(), until });
    }
    Ok(all)
}

/// Room that the database takes, bytes.
pub(super) async fn bytes(conn: &mut Conn, pools: &Pools) -> Result<u64, StoreError> {
    size(conn, &SIZES, Params::Empty, pools).await
}

/// What the first of the statements that tells a size says.
async fn size(
    conn: &mut Conn,
    statements: &[&'static str],
    params: Params,
    pools: &Pools,
) -> Result<u64, StoreError> {
    let mut seen = Ok(None);
    for sql in statements {
        seen = conn.exec_first::<i64, _, _>(*sql, params.clone()).await;
        if let Ok(Some(size)) = seen
            && size > 0
        {
            return Ok(size.unsigned_abs());
        }
    }
    seen.map(|_| 0).map_err(pools.place.fault("read its size"))
}
