//! The tables and views that follow from the list of columns, as SQLite makes them. Text alone:
//! `migrate` brings a file to it.

mod sealed;

use super::{hours, reckoned};
use crate::{
    model::{ColumnKind, ColumnSpec, LEDGER, LedgerKind},
    store::shown::{self, Repeating, Shows, VIEWS},
};

/// A table that grows with the list of columns.
#[derive(Debug)]
pub(super) struct TableDef {
    pub(super) name: &'static str,
    /// Each column's name, with its type and what else is said of it.
    pub(super) columns: Vec<(String, String)>,
    /// Keys and checks.
    rules: String,
    options: &'static str,
    /// The statement that makes its index where it is not.
    pub(super) index: Option<String>,
}

impl TableDef {
    /// The statement that makes it where it is not.
    pub(super) fn create(&self) -> String {
        let Self { name, rules, options, .. } = self;
        let columns: String =
            self.columns.iter().map(|(name, kind)| format!("  {name} {kind},\n")).collect();
        format!("CREATE TABLE IF NOT EXISTS {name} (\n{columns}{rules}\n) {options}")
    }
}

/// The columns of a poll before its values: moments are milliseconds since 1970.
fn ledger_columns() -> impl Iterator<Item = (String, String)> {
    LEDGER.iter().map(|field| {
        let kind = match field.kind {
            LedgerKind::Whole | LedgerKind::Moment => "INTEGER",
            LedgerKind::Word(_) | LedgerKind::Name(_) | LedgerKind::Text | LedgerKind::LongText => {
                "TEXT"
            }
        };
        let rule = if field.optional { "" } else { " NOT NULL" };
        (field.name.to_owned(), format!("{kind}{rule}"))
    })
}

/// Columns that one CHECK looks at: a function takes 127 values at most.
const CHECKED: usize = 100;

pub(super) fn kept_as(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Whole => "INTEGER",
        ColumnKind::Real => "REAL",
    }
}

/// The tables that grow with the list of columns.
pub(super) fn tables() -> [TableDef; 3] {
    [poll(), rollup_hour(), poll_hour()]
}

/// One row per attempt: ledger and sample in one. A failed attempt has no values; the CHECKs hold that
/// for the columns that there were when the file was made. A rowid table on purpose: rows of 3 to 4 KB are
/// appended in the order of time, at a third of the CPU and half of the bytes written of a table
/// ordered by host (WITHOUT ROWID). `detail` is what repeats, JSON.
fn poll() -> TableDef {
    let owned = |(name, kind): (&str, &str)| (name.to_owned(), kind.to_owned());
    let values = shown::all().map(|column| owned((column.name, kept_as(column.kind))));
    let names: Vec<_> = shown::all().map(|column| column.name).collect();
    let checks = names.chunks(CHECKED).map(|names| {
        format!(",\n  CHECK (detail IS NOT NULL OR coalesce({}) IS NULL)", names.join(", "))
    });
    let outcomes = "  PRIMARY KEY (host_id, slot_ms),\n  \
                    CHECK ((detail IS NOT NULL) = (outcome IN ('ok', 'partial')))";
    TableDef {
        name: "poll",
        columns: ledger_columns().chain(values).chain([owned(("detail", "TEXT"))]).collect(),
        rules: outcomes.to_owned() + &checks.collect::<String>(),
        options: "STRICT",
        index: None,
    }
}

/// One row per host and hour: of each column the mean, the least, the most, and of how many polls these
/// are; and how its time went. Kept for years where polls are kept for weeks. NULL is unknown; a count of 0 is why.
fn rollup_hour() -> TableDef {
    let key = ["host_id", "hour_ms", "polls", "polls_failed"];
    let key = key.map(|name| (name.to_owned(), "INTEGER NOT NULL".to_owned())).into_iter();
    let reckoned = reckoned::COLUMNS.map(|name| (name.to_owned(), "INTEGER".to_owned()));
    let values = shown::all().flat_map(|ColumnSpec { name, kind, .. }| {
        let kind = kept_as(*kind);
        [
            (format!("{name}_avg"), "REAL".to_owned()),
            (format!("{name}_min"), kind.to_owned()),
            (format!("{name}_max"), kind.to_owned()),
            (format!("{name}_count"), "INTEGER NOT NULL DEFAULT 0".to_owned()),
        ]
    });
    TableDef {
        name: "rollup_hour",
        columns: key.chain(reckoned).chain(values).collect(),
        rules: "  PRIMARY KEY (host_id, hour_ms)".to_owned(),
        options: "STRICT, WITHOUT ROWID",
        index: Some(reckoned::index()),
    }
}

