//! The poll queue: which host is due next. One entry per polled host, two sorted sets.
//!
//! Slots are wall-clock moments, deadlines are monotonic ones. A host's next slot stays *closed*,
//! sorted by wall clock, until [`PollQueue::open`] turns it into a due moment with the pair of clocks
//! of that instant; so an adjustment of the wall clock reaches every slot that is not already at hand.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use super::{Grids, Schedule};
use crate::{
    model::{HostId, HostName},
    units::{Mono, Now, WallMs},
};

/// How far ahead [`PollQueue::open`] opens slots. It is to be called about once a second; twice that
/// leaves room for one call that comes late.
pub const HORIZON: Duration = Duration::from_secs(2);
/// Due moments are rounded up to a multiple of this, so that near slots fire together: a batch of
/// polls costs about half the CPU of an even drip.
pub const BATCH: Duration = Duration::from_millis(20);
/// A slot that is found later than this is given up instead of polled, once per host: after a stall
/// the fleet goes on along its grid instead of bursting.
pub const MAX_LATE: Duration = Duration::from_secs(2);
/// From this on a difference between the two clocks is a step of the wall clock; less is a slew,
/// which just moves the slots that are not open yet.
pub const CLOCK_STEP: Duration = Duration::from_secs(1);
/// A step of the wall clock against the monotonic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// The wall clock went on by so much more than time did, milliseconds; negative: back.
    pub by_ms: i64,
    /// The clocks when it was noticed.
    pub noticed: Now,
}

/// A slot to poll now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which host.
    pub host: HostId,
    /// The slot: with the host, the key of the poll. Never handed out twice.
    pub slot: WallMs,
    /// When it was due on the monotonic clock; lateness is counted from here.
    pub due: Mono,
}

#[derive(Debug)]
struct QueuedHost {
    schedule: Schedule,
    /// Of the name alone, without the shift.
    phase: Duration,
    next: Next,
    /// The last slot was given up; the next one is polled however late it is, so that a server that
    /// is always late still polls every host.
    gave_up: bool,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    /// Past the end of the calendar.
    Never,
    Closed(WallMs),
    Open(Mono, WallMs),
}

/// What is due when, for all polled hosts. A paused or retired host is not in it.
///
/// Every call but [`PollQueue::due`] costs at most the logarithm of the number of hosts for each slot
/// that it moves; a step of the wall clock plans all hosts anew.
#[derive(Debug)]
pub struct PollQueue {
    entries: HashMap<HostId, QueuedHost>,
    closed: BTreeSet<(WallMs, HostId)>,
    open: BTreeSet<(Mono, HostId)>,
    /// The clocks as last seen.
    seen: Option<Now>,
    /// Slots before this are open.
    open_until: Mono,
    grids: Grids,
    missed: u64,
    /// Steps of the wall clock that nobody took yet.
    steps: Vec<ClockStep>,
}

