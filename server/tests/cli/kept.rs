//! What was kept over days: means over time, and exports, of a store that is filled by hand.

use std::{sync::Arc, time::Duration};

use roundsman::{
    clock::{Clock as _, SystemClock},
    health::Pause,
    model::{
        Cause, Column, CoreColumn, Detail, HostName, NetColumn, Outcome, Record, Row, State,
        Timings, Transition, Values, VersionId,
    },
    rollup::Rollups,
    store::{Batch, Mode, Registration, Store as _, sqlite::Sqlite},
    units::WallMs,
};

use crate::program::Desk;

/// 2026-03-29T00:00:00Z.
const START: i64 = 1_774_742_400_000;

/// A poll a minute for a day, every tenth failed; hours in short of the first 12 hours.
const POLLS: i64 = 1_440;

fn poll(host: roundsman::model::HostId, minute: i64) -> Record {
    let good = minute % 10 != 9;
    let mut values = Values::default();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    values.set(Column::CpuBusyPct, (minute % 60) as f64 + 0.5);
    values.set(Column::MemTotalBytes, 8_321_499_136.0);
    let net: Row<NetColumn> =
        Row { labels: ["eth\"0".into()].into_iter().collect(), values: Values::default() };
    let core: Row<CoreColumn> =
        Row { labels: ["0".into()].into_iter().collect(), values: Values::default() };
    let detail = Detail { cores: vec![core], interfaces: vec![net], ..Detail::default() };
    Record {
        host,
        name: HostName::new("web-1").unwrap(),
        slot: WallMs(START + minute * 60_000),
        started: WallMs(START + minute * 60_000),
        inventory: VersionId(1),
        outcome: if good { Outcome::Ok } else { Outcome::Refused },
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: None,
        address: None,
        error: (!good).then(|| "refused, \"really\"".into()),
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: good.then_some(values),
        detail: good.then_some(detail),
    }
}

fn filled() -> Desk {
    let desk = Desk::new();
    let store = Sqlite::open_blocking(&desk.path().join("roundsman.db"), Mode::ReadWrite).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let registration = Registration {
            name: HostName::new("web-1").unwrap(),
            group: None,
            labels: [].into(),
            addresses: Vec::new(),
            renamed_from: None,
        };
        let host = store.register(vec![registration], WallMs(START)).await.unwrap().remove(0).id;
        let polls: Vec<Record> = (0..POLLS).map(|minute| poll(host, minute)).collect();
        let mut rollups = Rollups::of_all();
        for poll in &polls[..720] {
            rollups.add(&poll.into());
        }
        let rollups = rollups.into_all().into_iter().map(Arc::new).collect();
        store.write(Arc::new(Batch { rollups, ..Batch::of_polls(polls) })).await.unwrap();
    });
    desk
}

fn run(desk: &Desk, arguments: &[&str]) -> String {
    let ended = desk.run(&[arguments, &["--data", "."]].concat());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?}");
    ended.out
}

const HOUR: [&str; 4] = ["--from", "2026-03-29T01:00:00Z", "--to", "2026-03-29T02:00:00Z"];

/// Longer ago than polls are kept.
fn long_ago() -> String {
    let now = SystemClock::new().now().wall.since(WallMs(START));
    format!("-{}d", (now + Duration::from_secs(40 * 86_400)).as_secs() / 86_400)
}

#[test]
fn a_filter_that_matches_no_host_says_so() {
    let desk = Desk::new();
    let demo = desk.run(&["demo", "--polls", "1", "--interval", "200ms", "--data", "d"]);
    assert_eq!(demo.code, Some(0), "{demo:?}");
    for (flags, expected) in [
        (&["--group", "nope"][..], "no group is called nope\n"),
        (&["--text", "zzz", "--state", "down"], "no host matches --state down --text zzz\n"),
    ] {
        let ended = desk.run(&[&["hosts", "--data", "d"][..], flags].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), expected), "{ended:?}");
    }
}

#[test]
fn means_over_time_are_a_table() {
    let desk = filled();
    let columns = ["--columns", "cpu_busy_pct,load_1"];
    let every = |every| {
        run(&desk, &[&["history", "web-1", "--every", every][..], &HOUR, &columns].concat())
    };
    insta::assert_snapshot!("history_every", every("15m") + "\n" + &every("1h"));
    let ended = desk.run(&["history", "web-1", "--every", "1s", "--from", "-1d", "--data", "."]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("points of 1s are more than 2000"), "{}", ended.err);
}

