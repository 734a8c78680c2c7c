//! The demo end to end: a probe, a server, a file, and everything that reads it afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _},
};

use rusqlite::{Connection, types::ValueRef};
use serde_json::Value;

use super::program::{Desk, Ended};

const POLLS: usize = 3;

fn demo(desk: &Desk, more: &[&str]) -> Ended {
    let mut arguments = vec!["demo", "--data", "d", "--interval", "200ms", "--polls", "3"];
    arguments.extend(more);
    let ended = desk.run(&arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// The only host in the file.
fn host(desk: &Desk) -> String {
    let hosts = desk.run(&["hosts", "--data", "d", "--json"]).json();
    assert_eq!(hosts["total"], 1, "{hosts}");
    hosts["hosts"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn a_piped_demo_prints_a_line_per_poll_and_keeps_each() {
    let desk = Desk::new();
    let ended = demo(&desk, &[]);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), POLLS, "{}", ended.out);
    assert!(lines.iter().all(|line| line.contains(" up ok  cpu ")), "{}", ended.out);
    assert!(lines[0].contains("cpu –") && lines[0].contains("net rx – tx –"), "{}", lines[0]);
    assert!(lines[2].contains(" %  load ") && lines[2].contains("B/s"), "{}", lines[2]);
    assert!(!ended.out.contains('\x1b'), "no control sequences in a pipe");
    let name = host(&desk);
    let kept = format!("kept 3 polls in d/roundsman.db, see `roundsman history {name} --data d`\n");
    assert!(ended.err.ends_with(&kept), "{}", ended.err);
    for said in ["asked over gRPC at 127.0.0.1:", "Page: http://127.0.0.1:", "Ctrl-C stops"] {
        assert!(ended.err.contains(said), "{said} is missing in\n{}", ended.err);
    }
}

#[test]
fn the_commands_that_the_demo_suggests_work_and_agree() {
    let desk = Desk::new();
    demo(&desk, &[]);
    let name = host(&desk);

    let hosts = desk.run(&["hosts", "--data", "d"]);
    assert!(hosts.out.contains(&name) && hosts.out.contains(" up "), "{}", hosts.out);

    let history = desk.run(&["history", &name, "--data", "d"]);
    assert_eq!((history.code, history.err.as_str()), (Some(0), ""));
    assert_eq!(history.out.lines().count(), POLLS + 1, "{}", history.out);
    assert!(history.out.lines().nth(1).unwrap().contains('–'), "no rates at first");

    let why = desk.run(&["why", &name, "--data", "d"]);
    let sentence = why.out.lines().next().unwrap();
    assert!(sentence.starts_with(&format!("{name} is up since ")), "{sentence}");
    assert!(sentence.contains("All of its last 3 polls brought values."), "{sentence}");
    assert!(sentence.ends_with("It became up because: it answers."), "{sentence}");
    let json = desk.run(&["why", &name, "--data", "d", "--json"]).json();
    assert_eq!(json["attempts"].as_array().unwrap().len(), POLLS);
    assert_eq!(json["events"][0]["to"], "up");

    let page = desk.run(&["history", &name, "--data", "d", "--json", "--limit", "2"]).json();
    let slots = |page: &Value| -> Vec<i64> {
        page["polls"].as_array().unwrap().iter().map(|p| p["slot_ms"].as_i64().unwrap()).collect()
    };
    let newest = slots(&page);
    assert!(newest.len() == 2 && newest[0] < newest[1], "the newest, oldest first: {newest:?}");
    let until = newest[0].to_string();
    let rest = desk.run(&["history", &name, "--data", "d", "--json", "--to", &until]).json();
    assert_eq!((slots(&rest).len(), &rest["next"]), (1, &Value::Null));

    let few = desk
        .run(&["history", &name, "--data", "d", "--json", "--columns", "load_1,cpus_online"])
        .json();
    let values = few["polls"][0]["values"].as_object().unwrap();
    assert_eq!(values.keys().collect::<Vec<_>>(), ["cpus_online", "load_1"]);

    let unknown = desk.run(&["history", &format!("{name}x"), "--data", "d"]);
    assert_eq!(unknown.code, Some(1));
    let expected = format!("roundsman: no host is called \"{name}x\"; did you mean `{name}`?\n");
    assert_eq!(unknown.err, expected);
}

/// What the views call a column that `history --json` keeps in `values` under a longer name.
fn json_name(view: &str, column: &str) -> String {
    match view {
        "cpu_stat" => format!("cpu_{column}"),
        _ => column.to_owned(),
    }
}

fn rows(database: &Connection, view: &str) -> Vec<BTreeMap<String, Value>> {
    let mut statement =
        database.prepare(&format!("SELECT * FROM {view} ORDER BY time_ms")).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query([]).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        let cell = |index| match row.get_ref(index).unwrap() {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap().into(),
            ValueRef::Blob(_) => panic!("{view} holds a blob"),
        };
        rows.push(names.iter().enumerate().map(|(i, n)| (n.clone(), cell(i))).collect());
    }
    rows
}

fn same(sql: &Value, json: &Value) -> bool {
    match (sql.as_f64(), json.as_f64()) {
        (Some(sql), Some(json)) => (sql - json).abs() < 1e-9,
        _ => sql == json,
    }
}

/// A view of the store, and what it must hold.
struct View {
    name: &'static str,
    /// The list in `detail` that has its rows, and the text that names a row there and here.
    list: Option<(&'static str, &'static str)>,
    columns: &'static [&'static str],
}

