//! Places are bounded, and whoever holds one holds up only his like.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    LONG, SHORT, job, limits, poll, poller,
    support::{Behaviour, FakeProbe},
};
use async_trait::async_trait;
use roundsman::{
    clock::SystemClock,
    model::{Address, Outcome},
    poll::{PollLimits, Poller},
    resolve::Resolve,
    units::Micros,
};
use tokio::task::JoinSet;

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
    let few = PollLimits { resolve_in_flight: 3, ..limits() };
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
    let poller = poller(PollLimits { in_flight: 1, in_flight_for, ..limits() });
    // The second poll's deadline is shorter than its time in the queue.
    let (slow, quick) = (job(vec![hung.address()], LONG / 10), job(vec![good.address()], SHORT));
    let (slow, quick) = tokio::join!(poll(&poller, &slow), poll(&poller, &quick));
    assert_eq!((slow.outcome, quick.outcome), (Outcome::Deadline, Outcome::Ok));
    assert!(quick.timings.queue_us > Micros::from(SHORT), "{:?}", quick.timings);
    assert!(quick.timings.queue_us >= slow.timings.call_us.unwrap(), "{:?}", quick.timings);
}

#[tokio::test]
async fn hosts_that_have_just_fallen_silent_hold_up_nobody() {
    const SILENT: u64 = 100;
    let hung = FakeProbe::start(Behaviour::Hangs).await;
    let good = FakeProbe::start(Behaviour::Healthy).await;
    let in_flight_for = Duration::from_millis(10);
    let poller = poller(PollLimits { in_flight: 2, in_flight_for, ..limits() });
    let mut silent = JoinSet::new();
    for _ in 0..SILENT {
        let (poller, job) = (poller.clone(), job(vec![hung.address()], LONG));
        silent.spawn(async move { poller.poll(job).await });
    }
    // Until all are begun; then they have all places, and go on to wait without.
    while hung.accepted() < SILENT {
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
    let poller = poller(PollLimits { in_flight: 1, in_flight_unwell: 1, ..limits() });
    let silent = || job(vec![hung.address()], LONG / 10);
    let both = async {
        tokio::join!(poller.poll_failing(silent(), true), poller.poll_failing(silent(), true))
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
