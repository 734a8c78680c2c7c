//! Rows of an export, and how they are written: CSV or a JSON document per line.

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use crate::{
    cli::CliError,
    model::{
        Column, ColumnKind, ColumnSet, ContainerColumn, CoreColumn, Detail, DiskColumn,
        FilesystemColumn, NetColumn, ProcessColumn, Record, SoftirqColumn,
    },
    store::{Bucket, SqlValue},
    text::csv_text,
};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Csv,
    Jsonl,
}

/// What repeats in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportTable {
    Core,
    Softirq,
    Net,
    Disk,
    Filesystem,
    Process,
    Container,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    Number(ColumnKind, f64),
    Whole(i128),
    Unknown,
}

impl Cell {
    fn number(kind: ColumnKind, value: Option<f64>) -> Self {
        value.map_or(Self::Unknown, |value| Self::Number(kind, value))
    }

    fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Text(text.to_owned()))
    }

    fn count(count: u32) -> Self {
        Self::Number(ColumnKind::Whole, f64::from(count))
    }

    fn csv(&self, out: &mut String) {
        match self {
            Self::Text(text) => csv_text(text, out),
            Self::Number(ColumnKind::Whole, number) => out.push_str(&format!("{number:.0}")),
            Self::Number(ColumnKind::Real, number) => out.push_str(&number.to_string()),
            Self::Whole(number) => out.push_str(&number.to_string()),
            Self::Unknown => {}
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            #[expect(clippy::cast_possible_truncation, reason = "whole, below 2^53 or saturated")]
            Self::Number(ColumnKind::Whole, number) => serializer.serialize_i64(*number as i64),
            Self::Number(ColumnKind::Real, number) => serializer.serialize_f64(*number),
            Self::Whole(number) => serializer.serialize_i128(*number),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// A row as a JSON object, in the order of its names.
struct Named<'a>(&'a [String], &'a [Cell]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

/// One row.
pub(super) struct ExportRow(Vec<Cell>);

impl ExportRow {
    fn of_poll(record: &Record, columns: &[Column]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let call = record.timings.call_us.map(|us| us.0 as f64);
        let mut cells = vec![
            Cell::Text(record.slot.to_string()),
            Cell::Text(record.outcome.to_string()),
            Cell::Text(record.state.to_string()),
            Cell::number(ColumnKind::Whole, call),
            Cell::text(record.error.as_deref()),
        ];
        cells.extend(columns.iter().map(|column| {
            let value = record.values.as_ref().and_then(|values| values.get(*column));
            Cell::number(column.spec().kind, value)
        }));
        Self(cells)
    }

    /// A row of an answer of the store's own.
    pub(super) fn of_sql(values: Vec<SqlValue>) -> Self {
        let cell = |value| match value {
            SqlValue::Null => Cell::Unknown,
            SqlValue::Whole(number) => Cell::Whole(number),
            SqlValue::Real(number) => Cell::Number(ColumnKind::Real, number),
            SqlValue::Text(text) => Cell::Text(text),
            SqlValue::Bytes(bytes) => {
                let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                Cell::Text(format!("0x{}", digits.collect::<String>()))
            }
        };
        Self(values.into_iter().map(cell).collect())
    }

    /// An hour in short.
    pub(super) fn of_hour(bucket: &Bucket, columns: &[Column]) -> Self {
        let mut cells = vec![
            Cell::Text(bucket.start.to_string()),
            Cell::count(bucket.polls),
            Cell::count(bucket.failed),
        ];
        for (column, stat) in columns.iter().zip(&bucket.stats) {
            let kind = column.spec().kind;
            cells.extend([
                Cell::number(ColumnKind::Real, stat.avg()),
                Cell::number(kind, stat.min()),
                Cell::number(kind, stat.max()),
                Cell::count(stat.count),
            ]);
        }
        Self(cells)
    }
}

fn csv(row: &ExportRow, out: &mut String) {
    for (position, cell) in row.0.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        cell.csv(out);
    }
}

fn repeated<C: ColumnSet>(record: &Record, rows: &[crate::model::Row<C>]) -> Vec<ExportRow> {
    let row = |row: &crate::model::Row<C>| {
        let mut cells = vec![Cell::Text(record.slot.to_string())];
        cells.extend(row.labels.iter().map(|label| Cell::text(Some(label))));
        let values = row.values.iter();
        cells.extend(values.map(|(column, value)| Cell::number(column.spec().kind, value)));
        ExportRow(cells)
    };
    rows.iter().map(row).collect()
}

fn names_of<C: ColumnSet>() -> Vec<String> {
    let values = C::ALL.iter().map(|column| column.spec().name);
    let names = ["time"].into_iter().chain(C::LABELS.iter().copied()).chain(values);
    names.map(str::to_owned).collect()
}

impl ExportTable {
    fn names(self) -> Vec<String> {
        match self {
            Self::Core => names_of::<CoreColumn>(),
            Self::Softirq => names_of::<SoftirqColumn>(),
            Self::Net => names_of::<NetColumn>(),
            Self::Disk => names_of::<DiskColumn>(),
            Self::Filesystem => names_of::<FilesystemColumn>(),
            Self::Process => names_of::<ProcessColumn>(),
            Self::Container => names_of::<ContainerColumn>(),
        }
    }

    fn rows(self, record: &Record, detail: &Detail) -> Vec<ExportRow> {
        match self {
            Self::Core => repeated(record, &detail.cores),
            Self::Softirq => repeated(record, &detail.softirqs),
            Self::Net => repeated(record, &detail.interfaces),
            Self::Disk => repeated(record, &detail.disks),
            Self::Filesystem => repeated(record, &detail.filesystems),
            Self::Process => repeated(record, &detail.processes),
            Self::Container => repeated(record, &detail.containers),
        }
    }
}

/// The names over the rows, each with its unit at the end.
pub(super) struct ExportHeader<'a> {
    names: Vec<String>,
    columns: &'a [Column],
    table: Option<ExportTable>,
}

