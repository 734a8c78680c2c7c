//! When a rule would have fired: rules over a store that is filled by hand.

use std::sync::Arc;

use roundsman::{
    model::{
        Column, Detail, FilesystemColumn, HostId, HostName, Outcome, Record, Row, State, Timings,
        Values, VersionId,
    },
    rollup::Rollups,
    store::{Batch, Mode, Registration, Store as _, sqlite::Sqlite},
    units::WallMs,
};
use serde_json::{Value, json};

use crate::program::Desk;

/// 2026-03-29T00:00:00Z.
const START: i64 = 1_774_742_400_000;
const HOUR: i64 = 3_600_000;

/// A poll a minute for twelve hours: more than are read at once.
const POLLS: i64 = 720;

const RULES: &str = r#"
[[alert]]
name = "busy"
when = "cpu_busy_pct > 90"
critical = "cpu_busy_pct > 98"
for = "3 polls"
clear_for = "2 polls"

[[alert]]
name = "disk-full"
over = "filesystem"
when = "used_pct > 90"
summary = "{row} {value} %"

[[alert]]
name = "in-db"
groups = ["db"]
when = "cpu_busy_pct > 90"

[[alert]]
name = "off"
when = "cpu_busy_pct > 90"
enabled = false

[[alert]]
name = "late"
over = "server"
when = "late_ms > 10"
"#;

/// Minutes in which the CPU is busy; in three of them nobody knows.
fn busy_pct(minute: i64) -> Option<f64> {
    match minute {
        62..=64 => None,
        15 => Some(99.0),
        10..20 | 24..30 | 60..66 | 717.. => Some(95.0),
        _ => Some(20.0),
    }
}

fn poll(host: HostId, minute: i64) -> Record {
    let mut values = Values::default();
    if let Some(pct) = busy_pct(minute) {
        values.set(Column::CpuBusyPct, pct);
    }
    let filesystem = |mount: &str, pct: Option<f64>| {
        let labels = [mount, "/dev/sda1", "ext4", "ok"].map(Arc::from).into_iter().collect();
        let mut values = Values::default();
        if let Some(pct) = pct {
            values.set(FilesystemColumn::UsedPct, pct);
        }
        Row { labels, values }
    };
    let full = if (500..=505).contains(&minute) { 97.0 } else { 50.0 };
    let filesystems = vec![filesystem("/", Some(full)), filesystem("/data", None)];
    let slot = WallMs(START + minute * 60_000);
    // A poll that failed says nothing: it neither counts nor breaks off what counts.
    let good = minute != 25;
    Record {
        host,
        name: HostName::new("web-1").unwrap(),
        slot,
        started: slot,
        inventory: VersionId(1),
        outcome: if good { Outcome::Ok } else { Outcome::Refused },
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: None,
        address: None,
        error: (!good).then(|| "refused".into()),
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: good.then_some(values),
        detail: good.then(|| Detail { filesystems, ..Detail::default() }),
    }
}

/// Two hosts: web-1 with its polls; of db-1, and of web-1 in the two hours before them, only hours in short
/// are left.
fn filled() -> Desk {
    let desk = Desk::new();
    desk.file("rules.toml", RULES);
    let store = Sqlite::open_blocking(&desk.path().join("roundsman.db"), Mode::ReadWrite).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let registration = |name: &str, group: Option<&str>| Registration {
            name: HostName::new(name).unwrap(),
            group: group.map(|group| roundsman::model::GroupName::new(group).unwrap()),
            labels: [].into(),
            addresses: Vec::new(),
            renamed_from: None,
        };
        let both = vec![registration("web-1", None), registration("db-1", Some("db"))];
        let known = store.register(both, WallMs(START)).await.unwrap();
        let (web, db) = (known[0].id, known[1].id);
        let mut rollups = Rollups::of_all();
        for minute in -120..0 {
            for host in [web, db] {
                let gone = poll(host, minute);
                rollups.add(&(&gone).into());
            }
        }
        let polls: Vec<Record> = (0..POLLS).map(|minute| poll(web, minute)).collect();
        let rollups = rollups.into_all().into_iter().map(Arc::new).collect();
        store.write(Arc::new(Batch { rollups, ..Batch::of_polls(polls) })).await.unwrap();
    });
    desk
}

/// From three hours before the first poll to the end.
fn backtest(desk: &Desk, rule: &str, flags: &[&str]) -> crate::Ended {
    let from = (START - 3 * HOUR).to_string();
    let to = (START + 12 * HOUR).to_string();
    let first = ["alerts", "backtest", rule, "--file", "rules.toml", "--from", &from, "--to", &to];
    desk.run(&[&first, flags, &["--data", "."]].concat())
}

