//! A route's message in the words of a channel: what the rule compares, in which unit, and where it is
//! written what to do. Pure.

use std::time::Duration;

use crate::{
    alert::{Measure, Rule, Rules, Units},
    channel,
    config::PublicUrl,
    language::Language,
    model::{AlarmState, HostName, Labels, Severity, Unit},
    route::{Item, Kind, Message},
    text::percent_encode,
};

/// The message as a channel is told; `items` in place of its own, where the channel wants all of them.
pub(super) fn message(
    message: &Message,
    items: Option<Vec<Item>>,
    rules: &Rules,
    language: Language,
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
        language,
        severity: worst(&items),
        title: title(message, language),
        at: message.at,
        items: items.iter().map(|item| self::item(item, rules, language)).collect(),
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

fn title(message: &Message, language: Language) -> String {
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
            let form = match (message.firing, message.over) {
                (_, 0) => "{of}: {firing} firing",
                (0, _) => "{of}: {over} over",
                _ => "{of}: {firing} firing, {over} over",
            };
            let (firing, over) = (message.firing.to_string(), message.over.to_string());
            language.say(form, &[("of", of), ("firing", &firing), ("over", &over)])
        }
    };
    match message.kind {
        Kind::Repeat => language.say("still: {what}", &[("what", &what)]),
        Kind::Escalation => language.say("not acknowledged: {what}", &[("what", &what)]),
        Kind::Firing | Kind::Resolved | Kind::Digest => what,
    }
}

/// One alarm as a channel is told.
pub(super) fn item(item: &Item, rules: &Rules, language: Language) -> channel::Item {
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
        summary: summary(item, language),
        runbook: rule.and_then(|rule| rule.runbook.as_deref()).map(str::to_owned),
    }
}

fn summary(item: &Item, language: Language) -> String {
    let mut text = language.translate(&item.summary);
    if item.said.flapping {
        text += &language.say(" (it comes and goes: single changes are not told)", &[]);
    }
    if let (true, Some(until)) = (item.late, item.until) {
        let (since, until) = (item.since.spoken().to_string(), until.spoken().to_string());
        let values = [("since", &*since), ("until", &*until)];
        text += &language.say(" (was firing from {since} to {until}, told late)", &values);
    }
    if let Some(who) = &item.acked_by {
        text += &language.say(" (acknowledged by {who})", &[("who", who)]);
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
    use std::sync::Arc;

    use super::*;
    use crate::{
        channel::MessageKind,
        model::{AlarmCause, AlarmKey, HostId},
        route::{Said, parse_all},
        units::WallMs,
    };

    /// The title of a message, and what is said of each alarm.
    fn told(kind: Kind, items: &[Item], language: Language) -> Vec<String> {
        let rules = parse_all("alerts.toml", "").unwrap().rules;
        let message = Message {
            id: "1".into(),
            channel: "ops".into(),
            kind,
            low: false,
            route: "all".into(),
            group: Vec::new(),
            items: items.to_vec(),
            more: 0,
            firing: 1,
            over: items.len() - 1,
            tells: Vec::new(),
            at: WallMs(0),
        };
        let message = super::message(&message, None, &rules, language);
        let summaries = message.items.into_iter().map(|item| item.summary);
        std::iter::once(message.title).chain(summaries).collect::<Vec<String>>()
    }

    #[test]
    fn a_message_is_in_the_language_of_its_channel() {
        let item = |state, said, cause: AlarmCause, summary: &str| Item {
            key: AlarmKey { rule: "disk-full".into(), host: HostId(1), row: "/srv".into() },
            host: HostName::new("db-1").unwrap(),
            group: None,
            labels: Arc::default(),
            state,
            said,
            cause,
            since: WallMs(0),
            until: Some(WallMs(60_000)),
            value: Some(97.0),
            summary: summary.into(),
            new: true,
            late: true,
            acked_by: Some("Ann".into()),
        };
        let said =
            Said { firing: true, severity: Severity::Warning, unknown: false, flapping: true };
        let over = Said { firing: false, ..said };
        let items = vec![
            item(
                AlarmState::Firing,
                said,
                AlarmCause::Values,
                "db-1: /srv 97 % full, 1 GiB of 9 GiB left",
            ),
            item(
                AlarmState::Ok,
                over,
                AlarmCause::RowGone,
                "db-1: /srv: disk-full: it is no longer there",
            ),
        ];
        let of = |kind| told(kind, &items[..1], Language::Chinese)[0].clone();
        assert_eq!(of(Kind::Repeat), "仍在触发：db-1 disk-full /srv");
        assert_eq!(of(Kind::Escalation), "尚未确认：db-1 disk-full /srv");
        assert_eq!(
            told(Kind::Firing, &items, Language::Chinese),
            [
                "all：1 个触发，1 个恢复",
                "db-1：/srv 已用 97 %，剩余 1 GiB / 9 GiB（反复出现：不再逐次通知）（曾于 1970-01-01 \
                 00:00:00 UTC 至 1970-01-01 00:01:00 UTC 触发，迟到的通知）（Ann 已确认）",
                "db-1：/srv: disk-full：已不存在（反复出现：不再逐次通知）（曾于 1970-01-01 00:00:00 UTC 至 \
                 1970-01-01 00:01:00 UTC 触发，迟到的通知）（Ann 已确认）",
            ]
        );
        assert_eq!(
            told(Kind::Firing, &items, Language::English)[..2],
            [
                "all: 1 firing, 1 over",
                "db-1: /srv 97 % full, 1 GiB of 9 GiB left (it comes and goes: single changes are not told) \
                 (was firing from 1970-01-01 00:00:00 UTC to 1970-01-01 00:01:00 UTC, told late) (acknowledged \
                 by Ann)",
            ]
        );
    }

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
                language: Language::English,
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
