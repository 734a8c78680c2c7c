//! What the views show of packed hours.

use super::{kept_as, listed};
use crate::{
    model::{ColumnKind, ColumnSpec, LEDGER},
    store::{
        sealed::{Form, has_ticks, is_kept_as_rows, is_of_ticks},
        shown::{self, Repeating},
        sqlite::hours::unpacked,
    },
};

/// Whose a row is and when; `after` is the milliseconds after the hour.
fn first(host: &str, hour_ms: &str, after: &str) -> String {
    format!(
        "  {host} AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', ({hour_ms} + {after}) / 1000.0, 'unixepoch') AS time,
  {hour_ms} + {after} AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', {hour_ms} / 1000.0, 'unixepoch') AS hour"
    )
}

const FROM: &str = "FROM poll_hour q JOIN host h ON h.id = q.host_id";

/// A cell of a JSON array.
fn cell(of: &str, position: usize) -> String {
    format!("json_extract({of}.value, '$[{position}]')")
}

fn value(of: &str, position: usize, column: &ColumnSpec, name: &str) -> String {
    format!("CAST({} AS {}) AS {name}", cell(of, position), kept_as(column.kind))
}

/// Rows of a text in which there is an element for each poll, with several rows where `rows` are unpacked of
/// it; `form` narrows.
fn of_rows(text: &str, rows: bool, shown: &[String], form: Option<Form>) -> String {
    let each = if rows { ", json_each(p.value, '$[1]') e" } else { "" };
    let form = form.map_or(String::new(), |form| format!("\nWHERE q.form = {}", form.number()));
    format!(
        "SELECT\n{}\n{FROM}, json_each({}) p{each}{form}",
        listed(&first("h.name", "q.hour_ms", "json_extract(p.value, '$[0]')"), shown),
        unpacked(text)
    )
}

/// Rows of a text of counts: after `constant`, the labels, and the columns that lie in it at these places,
/// under these names.
///
/// `DISTINCT` is a fence: SQLite reads what stands behind it once per element, where it would otherwise
/// render and parse the whole element again for each value of each row. What narrows host, hour or label goes
/// through it. `substr` of a BLOB goes straight to its place. What is asked of a poll more than once is an
/// element of its own: `after`, `elapsed`.
fn of_counts(
    text: &str,
    labels: &[&str],
    constant: Option<String>,
    columns: &[&ColumnSpec],
    wanted: &[(usize, String)],
) -> String {
    let part = |path: &str| format!("json_extract(e.text, '$[{path}]')");
    let begin = labels.len();
    let has_ticks = has_ticks(columns.iter().copied());
    let values = begin + 3 + usize::from(has_ticks);
    let mut once: Vec<_> = labels
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{} AS {name}", part(&at.to_string())))
        .collect();
    once.push(format!("{} AS first", part(&begin.to_string())));
    once.push(format!(
        "{} + {} AS until",
        part(&begin.to_string()),
        part(&(begin + 1).to_string())
    ));
    once.push(format!("CAST({} AS BLOB) AS present", part(&(begin + 2).to_string())));
    let mut keep = |field: usize| {
        let of = |at: usize| part(&format!("{field}][{at}"));
        once.push(format!(
            "{} AS w{field}, {} AS b{field}, {} AS s{field}, {} AS d{field}, CAST({} AS BLOB) AS f{field}",
            of(0), of(1), of(2), of(3), of(4),
        ));
    };
    // What a field stands for, without its divisor.
    let whole = |n: usize, kind: &str| {
        format!(
            "iif(c.w{n}, nullif(CAST(substr(c.f{n}, (i.key - c.first) * c.w{n} + 1, c.w{n}) AS INTEGER), 0) \
             + c.b{n}, c.b{n}) * CAST(c.s{n} AS {kind})"
        )
    };
    if has_ticks {
        keep(begin + 3);
    }
    let mut shown: Vec<_> =
        constant.into_iter().chain(labels.iter().map(|name| format!("c.{name}"))).collect();
    for (position, name) in wanted {
        let (spec, field) = (columns[*position], values + position);
        keep(field);
        let whole_of = whole(field, kept_as(spec.kind));
        shown.push(match spec.kind {
            ColumnKind::Whole => format!("{whole_of} AS {name}"),
            ColumnKind::Real => {
                let over = if is_of_ticks(spec) {
                    format!("{} / 100", whole(begin + 3, "REAL"))
                } else {
                    "elapsed.value / 1e9".to_owned()
                };
                format!("round({whole_of} / coalesce(c.d{field}, {over}), 3) AS {name}")
            }
        });
    }
    let first = first("c.host", "c.hour_ms", "after.value");
    format!(
        "SELECT\n{}\nFROM (\n  SELECT DISTINCT e.host, e.hour_ms, e.times,\n    {}\n  FROM (\n    \
         SELECT DISTINCT h.name AS host, q.hour_ms,\n      {} AS times,\n      e.value AS text\n    {FROM}, \
         json_each({}) e\n    WHERE q.form = {}\n  ) e\n) c\nCROSS JOIN json_each(c.times) i\nCROSS JOIN \
         json_each(json_array(json_extract(i.value, '$[0]'))) after\nCROSS JOIN \
         json_each(json_array(json_extract(i.value, '$[1]'))) elapsed\nWHERE i.key >= c.first AND i.key < \
         c.until AND (c.present IS NULL OR substr(c.present, i.key - c.first + 1, 1) = x'31')",
        listed(&first, &shown),
        once.join(",\n    "),
        unpacked("times"),
        unpacked(text),
        Form::Counts.number(),
    )
}

