use std::time::Duration;

use super::*;
use crate::model::State;

/// The message of opening, with its cause, and the port taken out.
async fn refusal(options: &Options, mode: Mode) -> String {
    let error = Mysql::open(options.clone(), mode, standing_clock()).await.unwrap_err();
    let mut text = error.to_string();
    if let Some(cause) = std::error::Error::source(&error) {
        text.push_str(&format!(": {cause}"));
    }
    assert!(!text.contains('\n'), "{text}");
    text.replace(&options.url.addresses[0].port.to_string(), "PORT")
        .replace(&options.url.database, "DB")
}

#[tokio::test]
async fn a_database_that_is_unfit_is_refused_in_one_line() {
    let mut said = Vec::new();
    let port = shared();
    let empty = options(port, &new_database(port).await);
    said.push(refusal(&empty, Mode::ReadOnly).await);
    said.push(refusal(&options(port, "no_such_database"), Mode::ReadWrite).await);
    let wrong = Options { password: Some(Secret::new("hunter2")), ..empty.clone() };
    said.push(refusal(&wrong, Mode::ReadWrite).await);
    for change in [
        "INSERT INTO schema_version VALUES (999, '0999_wings', 'x', NOW())",
        "UPDATE schema_version SET checksum = 'x' WHERE number = 1",
    ] {
        let database = Database::new().await;
        database.run(change).await;
        said.push(refusal(&database.options, Mode::ReadWrite).await);
        said.push(refusal(&database.options, Mode::ReadOnly).await);
    }
    // Nobody listens here any longer.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    said.push(refusal(&options(free, "roundsman"), Mode::ReadWrite).await);
    insta::assert_snapshot!(said.join("\n"));
    assert!(!format!("{wrong:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_user_with_a_password_and_the_grants_that_are_asked_for() {
    let port = shared();
    let name = new_database(port).await;
    let mut conn = conn(port, None).await;
    let user = format!("user_{name}");
    for sql in [
        format!("CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'p ä\"\\'ss'"),
        format!("GRANT ALL ON {name}.* TO {user}@'127.0.0.1'"),
    ] {
        conn.query_drop(sql).await.unwrap();
    }
    let options = options(port, &name);
    let options = Options {
        password: Some(Secret::new("p ä\"'ss")),
        url: MysqlUrl { user, ..options.url },
        ..options
    };
    let store = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap();
    store.register(vec![sample::registration("web-1")], sample::START).await.unwrap();
    let status = store.status().await.unwrap();
    assert!(status.bytes > 0, "{status:?}");
    assert!(!format!("{status:?} {store:?}").contains("ss"), "{status:?}");
}

#[tokio::test]
async fn every_connection_is_set_up() {
    let database = Database::new().await;
    let pools = &database.store.shared.pools;
    let common = [
        ("time_zone", "+00:00"),
        ("collation_connection", "utf8mb4_bin"),
        ("lock_wait_timeout", "10"),
    ];
    let own = if on_mysql() {
        [
            ("transaction_isolation", "READ-COMMITTED"),
            ("information_schema_stats_expiry", "0"),
            ("max_execution_time", "25000"),
        ]
    } else {
        [
            ("tx_isolation", "READ-COMMITTED"),
            ("in_predicate_conversion_threshold", "0"),
            ("max_statement_time", "25.000000"),
        ]
    };
    let wanted: Vec<_> = common.into_iter().chain(own).collect();
    for conn in [pools.writer("test").await.unwrap(), pools.reader().await.unwrap()] {
        let mut conn = conn;
        for &(variable, value) in &wanted {
            let found: Option<String> =
                conn.query_first(format!("SELECT CAST(@@{variable} AS CHAR)")).await.unwrap();
            assert_eq!(found.unwrap(), value, "{variable}");
        }
        let mode: Option<String> = conn.query_first("SELECT @@sql_mode").await.unwrap();
        assert!(mode.unwrap().contains("STRICT_ALL_TABLES"));
    }
    let mut schema = pools.schema().await.unwrap();
    let limit = if on_mysql() { "max_execution_time + 0.0" } else { "max_statement_time" };
    let found: Option<f64> = schema.query_first(format!("SELECT @@{limit}")).await.unwrap();
    assert_eq!(found, Some(0.0));
}

#[tokio::test]
async fn a_store_for_reading_changes_nothing() {
    let database = Database::new().await;
    let clock = standing_clock();
    let reader = Mysql::open(database.options.clone(), Mode::ReadOnly, clock).await.unwrap();
    let host = database.register("web-1").await;
    let partitions = "SELECT COUNT(*) AS count FROM information_schema.PARTITIONS
                      WHERE TABLE_SCHEMA = DATABASE()";
    let before = database.rows(partitions).await;
    let polls = vec![sample::good(host.id, &host.name, WallMs(sample::START.0 - 900_000_000))];
    let refused = [
        reader.write(Arc::new(Batch::of_polls(polls))).await.map(drop),
        reader.register(vec![sample::registration("x")], sample::START).await.map(drop),
        reader.retire(vec![host.id], sample::START).await,
        reader
            .prune(Retention {
                polls: sample::START,
                events: sample::START,
                summaries: sample::START,
                rollups: sample::START,
            })
            .await
            .map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
    }
    assert_eq!(database.rows(partitions).await, before);
    // And if it tried to, the server would not let it.
    let mut conn = reader.shared.pools.reader().await.unwrap();
    let error = conn.query_drop("DELETE FROM host").await.unwrap_err();
    assert!(error.to_string().contains("READ ONLY"), "{error}");
}

#[tokio::test]
async fn those_who_open_a_new_database_at_once_all_succeed() {
    let port = shared();
    let options = options(port, &new_database(port).await);
    let open = || Mysql::open(options.clone(), Mode::ReadWrite, standing_clock());
    let (a, b, c, d) = tokio::join!(open(), open(), open(), open());
    for store in [a, b, c, d] {
        assert_eq!(store.unwrap().status().await.unwrap().schema, migrate::known());
    }
    let mut conn = conn(port, Some(&options.url.database)).await;
    let steps: Vec<u32> =
        conn.query("SELECT number FROM schema_version ORDER BY number").await.unwrap();
    assert_eq!(steps, migrate::numbers());
    // Each holder had an epoch of its own, and let go.
    let lease: Vec<(u64, Option<u64>)> =
        conn.query("SELECT epoch, holder FROM lease").await.unwrap();
    assert!((1..=4).contains(&lease[0].0) && lease[0].1.is_none(), "{lease:?}");
}

#[tokio::test]
async fn a_schema_that_was_left_half_made_is_finished() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let record = sample::good(host.id, &host.name, sample::START);
    database.write(vec![record.clone()]).await.unwrap();
    // As if killed after a step was made and before it was noted, at each step.
    for made in 0..migrate::known() {
        database.run(&format!("DELETE FROM schema_version WHERE number > {made}")).await;
        let options = database.options.clone();
        let again = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap();
        assert_eq!(again.status().await.unwrap().schema, migrate::known());
    }
    assert_eq!(database.all_polls(host.id).await, [record]);
}

#[tokio::test]
async fn the_lease_of_one_who_died_is_taken_over_and_that_of_one_who_lives_is_not() {
    let database = Database::new().await;
    let open = |schema| {
        let options = Options {
            limits: Timeouts { schema, ..Timeouts::default() },
            ..database.options.clone()
        };
        Mysql::open(options, Mode::ReadWrite, standing_clock())
    };
    let lease = async |expires: &str| {
        database.run("DELETE FROM schema_version WHERE number > 6").await;
        let sql = format!("UPDATE lease SET holder = 1, epoch = 7, expires = {expires}");
        database.run(&sql).await;
    };
    lease("UTC_TIMESTAMP(3) + INTERVAL 1 HOUR").await;
    let refused = open(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Timeout { .. }), "{refused}");
    lease("UTC_TIMESTAMP(3) - INTERVAL 1 SECOND").await;
    open(Timeouts::default().schema).await.unwrap();
    let left = database.rows("SELECT epoch, holder FROM lease").await;
    assert_eq!((&left[0]["epoch"], &left[0]["holder"]), (&8.into(), &Value::Null));
}

