//! Server-sent events: the fleet, and then what changes in it, once a second.
//!
//! One task looks at the live view and encodes each change once, however many pages look; what they
//! are sent is one allocation. A reader that cannot keep up is let go, not buffered for: it comes back
//! and gets the fleet whole.
//! (HTML Living Standard, 9.2 Server-sent events.)

use std::{
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
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream::unfold;
use tokio::{
    sync::{Semaphore, broadcast},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{Site, failure::Failure, params::Params};
use crate::query::{Change, Fleet};

/// How often the live view is looked at.
pub const LOOK: Duration = Duration::from_secs(1);

/// Pages that look at once; more are refused.
pub const MAX_PAGES: usize = 256;

/// How long one stream lasts. A browser comes back by itself; what hung is gone by then.
pub const MAX_STREAM_LIFE: Duration = Duration::from_secs(100);

/// Changes that a reader may be behind before it is let go.
const BACKLOG: usize = 4;

/// How long a browser waits before it comes back, milliseconds.
const COME_BACK_MS: u32 = 1_000;

/// What was seen last.
#[derive(Debug)]
struct Seen {
    fleet: Fleet,
    /// The fleet as an event, once somebody has joined since.
    whole: Option<Bytes>,
}

/// The looks at the fleet that all streams share.
#[derive(Debug)]
pub struct Looks {
    changes: broadcast::Sender<Bytes>,
    seen: Mutex<Option<Seen>>,
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
            changes: broadcast::Sender::new(BACKLOG),
            seen: Mutex::default(),
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
    fn event<T: serde::Serialize>(&self, name: &str, value: &T) -> Bytes {
        self.encoded.fetch_add(1, Ordering::Relaxed);
        // Shapes of strings and numbers are always JSON.
        let json = serde_json::to_string(value).unwrap_or_default();
        format!("event: {name}\nretry: {COME_BACK_MS}\ndata: {json}\n\n").into()
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
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.changes.receiver_count() == 0 {
            *seen = None;
            return;
        }
        let Some(fleet) = site.query.fleet(site.clock.now().wall) else { return };
        if let Some(before) = seen.as_ref() {
            let change = Change::between(&before.fleet, &fleet);
            // Nobody may be left by now.
            let _ = self.changes.send(self.event("change", &change));
        }
        *seen = Some(Seen { fleet, whole: None });
    }

    /// The fleet whole, and the changes that follow it. However many join between two looks, they
    /// are given the same.
    fn join(&self, site: &Site) -> Option<(Bytes, broadcast::Receiver<Bytes>)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_none() {
            let fleet = site.query.fleet(site.clock.now().wall)?;
            *seen = Some(Seen { fleet, whole: None });
        }
        let Seen { fleet, whole } = seen.as_mut()?;
        let whole = whole.get_or_insert_with(|| self.event("fleet", fleet)).clone();
        Some((whole, self.changes.subscribe()))
    }
}

/// `GET /api/v1/stream`: an event `fleet`, then an event `change` a second.
pub(super) async fn stream(
    State(site): State<Arc<Site>>,
    params: Params,
) -> Result<Response, Failure> {
    params.finish()?;
    let Ok(place) = Arc::clone(&site.looks.places).try_acquire_owned() else {
        let pages = site.looks.pages;
        let words = format!("{pages} pages look already; try again later");
        return Err(Failure::unavailable(words));
    };
    let Some((fleet, changes)) = site.looks.join(&site) else {
        return Err(Failure::unavailable("there is no live view".to_owned()));
    };
    let end = Box::pin(sleep(site.looks.life));
    let events = unfold((Some(fleet), changes, end, place), async |state| {
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
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((head, Body::from_stream(events)).into_response())
}
