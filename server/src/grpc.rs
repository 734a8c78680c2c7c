//! The fleet's health over gRPC: `grpc.health.v1.Health` with `Check`, `Watch` and `List`, so that
//! whatever speaks the standard protocol can ask whether a host is well: a load balancer, an
//! orchestrator, `grpc_health_probe`.
//!
//! | service | SERVING while | else |
//! |---|---|---|
//! | `""` | the engine opens rounds, an inventory is in force, the server is not stopping | NOT_SERVING |
//! | `store` | the store takes rows | NOT_SERVING |
//! | `inventory` | an inventory is in force, and it is what the file says now | NOT_SERVING |
//! | `scheduler` | the cron scheduler opens rounds | NOT_SERVING |
//! | `host/<name>` | the host is up, degraded or suspect | NOT_SERVING: down, paused, retired; UNKNOWN: pending |
//! | `group/<name>` | a host of it answers and none is down | NOT_SERVING: one is down, or all are paused; UNKNOWN: pending hosts alone |
//!
//! A **degraded** host answers and is watched: it serves. A **suspect** host has failed fewer polls
//! than `health.fall`; that threshold is there so that a lost packet tells nobody, so it serves until
//! it is down. A host that is gone from the inventory is not known.
//!
//! It must not know SQL, the probes or how a host is polled: it reads the live view, on the thread of
//! HTTP. Who asks shows a token where there is an access file, but for this machine itself, and sees what that
//! token may: of some groups their names and hosts, and the server itself. It tells names and states alone.

mod board;
mod service;
mod verdict;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use roundsman_proto::{health::health_server::HealthServer, reflection};
use tonic::{Status, service::Routes};

pub use board::{Board, LOOK_AGAIN, StoreTakesRows, WATCH_SPACING};
pub use verdict::{MAX_SERVICE_BYTES, Service};

use self::service::HealthService;
use crate::{
    metrics::Metrics,
    web::{ConnectionLimits, Face, Guest, Listener, Site, Unwelcome, accept_http2},
};

/// Watches at one time, over all connections; further ones are refused with RESOURCE_EXHAUSTED.
pub const MAX_WATCHES: usize = 1024;

/// Connections served at once; for a further one the one that has been idle longest gives way.
pub const MAX_CONNECTIONS: usize = 128;

/// How long a connection may be without a call: longer than most checkers wait between two.
pub const MAX_IDLE: Duration = Duration::from_secs(300);

/// How long one connection may last: a watcher that nobody reads is gone after this at the latest.
/// The protocol has its clients come back.
pub const MAX_CONNECTION_LIFE: Duration = Duration::from_secs(3600);

/// Largest request that is decoded, bytes: more than the longest name of a service.
pub const MAX_REQUEST_BYTES: usize = 1024;

/// What the service allows. The defaults are the constants of this module.
#[derive(Debug, Clone, Copy)]
pub struct GrpcLimits {
    /// [`MAX_WATCHES`].
    pub watches: usize,
    /// Most services in an answer of `List`; more are RESOURCE_EXHAUSTED. `grpc.list_max`.
    pub list: usize,
    /// Whether who asks from this machine shows a token, too: only where a test asks from there.
    pub local_is_asked: bool,
    /// Those of every connection.
    pub connections: ConnectionLimits,
}

impl GrpcLimits {
    /// The defaults, with the setting `grpc.list_max`.
    #[must_use]
    pub fn listing(list: usize) -> Self {
        let connections = ConnectionLimits {
            connections: MAX_CONNECTIONS,
            idle: MAX_IDLE,
            life: MAX_CONNECTION_LIFE,
            ..ConnectionLimits::default()
        };
        Self { watches: MAX_WATCHES, list, local_is_asked: false, connections }
    }
}

/// Whom a call is answered to: who may ask by this site, and whether this machine shows a token, too.
type Door = (Arc<Site>, bool);

/// Lets a call through with who asks, or says what it lacks.
async fn admit(
    State((site, local_is_asked)): State<Door>,
    mut call: Request,
    next: Next,
) -> Response {
    match Guest::of(&site, call.headers(), call.extensions(), local_is_asked) {
        Ok(guest) => {
            call.extensions_mut().insert(guest);
            next.run(call).await
        }
        Err(Unwelcome::Unknown(words)) => Status::unauthenticated(words).into_http(),
        Err(Unwelcome::TooOften(words)) => Status::resource_exhausted(words).into_http(),
    }
}

/// Answers on `listener` whoever may ask by `site`, and without one everybody, until `shutdown` ends; then every
/// watch sees the server's last word and ends, and calls under way get [`crate::web::DRAIN`].
///
/// # Errors
/// None: a connection that cannot be accepted is logged and tried again. When reflection cannot be
/// built the service goes without, and says so.
pub async fn serve(
    listener: Listener,
    board: Arc<Board>,
    limits: GrpcLimits,
    metrics: Arc<Metrics>,
    site: Option<Arc<Site>>,
    shutdown: impl Future<Output = ()>,
) {
    let health = HealthServer::new(HealthService::new(Arc::clone(&board), limits))
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let mut routes = Routes::new(health);
    match reflection::of(&[roundsman_proto::HEALTH_DESCRIPTOR_SET]) {
        Ok(v1) => {
            let v1 = v1.max_decoding_message_size(MAX_REQUEST_BYTES);
            routes = routes.add_service(v1.clone()).add_service(reflection::Older(v1));
        }
        Err(error) => tracing::error!(%error, "gRPC reflection is not served"),
    }
    let mut router = routes.prepare().into_axum_router();
    if let Some(site) = site {
        router = router.layer(from_fn_with_state((site, limits.local_is_asked), admit));
    }
    let pushing = tokio::spawn(Arc::clone(&board).push());
    let stopped = async {
        shutdown.await;
        // The watches end here, or draining would wait for them.
        pushing.abort();
        board.close();
    };
    let face = Face { name: "gRPC", counted: metrics.connections("grpc") };
    accept_http2(listener, router, limits.connections, face, stopped).await;
}
