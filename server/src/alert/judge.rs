//! All rules on one host: what each poll of it changes.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    alarm::Moment,
    condition::Words,
    explain::{Explained, explain},
    memory::Memory,
    names::{Number, Over, ServerCells},
    rule_set::{ListedRule, RuleSet, RuleSets},
    screen::Candidates,
    seen::{Budget, Judged, Poll, Rows, Subject, frame, observe, over},
    tracks::Tracks,
};
use crate::{
    model::{Alarm, AlarmCause, GroupName, HostId, HostName, Outcome, Record, State},
    units::WallMs,
};

/// After so many polls in a row that lie before the one judged last, it is the clock that was set back.
const MAX_BEHIND: u32 = 3;

/// What is known of one host's alarms.
#[derive(Debug)]
pub struct Judge {
    host: HostId,
    rules: Arc<RuleSet>,
    /// Of the rules that have alarms, in their order: most have none, most of the time.
    tracks: Vec<Tracks>,
    memory: Memory,
    /// Alarms from the store that no rules were installed for yet.
    restored: Vec<Alarm>,
    boot: Option<Arc<str>>,
    last: Option<WallMs>,
    behind: u32,
}

impl Judge {
    /// That of a host, or of the server ([`HostId::SERVER`]), with the alarms that the store has of it and
    /// the boot in which it was seen last. The caller counts the alarms in its [`Budget`].
    #[must_use]
    pub fn new(host: HostId, alarms: Vec<Alarm>, boot: Option<Arc<str>>) -> Self {
        let last = alarms.iter().map(|alarm| alarm.slot).max();
        let (rules, tracks, memory) = (Arc::default(), Vec::new(), Memory::default());
        Self { host, rules, tracks, memory, restored: alarms, boot, last, behind: 0 }
    }

    /// Brings rules into force: at the start, and when the rules, the host's group or its labels changed. A
    /// rule that says what it said goes on as it was; alarms of any other end.
    pub fn install(
        &mut self,
        rules: &mut RuleSets,
        subject: &Subject<'_>,
        at: WallMs,
        budget: &mut Budget,
    ) -> Judged {
        let mut judged = Judged::default();
        self.rules = rules.of(self.host, subject);
        self.memory.install(&self.rules);
        let mut before: BTreeMap<Arc<str>, Tracks> =
            self.tracks.drain(..).map(|tracks| (tracks.rule.name.clone(), tracks)).collect();
        let mut restored: BTreeMap<Arc<str>, Vec<Alarm>> = BTreeMap::new();
        for alarm in self.restored.drain(..) {
            restored.entry(alarm.key.rule.clone()).or_default().push(alarm);
        }
        let mut ended: Vec<(Alarm, AlarmCause)> = Vec::new();
        for (number, listed) in self.rules.rules.iter().enumerate() {
            if before.is_empty() && restored.is_empty() {
                break;
            }
            let rule = &listed.rule;
            let mut tracks = match before.remove(&rule.name) {
                Some(known) if known.rule.hash == rule.hash => {
                    known.under(number, Arc::clone(rule))
                }
                other => {
                    let alarms = other.into_iter().flat_map(|known| known.alarms(self.host));
                    ended.extend(alarms.map(|alarm| (alarm, AlarmCause::RuleChanged)));
                    Tracks::new(number, Arc::clone(rule))
                }
            };
            for alarm in restored.remove(&rule.name).into_iter().flatten() {
                match alarm.rule_hash == rule.hash {
                    true => tracks.restore(&alarm),
                    false => ended.push((alarm, AlarmCause::RuleChanged)),
                }
            }
            if !tracks.is_idle() {
                self.tracks.push(tracks);
            }
        }
        let gone = before.into_values().flat_map(|known| known.alarms(self.host));
        let gone = gone.chain(restored.into_values().flatten());
        ended.extend(gone.map(|alarm| (alarm, AlarmCause::RuleRemoved)));
        for (alarm, cause) in ended {
            over(alarm, cause, subject.name.as_str(), at, at, budget, &mut judged);
        }
        judged
    }

