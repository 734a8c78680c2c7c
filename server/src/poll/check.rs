//! The question before a poll: the probe's own health service, for hosts that were down.

use std::sync::Arc;

use super::{
    PollContext,
    call::HEALTH_CHECK,
    classify::Fault,
    decode::{self, Serving},
    job::PollRequest,
    link::Link,
    trace::Trace,
};
use crate::units::Mono;

impl PollContext {
    /// Asks `grpc.health.v1.Health/Check` for the whole probe. At most twice: again only when the
    /// peer proves that it did not process the first.
    pub(super) async fn ask_health(
        &self,
        link: &Arc<Link>,
        trace: &Arc<Trace>,
        until: Mono,
    ) -> Result<Serving, Fault> {
        let mut again = true;
        loop {
            let line = self.reach(link, Arc::clone(trace), until).await?;
            let (request, now) = (decode::health_request(), self.clock.now());
            match self.unary(&line, HEALTH_CHECK, request, now).await {
                Err(Fault::Unprocessed(_)) if again => again = false,
                Err(fault) => return Err(fault),
                Ok(answer) => return Ok(decode::serving(answer)?),
            }
        }
    }

    /// Whether a poll is worth its cost: the probe says that it serves, or has no health service, so
    /// that only the poll itself can tell.
    pub(super) async fn must_serve(&self, request: &PollRequest) -> Result<(), Fault> {
        let answer = self.ask_health(&request.job.link, &request.trace, request.until).await;
        // A row's size is that of the poll's answer.
        request.trace.read().answer_bytes = None;
        match answer {
            Ok(Serving::Yes) | Err(Fault::Unimplemented(_)) => Ok(()),
            Err(Fault::Status { code: tonic::Code::NotFound, .. }) => Ok(()),
            Ok(Serving::No) => Err(Fault::NotServing("NOT_SERVING")),
            Ok(Serving::Unknown) => Err(Fault::NotServing("UNKNOWN")),
            Err(fault) => Err(fault),
        }
    }
}
