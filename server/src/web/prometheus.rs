//! What a Prometheus asks for: every host's newest values as text, and the hosts as targets.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use tokio::task::yield_now;

use super::{
    Site,
    asked::{HostMetricsAsked, TargetsAsked},
    failure::Failure,
    params::RequestParams,
    who::Scoped,
};
use crate::{
    exposition::{Exposition, MAX_SAMPLES, NamesOf, TextFormat, Wanted},
    query::{ExposedFilter, TargetShape},
};

/// `GET /metrics/hosts`.
pub(super) async fn host_metrics(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    request: HeaderMap,
    RequestParams(asked, _): RequestParams<HostMetricsAsked>,
) -> Result<Response, Failure> {
    let accept: Vec<&str> =
        request.get_all(header::ACCEPT).iter().filter_map(|one| one.to_str().ok()).collect();
    let format = TextFormat::accepted(&accept.join(","));
    let is_one = asked.host.is_some();
    let filter = ExposedFilter { host: asked.host, group: asked.group, shard: asked.shard };
    let place = query.place().await?;
    let hosts = query.exposed(&filter)?;
    let reason = hosts.first().map(|view| Arc::clone(&view.reason)).filter(|_| is_one);
    let wanted = Wanted {
        names: asked.names.unwrap_or(NamesOf::Roundsman),
        format,
        families: asked.family.into_iter().collect(),
        says_host: !is_one,
        created: asked.created,
        timestamps: asked.timestamps,
    };
    let text = Exposition::new(hosts, wanted, site.clock.now().wall);
    if let Some(reason) = reason.filter(|_| !text.has_values()) {
        // A target of its own whose scrape fails is what Prometheus calls down.
        return Err(Failure::unavailable(format!("the host has no fresh values: {reason}")));
    }
    let samples = text.samples();
    if samples > MAX_SAMPLES {
        return Err(Failure::bad_request(format!(
            "the answer would have up to {samples} samples, at most {MAX_SAMPLES} are sent at once: ask for a \
             part of the hosts (shard=1/8), for a group or for some families"
        )));
    }
    let pieces = stream::iter(text).then(move |piece| {
        // It stays taken until the last piece is sent.
        let _place = &place;
        async {
            // Others are answered in between.
            yield_now().await;
            Ok::<_, Infallible>(Bytes::from(piece))
        }
    });
    Ok(([(header::CONTENT_TYPE, format.media_type())], Body::from_stream(pieces)).into_response())
}

/// `GET /api/v1/sd/prometheus`.
pub(super) async fn targets(
    Scoped(query): Scoped,
    RequestParams(TargetsAsked { group, shard }, _): RequestParams<TargetsAsked>,
) -> Result<Json<Vec<TargetShape>>, Failure> {
    Ok(Json(query.targets(&ExposedFilter { host: None, group, shard })?))
}
