//! What became of messages: taken, tried again, withdrawn, given up.

use std::{collections::BTreeSet, sync::Arc};

use super::{Output, Router, RowKey, Timer, flush::Tried};
use crate::{
    model::{Delivery, DeliveryState, MAX_TOLD, ToldAlarm},
    route::{
        channel::{Channel, Outcome, Waiting},
        group::Urgency,
        journal::Step,
        message::Tell,
        own,
    },
};

impl Router {
    /// Says what became of a message.
    fn end(&mut self, waiting: &Waiting, state: DeliveryState, answer: Option<&Arc<str>>) {
        let Waiting { message, first, tries, .. } = waiting;
        let told = |tell: &Tell| ToldAlarm {
            key: tell.key.clone(),
            firing: tell.said.firing,
            severity: tell.said.severity,
        };
        // The try that ended it, too.
        let last = u32::from(state != DeliveryState::Withdrawn);
        self.outputs.push(Output::Ended(Arc::new(Delivery {
            message: Arc::clone(&message.id),
            channel: Arc::clone(&message.channel),
            route: Arc::clone(&message.route),
            kind: message.kind.as_str().into(),
            made: message.at,
            first_tried: *first,
            ended: self.now,
            state,
            tries: tries.saturating_add(last),
            answer: answer.cloned(),
            alarms: message.tells.iter().take(MAX_TOLD).map(told).collect(),
            told: u32::try_from(message.tells.len()).unwrap_or(u32::MAX),
        })));
    }

    pub(super) fn sent(&mut self, id: &Arc<str>, outcome: Outcome) {
        let Some(waiting) = self.waiting.get_mut(id) else { return };
        let now = self.now;
        let channel = Arc::clone(&waiting.message.channel);
        match outcome {
            Outcome::Taken(answer) => {
                let waiting = self.remove(id);
                self.channel_took(&channel);
                if let Some(waiting) = waiting {
                    self.end(&waiting, DeliveryState::Sent, Some(&answer));
                    self.taken(&waiting, &answer);
                }
            }
            Outcome::Failed { why, retry_after } => {
                if waiting.failed(retry_after, now) {
                    self.timers.set(Timer::Message(Arc::clone(id)), waiting.next);
                    self.changed.insert(RowKey::Message(Arc::clone(id)));
                    self.failed(id, &why);
                } else {
                    self.give_up(
                        id,
                        &format!("not taken for 24 hours, the last time: {why}").into(),
                    );
                }
                self.channel_failed(&channel, false, &why);
            }
            Outcome::Refused(why) => {
                self.give_up(id, &why);
                self.channel_failed(&channel, true, &why);
            }
        }
    }

    /// Takes a message away from those that wait.
    fn remove(&mut self, id: &Arc<str>) -> Option<Waiting> {
        let waiting = self.waiting.remove(id)?;
        let lane = (waiting.unit.clone(), Arc::clone(&waiting.message.channel));
        self.lanes.remove(&lane);
        self.tells -= waiting.message.tells.len();
        self.timers.set(Timer::Message(Arc::clone(id)), None);
        self.changed.insert(RowKey::Message(Arc::clone(id)));
        Some(waiting)
    }

    fn taken(&mut self, waiting: &Waiting, answer: &Arc<str>) {
        let now = self.now;
        let message = &waiting.message;
        for Tell { key, said, .. } in &message.tells {
            let Some(held) = self.alarms.get_mut(key) else { continue };
            held.taken = true;
            match said.firing {
                true => {
                    if let Some(told) = held.told.get_mut(&message.channel) {
                        (told.taken, told.waits, told.tried) = (Some(*said), None, false);
                        told.unsure = None;
                    }
                }
                false => drop(held.told.remove(&message.channel)),
            }
            let (id, channel) = (Arc::clone(&message.id), Arc::clone(&message.channel));
            held.journal
                .note(now, Step::Taken { message: id, channel, answer: Arc::clone(answer) });
        }
        self.after(waiting);
    }

    /// What a message kept waiting is looked at.
    fn after(&mut self, waiting: &Waiting) {
        let mut groups = BTreeSet::from([waiting.unit.clone()]);
        for Tell { key, .. } in &waiting.message.tells {
            self.consider(key);
            let seats = self.alarms.get(key).into_iter().flat_map(|held| &held.seats);
            groups.extend(seats.map(|seat| seat.group.clone()));
        }
        let routes = Arc::clone(&self.routes);
        for unit in &groups {
            if let Some(route) = routes.get(&unit.route) {
                self.wake_repeats(unit, route);
            }
        }
        let Some(route) = routes.get(&waiting.unit.route).filter(|_| waiting.more) else { return };
        match self.groups.contains_key(&waiting.unit) {
            true => drop(self.touch(&waiting.unit, route, Urgency::Grouped)),
            // The clock of the whole route is gone; each group has its own.
            false => {
                let members = self.members(&waiting.unit);
                self.consider_all(Some(members.into_iter().collect()));
            }
        }
    }

