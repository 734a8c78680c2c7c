//! Which keys each kind of channel has, as data, and what is wrong with those that are there.

use super::Kind;
use crate::document::{Findings, Section};

/// What a kind of channel can be told, and by which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// `url`, for it holds no secret; and what [`Key::SecretUrl`] has.
    Url,
    /// `url_file` or `url_env`: who knows the URL can send.
    SecretUrl,
    /// `urls`.
    Urls,
    /// `token_file` or `token_env`.
    Token,
    /// `password_file` or `password_env`.
    Password,
    /// `secret_file` or `secret_env`.
    Secret,
    /// A word of its own.
    Word([&'static str; 1]),
}

use Key::{Password, Secret, SecretUrl, Token, Url, Urls, Word};

/// Of every kind.
const COMMON: [&str; 6] = ["name", "kind", "rate", "timeout", "ca_file", "language"];

/// What a kind needs, and what it may have.
const fn of(kind: Kind) -> (&'static [Key], &'static [Key]) {
    const CERTIFICATE: [Key; 2] = [Word(["cert_file"]), Word(["key_file"])];
    match kind {
        Kind::Webhook => (
            &[Url],
            &[
                Token,
                Secret,
                Word(["body"]),
                Word(["content_type"]),
                CERTIFICATE[0],
                CERTIFICATE[1],
            ],
        ),
        Kind::Email => (
            &[Word(["server"]), Word(["from"]), Word(["to"])],
            &[
                Word(["tls"]),
                Word(["user"]),
                Password,
                Word(["hello"]),
                Word(["title"]),
                Word(["body"]),
                CERTIFICATE[0],
                CERTIFICATE[1],
            ],
        ),
        Kind::Alertmanager => (&[Urls], &[Token, CERTIFICATE[0], CERTIFICATE[1]]),
        Kind::Slack | Kind::Discord | Kind::Teams | Kind::Wecom => (&[SecretUrl], &[]),
        Kind::Dingtalk | Kind::Feishu | Kind::Lark => (&[SecretUrl], &[Secret]),
        Kind::Telegram => (&[Token, Word(["chat"])], &[Url, Word(["thread"])]),
        Kind::Ntfy => {
            (&[Url], &[Token, Word(["title"]), Word(["body"]), CERTIFICATE[0], CERTIFICATE[1]])
        }
        Kind::Gotify => (&[Url, Token], &[CERTIFICATE[0], CERTIFICATE[1]]),
        Kind::Pagerduty => (&[Token], &[Url]),
        Kind::Heartbeat => (&[Url], &[Word(["every"]), CERTIFICATE[0], CERTIFICATE[1]]),
    }
}

/// Where a kind sends when no URL is given.
pub(super) const fn built_in(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Telegram => Some("https://api.telegram.org"),
        Kind::Pagerduty => Some("https://events.pagerduty.com"),
        _ => None,
    }
}

/// Whether a kind has a key.
pub(super) fn has(kind: Kind, key: Key) -> bool {
    let (needed, possible) = of(kind);
    needed.iter().chain(possible).any(|other| *other == key)
}

impl Key {
    fn words(&self) -> &[&'static str] {
        match self {
            Url => &["url", "url_file", "url_env"],
            SecretUrl => &["url_file", "url_env"],
            Urls => &["urls"],
            Token => &["token_file", "token_env"],
            Password => &["password_file", "password_env"],
            Secret => &["secret_file", "secret_env"],
            Word(word) => word,
        }
    }
}

/// Words that people write where a secret is named, not written.
const SECRETS: [&str; 4] = ["url", "token", "password", "secret"];

/// Notes keys that a kind does not have, those that it needs and are missing, and secrets that stand in
/// the file itself.
pub(super) fn check(kind: Kind, section: &Section<'_>, findings: &mut Findings<'_>) {
    let (needed, possible) = of(kind);
    let mut known: Vec<&str> = COMMON.to_vec();
    known.extend(needed.iter().chain(possible).flat_map(Key::words));
    let mut written = Vec::new();
    for word in SECRETS {
        let files = [format!("{word}_file"), format!("{word}_env")];
        let is_secret = known.iter().any(|known| files.iter().any(|file| known == file));
        if let (true, false, Some(at)) = (is_secret, known.contains(&word), section.at(word)) {
            let [file, variable] = files;
            findings.add(
                at,
                format!(
                    "the `{word}` of a channel of kind {kind} is a secret, which does not stand in \
                     this file: name a file by `{file}`, or an environment variable by `{variable}`"
                ),
            );
            written.push(word);
        }
    }
    known.extend(&written);
    section.check_keys(&known, findings);
    for key in needed {
        let words = key.words();
        let is_there = words.iter().chain(&written).any(|word| section.at(word).is_some());
        if !is_there {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            let words = words.join(" or ");
            findings.add(section.at, format!("a channel of kind {kind} needs {words}"));
        }
    }
}
