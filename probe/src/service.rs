//! The probe on the network: `roundsman.v1.Probe`, `grpc.health.v1.Health` and gRPC reflection over
//! HTTP/2.
//!
//! The accept loop is our own, on hyper, for four promises that tonic's server does not make: a cap
//! on connections under which nobody keeps others out, a deadline for the first bytes of a
//! connection, an end of idle ones, and an end to draining. It knows nothing of families or files; [`crate::collect`] does.
//!
//! Everything runs on the caller's runtime, meant to be `current_thread`: an answer is a few hundred
//! microseconds of reading files, for which a thread switch would cost more than it gains.

mod allow;
mod access;
mod guarded;
mod places;
mod watches;
mod call;
mod request;
mod memo;
mod metrics;
mod pieces;
mod dispatch;
mod connection;

use std::{
    collections::VecDeque, future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time,
};
use tracing::{debug, info, warn};

use crate::{clock, collect::Collector};
use connection::Server;
use dispatch::Dispatch;
use places::{Calls, Peer, Places};
use watches::Watches;

pub use access::Access;
pub use allow::Network;
pub use places::PEER_SHARE;
pub use watches::WATCHING_PART;

/// Longest time one answer may collect, whatever the caller's deadline. `--max-collect`.
pub const MAX_COLLECT: Duration = Duration::from_secs(2);

/// Time that calls in flight are given to finish once the probe is told to stop. `--drain`.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Connections held at one time; of one peer a [`PEER_SHARE`]th. One polling server holds one, so
/// sixteen behind one address (NAT, an overlay's gateway) keep theirs, and more take turns: then
/// each connects for each poll.
pub const MAX_CONNECTIONS: usize = 64;

/// Time that a connection waits for a place when all are taken and in calls; then it is closed. A
/// burst of short calls would be refused without it. As many wait as there are places, of one peer as
/// many as its share.
pub const FULL_WAIT: Duration = Duration::from_millis(250);

/// Time after which a connection without a call is closed, whatever else comes over it. A server
/// that polls more seldom connects for each poll.
pub const IDLE: Duration = Duration::from_secs(900);

/// Calls in flight per connection (HTTP/2 SETTINGS_MAX_CONCURRENT_STREAMS).
pub const MAX_STREAMS: u32 = 32;

/// Time a new connection has for its handshake, if it is encrypted, and as long again to say that it speaks
/// HTTP/2. Until it has made a call it gives way to whoever needs its place.
pub const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time a call has until its request is whole; then it fails. Reflection's stream is a request.
pub const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// Time a peer has to take what it is sent: all of one answer, each message of a stream, each write.
/// Then its connection is closed. An answer that is not taken holds no place meanwhile.
pub const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// Largest request that is decoded, bytes: room for hundreds of patterns.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

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
    /// [`IDLE`].
    pub idle: Duration,
    /// [`MAX_STREAMS`].
    pub streams: u32,
    /// [`PREFACE_TIMEOUT`].
    pub preface: Duration,
    /// [`REQUEST_WITHIN`].
    pub request: Duration,
    /// [`TAKEN_WITHIN`].
    pub taken: Duration,
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
            idle: IDLE,
            streams: MAX_STREAMS,
            preface: PREFACE_TIMEOUT,
            request: REQUEST_WITHIN,
            taken: TAKEN_WITHIN,
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

/// Serves everybody who can connect, see [`serve_to`].
///
/// # Errors
/// [`ServeError::Accept`] when the listener breaks.
pub async fn serve(
    listener: TcpListener,
    collector: Arc<Collector>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve_to(Access::default(), listener, collector, limits, shutdown).await
}

