//! Connections: how they are made, what is set on each, how long anything may take.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use tokio::time::timeout;

pub(super) use super::doors::Doors;
use super::{fault::Place, tls};
use crate::{
    config::{MysqlUrl, Secret, TlsMode},
    store::{Owner, StoreError},
};

/// How long things may take. The driver has no limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Getting a connection: a free one of the pool, or TCP, TLS, login and session settings.
    pub connect: Duration,
    /// One transaction, from the connection to the answer.
    pub call: Duration,
    /// One step of the schema, or the making or dropping of a partition.
    pub schema: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(25),
            schema: Duration::from_secs(600),
        }
    }
}

/// Where the database is and how to get in.
#[derive(Debug, Clone)]
pub struct Options {
    /// Servers, user and database.
    pub url: MysqlUrl,
    /// The user's password.
    pub password: Option<Secret>,
    /// Whether the connection is encrypted.
    pub tls: TlsMode,
    /// What the server's certificate is checked against; none: the public authorities.
    pub tls_ca: Option<PathBuf>,
    /// Where the servers' names are looked up; none: as `/etc/resolv.conf` says.
    pub name_servers: Vec<SocketAddr>,
    /// How long things may take.
    pub limits: Limits,
    /// The server that writes, and no other meanwhile; none: whoever likes.
    pub owner: Option<Owner>,
}

/// Connections that write: the writer's, and one for the inventory and retention.
pub(super) const WRITERS: usize = 3;

/// Connections that read: one long history does not hold up the rest.
pub(super) const READERS: usize = 4;

/// An idle connection is closed after so long, and the server is told to close it a little later.
const IDLE: Duration = Duration::from_secs(120);
const SERVER_IDLE_S: usize = 600;

/// A connection is replaced after so long: behind a proxy, the one to the server may have moved.
const LIFE: Duration = Duration::from_secs(3_600);

/// How often the operating system asks whether a silent peer is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The largest packet that is sent, bytes: the default of MariaDB and a quarter of MySQL's.
pub(super) const MAX_PACKET: usize = 16 << 20;

/// Prepared statements kept per connection; there are fewer kinds.
const STATEMENTS: usize = 64;

/// How long a statement waits for a row that another transaction holds, seconds.
const ROW_WAIT_S: u32 = 10;

/// How long the making or dropping of a partition waits for those who use the table, seconds. All
/// who come later wait behind it, so it is short: it is tried again.
const TABLE_WAIT_S: u32 = 10;

/// What both servers understand, on every connection.
pub(super) fn everywhere() -> Vec<String> {
    [
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,\
         NO_ENGINE_SUBSTITUTION'",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        format!("SET SESSION wait_timeout = {SERVER_IDLE_S}"),
        format!("SET SESSION innodb_lock_wait_timeout = {ROW_WAIT_S}"),
        format!("SET SESSION lock_wait_timeout = {TABLE_WAIT_S}"),
    ])
    .collect()
}

/// What one of the servers alone understands. Without `longest` a statement may take its time.
pub(super) fn somewhere(longest: Option<Duration>) -> Vec<String> {
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
    ]
}

pub(super) fn base(options: &Options) -> Result<OptsBuilder, StoreError> {
    let url = &options.url;
    let tls = tls::opts(options)?;
    Ok(OptsBuilder::default()
        .user(Some(url.user.clone()))
        .pass(options.password.as_ref().map(Secret::expose))
        .db_name(Some(url.database.clone()))
        // Else the driver asks for the server's socket and goes there: another host's, or none.
        .prefer_socket(false)
        .tcp_keepalive(Some(KEEP_ALIVE))
        // Else both are asked on each connection.
        .wait_timeout(Some(SERVER_IDLE_S))
        .max_allowed_packet(Some(MAX_PACKET))
        .stmt_cache_size(STATEMENTS)
        .ssl_opts(tls))
}

pub(super) fn pool(base: &OptsBuilder, session: Vec<String>, most: usize) -> Pool {
    let limits = PoolConstraints::new(0, most).unwrap_or_default();
    let pool = PoolOpts::default()
        .with_constraints(limits)
        .with_inactive_connection_ttl(IDLE)
        .with_abs_conn_ttl(Some(LIFE))
        // A reset forgets the session's settings and prepared statements. What is open when a
        // connection comes back is rolled back all the same.
        .with_reset_connection(false);
    Pool::new(base.clone().init(session).pool_opts(pool))
}

pub(super) async fn connect(
    opts: Opts,
    place: &Place,
    after: Duration,
) -> Result<Conn, StoreError> {
    let connecting = async { Conn::new(opts).await.map_err(|error| place.unreachable(error)) };
    within(after, connecting).await
}

/// The answer of `work`, or that there was none in time. What was begun is dropped with its
/// connection.
pub(super) async fn within<T>(
    after: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(after, work).await.unwrap_or(Err(StoreError::Timeout { after }))
}
