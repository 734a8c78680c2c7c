//! What every backend owes of a host: its number, its names, its facts, its place in the list.

use super::*;
use crate::{
    model::Facts,
    store::{FactsSeen, Registration},
};

pub(crate) async fn a_number_that_was_given_once_is_given_to_no_other_host(fixture: &dyn Fixture) {
    let store = fixture.store();
    store.keep_numbers(HostId(40)).await.unwrap();
    assert_eq!(host(fixture, "web-1").await.id, HostId(41));
    store.keep_numbers(HostId(41)).await.unwrap();
    store.keep_numbers(HostId(7)).await.unwrap();
    assert_eq!(host(fixture, "web-2").await.id, HostId(42));
    store.keep_numbers(HostId(50)).await.unwrap();
    assert_eq!(host(fixture, "web-1").await.id, HostId(41));
    let new = host(fixture, "web-3").await.id;
    // A statement that finds its row there may take a number all the same.
    assert!(new > HostId(50), "{new:?}");
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
