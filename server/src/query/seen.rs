//! What a scope leaves of the live view. All that `query` reads, it reads through this and `kept.rs`, so that
//! a new question cannot forget whose it is.
//!
//! A limited scope sees the hosts of its groups. Other hosts are not there: not by name, not in a
//! count, and not in the words that one host's state is explained with.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::{
    alert::{Over, Rule},
    live::{HostView, Live, RulesInForce, ServerView},
    model::{Annotation, HostName, Hosts, Record, Scope, State},
    units::WallMs,
};

/// What stands in the place of the name of a host that may not be seen.
const ANOTHER: &str = "(another host)";

/// Whether a name may hold it.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
}

/// The live view within a scope.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    live: Arc<Live>,
    scope: Scope,
}

impl Seen {
    /// All of it.
    pub(super) fn whole(live: Arc<Live>) -> Self {
        Self::within(live, Scope::All)
    }

    /// What of it is in a scope.
    pub(super) fn within(live: Arc<Live>, scope: Scope) -> Self {
        Self { live, scope }
    }

    /// The live view itself, where nothing of it is hidden.
    pub(super) fn all(&self) -> Option<&Live> {
        (!self.scope.is_limited()).then_some(&*self.live)
    }

    /// What may be seen.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Every host that may be seen, by name.
    pub(super) fn hosts(&self) -> Vec<Arc<HostView>> {
        let mut hosts = self.live.hosts();
        if self.scope.is_limited() {
            hosts.retain(|view| self.scope.sees(view.group.as_ref()));
            for view in &mut hosts {
                self.cover(view);
            }
        }
        hosts
    }

    /// One host, if it may be seen.
    pub(super) fn host(&self, name: &str) -> Option<Arc<HostView>> {
        let mut view = self.live.host(name).filter(|view| self.scope.sees(view.group.as_ref()))?;
        if self.scope.is_limited() {
            self.cover(&mut view);
        }
        Some(view)
    }

    /// Whether there is such a host and it may not be seen.
    fn hides(&self, name: &str) -> bool {
        self.live.host(name).is_some_and(|view| !self.scope.sees(view.group.as_ref()))
    }

    /// How many hosts that may be seen there are in each state, states without hosts included.
    pub(super) fn count_by_state(&self) -> BTreeMap<State, usize> {
        let Some(live) = self.all() else {
            let mut counts: BTreeMap<_, _> = State::ALL.iter().map(|state| (*state, 0)).collect();
            for view in self.hosts() {
                *counts.entry(view.state).or_default() += 1;
            }
            return counts;
        };
        live.count_by_state()
    }

    /// Polls up to this one were given up for want of room; none when none were.
    pub(super) fn given_up_to(&self) -> Option<WallMs> {
        self.live.server().given_up_to
    }

    /// What the server says of itself; in a limited scope only whether it works, and the rules that are
    /// judged on hosts of it.
    pub(super) fn server(&self) -> ServerView {
        let server = self.live.server();
        if self.all().is_some() {
            return server;
        }
        let ServerView { started, inventory, isolated, ready, stopping, alerts, .. } = server;
        let hosts = self.hosts();
        let alerts = alerts.map(|all| {
            let mut rules = all.rules.clone();
            let is_on = |view: &Arc<HostView>, rule: &Rule| {
                rule.hosts.matches(&view.name, view.group.as_ref(), &view.labels)
            };
            rules.disabled = Vec::new();
            rules.list = rules
                .list
                .iter()
                .filter(|rule| rule.over != Over::Server)
                .filter(|rule| hosts.iter().any(|view| is_on(view, rule)))
                .cloned()
                .collect();
            Arc::new(RulesInForce { source: None, rules })
        });
        ServerView {
            started,
            inventory,
            isolated,
            ready,
            stopping,
            alerts,
            ..ServerView::default()
        }
    }

