//! What the rules on one host look back over: of each row of a table the windows that some rule asks for,
//! each once, however many rules ask for it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    condition::{Span, WindowSpec},
    names::Over,
    rule_set::{Places, RuleSet},
    seen::{Poll, RowOf, Rows, frame},
    window::Window,
};
use crate::units::WallMs;

/// The most rows of one table that are remembered on one host.
pub const MAX_ROWS: usize = 1_000;

/// What is remembered of one row.
#[derive(Debug)]
struct Remembered {
    windows: Box<[Window]>,
    /// The last poll that had the row.
    seen: WallMs,
}

/// The rows of one table.
#[derive(Debug)]
struct TableMemory {
    over: Over,
    specs: Arc<[WindowSpec]>,
    rows: BTreeMap<Arc<str>, Remembered>,
    /// What the windows said of the poll that was taken last, row after row.
    said: Vec<f64>,
}

/// The tables that rules look back over.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tables: Vec<TableMemory>,
}

impl Memory {
    /// Makes room for what these rules look back over. A window that was asked for before goes on as it is.
    pub(super) fn install(&mut self, rules: &RuleSet) {
        let mut before = std::mem::take(&mut self.tables);
        for windows in &rules.windows {
            let (over, specs) = (windows.over, Arc::clone(&windows.specs));
            let mut table = TableMemory { over, specs, rows: BTreeMap::new(), said: Vec::new() };
            if let Some(old) = before.iter_mut().find(|old| old.over == over) {
                table.inherit(old);
            }
            self.tables.push(table);
        }
    }

    /// Takes a poll with its rows. Of a host that is down nothing is taken.
    pub(super) fn take(&mut self, poll: &Poll<'_>, rows: &Rows<'_>) {
        for table in &mut self.tables {
            table.said.clear();
            if !poll.is_silent {
                rows.get(table.over).for_each(|row| table.row(row, poll));
                if !table.said.is_empty() {
                    table.forget(poll);
                }
            }
        }
    }

    /// What a rule's windows said of the row that came as number `row` of its table.
    pub(super) fn said(&self, over: Over, places: &Places, row: usize) -> Values {
        if places.is_empty() {
            return Values::new();
        }
        let table = self.tables.iter().find(|table| table.over == over);
        let value = |place: &u16| {
            let table = table?;
            table.said.get(row * table.specs.len() + usize::from(*place)).copied()
        };
        places.iter().map(|place| value(place).unwrap_or(f64::NAN)).collect()
    }

    /// The same of a row by its key, as it was said last.
    pub(super) fn last(&self, over: Over, places: &Places, key: &str) -> Values {
        let table = self.tables.iter().find(|table| table.over == over);
        let row = table.and_then(|table| table.rows.get(key));
        let value = |place: &u16| Some(row?.windows.get(usize::from(*place))?.value());
        places.iter().map(|place| value(place).unwrap_or(f64::NAN)).collect()
    }
}

/// What the windows of one rule say of one row; NaN is unknown.
pub(super) type Values = smallvec::SmallVec<[f64; 8]>;

impl TableMemory {
    fn row(&mut self, row: RowOf<'_>, poll: &Poll<'_>) {
        let slot = poll.moment.slot;
        let is_full = self.rows.len() >= MAX_ROWS;
        let remembered = match self.rows.get_mut(row.key) {
            Some(known) => known,
            None if is_full => {
                self.said.extend(self.specs.iter().map(|_| f64::NAN));
                return;
            }
            None => {
                let windows = self.specs.iter().map(Window::new).collect();
                let new = Remembered { windows, seen: slot };
                self.rows.entry(row.key.into()).or_insert(new)
            }
        };
        remembered.seen = slot;
        let frame = frame(row, poll, &[]);
        for (window, spec) in remembered.windows.iter_mut().zip(self.specs.iter()) {
            self.said.push(window.take(slot, spec.of.value(&frame)));
        }
    }

