//! The texts of sealed history: the polls of a host and an hour as a JSON text per view, and back.
//!
//! Two forms. What is measured over a time is a whole number divided by that time: 90.07 a second are 901
//! over 10.003 s. So an hour is kept as these whole numbers, each column of it as one string of equally
//! wide fields, beside the time of each poll ([`Form::Counts`]); the views and [`decode`] divide, and
//! round to the very thousandth that was kept of the poll. A column in which a single value would not
//! come back exactly is kept in thousandths; an hour in which a value cannot be is kept as rows
//! ([`Form::Rows`]): an element per poll, `[ms after the hour, value, ...]`, or
//! `[ms after the hour, [[...], ...]]` where a poll has several rows in the view. The ledger and the
//! processes, which are others in each poll, are rows in either form.
//!
//! The views read them by position, so what is new is only ever added at an end.
//!
//! Knows no SQL, no connection, and nothing of how texts are packed.

pub(super) mod field;
mod cell;
mod rows;
mod counts;
mod counted;
mod after_hour;
mod read;

use std::sync::LazyLock;

pub(super) use self::{
    cell::Cell,
    counts::{has_ticks, is_kept_as_rows, is_of_ticks},
    read::{SealedPoll, decode, decode_samples, decode_table, read_ledger},
};
use crate::{
    model::{Column, ColumnSet, DetailTable, Family, Record},
    store::shown::{FIRST_VIEWS, Shows, VIEWS},
    units::WallMs,
};

/// How the texts of a part are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An element per poll.
    Rows,
    /// Whole numbers in columns; the times of the polls are a text of their own in front of the ledger.
    Counts,
}

impl Form {
    /// The number that says so in the table.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Rows => 0,
            Self::Counts => 1,
        }
    }

    /// The form with that number.
    pub(super) fn of(number: i64) -> Option<Self> {
        [Self::Rows, Self::Counts].into_iter().find(|form| i64::from(form.number()) == number)
    }
}

/// Fields of the ledger that a sealed poll does not have: its host, and its slot, which is in front of all.
const UNSEALED: usize = 2;

/// Number of texts: the ledger, and one for each view.
pub(super) const TEXTS: usize = 1 + VIEWS.len();

/// Whether hours that were sealed by the first version have no such text.
pub(super) const fn came_later(text: usize) -> bool {
    text > FIRST_VIEWS
}

/// The views of one row to a poll; those after them have several.
const WIDE: usize = {
    let mut wide = 0;
    while let Shows::HostWide(_) = VIEWS[wide].shows {
        wide += 1;
    }
    wide
};

/// The position of the first text with several rows to a poll.
const REPEATING: usize = 1 + WIDE;

/// The name of a text, which is that of the view that shows it: `NAME_at` is the column that says
/// where it begins.
fn name(text: usize) -> &'static str {
    match text {
        0 => "ledger",
        text => VIEWS.get(text - 1).map_or("end", |view| view.name),
    }
}

/// The position of a view's text.
pub(super) fn position_of(view: &str) -> usize {
    (0..TEXTS).find(|text| name(*text) == view).unwrap_or(TEXTS)
}

/// The columns of each text of one row to a poll.
static COLUMNS: LazyLock<Vec<Vec<Column>>> = LazyLock::new(|| {
    let families = VIEWS.iter().filter_map(|view| match view.shows {
        Shows::HostWide(families) => Some(families),
        Shows::Repeating(_) => None,
    });
    let of = |families: &[Family]| {
        let all = Column::ALL.iter().copied();
        all.filter(|column| families.contains(&column.spec().family)).collect()
    };
    families.map(of).collect()
});

/// The texts that these columns lie in, by their position.
pub(super) fn texts_of(columns: &[Column]) -> Vec<usize> {
    let wanted = |of_text: &&Vec<Column>| columns.iter().any(|c| of_text.contains(c));
    let wide = (1..).zip(&*COLUMNS).filter(|(_, of_text)| wanted(of_text));
    wide.map(|(position, _)| position).collect()
}

/// The name of a text.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    (0..TEXTS).map(name)
}

/// The position of the text with the rows of a list.
pub(super) fn text_of(table: DetailTable) -> usize {
    let is_its = |shows: &Shows| matches!(shows, Shows::Repeating(what) if what.table == table);
    VIEWS.iter().position(|view| is_its(&view.shows)).map_or(TEXTS, |position| position + 1)
}

/// The column that says where a text begins, or the last one ends.
pub(super) fn begins_at(text: usize) -> String {
    format!("{}_at", name(text))
}

/// [`encode`] in the form that was the only one before counts.
#[cfg(test)]
pub(super) fn rows(hour: WallMs, records: &[Record]) -> Vec<Texts> {
    rows::encode(hour, records)
}