#[test]
fn an_export_is_csv_with_units_or_json_lines() {
    let desk = filled();
    let export = |more: &[&str]| run(&desk, &[&["export", "web-1"][..], more].concat());
    let polls =
        [&HOUR[..], &["--tier", "poll", "--columns", "cpu_busy_pct,mem_total_bytes,load_1"]]
            .concat();
    let csv = export(&polls);
    assert_eq!(csv.lines().count(), 61);
    let table = [&HOUR[..], &["--table", "net"]].concat();
    let net = export(&table);
    assert_eq!(net.lines().count(), 1 + 54, "a failed poll has none");
    let hours = export(&["--from", &long_ago(), "--columns", "cpu_busy_pct,load_1"]);
    assert_eq!(hours.lines().count(), 13);
    let first =
        |text: &str| text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>();
    let failed = csv.lines().find(|line| line.contains("refused")).unwrap().to_owned();
    let lines = export(&[&polls[..], &["--format", "jsonl"]].concat());
    insta::assert_snapshot!(
        "export",
        [first(&csv), failed, first(&net), first(&hours), first(&lines)].join("\n")
    );

    // Whole polls, page after page, none twice: the same as of the history.
    let whole = export(&["--from", "2026-03-29T00:00:00Z", "--tier", "poll", "--format", "jsonl"]);
    let whole: Vec<serde_json::Value> =
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let slots: Vec<i64> = whole.iter().map(|poll| poll["slot_ms"].as_i64().unwrap()).collect();
    assert_eq!(slots, (0..POLLS).map(|minute| START + minute * 60_000).collect::<Vec<_>>());
    let history = run(&desk, &[&["history", "web-1", "--json"][..], &HOUR].concat());
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    assert_eq!(history["polls"].as_array().unwrap()[..], whole[60..120]);
}

#[test]
fn a_statement_of_sql_is_answered_as_csv_or_json_lines_and_changes_nothing() {
    let desk = filled();
    let sql = "SELECT host, time, load_1, NULL AS \"a,b\", 9007199254740993 AS n, X'00ff' AS bytes, \
               '=1+1' AS formula FROM cpu_load ORDER BY time LIMIT 2";
    let csv = run(&desk, &["sql", sql]);
    let lines = run(&desk, &["sql", sql, "--format", "jsonl"]);
    insta::assert_snapshot!("sql", csv + "\n" + &lines);
    for (statement, why) in [
        ("DELETE FROM poll", "cannot run a statement that changes something"),
        ("SELECT 1; SELECT 2", "Multiple statements provided"),
        ("SELEKT 1", "near \"SELEKT\": syntax error"),
    ] {
        let ended = desk.run(&["sql", statement, "--data", "."]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.err.contains(why), "{ended:?}");
    }
}

#[test]
fn a_reader_of_an_export_may_go_away() {
    let desk = filled();
    let arguments = ["export", "web-1", "--from", "2026-03-29T00:00:00Z", "--tier", "poll"];
    let mut child = desk.spawn(&[&arguments[..], &["--data", "."]].concat());
    drop(child.child().stdout.take());
    let ended = child.end(desk.path());
    assert_eq!((ended.code, ended.err.as_str()), (Some(141), ""));
}

#[test]
fn why_says_who_paused_a_host_and_what_is_wrong_with_a_degraded_one() {
    let desk = Desk::new();
    let store = Sqlite::open_blocking(&desk.path().join("roundsman.db"), Mode::ReadWrite).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let named = |name: &str| Registration {
        name: HostName::new(name).unwrap(),
        group: None,
        labels: [].into(),
        addresses: Vec::new(),
        renamed_from: None,
    };
    let names = ["asked", "listed", "windowed", "skewed"];
    runtime.block_on(async {
        let all = names.map(named).to_vec();
        let known = store.register(all, WallMs(START)).await.unwrap();
        let change = |at: usize, to, cause, reason: &str| Transition {
            slot: None,
            host: known[at].id,
            name: known[at].name.clone(),
            at: WallMs(START + 5),
            from: State::Up,
            to,
            cause,
            outcome: None,
            reason: reason.into(),
        };
        let transitions = vec![
            change(0, State::Paused, Cause::Paused, "paused by an operator: new disk"),
            change(1, State::Paused, Cause::Paused, "paused in the inventory"),
            change(2, State::Paused, Cause::Maintenance, "in the maintenance window nightly"),
            change(3, State::Degraded, Cause::ClockSkew, "its clock is 7s ahead"),
        ];
        let polls = known.iter().map(|host| Record { name: host.name.clone(), ..poll(host.id, 0) });
        let batch = Batch { transitions, ..Batch::of_polls(polls.collect::<Vec<_>>()) };
        store.write(Arc::new(batch)).await.unwrap();
        let pause = Pause { since: WallMs(START), until: None, reason: "new disk".into() };
        store.set_pause(known[0].id, Some(pause)).await.unwrap();
    });
    drop(store);
    let said = names.map(|name| {
        let text = run(&desk, &["why", name]);
        text.lines().next().unwrap().to_owned()
    });
    insta::assert_snapshot!("why", said.join("\n"));
    assert!(said[0].contains("an operator asked for it (new disk); it is polled"), "{}", said[0]);
    assert!(said[..3].iter().all(|words| !words.contains("the inventory says so")), "{said:?}");
    assert!(said[3].contains(": its clock is 7s ahead. 2 more good poll"), "{}", said[3]);
}
