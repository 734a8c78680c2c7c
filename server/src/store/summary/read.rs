//! Documents read back, or an error: whatever somebody wrote there, it takes neither memory nor time that
//! is not there.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    sync::Arc,
};

use super::{MAX_SUMMARY_ROWS, POINTS, RowsAsk};
use crate::{
    model::{ColumnKind, ColumnSet as _, ColumnSpec, Stat},
    rollup::SUMMARY_STEP,
    store::{
        Span, packed,
        sealed::{
            Cell,
            field::{Field, bad},
        },
        series::{Buckets, SeriesAsk},
    },
    units::WallMs,
};

/// Points of a day that are wanted, and the bucket that each is in.
struct Wanted {
    day: WallMs,
    span: Span,
    step_ms: i64,
}

impl Wanted {
    fn start(&self, point: usize) -> WallMs {
        let number = u32::try_from(point).unwrap_or(u32::MAX);
        self.day.plus(SUMMARY_STEP.saturating_mul(number))
    }

    /// The begin of the bucket that a point is in; none when it is not wanted.
    fn bucket(&self, point: usize) -> Option<WallMs> {
        let start = self.start(point);
        (self.span.from <= start && start < self.span.to)
            .then(|| WallMs(start.0.div_euclid(self.step_ms).saturating_mul(self.step_ms)))
    }
}

/// What the head says of a thing.
struct Thing<'a> {
    key: &'a str,
    begin: usize,
    points: usize,
    rows: Option<Field<'a>>,
}

impl<'a> Thing<'a> {
    fn of(cell: &'a Cell<'_>) -> io::Result<Self> {
        let Cell::Field(cells) = cell else { return Err(bad("a thing")) };
        let [key, begin, points, rows] = cells.as_slice() else { return Err(bad("a thing")) };
        let (begin, points) = (begin.small()?, points.small()?);
        let end = begin.checked_add(points);
        if end.is_none_or(|end| end > POINTS) {
            return Err(bad("a number of points"));
        }
        Ok(Self { key: key.text()?, begin, points, rows: rows.field()? })
    }
}

/// A document whose head is unpacked.
struct Document<'a> {
    head: String,
    columns: &'a [u8],
}

impl<'a> Document<'a> {
    fn open(bytes: &'a [u8]) -> io::Result<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| bad("a length"))?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(io::Error::other)?;
        let (head, columns) = rest.split_at_checked(length).ok_or_else(|| bad("a length"))?;
        Ok(Self { head: packed::unpack(head)?, columns })
    }
}

/// What a head says.
struct Head<'a> {
    polls: &'a Cell<'a>,
    failed: &'a Cell<'a>,
    bytes: &'a [Cell<'a>],
    things: Vec<Thing<'a>>,
}

impl<'a> Head<'a> {
    fn of(cells: &'a [Cell<'a>]) -> io::Result<Self> {
        let [polls, failed, Cell::Field(bytes), things @ ..] = cells else {
            return Err(bad("a head"));
        };
        if things.len() > MAX_SUMMARY_ROWS {
            return Err(bad("a number of things"));
        }
        let things = things.iter().map(Thing::of).collect::<io::Result<_>>()?;
        Ok(Self { polls, failed, bytes, things })
    }

    /// Gives how many polls each point has, and how many failed.
    fn counts(&self, mut take: impl FnMut(usize, u32, u32)) -> io::Result<()> {
        let (polls, failed) = (self.polls.field()?, self.failed.field()?);
        for point in 0..POINTS {
            let count = count_at(polls.as_ref(), point)?;
            if count > 0 {
                take(point, count, count_at(failed.as_ref(), point)?);
            }
        }
        Ok(())
    }

    /// A column, unpacked; none where nothing is known, or the column is newer than the document.
    fn column(&self, columns: &[u8], place: usize) -> io::Result<Option<String>> {
        let mut begin = 0_usize;
        for cell in self.bytes.iter().take(place) {
            begin = begin.checked_add(cell.small()?).ok_or_else(|| bad("a length"))?;
        }
        let length = self.bytes.get(place).map_or(Ok(0), Cell::small)?;
        if length == 0 {
            return Ok(None);
        }
        let end = begin.checked_add(length).ok_or_else(|| bad("a length"))?;
        let packed = columns.get(begin..end).ok_or_else(|| bad("a length"))?;
        packed::unpack(packed).map(Some)
    }
}

