//! A poll begins: for a slot, or because somebody asked.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Engine, entry::Flight};
use crate::{
    model::{HostName, Record},
    poll::Job,
};

impl Engine {
    /// Begins a poll. One of a host that is not well takes a place of those kept for such hosts.
    pub(super) fn begin(&mut self, flight: Flight) {
        let Some(entry) = self.hosts.get_mut(&flight.host) else { return };
        entry.in_flight = true;
        let job = Job {
            host: entry.id,
            name: entry.spec.name.clone(),
            link: Arc::clone(&entry.link),
            timeout: entry.spec.timeout,
            selection: Arc::clone(&entry.spec.selection),
            expected_machine: entry.facts.machine_id.clone(),
        };
        let poller = self.parts.poller.clone();
        let task = if entry.is_failing() {
            let check_first = entry.is_checked_first() && !flight.asked;
            self.polls.spawn(async move { poller.poll_failing(job, check_first).await })
        } else {
            self.polls.spawn(async move { poller.poll(job).await })
        };
        self.flights.insert(task.id(), flight);
        self.parts.metrics.in_flight.inc();
    }

    /// Polls a host now, down or not, or joins the poll that is under way.
    pub(super) fn poll_now(&mut self, name: &HostName, asked: oneshot::Sender<Arc<Record>>) {
        let now = self.parts.clock.now();
        self.look_at_clock(now);
        let Some(entry) = self.names.get(name).and_then(|id| self.hosts.get_mut(id)) else {
            return;
        };
        entry.waiting.push(asked);
        if entry.in_flight {
            return;
        }
        let (poll_queue, host) = (&self.poll_queue, entry.id);
        let slot = entry.claims.asked(now.wall, |at| poll_queue.is_on_grid(host, at));
        let flight = Flight {
            host: entry.id,
            name: entry.spec.name.clone(),
            slot,
            due: now.mono,
            version: self.version,
            asked: true,
        };
        self.begin(flight);
    }
}
