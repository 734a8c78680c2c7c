//! The handlers of orders: `POST /api/v1/hosts/{name}/...`.

use std::sync::Arc;

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{
    Site,
    body::{Body, Nothing, read_nothing},
    failure::Failure,
    params::{HostPath, Params},
};
use crate::{model::HostName, operator::Order};

/// What is said of an order that was carried out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Accepted {
    /// The host.
    host: String,
    /// The machine that answers next is this host.
    accepted: bool,
}

/// `POST /api/v1/hosts/{name}/accept`.
pub(super) async fn accept(
    State(site): State<Arc<Site>>,
    HostPath(name): HostPath,
    params: Params,
    body: Body<Nothing>,
) -> Result<Json<Accepted>, Failure> {
    params.finish()?;
    read_nothing(body)?;
    let host = HostName::new(&name).map_err(|error| Failure::missing(error.to_string()))?;
    let (answer, told) = oneshot::channel();
    let order = Order::Accept { host, answer };
    site.operator.try_send(order).map_err(|_full| Failure::busy())?;
    told.await.map_err(|_stopping| Failure::busy())??;
    Ok(Json(Accepted { host: name, accepted: true }))
}