/// The first eight families, with every value that there is of them.
const VIEWS: [View; 8] = [
    View {
        name: "cpu_load",
        list: None,
        columns: &["load_1", "load_5", "load_15", "load_runnable_tasks", "load_total_tasks"],
    },
    View {
        name: "cpu_stat",
        list: Some(("core", "core")),
        columns: &[
            "user_pct",
            "nice_pct",
            "system_pct",
            "idle_pct",
            "iowait_pct",
            "irq_pct",
            "softirq_pct",
            "steal_pct",
            "guest_pct",
            "guest_nice_pct",
        ],
    },
    View {
        name: "mem_info",
        list: None,
        columns: &[
            "mem_total_bytes",
            "mem_free_bytes",
            "mem_available_bytes",
            "mem_buffers_bytes",
            "mem_cached_bytes",
            "mem_swap_cached_bytes",
            "mem_active_bytes",
            "mem_inactive_bytes",
            "mem_active_anon_bytes",
            "mem_inactive_anon_bytes",
            "mem_active_file_bytes",
            "mem_inactive_file_bytes",
            "mem_dirty_bytes",
            "mem_writeback_bytes",
            "mem_anon_pages_bytes",
            "mem_mapped_bytes",
            "mem_k_reclaimable_bytes",
            "mem_s_reclaimable_bytes",
            "mem_s_unreclaim_bytes",
            "mem_shmem_bytes",
            "swap_total_bytes",
            "swap_free_bytes",
            "huge_pages_total",
            "huge_pages_free",
            "huge_page_size_bytes",
            "mem_commit_limit_bytes",
            "mem_committed_as_bytes",
        ],
    },
    View {
        name: "cpu_softirq",
        list: Some(("softirq", "core")),
        columns: &[
            "hi_per_s",
            "timer_per_s",
            "net_tx_per_s",
            "net_rx_per_s",
            "block_per_s",
            "irq_poll_per_s",
            "tasklet_per_s",
            "sched_per_s",
            "hrtimer_per_s",
            "rcu_per_s",
        ],
    },
    View {
        name: "net_info",
        list: Some(("net", "interface")),
        columns: &[
            "rx_bytes_per_s",
            "rx_packets_per_s",
            "rx_errors_per_s",
            "rx_dropped_per_s",
            "rx_fifo_per_s",
            "rx_frame_per_s",
            "rx_compressed_per_s",
            "rx_multicast_per_s",
            "tx_bytes_per_s",
            "tx_packets_per_s",
            "tx_errors_per_s",
            "tx_dropped_per_s",
            "tx_fifo_per_s",
            "tx_collisions_per_s",
            "tx_carrier_per_s",
            "tx_compressed_per_s",
        ],
    },
    View {
        name: "disk_info",
        list: Some(("disk", "device")),
        columns: &[
            "reads_per_s",
            "reads_merged_per_s",
            "read_bytes_per_s",
            "read_await_ms",
            "writes_per_s",
            "writes_merged_per_s",
            "written_bytes_per_s",
            "write_await_ms",
            "in_flight",
            "busy_pct",
            "queue",
            "discards_per_s",
            "discards_merged_per_s",
            "discarded_bytes_per_s",
            "discard_await_ms",
            "flushes_per_s",
            "flush_await_ms",
        ],
    },
    View {
        name: "filesystem",
        list: Some(("filesystem", "mount_point")),
        columns: &[
            "size_bytes",
            "free_bytes",
            "available_bytes",
            "used_pct",
            "inodes",
            "inodes_free",
            "read_only",
        ],
    },
    View {
        name: "system_info",
        list: None,
        columns: &[
            "boot_time_s",
            "context_switches_per_s",
            "interrupts_per_s",
            "forks_per_s",
            "procs_running",
            "procs_blocked",
            "file_handles",
            "entropy_bits",
        ],
    },
];