impl Default for PollQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl PollQueue {
    /// A poll queue without hosts.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: HashMap::new(),
            closed: BTreeSet::new(),
            open: BTreeSet::new(),
            seen: None,
            open_until: Mono::default(),
            grids: Grids::default(),
            missed: 0,
            steps: Vec::new(),
        }
    }

    /// A poll queue without hosts for a server that used these grids and whose store holds slots up to
    /// `latest`. When that is in the future polling goes on at once, on a grid not used there.
    #[must_use]
    pub fn resume(grids: Grids, latest: WallMs, now: Now) -> Self {
        Self { grids: grids.resumed(latest, now), seen: Some(now), ..Self::new() }
    }

    /// What is to be kept for the next start, whenever a step was taken note of.
    #[must_use]
    pub fn grids(&self) -> &Grids {
        &self.grids
    }

    /// Takes a host in, or gives it another schedule. Its first slot is the first of its grid after
    /// now; a host that stays the same keeps its grid.
    ///
    /// Slots are unique for as long as a host keeps its schedule. One that gets another interval
    /// within a repeated hour could, one time in thousands, meet a slot of its former grid again.
    pub fn add(&mut self, host: HostId, name: &HostName, schedule: &Schedule, now: Now) {
        self.observe(now);
        self.remove(host);
        let phase = schedule.phase(name, self.grids.seed());
        let entry =
            QueuedHost { schedule: schedule.clone(), phase, next: Next::Never, gave_up: false };
        self.entries.insert(host, entry);
        self.plan(host, self.grids.floor(now), now);
    }

    /// Takes a host out; none of its slots comes up any more.
    pub fn remove(&mut self, host: HostId) {
        if let Some(entry) = self.entries.remove(&host) {
            self.take_out(host, entry.next);
        }
    }

    /// Opens every slot within [`HORIZON`]: to be called about once a second. A slot that is not
    /// opened never becomes due.
    pub fn open(&mut self, now: Now) {
        self.observe(now);
        self.open_until = now.mono.plus(HORIZON);
        let until = now.wall.plus(HORIZON);
        while let Some((slot, host)) = self.closed.first().copied().filter(|(s, _)| *s <= until) {
            self.closed.remove(&(slot, host));
            self.put_in(host, Some(slot), now);
        }
    }

    /// Every slot that is due now, at most one per host, oldest first.
    ///
    /// Slots that were missed meanwhile are counted and skipped: of several slots of one host only
    /// the newest is handed out, and none at all when that one is later than [`MAX_LATE`], unless
    /// the host already went without the time before.
    pub fn due(&mut self, now: Now) -> Vec<Due> {
        self.observe(now);
        let mut all = Vec::new();
        // One pass: what is planned anew lies after now, so each host comes up once.
        while let Some((due, host)) = self.open.first().copied().filter(|(d, _)| *d <= now.mono) {
            self.open.remove(&(due, host));
            let Some(entry) = self.entries.get_mut(&host) else { continue };
            let Next::Open(_, first) = entry.next else { continue };
            entry.next = Next::Never;
            let phase = entry.schedule.shifted(entry.phase, self.grids.shift());
            let (slot, passed) = entry.schedule.newest_slot(phase, first, now.wall);
            let late = now.wall.since(slot);
            entry.gave_up = late > MAX_LATE && !entry.gave_up;
            self.missed += passed + u64::from(entry.gave_up);
            if !entry.gave_up {
                self.grids.hand_out(slot);
                let exact = Mono(now.mono.0.saturating_sub(late));
                let due = if slot == first { due.min(exact) } else { exact };
                all.push(Due { host, slot, due });
            }
            self.plan(host, slot.max(now.wall), now);
        }
        all
    }

    /// When to call [`PollQueue::due`] next: the first due moment, rounded up to a multiple of
    /// [`BATCH`]. None when nothing is open: wait for the next [`PollQueue::open`].
    #[must_use]
    pub fn next_due(&self) -> Option<Mono> {
        let (due, _) = self.open.first()?;
        let batch = BATCH.as_nanos();
        let rounded = due.0.as_nanos().div_ceil(batch) * batch;
        Some(Mono(u64::try_from(rounded).map_or(due.0, Duration::from_nanos)))
    }

    /// The slot that a host is polled for next when those before `from` are passed over; none for a
    /// host that is not in the poll queue.
    #[must_use]
    pub fn next_slot(&self, host: HostId, from: WallMs) -> Option<WallMs> {
        let QueuedHost { schedule, phase, next, .. } = self.entries.get(&host)?;
        match next {
            Next::Never => None,
            Next::Closed(slot) | Next::Open(_, slot) if *slot >= from => Some(*slot),
            Next::Closed(_) | Next::Open(..) => {
                let before = from.minus(Duration::from_millis(1));
                schedule.next_slot(schedule.shifted(*phase, self.grids.shift()), before)
            }
        }
    }

    /// Slots that came due and were never handed out, since the start. Of a cron schedule's slots
    /// in one long stall only the first few are counted.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Whether a slot of this host at this moment was handed out, or may be; false for a host that is
    /// not in the poll queue.
    #[must_use]
    pub fn is_on_grid(&self, host: HostId, at: WallMs) -> bool {
        let Some(QueuedHost { schedule, phase, .. }) = self.entries.get(&host) else {
            return false;
        };
        self.grids.holding(at).any(|shift| schedule.has_slot(schedule.shifted(*phase, shift), at))
    }

    /// Looks at the clocks, and plans all hosts anew after a step.
    pub fn look(&mut self, now: Now) {
        self.observe(now);
    }

    /// The steps of the wall clock that were noticed and not taken yet. They are to be taken after
    /// every call that is told the time.
    pub fn take_steps(&mut self) -> Vec<ClockStep> {
        std::mem::take(&mut self.steps)
    }

    /// How many hosts are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no host is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Compares the two clocks with the last time, and plans all hosts anew after a step.
    ///
    /// A forward step skips slots; the hosts go on with the first slot after it. After a backward
    /// step they go on at once too, but on a grid moved by a millisecond where the wall times that
    /// come again have been used before, so that a poll's key is never given twice.
    fn observe(&mut self, now: Now) {
        let Some(seen) = self.seen.replace(now) else { return };
        let expected = seen.wall.plus(now.mono.since(seen.mono));
        if now.wall.since(expected).max(expected.since(now.wall)) < CLOCK_STEP {
            return;
        }
        let by_ms = now.wall.0.saturating_sub(expected.0);
        self.steps.push(ClockStep { by_ms, noticed: now });
        if by_ms < 0 {
            self.grids.choose(now.wall);
        }
        self.closed.clear();
        self.open.clear();
        let floor = self.grids.floor(now);
        let hosts: Vec<HostId> = self.entries.keys().copied().collect();
        for host in hosts {
            self.plan(host, floor, now);
        }
    }

    /// Gives a host its first slot after `after`.
    fn plan(&mut self, host: HostId, after: WallMs, now: Now) {
        let Some(entry) = self.entries.get(&host) else { return };
        let phase = entry.schedule.shifted(entry.phase, self.grids.shift());
        let slot = entry.schedule.next_slot(phase, after);
        self.put_in(host, slot, now);
    }

    fn put_in(&mut self, host: HostId, slot: Option<WallMs>, now: Now) {
        let Some(entry) = self.entries.get_mut(&host) else { return };
        let due = |slot: WallMs| now.mono.plus(slot.since(now.wall));
        entry.next = match slot {
            None => Next::Never,
            Some(slot) if due(slot) <= self.open_until => Next::Open(due(slot), slot),
            Some(slot) => Next::Closed(slot),
        };
        match entry.next {
            Next::Never => {}
            Next::Closed(slot) => drop(self.closed.insert((slot, host))),
            Next::Open(due, _) => drop(self.open.insert((due, host))),
        }
    }

    fn take_out(&mut self, host: HostId, next: Next) {
        match next {
            Next::Never => {}
            Next::Closed(slot) => drop(self.closed.remove(&(slot, host))),
            Next::Open(due, _) => drop(self.open.remove(&(due, host))),
        }
    }
}
