//! What the engine tells others: the live view, the writer, the hook, the metrics. Nothing here waits.

use std::time::Duration;

use super::{
    Engine,
    entry::{Flight, HostEntry},
};
use crate::{
    health::Flaw,
    hook::{Notification, ServerEvent},
    live::HostView,
    metrics::OutcomeLabel,
    model::{Cause, HostId, HostName, State, Transition},
    poll::Attempt,
    store::writer,
    units::{Now, WallMs},
};

impl Engine {
    /// Shows a host as it is now to everybody else.
    pub(super) fn show(&mut self, host: HostId, now: Now) {
        let Some(entry) = self.hosts.get_mut(&host) else { return };
        let next_due = self.poll_queue.next_slot(host, entry.asked_again(now).unwrap_or(now.wall));
        let alarms = self.alarms.shown(host);
        let view = entry.view(&self.parts.policy, self.isolated, next_due, now);
        self.parts.live.publish(HostView { alarms, ..view });
    }

    /// Logs, tells and keeps a change.
    pub(super) fn announce(&self, transition: Transition, host: Option<&HostEntry>) {
        let what = match transition.from == transition.to {
            true => "flapping changed",
            false => "state changed",
        };
        tracing::info!(
            host = %transition.name, from = %transition.from, to = %transition.to,
            cause = %transition.cause, reason = %transition.reason, "{what}",
        );
        let notice = self.parts.hook.as_ref().zip(host).and_then(|(hook, host)| {
            // Whoever is told that a host flaps is not told of each flap.
            let told_already = host.health.flapping.is_on() && transition.cause != Cause::Flapping;
            (!told_already).then(|| hook.notice(&Notification::of_host(&transition, &host.spec)))?
        });
        self.parts.writer.push(writer::QueuedRow::Transition(transition, notice));
    }

    /// Keeps a row about the server itself, and tells it once, however many hosts it touches.
    pub(super) fn announce_own(&self, event: ServerEvent, reason: &str, at: WallMs) {
        let (from, to, cause) = match event {
            ServerEvent::Isolated => (State::Up, State::Suspect, Cause::Isolated),
            ServerEvent::Rejoined => (State::Suspect, State::Up, Cause::Connected),
            ServerEvent::ClockStepped => (State::Up, State::Up, Cause::ClockStepped),
        };
        let (host, name) = (HostId::SERVER, HostName::server());
        let notification = Notification::Server { event, at, reason: reason.into() };
        let notice = self.parts.hook.as_ref().and_then(|hook| hook.notice(&notification));
        let reason = reason.into();
        let row = Transition { host, name, at, slot: None, from, to, cause, outcome: None, reason };
        self.parts.writer.push(writer::QueuedRow::Transition(row, notice));
    }

    /// The flaw of an answer that says it is from the machine that another host is. The answer's machine
    /// is taken out: a claim pins nobody, so that after a restart the same host is that machine.
    pub(super) fn refuse_claim(&self, host: HostId, attempt: &mut Attempt) -> Option<Flaw> {
        let facts = &mut attempt.snapshot.as_deref_mut()?.facts;
        let owner = self.machines.claimed_from(facts.machine_id.as_deref()?, host)?;
        facts.machine_id = None;
        // One that does not answer is no second one: an old entry of a machine that has moved.
        let answers =
            |entry: &&HostEntry| matches!(entry.health.state, State::Up | State::Degraded);
        let owner = self.hosts.get(&owner).filter(answers)?;
        let copied = owner.facts.boot_id != facts.boot_id;
        Some(Flaw::Duplicate { other: owner.spec.name.clone(), copied })
    }

    /// Counts the slots that were skipped.
    pub(super) fn count_missed(&mut self) {
        let missed = self.poll_queue.missed();
        if missed > self.missed {
            self.parts.metrics.missed_slots.inc_by(missed - self.missed);
            tracing::warn!(
                slots = missed - self.missed,
                "slots were skipped: their moment had passed"
            );
            self.missed = missed;
        }
    }

    /// Counts the end of a poll.
    pub(super) fn observe(&mut self, flight: &Flight, attempt: &Attempt) {
        let metrics = &self.parts.metrics;
        metrics.polls.get_or_create(&OutcomeLabel { outcome: attempt.outcome }).inc();
        if attempt.outcome.was_asked() {
            let late = attempt.started.mono.since(flight.due);
            metrics.lateness.observe(late.as_secs_f64());
            self.alarms.note_lateness(late);
            metrics.queued.observe(Duration::from_micros(attempt.timings.queue_us.0).as_secs_f64());
        }
        if let Some(call) = attempt.timings.call_us {
            metrics.call.observe(Duration::from_micros(call.0).as_secs_f64());
        }
    }
}
