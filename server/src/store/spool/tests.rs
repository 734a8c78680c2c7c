//! The file: what comes out of it, what gives way, what is set aside.

use std::fs;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    model::{
        Alarm, AlarmKey, AlarmState, Facts, HostId, Loss, LossReason, NoticeKind, NoticeState,
        State, VersionId,
    },
    store::{FactsSeen, KnownHost, sample},
};

const NOW: WallMs = WallMs(1_000_000);
const MUCH: u64 = 1 << 30;

fn start(folder: &TempDir, max_bytes: u64) -> Spool {
    let path = folder.path().join("data").join("spool.db");
    Spool::start(path, "mysql://a@b:3306/c".to_owned(), max_bytes).unwrap()
}

/// Polls due at these moments, of two hosts in turn.
fn polls(slots: std::ops::Range<i64>) -> Arc<Batch> {
    let name = sample::name("a");
    Arc::new(Batch::of_polls(
        slots.map(|slot| sample::good(HostId(1 + slot % 2), &name, WallMs(slot))),
    ))
}

fn transition(at: i64) -> Batch {
    let name = sample::name("a");
    let transition = sample::transition(HostId(1), &name, WallMs(at), State::Up, State::Suspect);
    Batch { transitions: vec![transition], ..Batch::default() }
}

fn slots(page: &Page) -> Vec<i64> {
    page.batch.polls.iter().map(|record| record.slot.0).collect()
}

#[tokio::test]
async fn rows_come_out_as_they_went_in_and_go_when_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    let facts = FactsSeen { host: HostId(1), facts: Facts::default(), seen: WallMs(3) };
    let all = Batch { facts: vec![facts], ..transition(2) };
    let all = Batch { polls: polls(0..3).polls.clone(), ..all };
    spool.append(Arc::new(all.clone()), NOW).await.unwrap();
    spool.append(polls(3..6), NOW).await.unwrap();
    assert_eq!(spool.status().polls, 6);
    assert_eq!(spool.status().oldest, Some(WallMs(0)));
    drop(spool);

    // Another process finds what this one left.
    let spool = start(&folder, MUCH);
    assert_eq!(spool.status().rows(), 0, "it has not looked yet");
    assert_eq!(spool.open().await.unwrap().rows(), 8);
    let page = spool.page(5, NOW).await.unwrap();
    assert_eq!(page.batch, all);
    let again = spool.page(5, NOW).await.unwrap();
    assert_eq!(again.batch, all, "it was not acknowledged");
    spool.acknowledge(page.ids).await.unwrap();
    let status = spool.status();
    assert_eq!((status.polls, status.others, status.oldest), (3, 0, Some(WallMs(3))));
    let rest = spool.page(500, NOW).await.unwrap();
    assert_eq!(slots(&rest), [3, 4, 5]);
    spool.acknowledge(rest.ids).await.unwrap();
    assert_eq!((spool.status().rows(), spool.status().bytes), (0, 0));
    assert!(spool.page(5, NOW).await.unwrap().batch.is_empty());
}

#[tokio::test]
async fn what_the_store_has_after_all_is_taken_back_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(0..3), NOW).await.unwrap();
    let (copied, _) = spool.append(polls(3..6), NOW).await.unwrap();
    spool.append(polls(6..9), NOW).await.unwrap();
    spool.take_back(copied.clone()).await.unwrap();
    assert_eq!(slots(&spool.page(50, NOW).await.unwrap()), [0, 1, 2, 6, 7, 8]);
    // What an earlier opening of the file handed out says nothing of this one.
    drop(spool);
    let spool = start(&folder, MUCH);
    spool.append(polls(9..10), NOW).await.unwrap();
    let stale = Ids { generation: 99, ..copied };
    spool.acknowledge(stale).await.unwrap();
    assert_eq!(spool.status().polls, 7);
}