pub(super) fn host_wide(text: &str, columns: &[&ColumnSpec]) -> Vec<String> {
    let in_row =
        columns.iter().enumerate().map(|(at, column)| value("p", at + 1, column, column.name));
    let all = columns.iter().enumerate().map(|(at, column)| (at, column.name.to_owned()));
    vec![
        of_rows(text, false, &in_row.collect::<Vec<_>>(), Some(Form::Rows)),
        of_counts(text, &[], None, columns, &all.collect::<Vec<_>>()),
    ]
}

pub(super) fn repeating(text: &str, what: &Repeating) -> Vec<String> {
    let (names, columns) = (what.table.labels(), what.table.specs());
    let labels: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, label)| format!("{} AS {label}", cell("e", at)))
        .collect();
    let values =
        (names.len()..).zip(columns).map(|(at, column)| value("e", at, column, column.name));
    let in_row: Vec<_> = labels.iter().cloned().chain(values).collect();
    if is_kept_as_rows(what.table) {
        return vec![of_rows(text, true, &in_row, None)];
    }
    let rows = of_rows(text, true, &in_row, Some(Form::Rows));
    let all = columns.iter().enumerate().map(|(at, column)| (at, column.name.to_owned()));
    let all: Vec<_> = all.collect();
    let of_columns: Vec<_> = columns.iter().collect();
    let counts = of_counts(text, names, None, &of_columns, &all);
    let Some(prefix) = what.total else { return vec![rows, counts] };
    let label = format!("'{prefix}' AS {}", names.first().copied().unwrap_or_default());
    let of_host = shown::totals();
    let places = columns.iter().filter_map(|column| {
        let wide = format!("{prefix}_{}", column.name);
        let place = of_host.iter().position(|host| host.name == wide)?;
        Some((place, column.name.to_owned()))
    });
    let places: Vec<_> = places.collect();
    let in_row = places.iter().map(|(place, name)| value("p", place + 1, of_host[*place], name));
    let in_row: Vec<_> = [label.clone()].into_iter().chain(in_row).collect();
    vec![
        of_rows(shown::HOST_TOTALS, false, &in_row, Some(Form::Rows)),
        rows,
        of_counts(shown::HOST_TOTALS, &[], Some(label), &of_host, &places),
        counts,
    ]
}

pub(super) fn ledger() -> String {
    const INVENTORY: usize = 3;
    let names: Vec<_> = LEDGER
        .iter()
        .enumerate()
        .map(|(at, field)| format!("{} AS {}", cell("p", at.saturating_sub(1)), field.name))
        .collect();
    of_rows(
        "ledger",
        false,
        &[&names[INVENTORY + 1..], &names[INVENTORY..=INVENTORY]].concat(),
        None,
    )
}