impl<'a> ExportHeader<'a> {
    pub(super) fn of_polls(table: Option<ExportTable>, columns: &'a [Column]) -> Self {
        let ledger = ["time", "outcome", "state", "call_us", "error"];
        let values = columns.iter().map(|column| column.spec().name);
        let names = match table {
            Some(table) => table.names(),
            None => ledger.into_iter().chain(values).map(str::to_owned).collect(),
        };
        Self { names, columns, table }
    }

    /// Those of an answer of the store's own.
    pub(super) fn of_names(names: Vec<String>) -> Self {
        Self { names, columns: &[], table: None }
    }

    pub(super) fn of_hours(columns: &'a [Column]) -> Self {
        let mut names = ["time", "polls", "polls_failed"].map(str::to_owned).to_vec();
        for column in columns {
            let name = column.spec().name;
            names.extend(["avg", "min", "max", "count"].map(|part| format!("{name}_{part}")));
        }
        Self { names, columns, table: None }
    }

    /// What stands before the first row.
    pub(super) fn head(&self, format: Format) -> String {
        match format {
            Format::Csv => {
                let mut head = String::new();
                let names = self.names.iter().cloned().map(Cell::Text).collect();
                csv(&ExportRow(names), &mut head);
                head + "\n"
            }
            Format::Jsonl => String::new(),
        }
    }

    /// The rows of a poll: one, or one for each that repeats.
    pub(super) fn add_poll(
        &self,
        record: &Record,
        format: Format,
        out: &mut String,
    ) -> Result<(), CliError> {
        match (self.table, &record.detail) {
            (None, _) => self.add(&ExportRow::of_poll(record, self.columns), format, out),
            (Some(table), Some(detail)) => table
                .rows(record, detail)
                .into_iter()
                .try_for_each(|row| self.add(&row, format, out)),
            (Some(_), None) => Ok(()),
        }
    }

    pub(super) fn add(
        &self,
        row: &ExportRow,
        format: Format,
        out: &mut String,
    ) -> Result<(), CliError> {
        match format {
            Format::Csv => csv(row, out),
            Format::Jsonl => {
                let line = serde_json::to_string(&Named(&self.names, &row.0));
                *out += &line.map_err(|error| CliError::Output(error.into()))?;
            }
        }
        out.push('\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::HostId, store::sample};

    #[test]
    fn texts_are_quoted_and_the_unknown_is_empty() {
        let name = sample::name("web-1");
        let mut poll = sample::failed(HostId(1), &name, sample::START, "no \"route\",\nat all");
        let columns = [Column::CpuBusyPct, Column::MemTotalBytes];
        let sheet = ExportHeader::of_polls(None, &columns);
        let mut out = sheet.head(Format::Csv);
        sheet.add_poll(&poll, Format::Csv, &mut out).unwrap();
        poll = sample::good(HostId(1), &name, sample::START);
        sheet.add_poll(&poll, Format::Csv, &mut out).unwrap();
        sheet.add_poll(&poll, Format::Jsonl, &mut out).unwrap();
        assert_eq!(
            out,
            "time,outcome,state,call_us,error,cpu_busy_pct,mem_total_bytes\n\
             2026-03-29T01:30:00.250Z,refused,suspect,,\"no \"\"route\"\",\nat all\",,\n\
             2026-03-29T01:30:00.250Z,ok,up,4200,,1005.125,1018\n\
             {\"time\":\"2026-03-29T01:30:00.250Z\",\"outcome\":\"ok\",\"state\":\"up\",\
             \"call_us\":4200,\"error\":null,\"cpu_busy_pct\":1005.125,\"mem_total_bytes\":1018}\n"
        );
    }

    #[test]
    fn no_spreadsheet_runs_what_a_host_has_named() {
        let csv = |text: &str| {
            let mut out = String::new();
            Cell::Text(text.to_owned()).csv(&mut out);
            out
        };
        for (text, cell) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("@SUM(1)", "'@SUM(1)"),
            ("+1-1", "'+1-1"),
            ("-inf", "'-inf"),
            ("-", "'-"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("\u{ff1d}1+1", "'\u{ff1d}1+1"),
            ("-1.5", "-1.5"),
            ("+2e3", "+2e3"),
            ("eth0=", "eth0="),
            ("/mnt/-x", "/mnt/-x"),
            ("", ""),
        ] {
            assert_eq!(csv(text), cell, "{text:?}");
        }
        let mut out = String::new();
        Cell::Number(ColumnKind::Real, -1.5).csv(&mut out);
        assert_eq!(out, "-1.5");
    }

    #[test]
    fn each_table_has_as_many_names_as_values() {
        let poll = sample::good(HostId(1), &sample::name("a"), sample::START);
        for table in ExportTable::value_variants() {
            let rows = table.rows(&poll, poll.detail.as_ref().unwrap());
            assert!(!rows.is_empty(), "{table:?}");
            for ExportRow(cells) in rows {
                assert_eq!(cells.len(), table.names().len(), "{table:?}");
            }
        }
    }
}