/// Every value of the first eight families is in a view and in `history --json`, under a name that
/// ends in its unit, and both say the same.
#[test]
fn history_and_the_views_hold_the_same_values() {
    let desk = Desk::new();
    demo(&desk, &[]);
    let name = host(&desk);
    let history = desk.run(&["history", &name, "--data", "d", "--json"]).json();
    let polls: BTreeMap<i64, &Value> = history["polls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|poll| (poll["slot_ms"].as_i64().unwrap(), poll))
        .collect();
    assert_eq!(polls.len(), POLLS);
    let counted = desk.run(&["availability", "--by", "day", "--format", "csv", "--data", "d"]);
    let mut lines = counted.out.lines();
    let header = "host,host_group,period,available_pct,good_ms,bad_ms,paused_ms,unknown_ms,polls,failed,met,left_ms,\
                  rx_bytes,tx_bytes,counted_ms";
    assert_eq!(lines.next(), Some(header));
    // Its hour is not over yet: nothing is counted, and nothing unknown.
    let told: Vec<&str> = lines.collect();
    assert!(told.iter().all(|row| row.starts_with(&format!("{name},"))), "{told:?}");
    assert!(!told.is_empty() && told.iter().all(|row| row.contains(",,0,0,0,0,")), "{told:?}");
    let database = Connection::open(desk.path().join("d/roundsman.db")).unwrap();
    for View { name: view, list, columns } in VIEWS {
        let rows = rows(&database, view);
        let polled: Vec<i64> = rows.iter().map(|row| row["time_ms"].as_i64().unwrap()).collect();
        assert!(polls.keys().all(|slot| polled.contains(slot)), "{view} lacks a poll");
        for row in &rows {
            assert_eq!(row["host"], name.as_str(), "{view}");
            let poll = polls[&row["time_ms"].as_i64().unwrap()];
            let per_row = list.filter(|(_, label)| row[*label] != "cpu");
            let found = match per_row {
                None => &poll["values"],
                Some((list, label)) => {
                    let rows = poll["detail"][list].as_array().unwrap();
                    rows.iter().find(|r| r[label] == row[label]).unwrap()
                }
            };
            for column in columns {
                let key = match (list, per_row) {
                    (Some(_), None) => json_name(view, column),
                    _ => (*column).to_owned(),
                };
                let json = found.get(&key).unwrap_or_else(|| panic!("no {key} in the JSON"));
                let sql = row.get(*column).unwrap_or_else(|| panic!("no {column} in {view}"));
                assert!(same(sql, json), "{view}.{column}: {sql} in SQL, {json} in JSON");
            }
        }
    }
    let newest = polls.values().next_back().unwrap();
    for known in ["load_1", "cpu_user_pct", "mem_total_bytes", "context_switches_per_s"] {
        assert!(newest["values"][known].is_number(), "{known} is unknown in the last poll");
    }
}

#[test]
fn the_demo_prints_json_lines_that_are_the_kept_polls() {
    let desk = Desk::new();
    let ended = demo(&desk, &["--json"]);
    let name = host(&desk);
    let history = desk.run(&["history", &name, "--data", "d", "--json"]).json();
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.as_slice(), history["polls"].as_array().unwrap().as_slice());
}

#[test]
fn a_demo_has_the_address_of_the_one_before_unless_somebody_else_has_it() {
    let desk = Desk::new();
    let page = |ended: &Ended| {
        let (_, rest) = ended.err.split_once("Page: http://").unwrap();
        rest.split_once('/').unwrap().0.to_owned()
    };
    let first = page(&demo(&desk, &[]));
    assert_eq!(page(&demo(&desk, &[])), first);
    let taken = std::net::TcpListener::bind(&first).unwrap();
    let other = demo(&desk, &[]);
    assert!(other.err.contains(&format!("the address of the last demo, {first}, cannot be had")));
    assert_ne!(page(&other), first);
    drop(taken);
}

/// The rules that `alerts check` and `notify test` look at are those of the demo, too.
#[test]
fn a_demo_judges_by_the_alert_rules_of_its_folder() {
    let desk = Desk::new();
    assert!(demo(&desk, &[]).err.contains("\nAlerts: by the shipped rules"));
    desk.file("alerts.toml", "[[alert]]\nname = \"always\"\nwhen = \"load_1 >= 0\"\n");
    let ended = demo(&desk, &[]);
    let rules =
        "\nAlerts: by the rules of alerts.toml, listed by `roundsman alerts --http 127.0.0.1:";
    assert!(ended.err.contains(rules), "{}", ended.err);
    let alarms = Connection::open(desk.path().join("d/roundsman.db")).unwrap();
    let rule: String =
        alarms.query_row("SELECT rule FROM alert_now", [], |row| row.get(0)).unwrap();
    assert_eq!(rule, "always");
}

