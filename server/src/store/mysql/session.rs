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

/// What a table that a query makes for itself may have in memory, bytes: the default of both servers.
const TEMPORARY: u32 = 16 << 20;

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
        // MariaDB forgets the order of rows where it puts them by first.
        ("sql_buffer_result", "0".to_owned()),
        // Two rows of one key are refused, whole names are compared when rows are put in order, and a
        // mean of whole numbers has its fraction.
        ("unique_checks", "1".to_owned()),
        ("max_sort_length", "1024".to_owned()),
        ("tmp_table_size", TEMPORARY.to_string()),
        ("max_heap_table_size", TEMPORARY.to_string()),
        ("div_precision_increment", "4".to_owned()),
        // Conditions are pushed into the views, and the plan is looked for as usual.
        ("optimizer_switch", "'default'".to_owned()),
        ("optimizer_search_depth", "62".to_owned()),
        ("optimizer_prune_level", "1".to_owned()),
        ("eq_range_index_dive_limit", "200".to_owned()),
        ("max_seeks_for_key", u32::MAX.to_string()),
        ("net_read_timeout", READ_WAIT_S.to_string()),
        ("net_write_timeout", WRITE_WAIT_S.to_string()),
        ("wait_timeout", SERVER_IDLE_S.to_string()),
        ("innodb_lock_wait_timeout", ROW_WAIT_S.to_string()),
        ("lock_wait_timeout", TABLE_WAIT_S.to_string()),
    ];
    let variables = variables.map(|(name, value)| format!("{name} = {value}"));
    vec![
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin".to_owned(),
        format!("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, {access}"),
        set(&variables),
    ]
}

/// What one of the servers alone understands, or some of their releases. Without `longest` a statement may
/// take its time.
fn somewhere(longest: Option<Duration>) -> Vec<String> {
    let ms = longest.map_or(0, |longest| longest.as_millis());
    let variables = [
        // MariaDB turns an IN list of 1,000 constants into a subquery and reads the whole table.
        ("in_predicate_conversion_threshold", "0".to_owned()),
        // A query that nobody waits for any longer ends: MariaDB's limit is of all statements, in
        // seconds; MySQL's of SELECT alone, in milliseconds.
        ("max_statement_time", format!("{}.{:03}", ms / 1_000, ms % 1_000)),
        ("max_execution_time", ms.to_string()),
        // MySQL remembers sizes of tables for a day.
        ("information_schema_stats_expiry", "0".to_owned()),
        // MariaDB can be told to keep what a table's CHECK refuses, and to be like an older one.
        ("check_constraint_checks", "1".to_owned()),
        ("old_mode", "''".to_owned()),
        // A table that is changed by copying it takes the rows of a partition that is dropped into
        // the next one. What a change does not find is an error. All nodes of Galera make it.
        ("alter_algorithm", "'DEFAULT'".to_owned()),
        ("old_alter_table", "0".to_owned()),
        ("sql_if_exists", "0".to_owned()),
        ("wsrep_osu_method", "'TOI'".to_owned()),
        // A node that is not in the majority answers nothing rather than what was.
        ("wsrep_dirty_reads", "0".to_owned()),
        // Rows are sorted and grouped in memory first, for on the disk MySQL has no place for one of all
        // columns; MariaDB then may use all of the disk, and the memory that a statement needs.
        ("big_tables", "0".to_owned()),
        ("tmp_disk_table_size", u64::MAX.to_string()),
        ("max_session_mem_used", i64::MAX.to_string()),
        // A transaction ends with its call.
        ("idle_transaction_timeout", "0".to_owned()),
        ("idle_write_transaction_timeout", "0".to_owned()),
        ("idle_readonly_transaction_timeout", "0".to_owned()),
        // Long lists of hosts are looked up by the index: MariaDB's limits, and MySQL's in bytes.
        ("optimizer_max_sel_args", "16000".to_owned()),
        ("optimizer_max_sel_arg_weight", "32000".to_owned()),
        ("range_optimizer_max_mem_size", "8388608".to_owned()),
    ];
    variables.into_iter().map(|(name, value)| format!("{name} = {value}")).collect()
}

fn set(variables: &[String]) -> String {
    format!("SET SESSION {}", variables.join(", "))
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
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (limit, free) in somewhere(Some(longest)).into_iter().zip(somewhere(None)) {
            match conn.query_drop(set(std::slice::from_ref(&limit))).await {
                Ok(()) => {
                    with.push(limit);
                    without.push(free);
                }
                Err(error) if fault::is_unknown_variable(&error) => {}
                Err(error) => return Err(fault(error)),
            }
        }
        let (mut limited, mut unlimited) = (everywhere(mode), everywhere(mode));
        limited.push(set(&with));
        unlimited.push(set(&without));
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
