//! Each fault gets its own outcome, and a good answer says what it took.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    LONG, SHORT, at, closed_port, job, limits, poll, poller,
    support::{self, Behaviour, FakeProbe, MACHINE, Unanswered},
};
use prost::bytes::Bytes;
use roundsman::{
    model::{Address, Outcome},
    poll::{Attempt, PollLimits},
};
use roundsman_proto::v1;
use tokio::task::JoinSet;
use tonic::{Code, Status};

/// Every fault with the deadline it is given.
fn faults() -> Vec<(&'static str, Behaviour, Duration)> {
    let other = "fedcba9876543210fedcba9876543210";
    let uneven = |s: &mut v1::Snapshot| s.network.as_mut().unwrap().tx_bytes.push(1);
    let machine = |s: &mut v1::Snapshot| {
        s.identity.as_mut().unwrap().machine_id = Some(other.to_owned());
    };
    let broken = |s: &mut v1::Snapshot| {
        s.reports[1].status = v1::Status::Denied.into();
        s.reports[1].error = "/proc/loadavg: permission denied".to_owned();
        s.reports[2].status = v1::Status::Absent.into();
    };
    let large = |s: &mut v1::Snapshot| {
        s.network.as_mut().unwrap().interface[0] = "x".repeat(64 * 1024);
    };
    let status = |code, text: &str| Behaviour::status(Status::new(code, text));
    vec![
        ("healthy", Behaviour::Healthy, LONG),
        ("slow, in time", Behaviour::Slow(Duration::from_millis(200)), LONG),
        ("partial", Behaviour::changed(broken), LONG),
        ("hangs", Behaviour::Hangs, SHORT),
        ("stalls after the head", Behaviour::StallsAfterHead, SHORT),
        ("stalls in the body", Behaviour::StallsInBody, SHORT),
        ("resets the call in the body", Behaviour::ResetsInBody, LONG),
        ("closes at once", Behaviour::Closes, LONG),
        ("resets at once", Behaviour::Resets, LONG),
        ("garbage", Behaviour::Says(b"\xde\xad\xbe\xef\x00\x01\x02\x03\x04\x05garbage"), LONG),
        ("a banner", Behaviour::Says(b"220 hi\r\n"), LONG),
        ("less than a frame of garbage", Behaviour::Says(b"\x00\x01\x00\xff\xffhm"), SHORT),
        ("a TLS alert", Behaviour::Says(b"\x15\x03\x01\x00\x02\x02\x16"), SHORT),
        ("HTTP/1.1", Behaviour::Http1, LONG),
        ("HTTP/2 without gRPC", Behaviour::Http(404), LONG),
        ("a proxy's login page", Behaviour::Http(401), LONG),
        ("a redirect", Behaviour::Http(307), LONG),
        ("half a message and a good status", Behaviour::Truncated, LONG),
        ("no message and a good status", Behaviour::NoMessage, LONG),
        ("compressed, which was not asked for", Behaviour::Compressed, LONG),
        ("no status at the end", Behaviour::WithoutStatus, LONG),
        ("another service", Behaviour::OtherService, LONG),
        ("not protobuf", Behaviour::Bytes(Bytes::from_static(&[0xff; 20])), LONG),
        ("another protocol", Behaviour::changed(|s| s.protocol = 7), LONG),
        ("uneven columns", Behaviour::changed(uneven), LONG),
        (
            "no ticks",
            Behaviour::changed(|s| s.identity.as_mut().unwrap().ticks_per_second = 0),
            LONG,
        ),
        ("too large", Behaviour::changed(large), LONG),
        ("another machine", Behaviour::changed(machine), LONG),
        ("no credential", status(Code::Unauthenticated, "token\r\nmissing"), LONG),
        ("bad credential", status(Code::PermissionDenied, "not for you"), LONG),
        ("error of its own", status(Code::Internal, "cannot read /proc"), LONG),
        ("error in too many words", status(Code::Internal, &"w".repeat(3000)), LONG),
    ]
}

