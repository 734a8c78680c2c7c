//! Alarms from their begin to their end, listed and counted: what a rule would have told.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::tracks::MAX_ALARMS;
use crate::{
    model::{AlarmCause, AlarmEvent, AlarmState, HostName, Severity},
    units::WallMs,
};

/// The most alarms that are listed; further ones are only counted.
pub const MAX_SPELLS: usize = 10_000;

/// An alarm that begins again within this time after its end flaps.
pub const FLAPS_WITHIN: Duration = Duration::from_secs(600);

/// One alarm from when it fired to when it was over.
#[derive(Debug, Clone, PartialEq)]
pub struct Spell {
    /// Whose it is.
    pub host: HostName,
    /// The row; empty for the host as a whole.
    pub row: Arc<str>,
    /// The slot of the poll with which it fired.
    pub begin: WallMs,
    /// The slot of the poll with which it was over, and why; none: it went on at the last poll.
    pub end: Option<(WallMs, AlarmCause)>,
    /// How long it was not over: to its end, or to the host's last poll.
    pub lasted: Duration,
    /// How much it mattered at its worst.
    pub severity: Severity,
    /// The value when it fired, in the unit of its column; none is unknown.
    pub value: Option<f64>,
    /// What the rule said when it fired.
    pub summary: Arc<str>,
}

/// All alarms in numbers, those that are not listed among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpellTotals {
    /// Alarms.
    pub alarms: u64,
    /// Hosts that had one.
    pub hosts: u64,
    /// Alarms that went on at the host's last poll.
    pub open: u64,
    /// Alarms that began within [`FLAPS_WITHIN`] after the one before them of the same row was over.
    pub flaps: u64,
    /// How long all of them lasted, one after the other.
    pub lasted: Duration,
}

#[derive(Debug)]
struct Open {
    begin: WallMs,
    /// Its place in the list.
    place: Option<usize>,
}

/// The alarms of one rule, host after host.
#[derive(Debug, Default)]
pub struct Spells {
    list: Vec<Spell>,
    totals: SpellTotals,
    /// Those of the host in hand that are not over, by row.
    open: BTreeMap<Arc<str>, Open>,
    /// When the last one of each row of that host was over.
    over: HashMap<Arc<str>, WallMs>,
    is_counted: bool,
}

impl Spells {
    /// Takes in changes of the alarms of a host, oldest first.
    pub fn take(&mut self, host: &HostName, events: &[AlarmEvent]) {
        for event in events {
            let row = &event.key.row;
            match self.open.get(row) {
                Some(open) if event.to == AlarmState::Ok => {
                    let (begin, place) = (open.begin, open.place);
                    self.open.remove(row);
                    self.end(begin, place, event.slot, Some(event.cause));
                    self.remember(row, event.slot);
                }
                Some(Open { place, .. }) => {
                    if let Some(spell) = place.and_then(|place| self.list.get_mut(place)) {
                        spell.severity = spell.severity.max(event.severity);
                    }
                }
                None if event.to.is_active() => self.begin(host, event),
                None => {}
            }
        }
    }

    fn begin(&mut self, host: &HostName, event: &AlarmEvent) {
        let row = &event.key.row;
        self.totals.alarms += 1;
        if !std::mem::replace(&mut self.is_counted, true) {
            self.totals.hosts += 1;
        }
        let again = self.over.get(row).is_some_and(|over| event.slot.since(*over) <= FLAPS_WITHIN);
        self.totals.flaps += u64::from(again);
        let place = (self.list.len() < MAX_SPELLS).then_some(self.list.len());
        if place.is_some() {
            self.list.push(Spell {
                host: host.clone(),
                row: Arc::clone(row),
                begin: event.slot,
                end: None,
                lasted: Duration::ZERO,
                severity: event.severity,
                value: event.value,
                summary: Arc::clone(&event.summary),
            });
        }
        self.open.insert(Arc::clone(row), Open { begin: event.slot, place });
    }

    fn end(&mut self, begin: WallMs, place: Option<usize>, at: WallMs, cause: Option<AlarmCause>) {
        let lasted = at.since(begin);
        self.totals.lasted = self.totals.lasted.saturating_add(lasted);
        if let Some(spell) = place.and_then(|place| self.list.get_mut(place)) {
            spell.lasted = lasted;
            spell.end = cause.map(|cause| (at, cause));
        }
    }

