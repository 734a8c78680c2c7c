//! What a request can change: a host is paused or resumed, polled at once, or accepted as a machine
//! that is new; the inventory file is looked at. A pause is written down first, then put in force, so that what was answered with 200
//! outlives the server.

use std::{fmt, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{
    Site,
    asked::NothingAsked,
    body::{Body, Nothing, read},
    failure::Failure,
    params::{HostPath, RequestParams},
    who::Scoped,
};
use crate::{
    engine::{Command, Explanation},
    health::{MAX_REASON_BYTES, Pause},
    model::{self, HostId, HostName, Record},
    query::{
        HostShape, LENGTH_PATTERN, MOMENT_PATTERN, PollShape, Query, QueryError, parse_length,
        parse_moment,
    },
    reconcile::{OperatorOrder, Reloaded},
    store::{
        Store,
        writer::{QueuedRow, WriterHandle},
    },
    text::one_line,
    units::WallMs,
};

/// The longest pause that ends by itself: a year.
pub const MAX_PAUSE: Duration = Duration::from_secs(31_557_600);

/// How long an order may take: whoever gave it is answered by then, also while the store hangs.
pub(super) const ORDER_PATIENCE: Duration = Duration::from_secs(5);

/// How long an order that is in force waits for its change of state to be kept: who looks into the store
/// next is to find it there.
const KEPT_PATIENCE: Duration = Duration::from_secs(2);

/// Orders that may be under way at once; more are refused.
const MAX_ORDERS: usize = 16;

/// How long a request waits for a poll that it asked for. Its row is written whoever waits.
pub const POLL_PATIENCE: Duration = Duration::from_secs(30);

/// What a body must be, in words.
const EXPECTED: &str = "a JSON object (content-type application/json) with, all optional, \"for\" (a length such as \"2h\") \
     or \"until\" (RFC 3339), and \"reason\"";

/// The way to the engine, and to the store that remembers.
pub struct Control {
    commands: mpsc::Sender<Command>,
    store: Arc<dyn Store>,
    writer: Option<WriterHandle>,
    /// One change at a time: the store and the engine see them in the same order.
    turn: Arc<Mutex<()>>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control {
    /// Commands the engine behind `commands`; `store` remembers.
    #[must_use]
    pub fn new(commands: mpsc::Sender<Command>, store: Arc<dyn Store>) -> Self {
        let places = Arc::new(Semaphore::new(MAX_ORDERS));
        Self { commands, store, writer: None, turn: Arc::default(), places }
    }

    /// The same; what comes of an order is kept by this writer before it is answered.
    #[must_use]
    pub fn with_writer(self, writer: WriterHandle) -> Self {
        Self { writer: Some(writer), ..self }
    }

    /// Writes a pause down and puts it in force. An order goes on after its patience has ended, so that
    /// what the store keeps in the end is in force, too.
    async fn set(&self, host: HostId, pause: Option<Pause>) -> Result<(), Failure> {
        let place =
            Arc::clone(&self.places).try_acquire_owned().map_err(|_full| Failure::busy())?;
        let (turn, store) = (Arc::clone(&self.turn), Arc::clone(&self.store));
        let (commands, writer) = (self.commands.clone(), self.writer.clone());
        let order = tokio::spawn(async move {
            let _place = place;
            let _turn = turn.lock().await;
            store.set_pause(host, pause.clone()).await.map_err(QueryError::from)?;
            let (done, told) = oneshot::channel();
            let in_force = async {
                commands.send(Command::Pause(host, pause, done)).await.ok()?;
                told.await.ok()
            };
            in_force.await.ok_or_else(|| {
                let words = "it is written down, but not in force: the server is stopping";
                Failure::unavailable(words.to_owned())
            })?;
            if let Some(writer) = writer {
                writer.settle(KEPT_PATIENCE).await;
            }
            Ok(())
        });
        in_time(order).await?.map_err(|_panicked| Failure::busy())?
    }

    /// Has a row kept, which nobody waits for.
    pub(super) fn note(&self, row: QueuedRow) {
        if let Some(writer) = &self.writer {
            writer.push(row);
        }
    }

    /// Has what was polled until now kept, as far as that can be in time.
    pub(super) async fn settle(&self) {
        if let Some(writer) = &self.writer {
            writer.settle(KEPT_PATIENCE).await;
        }
    }

    /// What a rule says of a host by its last poll, and why.
    pub(super) async fn explain(&self, host: &str, rule: &str) -> Result<Explanation, Failure> {
        let host = HostName::new(host).map_err(|bad| Failure::bad_request(bad.to_string()))?;
        let (asked, answer) = oneshot::channel();
        let order = async {
            self.commands.send(Command::Explain(host, rule.into(), asked)).await.ok()?;
            answer.await.ok()
        };
        let told = in_time(order).await?;
        told.ok_or_else(|| {
            Failure::missing(format!(
                "no rule called {rule:?} is judged on this host, or it was not polled since the start"
            ))
        })
    }

    /// Polls a host now, or joins the poll that is under way.
    async fn poll(&self, host: HostName) -> Result<Arc<Record>, Failure> {
        let (asked, answer) = oneshot::channel();
        let order = async {
            self.commands.send(Command::PollNow(host, asked)).await.ok()?;
            answer.await.ok()
        };
        match timeout(POLL_PATIENCE, order).await {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(Failure::unavailable(
                "it was not polled: it left the inventory, or the server is stopping".to_owned(),
            )),
            Err(_) => Err(Failure::unavailable(format!(
                "the poll goes on, but has not ended within {} s",
                POLL_PATIENCE.as_secs()
            ))),
        }
    }
}

/// The answer to an order, if it comes in time.
async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, Failure> {
    timeout(ORDER_PATIENCE, answer).await.map_err(|_late| {
        Failure::unavailable(format!(
            "not done within {} s: the store does not answer, or the server is starting; the order \
             is carried out once the store answers, unless that takes too long: look at the host \
             before you give it again, and at /readyz",
            ORDER_PATIENCE.as_secs()
        ))
    })
}

/// The body of a pause.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseAsked {
    /// How long, at most a year; not with `until`. With neither, until it is resumed.
    #[schemars(regex(pattern = LENGTH_PATTERN))]
    r#for: Option<String>,
    /// When it ends: a moment to come.
    #[schemars(regex(pattern = MOMENT_PATTERN))]
    until: Option<String>,
    /// Why: one line of at most 200 bytes.
    #[schemars(length(max = MAX_REASON_BYTES), regex(pattern = REASON_PATTERN))]
    reason: Option<String>,
}

/// What is said of an order that was carried out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Accepted {
    /// The host.
    host: String,
    /// The machine that answers next is this host.
    accepted: bool,
}

