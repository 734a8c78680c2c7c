//! The texts of sealed history read back: records, exactly as they were packed, or an error.

use std::{io, ops::Range};

use serde::{Deserialize, de::DeserializeOwned};

use super::{COLUMNS, Part, REPEATING, name};
use crate::{
    model::{
        Column, ColumnSet, Detail, HostId, HostName, Outcome, Record, Row, State, Timings, Values,
        VersionId,
    },
    store::{Sample, detail::ReadRow, mysql::packed},
    units::{Micros, WallMs},
};

/// A poll in the ledger.
#[derive(Deserialize)]
#[serde(expecting = "a poll's entry in the ledger")]
pub(in crate::store::mysql) struct Ledger {
    pub(in crate::store::mysql) after_ms: i64,
    /// After it was due, milliseconds.
    pub(in crate::store::mysql) started_ms: i64,
    inventory: i64,
    pub(in crate::store::mysql) outcome: String,
    state: String,
    late_us: u64,
    queue_us: u64,
    resolve_us: Option<u64>,
    connect_us: Option<u64>,
    call_us: Option<u64>,
    answer_bytes: Option<u64>,
    address: Option<String>,
    error: Option<String>,
    boot_id: Option<String>,
    clock_skew_ms: Option<i64>,
}

impl Ledger {
    fn record(self, hour: WallMs, host: HostId, name: &HostName) -> io::Result<Record> {
        let outcome = Outcome::parse(&self.outcome).ok_or_else(|| bad("an outcome"))?;
        let slot = WallMs(hour.0 + self.after_ms);
        Ok(Record {
            host,
            name: name.clone(),
            slot,
            started: WallMs(slot.0 + self.started_ms),
            inventory: VersionId(self.inventory),
            outcome,
            state: State::parse(&self.state).ok_or_else(|| bad("a state"))?,
            timings: Timings {
                late_us: Micros(self.late_us),
                queue_us: Micros(self.queue_us),
                resolve_us: self.resolve_us.map(Micros),
                connect_us: self.connect_us.map(Micros),
                call_us: self.call_us.map(Micros),
            },
            answer_bytes: self.answer_bytes,
            address: self.address.map(Into::into),
            error: self.error.map(Into::into),
            boot_id: self.boot_id.map(Into::into),
            clock_skew_ms: self.clock_skew_ms,
            values: outcome.has_values().then(Values::default),
            detail: outcome.has_values().then(Detail::default),
        })
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::other(format!("{what} that this program does not write"))
}

/// Reads the ledger of a part.
///
/// # Errors
/// When it is damaged.
pub(in crate::store::mysql) fn read_ledger(packed: &[u8]) -> io::Result<Vec<Ledger>> {
    parse(&packed::unpack(packed)?)
}

fn parse<T: DeserializeOwned>(text: &str) -> io::Result<T> {
    serde_json::from_str(text).map_err(io::Error::other)
}

impl Part {
    pub(super) fn text(&self, position: usize) -> io::Result<String> {
        let at = |position: usize| usize::try_from(self.at[position]).ok()?.checked_sub(1);
        let range: Option<Range<usize>> = at(position).zip(at(position + 1)).map(|(a, b)| a..b);
        let packed = range.and_then(|range| self.docs.get(range));
        unpack(position, packed.ok_or_else(|| io::Error::other("a text begins past the end"))?)
    }
}

/// Unpacks a part.
///
/// # Errors
/// When it is damaged; the error says which text.
pub(in crate::store::mysql) fn decode(
    part: &Part,
    hour: WallMs,
    host: HostId,
    name: &HostName,
) -> io::Result<Vec<Record>> {
    let ledger: Vec<Ledger> = parse(&part.text(0)?)?;
    if u64::try_from(ledger.len()) != Ok(part.polls) {
        return Err(bad("a number of polls"));
    }
    let polls = ledger.into_iter().map(|poll| poll.record(hour, host, name));
    let mut polls = Polls { hour, all: polls.collect::<io::Result<_>>()? };
    if !polls.all.is_sorted_by(|a, b| a.slot < b.slot) {
        return Err(bad("an order"));
    }
    for (position, columns) in (1..REPEATING).zip(&*COLUMNS) {
        polls.take_wide(&part.text(position)?, columns)?;
    }
    let mut at = (REPEATING..).map(|position| part.text(position));
    let mut next = || at.next().unwrap_or_else(|| Err(bad("a text")));
    polls.take_rows(&next()?, |detail| &mut detail.cores)?;
    polls.take_rows(&next()?, |detail| &mut detail.softirqs)?;
    polls.take_rows(&next()?, |detail| &mut detail.interfaces)?;
    polls.take_rows(&next()?, |detail| &mut detail.disks)?;
    polls.take_rows(&next()?, |detail| &mut detail.filesystems)?;
    polls.take_rows(&next()?, |detail| &mut detail.processes)?;
    Ok(polls.all)
}

/// Unpacks polls without what repeats from some texts of a part, by their position; the ledger is the
/// first.
///
/// # Errors
/// When one is damaged; the error says which.
pub(in crate::store::mysql) fn decode_samples(
    hour: WallMs,
    texts: &[(usize, &[u8])],
) -> io::Result<Vec<Sample>> {
    let text = |(position, packed): &(usize, &[u8])| unpack(*position, packed);
    let ledger = texts.first().ok_or_else(|| bad("no ledger"))?;
    let sample = |poll: Ledger| -> io::Result<Sample> {
        let outcome = Outcome::parse(&poll.outcome).ok_or_else(|| bad("an outcome"))?;
        let values = outcome.has_values().then(Values::default);
        Ok(Sample { slot: WallMs(hour.0 + poll.after_ms), outcome, values })
    };
    let all = parse::<Vec<Ledger>>(&text(ledger)?)?.into_iter().map(sample);
    let mut all: Vec<Sample> = all.collect::<io::Result<_>>()?;
    for of_text in &texts[1..] {
        let columns = of_text.0.checked_sub(1).and_then(|at| COLUMNS.get(at));
        let columns = columns.ok_or_else(|| bad("a text"))?;
        for Wide(after, cells) in parse::<Vec<Wide>>(&text(of_text)?)? {
            let slot = WallMs(hour.0 + after);
            let found = all.binary_search_by_key(&slot, |sample| sample.slot);
            let found = found.ok().and_then(|at| all[at].values.as_mut());
            fill(found.ok_or_else(|| bad("values"))?, columns, cells);
        }
    }
    Ok(all)
}

fn fill(values: &mut Values<Column>, columns: &[Column], cells: Vec<Option<f64>>) {
    for (column, value) in columns.iter().zip(cells) {
        values.set(*column, value);
    }
}

fn unpack(position: usize, packed: &[u8]) -> io::Result<String> {
    packed::unpack(packed).map_err(|error| io::Error::other(format!("{}: {error}", name(position))))
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

    fn take_wide(&mut self, text: &str, columns: &[Column]) -> io::Result<()> {
        for Wide(after, cells) in parse::<Vec<Wide>>(text)? {
            let values = self.poll(after)?.values.as_mut().ok_or_else(|| bad("values"))?;
            fill(values, columns, cells);
        }
        Ok(())
    }

    fn take_rows<C: ColumnSet>(
        &mut self,
        text: &str,
        family: impl Fn(&mut Detail) -> &mut Vec<Row<C>>,
    ) -> io::Result<()> {
        for (after, rows) in parse::<Vec<(i64, Vec<ReadRow<C>>)>>(text)? {
            let detail = self.poll(after)?.detail.as_mut().ok_or_else(|| bad("rows"))?;
            *family(detail) = rows.into_iter().map(|row| row.0).collect();
        }
        Ok(())
    }
}

/// The host-wide values of a poll in one text.
struct Wide(i64, Vec<Option<f64>>);

impl<'de> Deserialize<'de> for Wide {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Wide;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("milliseconds, then numbers or null")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Wide, A::Error> {
                let first = seq.next_element()?;
                let after =
                    first.ok_or_else(|| serde::de::Error::invalid_length(0, &"milliseconds"))?;
                let mut cells = Vec::new();
                while let Some(cell) = seq.next_element()? {
                    cells.push(cell);
                }
                Ok(Wide(after, cells))
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}
