//! Asking mounts for their space, when some of them may never answer.
//!
//! statvfs(2) on a dead NFS, CIFS or FUSE mount blocks for ever and cannot be interrupted. Such
//! mounts are asked on threads of their own. A mount that did not answer in time keeps its thread
//! (nothing can take it back) and is reported as hung, without being asked again, until that thread
//! returns: at most one parked thread per mount, at most [`MAX_ASKING`] of all.
//!
//! With the descriptors of `kept` this is all that outlives an answer in the probe, and neither holds
//! values.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Instant,
};

use rustix::fs::{major, minor};
use serde::{Deserialize, Serialize};

use crate::clock;

/// Threads that may be asking or parked at once. More mounts than this wait for a free one; when
/// all are parked, they are not asked at all.
pub const MAX_ASKING: usize = 64;
/// Stack of an asking thread, bytes: it makes two system calls.
const STACK_BYTES: usize = 64 * 1_024;

/// A mount, as the host knows it, and where the probe sees it. One thread each, at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The mount point, as the host knows it.
    pub mount_point: PathBuf,
    /// The same place, as the probe sees it.
    pub path: PathBuf,
}

/// The space of a filesystem: statvfs(3), and which filesystem it was that answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// st_dev of the path: major and minor of the filesystem that answered.
    pub device: (u32, u32),
    /// f_type, the filesystem's magic number.
    pub magic: u64,
    /// f_frsize, bytes.
    pub block_size_bytes: u64,
    /// f_blocks.
    pub blocks: u64,
    /// f_bfree.
    pub blocks_free: u64,
    /// f_bavail.
    pub blocks_available: u64,
    /// f_files.
    pub inodes: u64,
    /// f_ffree.
    pub inodes_free: u64,
}

/// Why a mount gave no numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The error's number.
    Errno(i32),
    /// It does not answer; one thread waits for it.
    Hung,
    /// It was not asked: no thread was free in time.
    NotAsked,
}

/// Who answers. The seam through which tests hang mounts and captured trees replay theirs.
pub trait StatVfs: fmt::Debug + Send + Sync {
    /// Asks one mount. May block for ever.
    ///
    /// # Errors
    /// What the mount said instead.
    fn statvfs(&self, question: &Question) -> Result<Space, Refusal>;
}

/// The kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kernel;

impl StatVfs for Kernel {
    fn statvfs(&self, question: &Question) -> Result<Space, Refusal> {
        let errno = |error: rustix::io::Errno| Refusal::Errno(error.raw_os_error());
        // stat tells which filesystem is at the path. Without it, a mount that is not visible under
        // the probe's rootfs would be answered by whatever lies there instead.
        let stat = rustix::fs::stat(&question.path).map_err(errno)?;
        let found = rustix::fs::statfs(&question.path).map_err(errno)?;
        #[expect(
            clippy::cast_sign_loss,
            reason = "f_type and f_frsize are bits and sizes; their C types differ by architecture"
        )]
        Ok(Space {
            device: (major(stat.st_dev), minor(stat.st_dev)),
            magic: found.f_type as u64 & 0xFFFF_FFFF,
            // Kernels before 2.6.36 leave f_frsize 0 for some filesystems: then it is f_bsize.
            block_size_bytes: if found.f_frsize == 0 { found.f_bsize } else { found.f_frsize }
                as u64,
            blocks: found.f_blocks as u64,
            blocks_free: found.f_bfree as u64,
            blocks_available: found.f_bavail as u64,
            inodes: found.f_files as u64,
            inodes_free: found.f_ffree as u64,
        })
    }
}

type Answer = Result<Space, Refusal>;
type Slot = Arc<OnceLock<Answer>>;

#[derive(Debug)]
struct InFlight {
    slot: Slot,
    hung: bool,
}

/// The questions in flight.
#[derive(Debug)]
pub struct Asks {
    seam: Arc<dyn StatVfs>,
    in_flight: Mutex<HashMap<Question, InFlight>>,
    answered: Condvar,
}

impl Asks {
    /// Nobody is being asked yet.
    #[must_use]
    pub fn new(seam: Arc<dyn StatVfs>) -> Arc<Self> {
        Arc::new(Self { seam, in_flight: Mutex::default(), answered: Condvar::new() })
    }

    /// Asks on the caller's own thread: for mounts that answer from memory.
    ///
    /// # Errors
    /// What the mount said instead.
    pub fn inline(&self, question: &Question) -> Answer {
        self.seam.statvfs(question)
    }

    /// Starts asking, each on its own thread; [`Round::finish`] waits. A mount that another answer
    /// is asking at this moment is not asked twice: both get the same answer.
    #[must_use]
    pub fn start(self: &Arc<Self>, questions: Vec<Question>) -> Round {
        let mut round = Round {
            asks: Arc::clone(self),
            items: questions.into_iter().map(|question| (question, Item::Waiting)).collect(),
            launched: 0,
            answered: 0,
        };
        if !round.items.is_empty() {
            let mut in_flight = self.lock();
            round.launch(&mut in_flight);
        }
        round
    }

