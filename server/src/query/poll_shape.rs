//! One poll as JSON: the row of the ledger, its host-wide values, and what repeats.

use std::{borrow::Cow, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use serde_json::{Map, Value, json};

use super::moment::Rfc3339;
use crate::model::{
    Column, ColumnKind, ColumnSet, ContainerColumn, CoreColumn, Detail, DiskColumn,
    FilesystemColumn, LEDGER, LedgerCell, LedgerField, LedgerKind, NetColumn, Outcome,
    ProcessColumn, Record, Row, SoftirqColumn, State, Values,
};

/// One poll with everything that is kept of it. Shared, not copied: a page may hold a thousand.
#[derive(Debug, Clone, PartialEq)]
pub struct PollShape {
    record: Arc<Record>,
    detail: bool,
    only: Option<Arc<[Column]>>,
}

impl PollShape {
    /// The shape of a row of the ledger. Without `detail` the field `detail` is left out, which is
    /// not the same as `null`: a poll that failed has none.
    #[must_use]
    pub fn new(record: Arc<Record>, detail: bool) -> Self {
        Self { record, detail, only: None }
    }

    /// The same poll with these host-wide values alone, and without `detail`.
    #[must_use]
    pub fn only(self, columns: &[Column]) -> Self {
        Self { detail: false, only: Some(columns.into()), ..self }
    }

    /// The row.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }
}

/// Whether a field of the ledger is one of a poll's document: numbers of rows are not.
fn is_shown(field: &LedgerField) -> bool {
    field.kind != LedgerKind::Whole || field.about.is_some()
}

impl Serialize for PollShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = &self.record;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", &record.name)?;
        map.serialize_entry("slot", &Rfc3339(record.slot))?;
        for (field, cell) in LEDGER.iter().zip(record.ledger()).filter(|(field, _)| is_shown(field))
        {
            let name = field.name;
            match cell {
                LedgerCell::Null => map.serialize_entry(name, &())?,
                LedgerCell::Whole(number) => map.serialize_entry(name, &number)?,
                LedgerCell::Moment(moment) => map.serialize_entry(name, &moment)?,
                LedgerCell::Text(text) => map.serialize_entry(name, text)?,
            }
        }
        map.serialize_entry(
            "values",
            &record.values.as_ref().map(|v| Cells(v, self.only.as_deref())),
        )?;
        if self.detail {
            map.serialize_entry("detail", &record.detail.as_ref().map(DetailShape))?;
        }
        map.end()
    }
}

/// How long a number is as JSON at most: an `f64` of 17 digits with sign and exponent.
const NUMBER_BYTES: usize = 24;

/// What stands around a name and its value: quotation marks, colon, comma.
const AROUND: usize = 4;

/// How many bytes a poll has as JSON at most, with all that is in it.
pub(super) fn json_bytes(record: &Record) -> usize {
    let texts = [&record.address, &record.error, &record.boot_id];
    let texts: usize = texts.into_iter().flatten().map(|text| text_bytes(text)).sum();
    let values = record.values.as_ref().map_or(0, |_| columns_bytes::<Column>());
    let detail = record.detail.as_ref().map_or(0, |detail| {
        rows_bytes(&detail.cores)
            + rows_bytes(&detail.softirqs)
            + rows_bytes(&detail.interfaces)
            + rows_bytes(&detail.disks)
            + rows_bytes(&detail.filesystems)
            + rows_bytes(&detail.processes)
            + rows_bytes(&detail.containers)
    });
    // The names and numbers of the ledger, the host's name twice, an address of the API's own.
    1024 + texts + values + detail
}

fn columns_bytes<C: ColumnSet>() -> usize {
    C::ALL.iter().map(|column| column.spec().name.len() + AROUND + NUMBER_BYTES).sum()
}

fn rows_bytes<C: ColumnSet>(rows: &[Row<C>]) -> usize {
    let names: usize = C::LABELS.iter().map(|name| name.len() + AROUND).sum();
    let fixed = columns_bytes::<C>() + names + AROUND;
    let labels = |row: &Row<C>| row.labels.iter().map(|text| text_bytes(text)).sum::<usize>();
    rows.iter().map(|row| fixed + labels(row)).sum()
}

