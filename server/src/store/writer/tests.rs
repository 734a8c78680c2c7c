//! The writer's decisions, with a store that fails on demand and a paused clock.

mod spooled;
mod told;

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use tokio::time::{Instant, advance};

use super::*;
use crate::{
    model::{
        Alarm, AlarmEvent, AlarmState, Annotation, HostId, Loss, LossReason, Notice, NoticeKind,
        Record, State as Health, Transition, VersionId,
    },
    store::{
        AlarmsOf, AnnotationsOf, Batch, BatchResult, Bucket, HostQuery, HostSummary, KnownHost,
        LoadedInventory, PruneReach, Pruned, ReadOrder, Registration, Retention, Sample, SeriesAsk,
        Span, StoreError, StoreStatus, sample,
    },
};

/// How the fake answers a write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Takes,
    Away,
    Hangs,
    /// Takes it in the end, two seconds later.
    Slow,
    /// Takes what is not a poll.
    TakesNoPolls,
    /// Has every slot already, by other attempts.
    Conflicts,
    /// Cannot ever take a poll of this slot.
    Refuses(i64),
}

#[derive(Debug)]
struct Fake {
    mood: Mutex<Mood>,
    /// When each try came, how many rows it had, and whether it was taken.
    tries: Mutex<Vec<(Duration, usize, bool)>>,
    taken: Mutex<Vec<Arc<Batch>>>,
    began: Instant,
}

impl Fake {
    #[expect(clippy::disallowed_methods, reason = "the paused clock of the test")]
    fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            tries: Mutex::default(),
            taken: Mutex::default(),
            began: Instant::now(),
        })
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn tries(&self) -> Vec<(Duration, usize, bool)> {
        self.tries.lock().unwrap().clone()
    }

    fn slots(&self) -> Vec<i64> {
        let taken = self.taken.lock().unwrap();
        taken.iter().flat_map(|batch| &batch.polls).map(|record| record.slot.0).collect()
    }
}

#[async_trait]
impl Store for Fake {
    async fn write(&self, batch: Arc<Batch>) -> Result<BatchResult, StoreError> {
        let mood = *self.mood.lock().unwrap();
        let bad = |slot| batch.polls.iter().any(|record| record.slot.0 == slot);
        let answer = match mood {
            Mood::Takes | Mood::Slow | Mood::Conflicts => Ok(()),
            Mood::Refuses(slot) if !bad(slot) => Ok(()),
            Mood::TakesNoPolls if batch.polls.is_empty() => Ok(()),
            Mood::Refuses(slot) => {
                Err(StoreError::BadRow { row: slot.to_string(), why: "ugly".to_owned() })
            }
            Mood::Away | Mood::TakesNoPolls | Mood::Hangs => Err(StoreError::Failed {
                doing: "keep polls",
                location: "fake".to_owned(),
                cause: "it is away".into(),
            }),
        };
        self.tries.lock().unwrap().push((self.began.elapsed(), batch.len(), answer.is_ok()));
        if mood == Mood::Hangs {
            std::future::pending::<()>().await;
        }
        if mood == Mood::Slow {
            tokio::time::sleep(2 * SECOND).await;
        }
        answer?;
        let polls = u64::try_from(batch.polls.len()).unwrap();
        let slots = batch.polls.iter().map(|record| (record.host, record.slot)).collect();
        self.taken.lock().unwrap().push(batch);
        Ok(match mood {
            Mood::Conflicts => BatchResult { conflicting: slots, ..BatchResult::default() },
            _ => BatchResult { polls, ..BatchResult::default() },
        })
    }

