//! What waits to be written: bounded, and what gives way when it is full.
//!
//! Knows no time, no store and no tasks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    model::{
        Alarm, AlarmEvent, AlarmKey, Annotation, AuditEntry, Delivery, HostId, Loss, LossReason,
        Notice, Record, Rollup, Transition,
    },
    store::{Batch, FactsSeen, loss::Tally},
    units::WallMs,
};

/// One row on its way to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum QueuedRow {
    /// A poll.
    Poll(Arc<Record>),
    /// What a poll, if it was one, changed about alarms: written together with it.
    Judged(Option<Arc<Record>>, Box<Judged>),
    /// A change of state, and what is to be told of it: they are written together.
    Transition(Transition, Option<Arc<Notice>>),
    /// What an answer said of its machine; newer ones take the place of older ones that wait.
    Facts(Box<FactsSeen>),
    /// An hour in short.
    Rollup(Arc<Rollup>),
    /// How far a notice has come.
    Notice(Arc<Notice>),
    /// What became of a message.
    Delivery(Arc<Delivery>),
    /// An annotation, or that it was removed.
    Annotation(Arc<Annotation>),
    /// What somebody asked to be changed.
    Audit(Arc<AuditEntry>),
}

/// What was found about alarms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// The alarms that are otherwise than they were.
    pub alarms: Vec<Alarm>,
    /// How they changed, where somebody may want to know.
    pub events: Vec<AlarmEvent>,
    /// What is to be told of it.
    pub notices: Vec<Arc<Notice>>,
}

impl Judged {
    fn len(&self) -> usize {
        self.alarms.len() + self.events.len() + self.notices.len()
    }

    fn append(&mut self, mut later: Self) {
        self.alarms.append(&mut later.alarms);
        self.events.append(&mut later.events);
        self.notices.append(&mut later.notices);
    }
}

