//! Polling against everything that can be wrong with the other side, over real sockets: each fault
//! gets its own outcome, no poll outlives its deadline, and none disturbs the healthy ones beside
//! it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod addresses;
mod again;
mod asked;
mod encrypted;
mod faults;
mod kept;
mod places;
#[path = "../support/mod.rs"]
mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use roundsman::{
    clock::SystemClock,
    model::{Address, HostId, HostName, Outcome, Selection},
    poll::{Attempt, Job, Link, MAX_ERROR_BYTES, PollLimits, Poller},
    units::Micros,
};

/// The deadline of polls that are meant to reach it.
const SHORT: Duration = Duration::from_secs(1);
/// The deadline of polls that are not.
const LONG: Duration = Duration::from_secs(30);
/// How much later than its deadline a poll may be seen to end on a machine that is busy.
const GRACE: Duration = Duration::from_secs(5);

fn poller(limits: PollLimits) -> Poller {
    Poller::new(limits, Arc::new(SystemClock::new()))
}

fn job(addresses: Vec<Address>, timeout: Duration) -> Job {
    Job {
        host: HostId(1),
        name: HostName::new("web-1").unwrap(),
        link: Link::new(addresses),
        timeout,
        selection: Arc::new(Selection::default()),
        expected_machine: None,
    }
}

fn at(socket: SocketAddr) -> Address {
    Address { host: socket.ip().to_string().into(), port: socket.port() }
}

/// A port of 127.0.0.1 that nothing listens on.
async fn closed_port() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// The invariants of every attempt.
fn check(attempt: &Attempt, timeout: Duration) {
    let timings = attempt.timings;
    let steps = [timings.resolve_us, timings.connect_us, timings.call_us];
    let spent: u64 = steps.iter().flatten().map(|us| us.0).sum();
    assert!(Micros(spent) <= Micros::from(timeout + GRACE), "outlived its deadline: {attempt:?}");
    assert_eq!(attempt.snapshot.is_some(), attempt.outcome.has_values(), "{attempt:?}");
    assert_eq!(attempt.error.is_none(), attempt.outcome == Outcome::Ok, "{attempt:?}");
    assert_eq!(timings.late_us, Micros(0));
    if let Some(error) = &attempt.error {
        assert!(error.len() <= MAX_ERROR_BYTES, "{error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

async fn poll(poller: &Poller, job: &Job) -> Attempt {
    let attempt = poller.poll(job.clone()).await;
    check(&attempt, job.timeout);
    attempt
}

fn limits() -> PollLimits {
    PollLimits { answer_max_bytes: 32 * 1024, ..PollLimits::default() }
}
