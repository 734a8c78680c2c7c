//! What people said of alarms, in JSON's words.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Query, QueryError, moment::Rfc3339, seen::Seen};
use crate::{
    live::HostView,
    model::{Alarm, AlarmKey, HostId, HostName, Labels, Severity},
    outbox::{Outbox, People},
    route::{Facts, Silence},
    text::Glob,
    units::WallMs,
};

/// The silences that hold.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SilencesPage {
    /// What ends first first.
    pub silences: Vec<SilenceShape>,
}

/// A silence: alarms of which nobody is told for some time. All that is given must hold; what is empty
/// holds for every alarm.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SilenceShape {
    /// What it is known by.
    pub id: Arc<str>,
    /// Alarms of hosts of one of these groups.
    pub groups: Vec<String>,
    /// Alarms of hosts with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Alarms of one of these severities.
    pub severity: Vec<Severity>,
    /// Alarms of rules whose name fits one of these; `*` is any text, `?` one character.
    pub rules: Vec<String>,
    /// Alarms of hosts whose name fits one of these.
    pub hosts: Vec<String>,
    /// Alarms of one of these rows.
    pub rows: Vec<String>,
    /// When it ends at the latest.
    pub until: Rfc3339,
    /// The same, milliseconds since 1970.
    pub until_ms: WallMs,
    /// It ends by itself when the last alarm that it is about is over.
    pub until_clear: bool,
    /// By whom.
    pub who: Arc<str>,
    /// Why.
    pub why: Arc<str>,
    /// How many alarms that fire it is about now.
    pub alarms: usize,
}

impl SilenceShape {
    /// One that is about so many firing alarms.
    #[must_use]
    pub fn new(silence: &Silence, alarms: usize) -> Self {
        let Silence { id, matcher, until, until_clear, who, why } = silence.clone();
        let texts = |globs: &[Glob]| globs.iter().map(|glob| glob.as_str().to_owned()).collect();
        Self {
            id,
            groups: matcher.groups.iter().map(|group| group.as_str().to_owned()).collect(),
            rules: texts(&matcher.rules),
            hosts: texts(&matcher.hosts),
            labels: matcher.labels,
            severity: matcher.severity.into_iter().collect(),
            rows: matcher.rows.into_iter().collect(),
            until: Rfc3339(until),
            until_ms: until,
            until_clear,
            who,
            why,
            alarms,
        }
    }
}

/// What keeps an alarm from being told because somebody said so.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct KeptBack {
    /// Who acknowledged it; `null` when nobody did.
    pub acked_by: Option<Arc<str>>,
    /// When.
    pub acked_at: Option<Rfc3339>,
    /// The same, milliseconds since 1970.
    pub acked_at_ms: Option<WallMs>,
    /// What was said with it; may be empty.
    pub ack_note: Option<Arc<str>>,
    /// The ids of the silences that are about it.
    pub silenced_by: Vec<Arc<str>>,
}

/// An alarm that somebody said something of.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AckShape {
    /// Whose; `roundsman:server` for the server itself.
    pub host: String,
    /// The rule.
    pub rule: Arc<str>,
    /// The labels of the row, joined by `/`; empty for the host as a whole.
    pub row: Arc<str>,
    /// What was said of it.
    #[serde(flatten)]
    pub kept_back: KeptBack,
}

/// What people said, at one moment, and of which hosts.
pub(super) struct Heard<'a> {
    people: Arc<People>,
    live: &'a Seen,
}

fn facts(view: &HostView) -> Facts {
    Facts {
        host: view.name.clone(),
        group: view.group.clone(),
        labels: Arc::clone(&view.labels),
        behind: None,
    }
}

fn facts_of_server() -> Facts {
    let labels = Arc::new(Labels::new());
    Facts { host: HostName::server(), group: None, labels, behind: None }
}

