//! What is set on each connection. Nothing that the statements rely on is left to the server's
//! configuration, nor to its `init_connect`, which runs before.

use std::time::Duration;

use mysql_async::{Conn, Error, prelude::Queryable as _};

use super::fault::{self, Place, STATEMENTS_LOGGED};
use crate::store::{Mode, StoreError};

/// The server closes an idle connection after so long.
pub(super) const SERVER_IDLE_S: usize = 600;

/// How long a statement waits for a row that another transaction holds, seconds.
const ROW_WAIT_S: u32 = 10;

/// How long the making or dropping of a partition waits for those who use the table, seconds. All
/// who come later wait behind it, so it is short: it is tried again.
const TABLE_WAIT_S: u32 = 10;

/// How long the server waits for the rest of a statement, and for us to take an answer, seconds: the
/// defaults of both servers, longer than a call may take.
const READ_WAIT_S: u32 = 30;
const WRITE_WAIT_S: u32 = 60;

/// The largest packet that is sent, bytes: the default of MariaDB and a quarter of MySQL's. A server
/// that takes less says so.
pub(super) const MAX_PACKET: usize = 16 << 20;

/// What both servers understand, on every connection, and any user may set. The driver sends them last
/// to first, so none may need another one before it.
fn everywhere(mode: Mode) -> Vec<String> {
    let access = match mode {
        Mode::ReadWrite => "READ WRITE",
        Mode::ReadOnly => "READ ONLY",
    };
    let variables = [
        ("time_zone", "'+00:00'".to_owned()),
        (
            "sql_mode",
            "'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,\
             NO_ENGINE_SUBSTITUTION'"
                .to_owned(),
        ),
        // What was answered is kept, and a COMMIT ends a transaction and begins none.
        ("autocommit", "1".to_owned()),
        ("completion_type", "0".to_owned()),
        // IS NULL means what it says; every statement runs, and answers with all of its rows.
        ("sql_auto_is_null", "0".to_owned()),
        ("sql_safe_updates", "0".to_owned()),
        ("sql_big_selects", "1".to_owned()),
        ("sql_select_limit", u64::MAX.to_string()),
        // Two rows of one key are refused, whole names are compared when rows are put in order, and a
        // mean of whole numbers has its fraction.
        ("unique_checks", "1".to_owned()),
        ("max_sort_length", "1024".to_owned()),
        ("div_precision_increment", "4".to_owned()),
        // Conditions are pushed into the views.
        ("optimizer_switch", "'default'".to_owned()),
        ("net_read_timeout", READ_WAIT_S.to_string()),
        ("net_write_timeout", WRITE_WAIT_S.to_string()),
        ("wait_timeout", SERVER_IDLE_S.to_string()),
        ("innodb_lock_wait_timeout", ROW_WAIT_S.to_string()),
        ("lock_wait_timeout", TABLE_WAIT_S.to_string()),
    ];
    let set: Vec<_> = variables.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    vec![
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin".to_owned(),
        format!("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, {access}"),
        format!("SET SESSION {}", set.join(", ")),
    ]
}

/// What one of the servers alone understands. Without `longest` a statement may take its time.
fn somewhere(longest: Option<Duration>) -> Vec<String> {
    let ms = longest.map_or(0, |longest| longest.as_millis());
    vec![
        // MariaDB turns an IN list of 1,000 constants into a subquery and reads the whole table.
        "SET SESSION in_predicate_conversion_threshold = 0".to_owned(),
        // A query that nobody waits for any longer ends: MariaDB's limit is of all statements, in
        // seconds; MySQL's of SELECT alone, in milliseconds.
        format!("SET SESSION max_statement_time = {}.{:03}", ms / 1_000, ms % 1_000),
        format!("SET SESSION max_execution_time = {ms}"),
        // MySQL remembers sizes of tables for a day.
        "SET SESSION information_schema_stats_expiry = 0".to_owned(),
        // MariaDB can be told to keep what a table's CHECK refuses, to change tables in one way
        // alone, and to be like an older one.
        "SET SESSION check_constraint_checks = 1".to_owned(),
        "SET SESSION alter_algorithm = 'DEFAULT'".to_owned(),
        "SET SESSION old_mode = ''".to_owned(),
    ]
}

/// What is set on each connection, and what was found out for it.
#[derive(Debug)]
pub(super) struct Session {
    /// Where a statement has a limit.
    pub(super) limited: Vec<String>,
    /// Where it has none.
    pub(super) unlimited: Vec<String>,
    /// The largest packet that may be sent, bytes.
    pub(super) packet: usize,
}

impl Session {
    /// Finds out which settings the server knows. Afterwards `conn` has them, of those that are not
    /// known to both servers, and is to be closed.
    ///
    /// # Errors
    /// [`StoreError::Obstructed`] where rows are to be kept and cannot be.
    pub(super) async fn find(
        conn: &mut Conn,
        place: &Place,
        longest: Duration,
        mode: Mode,
    ) -> Result<Self, StoreError> {
        let fault = place.fault("set up the connection");
        for setting in everywhere(mode) {
            conn.query_drop(setting).await.map_err(&fault)?;
        }
        let (mut limited, mut unlimited) = (everywhere(mode), everywhere(mode));
        for (limit, free) in somewhere(Some(longest)).into_iter().zip(somewhere(None)) {
            match conn.query_drop(&limit).await {
                Ok(()) => {
                    limited.push(limit);
                    unlimited.push(free);
                }
                Err(error) if fault::is_unknown_variable(&error) => {}
                Err(error) => return Err(fault(error)),
            }
        }
        if logs_statements(conn).await.map_err(&fault)? {
            // Nothing that is read committed goes into such a log, and statements like ours have
            // another effect on a replica than here.
            let rows = "SET SESSION binlog_format = ROW".to_owned();
            match conn.query_drop(&rows).await {
                Ok(()) => {
                    limited.push(rows.clone());
                    unlimited.push(rows);
                }
                Err(error) if fault::is_not_privileged(&error) => match mode {
                    Mode::ReadWrite => return Err(place.obstructed(STATEMENTS_LOGGED, Some(error))),
                    Mode::ReadOnly => {}
                },
                Err(error) => return Err(fault(error)),
            }
        }
        let packet: Option<usize> =
            conn.query_first("SELECT @@max_allowed_packet").await.map_err(&fault)?;
        Ok(Self { limited, unlimited, packet: packet.unwrap_or(MAX_PACKET).min(MAX_PACKET) })
    }
}

/// Whether what this connection changes goes into a log of statements.
async fn logs_statements(conn: &mut Conn) -> Result<bool, Error> {
    let sql = "SELECT @@log_bin = 1 AND @@binlog_format = 'STATEMENT'";
    match conn.query_first(sql).await {
        Ok(found) => Ok(found.unwrap_or(false)),
        // A server that has no such choice writes rows.
        Err(error) if fault::is_unknown_variable(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Why a server that writes to this database could keep nothing in it; none when it could.
pub(super) async fn obstacle(
    conn: &mut Conn,
    place: &Place,
) -> Result<Option<&'static str>, StoreError> {
    let found = logs_statements(conn).await.map_err(place.fault("look at its log"))?;
    Ok(found.then_some(STATEMENTS_LOGGED))
}
