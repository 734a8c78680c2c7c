//! Connections: how they are made, what is set on each, how long anything may take.

use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use tokio::time::timeout;

use super::{
    fault::{self, Place},
    options::Options,
    session::{MAX_PACKET, SERVER_IDLE_S},
    tls,
};
use crate::{config::Secret, store::StoreError};

/// Connections that write: the writer's, and one for the inventory and retention.
pub(super) const WRITERS: usize = 3;

/// Connections that read: one long history does not hold up the rest.
pub(super) const READERS: usize = 4;

/// An idle connection is closed after so long; the server closes it later.
const IDLE: Duration = Duration::from_secs(120);

/// A connection is replaced after so long: behind a proxy, the one to the server may have moved.
const LIFE: Duration = Duration::from_secs(3_600);

/// How often the operating system asks whether a silent peer is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Prepared statements kept per connection; there are fewer kinds.
const STATEMENTS: usize = 64;

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

pub(super) fn pool(base: &OptsBuilder, session: &[String], most: usize) -> Pool {
    let limits = PoolConstraints::new(0, most).unwrap_or_default();
    let pool = PoolOpts::default()
        .with_constraints(limits)
        .with_inactive_connection_ttl(IDLE)
        .with_abs_conn_ttl(Some(LIFE))
        // A reset forgets the session's settings and prepared statements. What is open when a
        // connection comes back is rolled back all the same.
        .with_reset_connection(false);
    Pool::new(base.clone().init(session.to_vec()).pool_opts(pool))
}

pub(super) async fn connect(
    opts: Opts,
    place: &Place,
    after: Duration,
) -> Result<Conn, StoreError> {
    within(after, log_in(opts, place)).await
}

/// Logs in. Who is turned away tries once more: the driver takes a challenge's last byte for an end of
/// text where it is 0, and then gives the wrong answer, by `ed25519` once in 256 times. The pools' own
/// connections are asked for twice, too.
pub(super) async fn log_in(opts: Opts, place: &Place) -> Result<Conn, StoreError> {
    let conn = match Conn::new(opts.clone()).await {
        Err(error) if fault::is_denied(&error) => Conn::new(opts).await,
        other => other,
    };
    conn.map_err(|error| place.unreachable(error))
}

/// The answer of `work`, or that there was none in time. What was begun is dropped with its
/// connection.
pub(super) async fn within<T>(
    after: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(after, work).await.unwrap_or(Err(StoreError::Timeout { after }))
}
