//! A host that was down is asked by its health service before it is polled.

use crate::{
    LONG, SHORT, check, job, limits, poll, poller,
    support::{Behaviour, FakeProbe},
};
use roundsman::{
    model::Outcome,
    poll::{Link, Serving},
};

#[tokio::test]
async fn health_is_asked_over_the_kept_connection() {
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    let (poller, job) = (poller(limits()), job(vec![probe.address()], LONG));
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    assert_eq!(poller.check(&job.link, LONG).await.unwrap(), Serving::Yes);
    assert_eq!((probe.calls(), probe.accepted()), (1, 1));
    let probe = FakeProbe::start_at(probe.stop(), Behaviour::Healthy).await;
    assert_eq!(poller.check(&job.link, LONG).await.unwrap(), Serving::Yes);
    probe.stop();
    let fault = poller.check(&job.link, LONG).await.unwrap_err();
    assert_eq!(fault.outcome(), Outcome::Refused);
    let hung = FakeProbe::start(Behaviour::Hangs).await;
    let fault = poller.check(&Link::new(vec![hung.address()]), SHORT).await.unwrap_err();
    assert_eq!(fault.outcome(), Outcome::Deadline);
}

#[tokio::test]
async fn a_host_that_was_down_is_polled_once_it_says_that_it_serves() {
    let not = FakeProbe::start(Behaviour::NotServing).await;
    let poller = poller(limits());
    let down = job(vec![not.address()], LONG);
    let attempt = poller.poll_failing(down.clone(), true).await;
    check(&attempt, LONG);
    assert_eq!((attempt.outcome, attempt.answer_bytes), (Outcome::ProbeError, None));
    let words = "the probe's health service says NOT_SERVING; it was not polled";
    assert_eq!(attempt.error.unwrap().as_ref(), format!("{}: {words}", not.socket()));
    assert_eq!(not.calls(), 0, "no full poll");
    let again = FakeProbe::start_at(not.stop(), Behaviour::Healthy).await;
    let attempt = poller.poll_failing(down, true).await;
    assert_eq!((attempt.outcome, again.calls()), (Outcome::Ok, 1), "{attempt:?}");
    assert_eq!(again.accepted(), 1, "the poll goes over the connection of the check");
    assert!(attempt.snapshot.is_some() && attempt.answer_bytes.unwrap() > 2);
}

#[tokio::test]
async fn a_probe_without_a_health_service_is_polled_all_the_same() {
    let probe = FakeProbe::start(Behaviour::NoHealth).await;
    let attempt = poller(limits()).poll_failing(job(vec![probe.address()], LONG), true).await;
    assert_eq!((attempt.outcome, probe.calls()), (Outcome::Ok, 1), "{attempt:?}");
}

#[tokio::test]
async fn a_check_and_its_poll_share_one_deadline() {
    for behaviour in [Behaviour::Hangs, Behaviour::Slow(LONG)] {
        let probe = FakeProbe::start(behaviour).await;
        let attempt = poller(limits()).poll_failing(job(vec![probe.address()], SHORT), true).await;
        assert_eq!(attempt.outcome, Outcome::Deadline, "{attempt:?}");
        check(&attempt, SHORT);
    }
}
