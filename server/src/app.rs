//! The composition root: builds every part, wires them, runs them, and stops them in order.

mod descriptors;
mod failure;
mod http;
mod keep;
mod running;
mod standby;
mod starting;
mod thread;

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

pub use self::failure::AppError;
use self::{
    http::{HttpThread, Listening, Served},
    starting::{Orders, Ready, Starting},
    thread::OwnThread,
};
use crate::{
    access::Keyring,
    board_folder::BoardFolder,
    clock::{Clock, SystemClock, boot_id},
    config::Config,
    discover::Finder,
    engine::{self, Command, Engine, Inputs, Parts},
    export::Exporter,
    grpc,
    health::Policy,
    hook,
    live::Live,
    lock,
    metrics::Metrics,
    outbox::{Outbox, OutboxParts, OutboxWorker},
    poll::{PollLimits, Poller},
    query::Query,
    reconcile::{self, Means, OperatorOrder, Reconciler},
    reload::FileWatch,
    resolve::HostResolver,
    schedule::Grids,
    store::{
        LazyStore, Standing, Store,
        spool::{Registry, Spool},
        writer::Writer,
    },
    ticker::{TickSenders, Ticker},
    upkeep::{self, Phases, Pruner, Rebuilder, Sealer, UpkeepTasks},
    web,
};

/// How long the last rows may take to reach the store when the server stops.
pub const FLUSH: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct App {
    live: Arc<Live>,
    commands: mpsc::Sender<Command>,
    chores: OwnThread,
    engine: JoinHandle<()>,
    /// Opens the store, and looks whether it keeps what it took.
    looking_after: JoinHandle<()>,
    writer: Writer,
    export: Option<OwnThread>,
    http: HttpThread,
    /// Let go last; none where the store was there before.
    locks: Option<lock::Locks>,
    operator: mpsc::Sender<OperatorOrder>,
    access: web::Access,
}

/// Runs the server until `shutdown` ends, then stops it in order. Meanwhile `reload` is run again and
/// again: it waits until somebody wants the server to look at its files, and has it do so.
///
/// # Errors
/// [`AppError`] when it cannot start; then nothing of it runs.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    mut reload: impl AsyncFnMut(&App),
) -> Result<(), AppError> {
    descriptors::raise();
    let mut shutdown = pin!(shutdown);
    let listening = Listening::of(&config)?;
    loop {
        let starting = Starting::default();
        let ready = tokio::select! {
            ready = prepare(config.clone(), listening.share()?, &starting) => ready?,
            () = &mut shutdown => {
                tracing::warn!("stopped during its start, while {starting}; nothing was polled");
                return Ok(());
            }
        };
        let app = ready.begin().await?;
        let grpc = app.grpc_addr().map(tracing::field::display);
        tracing::info!(http = %app.http.address(), grpc, "serving");
        let reloading = async {
            loop {
                reload(&app).await;
            }
        };
        let to = tokio::select! {
            () = &mut shutdown => None,
            () = reloading => None,
            to = app.superseded() => Some(to),
        };
        if let Some(to) = &to {
            tracing::error!("{to} has taken over: this server stops polling and becomes a standby");
        } else {
            tracing::info!("stopping: no more polls are begun, those under way end");
        }
        app.stop().await;
        if to.is_none() {
            return Ok(());
        }
    }
}

/// Starts the server on the current runtime, which should be a `current_thread` one: polling on
/// two workers costs up to half as much CPU again per call.
///
/// # Errors
/// [`AppError`]; then nothing of it runs.
pub async fn start(config: Config) -> Result<App, AppError> {
    let listening = Listening::of(&config)?;
    prepare(config, listening, &Starting::default()).await?.begin().await
}

/// All of a start before the first poll. It may be given up at any moment: nothing is on its way then.
async fn prepare(config: Config, faces: Listening, starting: &Starting) -> Result<Ready, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let mut locks = lock::take(&config)?;
    if let Ok(http) = faces.http.local_addr() {
        locks.serves_at(http);
    }
    let spool = keep::spool(&config)?;
    starting.comes_to(format!("opening the store {}", config.store.url));
    let store = LazyStore::new(config.store.clone(), Arc::clone(&clock)).with_memory(spool.clone());
    let store = Arc::new(store.owned_by(locks.owner.clone()));
    let remembered = standby::open(&store, spool.as_deref(), &faces, &clock, starting).await?;
    starting.comes_to(format!("putting the inventory {} in force", config.inventory.display()));
    let phases = Some(Phases::load(&config.data));
    let standing = Arc::clone(&locks.owner.standing);
    let kept = Storage { store, spool, remembered, phases, standing };
    let ready = wire(config, clock, faces, kept).await?;
    Ok(Ready { locks: Some(locks), ..ready })
}

