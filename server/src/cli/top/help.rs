//! The words of the help: keys, signs, columns. Pure: lines for a width, and which are seen.

use unicode_width::UnicodeWidthStr as _;

use super::{field, key::Key};
use crate::{cli::output::symbol, model::State};

/// Beside the keys, from here on, stand the columns where there is room for both.
const HALF: usize = 72;

/// Keys by where they are used.
const KEYS: [(&str, &[(&str, &str)]); 5] = [
    (
        "EVERYWHERE",
        &[
            ("Up Down j k", "choose a row, or scroll"),
            ("PgUp PgDn Space", "a screen up or down"),
            ("Home End g G", "the first, the last"),
            ("Enter", "look at the host"),
            ("Esc", "back; ends a filter"),
            ("a", "alarms that fire; ✓ acknowledged, z silenced"),
            ("e", "events: changes of state, newest first"),
            ("?", "this help"),
            ("q Ctrl-C", "quit"),
        ],
    ),
    (
        "HOSTS",
        &[
            ("/", "filter: words in name, group, label, state, last"),
            ("s > S <", "sort by the next column, the one before"),
            ("r", "the other way round"),
            ("c", "choose columns"),
            ("t", "by groups, with their means and sums"),
            ("f Left Right", "fold and unfold a group"),
            ("F", "fold or unfold all groups"),
        ],
    ),
    (
        "ONE HOST",
        &[
            ("Tab Left Right", "the next tab, the one before"),
            ("1 … 7", "the tab with this number"),
            ("+ -", "charts over a longer, a shorter time"),
            ("i", "list rows that are idle"),
        ],
    ),
    (
        "ACTIONS ON THE HOST OR ALARM THAT IS CHOSEN",
        &[
            ("w", "why it is in its state"),
            ("p", "poll it now"),
            ("P", "pause it, or resume it; asks first"),
            ("z", "silence its alarms; asks how long"),
            ("A", "acknowledge its alarms; asks first"),
        ],
    ),
    (
        "MOUSE (with Shift the terminal selects text itself)",
        &[("click", "choose a row; again: open it; a title: sort by it"), ("wheel", "scroll")],
    ),
];

/// All of it, in lines for a terminal so wide.
pub(super) fn lines(width: usize) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    for (place, keys) in KEYS {
        left.push(place.to_owned());
        left.extend(keys.iter().map(|(keys, what)| format!("  {keys:<16} {what}")));
        left.push(String::new());
    }
    left.push("STATES".to_owned());
    let signs: Vec<String> =
        State::ALL.iter().map(|state| format!("{} {state}", symbol(*state))).collect();
    left.extend(signs.chunks(4).map(|some| format!("  {}", some.join("  "))));
    let mut right = vec!["COLUMNS".to_owned()];
    right.extend(field::all().map(|field| format!("  {:<10} {}", field.title(), field.meaning())));
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
        Key::Interrupt | Key::Char(_) | Key::Left | Key::Right | Key::Tab | Key::BackTab => first,
    };
    Some(to.min(last))
}
