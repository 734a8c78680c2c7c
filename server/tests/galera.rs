//! Which server writes, on a Galera cluster of two nodes: a server whose node has not heard of a takeover yet
//! keeps nothing, though every row that it can read says that it is still in charge.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/mariadbd.rs"]
mod mariadbd;

use std::{net::TcpListener, path::Path, sync::Arc};

use mariadbd::{FLAGS, Mariadbd};
use mysql_async::{Conn, OptsBuilder, TxOpts, prelude::Queryable as _};
use roundsman::{
    clock::{Clock as _, SystemClock},
    config::{MysqlAddress, MysqlUrl, TlsMode},
    model::{Cause, HostName, State, Transition},
    store::{
        Batch, KnownHost, Mode, Owner, Registration, Store as _,
        mysql::{Mysql, Options, Timeouts},
    },
    units::WallMs,
};

/// Where Debian's package galera-4, of which mariadb-server consists in part, has it.
const PROVIDERS: [&str; 2] =
    ["/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"];

/// How often a server is overtaken.
const TIMES: u64 = 10;

/// What the first node is busy with while the second has gone on: rows that are inserted at once.
const ROWS: u32 = 100_000;

/// That both nodes have the same data, which they do: nothing is to be sent from one to the other, which
/// takes a tool and rights of its own. The second has seen the one event that there was when it comes: that
/// the first began.
fn saved_state(events: u8) -> String {
    format!(
        "# GALERA saved state\nversion: 2.1\nuuid:    3a6c6b1e-7d0c-4f57-9d5e-0d2f6f3f8c11\n\
         seqno:   {events}\nsafe_to_bootstrap: 1\n"
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a node of the cluster whose first member listens to the others at `first`.
fn node(first: Option<u16>, listens: u16) -> Mariadbd {
    let provider = PROVIDERS.into_iter().find(|path| Path::new(path).exists());
    let provider = provider.expect("scripts/test.sh installs mariadb-server, and galera-4 with it");
    let others = first.map(|port| format!("127.0.0.1:{port}")).unwrap_or_default();
    let own = [
        "--wsrep-on=ON".to_owned(),
        format!("--wsrep-provider={provider}"),
        format!("--wsrep-cluster-address=gcomm://{others}"),
        "--wsrep-cluster-name=roundsman".to_owned(),
        "--wsrep-node-address=127.0.0.1".to_owned(),
        format!("--wsrep-node-incoming-address=127.0.0.1:{listens}"),
        "--wsrep-sst-method=skip".to_owned(),
        "--wsrep-slave-threads=1".to_owned(),
        format!(
            "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{listens};\
             ist.recv_addr=127.0.0.1:{}",
            free_port()
        ),
        "--binlog-format=ROW".to_owned(),
        "--innodb-autoinc-lock-mode=2".to_owned(),
    ];
    let flags: Vec<&str> = FLAGS.into_iter().chain(own.iter().map(String::as_str)).collect();
    Mariadbd::start_prepared(&flags, |data| {
        let events = u8::from(first.is_some());
        std::fs::write(data.join("grastate.dat"), saved_state(events)).unwrap();
    })
}

async fn conn(node: &Mariadbd, database: &str) -> Conn {
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(node.port())
        .user(Some("root"))
        .db_name((!database.is_empty()).then_some(database))
        .prefer_socket(false);
    Conn::new(opts).await.unwrap()
}

/// Waits until a node has what the other one has.
async fn is_in_step(node: &Mariadbd) {
    let mut conn = conn(node, "").await;
    let state = "SELECT GROUP_CONCAT(VARIABLE_VALUE ORDER BY VARIABLE_NAME)
                 FROM information_schema.GLOBAL_STATUS
                 WHERE VARIABLE_NAME IN ('wsrep_cluster_size', 'wsrep_local_state_comment')";
    while conn.query_first(state).await.unwrap() != Some("2,Synced".to_owned()) {
        tokio::task::yield_now().await;
    }
    conn.query_drop("SET SESSION wsrep_sync_wait = 7").await.unwrap();
    conn.query_drop("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").await.unwrap();
}

async fn store(node: &Mariadbd, owner: Owner) -> Mysql {
    let options = Options {
        url: MysqlUrl {
            user: "root".to_owned(),
            addresses: vec![MysqlAddress { host: "127.0.0.1".to_owned(), port: node.port() }],
            database: "fleet".to_owned(),
        },
        password: None,
        tls: TlsMode::Off,
        tls_ca: None,
        name_servers: Vec::new(),
        limits: Timeouts::default(),
        owner: Some(owner),
    };
    Mysql::open(options, Mode::ReadWrite, Arc::new(SystemClock::new())).await.unwrap()
}

/// A host goes down at a moment of its own.
fn event(host: &KnownHost, number: u64) -> Arc<Batch> {
    let transition = Transition {
        host: host.id,
        name: host.name.clone(),
        at: WallMs(1_700_000_000_000 + i64::try_from(number).unwrap()),
        slot: None,
        from: State::Up,
        to: State::Down,
        cause: Cause::PollFailed,
        outcome: None,
        reason: "decided by one that was overtaken".into(),
    };
    Arc::new(Batch { transitions: vec![transition], ..Batch::default() })
}

#[tokio::test]
async fn a_server_that_was_overtaken_on_another_node_keeps_nothing() {
    let listens = free_port();
    let first = node(None, listens);
    let second = node(Some(listens), free_port());
    is_in_step(&second).await;
    is_in_step(&first).await;
    let mut here = conn(&first, "").await;
    here.query_drop("CREATE DATABASE fleet CHARACTER SET utf8mb4").await.unwrap();

    let (mut behind, mut let_through) = (0, 0);
    for time in 0..TIMES {
        // At each turn the first server is in charge anew, at the first node.
        let owner = Owner::new("a".repeat(32), "process 1 on one".to_owned());
        let overtaken = store(&first, owner).await;
        let known = overtaken
            .register(
                vec![Registration {
                    name: HostName::new("web-1").unwrap(),
                    group: None,
                    labels: [].into(),
                    addresses: vec!["127.0.0.1:1".to_owned()],
                    renamed_from: None,
                }],
                SystemClock::new().now().wall,
            )
            .await
            .unwrap();
        is_in_step(&second).await;
        let (mut here, mut there) = (conn(&first, "fleet").await, conn(&second, "fleet").await);
        for sql in [
            "CREATE TABLE IF NOT EXISTS busy (number INT PRIMARY KEY)",
            "CREATE TABLE IF NOT EXISTS read_fence (number INT PRIMARY KEY)",
            "TRUNCATE TABLE busy",
        ] {
            here.query_drop(sql).await.unwrap();
        }
        is_in_step(&second).await;
        let epoch = "SELECT epoch FROM server WHERE id = 1";
        let ours: u64 = here.query_first(epoch).await.unwrap().unwrap();

        // The second node goes on with what the first needs a while to follow, and then the takeover.
        there
            .query_drop(format!("INSERT INTO busy SELECT seq FROM seq_1_to_{ROWS}"))
            .await
            .unwrap();
        there
            .query_drop(
                "UPDATE server SET owner = 'bbbb', words = 'process 2 on two', epoch = epoch + 1,
                   beat = 1 WHERE id = 1",
            )
            .await
            .unwrap();

        let seen: Option<u64> = here.query_first(epoch).await.unwrap();
        behind += u64::from(seen == Some(ours));
        if time % 2 == 0 {
            // What is written says whose it is.
            let written = overtaken.write(event(&known[0], time)).await;
            assert!(written.is_err(), "turn {time}: {written:?}");
        } else {
            // What reading the row under a lock is worth.
            let mut reading = here.start_transaction(TxOpts::default()).await.unwrap();
            let locked = format!("{epoch} LOCK IN SHARE MODE");
            let seen: Option<u64> = reading.query_first(locked).await.unwrap();
            let kept = reading.exec_drop("INSERT INTO read_fence VALUES (?)", (time,)).await;
            let committed = kept.is_ok() && reading.commit().await.is_ok();
            let_through += u64::from(seen == Some(ours) && committed);
        }
        there.query_drop("UPDATE server SET beat = 0 WHERE id = 1").await.unwrap();
        is_in_step(&first).await;
    }
    is_in_step(&second).await;
    let mut there = conn(&second, "fleet").await;
    let kept: Option<u64> = there.query_first("SELECT COUNT(*) FROM event").await.unwrap();
    assert_eq!(kept, Some(0));
    assert!(behind > 0, "the first node was never behind: {ROWS} rows are too few");
    assert!(let_through > 0, "a row that is read under a lock stops a server, too");
    println!("of {} that read the row under a lock, {let_through} were let through", TIMES / 2);
}
