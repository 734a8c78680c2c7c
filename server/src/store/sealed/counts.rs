//! The form of an hour that is counted: a JSON array per view, an element for each thing that has rows in it.
//!
//! `[label, ..., begin, polls, present, field, ...]`: the thing has rows in `polls` polls from the one after
//! `begin` on, but for those where the digit of `present` is 0 (`null`: in all of them). The fields are
//! those of the view's columns, in their order ([`super::field`]); before them stands, in the views of
//! shares of CPU time, the one of ticks: what such a share was taken of, in the poll.
//!
//! Polls are counted from 1, as the times are: `[[ms after the hour, ns elapsed], ...]`.

use std::sync::Arc;

use super::{
    COLUMNS, Form, REPEATING, Texts,
    field::{self, count},
    rows::{begin, push_ledger, push_rows, push_whole},
};
use crate::{
    model::{
        ColumnKind, ColumnSet, ColumnSpec, Detail, DetailTable, Family, Record, Row, Unit, Values,
    },
    store::json::push_text,
    units::WallMs,
};

/// Ticks of a core per second, as the kernel tells them on every architecture that it still has
/// (`USER_HZ`).
pub(super) const TICKS_PER_SECOND: f64 = 100.0;

/// Ticks of which a share in percent is a count of thousandths: where none are found with which every
/// share comes back.
const TICKS_OF_THOUSANDTHS: i64 = 100_000;

/// Ticks that are more than these have counts longer than thousandths.
const MOST_TICKS: i64 = 50_000;

/// How far from the ticks of the time that passed they are looked for: so many, and one in so many.
const NEAR_TICKS: i64 = 24;
const NEAR_PART: i64 = 32;

/// Whether a column is a share of ticks.
pub(in crate::store) fn is_of_ticks(spec: &ColumnSpec) -> bool {
    spec.family == Family::Cpu && spec.unit == Unit::Percent
}

/// Whether the text with these columns has a field of ticks.
pub(in crate::store) fn has_ticks<'a>(mut specs: impl Iterator<Item = &'a ColumnSpec>) -> bool {
    specs.any(is_of_ticks)
}

/// Something that has rows: from its first poll to its last.
struct Thing<'a> {
    labels: &'a [Arc<str>],
    /// Polls before its first.
    begin: usize,
    /// Its values in each; none: it has no row there.
    polls: Vec<Option<&'a [f64]>>,
}

/// Writes polls; none when a value has no count.
pub(super) fn encode(hour: WallMs, records: &[Record]) -> Option<Texts> {
    let mut texts = Texts {
        form: Form::Counts,
        polls: u64::try_from(records.len()).ok()?,
        first: records.first()?.slot,
        last: records.last()?.slot,
        times: String::new(),
        all: Default::default(),
    };
    let [ledger, rest @ ..] = &mut texts.all;
    let (wide, repeating) = rest.split_at_mut(REPEATING - 1);
    let [cores, softirqs, interfaces, disks, filesystems, processes, containers] = repeating else {
        return None;
    };
    for record in records {
        let after = record.slot.0 - hour.0;
        push_ledger(begin(ledger, after), record);
        begin(&mut texts.times, after).push(',');
        push_whole(&mut texts.times, record.elapsed_ns.and_then(|ns| i64::try_from(ns).ok()));
        texts.times.push(']');
        if let Some(detail) = &record.detail {
            push_rows(processes, after, &detail.processes);
        }
    }
    for text in [ledger, &mut texts.times, processes] {
        text.push_str(if text.is_empty() { "[]" } else { "]" });
    }
    let over = Over::of(records);
    for (text, columns) in wide.iter_mut().zip(&*COLUMNS) {
        let columns: Vec<_> = columns.iter().map(|c| (c.index(), c.spec())).collect();
        push_things(text, &wide_thing(records), &columns, &over.host)?;
    }
    push_table(cores, records, |detail| &detail.cores, &over.core)?;
    push_table(softirqs, records, |detail| &detail.softirqs, &over.core)?;
    push_table(interfaces, records, |detail| &detail.interfaces, &over.core)?;
    push_table(disks, records, |detail| &detail.disks, &over.core)?;
    push_table(filesystems, records, |detail| &detail.filesystems, &over.core)?;
    push_table(containers, records, |detail| &detail.containers, &over.core)?;
    Some(texts)
}