/// Those that wait are found; those that are remembered are as they were last, whoever took them.
#[tokio::test]
async fn alarms_are_remembered_as_they_were_last() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    let at = |state, slot| sample::alarm(HostId(1), state, WallMs(slot));
    let batch = |alarm: &Alarm| {
        let alarm_events = vec![sample::alarm_event(alarm, AlarmState::Ok)];
        Arc::new(Batch { alarms: vec![alarm.clone()], alarm_events, ..Batch::default() })
    };
    let remembered = async |spool: &Spool| spool.recall().await.unwrap().unwrap().alarms;
    let (hosts, pauses, alarms) = (Vec::new(), Vec::new(), Vec::new());
    let registry = Registry { version: VersionId(1), hosts, pauses, alarms, store: None };
    spool.remember(registry.clone()).await.unwrap();

    let kept = Alarm { value: None, ..at(AlarmState::Firing, 1) };
    let kept = Alarm { key: AlarmKey { rule: "kept".into(), ..kept.key.clone() }, ..kept };
    spool.remember_alarms(vec![kept.clone(), at(AlarmState::Pending, 2)]).await.unwrap();
    spool.remember(registry).await.unwrap();
    let firing = at(AlarmState::Firing, 3);
    spool.append(batch(&firing), NOW).await.unwrap();
    assert_eq!(remembered(&spool).await, [firing.clone(), kept.clone()]);
    assert_eq!(spool.alarms().await.unwrap(), std::slice::from_ref(&firing));
    let over = at(AlarmState::Ok, 4);
    spool.follow(batch(&over), true).await.unwrap();
    // What waited is in the store now: it was followed when it came.
    let page = spool.page(50, NOW).await.unwrap();
    assert_eq!(page.batch, *batch(&firing));
    spool.follow(Arc::new(page.batch), false).await.unwrap();
    spool.acknowledge(page.ids).await.unwrap();
    drop(spool);
    let spool = start(&folder, MUCH);
    assert_eq!(remembered(&spool).await, [kept]);
    assert_eq!(spool.alarms().await.unwrap(), []);
    spool.remember_alarms(Vec::new()).await.unwrap();
    assert_eq!(remembered(&spool).await, []);
}

/// Each row of a notice says how far it had come; the last word counts, also for who starts anew.
#[tokio::test]
async fn notices_are_known_by_how_far_they_have_come() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    let of = |at| transition(at).transitions.remove(0);
    let [first, second] = [1, 2].map(|at| sample::notice(&of(at), NoticeKind::Begins));
    let tried = Notice { attempts: 1, last_error: Some("503".into()), ..first.clone() };
    let told = Notice { state: NoticeState::Delivered, attempts: 2, ..tried.clone() };
    let rows = [&first, &second, &told, &tried, &second].map(|row| Arc::new(row.clone()));
    for notice in rows {
        let batch = Batch { notices: vec![notice], ..Batch::default() };
        spool.append(Arc::new(batch), NOW).await.unwrap();
    }
    drop(spool);
    let spool = start(&folder, MUCH);
    let found = spool.notices().await.unwrap();
    assert_eq!(found, [told, second].map(Arc::new));
    let page = spool.page(50, NOW).await.unwrap();
    assert_eq!(page.batch.notices.len(), 5, "the store folds them, too");
    spool.acknowledge(page.ids).await.unwrap();
    assert_eq!(spool.notices().await.unwrap(), []);
}

#[tokio::test]
async fn a_file_of_the_form_before_is_taken_over_with_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(0..3), NOW).await.unwrap();
    spool.append(Arc::new(transition(7)), NOW).await.unwrap();
    let path = spool.path().to_owned();
    drop(spool);
    let before = Connection::open(&path).unwrap();
    before.execute("UPDATE other SET data = replace(data, '\"slot\":null,', '')", []).unwrap();
    let data: String = before.query_row("SELECT data FROM other", [], |row| row.get(0)).unwrap();
    assert!(!data.contains("slot"), "{data}");
    before.execute("DROP TABLE alarm", []).unwrap();
    before.pragma_update(None, "user_version", 2).unwrap();
    drop(before);
    let spool = start(&folder, MUCH);
    assert_eq!(spool.open().await.unwrap().rows(), 4);
    let page = spool.page(50, NOW).await.unwrap();
    assert_eq!(page.batch, Batch { polls: polls(0..3).polls.clone(), ..transition(7) });
    let form: i64 = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(form, 5, "an older program must not pass over what it does not know");
}