fn cells(text: &str) -> io::Result<Vec<Cell<'_>>> {
    serde_json::from_str(text).map_err(io::Error::other)
}

/// A count in a point; 0 where none is said.
fn count_at(field: Option<&Field<'_>>, place: usize) -> io::Result<u32> {
    let Some(field) = field else { return Ok(0) };
    let count = field.value(place, None).map_err(|()| bad("a count"))?.unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let count = count.clamp(0.0, u32::MAX.into()) as u32;
    Ok(count)
}

/// A column of one thing.
struct Values<'a> {
    least: Field<'a>,
    mean: Field<'a>,
    most: Field<'a>,
    rows: Option<Field<'a>>,
    kind: ColumnKind,
}

impl<'a> Values<'a> {
    /// None: nothing is known of it.
    fn of(cell: &'a Cell<'a>, kind: ColumnKind) -> io::Result<Option<Self>> {
        let cells = match cell {
            Cell::Null => return Ok(None),
            Cell::Field(cells) => cells.as_slice(),
            _ => return Err(bad("a column")),
        };
        let [least, mean, most, rows] = cells else { return Err(bad("a column")) };
        let (Some(least), Some(mean), Some(most)) = (least.field()?, mean.field()?, most.field()?)
        else {
            return Ok(None);
        };
        Ok(Some(Self { least, mean, most, rows: rows.field()?, kind }))
    }

    /// What is known in the point at this place of the thing's.
    fn stat(&self, place: usize, of_thing: Option<&Field<'_>>) -> io::Result<Option<Stat>> {
        let count = count_at(self.rows.as_ref().or(of_thing), place)?;
        let read = |field: &Field<'_>, over| field.value(place, over).map_err(|()| bad("a field"));
        let over = f64::from(count);
        let all =
            (read(&self.least, None)?, read(&self.mean, Some(over))?, read(&self.most, None)?);
        let (Some(min), Some(mean), Some(most)) = all else { return Ok(None) };
        let known = Stat { count, sum: (min + mean) * over, min, max: self.kind.tidy(min + most) };
        Ok((count > 0).then_some(known))
    }
}

/// Gives what is known of a column of a thing, a stat for each bucket.
fn each_bucket(
    thing: &Thing<'_>,
    values: &Values<'_>,
    wanted: &Wanted,
    mut take: impl FnMut(WallMs, &Stat),
) -> io::Result<()> {
    let mut open: Option<(WallMs, Stat)> = None;
    for place in 0..thing.points {
        let Some(bucket) = wanted.bucket(thing.begin + place) else { continue };
        let Some(stat) = values.stat(place, thing.rows.as_ref())? else { continue };
        match &mut open {
            Some((start, sum)) if *start == bucket => sum.merge(&stat),
            _ => {
                if let Some((start, sum)) = open.replace((bucket, stat)) {
                    take(start, &sum);
                }
            }
        }
    }
    open.iter().for_each(|(start, sum)| take(*start, sum));
    Ok(())
}

