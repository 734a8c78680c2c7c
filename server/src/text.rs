//! Text from outside as it may stand in a name, a log line, a table, a terminal: what nobody would
//! see, or what changes how other text is shown, is written out as its number, `\u{202e}`.
//!
//! One rule decides, [`is_shown`], by Unicode's general categories, so that it needs no care when
//! a new kind of invisible character is thought of.

mod glob;
mod suggest;

use std::borrow::Cow;

pub use glob::Glob;
pub use suggest::{did_you_mean, is_slip};

/// Percent-encodes what is not unreserved (RFC 3986 section 2.3).
pub(crate) fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// A positive number in digits and small letters: a short id.
#[must_use]
pub(crate) fn base36(mut number: i64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut text = Vec::new();
    while number > 0 {
        let digit = usize::try_from(number % 36).unwrap_or(0);
        text.extend(DIGITS.get(digit).copied().map(char::from));
        number /= 36;
    }
    text.iter().rev().collect()
}

/// Whether a character is seen where it stands, and changes nothing but that place.
///
/// It is not when Unicode calls it a control (Cc), a format character (Cf: marks of direction, tags,
/// joiners, the soft hyphen), a separator (Zl, Zp, and Zs but the plain space), for private use
/// (Co) or unassigned (Cn): the standard library's own table of what it does not print. Nor when it
/// is a letter, mark or symbol that is drawn as nothing.
#[must_use]
pub fn is_shown(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // `escape_debug` of a text lets marks stand that combine with a letter before them.
    let mut pair = [b'a', 0, 0, 0, 0];
    let length = 1 + c.encode_utf8(&mut pair[1..]).len();
    let printed = std::str::from_utf8(&pair[..length])
        .is_ok_and(|pair| pair.escape_debug().nth(1) == Some(c));
    printed && !is_drawn_as_nothing(c)
}

/// Letters, marks and symbols without a shape: Default_Ignorable_Code_Point of Unicode 17 that is
/// neither Cf nor Cn, and the Braille pattern without dots. Unicode adds none to those categories.
fn is_drawn_as_nothing(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}')
}

fn is_hidden(c: char) -> bool {
    !is_shown(c)
}

/// Whether a text is visible ASCII and plain spaces alone: nearly every text is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Text for people, in which every character is seen. Not for names: the text `\u{7}` stays as it is,
/// and so is the same as a bell.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_shown(&mut safe, c);
    }
    Cow::Owned(safe)
}

/// What a written-out character begins with.
const WRITTEN_OUT: &str = "\\u{";

/// A name in which every character is seen, and two names stay two: in a name that holds a hidden
/// character, or a text that looks like one that is written out, a backslash becomes two. Reading
/// it backwards gives the name as it came.
#[must_use]
pub fn name(text: &str) -> Cow<'_, str> {
    let is_shown = is_plain(text) || !text.contains(is_hidden);
    if is_shown && !(text.contains('\\') && text.contains(WRITTEN_OUT)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => safe.push_str("\\\\"),
            _ => push_shown(&mut safe, c),
        }
    }
    Cow::Owned(safe)
}

/// One line of at most `limit` bytes (at least 3) in which every character is seen; white space
/// other than the plain space becomes one, at the ends it is gone, and `…` marks what was cut.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    const CUT: char = '…';
    let text = text.trim();
    if text.len() <= limit && is_plain(text) {
        return text.to_owned();
    }
    let mut line = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let before = line.len();
        push_shown(&mut line, if c.is_whitespace() { ' ' } else { c });
        if line.len() > limit {
            line.truncate(before);
            while line.len() + CUT.len_utf8() > limit {
                line.pop();
            }
            line.push(CUT);
            break;
        }
    }
    line
}

fn push_shown(text: &mut String, c: char) {
    if is_shown(c) { text.push(c) } else { text.extend(c.escape_unicode()) }
}

/// Bytes with three digits: `512 B`, `1.5 KiB`, `7.8 GiB`.
#[must_use]
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = value;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A text that is ordered as people order the name: web-2 comes before web-10. A number begins with how
/// many digits it has, zeros before it left out.
#[must_use]
pub fn natural(name: &str) -> String {
    let mut key = String::with_capacity(name.len() + 4);
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (part, after) = rest.split_at(if digits > 0 { digits } else { first.len_utf8() });
        if digits > 0 {
            let number = part.trim_start_matches('0');
            // Beyond that a name is no longer told apart by its numbers.
            key.push(u8::try_from(number.len()).map_or('\u{ff}', char::from));
            key.push_str(number);
        } else {
            key.push(first);
        }
        rest = after;
    }
    key
}

