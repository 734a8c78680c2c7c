//! Moments and lengths in few columns. Pure.

use crate::{
    cli::output::{self, UNKNOWN},
    units::WallMs,
};

/// `14:02:11`, in the zone that [`zone`] names.
pub(super) fn time_of_day(moment: WallMs) -> String {
    moment.spoken().to_string().split(' ').nth(1).unwrap_or_default().to_owned()
}

/// `UTC`, `+02:00`: how far the clock of times of day is from UTC at this moment.
pub(super) fn zone(moment: WallMs) -> String {
    moment.spoken().to_string().split(' ').nth(2).unwrap_or_default().to_owned()
}

/// `14:02` of a moment of today, else `03-29 14:02`.
pub(super) fn short_moment(moment: WallMs, now: WallMs) -> String {
    let [moment, now] = [moment, now].map(|at| at.spoken().to_string());
    let from = if moment.get(..10) == now.get(..10) { 11 } else { 5 };
    moment.get(from..16).unwrap_or_default().to_owned()
}

/// `14:02:11` of a moment of today, else `03-29 14:02`.
pub(super) fn moment_of_event(moment: WallMs, now: WallMs) -> String {
    let short = short_moment(moment, now);
    if short.len() == "14:02".len() { time_of_day(moment) } else { short }
}

/// `4 s`, `12m`, `3h`, `9d`: how long before `now`.
pub(super) fn short_length(now: WallMs, moment: Option<WallMs>) -> String {
    let Some(moment) = moment else { return UNKNOWN.to_owned() };
    output::length(now.since(moment)).replace(" min", "m").replace(' ', "")
}

/// `950 µs`, `11.6 ms`, `2.0 s`.
pub(super) fn micros(us: f64) -> String {
    match us {
        ..1_000.0 => format!("{us:.0} µs"),
        ..1_000_000.0 => format!("{:.1} ms", us / 1_000.0),
        _ => format!("{:.1} s", us / 1_000_000.0),
    }
}