#[tokio::test]
async fn each_fault_has_its_outcome_and_the_healthy_ones_beside_it_do_not_notice() {
    const HEALTHY: usize = 50;
    let poller = poller(limits());
    let mut polls = JoinSet::new();
    let mut probes = Vec::new();
    for (name, behaviour, timeout) in faults() {
        let probe = FakeProbe::start(behaviour).await;
        let mut job = job(vec![probe.address()], timeout);
        let other = name == "another machine";
        let expected = if other { MACHINE.to_owned() } else { probe.machine() };
        job.expected_machine = Some(expected.into());
        probes.push(probe);
        let poller = poller.clone();
        polls.spawn(async move { (name, poll(&poller, &job).await) });
    }
    for _ in 0..HEALTHY {
        let probe = FakeProbe::start(Behaviour::Healthy).await;
        let job = job(vec![probe.address()], LONG);
        probes.push(probe);
        let poller = poller.clone();
        polls.spawn(async move { ("one of many", poll(&poller, &job).await) });
    }
    let mut found = polls.join_all().await;
    let healthy = found.extract_if(.., |(name, _)| *name == "one of many");
    assert_eq!(healthy.filter(|(_, attempt)| attempt.outcome == Outcome::Ok).count(), HEALTHY);
    let order = faults();
    found.sort_by_key(|(name, _)| order.iter().position(|(other, ..)| name == other));
    let line = |(name, attempt): &(&str, Attempt)| {
        let address = attempt.address.as_deref().unwrap();
        let error = attempt.error.as_deref().unwrap_or("-").replace(address, "ADDRESS");
        // A reset meets us while connecting or just after: one outcome, two ways to say it.
        let error = error.replace("ADDRESS: the peer accepted", "ADDRESS accepted");
        format!("{name}: {} | {error}", attempt.outcome)
    };
    insta::assert_snapshot!(found.iter().map(line).collect::<Vec<_>>().join("\n"));
    assert_eq!(poller.in_flight(), 0);
}

#[tokio::test]
async fn a_good_attempt_says_what_it_took() {
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    let (poller, job) = (poller(limits()), job(vec![probe.address()], LONG));
    let first = poll(&poller, &job).await;
    let second = poll(&poller, &job).await;
    assert_eq!((first.outcome, second.outcome), (Outcome::Ok, Outcome::Ok));
    // An IP address is not resolved, and the second poll finds a connection.
    assert!(first.timings.resolve_us.is_none() && first.timings.connect_us.is_some());
    assert!(second.timings.connect_us.is_none() && second.timings.call_us.is_some());
    assert_eq!(first.answer_bytes, Some(prost::Message::encoded_len(&support::answer(0)) as u64));
    assert_eq!(first.address.as_deref(), Some(probe.socket().to_string().as_str()));
    assert_eq!(first.snapshot.unwrap().facts.machine_id.as_deref(), Some(probe.machine().as_str()));
    // The fake's clock stands at 2026-03-29T01:30:00Z.
    let expected = 1_774_747_800_000 - first.started.wall.0;
    assert!((first.clock_skew_ms.unwrap() - expected).abs() < 60_000);
    assert_eq!((probe.calls(), probe.accepted()), (2, 1));
}

#[tokio::test]
async fn the_probe_is_told_what_time_it_has_and_who_asks() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let behaviour = Behaviour::Answers(Arc::new(move |request, call| {
        let of = |key| request.metadata().get(key).unwrap().to_str().unwrap().to_owned();
        heard.lock().unwrap().push((of("grpc-timeout"), of("user-agent")));
        Ok(support::answer(call))
    }));
    let probe = FakeProbe::start(behaviour).await;
    let job = job(vec![probe.address()], Duration::from_secs(2));
    assert_eq!(poll(&poller(limits()), &job).await.outcome, Outcome::Ok);
    let told = told.lock().unwrap();
    let [(timeout, agent)] = told.as_slice() else { panic!("{told:?}") };
    assert!(agent.starts_with("roundsman/"), "{agent}");
    // Less than the poll's 2 s, because the answer has to come back within them.
    let us: u64 = timeout.strip_suffix('u').unwrap().parse().unwrap();
    assert!((1..=1_900_000).contains(&us), "{timeout}");
}

