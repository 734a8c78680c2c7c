//! What is true of one alarm in each of its routes, and what follows from it.

use std::{collections::BTreeSet, sync::Arc};

use super::{Router, RowKey, Timer};
use crate::{
    model::AlarmKey,
    route::{
        group::{Group, GroupKey, Urgency},
        held::{Blamed, Ended, Held, Lack, Seat},
        journal::{Hold, Step},
        own::{self, is_about, is_own},
        settings::{OWN_ROUTE, Route},
    },
};

use super::MAX_ACTIVE;

/// A channel that is to be told something of an alarm in one route, if anything is lacking: `quiet`
/// says that ends wait too.
pub(super) fn owed(
    held: &Held,
    seat: &Seat,
    route: &Route,
    channel: &str,
    quiet: bool,
) -> Option<Lack> {
    let lack = held.lack(channel)?;
    if lack.is_end() {
        return (!quiet).then_some(lack);
    }
    (seat.hold.is_none() && is_target(held, seat, route, channel)).then_some(lack)
}

/// Whether a route tells this channel of the alarm.
pub(super) fn is_target(held: &Held, seat: &Seat, route: &Route, channel: &str) -> bool {
    // The seat of an alarm that no route is about: its ends are told from there, and nothing else.
    let nobodys = *route.name == *OWN_ROUTE && !is_own(&held.key);
    !nobodys
        && !is_about(&held.key, channel)
        && route.targets(seat.reached).any(|target| **target == *channel)
}

/// All channels that a route may tell something of an alarm.
pub(super) fn channels<'a>(
    held: &'a Held,
    seat: &Seat,
    route: &'a Route,
) -> BTreeSet<&'a Arc<str>> {
    route.targets(seat.reached).chain(held.told.keys()).collect()
}

impl Router {
    pub(super) fn consider_all(&mut self, keys: Option<BTreeSet<AlarmKey>>) {
        for key in keys.into_iter().flatten() {
            self.consider(&key);
        }
    }

