//! The messages of a group, or of a whole route.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    MAX_WAITING, Output, Router, RowKey, Timer,
    consider::{channels, is_target, owed},
};
use crate::{
    model::{AlarmKey, Severity},
    route::{
        channel::Waiting,
        group::{Group, GroupKey, Urgency},
        held::Lack,
        journal::Step,
        message::{Head, Item, Kind, Message, Tell},
        settings::{Quiet, Route},
        storm::Whole,
    },
    schedule::Window,
    units::WallMs,
};

/// What a message to one channel is made of.
#[derive(Default)]
struct Draft {
    items: Vec<Item>,
    tells: Vec<Tell>,
    /// What still fires and may be repeated.
    repeats: Vec<Tell>,
    /// Something begins or gets worse.
    wakes: bool,
    /// All that is told are ends.
    ends: bool,
}

/// Where a message comes from: an earlier one that it takes the place of, if any.
#[derive(Clone, Copy)]
pub(super) struct Tried {
    pub(super) first: WallMs,
    pub(super) tries: u32,
}

impl Router {
    /// Has a group told of in time; in a storm its whole route instead. Answers what and when.
    pub(super) fn touch(
        &mut self,
        unit: &GroupKey,
        route: &Route,
        urgency: Urgency,
    ) -> (GroupKey, WallMs) {
        let storm = self.wholes.get(&route.name).is_some_and(|whole| whole.storm);
        // Every single change at once is what a storm is.
        let (unit, urgency) = match storm {
            true => (GroupKey::whole(&route.name), urgency.min(Urgency::Soon)),
            false => (unit.clone(), urgency),
        };
        let group = self.groups.entry(unit.clone()).or_insert_with(|| Group::new(unit.clone()));
        let at = group.touch(urgency, &route.pace, self.now);
        self.rearm(&unit);
        (unit, at)
    }

    pub(super) fn rearm(&mut self, unit: &GroupKey) {
        let next = self.groups.get(unit).and_then(Group::next);
        self.timers.set(Timer::Group(unit.clone()), next);
        self.changed.insert(RowKey::of(unit));
    }

    pub(super) fn wake_repeats(&mut self, unit: &GroupKey, route: &Route) {
        if let Some(group) = self.groups.get_mut(unit) {
            group.wake_repeats(&route.pace);
            self.rearm(unit);
        }
    }

    /// Tells all channels what they lack of a group, and repeats what is due.
    pub(super) fn flush(&mut self, unit: &GroupKey, digest: bool) {
        let routes = Arc::clone(&self.routes);
        let now = self.now;
        let Some(route) = routes.get(&unit.route) else { return };
        let storm = self.wholes.get(&route.name).is_some_and(|whole| whole.storm);
        let Some(group) = self.groups.get_mut(unit) else { return };
        let changes = group.due.is_some_and(|due| due <= now) || digest;
        group.repeats = None;
        if storm && unit.by.is_some() {
            group.due = None;
            self.rearm(unit);
            if changes {
                self.touch(unit, route, Urgency::Grouped);
            }
            return;
        }
        if changes {
            group.due = None;
        }
        let members = self.members(unit);
        let mut told = false;
        for channel in self.channels_of(&members, route) {
            let group = self.groups.get(unit);
            let repeat = group.is_some_and(|g| g.is_repeat_due(&channel, &route.pace, now));
            if changes || repeat {
                told |= self.tell(unit, route, &members, &channel, None);
            }
        }
        if let Some(group) = self.groups.get_mut(unit) {
            if told && changes {
                group.told(now);
            }
            group.sleep_repeats(&route.pace, now);
            self.rearm(unit);
        }
        if unit.by.is_none() && !storm {
            self.drop_whole(unit);
        }
    }

    /// The clock of a whole route is needed in storms and for what is to be told of it alone.
    fn drop_whole(&mut self, unit: &GroupKey) {
        if self.groups.get(unit).is_some_and(|group| group.due.is_none()) {
            self.groups.remove(unit);
            self.rearm(unit);
        }
    }

    pub(super) fn members(&self, unit: &GroupKey) -> Vec<AlarmKey> {
        match unit.by {
            Some(_) => {
                let members = self.groups.get(unit).map(|group| &group.members);
                members.into_iter().flatten().cloned().collect()
            }
            None => {
                let groups = self.groups_of(&unit.route);
                groups.flat_map(|group| &group.members).cloned().collect()
            }
        }
    }

    pub(super) fn groups_of(&self, route: &Arc<str>) -> impl Iterator<Item = &Group> {
        let all = self.groups.range(GroupKey::whole(route)..);
        all.map(|(_, group)| group).take_while(move |group| group.key.route == *route)
    }

    fn channels_of(&self, members: &[AlarmKey], route: &Route) -> BTreeSet<Arc<str>> {
        let mut all = BTreeSet::new();
        for held in members.iter().filter_map(|key| self.alarms.get(key)) {
            let seat = held.seats.iter().find(|seat| seat.group.route == route.name);
            all.extend(seat.into_iter().flat_map(|s| channels(held, s, route)).cloned());
        }
        all
    }

