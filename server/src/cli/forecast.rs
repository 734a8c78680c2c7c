//! What an inventory costs: polls a day, and bytes by what the store has measured of its own rows.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use crate::{
    inventory::Inventory, schedule::Schedule, store::StoreStatus, text::bytes, units::WallMs,
};

/// Bytes that a poll takes in the store as long as fewer than [`ENOUGH`] are kept: its row, with its
/// share of the indexes, of a host with a few disks and interfaces.
const BYTES_PER_POLL: u64 = 4096;

/// Polls from which on what they take is measured.
const ENOUGH: u64 = 1_000;

/// A day.
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// Polls of an inventory and the room that they take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Forecast {
    pub(super) polls_per_second: f64,
    pub(super) rows_per_day: u64,
    /// Of a poll as it comes.
    pub(super) bytes_per_poll: u64,
    /// Of a poll once it is sealed; none where nothing is sealed yet, or never.
    pub(super) bytes_per_sealed_poll: Option<u64>,
    /// Whether that is measured on the store, or a figure for want of polls.
    pub(super) measured: bool,
    /// Age from which on polls are sealed.
    seal_after: Duration,
}

impl Forecast {
    /// Of an inventory on a store of this status.
    pub(super) fn new(
        inventory: &Inventory,
        status: Option<&StoreStatus>,
        seal_after: Duration,
        now: WallMs,
    ) -> Self {
        let rows_per_day = rows_per_day(inventory, now);
        let (mut bytes_per_poll, mut measured) = (BYTES_PER_POLL, false);
        let mut bytes_per_sealed_poll = None;
        if let Some(status) = status {
            let plain = status.polls.saturating_sub(status.sealed_polls);
            if plain >= ENOUGH {
                (bytes_per_poll, measured) = (status.unsealed_bytes / plain, true);
            }
            if status.sealed_polls >= ENOUGH {
                bytes_per_sealed_poll = Some(status.sealed_bytes / status.sealed_polls);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
        let polls_per_second = rows_per_day as f64 / DAY.as_secs_f64();
        Self {
            polls_per_second,
            rows_per_day,
            bytes_per_poll,
            bytes_per_sealed_poll,
            measured,
            seal_after,
        }
    }

    /// Bytes that the polls of a day take as they come.
    pub(super) fn bytes_per_day(&self) -> u64 {
        self.rows_per_day.saturating_mul(self.bytes_per_poll)
    }

    /// Bytes that the polls of so long take as they come, never sealed.
    pub(super) fn bytes_as_they_come(&self, span: Duration) -> u64 {
        let polls = u128::from(self.rows_per_day) * span.as_millis() / DAY.as_millis();
        u64::try_from(polls).unwrap_or(u64::MAX).saturating_mul(self.bytes_per_poll)
    }

    /// Bytes that so long a history takes: the youngest part as it came, the rest sealed.
    pub(super) fn bytes_in(&self, span: Duration) -> u64 {
        let plain = match self.bytes_per_sealed_poll {
            Some(_) => span.min(self.seal_after),
            _ => span,
        };
        let sealed = span.saturating_sub(plain);
        let days = |span: Duration| span.as_secs_f64() / DAY.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
        let bytes = |span, each: u64| days(span) * self.rows_per_day as f64 * each as f64;
        let all = bytes(plain, self.bytes_per_poll)
            + bytes(sealed, self.bytes_per_sealed_poll.unwrap_or_default());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive figure"
        )]
        let whole = all as u64;
        whole
    }
}

