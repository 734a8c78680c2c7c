//! What a host has several of, as its last poll told it: which tables there are, and how a room is shared
//! among them. Pure.

use serde_json::Value;

use super::fleet::clean;
use crate::{
    cli::output::{UNKNOWN, number, percent, rate},
    text::bytes,
};

/// What rounds to nothing.
const NOTHING: f64 = 0.05;

/// What a value is, and with it how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// Of 100, which may be too much: with a bar.
    Share,
    /// Of 100 for each core that is used.
    CoreShare,
    Bytes,
    Rate,
    Whole,
    Number,
}

impl ValueKind {
    /// The value in words.
    pub(super) fn write(self, value: Option<f64>) -> String {
        match (self, value) {
            (Self::Share | Self::CoreShare, value) => percent(value),
            (Self::Rate, value) => rate(value),
            (Self::Number, value) => number(value),
            (Self::Bytes, Some(value)) => bytes(value),
            (Self::Whole, Some(value)) => format!("{value:.0}"),
            (Self::Bytes | Self::Whole, None) => UNKNOWN.to_owned(),
        }
    }
}

/// A table of what a machine has several of.
#[derive(Debug)]
pub(super) struct Table {
    /// Where it is in the document of a poll.
    key: &'static str,
    /// What it is called among the tabs.
    pub(super) tab: &'static str,
    /// What its rows are called.
    pub(super) title: &'static str,
    /// What names a row.
    name: &'static str,
    /// Title, name of the value, what it is; the first is what the rows are ordered by, greatest first.
    pub(super) cells: &'static [(&'static str, &'static str, ValueKind)],
    /// How many of the first cells are of what is done, not of what there is: a row in which all of these
    /// are nothing is idle.
    busy: usize,
}

/// Which tables there are, the most asked for first.
pub(super) const TABLES: [Table; 5] = [
    Table {
        key: "process",
        tab: "Processes",
        title: "PROCESS",
        name: "comm",
        cells: &[
            ("CPU", "cpu_pct", ValueKind::CoreShare),
            ("MEMORY", "rss_bytes", ValueKind::Bytes),
            ("THREADS", "threads", ValueKind::Whole),
        ],
        busy: 1,
    },
    Table {
        key: "core",
        tab: "Cores",
        title: "CORE",
        name: "core",
        cells: &[
            ("BUSY", "busy_pct", ValueKind::Share),
            ("IOWAIT", "iowait_pct", ValueKind::CoreShare),
            ("STEAL", "steal_pct", ValueKind::CoreShare),
        ],
        busy: 3,
    },
    Table {
        key: "disk",
        tab: "Disks",
        title: "DISK",
        name: "device",
        cells: &[
            ("BUSY", "busy_pct", ValueKind::Share),
            ("READ", "read_bytes_per_s", ValueKind::Rate),
            ("WRITTEN", "written_bytes_per_s", ValueKind::Rate),
        ],
        busy: 3,
    },
    Table {
        key: "filesystem",
        tab: "Mounts",
        title: "FILESYSTEM",
        name: "mount_point",
        cells: &[
            ("USED", "used_pct", ValueKind::Share),
            ("FREE", "available_bytes", ValueKind::Bytes),
            ("SIZE", "size_bytes", ValueKind::Bytes),
        ],
        busy: 0,
    },
    Table {
        key: "net",
        tab: "Network",
        title: "INTERFACE",
        name: "interface",
        cells: &[
            ("RECEIVED", "rx_bytes_per_s", ValueKind::Rate),
            ("SENT", "tx_bytes_per_s", ValueKind::Rate),
            ("RX ERR/S", "rx_errors_per_s", ValueKind::Number),
        ],
        busy: 3,
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

    /// The rows of one of [`TABLES`]: those that do something, and those that are idle.
    pub(super) fn split(&self, table: usize) -> (Vec<&Line>, Vec<&Line>) {
        let busy = TABLES[table].busy;
        let is_idle = |line: &&Line| {
            busy > 0 && line.values[..busy].iter().all(|value| value.is_none_or(|v| v < NOTHING))
        };
        let (idle, others) = self.0[table].iter().partition(is_idle);
        (others, idle)
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
        let rows = Rows::read(host);
        let tables = &rows.0;
        let names: Vec<&str> = tables[2].iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["b", "c", "a"]);
        assert_eq!(tables[2][2].values, [None, None, None], "unknown is not 0");
        let names = |lines: Vec<&Line>| lines.iter().map(|l| l.name.clone()).collect::<Vec<_>>();
        let (busy, idle) = rows.split(2);
        assert_eq!(
            (names(busy), names(idle)),
            (vec!["b".to_owned(), "c".to_owned()], vec!["a".to_owned()])
        );
        assert!(tables[0].is_empty());
        for none in [json!({ "last": null }), json!({ "last": { "detail": null } }), Value::Null] {
            assert!(Rows::read(none).0.iter().all(Vec::is_empty));
        }
    }
}