#[tokio::test]
async fn the_oldest_polls_give_way_and_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let probe = start(&folder, MUCH);
    probe.append(polls(0..10), NOW).await.unwrap();
    let ten = probe.status().bytes;
    drop(probe);
    let folder = tempfile::tempdir().unwrap();
    // Room for twenty polls and the few other rows.
    let spool = start(&folder, 2 * ten + 1_000);
    spool.append(Arc::new(transition(1)), NOW).await.unwrap();
    let mut lost = 0;
    for first in [0, 10, 20, 30] {
        lost += spool.append(polls(first..first + 10), NOW).await.unwrap().1;
        assert!(spool.status().bytes <= 2 * ten + 1_000 + 300, "{:?}", spool.status());
    }
    assert!((19..=22).contains(&lost), "{lost}");
    let page = spool.page(500, NOW).await.unwrap();
    let lost = i64::try_from(lost).unwrap();
    assert_eq!(slots(&page), (lost..40).collect::<Vec<_>>(), "the newest are there, in order");
    assert_eq!(page.batch.transitions.len(), 1, "a change of state does not give way");
    let wanted = Loss {
        from: WallMs(0),
        to: WallMs(lost - 1),
        hosts: 2,
        polls: u64::try_from(lost).unwrap(),
        reason: LossReason::SpoolFull,
        noted_at: NOW,
    };
    assert_eq!(page.batch.losses, [wanted]);

    // What is on its way to the store gives way to nothing: new polls do.
    let (_, refused) = spool.append(polls(40..45), NOW).await.unwrap();
    assert!(refused >= 3, "{refused}");
    assert_eq!(slots(&spool.page(500, NOW).await.unwrap())[..5], slots(&page)[..5]);
}

#[tokio::test]
async fn a_file_that_is_not_ours_to_read_is_set_aside_and_kept() {
    let aside = |folder: &TempDir, number: u32| {
        folder.path().join("data").join(format!("spool.db.aside-{number}"))
    };
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(0..3), NOW).await.unwrap();
    let path = spool.path().to_owned();
    drop(spool);

    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let spool = start(&folder, MUCH);
    assert_eq!(spool.open().await.unwrap().rows(), 0);
    spool.append(polls(3..4), NOW).await.unwrap();
    drop(spool);
    let kept = Connection::open(aside(&folder, 1)).unwrap();
    let rows: i64 = kept.query_row("SELECT count(*) FROM poll", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3);

    // Rows for another store have its numbers of hosts.
    let other = Spool::start(path.clone(), "mysql://a@b:3306/other".to_owned(), MUCH).unwrap();
    assert_eq!(other.open().await.unwrap().rows(), 0);
    assert!(aside(&folder, 2).exists());
    drop(other);
    // An empty one has none, and is taken over.
    let back = start(&folder, MUCH);
    back.open().await.unwrap();
    assert!(!aside(&folder, 3).exists());
    drop(back);

    fs::write(&path, "certainly no database, but long enough to be looked at").unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(5..6), NOW).await.unwrap();
    assert_eq!(slots(&spool.page(9, NOW).await.unwrap()), [5]);
    assert!(fs::read_to_string(aside(&folder, 3)).unwrap().starts_with("certainly"));
}

#[tokio::test]
async fn rows_stay_where_a_server_of_several_is_added_or_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(0..3), NOW).await.unwrap();
    drop(spool);
    let path = folder.path().join("data").join("spool.db");
    for (servers, rows) in [("b:3306,x:3307", 3), ("x:3307,y", 3), ("y:3307", 0)] {
        let url = format!("mysql://other@{servers}/c");
        let spool = Spool::start(path.clone(), url, MUCH).unwrap();
        assert_eq!(spool.open().await.unwrap().rows(), rows, "{servers}");
    }
    let aside = folder.path().join("data").join("spool.db.aside-1");
    assert!(aside.exists(), "of the last no server was in the list before");
}

#[tokio::test]
async fn rows_for_a_store_that_was_replaced_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let aside = folder.path().join("data").join("spool.db.aside-1");
    let registry = Registry {
        version: VersionId(1),
        hosts: Vec::new(),
        pauses: Vec::new(),
        alarms: Vec::new(),
        store: Some("one".into()),
    };
    let spool = start(&folder, MUCH);
    // Which store it is, is known only once it is there.
    spool.open().await.unwrap();
    spool.is_for("one".into()).await.unwrap();
    spool.remember(registry.clone()).await.unwrap();
    spool.append(polls(0..3), NOW).await.unwrap();
    drop(spool);

    let spool = start(&folder, MUCH);
    assert_eq!(spool.recall().await.unwrap(), Some(registry));
    assert_eq!(spool.open().await.unwrap().polls, 3);
    spool.is_for("one".into()).await.unwrap();
    assert_eq!(spool.open().await.unwrap().polls, 3, "it is the same");
    drop(spool);
    let spool = start(&folder, MUCH);
    spool.is_for("two".into()).await.unwrap();
    assert_eq!(spool.status().rows(), 0);
    assert_eq!(spool.recall().await.unwrap(), None, "nor are its hosts those of the other");
    assert!(aside.exists());
    let kept = Connection::open(aside).unwrap();
    let rows: i64 = kept.query_row("SELECT count(*) FROM poll", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3);
}

