//! Which service a call is for, by the first segment of its path.
//!
//! A `match` instead of a router: three services need none, and it lets reflection be made for the
//! call that asks, so that its descriptors are not resident in every probe that nobody reflects on.

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use roundsman_proto::v1::probe_server::{ProbeServer, SERVICE_NAME as PROBE};
use tokio::sync::watch;
use tonic::{Status, body::Body, codegen::Service as _};
use tonic_health::pb::health_server::{HealthServer, SERVICE_NAME as HEALTH};

use super::{
    Limits,
    metrics::Metrics,
    pieces::{Answer, InPieces, Pieces},
    places::Calls,
    request::Arriving,
};
use crate::{budget::Arrived, clock, collect::Collector, health::HealthService};

const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";

/// The services of one listener, shared by its connections.
#[derive(Debug, Clone)]
pub(super) struct Dispatch {
    probe: ProbeServer<Metrics>,
    health: HealthServer<HealthService>,
}

impl Dispatch {
    pub(super) fn new(
        collector: Arc<Collector>,
        limits: Limits,
        stopping: &watch::Receiver<bool>,
    ) -> Self {
        let health = HealthService::new(Arc::clone(&collector), limits.collect, stopping.clone());
        Self {
            probe: ProbeServer::new(Metrics::new(collector, limits.collect))
                .max_decoding_message_size(limits.request_bytes),
            health: HealthServer::new(health).max_decoding_message_size(limits.request_bytes),
        }
    }
}

/// The services as one connection calls them.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) dispatch: Dispatch,
    pub(super) calls: Arc<Calls>,
    /// [`Limits::request`].
    pub(super) request_within: Duration,
}

impl hyper::service::Service<Request<Incoming>> for Counted {
    type Response = Response<Pieces>;
    type Error = std::convert::Infallible;
    type Future = InPieces;

    fn call(&self, request: Request<Incoming>) -> InPieces {
        let (now, calls) = (clock::now(), Arc::clone(&self.calls));
        let (arriving, call) = Arriving::new(calls, now + self.request_within);
        let mut request = request.map(|body| Body::new(arriving.with(body)));
        request.extensions_mut().insert(Arrived(now));
        // The path is `/package.Service/Method`.
        let answer = match request.uri().path().split('/').nth(1) {
            Some(PROBE) => self.dispatch.probe.clone().call(request),
            Some(HEALTH) => self.dispatch.health.clone().call(request),
            Some(REFLECTION) => reflect(request),
            _ => {
                let status = Status::unimplemented(format!(
                    "no such service; this is roundsman-probe with {PROBE}, {HEALTH}, {REFLECTION}"
                ));
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        };
        InPieces { answer, call: Some(call) }
    }
}

/// Answers one reflection call with services made for it.
fn reflect(request: Request<Body>) -> Answer {
    let service = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(roundsman_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1();
    match service {
        Ok(mut service) => service.call(request),
        Err(error) => {
            let status = Status::internal(format!("the descriptors do not decode: {error}"));
            Box::pin(std::future::ready(Ok(status.into_http())))
        }
    }
}
