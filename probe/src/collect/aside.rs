//! Work that may block for ever, on a thread of its own: what lies on a disk, and what the kernel gives
//! only once it has a lock. At most one thread, whoever asks: who comes while it works gets the same
//! answer, and when it did not answer in time it is not asked again until it has.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Instant,
};

use crate::clock;

/// Stack of the thread, bytes: it parses JSON, which is as deep as it likes up to 128 levels.
const STACK_BYTES: usize = 512 * 1_024;

type Slot<T> = Arc<OnceLock<T>>;

/// Where the work is done.
#[derive(Debug)]
pub struct Aside<T> {
    name: &'static str,
    running: Mutex<Option<Running<T>>>,
    done: Condvar,
}

#[derive(Debug)]
struct Running<T> {
    slot: Slot<T>,
    is_hung: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// It is not ready in time; one thread waits for it.
    Hung,
    /// No thread could be made.
    NotBegun,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hung => "does not answer; one thread waits for it",
            Self::NotBegun => "not begun: no thread could be made",
        })
    }
}

/// An answer that is being made.
#[derive(Debug)]
pub struct Begun<T> {
    aside: Arc<Aside<T>>,
    slot: Result<Slot<T>, NoAnswer>,
}

impl<T: Clone + Send + Sync + 'static> Aside<T> {
    /// Nothing is under way.
    #[must_use]
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, running: Mutex::default(), done: Condvar::new() })
    }

    /// Begins `work`, or waits with whoever began it before.
    pub fn begin(self: &Arc<Self>, work: impl FnOnce() -> T + Send + 'static) -> Begun<T> {
        let mut running = self.lock();
        let slot = match &*running {
            Some(running) if running.is_hung => Err(NoAnswer::Hung),
            Some(running) => Ok(Arc::clone(&running.slot)),
            None => {
                let slot = Slot::default();
                if self.spawn(work, &slot) {
                    *running = Some(Running { slot: Arc::clone(&slot), is_hung: false });
                    Ok(slot)
                } else {
                    Err(NoAnswer::NotBegun)
                }
            }
        };
        Begun { aside: Arc::clone(self), slot }
    }

    /// Threads that wait for what does not answer.
    #[must_use]
    pub fn parked(&self) -> usize {
        usize::from(self.lock().as_ref().is_some_and(|running| running.is_hung))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running<T>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, work: impl FnOnce() -> T + Send + 'static, slot: &Slot<T>) -> bool {
        let (aside, slot) = (Arc::clone(self), Arc::clone(slot));
        let run = move || {
            // A panic ends the work, too: it must not pass for a thread that waits.
            let over = Over(&aside);
            let _: Result<(), T> = slot.set(work());
            drop(over);
        };
        thread::Builder::new().name(self.name.to_owned()).stack_size(STACK_BYTES).spawn(run).is_ok()
    }
}

/// Ends what is under way.
struct Over<'a, T: Clone + Send + Sync + 'static>(&'a Aside<T>);

impl<T: Clone + Send + Sync + 'static> Drop for Over<'_, T> {
    fn drop(&mut self) {
        *self.0.lock() = None;
        self.0.done.notify_all();
    }
}

impl<T: Clone + Send + Sync + 'static> Begun<T> {
    /// Waits at most until `until`; what is not ready then is hung until it is.
    ///
    /// # Errors
    /// There is no answer.
    pub fn finish(self, until: Instant) -> Result<T, NoAnswer> {
        let slot = self.slot?;
        let mut running = self.aside.lock();
        loop {
            if let Some(answer) = slot.get() {
                return Ok(answer.clone());
            }
            let Some(ours) = running.as_mut().filter(|other| Arc::ptr_eq(&other.slot, &slot))
            else {
                return Err(NoAnswer::NotBegun);
            };
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() {
                ours.is_hung = true;
                return Err(NoAnswer::Hung);
            }
            running = match self.aside.done.wait_timeout(running, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    fn soon() -> Instant {
        clock::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_hangs_keeps_one_thread_and_is_asked_again_once_it_has_answered() {
        let aside = Aside::new("test");
        let (go, wait) = mpsc::channel::<()>();
        let hangs = aside.begin(move || wait.recv().map_or(0, |()| 1));
        assert_eq!(hangs.finish(clock::now()), Err(NoAnswer::Hung));
        assert_eq!(aside.parked(), 1);
        assert_eq!(aside.begin(|| 2).finish(soon()), Err(NoAnswer::Hung));
        let mut running = aside.lock();
        go.send(()).unwrap();
        while running.is_some() {
            running = aside.done.wait(running).unwrap();
        }
        drop(running);
        assert_eq!(aside.parked(), 0);
        assert_eq!(aside.begin(|| 3).finish(soon()), Ok(3));
    }

    #[test]
    fn who_comes_meanwhile_gets_the_same_answer() {
        let aside = Aside::new("test");
        let (go, wait) = mpsc::channel::<()>();
        let first = aside.begin(move || wait.recv().map_or(0, |()| 1));
        let second = aside.begin(|| 2);
        go.send(()).unwrap();
        assert_eq!((first.finish(soon()), second.finish(soon())), (Ok(1), Ok(1)));
    }

    #[test]
    fn a_panic_is_no_thread_that_waits() {
        let aside = Aside::<u8>::new("test");
        let begun = aside.begin(|| panic!("as it is meant to"));
        assert_eq!(begun.finish(soon()), Err(NoAnswer::NotBegun));
        assert_eq!(aside.begin(|| 3).finish(soon()), Ok(3));
    }
}
