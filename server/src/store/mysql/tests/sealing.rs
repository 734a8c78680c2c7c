use std::{collections::BTreeMap, time::Duration};

use tokio::time::timeout;

use super::*;
use crate::model::{Detail, Row as Repeated};

const HOUR_MS: i64 = moment::HOUR_MS;

/// So many seconds after the beginning of the first hour.
fn at(seconds: i64) -> WallMs {
    WallMs(moment::hour(sample::START).0 + seconds * 1_000 + 250)
}

/// A poll of a kind that its moment says: whole, failed, without what repeats, or without anything.
fn poll(host: &KnownHost, slot: WallMs) -> Record {
    let good = sample::good(host.id, &host.name, slot);
    match slot.0 / 10_000 % 4 {
        0 => good,
        1 => sample::failed(host.id, &host.name, slot, "it's \"refused\"\n\\ 🦀 三"),
        2 => Record { detail: Some(Detail::default()), ..good },
        _ => Record { values: Some(crate::model::Values::default()), ..good },
    }
}

/// Every row of every view of polls.
async fn everything(database: &Database) -> BTreeMap<String, Vec<ViewRow>> {
    let names = "SELECT TABLE_NAME AS name FROM information_schema.VIEWS
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME <> 'host_hour'";
    let mut all = BTreeMap::new();
    for row in database.rows(names).await {
        let name = row["name"].as_str().unwrap();
        let mut rows = database.rows(&format!("SELECT * FROM {name}")).await;
        rows.sort_by_key(|row| format!("{} {} {row:?}", row["host"], row["time"]));
        all.insert(name.to_owned(), rows);
    }
    assert_eq!(all.len(), docs::TEXTS);
    all
}

/// Three hosts with polls in three hours, the last of them not over.
async fn fleet(database: &Database) -> Vec<(KnownHost, Vec<Record>)> {
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        let host = database.register(name).await;
        let seconds = (0..40).map(|n| n * 10).chain([3_599, 3_600, 4_000, 7_200, 7_210]);
        let polls: Vec<Record> = seconds.map(|second| poll(&host, at(second))).collect();
        database.write(polls.clone()).await.unwrap();
        all.push((host, polls));
    }
    all
}

/// Checks that the polls are there as they were, in both orders and by page.
async fn check(database: &Database, fleet: &[(KnownHost, Vec<Record>)]) {
    for (host, polls) in fleet {
        assert_eq!(database.all_polls(host.id).await, *polls);
        let read = async |span, order, limit| {
            database.store.polls(host.id, span, order, limit).await.unwrap()
        };
        let newest = read(Span::ALL, Order::NewestFirst, 7).await;
        let reversed: Vec<Record> = polls.iter().rev().cloned().collect();
        assert_eq!(newest, reversed[..reversed.len().min(7)]);
        let span = Span { from: at(20), to: at(7_200) };
        let within: Vec<Record> = polls
            .iter()
            .filter(|poll| span.from <= poll.slot && poll.slot < span.to)
            .cloned()
            .collect();
        assert_eq!(read(span, Order::OldestFirst, MAX_PAGE).await, within);
        assert_eq!(read(span, Order::OldestFirst, 3).await, within[..within.len().min(3)]);
    }
}

async fn count(database: &Database, sql: &str) -> i64 {
    database.rows(sql).await[0]["n"].as_i64().unwrap()
}

#[tokio::test]
async fn sealed_polls_are_shown_as_before() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let before = everything(&database).await;
    let sealed = database.store.seal(at(7_205)).await.unwrap();
    assert_eq!((sealed.hours, sealed.polls), (2, 3 * 43));
    for (view, rows) in everything(&database).await {
        assert!(!rows.is_empty(), "{view}");
        assert_eq!(rows, before[&view], "{view}");
    }
    check(&database, &fleet).await;
    // What is shown is the sealed form, and not the rows that it was made of.
    database.run("DELETE FROM poll WHERE ts < '2026-03-29 03:00:00'").await;
    assert_eq!(everything(&database).await, before);
    check(&database, &fleet).await;

    assert_eq!(database.store.seal(at(7_205)).await.unwrap(), Sealed::default());
    let status = database.store.status().await.unwrap();
    assert_eq!((status.polls, status.sealed_polls), (3 * 45, 3 * 43));
    assert_eq!(status.oldest_unsealed, Some(moment::hour(at(7_200))));
    assert!(status.sealed_bytes > 0 && status.unsealed_bytes > 0, "{status:?}");
    assert!(status.bytes >= status.sealed_bytes + status.unsealed_bytes, "{status:?}");
}

