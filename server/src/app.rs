//! The composition root: builds every part, wires them, runs them, and stops them in order.

mod chores;
mod http;
mod install;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use self::{http::HttpThread, install::Installer};
use crate::{
    clock::{Clock, SystemClock},
    config::{self, Config},
    engine::{self, Command, Engine, Inputs, Parts},
    health::Policy,
    live::Live,
    metrics::{Metrics, StateLabel},
    model::{HostName, Record},
    poll::{Limits, Poller},
    query::Query,
    reload::{ReloadError, Watch},
    rounds::{Rounds, RoundsError, Ticks},
    store::{
        self, Mode, Store, StoreError,
        writer::{Writer, WriterHandle, WriterLimits},
    },
    web,
};

/// How long the last rows may take to reach the store when the server stops.
pub const FLUSH: Duration = Duration::from_secs(10);

/// Why the server could not start. One line each, but for an inventory: one per problem.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The inventory is wrong.
    #[error("{0}")]
    Inventory(crate::inventory::Problems),
    /// The inventory file cannot be read.
    #[error("{}", no_inventory(.0))]
    Reload(ReloadError),
    /// The store cannot be opened or used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP address cannot be used.
    #[error("cannot listen on {address} for HTTP: {error}; choose another address with --http")]
    Http {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The thread for HTTP cannot be started.
    #[error("cannot start the HTTP thread: {0}")]
    Thread(io::Error),
    /// The cron scheduler cannot be started.
    #[error(transparent)]
    Rounds(#[from] RoundsError),
}

/// Why there is no inventory to start with, and what to do.
fn no_inventory(error: &ReloadError) -> String {
    match error {
        ReloadError::Vanished { path } => {
            format!("no inventory at {}: name the file with --inventory", path.display())
        }
        other => format!("{}; name another inventory with --inventory", install::chain(other)),
    }
}

/// A running server.
#[derive(Debug)]
pub struct App {
    live: Arc<Live>,
    commands: mpsc::Sender<Command>,
    stop_chores: oneshot::Sender<()>,
    chores: JoinHandle<()>,
    engine: JoinHandle<()>,
    writer: Writer,
    http: HttpThread,
}

/// Runs the server until `shutdown` ends, then stops it in order.
///
/// # Errors
/// [`AppError`] when it cannot start; then nothing of it runs.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), AppError> {
    let app = start(config).await?;
    tracing::info!(http = %app.http.address(), "serving");
    shutdown.await;
    tracing::info!("stopping: no more polls are begun, those under way end");
    app.stop().await;
    Ok(())
}

/// Starts the server on the current runtime, which should be a `current_thread` one: polling on
/// two workers costs up to half as much CPU again per call.
///
/// # Errors
/// [`AppError`]; then nothing of it runs.
pub async fn start(config: Config) -> Result<App, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let listener = http::listen(config.http.listen)?;
    let store = store::open(&config.store, Mode::ReadWrite, Arc::clone(&clock)).await?;
    let live = Arc::new(Live::default());
    let metrics = Arc::new(Metrics::new());
    live.update_server(|server| server.started = clock.now().wall);

    let (commands, commands_in) = mpsc::channel(engine::COMMAND_QUEUE);
    let mut installer = Installer {
        watch: Watch::new(config.inventory.clone()),
        store: Arc::clone(&store),
        live: Arc::clone(&live),
        metrics: Arc::clone(&metrics),
        clock: Arc::clone(&clock),
        commands: commands.clone(),
        numbers: Vec::new(),
        waiting: None,
        in_trouble: false,
    };
    let in_force = installer.first().await?;

    let (handle, writer) = start_writer(&store, &config.writer, &clock);
    let site = web::Site {
        query: Query::new(Arc::clone(&live), Arc::clone(&store)),
        metrics: Arc::clone(&metrics),
        refresh: refresh(Arc::clone(&live), handle.clone()),
        clock: Arc::clone(&clock),
        writer: Some(handle.clone()),
        looks: web::Looks::default(),
    };
    let (round, rounds_in) = mpsc::channel(1);
    let (inventory, inventory_in) = mpsc::channel(1);
    let (prune, prune_in) = mpsc::channel(1);
    let (silent, silent_in) = mpsc::channel(1);
    let rounds = Rounds::start(Ticks { round, inventory, prune }).await?;
    let http = HttpThread::start(listener, site)?;

    let parts = Parts {
        poller: Poller::new(limits(&config.poll), Arc::clone(&clock)),
        clock: Arc::clone(&clock),
        writer: handle,
        live: Arc::clone(&live),
        metrics,
        policy: Policy::from(&config.health),
    };
    let inputs = Inputs { commands: commands_in, rounds: rounds_in, silent };
    let engine = tokio::spawn(Engine::new(parts).run(inputs));
    // From here on every host is listed, pending or as it was before.
    let _ = in_force.await;
    let (stop_chores, stopped) = oneshot::channel();
    let chores = chores::Chores {
        rounds,
        installer,
        pruner: chores::Pruner { store, clock, retention: config.retention },
        inventory: inventory_in,
        prune: prune_in,
        silent: silent_in,
    };
    let chores = tokio::spawn(chores.run(stopped));
    Ok(App { live, commands, stop_chores, chores, engine, writer, http })
}

