//! The alarms of every host and of the server itself: judged on each poll, brought under other rules,
//! ended with their host. What holds is decided in `alert`; here it is carried out.

mod held;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use tokio::sync::oneshot;

pub(super) use self::held::Alarms;
use super::{Engine, entry::HostEntry, install::SLICE};
use crate::{
    alert::{Explained, Judged, MAX_ALARMS_IN_ALL, Rule, RuleSets, ServerCells, Subject},
    hook::Notification,
    metrics::ChangeLabel,
    model::{Alarm, AlarmEvent, Cause, HostId, HostName, Labels, Notice, Record},
    store::writer,
    units::{Now, WallMs},
};

/// How often the server itself is judged.
const OWN_INTERVAL: Duration = Duration::from_secs(1);

/// The version of this program, as rules name it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the server itself is called.
static SERVER: LazyLock<HostName> = LazyLock::new(HostName::server);

/// It has no labels.
static NO_LABELS: Labels = Labels::new();

/// What a rule makes of a host's last poll.
#[derive(Debug)]
pub struct Explanation {
    /// The slot of that poll.
    pub slot: WallMs,
    /// It is not judged now: the host is left alone, or the server is cut off.
    pub frozen: bool,
    /// The host as a whole, or each of its rows.
    pub rows: Vec<Explained>,
}

/// What is known of a host beside its record.
pub(super) fn subject(entry: &HostEntry, cause: Option<Cause>, is_frozen: bool) -> Subject<'_> {
    Subject {
        name: &entry.spec.name,
        group: entry.spec.group.as_ref(),
        labels: &entry.spec.labels,
        interval: entry.pace(),
        cause,
        is_flapping: entry.health.flapping.is_on(),
        certificate_left_s: entry.certificate_left_s(),
        probe_version: entry.facts.probe_version.as_deref(),
        server_version: VERSION,
        is_frozen,
    }
}

/// What is known of the server itself.
fn own_subject() -> Subject<'static> {
    Subject {
        name: &SERVER,
        group: None,
        labels: &NO_LABELS,
        interval: OWN_INTERVAL,
        cause: None,
        is_flapping: false,
        certificate_left_s: None,
        probe_version: None,
        server_version: VERSION,
        is_frozen: false,
    }
}

impl Engine {
    /// Whether something large is being done in slices.
    pub(super) fn is_slicing(&self) -> bool {
        self.installing.is_some() || self.alarms.left.len() > 0
    }

    /// Begins to judge by these rules; they come to the hosts in slices, so that polls go on beside it.
    pub(super) fn rule(&mut self, rules: Arc<[Arc<Rule>]>) {
        self.alarms.rules = Some(RuleSets::new(rules));
        let all: Vec<HostId> = self.hosts.keys().copied().collect();
        self.alarms.left = all.into_iter();
        self.rule_own();
    }

    /// Brings the rules in force to the server itself.
    pub(super) fn rule_own(&mut self) {
        let at = self.parts.clock.now().wall;
        let judged = self.alarms.install(HostId::SERVER, &own_subject(), None, at);
        self.keep_judged(&SERVER, None, judged);
        self.show_own_alarms();
    }

    /// Brings the rules in force to the next [`SLICE`] hosts.
    pub(super) fn rule_slice(&mut self) {
        let now = self.parts.clock.now();
        let some: Vec<HostId> = self.alarms.left.by_ref().take(SLICE).collect();
        for host in some {
            self.bring_rules(host);
            self.show(host, now);
        }
    }

    /// Brings the rules in force to a host that is new or otherwise than it was.
    pub(super) fn bring_rules(&mut self, host: HostId) {
        let at = self.parts.clock.now().wall;
        let Some(entry) = self.hosts.get(&host) else { return };
        let boot = entry.facts.boot_id.as_ref();
        let judged = self.alarms.install(host, &subject(entry, None, false), boot, at);
        let name = entry.spec.name.clone();
        self.keep_judged(&name, None, judged);
    }

    /// Ends the alarms of a host that leaves the inventory.
    pub(super) fn end_alarms(&mut self, host: HostId, name: &HostName) {
        let at = self.parts.clock.now().wall;
        let judged = self.alarms.retire(host, name, at);
        self.keep_judged(name, None, judged);
    }

    /// Ends the alarms from before the start of hosts that are none any longer.
    pub(super) fn end_alarms_of_strangers(
        &mut self,
        listed: &HashSet<HostId>,
        names: &HashMap<HostId, HostName>,
    ) {
        let is_gone = |host: &HostId| *host != HostId::SERVER && !listed.contains(host);
        let gone: Vec<HostId> = self.alarms.before.keys().copied().filter(is_gone).collect();
        for host in gone {
            let unknown = || HostName::new(&format!("host-{}", host.0)).ok();
            let name = names.get(&host).cloned().or_else(unknown);
            self.end_alarms(host, name.as_ref().unwrap_or(&SERVER));
        }
    }

    /// Judges a host's alarms by the poll that was just made of it. `cause`: why it changed its state with
    /// it, if it did. They stand still while its health does, and while it is left alone.
    pub(super) fn judge(
        &mut self,
        record: &Record,
        cause: Option<Cause>,
        frozen: bool,
        now: Now,
    ) -> Judged {
        let alarms = &mut self.alarms;
        let (Some(entry), Some(of)) =
            (self.hosts.get(&record.host), alarms.hosts.get_mut(&record.host))
        else {
            return Judged::default();
        };
        of.cause = cause.or(of.cause);
        let frozen = frozen || entry.pause_reason.is_some();
        let subject = subject(entry, of.cause, frozen);
        let judged = of.judge.judge(record, &subject, now.wall, &mut alarms.budget);
        of.note(&judged);
        judged
    }