#[tokio::test]
async fn a_full_disk_costs_the_batch_and_nothing_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(0..3), NOW).await.unwrap();
    let pages = |spool: Arc<Spool>, number: i64| async move {
        let set = move |file: &mut SpoolFile| {
            file.connection
                .pragma_update(None, "max_page_count", number)
                .map_err(file.failed("set a limit"))
        };
        spool.run(set).await.unwrap();
    };
    let spool = Arc::new(spool);
    pages(Arc::clone(&spool), 20).await;
    let error = spool.append(polls(3..100), NOW).await.unwrap_err();
    let words = error.with_causes();
    assert!(words.contains("spool.db") && words.contains("full"), "{words}");
    assert_eq!(spool.status().polls, 3);
    assert!(spool.probe().await.is_err());
    pages(Arc::clone(&spool), 1 << 20).await;
    spool.probe().await.unwrap();
    spool.append(polls(3..100), NOW).await.unwrap();
    assert_eq!(slots(&spool.page(500, NOW).await.unwrap()), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_long_outage_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    for first in 0..6 {
        spool.append(polls(first * 500..first * 500 + 500), NOW).await.unwrap();
    }
    let size = || fs::metadata(folder.path().join("data").join("spool.db")).unwrap().len();
    loop {
        let page = spool.page(500, NOW).await.unwrap();
        if page.batch.is_empty() {
            break;
        }
        spool.acknowledge(page.ids).await.unwrap();
    }
    assert!(size() < 200_000, "{}", size());
}

#[tokio::test]
async fn hosts_are_remembered_with_what_happened_since() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    assert_eq!(spool.recall().await.unwrap(), None);
    let facts = Facts { machine_id: Some("m".into()), cpus: Some(2), ..Facts::default() };
    let host = |id, name: &str| Remembered {
        known: KnownHost {
            id: HostId(id),
            name: sample::name(name),
            facts: facts.clone(),
            state: Some((State::Pending, WallMs(1))),
            latest_slot: Some(WallMs(50)),
        },
        listed: sample::registration(name),
    };
    let all = |version, hosts| Registry {
        version: VersionId(version),
        hosts,
        pauses: Vec::new(),
        alarms: Vec::new(),
        store: None,
    };
    let registry = all(4, vec![host(1, "a"), host(2, "b")]);
    spool.remember(registry.clone()).await.unwrap();
    assert_eq!(spool.recall().await.unwrap(), Some(registry));
    let pause = |until| Pause { since: WallMs(2), until, reason: "why \"ü\"".into() };
    let pauses = vec![
        (HostId(1), Some(pause(None))),
        (HostId(2), Some(pause(Some(WallMs(9))))),
        (HostId(1), None),
    ];
    spool.remember_pauses(pauses).await.unwrap();
    let left = [(HostId(2), pause(Some(WallMs(9))))];
    assert_eq!(spool.recall().await.unwrap().unwrap().pauses, left);

    // By what the store took, and by what waits.
    spool.follow(Arc::new(transition(60)), true).await.unwrap();
    let seen = FactsSeen {
        host: HostId(2),
        facts: Facts { cpus: Some(8), ..Facts::default() },
        seen: WallMs(61),
    };
    let batch = Batch { facts: vec![seen], ..(*polls(70..73)).clone() };
    spool.append(Arc::new(batch), NOW).await.unwrap();
    drop(spool);
    let spool = start(&folder, MUCH);
    let known = spool.recall().await.unwrap().unwrap();
    let known: Vec<_> = known.hosts.iter().map(|host| &host.known).collect();
    assert_eq!(known[0].state, Some((State::Suspect, WallMs(60))));
    assert_eq!(known[0].latest_slot, Some(WallMs(72)));
    assert_eq!(known[1].facts.cpus, Some(8));
    assert_eq!(known[1].facts.machine_id.as_deref(), Some("m"), "the pin stays");

    spool.remember(all(5, vec![host(2, "b")])).await.unwrap();
    let known = spool.recall().await.unwrap().unwrap();
    assert_eq!((known.version, known.hosts.len()), (VersionId(5), 1));
    assert_eq!(known.pauses, left);
    spool.remember(all(6, vec![host(1, "a")])).await.unwrap();
    let known = spool.recall().await.unwrap().unwrap();
    assert_eq!(known.pauses, [], "who is gone has none");
}

