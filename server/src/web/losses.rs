//! What was polled and could not be kept.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{Site, api::limit, failure::Failure, params::Params};
use crate::{
    query::{DEFAULT_SPAN, LossesPage, MAX_PAGE, parse_moment},
    store::Span,
};

/// `GET /api/v1/losses?from&to&limit`; the last hour when nothing is said.
pub(super) async fn losses(
    State(site): State<Arc<Site>>,
    mut params: Params,
) -> Result<Json<LossesPage>, Failure> {
    let now = site.clock.now().wall;
    let moment = |text: &str| parse_moment(text, now);
    let from = params.take("from", moment)?.unwrap_or(now.minus(DEFAULT_SPAN));
    let to = params.take("to", moment)?.unwrap_or(now);
    let most = params.take("limit", |text| limit(text, MAX_PAGE))?.unwrap_or(MAX_PAGE);
    params.finish()?;
    if from >= to {
        return Err(Failure::bad_request("\"from\" must be before \"to\"".to_owned()));
    }
    Ok(Json(site.query.losses(Span { from, to }, most).await?))
}