/// The largest text of a part, bytes: UNCOMPRESS() gives NULL for what is larger than the server's
/// max_allowed_packet, 16 MiB by default. A single poll may be larger.
const TEXT_BYTES: usize = 4 << 20;

/// The largest part, bytes of all its texts: packed it must fit into a packet.
const PART_BYTES: usize = 8 << 20;

/// The texts of some polls of a host and an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    /// How they are written.
    pub(super) form: Form,
    /// How many polls.
    pub(super) polls: u64,
    /// The first and the last one's slot.
    pub(super) first: WallMs,
    pub(super) last: WallMs,
    /// The times of the polls; empty where they are rows.
    pub(super) times: String,
    /// A text for the ledger and for each view, by position.
    pub(super) all: [String; TEXTS],
}

/// The texts that were asked for: the ledger, and others by their position.
pub(super) struct SomeTexts {
    /// How they are written.
    pub(super) form: Form,
    pub(super) times: String,
    pub(super) ledger: String,
    pub(super) others: Vec<(usize, String)>,
}

impl Texts {
    /// Whether they are small enough for one part.
    fn fits(&self) -> bool {
        let lengths = || self.all.iter().chain([&self.times]).map(String::len);
        lengths().all(|length| length <= TEXT_BYTES) && lengths().sum::<usize>() <= PART_BYTES
    }
}

impl SomeTexts {
    /// All texts of a part of so many polls, where all were asked for.
    pub(super) fn into_texts(self, polls: u64) -> Texts {
        let mut all = <[String; TEXTS]>::default();
        all[0] = self.ledger;
        for (position, text) in self.others {
            all[position] = text;
        }
        let (first, last) = (WallMs::default(), WallMs::default());
        Texts { form: self.form, polls, first, last, times: self.times, all }
    }
}

