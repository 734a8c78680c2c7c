//! Texts of counts read back.

use std::{io, sync::Arc};

use super::{
    cell::Cell,
    counts::{has_ticks, is_of_ticks, seconds, share_over},
    field::{Field, bad},
    name,
};
use crate::model::{Column, ColumnSet, ColumnSpec, Row, RowLabels, Values};

/// The times of the polls of a part.
pub(super) struct Times {
    /// How long before each the one was from which its rates are taken, seconds.
    seconds: Vec<Option<f64>>,
}

impl Times {
    pub(super) fn parse(text: &str) -> io::Result<Self> {
        let all: Vec<(i64, Option<u64>)> = serde_json::from_str(text).map_err(io::Error::other)?;
        Ok(Self { seconds: all.into_iter().map(|(_, elapsed)| seconds(elapsed)).collect() })
    }

    pub(super) fn polls(&self) -> usize {
        self.seconds.len()
    }
}

/// Gives each value of a text with one row to a poll, by the place of the poll.
///
/// # Errors
/// When the text is damaged, and what `take` says.
pub(super) fn each_value(
    text: (usize, &str),
    columns: &[Column],
    times: &Times,
    mut take: impl FnMut(usize, Column, Option<f64>) -> io::Result<()>,
) -> io::Result<()> {
    let has_ticks = has_ticks(columns.iter().map(|column| column.spec()));
    for thing in parse(text)? {
        let thing = Thing::of(&thing, 0, has_ticks, times)?;
        for (column, field) in columns.iter().zip(thing.fields) {
            let Some(field) = field.field()? else { continue };
            for place in 0..thing.polls {
                let value = thing.value(&field, column.spec(), place, times)?;
                if value.is_some() {
                    take(thing.begin + place, *column, value)?;
                }
            }
        }
    }
    Ok(())
}

/// Gives each row of a text, by the place of the poll; the rows of a poll in their order.
///
/// # Errors
/// When the text is damaged, and what `take` says.
pub(super) fn each_row<C: ColumnSet>(
    text: (usize, &str),
    times: &Times,
    mut take: impl FnMut(usize, Row<C>) -> io::Result<()>,
) -> io::Result<()> {
    let has_ticks = has_ticks(C::SPECS.iter());
    for cells in parse(text)? {
        let thing = Thing::of(&cells, C::LABELS.len(), has_ticks, times)?;
        let labels = cells[..C::LABELS.len()].iter().map(|cell| cell.text().map(Arc::from));
        let labels: RowLabels = labels.collect::<io::Result<_>>()?;
        let mut rows = vec![Values::<C>::default(); thing.polls];
        for (column, field) in C::ALL.iter().zip(thing.fields) {
            let Some(field) = field.field()? else { continue };
            for (place, row) in rows.iter_mut().enumerate() {
                row.set(*column, thing.value(&field, column.spec(), place, times)?);
            }
        }
        for (place, values) in rows.into_iter().enumerate() {
            if thing.has(place) {
                take(thing.begin + place, Row { labels: labels.clone(), values })?;
            }
        }
    }
    Ok(())
}

/// Something that has rows, as it is read.
struct Thing<'a> {
    begin: usize,
    polls: usize,
    present: Option<&'a [u8]>,
    ticks: Option<Field<'a>>,
    fields: &'a [Cell<'a>],
}

impl<'a> Thing<'a> {
    fn of(
        cells: &'a [Cell<'a>],
        labels: usize,
        has_ticks: bool,
        times: &Times,
    ) -> io::Result<Self> {
        let [begin, polls, present, fields @ ..] = cells.get(labels..).unwrap_or_default() else {
            return Err(bad("a row of counts"));
        };
        let (ticks, fields) = match fields {
            [ticks, fields @ ..] if has_ticks => (ticks.field()?, fields),
            fields => (None, fields),
        };
        let present = match present {
            Cell::Null => None,
            digits => Some(digits.text()?.as_bytes()),
        };
        let thing = Self { begin: begin.small()?, polls: polls.small()?, present, ticks, fields };
        let is_whole = thing.present.is_none_or(|digits| digits.len() == thing.polls);
        let end = thing.begin.checked_add(thing.polls);
        let is_within = end.is_some_and(|end| end <= times.polls());
        if is_whole && is_within { Ok(thing) } else { Err(bad("a number of polls")) }
    }

    fn has(&self, place: usize) -> bool {
        self.present.is_none_or(|digits| digits[place] == b'1')
    }

    /// A value in the poll with that place among its own.
    fn value(
        &self,
        field: &Field<'_>,
        spec: &ColumnSpec,
        place: usize,
        times: &Times,
    ) -> io::Result<Option<f64>> {
        let poll = self.begin + place;
        let over = match is_of_ticks(spec) {
            false => *times.seconds.get(poll).ok_or_else(|| bad("a poll without a time"))?,
            true => {
                let ticks = self.ticks.as_ref().map(|ticks| ticks.value(place, None));
                let ticks = ticks.transpose().map_err(|()| bad("ticks"))?.flatten();
                ticks.and_then(share_over)
            }
        };
        field.value(place, over).map_err(|()| bad("a field"))
    }
}

fn parse((position, text): (usize, &str)) -> io::Result<Vec<Vec<Cell<'_>>>> {
    let told = |error| io::Error::other(format!("{}: {error}", name(position)));
    serde_json::from_str(text).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DiskColumn, SoftirqColumn};

    /// What nobody wrote takes neither memory nor time that is not there.
    #[test]
    fn more_polls_than_there_are_and_wider_fields_than_their_text_are_errors() {
        let times = Times::parse("[[7,1000000000]]").unwrap();
        let rows = |text: &str| each_row::<SoftirqColumn>((10, text), &times, |_, _| Ok(()));
        rows(r#"[["0",0,1,null,[1,0,1,1000,"5"]]]"#).unwrap();
        for bad in [
            r#"[["0",0,1000000000000000000,null]]"#,
            r#"[["0",18446744073709551615,1,null]]"#,
            r#"[["0",1,1,null]]"#,
            r#"[["0",0,1,"11"]]"#,
            r#"[["0",0,1,null,[9223372036854775807,0,1,1000,"5"]]]"#,
            r#"[["0",0,1,null,[1,0,1,1000,"x"]]]"#,
            r#"[["0",0,1,null,[1,9223372036854775807,1,1000,"9"]]]"#,
        ] {
            assert!(rows(bad).is_err(), "{bad}");
        }
        let disks = |text: &str| each_row::<DiskColumn>((12, text), &times, |_, _| Ok(()));
        assert!(disks("[[]]").is_err());
    }
}