    /// Remembers when the alarm of a row was over, for as long as that may be asked.
    fn remember(&mut self, row: &Arc<str>, at: WallMs) {
        if self.over.len() >= MAX_ALARMS {
            self.over.retain(|_, over| at.since(*over) <= FLAPS_WITHIN);
        }
        if self.over.len() < MAX_ALARMS {
            self.over.insert(Arc::clone(row), at);
        }
    }

    /// The polls of a host end with that of `last`; the next changes are another's.
    pub fn end_host(&mut self, last: WallMs) {
        for Open { begin, place } in std::mem::take(&mut self.open).into_values() {
            self.totals.open += 1;
            self.end(begin, place, last, None);
        }
        self.over.clear();
        self.is_counted = false;
    }

    /// The first [`MAX_SPELLS`] alarms, by host in the order in which they came, then by begin; and all of
    /// them in numbers.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Spell>, SpellTotals) {
        (self.list, self.totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlarmKey, HostId};

    fn event(row: &str, slot_s: i64, from: AlarmState, to: AlarmState) -> AlarmEvent {
        AlarmEvent {
            key: AlarmKey { rule: "busy".into(), host: HostId(1), row: row.into() },
            slot: WallMs(slot_s * 1_000),
            at: WallMs(slot_s * 1_000),
            from,
            to,
            cause: AlarmCause::Values,
            severity: Severity::Warning,
            value: Some(97.0),
            summary: "".into(),
        }
    }

    fn host(name: &str) -> HostName {
        HostName::new(name).unwrap()
    }

    #[test]
    fn alarms_are_listed_from_begin_to_end_and_counted() {
        use AlarmState::{Firing, Ok, Unknown};
        let mut spells = Spells::default();
        let (one, other) = (host("one"), host("other"));
        let worse = AlarmEvent { severity: Severity::Critical, ..event("a", 20, Firing, Firing) };
        spells.take(&one, &[event("a", 10, Ok, Firing), worse, event("a", 40, Firing, Ok)]);
        spells.take(&one, &[event("b", 50, Ok, Firing), event("a", 640, Ok, Firing)]);
        spells.take(&one, &[event("a", 650, Firing, Unknown), event("a", 700, Unknown, Ok)]);
        // One second too late for a flap.
        spells.take(&one, &[event("a", 1_301, Ok, Firing), event("a", 1_302, Firing, Ok)]);
        spells.end_host(WallMs(2_000_000));
        // Another host's rows are others, by the same name, too.
        spells.take(&other, &[event("a", 1_310, Ok, Firing), event("a", 1_320, Firing, Ok)]);
        spells.end_host(WallMs(2_000_000));
        let (list, totals) = spells.into_parts();
        let seen: Vec<_> = list
            .iter()
            .map(|spell| {
                let end = spell.end.map(|(at, _)| at.0 / 1_000);
                (&*spell.row, spell.begin.0 / 1_000, end, spell.lasted.as_secs(), spell.severity)
            })
            .collect();
        let (warning, critical) = (Severity::Warning, Severity::Critical);
        assert_eq!(
            seen,
            [
                ("a", 10, Some(40), 30, critical),
                ("b", 50, None, 1_950, warning),
                ("a", 640, Some(700), 60, warning),
                ("a", 1_301, Some(1_302), 1, warning),
                ("a", 1_310, Some(1_320), 10, warning),
            ]
        );
        let lasted = Duration::from_secs(2_051);
        assert_eq!(totals, SpellTotals { alarms: 5, hosts: 2, open: 1, flaps: 1, lasted });
    }

    #[test]
    fn alarms_beyond_those_that_are_listed_are_counted() {
        use AlarmState::{Firing, Ok};
        let mut spells = Spells::default();
        let one = host("one");
        let most = i64::try_from(MAX_SPELLS).unwrap();
        for turn in 0..most + 3 {
            let (begin, end) =
                (event("", 2 * turn, Ok, Firing), event("", 2 * turn + 1, Firing, Ok));
            spells.take(&one, &[begin, end]);
        }
        let (list, totals) = spells.into_parts();
        assert_eq!(list.len(), MAX_SPELLS);
        assert_eq!((totals.alarms, totals.lasted.as_secs()), (10_003, 10_003));
    }
}
