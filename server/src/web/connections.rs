//! Bounded connections, HTTP/1.1 for the API and HTTP/2 for gRPC: how many (`places`), how long for a
//! header, how long idle, how long in all, how long without a reader.
//!
//! Knows nothing of routes. What a client can make the server hold is a connection, a request
//! header and one answer, each with a limit of its own.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use roundsman_pki::server::Server;
use tokio::{
    sync::{mpsc, watch},
    time::{Sleep, sleep, timeout},
};

use super::{
    listener::{Listener, PeerAddress, Socket, greet},
    places::{ConnectionPermit, ConnectionState, PeerNetwork, Places},
    served::{Asked, answer},
    stall::{StallTimeout, Untaken},
};
use crate::metrics::Connections;

/// Connections served at once; for a further one the one that has been idle longest gives way. Twice
/// as many as there are pages at most, so that pages do not take the API's.
pub const MAX_CONNECTIONS: usize = 512;

/// How long a client may take to send a request's header, and may be idle between two requests.
pub const MAX_HEADER_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may be idle. Pings and single bytes are no requests.
pub const MAX_IDLE: Duration = Duration::from_secs(10);

/// How long one connection may last, whatever happens on it: bounds a client that reads an answer
/// byte by byte.
pub const MAX_CONNECTION_LIFE: Duration = Duration::from_secs(120);

/// How long a client may take nothing of what is being sent to it.
pub const MAX_STALL: Duration = Duration::from_secs(15);

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

/// How often it is said that there are too many connections.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// How long to wait before the next `accept` when one failed for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of [`super::serve`]; the default is the constants of this module.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections served at once.
    pub connections: usize,
    /// Time for a request's header.
    pub header_wait: Duration,
    /// Time without a request.
    pub idle: Duration,
    /// Time for a whole connection.
    pub life: Duration,
    /// Time in which a client may take nothing of what is being sent.
    pub stall: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            header_wait: MAX_HEADER_WAIT,
            idle: MAX_IDLE,
            life: MAX_CONNECTION_LIFE,
            stall: MAX_STALL,
        }
    }
}

/// What is served, as messages and metrics call it.
pub(crate) struct Face {
    pub(crate) name: &'static str,
    pub(crate) counted: Connections,
}

/// Serves `router` on every connection of `listener` until `shutdown` ends: over HTTP/1.1, and with TLS over
/// HTTP/2, too.
pub(super) async fn accept_http(
    listener: Listener,
    router: Router,
    limits: ConnectionLimits,
    face: Face,
    shutdown: impl Future<Output = ()>,
) {
    let mut builder = builder();
    if listener.tls().is_none() {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        .max_buf_size(usize::try_from(MAX_HEADER_BYTES).unwrap_or(usize::MAX));
    accept(listener, router, builder, limits, face, shutdown).await;
}

/// As [`accept_http`], over HTTP/2 alone, as gRPC wants it.
pub(crate) async fn accept_http2(
    listener: Listener,
    router: Router,
    limits: ConnectionLimits,
    face: Face,
    shutdown: impl Future<Output = ()>,
) {
    accept(listener, router, builder().http2_only(), limits, face, shutdown).await;
}

/// With what holds for HTTP/2.
fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_WAIT);
    builder
}

async fn accept(
    listener: Listener,
    router: Router,
    builder: auto::Builder<TokioExecutor>,
    limits: ConnectionLimits,
    face: Face,
    shutdown: impl Future<Output = ()>,
) {
    let places = Places::new(limits.connections, face.counted);
    let (stop, stopped) = watch::channel(());
    // Every connection holds one; the last one gone is the end of draining.
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let mut crowd = Crowd::new(face.name, Arc::clone(&places));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
            () = crowd.say_again() => continue,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection for {}", face.name);
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = places.take(peer.network());
        crowd.see(peer.network());
        let Some(place) = place else { continue };
        let serving = Serving {
            place: Arc::new(place),
            peer,
            tls: listener.tls(),
            router: router.clone(),
            builder: builder.clone(),
            limits,
        };
        let (stopped, open) = (stopped.clone(), open.clone());
        tokio::spawn(async move {
            serving.serve(socket, stopped).await;
            drop(open);
        });
    }
    drop((listener, stop, open));
    let _ = timeout(DRAIN, all_closed.recv()).await;
}

