//! What the views show of alarms and of who was told.

use super::{TEXTS, at, listed};

/// The server itself is no row of `host`.
const OF_ALARM: &str =
    "  COALESCE(h.name, CONVERT('roundsman:server' USING utf8mb4) COLLATE utf8mb4_bin) AS host,
  a.slot AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', a.slot) DIV 1000 AS time_ms,
  a.rule,
  a.row_key";

fn of_alarms(table: &str, shown: &[&str]) -> String {
    let shown: Vec<_> = shown.iter().map(|name| format!("a.{name}")).collect();
    let of = format!("FROM {table} a LEFT JOIN host h ON h.id = a.host_id");
    format!("SELECT\n{}\n{of}", listed(OF_ALARM, &shown))
}

/// The alarms that are not ok, with the host's name.
pub(super) fn alert_now() -> String {
    of_alarms("alert", &["state", "severity", "value", "since", "fired", "known", "polls"])
}

/// How alarms changed, with the host's name.
pub(super) fn alert_history() -> String {
    let shown = ["from_state", "to_state", "severity", "value", "cause", "summary", "at"];
    of_alarms("alert_event", &shown)
}

/// Who was told of which alarm: a row per message and alarm.
pub(super) fn alert_delivery() -> String {
    const FIRST: &str =
        "  COALESCE(h.name, CONVERT('roundsman:server' USING utf8mb4) COLLATE utf8mb4_bin) AS host,
  a.ended AS time,
  TIMESTAMPDIFF(MICROSECOND, '1970-01-01', a.ended) DIV 1000 AS time_ms";
    const SHOWN: &str = "e.rule e.row_key e.says e.severity a.channel a.route a.kind a.state a.tries \
                         a.answer a.made a.first_tried a.message";
    let text = format!("TEXT {TEXTS}");
    let names = ["rule", "host_id", "row_key", "says", "severity"].into_iter().enumerate();
    let kind = |name| if name == "host_id" { "BIGINT" } else { &text };
    let in_row = names.map(|(place, name)| at(name, kind(name), place));
    let in_row = in_row.collect::<Vec<_>>().join(",\n    ");
    let shown: Vec<_> = SHOWN.split(' ').map(str::to_owned).collect();
    let of = format!(
        "FROM delivery a JOIN JSON_TABLE(\n  a.alarms, '$[*]' COLUMNS (\n    {in_row}\n  )\n) e\n\
         LEFT JOIN host h ON h.id = e.host_id"
    );
    format!("SELECT\n{}\n{of}", listed(FIRST, &shown))
}