/// Sealed history: polls of a host and an hour, packed (`store::sealed`). In `docs` a text for each view lies,
/// one after another, and before them that of the times; `NAME_at` says where each begins, counted from 1,
/// and `NAME_bytes` how long it is unpacked. A rowid table for the reason of `poll`.
fn poll_hour() -> TableDef {
    let integer = |name: String| (name, "INTEGER".to_owned());
    let first = hours::FIRST.map(|name| (name.to_owned(), "INTEGER NOT NULL".to_owned()));
    let docs = [("docs".to_owned(), "BLOB NOT NULL".to_owned())];
    TableDef {
        name: "poll_hour",
        columns: first.into_iter().chain(hours::places().map(integer)).chain(docs).collect(),
        rules: "  PRIMARY KEY (host_id, hour_ms, part)".to_owned(),
        options: "STRICT",
        index: None,
    }
}

/// Every view, by its name, with the statement that makes it. `sealed`: there are packed hours, which the
/// views show with a function that not every program has.
pub(super) fn views(sealed: bool) -> Vec<(&'static str, String)> {
    let over_polls = VIEWS.iter().map(|view| {
        let (mut selects, packed) = match &view.shows {
            Shows::HostWide(families) => {
                let columns = shown::of(families);
                (vec![host_wide(&columns)], sealed::host_wide(view.name, &columns))
            }
            Shows::Repeating(what) => (repeating(what), sealed::repeating(view.name, what)),
        };
        selects.extend(packed.into_iter().filter(|_| sealed));
        (view.name, selects)
    });
    let ledger = [ledger()].into_iter().chain(sealed.then(sealed::ledger)).collect();
    let all = over_polls.chain([("ledger", ledger), ("host_hour", vec![host_hour()])]);
    let all = all.chain([("host_day", vec![reckoned::host_day()])]);
    let all =
        all.chain([("alert_now", vec![alert_now()]), ("alert_history", vec![alert_history()])]);
    let all = all.chain([("alert_delivery", vec![alert_delivery()])]);
    all.map(|(name, selects)| {
        (name, format!("CREATE VIEW {name} AS\n{}", selects.join("\nUNION ALL\n")))
    })
    .collect()
}

/// Whose a row is and when.
const FIRST: &str = "  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', p.slot_ms / 1000.0, 'unixepoch') AS time,
  p.slot_ms AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', p.slot_ms / 1000.0, 'unixepoch') AS hour";

const WITH_VALUES: &str = "\nWHERE p.detail IS NOT NULL";

/// Rows of polls; `from` joins what else is needed, `and` narrows.
fn select(shown: &[String], from: &str, and: &str) -> String {
    format!(
        "SELECT\n{}\nFROM poll p JOIN host h ON h.id = p.host_id{from}{and}",
        listed(FIRST, shown)
    )
}

pub(super) fn listed(first: &str, shown: &[String]) -> String {
    let rest = shown.iter().map(|column| format!(",\n  {column}"));
    first.to_owned() + &rest.collect::<String>()
}

fn host_wide(columns: &[&ColumnSpec]) -> String {
    let shown: Vec<_> = columns.iter().map(|column| format!("p.{}", column.name)).collect();
    select(&shown, "", WITH_VALUES)
}

fn repeating(what: &Repeating) -> Vec<String> {
    let (names, columns) = (what.table.labels(), what.table.specs());
    let cell = |position: usize| format!("json_extract(e.value, '$[{position}]')");
    let labels =
        names.iter().enumerate().map(|(position, label)| format!("{} AS {label}", cell(position)));
    let values = (names.len()..).zip(columns).map(|(position, column)| {
        format!("CAST({} AS {}) AS {}", cell(position), kept_as(column.kind), column.name)
    });
    let shown: Vec<_> = labels.chain(values).collect();
    let from = format!(", json_each(p.detail, '$.{}') e", what.table);
    let rows = select(&shown, &from, WITH_VALUES);
    match what.total {
        None => vec![rows],
        Some(prefix) => {
            let label = names.first().copied().unwrap_or_default();
            let label = format!("'{prefix}' AS {label}");
            let totals = columns.iter().map(|column| format!("p.{prefix}_{0} AS {0}", column.name));
            let shown: Vec<_> = [label].into_iter().chain(totals).collect();
            vec![select(&shown, "", WITH_VALUES), rows]
        }
    }
}

