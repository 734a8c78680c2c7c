//! What is wrong with telling itself, as alarms of the server.

use std::sync::Arc;

use super::{Change, Facts};
use crate::{
    model::{AlarmCause, AlarmEvent, AlarmKey, AlarmState, HostId, HostName, Labels, Severity},
    units::WallMs,
};

/// The rule of a channel that takes nothing; its row is the channel.
pub const CHANNEL_RULE: &str = "roundsman:channel-failing";
/// The rule of more alarms than are followed.
pub const OVERFLOW_RULE: &str = "roundsman:too-many-alarms";

/// Whether an alarm is about telling itself. No rule of a file has such a name.
pub(super) fn is_own(key: &AlarmKey) -> bool {
    key.host == HostId::SERVER && matches!(&*key.rule, CHANNEL_RULE | OVERFLOW_RULE)
}

/// Whether an alarm is about this channel, so that it cannot be told there.
pub(super) fn is_about(key: &AlarmKey, channel: &str) -> bool {
    is_own(key) && *key.rule == *CHANNEL_RULE && *key.row == *channel
}

/// A channel began to fail, or takes messages again.
pub(super) fn channel(name: &Arc<str>, fails: Option<&str>, now: WallMs) -> Change {
    let summary = match fails {
        Some(why) => format!("channel {name} takes no messages: {why}"),
        None => format!("channel {name} takes messages again"),
    };
    change(CHANNEL_RULE, Arc::clone(name), fails.is_some(), summary, now)
}

/// There are more alarms than are followed, or no longer.
pub(super) fn overflow(most: usize, begins: bool, now: WallMs) -> Change {
    let summary = match begins {
        true => {
            format!("there are {most} alarms, which is the most: of further ones nobody is told")
        }
        false => "new alarms are told again".to_owned(),
    };
    change(OVERFLOW_RULE, "".into(), begins, summary, now)
}

fn change(rule: &str, row: Arc<str>, fires: bool, summary: String, now: WallMs) -> Change {
    let (from, to) = match fires {
        true => (AlarmState::Ok, AlarmState::Firing),
        false => (AlarmState::Firing, AlarmState::Ok),
    };
    let event = AlarmEvent {
        key: AlarmKey { rule: rule.into(), host: HostId::SERVER, row },
        slot: now,
        at: now,
        from,
        to,
        cause: AlarmCause::Values,
        severity: Severity::Critical,
        value: None,
        summary: summary.into(),
    };
    let facts = Facts {
        host: HostName::server(),
        group: None,
        labels: Arc::new(Labels::new()),
        behind: None,
    };
    Change { event, facts }
}
