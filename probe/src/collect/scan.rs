//! Words and numbers out of a file's bytes, without allocating: what every parser here stands on.
//! Knows no file and no metric. Never panics, whatever the bytes.

/// The lines of a file; empty ones are left out.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// The words of a line: what stands between spaces and tabs.
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

/// Bytes as text, with `U+FFFD` for what is not UTF-8.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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

    proptest::proptest! {
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