    /// Says what a rule makes of a host's last poll.
    pub(super) fn explain(&self, name: &HostName, rule: &str, asked: oneshot::Sender<Explanation>) {
        let entry = self.names.get(name).and_then(|id| self.hosts.get(id));
        let Some((entry, record)) = entry.and_then(|entry| Some((entry, entry.last()?))) else {
            return;
        };
        let Some(of) = self.alarms.hosts.get(&entry.id) else { return };
        let frozen = self.quorum.is_isolated() || entry.pause_reason.is_some();
        let rows = of.judge.explain(rule, record, &subject(entry, of.cause, frozen));
        if !rows.is_empty() {
            // Whoever asked may have gone away.
            let _ = asked.send(Explanation { slot: record.slot, frozen, rows });
        }
    }

    /// Judges what the server knows of itself; to be called once a second.
    pub(super) fn review_own_alarms(&mut self, now: Now) {
        let stats = self.parts.writer.stats();
        let lost = stats.lost();
        let before = self.alarms.lost.replace(lost).unwrap_or(lost);
        let late = std::mem::take(&mut self.alarms.late);
        let away = stats.failing_since.map_or(Duration::ZERO, |since| now.wall.since(since));
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        let count = |number: u64| number as f64;
        let cells = ServerCells {
            rows_lost: count(lost.saturating_sub(before)),
            store_away_s: away.as_secs_f64(),
            late_ms: late.as_secs_f64() * 1e3,
            spool_rows: stats.spool.as_ref().map_or(0.0, |spool| count(spool.rows())),
            isolated: f64::from(u8::from(self.isolated.is_some())),
            certificate_left_s: self.own_certificates_left_s(now),
        };
        let Some(of) = self.alarms.hosts.get_mut(&HostId::SERVER) else { return };
        let budget = &mut self.alarms.budget;
        let judged = of.judge.judge_server(&cells, &own_subject(), now.wall, budget);
        of.note(&judged);
        self.keep_judged(&SERVER, None, judged);
        self.show_own_alarms();
        self.tell_refused();
    }

    /// How long the certificates that the server shows to probes and to those who ask it are valid yet.
    fn own_certificates_left_s(&self, now: Now) -> f64 {
        let shown = self.parts.live.server().certificate_ends_s;
        let first = self.parts.poller.certificate_ends_s().into_iter().chain(shown).min();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        first.map_or(f64::NAN, |ends| (ends - now.wall.0 / 1_000) as f64)
    }

    fn show_own_alarms(&self) {
        let shown = self.alarms.shown(HostId::SERVER);
        if shown != self.parts.live.server().alarms {
            self.parts.live.update_server(|server| server.alarms = shown);
        }
    }

    /// Says, once a second at most, that alarms did not begin because there are as many as may be.
    fn tell_refused(&mut self) {
        let refused = self.alarms.budget.refused;
        if refused > std::mem::replace(&mut self.alarms.refused, refused) {
            tracing::error!(
                refused,
                limit = MAX_ALARMS_IN_ALL,
                "there are as many alarms as may be: further ones do not begin"
            );
        }
    }

    /// What is to be told of a change of an alarm; `alarms` are those that changed with it. A rule about a
    /// host's state alone says what is told of the state.
    fn notice(&self, event: &AlarmEvent, alarms: &[Alarm], name: &HostName) -> Option<Arc<Notice>> {
        let hook = self.parts.hook.as_ref().filter(|hook| hook.tells(event.severity))?;
        let rules = self.alarms.rules.as_ref().into_iter().flat_map(RuleSets::iter);
        let rule = rules.into_iter().find(|rule| rule.name == event.key.rule);
        if rule.is_some_and(|rule| rule.is_about_state()) {
            return None;
        }
        let alarm = alarms.iter().find(|alarm| alarm.key == event.key);
        let (rule, fired) = (rule.map(|rule| &**rule), alarm.and_then(|alarm| alarm.fired));
        let host = self.hosts.get(&event.key.host).map(|entry| &*entry.spec);
        hook.notice(&Notification::of_alarm(event, rule, fired, name.clone(), host))
    }

    /// Logs, tells and keeps what was judged, with its poll.
    pub(super) fn keep_judged(&self, name: &HostName, poll: Option<Arc<Record>>, judged: Judged) {
        let Judged { rows: alarms, events } = judged;
        if alarms.is_empty() && events.is_empty() {
            if let Some(record) = poll {
                self.parts.writer.push(writer::QueuedRow::Poll(record));
            }
            return;
        }
        for event in &events {
            let label = ChangeLabel { to: event.to };
            self.parts.metrics.alarm_changes.get_or_create(&label).inc();
            let (rule, row) = (&*event.key.rule, &*event.key.row);
            tracing::info!(
                rule, row, from = %event.from, to = %event.to, severity = %event.severity,
                cause = %event.cause, "alarm: {}", event.summary,
            );
        }
        let notices = events.iter().filter_map(|event| self.notice(event, &alarms, name)).collect();
        let judged = writer::Judged { alarms, events, notices };
        self.parts.writer.push(writer::QueuedRow::Judged(poll, Box::new(judged)));
    }
}

#[cfg(test)]
mod tests;
