//! How rows are kept: the store that may be away, the spool, the writer, and what is said of them.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;

use super::{AppError, rows};
use crate::{
    causes::chain,
    clock::Clock,
    config::{self, Config, StoreUrl},
    hook::Hook,
    live::Live,
    metrics::{Metrics, ReasonLabel, StateLabel},
    model::LossReason,
    store::{
        Awaited, KnownHost, Registration, Store, StoreError,
        spool::{Registry, Spool, SpoolStatus},
        sqlite::set_aside_if_damaged,
        writer::{Tell, Writer, WriterHandle, WriterLimits, WriterStats},
    },
    units::WallMs,
    web,
};

/// The first wait before a store that is away is tried again; doubled each time.
const OPEN_FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const OPEN_CAP: Duration = Duration::from_secs(10);

/// Starts the spool, unless it is switched off.
pub(super) fn spool(config: &Config) -> Result<Option<Arc<Spool>>, AppError> {
    if config.spool.max.0 == 0 {
        return Ok(None);
    }
    let (path, store) = (config.spool.path.clone(), config.store.url.to_string());
    let spool = Spool::start(path, store, config.spool.max.0).map_err(AppError::Spool)?;
    Ok(Some(Arc::new(spool)))
}

/// Opens the store. While it is away, what the spool remembers of it, if anything: with that the
/// server can begin, and without it waits.
///
/// # Errors
/// What nobody mends by waiting: a wrong password, a newer schema. With a memory, also a store that
/// does not let us in is waited for: it did before.
pub(super) async fn open(
    store: &Awaited,
    spool: Option<&Spool>,
) -> Result<Option<Registry>, AppError> {
    let mut opened = store.try_open().await;
    if let Err(error) = &opened
        && let StoreUrl::Sqlite(path) = store.url()
        && set_aside_if_damaged(path, error, was_ours(spool).await)?
    {
        opened = store.try_open().await;
    }
    if opened.is_ok() {
        recognise(store, spool).await;
    }
    let (remembered, unreadable) = match spool {
        Some(spool) => match spool.recall().await {
            Ok(remembered) => (remembered, None),
            Err(error) => (None, Some(error)),
        },
        None => (None, None),
    };
    // Not beside an error that ends the start: one line says what to mend.
    if let Some(error) = unreadable.filter(|_| !matches!(&opened, Err(e) if !e.is_absence())) {
        tracing::error!(error = chain(&error), "the spool cannot be read");
    }
    let Err(error) = opened else { return Ok(remembered) };
    if let Some(identity) = remembered.as_ref().and_then(|registry| registry.store.clone()) {
        store.expect(identity);
    }
    let did_let_in = remembered.is_some()
        && matches!(
            error,
            StoreError::Denied { .. }
                | StoreError::Tls { .. }
                | StoreError::Failed { .. }
                | StoreError::NoServer { .. }
                | StoreError::Obstructed { .. }
                | StoreError::Driver { .. }
        );
    let is_waited_for = error.is_absence() || did_let_in;
    if !is_waited_for {
        return Err(error.into());
    }
    let until = match &remembered {
        Some(_) => "the hosts that the spool remembers are polled",
        None => "nothing is polled",
    };
    tracing::error!(error = chain(&error), "the store is away; until it is back {until}");
    Ok(remembered)
}

/// Whether a store was open at this address before.
async fn was_ours(spool: Option<&Spool>) -> bool {
    let Some(spool) = spool else { return false };
    matches!(spool.recall().await, Ok(Some(Registry { store: Some(_), .. })))
}