/// Adds a text as a field of CSV (RFC 4180 section 2) that no spreadsheet runs.
pub fn csv_text(text: &str, out: &mut String) {
    let mark = if is_formula(text) { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(mark);
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(mark);
        out.push_str(text);
    }
}

/// Whether a spreadsheet would take a text for a formula and run it (OWASP, "CSV Injection"; its wide
/// forms count as well). An apostrophe before it makes a text of it. A plain number is none.
fn is_formula(text: &str) -> bool {
    const STARTS: [char; 11] =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let digits = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    text.starts_with(STARTS) && !(digits && text.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_nobody_sees_and_what_turns_other_text_is_hidden() {
        let hidden = "\0\t\n\u{1b}\u{7f}\u{85}\u{9b}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\
            \u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\
            \u{202e}\u{2060}\u{2066}\u{2069}\u{206f}\u{2800}\u{3000}\u{3164}\u{e000}\u{fe0f}\
            \u{feff}\u{ffa0}\u{fff9}\u{1d173}\u{e0001}\u{e0041}\u{e01ef}\u{10fffd}\u{10ffff}";
        let seen: Vec<char> = hidden.chars().filter(|c| is_shown(*c)).collect();
        assert!(seen.is_empty(), "{seen:?}");
        let shown = " azAZ09~äöüß漢字かなЖעבריתعربيहिन्दीไทย한글e\u{301}\u{5b0}😀–…\u{fffd}\\\"'";
        let unseen: Vec<char> = shown.chars().filter(|c| !is_shown(*c)).collect();
        assert!(unseen.is_empty(), "{unseen:?}");
    }

    #[test]
    fn what_would_steer_a_terminal_is_shown_as_its_number() {
        assert_eq!(shown("eth0 äö 漢"), "eth0 äö 漢");
        assert_eq!(shown("a\u{1b}[31m\r\n\u{9b}2J"), r"a\u{1b}[31m\u{d}\u{a}\u{9b}2J");
        assert_eq!(shown("x\u{202e}y\u{2066}\u{200f}"), r"x\u{202e}y\u{2066}\u{200f}");
    }

    #[test]
    fn numbers_in_names_are_ordered_as_numbers() {
        let mut names = ["web-11", "web-1", "web-2", "db-10.x", "web-0010", "web", "db-9.x"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["db-9.x", "db-10.x", "web", "web-1", "web-2", "web-0010", "web-11"]);
    }

    #[test]
    fn two_names_stay_two() {
        assert_eq!(name("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(name(r"a\u{202e}b"), r"a\\u{202e}b");
        assert_eq!(name("a\\\u{202e}b"), r"a\\\u{202e}b");
        // As a probe sends a byte that is not UTF-8, and as systemd names a device.
        assert_eq!(name(r"\xE4 dev-disk-by\x2dlabel"), r"\xE4 dev-disk-by\x2dlabel");
    }

    #[test]
    fn control_characters_and_lines_do_not_survive() {
        assert_eq!(one_line(" a\r\nb\u{1b}[31m\0c\u{2028}d\n", 99), r"a  b\u{1b}[31m\u{0}c d");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(one_line("ääää", 8), "ääää");
        assert_eq!(one_line("äääää", 8), "ää…");
        assert_eq!(one_line("\u{202e}\u{202e}", 9), r"\u{202…");
        assert_eq!(one_line(&"x".repeat(2000), 512).len(), 512);
    }

    /// What [`name`] makes, read backwards.
    fn read(written: &str) -> String {
        if !written.contains(WRITTEN_OUT) {
            return written.to_owned();
        }
        let mut rest = written;
        let mut text = String::new();
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("\\\\") {
                text.push('\\');
                rest = after;
            } else if let Some(after) = rest.strip_prefix(WRITTEN_OUT) {
                let (digits, after) = after.split_once('}').unwrap();
                text.push(char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap());
                rest = after;
            } else {
                text.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        text
    }

    proptest! {
        #[test]
        fn any_name_is_seen_and_can_be_read_backwards(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("\\".to_owned()),
                    Just("\\u{".to_owned()),
                    Just("\\u{202e}".to_owned()),
                    Just("\\xE4".to_owned()),
                    any::<char>().prop_map(String::from),
                    "[\u{1}-\u{20}\u{200b}-\u{202f}a-z]{0,4}",
                ],
                0..8,
            ),
        ) {
            let text = parts.concat();
            let written = name(&text);
            prop_assert!(written.chars().all(is_shown), "{written:?}");
            prop_assert_eq!(&read(&written), &text);
            prop_assert!(shown(&written) == written, "clean stays as it is");
        }
    }
}
