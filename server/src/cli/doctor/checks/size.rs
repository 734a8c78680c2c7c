//! What the history takes and will take, and the room that there is for it.

use std::time::Duration;

use super::{Check, DoctorFacts, Forecast, Verdict, bytes};
use crate::{
    cli::forecast::DAY,
    store::{StoreStatus, budget::POLLS_FLOOR},
};

/// What people reckon disks by.
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// Share of SQLite's file that is free from which on it is said, percent: a server gives back what is more
/// than half of that, but of a file that an earlier version made.
const FREE_PCT: u64 = 50;

/// A smaller file is not worth a word, bytes.
const SMALL: u64 = 64 << 20;

/// What is to be kept against the room that there is.
pub(super) fn check(forecast: &Forecast, found: &DoctorFacts) -> Check {
    let subject = "size";
    let kept = forecast.bytes_in(found.retention);
    let words = of_retention(forecast, kept, found);
    let status = found.store.as_ref().ok();
    let taken = found.size.map_or(kept, |size| size.min(kept));
    if let (Some(room), Some(status)) = (found.store_room, status)
        && taken > room.saturating_add(status.bytes)
    {
        let words = format!("{words}; {} are free", bytes(room));
        return super::check(subject, Verdict::Wrong, words).remedy(
            "the disk holds less than that, and the oldest polls go before retention.polls has passed: \
             shorten it, poll less often, or use MySQL",
        );
    }
    let Some(size) = found.size else { return super::check(subject, Verdict::Ok, words) };
    let held = forecast.held_in(size, status);
    if held >= found.retention {
        return super::check(subject, Verdict::Ok, words);
    }
    let words =
        format!("{words}; {}", Forecast::cut(size, held, found.retention, status, found.now));
    let verdict = if held < POLLS_FLOOR { Verdict::Wrong } else { Verdict::Note };
    super::check(subject, verdict, words).remedy(
        "polls are given up before retention.polls has passed, hours in short stay: raise retention.size, \
         poll less often, or ask for fewer days",
    )
}

fn of_retention(forecast: &Forecast, kept: u64, found: &DoctorFacts) -> String {
    let days = found.retention.as_secs_f64() / DAY.as_secs_f64();
    let sealed = forecast
        .bytes_per_sealed_poll
        .map_or_else(String::new, |sealed| format!(", {} sealed", bytes(sealed)));
    let how = if forecast.measured { "measured" } else { "estimated" };
    let month = match found.retention == MONTH {
        true => String::new(),
        false => format!("{} in 30 days, ", bytes(forecast.bytes_in(MONTH))),
    };
    format!(
        "{:.1} polls/s at {} each ({how}){sealed}: {month}{} in the {days:.0} days that are kept",
        forecast.polls_per_second,
        bytes(forecast.bytes_per_poll),
        bytes(kept),
    )
}

/// That much of SQLite's file is free; none where it is little.
pub(super) fn free(status: &StoreStatus) -> Option<Check> {
    let StoreStatus { bytes: all, free_bytes: free, .. } = *status;
    if all < SMALL || free.saturating_mul(100) < all.saturating_mul(FREE_PCT) {
        return None;
    }
    let words = format!("{} of the file's {} are free", bytes(free), bytes(all));
    Some(super::check("free room", Verdict::Note, words).remedy(
        "new rows use it. A server gives it back to the disk within hours, unless an earlier version made \
         the file; then convert it once, while the server is stopped: sqlite3 FILE \"PRAGMA auto_vacuum = \
         INCREMENTAL; VACUUM\"",
    ))
}
