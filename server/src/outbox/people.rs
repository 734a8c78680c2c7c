//! What people say of alarms: silences and acknowledgements, on the disk before they are answered.
//!
//! They hold without channels too: as long as there is one of them, alarms are followed.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;

use super::{Outbox, OutboxWorker, Shared};
use crate::{
    live::Alarming,
    model::{AlarmKey, HostId},
    route::{Ack, Input, Silence, SilenceError},
    text::base36,
    units::{Now, WallMs},
};

/// Most orders of people that wait for the router; further ones are refused.
pub const MAX_ORDERS: usize = 64;

/// What people said of alarms, and holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct People {
    /// The silences.
    pub silences: Vec<Silence>,
    /// The acknowledgements, by their alarms.
    pub acks: BTreeMap<AlarmKey, Ack>,
}

/// Why what somebody said of alarms does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// The silence cannot be taken.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// No silence has this id.
    #[error("no silence is called {0:?}: it is over, or never was; /api/v1/silences lists them")]
    UnknownSilence(Arc<str>),
    /// No such alarm fires.
    #[error("no alarm of rule {:?} fires on {}{}", .key.rule, of_row(.key), others(.rows))]
    NotFiring {
        /// Which was meant.
        key: AlarmKey,
        /// The rows of the host of which one of this rule does.
        rows: Vec<Arc<str>>,
    },
    /// It holds, but a restart would forget it.
    #[error(
        "it holds now, but is not on the disk: a restart forgets it; the log says what is wrong with the spool"
    )]
    NotKept,
    /// Too many wait, or the server is stopping.
    #[error("the server is busy or stopping: try again")]
    Busy,
}

fn of_row(key: &AlarmKey) -> String {
    match &*key.row {
        "" => "this host as a whole".to_owned(),
        row => format!("row {row:?} of this host"),
    }
}

/// How many rows an error names.
const ROWS_NAMED: usize = 5;

fn others(rows: &[Arc<str>]) -> String {
    let named: Vec<String> = rows.iter().take(ROWS_NAMED).map(|row| format!("{row:?}")).collect();
    match rows.len() {
        0 => String::new(),
        all if all > ROWS_NAMED => format!("; of its rows {} and others do", named.join(", ")),
        _ => format!("; of its rows {} do", named.join(", ")),
    }
}

/// What somebody wants.
pub(super) enum Order {
    Silence(Silence),
    EndSilence(Arc<str>),
    Ack { key: AlarmKey, who: Arc<str>, note: Arc<str> },
    EndAck(AlarmKey),
}

/// Who waits for what came of an order.
pub(super) type Answer = oneshot::Sender<Result<(), PeopleError>>;

impl Outbox {
    /// Waits until what people said before the start is known.
    pub async fn read(&self) {
        // It is there for as long as this.
        let _ = self.shared.is_read.subscribe().wait_for(|is_read| *is_read).await;
    }

    /// What people said of alarms, and holds, as far as that is known. Never waits.
    #[must_use]
    pub fn people(&self) -> Arc<People> {
        Arc::clone(&self.shared.lock().people)
    }

    /// Takes a silence, under an id of its own in place of what it has. Answers once it is on the disk, and
    /// with it as it holds.
    ///
    /// # Errors
    /// [`PeopleError`]; after [`PeopleError::NotKept`] it holds.
    pub async fn silence(&self, silence: Silence, now: WallMs) -> Result<Silence, PeopleError> {
        let silence = Silence { id: self.shared.new_id(now), ..silence };
        self.order(Order::Silence(silence.clone())).await?;
        Ok(silence)
    }

    /// Ends a silence.
    ///
    /// # Errors
    /// [`PeopleError`]; after [`PeopleError::NotKept`] it is over.
    pub async fn end_silence(&self, id: &str) -> Result<(), PeopleError> {
        self.order(Order::EndSilence(id.into())).await
    }

    /// Notes that somebody has seen an alarm that fires.
    ///
    /// # Errors
    /// [`PeopleError`]; after [`PeopleError::NotKept`] it holds.
    pub async fn ack(&self, key: AlarmKey, who: &str, note: &str) -> Result<(), PeopleError> {
        self.order(Order::Ack { key, who: who.into(), note: note.into() }).await
    }

    /// Takes an acknowledgement back; of an alarm that has none this changes nothing.
    ///
    /// # Errors
    /// [`PeopleError`]; after [`PeopleError::NotKept`] it is over.
    pub async fn end_ack(&self, key: AlarmKey) -> Result<(), PeopleError> {
        self.order(Order::EndAck(key)).await
    }

    async fn order(&self, order: Order) -> Result<(), PeopleError> {
        let (answer, told) = oneshot::channel();
        {
            let mut inbox = self.shared.lock();
            if inbox.is_ended || inbox.orders.len() >= MAX_ORDERS {
                return Err(PeopleError::Busy);
            }
            inbox.orders.push((order, answer));
        }
        self.shared.wake.notify_one();
        told.await.unwrap_or(Err(PeopleError::Busy))
    }
}

impl Shared {
    /// An id: seconds since 1970 in letters and digits, so that it is short and none comes twice, also where
    /// nothing is kept.
    fn new_id(&self, now: WallMs) -> Arc<str> {
        let mut inbox = self.lock();
        loop {
            inbox.last_id = (now.0 / 1000).max(inbox.last_id + 1);
            let id: Arc<str> = base36(inbox.last_id).into();
            // After a clock that was set back: one that still holds may have it.
            if inbox.people.silences.iter().all(|silence| silence.id != id) {
                return id;
            }
        }
    }

    /// Nobody answers from now on.
    pub(super) fn end(&self) {
        let mut inbox = self.lock();
        inbox.is_ended = true;
        inbox.orders.clear();
        inbox.asked.clear();
    }
}