/// Rows that wait, oldest first, at most `limit`.
#[derive(Debug)]
pub(super) struct Queue {
    /// Each with its number in the order of coming, and what it changed about alarms.
    polls: VecDeque<(u64, Arc<Record>, Option<Box<Judged>>)>,
    /// What was found about alarms by no poll, or by polls that gave way: it leaves in its turn, for what
    /// came later counts.
    judged: BTreeMap<u64, Box<Judged>>,
    came: u64,
    /// Rows about alarms, with polls and without.
    judgements: usize,
    transitions: VecDeque<(Transition, Option<Arc<Notice>>)>,
    notices: VecDeque<Arc<Notice>>,
    deliveries: VecDeque<Arc<Delivery>>,
    annotations: VecDeque<Arc<Annotation>>,
    audit: VecDeque<Arc<AuditEntry>>,
    facts: BTreeMap<HostId, FactsSeen>,
    /// What was lost and is not written down yet; not part of what is limited.
    lost: Tally,
    /// Losses that somebody else added up.
    losses: Vec<Loss>,
    rollups: VecDeque<Arc<Rollup>>,
    limit: usize,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            polls: VecDeque::new(),
            judged: BTreeMap::new(),
            came: 0,
            judgements: 0,
            transitions: VecDeque::new(),
            notices: VecDeque::new(),
            deliveries: VecDeque::new(),
            annotations: VecDeque::new(),
            audit: VecDeque::new(),
            facts: BTreeMap::new(),
            lost: Tally::default(),
            losses: Vec::new(),
            rollups: VecDeque::new(),
            limit,
        }
    }

    pub(super) fn len(&self) -> usize {
        let told = self.transitions.len() + self.notices.len() + self.judgements;
        let told = told + self.deliveries.len() + self.annotations.len() + self.audit.len();
        self.polls.len() + told + self.facts.len() + self.rollups.len()
    }

    /// Whether there is anything to write, be it only what was lost.
    pub(super) fn has_work(&self) -> bool {
        self.len() + self.lost.len() + self.losses.len() > 0
    }

    /// Notes that a poll was lost.
    pub(super) fn lose(&mut self, host: HostId, slot: WallMs, reason: LossReason) {
        self.lost.add(host, slot, reason);
    }

    /// Takes a loss in as it is.
    pub(super) fn note(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Gives up all that waits: its polls are lost. Answers how many rows it was.
    pub(super) fn give_up(&mut self, reason: LossReason) -> usize {
        let rows = self.len();
        for (_, record, _) in std::mem::take(&mut self.polls) {
            self.lose(record.host, record.slot, reason);
        }
        self.judged.clear();
        self.judgements = 0;
        self.transitions.clear();
        self.notices.clear();
        self.deliveries.clear();
        self.annotations.clear();
        self.audit.clear();
        self.facts.clear();
        self.rollups.clear();
        rows
    }

    /// Takes a row in. When there is no room the oldest poll gives way, or else facts, or else the
    /// oldest hour in short, which says what polls that are lost said, or else what became of a message,
    /// or else how far a notice has come, without which it is told twice, or else what somebody asked for,
    /// or else what was found about alarms, or else the oldest transition, and last what people said: a gap
    /// in the history is better than a wrong story of what
    /// happened. Returns the number of rows that were lost.
    pub(super) fn push(&mut self, entry: QueuedRow) -> u64 {
        self.came += 1;
        let came = self.came;
        match entry {
            QueuedRow::Poll(record) => self.polls.push_back((came, record, None)),
            QueuedRow::Judged(poll, judged) => {
                self.judgements += judged.len();
                match poll {
                    Some(record) => self.polls.push_back((came, record, Some(judged))),
                    None => drop(self.judged.insert(came, judged)),
                }
            }
            QueuedRow::Transition(moved, notice) => self.transitions.push_back((moved, notice)),
            QueuedRow::Notice(notice) => self.notices.push_back(notice),
            QueuedRow::Delivery(delivery) => self.deliveries.push_back(delivery),
            QueuedRow::Annotation(annotation) => self.annotations.push_back(annotation),
            QueuedRow::Audit(entry) => self.audit.push_back(entry),
            QueuedRow::Facts(seen) => self.learn(*seen),
            QueuedRow::Rollup(rollup) => self.rollups.push_back(rollup),
        }
        let mut lost = 0;
        while self.len() > self.limit {
            let oldest = self.polls.pop_front();
            let is_poll = oldest.is_some();
            if let Some((came, record, judged)) = oldest {
                self.lost.add(record.host, record.slot, LossReason::QueueFull);
                self.judged.extend(judged.map(|judged| (came, judged)));
            }
            let is_one = is_poll
                || self.facts.pop_first().is_some()
                || self.rollups.pop_front().is_some()
                || self.deliveries.pop_front().is_some()
                || self.notices.pop_front().is_some()
                || self.audit.pop_front().is_some();
            let gone = match is_one {
                true => 1,
                false => self.forget_judged(),
            };
            lost += match gone {
                0 if self.transitions.pop_front().is_some() => 1,
                0 if self.annotations.pop_front().is_some() => 1,
                0 => break,
                some => u64::try_from(some).unwrap_or(u64::MAX),
            };
        }
        lost
    }

    /// Gives up the oldest that was found about alarms; how many rows that was.
    fn forget_judged(&mut self) -> usize {
        let rows = self.judged.pop_first().map_or(0, |(_, judged)| judged.len());
        self.judgements -= rows;
        rows
    }

    fn learn(&mut self, mut seen: FactsSeen) {
        if let Some(older) = self.facts.remove(&seen.host) {
            // As the store does: an answer without machine_id does not undo the pin.
            seen.facts.machine_id = seen.facts.machine_id.or(older.facts.machine_id);
        }
        self.facts.insert(seen.host, seen);
    }

    /// The next rows to write, at most `rows`: transitions, facts and hours, which are few, then
    /// polls. What was lost comes with them, as noted `now`.
    pub(super) fn take(&mut self, rows: usize, now: impl FnOnce() -> WallMs) -> Batch {
        let moved = self.transitions.drain(..rows.min(self.transitions.len()));
        let (transitions, notices): (Vec<_>, Vec<_>) = moved.unzip();
        let mut notices: Vec<_> = notices.into_iter().flatten().collect();
        let mut room = rows - transitions.len();
        notices.extend(self.notices.drain(..room.min(self.notices.len())));
        room = rows.saturating_sub(transitions.len() + notices.len());
        let deliveries: Vec<_> = self.deliveries.drain(..room.min(self.deliveries.len())).collect();
        room -= deliveries.len();
        let some = room.min(self.annotations.len());
        let annotations: Vec<_> = self.annotations.drain(..some).collect();
        room -= annotations.len();
        let audit: Vec<_> = self.audit.drain(..room.min(self.audit.len())).collect();
        room -= audit.len();
        let mut facts = Vec::new();
        while room > 0
            && let Some((_, seen)) = self.facts.pop_first()
        {
            facts.push(seen);
            room -= 1;
        }
        let rollups: Vec<_> = self.rollups.drain(..room.min(self.rollups.len())).collect();
        room -= rollups.len();
        let (mut found, mut polls) = (Judged::default(), Vec::new());
        while room > 0 {
            let alone = self.judged.first_key_value().map(|(came, _)| *came);
            let poll = self.polls.front().map(|(came, ..)| *came);
            let judged = match (alone, poll) {
                (None, None) => break,
                (Some(alone), poll) if poll.is_none_or(|poll| alone < poll) => {
                    self.judged.pop_first().map(|(_, judged)| judged)
                }
                _ => self.polls.pop_front().and_then(|(_, record, judged)| {
                    polls.push(record);
                    room -= 1;
                    judged
                }),
            };
            if let Some(judged) = judged {
                room = room.saturating_sub(judged.len());
                found.append(*judged);
            }
        }
        self.judgements -= found.len();
        notices.append(&mut found.notices);
        let (alarms, alarm_events) = (newest(found.alarms), found.events);
        let mut losses = std::mem::take(&mut self.losses);
        if self.lost.len() > 0 {
            losses.extend(self.lost.take(now()));
        }
        Batch {
            polls,
            transitions,
            facts,
            losses,
            rollups,
            notices,
            alarms,
            alarm_events,
            deliveries,
            annotations,
            audit,
        }
    }

    /// What is to be told of the changes of state that wait, and the changes of alarms that do.
    pub(super) fn to_tell(&self) -> (Vec<Arc<Notice>>, Vec<AlarmEvent>) {
        let of_polls =
            self.polls.iter().filter_map(|(came, _, judged)| Some((*came, judged.as_ref()?)));
        let alone = self.judged.iter().map(|(came, judged)| (*came, judged));
        let mut all: Vec<_> = alone.chain(of_polls).collect();
        all.sort_unstable_by_key(|(came, _)| *came);
        let notices = all.iter().flat_map(|(_, judged)| &judged.notices);
        let of_moves = self.transitions.iter().filter_map(|(_, notice)| notice.as_ref());
        let events = all.iter().flat_map(|(_, judged)| &judged.events);
        (of_moves.chain(notices).cloned().collect(), events.cloned().collect())
    }
}

