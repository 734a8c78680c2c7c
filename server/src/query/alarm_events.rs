//! How alarms changed: in JSON's words.

use std::{collections::HashMap, sync::Arc};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Query, QueryError, moment::Rfc3339, seen::Seen};
use crate::{
    model::{AlarmCause, AlarmEvent, AlarmState, HostId, HostName, Severity},
    store::{self, HostQuery},
    units::WallMs,
};

/// Changes of alarms.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlarmEventsPage {
    /// Newest first.
    pub events: Vec<AlarmEventShape>,
    /// There are older ones that are not here.
    pub more: bool,
}

/// A change of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AlarmEventShape {
    /// Whose; `roundsman:server` for the server itself, `null` for a host that nobody knows any longer.
    pub host: Option<Arc<str>>,
    /// The rule.
    pub rule: Arc<str>,
    /// The labels of the row, joined by `/`; empty for the host as a whole.
    pub row: Arc<str>,
    /// The slot of the poll that caused it, or the moment of the change where no poll did.
    pub slot: Rfc3339,
    /// The same, milliseconds since 1970.
    pub slot_ms: WallMs,
    /// When it was judged.
    pub at: Rfc3339,
    /// The state before.
    pub from: AlarmState,
    /// The state after; as before where it is the severity that changed.
    pub to: AlarmState,
    /// Why.
    pub cause: AlarmCause,
    /// How much the alarm matters.
    pub severity: Severity,
    /// The value that caused it; `null` is unknown.
    pub value: Option<f64>,
    /// What the rule says of it.
    pub summary: Arc<str>,
}

impl AlarmEventShape {
    fn new(event: &AlarmEvent, host: Option<&HostName>) -> Self {
        Self {
            host: host.map(|host| host.as_str().into()),
            rule: Arc::clone(&event.key.rule),
            row: Arc::clone(&event.key.row),
            slot: Rfc3339(event.slot),
            slot_ms: event.slot,
            at: Rfc3339(event.at),
            from: event.from,
            to: event.to,
            cause: event.cause,
            severity: event.severity,
            value: event.value.filter(|value| value.is_finite()),
            summary: Arc::clone(&event.summary),
        }
    }
}

impl Query {
    /// Changes of the alarms of a host, of a rule, or of all, in a span, newest first; at most `limit`.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn alarm_events(
        &self,
        (host, rule): (Option<&str>, Option<&str>),
        span: store::Span,
        limit: usize,
    ) -> Result<AlarmEventsPage, QueryError> {
        let host = match host {
            Some(name) if self.means_server(name) => Some(HostId::SERVER),
            Some(name) => Some(self.find(name).await?.0),
            None => None,
        };
        let newest = store::ReadOrder::NewestFirst;
        let of = store::AlarmsOf { host, rule: rule.map(Into::into) };
        let (found, is_all) = self.store.alarm_events(of, span, newest, limit).await?;
        let more = !is_all;
        let names = self.names_of(&found).await?;
        let shape = |event| AlarmEventShape::new(event, names.get(&event.key.host));
        Ok(AlarmEventsPage { events: found.iter().map(shape).collect(), more })
    }

    /// The names of the hosts that events are of, those that are retired among them.
    async fn names_of(
        &self,
        events: &[AlarmEvent],
    ) -> Result<HashMap<HostId, HostName>, QueryError> {
        let mut names = HashMap::from([(HostId::SERVER, HostName::server())]);
        for view in self.live.iter().flat_map(Seen::hosts) {
            names.insert(view.id, view.name.clone());
        }
        if events.iter().any(|event| !names.contains_key(&event.key.host)) {
            let kept = self.store.hosts(HostQuery::all()).await?;
            names.extend(kept.into_iter().map(|host| (host.id, host.name)));
        }
        Ok(names)
    }
}
