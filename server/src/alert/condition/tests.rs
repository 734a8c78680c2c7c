use proptest::prelude::*;

use super::{
    super::{compile::Compiler, names::Over, screen::tests::may_hold},
    *,
};
use crate::model::{Column, ColumnSet as _, FilesystemColumn};

fn words(labels: &Labels) -> Words<'_> {
    Words {
        state: State::Up,
        cause: None,
        outcome: Outcome::Ok,
        group: Some("db"),
        labels,
        probe_version: Some("1.10.2-rc1"),
        server_version: "1.9.0",
    }
}

fn row() -> [Arc<str>; 4] {
    ["/srv", "/dev/sda1", "ext4", "ok"].map(Arc::from)
}

/// Whether a condition over filesystems holds; columns that are not given are unknown.
fn judged(text: &str, host: &[(Column, f64)], of_row: &[(FilesystemColumn, f64)]) -> Option<bool> {
    let condition =
        Compiler::new(Over::Filesystem).condition(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    let mut cells = vec![f64::NAN; Column::ALL.len()];
    host.iter().for_each(|(column, value)| cells[column.index()] = *value);
    let mut of = [f64::NAN; 8];
    of_row.iter().for_each(|(column, value)| of[column.index()] = *value);
    let labels: Labels = [("env".to_owned(), "prod".to_owned())].into();
    let frame = Frame {
        host: &cells,
        row: &of,
        labels: &row(),
        facts: &[-2_500.0, 1.0, 0.0, 3.5 * 86_400.0],
        windows: &[7.0],
        words: &words(&labels),
    };
    let holds = condition.test.holds(&frame);
    assert!(holds != Some(true) || may_hold([&condition.test], &frame) == [0], "{text}");
    holds
}

#[test]
fn what_is_known_decides_and_what_is_not_stays_unknown() {
    use FilesystemColumn::{AvailableBytes, SizeBytes, UsedPct};
    let host = [(Column::Load1, 9.0), (Column::CpusOnline, 4.0)];
    let of_row = [(UsedPct, 91.0), (SizeBytes, 1_073_741_824.0)];
    for (text, holds) in [
        ("used_pct > 90 %", Some(true)),
        ("used_pct > 91", Some(false)),
        ("used_pct >= 91 and load_1 > 2 * cpus_online", Some(true)),
        ("90 < used_pct", Some(true)),
        ("size_bytes == 1 GiB", Some(true)),
        ("size_bytes / 2 < 600 MiB", Some(true)),
        ("-used_pct < -90", Some(true)),
        ("not used_pct < 90", Some(true)),
        ("used_pct + 5 > 95", Some(true)),
        ("100 - used_pct < 10 %", Some(true)),
        // Unknown.
        ("available_bytes < 1 GiB", None),
        ("available_bytes < 1 GiB and used_pct < 5", Some(false)),
        ("available_bytes < 1 GiB and used_pct > 5", None),
        ("available_bytes < 1 GiB or used_pct > 5", Some(true)),
        ("available_bytes < 1 GiB or used_pct < 5", None),
        ("not available_bytes < 1 GiB", None),
        ("available_bytes == available_bytes", None),
        ("available_bytes / size_bytes * 100 < 10", None),
        ("used_pct / (load_1 - 9) > 1", None),
        // Facts.
        ("abs(clock_skew_ms) > 2 s", Some(true)),
        ("clock_skew_ms > 2 s", Some(false)),
        ("certificate_left_s < 4 d and certificate_left_s > 84 h", Some(false)),
        ("certificate_left_s < 14 d", Some(true)),
        ("reboot and not flapping", Some(true)),
        ("state == 'up' and group != 'web'", Some(true)),
        ("label.env == \"prod\" and label.site == ''", Some(true)),
        ("mount_point == '/srv' and status == 'ok'", Some(true)),
        ("probe_version < '1.11' and probe_version >= '1.9.9'", Some(true)),
        ("probe_version < server_version", Some(false)),
        ("avg(load_1, 5 polls) > 6", Some(true)),
        ("cause == ''", Some(true)),
        // What binds how.
        ("used_pct > 90 or used_pct > 99 and used_pct > 99", Some(true)),
        ("(used_pct > 90 or used_pct > 99) and used_pct > 99", Some(false)),
        ("not used_pct > 99 and used_pct > 99", Some(false)),
        ("2 + 3 * load_1 == 29", Some(true)),
        ("(2 + 3) * load_1 == 45", Some(true)),
        ("20 - load_1 - 1 == 10", Some(true)),
        ("36 / load_1 / 2 == 2", Some(true)),
    ] {
        assert_eq!(judged(text, &host, &of_row), holds, "{text}");
    }
    assert_eq!(judged("available_bytes < 1 GiB", &[], &[(AvailableBytes, 5.0)]), Some(true));
    // Nothing is known: what is about values is unknown.
    assert_eq!(judged("used_pct > 90 or load_1 > 1", &[], &[]), None);
}

#[test]
fn times_are_compared_in_one_unit() {
    let holds = |text: &str| {
        let condition = Compiler::new(Over::Disk).condition(text).unwrap();
        let labels = Labels::new();
        let mut of = [f64::NAN; 17];
        of[crate::model::DiskColumn::ReadAwaitMs.index()] = 1_500.0;
        let mut cells = vec![f64::NAN; Column::ALL.len()];
        cells[Column::ProbeCollectUs.index()] = 2_000.0;
        cells[Column::UptimeS.index()] = 7_200.0;
        let frame = Frame {
            host: &cells,
            row: &of,
            labels: &[],
            facts: &[f64::NAN; Number::COUNT],
            windows: &[],
            words: &words(&labels),
        };
        condition.test.holds(&frame)
    };
    for text in [
        "read_await_ms > 1 s",
        "read_await_ms > 1400",
        "1 s < read_await_ms",
        "probe_collect_us == 2 ms",
        "uptime_s == 2 h",
        "read_await_ms > probe_collect_us",
        "probe_collect_us < read_await_ms",
        "read_await_ms - probe_collect_us == 1498 ms",
        "read_await_ms / probe_collect_us == 750",
        "uptime_s / read_await_ms == 4800",
    ] {
        assert_eq!(holds(text), Some(true), "{text}");
    }
}

#[test]
fn the_first_number_is_shown_with_what_it_is_compared_with() {
    let read = |text: &str| {
        let read = Compiler::new(Over::Filesystem).condition(text).unwrap();
        (read.value.map(|value| value.num), read.threshold)
    };
    let used = Num::Row(FilesystemColumn::UsedPct.index());
    assert_eq!(read("used_pct > 90 and full_in < 1 d"), (Some(used.clone()), Some(90.0)));
    assert_eq!(read("90 < used_pct"), (Some(used.clone()), Some(90.0)));
    assert_eq!(read("state == 'up' or not (used_pct > 2 * load_1)").0, Some(used));
    assert_eq!(read("state == 'down'"), (None, None));
}

/// A condition as a tree of its own, and how it is evaluated without any of what makes it fast.
#[derive(Debug, Clone)]
pub(crate) enum Naive {
    Compared(u8, f64, &'static str),
    Both(Box<Naive>, Box<Naive>),
    Either(Box<Naive>, Box<Naive>),
    Not(Box<Naive>),
}

impl Naive {
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Compared(column, number, sign) => {
                format!("{} {sign} {number}", COLUMNS[usize::from(*column)].0)
            }
            Self::Both(a, b) => format!("({}) and {}", a.written(), b.in_brackets()),
            Self::Either(a, b) => format!("{} or {}", a.written(), b.written()),
            Self::Not(a) => format!("not {}", a.in_brackets()),
        }
    }

    fn in_brackets(&self) -> String {
        format!("({})", self.written())
    }

    pub(crate) fn holds(&self, values: &[Option<f64>]) -> Option<bool> {
        match self {
            Self::Compared(column, number, sign) => {
                let value = values[usize::from(*column)]?;
                Some(match *sign {
                    ">" => value > *number,
                    ">=" => value >= *number,
                    "<" => value < *number,
                    "<=" => value <= *number,
                    "==" => value == *number,
                    _ => value != *number,
                })
            }
            Self::Both(a, b) => match (a.holds(values), b.holds(values)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Either(a, b) => match (a.holds(values), b.holds(values)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(a) => a.holds(values).map(|holds| !holds),
        }
    }
}

/// What it compares.
pub(crate) const COLUMNS: [(&str, Column); 4] = [
    ("load_1", Column::Load1),
    ("load_5", Column::Load5),
    ("cpus_online", Column::CpusOnline),
    ("mem_total_bytes", Column::MemTotalBytes),
];

pub(crate) fn naive() -> impl Strategy<Value = Naive> {
    let sign = prop_oneof![Just(">"), Just(">="), Just("<"), Just("<="), Just("=="), Just("!=")];
    let leaf = (0_u8..4, 0_u8..5, sign).prop_map(|(c, n, s)| Naive::Compared(c, n.into(), s));
    leaf.prop_recursive(5, 24, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| Naive::Both(a.into(), b.into())),
            two.prop_map(|(a, b)| Naive::Either(a.into(), b.into())),
            inner.prop_map(|a| Naive::Not(a.into())),
        ]
    })
}

