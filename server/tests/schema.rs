//! The queries of `docs/schema.md`, each run as it stands on a MariaDB or MySQL of its own,
//! over a fleet whose story is known.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "schema/dashboards.rs"]
mod dashboards;
#[path = "support/mariadbd.rs"]
mod mariadbd;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mariadbd::{FLAGS, Mariadbd};
use roundsman::{
    clock::ManualClock,
    config::{Config, Sources},
    model::{
        Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, Cause, Column, ColumnSet, Delivery,
        DeliveryState, Detail, FilesystemColumn, HostId, HostName, Loss, LossReason, NetColumn,
        Outcome, Record, Rollup, Row, Severity, SoftirqColumn, State, Timings, ToldAlarm,
        Transition, Values, VersionId,
    },
    store::{self, Batch, LoadedInventory, Mode, Registration},
    units::{Micros, Mono, Now, WallMs},
};

/// When the story is read: 2026-03-29T12:00:00Z.
const NOW: WallMs = WallMs(1_774_785_600_000);

/// The polls of each host begin at the midnight before yesterday's end and are so far apart.
const INTERVAL: Duration = Duration::from_secs(300);

const MINUTE: Duration = Duration::from_secs(60);

/// db-1 does not answer from 03:10 to 04:00 of yesterday, and has another boot afterwards.
const AWAY: (WallMs, WallMs) = (minutes_ago(1_970), minutes_ago(1_920));

const fn minutes_ago(minutes: i64) -> WallMs {
    WallMs(NOW.0 - minutes * 60_000)
}

const HOSTS: [&str; 3] = ["db-1", "web-1", "web-2"];

fn values<C: ColumnSet>(pairs: &[(C, f64)]) -> Values<C> {
    let mut values = Values::default();
    for (column, value) in pairs {
        values.set(*column, *value);
    }
    values
}

fn row<C: ColumnSet>(labels: &[&str], pairs: &[(C, f64)]) -> Row<C> {
    Row { labels: labels.iter().map(|label| (*label).into()).collect(), values: values(pairs) }
}

/// What distinguishes one host of the story from another.
struct Character {
    busy: f64,
    steal: f64,
    received: f64,
    net_rx: [f64; 2],
    available: f64,
    filling_per_minute: f64,
    wavering: f64,
    memory_free: f64,
    pressure: f64,
    call: u64,
    skew: i64,
}

fn character(name: &str) -> Character {
    let quiet = Character {
        busy: 5.0,
        steal: 0.0,
        received: 1_000_000.0,
        net_rx: [600.0, 650.0],
        available: 400e9,
        filling_per_minute: 0.0,
        wavering: 0.0,
        memory_free: 0.5,
        pressure: 0.0,
        call: 900,
        skew: -3,
    };
    match name {
        // Its neighbour steals, its first core does all the network's work.
        "web-1" => Character {
            busy: 80.0,
            steal: 12.5,
            received: 50_000_000.0,
            net_rx: [9_000.0, 100.0],
            ..quiet
        },
        // Its disk fills by 24 GB a day and has 60 GB left, its memory is short, its clock is off.
        "db-1" => Character {
            available: 60e9,
            filling_per_minute: 24e9 / 1_440.0,
            memory_free: 0.04,
            pressure: 21.0,
            call: 180_000,
            skew: 800,
            ..quiet
        },
        // Its disk has a gigabyte more and less in turn.
        _ => Character { wavering: 1e9, ..quiet },
    }
}

fn detail(of: &Character, minutes_before: f64) -> Detail {
    let is_odd = (minutes_before * 60.0 / INTERVAL.as_secs_f64()) % 2.0 >= 1.0;
    let wavering = if is_odd { -of.wavering } else { of.wavering };
    let available = of.available + of.filling_per_minute * minutes_before + wavering;
    Detail {
        softirqs: ["0", "1"]
            .iter()
            .zip(of.net_rx)
            .map(|(core, rate)| row(&[core], &[(SoftirqColumn::NetRxPerS, rate)]))
            .collect(),
        interfaces: vec![row(
            &["eth0"],
            &[(NetColumn::RxBytesPerS, of.received), (NetColumn::TxBytesPerS, of.received / 5.0)],
        )],
        filesystems: vec![row(
            &["/var", "/dev/sda2", "ext4", "ok"],
            &[
                (FilesystemColumn::SizeBytes, 500e9),
                (FilesystemColumn::AvailableBytes, available),
                (FilesystemColumn::UsedPct, 100.0 - available / 5e9),
            ],
        )],
        ..Detail::default()
    }
}

