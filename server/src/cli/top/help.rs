//! The words of the help: keys, signs, columns. Pure: lines for a width, and which are seen.

use unicode_width::UnicodeWidthStr as _;

use super::{field, key::Key};
use crate::{cli::output::symbol, model::State};

/// Beside the keys, from here on, stand the columns where there is room for both.
const HALF: usize = 72;

const KEYS: [(&str, &str); 12] = [
    ("Up Down j k", "choose a host"),
    ("PgUp PgDn Space", "a screen up or down"),
    ("Home End g G", "the first, the last"),
    ("Enter", "look at the host"),
    ("a", "alarms that fire; ✓ acknowledged, z silenced"),
    ("Esc", "back; ends a filter"),
    ("/", "filter: words in name, group, label, state, last"),
    ("s > S <", "sort by the next column, the one before"),
    ("r", "the other way round"),
    ("+ -", "charts of a host over a longer, a shorter time"),
    ("?", "this help"),
    ("q Ctrl-C", "quit"),
];

/// All of it, in lines for a terminal so wide.
pub(super) fn lines(width: usize) -> Vec<String> {
    let mut left: Vec<String> = vec!["KEYS".to_owned()];
    left.extend(KEYS.iter().map(|(keys, what)| format!("  {keys:<16} {what}")));
    let signs: Vec<String> =
        State::ALL.iter().map(|state| format!("{} {state}", symbol(*state))).collect();
    left.extend([String::new(), "STATES".to_owned()]);
    left.extend(signs.chunks(4).map(|some| format!("  {}", some.join("  "))));
    let mut right = vec!["COLUMNS".to_owned()];
    right.extend(field::all().map(|field| format!("  {:<6} {}", field.title(), field.meaning())));
    if width < 2 * HALF {
        left.push(String::new());
        left.append(&mut right);
        return left;
    }
    let beside = |at: usize| {
        let [left, right] = [&left, &right].map(|side| side.get(at).map_or("", String::as_str));
        format!("{left}{}{right}", " ".repeat(HALF.saturating_sub(left.width())))
    };
    (0..left.len().max(right.len())).map(beside).collect()
}

/// Where the help begins after a key, from `first`, with `room` for some of its lines; none when the
/// key goes back.
pub(super) fn moved(first: usize, key: Key, room: usize, width: usize) -> Option<usize> {
    let last = lines(width).len().saturating_sub(room);
    let to = match key {
        Key::Up | Key::Char('k') => first.saturating_sub(1),
        Key::Down | Key::Char('j') => first + 1,
        Key::PageUp => first.saturating_sub(room),
        Key::PageDown | Key::Char(' ') => first + room,
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => last,
        Key::Enter | Key::Esc | Key::Backspace | Key::Char('?' | 'h') => return None,
        // What would change the list, which is not seen.
        Key::Interrupt | Key::Char(_) => first,
    };
    Some(to.min(last))
}
