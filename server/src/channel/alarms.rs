//! The documents of those who know each alarm by its identity: Alertmanager and PagerDuty.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    document::{labels, long, short},
    fit::{Escape, Measure, fitted},
    message::{Item, Message, MessageKind},
    render::headline,
};
use crate::{
    model::{AlarmKey, Severity},
    units::WallMs,
};

/// How long an alarm fires in Alertmanager when it is not told again: four times the time after which
/// it is told again.
const FORGOTTEN: Duration = Duration::from_secs(4 * 60);

/// The longest key of PagerDuty, characters.
const PAGERDUTY_KEY: usize = 255;

/// The longest summary of PagerDuty, characters.
const PAGERDUTY_SUMMARY: usize = 1024;

/// The arrays of alerts of a message, each of at most `most` bytes. What belongs to an alarm's identity
/// is a label, what changes with each poll an annotation. A test is an alert of its own, which ends.
pub(super) fn alertmanager(message: &Message, now: WallMs, most: usize) -> Vec<String> {
    let mut alerts: Vec<Value> =
        message.items.iter().map(|item| alert(item, message, now)).collect();
    if message.kind == MessageKind::Test && alerts.is_empty() {
        alerts.push(test(message, now));
    }
    let mut bodies: Vec<String> = Vec::new();
    for alert in alerts.iter().map(Value::to_string) {
        match bodies.last_mut() {
            Some(body) if body.len() + alert.len() + 2 <= most => {
                body.push(',');
                body.push_str(&alert);
            }
            _ => bodies.push(format!("[{alert}")),
        }
    }
    bodies.iter_mut().for_each(|body| body.push(']'));
    bodies
}

fn alert(item: &Item, message: &Message, now: WallMs) -> Value {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in labels(&item.labels) {
        all.insert(label_name(&name), value);
    }
    for (name, value) in [
        ("alertname", short(&item.key.rule)),
        ("host", short(&item.host)),
        ("group", item.group.as_deref().map(short).unwrap_or_default()),
        ("row", short(&item.key.row)),
        ("severity", item.severity.to_string()),
    ] {
        all.insert(name.to_owned(), value);
    }
    // An empty label is none.
    all.retain(|_, value| !value.is_empty());
    let mut annotations = BTreeMap::from([
        ("summary", long(&item.summary)),
        ("value", item.shown(message.language)),
        ("threshold", short(&item.threshold)),
        ("state", item.state.to_string()),
        ("runbook_url", item.runbook.as_deref().map(long).unwrap_or_default()),
    ]);
    annotations.retain(|_, value| !value.is_empty());
    let ends = match item.is_over() {
        // Of the moment that is now, at the latest: a clock may have been set back.
        true => item.ended.unwrap_or(message.at).min(now),
        false => now.plus(FORGOTTEN),
    };
    let mut alert = json!({
        "labels": all,
        "annotations": annotations,
        // Alertmanager refuses what ends before it starts.
        "startsAt": item.since.min(ends).to_string(),
        "endsAt": ends.to_string(),
    });
    if let Some(link) = &message.link {
        alert["generatorURL"] = long(link).into();
    }
    alert
}

fn test(message: &Message, now: WallMs) -> Value {
    json!({
        "labels": { "alertname": "RoundsmanTest", "severity": message.severity.as_str() },
        "annotations": { "summary": headline(message) },
        "startsAt": message.at.min(now).to_string(),
        "endsAt": now.plus(FORGOTTEN).to_string(),
    })
}

/// A label's name of Prometheus: letters, digits and `_`, no digit first.
fn label_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain }
}

/// What PagerDuty knows an alarm by.
fn dedup_key(key: &AlarmKey) -> String {
    let whole = format!("roundsman/{}/{}/{}", key.rule, key.host.0, key.row);
    if whole.chars().count() <= PAGERDUTY_KEY {
        return whole;
    }
    // A cut alone could make two alarms one.
    let hash = format!("/{:016x}", xxh3_64(whole.as_bytes()));
    let kept: String = whole.chars().take(PAGERDUTY_KEY - hash.len()).collect();
    kept + &hash
}

/// The events of a message: one per alarm. A test opens an incident, and closes it.
pub(super) fn pagerduty(message: &Message, routing_key: &str) -> Vec<String> {
    let event = |action: &str, key: &str, payload: Option<Value>| {
        let mut event = json!({
            "routing_key": routing_key, "event_action": action, "dedup_key": key,
            "client": "Roundsman",
        });
        if let Some(payload) = payload {
            event["payload"] = payload;
        }
        if let Some(link) = &message.link {
            event["client_url"] = long(link).into();
        }
        event.to_string()
    };
    if message.kind == MessageKind::Test && message.items.is_empty() {
        let key = fitted(
            &format!("roundsman/test/{}", message.id),
            PAGERDUTY_KEY,
            Measure::Chars,
            Escape::Plain,
        );
        let payload = json!({
            "summary": summary(&headline(message)),
            "source": "roundsman",
            "severity": "info",
        });
        return vec![event("trigger", &key, Some(payload)), event("resolve", &key, None)];
    }
    let of_item = |item: &Item| {
        let key = dedup_key(&item.key);
        match item.is_over() {
            true => event("resolve", &key, None),
            false => event("trigger", &key, Some(payload(item, message))),
        }
    };
    message.items.iter().map(of_item).collect()
}

fn summary(text: &str) -> String {
    fitted(text, PAGERDUTY_SUMMARY, Measure::Chars, Escape::Plain)
}

fn payload(item: &Item, message: &Message) -> Value {
    let test = if message.kind == MessageKind::Test { "TEST: " } else { "" };
    let what = if item.summary.is_empty() { &*item.threshold } else { &item.summary };
    let (host, rule) = (short(&item.host), short(&item.key.rule));
    let text = format!(
        "{test}{host} {rule} {}: {} ({what})",
        short(&item.key.row),
        item.shown(message.language)
    );
    let mut payload = json!({
        "summary": summary(&text),
        "source": host,
        "severity": match item.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        },
        "timestamp": item.since.to_string(),
        "class": rule,
        "custom_details": {
            "value": item.shown(message.language),
            "threshold": short(&item.threshold),
            "state": item.state.as_str(),
            "labels": labels(&item.labels),
            "runbook": item.runbook.as_deref().map(long),
        },
    });
    // A field that is there is a text.
    if let Some(group) = &item.group {
        payload["group"] = short(group).into();
    }
    if !item.key.row.is_empty() {
        payload["component"] = short(&item.key.row).into();
    }
    payload
}
