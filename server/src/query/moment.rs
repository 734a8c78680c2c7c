//! A moment as people and programs write it: RFC 3339, epoch milliseconds, or "-1h" from now.

use crate::units::WallMs;

/// What a moment may look like, for messages and help.
pub const MOMENT_FORMS: &str = "RFC 3339 (2026-03-29T01:30:00Z), milliseconds since 1970, a length before now (-1h, -30m), \
     or now";

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no moment; expected {MOMENT_FORMS}")]
pub struct BadMoment {
    text: String,
}

/// Reads a moment; `now` is what lengths are counted from.
///
/// # Errors
/// [`BadMoment`] when it has none of the [`MOMENT_FORMS`].
pub fn parse_moment(text: &str, now: WallMs) -> Result<WallMs, BadMoment> {
    let bad = || BadMoment { text: text.to_owned() };
    if text == "now" {
        return Ok(now);
    }
    if let Ok(ms) = text.parse::<u64>() {
        return i64::try_from(ms).map(WallMs).map_err(|_| bad());
    }
    if let Some(length) = text.strip_prefix('-') {
        return humantime::parse_duration(length).map(|ago| now.minus(ago)).map_err(|_| bad());
    }
    // A space for the `+` of an offset is what a forgotten percent-encoding leaves.
    chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+"))
        .map(|moment| WallMs(moment.timestamp_millis()))
        .map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallMs = WallMs(1_774_747_800_000);

    #[test]
    fn all_forms_are_read() {
        assert_eq!(parse_moment("now", NOW), Ok(NOW));
        assert_eq!(parse_moment("-1h", NOW), Ok(WallMs(NOW.0 - 3_600_000)));
        assert_eq!(parse_moment("-1h30m", NOW), Ok(WallMs(NOW.0 - 5_400_000)));
        assert_eq!(parse_moment("1774747800250", NOW), Ok(WallMs(NOW.0 + 250)));
        assert_eq!(parse_moment("2026-03-29T01:30:00Z", NOW), Ok(NOW));
        assert_eq!(parse_moment("2026-03-29T03:30:00+02:00", NOW), Ok(NOW));
        assert_eq!(parse_moment("2026-03-29T03:30:00 02:00", NOW), Ok(NOW));
    }

    #[test]
    fn what_is_no_moment_says_what_is() {
        for text in ["", "yesterday", "-", "-5", "99999999999999999999", "2026-03-29"] {
            let message = parse_moment(text, NOW).unwrap_err().to_string();
            assert!(message.contains("is no moment; expected RFC 3339"), "{text}: {message}");
        }
    }
}