/// Of each alarm how it was last.
fn newest(alarms: Vec<Alarm>) -> Vec<Alarm> {
    if alarms.len() < 2 {
        return alarms;
    }
    let all: BTreeMap<AlarmKey, Alarm> =
        alarms.into_iter().map(|alarm| (alarm.key.clone(), alarm)).collect();
    all.into_values().collect()
}

/// Two halves of a batch, in order; the first is not empty.
pub(super) fn halve(batch: Batch) -> (Batch, Batch) {
    let mut room = batch.len().div_ceil(2);
    let mut cut = |length: usize| {
        let kept = room.min(length);
        room -= kept;
        kept
    };
    let mut first = batch;
    // Notices first: told without its event is better than an event that nobody is told of.
    let later = Batch {
        notices: first.notices.split_off(cut(first.notices.len())),
        alarms: first.alarms.split_off(cut(first.alarms.len())),
        alarm_events: first.alarm_events.split_off(cut(first.alarm_events.len())),
        deliveries: first.deliveries.split_off(cut(first.deliveries.len())),
        annotations: first.annotations.split_off(cut(first.annotations.len())),
        audit: first.audit.split_off(cut(first.audit.len())),
        transitions: first.transitions.split_off(cut(first.transitions.len())),
        facts: first.facts.split_off(cut(first.facts.len())),
        losses: first.losses.split_off(cut(first.losses.len())),
        rollups: first.rollups.split_off(cut(first.rollups.len())),
        polls: first.polls.split_off(cut(first.polls.len())),
    };
    (first, later)
}