/// Adds a day of a host to buckets: the columns of one view, each by its place in the question and in the
/// view. With `counts`, also how many polls there were.
///
/// # Errors
/// When the document is damaged.
pub(in crate::store) fn read_host_wide(
    (day, bytes): (WallMs, &[u8]),
    ask: &SeriesAsk,
    places: &[(usize, usize)],
    with_counts: bool,
    buckets: &mut Buckets,
) -> io::Result<()> {
    let wanted = Wanted { day, span: ask.span, step_ms: ask.step_ms() };
    let document = Document::open(bytes)?;
    let cells_of_head = cells(&document.head)?;
    let head = Head::of(&cells_of_head)?;
    if with_counts {
        head.counts(|point, polls, failed| {
            if let Some(bucket) = wanted.bucket(point) {
                buckets.add_counts(bucket, wanted.start(point), (polls, failed));
            }
        })?;
    }
    for (asked, place) in places {
        let kind = ask.columns.get(*asked).map_or(ColumnKind::Real, |column| column.spec().kind);
        let Some(text) = head.column(document.columns, *place)? else { continue };
        for (thing, cell) in head.things.iter().zip(&cells(&text)?) {
            let Some(values) = Values::of(cell, kind)? else { continue };
            each_bucket(thing, &values, &wanted, |start, stat| {
                buckets.add_stat(start, *asked, stat);
            })?;
        }
    }
    Ok(())
}

/// How a bucket of rows is kept: how many polls, how many failed.
type Counts = (u32, u32);

/// What summaries say of the rows of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RowBuckets {
    /// The days that have a summary; of all others of the span nothing is in here.
    pub days: Vec<WallMs>,
    /// By the begin of a bucket: how many polls there were, how many failed.
    pub counts: BTreeMap<WallMs, Counts>,
    /// By what a row is known by and the begin of a bucket: of each column that was asked for.
    pub rows: HashMap<Arc<str>, BTreeMap<WallMs, Box<[Stat]>>>,
}

/// Adds a day of a list to buckets.
///
/// # Errors
/// When the document is damaged.
pub(in crate::store) fn read_rows(
    (day, bytes): (WallMs, &[u8]),
    ask: &RowsAsk,
    buckets: &mut RowBuckets,
) -> io::Result<()> {
    let step_ms = i64::try_from(ask.step.as_millis()).unwrap_or(i64::MAX).max(1);
    let wanted = Wanted { day, span: ask.span, step_ms };
    let document = Document::open(bytes)?;
    let cells_of_head = cells(&document.head)?;
    let head = Head::of(&cells_of_head)?;
    buckets.days.push(day);
    head.counts(|point, polls, failed| {
        if let Some(bucket) = wanted.bucket(point) {
            let count = buckets.counts.entry(bucket).or_default();
            *count = (count.0.saturating_add(polls), count.1.saturating_add(failed));
        }
    })?;
    let is_wanted = |thing: &Thing<'_>| ask.row.as_deref().is_none_or(|row| row == thing.key);
    let width = ask.columns.len();
    // A row is there also where none of its values is known.
    for thing in head.things.iter().filter(|thing| is_wanted(thing)) {
        let mut there = BTreeSet::new();
        for place in 0..thing.points {
            if let Some(bucket) = wanted.bucket(thing.begin + place)
                && count_at(thing.rows.as_ref(), place)? > 0
            {
                there.insert(bucket);
            }
        }
        if there.is_empty() {
            continue;
        }
        let row = buckets.rows.entry(thing.key.into()).or_default();
        for bucket in there {
            row.entry(bucket).or_insert_with(|| vec![Stat::default(); width].into());
        }
    }
    let specs: &[ColumnSpec] = ask.table.specs();
    for (asked, place) in ask.columns.iter().enumerate() {
        let kind = specs.get(*place).map_or(ColumnKind::Real, |spec| spec.kind);
        let Some(text) = head.column(document.columns, *place)? else { continue };
        for (thing, cell) in head.things.iter().zip(&cells(&text)?) {
            if !is_wanted(thing) {
                continue;
            }
            let Some(values) = Values::of(cell, kind)? else { continue };
            let Some(row) = buckets.rows.get_mut(thing.key) else { continue };
            each_bucket(thing, &values, &wanted, |start, stat| {
                let stats = row.entry(start).or_insert_with(|| vec![Stat::default(); width].into());
                if let Some(sum) = stats.get_mut(asked) {
                    sum.merge(stat);
                }
            })?;
        }
    }
    Ok(())
}
