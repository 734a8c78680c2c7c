//! Alarms as they are now, and why: in JSON's words.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Query,
    moment::Rfc3339,
    people::KeptBack,
    place::{AlarmFilter, AlarmPlace},
    rules::column_of,
    shapes::HostShape,
};
use crate::{
    alert::{Explained, ExplainedTerm, Rule},
    live::{Alarming, RulesInForce},
    model::{AlarmKey, AlarmState, GroupName, HostId, HostName, Severity},
    route::{Entry, Journal},
    units::WallMs,
};

/// The alarms that are not ok.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlarmsPage {
    /// The file of the rules in force; `null` when they are those that come along.
    pub source: Option<Arc<str>>,
    /// How many rules are in force.
    pub rules: usize,
    /// Why the file as it is now is not in force; one problem per line.
    pub error: Option<Arc<str>>,
    /// How many alarms match, those that are not here among them.
    pub total: usize,
    /// What matters most first, then what is newest.
    pub alarms: Vec<AlarmShape>,
    /// The query string of the next page; `null` on the last.
    pub next: Option<String>,
}

/// An alarm that is not ok.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlarmShape {
    /// Whose; `roundsman:server` for the server itself.
    pub host: Arc<str>,
    /// The host's group.
    pub group: Option<Arc<str>>,
    /// The rule.
    pub rule: Arc<str>,
    /// The labels of the row, joined by `/`; empty for the host as a whole.
    pub row: Arc<str>,
    /// Its state.
    pub state: AlarmState,
    /// How much it matters.
    pub severity: Severity,
    /// The slot of the poll with which this state began.
    pub since: Rfc3339,
    /// The same, milliseconds since 1970.
    pub since_ms: WallMs,
    /// The slot of the poll with which it began to fire; `null` before that.
    pub fired: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub fired_ms: Option<WallMs>,
    /// The first value that the rule compares; `null` is unknown.
    pub value: Option<f64>,
    /// The value's unit; `null` for a plain number.
    pub unit: Option<&'static str>,
    /// What the value is compared with, where the rule has that as a number.
    pub threshold: Option<f64>,
    /// When the rule holds, as it stands in the file; `null` when the rule is gone.
    pub when: Option<Arc<str>>,
    /// The host-wide column of which the value is, itself or over a time; `null` for a row's, and for what is
    /// calculated.
    pub column: Option<&'static str>,
    /// What was said when it last changed; `null` where that was before the server started.
    pub summary: Option<Arc<str>>,
    /// Where it is written what to do.
    pub runbook: Option<Arc<str>>,
    /// What keeps it back because somebody said so.
    #[serde(flatten)]
    pub kept_back: KeptBack,
}

impl AlarmShape {
    fn new(
        Alarming { alarm, summary }: &Alarming,
        (host, group): (&HostName, Option<&str>),
        rules: &HashMap<&str, &Rule>,
    ) -> Self {
        let rule = rules.get(&*alarm.key.rule);
        Self {
            host: host.as_str().into(),
            group: group.map(Into::into),
            rule: Arc::clone(&alarm.key.rule),
            row: Arc::clone(&alarm.key.row),
            state: alarm.state,
            severity: alarm.severity,
            since: Rfc3339(alarm.since),
            since_ms: alarm.since,
            fired: alarm.fired.map(Rfc3339),
            fired_ms: alarm.fired,
            value: alarm.value.filter(|value| value.is_finite()),
            unit: rule.and_then(|rule| rule.when.value.as_ref()?.unit()),
            threshold: rule.and_then(|rule| rule.when.threshold),
            when: rule.map(|rule| Arc::clone(&rule.when.text)),
            column: rule.and_then(|rule| column_of(rule)),
            summary: summary.clone(),
            runbook: rule.and_then(|rule| rule.runbook.clone()),
            kept_back: KeptBack::default(),
        }
    }

    fn place(&self) -> AlarmPlace {
        AlarmPlace {
            severity: Reverse(self.severity),
            is_active: Reverse(self.state.is_active()),
            since: Reverse(self.since_ms),
            host: Arc::clone(&self.host),
            rule: Arc::clone(&self.rule),
            row: Arc::clone(&self.row),
        }
    }
}

/// What a rule says of a host, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedShape {
    /// The host.
    pub host: String,
    /// The rule.
    pub rule: String,
    /// The slot of the poll that it was judged by last.
    pub slot: Rfc3339,
    /// The same, milliseconds since 1970.
    pub slot_ms: WallMs,
    /// It is not judged now: the host is left alone, or the server is cut off.
    pub frozen: bool,
    /// The host as a whole, or each of its rows.
    pub rows: Vec<ExplainedRow>,
}

/// A step on the way of an alarm to those who are told.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ToldStep {
    /// When.
    pub at: Rfc3339,
    /// The same, milliseconds since 1970.
    pub at_ms: WallMs,
    /// What happened, in words.
    pub what: String,
}

impl From<&Entry> for ToldStep {
    fn from(entry: &Entry) -> Self {
        Self { at: Rfc3339(entry.at), at_ms: entry.at, what: entry.step.to_string() }
    }
}

