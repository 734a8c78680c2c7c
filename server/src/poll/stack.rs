//! A poll as one sentence: in one of the places for polls, before its deadline, after the
//! probe's health check where that is wanted, tried again once if the peer did not process the call,
//! connect and call.

use std::{
    future::{Future, Ready, ready},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::Semaphore, time::timeout};
use tower::{
    ServiceBuilder,
    layer::layer_fn,
    retry::{Policy, Retry, RetryLayer},
};

use super::{
    PollContext,
    call::Call,
    classify::Fault,
    connect::Connect,
    job::{Answered, PollRequest},
    trace::PollStep,
};

/// The layers, outermost first. Waiting for a place is outside the deadline: our queue is not the
/// host's fault.
pub(super) type Stack = InFlightLimit<Deadline<Retry<OnceIfUnprocessed, Connect<Call>>>>;

/// Builds the stack; `slots` are the places, shared by all clones, and `held` is how long a poll may
/// keep one; none is to its end.
pub(super) fn stack(
    shared: &Arc<PollContext>,
    slots: &Arc<Semaphore>,
    held: Option<Duration>,
) -> Stack {
    ServiceBuilder::new()
        .layer(layer_fn(|inner| InFlightLimit { slots: Arc::clone(slots), held, inner }))
        .layer(layer_fn(|inner| Deadline { shared: Arc::clone(shared), inner }))
        .layer(RetryLayer::new(OnceIfUnprocessed { tried: false }))
        .layer(layer_fn(|inner| Connect { shared: Arc::clone(shared), inner }))
        .service(Call { shared: Arc::clone(shared) })
}

/// Bounds the polls that are at work. Unlike tower's own limit it takes the place of a poll away that
/// does nothing but wait for its host: half a fleet that falls silent at one moment would otherwise
/// hold every place to its deadline, before anybody knows that it is not well. How many such polls
/// there are is bounded by the hosts, for each has one poll at most.
#[derive(Clone)]
pub(super) struct InFlightLimit<S> {
    slots: Arc<Semaphore>,
    held: Option<Duration>,
    inner: S,
}

impl<S> tower::Service<PollRequest> for InFlightLimit<S>
where
    S: tower::Service<PollRequest, Response = Answered, Error = Fault> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Answered;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: PollRequest) -> Self::Future {
        // The one that is ready goes with the call, a fresh one stays for the next.
        let fresh = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, fresh);
        let (slots, held) = (Arc::clone(&self.slots), self.held);
        Box::pin(async move {
            // Nobody closes the semaphore.
            let place = slots.acquire_owned().await.ok();
            let mut poll = pin!(ready.call(request));
            let Some(held) = held else { return poll.await };
            match timeout(held, &mut poll).await {
                Ok(result) => result,
                Err(_over) => {
                    drop(place);
                    poll.await
                }
            }
        })
    }
}

/// Bounds everything below it, the body of the answer included: tonic's own timeouts cover neither
/// connecting nor the body.
#[derive(Clone)]
pub(super) struct Deadline<S> {
    shared: Arc<PollContext>,
    inner: S,
}

impl<S> tower::Service<PollRequest> for Deadline<S>
where
    S: tower::Service<PollRequest, Response = Answered, Error = Fault> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Answered;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Answered, Fault>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: PollRequest) -> Self::Future {
        let allowed = request.job.timeout;
        let now = self.shared.clock.now().mono;
        request.until = now.plus(allowed);
        request.trace.enter(PollStep::Between, now);
        let trace = Arc::clone(&request.trace);
        let over = move |_over| {
            let steps = trace.read();
            Err(Fault::deadline(allowed, steps.step, steps.peer.as_deref()))
        };
        if request.check_first {
            // The one that is ready goes with the call, a fresh one stays for the next.
            let fresh = self.inner.clone();
            let mut ready = std::mem::replace(&mut self.inner, fresh);
            let shared = Arc::clone(&self.shared);
            let both = async move {
                shared.must_serve(&request).await?;
                ready.call(request).await
            };
            return Box::pin(async move { timeout(allowed, both).await.unwrap_or_else(over) });
        }
        let poll = timeout(allowed, self.inner.call(request));
        Box::pin(async move { poll.await.unwrap_or_else(over) })
    }
}

/// A call that the peer did not process is no failure of the host: a kept connection had died since
/// the last poll, the probe is being restarted, it has its hands full at this moment. Once is enough,
/// because the second try has a connection that is new; the deadline above counts both. What the peer
/// may have processed is not asked for again: a request that breaks a probe would break it twice.
#[derive(Debug, Clone)]
pub(super) struct OnceIfUnprocessed {
    tried: bool,
}

impl Policy<PollRequest, Answered, Fault> for OnceIfUnprocessed {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _request: &mut PollRequest,
        result: &mut Result<Answered, Fault>,
    ) -> Option<Ready<()>> {
        let again = !self.tried && matches!(result, Err(Fault::Unprocessed(_)));
        self.tried = true;
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &PollRequest) -> Option<PollRequest> {
        Some(request.clone())
    }
}
