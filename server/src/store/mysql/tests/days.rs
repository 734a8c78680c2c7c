use std::time::Duration;

use super::*;
use crate::{
    model::{LossReason, Rollup, hour_of},
    store::{
        mysql::partitions::PartitionedTable,
        writer::{QueuedRow, Writer, WriterLimits},
    },
};

const DAY_MS: i64 = 86_400_000;

/// So many days after the first.
fn at(day: i64) -> WallMs {
    WallMs(sample::START.0 + day * DAY_MS)
}

async fn names_of(database: &Database, table: PartitionedTable) -> Vec<String> {
    let mut conn = database.conn().await;
    let all = partitions::list(&mut conn, table, &database.store.shared.pools.place).await.unwrap();
    all.into_iter().map(|partition| partition.name).collect()
}

async fn names(database: &Database) -> Vec<String> {
    names_of(database, PartitionedTable::Poll).await
}

fn failed(host: &KnownHost, slot: WallMs) -> Record {
    sample::failed(host.id, &host.name, slot, "x")
}

/// Dropped before the day of this moment; transitions stay.
fn before(polls: WallMs) -> Retention {
    Retention { polls, events: WallMs(0), summaries: WallMs(0), rollups: WallMs(0) }
}

#[tokio::test]
async fn days_are_made_ahead() {
    let database = Database::new().await;
    let first = ["g20000101", "g20260329", "p20260329", "p20260330", "p20260331", "p20260401"];
    assert_eq!(names(&database).await, first);
    database.clock.step_wall(at(1));
    database.store.prune(before(at(-10))).await.unwrap();
    assert_eq!(names(&database).await.last().unwrap(), "p20260402");
}

#[tokio::test]
async fn a_poll_of_any_day_is_kept_where_it_belongs() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let days = [6, -400, -3, 0, -1, -12_000];
    for day in days {
        assert_eq!(database.write(vec![failed(&host, at(day))]).await.unwrap().polls, 1, "{day}");
    }
    let kept = database.all_polls(host.id).await;
    let mut wanted = days.map(at);
    wanted.sort();
    assert_eq!(kept.iter().map(|poll| poll.slot).collect::<Vec<_>>(), wanted);
    let rows = database
        .rows(
            "SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'poll'
               AND PARTITION_NAME LIKE 'g%' AND TABLE_ROWS > 0",
        )
        .await;
    assert_eq!(rows, [], "a gap holds nothing");
}

#[tokio::test]
async fn a_poll_of_no_possible_day_is_refused_in_words_and_alone() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    database.write(vec![failed(&host, at(-1)), failed(&host, at(0))]).await.unwrap();
    database.store.prune(before(at(0))).await.unwrap();
    for (slot, words) in [
        (
            at(8),
            "refused to keep the poll of web-1 due 2026-04-06T01:30:00.250Z: it is due more than \
             7 days from now, which is 2026-03-29T01:30:00.250Z: this server's clock was set back",
        ),
        (
            WallMs(i64::MAX - 7),
            "refused to keep the poll of web-1 due 9223372036854775800 ms: a DATETIME has years \
             1000 to 9999",
        ),
        (
            at(-1),
            "refused to keep polls of 2026-03-28: retention has dropped that day; the oldest kept \
             is 2026-03-29",
        ),
    ] {
        let batch = vec![failed(&host, at(1)), failed(&host, slot)];
        let error = database.write(batch).await.unwrap_err();
        assert!(!error.is_transient());
        assert_eq!(error.to_string(), words);
    }
    assert_eq!(database.all_polls(host.id).await, [failed(&host, at(0))]);
}

#[tokio::test]
async fn retention_drops_days_and_keeps_few_partitions() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let retention = std::time::Duration::from_secs(30 * 86_400);
    let mut most = 0;
    for day in 0..40 {
        database.clock.step_wall(at(day));
        // A weekend away leaves a gap.
        if !(20..23).contains(&day) {
            database.write(vec![failed(&host, at(day))]).await.unwrap();
        }
        database.store.prune(before(at(day).minus(retention))).await.unwrap();
        most = most.max(names(&database).await.len());
    }
    assert!((34..40).contains(&most), "{most} partitions");
    let kept = database.all_polls(host.id).await;
    assert_eq!((kept.len(), kept[0].slot), (28, at(9)));
    let status = database.store.status().await.unwrap();
    assert_eq!((status.polls, status.oldest_poll), (28, Some(at(9))));
    // Dropped, and not emptied row by row.
    assert_eq!(names(&database).await[0], "p20260407");
}

#[tokio::test]
async fn a_partition_that_somebody_dropped_is_made_again() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    database.write(vec![failed(&host, at(0))]).await.unwrap();
    for name in ["p20260401", "p20260331", "p20260330", "p20260329"] {
        database.run(&format!("ALTER TABLE poll DROP PARTITION {name}")).await;
    }
    let lost = database.write(vec![failed(&host, at(0))]).await.unwrap_err();
    assert!(lost.is_transient(), "{lost}");
    assert_eq!(database.write(vec![failed(&host, at(0))]).await.unwrap().polls, 1);
}