/// What a rule says of one row.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedRow {
    /// The row; empty for the host as a whole.
    pub row: Arc<str>,
    /// The state of its alarm; `ok` where there is none.
    pub state: AlarmState,
    /// Since when; `null` where there is no alarm.
    pub since: Option<Rfc3339>,
    /// What speaks for leaving that state: polls in a row, or milliseconds where the rule gives a time.
    pub count: u32,
    /// Whether `when` or `critical` holds; `null` is unknown.
    pub when: Option<bool>,
    /// Whether `clear` holds.
    pub clear: Option<bool>,
    /// Whether `critical` holds.
    pub critical: Option<bool>,
    /// The rule leaves it out.
    pub left_out: bool,
    /// Each comparison.
    pub terms: Vec<TermShape>,
    /// How it was told, or why not, oldest first; empty where nobody is told by routes.
    pub told: Vec<ToldStep>,
    /// What keeps its alarm back because somebody said so.
    #[serde(flatten)]
    pub kept_back: KeptBack,
}

/// One comparison of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TermShape {
    /// The key of the rule that it stands in.
    pub key: &'static str,
    /// As it stands in the file.
    pub text: String,
    /// The number that it compares, in the unit of its column; `null` is missing, or a text.
    pub value: Option<f64>,
    /// Whether it holds; `null` is unknown: a value that it needs is missing.
    pub holds: Option<bool>,
}

impl From<Explained> for ExplainedRow {
    fn from(explained: Explained) -> Self {
        let Explained { row, stand, when, clear, critical, is_left_out, terms } = explained;
        let term = |ExplainedTerm { key, text, value, holds, .. }: ExplainedTerm| TermShape {
            key,
            text: text.into(),
            value: value.filter(|value| value.is_finite()),
            holds,
        };
        Self {
            row,
            state: stand.map_or(AlarmState::Ok, |stand| stand.state),
            since: stand.map(|stand| Rfc3339(stand.since)),
            count: stand.map_or(0, |stand| stand.polls),
            when,
            clear,
            critical,
            left_out: is_left_out,
            terms: terms.into_iter().map(term).collect(),
            told: Vec::new(),
            kept_back: KeptBack::default(),
        }
    }
}

impl Query {
    /// Adds to each row of what a rule says of a host how its alarm was told, or why not.
    pub async fn tell_ways(&self, host: &HostShape, rule: &str, rows: &mut [ExplainedRow]) {
        let (Some(outbox), Some(heard)) = (&self.outbox, self.heard()) else { return };
        for row in rows.iter_mut() {
            row.kept_back = heard.of_row(&host.name, rule, &row.row);
        }
        let id = HostId(host.id);
        let key =
            |of: &ExplainedRow| AlarmKey { rule: rule.into(), host: id, row: Arc::clone(&of.row) };
        let ways = outbox.journals(rows.iter().map(key).collect()).await;
        for (row, way) in rows.iter_mut().zip(ways) {
            row.told = way.iter().flat_map(Journal::iter).map(ToldStep::from).collect();
        }
    }

    /// The alarms that are not ok; none without a live view.
    #[must_use]
    pub fn alarms(&self, filter: &AlarmFilter) -> Option<AlarmsPage> {
        let live = self.live.as_ref()?;
        let server = live.server();
        let in_force = server.alerts.as_deref();
        let rules: &[Arc<Rule>] = in_force.map_or(&[], |in_force| &in_force.rules.list);
        let by_name: HashMap<&str, &Rule> =
            rules.iter().map(|rule| (&*rule.name, &**rule)).collect();
        let mut alarms = Vec::new();
        let mut add = |all: &[Alarming], host: &HostName, group: Option<&str>| {
            let is_host = filter.host.as_deref().is_none_or(|wanted| wanted == host.as_str());
            let is_group = filter.group.as_deref().is_none_or(|wanted| group == Some(wanted));
            let wants = |of: &&Alarming| {
                let rule = filter.rule.as_deref();
                (!filter.firing || of.alarm.state.is_active())
                    && rule.is_none_or(|rule| *rule == *of.alarm.key.rule)
            };
            if is_host && is_group {
                let shape = |of| AlarmShape::new(of, (host, group), &by_name);
                alarms.extend(all.iter().filter(wants).map(shape));
            }
        };
        add(&server.alarms, &HostName::server(), None);
        for host in live.hosts().iter().filter(|host| !host.alarms.is_empty()) {
            add(&host.alarms, &host.name, host.group.as_ref().map(GroupName::as_str));
        }
        let total = alarms.len();
        alarms.sort_by_cached_key(AlarmShape::place);
        if let Some(after) = &filter.after {
            alarms.retain(|alarm| alarm.place() > *after);
        }
        let more = alarms.len() > filter.limit;
        alarms.truncate(filter.limit);
        if let Some(heard) = self.heard() {
            for of in &mut alarms {
                of.kept_back = heard.of(&of.host, &of.rule, &of.row, of.severity);
            }
        }
        let next = alarms.last().filter(|_| more).map(|last| filter.next(&last.place()));
        let source = in_force.and_then(|RulesInForce { source, .. }| source.clone());
        let (rules, error) = (rules.len(), server.alerts_error);
        Some(AlarmsPage { source, rules, error, total, alarms, next })
    }
}
