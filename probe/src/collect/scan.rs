//! Words and numbers out of a file's bytes, without allocating: what every parser here stands on.
//! Knows no file and no metric. Never panics, whatever the bytes.

use std::fmt::Write as _;

/// The lines of a file, without what ends them; empty ones are left out.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

/// The words of a line: what stands between spaces and tabs, however many, because the kernel pads
/// its numbers. Where a field may be empty its place counts, and the line is split at each space.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty())
}

/// What stands before the first `separator`, and after it.
#[must_use]
pub fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// A whole number in decimal; nothing when it has other characters or does not fit.
#[must_use]
pub fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A whole number that fits 32 bits.
#[must_use]
pub fn number32(word: &[u8]) -> Option<u32> {
    number(word).and_then(|number| u32::try_from(number).ok())
}

/// A number with exactly two decimals, in hundredths: `1.53` is 153. The kernel prints load and
/// pressure like this; reading them as whole numbers keeps them exact.
#[must_use]
pub fn hundredths(word: &[u8]) -> Option<u32> {
    let (whole, decimals) = split_once(word, b'.')?;
    if decimals.len() != 2 {
        return None;
    }
    u32::try_from(number(whole)?.checked_mul(100)?.checked_add(number(decimals)?)?).ok()
}

/// Fills `into` from the words of `line`; answers how many there were, at most `N`. Nothing when a
/// word is not a number.
#[must_use]
pub fn numbers<const N: usize>(line: &[u8], into: &mut [u64; N]) -> Option<usize> {
    let mut width = 0;
    for (cell, word) in into.iter_mut().zip(words(line)) {
        *cell = number(word)?;
        width += 1;
    }
    Some(width)
}

/// Bytes as text of the wire, two names staying two: UTF-8 as it is; otherwise each byte that is not
/// UTF-8 as `\xNN`, and each backslash of that name as `\\`.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// The beginning of a line, printable, for an error message.
#[must_use]
pub fn excerpt(line: &[u8]) -> String {
    /// Enough to recognise the line.
    const EXCERPT_BYTES: usize = 48;
    line[..line.len().min(EXCERPT_BYTES)].escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_nothing() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b"18446744073709551616"[..], b"", b"-1", b"1.0", b"0x10", b"12a", b"\xff"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(number32(b"4294967296"), None);
    }

    #[test]
    fn hundredths_are_exact() {
        assert_eq!(hundredths(b"0.29"), Some(29));
        assert_eq!(hundredths(b"100.00"), Some(10_000));
        for bad in [&b"1"[..], b"1.5", b"1.555", b".", b"1.-5", b"-1.00", b"99999999.00"] {
            assert_eq!(hundredths(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_row_tells_its_width() {
        let mut row = [0; 3];
        assert_eq!(numbers(b" 1\t 2", &mut row), Some(2));
        assert_eq!(numbers(b"1 2 3 4", &mut row), Some(3));
        assert_eq!(numbers(b"1 x 3", &mut row), None);
    }

    #[test]
    fn a_name_that_is_not_utf_8_stays_apart_from_every_other() {
        for (bytes, expected) in [
            (&b"eth0"[..], "eth0"),
            ("/mnt/f\u{fc}r".as_bytes(), "/mnt/f\u{fc}r"),
            (b"a\\b", "a\\b"),
            (b"/mnt/\xE4", "/mnt/\\xE4"),
            (b"/mnt/\xFC", "/mnt/\\xFC"),
            (b"\\\xE4\x0A", "\\\\\\xE4\n"),
            (b"\xE2\x82", "\\xE2\\x82"),
        ] {
            assert_eq!(text(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn lines_end_as_other_systems_end_them_too() {
        let all: Vec<&[u8]> = lines(b"a b\r\n\r\n\nc").collect();
        assert_eq!(all, [&b"a b"[..], b"c"]);
    }

    proptest::proptest! {
        #[test]
        fn of_names_that_are_not_utf_8_no_two_are_one(
            a in "[\\\\xE4a]{0,6}", b in "[\\\\xE4a]{0,6}", at in 0usize..6, other in 0usize..6,
        ) {
            let with = |name: &str, at: usize| {
                let mut bytes = name.as_bytes().to_vec();
                bytes.insert(at.min(bytes.len()), 0xE4);
                bytes
            };
            let (a, b) = (with(&a, at), with(&b, other));
            assert_eq!(a == b, text(&a) == text(&b), "{a:?} {b:?}");
        }

        #[test]
        fn any_number_is_read_back(value: u64, cents in 0u32..100, whole in 0u32..1_000_000) {
            assert_eq!(number(value.to_string().as_bytes()), Some(value));
            assert_eq!(
                hundredths(format!("{whole}.{cents:02}").as_bytes()),
                Some(whole * 100 + cents)
            );
        }
    }
}