#[tokio::test]
async fn one_who_lost_the_lease_stops() {
    let database = Database::new().await;
    let pools = &database.store.shared.pools;
    let mut conn = pools.schema().await.unwrap();
    let lost = lease::Lease::take(pools, &mut conn).await.unwrap();
    lost.renew(&mut conn).await.unwrap();
    // Another one's connection may have the same number: after a restart of the server it does.
    for taken in ["epoch = epoch + 1", "holder = 1"] {
        database.run(&format!("UPDATE lease SET {taken}")).await;
        let error = lost.renew(&mut conn).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    }
    lost.release(&mut conn).await.unwrap();
    assert_eq!(
        database.rows("SELECT holder FROM lease").await[0]["holder"],
        1,
        "not its own to free"
    );
}

/// The way to the database leads elsewhere and no write failed: the connections were idle, or a proxy
/// closed them in order.
#[tokio::test]
async fn another_database_behind_the_same_name_gets_nothing_also_when_no_write_failed() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let poll = |ms| sample::failed(host.id, &host.name, WallMs(sample::START.0 + ms), "x");
    database.write(vec![poll(0)]).await.unwrap();
    let whose = |identity: &str| format!("UPDATE identity SET store = '{identity}'");
    let identity = database.store.identity().await.unwrap();
    database.run(&whose("another")).await;
    let shared = &database.store;
    let pause = Pause { since: sample::START, until: None, reason: "disk".into() };
    let loaded = LoadedInventory {
        at: sample::START,
        hash: "x".to_owned(),
        hosts: 1,
        source: "x".to_owned(),
        text: "x".to_owned(),
    };
    let refused = [
        database.write(vec![poll(1)]).await.map(drop),
        shared.register(vec![sample::registration("db-9")], sample::START).await.map(drop),
        shared.retire(vec![host.id], sample::START).await,
        shared.record_inventory(loaded).await.map(drop),
        shared.set_pause(host.id, Some(pause)).await,
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::Replaced { .. })), "{refused:?}");
    }
    let kept = "SELECT (SELECT COUNT(*) FROM poll) AS polls, (SELECT COUNT(*) FROM host) AS hosts,
                (SELECT COUNT(*) FROM pause) AS pauses,
                (SELECT COUNT(*) FROM inventory_version) AS inventories,
                (SELECT COUNT(*) FROM host WHERE retired_at IS NOT NULL) AS retired";
    let kept = database.rows(kept).await;
    for (name, count) in
        [("polls", 1), ("hosts", 1), ("pauses", 0), ("inventories", 0), ("retired", 0)]
    {
        assert_eq!(kept[0][name], count, "{name}");
    }
    // And when the old one is back, all goes on.
    database.run(&whose(&identity)).await;
    database.write(vec![poll(1)]).await.unwrap();
    assert_eq!(database.all_polls(host.id).await, [poll(0), poll(1)]);
}