impl Heard<'_> {
    /// What keeps an alarm back, by the name of its host.
    pub(super) fn of(&self, host: &str, rule: &str, row: &str, severity: Severity) -> KeptBack {
        let (id, facts) = match self.live.host(host) {
            Some(view) => (view.id, facts(&view)),
            None if host == HostName::server().as_str() => (HostId::SERVER, facts_of_server()),
            None => return KeptBack::default(),
        };
        let key = AlarmKey { rule: rule.into(), host: id, row: row.into() };
        let ack = self.people.acks.get(&key);
        let silences = self.people.silences.iter();
        let about = silences.filter(|of| of.matcher.matches(rule, row, severity, &facts));
        KeptBack {
            acked_by: ack.map(|ack| Arc::clone(&ack.who)),
            acked_at: ack.map(|ack| Rfc3339(ack.at)),
            acked_at_ms: ack.map(|ack| ack.at),
            ack_note: ack.map(|ack| Arc::clone(&ack.note)),
            silenced_by: about.map(|silence| Arc::clone(&silence.id)).collect(),
        }
    }

    /// The same of one row, as it is now.
    pub(super) fn of_row(&self, host: &str, rule: &str, row: &str) -> KeptBack {
        let alarms = match self.live.host(host) {
            Some(view) => Arc::clone(&view.alarms),
            None if host == HostName::server().as_str() => self.live.server().alarms,
            None => return KeptBack::default(),
        };
        let found = alarms.iter().map(|of| &of.alarm);
        let mut found = found.filter(|alarm| *alarm.key.rule == *rule && *alarm.key.row == *row);
        found.next().map(|alarm| self.of(host, rule, row, alarm.severity)).unwrap_or_default()
    }

    /// Whether a silence is about nothing but groups that may be seen.
    fn sees(&self, silence: &Silence) -> bool {
        let groups = &silence.matcher.groups;
        match self.live.scope().groups() {
            None => true,
            Some(_) => {
                !groups.is_empty() && groups.iter().all(|group| self.live.scope().sees(Some(group)))
            }
        }
    }

    /// The silences, each with the number of the firing alarms that it is about.
    fn silences(&self) -> Vec<SilenceShape> {
        let silences: Vec<_> = self.people.silences.iter().filter(|of| self.sees(of)).collect();
        let mut shapes: Vec<_> =
            silences.iter().map(|silence| SilenceShape::new(silence, 0)).collect();
        if shapes.is_empty() {
            return shapes;
        }
        let mut count = |facts: &Facts, firing: &mut dyn Iterator<Item = &Alarm>| {
            for alarm in firing {
                for (silence, shape) in silences.iter().zip(&mut shapes) {
                    let (rule, row) = (&alarm.key.rule, &alarm.key.row);
                    let is_about = silence.matcher.matches(rule, row, alarm.severity, facts);
                    shape.alarms += usize::from(is_about);
                }
            }
        };
        for view in self.live.hosts() {
            count(&facts(&view), &mut view.firing());
        }
        let own = self.live.server().alarms;
        let firing = own.iter().map(|of| &of.alarm).filter(|alarm| alarm.state.is_active());
        count(&facts_of_server(), &mut { firing });
        shapes.sort_by_key(|shape| (shape.until_ms, Arc::clone(&shape.id)));
        shapes
    }
}

impl Query {
    /// What people said of alarms; none without a live view.
    pub(super) fn heard(&self) -> Option<Heard<'_>> {
        let people = self.outbox.as_ref().map(Outbox::people).unwrap_or_default();
        Some(Heard { people, live: self.live.as_ref()? })
    }

    /// Where what people say of alarms goes; none where alarms are not followed.
    #[must_use]
    pub fn outbox(&self) -> Option<&Outbox> {
        self.outbox.as_ref()
    }

    /// The silences that hold; none without a live view.
    #[must_use]
    pub fn silences(&self) -> Option<SilencesPage> {
        Some(SilencesPage { silences: self.heard()?.silences() })
    }

    /// One silence that holds.
    #[must_use]
    pub fn silence(&self, id: &str) -> Option<SilenceShape> {
        self.heard()?.silences().into_iter().find(|silence| *silence.id == *id)
    }

    /// What is known of an alarm of a host, or of `roundsman:server`, that somebody says something of.
    ///
    /// # Errors
    /// [`QueryError::UnknownHost`], [`QueryError::Store`].
    pub async fn alarm_key(
        &self,
        host: &str,
        rule: &str,
        row: &str,
    ) -> Result<AlarmKey, QueryError> {
        let host = match self.means_server(host) {
            true => HostId::SERVER,
            false => self.find(host).await?.0,
        };
        Ok(AlarmKey { rule: rule.into(), host, row: row.into() })
    }

    /// What somebody said of an alarm.
    #[must_use]
    pub fn ack(&self, host: &str, key: &AlarmKey) -> AckShape {
        let AlarmKey { rule, row, .. } = key.clone();
        let heard = self.heard();
        let kept_back = heard.map(|heard| heard.of_row(host, &rule, &row)).unwrap_or_default();
        AckShape { host: host.to_owned(), rule, row, kept_back }
    }
}
