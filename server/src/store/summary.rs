//! A day of a host in points of five minutes: of each value the least, the mean and the most.
//!
//! A day is a document per view over polls (`shown`): `head length | head | column | column | ...`, each
//! packed (`packed`) by itself, so that a chart of one column unpacks that column. The length is four
//! bytes, little-endian. The head says which points there are:
//!
//! `[polls, failed, [bytes, ...], [key, begin, points, rows], ...]`
//!
//! `polls` and `failed` are fields of [`super::sealed::field`], a place for each point of the day. `bytes` is
//! how long each packed column is, in the order of the view's columns; 0: nothing is known in that day. Then
//! follow the things that have rows: what each is known by ("" for the host itself), from the point after
//! `begin` on so many points, and a field with the rows that it has in each.
//!
//! A column is `[thing, ...]` in the order of the head: `null`, or `[least, mean, most, rows]`, four fields with
//! a place for each of its points. The least is as it is, the mean and the most are how much they are above
//! it: a value that stays as it is costs one number. `rows` is how many of them had a value; `null`: all.
//!
//! What is new (a column, a view) is only ever added at an end. Knows no SQL and no connection.

mod thing;
mod write;
mod sum;
mod read;

use std::{sync::Arc, time::Duration};

pub(super) use self::read::{read_host_wide, read_rows};
pub use self::{read::RowBuckets, sum::DaySum};
use super::{
    Span,
    shown::{Shows, VIEWS},
};
use crate::{
    model::{Column, ColumnSet, DAY_MS, DetailTable, HostId},
    rollup::SUMMARY_STEP,
    units::WallMs,
};

/// Rows of one list that a day's summary tells apart, beginning with those that are there first: what is
/// gathered of them is in memory at once. Further ones are in polls alone.
pub(super) const MAX_SUMMARY_ROWS: usize = 512;

/// Points of a day.
const POINTS: usize = 288;
const _: () = assert!(POINTS as u128 * SUMMARY_STEP.as_millis() == DAY_MS as u128);

/// A day.
pub(super) const DAY: Duration = Duration::from_millis(DAY_MS.unsigned_abs());

/// The lists that have summaries: what a process is called is known in polls alone.
const LISTS: [DetailTable; 6] = [
    DetailTable::Core,
    DetailTable::Softirq,
    DetailTable::Net,
    DetailTable::Disk,
    DetailTable::Filesystem,
    DetailTable::Container,
];

/// Whether what repeats in this list has summaries.
#[must_use]
pub fn has_summaries(table: DetailTable) -> bool {
    LISTS.contains(&table)
}

/// A summary made ready to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DaySummary {
    /// The host.
    pub host: HostId,
    /// When the day begins, in UTC.
    pub day: WallMs,
    /// Polls that it was made of.
    pub polls: u64,
    /// A document for each view, by the view's name.
    pub views: Vec<(&'static str, Vec<u8>)>,
}

/// Values of a list over time that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsAsk {
    /// The host.
    pub host: HostId,
    /// The list.
    pub table: DetailTable,
    /// What the row is known by; none: all rows.
    pub row: Option<Arc<str>>,
    /// Positions of its columns in [`DetailTable::specs`].
    pub columns: Arc<[usize]>,
    /// Points that begin in it.
    pub span: Span,
    /// How long a bucket is: a multiple of [`SUMMARY_STEP`]. Buckets begin at its multiples since 1970.
    pub step: Duration,
}

/// The view whose document is there whenever a day has a summary.
pub(super) const FIRST_VIEW: &str = VIEWS[0].name;

/// The view with the rows of a list.
pub(super) fn view_of(table: DetailTable) -> &'static str {
    let is_its = |shows: &Shows| matches!(shows, Shows::Repeating(what) if what.table == table);
    VIEWS.iter().find(|view| is_its(&view.shows)).map_or("", |view| view.name)
}

/// The views of one row to a poll with their columns.
fn host_wide() -> impl Iterator<Item = (&'static str, Vec<Column>)> {
    VIEWS.iter().filter_map(|view| match view.shows {
        Shows::HostWide(families) => {
            let all = Column::ALL.iter().copied();
            let of = |column: &Column| families.contains(&column.spec().family);
            Some((view.name, all.filter(of).collect()))
        }
        Shows::Repeating(_) => None,
    })
}

