//! What `roundsman top` costs the machine it runs on: CPU time of an event, a frame and a key.
//!
//! `cargo bench -p roundsman --bench top [-- HOSTS]`
//!
//! The fleet is told as the server tells it, as server-sent events of JSON; keys are pressed, and a
//! picture of 200 columns and 50 lines is drawn, to the bytes that a terminal would get, which go
//! nowhere. Not counted: the network, and the terminal. Each figure is the median of its runs, by this
//! thread's own CPU clock.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

use std::{collections::BTreeMap, env};

use roundsman::{cli::Headless, query::FLEET_COLUMNS};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

const SIZE: (u16, u16) = (200, 50);

/// 2026-03-29T01:30:00Z.
const NOW: i64 = 1_774_747_800_000;

/// Beyond that a hand feels that it waits, and a key held down is outrun, µs.
const FELT_US: f64 = 5_000.0;

fn main() {
    let measured = env::args().any(|word| word == "--bench");
    let hosts = env::args().find_map(|word| word.parse().ok());
    // `cargo test --benches` only wants to know that it runs.
    let (hosts, runs) = if measured { (hosts.unwrap_or(5_000), 31) } else { (50, 1) };
    let mut top = Headless::new(SIZE.0, SIZE.1).unwrap();
    let whole = event(0..hosts, hosts, 0);
    println!("{hosts} hosts, {}x{}, µs of CPU time, median of {runs}\n", SIZE.0, SIZE.1);
    println!("{:<44} {:>9} {:>9} {:>9}", "", "told", "drawn", "bytes");
    let print = |what: &str, top: &mut Headless, tell: &mut dyn FnMut(&mut Headless, i64)| {
        let mut costs = Vec::new();
        for run in 0..runs {
            let told = spent(|| tell(top, run + 1));
            let mut bytes = 0;
            let drawn = spent(|| bytes = top.draw().unwrap());
            costs.push((told, drawn, bytes));
        }
        costs.sort_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)));
        let (told, drawn, bytes) = costs[costs.len() / 2];
        println!("{what:<44} {told:>9.0} {drawn:>9.0} {bytes:>9}");
        told + drawn
    };
    print("the fleet whole", &mut top, &mut |top, _| top.apply("fleet", &whole).unwrap());
    assert_eq!(top.listed(), hosts);
    // Events are made before the clock runs.
    for share in [1, 10, hosts] {
        let changes: Vec<String> =
            (1..=runs).map(|run| event(0..hosts / share, hosts, run)).collect();
        let what = format!("a change of {} hosts", hosts / share);
        print(&what, &mut top, &mut |top, run| {
            top.apply("change", &changes[usize::try_from(run - 1).unwrap()]).unwrap();
        });
    }
    print("nothing but time", &mut top, &mut |_, _| {});

    let mut worst = (0.0, String::new());
    let mut key = |what: String, cost: f64| {
        if cost > worst.0 {
            worst = (cost, what);
        }
    };
    for (what, keys) in [
        ("j: the next host", "j"),
        ("Space: a screen on", " "),
        ("G: the last", "G"),
        ("g: the first", "g"),
        ("r: the other way round", "r"),
        ("Enter, Esc: a host and back, each", "\n\u{1b}"),
        ("?, ?: the help and back, each", "??"),
        ("t, t: by groups and back, each", "tt"),
        ("/web-1 Esc: a filter, each sign", "/web-1\u{1b}"),
        ("/zzzz Esc: one that nobody passes, each sign", "/zzzz\u{1b}"),
    ] {
        // Keys of one line differ: what counts is the dearest.
        let cost = dearest(&mut top, keys, runs);
        println!("{what:<44} {:>9.0} {:>9.0} {:>9}", cost.0, cost.1, cost.2);
        key(what.to_owned(), cost.0 + cost.1);
    }
    let first = top.order();
    loop {
        // To the next column, and from there back and forth.
        top.press('s');
        let what = format!("s, S: by {} and the one before, each", top.order());
        let cost = dearest(&mut top, "Ss", runs);
        println!("{what:<44} {:>9.0} {:>9.0} {:>9}", cost.0, cost.1, cost.2);
        key(what, cost.0 + cost.1);
        if top.order() == first {
            break;
        }
    }
    let verdict = if worst.0 > FELT_US { "that is felt" } else { "nobody feels that" };
    println!("\nthe dearest key, drawing included: {:.0} µs ({}): {verdict}", worst.0, worst.1);
}

