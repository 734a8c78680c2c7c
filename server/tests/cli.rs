//! The commands as people and scripts meet them: the real binary, its exit codes, its words.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cli/annotate.rs"]
mod annotate;
#[path = "cli/backtest.rs"]
mod backtest;
#[path = "cli/ca.rs"]
mod ca;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/encrypted.rs"]
mod encrypted;
#[path = "cli/expiry.rs"]
mod expiry;
#[path = "cli/first_steps.rs"]
mod first_steps;
#[path = "cli/five_commands.rs"]
mod five_commands;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/host.rs"]
mod host;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/notify.rs"]
mod notify;
#[path = "cli/people.rs"]
mod people;
#[path = "cli/poll.rs"]
mod poll;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/probes.rs"]
mod probes;
#[path = "cli/rehearse.rs"]
mod rehearse;
#[path = "cli/serve.rs"]
mod serve;
#[path = "support/pty.rs"]
mod pty;
#[path = "cli/stuck.rs"]
mod stuck;
#[path = "cli/told.rs"]
mod told;
#[path = "cli/width.rs"]
mod width;

use std::fmt::Write as _;

use program::{Desk, Ended};

/// A wrong call ends with 2, a failure with 1, and each says in one line what, where, what to do.
#[test]
fn what_is_wrong_is_said_in_one_line() {
    let desk = Desk::new();
    desk.file("bad.toml", "intervall = 3\n[http]\nlisten = \"nowhere\"\n");
    desk.file("file", "not a directory");
    desk.file("text.db", "this is no database, and long enough not to be taken for an empty file");
    desk.file("wrong.toml", "[[host]]\nname = \"a\"\nintervall = \"1s\"\n");
    desk.file("hosts.toml", "[[group]]\nname = \"web\"\nhosts = [\"web-[01-03]\"]\n");
    let cases: &[(&[&str], i32)] = &[
        (&["--colour"], 2),
        (&["hosts", "--jsn"], 2),
        (&["watch"], 2),
        (&["histroy", "web-01"], 2),
        (&["history"], 2),
        (&["history", "a", "--from", "yesterday"], 2),
        (&["history", "a", "--from", "2026-03-29T02:00:00Z", "--to", "2026-03-29T01:00:00Z"], 2),
        (&["history", "a", "--limit", "0"], 2),
        (&["history", "a", "--columns", "cpu_bussy_pct"], 2),
        (&["history", "a", "--columns", "cpu"], 2),
        (&["history", "a", "--every", "often"], 2),
        (&["history", "a", "--every", "1s", "--from", "-1d"], 1),
        (&["export"], 2),
        (&["export", "a", "--format", "xml"], 2),
        (&["export", "a", "--table", "net", "--tier", "hour"], 2),
        (&["export", "a", "--from", "2026-03-29T02:00:00Z", "--to", "2026-03-29T01:00:00Z"], 2),
        (&["hosts", "--state", "upp"], 2),
        (&["hosts", "--log", "loud"], 2),
        (&["demo", "--polls", "0"], 2),
        (&["demo", "--interval", "2"], 2),
        (&["demo", "--interval", "1ms"], 2),
        (&["demo", "--inventory", "hosts.toml"], 2),
        (&["top", "--http", "8080"], 2),
        (&["top"], 1),
        (&["completions", "csh"], 2),
        (&["man", "file"], 1),
        (&["top", "--http", "monitor:8080"], 2),
        (&["pause", "a", "--http", "localhost:1"], 1),
        (&["serve", "--http", "8080"], 2),
        (&["health", "--address", "no address"], 2),
        (&["health", "--timeout", "1h"], 2),
        (&["poll"], 2),
        (&["poll", "a:1", "--timeout", "1h"], 2),
        (&["poll", "a:1", "--times", "0"], 2),
        (&["hosts"], 1),
        (&["hosts", "--data", "file"], 1),
        (&["hosts", "--config", "absent.toml"], 1),
        (&["hosts", "--config", "bad.toml"], 1),
        (&["serve", "--http", "127.0.0.1:0"], 1),
        (&["serve", "--http", "127.0.0.1:0", "--inventory", "wrong.toml"], 1),
        (&["serve", "--http", "127.0.0.1:0", "--inventory", "hosts.toml", "--data", "file/x"], 1),
        (&["demo", "--data", "file/x"], 1),
        (&["poll", "web-04", "--inventory", "hosts.toml"], 1),
        (&["poll", "balancer", "--inventory", "hosts.toml"], 1),
        (&["poll", "web-01"], 1),
        (&["poll", "web-01", "--inventory", "wrong.toml"], 1),
    ];
    let mut table = String::new();
    for (arguments, code) in cases {
        let Ended { code: found, out, err } = desk.run(arguments);
        writeln!(table, "$ roundsman {}\n{found:?} {}", arguments.join(" "), err.trim_end())
            .unwrap();
        assert_eq!(found, Some(*code), "{arguments:?}: {err}");
        assert_eq!(out, "", "{arguments:?}");
        assert_eq!(err.lines().count(), 1, "{arguments:?} must say it in one line:\n{err}");
    }
    insta::assert_snapshot!("wrong", table);
}

#[test]
fn a_store_of_a_newer_program_or_of_another_one_is_refused() {
    let desk = Desk::new();
    assert_eq!(
        desk.run(&["demo", "--polls", "1", "--interval", "200ms", "--data", "d"]).code,
        Some(0)
    );
    let file = desk.path().join("d/roundsman.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database
        .execute(
            "INSERT INTO schema_version (number, name, checksum, applied_at_ms)
             VALUES (99, 'later', 'x', 0)",
            [],
        )
        .unwrap();
    drop(database);
    for arguments in [&["hosts", "--data", "d"][..], &["demo", "--data", "d"]] {
        let ended = desk.run(arguments);
        assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{}", ended.err);
        assert!(ended.err.contains("has schema version 99"), "{}", ended.err);
        assert!(ended.err.contains("run the newer Roundsman"), "{}", ended.err);
    }
    std::fs::write(&file, "no database at all; only text that is long enough to look like one")
        .unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(desk.path().join(format!("d/roundsman.db{suffix}")));
    }
    let ended = desk.run(&["hosts", "--data", "d"]);
    assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{}", ended.err);
    assert!(ended.err.contains("is not a Roundsman database"), "{}", ended.err);
}