/// A text in quotation marks, with its escapes (RFC 8259 section 7).
fn text_bytes(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    2 + escaped.sum::<usize>()
}

/// A number as its column says: whole ones without a decimal point.
struct Cell(ColumnKind, Option<f64>);

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (_, None) => serializer.serialize_none(),
            (ColumnKind::Real, Some(value)) => serializer.serialize_f64(value),
            #[expect(clippy::cast_possible_truncation, reason = "whole, below 2^53 or saturated")]
            (ColumnKind::Whole, Some(value)) => serializer.serialize_i64(value as i64),
        }
    }
}

/// Host-wide values: all of them, or those chosen.
struct Cells<'a>(&'a Values<Column>, Option<&'a [Column]>);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.1.unwrap_or(Column::ALL).iter().map(|column| {
            let spec = column.spec();
            (spec.name, Cell(spec.kind, self.0.get(*column)))
        }))
    }
}

struct RowShape<'a, C: ColumnSet>(&'a Row<C>);

impl<C: ColumnSet> Serialize for RowShape<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, text) in C::LABELS.iter().zip(&self.0.labels) {
            map.serialize_entry(name, text)?;
        }
        for (column, value) in self.0.values.iter() {
            let spec = column.spec();
            map.serialize_entry(spec.name, &Cell(spec.kind, value))?;
        }
        map.end()
    }
}

struct Rows<'a, C: ColumnSet>(&'a [Row<C>]);

impl<C: ColumnSet> Serialize for Rows<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for row in self.0 {
            list.serialize_element(&RowShape(row))?;
        }
        list.end()
    }
}

struct DetailShape<'a>(&'a Detail);

impl Serialize for DetailShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(7))?;
        map.serialize_entry("core", &Rows::<CoreColumn>(&self.0.cores))?;
        map.serialize_entry("softirq", &Rows::<SoftirqColumn>(&self.0.softirqs))?;
        map.serialize_entry("net", &Rows::<NetColumn>(&self.0.interfaces))?;
        map.serialize_entry("disk", &Rows::<DiskColumn>(&self.0.disks))?;
        map.serialize_entry("filesystem", &Rows::<FilesystemColumn>(&self.0.filesystems))?;
        map.serialize_entry("process", &Rows::<ProcessColumn>(&self.0.processes))?;
        map.serialize_entry("container", &Rows::<ContainerColumn>(&self.0.containers))?;
        map.end()
    }
}

/// An object with a property for each column of `C`, and for each text that names a row.
fn columns_schema<C: ColumnSet>() -> Value {
    let label = |name: &&str| ((*name).to_owned(), json!({ "type": ["string", "null"] }));
    let mut properties: Map<String, Value> = C::LABELS.iter().map(label).collect();
    for column in C::ALL {
        let spec = column.spec();
        let kind = match spec.kind {
            ColumnKind::Whole => "integer",
            ColumnKind::Real => "number",
        };
        let property =
            json!({ "type": [kind, "null"], "description": spec.doc, "x-unit": spec.unit });
        properties.insert(spec.name.to_owned(), property);
    }
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn table_schema<C: ColumnSet>() -> Value {
    json!({ "type": "array", "items": columns_schema::<C>() })
}

/// As [`DetailShape`] writes it.
struct DetailSchema;

impl JsonSchema for DetailSchema {
    fn schema_name() -> Cow<'static, str> {
        "PollDetail".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "What repeats: per core, softirq, interface, disk, filesystem, process, container.",
            "required": ["core", "softirq", "net", "disk", "filesystem", "process", "container"],
            "properties": {
                "core": table_schema::<CoreColumn>(),
                "softirq": table_schema::<SoftirqColumn>(),
                "net": table_schema::<NetColumn>(),
                "disk": table_schema::<DiskColumn>(),
                "filesystem": table_schema::<FilesystemColumn>(),
                "process": table_schema::<ProcessColumn>(),
                "container": table_schema::<ContainerColumn>(),
            },
        })
    }
}

/// As [`Cells`] writes all of them.
struct ValuesSchema;

impl JsonSchema for ValuesSchema {
    fn schema_name() -> Cow<'static, str> {
        "PollValues".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = Schema::try_from(columns_schema::<Column>()).unwrap_or_default();
        let words = "Host-wide values; null is unknown.";
        schema.insert("description".to_owned(), words.into());
        schema
    }
}