    fn failed(&mut self, id: &Arc<str>, why: &Arc<str>) {
        let Some(Waiting { message, tries, .. }) = self.waiting.get(id) else { return };
        for Tell { key, .. } in &message.tells {
            let Some(held) = self.alarms.get_mut(key) else { continue };
            if let Some(told) = held.told.get_mut(&message.channel) {
                told.tried = true;
            }
            let (channel, why) = (Arc::clone(&message.channel), Arc::clone(why));
            let step = Step::Failed { message: Arc::clone(id), channel, tries: *tries, why };
            held.journal.note(self.now, step);
            self.changed.insert(RowKey::Alarm(key.clone()));
        }
    }

    fn give_up(&mut self, id: &Arc<str>, why: &Arc<str>) {
        let Some(waiting) = self.remove(id) else { return };
        self.end(&waiting, DeliveryState::GivenUp, Some(why));
        let message = &waiting.message;
        for Tell { key, .. } in &message.tells {
            let Some(held) = self.alarms.get_mut(key) else { continue };
            if let Some(told) = held.told.get_mut(&message.channel) {
                // A try before this one may have been heard, though it had no answer: `tried` stays.
                (told.waits, told.given_up) = (None, Some(self.now));
            }
            let (id, channel) = (Arc::clone(id), Arc::clone(&message.channel));
            let why = Arc::clone(why);
            held.journal.note(self.now, Step::GivenUp { message: id, channel, why });
        }
        self.after(&waiting);
    }

    /// Hands a message over again; when it is no longer true, one that is takes its place.
    pub(super) fn retry(&mut self, id: &Arc<str>) {
        let routes = Arc::clone(&self.routes);
        let Some(waiting) = self.waiting.get(id) else { return };
        let channel = Arc::clone(&waiting.message.channel);
        let route = routes.get(&waiting.unit.route);
        if route.is_some() && !self.is_stale(waiting) {
            if let Some(waiting) = self.waiting.get_mut(id) {
                waiting.next = None;
                let unit = waiting.unit.clone();
                if waiting.message.firing > 0
                    && let Some(group) = self.groups.get_mut(&unit)
                {
                    group.sent.insert(channel, self.now);
                }
                self.outputs.push(Output::Send(Box::new(waiting.message.clone())));
                self.changed.insert(RowKey::Message(Arc::clone(id)));
            }
            return;
        }
        let Some(waiting) = self.withdraw(id) else { return };
        let tried = Tried { first: waiting.first, tries: waiting.tries };
        if let Some(route) = route {
            let members: Vec<_> = match self.groups.contains_key(&waiting.unit) {
                true => self.members(&waiting.unit),
                false => waiting.message.tells.iter().map(|tell| tell.key.clone()).collect(),
            };
            self.tell(&waiting.unit, route, &members, &channel, Some(tried));
        }
        self.after(&Waiting { more: false, ..waiting });
    }

    /// Whether something that a message says is no longer so, or there is more to say.
    fn is_stale(&self, waiting: &Waiting) -> bool {
        let Waiting { message, unit, more, .. } = waiting;
        let stale = |tell: &Tell| {
            let Some(held) = self.alarms.get(&tell.key) else { return true };
            let seat = held.seats.iter().find(|seat| seat.group.route == unit.route);
            let kept = tell.said.firing && seat.is_none_or(|seat| seat.hold.is_some());
            held.said() != tell.said || kept
        };
        *more || message.tells.iter().any(stale)
    }

    /// Takes back a message that was not taken.
    pub(super) fn withdraw(&mut self, id: &Arc<str>) -> Option<Waiting> {
        let waiting = self.remove(id)?;
        let message = &waiting.message;
        for Tell { key, said, .. } in &message.tells {
            let Some(held) = self.alarms.get_mut(key) else { continue };
            let fires = held.said().firing;
            if let Some(told) = held.told.get_mut(&message.channel) {
                told.withdrawn(*said, fires);
            }
            let (id, channel) = (Arc::clone(id), Arc::clone(&message.channel));
            held.journal.note(self.now, Step::Withdrawn { message: id, channel });
        }
        self.outputs.push(Output::Withdrawn(Arc::clone(id)));
        self.end(&waiting, DeliveryState::Withdrawn, None);
        Some(waiting)
    }

    fn channel(&mut self, name: &Arc<str>) -> &mut Channel {
        self.changed.insert(RowKey::Channel(Arc::clone(name)));
        let new = || Channel::new(Arc::clone(name));
        self.channels.entry(Arc::clone(name)).or_insert_with(new)
    }

    fn channel_failed(&mut self, name: &Arc<str>, for_good: bool, why: &Arc<str>) {
        let now = self.now;
        if self.channel(name).failed(for_good, now) {
            self.change(own::channel(name, Some(why), now));
        }
    }

    fn channel_took(&mut self, name: &Arc<str>) {
        if !self.channels.contains_key(name) || !self.channel(name).took() {
            return;
        }
        self.change(own::channel(name, None, self.now));
        // What was given up may be told now.
        let mut free = BTreeSet::new();
        for held in self.alarms.values_mut() {
            if let Some(told) = held.told.get_mut(name)
                && told.given_up.take().is_some()
            {
                free.insert(held.key.clone());
            }
        }
        self.consider_all(Some(free));
    }
}
