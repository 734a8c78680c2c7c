//! All rules on one host: what each poll of it changes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    alarm::Moment,
    condition::Words,
    explain::Explained,
    memory::Memory,
    names::{Number, Over, ServerCells},
    rule::Rule,
    seen::{Budget, Judged, Poll, RowOf, over},
    tracks::Tracks,
};
use crate::{
    model::{
        Alarm, AlarmCause, Cause, Detail, GroupName, HostId, HostName, Labels, Outcome, Record,
        State,
    },
    units::WallMs,
};

/// After so many polls in a row that lie before the one judged last, it is the clock that was set back.
const MAX_BEHIND: u32 = 3;

/// What is known of a host beside its record.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a HostName,
    /// Its group.
    pub group: Option<&'a GroupName>,
    /// Its labels.
    pub labels: &'a Labels,
    /// The time from poll to poll; of a host that is down, how long it was left alone.
    pub interval: Duration,
    /// Why it is in its state.
    pub cause: Option<Cause>,
    /// Whether it goes up and down too often.
    pub is_flapping: bool,
    /// The version of its probe.
    pub probe_version: Option<&'a str>,
    /// The version of this server.
    pub server_version: &'a str,
    /// It is left alone (paused, maintenance), or the server is cut off: nothing is judged.
    pub is_frozen: bool,
}

/// What is known of one host's alarms.
#[derive(Debug)]
pub struct Judge {
    host: HostId,
    rules: Vec<Tracks>,
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
        let (rules, memory) = (Vec::new(), Memory::default());
        Self { host, rules, memory, restored: alarms, boot, last, behind: 0 }
    }

    /// Brings rules into force: at the start, and when the rules, the host's group or its labels changed. A
    /// rule that says what it said goes on as it was; alarms of any other end.
    pub fn install(
        &mut self,
        rules: &[Arc<Rule>],
        subject: &Subject<'_>,
        at: WallMs,
        budget: &mut Budget,
    ) -> Judged {
        let mut judged = Judged::default();
        let mut before: HashMap<Arc<str>, Tracks> =
            self.rules.drain(..).map(|tracks| (tracks.rule.name.clone(), tracks)).collect();
        let mut ended: Vec<(Alarm, AlarmCause)> = Vec::new();
        let mut restored: HashMap<Arc<str>, Vec<Alarm>> = HashMap::new();
        for alarm in self.restored.drain(..) {
            restored.entry(alarm.key.rule.clone()).or_default().push(alarm);
        }
        let host = self.host;
        for rule in rules.iter().filter(|rule| applies(host, rule, subject)) {
            let known = before.remove(&rule.name);
            let mut tracks = match known {
                Some(known) if known.rule.hash == rule.hash => known.under(Arc::clone(rule)),
                other => {
                    let alarms = other.into_iter().flat_map(|known| known.alarms(host));
                    ended.extend(alarms.map(|alarm| (alarm, AlarmCause::RuleChanged)));
                    Tracks::new(Arc::clone(rule))
                }
            };
            for alarm in restored.remove(&rule.name).into_iter().flatten() {
                match alarm.rule_hash == rule.hash {
                    true => tracks.restore(&alarm),
                    false => ended.push((alarm, AlarmCause::RuleChanged)),
                }
            }
            self.rules.push(tracks);
        }
        let places = self.memory.install(self.rules.iter().map(|tracks| &tracks.rule));
        for (tracks, places) in self.rules.iter_mut().zip(places) {
            tracks.places = places;
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
        let rules = self.rules.drain(..).flat_map(|tracks| tracks.alarms(self.host));
        for alarm in rules.chain(restored) {
            let cause = AlarmCause::HostRetired;
            over(alarm, cause, name.as_str(), at, at, budget, &mut judged);
        }
        judged
    }

    /// Alarms that are not over.
    #[must_use]
    pub fn alarms(&self) -> Vec<Alarm> {
        let rules = self.rules.iter().flat_map(|tracks| tracks.alarms(self.host));
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
        if record.boot_id.is_some() {
            self.boot.clone_from(&record.boot_id);
        }
        if subject.is_frozen {
            return judged;
        }
        let poll = poll_of(record, subject, reboot, at);
        let detail = record.detail.as_ref();
        self.memory.take(&poll, |over, take| each_row(over, detail, take));
        for tracks in &mut self.rules {
            judge_rule(tracks, &self.memory, detail, &poll, budget, &mut judged);
        }
        judged
    }

    /// What a rule says of the host or of each of its rows, by the record that was judged last; nothing when
    /// the rule is not judged on this host.
    #[must_use]
    pub fn explain(&self, rule: &str, record: &Record, subject: &Subject<'_>) -> Vec<Explained> {
        let mut all = Vec::new();
        let Some(tracks) = self.rules.iter().find(|tracks| tracks.rule.name.as_ref() == rule)
        else {
            return all;
        };
        let poll = poll_of(record, subject, f64::NAN, record.slot);
        let over = tracks.rule.over;
        each_row(over, record.detail.as_ref(), |row| {
            let values = self.memory.last(over, &tracks.places, row.key);
            all.push(tracks.explain(row, &values, &poll));
        });
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
        let row = RowOf { key: "", labels: &[], cells: &cells.cells() };
        self.memory.take(&poll, |_, take| {
            take(row);
            true
        });
        for tracks in &mut self.rules {
            let values = self.memory.said(Over::Server, &tracks.places, 0);
            tracks.judge(row, &values, &poll, budget, &mut judged);
        }
        judged
    }

    /// Whether a poll lies behind all that were judged. One that does not is late and changes nothing;
    /// when several in a row do not, the clock was set back, and time goes on from there.
    fn comes_later(&mut self, slot: WallMs) -> bool {
        if self.last.is_some_and(|last| slot <= last) {
            self.behind += 1;
            if self.behind < MAX_BEHIND {
                return false;
            }
            for tracks in &mut self.rules {
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
        facts: [skew, reboot, f64::from(u8::from(subject.is_flapping))],
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

/// Whether a rule is judged on a host.
fn applies(host: HostId, rule: &Rule, subject: &Subject<'_>) -> bool {
    if host == HostId::SERVER {
        return rule.over == Over::Server;
    }
    rule.over != Over::Server && rule.hosts.matches(subject.name, subject.group, subject.labels)
}

/// The rows of a poll that a rule is over, one by one, and whether there are any. The host is one row.
fn each_row(over: Over, detail: Option<&Detail>, mut take: impl FnMut(RowOf<'_>)) -> bool {
    if over == Over::Host {
        take(RowOf { key: "", labels: &[], cells: &[] });
        return true;
    }
    let (Some(table), Some(detail)) = (over.table(), detail) else { return false };
    let mut are_some = false;
    detail.each_row(table, |labels, cells| {
        are_some = true;
        take(RowOf { key: &table.key(labels), labels, cells });
    });
    are_some
}

/// Judges one rule on all that it is over.
fn judge_rule(
    tracks: &mut Tracks,
    memory: &Memory,
    detail: Option<&Detail>,
    poll: &Poll<'_>,
    budget: &mut Budget,
    judged: &mut Judged,
) {
    let over = tracks.rule.over;
    // The rows of a host that is down are left as they were.
    if poll.is_silent && over != Over::Host {
        return;
    }
    let mut number = 0;
    let was_read = each_row(over, detail, |row| {
        let values = memory.said(over, &tracks.places, number);
        number += 1;
        tracks.judge(row, &values, poll, budget, judged);
    });
    if over != Over::Host {
        tracks.judge_absent(was_read, poll, budget, judged);
    }
}

#[cfg(test)]
pub(crate) mod tests;