#[tokio::test]
async fn hosts_are_listed_with_their_sealed_newest_poll() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let before = database.store.hosts(HostQuery::all()).await.unwrap();
    database.store.seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM poll").await, 0);
    assert_eq!(database.store.hosts(HostQuery::all()).await.unwrap(), before);
    let newest = fleet[0].1.last().unwrap().slot;
    assert_eq!(database.register("a").await.latest_slot, Some(newest));
    database.clock.step_wall(at(86_400 * 3));
    let all = Retention { polls: at(86_400 * 2), events: WallMs(0), rollups: WallMs(0) };
    assert_eq!(database.store.prune(all).await.unwrap().polls, 3 * 45);
    assert_eq!(database.register("a").await.latest_slot, None);
    assert_eq!(database.store.hosts(HostQuery::all()).await.unwrap()[0].latest, None);
}

#[tokio::test]
async fn polls_that_come_late_are_sealed_with_the_others() {
    let database = Database::new().await;
    let mut fleet = fleet(&database).await;
    database.store.seal(at(7_205)).await.unwrap();
    let host = fleet[1].0.clone();
    // Oldest first, as a replay does; newest first, which is the worst order; and an hour without
    // any, in a day without any.
    let late: Vec<i64> = (0..50).map(|n| 1_000 + n).collect();
    let backwards = (0..50).map(|n| 3_500 - n).chain([-86_400, -90_000]);
    for second in late.iter().copied().chain(backwards) {
        let new = poll(&host, at(second));
        let written = database.write(vec![new.clone()]).await.unwrap();
        assert_eq!(written, Written { polls: 1, ..Written::default() });
        fleet[1].1.push(new);
    }
    let parts = count(&database, "SELECT MAX(part) AS n FROM poll_hour").await;
    assert!((1..12).contains(&parts), "{parts} parts");
    // Sent again; another attempt at a slot that is taken; and all of it in one batch.
    let mut other = fleet[1].1[0].clone();
    other.started = WallMs(other.started.0 + 1);
    let new = poll(&host, at(2_000));
    let conflicting = vec![(other.host, other.slot)];
    let both = vec![fleet[1].1[0].clone(), other, new.clone(), new.clone()];
    let written = database.write(both).await.unwrap();
    assert_eq!(written, Written { polls: 1, repeated: 2, conflicting });
    fleet[1].1.push(new);
    fleet[1].1.sort_by_key(|record| record.slot);
    check(&database, &fleet).await;
    let all = i64::try_from(fleet.iter().map(|(_, polls)| polls.len()).sum::<usize>()).unwrap();
    assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM ledger").await, all);
    let status = database.store.status().await.unwrap();
    assert_eq!(i64::try_from(status.polls).unwrap(), all);
    assert_eq!(status.polls - status.sealed_polls, 3 * 2);
    let bytes = count(&database, "SELECT CAST(SUM(LENGTH(docs)) AS SIGNED) AS n FROM poll_hour");
    let noted = count(&database, "SELECT CAST(SUM(sealed_bytes) AS SIGNED) AS n FROM poll_day");
    assert_eq!(bytes.await, noted.await);
}

#[tokio::test]
async fn a_poll_that_comes_while_its_hour_is_sealed_is_in_it() {
    let database = Database::new().await;
    let mut fleet = fleet(&database).await;
    let (host, new) = (fleet[0].0.clone(), poll(&fleet[0].0, at(5)));
    // Sealing has come to the second host; the first one's hour is packed.
    let mut other = database.conn().await;
    other.query_drop("CREATE TABLE gate (id INT PRIMARY KEY) ENGINE = InnoDB").await.unwrap();
    other.query_drop("INSERT INTO gate VALUES (1)").await.unwrap();
    let second = fleet[1].0.id.0;
    other
        .query_drop(format!(
            "CREATE TRIGGER wait BEFORE INSERT ON poll_hour FOR EACH ROW
             IF NEW.host_id = {second} THEN UPDATE gate SET id = 1; END IF"
        ))
        .await
        .unwrap();
    other.query_drop("BEGIN").await.unwrap();
    other.query_drop("SELECT * FROM gate FOR UPDATE").await.unwrap();
    let writing = async {
        let packed = format!("SELECT COUNT(*) AS n FROM poll_hour WHERE host_id = {}", host.id.0);
        while count(&database, &packed).await == 0 {
            tokio::task::yield_now().await;
        }
        database.write(vec![new.clone()]).await.unwrap();
        other.query_drop("ROLLBACK").await.unwrap();
    };
    let (sealed, ()) = tokio::join!(database.store.seal(at(7_205)), writing);
    assert_eq!(sealed.unwrap().polls, 3 * 43 + 1);
    assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM seal_late").await, 0);
    fleet[0].1.push(new);
    fleet[0].1.sort_by_key(|record| record.slot);
    check(&database, &fleet).await;
    database.run("DELETE FROM poll WHERE ts < '2026-03-29 03:00:00'").await;
    check(&database, &fleet).await;
}