    async fn register(
        &self,
        _: Vec<Registration>,
        _: WallMs,
    ) -> Result<Vec<KnownHost>, StoreError> {
        unreachable!()
    }
    async fn retire(&self, _: Vec<HostId>, _: WallMs) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn keep_numbers(&self, _: HostId) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn record_inventory(&self, _: LoadedInventory) -> Result<VersionId, StoreError> {
        unreachable!()
    }
    async fn hosts(&self, _: HostQuery) -> Result<Vec<HostSummary>, StoreError> {
        unreachable!()
    }
    async fn notices(&self, _: Arc<str>, _: usize) -> Result<Vec<Notice>, StoreError> {
        unreachable!()
    }
    async fn last_told(
        &self,
        _: Arc<str>,
        _: HostId,
        _: Arc<str>,
    ) -> Result<Option<NoticeKind>, StoreError> {
        unreachable!()
    }
    async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        unreachable!()
    }
    async fn alarm_events(
        &self,
        _: AlarmsOf,
        _: Span,
        _: ReadOrder,
        _: usize,
    ) -> Result<Vec<AlarmEvent>, StoreError> {
        unreachable!()
    }
    async fn set_pause(
        &self,
        _: HostId,
        _: Option<crate::health::Pause>,
    ) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn series(&self, _: SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
        unreachable!()
    }
    async fn hours_of(
        &self,
        _: Arc<[HostId]>,
        _: crate::model::Column,
        _: Span,
    ) -> Result<Vec<(HostId, Bucket)>, StoreError> {
        unreachable!()
    }
    async fn reckoned(
        &self,
        _: crate::store::ReckonAsk,
    ) -> Result<crate::store::PeriodSums, StoreError> {
        unreachable!()
    }
    async fn samples(&self, _: HostId, _: Span, _: usize) -> Result<Vec<Sample>, StoreError> {
        unreachable!()
    }
    async fn pauses(&self) -> Result<Vec<(HostId, crate::health::Pause)>, StoreError> {
        unreachable!()
    }
    async fn sql(&self, _: String, _: crate::store::SqlSink) -> Result<(), StoreError> {
        unreachable!()
    }
    async fn table_samples(
        &self,
        _: HostId,
        _: crate::model::DetailTable,
        _: Span,
        _: usize,
    ) -> Result<Vec<crate::store::TableSample>, StoreError> {
        unreachable!()
    }
    async fn polls(
        &self,
        _: HostId,
        _: Span,
        _: ReadOrder,
        _: usize,
    ) -> Result<Vec<Record>, StoreError> {
        unreachable!()
    }
    async fn transitions(
        &self,
        _: Option<HostId>,
        _: Span,
        _: ReadOrder,
        _: usize,
    ) -> Result<Vec<Transition>, StoreError> {
        unreachable!()
    }
    async fn annotations(&self, _: AnnotationsOf, _: usize) -> Result<Vec<Annotation>, StoreError> {
        unreachable!()
    }
    async fn losses(&self, _: Span, _: usize) -> Result<Vec<Loss>, StoreError> {
        unreachable!()
    }
    async fn audit(&self, _: Span, _: usize) -> Result<Vec<crate::model::AuditEntry>, StoreError> {
        unreachable!()
    }
    async fn seal(&self, _: WallMs) -> Result<crate::store::Sealed, StoreError> {
        unreachable!()
    }
    async fn begin_summary(&self, _: HostId, _: WallMs) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn keep_summary(
        &self,
        _: Arc<crate::store::DaySummary>,
        _: u64,
    ) -> Result<bool, StoreError> {
        unreachable!()
    }
    async fn summaries_due(
        &self,
        _: crate::store::SummariesDue,
        _: usize,
    ) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        unreachable!()
    }
    async fn row_summaries(
        &self,
        _: crate::store::RowsAsk,
    ) -> Result<crate::store::RowBuckets, StoreError> {
        unreachable!()
    }
    async fn reach(&self) -> Result<PruneReach, StoreError> {
        unreachable!()
    }
    async fn prune(&self, _: Retention) -> Result<Pruned, StoreError> {
        unreachable!()
    }
    async fn room(&self) -> Result<crate::store::Room, StoreError> {
        unreachable!()
    }
    async fn give_up(
        &self,
        _: crate::rollup::Tier,
        _: WallMs,
        _: WallMs,
    ) -> Result<u64, StoreError> {
        unreachable!()
    }
    async fn identity(&self) -> Result<Arc<str>, StoreError> {
        unreachable!()
    }
    async fn status(&self) -> Result<StoreStatus, StoreError> {
        unreachable!()
    }
}