    /// Rows that were not there for longer than any window looks back.
    fn forget(&mut self, poll: &Poll<'_>) {
        let slot = poll.moment.slot;
        if self.rows.len() * self.specs.len() == self.said.len() {
            return;
        }
        let interval = u64::try_from(poll.moment.interval.as_millis()).unwrap_or(u64::MAX);
        let reach = |spec: &WindowSpec| match spec.span {
            Span::Polls(polls) => interval.saturating_mul(polls.into()),
            Span::Time(length) => length.into(),
        };
        let reach = self.specs.iter().map(reach).max().unwrap_or(0);
        self.rows.retain(|_, row| {
            u64::try_from(slot.0.saturating_sub(row.seen.0)).is_ok_and(|absent| absent <= reach)
        });
    }

    /// Goes on with the windows of another that are asked for here, too.
    fn inherit(&mut self, before: &mut Self) {
        let places: HashMap<u64, usize> =
            before.specs.iter().enumerate().map(|(place, spec)| (spec.id, place)).collect();
        let window = |spec: &WindowSpec, row: &Remembered| {
            let known = places.get(&spec.id).and_then(|place| row.windows.get(*place));
            known.cloned().unwrap_or_else(|| Window::new(spec))
        };
        for (key, row) in std::mem::take(&mut before.rows) {
            let windows = self.specs.iter().map(|spec| window(spec, &row)).collect();
            self.rows.insert(key, Remembered { windows, seen: row.seen });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::judge::tests::{Bench, record, row},
        *,
    };
    use crate::model::{Column, Detail, FilesystemColumn, HostId, Record};

    fn filesystems(slot_s: i64, mounts: &[&str]) -> Record {
        let used = [(FilesystemColumn::UsedPct, 95.0)];
        let rows = mounts.iter().map(|mount| row(&[mount, "/dev/sda", "ext4", "ok"], &used));
        let detail = Detail { filesystems: rows.collect(), ..Detail::default() };
        Record { detail: Some(detail), ..record(slot_s) }
    }

    fn rows(judged: &super::super::Judged) -> Vec<String> {
        judged.events.iter().map(|event| event.key.row.to_string()).collect()
    }

    #[test]
    fn a_rule_that_comes_later_knows_what_another_looks_back_over() {
        let rule =
            |name| format!("[[alert]]\nname = '{name}'\nwhen = 'avg(load_1, 4 polls) > 3'\n");
        let mut bench = Bench::new(HostId(1), &rule("first"));
        let poll = |bench: &mut Bench, slot| {
            let mut record = record(slot);
            record.values.as_mut().unwrap().set(Column::Load1, 9.0);
            bench.poll(&record).events.len()
        };
        assert_eq!([10, 20].map(|slot| poll(&mut bench, slot)), [0, 1]);
        let both = format!("{}{}", rule("first"), rule("later"));
        assert_eq!(bench.install(&both).events, []);
        assert_eq!(poll(&mut bench, 30), 1, "known from its first poll on");
    }

    #[test]
    fn a_row_that_was_away_is_remembered_for_as_long_as_a_window_looks_back() {
        let rule = "[[alert]]\nname = 'disk'\nover = 'filesystem'\n\
            when = 'min(used_pct, 4 polls) > 90'\n";
        let both = ["/", "/srv"];
        for (away, told) in [(1, true), (4, true), (5, false)] {
            let mut bench = Bench::new(HostId(1), rule);
            bench.poll(&filesystems(10, &both));
            for poll in 1..=away {
                bench.poll(&filesystems(10 + poll * 10, &both[..1]));
            }
            let judged = bench.poll(&filesystems(20 + away * 10, &both));
            assert_eq!(rows(&judged) == ["/srv"], told, "{away}");
        }
    }

    #[test]
    fn rows_beyond_those_that_are_remembered_are_unknown() {
        let rule = "[[alert]]\nname = 'disk'\nover = 'filesystem'\n\
            when = 'max(used_pct, 2 polls) > 90'\n";
        let mounts: Vec<String> = (0..=MAX_ROWS).map(|n| format!("/m{n}")).collect();
        let mounts: Vec<&str> = mounts.iter().map(String::as_str).collect();
        let mut bench = Bench::new(HostId(1), rule);
        let judged = bench.poll(&filesystems(10, &mounts));
        let expected = &mounts[..MAX_ROWS];
        assert_eq!(rows(&judged), expected, "and no more alarms than there may be");
    }
}