#[tokio::test]
async fn a_database_that_was_replaced_gets_no_rows_of_the_one_before() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let poll = |ms| sample::failed(host.id, &host.name, WallMs(sample::START.0 + ms), "x");
    database.write(vec![poll(0)]).await.unwrap();
    let name = &database.options.url.database;
    let mut other = conn(database.options.url.addresses[0].port, None).await;
    other.query_drop(format!("DROP DATABASE {name}")).await.unwrap();
    other.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
    assert!(database.write(vec![poll(1)]).await.unwrap_err().is_transient());
    // Another server makes it its own, and gives the number to another host.
    let options = database.options.clone();
    let second = Mysql::open(options, Mode::ReadWrite, database.clock.clone()).await.unwrap();
    let elsewhere = second.register(vec![sample::registration("db-9")], sample::START);
    assert_eq!(elsewhere.await.unwrap()[0].id, host.id);
    let refused = database.write(vec![poll(1)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced { .. }), "{refused}");
    assert!(refused.is_transient(), "the rows wait for somebody to decide");
    assert_eq!(second.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap(), []);
    let identity = second.identity().await.unwrap();
    assert_ne!(identity, database.store.identity().await.unwrap());
    let again = Mysql::open(database.options.clone(), Mode::ReadWrite, database.clock.clone());
    assert_eq!(again.await.unwrap().identity().await.unwrap(), identity);
}

