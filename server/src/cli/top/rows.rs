//! What a host has several of, as its last poll told it: which tables there are, and how a room is shared
//! among them. Pure.

use serde_json::Value;

use super::fleet::clean;
use crate::{
    cli::output::{UNKNOWN, number, percent, rate},
    text::bytes,
};

/// How a value is written.
type Write = fn(Option<f64>) -> String;

/// Columns of a table: title, name of the value, how it is written.
type Cells = &'static [(&'static str, &'static str, Write)];

/// A table of what a machine has several of.
pub(super) struct Table {
    /// Where it is in the document of a poll.
    key: &'static str,
    /// What its rows are called.
    pub(super) title: &'static str,
    /// What names a row.
    name: &'static str,
    /// The first is what the rows are ordered by, greatest first.
    pub(super) cells: Cells,
}

fn size(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), bytes)
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.0}"))
}

/// Which tables there are, the most asked for first.
pub(super) const TABLES: [Table; 5] = [
    Table {
        key: "process",
        title: "PROCESS",
        name: "comm",
        cells: &[
            ("CPU", "cpu_pct", percent),
            ("MEMORY", "rss_bytes", size),
            ("THREADS", "threads", whole),
        ],
    },
    Table {
        key: "filesystem",
        title: "FILESYSTEM",
        name: "mount_point",
        cells: &[
            ("USED", "used_pct", percent),
            ("FREE", "available_bytes", size),
            ("SIZE", "size_bytes", size),
        ],
    },
    Table {
        key: "net",
        title: "INTERFACE",
        name: "interface",
        cells: &[
            ("RECEIVED", "rx_bytes_per_s", rate),
            ("SENT", "tx_bytes_per_s", rate),
            ("RX ERR/S", "rx_errors_per_s", number),
        ],
    },
    Table {
        key: "disk",
        title: "DISK",
        name: "device",
        cells: &[
            ("BUSY", "busy_pct", percent),
            ("READ", "read_bytes_per_s", rate),
            ("WRITTEN", "written_bytes_per_s", rate),
        ],
    },
    Table {
        key: "core",
        title: "CORE",
        name: "core",
        cells: &[
            ("BUSY", "busy_pct", percent),
            ("IOWAIT", "iowait_pct", percent),
            ("STEAL", "steal_pct", percent),
        ],
    },
];

/// A row: its name, and its values in the order of the table's cells.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) values: Vec<Option<f64>>,
}

/// The rows of each of [`TABLES`], in order.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) [Vec<Line>; TABLES.len()]);

impl Rows {
    /// Reads the `detail` of a host's last poll, and makes its texts safe; what is not there has no rows.
    pub(super) fn read(mut host: Value) -> Self {
        clean(&mut host);
        let detail = &host["last"]["detail"];
        Self(TABLES.each_ref().map(|table| {
            let rows = detail[table.key].as_array().map(Vec::as_slice).unwrap_or_default();
            let mut lines: Vec<Line> = rows.iter().filter_map(|row| table.line(row)).collect();
            // What is unknown comes last.
            let first = |line: &Line| line.values[0].unwrap_or(f64::NEG_INFINITY);
            lines.sort_by(|a, b| first(b).total_cmp(&first(a)).then_with(|| a.name.cmp(&b.name)));
            lines
        }))
    }

    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}

impl Table {
    fn line(&self, row: &Value) -> Option<Line> {
        let name = row[self.name].as_str()?.to_owned();
        let values = self.cells.iter().map(|(_, column, _)| row[*column].as_f64()).collect();
        Some(Line { name, values })
    }
}

/// How many rows of each table are shown where there is room for so many lines, titles included: first
/// one row of each, while there is room, then one more of each in turn.
pub(super) fn shares<const N: usize>(rows: [usize; N], room: usize) -> [usize; N] {
    let (mut shares, mut left) = ([0; N], room);
    loop {
        let before = left;
        for (share, rows) in shares.iter_mut().zip(rows) {
            let lines = if *share == 0 { 2 } else { 1 };
            if *share < rows && lines <= left {
                *share += 1;
                left -= lines;
            }
        }
        if left == before {
            return shares;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_room_is_shared_and_no_table_is_a_title_alone() {
        assert_eq!(shares([5, 5, 5], 0), [0, 0, 0]);
        assert_eq!(shares([5, 5, 5], 1), [0, 0, 0]);
        assert_eq!(shares([5, 5, 5], 5), [2, 1, 0]);
        assert_eq!(shares([5, 0, 1], 9), [5, 0, 1]);
        assert_eq!(shares([1, 2], 100), [1, 2]);
    }

    #[test]
    fn the_greatest_comes_first_and_what_is_unknown_last() {
        let disk = |name: &str, busy: Value| json!({ "device": name, "busy_pct": busy });
        let disks = [disk("a", Value::Null), disk("c", json!(3.5)), disk("b", json!(3.5))];
        let host = json!({ "last": { "detail": { "disk": disks } } });
        let Rows(tables) = Rows::read(host);
        let names: Vec<&str> = tables[3].iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["b", "c", "a"]);
        assert_eq!(tables[3][2].values, [None, None, None], "unknown is not 0");
        assert!(tables[0].is_empty());
        for none in [json!({ "last": null }), json!({ "last": { "detail": null } }), Value::Null] {
            assert!(Rows::read(none).0.iter().all(Vec::is_empty));
        }
    }
}