/// Whether the rows of a list are written poll by poll in this form, too.
pub(in crate::store) fn is_kept_as_rows(table: DetailTable) -> bool {
    table == DetailTable::Process
}

/// What counts are divided by, poll by poll.
struct Over {
    host: Passed,
    core: Passed,
}

/// The time that passed before each poll, and how many ticks it has about.
struct Passed {
    seconds: Vec<Option<f64>>,
    ticks: Vec<Option<f64>>,
}

/// Seconds as they divide a count.
pub(super) fn seconds(elapsed_ns: Option<u64>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "half a year is exact")]
    let seconds = |ns| ns as f64 / 1e9;
    elapsed_ns.filter(|ns| *ns > 0).map(seconds)
}

impl Over {
    fn of(records: &[Record]) -> Self {
        let seconds: Vec<_> = records.iter().map(|record| seconds(record.elapsed_ns)).collect();
        let cores =
            records.iter().map(|record| record.detail.as_ref().map_or(0, |d| d.cores.len()));
        #[expect(clippy::cast_precision_loss, reason = "some cores")]
        let cores: Vec<f64> = cores.map(|cores| cores.max(1) as f64).collect();
        let of_host = seconds.iter().zip(cores);
        let of_host = of_host.map(|(s, cores)| s.map(|s| s * cores * TICKS_PER_SECOND)).collect();
        let of_core = seconds.iter().map(|s| s.map(|s| s * TICKS_PER_SECOND)).collect();
        Self {
            host: Passed { seconds: seconds.clone(), ticks: of_host },
            core: Passed { seconds, ticks: of_core },
        }
    }
}

/// The host itself, which has a row in each poll with values.
fn wide_thing(records: &[Record]) -> Vec<Thing<'_>> {
    let cells = records.iter().map(|record| record.values.as_ref().map(Values::cells));
    let mut polls: Vec<_> = cells.collect();
    let Some(begin) = polls.iter().position(Option::is_some) else { return Vec::new() };
    polls.drain(..begin);
    polls.truncate(polls.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
    vec![Thing { labels: &[], begin, polls }]
}

/// The things of a list, in an order in which each poll has them: one that is found elsewhere in a poll is
/// taken for another of the same name.
fn things<'a, C: ColumnSet>(
    records: &'a [Record],
    list: impl Fn(&'a Detail) -> &'a Vec<Row<C>>,
) -> Vec<Thing<'a>> {
    let mut all: Vec<Thing<'a>> = Vec::new();
    for (poll, record) in records.iter().enumerate() {
        let mut next = 0;
        for row in record.detail.as_ref().map_or(&[][..], |detail| list(detail)) {
            let ahead = all[next..].iter().position(|thing| *thing.labels == *row.labels);
            let at = next + ahead.unwrap_or(0);
            if ahead.is_none() {
                all.insert(at, Thing { labels: &row.labels, begin: poll, polls: Vec::new() });
            }
            let thing = &mut all[at];
            thing.polls.resize(poll - thing.begin, None);
            thing.polls.push(Some(row.values.cells()));
            next = at + 1;
        }
    }
    all
}

fn push_table<'a, C: ColumnSet>(
    text: &mut String,
    records: &'a [Record],
    list: impl Fn(&'a Detail) -> &'a Vec<Row<C>>,
    passed: &Passed,
) -> Option<()> {
    let columns: Vec<_> = C::SPECS.iter().enumerate().collect();
    push_things(text, &things(records, list), &columns, passed)
}

