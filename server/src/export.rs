//! Readings on their way to somebody else's store as they are taken, by Prometheus' remote_write or by OTLP: the
//! samples that `/metrics/hosts` has, by OTLP under the names of its conventions, each at the moment of its poll.
//!
//! It hears of polls by the live view, which waits for nobody: where this is too slow, polls are missed and counted.
//! One thread of its own makes requests of them and sends one after the other, oldest first, for a receiver takes
//! the samples of a series in order of time alone. While the receiver takes them, requests are in memory for a
//! moment; what it does not take waits as files (`queue.rs`), over restarts.
//!
//! Any 2xx ends a request. 408, 425, 429 and 5xx (by OTLP 429, 502, 503 and 504), no answer, no connection and no
//! name are tried again without an end, as long as there is room for what waits; anything else, redirects included,
//! is the receiver's refusal: that request is dropped, counted and told.
//!
//! Series end by Prometheus' mark of staleness, or OTLP's of a point without a value: those of a host's values once
//! they are no longer fresh, those of a row that is gone with the next poll, and all of a host that is taken out. Not
//! with the end of the server: the next start goes on.

mod encode;
mod encoder;
mod message;
mod otlp;
mod pack;
mod plan;
mod queue;
mod receiver;
mod request;
mod sender;
mod wire;

use std::{collections::HashSet, path::Path, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{broadcast, watch},
    time::sleep,
};

use self::{
    pack::SeriesPacker,
    queue::ExportQueue,
    receiver::{Receiver, RequestEnd},
    request::{RequestForm, WriteVersion},
    sender::ExportSender,
};
use crate::{
    clock::Clock,
    config::{self, ExportNames, ExportProtocol},
    exposition::{NamesOf, SampleKind},
    live::{HostView, Live},
    metrics::{ExportLoss, ExportLossLabel, Metrics},
    outgoing::SetupError,
    units::{Mono, Now, WallMs},
};

/// The most samples of a request, but for what the last host brings beyond.
pub const MAX_REQUEST_SAMPLES: u32 = 10_000;

/// The most bytes of a request before it is packed, likewise.
pub const MAX_REQUEST_BYTES: usize = 4 << 20;

/// How long a sample waits for others to make a request.
pub const GATHER: Duration = Duration::from_secs(1);

/// The most bytes of requests in memory, for a disk that takes none.
pub const MAX_HELD_BYTES: u64 = 16 << 20;

/// More requests than these are not in memory alone where the disk takes them.
pub const HELD: usize = 4;

/// What is said of every host is said at least so often: of a host that is down no poll may say it.
pub const SAY_AGAIN: Duration = Duration::from_secs(60);

/// The pause after the first try that failed; it doubles with every further one.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two tries that the receiver did not ask for.
pub const MAX_PAUSE: Duration = Duration::from_secs(30);

/// How long sending may go on when the server stops; what waits then is sent by the next start.
pub const DRAIN: Duration = Duration::from_secs(2);

/// How often a refusal is logged.
pub const TELL_AGAIN: Duration = Duration::from_secs(3600);

/// How long after a poll the next ones are looked for: a thread that is woken for each of them costs the one that
/// polls more than the polls themselves.
const NAP: Duration = Duration::from_millis(50);

/// How often hosts are looked at whose polls say nothing.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is looked which hosts there are.
const LOOK_AT_ALL: Duration = Duration::from_secs(10);

/// The folder of what waits, under `data`.
const FOLDER: &str = "export";

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file of authorities is of no use.
    #[error("export.ca_file must be a readable file of certificates (PEM); {path}: {why}")]
    Authorities {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// No certificate can bear the name, or encryption cannot be set up.
    #[error("export.url: {0}")]
    Tls(SetupError),
    /// The token does not fit into a header.
    #[error("export.token holds what no header field can")]
    Token,
}

fn form(protocol: ExportProtocol) -> RequestForm {
    match protocol {
        ExportProtocol::RemoteWrite => RequestForm::Write(WriteVersion::First),
        ExportProtocol::RemoteWrite2 => RequestForm::Write(WriteVersion::Second),
        ExportProtocol::Otlp => RequestForm::Otlp,
    }
}

/// What is found of an export by one who only looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFacts {
    /// `host:port` of the receiver.
    pub to: String,
    /// What it has against a request without a sample, in words; none where it takes that.
    pub unfit: Option<String>,
    /// Bytes of the requests that wait on disk.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest: Option<WallMs>,
}

/// Asks the receiver of these settings to take a request without a sample, and looks at what waits for it; none where
/// no receiver is set. Changes nothing.
///
/// # Errors
/// [`ExportError`]: nothing could ever be sent.
pub async fn ask(
    settings: &config::Export,
    resolve: &config::Resolve,
    data: &Path,
    now: WallMs,
) -> Result<Option<ExportFacts>, ExportError> {
    let Some(receiver) = Receiver::new(settings, resolve)? else { return Ok(None) };
    let form = form(settings.protocol);
    let unfit = match receiver.send(form, form.empty(), 0, now).await {
        RequestEnd::Taken(_) | RequestEnd::Remarked(..) | RequestEnd::FirstAlone => None,
        RequestEnd::Refused(_, words) | RequestEnd::Later(_, words) => Some(words),
    };
    let waits = queue::peek(&data.join(FOLDER));
    Ok(Some(ExportFacts {
        to: receiver.authority(),
        unfit,
        waiting: waits.bytes,
        oldest: waits.oldest,
    }))
}

/// What the export works with.
pub struct ExportParts {
    /// Says what each host looks like.
    pub live: Arc<Live>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Reads the clocks.
    pub clock: Arc<dyn Clock>,
}