/// The body of a reload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadAsked {
    /// Whether what the file says comes into force also when it takes out so many hosts that it
    /// would wait; false when it is left out.
    now: Option<bool>,
}

/// What came of a look at the inventory file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReloadTold {
    /// How many hosts the inventory in force has.
    hosts: usize,
    /// Why what the file says is not in force yet; none when nothing waits.
    waiting: Option<Arc<str>>,
    /// What is wrong with the file, one problem per line; none when nothing is.
    error: Option<Arc<str>>,
    /// What is wrong with the file of alert rules, one problem per line; none when nothing is.
    alerts_error: Option<Arc<str>>,
}

/// No control characters (Unicode's Cc).
pub(super) const REASON_PATTERN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

impl PauseAsked {
    fn pause(self, now: WallMs) -> Result<Pause, String> {
        let until = match (&self.r#for, &self.until) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                return Err("\"for\" and \"until\" exclude each other: give one".to_owned());
            }
            (Some(length), None) => match parse_length(length) {
                Ok(length) => Some(now.plus(length)),
                Err(error) => return Err(format!("\"for\": {length:?}: {error}")),
            },
            (None, Some(moment)) => {
                let read = parse_moment(moment, now);
                Some(read.map_err(|error| format!("\"until\": {error}"))?)
            }
        };
        if until.is_some_and(|until| until <= now) {
            return Err("the pause would be over already".to_owned());
        }
        if until.is_some_and(|until| until.since(now) > MAX_PAUSE) {
            let most = humantime::format_duration(MAX_PAUSE);
            return Err(format!("a pause lasts at most {most}; without an end, leave it out"));
        }
        let reason = self.reason.unwrap_or_default();
        if reason.len() > MAX_REASON_BYTES || reason.chars().any(char::is_control) {
            return Err(format!(
                "\"reason\" is one line of at most {MAX_REASON_BYTES} bytes, without control \
                 characters"
            ));
        }
        // Logs and terminals repeat it.
        Ok(Pause { since: now, until, reason: one_line(&reason, MAX_REASON_BYTES).into() })
    }
}

