//! JSON written without a tree: texts, and numbers that are thousandths. Knows no columns and no SQL.

use std::fmt::Write as _;

/// RFC 8259 section 7.
pub(in crate::store) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{0}'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
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
        reason = "0 to 9e15, rounded"
    )]
    let thousandths = (value * 1000.0).round() as u64;
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
    let _ = write!(out, "{}", number / 1000);
    let rest = number % 1000;
    if rest > 0 {
        let digits = [rest / 100, rest / 10 % 10, rest % 10];
        let kept = if digits[2] > 0 {
            3
        } else if digits[1] > 0 {
            2
        } else {
            1
        };
        out.push('.');
        for digit in &digits[..kept] {
            out.push(char::from(b'0' + u8::try_from(*digit).unwrap_or(0)));
        }
    }
}

/// The same where there may be none.
pub(in crate::store) fn push_optional(out: &mut String, value: Option<f64>) {
    match value {
        Some(value) => push_number(out, value),
        None => out.push_str("null"),
    }
}