/// Writes the polls of one hour, which are in the order of their slots: as few parts as there may be.
pub(super) fn encode(hour: WallMs, records: &[Record]) -> Vec<Texts> {
    if records.is_empty() {
        return Vec::new();
    }
    // A value that has no count: rare enough that the whole hour is kept as rows.
    let Some(texts) = counts::encode(hour, records) else { return rows::encode(hour, records) };
    if texts.fits() {
        return vec![texts];
    }
    if records.len() == 1 {
        return rows::encode(hour, records);
    }
    let (early, late) = records.split_at(records.len() / 2);
    [encode(hour, early), encode(hour, late)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Detail, HostId, Values},
        store::{packed::Packer, sample},
    };

    fn polls(count: i64) -> (WallMs, Vec<Record>) {
        let name = sample::name("web-1");
        let hour = WallMs(sample::START.0 / 3_600_000 * 3_600_000);
        let poll = |number: i64| {
            let slot = WallMs(hour.0 + number * 10_000 + 7);
            match number % 3 {
                1 => sample::failed(HostId(1), &name, slot, "\u{0}\"[$]\\ 🦀"),
                _ => sample::good(HostId(1), &name, slot),
            }
        };
        (hour, (0..count).map(poll).collect())
    }

    fn read(parts: &[Texts], hour: WallMs) -> Vec<Record> {
        let name = sample::name("web-1");
        let read = parts.iter().flat_map(|part| decode(part, hour, HostId(1), &name).unwrap());
        read.collect()
    }

    #[test]
    fn an_hour_comes_back_exactly() {
        let (hour, mut records) = polls(360);
        let values = records[0].values.as_mut().unwrap();
        values.set(Column::FileHandlesMax, 9_223_372_036_854_775_807_u64 as f64);
        records[2].values = Some(Values::default());
        records[2].detail = Some(Detail::default());
        for (form, parts) in
            [(Form::Counts, encode(hour, &records)), (Form::Rows, rows::encode(hour, &records))]
        {
            assert_eq!((parts.len(), parts[0].form), (1, form));
            assert_eq!((parts[0].first, parts[0].last), (records[0].slot, records[359].slot));
            assert_eq!(read(&parts, hour), records);
        }
        assert_eq!(encode(hour, &[]), []);
    }

    #[test]
    fn counts_are_smaller_than_rates() {
        let (hour, mut records) = polls(360);
        let name = sample::name("web-1");
        for record in records.iter_mut().filter(|record| record.values.is_some()) {
            *record = sample::measured(HostId(1), &name, record.slot);
        }
        let counts = encode(hour, &records);
        let rows = rows::encode(hour, &records);
        assert_eq!((counts.len(), counts[0].form), (1, Form::Counts));
        assert_eq!(read(&counts, hour), records);
        let bytes = |parts: &[Texts]| {
            let all = parts[0].all.iter().chain([&parts[0].times]);
            all.map(|text| Packer::hard().pack(text).unwrap().len()).sum::<usize>()
        };
        let (counts, rows) = (bytes(&counts), bytes(&rows));
        assert!(counts * 3 < rows * 2, "{counts} of {rows}");
        // Without the time nothing is known to be a count: thousandths, exact all the same.
        for record in &mut records {
            record.elapsed_ns = None;
        }
        let thousandths = encode(hour, &records);
        assert_eq!(read(&thousandths, hour), records);
        assert!(counts < bytes(&thousandths));
    }

    #[test]
    fn things_that_come_go_and_change_places_keep_their_rows() {
        let (hour, mut records) = polls(60);
        let row = |name: &str, seed: usize| sample::row(&[name], [Some(seed as f64), None]);
        for (seed, record) in records.iter_mut().enumerate() {
            let Some(detail) = &mut record.detail else { continue };
            let names: &[&str] = match seed / 6 {
                0 => &[],
                1 => &["lo", "eth0"],
                2 => &["lo", "veth1", "eth0", "veth2"],
                3 => &["veth2", "lo"],
                4 => &["eth0", "lo", "eth0"],
                5 => &["lo"],
                6 => &["b", "a"],
                7 => &["a", "b"],
                8 => &["lo", "eth0"],
                _ => &["eth0"],
            };
            detail.interfaces = names.iter().map(|name| row(name, seed)).collect();
        }
        let parts = encode(hour, &records);
        assert_eq!((parts.len(), parts[0].form), (1, Form::Counts));
        assert_eq!(read(&parts, hour), records);
    }

    #[test]
    fn an_hour_with_a_value_that_is_no_count_is_kept_as_rows() {
        let (hour, mut records) = polls(8);
        records[3].values.as_mut().unwrap().set(Column::NetRxBytesPerS, 9.3e12);
        let parts = encode(hour, &records);
        assert_eq!((parts.len(), parts[0].form), (1, Form::Rows));
        assert_eq!(read(&parts, hour), records);
    }

    #[test]
    fn a_large_hour_is_in_parts_that_unpack() {
        let (hour, mut records) = polls(40);
        for record in &mut records {
            record.error = Some("é".repeat(200_000).into());
        }
        records[7].error = Some("x".repeat(5 << 20).into());
        let parts = encode(hour, &records);
        for part in &parts {
            assert!(part.polls == 1 || part.all[0].len() <= TEXT_BYTES + 1);
        }
        let counts = |parts: &[Texts]| parts.iter().map(|part| part.polls).collect::<Vec<_>>();
        assert_eq!(counts(&parts), [5, 2, 1, 2, 10, 10, 10]);
        assert_eq!(read(&parts, hour), records);
        let rows = rows::encode(hour, &records);
        assert_eq!(counts(&rows), [7, 1, 10, 10, 10, 2]);
        assert_eq!(read(&rows, hour), records);
    }

    #[test]
    fn every_column_is_in_one_text() {
        let mut all: Vec<usize> = COLUMNS.iter().flatten().map(|column| column.index()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..Column::ALL.len()).collect::<Vec<_>>());
    }

    #[test]
    fn damage_is_an_error() {
        let (hour, records) = polls(9);
        let counts = encode(hour, &records);
        let rows = rows::encode(hour, &records);
        damaged(hour, &counts[0]);
        damaged(hour, &rows[0]);
        let name = sample::name("web-1");
        let of_other_forms = [(Form::Rows, counts[0].clone()), (Form::Counts, rows[0].clone())]
            .map(|(form, part)| Texts { form, ..part });
        assert!(of_other_forms.iter().all(|part| decode(part, hour, HostId(1), &name).is_err()));
        damaged(hour, &counts[0]);
        damaged(hour, &rows[0]);
    }

    fn damaged(hour: WallMs, part: &Texts) {
        let name = sample::name("web-1");
        let mut bad = vec![Texts { polls: 8, ..part.clone() }];
        if part.form == Form::Counts {
            bad.push(Texts { times: part.times.replacen("[", "", 1), ..part.clone() });
            bad.push(Texts { times: "[]".to_owned(), ..part.clone() });
            // A field that is cut short.
            let mut cut = part.clone();
            let end = cut.all[1].find("\"]").unwrap();
            cut.all[1].remove(end - 1);
            bad.push(cut);
        }
        for position in 0..TEXTS {
            let mut cut = part.clone();
            cut.all[position].remove(0);
            bad.push(cut);
        }
        for part in bad {
            assert!(decode(&part, hour, HostId(1), &name).is_err(), "{part:?}");
        }
    }
}