#[tokio::test]
async fn sealing_that_ends_anywhere_loses_and_doubles_nothing() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let before = everything(&database).await;
    let mut ended = 0;
    // Longer each time, until it is through.
    for patience in 0.. {
        let patience = Duration::from_micros(500 * patience);
        if let Ok(done) = timeout(patience, database.store.seal(at(86_400 * 2))).await {
            done.unwrap();
            break;
        }
        ended += 1;
        check(&database, &fleet).await;
        let ledger = database.rows("SELECT * FROM ledger").await.len();
        assert_eq!(ledger, before["ledger"].len());
    }
    assert!(ended > 3, "{ended} endings were tried");
    assert_eq!(everything(&database).await, before);
    check(&database, &fleet).await;
    assert_eq!(database.store.status().await.unwrap().sealed_polls, 3 * 45);
}

#[tokio::test]
async fn a_server_that_is_killed_while_sealing_loses_and_doubles_nothing() {
    let mut server = Mariadbd::start(&FLAGS);
    let limits = Limits { connect: Duration::from_secs(2), ..Limits::default() };
    let database = Database::on(server.port(), limits).await;
    let fleet = fleet(&database).await;
    let before = everything(&database).await;
    for steps in [0, 1, 2, 4, 7] {
        // After so many host-hours more.
        let sealed = "SELECT COUNT(*) AS n FROM poll_hour";
        let wanted = count(&database, sealed).await + steps;
        let killing = async {
            while count(&database, sealed).await < wanted.min(9) {
                tokio::task::yield_now().await;
            }
        };
        let sealing = database.store.seal(at(86_400 * 2));
        tokio::select! {
            biased;
            () = killing => {}
            done = sealing => assert!(done.is_ok(), "{done:?}"),
        }
        server.kill();
        server.start_again();
        assert_eq!(everything(&database).await, before, "after {steps} steps");
        check(&database, &fleet).await;
    }
    database.store.seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(everything(&database).await, before);
    check(&database, &fleet).await;
    assert_eq!(database.store.status().await.unwrap().sealed_polls, 3 * 45);
}