/// Sends readings.
pub struct Exporter {
    parts: ExportParts,
    updates: broadcast::Receiver<Arc<HostView>>,
    packer: SeriesPacker,
    sender: ExportSender,
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").field("sender", &self.sender).finish_non_exhaustive()
    }
}

impl Exporter {
    /// What sends by these settings, whose names are looked up by these name servers where there are some, and
    /// keeps what waits under `data`; none where no receiver is set. It hears of every poll from now on.
    ///
    /// # Errors
    /// [`ExportError`]: nothing could ever be sent.
    pub fn new(
        settings: &config::Export,
        resolve: &config::Resolve,
        data: &Path,
        parts: ExportParts,
    ) -> Result<Option<Self>, ExportError> {
        let Some(receiver) = Receiver::new(settings, resolve)? else { return Ok(None) };
        let form = form(settings.protocol);
        let names = match (form, settings.names) {
            (RequestForm::Otlp, _) => NamesOf::OpenTelemetry,
            (RequestForm::Write(_), ExportNames::Roundsman) => NamesOf::Roundsman,
            (RequestForm::Write(_), ExportNames::Node) => NamesOf::Node,
        };
        let kinds = SampleKind::all(names, settings.families.iter().copied().collect());
        let queue = ExportQueue::open(data.join(FOLDER), settings.queue.0, MAX_HELD_BYTES);
        let unfit = queue.drop_unfit(form);
        if unfit > 0 {
            let reason = ExportLossLabel { reason: ExportLoss::Unfit };
            parts.metrics.export_dropped.get_or_create(&reason).inc_by(unfit);
            tracing::warn!(
                samples = unfit,
                "what waited for a receiver of another export.protocol is dropped"
            );
        }
        let (metrics, clock) = (Arc::clone(&parts.metrics), Arc::clone(&parts.clock));
        Ok(Some(Self {
            updates: parts.live.subscribe(),
            packer: SeriesPacker::new(names, kinds, form),
            sender: ExportSender::new(receiver, queue, metrics, clock),
            parts,
        }))
    }

    /// The same with another first pause, for those who cannot wait.
    #[must_use]
    pub fn pausing(mut self, first: Duration) -> Self {
        self.sender.first_pause = first;
        self
    }

    /// Sends until `shutdown` ends; then what was read until now is sent within [`DRAIN`], and what is not is kept
    /// for the next start.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { parts, updates, packer, sender } = self;
        let (ending, ended) = watch::channel(false);
        let packing = async {
            let mut work = Packing { parts, updates, packer, sender: &sender, heard: None };
            work.until(shutdown).await;
            let _ = ending.send(true);
            sender.queue.wake();
        };
        let mut late = ended.clone();
        let too_late = async {
            let _ = late.wait_for(|ended| *ended).await;
            sleep(DRAIN).await;
        };
        tokio::select! {
            _ = async { tokio::join!(packing, sender.send_until(&ended)) } => {}
            () = too_late => {}
            () = sender.keep_while_it_fails() => {}
        }
        sender.keep_rest().await;
    }
}

/// Makes requests of what the live view says.
struct Packing<'a> {
    parts: ExportParts,
    updates: broadcast::Receiver<Arc<HostView>>,
    packer: SeriesPacker,
    sender: &'a ExportSender,
    /// When hosts were last looked at, and when all of them.
    heard: Option<(Mono, Mono)>,
}

impl Packing<'_> {
    async fn until(&mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                first = self.updates.recv() => match first {
                    Ok(view) => self.take(&view),
                    Err(broadcast::error::RecvError::Lagged(missed)) => self.missed(missed),
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                () = sleep(LOOK) => {}
            }
            self.step(false);
            tokio::select! {
                () = &mut shutdown => break,
                () = sleep(NAP) => {}
            }
        }
        self.step(true);
    }

    fn now(&self) -> Now {
        self.parts.clock.now()
    }

    fn take(&mut self, view: &Arc<HostView>) {
        let now = self.now();
        self.packer.take(view, now.wall, now.mono);
    }

    fn missed(&self, polls: u64) {
        if polls > 0 {
            self.parts.metrics.export_polls_missed.inc_by(polls);
        }
    }

    /// Takes what there is, looks at hosts where it is time, and hands on what is closed.
    fn step(&mut self, is_last: bool) {
        loop {
            match self.updates.try_recv() {
                Ok(view) => self.take(&view),
                Err(broadcast::error::TryRecvError::Lagged(missed)) => self.missed(missed),
                Err(_) => break,
            }
        }
        let now = self.now();
        let (mut looked, mut at_all) = self.heard.unwrap_or((now.mono, now.mono));
        if now.mono.since(looked) >= LOOK {
            self.packer.look(now.wall, now.mono);
            looked = now.mono;
        }
        if now.mono.since(at_all) >= LOOK_AT_ALL {
            let hosts: HashSet<_> = self.parts.live.hosts().iter().map(|view| view.id).collect();
            self.packer.keep(&hosts, now.wall, now.mono);
            at_all = now.mono;
        }
        self.heard = Some((looked, at_all));
        let not_later = self.packer.take_not_later();
        self.missed(not_later);
        if self.sender.first_alone() {
            self.packer.go_back();
        }
        if is_last || self.packer.begun().is_some_and(|begun| now.mono.since(begun) >= GATHER) {
            self.packer.finish();
        }
        for request in self.packer.ready() {
            self.sender.queue.push(request, now.wall);
        }
        self.sender.show(now.wall);
    }
}

#[cfg(test)]
mod tests;
