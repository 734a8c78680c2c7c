//! The document as tables for a terminal. Unknown is `-`.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value};

/// Shares of CPU time shown, in the kernel's order. Guest time is already in user and nice.
const CPU_STATES: [&str; 8] =
    ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

const MEMORY: [&str; 13] = [
    "total",
    "free",
    "available",
    "buffers",
    "cached",
    "shmem",
    "active",
    "inactive",
    "dirty",
    "writeback",
    "slab",
    "swap_total",
    "swap_free",
];

/// Renders what [`super::document`] made: a heading for the host, then one table per family.
#[must_use]
pub fn tables(document: &Value) -> String {
    let mut text = heading(document);
    for report in document["reports"].as_array().map_or(&[][..], Vec::as_slice) {
        let family = report["family"].as_str().unwrap_or("?");
        let status = report["status"].as_str().unwrap_or("?");
        let _ = write!(text, "\n{family}: {status}, {} µs", report["spent_us"]);
        if let Some(error) = report["error"].as_str().filter(|error| !error.is_empty()) {
            let _ = write!(text, ", {error}");
        }
        text.push('\n');
        if let Some(table) = family_table(family, document).filter(|table| !table.is_empty()) {
            let _ = writeln!(text, "{table}");
        }
    }
    text
}

fn heading(document: &Value) -> String {
    let who = &document["identity"];
    let word = |name: &str| who[name].as_str().unwrap_or("-").to_owned();
    let mut text = format!(
        "{}: {}, kernel {}, {} CPUs, view {}, machine {}\n",
        word("hostname"),
        word("os"),
        word("kernel"),
        who["cpus"].as_u64().map_or("-".to_owned(), |cpus| cpus.to_string()),
        document["view"].as_str().unwrap_or("-"),
        word("machine_id"),
    );
    let _ = match document["elapsed_s"].as_f64() {
        Some(seconds) => writeln!(text, "rates over {seconds:.2} s"),
        None => writeln!(text, "no rates: the two readings are not of one boot"),
    };
    text
}

fn family_table(family: &str, document: &Value) -> Option<Table> {
    let values = document["values"].get(family)?;
    let rates = &document["rates"][family];
    Some(match family {
        "cpu" => cpu(rates),
        "load" => load(values),
        "memory" => memory(values),
        "softirq" => softirq(rates),
        "network" => network(rates),
        "disk" => disk(values, rates),
        "filesystem" => filesystem(values),
        "pressure" => pressure(values, rates),
        "processes" => processes(values),
        "containers" => containers(values),
        _ => listing(values.as_object()?, rates),
    })
}

fn cpu(rates: &Value) -> Table {
    let mut table = table(["core"].into_iter().chain(CPU_STATES.map(|state| state)));
    let mut row = |name: String, times: &Value| {
        let ticks = CPU_STATES.map(|state| times[format!("{state}_per_s")].as_f64());
        let all: f64 = ticks.iter().flatten().sum();
        let share = |ticks: Option<f64>| ticks.filter(|_| all > 0.0).map(|t| 100.0 * t / all);
        table.add_row(
            std::iter::once(name)
                .chain(ticks.map(|ticks| shown(share(ticks), |share| format!("{share:.1} %")))),
        );
    };
    row("all".to_owned(), &rates["total"]);
    for core in items(&rates["cores"]) {
        row(core["core"].to_string(), core);
    }
    table
}

fn load(values: &Value) -> Table {
    let mut table = table(["1 min", "5 min", "15 min", "runnable", "tasks"]);
    let load = |name: &str| shown(values[name].as_f64(), |load| format!("{:.2}", load / 100.0));
    table.add_row([
        load("load1_hundredths"),
        load("load5_hundredths"),
        load("load15_hundredths"),
        plain(&values["runnable_tasks"]),
        plain(&values["total_tasks"]),
    ]);
    table
}

fn memory(values: &Value) -> Table {
    let mut table = table(["memory", "now"]);
    for name in MEMORY {
        let kib = values[format!("{name}_kib")].as_f64();
        table.add_row([name.to_owned(), shown(kib, |kib| bytes(kib * 1024.0))]);
    }
    table
}

fn softirq(rates: &Value) -> Table {
    const NAMES: [&str; 10] = [
        "hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer",
        "rcu",
    ];
    let mut table = table(["core"].into_iter().chain(NAMES.map(|name| name)));
    for core in items(rates) {
        let rates = NAMES.map(|name| rate(&core[format!("{name}_per_s")]));
        table.add_row(std::iter::once(core["core"].to_string()).chain(rates));
    }
    table
}

fn network(rates: &Value) -> Table {
    let mut table = table([
        "interface",
        "received",
        "packets",
        "errors",
        "dropped",
        "sent",
        "packets",
        "errors",
        "dropped",
    ]);
    for row in items(rates) {
        table.add_row([
            plain(&row["interface"]),
            byte_rate(row["rx_bytes_per_s"].as_f64()),
            rate(&row["rx_packets_per_s"]),
            rate(&row["rx_errors_per_s"]),
            rate(&row["rx_dropped_per_s"]),
            byte_rate(row["tx_bytes_per_s"].as_f64()),
            rate(&row["tx_packets_per_s"]),
            rate(&row["tx_errors_per_s"]),
            rate(&row["tx_dropped_per_s"]),
        ]);
    }
    table
}

