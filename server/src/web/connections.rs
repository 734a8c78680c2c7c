//! Bounded HTTP/1.1 connections: how many, how long for a header, how long in all.
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
pub const MAX_CONNECTIONS: usize = 128;

/// How long a client may take to send a request's header, and may be idle between two requests.
pub const MAX_HEADER_WAIT: Duration = Duration::from_secs(10);

/// How long one connection may last, whatever happens on it: bounds a client that reads an answer
/// byte by byte.
pub const MAX_CONNECTION_LIFE: Duration = Duration::from_secs(120);

/// How long answers under way may take when the server stops.
pub const DRAIN: Duration = Duration::from_secs(2);

/// The longest request header, bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;

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

/// Serves `router` on every connection of `listener` until `shutdown` ends.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        .max_buf_size(MAX_HEADER_BYTES);
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
        let connection = connect(&builder, stream, router.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away or talks nonsense is no fault of the server's.
            let _ = timeout(limits.life, connection).await;
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
