//! A route's message in the words of a channel: what the rule compares, in which unit, and where it is
//! written what to do. Pure.

use std::time::Duration;

use crate::{
    alert::{Measure, Rule, Rules, Units},
    channel,
    config::PublicUrl,
    model::{AlarmState, HostName, Labels, Severity, Unit},
    route::{Item, Kind, Message},
    text::percent_encode,
};

/// The message as a channel is told; `items` in place of its own, where the channel wants all of them.
pub(super) fn message(
    message: &Message,
    items: Option<Vec<Item>>,
    rules: &Rules,
) -> channel::Message {
    let all = items.is_some();
    let items = items.unwrap_or_else(|| message.items.clone());
    let more = if all { 0 } else { message.more };
    let kind = match message.kind {
        Kind::Firing | Kind::Repeat | Kind::Escalation => channel::MessageKind::Firing,
        Kind::Resolved => channel::MessageKind::Resolved,
        Kind::Digest => channel::MessageKind::Digest,
    };
    channel::Message {
        id: message.id.clone(),
        kind,
        severity: worst(&items),
        title: title(message),
        at: message.at,
        items: items.iter().map(|item| self::item(item, rules)).collect(),
        more,
        link: None,
    }
}

/// How much of a host's charts stands before the begin of its alarm.
const BEFORE: Duration = Duration::from_secs(30 * 60);

/// The page that shows what a message is about: the host around that time where all is of one, else the
/// alarms, those of one rule where all are.
pub(super) fn link(message: &channel::Message, url: &PublicUrl) -> String {
    let items = &message.items;
    let Some(first) = items.first().filter(|_| message.more == 0) else {
        return url.page("/alerts");
    };
    if items.iter().all(|item| item.host == first.host) {
        if *first.host == *HostName::server().as_str() {
            return url.page("/server");
        }
        let since = items.iter().map(|item| item.since).min().unwrap_or(message.at);
        let (from, to) = (since.minus(BEFORE).0, message.at.0);
        let host = percent_encode(&first.host);
        return url.page(&format!("/hosts/{host}?from={from}&to={to}"));
    }
    match items.iter().all(|item| item.key.rule == first.key.rule) {
        true => url.page(&format!("/alerts?rule={}", first.key.rule)),
        false => url.page("/alerts"),
    }
}

/// Of what fires, or of all where nothing does.
pub(super) fn worst(items: &[Item]) -> Severity {
    let firing = items.iter().filter(|item| item.said.firing).map(|item| item.said.severity).max();
    let any = || items.iter().map(|item| item.said.severity).max();
    firing.or_else(any).unwrap_or(Severity::Info)
}

fn title(message: &Message) -> String {
    let what = match message.items.as_slice() {
        [item] if message.more == 0 => {
            let row = if item.key.row.is_empty() { "" } else { " " };
            format!("{} {}{row}{}", item.host, item.key.rule, item.key.row)
        }
        _ => {
            let common: Vec<&str> = message
                .group
                .iter()
                .map(|(_, value)| &**value)
                .filter(|value| !value.is_empty())
                .collect();
            let of = if common.is_empty() { &*message.route } else { &*common.join(", ") };
            let counts = match (message.firing, message.over) {
                (firing, 0) => format!("{firing} firing"),
                (0, over) => format!("{over} over"),
                (firing, over) => format!("{firing} firing, {over} over"),
            };
            format!("{of}: {counts}")
        }
    };
    match message.kind {
        Kind::Repeat => format!("still: {what}"),
        Kind::Escalation => format!("not acknowledged: {what}"),
        Kind::Firing | Kind::Resolved | Kind::Digest => what,
    }
}

