//! Server-sent events: the fleet, and then what changes in it, once a second.
//!
//! One task looks at the live view and encodes each change once, however many pages look; what they
//! are sent is one allocation. A reader that cannot keep up is let go, not buffered for: it comes back
//! and goes on after the last event that it has, or gets the fleet whole when that was long ago. While
//! nothing changes it is sent the time of day, and nothing else: so neither a proxy nor the reader takes
//! the connection for dead.
//! (HTML Living Standard, 9.2 Server-sent events.)

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream::unfold;
use tokio::{
    sync::{Semaphore, broadcast},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Site, asked::NothingAsked, backlog::Backlog, failure::Failure, params::RequestParams, who::Who,
};
use crate::{
    model::Scope,
    query::{Fleet, FleetChange},
    units::WallMs,
};

/// How often the live view is looked at.
pub const LOOK: Duration = Duration::from_secs(1);

/// Pages that look at once; more are refused.
pub const MAX_PAGES: usize = 256;

/// How long one stream lasts. A browser comes back by itself; what hung is gone by then.
pub const MAX_STREAM_LIFE: Duration = Duration::from_secs(100);

/// How long nothing is said at most. Proxies close what is silent for a minute (nginx's
/// `proxy_read_timeout`); `top` takes a server that says nothing for five seconds for gone.
pub const BEAT: Duration = Duration::from_secs(3);

/// How long the fleet is looked at after its last reader has left: who comes back within it goes on.
pub const LINGER: Duration = Duration::from_secs(30);

/// Events that a reader may be behind before it is let go.
const BEHIND: usize = 4;

/// How long a browser waits before it comes back, milliseconds.
const COME_BACK_MS: u32 = 1_000;

/// nginx sends an answer on when 4 KiB of it are there, unless it says this.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// What was seen last.
#[derive(Debug)]
struct LastSent {
    fleet: Fleet,
    /// The fleet as an event, once somebody has joined since.
    whole: Option<Bytes>,
    /// Looks since the readers were sent something.
    quiet: u32,
    /// Looks since somebody read.
    unread: u32,
}

/// What was seen within a scope, the changes that led there, and who reads them. There are no more than
/// different scopes of tokens, and one that nobody reads is forgotten.
#[derive(Debug)]
struct Sight {
    seen: Option<LastSent>,
    backlog: Backlog,
    changes: broadcast::Sender<Bytes>,
}

impl Default for Sight {
    fn default() -> Self {
        let changes = broadcast::Sender::new(BEHIND);
        Self { seen: None, backlog: Backlog::default(), changes }
    }
}

/// The looks at the fleet that all streams share.
#[derive(Debug)]
pub struct Looks {
    sights: Mutex<BTreeMap<Scope, Sight>>,
    places: Arc<Semaphore>,
    pages: usize,
    life: Duration,
    encoded: AtomicU64,
}

impl Default for Looks {
    fn default() -> Self {
        Self::with_limits(MAX_PAGES, MAX_STREAM_LIFE)
    }
}

impl Looks {
    /// With limits of one's own: how many pages look at once, and how long each stream lasts.
    #[must_use]
    pub fn with_limits(pages: usize, life: Duration) -> Self {
        Self {
            sights: Mutex::default(),
            places: Arc::new(Semaphore::new(pages)),
            pages,
            life,
            encoded: AtomicU64::new(0),
        }
    }

    /// How many events were encoded: that does not grow with the number of readers.
    #[must_use]
    pub fn encoded(&self) -> u64 {
        self.encoded.load(Ordering::Relaxed)
    }

    /// Streams that there is room for.
    #[must_use]
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// An event on the wire. JSON of `serde_json` has no line ends, so it is one field.
    fn event<T: serde::Serialize>(&self, id: Option<&str>, name: &str, value: &T) -> Bytes {
        self.encoded.fetch_add(1, Ordering::Relaxed);
        // Shapes of strings and numbers are always JSON.
        let json = serde_json::to_string(value).unwrap_or_default();
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {name}\ndata: {json}\n\n").into()
    }

