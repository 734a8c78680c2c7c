//! What the rules on one host look back over: of each row of a table the windows that some rule asks for,
//! each once, however many rules ask for it.

use std::{collections::HashMap, sync::Arc};

use smallvec::SmallVec;

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
    key: Arc<str>,
    /// The last poll that had the row.
    seen: WallMs,
    /// One for each of the table's `specs`: beside the row, as a fleet's hosts take turns and a host's memory
    /// is far away by the time it is its turn again.
    windows: SmallVec<[Window; 2]>,
}

/// The rows of one table.
#[derive(Debug)]
struct TableMemory {
    over: Over,
    specs: Arc<[WindowSpec]>,
    /// First those of the last poll, in its order: the next one nearly always has the same ones in the same
    /// order.
    rows: Vec<Remembered>,
}

/// The tables that rules look back over.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tables: SmallVec<[TableMemory; 1]>,
}

impl Memory {
    /// Makes room for what these rules look back over. A window that was asked for before goes on as it is.
    pub(super) fn install(&mut self, rules: &RuleSet) {
        let mut before = std::mem::take(&mut self.tables);
        for windows in &rules.windows {
            let (over, specs) = (windows.over, Arc::clone(&windows.specs));
            let mut table = TableMemory { over, specs, rows: Vec::new() };
            if let Some(old) = before.iter_mut().find(|old| old.over == over) {
                table.inherit(old);
            }
            self.tables.push(table);
        }
    }

    /// Takes a poll with its rows. Of a host that is down nothing is taken.
    pub(super) fn take(&mut self, poll: &Poll<'_>, rows: Rows<'_>) {
        if poll.is_silent {
            return;
        }
        for table in &mut self.tables {
            let mut count = 0;
            for row in rows.get(table.over) {
                table.row(count, row, poll);
                count += 1;
            }
            if count > 0 {
                table.forget(poll);
            }
        }
    }

    /// What a rule's windows said of the row that came as number `number` of its table in this poll.
    pub(super) fn said(
        &self,
        over: Over,
        places: &Places,
        (number, row): (usize, RowOf<'_>),
        poll: &Poll<'_>,
    ) -> Values {
        let of = (!places.is_empty()).then(|| self.row(over, number, &row.key())).flatten();
        Self::values(places, of.filter(|row| row.seen == poll.moment.slot))
    }

    /// The same of a row by its key, as it was said last.
    pub(super) fn last(&self, over: Over, places: &Places, key: &str) -> Values {
        Self::values(places, self.row(over, 0, key))
    }

    fn row(&self, over: Over, number: usize, key: &str) -> Option<&Remembered> {
        let table = self.tables.iter().find(|table| table.over == over)?;
        table.rows.get(table.find(number, key)?)
    }

    fn values(places: &Places, row: Option<&Remembered>) -> Values {
        let value = |place: &u16| Some(row?.windows.get(usize::from(*place))?.value());
        places.iter().map(|place| value(place).unwrap_or(f64::NAN)).collect()
    }
}

/// What the windows of one rule say of one row; NaN is unknown.
pub(super) type Values = SmallVec<[f64; 8]>;

impl TableMemory {
    /// Takes the row that comes as number `number`.
    fn row(&mut self, number: usize, row: RowOf<'_>, poll: &Poll<'_>) {
        let slot = poll.moment.slot;
        let at = self.bring(number, &row.key());
        let Some(remembered) = at.and_then(|at| self.rows.get_mut(at)) else { return };
        remembered.seen = slot;
        let frame = frame(row, poll, &[]);
        for (window, spec) in remembered.windows.iter_mut().zip(self.specs.iter()) {
            window.take(slot, spec.of.value(&frame));
        }
    }

    /// Where the row of that key is, which is `number` most of the time.
    fn find(&self, number: usize, key: &str) -> Option<usize> {
        let is_it = |row: &Remembered| row.key.as_ref() == key;
        match self.rows.get(number).is_some_and(is_it) {
            true => Some(number),
            false => self.rows.iter().position(is_it),
        }
    }

