//! The three calls of `grpc.health.v1.Health`.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use roundsman_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus, health_server::Health,
};
use tokio_stream::{Stream, wrappers::WatchStream};
use tonic::{Request, Response, Status};

use super::{Board, GrpcLimits, MAX_SERVICE_BYTES};
use crate::web::{ConnectionPermit, Guest, TooMany, Watching};

/// Answers health clients.
pub(super) struct HealthService {
    board: Arc<Board>,
    limits: GrpcLimits,
}

impl HealthService {
    pub(super) fn new(board: Arc<Board>, limits: GrpcLimits) -> Self {
        Self { board, limits }
    }
}

#[tonic::async_trait]
impl Health for HealthService {
    type WatchStream = WatchStreamGuard;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let guest = guest(&request);
        let service = request.into_inner().service;
        let status = self.board.check(guest.scope(), &service).ok_or_else(|| unknown(&service))?;
        Ok(Response::new(answer(status)))
    }

    async fn list(
        &self,
        request: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        let most = self.limits.list;
        let Some(all) = self.board.list(guest(&request).scope(), most) else {
            return Err(Status::resource_exhausted(format!(
                "there are more than {most} services (grpc.list_max); ask for one at a time, or \
                 for /api/v1/hosts over HTTP"
            )));
        };
        let statuses = all.into_iter().map(|(service, status)| (service, answer(status)));
        Ok(Response::new(HealthListResponse { statuses: statuses.collect() }))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<WatchStreamGuard>, Status> {
        let place = request.extensions().get::<Arc<ConnectionPermit>>().cloned();
        let guest = guest(&request);
        let service = request.into_inner().service;
        // It could become known later, but not by any name.
        if service.len() > MAX_SERVICE_BYTES {
            return Err(Status::invalid_argument(format!(
                "a service has at most {MAX_SERVICE_BYTES} bytes, this one has {}",
                service.len()
            )));
        }
        let place = place.ok_or_else(|| Status::internal("this call has no connection"))?;
        let watching = place.watch(self.limits.watches).map_err(too_many)?;
        let status = self.board.watch(guest.scope(), &service).ok_or_else(|| {
            Status::unavailable("the server is stopping; try again when it is back")
        })?;
        Ok(Response::new(WatchStreamGuard {
            status: WatchStream::new(status),
            end: Some(Box::pin(guest.ended())),
            _watching: watching,
        }))
    }
}

/// Who asks.
fn guest<T>(request: &Request<T>) -> Guest {
    request.extensions().get::<Guest>().cloned().unwrap_or_else(Guest::anybody)
}

fn too_many(why: TooMany) -> Status {
    let instead = "ask with Check, or watch over fewer connections";
    Status::resource_exhausted(match why {
        TooMany::Watches(most) => format!("{most} watches are open already"),
        TooMany::WatchesOfPeer(most) => format!("{most} watches of this peer are open already"),
        TooMany::Connections(most) => format!("{most} connections watch already; {instead}"),
        TooMany::ConnectionsOfPeer(most) => {
            format!("{most} connections of this peer watch already; {instead}")
        }
    })
}

fn unknown(service: &str) -> Status {
    let shown: String = service.chars().take(MAX_SERVICE_BYTES).collect();
    Status::not_found(format!(
        "no service is called {shown:?}; there are \"\", store, inventory, scheduler, host/<name> \
         and group/<name>"
    ))
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

/// One watch: the newest status, whenever the client has taken the one before.
pub(super) struct WatchStreamGuard {
    status: WatchStream<ServingStatus>,
    /// Ends when who watches may no longer; none once that was said.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _watching: Watching,
}

impl Stream for WatchStreamGuard {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        if end.as_mut().poll(cx).is_ready() {
            self.end = None;
            let words =
                "the token of this watch has expired, was revoked or may do something else now";
            return Poll::Ready(Some(Err(Status::unauthenticated(words))));
        }
        let status = ready!(Pin::new(&mut self.status).poll_next(cx));
        Poll::Ready(status.map(|status| Ok(answer(status))))
    }
}
