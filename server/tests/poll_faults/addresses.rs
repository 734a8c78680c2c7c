//! Which address is asked when a host has several, and what a name may lead to.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    LONG, SHORT, at, closed_port, job, limits, poll, poller,
    support::{Behaviour, FakeProbe, Unanswered},
};
use async_trait::async_trait;
use roundsman::{
    clock::SystemClock,
    discover::{Finder, LookError, MAX_ADDRESSES},
    inventory::Discovery,
    model::{Address, GroupName, Labels, Outcome},
    poll::{Job, MAX_SOCKET_ADDRESSES, PollLimits, Poller},
    resolve::Resolve,
    schedule::Schedule,
};

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
    let slow = PollLimits { connect_timeout: LONG, ..limits() };
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

/// As link-local addresses are written; the loopback address alone is on every machine.
#[tokio::test]
async fn an_address_on_an_interface_is_asked_there() {
    let probe = FakeProbe::start_at("[::1]:0".parse().unwrap(), Behaviour::Healthy).await;
    let on =
        |zone: &str| Address { host: format!("::1%{zone}").into(), port: probe.socket().port() };
    for zone in ["lo", "1"] {
        let attempt = poll(&poller(limits()), &job(vec![on(zone)], LONG)).await;
        assert_eq!(attempt.outcome, Outcome::Ok, "{attempt:?}");
        assert_eq!(attempt.address.as_deref(), Some(on(zone).to_string().as_str()));
    }
    let attempt = poll(&poller(limits()), &job(vec![on("nosuch0")], LONG)).await;
    assert_eq!(attempt.outcome, Outcome::Resolve, "{attempt:?}");
    let error = attempt.error.unwrap();
    assert!(error.contains("this machine has no interface nosuch0"), "{error}");
}

#[tokio::test]
async fn a_name_of_too_many_addresses_is_not_looked_into() {
    let discovery = Discovery {
        group: GroupName::new("swarm").unwrap(),
        dns: "tasks.probe".into(),
        port: 50051,
        refresh: LONG,
        labels: Labels::default(),
        schedule: Schedule::default(),
        timeout: SHORT,
        parent: None,
        paused: false,
        selection: Arc::default(),
        tls: None,
    };
    let socket = |number: usize| {
        let [.., high, low] = u32::try_from(number).unwrap().to_be_bytes();
        SocketAddr::from(([127, 9, high, low], 50051))
    };
    for count in [MAX_ADDRESSES, MAX_ADDRESSES + 1] {
        let names = Arc::new(Many((0..count).map(socket).collect()));
        let finder = Finder::new(names, limits(), Arc::new(SystemClock::new()));
        // Everybody is known to answer: nobody is asked, only the name is looked up.
        let well = || (0..count).map(|number| socket(number).to_string().into()).collect();
        match finder.look(&discovery, well).await {
            Ok(seen) => assert_eq!((seen.len(), count), (MAX_ADDRESSES, MAX_ADDRESSES)),
            Err(LookError::TooMany { found, .. }) => assert_eq!(found, MAX_ADDRESSES + 1),
            Err(other) => panic!("{other}"),
        }
    }
}