#[test]
fn ctrl_c_stops_the_demo_and_it_says_what_was_kept() {
    let desk = Desk::new();
    let mut child = desk.spawn(&["demo", "--data", "d", "--interval", "200ms"]);
    let mut first = String::new();
    BufReader::new(child.child().stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    child.signal(rustix::process::Signal::INT);
    let ended = child.end(desk.path());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("\nkept "), "{}", ended.err);
}

#[test]
fn a_demo_with_a_fleet_shows_faults_and_keeps_its_polls_apart() {
    let desk = Desk::new();
    let arguments =
        ["demo", "--data", "d", "--interval", "200ms", "--fleet", "12", "--polls", "150", "--json"];
    let ended = desk.run(&arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("Beside it 12 simulated hosts, some with faults"), "{}", ended.err);
    let polls: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: BTreeSet<&str> = polls.iter().map(|poll| poll["host"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 13, "this machine too: {names:?}");
    assert!(polls.iter().any(|poll| poll["outcome"] == "refused"));
    assert!(ended.err.ends_with("--data d/demo-fleet`\n"), "{}", ended.err);
    let hosts = desk.run(&["hosts", "--data", "d/demo-fleet", "--json"]).json();
    assert_eq!(hosts["total"], 13, "{hosts}");
    // A real machine's history is not among them.
    demo(&desk, &[]);
    host(&desk);
}

#[test]
fn simulated_hosts_are_not_kept_where_somebody_keeps_real_ones_and_are_not_without_number() {
    let desk = Desk::new();
    let store = desk.path().join("own.db");
    let mut command = desk.command(&["demo", "--data", "d", "--fleet", "3", "--polls", "1"]);
    command.env("ROUNDSMAN_STORE__URL", format!("sqlite:{}", store.display()));
    let ended = Ended::new(command.output().unwrap(), desk.path());
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("unset store.url (ROUNDSMAN_STORE__URL)"), "{}", ended.err);
    assert!(!store.exists() && !desk.path().join("d").exists(), "nothing was begun");

    let ended = desk.run(&["demo", "--data", "d", "--fleet", "251"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("251 is not in 1..=250"), "{}", ended.err);
}

#[test]
fn a_demo_whose_reader_goes_away_says_what_it_kept_and_other_commands_say_nothing() {
    let desk = Desk::new();
    let mut child = desk.spawn(&["demo", "--data", "d", "--interval", "200ms"]);
    let mut stdout = child.child().stdout.take().unwrap();
    let mut byte = [0];
    stdout.read_exact(&mut byte).unwrap();
    drop(stdout);
    let ended = child.end(desk.path());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("\nkept "), "{}", ended.err);
    assert!(!ended.err.contains("roundsman: "), "{}", ended.err);

    let name = host(&desk);
    for arguments in [&["history", &name, "--data", "d", "--json"][..], &["hosts", "--data", "d"]] {
        let mut child = desk.spawn(arguments);
        drop(child.child().stdout.take());
        let ended = child.end(desk.path());
        assert_eq!((ended.code, ended.err.as_str()), (Some(141), ""), "{arguments:?}");
    }
}

#[test]
fn the_demo_does_not_mix_with_a_fleet() {
    let desk = Desk::new();
    demo(&desk, &[]);
    let database = Connection::open(desk.path().join("d/roundsman.db")).unwrap();
    database
        .execute("UPDATE host SET name = 'web-01', addresses = '[\"web-01:50051\"]'", [])
        .unwrap();
    drop(database);
    let ended = desk.run(&["demo", "--data", "d", "--polls", "1"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert!(
        ended.err.contains("holds the polls of other machines (web-01 is one)"),
        "{}",
        ended.err
    );
}

#[test]
fn a_retired_host_is_listed_only_when_asked_for_and_its_history_stays() {
    let desk = Desk::new();
    demo(&desk, &[]);
    let name = host(&desk);
    let database = Connection::open(desk.path().join("d/roundsman.db")).unwrap();
    database.execute("UPDATE host SET retired_at_ms = 1774747800000", []).unwrap();
    drop(database);
    let hosts = |more: &[&str]| desk.run(&[&["hosts", "--data", "d", "--json"], more].concat());
    assert_eq!(hosts(&[]).json()["total"], 0);
    let retired = hosts(&["--state", "retired"]).json();
    assert_eq!(retired["hosts"][0]["name"], name.as_str());
    assert_eq!(retired["hosts"][0]["since"], "2026-03-29T01:30:00.000Z");
    let history = desk.run(&["history", &name, "--data", "d", "--json"]).json();
    assert_eq!(history["polls"].as_array().unwrap().len(), POLLS);
    let why = desk.run(&["why", &name, "--data", "d"]);
    assert!(why.out.starts_with(&format!("{name} is retired since ")), "{}", why.out);
}
