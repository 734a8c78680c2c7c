//! The SQLite backend: the conformance suite, the file itself, and what is said when it is unfit.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::{
    model::{Column, ColumnKind, ColumnSet, State},
    store::{
        conformance::{self, Fixture, ViewRow},
        sample,
    },
};

mod killed;
mod room;
mod moved;
mod sealing;

/// A file that the first version made.
const FIRST_VERSION: &[u8] = include_bytes!("../golden/sqlite-0.1.db.gz");

struct File {
    store: Sqlite,
    dir: TempDir,
}

impl File {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Sqlite::open(dir.path().join("store.db"), Mode::ReadWrite).await.unwrap();
        Self { store, dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store.db")
    }
}

/// Every row of a query, in the words of JSON.
fn rows(connection: &Connection, sql: &str) -> Vec<ViewRow> {
    let mut statement = connection.prepare(sql).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let read = statement.query_map([], |row| {
        let cell = |position| {
            Ok::<_, rusqlite::Error>(match row.get_ref(position)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(whole) => whole.into(),
                ValueRef::Real(real) => real.into(),
                ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap().into(),
                ValueRef::Blob(blob) => panic!("a blob: {blob:?}"),
            })
        };
        names.iter().zip(0..).map(|(name, position)| Ok((name.clone(), cell(position)?))).collect()
    });
    read.unwrap().map(Result::unwrap).collect()
}

#[async_trait]
impl Fixture for File {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reader(&self) -> Box<dyn Store> {
        Box::new(Sqlite::open(self.path(), Mode::ReadOnly).await.unwrap())
    }

    async fn view(&self, view: &str) -> Vec<ViewRow> {
        let connection = Connection::open(self.path()).unwrap();
        hours::add_function(&connection).unwrap();
        rows(&connection, &format!("SELECT * FROM {view} ORDER BY time_ms"))
    }
}

conformance::suite!(File::new().await);

#[tokio::test]
async fn the_schema_has_every_column_in_its_order_and_kind() {
    let file = File::new().await;
    let connection = Connection::open(file.path()).unwrap();
    let table: Vec<(String, String)> = rows(&connection, "SELECT * FROM pragma_table_info('poll')")
        .iter()
        .map(|row| {
            let text = |column: &str| row[column].as_str().unwrap().to_owned();
            (text("name"), text("type"))
        })
        .collect();
    let names: Vec<&str> = table.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, record::columns().collect::<Vec<_>>());
    for column in Column::ALL {
        let spec = column.spec();
        let (_, kind) = table.iter().find(|(name, _)| name == spec.name).unwrap();
        let wanted = match spec.kind {
            ColumnKind::Whole => "INTEGER",
            ColumnKind::Real => "REAL",
        };
        assert_eq!(kind, wanted, "{}", spec.name);
    }
}

#[tokio::test]
async fn the_table_itself_refuses_values_of_a_failed_poll() {
    let file = File::new().await;
    let connection = Connection::open(file.path()).unwrap();
    let insert = |column: &str, value: &str, outcome: &str| {
        connection.execute(
            &format!(
                "INSERT INTO poll (host_id, slot_ms, started_ms, inventory_id, outcome, state,
                   late_us, queue_us, {column}) VALUES (1, 2, 3, 4, '{outcome}', 'up', 5, 6, {value})"
            ),
            [],
        )
    };
    for column in Column::ALL {
        let error = insert(column.spec().name, "1", "deadline").unwrap_err();
        assert!(error.to_string().contains("CHECK constraint failed"), "{error}");
    }
    assert!(insert("detail", "'{}'", "deadline").is_err());
    assert!(insert("error", "'x'", "ok").is_err());
    assert!(insert("detail", "'{}'", "ok").is_ok());
}