fn poll(host: HostId, name: &str, slot: WallMs) -> Record {
    let of = character(name);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand minutes")]
    let minutes_before = (NOW.0 - slot.0) as f64 / 60_000.0;
    let boot = if name == "db-1" && slot < AWAY.0 { "boot-1" } else { "boot-2" };
    let good = Record {
        host,
        name: HostName::new(name).unwrap(),
        slot,
        started: slot,
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings { call_us: Some(Micros(of.call)), ..Timings::default() },
        answer_bytes: Some(4_096),
        address: Some(format!("{name}:50051").into()),
        error: None,
        boot_id: Some(boot.into()),
        clock_skew_ms: Some(of.skew),
        elapsed_ns: None,
        values: Some(values(&[
            (Column::CpuBusyPct, of.busy),
            (Column::CpuStealPct, of.steal),
            (Column::MemTotalBytes, 16e9),
            (Column::MemAvailableBytes, 16e9 * of.memory_free),
            (Column::SwapUsedPct, of.pressure),
            (Column::PressureMemorySomePct, of.pressure),
        ])),
        detail: Some(detail(&of, minutes_before)),
    };
    if name != "db-1" || slot < AWAY.0 || slot >= AWAY.1 {
        return good;
    }
    Record {
        outcome: Outcome::Refused,
        state: State::Down,
        timings: Timings::default(),
        answer_bytes: None,
        error: Some("db-1:50051 refused the connection; nothing listens there".into()),
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: None,
        detail: None,
        ..good
    }
}

fn moves(host: HostId) -> Vec<Transition> {
    let change = |at: WallMs, from, to, cause, reason: &str| Transition {
        host,
        name: HostName::new("db-1").unwrap(),
        at,
        slot: None,
        from,
        to,
        cause,
        outcome: Some(if to == State::Up { Outcome::Ok } else { Outcome::Refused }),
        reason: reason.into(),
    };
    let refused = "3 polls in a row failed, the last: refused";
    vec![
        change(AWAY.0, State::Up, State::Suspect, Cause::PollFailed, "a poll failed: refused"),
        change(AWAY.0.plus(10 * MINUTE), State::Suspect, State::Down, Cause::PollFailed, refused),
        change(AWAY.1.plus(5 * MINUTE), State::Down, State::Up, Cause::Answered, "2 good polls"),
    ]
}

/// db-1's disk was full for an hour, again five minutes later for half an hour, and is now since an hour.
/// Before midnight web-1 was busy for ten minutes.
fn alarms(host: HostId, name: &str, batch: &mut Batch) {
    let rule = if name == "db-1" { "disk-full" } else { "busy" };
    let row = if name == "db-1" { "/var" } else { "" };
    let key = AlarmKey { rule: rule.into(), host, row: row.into() };
    let (pending, firing, ok) = (AlarmState::Pending, AlarmState::Firing, AlarmState::Ok);
    let change = |minutes: i64, from, to| AlarmEvent {
        key: key.clone(),
        slot: minutes_ago(minutes),
        at: minutes_ago(minutes),
        from,
        to,
        cause: AlarmCause::Values,
        severity: Severity::Critical,
        value: Some(97.0),
        summary: "as the story has it".into(),
    };
    let now = |state, fired: Option<i64>| Alarm {
        key: key.clone(),
        state,
        severity: Severity::Critical,
        since: minutes_ago(fired.unwrap_or(5)),
        fired: fired.map(minutes_ago),
        slot: minutes_ago(5),
        polls: 1,
        known: minutes_ago(5),
        value: Some(88.0),
        rule_hash: 7,
    };
    if name != "db-1" {
        batch.alarm_events = vec![change(730, pending, firing), change(720, firing, ok)];
        batch.alarms = vec![now(pending, None)];
        return;
    }
    batch.alarm_events = vec![
        change(600, pending, firing),
        change(540, firing, ok),
        change(535, ok, firing),
        change(505, firing, ok),
        change(60, pending, firing),
    ];
    batch.alarms = vec![now(firing, Some(60))];
    let message = |minutes: i64, channel: &str, firing, state, answer: &str| Delivery {
        message: format!("m/{minutes}").into(),
        channel: channel.into(),
        route: "all".into(),
        kind: if firing { "firing".into() } else { "resolved".into() },
        made: minutes_ago(minutes),
        first_tried: minutes_ago(minutes),
        ended: minutes_ago(minutes - 1),
        state,
        tries: 2,
        answer: Some(answer.into()),
        alarms: vec![ToldAlarm { key: key.clone(), firing, severity: Severity::Critical }],
        told: 1,
    };
    let (sent, given_up) = (DeliveryState::Sent, DeliveryState::GivenUp);
    batch.deliveries = [
        message(600, "chat", true, sent, "200 ok"),
        message(600, "mail", true, given_up, "550 no such user"),
        message(540, "chat", false, sent, "200 ok"),
    ]
    .map(Arc::new)
    .into();
}

/// An hour of web-1 in short, of a year ago.
fn hour(host: HostId) -> Rollup {
    let mut hour = Rollup::new(host, minutes_ago(365 * 1_440));
    for busy in [20.0, 40.0, 90.0] {
        hour.add(Some(&values(&[(Column::CpuBusyPct, busy)])));
    }
    hour.add(None);
    hour
}