impl Forecast {
    /// How long a history of polls fits into so many bytes, beside what else is in the store.
    pub(super) fn held_in(&self, size: u64, status: Option<&StoreStatus>) -> Duration {
        let others = status.map_or(0, |status| {
            let polls = status.sealed_bytes.saturating_add(status.unsealed_bytes);
            status.bytes.saturating_sub(status.free_bytes).saturating_sub(polls)
        });
        #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
        let (room, plain) =
            (size.saturating_sub(others) as f64, self.bytes_per_day() as f64 / DAY.as_secs_f64());
        let fresh = self.seal_after.as_secs_f64();
        let seconds = match self.bytes_per_sealed_poll {
            Some(sealed) if room > fresh * plain => {
                #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
                let sealed = (self.rows_per_day.saturating_mul(sealed)) as f64 / DAY.as_secs_f64();
                fresh + (room - fresh * plain) / sealed
            }
            _ => room / plain,
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// That `retention.size` holds fewer days than are asked for, and when it will be reached.
    pub(super) fn cut(
        size: u64,
        held: Duration,
        retention: Duration,
        status: Option<&StoreStatus>,
        now: WallMs,
    ) -> String {
        let days = |span: Duration| span.as_secs_f64() / DAY.as_secs_f64();
        let few = |days: f64| if days < 10.0 { format!("{days:.1}") } else { format!("{days:.0}") };
        #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
        let size = bytes(size as f64);
        let oldest = status.and_then(|status| status.oldest_poll);
        let age = oldest.map_or(Duration::ZERO, |oldest| now.since(oldest));
        let left = held.saturating_sub(age);
        let when = match left.is_zero() {
            true => "the oldest go now".to_owned(),
            false => format!("the first go in about {} days", few(days(left))),
        };
        format!(
            "retention.size, {size}, holds about {} of the {:.0} days asked for, and {when}",
            few(days(held)),
            days(retention),
        )
    }
}

/// Polls of the coming day, paused hosts left out; each schedule is counted once.
fn rows_per_day(inventory: &Inventory, now: WallMs) -> u64 {
    let mut known: HashMap<&Schedule, u64> = HashMap::new();
    let polled = inventory.hosts.values().filter(|host| !host.paused);
    polled
        .map(|host| *known.entry(&host.schedule).or_insert_with(|| slots(&host.schedule, now)))
        .sum()
}

/// Polls of a schedule in the coming day.
pub(super) fn slots(schedule: &Schedule, now: WallMs) -> u64 {
    if !schedule.is_cron() {
        let slots = DAY.as_millis() / schedule.shortest_gap().as_millis().max(1);
        return u64::try_from(slots).unwrap_or(u64::MAX);
    }
    let (mut at, end, mut slots) = (now, now.plus(DAY), 0);
    while let Some(next) = schedule.next_slot(Duration::ZERO, at).filter(|next| *next <= end) {
        slots += 1;
        at = next;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;

    fn status(polls: u64, sealed: u64) -> StoreStatus {
        StoreStatus {
            backend: "mysql",
            location: String::new(),
            server: String::new(),
            clock: None,
            settings: None,
            partitions: Vec::new(),
            schema: 1,
            bytes: polls * 2_000,
            free_bytes: 0,
            hosts: 1,
            retired: 0,
            polls,
            events: 0,
            oldest_poll: None,
            newest_poll: None,
            sealed_polls: sealed,
            sealed_bytes: sealed * 500,
            unsealed_bytes: (polls - sealed) * 3_000,
            oldest_unsealed: None,
        }
    }

    fn hosts(lines: &str) -> Inventory {
        inventory::parse("test", lines).unwrap()
    }

    #[test]
    fn sealed_days_cost_less_than_fresh_ones() {
        let one = hosts("[[host]]\nname = \"a\"\ninterval = \"10s\"\n");
        let now = WallMs(1_774_747_800_000);
        let forecast = |status: StoreStatus| Forecast::new(&one, Some(&status), 2 * DAY, now);
        let both = forecast(status(10_000, 5_000));
        assert_eq!((both.rows_per_day, both.bytes_per_poll, both.measured), (8_640, 3_000, true));
        assert_eq!(both.bytes_as_they_come(30 * DAY), 8_640 * 30 * 3_000);
        assert_eq!(both.bytes_in(30 * DAY), 8_640 * (2 * 3_000 + 28 * 500));
        let young = forecast(status(5_000, 0));
        assert_eq!(young.bytes_in(30 * DAY), 8_640 * 30 * 3_000);
        let empty = forecast(status(10, 0));
        assert!(!empty.measured);
        assert_eq!(empty.bytes_per_poll, BYTES_PER_POLL);
    }

    /// What fits is what would take that room; what else is in the store has its room first.
    #[test]
    fn a_budget_holds_the_days_that_would_take_it() {
        let one = hosts("[[host]]\nname = \"a\"\ninterval = \"10s\"\n");
        let now = WallMs(1_774_747_800_000);
        let status = StoreStatus { bytes: 5_000 * 3_500 + 7_000_000, ..status(10_000, 5_000) };
        let forecast = Forecast::new(&one, Some(&status), 2 * DAY, now);
        for days in [1, 2, 30] {
            let size = forecast.bytes_in(days * DAY) + 7_000_000;
            let held = forecast.held_in(size, Some(&status));
            assert!(held.abs_diff(days * DAY) < Duration::from_secs(1), "{days}: {held:?}");
        }
        assert_eq!(forecast.held_in(1, Some(&status)), Duration::ZERO);
        let nobody = Forecast::new(&hosts(""), None, DAY, now);
        assert_eq!(nobody.held_in(1, None), Duration::MAX);
        let begun = StoreStatus { oldest_poll: Some(now.minus(9 * DAY)), ..status };
        let cut = |held: u32| Forecast::cut(20 << 30, held * DAY, 60 * DAY, Some(&begun), now);
        assert_eq!(
            [cut(41), cut(9)],
            [
                "retention.size, 20.0 GiB, holds about 41 of the 60 days asked for, and the first go in \
                 about 32 days",
                "retention.size, 20.0 GiB, holds about 9.0 of the 60 days asked for, and the oldest go now"
            ]
        );
    }

    #[test]
    fn paused_hosts_cost_nothing_and_cron_is_counted_by_its_slots() {
        let two = hosts(
            "[[host]]\nname = \"a\"\npaused = true\n[[host]]\nname = \"b\"\n\
             schedule = \"0 */10 * * * *\"\ntimeout = \"3s\"\n",
        );
        let forecast = Forecast::new(&two, None, DAY, WallMs(1_774_747_800_000));
        assert_eq!(forecast.rows_per_day, 144);
    }
}
