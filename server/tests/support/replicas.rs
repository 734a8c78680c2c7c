//! Servers that replicate each other, in the words of either kind of server.
#![allow(dead_code, unreachable_pub, reason = "each program uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a server that does not replicate is a test that fails")]

use mysql_async::{Conn, OptsBuilder, Row, prelude::Queryable as _};

use super::mariadbd::mysqld;

/// What a server needs to be replicated, besides a number of its own (`--server-id`).
pub const FLAGS: [&str; 3] = ["--log-bin=bin", "--binlog-format=ROW", "--sync-binlog=0"];

/// Words that the servers do not have in common.
struct Words {
    status: &'static str,
    change: &'static str,
    source: &'static str,
    more: &'static str,
    start: &'static str,
    stop: &'static str,
    wait: &'static str,
}

fn words() -> Words {
    if mysqld().is_some() {
        Words {
            status: "SHOW BINARY LOG STATUS",
            change: "CHANGE REPLICATION SOURCE TO",
            source: "SOURCE",
            more: "SOURCE_AUTO_POSITION = 0, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_SSL = 0",
            start: "START REPLICA",
            stop: "STOP REPLICA",
            wait: "SOURCE_POS_WAIT",
        }
    } else {
        Words {
            status: "SHOW MASTER STATUS",
            change: "CHANGE MASTER TO",
            source: "MASTER",
            // From 11.4 on MariaDB would have the source's certificate checked.
            more: "MASTER_USE_GTID = no, MASTER_SSL = 0",
            start: "START SLAVE",
            stop: "STOP SLAVE",
            wait: "MASTER_POS_WAIT",
        }
    }
}

async fn root(port: u16) -> Conn {
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some("root"))
        .prefer_socket(false);
    Conn::new(opts).await.unwrap()
}

async fn position(port: u16) -> (String, u64) {
    let row: Option<Row> = root(port).await.query_first(words().status).await.unwrap();
    let row = row.unwrap();
    (row.get(0).unwrap(), row.get(1).unwrap())
}

/// From now on `to` gets what is written to `from`.
pub async fn replicate(from: u16, to: u16) {
    let Words { change, source, more, start, .. } = words();
    let (file, at) = position(from).await;
    let sql = format!(
        "{change} {source}_HOST = '127.0.0.1', {source}_PORT = {from}, {source}_USER = 'root',
           {source}_CONNECT_RETRY = 1, {source}_LOG_FILE = '{file}', {source}_LOG_POS = {at}, {more}"
    );
    let mut conn = root(to).await;
    conn.query_drop(&sql).await.unwrap();
    conn.query_drop(start).await.unwrap();
}

/// It gets no more.
pub async fn stop(port: u16) {
    root(port).await.query_drop(words().stop).await.unwrap();
}

/// Waits until `to` has all that `from` has now.
pub async fn caught_up(from: u16, to: u16) {
    let (file, at) = position(from).await;
    let sql = format!("SELECT {}('{file}', {at}, 100)", words().wait);
    let waited: Option<i64> = root(to).await.query_first(sql).await.unwrap();
    assert!(waited.is_some_and(|events| events >= 0), "{waited:?}");
}

/// Whether users without every right may write to it.
pub async fn read_only(port: u16, is: bool) {
    let sql = format!("SET GLOBAL read_only = {}", u8::from(is));
    root(port).await.query_drop(sql).await.unwrap();
}
