//! The documents of those who show a text: chats and phones.

use serde_json::{Value, json};

use super::{
    Kind,
    message::{Message, MessageKind, sentence},
    render::Text,
    settings::Settings,
    sign,
};
use crate::{language::Language, model::Severity, units::WallMs};

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Critical,
    Warning,
    Info,
    Over,
}

fn urgency(message: &Message) -> Urgency {
    match (message.kind, message.severity) {
        (MessageKind::Resolved, _) => Urgency::Over,
        (MessageKind::Test, _) | (_, Severity::Info) => Urgency::Info,
        (_, Severity::Warning) => Urgency::Warning,
        (_, Severity::Critical) => Urgency::Critical,
    }
}

impl Urgency {
    fn colour(self) -> u32 {
        match self {
            Self::Critical => 0x00d0_2f2f,
            Self::Warning => 0x00e6_9138,
            Self::Info => 0x003b_78c4,
            Self::Over => 0x0038_8e3c,
        }
    }

    /// Of ntfy, 1 to 5, and its tags, which it draws as pictures.
    fn ntfy(self) -> (u8, &'static str) {
        match self {
            Self::Critical => (5, "rotating_light"),
            Self::Warning => (4, "warning"),
            Self::Info => (3, "information_source"),
            Self::Over => (3, "white_check_mark"),
        }
    }

    /// Of Gotify, 0 to 10.
    fn gotify(self) -> u8 {
        match self {
            Self::Critical => 8,
            Self::Warning => 5,
            Self::Info | Self::Over => 2,
        }
    }
}

/// The document of a text. `topic` is ntfy's, `secret` what DingTalk and Feishu are signed by.
pub(super) fn document(
    settings: &Settings,
    message: &Message,
    text: Text,
    topic: &str,
    signed: Option<&str>,
    now: WallMs,
) -> Value {
    let urgency = urgency(message);
    let link = message.link.as_deref().map(sentence);
    let Text { title, body } = text;
    let mut document = match settings.kind {
        // No mark-up beside what is escaped, and nobody is called.
        Kind::Slack => json!({ "text": body, "mrkdwn": false }),
        Kind::Discord => json!({
            "embeds": [{ "title": title, "description": body, "color": urgency.colour() }],
            "allowed_mentions": { "parse": [] },
        }),
        Kind::Teams => teams(&body),
        Kind::Telegram => json!({
            "chat_id": settings.chat,
            "text": body,
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
            // What is over wakes nobody.
            "disable_notification": urgency == Urgency::Over,
        }),
        Kind::Ntfy => {
            let (priority, tag) = urgency.ntfy();
            json!({
                "topic": topic, "title": title, "message": body, "priority": priority, "tags": [tag],
            })
        }
        Kind::Gotify => json!({ "title": title, "message": body, "priority": urgency.gotify() }),
        Kind::Dingtalk => json!({
            "msgtype": "text", "text": { "content": body }, "at": { "isAtAll": false },
        }),
        Kind::Wecom => json!({ "msgtype": "text", "text": { "content": body } }),
        _ => feishu(message.language, &title, &body, signed, now),
    };
    match (settings.kind, settings.thread, link) {
        (Kind::Telegram, Some(thread), _) => document["message_thread_id"] = thread.into(),
        (Kind::Ntfy, _, Some(link)) => document["click"] = link.into(),
        (Kind::Gotify, _, Some(link)) => {
            document["extras"] = json!({ "client::notification": { "click": { "url": link } } });
        }
        _ => {}
    }
    document
}

/// A card with one text.
fn teams(body: &str) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{ "type": "TextBlock", "text": body, "wrap": true }],
            },
        }],
    })
}

/// Rich text, in which a text is only that: the other form would take `<at>` for a mention.
fn feishu(language: Language, title: &str, body: &str, signed: Option<&str>, now: WallMs) -> Value {
    let text = json!([[{ "tag": "text", "text": body }]]);
    let locale = match language {
        Language::English => "en_us",
        Language::Chinese => "zh_cn",
    };
    let post = json!({ locale: { "title": title, "content": text } });
    let mut document = json!({ "msg_type": "post", "content": { "post": post } });
    if let Some(secret) = signed {
        let (seconds, signature) = sign::feishu(secret, now);
        document["timestamp"] = seconds.into();
        document["sign"] = signature.into();
    }
    document
}