#[tokio::test]
async fn every_view_of_one_poll() {
    let file = File::new().await;
    let known = file.store.register(vec![sample::registration("web-1")], sample::START);
    let host = known.await.unwrap().remove(0);
    let polls = vec![
        sample::good(host.id, &host.name, sample::START),
        sample::failed(host.id, &host.name, WallMs(sample::START.0 + 10_000), "refused"),
    ];
    file.store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
    let connection = Connection::open(file.path()).unwrap();
    let views =
        rows(&connection, "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY rowid");
    let mut shown = serde_json::Map::new();
    for view in views {
        let name = view["name"].as_str().unwrap().to_owned();
        let rows = rows(&connection, &format!("SELECT * FROM {name} ORDER BY time_ms"));
        shown.insert(name, serde_json::to_value(rows).unwrap());
    }
    insta::assert_json_snapshot!(shown);
}

#[tokio::test]
async fn a_view_of_one_host_reads_that_host_alone() {
    let file = File::new().await;
    let connection = Connection::open(file.path()).unwrap();
    for view in ["cpu_load", "cpu_stat", "net_info", "ledger"] {
        let plan = rows(
            &connection,
            &format!(
                "EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE host = 'web-1' AND time_ms >= 5"
            ),
        );
        let steps: Vec<&str> = plan.iter().map(|row| row["detail"].as_str().unwrap()).collect();
        let all = steps.join("\n");
        assert!(all.contains("host_id=? AND slot_ms>?"), "{view}:\n{all}");
        assert!(!all.contains("SCAN p"), "{view}:\n{all}");
    }
}

#[tokio::test]
async fn what_was_kept_is_there_after_opening_again() {
    let file = File::new().await;
    let path = file.path();
    let known = file.store.register(vec![sample::registration("web-1")], sample::START);
    let host = known.await.unwrap().remove(0);
    let record = sample::good(host.id, &host.name, sample::START);
    let batch = Batch::of_polls([record.clone()]);
    file.store.write(Arc::new(batch)).await.unwrap();
    drop(file.store);
    let left = || -> Vec<_> {
        fs::read_dir(file.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(left(), ["store.db"], "the journal went into the file");
    for mode in [Mode::ReadOnly, Mode::ReadWrite, Mode::ReadOnly] {
        let store = Sqlite::open(&path, mode).await.unwrap();
        let polls = store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
        assert_eq!(polls, std::slice::from_ref(&record));
    }
}

/// The message of opening `path`, with the directory of the test taken out.
fn refusal(path: &Path, mode: Mode, dir: &Path) -> String {
    let error = Sqlite::open_blocking(path, mode).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text.replace(dir.to_str().unwrap(), "DIR")
}

#[test]
fn a_file_that_is_unfit_is_refused_in_one_line() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mut said = Vec::new();
    let mut say = |path: &Path, mode| said.push(refusal(path, mode, dir.path()));

    say(&at("none.db"), Mode::ReadOnly);
    fs::write(at("text.db"), "It was a dark and stormy night. ".repeat(64)).unwrap();
    say(&at("text.db"), Mode::ReadWrite);
    say(&at("text.db"), Mode::ReadOnly);
    let other = Connection::open(at("other.db")).unwrap();
    other.execute_batch("CREATE TABLE bookmark (url TEXT)").unwrap();
    say(&at("other.db"), Mode::ReadWrite);
    fs::write(at("file"), "").unwrap();
    say(&at("file").join("store.db"), Mode::ReadWrite);
    fs::create_dir(at("directory.db")).unwrap();
    say(&at("directory.db"), Mode::ReadWrite);
    say(&at("file"), Mode::ReadOnly);

    for (name, change) in [
        ("newer.db", "INSERT INTO schema_version VALUES (999, '0999_wings', 'x', 0)"),
        ("changed.db", "UPDATE schema_version SET checksum = 'x' WHERE number = 1"),
    ] {
        drop(Sqlite::open_blocking(&at(name), Mode::ReadWrite).unwrap());
        Connection::open(at(name)).unwrap().execute_batch(change).unwrap();
        say(&at(name), Mode::ReadWrite);
        say(&at(name), Mode::ReadOnly);
    }
    insta::assert_snapshot!(said.join("\n"));
    // Another program's file is left as it is.
    assert_eq!(rows(&other, "SELECT name FROM sqlite_schema").len(), 1);
    assert_eq!(rows(&other, "PRAGMA journal_mode")[0]["journal_mode"], "delete");
}

/// Runs `work` on a thread that may not write where permissions forbid it, also when root runs the
/// tests.
fn without_privilege<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let mut sets = capabilities(None).unwrap();
            sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            set_capabilities(None, sets).unwrap();
            work()
        });
        run.join().unwrap()
    })
}

