//! The JSON of the column `detail`: what repeats per core, interface, disk, mount, process or container.
//!
//! `{"core":[["0",1.2,null],...],"softirq":...,"net":...,"disk":...,"filesystem":...,"process":...,"container":...}`:
//! rows as arrays, first the texts that name the row ([`ColumnSet::LABELS`]), then its values in
//! the order of [`ColumnSet::ALL`]. A family without rows has no entry. Columns are only ever added
//! at the end, so a shorter row is an older one and a longer row a newer one: both are read.
//!
//! The same text in every backend. Knows no SQL.

mod fit;

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

pub use fit::{MAX_DETAIL_BYTES, TruncatedRows, fit};

use super::json;
use crate::model::{ColumnSet, Detail, DetailTable, Row, RowLabels, Values};

/// Bytes that one value takes on average; only the first guess of a text's length.
const BYTES_PER_VALUE: usize = 8;

/// Writes a detail as JSON.
#[must_use]
pub fn encode(detail: &Detail) -> String {
    let mut out = Writer { text: String::with_capacity(size_hint(detail)), first: true };
    out.text.push('{');
    out.family("core", &detail.cores);
    out.family("softirq", &detail.softirqs);
    out.family("net", &detail.interfaces);
    out.family("disk", &detail.disks);
    out.family("filesystem", &detail.filesystems);
    out.family("process", &detail.processes);
    out.family("container", &detail.containers);
    out.text.push('}');
    out.text
}

/// Reads what [`encode`] wrote, here or in another version.
///
/// # Errors
/// When the text is not JSON of this form; the error says where.
pub fn decode(text: &str) -> Result<Detail, serde_json::Error> {
    let document: Document = serde_json::from_str(text)?;
    Ok(Detail {
        cores: unwrap(document.core),
        softirqs: unwrap(document.softirq),
        interfaces: unwrap(document.net),
        disks: unwrap(document.disk),
        filesystems: unwrap(document.filesystem),
        processes: unwrap(document.process),
        containers: unwrap(document.container),
    })
}

/// Reads one list of what [`encode`] wrote, and passes over the others: at a fraction of the cost.
///
/// # Errors
/// As [`decode`].
pub fn decode_table(text: &str, table: DetailTable) -> Result<Detail, serde_json::Error> {
    fn list<C: ColumnSet>(text: &str, of: DetailTable) -> Result<Vec<Row<C>>, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        let rows = ListOf(of, PhantomData).deserialize(&mut json)?;
        json.end()?;
        Ok(rows)
    }
    let mut detail = Detail::default();
    match table {
        DetailTable::Core => detail.cores = list(text, table)?,
        DetailTable::Softirq => detail.softirqs = list(text, table)?,
        DetailTable::Net => detail.interfaces = list(text, table)?,
        DetailTable::Disk => detail.disks = list(text, table)?,
        DetailTable::Filesystem => detail.filesystems = list(text, table)?,
        DetailTable::Process => detail.processes = list(text, table)?,
        DetailTable::Container => detail.containers = list(text, table)?,
    }
    Ok(detail)
}

/// Writes values without names, in the order of [`ColumnSet::ALL`]: `[1,null,2.5]`.
pub(super) fn encode_values<C: ColumnSet>(values: &Values<C>) -> String {
    let mut text = String::with_capacity(C::ALL.len() * BYTES_PER_VALUE);
    text.push('[');
    for (position, (_, value)) in values.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        json::push_optional(&mut text, value);
    }
    text.push(']');
    text
}

/// Reads what [`encode_values`] wrote, here or in another version: columns are only ever added at
/// the end.
pub(super) fn decode_values<C: ColumnSet>(text: &str) -> Result<Values<C>, serde_json::Error> {
    let cells: Vec<Option<f64>> = serde_json::from_str(text)?;
    let mut values = Values::default();
    for (column, cell) in C::ALL.iter().zip(cells) {
        values.set(*column, cell);
    }
    Ok(values)
}

