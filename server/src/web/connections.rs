//! Bounded connections, HTTP/1.1 for the API and HTTP/2 for gRPC: how many, how long for a header,
//! how long in all.
//!
//! Knows nothing of routes. What a client can make the server hold is a connection, a request
//! header and one answer, each with a limit of its own.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Connections served at once; further ones wait in the kernel's backlog.
pub const MAX_CONNECTIONS: usize = 512;

/// How long a client may take to send a request's header, and may be idle between two requests.
pub const MAX_HEADER_WAIT: Duration = Duration::from_secs(10);

/// How long one connection may last, whatever happens on it: bounds a client that reads an answer
/// byte by byte.
pub const MAX_CONNECTION_LIFE: Duration = Duration::from_secs(120);

/// How long answers under way may take when the server stops.
pub const DRAIN: Duration = Duration::from_secs(2);

/// The longest request header, bytes.
pub const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Calls in flight on one HTTP/2 connection.
pub const MAX_STREAMS: u32 = 256;

/// An HTTP/2 ping goes to a client this often, so that a vanished one is noticed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a client may take to answer that ping.
pub const KEEP_ALIVE_WAIT: Duration = Duration::from_secs(10);

/// How long to wait before the next `accept` when one failed for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of [`super::serve`]; the default is the constants of this module.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections served at once.
    pub connections: usize,
    /// Time for a request's header.
    pub header_wait: Duration,
    /// Time for a whole connection.
    pub life: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            header_wait: MAX_HEADER_WAIT,
            life: MAX_CONNECTION_LIFE,
        }
    }
}

/// Serves `router` over HTTP/1.1 on every connection of `listener` until `shutdown` ends.
pub(super) async fn accept_http1(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        .max_buf_size(usize::try_from(MAX_HEADER_BYTES).unwrap_or(usize::MAX));
    accept(listener, router, builder, limits, shutdown).await;
}

/// As [`accept_http1`], over HTTP/2 alone, without TLS, as gRPC wants it.
pub(crate) async fn accept_http2(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_WAIT);
    accept(listener, router, builder, limits, shutdown).await;
}

async fn accept(
    listener: TcpListener,
    router: Router,
    builder: auto::Builder<TokioExecutor>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let Ok(slot) = slot else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept an HTTP connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small frames of a watch must not wait for one another.
        let _ = stream.set_nodelay(true);
        let watcher = graceful.watcher();
        let (builder, router) = (builder.clone(), router.clone());
        tokio::spawn(async move {
            // hyper bounds the time for a header of HTTP/1.1, and for nothing of HTTP/2.
            let spoke = timeout(limits.header_wait, stream.peek(&mut [0])).await;
            if matches!(spoke, Ok(Ok(1))) {
                let connection = watcher.watch(connect(&builder, stream, router));
                // A client that goes away or talks nonsense is no fault of the server's.
                let _ = timeout(limits.life, connection).await;
            }
            drop(slot);
        });
    }
    drop(listener);
    let _ = timeout(DRAIN, graceful.shutdown()).await;
}

fn connect(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    router: Router,
) -> auto::Connection<'static, TokioIo<TcpStream>, TowerToHyperService<Router>, TokioExecutor> {
    let service = TowerToHyperService::new(router);
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}
