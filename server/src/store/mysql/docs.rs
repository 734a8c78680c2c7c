//! The texts of sealed history: the polls of a host and an hour as a JSON array per view, and back.
//!
//! One element per poll, `[ms after the hour, value, ...]`, or `[ms after the hour, [[...], ...]]` where a
//! poll has several rows in the view. `server/migrations/mysql/0024_poll_hour.sql` says how they lie in
//! their column; the views read them by position, so what is new is only ever added at an end.
//!
//! Knows no SQL and no connection.

mod read;

use std::{io, mem, sync::LazyLock};

pub(super) use self::read::{SealedPoll, decode, decode_samples, decode_table, read_ledger};
use super::packed::Packer;
use crate::{
    model::{Column, ColumnKind, ColumnSet, DetailTable, Family, LedgerCell, Record, Row, Values},
    store::{
        detail::push_row,
        json::{push_optional, push_text},
        row,
        shown::{Shows, VIEWS},
    },
    units::WallMs,
};

/// Fields of the ledger that a sealed poll does not have: its host, and its slot, which is in front of all.
const UNSEALED: usize = 2;

/// Number of texts: the ledger, and one for each view.
pub(super) const TEXTS: usize = 1 + VIEWS.len();

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

/// The columns that say where the text of a view begins and ends.
pub(super) fn columns_of(view: &str) -> (String, String) {
    let text = (0..TEXTS).find(|text| name(*text) == view).unwrap_or(TEXTS);
    (begins_at(text), begins_at(text + 1))
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

/// The texts that make polls with these columns, by their position: the ledger and more.
pub(super) fn texts_of(columns: &[Column]) -> Vec<usize> {
    let wanted = |of_text: &&Vec<Column>| columns.iter().any(|c| of_text.contains(c));
    let wide = (1..).zip(&*COLUMNS).filter(|(_, of_text)| wanted(of_text));
    [0].into_iter().chain(wide.map(|(position, _)| position)).collect()
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

/// The largest text of a part, bytes: UNCOMPRESS() gives NULL for what is larger than the server's
/// max_allowed_packet, 16 MiB by default. A single poll may be larger.
const TEXT_BYTES: usize = 4 << 20;

/// The largest part, bytes of all its texts: packed it must fit into a packet.
const PART_BYTES: usize = 8 << 20;

/// Some polls of a host and an hour, packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// How many.
    pub(super) polls: u64,
    /// The first and the last one's slot.
    pub(super) first: WallMs,
    pub(super) last: WallMs,
    /// Where each text begins in `docs`, counted from 1 as SQL does, and where the last one ends.
    pub(super) at: [u32; TEXTS + 1],
    pub(super) docs: Vec<u8>,
}

/// Packs the polls of one hour, which are in the order of their slots: as few parts as there may be.
///
/// # Errors
/// When a single poll is larger than what is unpacked.
pub(super) fn encode(hour: WallMs, records: &[Record]) -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut texts = Texts::default();
    for record in records {
        let before = texts.lengths();
        texts.push(hour, record);
        if texts.polls > 1 && texts.is_too_large() {
            texts.cut(before);
            parts.push(mem::take(&mut texts).pack()?);
            texts.push(hour, record);
        }
    }
    if texts.polls > 0 {
        parts.push(texts.pack()?);
    }
    Ok(parts)
}

#[derive(Default)]
struct Texts {
    all: [String; TEXTS],
    polls: u64,
    first: WallMs,
    last: WallMs,
    /// The slot of the poll before the last.
    before: WallMs,
}

impl Texts {
    fn lengths(&self) -> [usize; TEXTS] {
        self.all.each_ref().map(String::len)
    }

    fn is_too_large(&self) -> bool {
        let lengths = self.lengths();
        lengths.iter().any(|length| *length > TEXT_BYTES)
            || lengths.iter().sum::<usize>() > PART_BYTES
    }

    /// Takes the last poll out again.
    fn cut(&mut self, lengths: [usize; TEXTS]) {
        for (text, length) in self.all.iter_mut().zip(lengths) {
            text.truncate(length);
        }
        self.polls -= 1;
        self.last = self.before;
    }

    fn push(&mut self, hour: WallMs, record: &Record) {
        let after = record.slot.0 - hour.0;
        push_ledger(begin(&mut self.all[0], after), record);
        if let Some(values) = &record.values {
            for (text, columns) in self.all[1..REPEATING].iter_mut().zip(&*COLUMNS) {
                push_wide(begin(text, after), columns, values);
            }
        }
        if let Some(detail) = &record.detail {
            let [cores, softirqs, interfaces, disks, filesystems, processes] =
                &mut self.all[REPEATING..]
            else {
                return;
            };
            push_rows(cores, after, &detail.cores);
            push_rows(softirqs, after, &detail.softirqs);
            push_rows(interfaces, after, &detail.interfaces);
            push_rows(disks, after, &detail.disks);
            push_rows(filesystems, after, &detail.filesystems);
            push_rows(processes, after, &detail.processes);
        }
        if self.polls == 0 {
            self.first = record.slot;
        }
        self.polls += 1;
        self.before = mem::replace(&mut self.last, record.slot);
    }