fn limits() -> WriterLimits {
    WriterLimits { batch_rows: 10, queue_rows: 100, ..WriterLimits::default() }
}

fn start(fake: &Arc<Fake>) -> (WriterHandle, Writer) {
    start_with(fake, limits())
}

/// The wall clock of these tests counts the times it was asked.
fn start_with(fake: &Arc<Fake>, limits: WriterLimits) -> (WriterHandle, Writer) {
    let store: Arc<dyn Store> = Arc::<Fake>::clone(fake);
    let asked = AtomicI64::new(0);
    Writer::start(store, limits, move || WallMs(1 + asked.fetch_add(1, Ordering::Relaxed)))
}

fn poll(slot: i64) -> QueuedRow {
    let name = sample::name("a");
    QueuedRow::Poll(Arc::new(sample::failed(HostId(1), &name, WallMs(slot), "x")))
}

fn push_polls(handle: &WriterHandle, slots: impl IntoIterator<Item = i64>) {
    for slot in slots {
        handle.push(poll(slot));
    }
}

/// Lets the writer do all that it can do without time passing.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn pass(length: Duration) {
    settle().await;
    advance(length).await;
    settle().await;
}

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_when_it_has_waited() {
    let fake = Fake::new(Mood::Takes);
    let (handle, writer) = start(&fake);
    push_polls(&handle, 0..3);
    pass(999 * MS).await;
    assert_eq!(fake.tries(), []);
    assert_eq!(handle.stats().depth, 3);
    pass(MS).await;
    assert_eq!(fake.tries(), [(SECOND, 3, true)]);
    let stats = handle.stats();
    assert_eq!((stats.written, stats.depth, stats.last_success), (3, 0, Some(WallMs(1))));
    drop(writer);
}

