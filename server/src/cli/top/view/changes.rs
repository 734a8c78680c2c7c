//! The changes of state over the fleet, newest first.

use super::{Pen, Style, Theme, columns, padded, symbol};
use crate::{
    cli::top::{
        happened::{ChangeList, ChangeRow},
        model::Model,
        times::moment_of_event,
    },
    units::WallMs,
};

/// Columns of a moment, of a host's name, and of a state.
const AT_COLUMNS: usize = 11;
const NAME_COLUMNS: (usize, usize) = (14, 32);
const STATE_COLUMNS: usize = 10;

/// Draws the list.
pub(super) fn draw(pen: &mut Pen<'_>, model: &Model, list: &ChangeList, theme: Theme) {
    let longest = list.rows().iter().map(|change| columns(&change.host)).max().unwrap_or(0);
    let most = if pen.width() < 100 { NAME_COLUMNS.0 } else { NAME_COLUMNS.1 };
    let name = longest.clamp(NAME_COLUMNS.0, most);
    if let Some(trouble) = &list.trouble {
        pen.fill(&format!(" not renewed: {trouble}"), theme.banner(true));
    }
    let [at, host, from, to] =
        [("AT", AT_COLUMNS), ("HOST", name), ("FROM", STATE_COLUMNS), ("TO", STATE_COLUMNS)]
            .map(|(title, width)| padded(title, width, false));
    pen.fill(&format!(" {at}  {host}  {from}   {to}  REASON"), theme.bar());
    match &list.told {
        None if list.trouble.is_none() => pen.write(&[(" asking the server …", theme.dim())]),
        Some(told) if told.events.is_empty() => {
            pen.write(&[(" no state changed within a day", theme.dim())]);
        }
        _ => {}
    }
    let chosen = list.position();
    let seen = list.rows().iter().enumerate().skip(list.first());
    for (at, change) in seen.take(model.room()) {
        row(pen, model, change, name, (theme, at == chosen));
    }
}

fn row(pen: &mut Pen<'_>, model: &Model, change: &ChangeRow, name: usize, look: (Theme, bool)) {
    let (theme, chosen) = look;
    let style = |style| if chosen { theme.bar() } else { style };
    let state = |state| padded(&format!("{} {state}", symbol(state)), STATE_COLUMNS, false);
    let at = padded(&moment_of_event(WallMs(change.at_ms), model.now), AT_COLUMNS, true);
    let taken = AT_COLUMNS + name + 2 * STATE_COLUMNS + 10;
    let reason = padded(&change.reason, pen.width().saturating_sub(taken), false);
    pen.put(&[
        (format!(" {at}  "), style(theme.dim())),
        (format!("{}  ", padded(&change.host, name, false)), style(theme.bold())),
        (state(change.from), style(theme.dim())),
        (" → ".to_owned(), style(theme.dim())),
        (state(change.to), style(theme.state(change.to))),
        (format!("  {reason}"), style(Style::new())),
    ]);
}