    /// Tells one channel what it lacks of a group, or repeats it when that is due. Answers whether there
    /// was something.
    pub(super) fn tell(
        &mut self,
        unit: &GroupKey,
        route: &Route,
        members: &[AlarmKey],
        channel: &Arc<str>,
        tried: Option<Tried>,
    ) -> bool {
        let now = self.now;
        let repeat = unit.by.is_some()
            && self.groups.get(unit).is_some_and(|g| g.is_repeat_due(channel, &route.pace, now));
        let mut draft = self.draft(route, members, channel, repeat);
        let lane = (unit.clone(), Arc::clone(channel));
        if let Some(waiting) = self.lanes.get(&lane).and_then(|id| self.waiting.get_mut(id)) {
            waiting.more |= !draft.tells.is_empty();
            return false;
        }
        let kind = match (draft.tells.is_empty(), unit.by.is_none()) {
            (true, _) if !repeat || draft.repeats.is_empty() => return false,
            (true, _) => {
                draft.tells = std::mem::take(&mut draft.repeats);
                Kind::Repeat
            }
            (false, true) => Kind::Digest,
            (false, false) if draft.ends => Kind::Resolved,
            (false, false) if route.channels.contains(channel) => Kind::Firing,
            (false, false) => Kind::Escalation,
        };
        if self.tells + draft.tells.len() > MAX_WAITING {
            draft.tells.truncate(MAX_WAITING.saturating_sub(self.tells));
            self.touch_later(unit, route);
        }
        if draft.tells.is_empty() {
            return false;
        }
        let Draft { items, tells, wakes, .. } = draft;
        let names = route.group_by.iter().map(|by| by.to_string().into());
        let group: Vec<_> = names.zip(unit.by.iter().flatten().cloned()).collect();
        let (name, to) = (Arc::clone(&route.name), Arc::clone(channel));
        let head = Head { channel: to, route: name, group: &group, at: now };
        let low = !wakes && kind != Kind::Repeat;
        self.hand_over(unit, Message::new(head, kind, low, items, tells), tried);
        true
    }

    /// What cannot wait as a message is looked at again.
    fn touch_later(&mut self, unit: &GroupKey, route: &Route) {
        if let Some(group) = self.groups.get_mut(unit) {
            group.due = Some(self.now.plus(route.pace.every));
        }
    }

    fn draft(
        &self,
        route: &Route,
        members: &[AlarmKey],
        channel: &Arc<str>,
        repeat: bool,
    ) -> Draft {
        let quiet = self.holds_ends(route);
        let mut draft = Draft { ends: true, ..Draft::default() };
        for held in members.iter().filter_map(|key| self.alarms.get(key)) {
            let Some(seat) = held.seats.iter().find(|s| s.group.route == route.name) else {
                continue;
            };
            let (key, said) = (held.key.clone(), held.said());
            let told = held.told.get(channel);
            let refused = told.is_some_and(|told| told.given_up.is_some() && told.waits.is_none());
            let may_repeat = seat.hold.is_none() && is_target(held, seat, route, channel);
            match owed(held, seat, route, channel, quiet) {
                Some(lack) => {
                    let late = lack == Lack::Late;
                    draft.wakes |= matches!(lack, Lack::New | Lack::Worse);
                    draft.ends &= lack.is_end();
                    draft.items.push(held.item(true, late));
                    draft.tells.push(Tell { key, said, late });
                }
                None if said.firing && refused && repeat && may_repeat => {
                    (draft.wakes, draft.ends) = (true, false);
                    draft.items.push(held.item(true, false));
                    draft.tells.push(Tell { key, said, late: false });
                }
                None if said.firing && held.is_told(channel) => {
                    draft.items.push(held.item(false, false));
                    let on_its_way = told.is_some_and(|told| told.waits.is_some());
                    if may_repeat && !on_its_way {
                        draft.repeats.push(Tell { key, said, late: false });
                    }
                }
                None => {}
            }
        }
        draft
    }