/// Writes a text; none when a value has no count.
fn push_things(
    text: &mut String,
    things: &[Thing<'_>],
    columns: &[(usize, &ColumnSpec)],
    passed: &Passed,
) -> Option<()> {
    let of_ticks: Vec<usize> =
        columns.iter().filter(|(_, spec)| is_of_ticks(spec)).map(|(index, _)| *index).collect();
    text.push('[');
    for (position, thing) in things.iter().enumerate() {
        text.push_str(if position == 0 { "[" } else { ",[" });
        for label in thing.labels {
            push_text(text, label);
            text.push(',');
        }
        push_window(text, thing);
        let window = thing.begin..thing.begin + thing.polls.len();
        let seconds = &passed.seconds[window.clone()];
        let mut ticks = Vec::new();
        if !of_ticks.is_empty() {
            ticks = ticks_of(thing, &of_ticks, &passed.ticks[window]);
            text.push(',');
            field::write(ColumnKind::Whole, &ticks, seconds, text).then_some(())?;
        }
        let ticks: Vec<_> = ticks.iter().map(|ticks| share_over(*ticks)).collect();
        for (index, spec) in columns {
            let cell = |cells: &Option<&[f64]>| cells.map_or(f64::NAN, |cells| cells[*index]);
            let values: Vec<f64> = thing.polls.iter().map(cell).collect();
            text.push(',');
            let over = if is_of_ticks(spec) { &ticks } else { seconds };
            field::write(spec.kind, &values, over, text).then_some(())?;
        }
        text.push(']');
    }
    text.push(']');
    Some(())
}

/// What a count of ticks is divided by to be a share in percent.
pub(super) fn share_over(ticks: f64) -> Option<f64> {
    (ticks > 0.0).then_some(ticks / TICKS_PER_SECOND)
}

/// In which polls it has rows.
fn push_window(text: &mut String, thing: &Thing<'_>) {
    let small = |number: usize| i64::try_from(number).ok();
    push_whole(text, small(thing.begin));
    text.push(',');
    push_whole(text, small(thing.polls.len()));
    if thing.polls.iter().all(Option::is_some) {
        text.push_str(",null");
        return;
    }
    text.push_str(",\"");
    text.extend(thing.polls.iter().map(|cells| if cells.is_some() { '1' } else { '0' }));
    text.push('"');
}

/// Of how many ticks the shares of each poll are; NaN where there is no share.
fn ticks_of(thing: &Thing<'_>, of_ticks: &[usize], about: &[Option<f64>]) -> Vec<f64> {
    let one = |(cells, about): (&Option<&[f64]>, &Option<f64>)| {
        let Some(cells) = cells else { return f64::NAN };
        let shares = || of_ticks.iter().map(|index| cells[*index]).filter(|share| !share.is_nan());
        if shares().next().is_none() {
            return f64::NAN;
        }
        let found = about.and_then(|about| find_ticks(about, shares));
        #[expect(clippy::cast_precision_loss, reason = "some thousand")]
        let found = found.unwrap_or(TICKS_OF_THOUSANDTHS) as f64;
        found
    };
    thing.polls.iter().zip(about).map(one).collect()
}

/// The ticks next to these with which every share comes back.
fn find_ticks<I: Iterator<Item = f64>>(about: f64, shares: impl Fn() -> I) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "what is too large is looked at")]
    let middle = ColumnKind::Whole.tidy(about) as i64;
    if !(1..=MOST_TICKS).contains(&middle) {
        return None;
    }
    let far = NEAR_TICKS + middle / NEAR_PART;
    let around = (0..=far).flat_map(|away| [middle + away, middle - away]).filter(|t| *t > 0);
    let mut around = around;
    around.find(|ticks| {
        #[expect(clippy::cast_precision_loss, reason = "some thousand")]
        let over = share_over(*ticks as f64);
        over.is_some_and(|over| shares().all(|share| count(share, 1.0, over).is_some()))
    })
}

#[cfg(test)]
pub(super) fn ticks_found(seconds: f64, shares: &[f64]) -> Option<i64> {
    find_ticks(seconds * TICKS_PER_SECOND, || shares.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Column;

    #[test]
    fn the_ticks_of_shares_are_found() {
        let share = |ticks: f64, of: f64| ColumnKind::Real.tidy(100.0 * ticks / of);
        for of in [970.0, 999.0, 1000.0, 1001.0, 1023.0] {
            let shares = [share(17.0, of), share(of - 18.0, of), share(1.0, of), 0.0];
            let found = ticks_found(10.003, &shares).unwrap();
            for value in shares {
                let over = share_over(found as f64).unwrap();
                assert!(count(value, 1.0, over).is_some(), "{value} of {found}, was {of}");
            }
        }
        assert_eq!(ticks_found(10.0, &[33.333, 12.345, 0.007]), None);
        assert_eq!(ticks_found(1e6, &[50.0]), None);
    }

    #[test]
    fn only_shares_of_cpu_time_are_of_ticks() {
        let of_ticks = Column::ALL.iter().map(|column| column.spec()).filter(|s| is_of_ticks(s));
        let names: Vec<_> = of_ticks.map(|spec| spec.name).collect();
        assert!(names.contains(&"cpu_busy_pct") && names.len() == 11, "{names:?}");
    }
}
