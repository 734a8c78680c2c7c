//! A poll has ended: what follows from it, in order.

use std::sync::Arc;

use super::{
    Engine,
    entry::{Flight, Settled, record},
    measured::measure,
};
use crate::{
    model::State,
    newcomers::Newcomers,
    poll::Attempt,
    store::{FactsSeen, writer},
};

impl Engine {
    /// Turns the end of a poll into its one row, judges the host's alarms by it, and shows it.
    pub(super) fn settle(&mut self, flight: &Flight, mut attempt: Attempt) {
        let now = self.parts.clock.now();
        self.look_at_clock(now);
        self.observe(flight, &attempt);
        let skew = self.skew(flight.host, &attempt);
        let claim = self.refuse_claim(flight.host, &mut attempt);
        self.record_for_quorum(flight.host, &attempt, now);
        self.own.note(flight.host, &attempt);
        let heard = attempt.heard;
        let frozen = self.aborting || self.quorum.is_isolated();
        let parent = self.failing_parent(flight.host);
        let Some(entry) = self.hosts.get_mut(&flight.host) else {
            let rates = measure(&mut attempt, None, &mut Newcomers::default());
            let row = record(flight, &attempt, rates, State::Retired);
            self.rollups.add(&(&row).into());
            self.parts.writer.push(writer::QueuedRow::Poll(Arc::new(row)));
            return;
        };
        entry.parent = parent;
        let Settled { record, transition, flapping, facts } =
            entry.settle(flight, attempt, (skew, claim), &self.parts.policy, now.wall, frozen);
        self.machines.add(entry.facts.machine_id.as_ref(), flight.host);
        if !heard && !entry.health.counts_for_quorum() {
            self.quorum.remove(flight.host);
        }
        self.rollups.add(&(&*record).into());
        let cause = transition.as_ref().map(|moved| moved.cause);
        let judged = self.judge(&record, cause, frozen, now);
        self.show(flight.host, now);
        self.keep_judged(&flight.name, Some(record), judged);
        if let Some(facts) = facts {
            let seen = FactsSeen { host: flight.host, facts, seen: now.wall };
            self.parts.writer.push(writer::QueuedRow::Facts(Box::new(seen)));
        }
        let moved = transition.is_some();
        for told in transition.into_iter().chain(flapping) {
            self.announce(told, self.hosts.get(&flight.host));
        }
        if moved {
            self.tell_children(&flight.name, now);
        }
    }
}