fn disk(values: &Value, rates: &Value) -> Table {
    const SECTOR_BYTES: f64 = 512.0;
    let mut table = table(["device", "reads", "read", "writes", "written", "in flight", "busy"]);
    for (index, row) in items(rates).iter().enumerate() {
        let sectors = |name: &str| byte_rate(row[name].as_f64().map(|s| s * SECTOR_BYTES));
        table.add_row([
            plain(&row["device"]),
            rate(&row["reads_per_s"]),
            sectors("read_sectors_per_s"),
            rate(&row["writes_per_s"]),
            sectors("written_sectors_per_s"),
            plain(&values["in_flight"][index]),
            shown(row["io_ms_per_s"].as_f64(), |ms| format!("{:.1} %", ms / 10.0)),
        ]);
    }
    table
}

fn filesystem(values: &Value) -> Table {
    let mut table =
        table(["mount", "type", "status", "size", "used", "available", "inodes used", "mode"]);
    for (index, mount) in items(&values["mount_point"]).iter().enumerate() {
        let at = |name: &str| &values[name][index];
        let ok = at("status") == "ok";
        let number = |name: &str| at(name).as_f64().filter(|_| ok);
        let size = |blocks: Option<f64>| {
            shown(blocks.zip(number("block_size_bytes")), |(blocks, size)| bytes(blocks * size))
        };
        let inodes = number("inodes").filter(|inodes| *inodes > 0.0);
        table.add_row([
            plain(mount),
            plain(at("fs_type")),
            plain(at("status")),
            size(number("blocks")),
            size(number("blocks").zip(number("blocks_free")).map(|(all, free)| all - free)),
            size(number("blocks_available")),
            shown(inodes.zip(number("inodes_free")), |(all, free)| {
                format!("{:.0} %", 100.0 * (all - free) / all)
            }),
            if at("read_only") == true { "ro" } else { "rw" }.to_owned(),
        ]);
    }
    table
}

fn pressure(values: &Value, rates: &Value) -> Table {
    let mut table = table(["stalled", "10 s", "60 s", "300 s", "now"]);
    for (name, stall) in values.as_object().into_iter().flatten().filter(|(_, s)| s.is_object()) {
        let share =
            |field: &str| shown(stall[field].as_f64(), |share| format!("{:.2} %", share / 100.0));
        let now = rates[name]["total_us_per_s"].as_f64();
        table.add_row([
            name.replace('_', " "),
            share("avg10_hundredths"),
            share("avg60_hundredths"),
            share("avg300_hundredths"),
            shown(now, |us_per_s| format!("{:.2} %", us_per_s / 1e4)),
        ]);
    }
    table
}

fn processes(values: &Value) -> Table {
    let mut table = table(["processes", "now"]);
    for (name, count) in values.as_object().into_iter().flatten().filter(|(_, c)| c.is_u64()) {
        table.add_row([name.clone(), plain(count)]);
    }
    table
}

fn containers(values: &Value) -> Table {
    /// As engines show it.
    const SHORT_ID: usize = 12;
    let mut table =
        table(["container", "id", "image", "cpu time", "memory", "working set", "limit", "tasks"]);
    for container in items(&values["top"]) {
        let of = |name: &str| container[name].as_f64();
        // A name is whatever somebody chose.
        let word = |name: &str| {
            container[name].as_str().map_or("-".to_owned(), |word| word.escape_debug().to_string())
        };
        let id: String = word("container_id").chars().take(SHORT_ID).collect();
        table.add_row([
            word("name"),
            id,
            word("image"),
            shown(of("cpu_usage_us"), |us| format!("{:.1} s", us / 1e6)),
            shown(of("memory_bytes"), bytes),
            shown(of("working_set_bytes"), bytes),
            shown(of("memory_limit_bytes"), bytes),
            plain(&container["pids"]),
        ]);
    }
    table
}

/// Name, value and rate of each single value that is known.
fn listing(values: &Map<String, Value>, rates: &Value) -> Table {
    let mut table = table(["name", "now", "per second"]);
    for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
        let rate = rates.get(format!("{name}_per_s"));
        table.add_row([name.clone(), plain(value), rate.map_or_else(String::new, self::rate)]);
    }
    table
}

/// An empty table: the first column to the left, the others to the right.
fn table<'a>(columns: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

fn rate(value: &Value) -> String {
    shown(value.as_f64(), |per_s| format!("{per_s:.1}/s"))
}

fn byte_rate(per_s: Option<f64>) -> String {
    shown(per_s, |per_s| format!("{}/s", bytes(per_s)))
}

/// Bytes in binary units with three digits: `4.00 KiB`.
fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {}", UNITS[unit])
}
