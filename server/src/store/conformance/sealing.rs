//! Polls that are sealed are shown as before, each once, whenever they came.

use super::*;
use crate::{
    model::{Detail, Values},
    store::{Sealed, shown::VIEWS},
};

const HOUR_MS: i64 = 3_600_000;

/// So many seconds after the beginning of the first hour, and a little.
pub(crate) fn at(seconds: i64) -> WallMs {
    WallMs(sample::START.0 / HOUR_MS * HOUR_MS + seconds * 1_000 + 250)
}

/// A poll of a kind that its moment says: made of counters, whole, failed, without what repeats, without
/// anything, or with a value that is no count.
pub(crate) fn poll_at(host: &KnownHost, slot: WallMs) -> Record {
    let good = sample::good(host.id, &host.name, slot);
    let mut measured = sample::measured(host.id, &host.name, slot);
    match slot.0 / 10_000 % 9 {
        0 => good,
        1 => sample::failed(host.id, &host.name, slot, "it's \"refused\"\n\\ 🦀 三"),
        2 => Record { detail: Some(Detail::default()), ..good },
        3 => Record { values: Some(Values::default()), ..good },
        4 if slot.0 / 1_000 % 4 == 0 => {
            measured.values.as_mut().unwrap().set(Column::NetRxBytesPerS, 9.3e12);
            measured
        }
        _ => measured,
    }
}

/// Three hosts with polls in three hours, the last of them not over.
pub(crate) async fn fleet(fixture: &dyn Fixture) -> Vec<(KnownHost, Vec<Record>)> {
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        let host = host(fixture, name).await;
        let seconds = (0..40).map(|n| n * 10).chain([3_599, 3_600, 4_000, 7_200, 7_210]);
        let polls: Vec<Record> = seconds.map(|second| poll_at(&host, at(second))).collect();
        write_polls(fixture, polls.clone()).await;
        all.push((host, polls));
    }
    all
}

/// Every row of every view of polls.
pub(crate) async fn everything(fixture: &dyn Fixture) -> BTreeMap<&'static str, Vec<ViewRow>> {
    let mut all = BTreeMap::new();
    for name in VIEWS.iter().map(|view| view.name).chain(["ledger"]) {
        let mut rows = fixture.view(name).await;
        rows.sort_by_key(|row| format!("{} {} {row:?}", row["host"], row["time"]));
        assert!(!rows.is_empty(), "{name}");
        all.insert(name, rows);
    }
    all
}

/// Checks that the polls are there as they were, in both orders and by page.
pub(crate) async fn check(fixture: &dyn Fixture, fleet: &[(KnownHost, Vec<Record>)]) {
    for (host, polls) in fleet {
        assert_eq!(all_polls(fixture, host.id).await, *polls);
        let read = async |span, order, limit| {
            fixture.store().polls(host.id, span, order, limit).await.unwrap()
        };
        let newest = read(Span::ALL, ReadOrder::NewestFirst, 7).await;
        let reversed: Vec<Record> = polls.iter().rev().cloned().collect();
        assert_eq!(newest, reversed[..reversed.len().min(7)]);
        let span = Span { from: at(20), to: at(7_200) };
        let within: Vec<Record> = polls
            .iter()
            .filter(|poll| span.from <= poll.slot && poll.slot < span.to)
            .cloned()
            .collect();
        assert_eq!(read(span, ReadOrder::OldestFirst, MAX_PAGE).await, within);
        assert_eq!(read(span, ReadOrder::OldestFirst, 3).await, within[..within.len().min(3)]);
    }
}

/// Rows of views and the answers of the store are the same to the digit; nothing is sealed twice.
pub(crate) async fn sealed_polls_are_in_the_views_as_before(fixture: &dyn Fixture) {
    let fleet = fleet(fixture).await;
    let before = everything(fixture).await;
    let store = fixture.store();
    let sealed = store.seal(at(7_205)).await.unwrap();
    assert_eq!((sealed.hours, sealed.polls), (2, 3 * 43));
    for (view, rows) in everything(fixture).await {
        assert_eq!(rows, before[&view], "{view}");
    }
    check(fixture, &fleet).await;
    assert_eq!(store.seal(at(7_205)).await.unwrap(), Sealed::default());
    let status = store.status().await.unwrap();
    assert_eq!((status.polls, status.sealed_polls), (3 * 45, 3 * 43));
    assert_eq!(status.oldest_unsealed, Some(WallMs(at(7_200).0 - 250)));
    assert!(status.sealed_bytes > 0 && status.unsealed_bytes > 0, "{status:?}");
    assert!(status.bytes >= status.sealed_bytes + status.unsealed_bytes, "{status:?}");
}

/// A host that was polled for the last time long ago has its newest poll in a sealed hour.
pub(crate) async fn hosts_are_listed_with_their_sealed_newest_poll(fixture: &dyn Fixture) {
    let fleet = fleet(fixture).await;
    let before = all_hosts(fixture).await;
    fixture.store().seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(all_hosts(fixture).await, before);
    let newest = fleet[0].1.last().unwrap().slot;
    assert_eq!(host(fixture, "a").await.latest_slot, Some(newest));
    check(fixture, &fleet).await;
}

/// What comes late is one of its hour, is known when it is sent again, and is sealed with the others.
pub(crate) async fn late_polls_are_kept_once_and_sealed_with_the_others(fixture: &dyn Fixture) {
    let mut fleet = fleet(fixture).await;
    let store = fixture.store();
    store.seal(at(7_205)).await.unwrap();
    let host = fleet[1].0.clone();
    let backwards = (0..20).map(|n| 3_500 - n).chain([-86_400, -90_000]);
    for second in (0..20).map(|n| 1_000 + n).chain(backwards) {
        let new = poll_at(&host, at(second));
        let written = write_polls(fixture, vec![new.clone()]).await;
        assert_eq!(written, BatchResult { polls: 1, ..BatchResult::default() });
        fleet[1].1.push(new);
    }
    fleet[1].1.sort_by_key(|record| record.slot);
    check(fixture, &fleet).await;
    store.seal(at(7_205)).await.unwrap();
    check(fixture, &fleet).await;
    let mut other = fleet[1].1[3].clone();
    other.started = WallMs(other.started.0 + 1);
    let new = poll_at(&host, at(2_000));
    let conflicting = vec![(other.host, other.slot)];
    let sent = vec![fleet[1].1[3].clone(), other, new.clone(), new.clone()];
    let written = write_polls(fixture, sent).await;
    assert_eq!(written, BatchResult { polls: 1, repeated: 2, conflicting });
    fleet[1].1.push(new);
    fleet[1].1.sort_by_key(|record| record.slot);
    check(fixture, &fleet).await;
    let all = fleet.iter().map(|(_, polls)| polls.len()).sum::<usize>();
    assert_eq!(fixture.view("ledger").await.len(), all);
    store.seal(at(7_205)).await.unwrap();
    let status = store.status().await.unwrap();
    assert_eq!((status.polls, status.polls - status.sealed_polls), (all as u64, 3 * 2));
}
