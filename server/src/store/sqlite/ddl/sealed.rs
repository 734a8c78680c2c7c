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
fn first(after: &str) -> String {
    format!(
        "  h.name AS host,
  strftime('%Y-%m-%dT%H:%M:%fZ', (q.hour_ms + {after}) / 1000.0, 'unixepoch') AS time,
  q.hour_ms + {after} AS time_ms,
  strftime('%Y-%m-%dT%H:00:00.000Z', q.hour_ms / 1000.0, 'unixepoch') AS hour"
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
        listed(&first("json_extract(p.value, '$[0]')"), shown),
        unpacked(text)
    )
}

/// Rows of a text of counts: after `shown`, the columns that lie in it at these places, under these names.
fn of_counts(
    text: &str,
    labels: usize,
    mut shown: Vec<String>,
    columns: &[&ColumnSpec],
    wanted: &[(usize, String)],
) -> String {
    let begin = cell("e", labels);
    let has_ticks = has_ticks(columns.iter().copied());
    let values = labels + 3 + usize::from(has_ticks);
    // What a field stands for, without its divisor.
    let whole = |field: usize, kind: &str| {
        let part = |at: usize| format!("json_extract(e.value, '$[{field}][{at}]')");
        format!(
            "iif({w}, nullif(CAST(substr({f}, (i.key - {begin}) * {w} + 1, {w}) AS INTEGER), 0) + {b}, {b}) \
             * CAST({s} AS {kind})",
            w = part(0),
            b = part(1),
            s = part(2),
            f = part(4),
        )
    };
    for (position, name) in wanted {
        let (spec, field) = (columns[*position], values + position);
        let whole_of = whole(field, kept_as(spec.kind));
        shown.push(match spec.kind {
            ColumnKind::Whole => format!("{whole_of} AS {name}"),
            ColumnKind::Real => {
                let over = if is_of_ticks(spec) {
                    format!("{} / 100", whole(labels + 3, "REAL"))
                } else {
                    "json_extract(i.value, '$[1]') / 1e9".to_owned()
                };
                let divisor = format!("json_extract(e.value, '$[{field}][3]')");
                format!("round({whole_of} / coalesce({divisor}, {over}), 3) AS {name}")
            }
        });
    }
    let (polls, present) = (cell("e", labels + 1), cell("e", labels + 2));
    format!(
        "SELECT\n{}\n{FROM}, json_each({}) e, json_each({}) i\nWHERE q.form = {} AND i.key >= {begin} AND \
         i.key < {begin} + {polls} AND ({present} IS NULL OR substr({present}, i.key - {begin} + 1, 1) = '1')",
        listed(&first("json_extract(i.value, '$[0]')"), &shown),
        unpacked(text),
        unpacked("times"),
        Form::Counts.number(),
    )
}

pub(super) fn host_wide(text: &str, columns: &[&ColumnSpec]) -> Vec<String> {
    let in_row =
        columns.iter().enumerate().map(|(at, column)| value("p", at + 1, column, column.name));
    let all = columns.iter().enumerate().map(|(at, column)| (at, column.name.to_owned()));
    vec![
        of_rows(text, false, &in_row.collect::<Vec<_>>(), Some(Form::Rows)),
        of_counts(text, 0, Vec::new(), columns, &all.collect::<Vec<_>>()),
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
    let counts = of_counts(text, names.len(), labels, &of_columns, &all);
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
        of_counts(shown::HOST_TOTALS, 0, vec![label], &of_host, &places),
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
