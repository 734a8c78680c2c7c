//! A server that is killed in the middle of writing and sealing: what was acknowledged is there, whole and
//! once.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use super::*;

/// Set in the child: the file to write to.
const FILE: &str = "ROUNDSMAN_TEST_KILLED_FILE";
/// Set in the child: the slot to begin with.
const FROM: &str = "ROUNDSMAN_TEST_KILLED_FROM";
/// This test's name, which the child runs too.
const NAME: &str = "store::sqlite::tests::killed::a_killed_writer_leaves_whole_batches";
/// How often it is killed, on one file.
const KILLS: i64 = 20;
/// Polls in each batch.
const BATCH: i64 = 40;
/// Slots that one life may use.
const LIFE: i64 = 1_000_000;

/// The slot with this number: an hour has as many as a batch.
fn slot(number: i64) -> WallMs {
    WallMs(sample::START.0 + number * (3_600_000 / BATCH))
}

/// Writes and seals for ever; says the first slot of each batch once it is acknowledged.
async fn write_until_killed(path: String, mut from: i64) {
    let store = Sqlite::open(path, Mode::ReadWrite).await.unwrap();
    let known = store.register(vec![sample::registration("web-1")], sample::START).await.unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        let polls = (from..from + BATCH)
            .map(|number| sample::measured(known[0].id, &known[0].name, slot(number)));
        let (written, sealed) =
            tokio::join!(store.write(Arc::new(Batch::of_polls(polls))), store.seal(slot(from)));
        written.unwrap();
        sealed.unwrap();
        writeln!(out, "acknowledged {from}").unwrap();
        out.flush().unwrap();
        from += BATCH;
    }
}

/// Runs the child until it has said `batches`, kills it, and returns all that it said.
fn kill_after(path: &Path, from: i64, batches: usize) -> Vec<i64> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(FILE, path)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines {
        let line = line.unwrap();
        let Some(slot) = line.split_once("acknowledged ").map(|(_, slot)| slot) else { continue };
        said.push(slot.parse().unwrap());
        if said.len() == batches {
            child.kill().unwrap(); // SIGKILL; what it has said by then is still read
        }
    }
    assert!(!child.wait().unwrap().success());
    said
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_batches() {
    if let (Ok(path), Ok(from)) = (env::var(FILE), env::var(FROM)) {
        return write_until_killed(path, from.parse().unwrap()).await;
    }
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("store.db");
    let mut acknowledged = Vec::new();
    for life in 0..KILLS {
        let batches = 1 + usize::try_from(life).unwrap() % 4;
        acknowledged.extend(kill_after(&path, life * LIFE, batches));

        let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
        let connection = Connection::open(&path).unwrap();
        let check = rows(&connection, "PRAGMA integrity_check");
        assert_eq!(check[0]["integrity_check"], "ok");
        let hosts = store.hosts(HostQuery::listed()).await.unwrap();
        let (id, name) = (hosts[0].id, hosts[0].name.clone());
        let kept = store.polls(id, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE).await.unwrap();
        let slots: Vec<WallMs> = kept.iter().map(|record| record.slot).collect();
        for batch in kept.chunks(usize::try_from(BATCH).unwrap()) {
            let first = (batch[0].slot.0 - sample::START.0) / (3_600_000 / BATCH);
            let whole: Vec<Record> =
                (first..first + BATCH).map(|n| sample::measured(id, &name, slot(n))).collect();
            assert_eq!(batch, whole, "half a batch, or half a row");
        }
        for first in &acknowledged {
            assert!(slots.contains(&slot(*first)), "the batch of {first} was acknowledged");
        }
        // At most the one batch that was on its way is there beyond what was acknowledged.
        let most = acknowledged.len() + usize::try_from(life).unwrap() + 1;
        assert!(slots.len() <= most * usize::try_from(BATCH).unwrap());
        hours::add_function(&connection).unwrap();
        let shown = rows(&connection, "SELECT count(*) AS n FROM ledger");
        assert_eq!(shown[0]["n"], slots.len());
    }
    let store = Sqlite::open(&path, Mode::ReadOnly).await.unwrap();
    let status = store.status().await.unwrap();
    assert!(status.sealed_polls > 0, "{status:?}");
}
