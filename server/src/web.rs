//! The HTTP face: JSON under `/api/v1`, health, own metrics. Thin over `query`.
//!
//! It runs on a thread of its own with its own small runtime, so a slow reader never delays a poll.
//! It must not know SQL, the wire or how a host is polled; it holds no lock across an await.

mod access;
mod alerts;
mod annotations;
mod api;
mod several;
mod asked;
mod assets;
mod audit;
mod backlog;
mod boards;
mod below;
mod body;
mod connections;
mod control;
mod cookie;
mod credential;
mod denials;
mod ended;
mod failure;
mod gate;
mod guest;
mod kept_sessions;
mod kinds;
mod kinds_of_hosts;
mod ledger;
mod listener;
mod losses;
mod openapi;
mod operation;
mod origin;
mod own;
mod params;
mod people;
mod places;
mod prometheus;
mod routes;
mod said;
mod served;
mod session;
mod sign_in;
mod stall;
mod standby;
mod stream;
mod tagged;
mod who;

use std::{fmt, sync::Arc};

use futures_util::{FutureExt as _, future::join_all};
use tokio::sync::mpsc;

pub use access::Access;
pub use backlog::{MAX_MISSED, MAX_MISSED_BYTES};
pub use boards::{BOARD_PATIENCE, BoardSite, MAX_BOARD_BODY_BYTES};
pub use connections::{
    ConnectionLimits, DRAIN, KEEP_ALIVE, KEEP_ALIVE_WAIT, MAX_CONNECTION_LIFE, MAX_CONNECTIONS,
    MAX_HEADER_BYTES, MAX_HEADER_WAIT, MAX_IDLE, MAX_STALL, MAX_STREAMS,
};
pub(crate) use connections::{Face, accept_http2};
pub use control::{Control, MAX_PAUSE, POLL_PATIENCE};
pub(crate) use guest::{Guest, Unwelcome};
pub(crate) use listener::setup as tls_now;
pub use listener::{BoundSocket, Listener};
pub(crate) use places::{ConnectionPermit, TooMany, Watching};
pub use standby::serve_standby;
pub use stream::{BEAT, LINGER, LOOK, Looks, MAX_PAGES, MAX_STREAM_LIFE};

use crate::{
    clock::Clock, config::BasePath, health::Policy, metrics::Metrics, query::Answers,
    reconcile::OperatorOrder,
};

/// The largest request body read, bytes: a silence with all the names that it may have.
pub const MAX_BODY_BYTES: usize = 8192;

/// Copies what is a state of something else (the fleet, the writer) into the gauges; called when
/// somebody reads `/metrics`.
pub type Refresh = Box<dyn Fn(&Metrics) + Send + Sync>;

/// What the routes answer from.
pub struct Site {
    /// The live view and the store, for whoever may see them.
    pub answers: Answers,
    /// The server's metrics of itself.
    pub metrics: Arc<Metrics>,
    /// Called before the metrics are written out.
    pub refresh: Refresh,
    /// The thresholds of health, to say what would change the state of a host that is not live.
    pub policy: Policy,
    /// The clock that `-1h` is counted from.
    pub clock: Arc<dyn Clock>,
    /// Where orders go.
    pub operator: mpsc::Sender<OperatorOrder>,
    /// What requests may change.
    pub control: Control,
    /// The looks at the fleet that pages share.
    pub looks: Looks,
    /// Who may ask.
    pub access: Access,
    /// The boards.
    pub boards: BoardSite,
    /// The path that a proxy has all of it below and passes on.
    pub base_path: BasePath,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").finish_non_exhaustive()
    }
}

/// Answers on `listeners` until `shutdown` ends; then lets answers under way end, for at most
/// [`DRAIN`].
///
/// A connection that cannot be accepted (out of file descriptors) is logged and retried; nothing
/// ends this but `shutdown`.
pub async fn serve(listeners: Vec<Listener>, site: Arc<Site>, shutdown: impl Future<Output = ()>) {
    serve_with(listeners, site, ConnectionLimits::default(), shutdown).await;
}

/// As [`serve`], with limits of one's own for each listener.
pub async fn serve_with(
    listeners: Vec<Listener>,
    site: Arc<Site>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let router = routes::router(Arc::clone(&site));
    let shutdown = shutdown.shared();
    let accepting = listeners.into_iter().map(|listener| {
        let face = Face { name: "HTTP", counted: site.metrics.connections("http") };
        connections::accept_http(listener, router.clone(), limits, face, shutdown.clone())
    });
    tokio::select! {
        _ = join_all(accepting) => {}
        () = Looks::run(site) => {}
    }
}
