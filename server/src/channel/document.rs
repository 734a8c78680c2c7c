//! The document of a web hook: as many alarms as fit, the others counted.

use serde::Serialize;

use super::{
    fit::{Escape, Measure, fitted},
    message::{Item, MAX_SENTENCE_BYTES, MAX_SHOWN_BYTES, Message},
};
use crate::{language::Language, model::Labels, units::WallMs};

/// The version of the document; raised when something in it changes its meaning.
pub const CHANNEL_DOCUMENT_VERSION: u32 = 1;

/// Labels of a host that a document repeats.
const LABELS: usize = 32;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    id: String,
    kind: &'a str,
    at: String,
    at_ms: WallMs,
    severity: &'a str,
    title: String,
    link: Option<String>,
    count: usize,
    items: Vec<OfItem<'a>>,
    more: usize,
}

#[derive(Serialize)]
struct OfItem<'a> {
    host: String,
    host_id: i64,
    group: Option<String>,
    labels: Labels,
    rule: String,
    row: String,
    state: &'a str,
    severity: &'a str,
    value: Option<f64>,
    unit: crate::model::Unit,
    shown: String,
    threshold: String,
    since: String,
    since_ms: WallMs,
    ended_ms: Option<WallMs>,
    summary: String,
    runbook: Option<String>,
}

/// A text as it is, cut where it is too long.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    fitted(text, bytes, Measure::Bytes, Escape::Plain)
}

pub(super) fn short(text: &str) -> String {
    cut(text, MAX_SHOWN_BYTES)
}

pub(super) fn long(text: &str) -> String {
    cut(text, MAX_SENTENCE_BYTES)
}

/// The labels of a host, each cut where it is too long.
pub(super) fn labels(labels: &Labels) -> Labels {
    labels.iter().take(LABELS).map(|(name, value)| (short(name), short(value))).collect()
}

fn of_item(item: &Item, language: Language) -> OfItem<'_> {
    OfItem {
        host: short(&item.host),
        host_id: item.key.host.0,
        group: item.group.as_deref().map(short),
        labels: labels(&item.labels),
        rule: short(&item.key.rule),
        row: short(&item.key.row),
        state: item.state.as_str(),
        severity: item.severity.as_str(),
        // JSON has no number for these.
        value: item.value.filter(|value| value.is_finite()),
        unit: item.unit,
        shown: item.shown(language),
        threshold: short(&item.threshold),
        since: item.since.to_string(),
        since_ms: item.since,
        ended_ms: item.ended,
        summary: long(&item.summary),
        runbook: item.runbook.as_deref().map(long),
    }
}

/// The document of a message, of at most `most` bytes.
///
/// # Errors
/// When something in it is no JSON, which nothing is.
pub(super) fn document(message: &Message, most: usize) -> Result<String, serde_json::Error> {
    let count = message.items.len().saturating_add(message.more);
    let mut document = Document {
        version: CHANNEL_DOCUMENT_VERSION,
        id: short(&message.id),
        kind: message.kind.as_str(),
        at: message.at.to_string(),
        at_ms: message.at,
        severity: message.severity.as_str(),
        title: long(&message.title),
        link: message.link.as_deref().map(long),
        count,
        items: Vec::new(),
        // As long as it can become.
        more: usize::MAX,
    };
    let mut length = serde_json::to_string(&document)?.len();
    for item in &message.items {
        let item = of_item(item, message.language);
        let longer = length + serde_json::to_string(&item)?.len() + 1;
        if longer > most {
            break;
        }
        length = longer;
        document.items.push(item);
    }
    document.more = count - document.items.len();
    serde_json::to_string(&document)
}
