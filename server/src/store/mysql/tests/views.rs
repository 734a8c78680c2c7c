use super::*;
use crate::{
    model::{Column, ColumnSet, Kind, Rollup, hour_of},
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
            Kind::Whole => "bigint",
            Kind::Real if record::is_single(spec) => "float",
            Kind::Real => "double",
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
        store.write(Arc::new(Batch { rollups, ..Batch::of_polls(polls) })).await.unwrap();
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
                "EXPLAIN PARTITIONS SELECT * FROM {view} WHERE host = 'web-1'
                   AND time BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'"
            ))
            .await;
        let polls: Vec<&ViewRow> = plan.iter().filter(|step| step["table"] == "p").collect();
        assert!(!polls.is_empty(), "{view}: {plan:?}");
        for step in polls {
            assert_eq!(step["partitions"], "p20260330", "{view}: {plan:?}");
            assert_eq!(step["key"], "PRIMARY", "{view}: {plan:?}");
        }
    }
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
        let read = database.store.polls(host.id, Span::ALL, Order::OldestFirst, 9).await;
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
        assert!(error.to_string().contains("CONSTRAINT"), "{error}");
    }
    conn.query_drop(insert("ok", "COMPRESS('{}')")).await.unwrap();
}
