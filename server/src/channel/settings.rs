//! `[[channel]]`: where messages go. What is secret is named, not written: a file or an environment
//! variable, which whoever opens the channel reads.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use super::{
    Kind,
    fit::Rate,
    keys::{self, Key},
    mail::Mail,
    template::Template,
};
use crate::{
    config::HookUrl,
    document::{self, Findings, Located, Problems, Section, quoted},
    language::Language,
    text::did_you_mean,
};

/// The most channels.
pub const MAX_CHANNELS: usize = 100;

/// The longest name of a channel, bytes.
pub const MAX_CHANNEL_NAME_BYTES: usize = 64;

/// The most Alertmanagers of one channel.
pub const MAX_ALERTMANAGERS: usize = 8;

/// The longest that one message may take, tries not counted.
pub const MAX_CHANNEL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long one message may take where nothing is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The same of mail, where a server may look into it before it answers.
pub const DEFAULT_MAIL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a heartbeat is sent where nothing is said.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(60);

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file; a relative path is taken from the folder of the file that names it.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

/// A secret that is named, and the byte offset where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The key that names it: `token_file`.
    pub key: String,
    /// Where it is.
    pub place: Place,
    /// Byte offset in the file.
    pub at: usize,
}

/// Where a channel sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Url {
    /// In the file itself.
    Plain(HookUrl),
    /// It is a secret.
    Secret(Named),
}

/// Files of certificates, see [`Trust`](crate::outgoing::Trust), with their offsets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificates {
    /// `ca_file`.
    pub authorities: Option<(PathBuf, usize)>,
    /// `cert_file` and `key_file`.
    pub identity: Option<(PathBuf, PathBuf, usize)>,
}

impl Certificates {
    /// Byte offset of the first of them that is given.
    #[must_use]
    pub fn first_at(&self) -> Option<usize> {
        let authorities = self.authorities.as_ref().map(|(_, at)| *at);
        let identity = self.identity.as_ref().map(|(_, _, at)| *at);
        authorities.into_iter().chain(identity).min()
    }
}

/// One channel as it is written, without its secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What routes call it.
    pub name: Arc<str>,
    /// What it speaks.
    pub kind: Kind,
    /// Byte offset of its table.
    pub at: usize,
    /// One; of Alertmanagers several, of mail none.
    pub urls: Vec<Url>,
    /// A token, key or password.
    pub token: Option<Named>,
    /// What messages are signed by.
    pub secret: Option<Named>,
    /// Telegram's chat.
    pub chat: Option<String>,
    /// Telegram's topic in that chat.
    pub thread: Option<u32>,
    /// Of mail.
    pub mail: Option<Mail>,
    /// What certificates are checked against, and what is shown.
    pub certificates: Certificates,
    /// Of the words that are not the operator's own.
    pub language: Language,
    /// In place of the title.
    pub title: Option<Template>,
    /// In place of the text.
    pub body: Option<Template>,
    /// What a web hook's template makes.
    pub content_type: String,
    /// How often it may be used.
    pub rate: Rate,
    /// The longest that one message may take.
    pub timeout: Duration,
    /// How often a heartbeat is sent.
    pub every: Duration,
}

/// Every `[[channel]]` of a table, by name; what is wrong is noted, and a channel that is wrong left out.
pub(crate) fn read(top: &Section<'_>, findings: &mut Findings<'_>) -> BTreeMap<Arc<str>, Settings> {
    let mut channels: BTreeMap<Arc<str>, Settings> = BTreeMap::new();
    let sections = top.sections("channel", "[[channel]]", findings);
    if let Some(beyond) = sections.get(MAX_CHANNELS) {
        findings.add(beyond.at, format!("more than the limit of {MAX_CHANNELS} channels"));
    }
    for section in sections.iter().take(MAX_CHANNELS) {
        let Some(channel) = one(section, findings) else { continue };
        if let Some(other) = channels.get(&channel.name) {
            let line = findings.line(other.at);
            let name = quoted(&channel.name);
            findings
                .add(channel.at, format!("the channel {name} is there already, in line {line}"));
            continue;
        }
        channels.insert(Arc::clone(&channel.name), channel);
    }
    channels
}