/// Tells the spool which store it is that was opened: rows for another one are not for it.
async fn recognise(store: &Awaited, spool: Option<&Spool>) {
    let Some(spool) = spool else { return };
    let recognised = match store.identity().await {
        Ok(identity) => spool.is_for(identity).await,
        Err(error) => Err(error),
    };
    let recognised = match recognised {
        Ok(()) => keep_numbers(store, Some(spool)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = recognised {
        tracing::error!(error = chain(&error), "the spool cannot be opened");
    }
}

/// Has the store give no host a number that one had before. A copy from before some hosts came would
/// give their numbers, and rows on their way, to others: rows know their host by its number alone, for
/// its name may change. A spool that cannot be read holds up nothing.
///
/// # Errors
/// [`StoreError`]: of the store.
async fn keep_numbers(store: &Awaited, spool: Option<&Spool>) -> Result<(), StoreError> {
    let Some(spool) = spool else { return Ok(()) };
    match spool.last_number().await {
        Ok(last) => store.keep_numbers(last).await,
        Err(error) => {
            let error = chain(&error);
            tracing::error!(error, "the spool cannot say which numbers hosts had");
            Ok(())
        }
    }
}

/// Registers hosts, under numbers of their own also where the store was restored since it was opened.
///
/// # Errors
/// [`StoreError`]: of the store.
pub(super) async fn register(
    store: &Awaited,
    spool: Option<&Spool>,
    hosts: Vec<Registration>,
    now: WallMs,
) -> Result<Vec<KnownHost>, StoreError> {
    keep_numbers(store, spool).await?;
    store.register(hosts, now).await
}

/// Tries to open the store until it is open.
pub(super) async fn keep_opening(store: Arc<Awaited>, spool: Option<Arc<Spool>>) {
    let mut wait = OPEN_FIRST;
    let mut said = String::new();
    while let Err(error) = store.try_open().await {
        let words = chain(&error);
        if words != said {
            tracing::warn!(error = words, "the store cannot be opened yet");
            said = words;
        }
        tokio::time::sleep(wait).await;
        wait = OPEN_CAP.min(wait.saturating_mul(2));
    }
    if !said.is_empty() {
        recognise(&store, spool.as_deref()).await;
        tracing::info!("the store is open");
    }
}

/// Hands on to the hook, if there is one, what is a row.
fn tell(hook: Option<Hook>) -> Tell {
    Box::new(move |notices| {
        if let Some(hook) = &hook {
            hook.hear(notices);
        }
    })
}

/// Starts the writer, which hands on to the hook what is a row.
pub(super) fn writer(
    store: &Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    writer: &config::Writer,
    clock: &Arc<dyn Clock>,
    hook: &Option<Hook>,
) -> (WriterHandle, Writer) {
    let limits = WriterLimits {
        batch_rows: rows(writer.batch_rows),
        batch_wait: writer.batch_wait,
        queue_rows: rows(writer.queue_rows),
        ..WriterLimits::default()
    };
    let clock = Arc::clone(clock);
    Writer::start_with(
        Arc::clone(store),
        spool,
        limits,
        move || clock.now().wall,
        tell(hook.clone()),
    )
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Copies the fleet's, the writer's and the hook's present state into the gauges.
pub(super) fn refresh(
    live: Arc<Live>,
    writer: WriterHandle,
    hook: Option<Hook>,
    clock: Arc<dyn Clock>,
) -> web::Refresh {
    Box::new(move |metrics: &Metrics| {
        for (state, count) in live.count_by_state() {
            let count = gauge(u64::try_from(count).unwrap_or(u64::MAX));
            metrics.hosts.get_or_create(&StateLabel { state }).set(count);
        }
        count(&metrics.log_lines_dropped, roundsman_os::log::dropped());
        show(&writer.stats(), metrics, &*clock);
        let told = hook.as_ref().map(Hook::stats).unwrap_or_default();
        for (counter, total) in [
            (&metrics.hook_told, told.told),
            (&metrics.hook_failed, told.failed),
            (&metrics.hook_given_up, told.given_up),
        ] {
            count(counter, total);
        }
        metrics.hook_pending.set(i64::try_from(told.pending).unwrap_or(i64::MAX));
    })
}

/// What was counted elsewhere, since the start.
fn count(counter: &Counter, total: u64) {
    counter.inner().store(total, Ordering::Relaxed);
}

fn show(stats: &WriterStats, metrics: &Metrics, clock: &dyn Clock) {
    count(&metrics.rows_written, stats.written);
    count(&metrics.rows_dropped, stats.lost());
    for (reason, lost) in [
        (LossReason::QueueFull, stats.dropped),
        (LossReason::SpoolFull, stats.evicted),
        (LossReason::Refused, stats.rejected),
        (LossReason::Conflict, stats.conflicting),
        (LossReason::StoreLost, stats.gone),
    ] {
        count(&metrics.rows_lost.get_or_create(&ReasonLabel { reason }), lost);
    }
    metrics.rows_waiting.set(i64::try_from(stats.depth).unwrap_or(i64::MAX));
    count(&metrics.batches_failed, stats.failed_batches);
    count(&metrics.rows_spooled, stats.spooled);
    count(&metrics.rows_replayed, stats.replayed);
    let spool = stats.spool.clone().unwrap_or_default();
    metrics.spool_up.set(i64::from(stats.spool.is_some() && stats.spool_error.is_none()));
    metrics.spool_rows.set(gauge(spool.rows()));
    metrics.spool_bytes.set(gauge(spool.bytes));
    let age = spool.oldest.map_or(0, |oldest| clock.now().wall.since(oldest).as_secs());
    metrics.spool_oldest.set(gauge(age));
}

/// What became of all rows since the start.
pub(super) fn last_word(stats: &WriterStats) {
    let WriterStats { written, dropped, rejected, conflicting, evicted, .. } = stats;
    let spooled = stats.spool.as_ref().map_or(0, SpoolStatus::rows);
    let lost = stats.lost();
    tracing::info!(
        rows = written,
        lost,
        dropped,
        rejected,
        conflicting,
        evicted,
        gone = stats.gone,
        spooled,
        "rows kept"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        config::Sources,
        model::VersionId,
        store::{Mode, sample, spool::Remembered, sqlite::Sqlite},
    };

    /// A copy from before a host came, restored while no server ran; and a new host in the inventory.
    #[tokio::test]
    async fn a_restored_store_gives_no_host_the_number_of_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("r.db"), folder.path().join("copy.db"));
        let mut settings = Config::load(Sources::default()).unwrap().config.store;
        settings.url = StoreUrl::Sqlite(path.clone());
        let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
        store.register(vec![sample::registration("a")], sample::START).await.unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        drop(connection);
        let known = store.register(vec![sample::registration("b")], sample::START).await.unwrap();
        let spool = Spool::start(folder.path().join("spool.db"), "r".to_owned(), 1 << 20).unwrap();
        spool.is_for(store.identity().await.unwrap()).await.unwrap();
        let hosts =
            known.into_iter().map(|known| Remembered { known, listed: sample::registration("b") });
        let (version, hosts) = (VersionId(1), hosts.collect::<Vec<_>>());
        let b = hosts[0].known.id;
        spool.remember(Registry { version, hosts, pauses: vec![], store: None }).await.unwrap();
        // Out of the inventory: it is remembered no longer, but its number is.
        let hosts = Vec::new();
        spool.remember(Registry { version, hosts, pauses: vec![], store: None }).await.unwrap();
        drop(store);
        std::fs::rename(copy, &path).unwrap();

        let store = Awaited::new(settings, Arc::new(SystemClock::new()));
        open(&store, Some(&spool)).await.unwrap();
        let new = store.register(vec![sample::registration("new")], sample::START).await.unwrap();
        assert!(new[0].id > b, "{:?} is not after {b:?}", new[0].id);
    }
}