/// `POST /api/v1/hosts/{name}/pause`.
pub(super) async fn pause(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    _: RequestParams<NothingAsked>,
    body: Body<PauseAsked>,
) -> Result<Json<HostShape>, Failure> {
    let asked = read(body, EXPECTED)?;
    let pause = asked.pause(site.clock.now().wall).map_err(Failure::bad_request)?;
    change(&site, &query, &name, Some(pause)).await
}

/// `POST /api/v1/hosts/{name}/resume`.
pub(super) async fn resume(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    _: Nothing,
) -> Result<Json<HostShape>, Failure> {
    change(&site, &query, &name, None).await
}

/// `POST /api/v1/hosts/{name}/poll`.
pub(super) async fn poll(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    _: Nothing,
) -> Result<Json<PollShape>, Failure> {
    let host = listed(&query, &name).await?;
    let name = HostName::new(&host.name).map_err(|bad| Failure::bad_request(bad.to_string()))?;
    Ok(Json(PollShape::new(site.control.poll(name).await?, true)))
}

/// `POST /api/v1/hosts/{name}/accept`.
pub(super) async fn accept(
    State(site): State<Arc<Site>>,
    Scoped(query): Scoped,
    HostPath(name): HostPath,
    _: Nothing,
) -> Result<Json<Accepted>, Failure> {
    let host = HostName::new(&name).map_err(|error| Failure::missing(error.to_string()))?;
    query.may_order(&name).await?;
    let (answer, told) = oneshot::channel();
    let order = OperatorOrder::Accept { host, answer };
    site.operator.try_send(order).map_err(|_full| Failure::busy())?;
    in_time(told).await?.map_err(|_stopping| Failure::busy())??;
    Ok(Json(Accepted { host: name, accepted: true }))
}

/// `POST /api/v1/inventory/reload`.
pub(super) async fn reload(
    State(site): State<Arc<Site>>,
    _: RequestParams<NothingAsked>,
    body: Body<ReloadAsked>,
) -> Result<Json<ReloadTold>, Failure> {
    let expected =
        "a JSON object (content-type application/json) with, optional, \"now\" (a boolean)";
    let ReloadAsked { now } = read(body, expected)?;
    let (answer, told) = oneshot::channel();
    let order = OperatorOrder::Reload { now: now.unwrap_or(false), answer };
    site.operator.try_send(order).map_err(|_full| Failure::busy())?;
    let told = in_time(told).await?;
    let Reloaded { hosts, waiting, error, alerts_error } =
        told.map_err(|_stopping| Failure::busy())?;
    Ok(Json(ReloadTold { hosts, waiting, error, alerts_error }))
}

async fn change(
    site: &Site,
    query: &Query,
    name: &str,
    pause: Option<Pause>,
) -> Result<Json<HostShape>, Failure> {
    let host = listed(query, name).await?;
    site.control.set(HostId(host.id), pause).await?;
    Ok(Json(query.host(name).await?))
}

/// A host that is in the inventory.
async fn listed(query: &Query, name: &str) -> Result<HostShape, Failure> {
    let host = query.host(name).await?;
    if host.state == model::State::Retired {
        let words = format!("{name} is not in the inventory any more");
        return Err(Failure::conflict(words));
    }
    Ok(host)
}
