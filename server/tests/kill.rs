//! kill -9 of the whole server: the file opens, no row is half there, and what is missing is at most
//! the last batch that was not written yet.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use rusqlite::Connection;

/// Polls that the server shows before it is killed.
const SHOWN: usize = 30;

/// How far the file may be behind the last poll shown: `writer.batch_wait` is 1 s, and the batch
/// that was just being written is lost with it.
const MOST_LOST_MS: i64 = 2_500;

#[test]
fn kill_9_loses_at_most_the_last_batch() {
    let folder = tempfile::tempdir().unwrap();
    let mut before: BTreeSet<i64> = BTreeSet::new();
    for _ in 0..3 {
        let mut server = Command::new(env!("CARGO_BIN_EXE_roundsman"))
            .args(["demo", "--interval", "100ms", "--json", "--data"])
            .arg(folder.path())
            // Nobody's own settings.
            .env_clear()
            .env("HOME", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let shown: Vec<i64> = lines
            .take(SHOWN)
            .map(|line| {
                let poll: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
                poll["slot_ms"].as_i64().unwrap()
            })
            .collect();
        // SIGKILL, by the process's own number.
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(shown.len(), SHOWN);

        let kept = slots(&folder.path().join("roundsman.db"));
        assert!(kept.is_superset(&before), "what was there before stays there");
        let last = *shown.last().unwrap();
        for slot in &shown {
            assert!(
                kept.contains(slot) || last - slot <= MOST_LOST_MS,
                "slot {slot} is missing, {} ms before the end",
                last - slot
            );
        }
        before = kept;
    }
    assert!(before.len() >= SHOWN, "{} rows", before.len());
}

/// Every slot in the file, which must be whole.
fn slots(file: &std::path::Path) -> BTreeSet<i64> {
    let file = Connection::open(file).unwrap();
    let whole: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let halves: i64 = file
        .query_row(
            "SELECT count(*) FROM poll WHERE (outcome IN ('ok', 'partial')) \
             <> (detail IS NOT NULL AND mem_total_bytes IS NOT NULL)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(halves, 0);
    let mut slots = file.prepare("SELECT slot_ms FROM poll").unwrap();
    slots.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
