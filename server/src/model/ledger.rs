//! The ledger: what is kept of each poll beside its values. Its fields are declared here once; tables,
//! the archive, the API and its documents follow from the list.

use super::{HostId, HostName, Outcome, Record, State, Timings, Unit, VersionId};
use crate::units::{Micros, WallMs};

/// Of what kind a field of the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKind {
    /// A whole number.
    Whole,
    /// A moment, to the millisecond.
    Moment,
    /// One of a closed list of words in ASCII, each of at most so many bytes.
    Word(u8),
    /// A name of at most so many characters.
    Name(u8),
    /// A text of at most 64 KiB.
    Text,
    /// A text of any length.
    LongText,
}

/// A field of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerField {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: LedgerKind,
    /// Whether a poll may be without it.
    pub optional: bool,
    /// Unit and meaning of a number.
    pub about: Option<(Unit, &'static str)>,
}

const fn field(name: &'static str, kind: LedgerKind) -> LedgerField {
    LedgerField { name, kind, optional: false, about: None }
}

const fn number(
    name: &'static str,
    kind: LedgerKind,
    unit: Unit,
    meaning: &'static str,
) -> LedgerField {
    LedgerField { about: Some((unit, meaning)), ..field(name, kind) }
}

const fn maybe(of: LedgerField) -> LedgerField {
    LedgerField { optional: true, ..of }
}

/// How many fields there are.
pub const LEDGER_FIELDS: usize = 17;

/// The fields, in the order of every table.
pub const LEDGER: [LedgerField; LEDGER_FIELDS] = {
    use LedgerKind::{LongText, Moment, Name, Text, Whole, Word};
    use Unit::{Bytes, Microseconds, Milliseconds};
    [
        field("host_id", Whole),
        number(
            "slot_ms",
            Moment,
            Milliseconds,
            "The moment the poll was due, since 1970-01-01 UTC",
        ),
        number("started_ms", Moment, Milliseconds, "The moment it was begun, since 1970-01-01 UTC"),
        field("inventory_id", Whole),
        field("outcome", Word(32)),
        field("state", Word(16)),
        number("late_us", Whole, Microseconds, "How late the slot was begun"),
        number("queue_us", Whole, Microseconds, "Waiting for the limit of polls in flight"),
        maybe(number("resolve_us", Whole, Microseconds, "Resolving the name; null when not done")),
        maybe(number(
            "connect_us",
            Whole,
            Microseconds,
            "Connecting; null when an open channel was used",
        )),
        maybe(number(
            "call_us",
            Whole,
            Microseconds,
            "The call, from the request to the decoded answer",
        )),
        maybe(number("answer_bytes", Whole, Bytes, "Size of the encoded answer")),
        maybe(field("address", Text)),
        maybe(field("error", LongText)),
        maybe(field("boot_id", Name(255))),
        maybe(number(
            "clock_skew_ms",
            Whole,
            Milliseconds,
            "The probe's wall clock less the server's, known to within half of call_us",
        )),
        maybe(field("elapsed_ns", Whole)),
    ]
};

/// What a poll has in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerCell<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Whole(i64),
    /// A moment.
    Moment(WallMs),
    /// A word, a name or a text.
    Text(&'a str),
}

/// Lengths and sizes as the signed numbers of tables; none here comes near the end of them.
fn whole(number: Option<u64>) -> LedgerCell<'static> {
    number.map_or(LedgerCell::Null, |number| {
        LedgerCell::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    })
}

fn text(text: Option<&str>) -> LedgerCell<'_> {
    text.map_or(LedgerCell::Null, LedgerCell::Text)
}

impl Record {
    /// What the ledger has of it, in the order of [`LEDGER`].
    #[must_use]
    pub fn ledger(&self) -> [LedgerCell<'_>; LEDGER_FIELDS] {
        let Timings { late_us, queue_us, resolve_us, connect_us, call_us } = self.timings;
        let micros = |step: Option<Micros>| whole(step.map(|us| us.0));
        [
            LedgerCell::Whole(self.host.0),
            LedgerCell::Moment(self.slot),
            LedgerCell::Moment(self.started),
            LedgerCell::Whole(self.inventory.0),
            LedgerCell::Text(self.outcome.as_str()),
            LedgerCell::Text(self.state.as_str()),
            micros(Some(late_us)),
            micros(Some(queue_us)),
            micros(resolve_us),
            micros(connect_us),
            micros(call_us),
            whole(self.answer_bytes),
            text(self.address.as_deref()),
            text(self.error.as_deref()),
            text(self.boot_id.as_deref()),
            self.clock_skew_ms.map_or(LedgerCell::Null, LedgerCell::Whole),
            whole(self.elapsed_ns),
        ]
    }

