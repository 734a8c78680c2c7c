//! JSON written without a tree: texts, and numbers that are thousandths. Knows no columns and no SQL.

use std::fmt::Write as _;

/// RFC 8259 section 7.
pub(in crate::store) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    // What needs no escape is copied in one piece. Each byte that does is a character of its own.
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            continue;
        }
        out.push_str(text.get(copied..at).unwrap_or_default());
        copied = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out.push('"');
}

/// Values are thousandths, so the digits are known without the general (and slower) search for
/// the shortest ones. What is not a thousandth is written the general way.
pub(in crate::store) fn push_number(out: &mut String, value: f64) {
    /// Up to here a thousandth is told apart from its neighbours (2^53 / 1000).
    const EXACT: f64 = 9.0e12;
    if !(0.0..EXACT).contains(&value) {
        // Also whole counts beyond it. Writing to a String cannot fail.
        let _ = write!(out, "{value}");
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 9e15, rounded; where that is off by one it is not the very same number"
    )]
    let thousandths = (value * 1000.0 + 0.5) as u64;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let again = thousandths as f64 / 1000.0;
    #[expect(clippy::float_cmp, reason = "the very same number, or the general way")]
    let exact = again == value;
    if exact {
        push_thousandths(out, thousandths);
    } else {
        let _ = write!(out, "{value}");
    }
}

fn push_thousandths(out: &mut String, number: u64) {
    let (mut whole, mut rest) = (number / 1000, number % 1000);
    let mut text = [b'0'; 24];
    let mut at = text.len();
    let mut push = |byte: u8| {
        at -= 1;
        text[at] = byte;
    };
    let digit = |number: u64| b"0123456789"[(number % 10) as usize];
    if rest > 0 {
        let mut is_end = true;
        for _ in 0..3 {
            // Zeros at the end say nothing.
            is_end &= rest % 10 == 0;
            if !is_end {
                push(digit(rest));
            }
            rest /= 10;
        }
        push(b'.');
    }
    loop {
        push(digit(whole));
        whole /= 10;
        if whole == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&text[at..]).unwrap_or_default());
}

/// The same where there may be none.
pub(in crate::store) fn push_optional(out: &mut String, value: Option<f64>) {
    match value {
        Some(value) => push_number(out, value),
        None => out.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(value: f64) -> String {
        let mut text = String::new();
        push_number(&mut text, value);
        text
    }

    #[test]
    fn a_text_is_escaped_as_rfc_8259_says() {
        for text in ["", "/srv", "a\"b\\c", "\u{0}\n\u{1f} \u{7f}é…", "\"", "tail\\"] {
            let mut out = String::new();
            push_text(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "{out}");
        }
    }

    #[test]
    fn what_is_no_thousandth_or_too_large_is_written_the_general_way() {
        for value in [0.0, 1.0, 0.001, 0.1, 0.25, 1_000.5, 0.000_1, 1e300, 9.1e12, 1.0 / 3.0] {
            assert_eq!(number(value), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn a_thousandth_is_written_as_the_general_way_would(thousandths in 0_u64..1_000_000_000_000_000) {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let value = thousandths as f64 / 1000.0;
            prop_assert_eq!(number(value), value.to_string());
        }
    }
}