/// Presses the keys again and again, drawing after each; the dearest of their medians.
fn dearest(top: &mut Headless, keys: &str, runs: i64) -> (f64, f64, u64) {
    let mut costs: Vec<Vec<(f64, f64, u64)>> = vec![Vec::new(); keys.chars().count()];
    for _ in 0..runs {
        for (costs, key) in costs.iter_mut().zip(keys.chars()) {
            let pressed = spent(|| top.press(key));
            let mut bytes = 0;
            let drawn = spent(|| bytes = top.draw().unwrap());
            costs.push((pressed, drawn, bytes));
        }
    }
    let sum = |cost: &(f64, f64, u64)| cost.0 + cost.1;
    let median = |mut costs: Vec<(f64, f64, u64)>| {
        costs.sort_by(|a, b| sum(a).total_cmp(&sum(b)));
        costs[costs.len() / 2]
    };
    costs.into_iter().map(median).max_by(|a, b| sum(a).total_cmp(&sum(b))).unwrap()
}

/// An event of the stream about some hosts, of values that are others in each round.
fn event(some: std::ops::Range<usize>, all: usize, round: i64) -> String {
    let hosts: Vec<Value> = some.map(|number| host(number, round)).collect();
    let counts = BTreeMap::from([("up", all - all / 50), ("down", all / 50)]);
    let at = NOW + round * 1_000;
    json!({ "at_ms": at, "columns": FLEET_COLUMNS, "counts": counts, "server": {}, "hosts": hosts })
        .to_string()
}

fn host(number: usize, round: i64) -> Value {
    let role = ["web", "app", "db", "cache", "build"][number % 5];
    let down = number % 50 == 7;
    let small = u32::try_from(number).unwrap();
    let turn = u32::try_from(round).unwrap();
    // Scattered, and others in each column and round: an order that is found is not the one of before.
    let scattered = |of: f64, which: u32| {
        let seed = small.wrapping_mul(0x9e37_79b1) ^ (turn << 8 | which).wrapping_mul(0x85eb_ca6b);
        let mixed = (seed ^ seed >> 15).wrapping_mul(0x2c1b_3c6d);
        let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
        f64::from(mixed >> 8) / f64::from(1 << 24) * of
    };
    let cell = |column: &&str| match *column {
        "name" => json!(format!("{role}-{number}.fra{}.example.org", number % 7)),
        "group" => json!(role),
        "labels" => json!({ "rack": format!("a{}", number % 40), "room": "b2" }),
        "state" => json!(if down { "down" } else { "up" }),
        "since_ms" => json!(NOW - i64::from(small) * 1_000),
        "slot_ms" | "good_slot_ms" => json!(NOW + round * 1_000 - i64::from(small % 10) * 1_000),
        "outcome" => json!(if down { "deadline_exceeded" } else { "ok" }),
        "error" if down => json!("the call was not answered within 5 s"),
        "call_us" => json!(scattered(9_000.0, 1).round()),
        "cpus_online" => json!(1 << (number % 7)),
        "cpu_busy_pct" => json!(scattered(100.0, 2)),
        "mem_used_pct" => json!(scattered(100.0, 3)),
        "fs_used_max_pct" => json!(scattered(100.0, 4)),
        "pressure_some_max_avg10_pct" => json!(scattered(30.0, 5)),
        "load_1" => json!(scattered(60.0, 6)),
        "net_rx_bytes_per_s" => json!(scattered(1e8, 7)),
        "net_tx_bytes_per_s" => json!(scattered(1e8, 8)),
        "disk_busy_max_pct" => json!(scattered(100.0, 9)),
        "flapping" => json!(false),
        "cpu_trail" => json!([1, 2, null, 4]),
        _ => Value::Null,
    };
    FLEET_COLUMNS.iter().map(cell).collect()
}

/// CPU time of this thread that something takes, µs.
fn spent(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        #[expect(clippy::cast_precision_loss, reason = "hours in microseconds are exact")]
        let us = (time.tv_sec * 1_000_000) as f64 + time.tv_nsec as f64 / 1_000.0;
        us
    };
    let before = now();
    work();
    now() - before
}
