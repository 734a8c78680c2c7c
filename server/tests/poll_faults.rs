//! Polling against everything that can be wrong with the other side, over real sockets: each fault
//! gets its own outcome, no poll outlives its deadline, and none disturbs the healthy ones beside
//! it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use prost::bytes::Bytes;
use roundsman::{
    clock::SystemClock,
    model::{Address, HostId, HostName, Outcome, Selection},
    poll::{Attempt, Job, Limits, Link, MAX_ERROR_BYTES, MAX_SOCKET_ADDRESSES, Poller, Serving},
    resolve::Resolve,
    units::Micros,
};
use roundsman_proto::v1;
use support::{Behaviour, FakeProbe, MACHINE, Unanswered};
use tokio::task::JoinSet;
use tonic::{Code, Status};

/// The deadline of polls that are meant to reach it.
const SHORT: Duration = Duration::from_secs(1);
/// The deadline of polls that are not.
const LONG: Duration = Duration::from_secs(30);
/// How much later than its deadline a poll may be seen to end on a machine that is busy.
const GRACE: Duration = Duration::from_secs(5);

fn poller(limits: Limits) -> Poller {
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

fn limits() -> Limits {
    Limits { answer_max_bytes: 32 * 1024, ..Limits::default() }
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
    assert!(attempt.error.unwrap().contains("nothing listens there"));
}

#[tokio::test]
async fn an_unanswered_syn_is_unreachable_by_whichever_timeout_comes_first() {
    let silent = Unanswered::start().await;
    let address = || vec![at(silent.socket())];
    let quick = Limits { connect_timeout: Duration::from_millis(200), ..limits() };
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
async fn the_next_address_is_tried_and_the_last_good_one_comes_first() {
    let closed = closed_port().await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    let job = job(vec![at(closed), good.address()], LONG);
    let poller = poller(limits());
    let attempt = poll(&poller, &job).await;
    assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
    assert_eq!(attempt.address.as_deref(), Some(good.socket().to_string().as_str()));

    // Another probe appears at the first address, and the good one is started anew: it still is
    // the one that is asked.
    let first = FakeProbe::start_at(closed, Behaviour::Healthy).await;
    let good = FakeProbe::start_at(good.stop(), Behaviour::Healthy).await;
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    assert_eq!((first.calls(), good.calls()), (0, 1));

    good.stop();
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    assert_eq!(first.calls(), 1);
}

#[tokio::test]
async fn one_silent_address_leaves_time_for_the_next() {
    let silent = Unanswered::start().await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    // The connection timeout alone would eat the whole poll.
    let slow = Limits { connect_timeout: LONG, ..limits() };
    let job = job(vec![at(silent.socket()), good.address()], Duration::from_secs(4));
    let attempt = poll(&poller(slow), &job).await;
    assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
}

#[tokio::test]
async fn an_address_that_only_accepts_is_passed_by_at_the_next_poll() {
    let hung = FakeProbe::start(Behaviour::Hangs).await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    let job = job(vec![hung.address(), good.address()], SHORT);
    let patient = Job { timeout: LONG, ..job.clone() };
    let poller = poller(limits());
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Deadline);
    assert_eq!(poll(&poller, &patient).await.outcome, Outcome::Ok);
    assert_eq!(hung.accepted(), 1);
}

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
async fn a_connection_is_kept_over_as_many_failures_as_it_is_told() {
    let probe = FakeProbe::start(Behaviour::status(Status::internal("broken"))).await;
    for (rebuild_after, accepted) in [(1, 4), (3, 6)] {
        let poller = poller(Limits { rebuild_after, ..limits() });
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
    let quick = Limits { keep_alive: Duration::from_millis(200), ..limits() };
    let poller = poller(quick);
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
    let attempt = poll(&poller, &job).await;
    assert_eq!(attempt.outcome, Outcome::Deadline, "{attempt:?}");
    assert!(attempt.error.unwrap().contains("does not even answer HTTP/2 pings"));
    // Both the kept connection and a new one were given up long before the deadline.
    assert!(attempt.timings.call_us.unwrap() < Micros::from(LONG), "{:?}", attempt.timings);
    assert_eq!((freezes.calls(), job.link.opened()), (2, 2));
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Ok);
}

/// A resolver that gives the next answer of a list each time it is asked.
struct Scripted(Mutex<VecDeque<SocketAddr>>);

#[async_trait]
impl Resolve for Scripted {
    async fn resolve(&self, host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "probe.example");
        Ok(vec![self.0.lock().unwrap().pop_front().unwrap()])
    }
}

