//! What every backend owes of one batch: it is kept whole, once, or not at all.

use std::cell::Cell;

use super::*;
use crate::{model::Outcome, store::FactsSeen};

/// Records that are shared, as the store gives them back.
fn plain(shared: &[Arc<Record>]) -> Vec<Record> {
    shared.iter().map(|record| Record::clone(record)).collect()
}

pub(crate) async fn a_batch_sent_again_changes_nothing(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let batch = Batch {
        polls: vec![
            sample::good(host.id, &host.name, slot(0)).into(),
            sample::failed(host.id, &host.name, slot(1), "refused").into(),
        ],
        transitions: vec![sample::transition(
            host.id,
            &host.name,
            slot(1),
            State::Up,
            State::Suspect,
        )],
        facts: vec![FactsSeen { host: host.id, facts: sample::facts(), seen: slot(0) }],
        ..Batch::default()
    };
    assert_eq!(write(fixture, batch.clone()).await.unwrap().polls, 2);
    let before = (all_polls(fixture, host.id).await, all_hosts(fixture).await);

    let mut again = batch.clone();
    again.polls.push(sample::good(host.id, &host.name, slot(2)).into());
    let written = write(fixture, again.clone()).await.unwrap();
    assert_eq!(written, BatchResult { polls: 1, repeated: 2, ..BatchResult::default() });
    let written = write(fixture, again.clone()).await.unwrap();
    assert_eq!(written, BatchResult { repeated: 3, ..BatchResult::default() });

    assert_eq!(all_polls(fixture, host.id).await, plain(&again.polls));
    assert_eq!(before.0, plain(&batch.polls));
    let hosts = all_hosts(fixture).await;
    assert_eq!((&hosts[0].facts, hosts[0].state), (&before.1[0].facts, before.1[0].state));
    let transitions = fixture
        .store()
        .transitions(None, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE)
        .await
        .unwrap();
    assert_eq!(transitions, batch.transitions);
}

pub(crate) async fn another_attempt_at_a_slot_does_not_mix(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let first = sample::failed(host.id, &host.name, slot(0), "first");
    let mut second = sample::good(host.id, &host.name, slot(0));
    second.started = WallMs(first.started.0 + 1);
    let other = sample::good(host.id, &host.name, slot(1));
    write_polls(fixture, vec![first.clone()]).await;
    let written = write_polls(fixture, vec![second, other.clone()]).await;
    let conflicting = vec![(host.id, slot(0))];
    assert_eq!(written, BatchResult { polls: 1, conflicting, ..BatchResult::default() });
    assert_eq!(all_polls(fixture, host.id).await, [first, other]);
}

pub(crate) async fn a_bad_row_spoils_its_batch_and_nothing_else(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let good = sample::good(host.id, &host.name, slot(0));
    let bad = [
        Record { values: None, ..sample::good(host.id, &host.name, slot(1)) },
        Record { detail: None, ..sample::good(host.id, &host.name, slot(1)) },
        Record { outcome: Outcome::Deadline, ..sample::good(host.id, &host.name, slot(1)) },
        Record { outcome: Outcome::Ok, ..sample::failed(host.id, &host.name, slot(1), "x") },
    ];
    for bad in bad {
        let batch = Batch::of_polls([good.clone(), bad]);
        let error = write(fixture, batch).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        assert_eq!(
            error.to_string(),
            "refused to keep the poll of web-1 due 2026-03-29T01:30:01.250Z: values belong to \
             the outcomes ok and partial, to both of them and to no other"
        );
        assert_eq!(all_polls(fixture, host.id).await, []);
    }
    write_polls(fixture, vec![good.clone()]).await;
    assert_eq!(all_polls(fixture, host.id).await, [good]);
}

pub(crate) async fn another_process_reads_whole_batches(fixture: &dyn Fixture) {
    const BATCH: i64 = 20;
    const BATCHES: i64 = 30;
    let host = host(fixture, "web-1").await;
    let reader = fixture.reader().await;
    let written = Cell::new(false);
    let writing = async {
        for batch in 0..BATCHES {
            let polls = (batch * BATCH..(batch + 1) * BATCH)
                .map(|s| sample::good(host.id, &host.name, slot(s)))
                .collect();
            write_polls(fixture, polls).await;
        }
        written.set(true);
    };
    let reading = async {
        let mut last = 0;
        loop {
            let is_all = written.get();
            let polls =
                reader.polls(host.id, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE).await.unwrap();
            let count = i64::try_from(polls.len()).unwrap();
            assert!(count >= last, "{count} rows after {last}");
            assert_eq!(count % BATCH, 0, "half a batch was seen");
            last = count;
            if is_all {
                return last;
            }
        }
    };
    let ((), last) = tokio::join!(writing, reading);
    assert_eq!(last, BATCH * BATCHES);
    let refused = reader.write(Arc::new(Batch::default())).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
}
