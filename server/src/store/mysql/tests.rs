//! The MySQL backend on a real server, MariaDB or MySQL: the conformance suite, and what is its own.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use mysql_async::{Conn, OptsBuilder, Row, Value as Cell, prelude::Queryable as _};
use serde_json::Value;

use super::*;
use crate::{
    clock::ManualClock,
    config::{MysqlAddress, MysqlUrl, Secret, TlsMode},
    store::{
        conformance::{self, Fixture, ViewRow},
        sample,
    },
    units::Now,
};

#[path = "../../../tests/support/mariadbd.rs"]
mod mariadbd;
#[path = "../../../tests/support/replicas.rs"]
mod replicas;

mod access;
mod binlog;
mod days;
mod failover;
mod hostile;
mod logins;
mod outages;
mod owner;
mod room;
mod schema;
mod sealing;
mod tls;
mod views;

use mariadbd::{FLAGS, Mariadbd};

/// Long enough for anything that is going to happen at all.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// The server of all tests that do not end or freeze it.
fn shared() -> u16 {
    static SHARED: OnceLock<Mutex<Mariadbd>> = OnceLock::new();
    let server = SHARED.get_or_init(|| Mutex::new(Mariadbd::start(&FLAGS)));
    server.lock().unwrap().port()
}

fn on_mysql() -> bool {
    mariadbd::mysqld().is_some()
}

/// How the plan is asked for that names the partitions it reads: MySQL 8 has no PARTITIONS, and 9.7
/// draws a tree unless told otherwise.
fn explain() -> &'static str {
    if on_mysql() { "EXPLAIN FORMAT=TRADITIONAL" } else { "EXPLAIN PARTITIONS" }
}

/// A store in a new database.
struct Database {
    store: Mysql,
    options: Options,
    clock: Arc<ManualClock>,
}

fn options(port: u16, database: &str) -> Options {
    Options {
        name_servers: Vec::new(),
        url: MysqlUrl {
            user: "root".to_owned(),
            addresses: vec![MysqlAddress { host: "127.0.0.1".to_owned(), port }],
            database: database.to_owned(),
        },
        password: None,
        tls: TlsMode::Off,
        tls_ca: None,
        limits: Timeouts::default(),
        owner: None,
    }
}

/// A database that the first version made: its statements.
const FIRST_VERSION: &[u8] = include_bytes!("../golden/mysql-0.1.sql.gz");

/// Makes a database as the first version did.
async fn first_version(port: u16) -> Options {
    let options = options(port, &new_database(port).await);
    let mut conn = conn(port, Some(&options.url.database)).await;
    let statements = String::from_utf8(conformance::unpacked(FIRST_VERSION)).unwrap();
    for statement in statements.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        conn.query_drop(statement).await.unwrap();
    }
    options
}

/// A connection of the test's own.
async fn conn(port: u16, database: Option<&str>) -> Conn {
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some("root"))
        .db_name(database)
        .prefer_socket(false)
        .init(vec![
            "SET time_zone = '+00:00', autocommit = 1, sql_big_selects = 1, \
             sql_select_limit = 18446744073709551615",
            "SET SESSION TRANSACTION READ WRITE",
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
            // Of MariaDB alone.
            "/*M!100000 SET tmp_disk_table_size = 18446744073709551615 */",
        ]);
    Conn::new(opts).await.unwrap()
}

/// Makes a user with a password who may do everything in one database, and nothing else; `how` is what
/// follows the name. The options to come in as that user.
async fn user(port: u16, database: &str, name: &str, how: &str) -> Options {
    let mut root = conn(port, None).await;
    for sql in [
        format!("CREATE USER {name}@'127.0.0.1' {how}"),
        format!("GRANT ALL ON {database}.* TO {name}@'127.0.0.1'"),
    ] {
        root.query_drop(sql).await.unwrap();
    }
    let options = options(port, database);
    Options {
        url: MysqlUrl { user: name.to_owned(), ..options.url },
        password: Some(Secret::new(PASSWORD)),
        ..options
    }
}

/// The password of such a user.
const PASSWORD: &str = "p ass";

/// The name of a database that nobody else uses, which is made.
async fn new_database(port: u16) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
    conn(port, None).await.query_drop(create).await.unwrap();
    name
}

fn standing_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Now { wall: sample::START, ..Now::default() }))
}

impl Database {
    async fn new() -> Self {
        Self::on(shared(), Timeouts::default()).await
    }

    async fn on(port: u16, limits: Timeouts) -> Self {
        let options = Options { limits, ..options(port, &new_database(port).await) };
        let clock = standing_clock();
        let store = Mysql::open(options.clone(), Mode::ReadWrite, clock.clone()).await.unwrap();
        Self { store, options, clock }
    }

    async fn conn(&self) -> Conn {
        conn(self.options.url.addresses[0].port, Some(&self.options.url.database)).await
    }

    /// Runs a statement as somebody else.
    async fn run(&self, sql: &str) {
        self.conn().await.query_drop(sql).await.unwrap();
    }

    /// Every row of a query, in the words of JSON.
    async fn rows(&self, sql: &str) -> Vec<ViewRow> {
        let rows: Vec<Row> = self.conn().await.exec(sql, ()).await.unwrap();
        rows.into_iter().map(in_json).collect()
    }

    async fn register(&self, name: &str) -> KnownHost {
        let known = self.store.register(vec![sample::registration(name)], sample::START);
        known.await.unwrap().remove(0)
    }

    async fn write(&self, polls: Vec<Record>) -> Result<BatchResult, StoreError> {
        self.store.write(Arc::new(Batch::of_polls(polls))).await
    }

    async fn all_polls(&self, host: HostId) -> Vec<Record> {
        self.store.polls(host, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE).await.unwrap()
    }
}

fn in_json(row: Row) -> ViewRow {
    let columns: Vec<String> =
        row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
    let cell = |cell: Cell| match cell {
        Cell::NULL => Value::Null,
        Cell::Int(whole) => whole.into(),
        Cell::UInt(whole) => whole.into(),
        Cell::Double(real) => real.into(),
        Cell::Float(real) => f64::from(real).into(),
        Cell::Bytes(text) => String::from_utf8(text).unwrap().into(),
        moment => moment::wall(&moment).unwrap().to_string().into(),
    };
    columns.into_iter().zip(row.unwrap().into_iter().map(cell)).collect()
}

#[async_trait]
impl Fixture for Database {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    async fn reader(&self) -> Box<dyn Store> {
        let clock = standing_clock();
        Box::new(Mysql::open(self.options.clone(), Mode::ReadOnly, clock).await.unwrap())
    }

    async fn view(&self, view: &str) -> Vec<ViewRow> {
        let mut rows = self.rows(&format!("SELECT * FROM {view}")).await;
        rows.sort_by_key(|row| row["time_ms"].as_i64());
        rows
    }

    async fn settle(&self) {
        // Whoever sees the files needs no estimate.
        if self.options.url.user != "root" {
            self.run("ANALYZE TABLE poll, poll_hour, rollup_hour").await;
        }
    }
}

conformance::suite!(Database::new().await);
