//! What an inventory costs: polls a day, and bytes by what the store has measured of its own rows.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use crate::{inventory::Inventory, schedule::Schedule, store::StoreStatus, units::WallMs};

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