/// What one connection is served with.
struct Serving {
    place: Arc<ConnectionPermit>,
    peer: PeerAddress,
    tls: Option<Arc<Server>>,
    router: Router,
    builder: auto::Builder<TokioExecutor>,
    limits: ConnectionLimits,
}

impl Serving {
    async fn serve(self, socket: Socket, mut stopped: watch::Receiver<()>) {
        let Self { place, peer, tls, router, builder, limits } = self;
        let is_encrypted = tls.is_some();
        // hyper bounds the time for a header of HTTP/1.1, and for nothing of HTTP/2.
        let greeting = greet(socket, tls, |socket| StallTimeout::new(socket, limits.stall));
        let greeted = tokio::select! {
            greeted = timeout(limits.header_wait, greeting) => greeted,
            () = displaced(&place) => return,
            _ = stopped.changed() => return,
        };
        let Ok(Some(wire)) = greeted else { return };
        let untaken = Arc::new(Untaken::default());
        let service = {
            let (place, untaken) = (Arc::clone(&place), Arc::clone(&untaken));
            service_fn(move |request| {
                let (place, untaken) = (Arc::clone(&place), Arc::clone(&untaken));
                let body_wait = limits.header_wait;
                let asked = Asked { request, peer, is_encrypted, body_wait };
                answer(place, untaken, router.clone(), asked)
            })
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(wire), service));
        // A client that goes away or talks nonsense is no fault of the server's.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = sleep(limits.life) => return,
            () = untaken.lasts(limits.stall) => return,
            last = idle(&place, limits.idle) => if last == ConnectionState::Displaced { return },
            _ = stopped.changed() => {}
        }
        // It ends with the answers under way; one that has none may be deaf.
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits.life.min(DRAIN), connection).await;
    }
}

/// Ends when the place has been given to another connection.
async fn displaced(place: &ConnectionPermit) {
    while place.now() != ConnectionState::Displaced {
        place.changed().await;
    }
}

/// Ends when nothing has been answered for `most`, or when the place has been given to another
/// connection, and says which.
async fn idle(place: &ConnectionPermit, most: Duration) -> ConnectionState {
    loop {
        let now = place.now();
        tokio::select! {
            () = sleep(most), if now == ConnectionState::Idle => return now,
            () = place.changed(), if now != ConnectionState::Displaced => {}
            else => return now,
        }
    }
}

/// Says when connections find no place, at once and then every [`SAY_EVERY`] while it goes on.
struct Crowd {
    face: &'static str,
    places: Arc<Places>,
    /// What was said.
    told: (u64, u64),
    last: Option<PeerNetwork>,
    quiet: Option<Pin<Box<Sleep>>>,
}

impl Crowd {
    fn new(face: &'static str, places: Arc<Places>) -> Self {
        Self { face, places, told: (0, 0), last: None, quiet: None }
    }

    /// `peer` has come, whatever it found.
    fn see(&mut self, peer: PeerNetwork) {
        if self.places.turned_away() == self.told {
            return;
        }
        self.last = Some(peer);
        if self.quiet.is_none() {
            self.say();
        }
    }

    fn say(&mut self) {
        let (refused, displaced) = self.places.turned_away();
        let (refused_before, displaced_before) = self.told;
        let last = self.last.take().map(tracing::field::display);
        tracing::warn!(
            refused = refused - refused_before,
            displaced = displaced - displaced_before,
            last,
            "too many connections for {}: idle ones gave way, others were refused",
            self.face
        );
        self.told = (refused, displaced);
        self.quiet = Some(Box::pin(sleep(SAY_EVERY)));
    }

    /// Ends when it was said long enough ago, and says it again if there is reason to.
    async fn say_again(&mut self) {
        match &mut self.quiet {
            Some(quiet) => quiet.as_mut().await,
            None => std::future::pending().await,
        }
        self.quiet = None;
        if self.last.is_some() {
            self.say();
        }
    }
}
