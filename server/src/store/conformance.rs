//! What every backend owes, as tests: [`suite!`] makes one test of each promise for a backend.
//!
//! Knows the trait and the views' names; SQL stands behind [`Fixture`].

mod rollups;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;

use super::{
    Batch, FactsSeen, HostQuery, HostSummary, KnownHost, LoadedInventory, MAX_PAGE, Order,
    Registration, Retention, Span, Store, StoreError, Written, sample,
};
use crate::{
    health::Pause,
    model::{
        Column, ColumnSet, CoreColumn, Detail, DiskColumn, Facts, Family, FilesystemColumn, HostId,
        Loss, LossReason, NetColumn, Outcome, ProcessColumn, Record, Row, SoftirqColumn, State,
        Transition, Values,
    },
    units::WallMs,
};

/// One row of a view, by column.
pub(crate) type ViewRow = BTreeMap<String, Value>;

/// A backend with an empty store.
#[async_trait]
pub(crate) trait Fixture: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn Store;
    /// The same store, opened for reading as another process would.
    async fn reader(&self) -> Box<dyn Store>;
    /// Every row of a view, in order of time, then as the view gives them.
    async fn view(&self, view: &str) -> Vec<ViewRow>;
}

/// One test per promise; `$fixture` is an expression that makes a fresh fixture.
macro_rules! suite {
    ($fixture:expr; $($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            $crate::store::conformance::$promise(&$fixture).await;
        }
    )*};
    ($fixture:expr) => {
        $crate::store::conformance::suite! { $fixture;
            a_record_comes_back_exactly
            every_outcome_leaves_one_row
            unknown_stays_unknown
            a_batch_sent_again_changes_nothing
            another_attempt_at_a_slot_does_not_mix
            a_bad_row_spoils_its_batch_and_nothing_else
            polls_come_in_order_and_by_page
            any_text_is_kept
            a_large_answer_is_kept
            a_host_keeps_its_number
            a_rename_keeps_history
            renames_in_a_chain_and_again
            a_retired_host_comes_back_unpinned
            facts_are_kept_in_order_of_time
            hosts_are_listed_with_their_newest_poll
            transitions_are_kept_once_and_move_the_state
            a_pause_is_kept_until_it_is_ended
            a_row_about_no_change_moves_no_state
            losses_are_kept_once_and_found_by_span
            an_inventory_is_a_version_once
            what_is_old_is_pruned
            pruning_lets_batches_through
            views_say_what_polls_say
            a_failed_poll_is_in_no_view_of_values
            another_process_reads_whole_batches
            status_counts
            an_hour_is_kept_as_it_is_and_gives_way_to_a_fuller_one
            values_over_time_are_those_of_the_polls
            values_over_time_come_from_hours_too
            hours_that_were_not_seen_whole_are_made_of_the_polls
            samples_are_polls_without_the_rest
            sealed_polls_answer_as_before
            old_hours_are_pruned
        }
    };
}
pub(crate) use suite;

pub(crate) use rollups::*;

async fn host(fixture: &dyn Fixture, name: &str) -> KnownHost {
    let registered = fixture.store().register(vec![sample::registration(name)], sample::START);
    registered.await.unwrap().remove(0)
}

async fn write(fixture: &dyn Fixture, batch: Batch) -> Result<Written, StoreError> {
    fixture.store().write(Arc::new(batch)).await
}

async fn write_polls(fixture: &dyn Fixture, polls: Vec<Record>) -> Written {
    write(fixture, Batch::of_polls(polls)).await.unwrap()
}

/// Records that are shared, as the store gives them back.
fn plain(shared: &[Arc<Record>]) -> Vec<Record> {
    shared.iter().map(|record| Record::clone(record)).collect()
}

async fn all_polls(fixture: &dyn Fixture, host: HostId) -> Vec<Record> {
    fixture.store().polls(host, Span::ALL, Order::OldestFirst, MAX_PAGE).await.unwrap()
}

