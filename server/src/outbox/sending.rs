//! Messages on their way: one of each channel at a time, and heartbeats beside them.

use std::{sync::Arc, time::Duration};

use super::{
    OutboxWorker,
    lane::{Delivery, Lane, Next},
    words,
};
use crate::{
    channel::{self, Kind, MessageKind, Receipt, SendError},
    language::Language,
    live::ServerView,
    notify::Channel,
    route::{Input, Message, Outcome, Output},
    store::writer::QueuedRow,
    units::{Mono, Now, WallMs},
};

/// No round of polls for so long: then not all is well, and no heartbeat is sent.
const SILENT_AFTER: Duration = Duration::from_secs(60);

/// What has been sent, and how that ended.
pub(super) enum Sent {
    /// A message.
    Message(Arc<str>, Box<Delivery>, Result<Receipt, SendError>),
    /// A heartbeat.
    Beat(Arc<str>, Result<Receipt, SendError>),
}

/// A channel as it is sent through.
pub(super) struct Sender {
    pub(super) channel: Arc<Channel>,
    pub(super) lane: Lane,
    /// When something is to be sent that is no message of the router: a heartbeat, or what the receiver
    /// would forget.
    due: Mono,
    beats: bool,
}

impl Sender {
    pub(super) fn new(channel: Arc<Channel>, now: Mono) -> Self {
        let lane = Lane::new(channel.settings().rate);
        Self { channel, lane, due: now, beats: false }
    }

    fn language(&self) -> Language {
        self.channel.settings().language
    }

    fn kind(&self) -> Kind {
        self.channel.settings().kind
    }
}

/// Whether hosts are polled.
fn is_well(server: &ServerView, now: WallMs) -> bool {
    let polled = server.last_round.max(server.started);
    server.ready && !server.stopping && now.since(polled) <= SILENT_AFTER
}

impl OutboxWorker {
    /// Tells the router what happened, and takes up what it wants done.
    pub(super) fn feed(&mut self, input: Input, now: Now) {
        let outputs = self.router.take(input, now.wall);
        self.carry_out(outputs);
    }