/// Serves who may ask until `shutdown` is ready: then accepts nothing more, lets calls in flight finish for at
/// most [`Limits::drain`], and returns with every connection closed.
///
/// # Errors
/// [`ServeError::Accept`] when the listener breaks.
pub async fn serve_to(
    access: Access,
    listener: TcpListener,
    collector: Arc<Collector>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (stop, stopping) = watch::channel(false);
    let dispatch = Dispatch::new(collector, limits, access.clone(), &stopping);
    let watches = Watches::new(limits.connections);
    let server = Server { dispatch, watches, limits, access, stopping };
    let mut door = Door::new(server);
    let mut shutdown = pin!(shutdown);
    loop {
        let first_waits_until = door.waiting.front().map(|(.., until)| *until);
        tokio::select! {
            () = &mut shutdown => break,
            Some(_closed) = door.connections.join_next() => door.let_in_who_waits(),
            () = moment(first_waits_until) => door.decide_on_who_has_waited(),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => door.knock(stream, peer),
                Err(error) if is_the_peers(&error) => debug!(%error, "connection lost in accept"),
                Err(error) if is_scarcity(&error) => {
                    warn!(%error, "cannot accept now, trying again");
                    time::sleep(ACCEPT_PAUSE).await;
                }
                Err(error) => return Err(ServeError::Accept(error)),
            },
        }
    }
    let mut connections = door.connections;
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

/// Where connections come in, or wait to.
struct Door {
    server: Server,
    /// Dropping the set aborts what is in it, so that no connection outlives the service.
    connections: JoinSet<()>,
    places: Places,
    /// The first one waits for longest.
    waiting: VecDeque<(TcpStream, SocketAddr, time::Instant)>,
}

impl Door {
    fn new(server: Server) -> Self {
        let places = Places::new(server.limits.connections);
        Self { server, connections: JoinSet::new(), places, waiting: VecDeque::new() }
    }

    /// A new connection: it gets a place, waits for one, or is closed.
    fn knock(&mut self, stream: TcpStream, address: SocketAddr) {
        if !self.server.access.admits(address.ip()) {
            debug!(%address, "closed: it is in none of the networks that are allowed");
            return;
        }
        let peer = Peer::at(address.ip());
        if self.places.make(peer) {
            self.let_in(stream, address);
        } else {
            let of_peer = self.waiting.iter().filter(|other| Peer::at(other.1.ip()) == peer);
            let may_wait = of_peer.count() < self.places.share()
                && self.waiting.len() < self.server.limits.connections;
            if may_wait {
                let until = time::Instant::from_std(clock::now()) + self.server.limits.full_wait;
                self.waiting.push_back((stream, address, until));
            } else {
                self.places.refused();
            }
        }
        self.tell(address);
    }

    fn let_in(&mut self, stream: TcpStream, address: SocketAddr) {
        let calls = Calls::none_yet();
        let connection = self.server.connection(stream, address, Arc::clone(&calls));
        let task = self.connections.spawn(connection);
        self.places.take(Peer::at(address.ip()), calls, task);
    }

    /// Some place may have become free.
    fn let_in_who_waits(&mut self) {
        let places = &mut self.places;
        let may = self.waiting.iter().position(|other| places.make(Peer::at(other.1.ip())));
        if let Some((stream, address, _)) = may.and_then(|first| self.waiting.remove(first)) {
            self.let_in(stream, address);
        }
    }

    /// The last moment to get a place: one may be idle by now.
    fn decide_on_who_has_waited(&mut self) {
        let Some((stream, address, _)) = self.waiting.pop_front() else { return };
        if self.places.make(Peer::at(address.ip())) {
            self.let_in(stream, address);
        } else {
            self.places.refused();
        }
        self.tell(address);
    }

    fn tell(&mut self, peer: SocketAddr) {
        if let Some((gave_way, refused)) = self.places.news(clock::now()) {
            let (limit, of_one_peer) = (self.server.limits.connections, self.places.share());
            warn!(
                %peer, limit, of_one_peer, gave_way, refused,
                "too many connections: idle ones gave way to new ones, or new ones were closed"
            );
        }
    }
}

/// Until a moment; for ever, when there is none.
async fn moment(until: Option<time::Instant>) {
    match until {
        Some(until) => time::sleep_until(until).await,
        None => std::future::pending().await,
    }
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
