//! What was polled and could not be kept.

use axum::Json;

use super::{asked::LossesAsked, failure::Failure, params::RequestParams, who::Scoped};
use crate::{
    query::{DEFAULT_SPAN, LossesPage},
    store::Span,
};

/// `GET /api/v1/losses`; the last hour when nothing is said.
pub(super) async fn losses(
    Scoped(query): Scoped,
    RequestParams(LossesAsked { from, to, limit }, now): RequestParams<LossesAsked>,
) -> Result<Json<LossesPage>, Failure> {
    let from = from.unwrap_or(now.minus(DEFAULT_SPAN));
    let to = to.unwrap_or(now);
    if from >= to {
        return Err(Failure::bad_request("\"from\" must be before \"to\"".to_owned()));
    }
    Ok(Json(query.losses(Span { from, to }, limit).await?))
}
