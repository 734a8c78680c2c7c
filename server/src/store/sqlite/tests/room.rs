use super::*;
use crate::{
    model::{LossReason, Rollup},
    store::{Retention, budget::keep_within},
};

const HOUR_MS: i64 = 3_600_000;

fn pragma(path: &Path, name: &str) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
}

/// Hours of polls of one host: some megabytes.
async fn filled(store: &Sqlite) -> KnownHost {
    let host = store.register(vec![sample::registration("a")], sample::START).await.unwrap();
    let host = host[0].clone();
    for hour in 0..12 {
        let at = |n: i64| WallMs(sample::START.0 + hour * HOUR_MS + n * 20_000);
        let polls = (0..180).map(|n| sample::good(host.id, &host.name, at(n)));
        store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
    }
    host
}

fn all_but(hours: i64) -> Retention {
    let polls = WallMs(sample::START.0 + (12 - hours) * HOUR_MS);
    Retention { polls, events: WallMs(0), summaries: WallMs(0), rollups: WallMs(0) }
}

/// A file shrinks once much of it is free, in steps between which batches are written, and has all that
/// it is to keep; little that is free stays for new rows.
#[tokio::test]
async fn what_is_free_inside_is_given_back_to_the_disk() {
    let file = File::new().await;
    let host = filled(&file.store).await;
    file.store.prune(all_but(10)).await.unwrap();
    assert_eq!(file.store.give_back().await.unwrap(), 0, "what is free is used again");
    file.store.prune(all_but(3)).await.unwrap();
    let before = file.store.room().await.unwrap();
    assert!(before.free > before.used, "{before:?}");
    let given = file.store.give_back().await.unwrap();
    let after = file.store.room().await.unwrap();
    assert!(after.free * 5 < after.used, "{after:?}");
    assert!(given > before.free / 2, "{given} of {before:?}");
    let size = fs::metadata(file.path()).unwrap().len();
    assert_eq!(size, after.used + after.free, "the file is as short as its pages");
    assert_eq!(file.store.give_back().await.unwrap(), 0);
    let kept = file.store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 999).await.unwrap();
    assert_eq!(kept.len(), 3 * 180);
    let whole: String = Connection::open(file.path())
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(whole, "ok");
}

/// Of summaries a day at a time goes, and nothing coarser with it.
#[tokio::test]
async fn the_oldest_summaries_are_given_up_a_day_at_a_time() {
    const DAY_MS: i64 = 24 * HOUR_MS;
    let file = File::new().await;
    let host = filled(&file.store).await;
    let day = |number: i64| WallMs(sample::START.0.div_euclid(DAY_MS) * DAY_MS + number * DAY_MS);
    let path = file.path();
    let connection = Connection::open(&path).unwrap();
    for number in -30..0 {
        for view in ["net_info", "cpu_load"] {
            connection
                .execute(
                    "INSERT INTO summary_day (host_id, view_name, day_ms, polls, doc)
                     VALUES (?1, ?2, ?3, 1, zeroblob(100000))",
                    (host.id.0, view, day(number).0),
                )
                .unwrap();
        }
    }
    let rollup = Rollup::new(host.id, day(-29));
    let batch = Batch { rollups: vec![rollup.into()], ..Batch::default() };
    file.store.write(Arc::new(batch)).await.unwrap();
    let count = |of: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).unwrap()
    };
    let used = file.store.room().await.unwrap().used;
    // The polls are of the last hours.
    let now = WallMs(sample::START.0 + 6 * HOUR_MS);
    let run = keep_within(&file.store, Some(used - 1), now).await.unwrap();
    assert_eq!((run.polls, run.is_stuck), (0, false), "{run:?}");
    assert_eq!((count("summary_day"), count("rollup_hour")), (58, 1));
    assert_eq!(file.store.room().await.unwrap().summaries.unwrap().from, day(-29));
    let losses = file.store.losses(Span::ALL, 9).await.unwrap();
    let [loss] = &*losses else { panic!("{losses:?}") };
    assert_eq!((loss.reason, loss.polls, loss.hosts), (LossReason::BudgetSummaries, 0, 1));
    assert_eq!((loss.from, loss.to), (day(-30), day(-30)));
}

/// A file of a version before stays as it is, until somebody has it made anew.
#[tokio::test]
async fn a_file_made_before_keeps_its_room_until_it_is_converted() {
    let file = File::new().await;
    let path = file.path();
    filled(&file.store).await;
    drop(file.store);
    let old = Connection::open(&path).unwrap();
    old.execute_batch("PRAGMA auto_vacuum = NONE; VACUUM").unwrap();
    drop(old);
    assert_eq!(pragma(&path, "auto_vacuum"), 0);

    let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
    store.prune(all_but(3)).await.unwrap();
    let before = store.room().await.unwrap();
    assert_eq!(store.give_back().await.unwrap(), 0);
    // What is free on the disk is others' doing, too.
    let after = store.room().await.unwrap();
    assert_eq!(after, Room { disk: after.disk, ..before });
    drop(store);
    // As docs/storage.md has it.
    let converted = Connection::open(&path).unwrap();
    converted.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM").unwrap();
    drop(converted);
    assert_eq!(pragma(&path, "auto_vacuum"), 2);
    assert!(fs::metadata(&path).unwrap().len() < before.used + before.free / 2);
    let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
    store.prune(all_but(0)).await.unwrap();
    assert!(store.give_back().await.unwrap() > 0);
}

/// Of a history of hours, an hour goes at a time: no more than is needed.
#[tokio::test]
async fn of_a_full_history_an_hour_goes_at_a_time() {
    let file = File::new().await;
    filled(&file.store).await;
    let now = WallMs(sample::START.0 + 12 * HOUR_MS);
    let full = file.store.room().await.unwrap();
    let run = keep_within(&file.store, Some(full.used - 1), now).await.unwrap();
    // The first hour began at half past.
    assert_eq!((run.polls, run.is_stuck), (90, false));
    let hour = full.polls.unwrap();
    assert_eq!(run.span, Some(hour));
    assert_eq!(run.room.polls.map(|unit| unit.from), Some(WallMs(hour.to.0 + 250)));
}
