//! What a server answers that waits to take over from another one.

use std::sync::Arc;

use axum::{
    Json, Router,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt as _, future::join_all};

use super::{
    ConnectionLimits, Listener,
    connections::{Face, accept_http},
    failure::Failure,
    own,
};
use crate::{lease::LEASE, metrics::Metrics, query::Readiness, units::WallMs};

/// When to ask again, seconds.
const RETRY_AFTER: &str = "2";

/// Answers on `listeners` that this server is a standby, until `shutdown` ends: its process lives
/// (`/healthz`), it is not ready (`/readyz`), it polls nothing (`/metrics`), and all else has to be asked of the
/// other one. Nothing of that is a secret, so no token is wanted.
pub async fn serve_standby(
    listeners: Vec<Listener>,
    started: WallMs,
    metrics: Arc<Metrics>,
    shutdown: impl Future<Output = ()>,
) {
    let told = Arc::clone(&metrics);
    let router = Router::new().fallback(move |uri: Uri| {
        let metrics = Arc::clone(&told);
        async move { answer(&uri, started, &metrics) }
    });
    let shutdown = shutdown.shared();
    let accepting = listeners.into_iter().map(|listener| {
        let face = Face { name: "HTTP", counted: metrics.connections("http") };
        let limits = ConnectionLimits::default();
        accept_http(listener, router.clone(), limits, face, shutdown.clone())
    });
    join_all(accepting).await;
}

/// By the end of the path: a proxy may pass on more of it.
fn answer(uri: &Uri, started: WallMs, metrics: &Metrics) -> Response {
    if uri.path().ends_with("/healthz") {
        return "ok\n".into_response();
    }
    if uri.path().ends_with("/metrics") {
        return own::shown(metrics).into_response();
    }
    let words = format!(
        "this server is a standby: another one polls the hosts, and this one takes over when that is \
         stopped or gives no sign of life for {} s",
        LEASE.as_secs()
    );
    let answer = if uri.path().ends_with("/readyz") {
        Json(Readiness::not_ready(words, started)).into_response()
    } else {
        // As every failure: commands show its words.
        Failure::unavailable(words).into_response()
    };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], answer).into_response()
}