impl JsonSchema for PollShape {
    fn schema_name() -> Cow<'static, str> {
        "Poll".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = json!({
            "host": { "type": "string" },
            "slot": generator.subschema_for::<Rfc3339>(),
            "values": generator.subschema_for::<Option<ValuesSchema>>(),
        });
        for field in LEDGER.iter().filter(|field| is_shown(field)) {
            let kind = match field.kind {
                LedgerKind::Whole | LedgerKind::Moment => "integer",
                _ => "string",
            };
            properties[field.name] = match (field.name, field.optional) {
                ("outcome", _) => generator.subschema_for::<Outcome>().into(),
                ("state", _) => generator.subschema_for::<State>().into(),
                (_, false) => json!({ "type": kind }),
                (_, true) => json!({ "type": [kind, "null"] }),
            };
        }
        let required: Vec<String> =
            properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        // There only where it is asked for.
        properties["detail"] = generator.subschema_for::<Option<DetailSchema>>().into();
        json_schema!({
            "type": "object",
            "description": "One poll: the row of the ledger. `/api/v1/columns` explains every name.",
            "required": required,
            "properties": properties,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{HostId, HostName, Outcome, State, Timings, VersionId},
        store::sample,
        units::WallMs,
    };

    fn failed() -> Record {
        Record {
            host: HostId(1),
            name: HostName::new("web-1").unwrap(),
            slot: WallMs(1_774_747_800_250),
            started: WallMs(1_774_747_800_251),
            inventory: VersionId(1),
            outcome: Outcome::Refused,
            state: State::Suspect,
            timings: Timings::default(),
            answer_bytes: None,
            address: Some("web-1:50051".into()),
            error: Some("connection refused".into()),
            boot_id: None,
            clock_skew_ms: None,
            elapsed_ns: None,
            values: None,
            detail: None,
        }
    }

    #[test]
    fn a_poll_is_never_longer_than_it_is_reckoned() {
        let name = sample::name(&"n".repeat(253));
        let mut widest = sample::good(HostId(i64::MAX), &name, WallMs(i64::MAX / 2));
        for (column, _) in widest.values.clone().unwrap().iter() {
            widest.values.as_mut().unwrap().set(column, 1.234_567_890_123_456_7e12);
        }
        let odd = "\"\\\n\u{1f}ä";
        let row = sample::row(&[&odd.repeat(100)], vec![Some(1.0 / 3.0); 16]);
        widest.detail.as_mut().unwrap().interfaces = vec![row; 1000];
        widest.error = Some(odd.repeat(60).into());
        let failed = Record { error: Some(odd.repeat(60).into()), ..failed() };
        for record in [widest, failed, sample::good(HostId(1), &name, WallMs(0))] {
            let reckoned = json_bytes(&record);
            let json = serde_json::to_string(&PollShape::new(Arc::new(record), true)).unwrap();
            assert!(json.len() <= reckoned, "{} of {reckoned}", json.len());
            assert!(json.len() * 6 > reckoned, "{} of {reckoned}", json.len());
        }
    }

    #[test]
    fn a_failed_poll_has_null_values_and_null_detail() {
        let json = serde_json::to_value(PollShape::new(Arc::new(failed()), true)).unwrap();
        assert_eq!(json["values"], serde_json::Value::Null);
        assert_eq!(json["detail"], serde_json::Value::Null);
        assert_eq!(json["slot"], "2026-03-29T01:30:00.250Z");
    }

    #[test]
    fn an_unknown_value_is_null_and_present_and_whole_numbers_have_no_point() {
        let mut values = Values::<Column>::default();
        values.set(Column::MemTotalBytes, 8_589_934_592.0);
        values.set(Column::Load1, 0.25);
        let record = Record { outcome: Outcome::Ok, values: Some(values), ..failed() };
        let text = serde_json::to_string(&PollShape::new(Arc::new(record), false)).unwrap();
        assert!(text.contains("\"mem_total_bytes\":8589934592,"), "{text}");
        assert!(text.contains("\"load_1\":0.25,"), "{text}");
        assert!(text.contains("\"cpu_busy_pct\":null,"), "{text}");
        assert!(!text.contains("\"detail\""), "detail was not asked for: {text}");
    }
}