    fn pack(mut self) -> io::Result<Part> {
        let mut docs = Vec::with_capacity(self.lengths().iter().sum::<usize>() / 4);
        let mut at = [1; TEXTS + 1];
        let mut packer = Packer::hard();
        for (position, text) in self.all.iter_mut().enumerate() {
            text.push_str(if text.is_empty() { "[]" } else { "]" });
            packer.append(text, &mut docs)?;
            at[position + 1] = u32::try_from(docs.len() + 1).map_err(io::Error::other)?;
        }
        Ok(Part { polls: self.polls, first: self.first, last: self.last, at, docs })
    }
}

/// Begins a poll's element.
fn begin(text: &mut String, after: i64) -> &mut String {
    text.push(if text.is_empty() { '[' } else { ',' });
    text.push('[');
    push_whole(text, Some(after));
    text
}

fn push_whole(text: &mut String, number: Option<i64>) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = match number {
        Some(number) => write!(text, "{number}"),
        None => write!(text, "null"),
    };
}

/// The fields of the ledger after the host and the slot; the moment at which the poll was begun counts
/// from the slot.
fn push_ledger(text: &mut String, record: &Record) {
    for cell in &record.ledger()[UNSEALED..] {
        text.push(',');
        match *cell {
            LedgerCell::Null => push_whole(text, None),
            LedgerCell::Whole(number) => push_whole(text, Some(number)),
            LedgerCell::Moment(at) => push_whole(text, Some(at.0 - record.slot.0)),
            LedgerCell::Text(words) => push_text(text, words),
        }
    }
    text.push(']');
}

/// Values, but for unknown ones at the end.
fn push_wide(text: &mut String, columns: &[Column], values: &Values<Column>) {
    let known = columns.iter().rposition(|column| values.get(*column).is_some());
    for column in &columns[..known.map_or(0, |last| last + 1)] {
        text.push(',');
        match (values.get(*column), column.spec().kind) {
            (Some(value), ColumnKind::Whole) => push_whole(text, row::whole(value)),
            (value, _) => push_optional(text, value),
        }
    }
    text.push(']');
}

/// The rows of a poll, if it has any.
fn push_rows<C: ColumnSet>(text: &mut String, after: i64, rows: &[Row<C>]) {
    if rows.is_empty() {
        return;
    }
    begin(text, after);
    for (position, row) in rows.iter().enumerate() {
        text.push_str(if position == 0 { ",[" } else { "," });
        push_row(text, row);
    }
    text.push_str("]]");
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;
    use crate::{
        model::{Detail, HostId},
        store::sample,
    };

    fn polls(count: i64) -> (WallMs, Vec<Record>) {
        let name = sample::name("web-1");
        let hour = super::super::moment::hour(sample::START);
        let poll = |number: i64| {
            let slot = WallMs(hour.0 + number * 10_000 + 7);
            match number % 3 {
                1 => sample::failed(HostId(1), &name, slot, "\u{0}\"[$]\\ 🦀"),
                _ => sample::good(HostId(1), &name, slot),
            }
        };
        (hour, (0..count).map(poll).collect())
    }

    fn read(parts: &[Part], hour: WallMs) -> Vec<Record> {
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
        let parts = encode(hour, &records).unwrap();
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].first, parts[0].last), (records[0].slot, records[359].slot));
        assert_eq!(read(&parts, hour), records);
        assert_eq!(encode(hour, &[]).unwrap(), []);
    }

    /// As texts were packed before libdeflate did it.
    fn packed_by_zlib(text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        let mut zlib = ZlibEncoder::new(length.to_vec(), Compression::new(6));
        zlib.write_all(text.as_bytes()).unwrap();
        zlib.finish().unwrap()
    }

    #[test]
    fn an_hour_that_zlib_packed_is_read() {
        let (hour, records) = polls(40);
        let part = encode(hour, &records).unwrap().remove(0);
        let mut former = Part { docs: Vec::new(), ..part.clone() };
        for position in 0..TEXTS {
            former.docs.extend(packed_by_zlib(&part.text(position).unwrap()));
            former.at[position + 1] = u32::try_from(former.docs.len() + 1).unwrap();
        }
        assert_ne!(former.docs, part.docs);
        assert_eq!(read(&[former], hour), records);
    }

    #[test]
    fn a_large_hour_is_in_parts_that_unpack() {
        let (hour, mut records) = polls(40);
        for record in &mut records {
            record.error = Some("é".repeat(200_000).into());
        }
        records[7].error = Some("x".repeat(5 << 20).into());
        let parts = encode(hour, &records).unwrap();
        for part in &parts {
            assert!(part.polls == 1 || part.text(0).unwrap().len() <= TEXT_BYTES + 1);
        }
        assert_eq!(parts.iter().map(|part| part.polls).collect::<Vec<_>>(), [7, 1, 10, 10, 10, 2]);
        assert_eq!(read(&parts, hour), records);
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
        let part = encode(hour, &records).unwrap().remove(0);
        let name = sample::name("web-1");
        let mut bad = vec![Part { docs: Vec::new(), ..part.clone() }];
        for position in 0..TEXTS {
            let mut at = part.at;
            at[position] += 1;
            bad.push(Part { at, ..part.clone() });
        }
        bad.push(Part { polls: 8, ..part.clone() });
        bad.push(Part { at: [0; TEXTS + 1], ..part.clone() });
        for part in bad {
            assert!(decode(&part, hour, HostId(1), &name).is_err(), "{:?}", part.at);
        }
    }
}
