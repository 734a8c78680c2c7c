//! Sends messages through channels: reads what a channel names, sends what [`channel`] makes, and says
//! how that ended.
//!
//! One try is one call here; when there is another, and what is told at all, others decide. A channel
//! that is refused, slow or silent costs its own time only, and that is bounded.

mod mailer;
mod open;
mod stats;

use std::{collections::BTreeSet, fmt, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use http::{Request, header::RETRY_AFTER};
use tokio::time::timeout;

pub use open::{Around, open};
pub use stats::ChannelStats;

use self::mailer::Mailer;
use crate::{
    channel::{
        self, Heard, Kind, MAX_ANSWER_BYTES, Message, Receipt, Secrets, SendError, Settings, judge,
    },
    config::Secret,
    outgoing::{Answer, CallError, Client},
    units::WallMs,
};

/// The longest that all requests or mails of one message may take in one try.
pub const MAX_SENDING: Duration = Duration::from_secs(120);

/// What stands in place of a secret in what a receiver says.
const MASK: &str = "***";

/// Shorter secrets are not looked for in answers: they would be found in any text.
const SECRET_AT_LEAST: usize = 4;

/// A channel that can be used.
pub struct Channel {
    settings: Settings,
    clients: Vec<Client>,
    token: Option<Secret>,
    secret: Option<Secret>,
    mailer: Option<Mailer>,
    /// All of a message, in one try.
    within: Duration,
    /// What is not shown, longest first.
    hidden: Vec<String>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.settings.name)
            .field("kind", &self.settings.kind)
            .finish_non_exhaustive()
    }
}

/// Which parts of a message were taken already: events of PagerDuty, recipients of a mail. A later try
/// of the same message goes on behind them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    ended: BTreeSet<usize>,
    refused: Vec<String>,
}

impl Channel {
    /// As it is written, without its secrets.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same with another limit than [`MAX_SENDING`].
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// Sends a message, once. `progress` is that of earlier tries of the same message.
    ///
    /// # Errors
    /// [`SendError`]: it was not taken, or not all of it.
    pub async fn send(
        &self,
        message: &Message,
        progress: &mut Progress,
        now: WallMs,
    ) -> Result<Receipt, SendError> {
        let sending = async {
            match (&self.mailer, self.settings.kind) {
                (Some(mailer), _) => self.mail(mailer, message, progress).await,
                (None, Kind::Alertmanager) => self.to_all(message, now).await,
                (None, Kind::Heartbeat) => {
                    let words = "a heartbeat takes no messages".to_owned();
                    Err(SendError::Refused { status: None, words })
                }
                (None, _) => self.each(message, progress, now).await,
            }
        };
        let ended = timeout(self.within, sending).await.unwrap_or_else(|_| {
            let within = humantime::format_duration(self.within);
            let words = format!("not all of it was taken within {within}");
            Err(SendError::Transient { retry_after: None, words })
        });
        ended.map_err(|error| error.saying(|words| self.masked(words)))
    }

