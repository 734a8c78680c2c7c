//! `grpc.health.v1.Health`: can the probe answer, and can this family be read?
//!
//! | service | SERVING when |
//! |---|---|
//! | `""` | the probe answers calls and is not stopping |
//! | `roundsman.v1.Probe` | likewise, `<proc>/loadavg` can be read, and it is no container's `/proc` |
//! | `roundsman.v1.Probe/<family>` | the family, read for this very call, is ok or partial |
//!
//! The probe is stateless, so nothing is remembered and nothing is reported from memory: `Check`
//! and `List` read. A family that this kernel lacks is NOT_SERVING, for it cannot be served. `Watch` sends the
//! status of the moment, then only NOT_SERVING when the probe stops: watching for more would take
//! background work, and the probe does none.
//!
//! A server asks for `""` alone: a probe that sees a container still answers, and is degraded for it.
//! The image's HEALTHCHECK asks for more, because a probe without the host's mounts is not worth
//! running.

use std::{sync::Arc, time::Duration, time::Instant};

use roundsman_proto::{
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        health_check_response::ServingStatus, health_server::Health,
    },
    v1,
};
use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt as _, wrappers::WatchStream};
use tonic::{Request, Response, Status};

use crate::{
    budget,
    clock::Clocks,
    collect::{Collector, Wanted},
};

/// The service name of the whole contract.
pub const PROBE: &str = "roundsman.v1.Probe";

/// The family whose reading stands for the whole: one short file that every kernel has.
const TOUCHSTONE: v1::Family = v1::Family::Load;

/// Every family of the contract, in its order.
pub fn families() -> impl Iterator<Item = v1::Family> {
    (1..).map_while(|number| v1::Family::try_from(number).ok())
}

/// The family's word in names and messages: `cpu` for `FAMILY_CPU`.
#[must_use]
pub fn word(family: v1::Family) -> String {
    family.as_str_name().trim_start_matches("FAMILY_").to_ascii_lowercase()
}

/// The health service name of a family: `roundsman.v1.Probe/cpu`.
#[must_use]
pub fn service_name(family: v1::Family) -> String {
    format!("{PROBE}/{}", word(family))
}

/// What a health service name asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Process,
    Host,
    Family(v1::Family),
}

impl Subject {
    fn named(service: &str) -> Option<Self> {
        Self::all().find(|(name, _)| name == service).map(|(_, subject)| subject)
    }

    /// Every one there is.
    fn all() -> impl Iterator<Item = (String, Self)> {
        let own = [(String::new(), Self::Process), (PROBE.to_owned(), Self::Host)];
        own.into_iter().chain(families().map(|one| (service_name(one), Self::Family(one))))
    }

    /// What is read to know of it.
    fn family(self) -> Option<v1::Family> {
        match self {
            Self::Process => None,
            Self::Host => Some(TOUCHSTONE),
            Self::Family(family) => Some(family),
        }
    }

    /// Whether it serves, by what was read.
    fn serves(self, read: Option<&v1::Snapshot>) -> bool {
        let is_read = |snapshot: &&v1::Snapshot| {
            snapshot.reports.iter().any(|report| {
                Some(report.family()) == self.family()
                    && matches!(report.status(), v1::Status::Ok | v1::Status::Partial)
            })
        };
        match self {
            Self::Process => true,
            Self::Host => {
                read.filter(is_read).is_some_and(|answer| answer.view() != v1::View::Container)
            }
            Self::Family(_) => read.filter(is_read).is_some(),
        }
    }
}

/// Answers health checks by reading the host.
#[derive(Debug, Clone)]
pub struct HealthService {
    collector: Arc<Collector>,
    most: Duration,
    stopping: watch::Receiver<bool>,
}

impl HealthService {
    /// `most` caps the time of one check; `stopping` turns true when the probe is told to stop.
    #[must_use]
    pub fn new(collector: Arc<Collector>, most: Duration, stopping: watch::Receiver<bool>) -> Self {
        Self { collector, most, stopping }
    }

    fn status(&self, subject: Subject, until: Instant) -> ServingStatus {
        self.judge(subject, self.read(subject.family(), until).as_ref())
    }

    fn judge(&self, subject: Subject, read: Option<&v1::Snapshot>) -> ServingStatus {
        let serving = !*self.stopping.borrow() && subject.serves(read);
        if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
    }

    /// What the host says now of these families; none where none is asked for.
    fn read(
        &self,
        families: impl IntoIterator<Item = v1::Family>,
        until: Instant,
    ) -> Option<v1::Snapshot> {
        let families: Vec<i32> = families.into_iter().map(i32::from).collect();
        if families.is_empty() {
            return None;
        }
        let request = v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() };
        let wanted = Wanted::new(&request).ok()?;
        Some(self.collector.collect(&wanted, Clocks::now(), until))
    }
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        let Some(subject) = Subject::named(service) else {
            return Err(Status::not_found(format!(
                "no health service {service:?}; known are \"\", \"{PROBE}\" and \"{PROBE}/cpu\", \
                 likewise for each family"
            )));
        };
        Ok(Response::new(answer(self.status(subject, budget::until(&request, self.most)))))
    }

    /// All of them by one reading: so many as there are families, and two.
    async fn list(
        &self,
        request: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        let read = self.read(families(), budget::until(&request, self.most));
        let judge = |(name, one)| (name, answer(self.judge(one, read.as_ref())));
        Ok(Response::new(HealthListResponse { statuses: Subject::all().map(judge).collect() }))
    }

    type WatchStream = std::pin::Pin<
        Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + Sync + 'static>,
    >;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let present = match Subject::named(&request.get_ref().service) {
            Some(subject) => self.status(subject, budget::until(&request, self.most)),
            None => ServingStatus::ServiceUnknown,
        };
        let statuses = WatchStream::new(self.stopping.clone()).map(move |stopping| {
            Ok(answer(if stopping { ServingStatus::NotServing } else { present }))
        });
        Ok(Response::new(Box::pin(statuses)))
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_its_name_and_the_name_finds_it() {
        assert_eq!(families().count(), 13);
        for family in families() {
            assert_eq!(Subject::named(&service_name(family)), Some(Subject::Family(family)));
        }
        assert_eq!(service_name(v1::Family::Cpu), "roundsman.v1.Probe/cpu");
    }

    #[test]
    fn other_names_are_unknown() {
        for name in ["cpu", "roundsman.v1.Probe/", "roundsman.v1.Probe/CPU", "roundsman.v1.Other"] {
            assert_eq!(Subject::named(name), None, "{name}");
        }
    }
}