#[tokio::test]
async fn an_answer_that_would_come_too_late_is_deadline_whoever_gives_up_first() {
    let probe = FakeProbe::start(Behaviour::Slow(LONG)).await;
    let attempt = poll(&poller(limits()), &job(vec![probe.address()], SHORT)).await;
    assert_eq!(attempt.outcome, Outcome::Deadline, "{attempt:?}");
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let job = job(vec![at(closed_port().await)], LONG);
    let attempt = poll(&poller(limits()), &job).await;
    assert_eq!(attempt.outcome, Outcome::Refused, "{attempt:?}");
    assert!(attempt.timings.connect_us.is_some() && attempt.timings.call_us.is_none());
    assert!(attempt.error.unwrap().contains("nothing listens on"));
}

#[tokio::test]
async fn an_unanswered_syn_is_unreachable_by_whichever_timeout_comes_first() {
    let silent = Unanswered::start().await;
    let address = || vec![at(silent.socket())];
    let quick = PollLimits { connect_timeout: Duration::from_millis(200), ..limits() };
    let attempt = poll(&poller(quick), &job(address(), LONG)).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert!(attempt.error.unwrap().contains("within 200.0 ms"));
    let attempt = poll(&poller(limits()), &job(address(), SHORT)).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert!(attempt.timings.call_us.is_none());
}

#[tokio::test]
async fn an_unknown_name_is_resolve() {
    let unknown = Address { host: "nosuch.invalid".into(), port: 50051 };
    let attempt = poll(&poller(limits()), &job(vec![unknown], LONG)).await;
    assert_eq!(attempt.outcome, Outcome::Resolve, "{attempt:?}");
    assert!(attempt.timings.resolve_us.is_some() && attempt.timings.connect_us.is_none());
    let error = attempt.error.unwrap();
    assert!(error.starts_with("nosuch.invalid:50051: cannot resolve the name: "), "{error}");
}

#[tokio::test]
async fn a_host_without_addresses_fails_and_says_so() {
    let attempt = poll(&poller(limits()), &job(vec![], LONG)).await;
    assert_eq!(attempt.outcome, Outcome::Resolve);
    assert_eq!(attempt.error.as_deref(), Some("the host has no address"));
}

#[tokio::test]
async fn a_probe_that_dies_in_its_answer_is_refused() {
    let probe = FakeProbe::start(Behaviour::StallsInBody).await;
    let job = job(vec![probe.address()], LONG);
    let poller = poller(limits());
    let dies = async {
        probe.called().await;
        probe.stop();
    };
    let (attempt, ()) = tokio::join!(poll(&poller, &job), dies);
    assert_eq!(attempt.outcome, Outcome::Refused, "{attempt:?}");
}

#[tokio::test]
async fn a_failed_status_is_asked_for_once() {
    let probe = FakeProbe::start(Behaviour::status(Status::unavailable("going down"))).await;
    let job = job(vec![probe.address()], LONG);
    let poller = poller(limits());
    for calls in 1..=2 {
        assert_eq!(poll(&poller, &job).await.outcome, Outcome::ProbeError);
        assert_eq!(probe.calls(), calls);
    }
}

#[tokio::test]
async fn headers_without_end_do_not_become_an_answer() {
    let mut status = Status::internal("no");
    let long = "x".repeat(1_000);
    for number in 0..40 {
        let key = format!("x-{number}").parse::<tonic::metadata::MetadataKey<_>>().unwrap();
        status.metadata_mut().insert(key, long.parse().unwrap());
    }
    let probe = FakeProbe::start(Behaviour::status(status)).await;
    let attempt = poll(&poller(limits()), &job(vec![probe.address()], LONG)).await;
    assert!(!attempt.outcome.has_values(), "{attempt:?}");
    assert!(attempt.error.unwrap().len() <= 512);
}