/// What is known of each of [`COLUMNS`].
pub(crate) fn values() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec(prop::option::of((0_u8..5).prop_map(f64::from)), COLUMNS.len())
}

proptest! {
    #[test]
    fn it_says_what_a_naive_evaluator_says(
        condition in naive(),
        values in values(),
    ) {
        let text = condition.written();
        let read = match Compiler::new(Over::Host).condition(&text) {
            Ok(read) => read,
            // Deeper or longer than may be.
            Err(fault) => {
                prop_assert!(fault.message.contains("at most"), "{fault:?}");
                return Ok(());
            }
        };
        let mut cells = vec![f64::NAN; Column::ALL.len()];
        for ((_, column), value) in COLUMNS.iter().zip(&values) {
            cells[column.index()] = value.unwrap_or(f64::NAN);
        }
        let labels = Labels::new();
        let frame = Frame {
            host: &cells,
            row: &[],
            labels: &[],
            facts: &[f64::NAN; Number::COUNT],
            windows: &[],
            words: &words(&labels),
        };
        let holds = condition.holds(&values);
        prop_assert_eq!(read.test.holds(&frame), holds, "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_at_one_of_its_characters(text in "[ -~äµ]{0,60}|([a-z_]{1,9}|[0-9.]{1,3}|[ ()<>=!+*/%,'-]|and|or|not|used_pct|load_1){0,30}") {
        if let Err(fault) = Compiler::new(Over::Filesystem).condition(&text) {
            prop_assert!(text.is_char_boundary(fault.at), "{fault:?}");
        }
    }
}
