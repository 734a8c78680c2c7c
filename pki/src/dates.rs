//! From when until when a certificate is valid, its number, and whether it is an authority's: as much of DER
//! (X.690) and RFC 5280 section 4.1 as that takes.

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its number, big endian.
    pub serial: Vec<u8>,
    /// The first second at which it is valid, seconds since 1970.
    pub not_before: i64,
    /// The last one, seconds since 1970.
    pub not_after: i64,
}

const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`, the version.
const VERSION: u8 = 0xa0;
/// `[3] EXPLICIT`, the extensions.
const EXTENSIONS: u8 = 0xa3;
const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
/// id-ce-basicConstraints, 2.5.29.19.
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];

/// The next element: its tag, its content and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0_usize, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of an element of this kind, and what follows.
fn of_kind(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(tag, ..)| *tag == kind).map(|(_, content, rest)| (content, rest))
}

/// What a certificate (DER) says of itself; none when it is none.
#[must_use]
pub fn facts(certificate: &[u8]) -> Option<Facts> {
    let (serial, rest) = serial(certificate)?;
    let (_algorithm, rest) = of_kind(rest, SEQUENCE)?;
    let (_issuer, rest) = of_kind(rest, SEQUENCE)?;
    let (validity, _) = of_kind(rest, SEQUENCE)?;
    let (not_before, rest) = moment(validity)?;
    let (not_after, _) = moment(rest)?;
    Some(Facts { serial: serial.to_vec(), not_before, not_after })
}

/// Its number, and what follows that.
fn serial(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (outer, _) = of_kind(certificate, SEQUENCE)?;
    let (inner, _) = of_kind(outer, SEQUENCE)?;
    let after_version = of_kind(inner, VERSION).map_or(inner, |(_, rest)| rest);
    of_kind(after_version, INTEGER)
}

/// Whether a certificate may sign others: `CA:TRUE` in its basic constraints (RFC 5280 section 4.2.1.9).
#[must_use]
pub fn is_authority(certificate: &[u8]) -> bool {
    basic_constraints(certificate).unwrap_or(false)
}

fn basic_constraints(certificate: &[u8]) -> Option<bool> {
    let (_, mut rest) = serial(certificate)?;
    let extensions = loop {
        let (tag, content, after) = element(rest)?;
        if tag == EXTENSIONS {
            break content;
        }
        rest = after;
    };
    let (mut list, _) = of_kind(extensions, SEQUENCE)?;
    while let Some((extension, after)) = of_kind(list, SEQUENCE) {
        list = after;
        let (id, value) = of_kind(extension, OBJECT)?;
        if id != BASIC_CONSTRAINTS {
            continue;
        }
        let value = of_kind(value, BOOLEAN).map_or(value, |(_critical, rest)| rest);
        let (octets, _) = of_kind(value, OCTETS)?;
        let (constraints, _) = of_kind(octets, SEQUENCE)?;
        return Some(of_kind(constraints, BOOLEAN).is_some_and(|(ca, _)| ca != [0]));
    }
    None
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5), in seconds since 1970.
fn moment(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (tag, text, rest) = element(bytes)?;
    let text = text.strip_suffix(b"Z")?;
    let two = |at: usize| {
        let digit = |at: usize| {
            text.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'))
        };
        Some(digit(at)? * 10 + digit(at + 1)?)
    };
    let (year, at) = match (tag, text.len()) {
        // Years from 50 on are of the last century.
        (UTC_TIME, 12) => (two(0)? + if two(0)? >= 50 { 1900 } else { 2000 }, 2),
        (GENERALIZED_TIME, 14) => (two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let (month, day) = (two(at)?, two(at + 2)?);
    let (hour, minute, second) = (two(at + 4)?, two(at + 6)?, two(at + 8)?);
    let is_moment = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    is_moment.then(|| (((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second, rest))
}

/// Days since 1970 of a day of the Gregorian calendar, from the year 0 on: years are taken to begin in March, so
/// that the leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_months = (153 * month + 2) / 5;
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // The first of March of the year 0 is this many days before 1970.
    of_years + of_months + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_both_forms_and_nonsense_is_none() {
        let utc = |text: &str| {
            let kind = if text.len() == 13 { UTC_TIME } else { GENERALIZED_TIME };
            let mut bytes = vec![kind, u8::try_from(text.len()).unwrap()];
            bytes.extend_from_slice(text.as_bytes());
            moment(&bytes).map(|(at, _)| at)
        };
        for (text, at) in [
            ("700101000000Z", 0),
            ("19700101000001Z", 1),
            ("000229120000Z", 951_825_600),
            ("20260228235959Z", 1_772_323_199),
            ("491231235959Z", 2_524_607_999),
            ("500101000000Z", -631_152_000),
            ("20500101000000Z", 2_524_608_000),
        ] {
            assert_eq!(utc(text), Some(at), "{text}");
        }
        for text in ["701301000000Z", "7001010000000", "70010100000xZ", "700101240000Z", ""] {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_certificate() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84, 255, 255]] {
            assert_eq!(facts(bytes), None);
            assert!(!is_authority(bytes));
        }
    }
}
