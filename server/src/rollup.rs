//! Hours in short, gathered while polls come in: what a chart of a month is drawn from.
//!
//! An hour that began before this server did is not whole here and is left out: it is gathered from
//! the kept polls once it is over (`store::rebuild`). So no poll counts twice, and none is missed.
//!
//! Pure: no clock, no I/O. Knows nothing of who polls or who keeps.

mod plan;
mod last_hour;
mod spent;

use std::{collections::BTreeMap, time::Duration};

pub use last_hour::{LAST_HOUR_POINTS, LAST_HOUR_STEP, LastHour, SpanStat, point_of};
pub use plan::{History, Plan, STEPS, SUMMARY_STEP, Tier, plan};
use spent::Spent;
pub use spent::{LONGEST_HOLD_OF_ONE, Polled};

use crate::{
    model::{HOUR_MS, HostId, Rollup, hour_of},
    units::{Mono, Now, WallMs},
};

/// How long after its end an hour is still open for polls that were due in it: the longest timeout
/// that an inventory can set, and as much again for waiting.
pub const GRACE: Duration = Duration::from_secs(600);

/// Hours that [`Rollups::close`] gives at most: a fleet's hours end at one moment, and what they
/// cost the store is spread over the seconds after it.
pub const CLOSED_AT_ONCE: usize = 64;

/// The hours that are being gathered: one or two per host.
#[derive(Debug)]
pub struct Rollups {
    /// The first hour that is seen whole.
    first: WallMs,
    open: BTreeMap<(WallMs, HostId), (Rollup, Spent)>,
    /// Since when hours that are open are over: of a wall clock that is wrong for a moment, that is
    /// not long.
    over: BTreeMap<WallMs, Mono>,
}

impl Rollups {
    /// Gathers the hours that begin at `start` or later.
    #[must_use]
    pub fn new(start: WallMs) -> Self {
        let hour = hour_of(start);
        let first = if hour == start { hour } else { WallMs(hour.0.saturating_add(HOUR_MS)) };
        Self { first, open: BTreeMap::new(), over: BTreeMap::new() }
    }

    /// Gathers whatever comes.
    #[must_use]
    pub fn of_all() -> Self {
        Self { first: WallMs(i64::MIN), open: BTreeMap::new(), over: BTreeMap::new() }
    }

    /// Takes in a poll. Of one that the server did not make, nothing is said of the host.
    pub fn add(&mut self, poll: &Polled<'_>) {
        let hour = hour_of(poll.slot);
        if hour < self.first {
            return;
        }
        let key = (hour, poll.host);
        if poll.outcome.was_asked() {
            let of_new = || (Rollup::new(poll.host, hour), Spent::new(hour));
            let (rollup, spent) = self.open.entry(key).or_insert_with(of_new);
            rollup.add(poll.values);
            spent.add(poll);
        } else if let Some((_, spent)) = self.open.get_mut(&key) {
            spent.add(poll);
        }
    }

    /// The hours that have been over for [`GRACE`], oldest first, at most [`CLOSED_AT_ONCE`]: ask every
    /// second. A poll that comes later still opens its hour again, and makes it no fuller than the
    /// first time; the store keeps the fuller one.
    pub fn close(&mut self, now: Now) -> Vec<Rollup> {
        self.see_what_is_over(now);
        let over = &self.over;
        let is_over = |hour| over.get(&hour).is_some_and(|since| now.mono.since(*since) >= GRACE);
        let mut closed = Vec::new();
        while closed.len() < CLOSED_AT_ONCE
            && let Some(oldest) = self.open.first_entry()
            && is_over(oldest.key().0)
        {
            closed.push(whole(oldest.remove()));
        }
        closed
    }

    fn see_what_is_over(&mut self, now: Now) {
        let mut over = BTreeMap::new();
        let mut from = WallMs(i64::MIN);
        while let Some(((hour, _), _)) = self.open.range((from, HostId(i64::MIN))..).next()
            && hour.plus(Duration::from_millis(HOUR_MS.unsigned_abs())) <= now.wall
        {
            over.insert(*hour, self.over.get(hour).copied().unwrap_or(now.mono));
            from = WallMs(hour.0.saturating_add(1));
        }
        self.over = over;
    }

    /// All hours, oldest first, over or not.
    #[must_use]
    pub fn into_all(self) -> Vec<Rollup> {
        self.open.into_values().map(whole).collect()
    }
}