#[tokio::test]
async fn after_a_failure_a_changed_address_is_found() {
    let before = FakeProbe::start(Behaviour::StallsAfterHead).await;
    let after = FakeProbe::start(Behaviour::Healthy).await;
    let script = VecDeque::from([before.socket(), after.socket()]);
    let resolver = Arc::new(Scripted(Mutex::new(script)));
    let poller = Poller::with_resolver(limits(), Arc::new(SystemClock::new()), resolver);
    let name = Address { host: "probe.example".into(), port: 50051 };
    let job = job(vec![name], SHORT);
    let patient = Job { timeout: LONG, ..job.clone() };
    // The connection lives; only its answers do not come.
    assert_eq!(poll(&poller, &job).await.outcome, Outcome::Deadline);
    let attempt = poll(&poller, &patient).await;
    assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
    assert_eq!(attempt.address.as_deref(), Some("probe.example:50051"));
    assert!(attempt.timings.resolve_us.is_some());
}

/// A resolver that gives the same addresses each time.
struct Many(Vec<SocketAddr>);

#[async_trait]
impl Resolve for Many {
    async fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn of_a_name_with_many_addresses_only_the_first_few_are_tried() {
    let good = FakeProbe::start(Behaviour::Healthy).await;
    let port = closed_port().await.port();
    let dead = |count: usize| {
        (0..count).map(move |i| SocketAddr::from(([127, 0, 1, u8::try_from(i).unwrap()], port)))
    };
    for (before, outcome) in
        [(MAX_SOCKET_ADDRESSES - 1, Outcome::Ok), (MAX_SOCKET_ADDRESSES, Outcome::Refused)]
    {
        let sockets = dead(before).chain([good.socket()]).chain(dead(200)).collect();
        let clock = Arc::new(SystemClock::new());
        let poller = Poller::with_resolver(limits(), clock, Arc::new(Many(sockets)));
        let name = Address { host: "probe.example".into(), port };
        let attempt = poll(&poller, &job(vec![name], LONG)).await;
        assert_eq!(attempt.outcome, outcome, "{before} dead ones before: {attempt:?}");
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

/// A resolver that never answers, and counts how often it was asked.
#[derive(Default)]
struct Dead(Mutex<usize>);

#[async_trait]
impl Resolve for Dead {
    async fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        *self.0.lock().unwrap() += 1;
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_dead_resolver_holds_its_share_of_look_ups_and_no_more() {
    let resolver = Arc::new(Dead::default());
    let few = Limits { resolve_in_flight: 3, ..limits() };
    let poller = Poller::with_resolver(few, Arc::new(SystemClock::new()), resolver.clone());
    let name = |n: usize| Address { host: format!("host-{n}.example").into(), port: 50051 };
    let mut polls = JoinSet::new();
    for n in 0..10 {
        let (poller, job) = (poller.clone(), job(vec![name(n)], SHORT));
        polls.spawn(async move { poll(&poller, &job).await.outcome });
    }
    assert_eq!(polls.join_all().await, [Outcome::Resolve; 10]);
    // The polls are over, the look-ups are not: they still hold their slots.
    assert_eq!(*resolver.0.lock().unwrap(), 3);
    // A host known by its address does not need the resolver.
    let probe = FakeProbe::start(Behaviour::Healthy).await;
    assert_eq!(poll(&poller, &job(vec![probe.address()], LONG)).await.outcome, Outcome::Ok);
}

#[tokio::test]
async fn waiting_for_the_limit_is_our_time_and_not_the_hosts() {
    let hung = FakeProbe::start(Behaviour::Hangs).await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    // So a silent host holds its place for as long as its poll lasts.
    let in_flight_for = LONG;
    let poller = poller(Limits { in_flight: 1, in_flight_for, ..limits() });
    // The second poll's deadline is shorter than its time in the queue.
    let (slow, quick) = (job(vec![hung.address()], LONG / 10), job(vec![good.address()], SHORT));
    let (slow, quick) = tokio::join!(poll(&poller, &slow), poll(&poller, &quick));
    assert_eq!((slow.outcome, quick.outcome), (Outcome::Deadline, Outcome::Ok));
    assert!(quick.timings.queue_us > Micros::from(SHORT), "{:?}", quick.timings);
    assert!(quick.timings.queue_us >= slow.timings.call_us.unwrap(), "{:?}", quick.timings);
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
    let attempt = poller.poll_unwell(down.clone(), true).await;
    check(&attempt, LONG);
    assert_eq!((attempt.outcome, attempt.answer_bytes), (Outcome::ProbeError, None));
    let words = "the probe's health service says NOT_SERVING; it was not polled";
    assert_eq!(attempt.error.unwrap().as_ref(), format!("{}: {words}", not.socket()));
    assert_eq!(not.calls(), 0, "no full poll");
    let again = FakeProbe::start_at(not.stop(), Behaviour::Healthy).await;
    let attempt = poller.poll_unwell(down, true).await;
    assert_eq!((attempt.outcome, again.calls()), (Outcome::Ok, 1), "{attempt:?}");
    assert_eq!(again.accepted(), 1, "the poll goes over the connection of the check");
    assert!(attempt.snapshot.is_some() && attempt.answer_bytes.unwrap() > 2);
}

#[tokio::test]
async fn a_probe_without_a_health_service_is_polled_all_the_same() {
    let probe = FakeProbe::start(Behaviour::NoHealth).await;
    let attempt = poller(limits()).poll_unwell(job(vec![probe.address()], LONG), true).await;
    assert_eq!((attempt.outcome, probe.calls()), (Outcome::Ok, 1), "{attempt:?}");
}

#[tokio::test]
async fn a_check_and_its_poll_share_one_deadline() {
    for behaviour in [Behaviour::Hangs, Behaviour::Slow(LONG)] {
        let probe = FakeProbe::start(behaviour).await;
        let attempt = poller(limits()).poll_unwell(job(vec![probe.address()], SHORT), true).await;
        assert_eq!(attempt.outcome, Outcome::Deadline, "{attempt:?}");
        check(&attempt, SHORT);
    }
}

#[tokio::test]
async fn hosts_that_have_just_fallen_silent_hold_up_nobody() {
    const SILENT: u64 = 100;
    let hung = FakeProbe::start(Behaviour::Hangs).await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    let in_flight_for = Duration::from_millis(10);
    let poller = poller(Limits { in_flight: 2, in_flight_for, ..limits() });
    let mut silent = JoinSet::new();
    for _ in 0..SILENT {
        let (poller, job) = (poller.clone(), job(vec![hung.address()], LONG));
        silent.spawn(async move { poller.poll(job).await });
    }
    // Until all are begun; then they have all places, and go on to wait without.
    while hung.calls() < SILENT {
        tokio::task::yield_now().await;
    }
    let well = poll(&poller, &job(vec![good.address()], LONG)).await;
    assert_eq!(well.outcome, Outcome::Ok);
    assert!(silent.try_join_next().is_none(), "a silent one ended: it proves nothing");
}

#[tokio::test]
async fn hosts_that_are_not_well_wait_for_each_other_and_hold_up_nobody_else() {
    let hung = FakeProbe::start(Behaviour::Hangs).await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    let poller = poller(Limits { in_flight: 1, in_flight_unwell: 1, ..limits() });
    let silent = || job(vec![hung.address()], LONG / 10);
    let both = async {
        tokio::join!(poller.poll_unwell(silent(), true), poller.poll_unwell(silent(), true))
    };
    // Ends long before either silent one does, though all of their places are taken.
    let well = async {
        let attempt = poll(&poller, &job(vec![good.address()], LONG)).await;
        (attempt, poller.in_flight())
    };
    let ((first, second), (well, in_flight)) = tokio::join!(both, well);
    assert_eq!(well.outcome, Outcome::Ok);
    assert_eq!(in_flight, 1, "a silent one was still held");
    assert_eq!((first.outcome, second.outcome), (Outcome::Deadline, Outcome::Deadline));
    let waited = first.timings.queue_us.max(second.timings.queue_us);
    assert!(waited >= Micros::from(LONG / 20), "{waited}");
}
