//! How the time of an hour went, by its polls.
//!
//! Polls are counted by the time that they speak for and not by their number: a host that is down is asked
//! less often, and an interval may change. A poll speaks until the next one of the hour; the first also for what
//! is before it, the last for what is left. So an hour is known by its own polls alone, and what changes lies
//! at most one interval off.
//!
//! Pure, as all of `rollup`.

use crate::{
    model::{Column, HOUR_MS, HostId, Outcome, Reckoned, Record, State, Values},
    units::WallMs,
};

/// For how long one poll speaks at most, milliseconds, in an hour whose polls are mostly closer together than
/// this: what is longer without a poll is a server that was away. Where they are mostly further apart, it is
/// twice the shortest of those times.
pub const LONGEST_HOLD_OF_ONE: u64 = 300_000;

/// What is gathered of a poll.
#[derive(Debug, Clone, Copy)]
pub struct Polled<'a> {
    /// The host.
    pub host: HostId,
    /// The moment it was due.
    pub slot: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// The host's state after it.
    pub state: State,
    /// The time over which its rates are, ns; none where it has none.
    pub elapsed_ns: Option<u64>,
    /// Its values, if it has any.
    pub values: Option<&'a Values<Column>>,
}

impl<'a> From<&'a Record> for Polled<'a> {
    fn from(record: &'a Record) -> Self {
        let Record { host, slot, outcome, state, elapsed_ns, ref values, .. } = *record;
        Self { host, slot, outcome, state, elapsed_ns, values: values.as_ref() }
    }
}

/// What a poll says of the host until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Answered,
    Failed,
    Paused,
    Nothing,
}

impl Said {
    /// None: as if there were no poll.
    fn of(outcome: Outcome, state: State) -> Option<Self> {
        Some(match (outcome, state) {
            // The poll before it is under way still.
            (Outcome::Overrun, _) => return None,
            (Outcome::Local, _) => Self::Nothing,
            (_, State::Paused) => Self::Paused,
            (outcome, _) if outcome.has_values() => Self::Answered,
            // A failed poll leaves no host up, unless the server took itself for cut off.
            (_, State::Up | State::Degraded) => Self::Nothing,
            (_, State::Pending | State::Suspect | State::Down | State::Retired) => Self::Failed,
        })
    }
}

/// The time of an hour, while its polls come.
#[derive(Debug)]
pub(super) struct Spent {
    hour: WallMs,
    first: Option<(u64, Said)>,
    last: Option<(u64, Said)>,
    /// Times between polls that one poll speaks for.
    short: usize,
    /// Longer ones: what is said of them is known at the end. At most a dozen are in an hour.
    long: Vec<(u64, Said)>,
    sum: Reckoned,
}

impl Spent {
    pub(super) fn new(hour: WallMs) -> Self {
        let sum = Reckoned::default();
        Self { hour, first: None, last: None, short: 0, long: Vec::new(), sum }
    }

    pub(super) fn add(&mut self, poll: &Polled<'_>) {
        self.count(poll);
        let after = u64::try_from(poll.slot.0.saturating_sub(self.hour.0)).unwrap_or(0);
        let Some(said) = Said::of(poll.outcome, poll.state) else { return };
        self.first.get_or_insert((after, said));
        if let Some((at, before)) = self.last {
            // A clock that was set back brings a poll of before: that time has passed already.
            let Some(gap @ 1..) = after.checked_sub(at) else { return };
            if gap <= LONGEST_HOLD_OF_ONE {
                self.short += 1;
                self.sum.spend(before, gap);
            } else {
                self.long.push((gap, before));
            }
        }
        self.last = Some((after, said));
    }

    /// Rates times their time are what the counters grew by.
    fn count(&mut self, poll: &Polled<'_>) {
        let (Some(elapsed_ns), Some(values)) = (poll.elapsed_ns, poll.values) else { return };
        let rates = [Column::NetRxBytesPerS, Column::NetTxBytesPerS].map(|rate| values.get(rate));
        let [Some(rx), Some(tx)] = rates else { return };
        let [rx_bytes, tx_bytes] = [rx, tx].map(|rate| grown(rate, elapsed_ns));
        let counted_ms = elapsed_ns / 1_000_000;
        self.sum.merge(&Reckoned { rx_bytes, tx_bytes, counted_ms, ..Reckoned::default() });
    }

    pub(super) fn reckoned(mut self) -> Reckoned {
        let shortest = self.long.iter().map(|(gap, _)| *gap).min();
        let hold = match shortest {
            Some(shortest) if self.long.len() > self.short => shortest.saturating_mul(2),
            _ => LONGEST_HOLD_OF_ONE,
        };
        let held = |gap: u64| if gap <= hold { gap } else { hold.min(LONGEST_HOLD_OF_ONE) };
        for (gap, said) in std::mem::take(&mut self.long) {
            self.sum.spend(said, held(gap));
        }
        if let Some((after, said)) = self.first
            && after <= hold
        {
            self.sum.spend(said, after);
        }
        if let Some((after, said)) = self.last {
            self.sum.spend(said, held(HOUR_MS.unsigned_abs().saturating_sub(after)));
        }
        self.sum
    }
}

fn grown(rate: f64, elapsed_ns: u64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "times and counts that are exact to 2^53")]
    let grown = (rate * (elapsed_ns as f64 / 1e9)).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let grown = grown.clamp(0.0, 9e18) as u64;
    grown
}