    /// Looks at the live view once a second for as long as anybody reads.
    pub(super) async fn run(site: Arc<Site>) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            site.looks.look(&site);
        }
    }

    fn look(&self, site: &Site) {
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        for (scope, sight) in sights.iter_mut() {
            self.look_within(site, scope, sight);
        }
        // The numbers of the whole fleet's go on.
        sights.retain(|scope, sight| !scope.is_limited() || sight.seen.is_some());
    }

    fn look_within(&self, site: &Site, scope: &Scope, sight: &mut Sight) {
        let Sight { seen, backlog, changes } = sight;
        let Some(before) = seen.as_mut() else { return };
        let is_read = changes.receiver_count() > 0;
        let unread = if is_read { 0 } else { before.unread + 1 };
        if LOOK * unread > LINGER {
            *seen = None;
            return;
        }
        let query = site.answers.within(scope);
        let Some(fleet) = query.fleet(site.clock.now().wall) else { return };
        let mut quiet = before.quiet + 1;
        let mut tell = |event| {
            quiet = 0;
            // Nobody may be left by now.
            let _ = changes.send(event);
        };
        if let Some(change) = FleetChange::between(&before.fleet, &fleet) {
            let event = self.event(Some(&backlog.next_id()), "change", &change);
            backlog.push(event.clone());
            tell(event);
        } else if is_read && LOOK * (before.quiet + 1) >= BEAT {
            tell(self.event(None, "beat", &Beat { at_ms: fleet.at_ms }));
        }
        *seen = Some(LastSent { fleet, whole: None, quiet, unread });
    }

    /// What a reader is sent at first, and the changes that follow it: those after the event `last`,
    /// or the fleet whole. However many join between two looks, they are given the same.
    fn join(
        &self,
        site: &Site,
        scope: &Scope,
        last: Option<&str>,
    ) -> Option<(Bytes, broadcast::Receiver<Bytes>)> {
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        let Sight { seen, backlog, changes } = sights.entry(scope.clone()).or_default();
        if seen.is_none() {
            let fleet = site.answers.within(scope).fleet(site.clock.now().wall)?;
            backlog.forget();
            *seen = Some(LastSent { fleet, whole: None, quiet: 0, unread: 0 });
        }
        let mut first = format!("retry: {COME_BACK_MS}\n\n").into_bytes();
        if let Some(missed) = last.and_then(|last| backlog.since(last)) {
            missed.for_each(|change| first.extend_from_slice(change));
        } else {
            let LastSent { fleet, whole, .. } = seen.as_mut()?;
            let event = || self.event(Some(&backlog.id()), "fleet", fleet);
            first.extend_from_slice(whole.get_or_insert_with(event));
        }
        Some((first.into(), changes.subscribe()))
    }
}

/// The server lives, and this is its time.
#[derive(Debug, serde::Serialize)]
struct Beat {
    at_ms: WallMs,
}

/// `GET /api/v1/stream`: an event `fleet`, then an event `change` for each look that found one.
pub(super) async fn stream(
    State(site): State<Arc<Site>>,
    Who(who): Who,
    request: HeaderMap,
    _: RequestParams<NothingAsked>,
) -> Result<Response, Failure> {
    let Ok(place) = Arc::clone(&site.looks.places).try_acquire_owned() else {
        let pages = site.looks.pages;
        let words = format!("{pages} pages look already; try again later");
        return Err(Failure::unavailable(words));
    };
    let last = request.get("last-event-id").and_then(|id| id.to_str().ok());
    let Some((first, changes)) = site.looks.join(&site, &who.scope, last) else {
        return Err(Failure::unavailable("there is no live view".to_owned()));
    };
    let end = Box::pin(sleep(site.looks.life));
    let events = unfold((Some(first), changes, end, place), async |state| {
        let (first, mut changes, mut end, place) = state;
        let event = match first {
            Some(first) => first,
            None => tokio::select! {
                () = &mut end => return None,
                // Too far behind, or the server stops: either way the stream ends.
                change = changes.recv() => change.ok()?,
            },
        };
        Some((Ok::<_, Infallible>(event), (None, changes, end, place)))
    });
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        UNBUFFERED,
    ];
    Ok((head, Body::from_stream(events)).into_response())
}