#[tokio::test]
async fn rows_outlive_the_removal_of_their_file() {
    for gone in [&["", "-wal", "-shm"] as &[&str], &[""], &["-wal"], &["-shm"]] {
        let folder = tempfile::tempdir().unwrap();
        let spool = start(&folder, MUCH);
        spool.append(polls(0..1_300), NOW).await.unwrap();
        let (version, store) = (VersionId(3), None);
        let (hosts, pauses, alarms) = (Vec::new(), Vec::new(), Vec::new());
        let registry = Registry { version, store, hosts, pauses, alarms };
        spool.remember(registry).await.unwrap();
        for tail in gone {
            let mut name = spool.path().as_os_str().to_owned();
            name.push(tail);
            fs::remove_file(name).unwrap();
        }
        spool.append(Arc::new(transition(2)), NOW).await.unwrap();
        spool.append(polls(1_300..1_303), NOW).await.unwrap();
        assert_eq!((spool.status().polls, spool.status().others), (1_303, 1), "{gone:?}");
        drop(spool);
        // What another process finds at the path.
        let spool = start(&folder, MUCH);
        let page = spool.page(9_999, NOW).await.unwrap();
        assert_eq!(slots(&page), (0..1_303).collect::<Vec<_>>(), "{gone:?}");
        assert_eq!(page.batch.transitions, transition(2).transitions);
        assert_eq!(spool.recall().await.unwrap().unwrap().version, VersionId(3));
    }
}

#[tokio::test]
async fn rows_go_on_in_a_spool_that_takes_the_place_of_theirs() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = start(&elsewhere, MUCH);
    other.append(polls(0..2), NOW).await.unwrap();
    let theirs = other.path().to_owned();
    drop(other);
    let spool = start(&folder, MUCH);
    spool.append(polls(2..4), NOW).await.unwrap();
    fs::rename(theirs, spool.path()).unwrap();
    let (ids, _) = spool.append(polls(4..6), NOW).await.unwrap();
    spool.take_back(ids).await.unwrap();
    let page = spool.page(99, NOW).await.unwrap();
    assert_eq!(slots(&page), [0, 1, 2, 3, 4, 5], "ids of the file before say nothing of this one");
}

#[tokio::test]
async fn what_was_decided_before_another_server_took_over_goes_and_what_happened_stays() {
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    let moved = transition(2);
    let notice = sample::notice(&moved.transitions[0], NoticeKind::Begins);
    let facts = FactsSeen { host: HostId(1), facts: Facts::default(), seen: WallMs(3) };
    let loss = Loss {
        from: WallMs(1),
        to: WallMs(2),
        hosts: 1,
        polls: 2,
        reason: LossReason::SpoolFull,
        noted_at: NOW,
    };
    let kept = Batch { losses: vec![loss], ..(*polls(0..3)).clone() };
    let all = Batch {
        transitions: moved.transitions.clone(),
        facts: vec![facts],
        notices: vec![Arc::new(notice)],
        ..kept.clone()
    };
    spool.append(Arc::new(all), NOW).await.unwrap();
    let (version, store) = (VersionId(3), None);
    let (hosts, pauses, alarms) = (Vec::new(), Vec::new(), Vec::new());
    spool.remember(Registry { version, store, hosts, pauses, alarms }).await.unwrap();
    let before = spool.status().bytes;
    assert_eq!(spool.supersede().await.unwrap(), 3);
    assert_eq!((spool.status().polls, spool.status().others), (3, 1));
    assert!(spool.status().bytes < before);
    assert_eq!(spool.page(99, NOW).await.unwrap().batch, kept);
    assert_eq!(spool.supersede().await.unwrap(), 0);
}

#[tokio::test]
async fn nobody_else_may_read_the_spool() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let spool = start(&folder, MUCH);
    spool.append(polls(0..2), NOW).await.unwrap();
    for tail in ["", "-wal", "-shm"] {
        let mut name = spool.path().as_os_str().to_owned();
        name.push(tail);
        assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o600, "{tail}");
    }
    let data = spool.path().parent().unwrap();
    assert_eq!(fs::metadata(data).unwrap().permissions().mode() & 0o777, 0o700);
}
