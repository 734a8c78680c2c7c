//! What is to be told is a row before it is told: of the store, or of the spool.

use tempfile::TempDir;

use super::{
    spooled::{idle, step, until},
    *,
};
use crate::{model::AlarmState, store::spool::Spool};

/// A change of state of this moment, with what is to be told of it.
fn change(at: i64) -> QueuedRow {
    let name = sample::name("a");
    let change = sample::transition(HostId(1), &name, WallMs(at), Health::Suspect, Health::Down);
    let notice = Arc::new(sample::notice(&change, NoticeKind::Begins));
    QueuedRow::Transition(change, Some(notice))
}

/// What was heard of, by its moment, and how much the store had by then.
type Heard = Arc<Mutex<Vec<(i64, usize)>>>;

fn start_telling(fake: &Arc<Fake>, spool: Option<Arc<Spool>>) -> (WriterHandle, Writer, Heard) {
    let heard = Heard::default();
    let (told, of) = (Arc::clone(&heard), Arc::clone(fake));
    let tell: Tell = Box::new(move |News { notices, .. }| {
        let taken = of.taken.lock().unwrap().len();
        told.lock().unwrap().extend(notices.iter().map(|notice| (notice.created.0, taken)));
    });
    let store: Arc<dyn Store> = Arc::<Fake>::clone(fake);
    let (handle, writer) = Writer::start_with(store, spool, limits(), || WallMs(7), tell);
    (handle, writer, heard)
}

fn moments(heard: &Heard) -> Vec<i64> {
    heard.lock().unwrap().iter().map(|(moment, _)| *moment).collect()
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_told_once_its_event_is_in_the_store_with_it() {
    let fake = Fake::new(Mood::Slow);
    let (handle, writer, heard) = start_telling(&fake, None);
    push_polls(&handle, 0..3);
    // It waits for no batch to fill.
    handle.push(change(5));
    pass(MS).await;
    assert_eq!(fake.tries().len(), 1, "being written");
    assert!(heard.lock().unwrap().is_empty());
    pass(2 * SECOND).await;
    // The store has taken the one batch, and only then it was told.
    assert_eq!(*heard.lock().unwrap(), [(5, 1)]);
    let batch = Arc::clone(&fake.taken.lock().unwrap()[0]);
    assert_eq!((batch.transitions.len(), batch.notices.len()), (1, 1));
    // How far it has come is a row, and nothing to tell.
    let told = Notice { attempts: 1, ..(*batch.notices[0]).clone() };
    handle.push(QueuedRow::Notice(Arc::new(told)));
    pass(SECOND).await;
    pass(2 * SECOND).await;
    assert_eq!(fake.taken.lock().unwrap().len(), 2);
    assert_eq!(moments(&heard), [5]);
    drop(writer);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_a_notice_is_told_once_it_is_in_the_spool() {
    for mood in [Mood::Away, Mood::Hangs] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("spool.db");
        let spool = Arc::new(Spool::start(path, "fake".to_owned(), 1 << 30).unwrap());
        let fake = Fake::new(mood);
        let (handle, writer, heard) = start_telling(&fake, Some(Arc::clone(&spool)));
        idle(&spool).await;
        handle.push(change(5));
        // It waits for no batch to fill, only for the patience with a store that hangs.
        step(&spool, MS).await;
        assert_eq!(fake.tries().len(), 1);
        step(&spool, 500 * MS).await;
        until(|| !heard.lock().unwrap().is_empty()).await;
        assert_eq!(moments(&heard)[0], 5, "{mood:?}");
        assert!(fake.taken.lock().unwrap().is_empty());
        let kept = spool.notices().await.unwrap();
        assert_eq!(kept.iter().map(|notice| notice.created.0).collect::<Vec<_>>(), [5]);
        drop((handle, writer));
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_takes_rows_a_notice_is_told_from_memory() {
    for mood in [Mood::Away, Mood::Hangs] {
        let fake = Fake::new(mood);
        let (handle, writer, heard) = start_telling(&fake, None);
        handle.push(change(5));
        pass(SECOND).await;
        pass(500 * MS).await;
        assert_eq!(moments(&heard).first(), Some(&5), "{mood:?}");
        // And what comes later, without waiting for the next try.
        handle.push(change(6));
        settle().await;
        assert!(moments(&heard).contains(&6), "{mood:?}");
        drop(writer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_an_alarm_is_written_and_told_though_nothing_else_comes() {
    let fake = Fake::new(Mood::Takes);
    let heard: Arc<Mutex<Vec<i64>>> = Arc::default();
    let told = Arc::clone(&heard);
    let tell: Tell = Box::new(move |News { alarms, .. }| {
        told.lock().unwrap().extend(alarms.iter().map(|event| event.slot.0));
    });
    let store: Arc<dyn Store> = Arc::<Fake>::clone(&fake);
    let (handle, writer) = Writer::start_with(store, None, limits(), || WallMs(7), tell);
    pass(SECOND).await;
    // Two rows at once, into an empty queue, and no notice: nobody else wakes the writer.
    let alarm = sample::alarm(HostId(1), AlarmState::Firing, WallMs(5));
    let event = sample::alarm_event(&alarm, AlarmState::Ok);
    let judged = Judged { alarms: vec![alarm], events: vec![event], ..Judged::default() };
    handle.push(QueuedRow::Judged(None, judged.into()));
    pass(2 * SECOND).await;
    assert_eq!(*heard.lock().unwrap(), [5]);
    drop(writer);
}
