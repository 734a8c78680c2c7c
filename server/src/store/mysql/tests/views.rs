use super::*;
use crate::{
    model::{AlarmState, Column, ColumnKind, ColumnSet, DeliveryState, Rollup, hour_of},
    store::sqlite::Sqlite,
};

#[tokio::test]
async fn the_schema_has_every_column_in_its_order_and_kind() {
    let database = Database::new().await;
    let table = database
        .rows(
            "SELECT COLUMN_NAME AS name, DATA_TYPE AS type FROM information_schema.COLUMNS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'poll' ORDER BY ORDINAL_POSITION",
        )
        .await;
    let table: Vec<(&str, &str)> = table
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["type"].as_str().unwrap()))
        .collect();
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, record::columns().collect::<Vec<_>>());
    for column in Column::ALL {
        let spec = column.spec();
        let (_, kind) = table.iter().find(|(name, _)| *name == spec.name).unwrap();
        let wanted = match spec.kind {
            ColumnKind::Whole => "bigint",
            ColumnKind::Real if ddl::is_single(spec) => "float",
            ColumnKind::Real => "double",
        };
        assert_eq!(*kind, wanted, "{}", spec.name);
    }
}

/// The same polls in both backends, looked at through every view.
#[tokio::test]
async fn the_views_are_those_of_sqlite() {
    let database = Database::new().await;
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("store.db");
    let file = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
    for store in [&database.store as &dyn Store, &file] {
        let known = store.register(vec![sample::registration("web-1")], sample::START).await;
        let host = known.unwrap().remove(0);
        let polls = vec![
            sample::good(host.id, &host.name, sample::START),
            sample::failed(host.id, &host.name, WallMs(sample::START.0 + 10_000), "refused"),
        ];
        let mut rollup = Rollup::new(host.id, hour_of(sample::START));
        polls.iter().for_each(|poll| rollup.add(poll.values.as_ref()));
        let rollups = vec![rollup.into()];
        let alarms = vec![sample::alarm(host.id, AlarmState::Firing, sample::START)];
        let alarm_events = vec![sample::alarm_event(&alarms[0], AlarmState::Pending)];
        let delivery = sample::delivery(&alarms[0], "1", DeliveryState::Sent);
        let deliveries = vec![Arc::new(delivery)];
        let batch = Batch { rollups, alarms, alarm_events, deliveries, ..Batch::of_polls(polls) };
        store.write(Arc::new(batch)).await.unwrap();
    }
    let file = rusqlite::Connection::open(&path).unwrap();
    let mut statement =
        file.prepare("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").unwrap();
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let ours = "SELECT TABLE_NAME AS name FROM information_schema.VIEWS
                WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME";
    let ours = database.rows(ours).await;
    let ours: Vec<&str> = ours.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(ours, names);
    for name in &names {
        let mut statement =
            file.prepare(&format!("SELECT * FROM {name} ORDER BY time_ms")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let theirs = statement.query_map([], |row| {
            let cell = |column| {
                Ok::<_, rusqlite::Error>(match row.get(column)? {
                    rusqlite::types::Value::Null => Value::Null,
                    rusqlite::types::Value::Integer(whole) => whole.into(),
                    rusqlite::types::Value::Real(real) => real.into(),
                    rusqlite::types::Value::Text(text) => text.into(),
                    rusqlite::types::Value::Blob(blob) => panic!("a blob: {blob:?}"),
                })
            };
            columns.iter().zip(0..).map(|(name, at)| Ok((name.clone(), cell(at)?))).collect()
        });
        let theirs: Vec<ViewRow> = theirs.unwrap().map(Result::unwrap).collect();
        assert!(!theirs.is_empty(), "{name}");
        assert_eq!(database.view(name).await, theirs, "{name}");
    }
}

#[tokio::test]
async fn a_view_of_one_day_reads_that_day_alone() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let days = (0..5).map(|day| WallMs(sample::START.0 + day * 86_400_000));
    let polls = days.map(|slot| sample::good(host.id, &host.name, slot)).collect();
    database.write(polls).await.unwrap();
    for view in ["cpu_load", "cpu_stat", "mem_info", "net_info", "disk_info", "process", "ledger"] {
        let plan = database
            .rows(&format!(
                "{EXPLAIN} SELECT * FROM {view} WHERE host = 'web-1'
                   AND time BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'",
                EXPLAIN = explain()
            ))
            .await;
        let polls: Vec<&ViewRow> = plan.iter().filter(|step| step["table"] == "p").collect();
        assert!(!polls.is_empty(), "{view}: {plan:?}");
        for step in polls {
            assert_eq!(step["partitions"], "p20260330", "{view}: {plan:?}");
            assert_eq!(step["key"], "PRIMARY", "{view}: {plan:?}");
        }
    }
    // It is this switch that brings the condition there.
    let off = match on_mysql() {
        true => "derived_condition_pushdown=off",
        false => "condition_pushdown_for_derived=off",
    };
    let mut conn = database.conn().await;
    conn.query_drop(format!("SET optimizer_switch = '{off}'")).await.unwrap();
    let plan = format!(
        "{} SELECT * FROM net_info WHERE host = 'web-1'
         AND time BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'",
        explain()
    );
    let plan: Vec<Row> = conn.query(plan).await.unwrap();
    let plan: Vec<ViewRow> = plan.into_iter().map(in_json).collect();
    let days = plan.iter().filter(|step| step["table"] == "p").map(|step| &step["partitions"]);
    assert!(days.clone().count() > 0, "{plan:?}");
    assert!(days.clone().all(|days| days.as_str().is_some_and(|d| d.contains(','))), "{plan:?}");
    // What Grafana's $__timeFilter(time) becomes.
    let counted = database
        .rows(
            "SELECT COUNT(*) AS polls FROM cpu_load
             WHERE time BETWEEN FROM_UNIXTIME(1774747800) AND FROM_UNIXTIME(1774920600.25)",
        )
        .await;
    assert_eq!(counted[0]["polls"], 3);
}

