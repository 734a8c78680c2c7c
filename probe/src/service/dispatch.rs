//! Which service a call is for, by the first segment of its path.
//!
//! A `match` instead of a router: four services need none, and it lets reflection be made for the
//! call that asks, so that its descriptors are not resident in every probe that nobody reflects on.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use roundsman_proto::{
    health::health_server::{HealthServer, SERVICE_NAME as HEALTH},
    reflection::{self, Reflection},
    v1::probe_server::{ProbeServer, SERVICE_NAME as PROBE},
};
use tokio::sync::watch;
use tonic::{Status, body::Body, codegen::Service};

use super::{
    Limits,
    access::{Access, Caller},
    call::{Call, Shared},
    metrics::Metrics,
    pieces::{Answer, InPieces, Pieces},
    places::{Calls, Peer},
    request::Arriving,
    watches::Watches,
};
use crate::{budget::Arrived, clock, collect::Collector, health::HealthService};

/// The services of one listener, shared by its connections.
#[derive(Debug, Clone)]
pub(super) struct Dispatch {
    probe: ProbeServer<Metrics>,
    health: HealthServer<HealthService>,
    limits: Limits,
}

impl Dispatch {
    pub(super) fn new(
        collector: Arc<Collector>,
        limits: Limits,
        access: Access,
        stopping: &watch::Receiver<bool>,
    ) -> Self {
        let health = HealthService::new(Arc::clone(&collector), limits.collect, stopping.clone());
        Self {
            probe: ProbeServer::new(Metrics::new(collector, limits.collect, access))
                .max_decoding_message_size(limits.request_bytes),
            health: HealthServer::new(health).max_decoding_message_size(limits.request_bytes),
            limits,
        }
    }

    /// Answers one reflection call with a service made for it, of one version.
    fn reflect<S>(&self, version: fn(Reflection) -> S, request: Request<Body>) -> Answer
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S::Future: Send + 'static,
    {
        let sets = [roundsman_proto::FILE_DESCRIPTOR_SET, roundsman_proto::HEALTH_DESCRIPTOR_SET];
        match reflection::of(&sets) {
            Ok(v1) => {
                let most = self.limits.request_bytes;
                Box::pin(version(v1.max_decoding_message_size(most)).call(request))
            }
            Err(error) => {
                let status = Status::internal(format!("the descriptors do not decode: {error}"));
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// The services as one connection calls them.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) dispatch: Dispatch,
    pub(super) calls: Arc<Calls>,
    pub(super) watches: Arc<Watches>,
    pub(super) peer: Peer,
    pub(super) caller: Caller,
    /// [`Limits::request`].
    pub(super) request_within: Duration,
}

impl hyper::service::Service<Request<Incoming>> for Counted {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = InPieces;

    fn call(&self, request: Request<Incoming>) -> InPieces {
        let now = clock::now();
        let shared = Shared::new(Arc::clone(&self.calls));
        let arriving = Arriving::new(shared.clone(), now + self.request_within);
        let mut request = request.map(|body| Body::new(arriving.with(body)));
        request.extensions_mut().insert(Arrived(now));
        // The path is `/package.Service/Method`.
        let mut path = request.uri().path().split('/').skip(1);
        let (service, method) = (path.next(), path.next());
        let watching = self.caller.may_call(service).and_then(|()| match (service, method) {
            (Some(HEALTH), Some("Watch")) => self.watches.begin(self.peer, &self.calls).map(Some),
            _ => Ok(None),
        });
        let watching = match watching {
            Ok(watching) => watching,
            Err(status) => {
                let answer = Box::pin(std::future::ready(Ok(status.into_http())));
                return InPieces { answer, call: Some(Call::new(shared, None)) };
            }
        };
        let answer = match service {
            Some(PROBE) => self.dispatch.probe.clone().call(request),
            Some(HEALTH) => self.dispatch.health.clone().call(request),
            Some(reflection::V1) => self.dispatch.reflect(|v1| v1, request),
            Some(reflection::V1ALPHA) => self.dispatch.reflect(reflection::Older, request),
            _ => {
                let status = Status::unimplemented(format!(
                    "no such service; this is roundsman-probe with {PROBE}, {HEALTH}, \
                     {}, {}",
                    reflection::V1,
                    reflection::V1ALPHA
                ));
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        };
        InPieces { answer, call: Some(Call::new(shared, watching)) }
    }
}
