//! Server-sent events: the fleet, and then what changes in it, once a second.
//!
//! One task looks at the live view and encodes each change once, however many pages look. A reader
//! that cannot keep up is let go, not buffered for: it comes back and gets the fleet whole.
//! (HTML Living Standard, 9.2 Server-sent events.)

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
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

/// How long a browser waits before it comes back.
const COME_BACK: Duration = Duration::from_secs(1);

/// The looks at the fleet that all streams share.
#[derive(Debug)]
pub struct Looks {
    changes: broadcast::Sender<Arc<str>>,
    latest: Mutex<Option<Fleet>>,
    places: Arc<Semaphore>,
    pages: usize,
    life: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Self::with_limits(MAX_PAGES, MAX_STREAM_LIFE)
    }
}

fn json<T: serde::Serialize>(value: &T) -> Arc<str> {
    // Shapes of strings and numbers are always JSON.
    serde_json::to_string(value).unwrap_or_default().into()
}

impl Looks {
    /// With limits of one's own: how many pages look at once, and how long each stream lasts.
    #[must_use]
    pub fn with_limits(pages: usize, life: Duration) -> Self {
        Self {
            changes: broadcast::Sender::new(BACKLOG),
            latest: Mutex::default(),
            places: Arc::new(Semaphore::new(pages)),
            pages,
            life,
        }
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
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if self.changes.receiver_count() == 0 {
            *latest = None;
            return;
        }
        let Some(now) = site.query.fleet(site.clock.now().wall) else { return };
        if let Some(before) = latest.as_ref() {
            let change = Change::between(before, &now);
            // Nobody may be left by now.
            let _ = self.changes.send(json(&change));
        }
        *latest = Some(now);
    }

    /// The fleet whole, and the changes that follow it.
    fn join(&self, site: &Site) -> Option<(Arc<str>, broadcast::Receiver<Arc<str>>)> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.changes.subscribe();
        if latest.is_none() {
            *latest = Some(site.query.fleet(site.clock.now().wall)?);
        }
        latest.as_ref().map(|fleet| (json(fleet), changes))
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
    let first = Event::default().event("fleet").retry(COME_BACK).data(&*fleet);
    let end = Box::pin(sleep(site.looks.life));
    let events = unfold((Some(first), changes, end, place), async |state| {
        let (first, mut changes, mut end, place) = state;
        let event = match first {
            Some(first) => first,
            None => tokio::select! {
                () = &mut end => return None,
                // Too far behind, or the server stops: either way the stream ends.
                change = changes.recv() => Event::default().event("change").data(&*change.ok()?),
            },
        };
        Some((Ok::<_, Infallible>(event), (None, changes, end, place)))
    });
    Ok(Sse::new(events).into_response())
}