#[test]
fn a_place_that_cannot_be_written_is_refused_in_one_line() {
    let dir = TempDir::new().unwrap();
    let locked = dir.path().join("locked");
    fs::create_dir(&locked).unwrap();
    drop(Sqlite::open_blocking(&locked.join("store.db"), Mode::ReadWrite).unwrap());
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));

    set(&locked, 0o555).unwrap();
    let refused =
        |name: &str, mode| without_privilege(|| refusal(&locked.join(name), mode, dir.path()));
    let mut said = vec![
        refused("new.db", Mode::ReadWrite),
        refused("below/new.db", Mode::ReadWrite),
        refused("store.db", Mode::ReadWrite),
        refused("store.db", Mode::ReadOnly),
    ];
    set(&locked, 0o755).unwrap();
    set(&locked.join("store.db"), 0o444).unwrap();
    said.push(refused("store.db", Mode::ReadWrite));
    set(&locked.join("store.db"), 0o000).unwrap();
    said.push(refused("store.db", Mode::ReadWrite));
    said.push(refused("store.db", Mode::ReadOnly));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn two_that_open_a_new_file_at_once_both_succeed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store.db");
    std::thread::scope(|scope| {
        let open = || Sqlite::open_blocking(&path, Mode::ReadWrite).map(drop);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
    let connection = Connection::open(&path).unwrap();
    let steps = rows(&connection, "SELECT number FROM schema_version ORDER BY number");
    let numbers: Vec<_> = steps.iter().map(|row| row["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, migrate::numbers());
}

/// Changes of state from before they were known by their polls: every one is kept as it was, and one
/// that a spool of that time sends again is not kept twice.
#[tokio::test]
async fn changes_of_an_older_schema_are_kept_and_not_doubled() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store.db");
    fs::write(&path, conformance::unpacked(FIRST_VERSION)).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute("DELETE FROM event", []).unwrap();
    let known: Vec<_> = (0..3)
        .map(|second| {
            let at = WallMs(sample::START.0 + second * 1_000);
            let to = if second == 1 { State::Up } else { State::Down };
            sample::transition(HostId(7), &sample::name("web-1"), at, State::Suspect, to)
        })
        .collect();
    for (transition, id) in known.iter().zip([3, 5, 9]) {
        old.execute(
            "INSERT INTO event (id, host_id, at_ms, from_state, to_state, host_name, cause, outcome,
               reason) VALUES (?1, 7, ?2, ?3, ?4, 'web-1', 'poll_failed', 'refused', ?5)",
            rusqlite::params![
                id,
                transition.at.0,
                transition.from.as_str(),
                transition.to.as_str(),
                &*transition.reason
            ],
        )
        .unwrap();
    }
    drop(old);
    let store = Sqlite::open(path.clone(), Mode::ReadWrite).await.unwrap();
    let new = Transition { slot: Some(WallMs(sample::START.0 - 1)), ..known[2].clone() };
    for transitions in [vec![known[1].clone(), new.clone()], vec![new.clone()]] {
        let batch = Batch { transitions, ..Batch::default() };
        store.write(Arc::new(batch)).await.unwrap();
    }
    let kept = store.transitions(None, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    assert_eq!(kept, [&known[..], &[new]].concat());
    let ids = rows(&Connection::open(path).unwrap(), "SELECT id FROM event ORDER BY at_ms, id");
    let ids: Vec<_> = ids.iter().map(|row| row["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [3, 5, 9, 10]);
}

/// The suite prunes at the end of a day, as backends that drop whole days do.
#[tokio::test]
async fn a_poll_is_pruned_to_the_millisecond() {
    let file = File::new().await;
    let known = file.store.register(vec![sample::registration("web-1")], sample::START);
    let host = known.await.unwrap().remove(0);
    let slots: Vec<WallMs> = (0..1_300).map(|ms| WallMs(sample::START.0 + ms)).collect();
    let polls = slots.iter().map(|slot| sample::failed(host.id, &host.name, *slot, "x"));
    file.store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
    let before = Retention {
        polls: slots[1_200],
        events: sample::START,
        summaries: sample::START,
        rollups: sample::START,
    };
    assert_eq!(file.store.prune(before).await.unwrap().polls, 1_200);
    let left = file.store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 999).await.unwrap();
    assert_eq!(left.iter().map(|record| record.slot).collect::<Vec<_>>(), slots[1_200..]);
}

#[tokio::test]
async fn a_damaged_row_is_said_and_not_guessed() {
    let file = File::new().await;
    let known = file.store.register(vec![sample::registration("web-1")], sample::START);
    let host = known.await.unwrap().remove(0);
    let polls = vec![sample::good(host.id, &host.name, sample::START)];
    file.store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
    let connection = Connection::open(file.path()).unwrap();
    for damage in ["state = 'sideways'", "detail = '{\"core\":[[1]]}'"] {
        connection.execute(&format!("UPDATE poll SET {damage}"), []).unwrap();
        let read = file.store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{damage}: {read:?}");
    }
}

#[tokio::test]
async fn a_view_that_was_changed_or_dropped_is_named_and_made_again() {
    let file = File::new().await;
    assert_eq!(file.store.altered_views().await.unwrap(), [] as [String; 0]);
    let changes = "DROP VIEW ledger; DROP VIEW cpu_load; CREATE VIEW cpu_load AS SELECT 1 AS host";
    Connection::open(file.path()).unwrap().execute_batch(changes).unwrap();
    assert_eq!(file.store.altered_views().await.unwrap(), ["cpu_load", "ledger"]);
    let again = Sqlite::open(file.path(), Mode::ReadWrite).await.unwrap();
    assert_eq!(again.altered_views().await.unwrap(), [] as [String; 0]);
}

#[tokio::test]
async fn a_file_of_the_first_version_is_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store.db");
    fs::write(&path, conformance::unpacked(FIRST_VERSION)).unwrap();
    let refused = Sqlite::open(path.clone(), Mode::ReadOnly).await.unwrap_err();
    assert!(matches!(refused, StoreError::OlderSchema { .. }), "{refused}");
    let former = File { store: Sqlite::open(path, Mode::ReadWrite).await.unwrap(), dir };
    conformance::a_store_of_the_first_version_is_whole(&former, &File::new().await).await;
}

/// As a version that knew one column less made it.
#[tokio::test]
async fn a_column_that_is_new_is_added_and_its_views_show_it() {
    let file = File::new().await;
    let known = file.store.register(vec![sample::registration("web-1")], sample::START);
    let host = known.await.unwrap().remove(0);
    let poll = |ms| sample::good(host.id, &host.name, WallMs(sample::START.0 + ms));
    file.store.write(Arc::new(Batch::of_polls([poll(0)]))).await.unwrap();
    let former = "DROP VIEW process_states; DROP VIEW host_hour;
                  ALTER TABLE poll RENAME COLUMN threads TO other;
                  ALTER TABLE rollup_hour RENAME COLUMN threads_max TO other;
                  CREATE VIEW process_states AS SELECT processes_running FROM poll";
    Connection::open(file.path()).unwrap().execute_batch(former).unwrap();
    let refused = Sqlite::open(file.path(), Mode::ReadOnly).await.unwrap_err();
    assert_eq!(
        refused.to_string().replace(&file.path().display().to_string(), "FILE"),
        "FILE lacks columns that this program reads (poll.threads, rollup_hour.threads_max): start \
         `roundsman serve` on it once, which adds them"
    );
    let again = Sqlite::open(file.path(), Mode::ReadWrite).await.unwrap();
    again.write(Arc::new(Batch::of_polls([poll(1_000)]))).await.unwrap();
    let polls = again.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    let mut before = poll(0);
    before.values.as_mut().unwrap().set(Column::Threads, None);
    assert_eq!(polls, [before, poll(1_000)]);
    let shown = file.view("process_states").await;
    let threads: Vec<_> = shown.iter().map(|row| row["threads"].as_i64()).collect();
    assert_eq!(threads[0], None);
    assert!(threads[1].is_some(), "{threads:?}");
}
