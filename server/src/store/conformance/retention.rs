//! What every backend owes of time passing: what is old goes, and what is left is counted.

use super::*;

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

    let before = Retention { polls: next_day(0), events: slot(4), rollups: slot(0) };
    let pruned = fixture.store().prune(before).await.unwrap();
    assert_eq!((pruned.polls, pruned.events), (1_202, 4));
    assert_eq!(slots(&all_polls(fixture, a.id).await), (0..100).map(next_day).collect::<Vec<_>>());
    assert_eq!(slots(&all_polls(fixture, b.id).await), [0, 1].map(next_day));
    let left = fixture.store().transitions(None, Span::ALL, Order::OldestFirst, 99).await.unwrap();
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
    let before = Retention { polls: next_day(5_000), events: slot(0), rollups: slot(0) };
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
    let before = Retention { polls: next_day(0), events: slot(0), rollups: slot(0) };
    fixture.store().prune(before).await.unwrap();
    let status = fixture.store().status().await.unwrap();
    assert_eq!((status.hosts, status.retired, status.polls, status.events), (1, 1, 600, 1));
    assert_eq!((status.oldest_poll, status.newest_poll), (Some(next_day(0)), Some(next_day(599))));
    assert!(status.bytes > empty.bytes + status.free_bytes, "{status:?}");
}
