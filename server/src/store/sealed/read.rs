//! The texts of sealed history read back: records, exactly as they were packed, or an error.

use std::{fmt, io};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, Visitor},
};

use super::{
    COLUMNS, Form, REPEATING, SomeTexts, Texts, UNSEALED,
    after_hour::AfterHour,
    came_later,
    counted::{self, Times},
    counts::is_kept_as_rows,
    field::bad,
    name as name_of, text_of,
};
use crate::{
    model::{
        Column, ColumnSet, Detail, DetailTable, HostId, HostName, LEDGER, LEDGER_FIELDS,
        LedgerCell, LedgerKind, Outcome, Record, Row, State, Values,
    },
    store::{Sample, TableSample, detail::ReadRow},
    units::WallMs,
};

/// The position of a field in `LEDGER`.
const SLOT: usize = 1;
const STARTED: usize = 2;
const OUTCOME: usize = 4;
const STATE: usize = 5;
const ELAPSED: usize = LEDGER_FIELDS - 1;

/// A poll of a sealed ledger.
pub(in crate::store) struct SealedPoll {
    /// When it was due, after the hour.
    after_ms: i64,
    /// The fields after the slot. What a moment says counts from the slot.
    fields: Vec<SealedField>,
}

enum SealedField {
    Null,
    Whole(i64),
    Text(String),
}

impl SealedPoll {
    pub(in crate::store) fn slot(&self, hour: WallMs) -> WallMs {
        WallMs(hour.0 + self.after_ms)
    }

    /// A field by its position in `LEDGER`; one that is not there, or is of another kind, is null.
    fn field(&self, at: usize, hour: WallMs, host: HostId) -> LedgerCell<'_> {
        let sealed = at.checked_sub(UNSEALED).and_then(|at| self.fields.get(at));
        match (at, LEDGER[at].kind, sealed) {
            (SLOT, ..) => LedgerCell::Moment(self.slot(hour)),
            (_, _, None) if at < SLOT => LedgerCell::Whole(host.0),
            (_, LedgerKind::Moment, Some(SealedField::Whole(after))) => {
                LedgerCell::Moment(WallMs(self.slot(hour).0 + after))
            }
            (_, _, Some(SealedField::Whole(number))) => LedgerCell::Whole(*number),
            (_, _, Some(SealedField::Text(text))) => LedgerCell::Text(text),
            (_, _, Some(SealedField::Null) | None) => LedgerCell::Null,
        }
    }

    /// When the poll was begun, and the word for how it ended.
    pub(in crate::store) fn attempt(&self, hour: WallMs) -> Option<(WallMs, &str)> {
        let at = |position| self.field(position, hour, HostId::SERVER);
        match (at(STARTED), at(OUTCOME)) {
            (LedgerCell::Moment(started), LedgerCell::Text(outcome)) => Some((started, outcome)),
            _ => None,
        }
    }

    fn outcome(&self, hour: WallMs) -> io::Result<Outcome> {
        let word = self.attempt(hour).map(|(_, outcome)| outcome);
        word.and_then(Outcome::parse).ok_or_else(|| bad("an outcome"))
    }
    fn state(&self, hour: WallMs) -> io::Result<State> {
        let cell = self.field(STATE, hour, HostId::SERVER);
        let state = if let LedgerCell::Text(word) = cell { State::parse(word) } else { None };
        state.ok_or_else(|| bad("a state"))
    }
    fn elapsed_ns(&self, hour: WallMs) -> Option<u64> {
        let cell = self.field(ELAPSED, hour, HostId::SERVER);
        if let LedgerCell::Whole(ns) = cell { u64::try_from(ns).ok() } else { None }
    }
    fn record(&self, hour: WallMs, host: HostId, name: &HostName) -> io::Result<Record> {
        let read = |at| Ok(self.field(at, hour, host));
        let mut record = Record::from_ledger(name.clone(), read, |at| bad(LEDGER[at].name))?;
        if record.outcome.has_values() {
            (record.values, record.detail) = (Some(Values::default()), Some(Detail::default()));
        }
        Ok(record)
    }
}