    fn hand_over(&mut self, unit: &GroupKey, message: Message, tried: Option<Tried>) {
        let now = self.now;
        let (id, channel) = (Arc::clone(&message.id), Arc::clone(&message.channel));
        let mut worst: Option<Severity> = None;
        let mut groups: BTreeMap<GroupKey, ()> = BTreeMap::new();
        for Tell { key, said, .. } in &message.tells {
            let Some(held) = self.alarms.get_mut(key) else { continue };
            let told = held.told.entry(Arc::clone(&channel)).or_default();
            (told.waits, told.given_up) = (Some((*said, Arc::clone(&id))), None);
            worst = worst.max(said.firing.then_some(said.severity));
            let (message, channel, kind) = (Arc::clone(&id), Arc::clone(&channel), message.kind);
            held.journal.note(now, Step::Sent { message, channel, kind });
            let seat = held.seats.iter().find(|seat| seat.group.route == unit.route);
            groups.extend(seat.map(|seat| (seat.group.clone(), ())));
            // Its clock for further steps begins to run with the first message.
            self.timers.set(Timer::Alarm(key.clone()), Some(now));
            self.changed.insert(RowKey::Alarm(key.clone()));
        }
        groups.insert(unit.clone(), ());
        for unit in groups.keys() {
            let still = self.still_fires(unit, &channel);
            let Some(group) = self.groups.get_mut(unit) else { continue };
            if message.firing > 0 {
                group.sent.insert(Arc::clone(&channel), now);
            } else if !still {
                group.sent.remove(&channel);
            }
            group.worst = group.worst.max(worst);
            if message.kind == Kind::Digest {
                group.told(now);
            }
            self.rearm(unit);
        }
        self.tells += message.tells.len();
        self.lanes.insert((unit.clone(), channel), Arc::clone(&id));
        self.outputs.push(Output::Send(Box::new(message.clone())));
        let Tried { first, tries } = tried.unwrap_or(Tried { first: now, tries: 0 });
        let unit = unit.clone();
        let waiting = Waiting { message, unit, first, tries, next: None, more: false };
        self.changed.insert(RowKey::Message(Arc::clone(&id)));
        self.waiting.insert(id, waiting);
    }

    /// Whether a channel was told of something in a group that still fires. A message of ends may be of
    /// another group, in which these alarms were before other routes came into force.
    fn still_fires(&self, unit: &GroupKey, channel: &str) -> bool {
        let members = self.groups.get(unit).into_iter().flat_map(|group| &group.members);
        let mut members = members.filter_map(|key| self.alarms.get(key));
        members.any(|held| held.said().firing && held.is_told(channel))
    }

    /// Counts a new alarm of a route, which may be one too many for single messages.
    pub(super) fn count(&mut self, route: &Arc<str>, key: &AlarmKey) {
        let seats = self.alarms.get(key).into_iter().flat_map(|held| &held.seats);
        let free = seats.filter(|seat| seat.hold.is_none()).any(|seat| seat.group.route == *route);
        let routes = Arc::clone(&self.routes);
        let (true, Some(route), Some(whole)) =
            (free, routes.get(route), self.wholes.get_mut(route))
        else {
            return;
        };
        let begins = whole.count(self.now);
        self.changed.insert(RowKey::Whole(Arc::clone(&route.name)));
        if begins {
            self.touch(&GroupKey::whole(&route.name), route, Urgency::Grouped);
        }
        self.look_at(&route.name);
    }

    /// Quiet hours and storms of all routes, when routes come into force.
    pub(super) fn look_at_routes(&mut self) {
        let routes = Arc::clone(&self.routes);
        let gone = |name: &Arc<str>| routes.get(name).is_none();
        for name in self.wholes.keys().filter(|name| gone(name)).cloned().collect::<Vec<_>>() {
            self.wholes.remove(&name);
            self.timers.set(Timer::Route(Arc::clone(&name)), None);
            self.changed.insert(RowKey::Whole(name));
        }
        for route in routes.iter() {
            self.look_at(&route.name);
        }
    }

    /// Begins and ends the quiet hours and the storm of a route.
    pub(super) fn look_at(&mut self, name: &Arc<str>) {
        let routes = Arc::clone(&self.routes);
        let Some(route) = routes.get(name) else { return };
        let now = self.now;
        let whole =
            self.wholes.entry(Arc::clone(name)).or_insert_with(|| Whole::new(Arc::clone(name)));
        let calm = whole.calm(now);
        let quiet = route.quiet.as_ref().and_then(|quiet| quiet.window.open_until(now));
        let was = std::mem::replace(&mut whole.quiet, quiet);
        let next = whole.calms().into_iter().chain(turns(route.quiet.as_ref(), quiet, now)).min();
        self.timers.set(Timer::Route(Arc::clone(name)), next);
        if calm || was != quiet {
            self.changed.insert(RowKey::Whole(Arc::clone(name)));
            let unit = GroupKey::whole(name);
            let members = self.members(&unit);
            self.consider_all(Some(members.into_iter().collect()));
            if was.is_some() && quiet.is_none() {
                self.groups.entry(unit.clone()).or_insert_with(|| Group::new(unit.clone()));
                self.flush(&unit, true);
            } else if calm {
                self.drop_whole(&unit);
            }
        }
    }
}

/// When the quiet hours begin or end next.
fn turns(quiet: Option<&Quiet>, open_until: Option<WallMs>, now: WallMs) -> Option<WallMs> {
    open_until.or_else(|| match &quiet?.window {
        Window::Once { from, .. } => (*from > now).then_some(*from),
        Window::Every { opens, .. } => opens.next_slot(std::time::Duration::ZERO, now),
    })
}
