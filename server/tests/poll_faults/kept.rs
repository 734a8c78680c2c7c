//! What becomes of a connection that is kept: restarts, failures, silence.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    LONG, job, limits, poll, poller,
    support::{self, Behaviour, FakeProbe},
};
use roundsman::{model::Outcome, poll::PollLimits, units::Micros};
use tonic::Status;

#[tokio::test]
async fn a_restart_of_the_probe_between_polls_is_not_seen() {
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    let job = job(vec![probe.address()], LONG);
    let poller = poller(limits());
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    let probe = FakeProbe::start_at(probe.stop(), Behaviour::Healthy).await;
    let attempt = poll(&poller, &job).await;
    assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
    assert!(attempt.timings.connect_us.is_some());
    assert_eq!((probe.calls(), job.link.opened()), (1, 2));
}

#[tokio::test]
async fn a_probe_that_is_gone_is_refused_and_nothing_is_tried_twice() {
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    let job = job(vec![probe.address()], LONG);
    let poller = poller(limits());
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    // Something else at its port: the kept connection is dead, and the one try after it meets a
    // peer that closes.
    let closer = FakeProbe::start_at(probe.stop(), Behaviour::Closes).await;
    let attempt = poll(&poller, &job).await;
    assert_eq!(attempt.outcome, Outcome::Refused, "{attempt:?}");
    assert_eq!(closer.accepted(), 1);
    closer.stop();
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Refused);
}

#[tokio::test]
async fn a_connection_is_kept_over_as_many_failures_as_it_is_told() {
    let probe = FakeProbe::start(Behaviour::status(Status::internal("broken"))).await;
    for (rebuild_after, accepted) in [(1, 4), (3, 6)] {
        let poller = poller(PollLimits { rebuild_after, ..limits() });
        let job = job(vec![probe.address()], LONG);
        for _ in 0..4 {
            poll(&poller, &job).await;
        }
        assert_eq!(probe.accepted(), accepted, "rebuild after {rebuild_after}");
    }
}

#[tokio::test]
async fn a_connection_that_went_silent_is_found_by_pings_and_not_by_the_deadline() {
    let (end, frozen) = std::sync::mpsc::channel::<()>();
    let frozen = Mutex::new(frozen);
    // The second call stops the whole probe, as SIGSTOP would: sockets open, nobody there.
    let freezes = FakeProbe::start(Behaviour::Answers(Arc::new(move |_, call| {
        if call > 0 {
            let _end = frozen.lock().unwrap().recv();
        }
        Ok(support::answer(call))
    })));
    let (freezes, good) = (freezes.await, FakeProbe::start(Behaviour::Healthy).await);
    // Dropped before the probe, whatever happens: it thaws.
    let _end = end;
    let job = job(vec![freezes.address(), good.address()], LONG);
    let quick = PollLimits { keep_alive: Duration::from_millis(200), ..limits() };
    let poller = poller(quick);
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    let attempt = poll(&poller, &job).await;
    assert_eq!(attempt.outcome, Outcome::Deadline, "{attempt:?}");
    assert!(attempt.error.unwrap().contains("does not even answer HTTP/2 pings"));
    assert!(!attempt.heard, "silence over a kept connection");
    // The kept connection was given up long before the deadline; the call may have been processed, so
    // it is not made again before the next poll.
    assert!(attempt.timings.call_us.unwrap() < Micros::from(LONG), "{:?}", attempt.timings);
    assert_eq!((freezes.calls(), job.link.opened()), (2, 1));
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
}
