//! What is sent for a message: the requests of its kind, or the letter.

use http::{HeaderName, HeaderValue, Method, Request, header};

use super::{
    Kind, alarms, chat, document,
    fit::{Escape, Limits, Measure},
    message::Message,
    render::text,
    settings::Settings,
    sign,
};
use crate::{
    config::{HookUrl, Secret},
    units::WallMs,
};

/// What of a channel is secret, read.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'a> {
    /// Where it is sent.
    pub url: &'a HookUrl,
    /// The token, key or password.
    pub token: Option<&'a Secret>,
    /// What it is signed by.
    pub secret: Option<&'a Secret>,
}

/// A mail, without whom it is from and to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// The requests of a message to one URL, in their order; all of them have to be taken. None for a
/// heartbeat and for mail.
///
/// # Errors
/// A secret holds what no header and no path can.
pub fn requests(
    settings: &Settings,
    secrets: Secrets<'_>,
    message: &Message,
    now: WallMs,
) -> Result<Vec<Request<String>>, http::Error> {
    let exposed = |secret: Option<&'_ Secret>| secret.map_or("", Secret::expose).to_owned();
    let limits = settings.kind.limits();
    let bodies = match settings.kind {
        Kind::Heartbeat | Kind::Email => Vec::new(),
        Kind::Webhook => vec![of_webhook(settings, message, &limits)],
        Kind::Alertmanager => alarms::alertmanager(message, now, limits.document),
        Kind::Pagerduty => alarms::pagerduty(message, &exposed(secrets.token)),
        _ => {
            let mut text = text(message, &limits);
            if let Some(title) = &settings.title {
                text.title = title.fill(message, &Limits { length: limits.title, ..limits });
            }
            if let Some(body) = &settings.body {
                text.body = body.fill(message, &limits);
            }
            let (_, topic) = base_and_last(secrets.url.path());
            let signed = secrets.secret.map(Secret::expose);
            vec![chat::document(settings, message, text, topic, signed, now).to_string()]
        }
    };
    let target = target(settings, secrets, now);
    bodies.into_iter().map(|body| request(settings, secrets, &target, body, now)).collect()
}

/// The request that says that all is well.
///
/// # Errors
/// As [`requests`].
pub fn heartbeat(secrets: Secrets<'_>) -> Result<Request<String>, http::Error> {
    Request::get(secrets.url.path()).body(String::new())
}

/// The letter of a message.
#[must_use]
pub fn letter(settings: &Settings, message: &Message) -> Letter {
    let limits = settings.kind.limits();
    let whole = text(message, &limits);
    let title = Limits { length: limits.title, ..limits };
    let subject = settings.title.as_ref().map(|template| template.fill(message, &title));
    let body = settings.body.as_ref().map(|template| template.fill(message, &limits));
    // A template may hold line ends.
    let subject = subject.map(|subject| subject.replace(['\r', '\n'], " "));
    Letter { subject: subject.unwrap_or(whole.title), body: body.unwrap_or(whole.body) }
}

fn of_webhook(settings: &Settings, message: &Message, limits: &Limits) -> String {
    let Some(template) = &settings.body else {
        // Nothing of it is no JSON.
        return document::document(message, limits.document).unwrap_or_default();
    };
    let is_json = settings.content_type.contains("json");
    let escape = if is_json { Escape::Json } else { Escape::Plain };
    template.fill(message, &Limits { escape, measure: Measure::Bytes, ..*limits })
}

/// A path without its last part, and that part; what follows a `?` belongs to neither.
fn base_and_last(path: &str) -> (&str, &str) {
    let path = path.split('?').next().unwrap_or(path);
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Path and query of the request.
fn target(settings: &Settings, secrets: Secrets<'_>, now: WallMs) -> String {
    let path = secrets.url.path();
    let below = |end: &str| format!("{}{end}", path.trim_end_matches('/'));
    match settings.kind {
        Kind::Alertmanager => below("/api/v2/alerts"),
        Kind::Pagerduty => below("/v2/enqueue"),
        Kind::Gotify => below("/message"),
        Kind::Telegram => {
            let token = secrets.token.map_or("", Secret::expose);
            // `:` stands in every token, and Telegram takes it as it is.
            let token = sign::percent_encoded(token).replace("%3A", ":");
            below(&format!("/bot{token}/sendMessage"))
        }
        Kind::Ntfy => format!("{}/", base_and_last(path).0),
        Kind::Dingtalk => match secrets.secret {
            Some(secret) => {
                let between = if path.contains('?') { '&' } else { '?' };
                format!("{path}{between}{}", sign::dingtalk(secret.expose(), now))
            }
            None => path.to_owned(),
        },
        _ => path.to_owned(),
    }
}

fn request(
    settings: &Settings,
    secrets: Secrets<'_>,
    target: &str,
    body: String,
    now: WallMs,
) -> Result<Request<String>, http::Error> {
    let media = match settings.kind {
        Kind::Webhook => &*settings.content_type,
        _ => "application/json",
    };
    let mut request =
        Request::builder().method(Method::POST).uri(target).header(header::CONTENT_TYPE, media);
    if let (Kind::Webhook, Some(secret)) = (settings.kind, secrets.secret) {
        let signature = sign::webhook(secret.expose(), &body, now);
        request = request.header(HeaderName::from_static(sign::SIGNATURE_HEADER), signature);
    }
    let head = match settings.kind {
        Kind::Webhook | Kind::Alertmanager | Kind::Ntfy => Some((header::AUTHORIZATION, "Bearer ")),
        Kind::Gotify => Some((HeaderName::from_static("x-gotify-key"), "")),
        _ => None,
    };
    if let (Some((name, before)), Some(token)) = (head, secrets.token) {
        let mut value = HeaderValue::try_from(format!("{before}{}", token.expose()))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request.body(body)
}