/// As [`start`], but with a store that is there already, no spool and the phases of hosts' names alone;
/// `config.store` and `config.data` are not looked at.
///
/// # Errors
/// [`AppError`]; then nothing of it runs.
pub async fn start_over(config: Config, store: Arc<dyn Store>) -> Result<App, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let faces = Listening::of(&config)?;
    let store = Arc::new(LazyStore::opened(config.store.clone(), Arc::clone(&clock), store));
    let standing = Arc::default();
    let kept = Storage { store, spool: None, remembered: None, phases: None, standing };
    wire(config, clock, faces, kept).await?.begin().await
}

/// Where rows go, and what is known of the hosts while the store is away.
struct Storage {
    store: Arc<LazyStore>,
    spool: Option<Arc<Spool>>,
    remembered: Option<Registry>,
    phases: Option<(Phases, Grids)>,
    standing: Arc<Standing>,
}

async fn wire(
    config: Config,
    clock: Arc<dyn Clock>,
    listening: Listening,
    Storage { store, spool, remembered, phases, standing }: Storage,
) -> Result<Ready, AppError> {
    let live = Arc::new(Live::default());
    let metrics = Arc::new(Metrics::of_leader());
    live.update_server(|server| server.started = clock.now().wall);

    let (commands, commands_in) = mpsc::channel(engine::COMMAND_QUEUE);
    let names = HostResolver::new(config.resolve.servers.clone());
    let poll_limits = PollLimits::from(&config.poll);
    let finder = Finder::new(names.clone(), poll_limits.clone(), Arc::clone(&clock));
    let (looks, looks_in) = mpsc::channel(reconcile::LOOKS);
    let (operator, operator_in) = mpsc::channel(reconcile::QUEUE);
    let outbox = Outbox::new(HostResolver::new(config.resolve.servers.clone()));
    let keyring = Keyring::default();
    let mut reconciler = Reconciler::new(Means {
        watch: FileWatch::new(config.inventory.clone()),
        alerts: config.alerts.clone(),
        access: config.http.access_file.clone().map(|path| (path, keyring.clone())),
        outbox: outbox.clone(),
        store: Arc::clone(&store),
        spool: spool.clone(),
        live: Arc::clone(&live),
        metrics: Arc::clone(&metrics),
        clock: Arc::clone(&clock),
        commands: commands.clone(),
        finder,
        looks,
        forget: config.discover.forget,
    });
    let in_force = reconciler.first(remembered).await?;
    let (awaited, store): (_, Arc<dyn Store>) = (Arc::clone(&store), store);

    let hook = hook::hook(&config.hook, &config.resolve, Arc::clone(&clock))?;
    let (handle, writer) =
        keep::writer(&store, spool.clone(), &config.writer, &clock, &hook, &outbox);
    let retention = config.retention.polls;
    let looking_after =
        upkeep::look_after(awaited, spool.clone(), handle.clone(), &clock, retention);
    let policy = Policy::from(&config.health);
    let telling = OutboxParts {
        live: Arc::clone(&live),
        spool: spool.clone(),
        writer: handle.clone(),
        clock: Arc::clone(&clock),
        fall: policy.fall,
        url: config.http.url.clone(),
        standing: Arc::clone(&standing),
        store: Arc::clone(&store),
    };
    let telling = OutboxWorker::new(&outbox, telling);
    let around = keep::around(&store, spool, &handle, &live, standing);
    let worker = hook.as_ref().map(|hook| hook.worker(around));
    let parts = Parts {
        poller: Poller::with_resolver(poll_limits, Arc::clone(&clock), names),
        clock,
        writer: handle,
        live,
        metrics,
        policy,
        hook,
    };
    let export = keep::export(&config, &parts)?;
    let mut site = site(&config, &parts, &store, outbox, operator.clone(), commands.clone());
    let access = http::access(&config, keyring, &parts.clock)?;
    site.access = access.clone();
    let board = http::board(&parts.live, &parts.clock, parts.writer.clone());
    let limits = grpc::GrpcLimits::listing(rows(config.grpc.list_max));
    let (live, board) = (Arc::clone(&parts.live), (board, limits));
    let faces = Served { listening, live, site, board, hook: worker, outbox: telling };
    let orders = Orders { commands, commands_in, looks_in, operator, operator_in, access };
    let begun = Begun { reconciler, in_force, looking_after, store, writer, phases, export };
    Ok(Ready { config, parts, faces, orders, begun, locks: None })
}