    /// Ends all alarms of a host that was taken out of the inventory.
    pub fn retire(&mut self, name: &HostName, at: WallMs, budget: &mut Budget) -> Judged {
        let mut judged = Judged::default();
        let restored = std::mem::take(&mut self.restored);
        let rules = self.tracks.drain(..).flat_map(|tracks| tracks.alarms(self.host));
        for alarm in rules.chain(restored) {
            let cause = AlarmCause::HostRetired;
            over(alarm, cause, name.as_str(), at, at, budget, &mut judged);
        }
        judged
    }

    /// Alarms that are not over.
    #[must_use]
    pub fn alarms(&self) -> Vec<Alarm> {
        let rules = self.tracks.iter().flat_map(|tracks| tracks.alarms(self.host));
        rules.chain(self.restored.iter().cloned()).collect()
    }

    /// Judges a poll of the host; `at` is the server's clock.
    pub fn judge(
        &mut self,
        record: &Record,
        subject: &Subject<'_>,
        at: WallMs,
        budget: &mut Budget,
    ) -> Judged {
        let mut judged = Judged::default();
        let reboot = match (&self.boot, &record.boot_id) {
            (Some(before), Some(now)) => f64::from(u8::from(before != now)),
            _ => f64::NAN,
        };
        if !self.comes_later(record.slot) {
            return judged;
        }
        if record.boot_id.is_some() && record.boot_id != self.boot {
            self.boot.clone_from(&record.boot_id);
        }
        if subject.is_frozen {
            return judged;
        }
        let poll = poll_of(record, subject, reboot, at);
        self.judge_rules(&poll, Rows::Host(record.detail.as_ref()), budget, &mut judged);
        judged
    }

    /// What a rule says of the host or of each of its rows, by the record that was judged last; nothing when
    /// the rule is not judged on this host.
    #[must_use]
    pub fn explain(&self, rule: &str, record: &Record, subject: &Subject<'_>) -> Vec<Explained> {
        let mut all = Vec::new();
        let mut rules = self.rules.rules.iter().enumerate();
        let Some((number, listed)) = rules.find(|(_, of)| of.rule.name.as_ref() == rule) else {
            return all;
        };
        let tracks = self.tracks.iter().find(|tracks| tracks.number == number);
        let poll = poll_of(record, subject, f64::NAN, record.slot);
        let over = listed.rule.over;
        for row in Rows::Host(record.detail.as_ref()).get(over) {
            let values = self.memory.last(over, &listed.places, &row.key());
            let stand = tracks.and_then(|tracks| tracks.stand(&row.key()));
            all.push(explain(&listed.rule, row, stand, &frame(row, &poll, &values)));
        }
        all
    }

    /// Judges what the server knows of itself.
    pub fn judge_server(
        &mut self,
        cells: &ServerCells,
        subject: &Subject<'_>,
        slot: WallMs,
        budget: &mut Budget,
    ) -> Judged {
        let mut judged = Judged::default();
        if !self.comes_later(slot) {
            return judged;
        }
        let poll = Poll {
            host: self.host,
            name: subject.name.as_str(),
            moment: Moment { slot, interval: subject.interval },
            at: slot,
            is_silent: false,
            cells: &[],
            facts: [f64::NAN; Number::COUNT],
            words: Words {
                state: State::Up,
                cause: None,
                outcome: Outcome::Ok,
                group: None,
                labels: subject.labels,
                probe_version: None,
                server_version: subject.server_version,
            },
        };
        self.judge_rules(&poll, Rows::Server(&cells.cells()), budget, &mut judged);
        judged
    }