/// Every `[[channel]]` of a text, by name; what else stands in it is passed over.
///
/// # Errors
/// All that is wrong with them, each with its line and column.
pub fn parse(file: &str, text: &str) -> Result<BTreeMap<Arc<str>, Settings>, Problems> {
    let mut findings = Findings::new(file, text);
    let table = document::table(text, &mut findings)?;
    let channels = read(&Section::new("the file", 0, table.get_ref()), &mut findings);
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => Ok(channels),
    }
}

fn one(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Settings> {
    let name = name(section, findings);
    let kind = kind(section, findings)?;
    keys::check(kind, section, findings);
    let channel = Settings {
        name: name?,
        kind,
        at: section.at,
        urls: urls(kind, section, findings),
        token: named("token", section, findings).or_else(|| named("password", section, findings)),
        secret: named("secret", section, findings),
        chat: chat(section, findings),
        thread: section.whole("thread", 1, u32::MAX, findings).map(|thread| thread.value),
        mail: (kind == Kind::Email).then(|| Mail::read(section, findings)).flatten(),
        certificates: certificates(section, findings),
        language: language(section, findings).unwrap_or_default(),
        title: template("title", section, findings),
        body: template("body", section, findings),
        content_type: content_type(section, findings),
        rate: Rate::read(section, findings).unwrap_or(kind.limits().rate),
        timeout: timeout(kind, section, findings),
        every: every(section, findings),
    };
    Some(channel)
}

fn name(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    const EXPECTED: &str = "letters, digits, `-`, `_` and `.`, at most 64 of them";
    let Some(name) = section.text("name", EXPECTED, findings) else {
        if section.at("name").is_none() {
            findings.add(section.at, "a [[channel]] needs a `name`, by which routes call it");
        }
        return None;
    };
    let is_good = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let text = name.value;
    if text.is_empty() || text.len() > MAX_CHANNEL_NAME_BYTES || !text.chars().all(is_good) {
        let found = quoted(text);
        findings.add(name.at, format!("the `name` of a channel is {EXPECTED}, not {found}"));
        return None;
    }
    Some(text.into())
}

fn kind(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Kind> {
    let words = || Kind::ALL.iter().map(|kind| kind.as_str());
    let expected = || words().collect::<Vec<_>>().join(", ");
    let Some(word) = section.text("kind", "the name of a kind of channel", findings) else {
        if section.at("kind").is_none() {
            findings
                .add(section.at, format!("a [[channel]] needs a `kind`: one of {}", expected()));
        }
        return None;
    };
    let kind = Kind::parse(word.value);
    if kind.is_none() {
        let hint = match did_you_mean(word.value, words()) {
            hint if hint.is_empty() => format!("; expected one of {}", expected()),
            hint => hint,
        };
        findings.add(word.at, format!("unknown kind of channel {}{hint}", quoted(word.value)));
    }
    kind
}

/// A secret that is named by `KEY_file` or `KEY_env`.
fn named(key: &str, section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Named> {
    let (file_key, variable_key) = (format!("{key}_file"), format!("{key}_env"));
    let file = section.text(&file_key, "the path of a file", findings);
    let variable = section.text(&variable_key, "the name of an environment variable", findings);
    let named = |key: String, found: Located<&str>, place| Named { key, place, at: found.at };
    let mut is_empty = |found: Located<&str>, key: &str| {
        if found.value.is_empty() {
            findings.add(found.at, format!("`{key}` is empty"));
        }
        found.value.is_empty()
    };
    match (file, variable) {
        (Some(_), Some(second)) => {
            let words = format!("`{file_key}` and `{variable_key}` are both given: keep one");
            findings.add(second.at, words);
            None
        }
        (Some(file), None) if !is_empty(file, &file_key) => {
            Some(named(file_key, file, Place::File(file.value.into())))
        }
        (None, Some(variable)) if !is_empty(variable, &variable_key) => {
            Some(named(variable_key, variable, Place::Variable(variable.value.to_owned())))
        }
        _ => None,
    }
}

const URL: &str =
    "\"https://host:port/path\" or http://, without a user and without a part after #";

fn urls(kind: Kind, section: &Section<'_>, findings: &mut Findings<'_>) -> Vec<Url> {
    let mut urls: Vec<Url> = named("url", section, findings).map(Url::Secret).into_iter().collect();
    let given = |text: Located<&str>, findings: &mut Findings<'_>| {
        let url = HookUrl::parse(text.value);
        if url.is_none() {
            // The text itself may hold a secret.
            findings.add(text.at, format!("a URL of a channel must be {URL}"));
        }
        url.map(Url::Plain)
    };
    if keys::has(kind, Key::Url) {
        let plain = section.text("url", URL, findings);
        if let (Some(plain), false) = (plain, urls.is_empty()) {
            findings.add(plain.at, "the URL is given twice: keep one");
        }
        urls.extend(plain.and_then(|text| given(text, findings)));
    }
    if keys::has(kind, Key::Urls)
        && let Some(list) = section.texts("urls", "a list of URLs", findings)
    {
        if list.value.is_empty() || list.value.len() > MAX_ALERTMANAGERS {
            findings.add(list.at, format!("`urls` names 1 to {MAX_ALERTMANAGERS} Alertmanagers"));
        }
        urls.extend(list.value.into_iter().filter_map(|text| given(text, findings)));
    }
    if urls.is_empty()
        && let Some(built_in) = keys::built_in(kind).and_then(HookUrl::parse)
    {
        urls.push(Url::Plain(built_in));
    }
    urls
}

fn chat(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let chat = section.text("chat", "the number of a chat, in quotes, or \"@name\"", findings)?;
    if chat.value.is_empty() || chat.value.len() > MAX_CHANNEL_NAME_BYTES {
        findings.add(chat.at, "`chat` is the number of a chat, in quotes, or \"@name\"");
        return None;
    }
    Some(chat.value.to_owned())
}

fn certificates(section: &Section<'_>, findings: &mut Findings<'_>) -> Certificates {
    let mut path = |key| {
        let text = section.text(key, "the path of a file (PEM)", findings)?;
        Some((PathBuf::from(text.value), text.at))
    };
    let (authorities, certificate, key) = (path("ca_file"), path("cert_file"), path("key_file"));
    let identity = match (certificate, key) {
        (Some((certificate, at)), Some((key, _))) => Some((certificate, key, at)),
        (Some((_, at)), None) | (None, Some((_, at))) => {
            findings.add(at, "`cert_file` and `key_file` belong together: one of them is missing");
            None
        }
        (None, None) => None,
    };
    Certificates { authorities, identity }
}

fn template(key: &str, section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Template> {
    let text = section.text(key, "a text with placeholders such as {host}", findings)?;
    match Template::parse(text.value) {
        Ok(template) => Some(template),
        Err(wrong) => {
            wrong.into_iter().for_each(|words| findings.add(text.at, format!("`{key}`: {words}")));
            None
        }
    }
}

fn language(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Language> {
    const EXPECTED: &str = "\"en\" or \"zh-CN\"";
    let text = section.text("language", EXPECTED, findings)?;
    let language = Language::ALL.into_iter().find(|known| known.as_str() == text.value);
    if language.is_none() {
        let found = quoted(text.value);
        findings.add(text.at, format!("`language` must be {EXPECTED}, not {found}"));
    }
    language
}

fn content_type(section: &Section<'_>, findings: &mut Findings<'_>) -> String {
    const JSON: &str = "application/json";
    let Some(text) = section.text("content_type", "a media type such as text/plain", findings)
    else {
        return JSON.to_owned();
    };
    if http::HeaderValue::from_str(text.value).is_err() || !text.value.contains('/') {
        let found = quoted(text.value);
        findings.add(
            text.at,
            format!("`content_type` must be a media type such as text/plain, not {found}"),
        );
    }
    text.value.to_owned()
}

fn timeout(kind: Kind, section: &Section<'_>, findings: &mut Findings<'_>) -> Duration {
    let usual = if kind == Kind::Email { DEFAULT_MAIL_TIMEOUT } else { DEFAULT_TIMEOUT };
    let Some(timeout) = section.duration("timeout", findings) else { return usual };
    if timeout.value < Duration::from_millis(100) || timeout.value > MAX_CHANNEL_TIMEOUT {
        let most = humantime::format_duration(MAX_CHANNEL_TIMEOUT);
        findings.add(timeout.at, format!("the `timeout` of a channel is 100ms to {most}"));
    }
    timeout.value
}

fn every(section: &Section<'_>, findings: &mut Findings<'_>) -> Duration {
    let Some(every) = section.duration("every", findings) else { return DEFAULT_EVERY };
    if every.value < Duration::from_secs(1) || every.value > Duration::from_secs(86_400) {
        findings.add(every.at, "`every` of a heartbeat is 1s to 1day");
    }
    every.value
}
