//! The keys, the columns and the signs.

use super::{Pen, Style, Theme, padded, symbol};
use crate::{
    cli::top::{field, model::Model},
    model::State,
};

const KEYS: [(&str, &str); 11] = [
    ("Up Down j k", "choose a host"),
    ("PgUp PgDn Space", "a screen up or down"),
    ("Home End g G", "the first, the last"),
    ("Enter", "look at the host"),
    ("Esc", "back; ends a filter"),
    ("/", "filter: words in name, group, label, state, last"),
    ("s > S <", "sort by the next column, the one before"),
    ("r", "the other way round"),
    ("+ -", "charts of a host over a longer, a shorter time"),
    ("?", "this help"),
    ("q Ctrl-C", "quit"),
];

/// Draws all of it, in two columns where there is room.
pub(super) fn draw(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let mut left: Vec<String> = vec!["KEYS".to_owned()];
    left.extend(KEYS.iter().map(|(keys, what)| format!("  {keys:<16} {what}")));
    let signs: Vec<String> =
        State::ALL.iter().map(|state| format!("{} {state}", symbol(*state))).collect();
    left.extend([String::new(), "STATES".to_owned()]);
    left.extend(signs.chunks(4).map(|some| format!("  {}", some.join("  "))));
    let mut right = vec!["COLUMNS".to_owned()];
    right.extend(field::all().map(|field| format!("  {:<6} {}", field.title(), field.meaning())));
    pen.fill(&format!(" roundsman top  {}", model.address), theme.bar());
    let half = 72;
    if pen.width() >= 2 * half {
        for at in 0..left.len().max(right.len()) {
            let [left, right] = [&left, &right].map(|side| side.get(at).map_or("", String::as_str));
            pen.write(&[(&padded(left, half, false), Style::new()), (right, Style::new())]);
        }
    } else {
        // The columns' meanings are told by the README, too: keys come first.
        for line in left.iter().chain(&right) {
            pen.write(&[(line, Style::new())]);
        }
    }
    pen.line = pen.area.height - 1;
    pen.fill(" any key goes back", theme.dim());
}
