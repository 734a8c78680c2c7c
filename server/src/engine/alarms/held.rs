//! The alarms of every host and of the server itself, as the engine holds them.

use std::{collections::HashMap, sync::Arc, time::Duration, vec};

use crate::{
    alert::{Budget, Judge, Judged, RuleSets, Subject},
    live::Alarming,
    model::{Alarm, AlarmKey, Cause, HostId, HostName},
    units::WallMs,
};

/// The alarms of one host.
#[derive(Debug)]
pub(super) struct OfHost {
    pub(super) judge: Judge,
    /// Why the host is in its state, as far as that was seen since the start.
    pub(super) cause: Option<Cause>,
    /// What was last said of each alarm that is told.
    said: HashMap<AlarmKey, Arc<str>>,
    shown: Arc<[Alarming]>,
}

impl OfHost {
    fn new(host: HostId, alarms: Vec<Alarm>, boot: Option<Arc<str>>) -> Self {
        let judge = Judge::new(host, alarms, boot);
        let mut new = Self { judge, cause: None, said: HashMap::new(), shown: Arc::default() };
        new.look();
        new
    }

    /// Takes note of what a judgement changed.
    pub(super) fn note(&mut self, judged: &Judged) {
        for event in &judged.events {
            match event.to.is_active() {
                true => drop(self.said.insert(event.key.clone(), Arc::clone(&event.summary))),
                false => drop(self.said.remove(&event.key)),
            }
        }
        // Values go on with every poll.
        if !(judged.rows.is_empty() && self.shown.is_empty()) {
            self.look();
        }
    }

    fn look(&mut self) {
        let alarms = self.judge.alarms().into_iter();
        let shown = alarms.map(|alarm| {
            let summary = self.said.get(&alarm.key).cloned();
            Alarming { alarm, summary }
        });
        self.shown = shown.collect();
    }
}

/// All alarms, and what they are judged by.
#[derive(Debug, Default)]
pub(in crate::engine) struct Alarms {
    /// The rules in force; none before the first came. Until then nothing is judged, and nothing ends.
    pub(super) rules: Option<RuleSets>,
    pub(super) hosts: HashMap<HostId, OfHost>,
    /// The server's own alarms from before the start were taken in.
    pub(super) knows_own: bool,
    /// From before the start, of hosts that are not in force yet.
    pub(super) before: HashMap<HostId, Vec<Alarm>>,
    pub(super) budget: Budget,
    /// Alarms that did not begin for want of room, as far as that was said.
    pub(super) refused: u64,
    /// Hosts that the rules in force are to be brought to.
    pub(super) left: vec::IntoIter<HostId>,
    /// How late the latest poll since the last round began.
    pub(super) late: Duration,
    /// Rows lost, as of the last round.
    pub(super) lost: Option<u64>,
}

impl Alarms {
    /// Takes in alarms from before the start, of hosts that are not in force. The server itself is judged
    /// since the first rules came; its own are taken in once. Answers whether it is to be brought under
    /// the rules again.
    pub(in crate::engine) fn restore(&mut self, alarms: Vec<Alarm>) -> bool {
        let is_first = !std::mem::replace(&mut self.knows_own, true);
        let judged = is_first.then(|| self.hosts.remove(&HostId::SERVER)).flatten();
        for alarm in alarms {
            if !self.hosts.contains_key(&alarm.key.host) {
                self.before.entry(alarm.key.host).or_default().push(alarm);
            }
        }
        let Some(judged) = judged else { return false };
        let since = judged.judge.alarms();
        self.budget.alive = self.budget.alive.saturating_sub(since.len());
        let own = self.before.entry(HostId::SERVER).or_default();
        own.retain(|alarm| since.iter().all(|newer| newer.key != alarm.key));
        own.extend(since);
        true
    }

    /// A poll began so late.
    pub(in crate::engine) fn note_lateness(&mut self, late: Duration) {
        self.late = self.late.max(late);
    }

    /// The alarms of a host that are not ok.
    pub(in crate::engine) fn shown(&self, host: HostId) -> Arc<[Alarming]> {
        self.hosts.get(&host).map(|of| Arc::clone(&of.shown)).unwrap_or_default()
    }

    /// Brings the rules in force to a host that is new or otherwise than it was.
    pub(super) fn install(
        &mut self,
        host: HostId,
        subject: &Subject<'_>,
        boot: Option<&Arc<str>>,
        at: WallMs,
    ) -> Judged {
        let (before, budget) = (&mut self.before, &mut self.budget);
        let of = self.hosts.entry(host).or_insert_with(|| {
            let alarms = before.remove(&host).unwrap_or_default();
            budget.alive = budget.alive.saturating_add(alarms.len());
            OfHost::new(host, alarms, boot.cloned())
        });
        let Some(rules) = &mut self.rules else { return Judged::default() };
        let judged = of.judge.install(rules, subject, at, budget);
        of.note(&judged);
        judged
    }

    /// Ends the alarms of a host that is gone.
    pub(super) fn retire(&mut self, host: HostId, name: &HostName, at: WallMs) -> Judged {
        let mut of = match (self.hosts.remove(&host), self.before.remove(&host)) {
            (Some(of), _) => of,
            (None, Some(alarms)) => {
                self.budget.alive = self.budget.alive.saturating_add(alarms.len());
                OfHost::new(host, alarms, None)
            }
            (None, None) => return Judged::default(),
        };
        of.judge.retire(name, at, &mut self.budget)
    }
}
