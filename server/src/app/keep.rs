//! How rows are kept: the spool, the writer, and what is said of them; and who is sent readings beside.

use std::{io, sync::Arc};

use super::{AppError, rows, thread::OwnThread};
use crate::{
    clock::Clock,
    config::{self, Config},
    engine::Parts,
    export::{ExportParts, Exporter},
    hook::{Hook, NoticeStores},
    live::Live,
    metrics::Metrics,
    outbox::Outbox,
    store::{
        Standing, Store,
        spool::{Spool, SpoolStatus},
        writer::{News, Tell, Writer, WriterHandle, WriterLimits, WriterStats},
    },
    upkeep, web,
};

/// Starts the spool, unless it is switched off.
pub(super) fn spool(config: &Config) -> Result<Option<Arc<Spool>>, AppError> {
    if config.spool.max.0 == 0 {
        return Ok(None);
    }
    let (path, store) = (config.spool.path.clone(), config.store.url.to_string());
    let spool = Spool::start(path, store, config.spool.max.0).map_err(AppError::Spool)?;
    Ok(Some(Arc::new(spool)))
}

/// Hands on to the hook, if there is one, and to the routes what is a row.
fn tell(hook: Option<Hook>, outbox: Outbox) -> Tell {
    Box::new(move |News { notices, alarms }| {
        if let Some(hook) = &hook {
            hook.enqueue(notices);
        }
        outbox.hear(alarms);
    })
}

/// What sends readings, if somebody wants them.
pub(super) fn export(config: &Config, parts: &Parts) -> Result<Option<Exporter>, AppError> {
    let Parts { clock, live, metrics, .. } = parts.clone();
    let parts = ExportParts { live, metrics, clock };
    Ok(Exporter::new(&config.export, &config.resolve, &config.data, parts)?)
}

/// Has it send, on a thread of its own.
pub(super) fn send(export: Option<Exporter>) -> io::Result<Option<OwnThread>> {
    let work = |export: Exporter| {
        OwnThread::start("export", |mut stop| {
            export.run(async move { drop(stop.wait_for(|stop| *stop).await) })
        })
    };
    export.map(work).transpose()
}

/// What the hook's worker works with.
pub(super) fn around(
    store: &Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    writer: &WriterHandle,
    live: &Arc<Live>,
    standing: Arc<Standing>,
) -> NoticeStores {
    let live = Arc::clone(live);
    let is_believed = Box::new(move |now| live.server().clock.doubt(now).is_none());
    NoticeStores { store: Arc::clone(store), spool, writer: writer.clone(), is_believed, standing }
}

/// Starts the writer, which hands on to the hook and to the routes what is a row.
pub(super) fn writer(
    store: &Arc<dyn Store>,
    spool: Option<Arc<Spool>>,
    writer: &config::Writer,
    clock: &Arc<dyn Clock>,
    hook: &Option<Hook>,
    outbox: &Outbox,
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
        tell(hook.clone(), outbox.clone()),
    )
}

/// Whether what waits for the store are the rows of this moment alone.
pub(super) fn drained(writer: WriterHandle, batch_rows: u32) -> upkeep::Drained {
    Box::new(move || {
        let stats = writer.stats();
        let spooled = stats.spool.as_ref().is_some_and(|spool| spool.rows() > 0);
        stats.failing_since.is_none() && !spooled && stats.depth <= rows(batch_rows)
    })
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

/// Copies the present state of fleet, writer, hook and channels into the metrics.
pub(super) fn refresh(
    live: Arc<Live>,
    writer: WriterHandle,
    hook: Option<Hook>,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
) -> web::Refresh {
    Box::new(move |metrics: &Metrics| {
        metrics.show_fleet(&live);
        metrics.show_writer(&writer.stats(), clock.now().wall);
        metrics.show_hook(&hook.as_ref().map(Hook::stats).unwrap_or_default());
        metrics.show_channels(&outbox.stats(), clock.now().wall);
    })
}