fn size_hint(detail: &Detail) -> usize {
    fn values<C: ColumnSet>(rows: &[Row<C>]) -> usize {
        rows.len() * (C::ALL.len() + 2 * C::LABELS.len())
    }
    let all = values(&detail.cores)
        + values(&detail.softirqs)
        + values(&detail.interfaces)
        + values(&detail.disks)
        + values(&detail.filesystems)
        + values(&detail.processes)
        + values(&detail.containers);
    64 + all * BYTES_PER_VALUE
}

struct Writer {
    text: String,
    first: bool,
}

impl Writer {
    fn family<C: ColumnSet>(&mut self, key: &str, rows: &[Row<C>]) {
        if rows.is_empty() {
            return;
        }
        if !std::mem::take(&mut self.first) {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
        for (position, row) in rows.iter().enumerate() {
            self.text.push(if position == 0 { '[' } else { ',' });
            push_row(&mut self.text, row);
        }
        self.text.push(']');
    }
}

/// Appends a row as an array: its texts, then its values.
pub(in crate::store) fn push_row<C: ColumnSet>(out: &mut String, row: &Row<C>) {
    out.push('[');
    for position in 0..C::LABELS.len() {
        if position > 0 {
            out.push(',');
        }
        json::push_text(out, row.labels.get(position).map_or("", AsRef::as_ref));
    }
    for (_, value) in row.values.iter() {
        out.push(',');
        json::push_optional(out, value);
    }
    out.push(']');
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    core: Vec<ReadRow<crate::model::CoreColumn>>,
    #[serde(default)]
    softirq: Vec<ReadRow<crate::model::SoftirqColumn>>,
    #[serde(default)]
    net: Vec<ReadRow<crate::model::NetColumn>>,
    #[serde(default)]
    disk: Vec<ReadRow<crate::model::DiskColumn>>,
    #[serde(default)]
    filesystem: Vec<ReadRow<crate::model::FilesystemColumn>>,
    #[serde(default)]
    process: Vec<ReadRow<crate::model::ProcessColumn>>,
    #[serde(default)]
    container: Vec<ReadRow<crate::model::ContainerColumn>>,
}

/// Reads one list of a document.
struct ListOf<C>(DetailTable, PhantomData<C>);

impl<'de, C: ColumnSet> DeserializeSeed<'de> for ListOf<C> {
    type Value = Vec<Row<C>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, C: ColumnSet> Visitor<'de> for ListOf<C> {
    type Value = Vec<Row<C>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == self.0.as_str() {
                found = unwrap(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A row as it is read.
pub(in crate::store) struct ReadRow<C: ColumnSet>(pub(in crate::store) Row<C>);

fn unwrap<C: ColumnSet>(rows: Vec<ReadRow<C>>) -> Vec<Row<C>> {
    rows.into_iter().map(|row| row.0).collect()
}

impl<'de, C: ColumnSet> Deserialize<'de> for ReadRow<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowVisitor(PhantomData))
    }
}

struct RowVisitor<C>(PhantomData<C>);

impl<'de, C: ColumnSet> Visitor<'de> for RowVisitor<C> {
    type Value = ReadRow<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {} texts, then numbers or null", C::LABELS.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut labels = RowLabels::with_capacity(C::LABELS.len());
        for position in 0..C::LABELS.len() {
            let label: Arc<str> = seq
                .next_element()?
                .ok_or_else(|| de::Error::invalid_length(position, &"a text for each label"))?;
            labels.push(label);
        }
        let mut values = Values::default();
        for column in C::ALL {
            match seq.next_element::<Option<f64>>()? {
                Some(value) => values.set(*column, value),
                None => return Ok(ReadRow(Row { labels, values })),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ReadRow(Row { labels, values }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{CoreColumn, FilesystemColumn, ProcessColumn},
        store::sample,
    };

    #[test]
    fn a_detail_is_written_like_this() {
        let mut values = Values::<CoreColumn>::default();
        values.set(CoreColumn::BusyPct, 12.5);
        values.set(CoreColumn::UserPct, 0.0);
        values.set(CoreColumn::IdlePct, 99.019);
        let mut mount = Values::<FilesystemColumn>::default();
        mount.set(FilesystemColumn::SizeBytes, 9_007_199_254_740_992.0);
        let detail = Detail {
            cores: vec![Row { labels: ["0".into()].into(), values }],
            filesystems: vec![Row {
                labels: vec![
                    "/mnt/a \"b\"\n\\é".into(),
                    "/dev/sda".into(),
                    "ext4".into(),
                    "ok".into(),
                ]
                .into(),
                values: mount,
            }],
            ..Detail::default()
        };
        assert_eq!(
            encode(&detail),
            r#"{"core":[["0",12.5,0,null,null,99.019,null,null,null,null,null,null]],"filesystem":[["/mnt/a \"b\"\u000a\\é","/dev/sda","ext4","ok",9007199254740992,null,null,null,null,null,null,null]]}"#
        );
        assert_eq!(decode(&encode(&detail)).unwrap(), detail);
        assert_eq!(encode(&Detail::default()), "{}");
        assert_eq!(decode("{}").unwrap(), Detail::default());
    }

    #[test]
    fn one_list_is_read_without_the_others() {
        let detail = sample::detail();
        let text = encode(&detail);
        for table in DetailTable::ALL {
            let rows = |of: &Detail| {
                let bits = |cells: &[f64]| cells.iter().map(|cell| cell.to_bits()).collect();
                let row = |(labels, cells): (&[Arc<str>], _)| (labels.to_vec(), bits(cells));
                of.rows(*table).map(row).collect::<Vec<(_, Vec<u64>)>>()
            };
            let read = decode_table(&text, *table).unwrap();
            assert!(!rows(&detail).is_empty());
            assert_eq!(rows(&read), rows(&detail), "{table}");
            let others = DetailTable::ALL.iter().filter(|other| *other != table);
            for other in others {
                assert_eq!(read.rows(*other).count(), 0, "{other} for {table}");
            }
        }
        assert_eq!(decode_table("{}", DetailTable::Disk).unwrap(), Detail::default());
        assert!(decode_table(r#"{"disk":[[]]}"#, DetailTable::Disk).is_err());
    }

    #[test]
    fn other_versions_are_read() {
        let text = r#"{"process":[["1","init","S",0.5],["2","kthreadd","S",1,2,3,4,"new"]],"later":{"a":[1]}}"#;
        let detail = decode(text).unwrap();
        let [older, newer] = detail.processes.as_slice() else { panic!("{detail:?}") };
        assert_eq!(older.values.get(ProcessColumn::CpuPct), Some(0.5));
        assert_eq!(older.values.get(ProcessColumn::RssBytes), None);
        assert_eq!(newer.values.get(ProcessColumn::Threads), Some(3.0));
    }

    #[test]
    fn what_is_no_detail_is_an_error() {
        for bad in ["", "7", r#"{"core":[[]]}"#, r#"{"core":[["0","x"]]}"#, r#"{"core":[[0,1]]}"#] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_value_comes_back_exactly(
            thousandths in prop::collection::vec(prop::option::of(0_u64..1_000_000_000_000_000), 11),
            whole in prop::collection::vec(prop::option::of(0_u64..1 << 63), 8),
            label in ".*",
        ) {
            #[expect(clippy::cast_precision_loss, reason = "that is what is tested")]
            let detail = Detail {
                cores: vec![sample::row(&[&label], thousandths.iter().map(|v| v.map(|v| v as f64 / 1e3)))],
                filesystems: vec![sample::row(
                    &["/", "a", "b", &label],
                    whole.iter().map(|v| v.map(|v| v as f64)),
                )],
                ..Detail::default()
            };
            prop_assert_eq!(decode(&encode(&detail)).unwrap(), detail);
        }
    }
}