/// One alarm as a channel is told.
pub(super) fn item(item: &Item, rules: &Rules) -> channel::Item {
    let rule = rules.list.iter().find(|rule| rule.name == item.key.rule).map(|rule| &**rule);
    // One that flaps is told as firing, whatever it does at the moment.
    let state = match (item.said.firing, item.state.is_active()) {
        (true, false) => AlarmState::Firing,
        _ => item.state,
    };
    let measure = rule.and_then(|rule| rule.when.value.as_ref());
    channel::Item {
        key: item.key.clone(),
        host: item.host.as_str().into(),
        group: item.group.as_ref().map(|group| group.as_str().into()),
        labels: Labels::clone(&item.labels),
        state,
        severity: item.said.severity,
        value: item.value,
        unit: measure.map_or(Unit::Number, unit),
        threshold: rule.map(|rule| threshold(rule, item.said.severity)).unwrap_or_default(),
        since: item.since,
        ended: item.until.filter(|_| !item.said.firing),
        summary: summary(item),
        runbook: rule.and_then(|rule| rule.runbook.as_deref()).map(str::to_owned),
    }
}

fn summary(item: &Item) -> String {
    let mut text = item.summary.to_string();
    if item.said.flapping {
        text.push_str(" (it comes and goes: single changes are not told)");
    }
    if let (true, Some(until)) = (item.late, item.until) {
        let (since, until) = (item.since.spoken(), until.spoken());
        text.push_str(&format!(" (was firing from {since} to {until}, told late)"));
    }
    if let Some(who) = &item.acked_by {
        text.push_str(&format!(" (acknowledged by {who})"));
    }
    text
}

/// What the rule compares, as it stands in the file.
fn threshold(rule: &Rule, severity: Severity) -> String {
    let critical = rule.critical.as_ref().filter(|_| severity == Severity::Critical);
    critical.unwrap_or(&rule.when).text.to_string()
}

fn unit(measure: &Measure) -> Unit {
    match measure.units {
        Units::Plain | Units::Polls => Unit::Number,
        Units::Percent => Unit::Percent,
        Units::Bytes => Unit::Bytes,
        Units::BytesPerSecond => Unit::BytesPerSecond,
        Units::PerSecond => Unit::PerSecond,
        Units::Time if measure.factor <= 1e-6 => Unit::Microseconds,
        Units::Time if measure.factor <= 1e-3 => Unit::Milliseconds,
        Units::Time => Unit::Seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        channel::MessageKind,
        model::{AlarmKey, HostId},
        units::WallMs,
    };

    #[test]
    fn a_link_leads_to_what_the_message_is_about() {
        let item = |host: &str, rule: &str, since: i64| channel::Item {
            key: AlarmKey { rule: rule.into(), host: HostId(1), row: "".into() },
            host: host.into(),
            group: None,
            labels: Labels::new(),
            state: AlarmState::Firing,
            severity: Severity::Warning,
            value: None,
            unit: Unit::Number,
            threshold: String::new(),
            since: WallMs(since),
            ended: None,
            summary: String::new(),
            runbook: None,
        };
        let url = PublicUrl::parse("https://monitor.example.org/mon/").unwrap();
        let link = |items: Vec<channel::Item>, more| {
            let message = channel::Message {
                id: "1".into(),
                kind: MessageKind::Firing,
                severity: Severity::Warning,
                title: String::new(),
                at: WallMs(4_000_000),
                items,
                more,
                link: None,
            };
            super::link(&message, &url)
        };
        let (disk, load) = (item("web-1", "disk", 2_000_000), item("web-1", "load", 3_000_000));
        let (other, own) = (item("web-2", "disk", 1), item("roundsman:server", "late", 1));
        let at = |path: &str| format!("https://monitor.example.org/mon{path}");
        let both = vec![disk.clone(), load.clone()];
        assert_eq!(link(both.clone(), 0), at("/hosts/web-1?from=200000&to=4000000"));
        assert_eq!(link(both, 1), at("/alerts"));
        assert_eq!(link(vec![disk.clone(), other.clone()], 0), at("/alerts?rule=disk"));
        assert_eq!(link(vec![load, other], 0), at("/alerts"));
        assert_eq!(link(vec![own], 0), at("/server"));
        assert_eq!(link(Vec::new(), 0), at("/alerts"));
    }
}