    /// Says that all is well, once: of a channel of kind `heartbeat`.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn beat(&self, now: WallMs) -> Result<Receipt, SendError> {
        let Some(client) = self.clients.first() else {
            let words = "a mail is no heartbeat".to_owned();
            return Err(SendError::Refused { status: None, words });
        };
        self.call(client, channel::heartbeat(self.secrets(client)), now).await
    }

    fn secrets<'a>(&'a self, client: &'a Client) -> Secrets<'a> {
        Secrets { url: client.url(), token: self.token.as_ref(), secret: self.secret.as_ref() }
    }

    /// The requests of a message in their order. What is refused holds up none of the others; the first
    /// that is to be tried again does.
    async fn each(
        &self,
        message: &Message,
        progress: &mut Progress,
        now: WallMs,
    ) -> Result<Receipt, SendError> {
        let mut last = Receipt { status: 0, answer: "there was nothing to send".to_owned() };
        let Some(client) = self.clients.first() else { return Ok(last) };
        let requests = channel::requests(&self.settings, self.secrets(client), message, now)
            .map_err(|error| unsendable(&error))?;
        for (number, request) in requests.into_iter().enumerate() {
            if progress.ended.contains(&number) {
                continue;
            }
            match self.call(client, Ok(request), now).await {
                Ok(receipt) => last = receipt,
                Err(SendError::Refused { words, .. }) => progress.refused.push(words),
                Err(later) => return Err(later),
            }
            progress.ended.insert(number);
        }
        progress.verdict(last)
    }

    /// All requests to every receiver at once: any of them passes on what it was told.
    async fn to_all(&self, message: &Message, now: WallMs) -> Result<Receipt, SendError> {
        let one = |client| async move {
            let requests = channel::requests(&self.settings, self.secrets(client), message, now)
                .map_err(|error| unsendable(&error))?;
            let mut last = Receipt { status: 0, answer: "there was nothing to send".to_owned() };
            for request in requests {
                last = self.call(client, Ok(request), now).await?;
            }
            Ok(last)
        };
        let mut all: FuturesUnordered<_> = self.clients.iter().map(one).collect();
        let (mut taken, mut failed): (Option<Receipt>, Option<SendError>) = (None, None);
        while let Some(ended) = all.next().await {
            match ended {
                Ok(receipt) => taken = Some(receipt),
                Err(later @ SendError::Transient { .. }) => failed = Some(later),
                Err(refused) => failed = failed.or(Some(refused)),
            }
        }
        match (taken, failed) {
            (Some(receipt), None) => Ok(receipt),
            (Some(receipt), Some(error)) => {
                let others = self.masked(&error.to_string());
                let answer = format!("{}, but not all: {others}", receipt.status);
                Ok(Receipt { answer, ..receipt })
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(unsendable(&"there is nobody to send it to")),
        }
    }

    async fn mail(
        &self,
        mailer: &Mailer,
        message: &Message,
        progress: &mut Progress,
    ) -> Result<Receipt, SendError> {
        let letter = channel::letter(&self.settings, message);
        let mut last = Receipt { status: 0, answer: "there was nobody to send it to".to_owned() };
        let mut later = None;
        for number in 0..mailer.recipients() {
            if progress.ended.contains(&number) {
                continue;
            }
            let sent = mailer.send(number, &letter, message, self.settings.timeout).await;
            match sent.map_err(|failure| (failure.error, failure.is_of_recipient)) {
                Ok(receipt) => last = Receipt { answer: self.masked(&receipt.answer), ..receipt },
                Err((SendError::Refused { words, .. }, _)) => progress.refused.push(words),
                // It says so of this recipient alone.
                Err((error, true)) => {
                    later = Some(error);
                    continue;
                }
                Err((error, false)) => return Err(error),
            }
            progress.ended.insert(number);
        }
        match later {
            Some(later) => Err(later),
            None => progress.verdict(last),
        }
    }

    /// One request and what its answer means.
    async fn call(
        &self,
        client: &Client,
        request: Result<Request<String>, http::Error>,
        now: WallMs,
    ) -> Result<Receipt, SendError> {
        let request = request.map_err(|error| unsendable(&error))?;
        let answer: Answer = client.call(request, MAX_ANSWER_BYTES).await.map_err(silent)?;
        // Some repeat what they were sent. What is hidden is hidden before anything is cut.
        let body = self.masked(&String::from_utf8_lossy(&answer.body));
        let heard = Heard {
            status: answer.status,
            retry_after: answer.headers.get(RETRY_AFTER).and_then(|head| head.to_str().ok()),
            body: body.as_bytes(),
            is_whole: answer.is_whole,
        };
        judge(self.settings.kind, &client.url().authority(), heard, now)
    }

    /// A text in which no secret of this channel stands.
    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.hidden {
            if text.contains(secret) {
                text = text.replace(secret, MASK);
            }
        }
        text
    }
}

impl Progress {
    /// How a message ended of which every part has.
    fn verdict(&self, last: Receipt) -> Result<Receipt, SendError> {
        match self.refused.as_slice() {
            [] => Ok(last),
            [only] if self.ended.len() <= 1 => {
                Err(SendError::Refused { status: None, words: only.clone() })
            }
            [first, ..] => {
                let (refused, all) = (self.refused.len(), self.ended.len());
                let words = format!("{refused} of {all} were refused, the first: {first}");
                Err(SendError::Refused { status: None, words })
            }
        }
    }
}

fn silent(error: CallError) -> SendError {
    SendError::Transient { retry_after: None, words: error.to_string() }
}

fn unsendable(error: &dyn fmt::Display) -> SendError {
    SendError::Refused { status: None, words: format!("it cannot be sent: {error}") }
}
