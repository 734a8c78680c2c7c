//! From a channel as it is written to one that can be used: secrets, certificates and URLs are read.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderValue;

use super::{Channel, MAX_SENDING, SECRET_AT_LEAST, mailer::Mailer};
use crate::{
    channel::{Certificates, Kind, Named, Place, Settings, Url},
    config::{HookUrl, Secret},
    document::{Findings, Problems},
    error_report::error_chain,
    outgoing::{Client, Trust},
    resolve::HostResolver,
};

/// Where what channels name is found.
#[derive(Debug, Clone)]
pub struct Around {
    /// The folder from which relative paths are taken.
    pub folder: PathBuf,
    /// Looks names up, of the runtime that sends.
    pub names: Arc<HostResolver>,
    /// The environment: [`std::env::var_os`].
    pub variable: fn(&str) -> Option<OsString>,
}

/// The channels of a file that was read without problems, with their secrets.
///
/// # Errors
/// All secrets and certificates that are missing or of no use, each with line and column; none is
/// shown.
pub fn open(
    file: &str,
    text: &str,
    channels: &BTreeMap<Arc<str>, Settings>,
    around: &Around,
) -> Result<BTreeMap<Arc<str>, Channel>, Problems> {
    let mut findings = Findings::new(file, text);
    let mut opened = BTreeMap::new();
    for (name, settings) in channels {
        if let Some(channel) = one(settings, around, &mut findings) {
            opened.insert(Arc::clone(name), channel);
        }
    }
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => Ok(opened),
    }
}

/// One channel; none when something is wrong with it, all of which is noted.
fn one(settings: &Settings, around: &Around, findings: &mut Findings<'_>) -> Option<Channel> {
    let token = named(settings.token.as_ref(), around, findings);
    let secret = named(settings.secret.as_ref(), around, findings);
    let urls: Vec<_> =
        settings.urls.iter().map(|url| self::url(url, settings, around, findings)).collect();
    let (token, secret) = (token?, secret?);
    let urls = urls.into_iter().collect::<Option<Vec<(HookUrl, usize)>>>()?;
    if let (Some(named), Some(token)) = (&settings.token, &token)
        && HeaderValue::try_from(token.expose()).is_err()
    {
        findings.add(named.at, format!("`{}`: what is in it cannot be sent in HTTP", named.key));
        return None;
    }
    let mut hidden: Vec<String> = urls.iter().map(|(url, _)| url.path().to_owned()).collect();
    for ((url, _), named) in urls.iter().zip(&settings.urls) {
        if matches!(named, Url::Secret(_)) {
            hidden.extend(parts(url.path()).map(str::to_owned));
        }
    }
    hidden.extend([&token, &secret].into_iter().flatten().map(|secret| secret.expose().to_owned()));
    hidden.retain(|secret| secret.len() >= SECRET_AT_LEAST);
    hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let trust = trust(&settings.certificates, around);
    let mut unfit = |at: usize, words: String| {
        let at = settings.certificates.first_at().unwrap_or(at);
        findings.add(at, format!("channel {:?}: {words}", settings.name));
    };
    let mut clients = Vec::new();
    for (url, at) in urls {
        match Client::new(url, settings.timeout, Arc::clone(&around.names), &trust) {
            Ok(client) => clients.push(client),
            Err(error) => {
                unfit(at, error_chain(&error));
                return None;
            }
        }
    }
    let mailer = match &settings.mail {
        Some(mail) => {
            let made = Mailer::new(mail, token.as_ref(), &trust, Arc::clone(&around.names));
            Some(made.map_err(|words| unfit(settings.at, words)).ok()?)
        }
        None => None,
    };
    let settings = settings.clone();
    Some(Channel { settings, clients, token, secret, mailer, within: MAX_SENDING, hidden })
}

/// Shorter parts of a URL are words, not secrets.
const PART_AT_LEAST: usize = 12;

/// What of a secret URL may be repeated without the rest of it.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '?', '&', '=']).filter(|part| part.len() >= PART_AT_LEAST)
}

/// The secret that is named, if one is; none when it cannot be read, which is noted.
fn named(
    named: Option<&Named>,
    around: &Around,
    findings: &mut Findings<'_>,
) -> Option<Option<Secret>> {
    let Some(named) = named else { return Some(None) };
    match read(&named.place, around) {
        Ok(secret) => Some(Some(secret)),
        Err(words) => {
            findings.add(named.at, format!("`{}`: {words}", named.key));
            None
        }
    }
}

fn read(place: &Place, around: &Around) -> Result<Secret, String> {
    match place {
        Place::File(path) => {
            Secret::read(&around.folder.join(path)).map_err(|error| error_chain(&error))
        }
        Place::Variable(name) => {
            let value = (around.variable)(name)
                .ok_or_else(|| format!("the environment variable {name:?} is not set"))?;
            match value.into_string() {
                Ok(text) if text.is_empty() => {
                    Err(format!("the environment variable {name:?} is empty"))
                }
                Ok(text) => Ok(Secret::new(text)),
                Err(_) => Err(format!("the environment variable {name:?} is not UTF-8")),
            }
        }
    }
}

/// A URL and where it is named.
fn url(
    url: &Url,
    settings: &Settings,
    around: &Around,
    findings: &mut Findings<'_>,
) -> Option<(HookUrl, usize)> {
    let (url, at) = match url {
        Url::Plain(url) => (url.clone(), settings.at),
        Url::Secret(place) => {
            let text = named(Some(place), around, findings)??;
            let Some(url) = HookUrl::parse(text.expose()) else {
                let words = "what is in it is no URL: expected https:// or http://, without a user";
                findings.add(place.at, format!("`{}`: {words}", place.key));
                return None;
            };
            (url, place.at)
        }
    };
    let topic = url.path().split('?').next().and_then(|path| path.rsplit('/').next());
    if settings.kind == Kind::Ntfy && topic.is_none_or(str::is_empty) {
        let words = "the URL of a channel of kind ntfy ends in its topic: https://ntfy.sh/topic";
        findings.add(at, words);
        return None;
    }
    Some((url, at))
}

fn trust(certificates: &Certificates, around: &Around) -> Trust {
    let under = |path: &Path| around.folder.join(path);
    Trust {
        authorities: certificates.authorities.as_ref().map(|(path, _)| under(path)),
        identity: certificates
            .identity
            .as_ref()
            .map(|(certificate, key, _)| (under(certificate), under(key))),
        setting: "its `ca_file`",
    }
}
