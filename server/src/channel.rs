//! Channels: a message as each kind of receiver wants it, within what it takes.
//!
//! A channel is a `[[channel]]` of a file ([`Settings`]). A [`Message`] becomes the [`requests`] of its
//! kind, or a [`Letter`]; what the receiver answers becomes a verdict ([`judge`]). Each kind declares its
//! [`Limits`] as data, and one renderer fits any message into them.
//!
//! Pure: it neither sends, nor reads the secrets that a channel names, nor knows why something is told.

mod alarms;
mod chat;
mod document;
mod fit;
mod keys;
mod kind;
mod mail;
mod message;
mod pace;
mod render;
mod request;
mod settings;
mod sign;
mod template;
mod verdict;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use document::CHANNEL_DOCUMENT_VERSION;
pub use fit::{Escape, Limits, Measure, Rate};
pub use kind::{
    Kind, MAX_DINGTALK_BYTES, MAX_DISCORD_CHARS, MAX_DOCUMENT_BYTES, MAX_FEISHU_BYTES,
    MAX_GOTIFY_BYTES, MAX_NTFY_BYTES, MAX_SLACK_CHARS, MAX_TEAMS_BYTES, MAX_TELEGRAM_UNITS,
    MAX_TITLE, MAX_WECOM_BYTES,
};
pub use mail::{MAX_ADDRESS_BYTES, MAX_RECIPIENTS, Mail, Tls};
pub use message::{Item, MAX_SENTENCE_BYTES, MAX_SHOWN_BYTES, Message, MessageKind, with_unit};
pub use pace::{Bucket, Turn};
pub use render::{Text, headline, text};
pub use request::{Letter, Secrets, heartbeat, letter, requests};
pub(crate) use settings::read;
pub use settings::{
    Certificates, DEFAULT_EVERY, DEFAULT_MAIL_TIMEOUT, DEFAULT_TIMEOUT, MAX_ALERTMANAGERS,
    MAX_CHANNEL_NAME_BYTES, MAX_CHANNEL_TIMEOUT, MAX_CHANNELS, Named, Place, Settings, Url, parse,
};
pub use sign::SIGNATURE_HEADER;
pub use template::{MAX_PLACEHOLDERS, MAX_TEMPLATE_BYTES, Template};
pub use verdict::{
    Heard, MAX_ANSWER_BYTES, MAX_RETRY_AFTER, Receipt, SendError, judge, retry_after,
};
