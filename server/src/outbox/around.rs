//! What the router is told of hosts: their names and groups, whether they rest, what is behind them; and the
//! alarms as they are, where changes were not heard.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::OutboxWorker;
use crate::{
    alert::Rule,
    live::{Alarming, HostView},
    model::{
        AlarmCause, AlarmEvent, AlarmKey, AlarmState, HostId, HostName, Labels, Severity, State,
    },
    route::{Behind, Change, Facts, Input},
    units::{Now, WallMs},
};

/// All hosts by their numbers, at one moment.
pub(super) type ById = HashMap<HostId, Arc<HostView>>;

fn is_failing(view: &HostView) -> bool {
    matches!(view.state, State::Suspect | State::Down)
}

/// Whether a host is called or grouped otherwise than its alarms say.
fn is_otherwise(facts: &Facts, view: &HostView) -> bool {
    facts.host != view.name || facts.group != view.group || facts.labels != view.labels
}

/// Whether what a rule compares is the state of the host and nothing else, so that a parent may be why.
fn may_be_the_parents(rule: &Rule) -> bool {
    rule.is_about_state() && rule.when.value.is_none()
}

impl OutboxWorker {
    pub(super) fn by_id(&self) -> ById {
        self.parts.live.hosts().into_iter().map(|view| (view.id, view)).collect()
    }

    /// What routes know of the host of an alarm.
    fn facts(&self, key: &AlarmKey, hosts: &ById) -> Facts {
        let none = || Arc::new(Labels::new());
        if key.host == HostId::SERVER {
            let host = HostName::server();
            return Facts { host, group: None, labels: none(), behind: None };
        }
        let Some(view) = hosts.get(&key.host) else {
            // It is gone: what was known of it is what its end is told with.
            let known = self.router.get(key).map(|followed| followed.facts.clone());
            let nameless = || {
                let name = HostName::new(&format!("host-{}", key.host.0));
                let host = name.unwrap_or_else(|_| HostName::server());
                Facts { host, group: None, labels: none(), behind: None }
            };
            return known.unwrap_or_else(nameless);
        };
        let rule = self.in_force.alerting.rules.list.iter().find(|rule| rule.name == key.rule);
        let parent = view.parent.as_ref().filter(|_| rule.is_some_and(|r| may_be_the_parents(r)));
        let parent = parent.and_then(|name| self.parts.live.host(name.as_str()));
        let behind = parent.map(|parent| Behind {
            parents: vec![parent.id],
            grace: Behind::grace(view.interval, parent.interval, self.parts.fall),
        });
        Facts {
            host: view.name.clone(),
            group: view.group.clone(),
            labels: Arc::clone(&view.labels),
            behind,
        }
    }

    /// Tells the router of changes, each after what decides of it.
    pub(super) fn take_changes(&mut self, events: impl IntoIterator<Item = AlarmEvent>, now: Now) {
        let hosts = self.by_id();
        for event in events {
            let facts = self.facts(&event.key, &hosts);
            if let Some(view) = hosts.get(&event.key.host) {
                self.rests(view, now);
            }
            for parent in facts.behind.iter().flat_map(|behind| &behind.parents) {
                if let Some(view) = hosts.get(parent) {
                    self.feed(Input::Parent { host: *parent, fails: is_failing(view) }, now);
                }
            }
            self.feed(Input::Changed(Box::new(Change { event, facts })), now);
        }
    }

    fn rests(&mut self, view: &HostView, now: Now) {
        let resting = view.state == State::Paused;
        self.feed(Input::Resting { host: view.id, resting }, now);
    }

    /// Tells the router how the hosts are that its alarms are about.
    pub(super) fn look_around(&mut self, now: Now) {
        if self.router.followed() == 0 {
            return;
        }
        let hosts = self.by_id();
        let about: Vec<HostId> = self.router.hosts().collect();
        let parents: Vec<HostId> = self.router.parents().collect();
        for view in parents.iter().filter_map(|host| hosts.get(host)) {
            self.feed(Input::Parent { host: view.id, fails: is_failing(view) }, now);
        }
        for view in about.iter().filter_map(|host| hosts.get(host)) {
            self.rests(view, now);
            if let Some(last) = view.last.as_ref().filter(|_| self.router.awaits(view.id)) {
                let (began, failed) = (last.started, last.values.is_none());
                self.feed(Input::Polled { host: view.id, began, failed }, now);
            }
        }
        let followed = self.router.all().filter_map(|of| Some((of, hosts.get(&of.key.host)?)));
        let otherwise: BTreeMap<HostId, &HostView> = followed
            .filter(|(of, view)| is_otherwise(of.facts, view))
            .map(|(of, view)| (of.key.host, &**view))
            .collect();
        for (host, view) in otherwise {
            let facts = Facts {
                host: view.name.clone(),
                group: view.group.clone(),
                labels: Arc::clone(&view.labels),
                behind: None,
            };
            self.feed(Input::Host { host, facts: Box::new(facts) }, now);
        }
    }

    /// Tells the router how the alarms are, where that is not what it knows: what changed while nobody
    /// listened. Of a host that is not in force nothing is said.
    pub(super) fn compare(&mut self, now: Now) {
        let hosts = self.by_id();
        let own = self.parts.live.server().alarms;
        let mut there: HashMap<AlarmKey, &Alarming> = HashMap::new();
        let all = hosts.values().flat_map(|view| view.alarms.iter()).chain(own.iter());
        for alarming in all.filter(|of| of.alarm.state.is_active()) {
            there.insert(alarming.alarm.key.clone(), alarming);
        }
        let mut changes = Vec::new();
        for followed in self.router.all().filter(|followed| followed.state.is_active()) {
            let key = followed.key;
            let is_here = hosts.contains_key(&key.host) || key.host == HostId::SERVER;
            let is_own = key.rule.starts_with("roundsman:");
            if is_here && !is_own && !there.contains_key(key) {
                changes.push(over(key, followed.severity, now.wall));
            }
        }
        for (key, alarming) in there {
            let known = self.router.get(&key);
            let is_known = known.is_some_and(|followed| {
                followed.state.is_active() && followed.severity == alarming.alarm.severity
            });
            if !is_known {
                changes.push(begun(alarming, now.wall));
            }
        }
        self.take_changes(changes, now);
    }
}

/// An alarm that is over, and nobody heard when.
fn over(key: &AlarmKey, severity: Severity, now: WallMs) -> AlarmEvent {
    AlarmEvent {
        key: key.clone(),
        slot: now,
        at: now,
        from: AlarmState::Firing,
        to: AlarmState::Ok,
        cause: AlarmCause::Values,
        severity,
        value: None,
        summary: format!("{} is over", key.rule).into(),
    }
}

/// An alarm that fires, as if it had just begun.
pub(super) fn begun(Alarming { alarm, summary }: &Alarming, now: WallMs) -> AlarmEvent {
    AlarmEvent {
        key: alarm.key.clone(),
        slot: alarm.since,
        at: now,
        from: AlarmState::Ok,
        to: alarm.state,
        cause: AlarmCause::Values,
        severity: alarm.severity,
        value: alarm.value,
        summary: summary.clone().unwrap_or_default(),
    }
}

/// How often hosts are looked at while there are alarms.
pub(super) const LOOK: Duration = Duration::from_secs(1);