/// What answers over HTTP.
fn site(
    config: &Config,
    parts: &Parts,
    store: &Arc<dyn Store>,
    outbox: Outbox,
    operator: mpsc::Sender<OperatorOrder>,
    commands: mpsc::Sender<Command>,
) -> web::Site {
    let Parts { clock, writer, live, metrics, policy, hook, .. } = parts;
    web::Site {
        answers: Query::new(Arc::clone(live), Arc::clone(store))
            .with_writer(writer.clone())
            .with_hook(hook.clone())
            .with_outbox(outbox.clone())
            .keeping(config.retention)
            .into(),
        metrics: Arc::clone(metrics),
        refresh: keep::refresh(
            Arc::clone(live),
            writer.clone(),
            hook.clone(),
            outbox,
            Arc::clone(clock),
        ),
        policy: *policy,
        clock: Arc::clone(clock),
        operator,
        control: web::Control::new(commands, Arc::clone(store)).with_writer(writer.clone()),
        looks: web::Looks::default(),
        access: web::Access::default(),
        boards: web::BoardSite::new(BoardFolder::beside(&config.inventory)),
        base_path: config.http.base_path.clone(),
    }
}

/// What runs before the engine does.
struct Begun {
    reconciler: Reconciler,
    /// Told once the first inventory is in force; none while nothing can be.
    in_force: Option<oneshot::Receiver<()>>,
    looking_after: JoinHandle<()>,
    store: Arc<dyn Store>,
    writer: Writer,
    phases: Option<(Phases, Grids)>,
    export: Option<Exporter>,
}

/// Starts the engine and what wakes it, and the faces.
async fn run_parts(
    config: &Config,
    parts: Parts,
    faces: Served,
    orders: Orders,
    begun: Begun,
) -> Result<App, AppError> {
    let Parts { clock, live, metrics, .. } = parts.clone();
    let (round, rounds_in) = mpsc::channel(1);
    let (prune, prune_in) = mpsc::channel(1);
    let (seal, seal_in) = mpsc::channel(1);
    let (silent, silent_in) = mpsc::channel(1);
    let rounds = Ticker::start(TickSenders { round, prune, seal }).await?;
    let http = HttpThread::start(faces)?;
    live.update_server(|server| server.grpc = http.grpc());

    let drained = keep::drained(parts.writer.clone(), config.writer.batch_rows);
    let inputs = Inputs { commands: orders.commands_in, rounds: rounds_in, silent };
    let Begun { reconciler, in_force, looking_after, store, writer, phases, export } = begun;
    let export = keep::send(export).map_err(AppError::Thread)?;
    let mut engine = Engine::new(parts).on_boot(boot_id());
    let mut following = None;
    if let Some((phases, grids)) = phases {
        let grids = watch::Sender::new(grids);
        following = Some((phases, grids.subscribe()));
        engine = engine.keeping(grids);
    }
    let engine = tokio::spawn(engine.run(inputs));
    if let Some(in_force) = in_force {
        // From here on every host is listed, pending or as it was before.
        let _ = in_force.await;
    }
    let (retention, seen) = (config.retention, Arc::clone(&live));
    let chores = UpkeepTasks {
        rounds,
        reconciler,
        rebuilder: Rebuilder::new(Arc::clone(&store), Arc::clone(&clock), drained),
        sealer: Sealer {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            live: Arc::clone(&live),
            metrics: Arc::clone(&metrics),
            after: config.seal.after,
        },
        pruner: Pruner { store, clock, live: seen, metrics, retention },
        phases: following,
        seal: seal_in,
        prune: prune_in,
        silent: silent_in,
        looks: orders.looks_in,
        operator: orders.operator_in,
    };
    let chores =
        OwnThread::start("chores", |stopped| chores.run(stopped)).map_err(AppError::Thread)?;
    let Orders { commands, operator, access, .. } = orders;
    let app = App {
        live,
        commands,
        chores,
        engine,
        looking_after,
        writer,
        export,
        http,
        operator,
        access,
        locks: None,
    };
    Ok(app)
}

fn rows(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
