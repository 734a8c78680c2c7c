//! The call: one unary gRPC request over a connection, its answer as bytes.
//!
//! Bytes, not messages: tonic would turn an undecodable answer into the same kind of status that a
//! probe sends, and the ledger tells the two apart.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, header::USER_AGENT, uri::PathAndQuery};
use prost::bytes::{Buf as _, BufMut as _, Bytes};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
};

use super::{
    PollContext,
    classify::{CallContext, Fault},
    connect::{Connected, PollConnection},
    job::Answered,
    trace::PollStep,
};
use crate::units::{Mono, Now, WallMs};

/// `roundsman.v1.Probe.GetMetrics`.
pub(super) const GET_METRICS: &str = "/roundsman.v1.Probe/GetMetrics";
/// `grpc.health.v1.Health.Check`.
pub(super) const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// What the server calls itself to a probe.
const NAME: &str = concat!("roundsman/", env!("CARGO_PKG_VERSION"));

/// The most that is kept back of a poll's time for the answer's way back.
const MAX_RETURN_TIME: Duration = Duration::from_millis(100);

/// The bottom of the stack.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) shared: Arc<PollContext>,
}

impl tower::Service<Connected> for Call {
    type Response = Answered;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, connected: Connected) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.get_metrics(&connected).await })
    }
}

impl PollContext {
    async fn get_metrics(&self, Connected { job, line }: &Connected) -> Result<Answered, Fault> {
        let request = self.wire().request(&job.selection);
        let asked_at = self.clock.now();
        let bytes = self.unary(line, GET_METRICS, request, asked_at).await?;
        let answered_at = self.clock.now();
        let snapshot = self.wire().snapshot(&bytes)?;
        line.trace.enter(PollStep::Between, self.clock.now().mono);
        if let (Some(expected), Some(found)) = (&job.expected_machine, &snapshot.facts.machine_id)
            && expected != found
        {
            let (expected, found) = (Arc::clone(expected), Arc::clone(found));
            return Err(Fault::WrongHost { expected, found });
        }
        let clock_skew_ms = skew_ms(asked_at, answered_at, snapshot.clocks.wall_ns);
        Ok(Answered { snapshot, clock_skew_ms })
    }

    /// One unary call. The steps of the trace say how far it got when it is dropped half-way.
    pub(super) async fn unary(
        &self,
        line: &PollConnection,
        path: &'static str,
        request: Bytes,
        now: Now,
    ) -> Result<Bytes, Fault> {
        line.trace.enter(PollStep::Call, now.mono);
        let place = CallContext {
            peer: Arc::clone(line.kept.connection.peer()),
            written_before: line.kept.connection.peer().written_bytes(),
            limit_bytes: self.limits.answer_max_bytes,
        };
        let result = self.exchange(line, path, request).await;
        result.map_err(|status| {
            let fault = place.fault(&status);
            if matches!(fault, Fault::Unprocessed(_)) {
                line.link.give_up(line.kept.number);
            }
            fault
        })
    }

    async fn exchange(
        &self,
        PollConnection { kept, trace, until, .. }: &PollConnection,
        path: &'static str,
        request: Bytes,
    ) -> Result<Bytes, Status> {
        let connection = kept.connection.clone();
        let mut grpc = Grpc::with_origin(connection, kept.connection.origin().clone())
            .max_decoding_message_size(self.limits.answer_max_bytes);
        grpc.ready().await.map_err(Status::from_error)?;
        let mut head = http::HeaderMap::with_capacity(4);
        head.insert(USER_AGENT, HeaderValue::from_static(NAME));
        let mut request =
            Request::from_parts(MetadataMap::from_headers(head), Default::default(), request);
        request.set_timeout(self.budget(*until));
        let path = PathAndQuery::from_static(path);
        let answer = grpc.server_streaming(request, path, RawCodec).await?;
        trace.enter(PollStep::Body, self.clock.now().mono);
        let mut body = answer.into_inner();
        let message = body.message().await?;
        trace.read().answer_bytes = message.as_ref().map(|bytes| bytes.len() as u64);
        // The status comes after the message: without it the answer is not known to be whole.
        body.trailers().await?;
        message.ok_or_else(|| Status::internal(super::classify::NO_MESSAGE))
    }
}

impl PollContext {
    /// What remains of a poll for the probe to work in: less a share for the answer's way back, so
    /// that a probe that uses all of it (a hung mount) is still heard.
    fn budget(&self, until: Mono) -> Duration {
        let left = until.since(self.clock.now().mono);
        left.saturating_sub((left / 10).min(MAX_RETURN_TIME))
    }
}

/// The probe's wall clock less the server's at the middle of the call, milliseconds.
fn skew_ms(asked: Now, answered: Now, probe_wall_ns: i64) -> i64 {
    let half = answered.mono.since(asked.mono) / 2;
    let WallMs(middle) = asked.wall.plus(half);
    probe_wall_ns.div_euclid(1_000_000).saturating_sub(middle)
}

/// Bytes in, bytes out.
#[derive(Debug, Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers(REQUEST_START_BYTES)
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers(ANSWER_START_BYTES)
    }
}

/// Most requests fit in this.
const REQUEST_START_BYTES: usize = 512;
/// Most answers fit in this.
const ANSWER_START_BYTES: usize = 4 * 1024;

/// tonic's buffers of one call.
fn buffers(start_bytes: usize) -> BufferSettings {
    const YIELD_BYTES: usize = 32 * 1024;
    BufferSettings::new(start_bytes, YIELD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_is_taken_at_the_middle_of_the_call() {
        let asked = Now { wall: WallMs(1_000), mono: Mono(Duration::ZERO) };
        // The wall clock stepped during the call: only its start and the monotonic length count.
        let answered = Now { wall: WallMs(9_000), mono: Mono(Duration::from_millis(200)) };
        assert_eq!(skew_ms(asked, answered, 1_100_000_000), 0);
        assert_eq!(skew_ms(asked, answered, 3_100_999_999), 2_000);
        assert_eq!(skew_ms(asked, answered, 0), -1_100);
    }
}