#[tokio::test]
async fn detail_is_in_the_form_of_compress() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let record = sample::good(host.id, &host.name, sample::START);
    database.write(vec![record.clone()]).await.unwrap();
    let text = "SELECT CONVERT(UNCOMPRESS(detail) USING utf8mb4) AS text FROM poll";
    let kept = database.rows(text).await;
    let wanted = crate::store::detail::encode(record.detail.as_ref().unwrap());
    assert_eq!(kept[0]["text"], wanted);
    // And what the server packs is read.
    database.run("UPDATE poll SET detail = COMPRESS(UNCOMPRESS(detail))").await;
    assert_eq!(database.all_polls(host.id).await, [record]);
}

#[tokio::test]
async fn a_damaged_row_is_said_and_not_guessed() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    database.write(vec![sample::good(host.id, &host.name, sample::START)]).await.unwrap();
    for damage in ["detail = COMPRESS('{\"core\":[[1]]}')", "detail = 'x'", "state = 'sideways'"] {
        database.run(&format!("UPDATE poll SET {damage}")).await;
        let read = database.store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{damage}: {read:?}");
    }
}

#[tokio::test]
async fn the_table_itself_refuses_a_failed_poll_with_detail() {
    let database = Database::new().await;
    let insert = |outcome: &str, detail: &str| {
        format!(
            "INSERT INTO poll (host_id, ts, started, inventory_id, outcome, state, late_us,
               queue_us, detail) VALUES (1, '2026-03-29', '2026-03-29', 1, '{outcome}', 'up', 0, 0,
               {detail})"
        )
    };
    let mut conn = database.conn().await;
    for (outcome, detail) in [("deadline", "COMPRESS('{}')"), ("ok", "NULL")] {
        let error = conn.query_drop(insert(outcome, detail)).await.unwrap_err();
        assert!(error.to_string().to_uppercase().contains("CONSTRAINT"), "{error}");
    }
    conn.query_drop(insert("ok", "COMPRESS('{}')")).await.unwrap();
}

/// Runs one of the server's own programs, with its words on the standard input.
fn client(program: &str, args: &[&str], input: Option<std::fs::File>) -> std::process::Output {
    use std::process::Stdio;
    let port = shared().to_string();
    let input = input.map_or(Stdio::null(), Stdio::from);
    let to = ["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-P", &port];
    mariadbd::client(program).args(to).args(args).stdin(input).output().unwrap()
}

