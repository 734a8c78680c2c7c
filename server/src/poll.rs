//! Polling one host: a typed request down a tower stack, and one [`Attempt`] back, whatever happens.
//!
//! Read `stack` for the order of things, `classify` for what a failure is called, `decode` for
//! what an answer must hold. Knows no schedule, no rates, no health, no store: the same poll serves
//! the server's rounds and the operator's `poll HOST`.

mod call;
mod check;
mod classify;
mod connect;
mod connection;
mod decode;
mod dial;
mod job;
mod link;
mod own;
mod resolve;
mod socket;
mod stack;
mod text;
mod trace;
mod trust;
mod wire;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub use classify::{Fault, StalledStep};
pub use connect::MAX_SOCKET_ADDRESSES;
pub use decode::{DecodeError, Limit, MAX_FACT_BYTES, PROTOCOL, Serving, snapshot};
pub use dial::{DialError, DialErrors};
pub use job::{Attempt, Job};
pub use link::Link;
pub use own::{DescriptorsExhausted, MAX_RESERVED_DESCRIPTORS, RESERVED_DESCRIPTORS_PART};
pub use socket::WireProtocol;
pub use text::MAX_ERROR_BYTES;
use tokio::{sync::Semaphore, time::timeout};
use tower::{Service as _, ServiceExt as _};

use self::{
    decode::Wire,
    job::PollRequest,
    resolve::LimitedResolver,
    stack::{Stack, stack},
    trace::{PollStep, Trace},
    trust::Trusts,
};
use crate::{
    clock::Clock,
    config,
    model::Outcome,
    resolve::{HostResolver, Resolve},
    units::Mono,
};

/// What bounds polling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollLimits {
    /// Polls at work at once, over all hosts that are well.
    pub in_flight: usize,
    /// How long a poll counts to these: after that it only waits for its host.
    pub in_flight_for: Duration,
    /// Polls in flight at once of hosts that are not: places of their own, each to the end of its
    /// poll, so that those that keep silent until their deadline cannot crowd out those that answer.
    pub in_flight_unwell: usize,
    /// One attempt to resolve, and one to connect.
    pub connect_timeout: Duration,
    /// The largest answer, bytes.
    pub answer_max_bytes: usize,
    /// How long a connection may be silent before it is pinged. A Swarm VIP forgets connections
    /// that are idle for 900 s.
    pub keep_alive: Duration,
    /// Names being resolved at once.
    pub resolve_in_flight: usize,
    /// Failed polls in a row after which a kept connection is not trusted any more.
    pub rebuild_after: u32,
}

impl Default for PollLimits {
    fn default() -> Self {
        Self {
            in_flight: 256,
            in_flight_for: Duration::from_millis(250),
            in_flight_unwell: 64,
            connect_timeout: Duration::from_secs(2),
            answer_max_bytes: 4 * 1024 * 1024,
            keep_alive: Duration::from_secs(60),
            resolve_in_flight: 32,
            rebuild_after: 1,
        }
    }
}

impl From<&config::Poll> for PollLimits {
    fn from(poll: &config::Poll) -> Self {
        let places = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            in_flight: places(poll.in_flight),
            in_flight_for: poll.in_flight_for,
            in_flight_unwell: places(poll.in_flight_unwell),
            connect_timeout: poll.connect_timeout,
            answer_max_bytes: usize::try_from(poll.answer_max.0).unwrap_or(usize::MAX),
            keep_alive: poll.keep_alive,
            resolve_in_flight: places(poll.resolve_in_flight),
            ..Self::default()
        }
    }
}

/// What every layer of the stack may use.
pub(crate) struct PollContext {
    limits: PollLimits,
    clock: Arc<dyn Clock>,
    resolver: LimitedResolver,
    wire: Mutex<Wire>,
    trusts: Trusts,
}