async fn all_hosts(fixture: &dyn Fixture) -> Vec<HostSummary> {
    fixture.store().hosts(HostQuery::all()).await.unwrap()
}

fn slot(seconds: i64) -> WallMs {
    WallMs(sample::START.0 + seconds * 1_000)
}

/// A moment so many seconds after the end of the first day: backends that keep whole days and those
/// that do not agree on what is before it.
fn next_day(seconds: i64) -> WallMs {
    const DAY_MS: i64 = 86_400_000;
    WallMs((sample::START.0 / DAY_MS + 1) * DAY_MS + seconds * 1_000)
}

fn slots(polls: &[Record]) -> Vec<WallMs> {
    polls.iter().map(|record| record.slot).collect()
}

pub(crate) async fn a_record_comes_back_exactly(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let mut largest = sample::good(host.id, &host.name, slot(1));
    let values = largest.values.as_mut().unwrap();
    // The kernel's "no limit", and the largest whole number that an f64 tells from its neighbour.
    values.set(Column::FileHandlesMax, 9_223_372_036_854_775_807_u64 as f64);
    values.set(Column::MemTotalBytes, 9_007_199_254_740_991.0);
    values.set(Column::NetRxBytesPerS, 12_345_678_901.234);
    values.set(Column::Load1, 0.0);
    let records = vec![
        sample::good(host.id, &host.name, slot(0)),
        largest,
        sample::failed(host.id, &host.name, slot(2), "connection refused"),
    ];
    let written = write_polls(fixture, records.clone()).await;
    assert_eq!(written, Written { polls: 3, ..Written::default() });
    assert_eq!(all_polls(fixture, host.id).await, records);
}

pub(crate) async fn every_outcome_leaves_one_row(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let records: Vec<Record> = Outcome::ALL
        .iter()
        .zip(0..)
        .map(|(outcome, second)| {
            let base = if outcome.has_values() {
                sample::good
            } else {
                |host, name: &_, slot| sample::failed(host, name, slot, "why")
            };
            Record { outcome: *outcome, ..base(host.id, &host.name, slot(second)) }
        })
        .collect();
    write_polls(fixture, records.clone()).await;
    assert_eq!(all_polls(fixture, host.id).await, records);
    let ledger = fixture.view("ledger").await;
    let words: Vec<_> = ledger.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(words, Outcome::ALL.iter().map(|o| o.as_str()).collect::<Vec<_>>());
}

