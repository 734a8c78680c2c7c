//! The alarms that fire: a line for each, what matters most first.

use super::{Pen, Style, Theme, padded};
use crate::{
    cli::{
        output::{length, plural},
        top::{
            alarms::{AlarmList, TopAlarm},
            model::Model,
        },
    },
    model::AlarmState,
};

/// A column: its title, its least and its usual width, whether its cells stand to the right.
const COLUMNS: [(&str, usize, usize, bool); 5] = [
    ("SEVERITY", 8, 8, false),
    ("HOST", 12, 24, false),
    ("RULE", 15, 22, false),
    ("ROW", 10, 20, false),
    ("VALUE", 10, 12, true),
];
/// Which of them have what room is left, first to last: what a row is called is cut first.
const GROW: [usize; 4] = [3, 1, 2, 4];
/// The last column, in a terminal that has room for it.
const SINCE_COLUMNS: usize = 6;
const WORDS_AT_LEAST: usize = 24;

type Widths = ([usize; COLUMNS.len()], usize, usize);

/// How wide each of [`COLUMNS`] is, that of the time and that of the words; 0 for one that there is no room for.
fn widths(screen: usize) -> Widths {
    // The sign and the space after it.
    let mut room = screen.saturating_sub(2);
    let mut widths = [0; COLUMNS.len()];
    let mut since = 0;
    for (at, (_, least, ..)) in COLUMNS.iter().enumerate() {
        if at == 3 && room > SINCE_COLUMNS {
            // Since when is asked more often than of which row.
            since = SINCE_COLUMNS;
            room -= SINCE_COLUMNS + 1;
        }
        if room <= *least {
            break;
        }
        widths[at] = *least;
        room -= least + 1;
    }
    if widths.iter().all(|width| *width > 0) {
        for at in GROW {
            let (_, least, usual, _) = COLUMNS[at];
            let more = (usual - least).min(room);
            widths[at] += more;
            room -= more;
        }
    }
    (widths, since, if room > WORDS_AT_LEAST { room } else { 0 })
}

fn cells(alarm: &TopAlarm) -> [String; COLUMNS.len()] {
    let row = match (&*alarm.row, alarm.state) {
        (row, AlarmState::Firing) => row.to_owned(),
        ("", state) => format!("({state})"),
        (row, state) => format!("{row} ({state})"),
    };
    [alarm.severity.as_str().to_owned(), alarm.host.clone(), alarm.rule.clone(), row, alarm.value()]
}

/// What stands above the list.
fn titles((widths, since, words): Widths) -> String {
    let mut titles = "  ".to_owned();
    for ((title, _, _, right), width) in COLUMNS.into_iter().zip(widths) {
        if width > 0 {
            titles.push_str(&padded(title, width, right));
            titles.push(' ');
        }
    }
    if since > 0 {
        titles.push_str(&padded("SINCE", since, true));
    }
    if words > 0 {
        titles.push_str(" WHAT");
    }
    titles
}

fn row(pen: &mut Pen<'_>, model: &Model, alarm: &TopAlarm, widths: Widths, look: (Theme, bool)) {
    let ((widths, since, words), (theme, chosen)) = (widths, look);
    let (sign, handled) = alarm.handled();
    let style = |style| if chosen { theme.bar() } else { style };
    let mut line = vec![(format!("{sign} "), style(theme.dim()))];
    for (place, (text, width)) in cells(alarm).iter().zip(widths).enumerate() {
        if width > 0 {
            let of = if place == 0 { theme.severity(alarm.severity) } else { Style::new() };
            let text = padded(text, width, COLUMNS[place].3) + " ";
            line.push((text, style(of)));
        }
    }
    if since > 0 {
        let ago = length(model.now.since(alarm.since())).replace(" min", "m").replace(' ', "");
        line.push((padded(&ago, since, true), style(Style::new())));
    }
    if words > 0 {
        let summary = alarm.summary.as_deref().unwrap_or_default();
        let dash = if handled.is_empty() || summary.is_empty() { "" } else { "; " };
        let text = format!(" {handled}{dash}{summary}");
        line.push((padded(&text, words, false), style(theme.dim())));
    }
    pen.put(&line);
}

/// Draws the list.
pub(super) fn draw(pen: &mut Pen<'_>, model: &Model, list: &AlarmList, theme: Theme) {
    let widths = widths(pen.width());
    pen.fill(&titles(widths), theme.bar());
    if let Some(trouble) = &list.trouble {
        pen.fill(&format!(" not renewed: {trouble}"), theme.banner(true));
    }
    match &list.told {
        None if list.trouble.is_none() => pen.write(&[(" asking the server …", theme.dim())]),
        Some(told) if told.alarms.is_empty() => {
            let words = format!(" no alarm fires; {} in force", plural(told.rules, "rule"));
            pen.write(&[(&words, theme.dim())]);
        }
        _ => {}
    }
    let chosen = list.position();
    let seen = list.rows().iter().enumerate().skip(list.first());
    for (at, alarm) in seen.take(pen.left().saturating_sub(1)) {
        row(pen, model, alarm, widths, (theme, at == chosen));
    }
}

#[cfg(test)]
mod tests;
