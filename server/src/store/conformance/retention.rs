//! What every backend owes of time passing: what is old goes, and what is left is counted.

use std::time::Duration;

use super::*;
use crate::{
    model::Rollup,
    own_clock::{Doubt, OwnClock},
    rollup::Tier,
    schedule::ClockStep,
    store::SeriesAsk,
    units::{Mono, Now},
};

pub(crate) async fn what_is_old_is_pruned(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    // More than one step's worth of one host.
    let polls: Vec<Record> = (0..1_300)
        .map(|s| sample::failed(a.id, &a.name, next_day(s - 1_200), "x"))
        .chain((-2..2).map(|s| sample::good(b.id, &b.name, next_day(s))))
        .collect();
    write_polls(fixture, polls).await;
    let transitions: Vec<_> = (0..10)
        .map(|s| sample::transition(a.id, &a.name, slot(s), State::Up, State::Down))
        .collect();
    write(fixture, Batch { transitions, ..Batch::default() }).await.unwrap();

    let before =
        Retention { polls: next_day(0), events: slot(4), summaries: slot(0), rollups: slot(0) };
    let pruned = fixture.store().prune(before).await.unwrap();
    assert_eq!((pruned.polls, pruned.events), (1_202, 4));
    assert_eq!(slots(&all_polls(fixture, a.id).await), (0..100).map(next_day).collect::<Vec<_>>());
    assert_eq!(slots(&all_polls(fixture, b.id).await), [0, 1].map(next_day));
    let left =
        fixture.store().transitions(None, Span::ALL, ReadOrder::OldestFirst, 99).await.unwrap();
    assert_eq!(left.iter().map(|t| t.at).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9].map(slot));
    let pruned = fixture.store().prune(before).await.unwrap();
    assert_eq!((pruned.polls, pruned.events), (0, 0));
    // The hosts, their states and their versions stay.
    assert_eq!(all_hosts(fixture).await.len(), 2);
}

pub(crate) async fn pruning_lets_batches_through(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    // Many days, and many rows: many steps, whichever a backend takes.
    let seconds = (1..=20).flat_map(|day| (0..150).map(move |s| s - day * 86_400));
    let old = seconds.map(|s| sample::failed(a.id, &a.name, next_day(s), "x")).collect();
    write_polls(fixture, old).await;
    let new = sample::good(a.id, &a.name, next_day(9_000));
    let before =
        Retention { polls: next_day(5_000), events: slot(0), summaries: slot(0), rollups: slot(0) };
    let mut pruning = fixture.store().prune(before);
    // The batch is handed in when the first step of pruning is, and is kept before the last.
    let kept = tokio::select! {
        biased;
        _ = &mut pruning => panic!("the batch had to wait for all of pruning"),
        kept = write_polls(fixture, vec![new.clone()]) => kept,
    };
    assert_eq!(kept.polls, 1);
    assert_eq!(pruning.await.unwrap().polls, 3_000);
    assert_eq!(all_polls(fixture, a.id).await, [new]);
}

pub(crate) async fn status_counts_what_is_kept(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let empty = fixture.store().status().await.unwrap();
    assert_eq!(
        (empty.polls, empty.events, empty.oldest_poll, empty.newest_poll),
        (0, 0, None, None)
    );
    fixture.store().retire(vec![b.id], slot(9)).await.unwrap();
    let batch = Batch {
        polls: (-100..600).map(|s| sample::good(a.id, &a.name, next_day(s)).into()).collect(),
        transitions: vec![sample::transition(a.id, &a.name, slot(1), State::Up, State::Down)],
        ..Batch::default()
    };
    write(fixture, batch).await.unwrap();
    let before =
        Retention { polls: next_day(0), events: slot(0), summaries: slot(0), rollups: slot(0) };
    fixture.store().prune(before).await.unwrap();
    let status = fixture.store().status().await.unwrap();
    assert_eq!((status.hosts, status.retired, status.polls, status.events), (1, 1, 600, 1));
    assert_eq!((status.oldest_poll, status.newest_poll), (Some(next_day(0)), Some(next_day(599))));
    assert!(status.bytes > empty.bytes + status.free_bytes, "{status:?}");
}

/// What is old goes in one run of pruning, as the server has it: by a clock that is believed, and no
/// further than a run may go.
async fn run(fixture: &dyn Fixture, clock: &OwnClock, now: Now) -> Option<Doubt> {
    let doubt = clock.standing().doubt(now);
    if doubt.is_none() {
        let day = Duration::from_secs(86_400);
        let before = Retention {
            polls: now.wall.minus(30 * day),
            events: now.wall.minus(30 * day),
            summaries: now.wall.minus(90 * day),
            rollups: now.wall.minus(90 * day),
        };
        let reach = fixture.store().reach().await.unwrap();
        fixture.store().prune(before.within(reach)).await.unwrap();
    }
    doubt
}

