//! One connection from its first byte to its end, and what ends it.

use std::{
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{net::TcpStream, sync::watch, time};
use tracing::debug;

use super::{
    Limits,
    access::Access,
    dispatch::{Counted, Dispatch},
    guarded::Guarded,
    places::{Calls, Peer},
    watches::Watches,
};
use crate::clock;

/// Largest set of HTTP/2 headers of a call, bytes.
const MAX_HEADER_BYTES: u32 = 8 * 1024;

/// An HTTP/2 ping goes to a peer that was silent for this long, so that a vanished one is noticed.
/// Longer than any sensible interval between polls, so that a polled probe sleeps between calls.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(120);

/// Time the peer has to answer that ping before its connection is closed.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// What every connection is served with.
pub(super) struct Server {
    pub(super) dispatch: Dispatch,
    pub(super) watches: Arc<Watches>,
    pub(super) limits: Limits,
    pub(super) access: Access,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Server {
    /// One connection from its first byte to its end.
    pub(super) fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        calls: Arc<Calls>,
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
        let stopped = |mut stopping: watch::Receiver<bool>| async move {
            drop(stopping.wait_for(|stopping| *stopping).await);
        };
        let (stopping, access) = (self.stopping.clone(), self.access.clone());
        let Limits { preface, idle, drain, taken, request: request_within, .. } = self.limits;
        let (dispatch, watches) = (self.dispatch.clone(), Arc::clone(&self.watches));
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%peer, %error, "no TCP_NODELAY");
            }
            let greeted = tokio::select! {
                greeted = access.handshake(stream, peer, preface) => greeted,
                () = stopped(stopping.clone()) => return,
            };
            let Some((wire, caller)) = greeted else { return };
            let services = Counted {
                dispatch,
                calls: Arc::clone(&calls),
                watches,
                peer: Peer::at(peer.ip()),
                caller,
                request_within,
            };
            let guarded = TokioIo::new(Guarded::new(wire, preface, taken));
            let mut connection = pin!(builder.serve_connection(guarded, services));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopped(stopping) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = untaken_for(taken, &calls) => {
                    debug!(%peer, ?taken, "closed: it does not take what is answered to it");
                    return;
                }
                () = no_call_for(idle, &calls) => {
                    connection.as_mut().graceful_shutdown();
                    // A call that has come meanwhile is answered; a peer that stays is cut off.
                    time::timeout(drain, connection).await.unwrap_or(Ok(()))
                }
            };
            if let Err(error) = ended {
                debug!(%peer, %error, "connection failed");
            }
        }
    }
}

/// Until a connection had no call for so long.
async fn no_call_for(idle: Duration, calls: &Calls) {
    loop {
        let now = clock::now();
        let since = calls.idle_since();
        let until = since.unwrap_or(now) + idle;
        if since.is_some() && until <= now {
            return;
        }
        time::sleep_until(until.into()).await;
    }
}

/// Until an answer was not taken for so long. No timer runs while answers are: this is looked at
/// whenever the connection's task is woken, and writing the head of an answer wakes it.
async fn untaken_for(most: Duration, calls: &Calls) {
    let mut timer = None;
    std::future::poll_fn(|context| {
        loop {
            let Some(since) = calls.untaken_since() else {
                timer = None;
                return Poll::Pending;
            };
            let until = time::Instant::from_std(since + most);
            let wait = timer.get_or_insert_with(|| Box::pin(time::sleep_until(until)));
            if wait.deadline() != until {
                wait.as_mut().reset(until);
            }
            ready!(wait.as_mut().poll(context));
            if calls.untaken_since() == Some(since) {
                return Poll::Ready(());
            }
        }
    })
    .await;
}
