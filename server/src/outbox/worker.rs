//! The one task that owns the router.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{sleep, timeout};

use super::{
    OUTBOX_DRAIN, Outbox, OutboxParts, OutboxWorker, around::LOOK, copy::Copy, sending::Sender,
};
use crate::{
    channel::Kind,
    model::AlarmEvent,
    notify::ChannelStats,
    route::{Input, Router},
    units::{Mono, Now},
};

impl OutboxWorker {
    /// The worker of an outbox in which something is in force; none otherwise.
    #[must_use]
    pub fn new(outbox: &Outbox, parts: OutboxParts) -> Option<Self> {
        let shared = Arc::clone(&outbox.shared);
        let in_force = shared.lock().in_force.take()?;
        let router = Router::new(Arc::clone(&in_force.alerting.routes), parts.clock.now().wall);
        let mut worker = Self {
            shared,
            parts,
            in_force,
            router,
            senders: BTreeMap::new(),
            sending: FuturesUnordered::new(),
            counted: BTreeMap::new(),
            unkept: BTreeMap::new(),
            is_unkept: false,
            copy: Copy::default(),
            copying: FuturesUnordered::new(),
            answers: Vec::new(),
            people_changed: true,
            compares: true,
            looks: Mono::default(),
        };
        worker.open(worker.parts.clock.now().mono);
        Some(worker)
    }

    /// Tells until `shutdown` ends; what is being sent then may take [`OUTBOX_DRAIN`].
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let now = self.parts.clock.now();
        self.restore(now).await;
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let now = self.parts.clock.now().mono;
            if !self.parts.standing.may_tell(now).await {
                // Another server is in charge: what is under way may end, and nothing is written down.
                self.shared.end();
                return shutdown.await;
            }
            let wait = self.step().await;
            let pause = async {
                match wait {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            let shared = Arc::clone(&self.shared);
            tokio::select! {
                Some(sent) = self.sending.next() => {
                    let now = self.parts.clock.now();
                    self.ended(sent, now);
                }
                Some(copied) = self.copying.next() => {
                    let now = self.parts.clock.now().mono;
                    self.copied(copied, now);
                }
                () = shared.wake.notified() => {}
                () = pause => {}
                () = &mut shutdown => break,
            }
        }
        let draining = async {
            while let Some(sent) = self.sending.next().await {
                let now = self.parts.clock.now();
                self.ended(sent, now);
            }
        };
        if timeout(OUTBOX_DRAIN, draining).await.is_err() {
            tracing::info!(
                "not all messages were sent to the end; the next start sends them again"
            );
        }
        self.keep().await;
        if timeout(OUTBOX_DRAIN, self.copy_all()).await.is_err() {
            tracing::info!(
                "who was told is not whole in the store: a server that takes over may tell again"
            );
        }
        self.shared.end();
    }

    /// Does all that is due. Answers how long nothing is.
    async fn step(&mut self) -> Option<Duration> {
        let now = self.parts.clock.now();
        self.take_in(now);
        if self.is_used() {
            if self.compares && self.parts.live.server().ready {
                self.compares = false;
                self.compare(now);
            }
            if self.looks <= now.mono {
                self.looks = now.mono.plus(LOOK);
                self.look_around(now);
            }
            self.feed(Input::Tick, now);
        }
        self.keep().await;
        if self.is_used() {
            self.copy(now.mono);
        }
        let paced = self.send(now);
        self.publish();
        self.answer();
        if !self.is_used() && self.senders.is_empty() {
            return None;
        }
        let due = self.router.next().map(|at| at.since(now.wall));
        let paced = paced.map(|at| at.since(now.mono));
        due.into_iter().chain(paced).chain([LOOK]).min()
    }

    /// Whether there is anybody to tell, anything left to do for those who were told, or anything that people
    /// said of alarms.
    pub(super) fn is_used(&self) -> bool {
        let has_channels = !self.in_force.alerting.routes.channels().is_empty();
        has_channels || self.router.followed() > 0 || self.router.silences().next().is_some()
    }

    /// Takes in what others handed over.
    fn take_in(&mut self, now: Now) {
        let (events, in_force, orders, asked) = {
            let mut inbox = self.shared.lock();
            self.compares |= std::mem::take(&mut inbox.missed);
            let asked = std::mem::take(&mut inbox.asked);
            let orders = std::mem::take(&mut inbox.orders);
            (std::mem::take(&mut inbox.events), inbox.in_force.take(), orders, asked)
        };
        if let Some(in_force) = in_force {
            // Who was nobody until now learns what fires.
            self.compares |= !self.is_used();
            self.in_force = in_force;
            self.open(now.mono);
            let routes = Arc::clone(&self.in_force.alerting.routes);
            self.feed(Input::Routes(routes), now);
        }
        if self.is_used() && !events.is_empty() {
            let events: Vec<AlarmEvent> = events.into();
            self.take_changes(events, now);
        }
        self.obey(orders, now);
        for (keys, answer) in asked {
            let ways = keys.iter().map(|key| self.router.journal(key).cloned());
            // Whoever asked may have gone away.
            let _ = answer.send(ways.collect());
        }
    }

    /// Sends through the channels in force from now on. What waits stays where it is.
    fn open(&mut self, now: Mono) {
        let channels = &self.in_force.channels;
        self.senders.retain(|name, _| channels.contains_key(name));
        for (name, channel) in channels {
            match self.senders.get_mut(name) {
                Some(sender) => {
                    sender.lane.paced(channel.settings().rate);
                    sender.channel = Arc::clone(channel);
                }
                None => {
                    let sender = Sender::new(Arc::clone(channel), now);
                    self.senders.insert(Arc::clone(name), sender);
                }
            }
        }
        self.counted.retain(|name, _| channels.contains_key(name));
    }

    /// Shows how the channels do.
    fn publish(&mut self) {
        self.publish_people();
        let backlogs = self.router.backlogs();
        let failing: BTreeMap<_, _> = self.router.failing().collect();
        let takes = |sender: &Sender| sender.channel.settings().kind != Kind::Heartbeat;
        let stats = self.senders.iter().map(|(name, sender)| {
            let counted = self.counted.get(name).cloned().unwrap_or_default();
            let backlog = backlogs.get(name).filter(|_| takes(sender));
            let stats = ChannelStats {
                waiting: backlog.map_or(0, |backlog| backlog.messages),
                oldest: backlog.map(|backlog| backlog.oldest),
                failing: failing.get(name).copied().flatten(),
                ..counted
            };
            (Arc::clone(name), stats)
        });
        let stats = stats.collect();
        let mut inbox = self.shared.lock();
        (inbox.stats, inbox.is_used) = (stats, self.is_used());
    }
}