/// Days of which polls, transitions and hours in short are kept.
async fn kept_days(fixture: &dyn Fixture, host: HostId) -> [Vec<i64>; 3] {
    let day = |at: WallMs| (at.0 - next_day(0).0).div_euclid(86_400_000);
    let days = |all: Vec<WallMs>| {
        let all: std::collections::BTreeSet<i64> = all.into_iter().map(day).collect();
        Vec::from_iter(all)
    };
    let store = fixture.store();
    let events = store.transitions(None, Span::ALL, ReadOrder::OldestFirst, 999).await.unwrap();
    let from = next_day(-99 * 86_400);
    let ask = SeriesAsk {
        host,
        columns: [].into(),
        tier: Tier::Hours,
        span: Span { from, to: next_day(86_400) },
        step: Duration::from_secs(3_600),
    };
    let hours = store.series(ask).await.unwrap();
    [
        days(slots(&all_polls(fixture, host).await)),
        days(events.iter().map(|event| event.at).collect()),
        days(hours.iter().map(|hour| hour.start).collect()),
    ]
}

pub(crate) async fn a_wrong_clock_costs_a_day_at_most(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    let noon = |day: i64| next_day(day * 86_400 + 43_200);
    let batch = Batch {
        polls: (-9..0).map(|day| sample::good(a.id, &a.name, noon(day)).into()).collect(),
        transitions: (-9..0)
            .map(|day| sample::transition(a.id, &a.name, noon(day), State::Up, State::Down))
            .collect(),
        // Of three months, which a backend may drop whole.
        rollups: [-60, -59, -30, -1].map(|day| Rollup::new(a.id, noon(day)).into()).into(),
        ..Batch::default()
    };
    write(fixture, batch).await.unwrap();
    let all = kept_days(fixture, a.id).await;
    assert_eq!(all, [Vec::from_iter(-9..0), Vec::from_iter(-9..0), vec![-60, -59, -30, -1]]);

    const YEAR_MS: i64 = 365 * 86_400_000;
    let at = |seconds: u64, off_ms: i64| Now {
        wall: WallMs(next_day(0).0 + off_ms + i64::try_from(seconds).unwrap() * 1_000),
        mono: Mono(Duration::from_secs(seconds)),
    };
    // Steps while it runs: noticed before or only by the run itself, and back again.
    for by_ms in [YEAR_MS, -YEAR_MS, 5 * 86_400_000, 20 * YEAR_MS] {
        let mut clock = OwnClock::new(Duration::from_secs(5));
        clock.begin(at(0, 0), Some(noon(-1)));
        assert!(run(fixture, &clock, at(1, by_ms)).await.is_some());
        clock.step(ClockStep { by_ms, noticed: at(2, by_ms) });
        assert!(run(fixture, &clock, at(3, by_ms)).await.is_some());
        clock.step(ClockStep { by_ms: -by_ms, noticed: at(7, 0) });
        assert!(run(fixture, &clock, at(8, 0)).await.is_some());
    }
    // A start with a wrong clock.
    for by_ms in [YEAR_MS, -YEAR_MS] {
        let mut clock = OwnClock::new(Duration::from_secs(5));
        clock.begin(at(0, by_ms), Some(noon(-1)));
        assert!(run(fixture, &clock, at(1, by_ms)).await.is_some());
    }
    assert_eq!(kept_days(fixture, a.id).await, all);

    // Nothing tells that it is wrong: the oldest day is gone, of hours in short a month at most.
    let mut clock = OwnClock::new(Duration::from_secs(5));
    clock.begin(at(0, YEAR_MS), None);
    for day in [-8, -7] {
        assert_eq!(run(fixture, &clock, at(1, YEAR_MS)).await, None);
        let [polls, events, hours] = kept_days(fixture, a.id).await;
        assert_eq!([polls, events], [Vec::from_iter(day..0), Vec::from_iter(day..0)]);
        assert!(hours.ends_with(&[-1]), "{hours:?}");
        assert!(day == -7 || hours.ends_with(&[-30, -1]), "{hours:?}");
    }
    // Run by run all of it goes, and a run with nothing to do does nothing.
    for _ in 0..9 {
        assert_eq!(run(fixture, &clock, at(1, YEAR_MS)).await, None);
    }
    let [polls, events, _] = kept_days(fixture, a.id).await;
    assert_eq!([polls.len(), events.len()], [0, 0]);
}