impl<'de> Deserialize<'de> for SealedField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor;
        impl Visitor<'_> for FieldVisitor {
            type Value = SealedField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, a text or null")
            }

            fn visit_unit<E: de::Error>(self) -> Result<SealedField, E> {
                Ok(SealedField::Null)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<SealedField, E> {
                Ok(SealedField::Whole(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<SealedField, E> {
                i64::try_from(number).map(SealedField::Whole).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SealedField, E> {
                Ok(SealedField::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(FieldVisitor)
    }
}

impl<'de> Deserialize<'de> for SealedPoll {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let AfterHour(after_ms, fields) = AfterHour::deserialize(deserializer)?;
        // Fields are only ever added at the end: an older poll has fewer.
        if fields.len() > LEDGER_FIELDS - UNSEALED {
            let wanted = &"no more fields than a poll's entry in the ledger has";
            return Err(de::Error::invalid_length(fields.len(), wanted));
        }
        Ok(Self { after_ms, fields })
    }
}

/// Reads the text of a ledger.
///
/// # Errors
/// When it is damaged.
pub(in crate::store) fn read_ledger(text: &str) -> io::Result<Vec<SealedPoll>> {
    parse(0, text)
}

fn parse<T: DeserializeOwned>(position: usize, text: &str) -> io::Result<T> {
    let told = |error| io::Error::other(format!("{}: {error}", name_of(position)));
    serde_json::from_str(text).map_err(told)
}

/// The times of polls, where the form has them.
fn times(form: Form, text: &str) -> io::Result<Option<Times>> {
    match form {
        Form::Rows => Ok(None),
        Form::Counts => Times::parse(text).map(Some),
    }
}

/// Reads polls.
///
/// # Errors
/// When it is damaged; the error says which text.
pub(in crate::store) fn decode(
    part: &Texts,
    hour: WallMs,
    host: HostId,
    name: &HostName,
) -> io::Result<Vec<Record>> {
    let ledger: Vec<SealedPoll> = read_ledger(&part.all[0])?;
    if u64::try_from(ledger.len()) != Ok(part.polls) {
        return Err(bad("a number of polls"));
    }
    let polls = ledger.into_iter().map(|poll| poll.record(hour, host, name));
    let mut polls = Polls { hour, all: polls.collect::<io::Result<_>>()? };
    if !polls.all.is_sorted_by(|a, b| a.slot < b.slot) {
        return Err(bad("an order"));
    }
    let times = times(part.form, &part.times)?;
    if times.as_ref().is_some_and(|times| times.polls() != polls.all.len()) {
        return Err(bad("a number of times"));
    }
    for (position, columns) in (1..REPEATING).zip(&*COLUMNS) {
        polls.take_wide((position, &part.all[position]), columns, times.as_ref())?;
    }
    let mut at = (REPEATING..).zip(&part.all[REPEATING..]);
    let mut next = || at.next().map(|(at, text)| (at, text.as_str())).ok_or_else(|| bad("a text"));
    let counted = times.as_ref();
    polls.take_rows(next()?, counted, |detail| &mut detail.cores)?;
    polls.take_rows(next()?, counted, |detail| &mut detail.softirqs)?;
    polls.take_rows(next()?, counted, |detail| &mut detail.interfaces)?;
    polls.take_rows(next()?, counted, |detail| &mut detail.disks)?;
    polls.take_rows(next()?, counted, |detail| &mut detail.filesystems)?;
    polls.take_rows(next()?, None, |detail| &mut detail.processes)?;
    polls.take_rows(next()?, counted, |detail| &mut detail.containers)?;
    Ok(polls.all)
}

/// Reads polls without what repeats, with the values that lie in the other texts.
///
/// # Errors
/// When one is damaged; the error says which.
pub(in crate::store) fn decode_samples(hour: WallMs, texts: &SomeTexts) -> io::Result<Vec<Sample>> {
    let sample = |poll: SealedPoll| -> io::Result<Sample> {
        let outcome = poll.outcome(hour)?;
        let values = outcome.has_values().then(Values::default);
        let (state, elapsed_ns) = (poll.state(hour)?, poll.elapsed_ns(hour));
        Ok(Sample { slot: poll.slot(hour), outcome, state, elapsed_ns, values })
    };
    let all = read_ledger(&texts.ledger)?.into_iter().map(sample);
    let mut all: Vec<Sample> = all.collect::<io::Result<_>>()?;
    let times = times(texts.form, &texts.times)?;
    for (position, text) in &texts.others {
        let columns = position.checked_sub(1).and_then(|at| COLUMNS.get(at));
        let columns = columns.ok_or_else(|| bad("a text"))?;
        if let Some(times) = &times {
            counted::each_value((*position, text), columns, times, |poll, column, value| {
                let values = all.get_mut(poll).and_then(|sample| sample.values.as_mut());
                values.ok_or_else(|| bad("values"))?.set(column, value);
                Ok(())
            })?;
            continue;
        }
        for AfterHour(after, cells) in parse::<Vec<AfterHour<Option<f64>>>>(*position, text)? {
            let slot = WallMs(hour.0 + after);
            let found = all.binary_search_by_key(&slot, |sample| sample.slot);
            let found = found.ok().and_then(|at| all[at].values.as_mut());
            fill(found.ok_or_else(|| bad("values"))?, columns, cells);
        }
    }
    Ok(all)
}

/// Reads polls with one list of what repeats, the only other text.
///
/// # Errors
/// When one is damaged; the error says which.
pub(in crate::store) fn decode_table(
    hour: WallMs,
    table: DetailTable,
    texts: &SomeTexts,
) -> io::Result<Vec<TableSample>> {
    let sample = |poll: SealedPoll| -> io::Result<TableSample> {
        let (slot, outcome) = (poll.slot(hour), poll.outcome(hour)?);
        Ok(TableSample { slot, outcome, detail: Detail::default() })
    };
    let all = read_ledger(&texts.ledger)?.into_iter().map(sample);
    let mut all: Vec<TableSample> = all.collect::<io::Result<_>>()?;
    let rows = texts.others.iter().find(|(position, _)| *position == text_of(table));
    let (position, text) = rows.ok_or_else(|| bad("no such text"))?;
    let form = if is_kept_as_rows(table) { Form::Rows } else { texts.form };
    let times = times(form, &texts.times)?;
    let mut place = Place { polls: &mut all, hour, text: (*position, text), times };
    match table {
        DetailTable::Core => place.rows(|detail| &mut detail.cores)?,
        DetailTable::Softirq => place.rows(|detail| &mut detail.softirqs)?,
        DetailTable::Net => place.rows(|detail| &mut detail.interfaces)?,
        DetailTable::Disk => place.rows(|detail| &mut detail.disks)?,
        DetailTable::Filesystem => place.rows(|detail| &mut detail.filesystems)?,
        DetailTable::Process => place.rows(|detail| &mut detail.processes)?,
        DetailTable::Container => place.rows(|detail| &mut detail.containers)?,
    }
    Ok(all)
}

/// Where the rows of a text belong.
struct Place<'a> {
    polls: &'a mut [TableSample],
    hour: WallMs,
    text: (usize, &'a str),
    times: Option<Times>,
}

impl Place<'_> {
    fn rows<C: ColumnSet>(
        &mut self,
        list: impl Fn(&mut Detail) -> &mut Vec<Row<C>>,
    ) -> io::Result<()> {
        if is_from_before(self.text) {
            return Ok(());
        }
        let absent = || bad("rows of a poll not in its ledger");
        let (polls, hour) = (&mut *self.polls, self.hour);
        if let Some(times) = &self.times {
            return counted::each_row(self.text, times, |poll, row| {
                list(&mut polls.get_mut(poll).ok_or_else(absent)?.detail).push(row);
                Ok(())
            });
        }
        each(self.text, |after, rows| {
            let slot = WallMs(hour.0 + after);
            let found = polls.binary_search_by_key(&slot, |sample| sample.slot);
            *list(&mut polls[found.map_err(|_absent| absent())?].detail) = rows;
            Ok(())
        })
    }
}

/// Whether an hour was sealed before there was a text of this kind: even one without rows is not empty.
fn is_from_before((position, text): (usize, &str)) -> bool {
    came_later(position) && text.is_empty()
}

/// Gives the rows that each poll has in a text, with the poll's milliseconds after the hour.
fn each<C: ColumnSet>(
    (position, text): (usize, &str),
    mut take: impl FnMut(i64, Vec<Row<C>>) -> io::Result<()>,
) -> io::Result<()> {
    for (after, rows) in parse::<Vec<(i64, Vec<ReadRow<C>>)>>(position, text)? {
        take(after, rows.into_iter().map(|row| row.0).collect())?;
    }
    Ok(())
}

fn fill(values: &mut Values<Column>, columns: &[Column], cells: Vec<Option<f64>>) {
    for (column, value) in columns.iter().zip(cells) {
        values.set(*column, value);
    }
}

struct Polls {
    hour: WallMs,
    all: Vec<Record>,
}

impl Polls {
    fn poll(&mut self, after: i64) -> io::Result<&mut Record> {
        let slot = WallMs(self.hour.0 + after);
        let position = self.all.binary_search_by_key(&slot, |record| record.slot);
        position.map(|at| &mut self.all[at]).map_err(|_absent| bad("a poll not in its ledger"))
    }

    fn take_wide(
        &mut self,
        text: (usize, &str),
        columns: &[Column],
        counted: Option<&Times>,
    ) -> io::Result<()> {
        if let Some(times) = counted {
            return counted::each_value(text, columns, times, |poll, column, value| {
                let values = self.all.get_mut(poll).and_then(|record| record.values.as_mut());
                values.ok_or_else(|| bad("values"))?.set(column, value);
                Ok(())
            });
        }
        for AfterHour(after, cells) in parse::<Vec<AfterHour<Option<f64>>>>(text.0, text.1)? {
            let values = self.poll(after)?.values.as_mut().ok_or_else(|| bad("values"))?;
            fill(values, columns, cells);
        }
        Ok(())
    }

    fn take_rows<C: ColumnSet>(
        &mut self,
        text: (usize, &str),
        counted: Option<&Times>,
        family: impl Fn(&mut Detail) -> &mut Vec<Row<C>>,
    ) -> io::Result<()> {
        if is_from_before(text) {
            return Ok(());
        }
        if let Some(times) = counted {
            return counted::each_row(text, times, |poll, row| {
                let detail = self.all.get_mut(poll).and_then(|record| record.detail.as_mut());
                family(detail.ok_or_else(|| bad("rows"))?).push(row);
                Ok(())
            });
        }
        each(text, |after, rows| {
            let detail = self.poll(after)?.detail.as_mut().ok_or_else(|| bad("rows"))?;
            *family(detail) = rows;
            Ok(())
        })
    }
}