/// Columns that are asked for, by the view that they lie in: their places in the question and in the view.
/// Of no column, that view which is always there.
pub(super) fn views_of(columns: &[Column]) -> Vec<(&'static str, Vec<(usize, usize)>)> {
    let mut all: Vec<_> = host_wide()
        .map(|(view, of_view)| {
            let place = |column: &Column| of_view.iter().position(|other| other == column);
            let asked = columns.iter().enumerate();
            (view, asked.filter_map(|(at, column)| Some((at, place(column)?))).collect::<Vec<_>>())
        })
        .filter(|(_, places)| !places.is_empty())
        .collect();
    if all.is_empty() {
        all.push((FIRST_VIEW, Vec::new()));
    }
    all
}

/// The stretches of a span that lie in none of these days, which are in their order.
#[must_use]
pub fn summary_gaps(span: Span, days: &[WallMs]) -> Vec<Span> {
    let mut gaps = Vec::new();
    let mut from = span.from;
    for day in days {
        if *day > from {
            gaps.push(Span { from, to: (*day).min(span.to) });
        }
        from = from.max(day.plus(DAY));
    }
    gaps.push(Span { from, to: span.to });
    gaps.retain(|gap| !gap.is_empty());
    gaps
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{DiskColumn, Outcome, Record, Stat},
        store::{Buckets, SeriesAsk, packed::Packer, sample},
    };

    const HOST: HostId = HostId(7);
    const WHOLE_DAY: Span = Span { from: WallMs(0), to: WallMs(DAY_MS) };

    /// A poll of the first day, so many seconds after its begin.
    fn poll(second: i64) -> Record {
        sample::good(HOST, &sample::name("a"), WallMs(second * 1_000))
    }

    fn summary(polls: &[Record]) -> DaySummary {
        let mut sum = DaySum::new(HOST, WallMs(0));
        polls.iter().for_each(|poll| sum.add(poll));
        sum.summary().unwrap()
    }

    fn doc<'a>(summary: &'a DaySummary, view: &str) -> &'a [u8] {
        &summary.views.iter().find(|(name, _)| *name == view).unwrap().1
    }

    fn ask(columns: &[Column], step: Duration) -> SeriesAsk {
        let tier = crate::rollup::Tier::FiveMinutes;
        SeriesAsk { host: HOST, columns: columns.into(), span: WHOLE_DAY, step, tier }
    }

    fn rows_ask(table: DetailTable, columns: &[usize]) -> RowsAsk {
        let (span, step, row) = (WHOLE_DAY, SUMMARY_STEP, None);
        RowsAsk { host: HOST, table, row, columns: columns.into(), span, step }
    }

    /// To a thousandth; in a day with values that are too large for thousandths, to one.
    fn same(found: &Stat, expected: &Stat, has_large: bool) -> bool {
        let most = if has_large { 0.501 } else { 0.000_501 };
        let near = |a: f64, b: f64| (a - b).abs() <= most + b.abs() * 1e-12;
        let means = [found, expected].map(|stat| stat.sum / f64::from(stat.count.max(1)));
        found.count == expected.count
            && (found.count == 0
                || near(means[0], means[1])
                    && near(found.min, expected.min)
                    && near(found.max, expected.max))
    }

    const COLUMNS: [Column; 4] =
        [Column::CpuBusyPct, Column::MemFreeBytes, Column::NetRxBytesPerS, Column::FileHandlesMax];

    /// Polls at any moments of a day with any values, and a disk that is there in some of them.
    fn any_polls() -> impl Strategy<Value = Vec<Record>> {
        let value = || {
            prop::option::weighted(
                0.9,
                prop_oneof![0_u64..200, 0_u64..1 << 40, Just(u64::MAX >> 1)],
            )
        };
        let row =
            (0_i64..86_400, prop::array::uniform4(value()), prop::option::of(value()), 0_u8..9);
        prop::collection::vec(row, 1..60).prop_map(|mut all| {
            all.sort_by_key(|(second, ..)| *second);
            let one = |(second, values, disk, outcome): (
                i64,
                [Option<u64>; 4],
                Option<Option<u64>>,
                u8,
            )| {
                let mut record = poll(second);
                #[expect(clippy::cast_precision_loss, reason = "any number will do")]
                let real = |value: u64| value as f64 / 7.0;
                let of = record.values.as_mut().unwrap();
                for (column, value) in COLUMNS.into_iter().zip(values) {
                    of.set(column, value.map(real));
                }
                let rows = disk.map(|value| sample::row(&["sda \"1\""], [value.map(real)]));
                record.detail.as_mut().unwrap().disks = rows.into_iter().collect();
                match outcome {
                    0 => Record { outcome: Outcome::Overrun, values: None, detail: None, ..record },
                    1 => sample::failed(HOST, &sample::name("a"), record.slot, "x"),
                    _ => record,
                }
            };
            all.into_iter().map(one).collect()
        })
    }

    proptest! {
        #[test]
        fn every_point_comes_back(polls in any_polls(), points in 1_u32..40) {
            let summary = summary(&polls);
            prop_assert_eq!(summary.polls, u64::try_from(polls.len()).unwrap());
            let ask = ask(&COLUMNS, SUMMARY_STEP * points);
            let mut expected = Buckets::new(&ask);
            let mut found = Buckets::new(&ask);
            for poll in &polls {
                let (slot, outcome, values) = (poll.slot, poll.outcome, poll.values.clone());
                let (state, elapsed_ns) = (poll.state, poll.elapsed_ns);
                let sample =
                    crate::store::Sample { slot, outcome, state, elapsed_ns, values };
                expected.add(&sample);
            }
            for (number, (view, places)) in views_of(&COLUMNS).into_iter().enumerate() {
                let of = (WallMs(0), doc(&summary, view));
                read_host_wide(of, &ask, &places, number == 0, &mut found).unwrap();
            }
            let (found, expected) = (found.into_vec(), expected.into_vec());
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(
                    (found.start, found.polls, found.failed),
                    (expected.start, expected.polls, expected.failed)
                );
                for (place, (found, expected)) in found.stats.iter().zip(&expected.stats).enumerate() {
                    let value = |poll: &Record| poll.values.as_ref()?.get(COLUMNS[place]);
                    let is_large = polls.iter().filter_map(value).any(|value| value > 9e12);
                    prop_assert!(same(found, expected, is_large), "{:?} {:?}", found, expected);
                }
            }
            let place = DiskColumn::ALL[0].index();
            let mut rows: BTreeMap<WallMs, Stat> = BTreeMap::new();
            for poll in polls.iter().filter(|poll| poll.detail.is_some()) {
                for (_, cells) in poll.detail.as_ref().unwrap().rows(DetailTable::Disk) {
                    let stat = rows.entry(WallMs(poll.slot.0 / 300_000 * 300_000)).or_default();
                    (!cells[place].is_nan()).then(|| stat.add(cells[place]));
                }
            }
            let mut found = RowBuckets::default();
            let of = (WallMs(0), doc(&summary, "disk_info"));
            read_rows(of, &rows_ask(DetailTable::Disk, &[place]), &mut found).unwrap();
            let found = found.rows.remove("sda \"1\"").unwrap_or_default();
            prop_assert!(found.keys().eq(rows.keys()));
            for (found, expected) in found.values().zip(rows.values()) {
                prop_assert!(same(&found[0], expected, false), "{:?} {:?}", found, expected);
            }
        }
    }

    #[test]
    fn rows_beyond_the_limit_are_left_out_of_a_summary() {
        let mut record = poll(9);
        let names = 0..MAX_SUMMARY_ROWS + 3;
        let rows = names.map(|n| sample::row(&[&n.to_string()], [Some(1.0)]));
        record.detail.as_mut().unwrap().cores = rows.collect();
        let summary = summary(&[record]);
        let mut found = RowBuckets::default();
        let of = (WallMs(0), doc(&summary, "cpu_stat"));
        read_rows(of, &rows_ask(DetailTable::Core, &[0]), &mut found).unwrap();
        assert_eq!(found.rows.len(), MAX_SUMMARY_ROWS);
        assert!(found.rows.contains_key("511") && !found.rows.contains_key("512"));
    }

    /// A container a second, of which nothing is known but its id, leaves nothing behind.
    #[test]
    fn containers_without_a_name_have_no_summary() {
        let mut record = poll(9);
        let row = |name: &str, id: &str| sample::row(&[name, id, "", ""], [Some(1.0)]);
        record.detail.as_mut().unwrap().containers = vec![
            row("api", "0123456789ab"),
            row("0123456789ac", "0123456789ac"),
            row("(other)", ""),
        ];
        let summary = summary(&[record]);
        let mut found = RowBuckets::default();
        let of = (WallMs(0), doc(&summary, "container"));
        read_rows(of, &rows_ask(DetailTable::Container, &[0]), &mut found).unwrap();
        let names: BTreeSet<&str> = found.rows.keys().map(AsRef::as_ref).collect();
        assert_eq!(names, ["(other)", "api"].into());
    }

    #[test]
    fn a_column_that_is_newer_than_the_document_is_unknown() {
        let document = document(r#"[[0,0,1,1],null,[],["sda",0,1,[0,1,1,1]]]"#, &[]);
        let mut found = RowBuckets::default();
        read_rows((WallMs(0), &document), &rows_ask(DetailTable::Disk, &[3]), &mut found).unwrap();
        assert_eq!(found.rows["sda"][&WallMs(0)][0], Stat::default());
    }

    fn document(head: &str, columns: &[&str]) -> Vec<u8> {
        let mut packer = Packer::hard();
        let head = packer.pack(head).unwrap();
        let mut document = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
        document.extend(head);
        columns.iter().for_each(|text| packer.append(text, &mut document).unwrap());
        document
    }

    /// What nobody wrote takes neither memory nor time that is not there.
    #[test]
    fn a_damaged_document_is_an_error() {
        let read = |document: &[u8]| {
            let ask = rows_ask(DetailTable::Disk, &[0]);
            read_rows((WallMs(0), document), &ask, &mut RowBuckets::default())
        };
        let column = r#"[[[0,1,1,1000],[0,0,1,1000],[0,0,1,1000],null]]"#;
        let bytes = Packer::hard().pack(column).unwrap().len();
        let head = |thing: &str| format!("[[0,1,1,1],null,[{bytes}],{thing}]");
        let good = document(&head(r#"["sda",0,9,[0,1,1,1]]"#), &[column]);
        read(&good).unwrap();
        for thing in [
            r#"["sda",0,289,[0,1,1,1]]"#,
            r#"["sda",288,1,[0,1,1,1]]"#,
            r#"["sda",18446744073709551615,1,[0,1,1,1]]"#,
            r#"["sda",-1,1,[0,1,1,1]]"#,
            r#"["sda",0,9,[2,1,1,1,"1"]]"#,
            r#"["sda",0,9,[1,1,1,1,"111"]]"#,
            r#"["sda",0,9]"#,
            r#"[7,0,9,null]"#,
            "7",
        ] {
            assert!(read(&document(&head(thing), &[column])).is_err(), "{thing}");
        }
        let many = vec![r#"["sda",0,1,[0,1,1,1]]"#; MAX_SUMMARY_ROWS + 1].join(",");
        assert!(read(&document(&head(&many), &[column])).is_err());
        for bad in [&good[..3], &good[..9], &good[..good.len() - 1], &[9; 40]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        for length in ["18446744073709551615", "9223372036854775807", "-1", "1"] {
            let head = format!(r#"[[0,1,1,1],null,[{length}],["sda",0,9,[0,1,1,1]]]"#);
            assert!(read(&document(&head, &[column])).is_err(), "{length}");
        }
        for text in ["[[[1,1,1,1000,\"x\"],null,null]]", "[7]", "[[1,2,3,4]]", "{}"] {
            let bytes = Packer::hard().pack(text).unwrap().len();
            let head = format!(r#"[[0,1,1,1],null,[{bytes}],["sda",0,9,[0,1,1,1]]]"#);
            assert!(read(&document(&head, &[text])).is_err(), "{text}");
        }
    }

    #[test]
    fn gaps_are_what_lies_in_no_day() {
        let day = |number: i64| WallMs(number * DAY_MS);
        let span = |from: i64, to: i64| Span { from: WallMs(from), to: WallMs(to) };
        let all = span(5, 4 * DAY_MS + 7);
        for (days, expected) in [
            (vec![], vec![all]),
            (vec![day(0)], vec![span(DAY_MS, all.to.0)]),
            (vec![day(1), day(2)], vec![span(5, DAY_MS), span(3 * DAY_MS, all.to.0)]),
            (vec![day(1), day(3), day(4)], vec![span(5, DAY_MS), span(2 * DAY_MS, 3 * DAY_MS)]),
            (vec![day(0), day(1), day(2), day(3), day(4)], vec![]),
        ] {
            assert_eq!(summary_gaps(all, &days), expected, "{days:?}");
        }
    }
}
