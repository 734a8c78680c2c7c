//! The probe on the network: `roundsman.v1.Probe`, `grpc.health.v1.Health` and gRPC reflection over
//! HTTP/2.
//!
//! The accept loop is our own, on hyper, for three promises that tonic's server does not make: a cap
//! on connections, a deadline for the first bytes of a connection, and an end to draining. It knows
//! nothing of families or files; [`crate::collect`] does.
//!
//! Everything runs on the caller's runtime, meant to be `current_thread`: an answer is a few hundred
//! microseconds of reading files, for which a thread switch would cost more than it gains.

mod preface;
mod memo;
mod metrics;
mod pieces;
mod dispatch;

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time,
};
use tracing::{debug, info, warn};

use crate::collect::Collector;
use dispatch::Dispatch;
use preface::Guarded;

/// Longest time one answer may collect, whatever the caller's deadline. `--max-collect`.
pub const MAX_COLLECT: Duration = Duration::from_secs(2);

/// Time that calls in flight are given to finish once the probe is told to stop. `--drain`.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Connections held at one time. One polling server holds one; a tenth of this is plenty.
pub const MAX_CONNECTIONS: usize = 64;

/// Time that a connection waits for a place when all are taken; then it is closed. Callers that end
/// are gone from the probe only when it next looks, so that a burst of short calls would be refused
/// without it.
pub const FULL_WAIT: Duration = Duration::from_millis(250);

/// Calls in flight per connection (HTTP/2 SETTINGS_MAX_CONCURRENT_STREAMS).
pub const MAX_STREAMS: u32 = 32;

/// Time a new connection has to say that it speaks HTTP/2.
pub const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest request that is decoded, bytes: room for hundreds of patterns.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Largest set of HTTP/2 headers of a call, bytes.
const MAX_HEADER_BYTES: u32 = 8 * 1024;

/// An HTTP/2 ping goes to a peer that was silent for this long, so that a vanished one is noticed.
/// Longer than any sensible interval between polls, so that a polled probe sleeps between calls.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(120);

/// Time the peer has to answer that ping before its connection is closed.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Rest after an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the service allows. The defaults are the constants of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// [`MAX_COLLECT`].
    pub collect: Duration,
    /// [`DRAIN`].
    pub drain: Duration,
    /// [`MAX_CONNECTIONS`].
    pub connections: usize,
    /// [`FULL_WAIT`].
    pub full_wait: Duration,
    /// [`MAX_STREAMS`].
    pub streams: u32,
    /// [`PREFACE_TIMEOUT`].
    pub preface: Duration,
    /// [`MAX_REQUEST_BYTES`].
    pub request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            collect: MAX_COLLECT,
            drain: DRAIN,
            connections: MAX_CONNECTIONS,
            full_wait: FULL_WAIT,
            streams: MAX_STREAMS,
            preface: PREFACE_TIMEOUT,
            request_bytes: MAX_REQUEST_BYTES,
        }
    }
}

/// The service cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// accept(2) failed in a way that trying again does not mend.
    #[error("cannot accept connections")]
    Accept(#[source] io::Error),
}

/// Serves until `shutdown` is ready: then accepts nothing more, lets calls in flight finish for at
/// most [`Limits::drain`], and returns with every connection closed.
///
/// # Errors
/// [`ServeError::Accept`] when the listener breaks.
pub async fn serve(
    listener: TcpListener,
    collector: Arc<Collector>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (stop, stopping) = watch::channel(false);
    let server = Server { dispatch: Dispatch::new(collector, limits, &stopping), limits, stopping };
    // Dropping the set aborts what is in it, so that no connection outlives this function.
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_closed) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if has_place(&mut connections, limits).await => {
                    connections.spawn(server.connection(stream, peer));
                }
                Ok((_refused, peer)) => {
                    warn!(%peer, limit = limits.connections, "too many connections: closed a new one");
                }
                Err(error) if is_the_peers(&error) => debug!(%error, "connection lost in accept"),
                Err(error) if is_scarcity(&error) => {
                    warn!(%error, "cannot accept now, trying again");
                    time::sleep(ACCEPT_PAUSE).await;
                }
                Err(error) => return Err(ServeError::Accept(error)),
            },
        }
    }
    drop(listener);
    // Sent and dropped: health streams see NOT_SERVING and then their end.
    stop.send_replace(true);
    drop(stop);
    info!(connections = connections.len(), "stopping: finishing calls in flight");
    let drained = async { while connections.join_next().await.is_some() {} };
    if time::timeout(limits.drain, drained).await.is_err() {
        warn!(drain = ?limits.drain, "calls in flight were cut off");
    }
    Ok(())
}

/// Whether there is a place for one more connection, now or within [`Limits::full_wait`].
async fn has_place(connections: &mut JoinSet<()>, limits: Limits) -> bool {
    connections.len() < limits.connections
        || matches!(time::timeout(limits.full_wait, connections.join_next()).await, Ok(Some(_)))
}

/// The connection failed before it was ours; the listener is well.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | TimedOut | WouldBlock
    )
}

/// Too few file descriptors or too little memory, which passes.
fn is_scarcity(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

/// What every connection is served with.
struct Server {
    dispatch: Dispatch,
    limits: Limits,
    stopping: watch::Receiver<bool>,
}

impl Server {
    /// One connection from its first byte to its end.
    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = ()> + Send + 'static {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(MAX_HEADER_BYTES)
            // gRPC has no use for it; an answer holds the time to the nanosecond.
            .auto_date_header(false)
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
        let mut stopping = self.stopping.clone();
        let stopped = async move { drop(stopping.wait_for(|stopping| *stopping).await) };
        let dispatch = self.dispatch.clone();
        let preface = self.limits.preface;
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%peer, %error, "no TCP_NODELAY");
            }
            let guarded = TokioIo::new(Guarded::new(stream, preface));
            let mut connection = pin!(builder.serve_connection(guarded, dispatch));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopped => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%peer, %error, "connection failed");
            }
        }
    }
}