impl App {
    /// The live view of the fleet.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn http_addr(&self) -> Option<SocketAddr> {
        Some(self.http.address())
    }

    /// Polls a host now, or joins the poll that is under way; none when there is no such host.
    pub async fn poll_now(&self, name: HostName) -> Option<Arc<Record>> {
        let (asked, answer) = oneshot::channel();
        self.commands.send(Command::PollNow(name, asked)).await.ok()?;
        answer.await.ok()
    }

    /// Stops in order: no more rounds and reloads, no more polls, the last rows into the store,
    /// and HTTP last, so that whoever looks sees the end of it.
    pub async fn stop(self) {
        let _ = self.stop_chores.send(());
        let _ = self.chores.await;
        let _ = self.commands.send(Command::Stop).await;
        let _ = self.engine.await;
        let stats = self.writer.flush_and_stop(FLUSH).await;
        tracing::info!(rows = stats.written, dropped = stats.dropped, "rows kept");
        self.http.stop().await;
    }
}

fn start_writer(
    store: &Arc<dyn Store>,
    writer: &config::Writer,
    clock: &Arc<dyn Clock>,
) -> (WriterHandle, Writer) {
    let limits = WriterLimits {
        batch_rows: rows(writer.batch_rows),
        batch_wait: writer.batch_wait,
        queue_rows: rows(writer.queue_rows),
        ..WriterLimits::default()
    };
    let clock = Arc::clone(clock);
    Writer::start(Arc::clone(store), limits, move || clock.now().wall)
}

/// The limits of polling, as configured.
pub(crate) fn limits(poll: &config::Poll) -> Limits {
    Limits {
        in_flight: rows(poll.in_flight),
        connect_timeout: poll.connect_timeout,
        answer_max_bytes: usize::try_from(poll.answer_max.0).unwrap_or(usize::MAX),
        keep_alive: poll.keep_alive,
        resolve_in_flight: rows(poll.resolve_in_flight),
        ..Limits::default()
    }
}

fn rows(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Copies the fleet's and the writer's present state into the gauges.
fn refresh(live: Arc<Live>, writer: WriterHandle) -> web::Refresh {
    let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Box::new(move |metrics: &Metrics| {
        for (state, count) in live.count_by_state() {
            let count = gauge(u64::try_from(count).unwrap_or(u64::MAX));
            metrics.hosts.get_or_create(&StateLabel { state }).set(count);
        }
        let stats = writer.stats();
        metrics.rows_written.set(gauge(stats.written));
        metrics.rows_dropped.set(gauge(stats.dropped + stats.rejected + stats.conflicting));
        metrics.rows_waiting.set(i64::try_from(stats.depth).unwrap_or(i64::MAX));
        metrics.batches_failed.set(gauge(stats.failed_batches));
    })
}