impl PollContext {
    /// Held while a request is encoded or an answer decoded, never over a wait.
    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls hosts. Clones share the limits. Must be used within a tokio runtime.
#[derive(Clone)]
pub struct Poller {
    shared: Arc<PollContext>,
    slots: Arc<Semaphore>,
    stack: Stack,
    failing_slots: Arc<Semaphore>,
    failing: Stack,
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("limits", &self.shared.limits)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl Poller {
    /// A poller that resolves names by the machine's name servers.
    #[must_use]
    pub fn new(limits: PollLimits, clock: Arc<dyn Clock>) -> Self {
        Self::with_resolver(limits, clock, HostResolver::new(Vec::new()))
    }

    /// A poller that resolves names by `resolver`.
    #[must_use]
    pub fn with_resolver(
        limits: PollLimits,
        clock: Arc<dyn Clock>,
        resolver: Arc<dyn Resolve>,
    ) -> Self {
        let resolver = LimitedResolver::new(resolver, limits.resolve_in_flight.max(1));
        let places =
            |limit: usize| Arc::new(Semaphore::new(limit.clamp(1, Semaphore::MAX_PERMITS)));
        let (slots, failing_slots) = (places(limits.in_flight), places(limits.in_flight_unwell));
        let shared = Arc::new(PollContext {
            limits,
            clock,
            resolver,
            wire: Mutex::default(),
            trusts: Trusts::default(),
        });
        let well = stack(&shared, &slots, Some(shared.limits.in_flight_for));
        let failing = stack(&shared, &failing_slots, None);
        Self { shared, slots, stack: well, failing_slots, failing }
    }

    /// The last second of the certificate that ends first of those that are shown to probes, seconds since 1970;
    /// none where none is shown.
    #[must_use]
    pub fn certificate_ends_s(&self) -> Option<i64> {
        self.shared.trusts.ends()
    }

    /// Polls one host. Never fails: whatever goes wrong is the attempt's outcome. Takes at most the
    /// time in the queue and `job.timeout`.
    pub async fn poll(&self, job: Job) -> Attempt {
        self.run(job, self.stack.clone(), false).await
    }

    /// As [`Poller::poll`] for a host that is not well: within the limit of such polls. With
    /// `check_first` the probe's health service is asked before anything else, and the poll is made
    /// only when it serves, or has no such service; both are one attempt within one timeout.
    pub async fn poll_failing(&self, job: Job, check_first: bool) -> Attempt {
        self.run(job, self.failing.clone(), check_first).await
    }

    async fn run(&self, job: Job, mut stack: Stack, check_first: bool) -> Attempt {
        let started = self.shared.clock.now();
        let trace = Trace::begin(started);
        let link = Arc::clone(&job.link);
        let asked =
            PollRequest { job, check_first, trace: Arc::clone(&trace), until: Mono::default() };
        let result = match stack.ready().await {
            Ok(ready) => ready.call(asked).await,
            Err(fault) => Err(fault),
        };
        trace.enter(PollStep::Between, self.shared.clock.now().mono);
        let steps = trace.read();
        link.settle(steps.connection, result.is_ok(), self.shared.limits.rebuild_after);
        let mut attempt = Attempt {
            outcome: Outcome::Ok,
            started,
            timings: steps.timings(),
            answer_bytes: steps.answer_bytes,
            address: steps.address.clone(),
            error: None,
            heard: steps.has_heard(),
            clock_skew_ms: None,
            snapshot: None,
        };
        drop(steps);
        match result {
            Ok(answered) => attempt.succeed(answered),
            Err(fault) => attempt.fail(&fault),
        }
        attempt.heard |= attempt.outcome.was_heard();
        attempt
    }

    /// Asks the probe's own health service whether it serves: far cheaper than a poll, and over the
    /// same kept connection.
    ///
    /// # Errors
    /// The [`Fault`] that a poll would have had; `fault.outcome()` names it.
    pub async fn check(&self, link: &Arc<Link>, allowed: Duration) -> Result<Serving, Fault> {
        let _slot = self.failing_slots.acquire().await;
        let now = self.shared.clock.now().mono;
        let trace = Trace::begin(self.shared.clock.now());
        let asking = self.shared.ask_health(link, &trace, now.plus(allowed));
        let result = timeout(allowed, asking).await;
        let steps = trace.read();
        let result = result.unwrap_or_else(|_over| {
            Err(Fault::deadline(allowed, steps.step, steps.peer.as_deref()))
        });
        link.settle(steps.connection, result.is_ok(), self.shared.limits.rebuild_after);
        result
    }

    /// Places taken now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let PollLimits { in_flight, in_flight_unwell, .. } = self.shared.limits;
        in_flight.saturating_sub(self.slots.available_permits())
            + in_flight_unwell.saturating_sub(self.failing_slots.available_permits())
    }
}