    /// A text without the names of hosts that may not be seen.
    fn without_others<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut covered = String::new();
        let mut done = 0;
        let mut rest = 0;
        while let Some(begin) = text[rest..].find(is_of_name).map(|at| rest + at) {
            let end = text[begin..].find(|c| !is_of_name(c)).map_or(text.len(), |at| begin + at);
            rest = end;
            let word = &text[begin..end];
            // The stop or colon after a name is the sentence's.
            let name = word.trim_end_matches(['.', ':']);
            if [word, name].iter().any(|name| self.hides(name)) {
                covered.push_str(&text[done..begin]);
                covered.push_str(ANOTHER);
                done = begin + name.len();
            }
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        covered.push_str(&text[done..]);
        Cow::Owned(covered)
    }

    pub(super) fn cover_text(&self, text: &mut Arc<str>) {
        if let Cow::Owned(covered) = self.without_others(text) {
            *text = covered.into();
        }
    }

    pub(super) fn cover_record(&self, record: &mut Record) {
        if let Some(error) = &mut record.error {
            self.cover_text(error);
        }
    }

    /// Whether an annotation may be seen: one about the whole fleet, and one about a host that may be seen
    /// that names no other.
    pub(super) fn sees_annotation(&self, one: &Annotation) -> bool {
        let (Some(own), Hosts { groups, labels, names }) = (self.scope.groups(), &one.hosts) else {
            return true;
        };
        if groups.is_empty() && labels.is_empty() && names.is_empty() {
            return true;
        }
        let hosts = self.hosts();
        let is_about =
            |view: &Arc<HostView>| one.hosts.matches(&view.name, view.group.as_ref(), &view.labels);
        groups.iter().all(|group| own.contains(group))
            && names.iter().all(|name| hosts.iter().any(|view| name.matches(view.name.as_str())))
            && hosts.iter().any(is_about)
    }

    /// Whether an annotation is one that could be written within the scope: of a limited one it names groups, and
    /// no others than its own.
    pub(super) fn owns_annotation(&self, one: &Annotation) -> bool {
        let is_of_all = one.hosts.groups.is_empty();
        !(self.scope.is_limited() && is_of_all) && self.sees_annotation(one)
    }

    /// Takes the names of others out of what is said of a host; one without any stays the same allocation.
    fn cover(&self, view: &mut Arc<HostView>) {
        let names_other = |text: &Arc<str>| matches!(self.without_others(text), Cow::Owned(_));
        let is_other = |name: &Option<HostName>| {
            name.as_ref().is_some_and(|name| self.host_is_hidden_or_gone(name))
        };
        let of_record = |record: &Option<Arc<Record>>| {
            record.as_ref().and_then(|record| record.error.as_ref()).is_some_and(names_other)
        };
        let told = view.recent.map(|attempt| attempt.error.clone());
        let is_clean = !is_other(&view.parent)
            && !is_other(&view.unreachable_because)
            && !names_other(&view.reason)
            && !view.cause.as_ref().is_some_and(names_other)
            && !of_record(&view.last)
            && !of_record(&view.last_good)
            && !told.iter().flatten().any(names_other);
        if is_clean {
            return;
        }
        let view = Arc::make_mut(view);
        view.parent.take_if(|name| self.host_is_hidden_or_gone(name));
        view.unreachable_because.take_if(|name| self.host_is_hidden_or_gone(name));
        self.cover_text(&mut view.reason);
        if let Some(cause) = &mut view.cause {
            self.cover_text(cause);
        }
        for record in [&mut view.last, &mut view.last_good].into_iter().flatten() {
            self.cover_record(Arc::make_mut(record));
        }
        let mut recent = view.recent.list();
        recent
            .iter_mut()
            .filter_map(|attempt| attempt.error.as_mut())
            .for_each(|e| self.cover_text(e));
        view.recent = recent.into_iter().collect();
    }

    fn host_is_hidden_or_gone(&self, name: &HostName) -> bool {
        self.live.host(name.as_str()).is_none_or(|view| !self.scope.sees(view.group.as_ref()))
    }
}