pub(crate) async fn unknown_stays_unknown(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let record = Record {
        outcome: Outcome::Partial,
        answer_bytes: None,
        address: None,
        clock_skew_ms: None,
        values: Some(Values::default()),
        detail: Some(Detail {
            cores: vec![sample::row(&["0"], [None; 11])],
            filesystems: vec![sample::row(&["/", "d", "t", "hung"], [None; 8])],
            ..Detail::default()
        }),
        ..sample::good(host.id, &host.name, slot(0))
    };
    write_polls(fixture, vec![record.clone()]).await;
    assert_eq!(all_polls(fixture, host.id).await, [record]);
    for (view, rows) in [("mem_info", 1), ("cpu_stat", 2), ("filesystem", 1), ("net_info", 0)] {
        let found = fixture.view(view).await;
        assert_eq!(found.len(), rows, "{view}");
        for (column, value) in found.iter().flatten() {
            let named =
                ["host", "time", "time_ms", "hour", "core", "mount_point", "device", "fs_type"];
            let text = named.contains(&column.as_str()) || column == "status";
            assert_eq!(value.is_null(), !text, "{view}.{column} is {value}");
        }
    }
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
    assert_eq!(written, Written { polls: 1, repeated: 2, ..Written::default() });
    let written = write(fixture, again.clone()).await.unwrap();
    assert_eq!(written, Written { repeated: 3, ..Written::default() });

    assert_eq!(all_polls(fixture, host.id).await, plain(&again.polls));
    assert_eq!(before.0, plain(&batch.polls));
    let hosts = all_hosts(fixture).await;
    assert_eq!((&hosts[0].facts, hosts[0].state), (&before.1[0].facts, before.1[0].state));
    let transitions =
        fixture.store().transitions(None, Span::ALL, Order::OldestFirst, MAX_PAGE).await.unwrap();
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
    assert_eq!(written, Written { polls: 1, conflicting, ..Written::default() });
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

pub(crate) async fn polls_come_in_order_and_by_page(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let polls = [3, 0, 4, 1, 2].map(|s| sample::failed(a.id, &a.name, slot(s), "x"));
    let others = [0, 9].map(|s| sample::failed(b.id, &b.name, slot(s), "x"));
    write_polls(fixture, polls.into_iter().chain(others).collect()).await;
    let read = async |from, to, order, limit| {
        let span = Span { from: slot(from), to: slot(to) };
        slots(&fixture.store().polls(a.id, span, order, limit).await.unwrap())
    };
    assert_eq!(read(0, 9, Order::OldestFirst, 9).await, [0, 1, 2, 3, 4].map(slot));
    assert_eq!(read(0, 9, Order::NewestFirst, 2).await, [4, 3].map(slot));
    assert_eq!(read(0, 3, Order::NewestFirst, 2).await, [2, 1].map(slot));
    assert_eq!(read(1, 3, Order::OldestFirst, 9).await, [1, 2].map(slot));
    assert_eq!(read(3, 3, Order::OldestFirst, 9).await, []);
    assert_eq!(read(0, 9, Order::OldestFirst, 0).await, []);
    let unknown = HostId(a.id.0 + 1_000);
    assert_eq!(all_polls(fixture, unknown).await, []);
}

pub(crate) async fn any_text_is_kept(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let texts = [
        "",
        "it's \"quoted\"; DROP TABLE poll; --",
        "\\ % _ ? :name $1 @x",
        "línea\nzwei\t三 🦀 \u{202e}rtl",
        "nul \u{0} inside",
    ];
    let records: Vec<Record> = texts
        .iter()
        .zip(0..)
        .map(|(text, second)| sample::failed(host.id, &host.name, slot(second), text))
        .collect();
    let transitions: Vec<Transition> = texts
        .iter()
        .zip(0..)
        .map(|(text, second)| Transition {
            reason: (*text).into(),
            ..sample::transition(host.id, &host.name, slot(second), State::Up, State::Down)
        })
        .collect();
    let batch = Batch { transitions: transitions.clone(), ..Batch::of_polls(records.clone()) };
    write(fixture, batch).await.unwrap();
    assert_eq!(all_polls(fixture, host.id).await, records);
    let kept =
        fixture.store().transitions(Some(host.id), Span::ALL, Order::OldestFirst, MAX_PAGE).await;
    assert_eq!(kept.unwrap(), transitions);
}

pub(crate) async fn a_large_answer_is_kept(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let mut record = sample::good(host.id, &host.name, slot(0));
    let template = sample::detail();
    let core = |number: usize| -> Row<CoreColumn> {
        Row { labels: [number.to_string().into()].into(), ..template.cores[0].clone() }
    };
    record.detail = Some(Detail {
        cores: (0..1_024).map(core).collect(),
        filesystems: vec![template.filesystems[0].clone(); 2_000],
        ..template.clone()
    });
    record.error = Some("é".repeat(200_000).into());
    write_polls(fixture, vec![record.clone()]).await;
    assert_eq!(all_polls(fixture, host.id).await, [record]);
    assert_eq!(fixture.view("cpu_stat").await.len(), 1_025);
}

pub(crate) async fn a_host_keeps_its_number(fixture: &dyn Fixture) {
    let new = host(fixture, "web-1").await;
    assert_eq!((new.facts.clone(), new.state, new.latest_slot), (Facts::default(), None, None));
    let batch = Batch {
        polls: vec![sample::good(new.id, &new.name, slot(5)).into()],
        transitions: vec![sample::transition(
            new.id,
            &new.name,
            slot(5),
            State::Pending,
            State::Up,
        )],
        facts: vec![FactsSeen { host: new.id, facts: sample::facts(), seen: slot(5) }],
        ..Batch::default()
    };
    write(fixture, batch).await.unwrap();

    let mut changed = sample::registration("web-1");
    changed.group = None;
    changed.addresses = vec!["[::1]:1".to_owned()];
    changed.labels.clear();
    let hosts = vec![sample::registration("web-2"), changed.clone()];
    let known = fixture.store().register(hosts, slot(9)).await.unwrap();
    assert_eq!(known[0].name.as_str(), "web-2");
    assert_ne!(known[0].id, new.id);
    assert_eq!(
        known[1],
        KnownHost {
            id: new.id,
            name: new.name.clone(),
            facts: sample::facts(),
            state: Some((State::Up, slot(5))),
            latest_slot: Some(slot(5)),
        }
    );
    let listed = all_hosts(fixture).await;
    assert_eq!((&listed[0].group, &listed[0].addresses), (&None, &changed.addresses));
    assert_eq!((listed[0].labels.len(), listed[0].listed_at), (0, sample::START));
    assert_eq!(listed[1].labels, sample::registration("x").labels);
    assert_eq!(listed[1].group, sample::registration("x").group);
}

pub(crate) async fn a_rename_keeps_history(fixture: &dyn Fixture) {
    let old = host(fixture, "old").await;
    write_polls(fixture, vec![sample::good(old.id, &old.name, slot(0))]).await;
    let renamed =
        Registration { renamed_from: Some(old.name.clone()), ..sample::registration("new") };
    // The old name is free for another host at once.
    let hosts = vec![sample::registration("old"), renamed];
    let known = fixture.store().register(hosts, slot(1)).await.unwrap();
    assert_eq!(known[1].id, old.id);
    assert_ne!(known[0].id, old.id);
    assert_eq!((known[1].latest_slot, known[0].latest_slot), (Some(slot(0)), None));
    let polls = all_polls(fixture, old.id).await;
    assert_eq!(polls, [sample::good(old.id, &sample::name("new"), slot(0))]);
    assert_eq!(fixture.view("cpu_load").await[0]["host"], "new");
}

pub(crate) async fn renames_in_a_chain_and_again(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let was = |new: &str, old: &str| Registration {
        renamed_from: Some(sample::name(old)),
        ..sample::registration(new)
    };
    for at in [slot(1), slot(2)] {
        let hosts = vec![was("b", "a"), was("c", "b"), was("d", "never-there")];
        let known = fixture.store().register(hosts, at).await.unwrap();
        assert_eq!((known[0].id, known[1].id), (a.id, b.id));
        let names: Vec<_> = all_hosts(fixture).await.into_iter().map(|h| h.name).collect();
        assert_eq!(names, ["b", "c", "d"].map(sample::name));
    }
}

pub(crate) async fn a_retired_host_comes_back_unpinned(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (gone, stays) = (host(fixture, "gone").await, host(fixture, "stays").await);
    let facts = |host, seen| FactsSeen { host, facts: sample::facts(), seen };
    let batch = Batch {
        polls: vec![sample::good(gone.id, &gone.name, slot(0)).into()],
        facts: vec![facts(gone.id, slot(0)), facts(stays.id, slot(0))],
        ..Batch::default()
    };
    write(fixture, batch).await.unwrap();
    store.retire(vec![gone.id], slot(10)).await.unwrap();
    store.retire(vec![gone.id], slot(11)).await.unwrap();

    let listed = store.hosts(HostQuery::listed()).await.unwrap();
    assert_eq!(listed.iter().map(|h| h.id).collect::<Vec<_>>(), [stays.id]);
    assert_eq!(listed[0].facts, sample::facts());
    let named = store.hosts(HostQuery::named(gone.name.clone())).await.unwrap();
    assert_eq!(named[0].retired_at, Some(slot(10)));
    let unpinned = Facts { machine_id: None, ..sample::facts() };
    assert_eq!(named[0].facts, unpinned);
    assert_eq!(all_polls(fixture, gone.id).await.len(), 1);

    // An answer that was on its way when the host left pins nothing, before or after its return.
    let late = || Batch { facts: vec![facts(gone.id, slot(9))], ..Batch::default() };
    write(fixture, late()).await.unwrap();
    let back = store.register(vec![sample::registration("gone")], slot(20)).await.unwrap();
    write(fixture, late()).await.unwrap();
    assert_eq!((back[0].id, &back[0].facts), (gone.id, &unpinned));
    let named = store.hosts(HostQuery::named(gone.name.clone())).await.unwrap();
    assert_eq!((named[0].retired_at, named[0].listed_at), (None, slot(20)));
    assert_eq!(named[0].facts, unpinned);
    let batch = Batch { facts: vec![facts(gone.id, slot(21))], ..Batch::default() };
    write(fixture, batch).await.unwrap();
    let named = store.hosts(HostQuery::named(gone.name)).await.unwrap();
    assert_eq!(named[0].facts, sample::facts());
}

pub(crate) async fn facts_are_kept_in_order_of_time(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let newer = Facts { kernel: Some("7.0".into()), cpus: None, ..sample::facts() };
    let learn = async |facts, seen| {
        let facts = vec![FactsSeen { host: host.id, facts, seen }];
        write(fixture, Batch { facts, ..Batch::default() }).await.unwrap();
        all_hosts(fixture).await.remove(0).facts
    };
    assert_eq!(learn(newer.clone(), slot(5)).await, newer);
    // Late: changes nothing but when it was first seen.
    assert_eq!(learn(sample::facts(), slot(3)).await, newer);
    // An answer without machine_id does not undo the pin.
    assert_eq!(learn(Facts { machine_id: None, ..newer.clone() }, slot(6)).await, newer);
    let listed = all_hosts(fixture).await.remove(0);
    assert_eq!((listed.first_seen, listed.last_seen), (Some(slot(3)), Some(slot(6))));
}

pub(crate) async fn hosts_are_listed_with_their_newest_poll(fixture: &dyn Fixture) {
    let hosts = ["c", "a", "b"].map(sample::registration);
    let known = fixture.store().register(hosts.into(), slot(0)).await.unwrap();
    let (c, a) = (&known[0], &known[1]);
    let newest = sample::failed(a.id, &a.name, slot(9), "refused");
    let polls = vec![
        sample::good(a.id, &a.name, slot(7)),
        newest.clone(),
        sample::good(a.id, &a.name, slot(8)),
        sample::good(c.id, &c.name, slot(1)),
    ];
    write_polls(fixture, polls).await;
    let listed = all_hosts(fixture).await;
    let names = |hosts: &[HostSummary]| -> Vec<String> {
        hosts.iter().map(|h| h.name.to_string()).collect()
    };
    assert_eq!(names(&listed), ["a", "b", "c"]);
    assert_eq!(listed[0].latest, Some(newest));
    assert_eq!(listed[1].latest, None);
    assert_eq!(listed[2].latest, Some(sample::good(c.id, &c.name, slot(1))));
    // A failed poll is an attempt, not an answer.
    let started = |second| Some(WallMs(slot(second).0 + 7));
    assert_eq!((listed[0].first_seen, listed[0].last_seen), (started(7), started(8)));
    assert_eq!((listed[1].first_seen, listed[1].last_seen), (None, None));

    let page = HostQuery { limit: 2, ..HostQuery::listed() };
    assert_eq!(names(&fixture.store().hosts(page.clone()).await.unwrap()), ["a", "b"]);
    let page = HostQuery { after: Some(sample::name("b")), ..page };
    assert_eq!(names(&fixture.store().hosts(page).await.unwrap()), ["c"]);
    let nobody = HostQuery::named(sample::name("nobody"));
    assert_eq!(fixture.store().hosts(nobody).await.unwrap(), []);
}

pub(crate) async fn transitions_are_kept_once_and_move_the_state(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let move_a = |at, from, to| sample::transition(a.id, &a.name, slot(at), from, to);
    let all = vec![
        move_a(0, State::Pending, State::Up),
        sample::transition(b.id, &b.name, slot(1), State::Pending, State::Degraded),
        move_a(2, State::Up, State::Suspect),
        move_a(2, State::Suspect, State::Paused), // the same moment, another story
    ];
    let batch = |transitions| Batch { transitions, ..Batch::default() };
    write(fixture, batch(all.clone())).await.unwrap();
    // Sent again, late: kept once, and the state stays the newest.
    write(fixture, batch(vec![all[0].clone()])).await.unwrap();

    let store = fixture.store();
    let read =
        async |host, span, order, limit| store.transitions(host, span, order, limit).await.unwrap();
    assert_eq!(read(None, Span::ALL, Order::OldestFirst, 9).await, all);
    let newest = read(Some(a.id), Span::ALL, Order::NewestFirst, 2).await;
    assert_eq!(newest, [all[3].clone(), all[2].clone()]);
    let span = Span { from: slot(1), to: slot(2) };
    assert_eq!(read(None, span, Order::NewestFirst, 9).await, [all[1].clone()]);
    let states: Vec<_> = all_hosts(fixture).await.into_iter().map(|h| h.state).collect();
    assert_eq!(states, [Some((State::Paused, slot(2))), Some((State::Degraded, slot(1)))]);
}

pub(crate) async fn a_pause_is_kept_until_it_is_ended(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let store = fixture.store();
    let pause = |second, until: Option<i64>, reason: &str| Pause {
        since: slot(second),
        until: until.map(slot),
        reason: reason.into(),
    };
    assert_eq!(store.pauses().await.unwrap(), []);
    store.set_pause(b.id, Some(pause(0, Some(60), "new disk \u{1f4bf}"))).await.unwrap();
    store.set_pause(a.id, Some(pause(1, None, ""))).await.unwrap();
    store.set_pause(a.id, Some(pause(2, None, "other words"))).await.unwrap();
    let kept =
        [(a.id, pause(2, None, "other words")), (b.id, pause(0, Some(60), "new disk \u{1f4bf}"))];
    assert_eq!(store.pauses().await.unwrap(), kept);
    assert_eq!(fixture.reader().await.pauses().await.unwrap(), kept);
    store.set_pause(a.id, None).await.unwrap();
    store.set_pause(a.id, None).await.unwrap();
    // Gone with its host, so that one which comes back is not paused for a reason long past.
    store.retire(vec![b.id], slot(3)).await.unwrap();
    assert_eq!(store.pauses().await.unwrap(), []);
}

/// That a host flaps is a row, and so is what the server finds about itself.
pub(crate) async fn a_row_about_no_change_moves_no_state(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    let up = sample::transition(a.id, &a.name, slot(0), State::Pending, State::Up);
    let flaps = sample::transition(a.id, &a.name, slot(5), State::Up, State::Up);
    let own = sample::transition(HostId::SERVER, &a.name, slot(6), State::Up, State::Suspect);
    let transitions = vec![up, flaps, own];
    write(fixture, Batch { transitions: transitions.clone(), ..Batch::default() }).await.unwrap();
    let store = fixture.store();
    let kept = store.transitions(None, Span::ALL, Order::OldestFirst, 9).await.unwrap();
    assert_eq!(kept, transitions);
    let states: Vec<_> = all_hosts(fixture).await.into_iter().map(|h| h.state).collect();
    assert_eq!(states, [Some((State::Up, slot(0)))], "still up, since when it came up");
}

pub(crate) async fn losses_are_kept_once_and_found_by_span(fixture: &dyn Fixture) {
    let loss = |from, to, reason| Loss {
        from: slot(from),
        to: slot(to),
        hosts: 3,
        polls: 1 << 40,
        reason,
        noted_at: slot(100),
    };
    let all = vec![
        loss(0, 10, LossReason::QueueFull),
        loss(5, 6, LossReason::SpoolFull),
        loss(5, 30, LossReason::Unreadable),
        loss(40, 40, LossReason::Refused),
    ];
    for _ in 0..2 {
        let batch = Batch { losses: all.clone(), ..Batch::default() };
        write(fixture, batch).await.unwrap();
    }
    let store = fixture.store();
    assert_eq!(store.losses(Span::ALL, MAX_PAGE).await.unwrap(), all);
    assert_eq!(store.losses(Span::ALL, 1).await.unwrap(), all[..1]);
    let span = Span { from: slot(10), to: slot(40) };
    assert_eq!(store.losses(span, 9).await.unwrap(), [all[0].clone(), all[2].clone()]);
    // They are kept as long as transitions are, by when they were noted.
    let noted = all[0].noted_at;
    let old = |events| Retention { polls: WallMs(0), events, rollups: WallMs(0) };
    store.prune(old(noted)).await.unwrap();
    assert_eq!(store.losses(Span::ALL, 9).await.unwrap(), all);
    store.prune(old(WallMs(noted.0 + 1))).await.unwrap();
    assert_eq!(store.losses(Span::ALL, 9).await.unwrap(), []);
}

pub(crate) async fn an_inventory_is_a_version_once(fixture: &dyn Fixture) {
    let loaded = |hash: &str, second| LoadedInventory {
        hash: hash.to_owned(),
        source: "/etc/roundsman/inventory.toml".to_owned(),
        at: slot(second),
        hosts: 3,
        text: "[[group]] # ü".to_owned(),
    };
    let mut ids = Vec::new();
    for (hash, second) in [("a", 0), ("a", 1), ("b", 2), ("a", 3)] {
        ids.push(fixture.store().record_inventory(loaded(hash, second)).await.unwrap());
    }
    assert_eq!(ids[0], ids[1]);
    assert!(ids[1] < ids[2] && ids[2] < ids[3], "{ids:?}");
}

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

/// Checks that `row` has each of these columns with this value.
fn assert_values<C: ColumnSet>(view: &str, row: &ViewRow, values: &Values<C>, strip: &str) {
    for (column, value) in values.iter() {
        let name = column.spec().name.trim_start_matches(strip);
        let found = row.get(name).unwrap_or_else(|| panic!("{view} has no {name}"));
        assert_eq!(found.as_f64(), value, "{view}.{name}");
    }
}

fn assert_rows<C: ColumnSet>(view: &str, found: &[ViewRow], rows: &[Row<C>]) {
    assert_eq!(found.len(), rows.len(), "{view}");
    for (found, row) in found.iter().zip(rows) {
        for (name, label) in C::LABELS.iter().zip(&row.labels) {
            assert_eq!(found[*name].as_str(), Some(label.as_ref()), "{view}.{name}");
        }
        assert_values(view, found, &row.values, "");
        // And nothing else, so that a view cannot show a column under a wrong name.
        assert_eq!(found.len(), 4 + C::LABELS.len() + C::ALL.len(), "{view}");
    }
}

pub(crate) async fn views_say_what_polls_say(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    write_polls(fixture, vec![sample::good(host.id, &host.name, slot(0))]).await;
    let record = all_polls(fixture, host.id).await.remove(0);
    let (values, detail) = (record.values.unwrap(), record.detail.unwrap());

    let wide = [
        ("cpu_load", vec![Family::Load]),
        ("mem_info", vec![Family::Memory]),
        ("system_info", vec![Family::System]),
        ("pressure", vec![Family::Pressure]),
        ("vmstat", vec![Family::Vmstat]),
        ("sockets", vec![Family::Sockets]),
        ("process_states", vec![Family::Processes]),
        ("host_totals", vec![Family::Cpu, Family::Network, Family::Disk, Family::Filesystem]),
    ];
    let mut shown = 0;
    for (view, families) in &wide {
        let found = fixture.view(view).await;
        assert_eq!(found.len(), 1, "{view}");
        let of_view = |column: &Column| families.contains(&column.spec().family);
        for column in Column::ALL.iter().filter(|c| of_view(c)) {
            let name = column.spec().name;
            let value = found[0].get(name).unwrap_or_else(|| panic!("{view} has no {name}"));
            assert_eq!(value.as_f64(), values.get(*column), "{view}.{name}");
            shown += 1;
        }
        assert_eq!(found[0].len(), 4 + Column::ALL.iter().filter(|c| of_view(c)).count());
        assert_eq!(found[0]["host"], "web-1");
        assert_eq!(found[0]["time"], slot(0).to_string());
        assert_eq!(found[0]["time_ms"], slot(0).0);
        assert_eq!(found[0]["hour"], "2026-03-29T01:00:00.000Z");
    }
    assert_eq!(shown, Column::ALL.len(), "every host-wide column is in a view");

    let cpu = fixture.view("cpu_stat").await;
    assert_eq!(cpu[0]["core"], "cpu");
    for column in CoreColumn::ALL {
        let name = column.spec().name;
        let total = Column::ALL.iter().find(|c| c.spec().name == format!("cpu_{name}")).unwrap();
        assert_eq!(cpu[0][name].as_f64(), values.get(*total), "cpu_stat.{name}");
    }
    assert_rows::<CoreColumn>("cpu_stat", &cpu[1..], &detail.cores);
    let view = async |name| fixture.view(name).await;
    assert_rows::<SoftirqColumn>("cpu_softirq", &view("cpu_softirq").await, &detail.softirqs);
    assert_rows::<NetColumn>("net_info", &view("net_info").await, &detail.interfaces);
    assert_rows::<DiskColumn>("disk_info", &view("disk_info").await, &detail.disks);
    assert_rows::<FilesystemColumn>("filesystem", &view("filesystem").await, &detail.filesystems);
    assert_rows::<ProcessColumn>("process", &view("process").await, &detail.processes);
}

pub(crate) async fn a_failed_poll_is_in_no_view_of_values(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    write_polls(fixture, vec![sample::failed(host.id, &host.name, slot(0), "no")]).await;
    for view in [
        "cpu_load",
        "cpu_stat",
        "mem_info",
        "cpu_softirq",
        "net_info",
        "disk_info",
        "filesystem",
        "system_info",
        "pressure",
        "vmstat",
        "sockets",
        "process_states",
        "process",
        "host_totals",
    ] {
        assert_eq!(fixture.view(view).await, [], "{view}");
    }
    let ledger = fixture.view("ledger").await;
    assert_eq!(ledger.len(), 1);
    assert_eq!((&ledger[0]["outcome"], &ledger[0]["error"]), (&"refused".into(), &"no".into()));
}

pub(crate) async fn another_process_reads_whole_batches(fixture: &dyn Fixture) {
    const BATCH: i64 = 20;
    const BATCHES: i64 = 30;
    let host = host(fixture, "web-1").await;
    let reader = fixture.reader().await;
    let writing = async {
        for batch in 0..BATCHES {
            let polls = (batch * BATCH..(batch + 1) * BATCH)
                .map(|s| sample::good(host.id, &host.name, slot(s)))
                .collect();
            write_polls(fixture, polls).await;
        }
    };
    let reading = async {
        let mut last = 0;
        loop {
            let polls =
                reader.polls(host.id, Span::ALL, Order::OldestFirst, MAX_PAGE).await.unwrap();
            assert!(polls.len() >= last, "{} rows after {last}", polls.len());
            assert_eq!(polls.len() % 20, 0, "half a batch was seen");
            last = polls.len();
            if last == 600 {
                return;
            }
        }
    };
    tokio::join!(writing, reading);
    let refused = reader.write(Arc::new(Batch::default())).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
}

pub(crate) async fn status_counts(fixture: &dyn Fixture) {
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
