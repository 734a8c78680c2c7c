//! Whether this server holds the database that it writes to: what the store finds out, and those ask who
//! tell somebody of something.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{
    lease::{Beat, Holding, LEASE, MARGIN},
    units::Mono,
};

/// How long whoever has something to tell waits for a renewal. A database that is silent for longer is away,
/// and then nobody else can have taken it.
const ASKED: Duration = Duration::from_secs(3);

/// What is known of a server's right to write.
#[derive(Debug)]
pub struct Standing {
    /// The beat that has stood still for long enough.
    stood_still: Mutex<Option<Beat>>,
    /// Milliseconds of the monotonic clock until which nobody else can hold the database, or until which it
    /// is known to be away.
    may_tell_until: AtomicU64,
    /// Wakes the one that renews.
    wanted: Notify,
    /// Renewals that ended, well or not.
    tried: watch::Sender<u64>,
    /// What the server says of itself that has taken over.
    lost_to: watch::Sender<Option<Arc<str>>>,
    /// Whether another server held the database before this one took it.
    is_successor: Mutex<bool>,
}

impl Default for Standing {
    /// Of a server that shares its store with nobody, or has not opened it yet.
    fn default() -> Self {
        Self {
            stood_still: Mutex::default(),
            may_tell_until: AtomicU64::new(u64::MAX),
            wanted: Notify::new(),
            tried: watch::Sender::new(0),
            lost_to: watch::Sender::new(None),
            is_successor: Mutex::default(),
        }
    }
}

impl Standing {
    /// The beat was watched for long enough: the row may be taken as long as it shows this.
    pub(super) fn stood_still(&self, beat: Beat) {
        *self.stood_still.lock().unwrap_or_else(PoisonError::into_inner) = Some(beat);
    }

    /// Whether this beat was watched for long enough.
    pub(super) fn may_take(&self, beat: Beat) -> bool {
        *self.stood_still.lock().unwrap_or_else(PoisonError::into_inner) == Some(beat)
    }

    /// The row was taken, from another server or not.
    pub(super) fn taken(&self, holding: Holding, from_another: bool) {
        *self.is_successor.lock().unwrap_or_else(PoisonError::into_inner) |= from_another;
        self.may_tell_until.store(holding.sure_until().millis(), Ordering::Relaxed);
    }

    /// A sign of life is acknowledged.
    pub(super) fn renewed(&self, holding: Holding) {
        self.tried(holding.sure_until());
    }

    /// At this moment the database was found to be away. As long as after a sign of life that is taken as
    /// it is, so that what there is to tell meanwhile waits once and not each for itself.
    pub(super) fn away(&self, now: Mono) {
        self.tried(now.plus(LEASE.saturating_sub(MARGIN)));
    }

    fn tried(&self, until: Mono) {
        self.may_tell_until.fetch_max(until.millis(), Ordering::Relaxed);
        self.tried.send_modify(|tried| *tried += 1);
    }

    /// Another server has taken over.
    pub fn lost(&self, to: &str) {
        self.lost_to.send_replace(Some(to.into()));
        self.tried.send_modify(|tried| *tried += 1);
    }

    /// Ends when somebody wants to know at once.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Whether another server held the database before this one took it. Says so once.
    pub(crate) fn has_succeeded(&self) -> bool {
        std::mem::take(&mut *self.is_successor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends when another server has taken over; with what that says of itself.
    pub async fn superseded(&self) -> Arc<str> {
        let mut lost = self.lost_to.subscribe();
        loop {
            if let Some(to) = lost.borrow_and_update().clone() {
                return to;
            }
            if lost.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether this server may tell somebody of something at this moment: no other can have taken over, or
    /// the database was away just now, so that none could. A server that stood still, or was cut off, finds
    /// out before it speaks.
    pub async fn may_tell(&self, now: Mono) -> bool {
        if self.lost_to.borrow().is_some() {
            return false;
        }
        if now.millis() < self.may_tell_until.load(Ordering::Relaxed) {
            return true;
        }
        let mut tried = self.tried.subscribe();
        self.wanted.notify_one();
        // The renewal that is under way may have been sent long ago: the one after it counts.
        let asked = async {
            for _ in 0..2 {
                if tried.changed().await.is_err() || self.lost_to.borrow().is_some() {
                    return;
                }
                if now.millis() < self.may_tell_until.load(Ordering::Relaxed) {
                    return;
                }
                self.wanted.notify_one();
            }
        };
        // Silence is no loss.
        let _ = timeout(ASKED, asked).await;
        self.lost_to.borrow().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[tokio::test(start_paused = true)]
    async fn who_stood_still_asks_before_it_tells() {
        let standing = Arc::new(Standing::default());
        assert!(standing.may_tell(at(5)).await, "nobody else is there");
        let mut holding = Holding::taken(1, at(10));
        standing.taken(holding, false);
        assert!(standing.may_tell(at(13)).await);

        // It is acknowledged.
        let asked = tokio::spawn({
            let standing = Arc::clone(&standing);
            async move { standing.may_tell(at(60)).await }
        });
        standing.wanted().await;
        holding.renewed(at(60));
        standing.renewed(holding);
        assert!(asked.await.unwrap());

        // The database is away: nobody can have taken over.
        let asked = tokio::spawn({
            let standing = Arc::clone(&standing);
            async move { standing.may_tell(at(70)).await }
        });
        standing.wanted().await;
        standing.away(at(71));
        assert!(asked.await.unwrap());
        // What comes next does not wait for another renewal.
        let at_once = Duration::from_millis(1);
        assert!(timeout(at_once, standing.may_tell(at(74))).await.unwrap());
        assert!(timeout(Duration::from_secs(60), standing.superseded()).await.is_err());

        // Somebody has taken over.
        let asked = tokio::spawn({
            let standing = Arc::clone(&standing);
            async move { standing.may_tell(at(80)).await }
        });
        standing.wanted().await;
        standing.lost("process 2 on two");
        assert!(!asked.await.unwrap());
        assert!(!standing.may_tell(at(0)).await);
        assert_eq!(&*standing.superseded().await, "process 2 on two");
    }
}