    /// Brings the row of that key to that place, or says where else it is; made when it is new, unless there
    /// are too many.
    fn bring(&mut self, number: usize, key: &str) -> Option<usize> {
        let at = match self.find(number, key) {
            Some(at) => at,
            None if self.rows.len() >= MAX_ROWS => return None,
            None => {
                let windows = self.specs.iter().map(Window::new).collect();
                self.rows.push(Remembered { key: key.into(), seen: WallMs(i64::MIN), windows });
                self.rows.len() - 1
            }
        };
        if at <= number {
            return Some(at);
        }
        self.rows.swap(at, number);
        Some(number)
    }

    /// Forgets the rows that were not there for longer than any window looks back.
    fn forget(&mut self, poll: &Poll<'_>) {
        let slot = poll.moment.slot;
        if self.rows.iter().all(|row| row.seen == slot) {
            return;
        }
        let interval = u64::try_from(poll.moment.interval.as_millis()).unwrap_or(u64::MAX);
        let reach = |spec: &WindowSpec| match spec.span {
            Span::Polls(polls) => interval.saturating_mul(polls.into()),
            Span::Time(length) => length.into(),
        };
        let reach = self.specs.iter().map(reach).max().unwrap_or(0);
        self.rows.retain(|row| {
            let absent = u64::try_from(slot.0.saturating_sub(row.seen.0));
            absent.is_ok_and(|absent| absent <= reach)
        });
    }

    /// Goes on with the windows of another that are asked for here, too.
    fn inherit(&mut self, before: &mut Self) {
        let places: HashMap<u64, usize> =
            before.specs.iter().enumerate().map(|(place, spec)| (spec.id, place)).collect();
        for row in before.rows.drain(..) {
            let window = |spec: &WindowSpec| {
                let known = places.get(&spec.id).and_then(|of| row.windows.get(*of));
                known.cloned().unwrap_or_else(|| Window::new(spec))
            };
            let windows = self.specs.iter().map(window).collect();
            self.rows.push(Remembered { windows, ..row });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::judge::tests::{Bench, record, row},
        *,
    };
    use crate::model::{Column, Detail, FilesystemColumn, HostId, Record, State};

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
    fn a_row_is_known_by_its_key_in_whatever_order_rows_come_and_go() {
        let rule = "[[alert]]\nname = 'disk'\nover = 'filesystem'\n\
            when = 'max(used_pct, 2 polls) > 90'\n";
        let mut bench = Bench::new(HostId(1), rule);
        type Poll<'a> = (i64, &'a [(&'a str, f64)], &'a [&'a str]);
        let polls: [Poll<'_>; 6] = [
            (10, &[("/a", 95.0), ("/b", 50.0), ("/c", 50.0)], &["/a"]),
            (20, &[("/c", 95.0), ("/b", 50.0), ("/a", 50.0)], &["/c"]),
            // What is gone for longer than the window leaves its place to those behind it.
            (30, &[("/c", 50.0), ("/a", 95.0)], &[]),
            (70, &[("/c", 95.0), ("/a", 95.0)], &[]),
            (80, &[("/a", 50.0), ("/b", 50.0), ("/c", 50.0)], &[]),
            (120, &[("/b", 95.0), ("/a", 50.0), ("/c", 50.0)], &["/b", "/a", "/c"]),
        ];
        for (slot, of, changed) in polls {
            let row = |(mount, used): &(&str, f64)| {
                row(&[mount, "/dev/sda", "ext4", "ok"], &[(FilesystemColumn::UsedPct, *used)])
            };
            let detail = Detail { filesystems: of.iter().map(row).collect(), ..Detail::default() };
            let judged = bench.poll(&Record { detail: Some(detail), ..record(slot) });
            assert_eq!(rows(&judged), changed, "at {slot}");
        }
    }

    #[test]
    fn of_a_host_that_is_down_no_window_says_what_it_said_before() {
        let rule = "[[alert]]\nname = 'load'\nwhen = 'avg(load_1, 2 polls) > 3'\nfor = '3 polls'\n";
        let mut bench = Bench::new(HostId(1), rule);
        let mut poll = |slot, state| {
            let mut record = record(slot);
            record.values.as_mut().unwrap().set(Column::Load1, 9.0);
            bench.poll(&Record { state, ..record }).events.len()
        };
        assert_eq!([10, 20].map(|slot| poll(slot, State::Up)), [0, 0]);
        assert_eq!([30, 40].map(|slot| poll(slot, State::Down)), [0, 0]);
        assert_eq!(poll(50, State::Up), 1, "the third that is known");
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
