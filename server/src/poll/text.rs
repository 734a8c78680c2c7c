//! Text from outside, made safe to keep: one line, bounded, no control characters.

use std::sync::Arc;

/// The longest error text of a poll, bytes.
pub const MAX_ERROR_BYTES: usize = 512;

/// One line of at most `limit` bytes (at least 3) without control characters or line separators;
/// white space at the ends is gone, and `…` marks what was cut.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    const CUT: char = '…';
    let mut line = String::with_capacity(text.len().min(limit));
    for c in text.trim().chars() {
        let c = if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
        if line.len() + c.len_utf8() > limit {
            while line.len() + CUT.len_utf8() > limit {
                line.pop();
            }
            line.push(CUT);
            break;
        }
        line.push(c);
    }
    line
}

/// [`one_line`], or nothing when nothing is left.
pub(super) fn known(text: Option<&str>, limit: usize) -> Option<Arc<str>> {
    let line = one_line(text?, limit);
    (!line.is_empty()).then(|| line.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_lines_do_not_survive() {
        assert_eq!(one_line(" a\r\nb\u{1b}[31m\0c\u{2028}d\n", 99), "a  b [31m c d");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(one_line("ääää", 8), "ääää");
        assert_eq!(one_line("äääää", 8), "ää…");
        assert_eq!(one_line(&"x".repeat(2000), MAX_ERROR_BYTES).len(), MAX_ERROR_BYTES);
    }

    #[test]
    fn nothing_is_unknown() {
        assert_eq!(known(Some(" \t"), 9), None);
        assert_eq!(known(None, 9), None);
        assert_eq!(known(Some("x"), 9).as_deref(), Some("x"));
    }
}