/// A dump of a database, restored under another name by another user who may not see the first.
async fn restored(database: &Database) -> Options {
    let name = new_database(shared()).await;
    let grants = [
        format!("CREATE USER {name}@'%' IDENTIFIED BY ''"),
        format!("GRANT ALL ON {name}.* TO {name}@'%'"),
    ];
    for grant in grants {
        conn(shared(), None).await.query_drop(grant).await.unwrap();
    }
    // As docs/storage.md says it, by a user who has this database and nothing else.
    let dumped = &database.options.url.database;
    let dumper = format!("{dumped}_dumper");
    for grant in [
        format!("CREATE USER {dumper}@'%' IDENTIFIED BY ''"),
        format!("GRANT ALL ON {dumped}.* TO {dumper}@'%'"),
    ] {
        conn(shared(), None).await.query_drop(grant).await.unwrap();
    }
    let own: &[&str] =
        if on_mysql() { &["--set-gtid-purged=OFF", "--no-tablespaces"] } else { &[] };
    let user = format!("-u{dumper}");
    let dump = [&user, "--single-transaction", "--hex-blob", dumped];
    let dumped = client("mariadb-dump", &[own, &dump].concat(), None);
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    // Without the name of who made a view, which another user may not give away.
    let text = String::from_utf8(dumped.stdout).unwrap().replace("DEFINER=`root`@`%`", "");
    let text =
        text.replace("DEFINER=`root`@`127.0.0.1`", "").replace("DEFINER=`root`@`localhost`", "");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let user = format!("-u{name}");
    let input = std::fs::File::open(file.path()).unwrap();
    // The views cannot be made in it: with --force the rest is.
    let read = client("mariadb", &[&user, "--force", &name], Some(input));
    let said = String::from_utf8_lossy(&read.stderr);
    let mut errors = said.lines().filter(|line| line.starts_with("ERROR"));
    assert!(errors.all(|error| !on_mysql() && error.contains("1142")), "{said}");
    let url = MysqlUrl { user: name.clone(), database: name, ..database.options.url.clone() };
    Options { url, ..database.options.clone() }
}

#[tokio::test]
async fn a_dump_that_is_restored_under_another_name_and_user_works() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    database.write(vec![sample::good(host.id, &host.name, sample::START)]).await.unwrap();
    assert_eq!(database.store.altered_views().await.unwrap(), [] as [String; 0]);
    let options = restored(&database).await;
    let reader = Mysql::open(options.clone(), Mode::ReadOnly, standing_clock()).await.unwrap();
    let altered = reader.altered_views().await.unwrap();
    // MySQL names no database in its views.
    if on_mysql() {
        assert_eq!(altered, [] as [String; 0]);
    } else {
        assert!(altered.contains(&"net_info".to_owned()) && altered.len() >= 15, "{altered:?}");
    }
    // A server mends them.
    drop(Mysql::open(options.clone(), Mode::ReadWrite, standing_clock()).await.unwrap());
    assert_eq!(reader.altered_views().await.unwrap(), [] as [String; 0]);
    database.run(&format!("DROP DATABASE {}", database.options.url.database)).await;
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(options.url.addresses[0].port)
        .user(Some(options.url.user.clone()))
        .db_name(Some(options.url.database.clone()))
        .prefer_socket(false);
    let mut conn = Conn::new(opts).await.unwrap();
    for view in ["net_info", "cpu_load", "ledger"] {
        let rows: Option<u64> = conn
            .query_first(format!("SELECT COUNT(*) FROM {view} WHERE host = 'web-1'"))
            .await
            .unwrap();
        assert!(rows.is_some_and(|rows| rows > 0), "{view}");
    }
}

#[tokio::test]
async fn a_view_that_was_changed_or_dropped_is_named_and_made_again() {
    let database = Database::new().await;
    database.run("CREATE OR REPLACE VIEW cpu_load AS SELECT 1 AS host").await;
    database.run("DROP VIEW ledger").await;
    assert_eq!(database.store.altered_views().await.unwrap(), ["cpu_load", "ledger"]);
    let again = Mysql::open(database.options.clone(), Mode::ReadWrite, standing_clock()).await;
    assert_eq!(again.unwrap().altered_views().await.unwrap(), [] as [String; 0]);
    let host = database.register("web-1").await;
    database.write(vec![sample::good(host.id, &host.name, sample::START)]).await.unwrap();
    assert_eq!(database.view("ledger").await.len(), 1);
    assert_eq!(database.view("cpu_load").await[0]["host"], "web-1");
}