impl OutboxWorker {
    /// Does what people want. They are answered once it is on the disk.
    pub(super) fn obey(&mut self, orders: Vec<(Order, Answer)>, now: Now) {
        for (order, answer) in orders {
            let was_used = self.is_used();
            let done = self.obey_one(order, now);
            // Of the other alarms nothing was heard until now.
            self.compares |= !was_used && self.is_used();
            self.answers.push((answer, done));
        }
    }

    fn obey_one(&mut self, order: Order, now: Now) -> Result<(), PeopleError> {
        match order {
            Order::Silence(silence) => {
                let Silence { id, who, why, until, .. } = silence.clone();
                let outputs = self.router.silence(silence, now.wall)?;
                tracing::info!(id = &*id, who = &*who, why = &*why, until = %until.spoken(), "a silence begins");
                self.carry_out(outputs);
            }
            Order::EndSilence(id) => {
                if self.router.silences().all(|silence| silence.id != id) {
                    return Err(PeopleError::UnknownSilence(id));
                }
                self.feed(Input::EndSilence(id), now);
            }
            Order::Ack { key, who, note } => {
                self.follow(&key, now);
                let outputs = self.router.ack(&key, &who, &note, now.wall);
                let outputs = outputs.ok_or_else(|| self.not_firing(key))?;
                self.carry_out(outputs);
            }
            Order::EndAck(key) => {
                self.follow(&key, now);
                if !self.router.get(&key).is_some_and(|followed| followed.state.is_active()) {
                    return Err(self.not_firing(key));
                }
                self.feed(Input::EndAck(key), now);
            }
        }
        self.people_changed = true;
        Ok(())
    }

    /// Hears of an alarm that is seen to fire, and whose row is on its way, or that nobody was to be told of.
    fn follow(&mut self, key: &AlarmKey, now: Now) {
        if !self.router.get(key).is_some_and(|followed| followed.state.is_active()) {
            let of_host = self.alarms_of(key.host);
            let seen = of_host.iter().find(|of| of.alarm.key == *key && of.alarm.state.is_active());
            self.take_changes(seen.map(|alarming| super::around::begun(alarming, now.wall)), now);
        }
    }

    fn alarms_of(&self, host: HostId) -> Arc<[Alarming]> {
        match host {
            HostId::SERVER => self.parts.live.server().alarms,
            host => {
                self.by_id().get(&host).map(|view| Arc::clone(&view.alarms)).unwrap_or_default()
            }
        }
    }

    fn not_firing(&self, key: AlarmKey) -> PeopleError {
        let of_host = self.alarms_of(key.host);
        let alarms = of_host.iter().map(|of| &of.alarm);
        let same = alarms.filter(|alarm| alarm.key.rule == key.rule && alarm.state.is_active());
        let rows = same.map(|alarm| Arc::clone(&alarm.key.row)).filter(|row| !row.is_empty());
        PeopleError::NotFiring { rows: rows.collect(), key }
    }

    /// Shows what holds now, where that changed.
    pub(super) fn publish_people(&mut self) {
        if std::mem::take(&mut self.people_changed) {
            let acks = self.router.acks().map(|(key, ack)| (key.clone(), ack.clone()));
            let (silences, acks) = (self.router.silences().cloned().collect(), acks.collect());
            self.shared.lock().people = Arc::new(People { silences, acks });
            self.shared.is_read.send_replace(true);
        }
    }

    /// Answers those whose orders were carried out, and are on the disk or cannot be.
    pub(super) fn answer(&mut self) {
        let is_kept = self.unkept.is_empty();
        for (answer, done) in std::mem::take(&mut self.answers) {
            // Whoever gave the order may have gone away.
            let _ = answer.send(done.and(if is_kept { Ok(()) } else { Err(PeopleError::NotKept) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{resolve::HostResolver, route::Matcher};

    fn silence() -> Silence {
        Silence {
            id: "".into(),
            matcher: Matcher::default(),
            until: WallMs(1),
            until_clear: false,
            who: "ann".into(),
            why: "new disks".into(),
        }
    }

    #[test]
    fn ids_are_short_and_none_comes_twice() {
        let outbox = Outbox::new(HostResolver::new(Vec::new()));
        let now = WallMs(1_795_948_800_123);
        let ids = [now, now, now.minus(std::time::Duration::from_secs(60)), WallMs(0)];
        let ids = ids.map(|now| outbox.shared.new_id(now).to_string());
        assert_eq!(ids, ["tp9eyo", "tp9eyp", "tp9eyq", "tp9eyr"]);
        // A server that starts with its clock set back knows those that hold.
        let later = Outbox::new(HostResolver::new(Vec::new()));
        let held = Silence { id: "tp9eyo".into(), ..silence() };
        later.shared.lock().people = Arc::new(People { silences: vec![held], ..People::default() });
        assert_eq!(&*later.shared.new_id(now), "tp9eyp");
    }

    #[tokio::test]
    async fn of_too_many_orders_the_last_are_refused_and_so_are_all_after_the_end() {
        let outbox = Outbox::new(HostResolver::new(Vec::new()));
        let mut waiting = Vec::new();
        for _ in 0..MAX_ORDERS {
            let (answer, told) = oneshot::channel();
            outbox.shared.lock().orders.push((Order::Silence(silence()), answer));
            waiting.push(told);
        }
        // Nobody answers here: one that waited would never end.
        assert_eq!(outbox.silence(silence(), WallMs(0)).await, Err(PeopleError::Busy));
        outbox.shared.end();
        for told in waiting {
            assert!(told.await.is_err());
        }
        assert_eq!(outbox.end_silence("x").await, Err(PeopleError::Busy));
    }
}