#[tokio::test]
async fn damage_is_told_and_its_source_kept() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    // As a failing disk or memory would.
    for damage in [
        "docs = INSERT(NEW.docs, 40, 4, 'xxxx')",
        "docs = LEFT(NEW.docs, 100)",
        "polls = NEW.polls - 1",
        "net_info_at = NEW.net_info_at + 1",
        "docs = CONCAT(COMPRESS(REPLACE(UNCOMPRESS(LEFT(NEW.docs, NEW.cpu_load_at - 1)), \
         '4200', '4201')), SUBSTRING(NEW.docs, NEW.cpu_load_at))",
    ] {
        database
            .run(&format!(
                "CREATE TRIGGER damage BEFORE INSERT ON poll_hour FOR EACH ROW SET NEW.{damage}"
            ))
            .await;
        let error = database.store.seal(at(86_400 * 2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{damage}: {error}");
        assert!(error.to_string().contains("the sealed polls of"), "{error}");
        assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM poll").await, 3 * 45);
        check(&database, &fleet).await;
        database.run("DROP TRIGGER damage").await;
    }
    database.store.seal(at(86_400 * 2)).await.unwrap();
    check(&database, &fleet).await;

    // What is damaged later is told to whoever reads it, and holds up nobody who writes.
    let host = fleet[0].0.clone();
    let hour = format!("host_id = {} AND hour = '2026-03-29 01:00:00'", host.id.0);
    database
        .run(&format!("UPDATE poll_hour SET docs = INSERT(docs, 20, 9, 'xxxxxxxxx') WHERE {hour}"))
        .await;
    let read = database.store.polls(host.id, Span::ALL, Order::OldestFirst, MAX_PAGE).await;
    let error = read.unwrap_err().to_string();
    assert!(error.contains("part 0 of the sealed polls of host"), "{error}");
    let written = database.write(vec![poll(&host, at(1_111))]).await.unwrap();
    assert_eq!(written.polls, 1);
    check(&database, &fleet[1..]).await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_not_sealed_and_not_dropped() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    database.run("UPDATE poll SET state = 'sideways' WHERE ts = '2026-03-29 02:06:40.25'").await;
    let error = database.store.seal(at(86_400 * 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let status = database.store.status().await.unwrap();
    assert_eq!(status.sealed_polls, 3 * 41, "the hour before it");
    assert_eq!(status.oldest_unsealed, Some(moment::hour(at(3_600))));
    database.run("UPDATE poll SET state = 'up' WHERE state = 'sideways'").await;
    database.store.seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(database.store.status().await.unwrap().sealed_polls, 3 * 45);
    database.write(vec![fleet[0].1[0].clone()]).await.unwrap();
}

#[tokio::test]
async fn of_two_that_seal_at_once_one_goes_on() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let clock = standing_clock();
    let other = Mysql::open(database.options.clone(), Mode::ReadWrite, clock).await.unwrap();
    let (one, two) = tokio::join!(database.store.seal(at(86_400 * 2)), other.seal(at(86_400 * 2)));
    let sealed: Vec<Sealed> =
        [&one, &two].into_iter().filter_map(|r| r.as_ref().ok()).copied().collect();
    assert!(!sealed.is_empty(), "{one:?} {two:?}");
    check(&database, &fleet).await;
    database.store.seal(at(86_400 * 2)).await.unwrap();
    check(&database, &fleet).await;
    let status = database.store.status().await.unwrap();
    assert_eq!((status.polls, status.sealed_polls), (3 * 45, 3 * 45));
}

#[tokio::test]
async fn sealed_days_are_dropped_by_ddl_and_kept_for_their_retention() {
    const DAY: i64 = 86_400;
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let retention = Duration::from_secs(30 * 86_400);
    let names = async |table: &str| -> Vec<String> {
        let sql = format!(
            "SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'
             ORDER BY PARTITION_ORDINAL_POSITION"
        );
        let rows = database.rows(&sql).await;
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut most = (0, 0);
    for day in 0..40 {
        let now = at(day * DAY + 20 * 3_600);
        database.clock.step_wall(now);
        // A weekend away leaves a gap.
        if !(20..23).contains(&day) {
            database.write(vec![poll(&host, now)]).await.unwrap();
        }
        database.store.seal(WallMs(now.0 - 48 * HOUR_MS)).await.unwrap();
        let before =
            Retention { polls: now.minus(retention), events: WallMs(0), rollups: WallMs(0) };
        database.store.prune(before).await.unwrap();
        most = (most.0.max(names("poll").await.len()), most.1.max(names("poll_hour").await.len()));
    }
    assert!(most.0 < 12 && (34..40).contains(&most.1), "{most:?} partitions");
    assert_eq!(names("poll").await[0], "p20260505");
    assert_eq!(names("poll_hour").await[0], "p20260407");
    let kept: Vec<Record> = (9..40)
        .filter(|day| !(20..23).contains(day))
        .map(|day| poll(&host, at(day * DAY + 20 * 3_600)))
        .collect();
    check(&database, &[(host.clone(), kept)]).await;
    let gone = database.write(vec![poll(&host, at(0))]).await.unwrap_err();
    assert!(gone.to_string().contains("retention has dropped that day"), "{gone}");
}

#[tokio::test]
async fn both_tiers_are_read_where_a_condition_says() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let days: Vec<Record> = (0..6).map(|day| poll(&host, at(day * 86_400))).collect();
    database.clock.step_wall(at(5 * 86_400));
    database.write(days).await.unwrap();
    database.store.seal(at(3 * 86_400)).await.unwrap();
    for view in ["cpu_load", "cpu_stat", "mem_info", "net_info", "disk_info", "process", "ledger"] {
        let plan = async |condition: &str| {
            let explain = format!("EXPLAIN PARTITIONS SELECT * FROM {view} WHERE {condition}");
            database.rows(&explain).await
        };
        let partitions = |plan: &[ViewRow], table: &str| -> Vec<String> {
            let steps = plan.iter().filter(|step| step["table"] == table);
            steps.map(|step| step["partitions"].as_str().unwrap_or("none").to_owned()).collect()
        };
        let recent = plan(
            "host = 'web-1' AND time >= '2026-04-02 00:00:00' AND time < '2026-04-03'
               AND hour >= '2026-04-02 00:00:00'",
        )
        .await;
        assert!(partitions(&recent, "p").iter().all(|p| p == "p20260402"), "{view}: {recent:?}");
        assert!(!partitions(&recent, "p").is_empty(), "{view}: {recent:?}");
        for sealed in partitions(&recent, "q") {
            assert!(!sealed.contains("p202603"), "{view}: {recent:?}");
        }
        let old = plan(
            "host = 'web-1' AND time BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'
               AND hour BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'",
        )
        .await;
        assert!(partitions(&old, "q").iter().all(|p| p == "p20260330"), "{view}: {old:?}");
        assert!(!partitions(&old, "q").is_empty(), "{view}: {old:?}");
    }
}

#[tokio::test]
async fn names_that_are_code_elsewhere_are_names_in_both_tiers() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let long = "é$\\\"'`]".repeat(1_500);
    let names = [
        "it's \"quoted\"; DROP TABLE poll; -- ",
        "$[*] $.net \\u0000 \\n \\",
        "[[\"0\",1]],{\"a\":[]}",
        "line\none\ttab\r\u{1}\u{1f}\u{7f}",
        "三 🦀 \u{202e}rtl \u{10ffff}",
        "%_?:name@x /* */ #",
        "nul \u{0} inside",
        "",
        &long,
    ];
    let mut polls = Vec::new();
    for (name, number) in names.iter().zip(0..) {
        let template = sample::detail();
        fn named<C: crate::model::ColumnSet>(rows: &[Repeated<C>], name: &str) -> Vec<Repeated<C>> {
            let labels = vec![Arc::from(name); C::LABELS.len()];
            rows.iter()
                .map(|row| Repeated { labels: labels.clone().into(), ..row.clone() })
                .collect()
        }
        let detail = Detail {
            cores: named(&template.cores, name),
            softirqs: named(&template.softirqs, name),
            interfaces: named(&template.interfaces, name),
            disks: named(&template.disks, name),
            filesystems: named(&template.filesystems, name),
            processes: named(&template.processes, name),
        };
        let good = sample::good(host.id, &host.name, at(number * 10));
        polls.push(Record {
            detail: Some(detail),
            address: Some((*name).into()),
            error: Some((*name).into()),
            ..good
        });
        polls.push(sample::failed(host.id, &host.name, at(number * 10 + 1), name));
    }
    database.write(polls.clone()).await.unwrap();
    let before = everything(&database).await;
    database.store.seal(at(7_200)).await.unwrap();
    let fleet = [(host, polls)];
    check(&database, &fleet).await;
    assert_eq!(everything(&database).await, before);
    for (view, column) in [
        ("ledger", "error"),
        ("net_info", "interface"),
        ("disk_info", "device"),
        ("filesystem", "mount_point"),
        ("process", "comm"),
    ] {
        let rows = database.rows(&format!("SELECT DISTINCT {column} AS x FROM {view}")).await;
        let mut shown: Vec<&str> = rows.iter().map(|row| row["x"].as_str().unwrap()).collect();
        let mut wanted = names.to_vec();
        shown.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(shown, wanted, "{view}.{column}");
    }
}

#[tokio::test]
async fn the_hosts_of_a_day_are_looked_up_without_reading_its_rows() {
    let database = Database::new().await;
    for name in ["a", "b", "c"] {
        let host = database.register(name).await;
        let failed = |n| sample::failed(host.id, &host.name, at(n), "refused");
        database.write((0..2_000).map(failed).collect()).await.unwrap();
    }
    database.run("ANALYZE TABLE poll").await;
    let plan = "EXPLAIN SELECT DISTINCT host_id FROM poll PARTITION (p20260329)";
    let plan = database.rows(plan).await;
    assert_eq!(plan[0]["Extra"], "Using index for group-by", "{plan:?}");
}
