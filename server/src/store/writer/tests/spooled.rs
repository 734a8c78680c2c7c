//! The writer with a spool. Its thread is real and the clock is paused: who waits for the thread
//! yields and does not sleep, or the clock would run on.

use tempfile::TempDir;

use super::*;
use crate::{
    clock::{Clock as _, SystemClock},
    model::{AlarmState, LossReason},
    store::spool::Spool,
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

struct Site {
    folder: TempDir,
    fake: Arc<Fake>,
    spool: Arc<Spool>,
    handle: WriterHandle,
    writer: Writer,
}

fn spool_in(folder: &TempDir, max_bytes: u64) -> Arc<Spool> {
    let path = folder.path().join("spool.db");
    Arc::new(Spool::start(path, "fake".to_owned(), max_bytes).unwrap())
}

/// Waits without sleeping.
pub(super) async fn until(done: impl Fn() -> bool) {
    let clock = SystemClock::new();
    let began = clock.now().mono;
    while !done() {
        assert!(clock.now().mono.since(began) < PATIENCE, "it never came to that");
        tokio::task::yield_now().await;
    }
}

/// Waits until the thread has done what it was asked so far.
pub(super) async fn idle(spool: &Arc<Spool>) {
    let spool = Arc::clone(spool);
    let looked = tokio::spawn(async move { drop(spool.open().await) });
    until(|| looked.is_finished()).await;
    settle().await;
}

/// Lets time pass, and the writer and the thread do what they can meanwhile.
pub(super) async fn step(spool: &Arc<Spool>, length: Duration) {
    pass(length).await;
    for _ in 0..6 {
        idle(spool).await;
    }
}

impl Site {
    async fn new(mood: Mood) -> Self {
        Self::with(tempfile::tempdir().unwrap(), mood, 1 << 30).await
    }

    async fn with(folder: TempDir, mood: Mood, max_bytes: u64) -> Self {
        Self::limited(folder, mood, max_bytes, limits()).await
    }

    async fn limited(folder: TempDir, mood: Mood, max_bytes: u64, limits: WriterLimits) -> Self {
        let spool = spool_in(&folder, max_bytes);
        spool.open().await.unwrap();
        let fake = Fake::new(mood);
        let store: Arc<dyn Store> = Arc::<Fake>::clone(&fake);
        let its = Some(Arc::clone(&spool));
        let (handle, writer) =
            Writer::start_with(store, its, limits, || WallMs(7), Box::new(|_| {}));
        settle().await;
        idle(&spool).await;
        Self { folder, fake, spool, handle, writer }
    }

    async fn spooled(&self, polls: u64) {
        until(|| self.spool.status().polls == polls).await;
    }

    /// Lets time pass in small steps until the spool is empty.
    async fn drained(&self) {
        for _ in 0..2_000 {
            if self.spool.status().rows() == 0 && self.handle.stats().depth == 0 {
                return;
            }
            step(&self.spool, 100 * MS).await;
        }
        panic!("not drained: {:?}", self.handle.stats());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_failing_store_does_not_take_is_on_the_disk_within_the_wait() {
    let site = Site::new(Mood::Away).await;
    push_polls(&site.handle, 0..10);
    site.spooled(10).await;
    push_polls(&site.handle, 10..13);
    pass(999 * MS).await;
    assert_eq!(site.spool.status().polls, 10);
    pass(MS).await;
    until(|| site.handle.stats().spooled == 13).await;
    let stats = site.handle.stats();
    assert_eq!((stats.spooled, stats.depth, stats.dropped), (13, 0, 0), "{stats:?}");
    assert_eq!(stats.failing_since, Some(WallMs(7)));
    site.fake.becomes(Mood::Takes);
    site.drained().await;
    let mut slots = site.fake.slots();
    slots.sort_unstable();
    assert_eq!(slots, (0..13).collect::<Vec<_>>());
    assert_eq!(site.handle.stats().replayed, 13);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_leads_to_the_disk_long_before_it_is_given_up() {
    let site = Site::new(Mood::Hangs).await;
    push_polls(&site.handle, 0..10);
    until(|| site.fake.tries().len() == 1).await;
    pass(499 * MS).await;
    assert_eq!(site.spool.status().polls, 0);
    pass(MS).await;
    site.spooled(10).await;
    push_polls(&site.handle, 10..20);
    site.spooled(20).await;
    assert_eq!(site.fake.tries().len(), 1, "the one write is still waited for");
    site.fake.becomes(Mood::Takes);
    pass(30 * SECOND).await;
    site.drained().await;
    let mut slots = site.fake.slots();
    slots.sort_unstable();
    assert_eq!(slots, (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_a_slow_store_takes_in_the_end_is_taken_back_from_the_disk() {
    let site = Site::new(Mood::Slow).await;
    push_polls(&site.handle, 0..10);
    until(|| site.fake.tries().len() == 1).await;
    pass(500 * MS).await;
    site.spooled(10).await;
    site.fake.becomes(Mood::Takes);
    pass(1_500 * MS).await;
    until(|| site.spool.status().rows() == 0).await;
    site.drained().await;
    assert_eq!(site.fake.slots(), (0..10).collect::<Vec<_>>());
    assert_eq!(site.fake.tries().len(), 1, "nothing is written twice");
    assert_eq!(site.handle.stats().replayed, 0);
}

/// An outage with this many rows a second, and the replay beside as many new ones: from no write on
/// is more written in a second, five or twenty than twice what is handed in, or than that and the
/// floor; but for one batch, the unit in which also the new rows come. So what takes twenty seconds
/// at that pace is not there sooner, but for a second's share and that batch; how much later, the
/// disk says: its thread does not live by the paused clock.
async fn replay_beside(load: i64, limits: WriterLimits) {
    const SECONDS: i64 = 20;
    let pace = load.max(i64::try_from(limits.replay_floor).unwrap());
    let outage = SECONDS * pace / load;
    let most = usize::try_from(load + pace).unwrap();
    let batch = limits.batch_rows.min(most);
    let site = Site::limited(tempfile::tempdir().unwrap(), Mood::Away, 1 << 30, limits).await;
    let mut next = 0;
    for second in 1..=outage {
        push_polls(&site.handle, next..next + load);
        next += load;
        step(&site.spool, SECOND).await;
        site.spooled(u64::try_from(second * load).unwrap()).await;
    }
    let before = site.fake.tries().len();
    site.fake.becomes(Mood::Takes);
    let mut tenths = 0;
    while site.spool.status().rows() > 0 {
        // Rows come evenly, as from polls that are spread over their interval.
        let due = load * (tenths + 1) / 10 - load * tenths / 10;
        push_polls(&site.handle, next..next + due);
        next += due;
        tenths += 1;
        step(&site.spool, 100 * MS).await;
        assert!(tenths < 10 * 100, "the replay does not end");
    }
    let written: Vec<(Duration, usize)> = site.fake.tries()[before..]
        .iter()
        .filter(|(_, _, taken)| *taken)
        .map(|(at, rows, _)| (*at, *rows))
        .collect();
    for (begin, _) in &written {
        for seconds in [1, 5, 20] {
            let end = *begin + seconds * SECOND;
            let within = written.iter().filter(|(at, _)| at >= begin && *at < end);
            let rows: usize = within.map(|(_, rows)| rows).sum();
            let bound = usize::try_from(seconds).unwrap() * most + batch;
            assert!(rows <= bound, "{rows} rows in {seconds} s from {begin:?}, of {bound}");
        }
    }
    site.drained().await;
    let mut slots = site.fake.slots();
    slots.sort_unstable();
    assert_eq!(slots, (0..next).collect::<Vec<_>>(), "each once");
    let share = pace + i64::try_from(batch).unwrap();
    let least = 10 * (SECONDS * pace - share) / pace;
    assert!(tenths >= least, "{tenths} tenths of a second for what takes {least}");
}

#[tokio::test(start_paused = true)]
async fn replay_at_most_doubles_the_load() {
    replay_beside(20, limits()).await;
    let large = WriterLimits { batch_rows: 200, queue_rows: 100_000, ..limits() };
    replay_beside(600, large).await;
    // Next to nothing comes anew: the floor.
    replay_beside(1, limits()).await;
}

#[tokio::test(start_paused = true)]
async fn changes_of_state_stay_in_order_over_an_outage() {
    let site = Site::new(Mood::Away).await;
    let name = sample::name("a");
    let push = |at| {
        let state = if at % 2 == 0 { AlarmState::Firing } else { AlarmState::Ok };
        let alarms = vec![sample::alarm(HostId(1), state, WallMs(at))];
        let judged = Judged { alarms, ..Judged::default() };
        site.handle.push(QueuedRow::Judged(None, judged.into()));
        site.handle.push(QueuedRow::Transition(
            sample::transition(HostId(1), &name, WallMs(at), Health::Up, Health::Suspect),
            None,
        ));
    };
    for at in 0..30 {
        push(at);
    }
    // Of the alarm once or more a batch, however often it changed.
    until(|| site.handle.stats().depth == 0 && site.spool.status().others > 30).await;
    site.fake.becomes(Mood::Takes);
    for at in 30..60 {
        push(at);
        step(&site.spool, 50 * MS).await;
    }
    site.drained().await;
    let taken = site.fake.taken.lock().unwrap();
    let all: Vec<i64> = taken.iter().flat_map(|b| &b.transitions).map(|t| t.at.0).collect();
    assert_eq!(all, (0..60).collect::<Vec<_>>());
    let alarms: Vec<i64> = taken.iter().flat_map(|b| &b.alarms).map(|a| a.slot.0).collect();
    assert!(alarms.is_sorted() && alarms.last() == Some(&59), "{alarms:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_leaves_on_the_disk_what_the_store_does_not_take() {
    let site = Site::new(Mood::Away).await;
    push_polls(&site.handle, 0..37);
    let stopping = tokio::spawn(site.writer.flush_and_stop(SECOND));
    until(|| stopping.is_finished()).await;
    let stats = stopping.await.unwrap();
    assert_eq!((stats.dropped, stats.depth), (0, 0), "{stats:?}");
    drop((site.handle, site.spool));

    let site = Site::with(site.folder, Mood::Takes, 1 << 30).await;
    site.drained().await;
    assert_eq!(site.fake.slots(), (0..37).collect::<Vec<_>>(), "oldest first");
}

#[tokio::test(start_paused = true)]
async fn a_bad_row_in_the_spool_is_left_out_and_written_down() {
    let site = Site::new(Mood::Away).await;
    push_polls(&site.handle, 0..10);
    site.spooled(10).await;
    site.fake.becomes(Mood::Refuses(6));
    site.drained().await;
    step(&site.spool, 2 * SECOND).await;
    let mut slots = site.fake.slots();
    slots.sort_unstable();
    assert_eq!(slots, [0, 1, 2, 3, 4, 5, 7, 8, 9]);
    assert_eq!(site.handle.stats().rejected, 1);
    let taken = site.fake.taken.lock().unwrap();
    let losses: Vec<_> = taken.iter().flat_map(|batch| &batch.losses).collect();
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert_eq!((losses[0].from, losses[0].reason), (WallMs(6), LossReason::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_spool_without_room_loses_the_oldest_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::with(folder, Mood::Away, 10_000).await;
    for first in 0..50 {
        push_polls(&site.handle, first * 10..first * 10 + 10);
        until(|| site.handle.stats().spooled == u64::try_from(first * 10 + 10).unwrap()).await;
    }
    let evicted = site.handle.stats().evicted;
    assert!(evicted > 400, "{evicted}");
    site.fake.becomes(Mood::Takes);
    site.drained().await;
    step(&site.spool, 2 * SECOND).await;
    let kept = site.fake.slots().len();
    assert_eq!(u64::try_from(kept).unwrap() + evicted, 500);
    let taken = site.fake.taken.lock().unwrap();
    let lost: u64 = taken.iter().flat_map(|batch| &batch.losses).map(|loss| loss.polls).sum();
    assert_eq!(lost, evicted, "the ledger counts what the metrics count");
}

#[tokio::test(start_paused = true)]
async fn without_a_usable_spool_rows_wait_in_memory_until_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no folder").join("spool.db");
    std::fs::write(folder.path().join("no folder"), "but a file").unwrap();
    let spool = Arc::new(Spool::start(path.clone(), "fake".to_owned(), 1 << 30).unwrap());
    let fake = Fake::new(Mood::Away);
    let store: Arc<dyn Store> = Arc::<Fake>::clone(&fake);
    let its = Some(Arc::clone(&spool));
    let (handle, writer) = Writer::start_with(store, its, limits(), || WallMs(7), Box::new(|_| {}));
    push_polls(&handle, 0..30);
    until(|| handle.stats().spool_error.is_some()).await;
    let error = handle.stats().spool_error.unwrap();
    assert!(error.contains("spool.db"), "{error}");
    assert_eq!(handle.stats().depth, 30, "in memory");
    std::fs::remove_file(folder.path().join("no folder")).unwrap();
    for _ in 0..1_000 {
        if spool.status().polls == 30 {
            break;
        }
        step(&spool, 100 * MS).await;
    }
    assert_eq!(spool.status().polls, 30);
    assert_eq!(handle.stats().spool_error, None);
    assert_eq!((handle.stats().depth, handle.stats().dropped), (0, 0));
    drop(writer);
}
