//! Moments as DATETIME(3) in UTC, and back; days.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};
use mysql_async::Value;

use crate::units::WallMs;

/// The first and the last moment of a DATETIME(3): years 1000 and 9999.
const FIRST_MS: i64 = -30_610_224_000_000;
const LAST_MS: i64 = 253_402_300_799_999;

fn utc(moment: WallMs) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(moment.0).map(|moment| moment.naive_utc())
}

/// A moment as a value; one that no DATETIME holds is the nearest that it does.
pub(super) fn datetime(moment: WallMs) -> Value {
    let Some(utc) = utc(WallMs(moment.0.clamp(FIRST_MS, LAST_MS))) else { return Value::NULL };
    let small = |number: u32| u8::try_from(number).unwrap_or(0);
    Value::Date(
        u16::try_from(utc.year()).unwrap_or(0),
        small(utc.month()),
        small(utc.day()),
        small(utc.hour()),
        small(utc.minute()),
        small(utc.second()),
        utc.nanosecond() / 1_000,
    )
}

/// The same where there may be none.
pub(super) fn optional(moment: Option<WallMs>) -> Value {
    moment.map_or(Value::NULL, datetime)
}

/// The moment of a DATETIME; none when it is no moment.
pub(super) fn wall(value: &Value) -> Option<WallMs> {
    let Value::Date(year, month, day, hour, minute, second, micros) = *value else { return None };
    let date = NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))?;
    let time = date.and_hms_micro_opt(hour.into(), minute.into(), second.into(), micros)?;
    Some(WallMs(time.and_utc().timestamp_millis()))
}

/// An hour, milliseconds.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// The first moment of the hour that a moment lies in.
pub(super) fn hour(moment: WallMs) -> WallMs {
    WallMs(moment.0.clamp(FIRST_MS, LAST_MS).div_euclid(HOUR_MS) * HOUR_MS)
}

/// The first moment of the next hour.
pub(super) fn next_hour(moment: WallMs) -> WallMs {
    WallMs(hour(moment).0 + HOUR_MS)
}

/// The day of a moment, when the database can keep it and a partition can be named after it.
pub(super) fn day(moment: WallMs) -> Option<NaiveDate> {
    (FIRST_MS..=LAST_MS).contains(&moment.0).then(|| utc(moment))?.map(|utc| utc.date())
}

/// The first moment of a day.
pub(super) fn begin(day: NaiveDate) -> Option<WallMs> {
    day.and_hms_opt(0, 0, 0).map(|begin| WallMs(begin.and_utc().timestamp_millis()))
}

/// A day as a value of a DATE.
pub(super) fn date(day: NaiveDate) -> Value {
    let small = |number: u32| u8::try_from(number).unwrap_or(0);
    let year = u16::try_from(day.year()).unwrap_or(0);
    Value::Date(year, small(day.month()), small(day.day()), 0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_back_to_the_millisecond() {
        for ms in [0, 1, 999, -1, 1_774_747_800_250, 253_402_300_799_999, FIRST_MS] {
            assert_eq!(wall(&datetime(WallMs(ms))), Some(WallMs(ms)), "{ms}");
        }
        let value = datetime(WallMs(1_774_747_800_250));
        assert_eq!(value, Value::Date(2026, 3, 29, 1, 30, 0, 250_000));
        assert_eq!(wall(&Value::NULL), None);
        assert_eq!(wall(&Value::Date(0, 0, 0, 0, 0, 0, 0)), None);
    }

    #[test]
    fn what_no_datetime_holds_is_the_nearest() {
        assert_eq!(datetime(WallMs(i64::MIN)), Value::Date(1000, 1, 1, 0, 0, 0, 0));
        assert_eq!(datetime(WallMs(i64::MAX)), Value::Date(9999, 12, 31, 23, 59, 59, 999_000));
        assert_eq!((day(WallMs(i64::MAX)), day(WallMs(FIRST_MS - 1))), (None, None));
        assert_eq!(day(WallMs(LAST_MS)), NaiveDate::from_ymd_opt(9999, 12, 31));
    }
}
