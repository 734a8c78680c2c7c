//! What an answer means: taken, to be tried again, or refused. Some receivers answer 200 to everything
//! and say in the body that they took nothing.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::Kind;
use crate::{text::one_line, units::WallMs};

/// How much of an answer's body is read, bytes.
pub const MAX_ANSWER_BYTES: usize = 16 << 10;

/// The longest that a receiver may ask to be left alone.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The most of an answer that is kept and shown, bytes.
const SHOWN: usize = 300;

/// An answer over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its head `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The begin of its body.
    pub body: &'a [u8],
    /// That is all of it.
    pub is_whole: bool,
}

/// A message was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Status of HTTP, or reply of SMTP.
    pub status: u16,
    /// What the receiver said, one line.
    pub answer: String,
}

/// A message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Another try may end better.
    #[error("{words}")]
    Transient {
        /// The receiver is to be left alone for so long.
        retry_after: Option<Duration>,
        /// What happened.
        words: String,
    },
    /// It would be refused again.
    #[error("{words}")]
    Refused {
        /// Status of HTTP or reply of SMTP; none where it was not even sent.
        status: Option<u16>,
        /// What happened.
        words: String,
    },
}

impl SendError {
    /// The same, said otherwise.
    #[must_use]
    pub fn saying(self, say: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Transient { retry_after, words } => {
                Self::Transient { retry_after, words: say(&words) }
            }
            Self::Refused { status, words } => Self::Refused { status, words: say(&words) },
        }
    }
}

/// What of a body says that nothing was taken.
enum Said {
    /// Taken.
    Yes,
    /// Not now.
    Later,
    /// Not this.
    No,
    /// It does not say what it should.
    Nothing,
}

/// What an answer of `to` (`host:port`) to a channel of this kind means.
///
/// # Errors
/// [`SendError`]: the message was not taken.
pub fn judge(kind: Kind, to: &str, heard: Heard<'_>, now: WallMs) -> Result<Receipt, SendError> {
    let status = heard.status;
    let body = String::from_utf8_lossy(heard.body);
    let json: Value = serde_json::from_slice(heard.body).unwrap_or_default();
    let answer = one_line(&body, SHOWN);
    let said = if answer.is_empty() { String::new() } else { format!(": {answer}") };
    let later = |why: &str| SendError::Transient {
        retry_after: retry_after_said(heard.retry_after, &json, now),
        words: format!("{to} answered {status}{why}{said}"),
    };
    let refused = |why: &str| SendError::Refused {
        status: Some(status.as_u16()),
        words: format!("{to} answered {status}{why}{said}"),
    };
    if status.is_success() {
        return match verdict(kind, &body, &json) {
            Said::Yes => Ok(Receipt { status: status.as_u16(), answer }),
            Said::No => Err(refused(", and took nothing")),
            Said::Later => Err(later(", and asks to be asked later")),
            Said::Nothing if !heard.is_whole => Err(later(", and the answer was cut")),
            Said::Nothing => Err(later(", and not whether the message was taken")),
        };
    }
    let is_later = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    match (is_later, status.is_redirection()) {
        (true, _) => Err(later("")),
        (false, true) => Err(refused(", and redirects are not followed")),
        (false, false) => Err(refused("")),
    }
}

/// What the body of a 2xx says.
fn verdict(kind: Kind, body: &str, json: &Value) -> Said {
    let code = |names: &[&str], later: &[i64]| {
        let code = names.iter().find_map(|name| json.get(name)?.as_i64());
        match code {
            Some(0) => Said::Yes,
            Some(code) if later.contains(&code) => Said::Later,
            Some(_) => Said::No,
            None => Said::Nothing,
        }
    };
    match kind {
        // -1: the system is busy; 130101, 410100: too fast.
        Kind::Dingtalk => code(&["errcode"], &[-1, 130_101, 410_100]),
        // 45009, 45033: too many calls.
        Kind::Wecom => code(&["errcode"], &[-1, 45_009, 45_033]),
        // 9499, 11232: too many requests.
        Kind::Feishu | Kind::Lark => code(&["code", "StatusCode"], &[9_499, 11_232]),
        Kind::Telegram => match json.get("ok").and_then(Value::as_bool) {
            Some(true) => Said::Yes,
            Some(false) => match json.get("error_code").and_then(Value::as_i64) {
                Some(429 | 500..600) => Said::Later,
                _ => Said::No,
            },
            None => Said::Nothing,
        },
        Kind::Slack => match body.trim() {
            "ok" => Said::Yes,
            "" => Said::Nothing,
            _ => Said::No,
        },
        // The old connectors answer 200 and put the error into the text.
        Kind::Teams if body.contains("HTTP error 429") => Said::Later,
        Kind::Teams if body.contains("HTTP error") => Said::No,
        _ => Said::Yes,
    }
}

/// How long the receiver wants to be left alone: by its head, a number of seconds or a date, or by the
/// body as Telegram and Discord say it.
fn retry_after_said(head: Option<&str>, json: &Value, now: WallMs) -> Option<Duration> {
    let in_body = || {
        let seconds = json.pointer("/parameters/retry_after").or_else(|| json.get("retry_after"));
        let seconds = seconds?.as_f64()?.ceil().max(0.0);
        Duration::try_from_secs_f64(seconds).ok()
    };
    let in_body = || in_body().map(|length| length.min(MAX_RETRY_AFTER));
    head.and_then(|head| retry_after(head, now)).or_else(in_body)
}

/// How long a receiver wants to be left alone by its `Retry-After` (RFC 9110, 10.2.3), a number of seconds or a
/// date; at most [`MAX_RETRY_AFTER`].
#[must_use]
pub fn retry_after(head: &str, now: WallMs) -> Option<Duration> {
    let head = head.trim();
    let length = match head.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = chrono::DateTime::parse_from_rfc2822(head).ok()?;
            WallMs(date.timestamp_millis()).since(now)
        }
    };
    Some(length.min(MAX_RETRY_AFTER))
}
