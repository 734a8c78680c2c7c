//! The form of an hour that is not counted: a JSON array per view, an element per poll.

use std::mem;

use super::{COLUMNS, Form, PART_BYTES, REPEATING, TEXT_BYTES, TEXTS, Texts, UNSEALED};
use crate::{
    model::{Column, ColumnKind, ColumnSet, LedgerCell, Record, Row, Values},
    store::{
        detail::push_row,
        json::{push_optional, push_text},
        row,
    },
    units::WallMs,
};

/// Writes polls as rows: as few parts as there may be.
pub(super) fn encode(hour: WallMs, records: &[Record]) -> Vec<Texts> {
    let mut parts = Vec::new();
    let mut texts = Growing::default();
    for record in records {
        let before = texts.lengths();
        texts.push(hour, record);
        if texts.polls > 1 && texts.is_too_large() {
            texts.cut(before);
            parts.push(mem::take(&mut texts).end());
            texts.push(hour, record);
        }
    }
    if texts.polls > 0 {
        parts.push(texts.end());
    }
    parts
}

#[derive(Default)]
struct Growing {
    all: [String; TEXTS],
    polls: u64,
    first: WallMs,
    last: WallMs,
    /// The slot of the poll before the last.
    before: WallMs,
}

impl Growing {
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
            let [cores, softirqs, interfaces, disks, filesystems, processes, containers] =
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
            push_rows(containers, after, &detail.containers);
        }
        if self.polls == 0 {
            self.first = record.slot;
        }
        self.polls += 1;
        self.before = mem::replace(&mut self.last, record.slot);
    }

    fn end(mut self) -> Texts {
        for text in &mut self.all {
            text.push_str(if text.is_empty() { "[]" } else { "]" });
        }
        let Self { all, polls, first, last, .. } = self;
        Texts { form: Form::Rows, polls, first, last, times: String::new(), all }
    }
}

/// Begins a poll's element.
pub(super) fn begin(text: &mut String, after: i64) -> &mut String {
    text.push(if text.is_empty() { '[' } else { ',' });
    text.push('[');
    push_whole(text, Some(after));
    text
}

pub(super) fn push_whole(text: &mut String, number: Option<i64>) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = match number {
        Some(number) => write!(text, "{number}"),
        None => write!(text, "null"),
    };
}

/// The fields of the ledger after the host and the slot; the moment at which the poll was begun counts
/// from the slot.
pub(super) fn push_ledger(text: &mut String, record: &Record) {
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
pub(super) fn push_rows<C: ColumnSet>(text: &mut String, after: i64, rows: &[Row<C>]) {
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