    pub(super) fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => self.queue(&message),
                Output::Withdrawn(id) => {
                    self.senders.values_mut().for_each(|sender| sender.lane.withdraw(&id));
                }
                Output::SilenceEnded(id) => {
                    self.people_changed = true;
                    tracing::info!(id = &*id, "a silence is over");
                }
                Output::Ended(delivery) => {
                    self.parts.writer.push(QueuedRow::Delivery(delivery));
                }
                Output::AckEnded(key) => {
                    self.people_changed = true;
                    let (rule, row) = (&*key.rule, &*key.row);
                    tracing::info!(rule, row, "an acknowledgement is over");
                }
            }
        }
    }

    fn queue(&mut self, message: &Message) {
        let Some(sender) = self.senders.get_mut(&message.channel) else { return };
        let all = sender.kind().tells_each().then(|| self.router.items(message));
        let message =
            words::message(message, all, &self.in_force.alerting.rules, sender.language());
        let link = self.parts.url.as_ref().map(|url| words::link(&message, url));
        sender.lane.push(channel::Message { link, ..message });
    }

    /// Sends what may be sent now. Answers when more may be.
    pub(super) fn send(&mut self, now: Now) -> Option<Mono> {
        let mut next: Option<Mono> = None;
        let names: Vec<Arc<str>> = self.senders.keys().cloned().collect();
        for name in names {
            let at = if self.senders.get(&name).is_some_and(|s| s.kind() == Kind::Heartbeat) {
                self.beat(&name, now)
            } else {
                let at = self.send_next(&name, now);
                let again = self.refresh(&name, now);
                at.into_iter().chain(again).min()
            };
            next = next.into_iter().chain(at).min();
        }
        next
    }

    fn send_next(&mut self, name: &Arc<str>, now: Now) -> Option<Mono> {
        let sender = self.senders.get_mut(name)?;
        match sender.lane.next(now.mono) {
            Next::Rests => None,
            Next::Waits(until) => Some(until),
            Next::Sends(delivery) => {
                self.start(name, delivery, now);
                None
            }
        }
    }

    fn start(&mut self, name: &Arc<str>, mut delivery: Box<Delivery>, now: Now) {
        let Some(sender) = self.senders.get(name) else { return };
        let (channel, name) = (Arc::clone(&sender.channel), Arc::clone(name));
        self.sending.push(Box::pin(async move {
            let Delivery { message, progress, .. } = &mut *delivery;
            let sent = channel.send(message, progress, now.wall).await;
            Sent::Message(name, delivery, sent)
        }));
    }

    /// Tells a receiver again what it would forget.
    fn refresh(&mut self, name: &Arc<str>, now: Now) -> Option<Mono> {
        let sender = self.senders.get_mut(name)?;
        let every = sender.kind().forgets_after()?;
        if sender.due > now.mono || !sender.lane.is_free() {
            return Some(sender.due);
        }
        sender.due = now.mono.plus(every);
        let due = sender.due;
        let items = self.router.told(name);
        if items.is_empty() {
            return Some(due);
        }
        let rules = &self.in_force.alerting.rules;
        let language = sender.language();
        let message = channel::Message {
            id: format!("refresh/{}", now.wall.0).into(),
            kind: MessageKind::Firing,
            language,
            severity: words::worst(&items),
            title: language.say("still firing", &[]),
            at: now.wall,
            items: items.iter().map(|item| words::item(item, rules, language)).collect(),
            more: 0,
            link: self.parts.url.as_ref().map(|url| url.page("/alerts")),
        };
        if let Some(delivery) = sender.lane.extra(message, now.mono) {
            self.start(name, Box::new(delivery), now);
        }
        Some(due)
    }

    /// Says that all is well, while it is: hosts are polled.
    fn beat(&mut self, name: &Arc<str>, now: Now) -> Option<Mono> {
        let is_well = is_well(&self.parts.live.server(), now.wall);
        let sender = self.senders.get_mut(name)?;
        // One that is due waits until all is well, and not for its turn after that.
        if sender.beats || (!is_well && sender.due <= now.mono) {
            return None;
        }
        if sender.due > now.mono {
            return Some(sender.due);
        }
        sender.due = now.mono.plus(sender.channel.settings().every);
        sender.beats = true;
        let due = sender.due;
        let (channel, name) = (Arc::clone(&sender.channel), Arc::clone(name));
        self.sending.push(Box::pin(async move { Sent::Beat(name, channel.beat(now.wall).await) }));
        Some(due)
    }

    /// Takes in how a try ended.
    pub(super) fn ended(&mut self, sent: Sent, now: Now) {
        match sent {
            Sent::Beat(name, result) => {
                if let Some(sender) = self.senders.get_mut(&name) {
                    sender.beats = false;
                }
                self.note(&name, result.err().map(|error| error.to_string()));
            }
            Sent::Message(name, delivery, result) => {
                self.note(&name, result.as_ref().err().map(ToString::to_string));
                let outcome = match result {
                    Ok(Receipt { status, answer }) if answer.is_empty() => {
                        Outcome::Taken(status.to_string().into())
                    }
                    Ok(Receipt { status, answer }) => {
                        Outcome::Taken(format!("{status} {answer}").into())
                    }
                    Err(SendError::Transient { retry_after, words }) => {
                        Outcome::Failed { why: words.into(), retry_after }
                    }
                    Err(SendError::Refused { words, .. }) => Outcome::Refused(words.into()),
                };
                let (parts, again) =
                    (delivery.parts.clone(), matches!(outcome, Outcome::Failed { .. }));
                if let Some(sender) = self.senders.get_mut(&name) {
                    sender.lane.ended(*delivery, again);
                }
                for message in &parts {
                    let (message, outcome) = (Arc::clone(message), outcome.clone());
                    self.feed(Input::Sent { message, outcome }, now);
                }
                // What was given up does not come back: what was merged with it does not wait for it.
                if let Some(sender) = self.senders.get_mut(&name) {
                    let over = parts.iter().filter(|id| !self.router.has(id));
                    over.for_each(|id| sender.lane.withdraw(id));
                }
            }
        }
    }

    /// Counts a try, and says where a channel begins and ends to fail.
    fn note(&mut self, name: &Arc<str>, error: Option<String>) {
        let stats = self.counted.entry(Arc::clone(name)).or_default();
        match error {
            None => {
                stats.sent += 1;
                if stats.last_error.take().is_some() {
                    tracing::info!(channel = &**name, "the channel takes messages again");
                }
            }
            Some(error) => {
                stats.failed += 1;
                let words: Arc<str> = error.into();
                if stats.last_error.replace(Arc::clone(&words)).is_none() {
                    let (channel, error) = (&**name, &*words);
                    tracing::warn!(channel, error, "the channel took no message");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_well_while_hosts_are_polled() {
        let polled = WallMs(1_000_000);
        let server = ServerView { ready: true, last_round: polled, ..ServerView::default() };
        let silent = polled.plus(SILENT_AFTER);
        assert!(is_well(&server, silent));
        assert!(!is_well(&server, silent.plus(Duration::from_millis(1))));
        assert!(!is_well(&ServerView { ready: false, ..server.clone() }, polled));
        assert!(!is_well(&ServerView { stopping: true, ..server }, polled));
    }
}
