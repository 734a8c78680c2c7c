//! Every name that a poll's JSON can hold, with its unit: the answer of `/api/v1/columns`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    Column, ColumnKind, ColumnSet, ColumnSpec, DetailTable, Family, LEDGER, Metric, Unit,
};

/// One column, explained.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ColumnShape {
    /// Its name in JSON and SQL.
    pub name: &'static str,
    /// What it says of the time between two polls: `gauge`, how it was at the moment of the poll;
    /// `counter`, how much one or more counters grew, per second or as a mean; `share`, what part of
    /// that time.
    pub kind: Metric,
    /// Its unit.
    pub unit: Unit,
    /// Whether it holds whole numbers only.
    pub whole: bool,
    /// The family it comes from; none for what the server measures itself.
    pub family: Option<Family>,
    /// The file of the kernel, or the system call, that it comes from; none for what the server
    /// measures itself.
    pub source: Option<&'static str>,
    /// The first kernel that has it; none where every kernel from 2.6.32 on has.
    pub since_kernel: Option<&'static str>,
    /// Its name as a metric of `/metrics/hosts`: a gauge in base units, or the counter whose rate it is. None for
    /// sums of rates, and for what the server measures itself.
    pub prometheus: Option<String>,
    /// The metric of node_exporter that is the same, or that it is made of: the counter of a rate, the
    /// devices' parts of a sum. None where node_exporter has none.
    pub node_exporter: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
}

/// The columns of one list in `detail`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TableShape {
    /// The list's name in `detail`.
    pub name: &'static str,
    /// The texts that name a row.
    pub labels: &'static [&'static str],
    /// The numbers of a row.
    pub columns: Vec<ColumnShape>,
}

/// Every column of a poll.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Glossary {
    /// What the server measures of the poll itself; stands beside `values`.
    pub poll: Vec<ColumnShape>,
    /// Host-wide columns, in `values`.
    pub values: Vec<ColumnShape>,
    /// What repeats, in `detail`.
    pub detail: Vec<TableShape>,
}

fn columns(of: &str, specs: &[ColumnSpec]) -> Vec<ColumnShape> {
    let one = |spec: &ColumnSpec| ColumnShape {
        name: spec.name,
        kind: spec.metric,
        unit: spec.unit,
        whole: spec.kind == ColumnKind::Whole,
        family: Some(spec.family),
        source: Some(spec.source),
        since_kernel: spec.since,
        prometheus: spec.prometheus(of),
        node_exporter: spec.node_exporter,
        meaning: spec.doc,
    };
    specs.iter().map(one).collect()
}

fn table(table: &DetailTable) -> TableShape {
    let name = table.as_str();
    TableShape { name, labels: table.labels(), columns: columns(name, table.specs()) }
}

impl Glossary {
    /// Explains every column there is.
    #[must_use]
    pub fn new() -> Self {
        let numbers = LEDGER.iter().filter_map(|field| Some((field.name, field.about?)));
        let poll = numbers.map(|(name, (unit, meaning))| ColumnShape {
            name,
            kind: Metric::Gauge,
            unit,
            whole: true,
            family: None,
            source: None,
            since_kernel: None,
            prometheus: None,
            node_exporter: None,
            meaning,
        });
        Self {
            poll: poll.collect(),
            values: columns("host", Column::SPECS),
            detail: DetailTable::ALL.iter().map(table).collect(),
        }
    }
}

impl Default for Glossary {
    fn default() -> Self {
        Self::new()
    }
}
