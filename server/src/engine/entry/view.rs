//! A host as everybody else sees it.

use std::sync::Arc;

use super::HostEntry;
use crate::{
    health::{self, PauseReason, Policy, StateContext},
    live::HostView,
    model::State,
    units::{Now, WallMs},
};

impl HostEntry {
    /// This host for everybody else.
    pub(in crate::engine) fn view(
        &mut self,
        policy: &Policy,
        isolated: Option<WallMs>,
        next_due: Option<WallMs>,
        now: Now,
    ) -> HostView {
        let degraded = self.health.state == State::Degraded;
        let flaws = self.flaws.as_ref().filter(|_| degraded);
        let around = StateContext {
            pause_reason: self.pause_reason.as_ref(),
            flaws: flaws.map(|flaws| &**flaws),
            parent: self.parent.as_ref(),
            isolated,
            asked_again: self.asked_again(now),
        };
        let plain = self.health.state == State::Up
            && !self.health.flapping.is_on()
            && around == StateContext::default();
        let reason = match &self.shown.up {
            Some((since, words)) if plain && *since == self.health.since => Arc::clone(words),
            _ => health::explain(&self.health, policy, &around).into(),
        };
        if plain {
            self.shown.up = Some((self.health.since, Arc::clone(&reason)));
        }
        let failing = matches!(self.health.state, State::Suspect | State::Down);
        let error = self.last.as_ref().and_then(|last| last.error.as_ref());
        let cause = flaws.or(error.filter(|_| failing)).cloned();
        let because = self.parent.as_ref().filter(|_| failing);
        HostView {
            id: self.id,
            name: self.spec.name.clone(),
            group: self.spec.group.clone(),
            labels: Arc::clone(&self.spec.labels),
            addresses: Arc::clone(&self.shown.addresses),
            schedule: Arc::clone(&self.shown.schedule),
            interval: self.spec.schedule.shortest_gap(),
            state: self.health.state,
            since: self.health.since,
            flapping: self.health.flapping.is_on(),
            parent: self.spec.parent.clone(),
            unreachable_because: because.map(|parent| parent.name.clone()),
            paused_until: self.pause_reason.as_ref().and_then(PauseReason::until),
            reason,
            cause,
            facts: Arc::clone(&self.facts),
            last: self.last.clone(),
            last_good: self.last_good.clone(),
            answer: self.answer.clone(),
            recent: self.recent.clone(),
            gathered: self.gathered.clone(),
            next_due,
            alarms: Arc::default(),
        }
    }
}