    /// The record of which `read` gives each field, by its position in [`LEDGER`]. Values and detail are
    /// not there yet.
    ///
    /// # Errors
    /// What `read` says; and what `strange` makes of the position of a field that is not what
    /// [`Record::ledger`] gives.
    pub fn from_ledger<'a, E>(
        name: HostName,
        read: impl FnMut(usize) -> Result<LedgerCell<'a>, E>,
        strange: impl Fn(usize) -> E,
    ) -> Result<Self, E> {
        // Fields are read in their order, which is that of what follows.
        let mut fields = Fields { read, strange, next: 0 };
        let f = &mut fields;
        Ok(Self {
            host: HostId(f.given(Fields::whole)?),
            name,
            slot: f.given(Fields::moment)?,
            started: f.given(Fields::moment)?,
            inventory: VersionId(f.given(Fields::whole)?),
            outcome: f.word(Outcome::parse)?,
            state: f.word(State::parse)?,
            timings: Timings {
                late_us: f.given(Fields::micros)?,
                queue_us: f.given(Fields::micros)?,
                resolve_us: f.micros()?,
                connect_us: f.micros()?,
                call_us: f.micros()?,
            },
            answer_bytes: f.whole()?.map(i64::unsigned_abs),
            address: f.text()?.map(Into::into),
            error: f.text()?.map(Into::into),
            boot_id: f.text()?.map(Into::into),
            clock_skew_ms: f.whole()?,
            elapsed_ns: f.whole()?.map(i64::unsigned_abs),
            values: None,
            detail: None,
        })
    }
}

/// Reads field after field.
struct Fields<R, S> {
    read: R,
    strange: S,
    next: usize,
}

impl<'a, E, R, S> Fields<R, S>
where
    R: FnMut(usize) -> Result<LedgerCell<'a>, E>,
    S: Fn(usize) -> E,
{
    fn cell(&mut self) -> Result<LedgerCell<'a>, E> {
        self.next += 1;
        (self.read)(self.next - 1)
    }

    /// What is wrong with the field that was read last.
    fn strange(&self) -> E {
        (self.strange)(self.next - 1)
    }

    fn whole(&mut self) -> Result<Option<i64>, E> {
        match self.cell()? {
            LedgerCell::Null => Ok(None),
            LedgerCell::Whole(number) => Ok(Some(number)),
            LedgerCell::Moment(_) | LedgerCell::Text(_) => Err(self.strange()),
        }
    }

    fn micros(&mut self) -> Result<Option<Micros>, E> {
        Ok(self.whole()?.map(|us| Micros(us.unsigned_abs())))
    }

    fn moment(&mut self) -> Result<Option<WallMs>, E> {
        match self.cell()? {
            LedgerCell::Null => Ok(None),
            LedgerCell::Moment(moment) => Ok(Some(moment)),
            LedgerCell::Whole(_) | LedgerCell::Text(_) => Err(self.strange()),
        }
    }

    fn text(&mut self) -> Result<Option<&'a str>, E> {
        match self.cell()? {
            LedgerCell::Null => Ok(None),
            LedgerCell::Text(text) => Ok(Some(text)),
            LedgerCell::Whole(_) | LedgerCell::Moment(_) => Err(self.strange()),
        }
    }

    fn given<T>(&mut self, read: impl Fn(&mut Self) -> Result<Option<T>, E>) -> Result<T, E> {
        read(self)?.ok_or_else(|| self.strange())
    }

    fn word<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> Result<T, E> {
        let word = self.given(Self::text)?;
        parse(word).ok_or_else(|| self.strange())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sample;

    #[test]
    fn a_record_comes_back_from_its_ledger_and_a_field_of_another_kind_is_told_by_its_place() {
        let name = sample::name("web-1");
        for record in [
            sample::good(HostId(7), &name, WallMs(1_774_747_800_250)),
            sample::failed(HostId(7), &name, WallMs(1_774_747_800_250), "refused"),
        ] {
            let cells = record.ledger();
            let back = Record::from_ledger(name.clone(), |at| Ok::<_, usize>(cells[at]), |at| at);
            let known = Record { values: None, detail: None, ..record.clone() };
            assert_eq!(back, Ok(known));
            for (at, field) in LEDGER.iter().enumerate() {
                let instead = |cell| {
                    let read = |n| Ok::<_, usize>(if n == at { cell } else { cells[n] });
                    Record::from_ledger(name.clone(), read, |at| at).map(|_| ())
                };
                assert_eq!(instead(LedgerCell::Null).is_ok(), field.optional, "{}", field.name);
                let (whole, text) = (LedgerCell::Whole(1), LedgerCell::Text("?"));
                let other = if field.kind == LedgerKind::Whole { text } else { whole };
                assert_eq!(instead(other), Err(at), "{}", field.name);
            }
        }
    }
}
