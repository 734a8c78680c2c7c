//! The tables and views that follow from the list of columns, as MySQL and MariaDB make them. Text
//! alone: `reconcile` brings a database to it.

mod alerts;
mod sealed;

use super::reckoned;
use crate::{
    model::{ColumnKind, ColumnSpec, LEDGER, LedgerField, LedgerKind, Unit},
    store::{
        sealed::{Form, is_kept_as_rows},
        shown::{self, Repeating, Shows, VIEWS},
    },
};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) name: String,
    /// Its type, and what else is said of it.
    pub(super) kind: String,
}

/// A table that grows with the list of columns.
#[derive(Debug)]
pub(super) struct TableDef {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Definition>,
    /// Keys and checks.
    rules: &'static str,
    /// Its key beside the primary one: name and columns.
    pub(super) key: Option<(&'static str, &'static [&'static str])>,
    /// How it begins to be partitioned: by which column, below which moment.
    partitions: (&'static str, &'static str, &'static str),
}

impl TableDef {
    /// The statement that makes it where it is not.
    pub(super) fn create(&self) -> String {
        let Self { name, rules, partitions: (column, partition, below), .. } = self;
        let key = self.key().map_or_else(String::new, |key| format!(",\n  {key}"));
        let line = |Definition { name, kind }: &Definition| format!("  {name} {kind},\n");
        let columns: String = self.columns.iter().map(line).collect();
        format!(
            "CREATE TABLE IF NOT EXISTS {name} (\n{columns}{rules}{key}\n) ENGINE = InnoDB \
             ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin\n\
             PARTITION BY RANGE COLUMNS ({column}) (\n  PARTITION {partition} VALUES LESS THAN ('{below}')\n)"
        )
    }
}

impl TableDef {
    /// Its second key, as it stands in a statement.
    pub(super) fn key(&self) -> Option<String> {
        self.key.map(|(name, columns)| format!("KEY {name} ({})", columns.join(", ")))
    }
}

/// Whether a column is a FLOAT: shares and loads, which are small enough for it to keep their
/// thousandths.
pub(super) fn is_single(spec: &ColumnSpec) -> bool {
    spec.kind == ColumnKind::Real && matches!(spec.unit, Unit::Percent | Unit::Number)
}

/// A column of the ledger: its name, its type, and whether a poll may be without it.
type LedgerColumn = (&'static str, String, bool);

/// What a field of the ledger is called here, where moments are of their own type.
pub(super) fn ledger_name(field: &LedgerField) -> &'static str {
    match field.name {
        "slot_ms" => "ts",
        "started_ms" => "started",
        name => name,
    }
}

/// The columns of a poll before its values. A sealed hour's ledger has those after the first two, in
/// this order. Moments are UTC to the millisecond, for Grafana's $__timeFilter(ts).
fn ledger_columns() -> impl Iterator<Item = LedgerColumn> {
    LEDGER.iter().map(|field| {
        let kind = match field.kind {
            LedgerKind::Whole => "BIGINT".to_owned(),
            LedgerKind::Moment => "DATETIME(3)".to_owned(),
            LedgerKind::Word(bytes) => format!("VARCHAR({bytes}) {ASCII}"),
            LedgerKind::Name(characters) => format!("VARCHAR({characters})"),
            LedgerKind::Text => "TEXT".to_owned(),
            LedgerKind::LongText => "MEDIUMTEXT".to_owned(),
        };
        (ledger_name(field), kind, field.optional)
    })
}

/// The ledger's columns that the view of that name shows, with their position in the table.
fn shown_ledger() -> Vec<(usize, LedgerColumn)> {
    const INVENTORY: usize = 3;
    let all: Vec<_> = ledger_columns().enumerate().collect();
    [&all[INVENTORY + 1..], &all[INVENTORY..=INVENTORY]].concat()
}

/// How a text is kept, where its type does not say so; and a word.
const TEXTS: &str = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const ASCII: &str = "CHARACTER SET ascii COLLATE ascii_bin";

/// The type of a host-wide column. Shares and loads are FLOAT, which keeps thousandths up to 16,384;
/// other measured values are DOUBLE, for a FLOAT does not keep a rate of gigabytes to the thousandth.
fn kept_as(column: &ColumnSpec) -> &'static str {
    if is_single(column) { "FLOAT" } else { number(column.kind) }
}

fn number(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Whole => "BIGINT",
        ColumnKind::Real => "DOUBLE",
    }
}

/// The tables that grow with the list of columns.
pub(super) fn tables() -> [TableDef; 2] {
    [poll(), rollup_hour()]
}

/// One row per attempt: ledger and sample in one. A failed attempt has no values.
///
/// One partition per day, made ahead and dropped whole: `pYYYYMMDD` holds that day; `gYYYYMMDD` holds the
/// days before it that have none, and is empty. Hosts first in the key: the rows of one host and day lie
/// together. `detail` is what repeats: JSON in the form of COMPRESS().
fn poll() -> TableDef {
    let definition = |name: &str, kind: String| Definition { name: name.to_owned(), kind };
    let ledger = ledger_columns().map(|(name, kind, optional)| {
        definition(name, format!("{kind}{}", if optional { "" } else { " NOT NULL" }))
    });
    let values = shown::all().map(|column| definition(column.name, kept_as(column).to_owned()));
    let detail = definition("detail", "MEDIUMBLOB".to_owned());
    TableDef {
        name: "poll",
        columns: ledger.chain(values).chain([detail]).collect(),
        rules: "  PRIMARY KEY (host_id, ts),\n  \
                CHECK ((detail IS NOT NULL) = (outcome IN ('ok', 'partial')))",
        key: None,
        partitions: ("ts", "g20000101", "2000-01-01"),
    }
}

/// One row per host and hour: of each column the mean, the least, the most, and of how many polls these
/// are; and how its time went. Kept for years where polls are kept for weeks, so it is small: FLOATs, exact to 1 in 10 million,
/// and no count where it is that of all good polls (`polls - polls_failed`). An unknown mean is one of no
/// polls. The view `host_hour` shows every count, and whole numbers as such.
///
/// `ts` is when the hour begins, in UTC. One partition per month, as those of `poll` per day.
fn rollup_hour() -> TableDef {
    let definition = |name: String, kind: &str| Definition { name, kind: kind.to_owned() };
    let key = [
        ("host_id", "BIGINT NOT NULL"),
        ("ts", "DATETIME NOT NULL"),
        ("polls", "INT UNSIGNED NOT NULL"),
        ("polls_failed", "INT UNSIGNED NOT NULL"),
    ];
    let key = key.into_iter().map(|(name, kind)| definition(name.to_owned(), kind));
    let reckoned = reckoned::COLUMNS.map(|(name, kind)| definition(name.to_owned(), kind));
    let values = shown::all().flat_map(|ColumnSpec { name, .. }| {
        [
            definition(format!("{name}_avg"), "FLOAT"),
            definition(format!("{name}_min"), "FLOAT"),
            definition(format!("{name}_max"), "FLOAT"),
            definition(format!("{name}_count"), "SMALLINT UNSIGNED"),
        ]
    });
    TableDef {
        name: "rollup_hour",
        columns: key.chain(reckoned).chain(values).collect(),
        rules: "  PRIMARY KEY (host_id, ts)",
        key: Some(("reckoned", &reckoned::KEY)),
        partitions: ("ts", "g200001", "2000-01-01"),
    }
}

/// Every view, by its name, with the statement that makes it.
pub(super) fn views() -> Vec<(&'static str, String)> {
    let over_polls = VIEWS.iter().map(|view| {
        let halves = match &view.shows {
            Shows::HostWide(families) => host_wide(view.name, &shown::of(families)),
            Shows::Repeating(what) => repeating(view.name, what),
        };
        (view.name, halves)
    });
    let all = over_polls.chain([("ledger", ledger()), ("host_hour", vec![host_hour()])]);
    let all = all.chain([("host_day", vec![reckoned::host_day()])]);
    let all = all.chain([
        ("alert_now", vec![alerts::alert_now()]),
        ("alert_history", vec![alerts::alert_history()]),
    ]);
    let all = all.chain([("alert_delivery", vec![alerts::alert_delivery()])]);
    all.map(|(name, halves)| {
        let body = halves.join("\nUNION ALL\n");
        (name, format!("CREATE OR REPLACE SQL SECURITY INVOKER VIEW {name} AS\n{body}"))
    })
    .collect()
}

/// Whose a row is and when, of polls that are not sealed.
const LIVE: &str = "  h.name AS host,
  p.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', p.ts) DIV 1000 AS time_ms,
  CAST(DATE_FORMAT(p.ts, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour";

/// Rows of polls that are not sealed; `from` joins what else is needed, `and` narrows.
fn live(shown: &[String], from: &str, and: &str) -> String {
    format!(
        "SELECT\n{}\nFROM seal s JOIN poll p ON p.ts >= s.sealed_before JOIN host h ON h.id = \
         p.host_id{from}\nWHERE s.id = 1{and}",
        listed(LIVE, shown)
    )
}

fn listed(first: &str, shown: &[String]) -> String {
    let rest = shown.iter().map(|column| format!(",\n  {column}"));
    first.to_owned() + &rest.collect::<String>()
}

/// A column of a JSON array.
fn at(name: &str, kind: &str, position: usize) -> String {
    format!("{name} {kind} PATH '$[{position}]'")
}

fn of_text(name: &str) -> String {
    format!("e.{name}")
}

/// A column of `poll` as a view shows it: a FLOAT rounded back to the thousandth that was kept.
fn of_poll(column: &ColumnSpec, shown_as: &str) -> String {
    let name = column.name;
    match (is_single(column), name == shown_as) {
        (true, _) => format!("ROUND(p.{name} + 0e0, 3) AS {shown_as}"),
        (false, true) => format!("p.{name}"),
        (false, false) => format!("p.{name} AS {shown_as}"),
    }
}

const WITH_VALUES: &str = " AND p.detail IS NOT NULL";

fn host_wide(text: &str, columns: &[&ColumnSpec]) -> Vec<String> {
    let of_polls: Vec<_> = columns.iter().map(|column| of_poll(column, column.name)).collect();
    let of_texts: Vec<_> = columns.iter().map(|column| of_text(column.name)).collect();
    let in_text =
        (1..).zip(columns).map(|(position, column)| at(column.name, number(column.kind), position));
    let in_text: Vec<_> = in_text.collect();
    let all = columns.iter().enumerate().map(|(at, column)| (at, column.name.to_owned()));
    vec![
        live(&of_polls, "", WITH_VALUES),
        sealed::rows(&of_texts, text, &in_text, &sealed::of_form(Form::Rows)),
        sealed::counts(None, &[], text, columns, &all.collect::<Vec<_>>()),
    ]
}

fn repeating(text: &str, what: &Repeating) -> Vec<String> {
    let columns = what.table.specs();
    let labels = what.table.labels().iter();
    let labels = labels.map(|label| ((*label).to_owned(), format!("TEXT {TEXTS}")));
    let values =
        columns.iter().map(|column| (column.name.to_owned(), number(column.kind).to_owned()));
    let in_row: Vec<_> = labels.chain(values).collect();
    let shown: Vec<_> = in_row.iter().map(|(name, _)| of_text(name)).collect();
    let row = |indent: &str| {
        let cells = in_row.iter().enumerate();
        let cells = cells.map(|(position, (name, kind))| at(name, kind, position));
        cells.collect::<Vec<_>>().join(&format!(",\n{indent}"))
    };
    let key = what.table;
    let from = format!(
        " JOIN JSON_TABLE(\n  CONVERT(UNCOMPRESS(p.detail) USING utf8mb4), '$.{key}[*]' COLUMNS (\n    \
         {}\n  )\n) e",
        row("    ")
    );
    let nested = format!("NESTED PATH '$[1][*]' COLUMNS (\n      {}\n    )", row("      "));
    let live_rows = live(&shown, &from, WITH_VALUES);
    if is_kept_as_rows(what.table) {
        return vec![live_rows, sealed::rows(&shown, text, &[nested], "")];
    }
    let sealed_rows = sealed::rows(&shown, text, &[nested], &sealed::of_form(Form::Rows));
    let labels: Vec<_> = what.table.labels().iter().map(|label| (*label).to_owned()).collect();
    let all = columns.iter().enumerate().map(|(at, column)| (at, column.name.to_owned()));
    let all: Vec<_> = all.collect();
    let counted = sealed::counts(None, &labels, text, &columns.iter().collect::<Vec<_>>(), &all);
    match what.total {
        None => vec![live_rows, sealed_rows, counted],
        Some(prefix) => {
            let [of_polls, of_rows, of_counts] = totals(what, prefix, columns);
            vec![of_polls, live_rows, of_rows, sealed_rows, of_counts, counted]
        }
    }
}

/// The row about all that repeat, from host-wide columns.
fn totals(what: &Repeating, prefix: &str, columns: &[ColumnSpec]) -> [String; 3] {
    let label = what.table.labels().first().copied().unwrap_or_default();
    let label = format!("CONVERT('{prefix}' USING utf8mb4) COLLATE utf8mb4_bin AS {label}");
    let (mut of_polls, mut of_texts, mut in_text) =
        (vec![label.clone()], vec![label.clone()], Vec::new());
    let mut shown = Vec::new();
    let of_host = shown::totals();
    for column in columns {
        let name = column.name;
        let wide = format!("{prefix}_{name}");
        let found = of_host.iter().enumerate().find(|(_, c)| c.name == wide);
        let Some((position, wide)) = found else { continue };
        of_polls.push(of_poll(wide, name));
        of_texts.push(of_text(name));
        in_text.push(at(name, number(wide.kind), position + 1));
        shown.push((position, name.to_owned()));
    }
    [
        live(&of_polls, "", WITH_VALUES),
        sealed::rows(&of_texts, shown::HOST_TOTALS, &in_text, &sealed::of_form(Form::Rows)),
        sealed::counts(Some(&label), &[], shown::HOST_TOTALS, &of_host, &shown),
    ]
}

/// Every attempt, with how it ended and where its time went.
fn ledger() -> Vec<String> {
    let shown = shown_ledger();
    let names =
        |of: &str| shown.iter().map(|(_, (name, ..))| format!("{of}.{name}")).collect::<Vec<_>>();
    let mut by_position = shown.clone();
    by_position.sort_by_key(|(position, _)| *position);
    let in_text = by_position.iter().map(|(position, (name, kind, _))| {
        let is_text = kind.contains("TEXT") || kind.contains("VARCHAR");
        let kind = if is_text && !kind.contains("CHARACTER SET") {
            format!("{kind} {TEXTS}")
        } else {
            (*kind).to_owned()
        };
        at(name, &kind, position - 1)
    });
    let in_text: Vec<_> = in_text.collect();
    vec![live(&names("p"), "", ""), sealed::rows(&names("e"), "ledger", &in_text, "")]
}

/// Hours with the host's name: every count, whole numbers as such, others to a thousandth.
fn host_hour() -> String {
    let mut shown = vec!["r.polls".to_owned(), "r.polls_failed".to_owned()];
    for ColumnSpec { name, kind, .. } in shown::all() {
        let rounded = |name: &str| format!("ROUND(r.{name} + 0e0, 3) AS {name}");
        let exact = |name: &str| match kind {
            ColumnKind::Whole => format!("CAST(r.{name} + 0e0 AS SIGNED) AS {name}"),
            ColumnKind::Real => rounded(name),
        };
        shown.push(rounded(&format!("{name}_avg")));
        shown.push(exact(&format!("{name}_min")));
        shown.push(exact(&format!("{name}_max")));
        shown.push(format!(
            "IF(r.{name}_avg IS NULL, 0, CAST(COALESCE(r.{name}_count, r.polls - r.polls_failed) AS \
             SIGNED)) AS {name}_count"
        ));
    }
    let first = "  h.name AS host,
  r.ts AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', r.ts) DIV 1000 AS time_ms";
    format!("SELECT\n{}\nFROM rollup_hour r JOIN host h ON h.id = r.host_id", listed(first, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every statement, as one reads it: what a change of the list of columns changes.
    #[test]
    fn every_statement_is_what_it_was() {
        let all: Vec<_> = tables().iter().map(TableDef::create).collect();
        let views = views().into_iter().map(|(_, statement)| statement);
        let all: Vec<_> = all.into_iter().chain(views).collect();
        insta::assert_snapshot!(all.join(";\n\n"));
    }
}
