//! What the views show of sealed hours.

use super::{TEXTS, listed, of_text};
use crate::{
    model::{ColumnKind, ColumnSpec},
    store::{
        mysql::hours::begins,
        sealed::{Form, came_later, has_ticks, is_of_ticks, position_of},
    },
};

/// Whose a row is and when.
const SEALED: &str = "  h.name AS host,
  CAST(q.hour + INTERVAL e.after_ms * 1000 MICROSECOND AS DATETIME(3)) AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', q.hour) DIV 1000 + e.after_ms AS time_ms,
  q.hour AS hour";

/// A text of a sealed hour as it was before it was packed.
fn unpacked(begin: &str, end: &str) -> String {
    format!("CONVERT(UNCOMPRESS(SUBSTRING(q.docs, {begin}, {end} - {begin})) USING utf8mb4)")
}

/// The text of a view. An hour that was sealed before there was one has none: no document, not an empty one.
fn text_of(view: &str) -> String {
    let text = position_of(view);
    let packed = unpacked(&begins("q.", text), &begins("q.", text + 1));
    if came_later(text) { format!("NULLIF({packed}, '')") } else { packed }
}

/// Rows of sealed polls, from one text of their hour in which they are rows; `and` narrows.
pub(super) fn rows(shown: &[String], text: &str, columns: &[String], and: &str) -> String {
    let columns = columns.iter().map(|column| format!(",\n    {column}")).collect::<String>();
    format!(
        "SELECT\n{}\nFROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = \
         q.host_id JOIN JSON_TABLE(\n  {}, '$[*]' COLUMNS (\n    after_ms INT PATH \
         '$[0]'{columns}\n  )\n) e\nWHERE s.id = 1{and}",
        listed(SEALED, shown),
        text_of(text),
    )
}

/// That an hour is kept as rows, or as counts.
pub(super) fn of_form(form: Form) -> String {
    format!(" AND q.form = {}", form.number())
}

/// Rows of sealed polls, from one text of their hour in which they are counts: `labels`, and of the columns
/// that lie in the text those that are shown, under these names. `first` is shown before all.
pub(super) fn counts(
    first: Option<&String>,
    labels: &[String],
    text: &str,
    columns: &[&ColumnSpec],
    shown: &[(usize, String)],
) -> String {
    let mut in_thing: Vec<String> = labels
        .iter()
        .enumerate()
        .map(|(at, l)| format!("{l} TEXT {TEXTS} PATH '$[{at}]'"))
        .collect();
    let mut next = labels.len();
    let mut place = || {
        next += 1;
        next - 1
    };
    in_thing.push(format!("begin_n INT PATH '$[{}]'", place()));
    in_thing.push(format!("polls_n INT PATH '$[{}]'", place()));
    in_thing.push(format!("present LONGTEXT CHARACTER SET latin1 PATH '$[{}]'", place()));
    let field = |name: &str, at: usize, step: &str| {
        format!(
            "w{name} INT PATH '$[{at}][0]', b{name} BIGINT PATH '$[{at}][1]', s{name} {step} PATH \
             '$[{at}][2]', d{name} DOUBLE PATH '$[{at}][3]', f{name} LONGTEXT CHARACTER SET latin1 \
             PATH '$[{at}][4]'"
        )
    };
    let whole = |name: &str| {
        let digits = format!("SUBSTR(e.f{name}, (i.n - e.begin_n - 1) * e.w{name} + 1, e.w{name})");
        format!(
            "IF(e.w{name}, NULLIF(CAST({digits} AS SIGNED), 0) + e.b{name}, e.b{name}) * e.s{name}"
        )
    };
    let has_ticks = has_ticks(columns.iter().copied());
    if has_ticks {
        in_thing.push(field("t", place(), "BIGINT"));
    }
    let values_at = place();
    let labels = labels.iter().map(|label| of_text(label));
    let mut values: Vec<_> = first.cloned().into_iter().chain(labels).collect();
    for (nth, (at, name)) in shown.iter().enumerate() {
        let (spec, nth) = (columns[*at], (nth + 1).to_string());
        in_thing.push(field(&nth, values_at + at, super::number(spec.kind)));
        values.push(match spec.kind {
            ColumnKind::Whole => format!("CAST({} AS SIGNED) AS {name}", whole(&nth)),
            ColumnKind::Real => {
                let over = if is_of_ticks(spec) {
                    format!("{} / 100e0", whole("t"))
                } else {
                    "i.elapsed_ns / 1e9".to_owned()
                };
                format!("ROUND({} / COALESCE(e.d{nth}, {over}), 3) AS {name}", whole(&nth))
            }
        });
    }
    format!(
        "SELECT\n{}\nFROM seal s JOIN poll_hour q ON q.hour < s.sealed_before JOIN host h ON h.id = \
         q.host_id JOIN JSON_TABLE(\n  {}, '$[*]' COLUMNS (\n    {}\n  )\n) e JOIN JSON_TABLE(\n  {}, \
         '$[*]' COLUMNS (\n    n FOR ORDINALITY,\n    after_ms INT PATH '$[0]',\n    elapsed_ns DOUBLE \
         PATH '$[1]'\n  )\n) i\nWHERE s.id = 1{} AND i.n > e.begin_n AND i.n <= e.begin_n + e.polls_n AND \
         (e.present IS NULL OR SUBSTR(e.present, i.n - e.begin_n, 1) = '1')",
        listed(&SEALED.replace("e.after_ms", "i.after_ms"), &values),
        text_of(text),
        in_thing.join(",\n    "),
        unpacked("1", "q.ledger_at"),
        of_form(Form::Counts),
    )
}