/// Changes of state from before they were known by their polls: every one is kept as it was, and one
/// that a spool of that time sends again is not kept twice.
#[tokio::test]
async fn changes_of_an_older_schema_are_kept_and_not_doubled() {
    let port = shared();
    let options = first_version(port).await;
    let mut old = conn(port, Some(&options.url.database)).await;
    old.query_drop("DELETE FROM event").await.unwrap();
    let known: Vec<_> = (0..3)
        .map(|second| {
            let at = WallMs(sample::START.0 + second * 1_000);
            let to = if second == 1 { State::Up } else { State::Down };
            sample::transition(HostId(7), &sample::name("web-1"), at, State::Suspect, to)
        })
        .collect();
    for (transition, id) in known.iter().zip([3_i64, 5, 9]) {
        let row = (
            id,
            moment::datetime(transition.at),
            transition.from.as_str(),
            transition.to.as_str(),
            &*transition.reason,
        );
        old.exec_drop(
            "INSERT INTO event (id, host_id, ts, from_state, to_state, host_name, cause, outcome,
               reason) VALUES (?, 7, ?, ?, ?, 'web-1', 'poll_failed', 'refused', ?)",
            row,
        )
        .await
        .unwrap();
    }
    let store = Mysql::open(options, Mode::ReadWrite, standing_clock()).await.unwrap();
    let new = Transition { slot: Some(WallMs(sample::START.0 - 1)), ..known[2].clone() };
    for transitions in [vec![known[1].clone(), new.clone()], vec![new.clone()]] {
        let batch = Batch { transitions, ..Batch::default() };
        store.write(Arc::new(batch)).await.unwrap();
    }
    let kept = store.transitions(None, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    assert_eq!(kept, [&known[..], &[new]].concat());
    let ids: Vec<i64> = old.query("SELECT id FROM event ORDER BY ts, id").await.unwrap();
    assert_eq!(ids[..3], [3, 5, 9]);
}

#[tokio::test]
async fn a_database_of_the_first_version_is_whole() {
    let options = first_version(shared()).await;
    let clock = standing_clock();
    let open = |mode| Mysql::open(options.clone(), mode, clock.clone());
    let refused = open(Mode::ReadOnly).await.unwrap_err();
    assert!(matches!(refused, StoreError::OlderSchema { .. }), "{refused}");
    let store = open(Mode::ReadWrite).await.unwrap();
    // Its sealed hours are as zlib packed them.
    assert!(store.status().await.unwrap().sealed_polls > 0);
    let former = Database { store, options: options.clone(), clock: clock.clone() };
    conformance::a_store_of_the_first_version_is_whole(&former, &Database::new().await).await;
}

/// As a version that knew one column less made it.
#[tokio::test]
async fn a_column_that_is_new_is_added_and_its_views_show_it() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let poll = |ms| sample::good(host.id, &host.name, WallMs(sample::START.0 + ms));
    database.write(vec![poll(0)]).await.unwrap();
    let former = [
        "DROP VIEW host_hour",
        "CREATE OR REPLACE VIEW process_states AS SELECT processes_running FROM poll",
        "UPDATE view_made SET made_from = 'another' WHERE name = 'process_states'",
        "ALTER TABLE poll DROP COLUMN threads",
        "ALTER TABLE rollup_hour DROP COLUMN threads_max",
    ];
    for statement in former {
        database.run(statement).await;
    }
    let open = |mode| Mysql::open(database.options.clone(), mode, database.clock.clone());
    let refused = open(Mode::ReadOnly).await.unwrap_err().to_string();
    assert!(
        refused.ends_with(
            " lacks columns that this program reads (poll.threads, rollup_hour.threads_max): start \
             `roundsman serve` on it once, which adds them"
        ),
        "{refused}"
    );
    let again = open(Mode::ReadWrite).await.unwrap();
    again.write(Arc::new(Batch::of_polls([poll(1_000)]))).await.unwrap();
    let mut before = poll(0);
    before.values.as_mut().unwrap().set(crate::model::Column::Threads, None);
    assert_eq!(database.all_polls(host.id).await, [before, poll(1_000)]);
    let shown = database.view("process_states").await;
    let threads: Vec<_> = shown.iter().map(|row| row["threads"].as_i64()).collect();
    assert_eq!(threads[0], None);
    assert!(threads[1].is_some(), "{threads:?}");
}