    /// Judges all rules on the rows of a poll.
    fn judge_rules(
        &mut self,
        poll: &Poll<'_>,
        rows: Rows<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        self.memory.take(poll, rows);
        let mut place = 0;
        for number in self.candidates(poll, rows).iter() {
            let Some(listed) = self.rules.rules.get(number) else { continue };
            let is_tracked = self.tracks.get(place).is_some_and(|of| of.number == number);
            let over = listed.rule.over;
            // The rows of a host that is down are left as they were.
            if poll.is_silent && over != Over::Host {
                place += usize::from(is_tracked);
                continue;
            }
            if !is_tracked {
                if is_quiet(listed, &self.memory, poll, rows) {
                    continue;
                }
                self.tracks.insert(place, Tracks::new(number, Arc::clone(&listed.rule)));
            }
            let Some(tracks) = self.tracks.get_mut(place) else { continue };
            let mut was_read = false;
            for (number, row) in rows.get(over).enumerate() {
                was_read = true;
                let values = self.memory.said(over, &listed.places, (number, row), poll);
                tracks.judge(row, &values, poll, budget, judged);
            }
            if over.table().is_some() {
                tracks.judge_absent(was_read, poll, budget, judged);
            }
            match tracks.is_idle() {
                true => drop(self.tracks.remove(place)),
                false => place += 1,
            }
        }
    }

    /// The rules that have alarms, and those that may hold for a row.
    fn candidates(&self, poll: &Poll<'_>, rows: Rows<'_>) -> Candidates {
        let mut candidates = Candidates::none_of(self.rules.rules.len());
        for screen in &self.rules.screens {
            for row in rows.get(screen.over) {
                screen.add(&frame(row, poll, &[]), &mut candidates);
            }
        }
        self.tracks.iter().for_each(|tracks| candidates.add(tracks.number));
        candidates
    }

    /// Whether a poll lies behind all that were judged. One that does not is late and changes nothing;
    /// when several in a row do not, the clock was set back, and time goes on from there.
    fn comes_later(&mut self, slot: WallMs) -> bool {
        if self.last.is_some_and(|last| slot <= last) {
            self.behind += 1;
            if self.behind < MAX_BEHIND {
                return false;
            }
            for tracks in &mut self.tracks {
                tracks.rebase(slot);
            }
        }
        self.behind = 0;
        self.last = Some(slot);
        true
    }
}

/// What a poll says to all rules. Of a host that is down nothing but words is known.
fn poll_of<'a>(record: &'a Record, subject: &Subject<'a>, reboot: f64, at: WallMs) -> Poll<'a> {
    let is_silent = record.state == State::Down;
    let values = record.values.as_ref().filter(|_| !is_silent);
    #[expect(clippy::cast_precision_loss, reason = "less than 2^53 ms")]
    let skew = record.clock_skew_ms.map_or(f64::NAN, |ms| ms as f64);
    Poll {
        host: record.host,
        name: subject.name.as_str(),
        moment: Moment { slot: record.slot, interval: subject.interval },
        at,
        is_silent,
        cells: values.map_or(&[], |values| values.cells()),
        facts: [
            skew,
            reboot,
            f64::from(u8::from(subject.is_flapping)),
            subject.certificate_left_s.unwrap_or(f64::NAN),
        ],
        words: Words {
            state: record.state,
            cause: subject.cause,
            outcome: record.outcome,
            group: subject.group.map(GroupName::as_str),
            labels: subject.labels,
            probe_version: subject.probe_version,
            server_version: subject.server_version,
        },
    }
}

/// Whether a rule without an alarm holds for no row, known for each.
fn is_quiet(listed: &ListedRule, memory: &Memory, poll: &Poll<'_>, rows: Rows<'_>) -> bool {
    rows.get(listed.rule.over).enumerate().all(|(number, row)| {
        let values = memory.said(listed.rule.over, &listed.places, (number, row), poll);
        observe(&listed.rule, &frame(row, poll, &values), false).when == Some(false)
    })
}

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
