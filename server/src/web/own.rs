//! What the server says of itself: health, readiness, metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Site, asked::NothingAsked, failure::Failure, params::RequestParams, who::Scoped};
use crate::metrics::Metrics;

/// Content type of OpenMetrics text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /healthz`: the process lives and its HTTP face answers. Says nothing of its work.
pub(super) async fn healthz(_: RequestParams<NothingAsked>) -> Result<&'static str, Failure> {
    Ok("ok\n")
}

/// `GET /leader`: whether this is the server that polls, for a balancer. Here it is; a standby says that it is not.
pub(super) async fn leader(_: RequestParams<NothingAsked>) -> Result<&'static str, Failure> {
    Ok("in charge\n")
}

/// `GET /readyz`: whether the server does its work, and if not why.
pub(super) async fn readyz(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    _: RequestParams<NothingAsked>,
) -> Result<Response, Failure> {
    let mut readiness = query.readiness(site.clock.now().wall).await;
    readiness.warnings.extend(warnings(&site.metrics));
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(readiness)).into_response())
}

/// What stands in nobody's way but should not be so: who asks, and who does not read.
pub(super) fn warnings(metrics: &Metrics) -> Vec<String> {
    let mut all = Vec::new();
    let unread = roundsman_os::log::dropped();
    if unread > 0 {
        all.push(format!(
            "{unread} log lines were dropped since the start: nobody read standard error"
        ));
    }
    for (face, name) in [("http", "HTTP"), ("grpc", "gRPC")] {
        let refused = metrics.connections(face).refused.get();
        if refused > 0 {
            all.push(format!(
                "{refused} connections for {name} were refused since the start: others, none of them \
                 idle, had all places"
            ));
        }
    }
    all
}

/// `GET /metrics`.
pub(super) async fn metrics(
    State(site): State<Arc<Site>>,
    _: RequestParams<NothingAsked>,
) -> Result<Response, Failure> {
    (site.refresh)(&site.metrics);
    shown(&site.metrics)
}

/// These metrics as they are now.
pub(super) fn shown(metrics: &Metrics) -> Result<Response, Failure> {
    match metrics.encode() {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response()),
        Err(error) => Err(Failure::internal(error.to_string())),
    }
}
