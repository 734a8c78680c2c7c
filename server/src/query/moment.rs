//! A moment as people and programs write it: RFC 3339, epoch milliseconds, or "-1h" from now.

use std::{borrow::Cow, sync::LazyLock, time::Duration};

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::units::WallMs;

/// The last moment that has a date in four digits, and so one in every database.
const LAST: WallMs = WallMs(253_402_300_799_999);

/// What a length of time looks like (ECMA 262, as JSON Schema has it): `90s`, `1h 30m`, `2 days`.
pub const LENGTH_PATTERN: &str = "^([0-9]{1,9} ?(ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?|M|months?|y|years?) ?){1,8}$";

/// What a moment looks like: the [`MOMENT_FORMS`].
pub const MOMENT_PATTERN: &str = "^(now|[0-9]{1,15}\
    |-([0-9]{1,9} ?(ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?|M|months?|y|years?) ?){1,8}\
    |[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?([Zz]|[+ -]([01][0-9]|2[0-3]):[0-5][0-9]))$";

static LENGTH: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(LENGTH_PATTERN).ok());
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(MOMENT_PATTERN).ok());

/// A moment as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub WallMs);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Rfc3339 {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "A moment as RFC 3339 in UTC with milliseconds.",
        })
    }
}

fn has_form(form: &Option<Regex>, text: &str) -> bool {
    form.as_ref().is_some_and(|form| form.is_match(text))
}

/// Reads a length of time.
///
/// # Errors
/// In words, when it has not the form of [`LENGTH_PATTERN`].
pub fn parse_length(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if has_form(&LENGTH, text) {
        return Ok(length);
    }
    Err(format!("{text:?} is no length of time; expected one such as 90s, 1h 30m, 2d"))
}

/// What a moment may look like, for messages and help.
pub const MOMENT_FORMS: &str = "RFC 3339 (2026-03-29T01:30:00Z), milliseconds since 1970, a length before now (-1h, -30m), \
     or now";

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no moment; expected {MOMENT_FORMS}")]
pub struct BadMoment {
    text: String,
}

/// Reads a moment; `now` is what lengths are counted from. One before 1970 is 1970, one after the year
/// 9999 its end.
///
/// # Errors
/// [`BadMoment`] when it has none of the [`MOMENT_FORMS`].
pub fn parse_moment(text: &str, now: WallMs) -> Result<WallMs, BadMoment> {
    if !has_form(&MOMENT, text) {
        return Err(BadMoment { text: text.to_owned() });
    }
    read(text, now)
        .map(|moment| moment.clamp(WallMs(0), LAST))
        .ok_or_else(|| BadMoment { text: text.to_owned() })
}

fn read(text: &str, now: WallMs) -> Option<WallMs> {
    if text == "now" {
        return Some(now);
    }
    if let Ok(ms) = text.parse() {
        return Some(WallMs(ms)).filter(|moment| moment.0 >= 0);
    }
    if let Some(length) = text.strip_prefix('-') {
        return humantime::parse_duration(length).map(|ago| now.minus(ago)).ok();
    }
    // A space for the `+` of an offset is what a forgotten percent-encoding leaves.
    let moment = chrono::DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok()?;
    Some(WallMs(moment.timestamp_millis()))
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
        for text in [
            "",
            "yesterday",
            "-",
            "-5",
            "+5",
            "-1.5h",
            "-1h\n",
            "99999999999999999999",
            "2026-03-29",
            "2026-02-30T00:00:00Z",
        ] {
            let message = parse_moment(text, NOW).unwrap_err().to_string();
            assert!(message.contains("is no moment; expected RFC 3339"), "{text}: {message}");
        }
    }

    #[test]
    fn what_has_the_documented_form_is_read_and_stays_in_the_calendar() {
        for (text, expected) in [
            ("999999999999999", LAST),
            ("-999999999y 999999999y", WallMs(0)),
            ("0001-01-01T00:00:00Z", WallMs(0)),
            ("9999-12-31T23:59:59.999999999-23:59", LAST),
            ("-1 day 2 hours ", WallMs(NOW.0 - 93_600_000)),
            ("2026-03-29t01:30:00z", NOW),
        ] {
            assert_eq!(parse_moment(text, NOW), Ok(expected), "{text}");
        }
        assert_eq!(parse_length("1h 30m"), Ok(Duration::from_secs(5_400)));
        assert!(parse_length("1h 30").is_err() && parse_length("1.5h").is_err());
    }
}