/// Row, first and last minute and greatest severity of each alarm.
fn spells(found: &Value) -> Vec<(String, i64, Option<i64>, String)> {
    let minute = |ms: &Value| ms.as_i64().map(|ms| (ms - START) / 60_000);
    let text = |of: &Value| of.as_str().unwrap().to_owned();
    let alarms = found["alarms"].as_array().unwrap().iter();
    alarms
        .map(|alarm| {
            let begin = minute(&alarm["begin_ms"]).unwrap();
            (text(&alarm["row"]), begin, minute(&alarm["end_ms"]), text(&alarm["severity"]))
        })
        .collect()
}

#[test]
fn a_rule_is_judged_by_what_is_kept() {
    let desk = filled();
    let json = |rule: &str| {
        let ended = backtest(&desk, rule, &["--json"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        serde_json::from_str::<Value>(&ended.out).unwrap()
    };
    let busy = json("busy");
    let spell = |row: &str, begin, end, severity: &str| (row.into(), begin, end, severity.into());
    assert_eq!(
        spells(&busy),
        [
            spell("", 12, Some(21), "critical"),
            // The poll of minute 25 failed, so the third that holds is that of 27.
            spell("", 27, Some(31), "warning"),
            // Minutes 62 to 64 are unknown: not 0, which would have broken it off.
            spell("", 65, Some(67), "warning"),
            spell("", 719, None, "warning"),
        ]
    );
    assert_eq!(busy["alarms"][0]["value"], 95.0);
    let totals = json!({
        "polls": 720, "alarms": 4, "hosts": 1, "open": 1, "flaps": 1, "lasted_ms": 15 * 60_000,
    });
    assert_eq!(busy["totals"], totals);
    let hosts = &busy["hosts"];
    assert_eq!((&hosts[0]["host"], &hosts[1]["host"]), (&json!("db-1"), &json!("web-1")));
    assert_eq!(hosts[0]["first"], Value::Null);
    assert_eq!(hosts[1]["first"], "2026-03-29T00:00:00.000Z");
    assert_eq!([&hosts[0], &hosts[1]].map(|of| of["only_hours_before"] == true), [true, true]);
    assert_eq!(spells(&json("disk-full")), [spell("/", 500, Some(506), "warning")]);
}

#[test]
fn what_would_have_fired_is_a_table_and_what_could_not_be_judged_is_said() {
    let desk = filled();
    let ended = backtest(&desk, "busy", &["--host", "web-1"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    insta::assert_snapshot!("backtest", ended.out + "---\n" + &ended.err);
    let ended = backtest(&desk, "in-db", &[]);
    assert!(ended.out.ends_with("it would not have fired\n"), "{ended:?}");
    let unjudged = "not judged: in all of that time only hours in short are kept of 1 host\n";
    assert!(ended.err.starts_with(unjudged), "{ended:?}");
}

#[test]
fn more_hosts_than_are_read_at_once_are_all_judged() {
    let desk = Desk::new();
    desk.file("rules.toml", RULES);
    let store = Sqlite::open_blocking(&desk.path().join("roundsman.db"), Mode::ReadWrite).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    const HOSTS: usize = 230;
    runtime.block_on(async {
        let registration = |number: usize| Registration {
            name: HostName::new(&format!("web-{number}")).unwrap(),
            group: None,
            labels: [].into(),
            addresses: Vec::new(),
            renamed_from: None,
        };
        let all = (0..HOSTS).map(registration).collect();
        let known = store.register(all, WallMs(START)).await.unwrap();
        let polls = known.iter().flat_map(|host| (500..502).map(|minute| poll(host.id, minute)));
        store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
    });
    let ended = backtest(&desk, "disk-full", &["--json"]);
    let found: Value = serde_json::from_str(&ended.out).unwrap();
    let totals = json!({
        "polls": 2 * HOSTS, "alarms": HOSTS, "hosts": HOSTS, "open": HOSTS, "flaps": 0,
        "lasted_ms": 60_000 * HOSTS,
    });
    assert_eq!(found["totals"], totals);
}

#[test]
fn what_cannot_be_judged_is_said_in_one_line() {
    let desk = filled();
    for (rule, flags, expected) in [
        ("bussy", &[][..], "rules.toml: no rule is named `bussy`; did you mean `busy`?"),
        ("off", &[], "rules.toml: the rule `off` is switched off"),
        ("late", &[], "rules.toml: the rule `late` is about the server itself"),
        ("in-db", &["--host", "web-1"], "the rule `in-db` is not for the host web-1"),
        ("busy", &["--host", "web-2"], "no host is called \"web-2\""),
    ] {
        let ended = backtest(&desk, rule, flags);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{rule}: {ended:?}");
        assert!(ended.err.contains(expected), "{rule}: {}", ended.err);
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    }
    // Without a file it is the shipped rules.
    let ended = desk.run(&["alerts", "backtest", "disk-ful", "--data", "."]);
    assert!(ended.err.contains("the shipped rules: no rule is named `disk-ful`"), "{ended:?}");
}
