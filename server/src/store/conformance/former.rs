//! What every backend owes a store that the first version made: every row, hour and view as it was.
//! The files in `store/golden/` were made by that version with [`contents`] of it.

use std::io::Read as _;

use super::{
    rollups::{ask, assert_hours, gathered, hour, minutes, poll},
    *,
};
use crate::{
    health::Pause,
    model::{ColumnSet as _, Transition},
    rollup::Tier,
    store::{
        LoadedInventory,
        shown::{FIRST_VIEWS, VIEWS},
    },
};

/// A golden file, unpacked.
pub(crate) fn unpacked(golden: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    flate2::read::GzDecoder::new(golden).read_to_end(&mut all).unwrap();
    all
}

/// The hosts of the golden files, by their numbers.
pub(crate) const HOSTS: [&str; 2] = ["web-1", "db-1"];

fn pause() -> Pause {
    Pause { since: sample::START, until: None, reason: "disk".into() }
}

/// How many host-wide columns the first version had. New ones come at the end, and its polls have no
/// value in them; nor was the time kept over which rates are, nor anything of containers.
const COLUMNS_THEN: usize = 154;

fn polls_of(host: &KnownHost) -> Vec<Record> {
    let minutes = (0..7).chain(60..63).chain(130..132);
    let of_then = |minute| {
        let mut record = poll(host.id, &host.name, minute);
        record.elapsed_ns = None;
        if let Some(values) = &mut record.values {
            Column::ALL[COLUMNS_THEN..].iter().for_each(|column| values.set(*column, None));
        }
        if let Some(detail) = &mut record.detail {
            detail.containers.clear();
        }
        record
    };
    minutes.map(of_then).collect()
}

/// Its only change of state. The first version did not keep which poll caused it.
fn change_of(host: &KnownHost) -> Transition {
    let at = minutes(3);
    let change = sample::transition(host.id, &host.name, at, State::Suspect, State::Down);
    Transition { slot: None, ..change }
}

async fn fill(store: &dyn Store) -> Vec<KnownHost> {
    let registered = HOSTS.map(sample::registration).to_vec();
    let hosts = store.register(registered, sample::START).await.unwrap();
    let loaded = LoadedInventory {
        at: sample::START,
        hash: "abc".to_owned(),
        hosts: 2,
        source: "inventory.toml".to_owned(),
        text: "[hosts]".to_owned(),
    };
    store.record_inventory(loaded).await.unwrap();
    for host in &hosts {
        let polls = polls_of(host);
        let rollups = gathered(&polls).into_iter().map(Arc::new).collect();
        let transitions = vec![change_of(host)];
        let batch = Batch { rollups, transitions, ..Batch::of_polls(polls) };
        store.write(Arc::new(batch)).await.unwrap();
    }
    store.set_pause(hosts[1].id, Some(pause())).await.unwrap();
    store.seal(hour(1)).await.unwrap();
    hosts
}

/// Compares a store that the first version made with what went into it, and its views with those of a
/// store that was made today.
pub(crate) async fn a_store_of_the_first_version_is_whole(
    former: &dyn Fixture,
    fresh: &dyn Fixture,
) {
    let hosts = fill(fresh.store()).await;
    let listed = all_hosts(former).await;
    let names: Vec<_> =
        listed.iter().map(|host| (host.id, host.name.as_str().to_owned())).collect();
    for host in &hosts {
        assert!(names.contains(&(host.id, host.name.as_str().to_owned())), "{names:?}");
        let polls = polls_of(host);
        assert_eq!(all_polls(former, host.id).await, polls);
        let changes =
            former.store().transitions(Some(host.id), Span::ALL, ReadOrder::OldestFirst, 9);
        assert_eq!(changes.await.unwrap(), [change_of(host)]);
        let hours = ask(host.id, Tier::Hours, (hour(-9), hour(9)), 3_600);
        assert_hours(&former.store().series(hours).await.unwrap(), &gathered(&polls));
    }
    assert_eq!(former.store().pauses().await.unwrap(), [(hosts[1].id, pause())]);
    assert_eq!(former.view("container").await, []);
    let views = VIEWS[..FIRST_VIEWS].iter().map(|view| view.name).chain(["ledger", "host_hour"]);
    for view in views {
        let sorted = async |fixture: &dyn Fixture| {
            let mut rows = fixture.view(view).await;
            rows.sort_by_key(|row| format!("{row:?}"));
            rows
        };
        let (now, then) = (sorted(former).await, sorted(fresh).await);
        assert!(!now.is_empty(), "{view} is empty");
        assert_eq!(now, then, "{view}");
    }
    // And it goes on, with values in every column of today, and in what was not there.
    let next = poll(hosts[0].id, &hosts[0].name, 133);
    write_polls(former, vec![next.clone()]).await;
    assert_eq!(all_polls(former, hosts[0].id).await.last(), Some(&next));
    assert_eq!(former.view("container").await.len(), next.detail.map_or(0, |d| d.containers.len()));
}