fn whole((mut rollup, spent): (Rollup, Spent)) -> Rollup {
    rollup.reckoned = Some(spent.reckoned());
    rollup
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, Outcome, State, Values};

    /// 2026-03-29T01:00:00Z.
    const HOUR: WallMs = WallMs(1_774_746_000_000);

    fn minutes(minutes: i64) -> WallMs {
        WallMs(HOUR.0 + minutes * 60_000)
    }

    /// So many minutes of a clock that is right.
    fn at(minute: u64) -> Now {
        let mono = Mono(Duration::from_secs(minute * 60));
        Now { wall: HOUR.plus(mono.0), mono }
    }

    fn poll(host: i64, minute: i64, outcome: Outcome) -> Polled<'static> {
        let (host, slot) = (HostId(host), minutes(minute));
        Polled { host, slot, outcome, state: State::Down, elapsed_ns: None, values: None }
    }

    fn busy(value: f64) -> Values<Column> {
        let mut values = Values::default();
        values.set(Column::CpuBusyPct, value);
        values
    }

    #[test]
    fn an_hour_is_closed_a_grace_after_its_end() {
        let mut rollups = Rollups::new(HOUR);
        for (minute, value) in [(0, 10.0), (30, 20.0), (59, 60.0), (60, 99.0)] {
            rollups.add(&Polled { values: Some(&busy(value)), ..poll(1, minute, Outcome::Ok) });
        }
        rollups.add(&poll(1, 45, Outcome::Refused));
        assert_eq!((rollups.close(at(60)), rollups.close(at(69))), (vec![], vec![]));
        let [hour] = rollups.close(at(70)).try_into().unwrap();
        assert_eq!((hour.host, hour.hour, hour.polls, hour.failed), (HostId(1), HOUR, 4, 1));
        let stat = hour.stat(Column::CpuBusyPct);
        assert_eq!(
            (stat.count, stat.avg(), stat.min(), stat.max()),
            (3, Some(30.0), Some(10.0), Some(60.0))
        );
        assert_eq!((rollups.close(at(120)), rollups.close(at(129))), (vec![], vec![]));
        assert_eq!(rollups.close(at(130)).len(), 1);
        assert_eq!(rollups.into_all(), []);
    }

    /// Closed then, the hour would begin anew, and the store keep one of its parts.
    #[test]
    fn a_clock_that_is_wrong_for_a_moment_closes_no_hour() {
        let mut rollups = Rollups::new(HOUR);
        for minute in 0..60 {
            rollups.add(&poll(1, minute, Outcome::Refused));
            let right = at(minute.unsigned_abs());
            let wrong = Now { wall: right.wall.plus(Duration::from_secs(86_400)), ..right };
            assert_eq!((rollups.close(wrong).len(), rollups.close(right).len()), (0, 0));
        }
        assert_eq!(rollups.close(at(60)), []);
        let [hour] = rollups.close(at(70)).try_into().unwrap();
        assert_eq!(hour.polls, 60);
    }

    #[test]
    fn what_the_server_did_not_ask_is_no_poll_of_the_host() {
        let mut rollups = Rollups::new(HOUR);
        for (minute, outcome) in [(0, Outcome::Overrun), (1, Outcome::Refused), (2, Outcome::Local)]
        {
            rollups.add(&poll(1, minute, outcome));
            rollups.add(&poll(2, 61 + minute, Outcome::Local));
        }
        let hours: Vec<_> = rollups.into_all();
        let counts: Vec<_> =
            hours.iter().map(|hour| (hour.host, hour.polls, hour.failed)).collect();
        assert_eq!(counts, [(HostId(1), 1, 1)]);
    }

    #[test]
    fn an_hour_in_which_the_server_started_is_not_gathered() {
        let mut rollups = Rollups::new(minutes(1));
        rollups.add(&poll(1, 30, Outcome::Refused));
        rollups.add(&poll(1, 60, Outcome::Refused));
        let hours: Vec<_> = rollups.into_all().iter().map(|rollup| rollup.hour).collect();
        assert_eq!(hours, [minutes(60)]);
    }

    #[test]
    fn a_fleet_is_closed_a_part_at_a_time_and_none_is_forgotten() {
        let mut rollups = Rollups::of_all();
        for host in 0..150 {
            rollups.add(&poll(host, 5, Outcome::Refused));
        }
        assert_eq!(rollups.close(at(60)), []);
        let mut hosts = Vec::new();
        for part in [64, 64, 22, 0] {
            let closed = rollups.close(at(100));
            assert_eq!(closed.len(), part);
            hosts.extend(closed.iter().map(|rollup| rollup.host.0));
        }
        assert_eq!(hosts, (0..150).collect::<Vec<_>>());
    }
}