#[tokio::test]
async fn two_servers_make_and_drop_the_same_days_at_once() {
    let database = Database::new().await;
    let clock = standing_clock();
    let other = Mysql::open(database.options.clone(), Mode::ReadWrite, clock).await.unwrap();
    let (a, b) = (database.register("a").await, database.register("b").await);
    for day in [-9, -20, 5, -4] {
        let batch = |host| Arc::new(Batch::of_polls([failed(host, at(day))]));
        let (one, two) = tokio::join!(database.store.write(batch(&a)), other.write(batch(&b)));
        assert_eq!((one.unwrap().polls, two.unwrap().polls), (1, 1), "{day}");
    }
    let (one, two) = tokio::join!(database.store.prune(before(at(0))), other.prune(before(at(0))));
    assert_eq!(one.unwrap().polls + two.unwrap().polls, 6);
    assert_eq!(database.all_polls(a.id).await, [failed(&a, at(5))]);
}

async fn months_of(database: &Database) -> Vec<String> {
    let mut conn = database.conn().await;
    let all = months::list(&mut conn, &database.store.shared.pools.place).await.unwrap();
    all.into_iter().map(|partition| partition.name).collect()
}

#[tokio::test]
async fn months_are_made_ahead_and_dropped_whole_and_few_at_a_time() {
    let database = Database::new().await;
    assert_eq!(months_of(&database).await, ["g200001", "g202603", "p202603", "p202604"]);
    let host = database.register("web-1").await;
    let retention = std::time::Duration::from_secs(730 * 86_400);
    let mut most = 0;
    for day in (0..1_500).step_by(20) {
        database.clock.step_wall(at(day));
        let rollups = vec![Rollup::new(host.id, hour_of(at(day))).into()];
        database.store.write(Arc::new(Batch { rollups, ..Batch::default() })).await.unwrap();
        let rollups = at(day).minus(retention);
        let before = Retention { rollups, ..before(at(day)) };
        database.store.prune(before).await.unwrap();
        most = most.max(months_of(&database).await.len());
    }
    assert!((25..40).contains(&most), "{most} partitions");
    let left = database.rows("SELECT MIN(ts) AS oldest, COUNT(*) AS count FROM rollup_hour").await;
    // The month in which the retention ends stays.
    assert_eq!(left[0]["oldest"], "2028-04-07T01:00:00.000Z");
    assert_eq!(left[0]["count"], 38);
}

#[tokio::test]
async fn a_clock_that_was_set_back_an_hour_costs_only_the_slots_that_are_taken() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let hour = Duration::from_secs(3_600);
    let poll = |ms: i64| sample::good(host.id, &host.name, WallMs(sample::START.0 + ms));
    let first: Vec<Record> = (0..60).map(|minute| poll(minute * 60_000)).collect();
    database.clock.advance(hour);
    database.write(first.clone()).await.unwrap();
    // The hour comes once more. What was under way when it was set back is of the future, and is kept.
    database.clock.step_wall(sample::START);
    let late = poll(3_600_000);
    database.write(vec![late.clone()]).await.unwrap();
    // The schedule moves by a millisecond; whoever does not loses the poll, and is told which.
    let moved: Vec<Record> = (0..60).map(|minute| poll(minute * 60_000 + 1)).collect();
    let mut same = poll(60_000);
    same.started = WallMs(same.started.0 + 9);
    let both = moved.iter().cloned().chain([same.clone()]).collect();
    let written = database.write(both).await.unwrap();
    assert_eq!(
        written,
        BatchResult { polls: 60, repeated: 0, conflicting: vec![(host.id, same.slot)] }
    );
    let mut all: Vec<Record> = first.into_iter().chain(moved).chain([late]).collect();
    all.sort_by_key(|record| record.slot);
    assert_eq!(database.all_polls(host.id).await, all);
}

#[tokio::test]
async fn polls_of_a_future_that_never_comes_are_lost_in_plain_words() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    // Before it was set back by a month the clock was right, or the other way round.
    database.clock.step_wall(WallMs(sample::START.0 - 30 * 86_400_000));
    let clock = database.clock.clone();
    let now = move || clock.now().wall;
    let limits = WriterLimits { batch_rows: 2, ..WriterLimits::default() };
    let store: Arc<dyn Store> = Arc::new(database.store);
    let (handle, writer) = Writer::start(Arc::clone(&store), limits, now);
    let poll = |ms| sample::failed(host.id, &host.name, WallMs(sample::START.0 + ms), "x");
    let today = WallMs(sample::START.0 - 30 * 86_400_000);
    let good = sample::failed(host.id, &host.name, today, "x");
    for record in [poll(0), good.clone()] {
        handle.push(QueuedRow::Poll(Arc::new(record)));
    }
    let stats = writer.flush_and_stop(Duration::from_secs(60)).await;
    assert_eq!((stats.rejected, stats.dropped), (1, 0), "{stats:?}");
    let why = stats.last_refusal.unwrap();
    assert!(why.contains("more than 7 days from now") && why.contains("was set back"), "{why}");
    let kept = store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    assert_eq!(kept, [good]);
    let losses = store.losses(Span::ALL, 9).await.unwrap();
    let [loss] = losses.as_slice() else { panic!("{losses:?}") };
    assert_eq!((loss.reason, loss.polls, loss.from), (LossReason::Refused, 1, sample::START));
}
