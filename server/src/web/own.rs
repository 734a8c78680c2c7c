//! What the server says of itself: the index, health, readiness, metrics.

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

const INDEX: &str = "\
Roundsman

/api/v1/hosts                  every host: state, facts, last poll   ?state &group &text &after &limit
/api/v1/hosts/{name}           one host, with what repeats per core, interface, disk and mount
/api/v1/hosts/{name}/polls     its polls, one row per attempt        ?from &to &limit &order &detail
/api/v1/hosts/{name}/series    its values over time, for charts      ?columns &from &to &points &step &tier
/api/v1/hosts/{name}/events    its changes of state                  ?limit
/api/v1/hosts/{name}/why       why it is in its state: the last attempts step by step, in plain words
/api/v1/hosts/{name}/poll      POST JSON {}: polls it now, or joins the poll under way
/api/v1/hosts/{name}/pause     POST JSON {for, until, reason}: its state is frozen as paused
/api/v1/hosts/{name}/resume    POST JSON {}: ends such a pause
/api/v1/hosts/{name}/accept    POST {}: another machine may answer for it
/api/v1/fleet                  every host in a row of cells, and the counts by state
/api/v1/stream                 the same as server-sent events: the fleet, then what changes, each second
/api/v1/events                 changes of state over the fleet       ?from &to &to_state &text &limit
/api/v1/inventory              what is loaded, from where, and what its last change did
/api/v1/server                 how the server itself is: readiness, polling, writing, store
/api/v1/server/events          when the server took itself for cut off  ?limit
/api/v1/losses                 polls that were made and could not be kept, and why  ?from &to &limit
/api/v1/columns                every value's name, unit and meaning
/api/v1/openapi.json           all of this for programs: OpenAPI 3.1
/healthz                       200 while the process lives
/readyz                        200 when it does its work, else 503 with the reasons
/metrics                       the server's metrics of itself, OpenMetrics

Moments (from, to): RFC 3339, milliseconds since 1970, a length before now (-1h), or now.
An error is application/problem+json; its \"detail\" says what was expected.
";

/// `GET /api`.
pub(super) async fn index() -> &'static str {
    INDEX
}

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
