//! Which notice is told next: in order per subject (a host, an alarm), none behind another one's, an end
//! only where its begin was told. Pure: no clock, no I/O, nothing that waits.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
};

use crate::{
    model::{HostId, Notice, NoticeKind, NoticeState},
    units::{Mono, Now, WallMs},
};

/// A notice that waits for its turn.
#[derive(Debug, Clone)]
struct Waiting {
    notice: Arc<Notice>,
    /// Not tried before.
    due: Mono,
    /// When it was last tried, as the number of that try; 0: never.
    turn: u64,
}

/// Where in its lane a notice comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It happened after those that are there.
    Back,
    /// It happened before them.
    Front,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Tell this one.
    Tell(Arc<Notice>),
    /// Not tell this one: it ends what was not told.
    Fold(Arc<Notice>),
    /// Find out whether the last that was told of this subject, of this host, began something.
    Ask(HostId, Arc<str>),
    /// Nothing before this moment; none: before another notice comes.
    Wait(Option<Mono>),
}

/// Notices that wait, a lane per subject, each in the order in which they were made.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: BTreeMap<Arc<str>, VecDeque<Waiting>>,
    /// Whether what was last told of a subject began something, as far as that is known. What is over is
    /// forgotten where there is much of it: the store knows.
    begun: BTreeMap<Arc<str>, bool>,
    /// Subjects of which something was told since the start; none once nobody asks for it any longer.
    told: Option<HashSet<Arc<str>>>,
    /// Ids of those that ended lately, so that one which comes again is known; the oldest first.
    ended: VecDeque<Arc<str>>,
    known: HashSet<Arc<str>>,
    waiting: usize,
    limit: usize,
    turn: u64,
}

impl Lanes {
    /// Lanes for so many notices together.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            lanes: BTreeMap::new(),
            begun: BTreeMap::new(),
            told: Some(HashSet::new()),
            ended: VecDeque::new(),
            known: HashSet::new(),
            waiting: 0,
            limit: limit.max(1),
            turn: 0,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// When the oldest of those that wait was made.
    pub(super) fn oldest(&self) -> Option<WallMs> {
        self.heads().map(|(_, head)| head.notice.created).min()
    }

    fn heads(&self) -> impl Iterator<Item = (&Arc<str>, &Waiting)> {
        self.lanes.iter().filter_map(|(subject, lane)| lane.front().map(|head| (subject, head)))
    }

    /// Takes a notice in behind those of its subject, or before them, unless it is there or was lately.
    /// Answers the oldest one, which is in the way when there are too many.
    pub(super) fn add(&mut self, notice: &Arc<Notice>, due: Mono, end: End) -> Option<Arc<Notice>> {
        if !self.known.insert(Arc::clone(&notice.id)) {
            return None;
        }
        if notice.state != NoticeState::Pending {
            self.remember_ended(notice);
            return None;
        }
        let lane = self.lanes.entry(notice.subject().into()).or_default();
        let waiting = Waiting { notice: Arc::clone(notice), due, turn: 0 };
        // Not by when they were made: a clock may have been set back between two.
        match end {
            End::Back => lane.push_back(waiting),
            End::Front => lane.push_front(waiting),
        }
        self.waiting += 1;
        if self.waiting <= self.limit {
            return None;
        }
        let oldest = self.heads().min_by_key(|(_, head)| head.notice.created);
        oldest.map(|(_, head)| Arc::clone(&head.notice))
    }

    /// What is to be done now. Those that were not tried yet come first, oldest first; then the one
    /// that was tried longest ago.
    pub(super) fn next(&self, now: Mono) -> Next {
        let due = self.heads().filter(|(_, head)| head.due <= now);
        let first = due.min_by_key(|(_, head)| (head.turn, head.notice.created));
        let Some((subject, head)) = first else {
            return Next::Wait(self.heads().map(|(_, head)| head.due).min());
        };
        match (head.notice.kind, self.begun.get(subject)) {
            (NoticeKind::Ends, None) => Next::Ask(head.notice.host, Arc::clone(subject)),
            (NoticeKind::Ends, Some(false)) => Next::Fold(Arc::clone(&head.notice)),
            (NoticeKind::Ends | NoticeKind::Begins | NoticeKind::Says, _) => {
                Next::Tell(Arc::clone(&head.notice))
            }
        }
    }

    /// Notes what was last told of a subject.
    pub(super) fn learn(&mut self, subject: &str, last: Option<NoticeKind>) {
        self.begun.insert(subject.into(), last == Some(NoticeKind::Begins));
        if self.begun.len() > self.limit {
            self.begun.retain(|_, begun| *begun);
        }
    }

    /// The first of a subject waits until then.
    pub(super) fn hold(&mut self, subject: &str, until: Mono) {
        if let Some(head) = self.lanes.get_mut(subject).and_then(VecDeque::front_mut) {
            head.due = until;
        }
    }

    /// A try failed: the row as it is now, and when it is tried again.
    pub(super) fn failed(&mut self, notice: &Arc<Notice>, due: Mono) {
        self.turn += 1;
        let turn = self.turn;
        let lane = self.lanes.get_mut(notice.subject());
        let found = lane.and_then(|lane| lane.iter_mut().find(|w| w.notice.id == notice.id));
        if let Some(waiting) = found {
            *waiting = Waiting { notice: Arc::clone(notice), due, turn };
        }
    }

    /// It waits no longer.
    pub(super) fn ended(&mut self, notice: &Notice) {
        let Some(lane) = self.lanes.get_mut(notice.subject()) else { return };
        let before = lane.len();
        lane.retain(|waiting| waiting.notice.id != notice.id);
        if lane.len() == before {
            return;
        }
        self.waiting -= 1;
        if lane.is_empty() {
            self.lanes.remove(notice.subject());
        }
        if let Some(told) = &mut self.told
            && notice.state == NoticeState::Delivered
        {
            told.insert(notice.subject().into());
        }
        self.remember_ended(notice);
    }

    /// Whether it comes too late: something that happened after it was told since the start.
    pub(super) fn overtook(&self, notice: &Notice) -> bool {
        let was_told = self.told.as_ref().is_some_and(|told| told.contains(notice.subject()));
        was_told && !self.known.contains(&notice.id)
    }

    /// All that waits from before is here: nothing comes any longer that was overtaken.
    pub(super) fn is_whole(&mut self) {
        self.told = None;
    }

    fn remember_ended(&mut self, notice: &Notice) {
        if notice.state == NoticeState::Delivered {
            self.learn(notice.subject(), Some(notice.kind));
        }
        self.ended.push_back(Arc::clone(&notice.id));
        if self.ended.len() > self.limit
            && let Some(oldest) = self.ended.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Those that were made before this moment.
    pub(super) fn made_before(&self, moment: WallMs) -> Vec<Arc<Notice>> {
        let all = self.lanes.values().flatten().map(|waiting| &waiting.notice);
        all.filter(|notice| notice.created < moment).cloned().collect()
    }
}

/// When a notice that was kept may be tried: as its row says, but never later than after `most`, for
/// the wall clock may have been set back since.
pub(super) fn due(notice: &Notice, now: Now, most: std::time::Duration) -> Mono {
    now.mono.plus(notice.next_try.since(now.wall).min(most))
}

#[cfg(test)]
mod tests;
