//! What the server says of itself: health, readiness, metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Site, failure::Failure, params::Params};

/// Content type of OpenMetrics text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /healthz`: the process lives and its HTTP face answers. Says nothing of its work.
pub(super) async fn healthz(params: Params) -> Result<&'static str, Failure> {
    params.finish()?;
    Ok("ok\n")
}

/// `GET /readyz`: whether the server does its work, and if not why.
pub(super) async fn readyz(
    State(site): State<Arc<Site>>,
    params: Params,
) -> Result<Response, Failure> {
    params.finish()?;
    let readiness = site.query.readiness(site.clock.now().wall).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(readiness)).into_response())
}

/// `GET /metrics`.
pub(super) async fn metrics(
    State(site): State<Arc<Site>>,
    params: Params,
) -> Result<Response, Failure> {
    params.finish()?;
    (site.refresh)(&site.metrics);
    Ok(match site.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => return Err(Failure::internal(error.to_string())),
    })
}