    /// Looks at an alarm again: what keeps it back, which steps it has reached, who lacks what.
    pub(super) fn consider(&mut self, key: &AlarmKey) {
        let Some(mut held) = self.alarms.remove(key) else { return };
        let now = self.now;
        held.settle(now);
        self.blame(&mut held);
        let mut next = held.settles();
        if !held.said().firing {
            next = next.into_iter().chain(held.let_go(now)).min();
        }
        let mut seats = std::mem::take(&mut held.seats);
        for seat in &mut seats {
            let routes = Arc::clone(&self.routes);
            let Some(route) = routes.get(&seat.group.route) else { continue };
            let was_kept = seat.hold.is_some();
            self.keep_back(&mut held, seat);
            if let Some(Hold::ParentGrace(until)) = seat.hold {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
            let runs = held.said().firing && seat.hold.is_none() && held.is_known();
            seat.clock.run(runs, now);
            while let Some(step) = route.steps.get(seat.reached)
                && seat.clock.ran(now) >= step.after
                && runs
            {
                seat.reached += 1;
            }
            let step = route.steps.get(seat.reached);
            let reaches = step.and_then(|step| seat.clock.reaches(step.after, now));
            next = next.into_iter().chain(reaches).min();
            if was_kept && seat.hold.is_none() {
                self.wake_repeats(&seat.group, route);
            }
            self.touch_for(&mut held, seat, route);
        }
        held.seats = seats;
        self.adopt(&held);
        self.changed.insert(RowKey::Alarm(key.clone()));
        if held.is_done() {
            self.finish(held);
            return;
        }
        self.timers.set(Timer::Alarm(key.clone()), next);
        self.alarms.insert(key.clone(), held);
    }

    /// Has what channels were told of it repeated, although another group told them.
    fn adopt(&mut self, held: &Held) {
        let routes = Arc::clone(&self.routes);
        for channel in held.told.keys().filter(|channel| held.is_told(channel)) {
            let seats = held.seats.iter().filter_map(|seat| {
                let route = routes.get(&seat.group.route)?;
                is_target(held, seat, route, channel).then_some((seat, route))
            });
            let seats: Vec<(&Seat, &Route)> = seats.collect();
            let repeats = |seat: &Seat| {
                self.groups.get(&seat.group).is_some_and(|group| group.sent.contains_key(channel))
            };
            if seats.iter().any(|(seat, _)| repeats(seat)) {
                continue;
            }
            let Some((seat, route)) = seats.first() else { continue };
            if let Some(group) = self.groups.get_mut(&seat.group) {
                group.sent.insert(Arc::clone(channel), self.now);
                self.wake_repeats(&seat.group, route);
            }
        }
    }

    /// Notes whether the parents of its host answer for it.
    fn blame(&self, held: &mut Held) {
        let Some(behind) = held.facts.behind.as_ref().filter(|b| !b.parents.is_empty()) else {
            return;
        };
        let fail = behind.parents.iter().all(|parent| self.failing.contains(parent));
        held.blamed = match (held.blamed, fail) {
            (_, true) => Some(Blamed::Now),
            (Some(Blamed::Now), false) => Some(Blamed::Until(self.now)),
            (other, false) => other,
        };
    }

    /// Notes what keeps it back in one route, and in its journal when that is something else.
    fn keep_back(&self, held: &mut Held, seat: &mut Seat) {
        let hold = held.said().firing.then(|| self.hold(held, &seat.group.route)).flatten();
        if hold == seat.hold {
            return;
        }
        let route = Arc::clone(&seat.group.route);
        match &hold {
            Some(by) => held.journal.note(self.now, Step::Held { route, by: by.clone() }),
            None if held.said().firing => held.journal.note(self.now, Step::Freed { route }),
            None => {}
        }
        seat.hold = hold;
    }

    fn hold(&self, held: &Held, route: &Arc<str>) -> Option<Hold> {
        if let Some(ack) = &held.ack {
            return Some(Hold::Ack(Arc::clone(&ack.who)));
        }
        if let Some(silence) =
            self.silences.values().find(|silence| self.is_silenced(held, silence))
        {
            return Some(Hold::Silence(Arc::clone(&silence.id)));
        }
        if self.resting.contains(&held.key.host) {
            return Some(Hold::Maintenance);
        }
        if let Some(behind) = held.facts.behind.as_ref().filter(|b| !b.parents.is_empty()) {
            let until = held.begun.plus(behind.grace);
            match held.blamed {
                Some(Blamed::Now) => return behind.parents.first().copied().map(Hold::Parent),
                Some(Blamed::Until(_)) => return Some(Hold::ParentBack),
                None if self.now < until && !held.is_known() => {
                    return Some(Hold::ParentGrace(until));
                }
                None => {}
            }
        }
        self.wholes.get(route).and_then(|whole| whole.quiet).map(Hold::Quiet)
    }

    /// Whether ends wait too, in this route, now.
    pub(super) fn holds_ends(&self, route: &Route) -> bool {
        let quiet = self.wholes.get(&route.name).is_some_and(|whole| whole.quiet.is_some());
        quiet && route.quiet.as_ref().is_some_and(|quiet| quiet.hold_recoveries)
    }

    /// Has its group told of it, as soon as what is lacking asks for.
    fn touch_for(&mut self, held: &mut Held, seat: &Seat, route: &Route) {
        let quiet = self.holds_ends(route);
        let worst = self.groups.get(&seat.group).and_then(|group| group.worst);
        let less = held.told.values().any(|told| {
            told.taken.is_some_and(|taken| taken.firing && taken.severity < held.severity)
        });
        let urgency = |channel: &Arc<str>| match owed(held, seat, route, channel, quiet)? {
            Lack::Worse => Some(Urgency::AtOnce),
            Lack::New if less || !route.channels.contains(channel) => Some(Urgency::AtOnce),
            Lack::New | Lack::Differs if worst.is_some_and(|worst| held.severity > worst) => {
                Some(Urgency::Soon)
            }
            Lack::New | Lack::Differs | Lack::Over | Lack::Late => Some(Urgency::Grouped),
        };
        let most = channels(held, seat, route).into_iter().filter_map(urgency).max();
        let Some(most) = most else { return };
        let (unit, until) = self.touch(&seat.group, route, most);
        let name = Arc::clone(&route.name);
        held.journal.note(
            self.now,
            match unit.by {
                Some(_) => Step::Waits { route: name, until },
                None => Step::Storm { route: name },
            },
        );
    }

    /// Gives an alarm its places in the routes that take it now.
    pub(super) fn reseat(&mut self, held: &mut Held) {
        let routes = Arc::clone(&self.routes);
        let mut seats: Vec<Seat> = Vec::new();
        for route in routes.of(&held.key, held.severity, &held.facts) {
            let by = Some(route.values(&held.key, &held.facts));
            seats.push(Seat::new(GroupKey { route: Arc::clone(&route.name), by }));
        }
        if seats.is_empty() {
            let by = Some(vec![Arc::clone(&held.key.rule)]);
            seats.push(Seat::new(GroupKey { route: OWN_ROUTE.into(), by }));
        }
        let before = std::mem::take(&mut held.seats);
        for seat in &mut seats {
            let route = Arc::clone(&seat.group.route);
            match before.iter().find(|old| old.group.route == route) {
                Some(old) => {
                    (seat.clock, seat.reached) = (old.clock, old.reached);
                    seat.hold.clone_from(&old.hold);
                }
                None if *route == *OWN_ROUTE && !is_own(&held.key) => {
                    held.journal.note(self.now, Step::NoRoute);
                }
                None => held.journal.note(self.now, Step::Routed { route }),
            }
        }
        if seats.iter().any(|seat| before.iter().all(|old| old.group != seat.group)) {
            // The clock of another group knows of no refusal.
            held.told.values_mut().for_each(|told| told.given_up = None);
        }
        for old in before.iter().filter(|old| seats.iter().all(|seat| seat.group != old.group)) {
            self.leave(&old.group, &held.key);
        }
        for seat in &seats {
            let group = seat.group.clone();
            let group = self.groups.entry(group).or_insert_with(|| Group::new(seat.group.clone()));
            group.members.insert(held.key.clone());
        }
        held.seats = seats;
    }

    fn leave(&mut self, unit: &GroupKey, key: &AlarmKey) {
        let Some(group) = self.groups.get_mut(unit) else { return };
        group.members.remove(key);
        if group.members.is_empty() {
            self.groups.remove(unit);
            self.timers.set(Timer::Group(unit.clone()), None);
            self.changed.insert(RowKey::of(unit));
        }
    }

    /// An alarm is over, and nobody is owed anything.
    fn finish(&mut self, mut held: Held) {
        if !held.taken {
            held.journal.note(self.now, Step::NeverTold);
        }
        self.unindex(&held);
        for seat in &held.seats {
            self.leave(&seat.group, &held.key);
        }
        self.timers.set(Timer::Alarm(held.key.clone()), None);
        let Held { key, flips, journal, .. } = held;
        self.remember(key, Ended { at: self.now, flips, journal });
        let overflow = own::overflow(MAX_ACTIVE, false, self.now);
        if self.alarms.len() < MAX_ACTIVE / 10 * 9 && self.alarms.contains_key(&overflow.event.key)
        {
            self.change(overflow);
        }
    }
}