#[tokio::test(start_paused = true)]
async fn a_poll_leaves_when_it_has_waited_with_what_it_changed_about_alarms() {
    let fake = Fake::new(Mood::Takes);
    let (handle, writer) = start(&fake);
    settle().await;
    let QueuedRow::Poll(record) = poll(0) else { unreachable!() };
    let alarms = vec![sample::alarm(HostId(1), AlarmState::Firing, WallMs(0))];
    let judged = Judged { alarms, ..Judged::default() };
    handle.push(QueuedRow::Judged(Some(record), judged.into()));
    pass(SECOND).await;
    assert_eq!(fake.tries(), [(SECOND, 2, true)]);
    drop(writer);
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_at_once_when_it_is_full() {
    let fake = Fake::new(Mood::Takes);
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 0..25);
    settle().await;
    assert_eq!(fake.tries(), [(Duration::ZERO, 10, true), (Duration::ZERO, 10, true)]);
    pass(SECOND).await;
    assert_eq!(fake.tries()[2..], [(SECOND, 5, true)]);
    assert_eq!(fake.slots(), (0..25).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_what_was_handed_in_has_it_written_at_once_and_no_longer_than_the_patience() {
    let fake = Fake::new(Mood::Takes);
    let (handle, _writer) = start(&fake);
    handle.settle(9 * SECOND).await;
    push_polls(&handle, 0..3);
    handle.settle(9 * SECOND).await;
    assert_eq!(fake.tries(), [(Duration::ZERO, 3, true)]);
    // Others wait for their batch as before.
    push_polls(&handle, 3..4);
    pass(999 * MS).await;
    assert_eq!(fake.tries().len(), 1);
    pass(MS).await;
    assert_eq!(fake.tries()[1..], [(SECOND, 1, true)]);

    fake.becomes(Mood::Away);
    push_polls(&handle, 4..5);
    handle.settle(9 * SECOND).await;
    assert_eq!(fake.began.elapsed(), 10 * SECOND);
    assert_eq!(handle.stats().depth, 1, "it is not lost");
    fake.becomes(Mood::Takes);
    handle.settle(90 * SECOND).await;
    assert_eq!(fake.slots(), [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_tried_again_more_and_more_seldom() {
    let fake = Fake::new(Mood::Away);
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 0..10);
    for _ in 0..2_000 {
        pass(100 * MS).await;
    }
    let tries = fake.tries();
    let waits: Vec<Duration> = tries.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    // 0.2, 0.4, ... 25.6, 30, 30 s; each between half of it and all of it, and 100 ms of this test.
    for (wait, doubled) in waits.iter().zip(0..) {
        let nominal = (200 * MS * 2_u32.pow(doubled.min(10))).min(30 * SECOND);
        assert!(*wait >= nominal / 2 && *wait <= nominal + 100 * MS, "{doubled}: {wait:?}");
    }
    assert!(waits.len() >= 11, "{waits:?}");
    let stats = handle.stats();
    assert_eq!(stats.failed_batches, u64::try_from(tries.len()).unwrap());
    assert_eq!(stats.last_error.as_deref(), Some("could not keep polls in fake: it is away"));
    assert_eq!((stats.failing_since, stats.last_success), (Some(WallMs(1)), None));

    fake.becomes(Mood::Takes);
    pass(30 * SECOND).await;
    let stats = handle.stats();
    assert_eq!((stats.written, stats.dropped, stats.depth), (10, 0, 0));
    assert_eq!((stats.failing_since, stats.last_success), (None, Some(WallMs(2))));
    assert_eq!(fake.slots(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_the_oldest_polls_and_counts_them() {
    let fake = Fake::new(Mood::Away);
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 0..10);
    settle().await; // these ten are on their way
    let name = sample::name("a");
    handle.push(QueuedRow::Transition(
        sample::transition(HostId(1), &name, WallMs(10), Health::Up, Health::Suspect),
        None,
    ));
    push_polls(&handle, 10..150);
    let stats = handle.stats();
    assert_eq!((stats.dropped, stats.depth), (41, 110));
    fake.becomes(Mood::Takes);
    pass(SECOND).await;
    assert_eq!(fake.slots(), (0..10).chain(51..150).collect::<Vec<_>>());
    assert_eq!(fake.taken.lock().unwrap()[1].transitions.len(), 1);
    assert_eq!(handle.stats().written, 111, "the row of the loss is one");
}

/// What was lost, of the losses that the store was told of.
fn lost(fake: &Fake) -> Vec<(LossReason, u64, WallMs, WallMs)> {
    let taken = fake.taken.lock().unwrap();
    let losses = taken.iter().flat_map(|batch| &batch.losses);
    losses.map(|loss| (loss.reason, loss.polls, loss.from, loss.to)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_poll_whose_slot_another_one_holds_is_counted_and_written_down() {
    let fake = Fake::new(Mood::Conflicts);
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 3..13);
    settle().await;
    assert_eq!((handle.stats().conflicting, handle.stats().written), (10, 0));
    assert_eq!(lost(&fake), []);
    pass(SECOND).await;
    assert_eq!(lost(&fake), [(LossReason::Conflict, 10, WallMs(3), WallMs(12))]);
    assert_eq!(handle.stats().conflicting, 10, "the row of the loss is none");
    assert_eq!(handle.stats().written, 1, "the row of the loss alone");
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_at_the_end_is_written_down() {
    let fake = Fake::new(Mood::TakesNoPolls);
    let (handle, writer) = start(&fake);
    push_polls(&handle, 0..37);
    pass(5 * SECOND).await;
    let stats = writer.flush_and_stop(3 * SECOND).await;
    assert_eq!((stats.written, stats.dropped, stats.depth), (0, 37, 0));
    assert_eq!(lost(&fake), [(LossReason::Shutdown, 37, WallMs(0), WallMs(36))]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_row_is_left_out_and_nothing_else() {
    let fake = Fake::new(Mood::Refuses(6));
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 0..10);
    settle().await;
    assert_eq!(fake.slots(), [0, 1, 2, 3, 4, 5, 7, 8, 9]);
    let stats = handle.stats();
    assert_eq!((stats.written, stats.rejected, stats.dropped, stats.depth), (9, 1, 0, 0));
    assert_eq!(stats.last_error.as_deref(), Some("refused to keep 6: ugly"));
    assert_eq!(stats.last_refusal.as_deref(), Some("refused to keep 6: ugly"));
    assert_eq!(stats.failing_since, None, "the store is not at fault");
    push_polls(&handle, 10..20);
    settle().await;
    assert_eq!(handle.stats().written, 20, "the row of the loss is one");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up_and_tried_again() {
    let fake = Fake::new(Mood::Hangs);
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 0..10);
    pass(Duration::ZERO).await;
    fake.becomes(Mood::Takes);
    pass(30 * SECOND).await;
    let error = "the store did not answer within 30000 ms";
    assert_eq!(handle.stats().last_error.as_deref(), Some(error));
    pass(SECOND).await;
    assert_eq!(fake.slots(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_counts_as_failing_within_seconds_and_a_slow_one_does_not() {
    let fake = Fake::new(Mood::Slow);
    let (handle, _writer) = start(&fake);
    push_polls(&handle, 0..10);
    for _ in 0..4 {
        pass(SECOND).await;
        assert_eq!(handle.stats().failing_since, None, "it answers after two seconds");
    }
    assert_eq!(handle.stats().written, 10);
    fake.becomes(Mood::Hangs);
    push_polls(&handle, 10..20);
    settle().await;
    assert_eq!(handle.stats().failing_since, None);
    pass(limits().silence).await;
    let stats = handle.stats();
    assert!(stats.failing_since.is_some());
    let error = stats.last_error.unwrap();
    assert_eq!(&*error, "the store did not answer within 3000 ms");
    assert_eq!((stats.failed_batches, stats.depth), (0, 10), "it may still take them");
    fake.becomes(Mood::Takes);
    pass(limits().write_timeout).await;
    pass(SECOND).await;
    assert_eq!((handle.stats().failing_since, handle.stats().written), (None, 20));
}

#[tokio::test(start_paused = true)]
async fn the_end_writes_what_waits_in_order() {
    let fake = Fake::new(Mood::Takes);
    let (handle, writer) = start(&fake);
    push_polls(&handle, 0..37);
    let stats = writer.flush_and_stop(SECOND).await;
    assert_eq!((stats.written, stats.dropped, stats.depth), (37, 0, 0));
    assert_eq!(fake.slots(), (0..37).collect::<Vec<_>>());
    assert_eq!(fake.tries().last().map(|t| t.0), Some(Duration::ZERO), "without waiting for more");
    handle.push(poll(99));
    assert_eq!(handle.stats().dropped, 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_tries_a_store_that_is_away_until_the_deadline() {
    let fake = Fake::new(Mood::Away);
    let (handle, writer) = start(&fake);
    push_polls(&handle, 0..37);
    pass(5 * SECOND).await; // the back-off has grown
    let before = fake.tries().len();
    let stats = writer.flush_and_stop(3 * SECOND).await;
    assert!(fake.tries().len() >= before + 15, "tried often towards the end");
    assert_eq!((stats.written, stats.dropped, stats.depth), (0, 37, 0));
    assert_eq!(handle.stats(), stats);

    let fake = Fake::new(Mood::Away);
    let (handle, writer) = start(&fake);
    push_polls(&handle, 0..37);
    pass(5 * SECOND).await;
    fake.becomes(Mood::Takes);
    let stats = writer.flush_and_stop(3 * SECOND).await;
    assert_eq!((stats.written, stats.dropped), (37, 0));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_let_go_writes_what_it_has_and_ends() {
    let fake = Fake::new(Mood::Takes);
    let (handle, writer) = start(&fake);
    push_polls(&handle, 0..3);
    drop(writer);
    settle().await;
    assert_eq!(fake.slots(), [0, 1, 2]);
}