    /// Threads that wait for a mount which does not answer.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.lock().values().filter(|ask| ask.hung).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, InFlight>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, question: &Question, slot: &Slot) -> bool {
        let (asks, slot, question) = (Arc::clone(self), Arc::clone(slot), question.clone());
        let ask = move || {
            let answer = asks.seam.statvfs(&question);
            let mut in_flight = asks.lock();
            let _: Result<(), Answer> = slot.set(answer);
            in_flight.remove(&question);
            asks.answered.notify_all();
        };
        thread::Builder::new().name("statvfs".to_owned()).stack_size(STACK_BYTES).spawn(ask).is_ok()
    }
}

#[derive(Debug)]
enum Item {
    /// No thread was free yet.
    Waiting,
    /// A thread is at it.
    Asked(Slot),
    /// It was hung before this answer began.
    Parked,
}

/// The questions of one answer.
#[derive(Debug)]
pub struct Round {
    asks: Arc<Asks>,
    items: Vec<(Question, Item)>,
    /// So many from the first on wait no more for a thread.
    launched: usize,
    /// So many from the first on wait for nothing more. Both only grow, so that looking again after
    /// each answer does not take the square of the questions.
    answered: usize,
}

impl Round {
    /// Waits for all, at most until `until`; then those that have not answered are hung. In the
    /// order of the questions.
    #[must_use]
    pub fn finish(mut self, until: Instant) -> Vec<Answer> {
        if self.items.is_empty() {
            return Vec::new();
        }
        let asks = Arc::clone(&self.asks);
        let mut in_flight = asks.lock();
        loop {
            self.launch(&mut in_flight);
            let left = until.saturating_duration_since(clock::now());
            if left.is_zero() || !self.is_waiting(&in_flight) {
                break;
            }
            in_flight = match asks.answered.wait_timeout(in_flight, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        self.items
            .into_iter()
            .map(|(question, item)| settle(&mut in_flight, &question, item))
            .collect()
    }

    /// Starts as many of the waiting as threads are free, in their order.
    fn launch(&mut self, in_flight: &mut HashMap<Question, InFlight>) {
        while let Some((question, item)) = self.items.get_mut(self.launched) {
            if let Some(ask) = in_flight.get(question) {
                *item = if ask.hung { Item::Parked } else { Item::Asked(Arc::clone(&ask.slot)) };
            } else {
                let slot = Slot::default();
                // A thread that cannot be made now may be made when another has ended.
                if in_flight.len() >= MAX_ASKING || !self.asks.spawn(question, &slot) {
                    return;
                }
                let ask = InFlight { slot: Arc::clone(&slot), hung: false };
                in_flight.insert(question.clone(), ask);
                *item = Item::Asked(slot);
            }
            self.launched += 1;
        }
    }

    /// Whether waiting longer may bring anything.
    fn is_waiting(&mut self, in_flight: &HashMap<Question, InFlight>) -> bool {
        while let Some((_, item)) = self.items.get(self.answered) {
            match item {
                Item::Asked(slot) if slot.get().is_none() => return true,
                Item::Waiting => return in_flight.values().any(|ask| !ask.hung),
                Item::Asked(_) | Item::Parked => self.answered += 1,
            }
        }
        false
    }
}

/// The answer to one question, now; who has not answered is hung from here on.
fn settle(in_flight: &mut HashMap<Question, InFlight>, question: &Question, item: Item) -> Answer {
    match item {
        Item::Waiting if in_flight.get(question).is_some_and(|ask| ask.hung) => Err(Refusal::Hung),
        Item::Waiting => Err(Refusal::NotAsked),
        Item::Parked => Err(Refusal::Hung),
        Item::Asked(slot) => match slot.get() {
            Some(answer) => *answer,
            None => {
                if let Some(ask) = in_flight.get_mut(question) {
                    ask.hung = true;
                }
                Err(Refusal::Hung)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    /// Answers with the number that a mount is called.
    #[derive(Debug, Default)]
    struct Numbers(AtomicUsize);

    impl StatVfs for Numbers {
        fn statvfs(&self, question: &Question) -> Result<Space, Refusal> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let blocks = question.path.to_str().unwrap().parse().unwrap();
            Ok(Space { blocks, ..Space::default() })
        }
    }

    #[test]
    fn many_more_mounts_than_threads_are_asked_once_each_and_answered_in_order() {
        const MOUNTS: usize = 10 * MAX_ASKING;
        let seam = Arc::new(Numbers::default());
        let asks = Asks::new(Arc::<Numbers>::clone(&seam));
        let path = |mount: usize| PathBuf::from(mount.to_string());
        let question = |mount| Question { mount_point: path(mount), path: path(mount) };
        let round = asks.start((0..MOUNTS).map(question).collect());
        let answers = round.finish(clock::now() + Duration::from_secs(60));
        let blocks = |answer: Answer| usize::try_from(answer.unwrap().blocks).unwrap();
        assert_eq!(answers.into_iter().map(blocks).collect::<Vec<_>>(), Vec::from_iter(0..MOUNTS));
        assert_eq!(seam.0.load(Ordering::Relaxed), MOUNTS);
        assert_eq!(asks.parked(), 0);
    }
}
