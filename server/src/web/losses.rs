//! What was polled and could not be kept.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{Site, asked::LossesAsked, failure::Failure, params::RequestParams};
use crate::{
    query::{DEFAULT_SPAN, LossesPage},
    store::Span,
};

/// `GET /api/v1/losses`; the last hour when nothing is said.
pub(super) async fn losses(
    State(site): State<Arc<Site>>,
    RequestParams(LossesAsked { from, to, limit }, now): RequestParams<LossesAsked>,
) -> Result<Json<LossesPage>, Failure> {
    let from = from.unwrap_or(now.minus(DEFAULT_SPAN));
    let to = to.unwrap_or(now);
    if from >= to {
        return Err(Failure::bad_request("\"from\" must be before \"to\"".to_owned()));
    }
    Ok(Json(site.query.losses(Span { from, to }, limit).await?))
}
