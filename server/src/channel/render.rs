//! A message as text that fits a receiver, whatever is in it.

use super::{
    fit::{Limits, Room, fitted},
    message::{Item, Message, MessageKind, name, sentence},
};
use crate::language::Language;

/// A message as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is about; empty where the receiver has no place for a title, and then the text begins
    /// with it.
    pub title: String,
    /// All of it.
    pub body: String,
}

/// What a message is about: `FIRING (critical): 3 filesystems of web are full`.
#[must_use]
pub fn headline(message: &Message) -> String {
    let title = sentence(&message.title);
    let severity = message.language.word("severity", message.severity.as_str());
    let form = match message.kind {
        MessageKind::Firing => "FIRING ({severity}): {title}",
        MessageKind::Resolved => "RESOLVED: {title}",
        MessageKind::Digest => "DIGEST ({severity}): {title}",
        MessageKind::Test => "TEST: {title}",
    };
    message.language.say(form, &[("severity", &severity), ("title", &title)])
}

/// A message within the limits, escaped. What does not fit is counted: `and 380 more`.
#[must_use]
pub fn text(message: &Message, limits: &Limits) -> Text {
    let headline = headline(message);
    if limits.title == 0 {
        return Text { title: String::new(), body: body(message, Some(&headline), limits) };
    }
    let title = fitted(&headline, limits.title, limits.measure, limits.escape);
    Text { title, body: body(message, None, limits) }
}

/// The text under a title, or with the title as its first line.
pub(super) fn body(message: &Message, headline: Option<&str>, limits: &Limits) -> String {
    let mut room = Room::new(limits.length, limits);
    let link = message.link.as_deref().map(|link| room.link(&sentence(link)));
    // A link that is cut leads nowhere.
    let link = link.filter(|link| limits.measure.length(link) <= limits.length / 3);
    let link = link.unwrap_or_default();
    let end = room.written("\n");
    let kept = limits.measure.length(&link) + limits.measure.length(&end);
    if let Some(headline) = headline {
        let most = room.left().saturating_sub(kept) / 2;
        room.push_cut(headline, most);
    }
    if message.kind == MessageKind::Test && message.items.is_empty() {
        line_end(&mut room);
        room.push(&message.language.say(TEST, &[]));
    }
    let shown = list(message, kept, &mut room);
    let hidden = message.more.saturating_add(message.items.len() - shown);
    if hidden > 0 {
        let form = match (shown, hidden) {
            (0, 1) => "1 alarm",
            (0, _) => "{n} alarms",
            _ => "and {n} more",
        };
        let words = message.language.say(form, &[("n", &hidden.to_string())]);
        line_end(&mut room);
        room.push(&words);
    }
    if !link.is_empty() {
        line_end(&mut room);
        room.push_raw(&link);
    }
    room.finish()
}

/// All that a test says.
const TEST: &str = "Nothing happened: somebody tries whether this channel is heard.";

fn line_end(room: &mut Room) {
    if !room.is_empty() {
        room.push("\n");
    }
}

/// As many items as there is room for, where `kept` is not to be used; how many they are.
fn list(message: &Message, kept: usize, room: &mut Room) -> usize {
    let count = message.items.len().saturating_add(message.more);
    let more = message.language.say("and {n} more", &[("n", &format!("{count} alarms"))]);
    let kept = kept + room.cost(&format!("\n{more}"));
    let mut shown = 0;
    for item in &message.items {
        let between = if room.is_empty() { "" } else { "\n" };
        let line = format!("{between}{}", line(item, message.language));
        let short = room.written(&line);
        let whole = short.clone() + &details(item, room);
        let left = room.left().saturating_sub(kept);
        if !room.push_raw_within(&whole, left) && !room.push_raw_within(&short, left) {
            if shown == 0 && left > 0 {
                room.push_cut(&line, left);
                shown = 1;
            }
            break;
        }
        shown += 1;
    }
    shown
}

/// `web-1 (web) disk_full /var: 97 % (above 90 %), critical, firing since 2026-03-29 01:30:00 UTC`
fn line(item: &Item, language: Language) -> String {
    let mut line = name(&item.host);
    if let Some(group) = &item.group {
        line += &format!(" ({})", name(group));
    }
    line += &format!(" {}", name(&item.key.rule));
    if !item.key.row.is_empty() {
        line += &format!(" {}", name(&item.key.row));
    }
    line += &format!(": {}", item.shown(language));
    if !item.threshold.is_empty() {
        line += &format!(" ({})", name(&item.threshold));
    }
    let since = item.since.spoken().to_string();
    line + &match item.ended {
        Some(ended) => {
            let ended = ended.spoken().to_string();
            language
                .say(", over since {ended} (from {since})", &[("ended", &ended), ("since", &since)])
        }
        None => {
            let severity = language.word("severity", item.severity.as_str());
            let state = language.word("alarm_state", item.state.as_str());
            let values = [("severity", &*severity), ("state", &*state), ("since", &*since)];
            language.say(", {severity}, {state} since {since}", &values)
        }
    }
}

/// What is said further, each in a line of its own, as it is written.
fn details(item: &Item, room: &Room) -> String {
    let mut lines = String::new();
    if !item.summary.is_empty() {
        lines += &room.written(&format!("\n  {}", sentence(&item.summary)));
    }
    if let Some(runbook) = &item.runbook {
        lines += &room.written("\n  ");
        lines += &room.link(&sentence(runbook));
    }
    lines
}
