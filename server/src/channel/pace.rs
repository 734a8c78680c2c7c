//! Not faster than a receiver takes: a bucket of tokens per channel. Messages over the rate wait, and
//! are merged into one; none is dropped.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    fit::Rate,
    message::{Item, Message, MessageKind},
};
use crate::{model::Severity, units::Mono};

/// Tokens of a channel.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Between two tokens.
    gap: Duration,
    /// The most tokens.
    size: u32,
    /// When the bucket is full again. What is missing until then is what was taken.
    full: Mono,
}

/// What is to be done with messages that wait.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Nothing waits.
    Nothing,
    /// Nothing may be sent before.
    Wait(Mono),
    /// This is sent; it says what the first so many of those that wait say.
    Send(Box<Message>, usize),
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let size = rate.count.max(1);
        Self { gap: rate.per / size, size, full: Mono::default() }
    }

    /// Tokens that are there now.
    #[must_use]
    pub fn tokens(&self, now: Mono) -> u32 {
        let missing = self.full.since(now).as_nanos().div_ceil(self.gap.as_nanos().max(1));
        self.size.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The moment when there is one again.
    pub fn take(&mut self, now: Mono) -> Result<(), Mono> {
        if self.tokens(now) == 0 {
            let filling = self.gap.saturating_mul(self.size - 1);
            return Err(Mono(self.full.0.saturating_sub(filling)));
        }
        self.full = self.full.max(now).plus(self.gap);
        Ok(())
    }

    /// Whose turn it is of the messages that wait, oldest first: the first, or, where more wait than
    /// there are tokens, all of them as one.
    pub fn turn(&mut self, waiting: &[&Message], now: Mono) -> Turn {
        let tokens = usize::try_from(self.tokens(now)).unwrap_or(usize::MAX);
        let [first, ..] = waiting else { return Turn::Nothing };
        if let Err(until) = self.take(now) {
            return Turn::Wait(until);
        }
        if waiting.len() <= tokens {
            return Turn::Send(Box::new(Message::clone(first)), 1);
        }
        Turn::Send(Box::new(merged(first, waiting)), waiting.len())
    }
}

/// All messages as one: of each alarm what was said last. Tests stay tests only among themselves.
fn merged(first: &Message, waiting: &[&Message]) -> Message {
    if waiting.len() == 1 {
        return first.clone();
    }
    let mut items: BTreeMap<_, &Item> = BTreeMap::new();
    for item in waiting.iter().flat_map(|message| &message.items) {
        items.insert(&item.key, item);
    }
    let mut items: Vec<Item> = items.into_values().cloned().collect();
    items.sort_by(|a, b| {
        let order = |item: &Item| (item.is_over(), std::cmp::Reverse(item.severity));
        order(a).cmp(&order(b)).then_with(|| a.host.cmp(&b.host))
    });
    let is_same = waiting.iter().all(|message| message.kind == first.kind);
    let kind = if is_same { first.kind } else { MessageKind::Digest };
    let severity = waiting.iter().map(|message| message.severity).max();
    let last = waiting.iter().max_by_key(|message| message.at).unwrap_or(&first);
    let ids: Vec<&str> = waiting.iter().map(|message| &*message.id).collect();
    Message {
        id: merged_id(&ids),
        kind,
        language: first.language,
        severity: severity.unwrap_or(Severity::Info),
        title: first.language.say(
            "{n} messages in one: {title}",
            &[("n", &waiting.len().to_string()), ("title", &first.title)],
        ),
        at: last.at,
        items,
        more: waiting.iter().map(|message| message.more).sum(),
        // A link to one of several hosts would mislead.
        link: last.link.clone().filter(|_| waiting.iter().all(|of| of.link == last.link)),
    }
}

/// The same in every try that merges the same messages.
fn merged_id(ids: &[&str]) -> Arc<str> {
    format!("merged/{:016x}", xxh3_64(ids.join("\n").as_bytes())).into()
}