/// Every attempt, with how it ended and where its time went.
fn ledger() -> String {
    const INVENTORY: usize = 3;
    let names = LEDGER.map(|field| format!("p.{}", field.name));
    let shown = [&names[INVENTORY + 1..], &names[INVENTORY..=INVENTORY]].concat();
    select(&shown, "", "")
}

/// Hours with the host's name.
fn host_hour() -> String {
    let mut shown = vec!["r.polls".to_owned(), "r.polls_failed".to_owned()];
    shown.extend(shown::all().flat_map(|column| {
        ["avg", "min", "max", "count"].map(|what| format!("r.{}_{what}", column.name))
    }));
    let first = "  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.hour_ms / 1000.0, 'unixepoch') AS time,
  r.hour_ms AS time_ms";
    format!("SELECT\n{}\nFROM rollup_hour r JOIN host h ON h.id = r.host_id", listed(first, &shown))
}

/// The server itself is no row of `host`.
const OF_ALARM: &str = "  coalesce(h.name, 'roundsman:server') AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', a.slot_ms / 1000.0, 'unixepoch') AS time,
  a.slot_ms AS time_ms,
  a.rule,
  a.row_key";

fn moment(name: &str) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', a.{name}_ms / 1000.0, 'unixepoch') AS {name}")
}

/// The alarms that are not ok, with the host's name.
fn alert_now() -> String {
    let plain = ["state", "severity", "value"].map(|name| format!("a.{name}"));
    let shown: Vec<_> = plain.into_iter().chain(["since", "fired", "known"].map(moment)).collect();
    let of = "FROM alert a LEFT JOIN host h ON h.id = a.host_id";
    format!("SELECT\n{},\n  a.polls\n{of}", listed(OF_ALARM, &shown))
}

/// How alarms changed, with the host's name.
fn alert_history() -> String {
    let shown = ["from_state", "to_state", "severity", "value", "cause", "summary"];
    let shown: Vec<_> =
        shown.map(|name| format!("a.{name}")).into_iter().chain([moment("at")]).collect();
    let of = "FROM alert_event a LEFT JOIN host h ON h.id = a.host_id";
    format!("SELECT\n{}\n{of}", listed(OF_ALARM, &shown))
}

/// Who was told of which alarm: a row per message and alarm.
fn alert_delivery() -> String {
    const FIRST: &str = "  coalesce(h.name, 'roundsman:server') AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', a.ended_ms / 1000.0, 'unixepoch') AS time,
  a.ended_ms AS time_ms";
    let told = ["rule", "row_key", "says", "severity"].into_iter().zip([0, 2, 3, 4]);
    let told = told.map(|(name, place)| format!("json_extract(e.value, '$[{place}]') AS {name}"));
    let plain = ["channel", "route", "kind", "state", "tries", "answer"];
    let plain = plain.map(|name| format!("a.{name}"));
    let shown: Vec<_> = told
        .chain(plain)
        .chain(["made", "first_tried"].map(moment))
        .chain(["a.message".to_owned()])
        .collect();
    let of = "FROM delivery a, json_each(a.alarms) e
LEFT JOIN host h ON h.id = json_extract(e.value, '$[1]')";
    format!("SELECT\n{}\n{of}", listed(FIRST, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every statement, as one reads it: what a change of the list of columns changes.
    #[test]
    fn every_statement_is_what_it_was() {
        let tables = tables();
        let made = tables.iter().map(TableDef::create);
        let all: Vec<_> = made.chain(tables.iter().filter_map(|of| of.index.clone())).collect();
        let views = views(true).into_iter().map(|(_, statement)| statement);
        let all: Vec<_> = all.into_iter().chain(views).collect();
        insta::assert_snapshot!(all.join(";\n\n"));
    }
}