/// One batch of several, in their order.
pub(super) fn join(parts: impl IntoIterator<Item = Batch>) -> Batch {
    parts.into_iter().fold(Batch::default(), |mut all, part| {
        all.polls.extend(part.polls);
        all.transitions.extend(part.transitions);
        all.facts.extend(part.facts);
        all.losses.extend(part.losses);
        all.rollups.extend(part.rollups);
        all.notices.extend(part.notices);
        all.alarms.extend(part.alarms);
        all.alarm_events.extend(part.alarm_events);
        all.deliveries.extend(part.deliveries);
        all.annotations.extend(part.annotations);
        all.audit.extend(part.audit);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallMs = WallMs(99);

    fn now() -> WallMs {
        NOW
    }
    use crate::{
        model::{AlarmState, Facts, State},
        store::sample,
        units::WallMs,
    };

    fn poll(slot: i64) -> QueuedRow {
        let name = sample::name("a");
        QueuedRow::Poll(Arc::new(sample::failed(HostId(1), &name, WallMs(slot), "x")))
    }

    fn transition(at: i64) -> QueuedRow {
        let name = sample::name("a");
        QueuedRow::Transition(
            sample::transition(HostId(1), &name, WallMs(at), State::Up, State::Suspect),
            None,
        )
    }

    fn facts(host: i64, machine: Option<&str>, seen: i64) -> QueuedRow {
        QueuedRow::Facts(Box::new(FactsSeen {
            host: HostId(host),
            facts: Facts { machine_id: machine.map(Into::into), ..Facts::default() },
            seen: WallMs(seen),
        }))
    }

    fn slots(batch: &Batch) -> Vec<i64> {
        batch.polls.iter().map(|p| p.slot.0).collect()
    }

    #[test]
    fn the_oldest_polls_give_way_first_and_transitions_last() {
        let mut queue = Queue::new(3);
        let lost: Vec<u64> = [poll(1), transition(1), poll(2), poll(3), facts(1, None, 1)]
            .into_iter()
            .map(|entry| queue.push(entry))
            .collect();
        assert_eq!(lost, [0, 0, 0, 1, 1]);
        assert_eq!(queue.push(transition(2)), 1); // poll 3
        assert_eq!(queue.push(poll(4)), 1); // itself: it is the oldest poll
        assert_eq!(queue.push(transition(3)), 1); // the facts
        assert_eq!(queue.push(transition(4)), 1); // transition 1
        let batch = queue.take(10, now);
        assert!(batch.polls.is_empty() && batch.facts.is_empty());
        let [loss] = batch.losses.as_slice() else { panic!("{batch:?}") };
        assert_eq!((loss.from, loss.to, loss.noted_at), (WallMs(1), WallMs(4), NOW));
        assert_eq!((loss.hosts, loss.polls, loss.reason), (1, 4, LossReason::QueueFull));
        assert!(!queue.has_work());
        assert_eq!(batch.transitions.iter().map(|t| t.at.0).collect::<Vec<_>>(), [2, 3, 4]);
    }

    fn judged(slot: i64, state: AlarmState, poll: Option<i64>) -> QueuedRow {
        let alarm = sample::alarm(HostId(1), state, WallMs(slot));
        let events = vec![sample::alarm_event(&alarm, AlarmState::Ok)];
        let judged = Judged { alarms: vec![alarm], events, ..Judged::default() };
        let name = sample::name("a");
        let poll = poll.map(|slot| sample::failed(HostId(1), &name, WallMs(slot), "x").into());
        QueuedRow::Judged(poll, judged.into())
    }

    fn changes(batch: &Batch) -> Vec<i64> {
        batch.alarm_events.iter().map(|event| event.slot.0).collect()
    }

    #[test]
    fn what_a_poll_changed_about_alarms_leaves_with_it() {
        let mut queue = Queue::new(100);
        let (pending, firing) = (AlarmState::Pending, AlarmState::Firing);
        for entry in [
            poll(1),
            judged(2, pending, Some(2)),
            judged(3, firing, Some(3)),
            judged(9, AlarmState::Ok, None),
            poll(4),
        ] {
            assert_eq!(queue.push(entry), 0);
        }
        assert_eq!(queue.len(), 10);
        let first = queue.take(4, now);
        assert_eq!((changes(&first), slots(&first)), (vec![2], vec![1, 2]));
        // What no poll is of in its turn: it ends what a poll before it began.
        let rest = queue.take(50, now);
        assert_eq!((changes(&rest), slots(&rest)), (vec![3, 9], vec![3, 4]));
        assert_eq!(rest.alarms, [sample::alarm(HostId(1), AlarmState::Ok, WallMs(9))]);
        assert_eq!((queue.len(), queue.has_work()), (0, false));
        // Of an alarm that is there twice the later counts.
        queue.push(judged(2, pending, Some(2)));
        queue.push(judged(3, firing, Some(3)));
        let both = queue.take(50, now);
        assert_eq!(both.alarms, [sample::alarm(HostId(1), firing, WallMs(3))]);
        assert_eq!(changes(&both), [2, 3]);
    }

    #[test]
    fn a_poll_that_gives_way_leaves_what_it_changed_about_alarms() {
        let mut queue = Queue::new(4);
        let firing = AlarmState::Firing;
        assert_eq!(queue.push(judged(1, firing, Some(1))), 0);
        assert_eq!(queue.push(judged(2, firing, Some(2))), 2, "both polls");
        assert_eq!(queue.push(transition(5)), 2, "the older judgement is one loss");
        let batch = queue.take(50, now);
        assert_eq!((slots(&batch), changes(&batch)), (vec![], vec![2]));
        assert_eq!((batch.transitions.len(), batch.losses[0].polls), (1, 2));
    }

    #[test]
    fn newer_facts_take_the_place_of_older_ones_and_keep_the_pin() {
        let mut queue = Queue::new(10);
        for entry in [facts(1, Some("m"), 1), facts(2, None, 1), facts(1, None, 2)] {
            assert_eq!(queue.push(entry), 0);
        }
        let batch = queue.take(10, now);
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.facts[0].seen, WallMs(2));
        assert_eq!(batch.facts[0].facts.machine_id.as_deref(), Some("m"));
    }

    #[test]
    fn batches_leave_in_order() {
        let mut queue = Queue::new(10);
        for entry in [poll(1), poll(2), transition(1), poll(3), facts(1, None, 1)] {
            queue.push(entry);
        }
        let first = queue.take(3, now);
        assert_eq!((first.transitions.len(), first.facts.len(), slots(&first)), (1, 1, vec![1]));
        assert_eq!(slots(&queue.take(3, now)), [2, 3]);
        assert!(queue.take(3, now).is_empty());
    }

    #[test]
    fn halving_loses_nothing_and_ends() {
        let mut queue = Queue::new(10);
        for entry in [poll(1), poll(2), poll(3), transition(1), facts(1, None, 1)] {
            queue.push(entry);
        }
        let (first, second) = halve(queue.take(10, now));
        assert_eq!((first.len(), slots(&first)), (3, vec![1]));
        assert_eq!((second.len(), slots(&second)), (2, vec![2, 3]));
        let (one, other) = halve(second);
        assert_eq!((slots(&one), slots(&other)), (vec![2], vec![3]));
    }
}
