//! The messages of one channel: one is sent at a time, not faster than the channel takes; what waits over
//! the rate is merged. Knows no clock and sends nothing.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use crate::{
    channel::{Bucket, Message, Rate, Turn},
    notify::Progress,
    units::Mono,
};

/// What is sent in one try: a message, or several that were merged into one.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) message: Message,
    /// The ids of the router's messages that it says; none: it repeats what was told.
    pub(super) parts: Vec<Arc<str>>,
    pub(super) progress: Progress,
}

/// A merged delivery that was not taken. It is tried again as it was, once all its parts are to be.
#[derive(Debug)]
struct Broken {
    delivery: Delivery,
    back: BTreeMap<Arc<str>, Message>,
}

/// What a channel does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing.
    Rests,
    /// Nothing before that.
    Waits(Mono),
    /// It sends this.
    Sends(Box<Delivery>),
}

#[derive(Debug)]
pub(super) struct Lane {
    rate: Rate,
    bucket: Bucket,
    waiting: VecDeque<Message>,
    broken: Vec<Broken>,
    /// Of single messages that were taken in part.
    progress: HashMap<Arc<str>, Progress>,
    in_hand: bool,
    /// Withdrawn while it was being sent.
    gone: Vec<Arc<str>>,
}

impl Lane {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            bucket: Bucket::new(rate),
            waiting: VecDeque::new(),
            broken: Vec::new(),
            progress: HashMap::new(),
            in_hand: false,
            gone: Vec::new(),
        }
    }

    /// Goes on at another rate.
    pub(super) fn paced(&mut self, rate: Rate) {
        if self.rate != rate {
            (self.rate, self.bucket) = (rate, Bucket::new(rate));
        }
    }

    /// Whether nothing of it is being sent.
    pub(super) fn is_free(&self) -> bool {
        !self.in_hand
    }

    /// A message is to be sent, or to be tried again.
    pub(super) fn push(&mut self, message: Message) {
        let mut broken = self.broken.iter_mut();
        match broken.find(|broken| broken.delivery.parts.contains(&message.id)) {
            Some(broken) => drop(broken.back.insert(Arc::clone(&message.id), message)),
            None => self.waiting.push_back(message),
        }
    }

    /// A message is not to be sent any longer; what was merged with it is sent without it.
    pub(super) fn withdraw(&mut self, id: &Arc<str>) {
        self.progress.remove(id);
        if self.in_hand {
            self.gone.push(Arc::clone(id));
        }
        self.waiting.retain(|message| message.id != *id);
        let found = self.broken.iter().position(|broken| broken.delivery.parts.contains(id));
        let Some(at) = found else { return };
        let broken = self.broken.remove(at);
        let others = broken.back.into_values().filter(|message| message.id != *id);
        self.waiting.extend(others);
    }

    /// What is sent now, if anything may be.
    pub(super) fn next(&mut self, now: Mono) -> Next {
        if self.in_hand {
            return Next::Rests;
        }
        let is_whole = |broken: &Broken| broken.back.len() == broken.delivery.parts.len();
        if let Some(at) = self.broken.iter().position(is_whole) {
            if let Err(until) = self.bucket.take(now) {
                return Next::Waits(until);
            }
            self.in_hand = true;
            return Next::Sends(Box::new(self.broken.remove(at).delivery));
        }
        let waiting: Vec<&Message> = self.waiting.iter().collect();
        match self.bucket.turn(&waiting, now) {
            Turn::Nothing => Next::Rests,
            Turn::Wait(until) => Next::Waits(until),
            Turn::Send(message, count) => {
                let parts: Vec<_> = self.waiting.drain(..count).map(|message| message.id).collect();
                let progress = self.progress.remove(&message.id).unwrap_or_default();
                self.in_hand = true;
                Next::Sends(Box::new(Delivery { message: *message, parts, progress }))
            }
        }
    }

    /// Sends something that is no message of the router, when nothing else is being sent.
    pub(super) fn extra(&mut self, message: Message, now: Mono) -> Option<Delivery> {
        if self.in_hand || self.bucket.take(now).is_err() {
            return None;
        }
        self.in_hand = true;
        Some(Delivery { message, parts: Vec::new(), progress: Progress::default() })
    }

    /// A try has ended; `again`: it may go better later.
    pub(super) fn ended(&mut self, delivery: Delivery, again: bool) {
        self.in_hand = false;
        let gone = std::mem::take(&mut self.gone);
        let again = again && !delivery.parts.iter().any(|id| gone.contains(id));
        match delivery.parts.as_slice() {
            [] => {}
            [_] if again => {
                self.progress.insert(Arc::clone(&delivery.message.id), delivery.progress);
            }
            _ if again => self.broken.push(Broken { delivery, back: BTreeMap::new() }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{channel::MessageKind, language::Language, model::Severity, units::WallMs};

    fn message(id: &str) -> Message {
        Message {
            language: Language::English,
            id: id.into(),
            kind: MessageKind::Firing,
            severity: Severity::Warning,
            title: id.to_owned(),
            at: WallMs(1),
            items: Vec::new(),
            more: 0,
            link: None,
        }
    }

    fn sent(lane: &mut Lane, now: Mono) -> Delivery {
        match lane.next(now) {
            Next::Sends(delivery) => *delivery,
            other => panic!("{other:?}"),
        }
    }

    fn lane() -> Lane {
        Lane::new(Rate { count: 1, per: Duration::from_secs(60) })
    }

    #[test]
    fn what_was_merged_stays_one_delivery_until_it_is_taken() {
        let (mut lane, mut now) = (lane(), Mono(Duration::from_secs(1)));
        ["a", "b", "c"].into_iter().for_each(|id| lane.push(message(id)));
        let merged = sent(&mut lane, now);
        assert_eq!(merged.parts, ["a", "b", "c"].map(Arc::<str>::from));
        let id = Arc::clone(&merged.message.id);
        assert!(matches!(lane.next(now), Next::Rests), "one at a time");
        lane.ended(merged, true);
        now = now.plus(Duration::from_secs(60));
        // Not before all of it is to be tried again, and then as it was.
        ["a", "c"].into_iter().for_each(|id| lane.push(message(id)));
        assert!(matches!(lane.next(now), Next::Rests));
        lane.push(message("b"));
        let again = sent(&mut lane, now);
        assert_eq!((&again.message.id, again.parts.len()), (&id, 3));
        lane.ended(again, false);
        assert!(matches!(lane.next(now.plus(Duration::from_secs(60))), Next::Rests));
    }

    #[test]
    fn what_is_withdrawn_is_not_sent_and_costs_the_others_nothing() {
        let (mut lane, now) = (lane(), Mono(Duration::from_secs(1)));
        ["a", "b"].into_iter().for_each(|id| lane.push(message(id)));
        let merged = sent(&mut lane, now);
        lane.ended(merged, true);
        lane.push(message("a"));
        lane.withdraw(&"b".into());
        let later = now.plus(Duration::from_secs(60));
        assert_eq!(sent(&mut lane, later).parts, ["a".into()]);
    }

    #[test]
    fn what_is_withdrawn_while_it_is_sent_holds_up_nothing_either() {
        let (mut lane, now) = (lane(), Mono(Duration::from_secs(1)));
        ["a", "b"].into_iter().for_each(|id| lane.push(message(id)));
        let merged = sent(&mut lane, now);
        lane.withdraw(&"b".into());
        lane.ended(merged, true);
        lane.push(message("a"));
        let later = now.plus(Duration::from_secs(60));
        assert_eq!(sent(&mut lane, later).parts, ["a".into()]);
    }

    #[test]
    fn more_than_the_rate_waits() {
        let (mut lane, now) = (lane(), Mono(Duration::from_secs(1)));
        lane.push(message("a"));
        let first = sent(&mut lane, now);
        lane.ended(first, false);
        lane.push(message("b"));
        assert!(matches!(lane.next(now), Next::Waits(until) if until > now));
        assert!(lane.extra(message("refresh"), now).is_none());
    }
}