/// Tells the story to the database.
async fn fill(url: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("roundsman.toml");
    std::fs::write(&file, format!("[store]\nurl = \"{url}\"\n")).unwrap();
    let sources = Sources { file: Some(file), explicit: true, ..Sources::default() };
    let config = Config::load(sources).unwrap().config;
    let clock = Arc::new(ManualClock::new(Now { wall: NOW, mono: Mono::default() }));
    let store = store::open(&config.store, Mode::ReadWrite, clock).await.unwrap();
    let loaded = LoadedInventory {
        hash: "c0ffee".to_owned(),
        source: "/etc/roundsman/inventory.toml".to_owned(),
        at: minutes_ago(2_880),
        hosts: HOSTS.len(),
        text: "[[host]]\nname = \"db-1\"\n".to_owned(),
    };
    store.record_inventory(loaded).await.unwrap();
    let registrations = HOSTS.map(|name| Registration {
        name: HostName::new(name).unwrap(),
        group: None,
        labels: BTreeMap::new(),
        addresses: vec![format!("{name}:50051")],
        renamed_from: None,
    });
    let known = store.register(registrations.to_vec(), minutes_ago(2_880)).await.unwrap();
    for host in &known {
        let name = host.name.as_str();
        let slots = std::iter::successors(Some(minutes_ago(2_160)), |slot| {
            Some(slot.plus(INTERVAL)).filter(|slot| *slot < NOW)
        });
        let mut batch = Batch::of_polls(slots.map(|slot| poll(host.id, name, slot)));
        if name == "db-1" {
            batch.transitions = moves(host.id);
            batch.losses = vec![Loss {
                from: minutes_ago(1_000),
                to: minutes_ago(990),
                hosts: 2,
                polls: 4,
                reason: LossReason::SpoolFull,
                noted_at: minutes_ago(980),
            }];
        }
        if name == "web-1" {
            batch.rollups = vec![Arc::new(hour(host.id))];
        }
        if name != "web-2" {
            alarms(host.id, name, &mut batch);
        }
        store.write(Arc::new(batch)).await.unwrap();
    }
}

/// The headings and queries of the document.
fn queries() -> Vec<(String, String)> {
    let document = include_str!("../../docs/schema.md");
    let questions = document.split("\n## ").find(|part| part.starts_with("Questions "));
    let mut found = Vec::new();
    for section in questions.expect("a part of questions").split("\n### ").skip(1) {
        let heading = section.lines().next().unwrap().to_owned();
        let sql = section.split("```sql\n").nth(1).expect("a query under each question");
        found.push((heading, sql.split("```").next().unwrap().to_owned()));
    }
    found
}

/// The answer with each number as short as it can be: MariaDB's `80.0` is MySQL's `80`.
fn shortened(answer: &str) -> String {
    let cell = |cell: &str| match cell.split_once('.') {
        Some((whole, fraction)) if cell.parse::<f64>().is_ok() => {
            format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => cell.to_owned(),
    };
    let line = |line: &str| line.split('\t').map(cell).collect::<Vec<_>>().join("\t") + "\n";
    answer.lines().map(line).collect()
}

/// What the server's own client is answered, tabs between the columns; nothing where there are no rows.
fn ask(port: &str, sql: &str) -> String {
    let client = ["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-uroot", "-P", port];
    let ended = mariadbd::client("mariadb").args(client).args(["--batch", "-e", sql]).output();
    let ended = ended.unwrap();
    assert!(ended.status.success(), "{sql}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

#[tokio::test]
async fn every_query_of_the_document_answers_its_question() {
    let server = Mariadbd::start(&FLAGS);
    let port = server.port().to_string();
    ask(&port, "CREATE DATABASE fleet CHARACTER SET utf8mb4");
    fill(&format!("mysql://root@127.0.0.1:{port}/fleet")).await;

    let queries = queries();
    assert!(queries.len() >= 10, "{} queries", queries.len());
    let mut answers = String::new();
    for (heading, sql) in queries {
        // As MySQL is by default: what is neither grouped by nor aggregated is refused.
        let strict = "SET sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'";
        let at = format!("SET time_zone = '+00:00'; SET timestamp = {}", NOW.0 / 1_000);
        let answer = ask(&port, &format!("USE fleet; {strict}; {at}; {sql}"));
        assert!(answer.lines().count() > 1, "{heading} has no answer");
        answers.push_str(&format!("# {heading}\n{}\n", shortened(&answer)));
    }
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn a_disk_that_does_not_fill_is_never_full_in_the_embedded_file_either() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fleet.db");
    fill(&format!("sqlite:{}", path.display())).await;
    let (_, sql) =
        queries().into_iter().find(|(heading, _)| heading.contains("filesystems")).unwrap();
    // Only the condition on the time is written otherwise.
    let sql = sql.replace("UTC_TIMESTAMP() - INTERVAL 1 DAY", "'2026-03-28T12:00:00Z'");
    let file = rusqlite::Connection::open(path).unwrap();
    let mut statement = file.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(3)?, row.get(4)?)));
    let rows: Vec<(String, Option<f64>, Option<f64>)> = rows.unwrap().map(Result::unwrap).collect();
    let row = |host: &str, slope, days| (host.to_owned(), slope, days);
    let wanted =
        [row("db-1", Some(-24.0), Some(2.5)), row("web-2", None, None), row("web-1", None, None)];
    assert_eq!(rows, wanted);
}
