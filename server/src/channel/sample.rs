//! Messages for tests: one as it should be, and ones that nobody would write.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Item, Message, MessageKind};
use crate::{
    language::Language,
    model::{AlarmKey, AlarmState, HostId, Labels, Severity, Unit},
    units::WallMs,
};

/// When these tests happen.
pub(super) const NOW: WallMs = WallMs(1_774_747_800_000);

/// An alarm of a full filesystem.
pub(super) fn item(host: &str, id: i64) -> Item {
    Item {
        key: AlarmKey { rule: "disk_full".into(), host: HostId(id), row: "/var".into() },
        host: host.into(),
        group: Some("web".into()),
        labels: Labels::from([("rack".to_owned(), "a1".to_owned())]),
        state: AlarmState::Firing,
        severity: Severity::Critical,
        value: Some(97.3),
        unit: Unit::Percent,
        threshold: "above 95 %".to_owned(),
        since: WallMs(NOW.0 - 60_000),
        ended: None,
        summary: "/var is 97.3 % full, and full in 3 h".to_owned(),
        runbook: Some("https://wiki.example.org/disk".to_owned()),
    }
}

/// A message of so many alarms.
pub(super) fn message(items: usize) -> Message {
    let items: Vec<Item> = (1..).take(items).map(|id| item(&format!("web-{id}"), id)).collect();
    Message {
        id: "ops/12/1774747800000".into(),
        kind: MessageKind::Firing,
        language: Language::English,
        severity: Severity::Critical,
        title: format!("{} filesystems of web are full", items.len()),
        at: NOW,
        items,
        more: 0,
        link: Some("https://monitor.example.org/alerts?group=web".to_owned()),
    }
}

/// The same when it is over.
pub(super) fn resolved(items: usize) -> Message {
    let mut message = message(items);
    message.kind = MessageKind::Resolved;
    for item in &mut message.items {
        (item.state, item.value, item.ended) = (AlarmState::Ok, Some(41.0), Some(NOW));
    }
    message
}

/// Text that means something to some receiver.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<b>&amp;\"'".to_owned()),
        Just("*_~`|[x](http://x)#".to_owned()),
        Just("@everyone <!channel> <at user_id=\"all\">".to_owned()),
        Just("{host}{{}}\\".to_owned()),
        Just("\u{0}\r\n\u{202e}\u{7f}".to_owned()),
        Just("\u{1f4bf}\u{1f4bf}漢字é".to_owned()),
        "\\PC{0,20}",
        any::<char>().prop_map(|c| c.to_string().repeat(300)),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Any message, of up to 500 alarms.
pub(super) fn any_message() -> impl Strategy<Value = Message> {
    let kinds = prop::sample::select(MessageKind::ALL);
    let words = prop::collection::vec(hostile(), 8);
    let values = prop::option::of(any::<f64>());
    let rest = (prop::option::of(hostile()), prop::sample::select(AlarmState::ALL), any::<bool>());
    (kinds, words, values, rest, 0_usize..=500, 0_usize..1000).prop_map(
        |(kind, words, value, (link, state, ended), count, more)| {
            let text = |at: usize| words[at % words.len()].clone();
            let item = |id: i64, at: usize| Item {
                key: AlarmKey { rule: text(at).into(), host: HostId(id), row: text(at + 1).into() },
                host: text(at + 2).into(),
                group: Some(text(at + 3).into()),
                labels: Labels::from([(text(at + 4), text(at + 5))]),
                state,
                value,
                threshold: text(at + 6),
                ended: ended.then_some(NOW),
                summary: text(at + 7),
                runbook: Some(text(at)),
                ..item("", id)
            };
            Message {
                id: Arc::from(text(0)),
                kind,
                title: text(1),
                items: (1..).zip(0..count).map(|(id, at)| item(id, at)).collect(),
                more,
                link,
                // Either, whatever the texts say.
                language: Language::ALL[count % 2],
                ..message(0)
            }
        },
    )
}