impl Reckoned {
    fn spend(&mut self, said: Said, ms: u64) {
        match said {
            Said::Answered => self.good_ms += ms,
            Said::Failed => self.bad_ms += ms,
            Said::Paused => self.paused_ms += ms,
            Said::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60 * SECOND;

    fn poll(at_ms: i64, outcome: Outcome, state: State) -> Polled<'static> {
        let (host, slot) = (HostId(1), WallMs(HOUR_MS + at_ms));
        Polled { host, slot, outcome, state, elapsed_ns: None, values: None }
    }

    fn up(at_ms: i64) -> Polled<'static> {
        poll(at_ms, Outcome::Ok, State::Up)
    }

    fn down(at_ms: i64) -> Polled<'static> {
        poll(at_ms, Outcome::Refused, State::Down)
    }

    /// Seconds good, bad, paused.
    fn spent(polls: impl IntoIterator<Item = Polled<'static>>) -> (u64, u64, u64) {
        let mut spent = Spent::new(WallMs(HOUR_MS));
        polls.into_iter().for_each(|poll| spent.add(&poll));
        let sum = spent.reckoned();
        (sum.good_ms / 1_000, sum.bad_ms / 1_000, sum.paused_ms / 1_000)
    }

    fn every(seconds: i64, from_s: i64, to_s: i64) -> impl Iterator<Item = i64> {
        let seconds = usize::try_from(seconds).unwrap();
        (from_s..to_s).step_by(seconds).map(|second| second * SECOND)
    }

    /// A host that is down is asked once a minute and not every ten seconds: by their number 30 of its 210
    /// polls failed, by the clock it was down for half of the hour.
    #[test]
    fn a_poll_counts_by_its_time_and_not_by_its_number() {
        let polls = every(10, 5, 1_800).map(up).chain(every(60, 1_800, 3_600).map(down));
        assert_eq!(spent(polls), (1_800, 1_800, 0));
        // So it is when the interval changes within the hour.
        let polls = every(1, 0, 1_800).map(down).chain(every(300, 1_800, 3_600).map(up));
        assert_eq!(spent(polls), (1_800, 1_800, 0));
    }

    #[test]
    fn what_no_poll_speaks_for_is_unknown() {
        // The server was away from minute 10 to 40: five minutes of that are the last poll's.
        let polls = every(10, 0, 600).chain(every(10, 2_400, 3_600)).map(up);
        assert_eq!(spent(polls), (590 + 300 + 1_200, 0, 0));
        // It ended, or began, within the hour.
        assert_eq!(spent(every(10, 0, 600).map(up)), (590 + 300, 0, 0));
        assert_eq!(spent(every(10, 3_000, 3_600).map(up)), (600, 0, 0));
        assert_eq!(spent([]), (0, 0, 0));
        assert_eq!(spent([up(30 * MINUTE)]), (300, 0, 0));
    }

    #[test]
    fn polls_that_are_far_apart_speak_for_all_of_the_time_between() {
        assert_eq!(spent(every(600, 420, 3_600).map(up)), (3_600, 0, 0));
        assert_eq!(spent(every(1_200, 60, 3_600).map(down)), (0, 3_600, 0));
        // One of six was not made: twice the time between two still is one poll's.
        let polls = every(600, 0, 3_600).filter(|at| *at != 1_200 * SECOND);
        assert_eq!(spent(polls.map(up)), (3_600, 0, 0));
    }

    #[test]
    fn what_is_not_the_hosts_fault_is_not_bad() {
        let local = |at| poll(at, Outcome::Local, State::Up);
        let isolated = |at| poll(at, Outcome::Deadline, State::Up);
        for nothing in [local, isolated] {
            let polls = every(10, 0, 1_800).map(up).chain(every(10, 1_800, 3_600).map(nothing));
            assert_eq!(spent(polls), (1_800, 0, 0));
        }
        // Of a poll that still runs the one before says how it is.
        let overrun = |at| poll(at, Outcome::Overrun, State::Down);
        let polls = every(20, 0, 3_600).flat_map(|at| [down(at), overrun(at + 10 * SECOND)]);
        assert_eq!(spent(polls), (0, 3_600, 0));
    }

    #[test]
    fn a_pause_is_neither_good_nor_bad() {
        let paused = |at: i64| {
            let outcome = if at % 20_000 == 0 { Outcome::Ok } else { Outcome::Refused };
            poll(at, outcome, State::Paused)
        };
        let polls = every(10, 0, 900).map(up).chain(every(10, 900, 3_600).map(paused));
        assert_eq!(spent(polls), (900, 0, 2_700));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_time() {
        let polls = every(10, 0, 3_600).chain(every(10, 1_000, 2_000)).map(up);
        assert_eq!(spent(polls), (3_600, 0, 0));
    }

    #[test]
    fn bytes_are_what_the_counters_grew_by() {
        let mut spent = Spent::new(WallMs(HOUR_MS));
        // One came late: its rate is over the time that had passed.
        for (at, elapsed_ns, rx) in [(0, 10_000_000_000, 100.0), (40, 40_003_000_000, 250.0)] {
            let mut values = Values::default();
            values.set(Column::NetRxBytesPerS, rx);
            values.set(Column::NetTxBytesPerS, 1.0);
            let elapsed_ns = Some(elapsed_ns);
            spent.add(&Polled { elapsed_ns, values: Some(&values), ..up(at * SECOND) });
        }
        // After a boot there are no rates.
        spent.add(&Polled { values: Some(&Values::default()), ..up(50 * SECOND) });
        let sum = spent.reckoned();
        assert_eq!((sum.rx_bytes, sum.tx_bytes, sum.counted_ms), (1_000 + 10_001, 50, 50_003));
    }
}
