mod clock;
mod recovery;

use tokio::net::TcpListener;

use super::*;
use crate::{
    clock::ManualClock,
    inventory,
    model::{Column, State},
    poll::PollLimits,
    rollup::{GRACE, Tier},
    store::{
        Mode, SeriesAsk, Span, Store,
        sqlite::Sqlite,
        writer::{Writer, WriterLimits},
    },
    units::{Now, WallMs},
};

/// An engine over a store in a folder of its own, and the ends that a test holds.
struct Bench {
    commands: mpsc::Sender<Command>,
    silenced: mpsc::Receiver<()>,
    metrics: Arc<Metrics>,
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    engine: tokio::task::JoinHandle<()>,
    rounds: mpsc::Sender<()>,
    writer: Writer,
    _folder: tempfile::TempDir,
}

/// An engine's parts over a store in this folder.
fn parts(folder: &tempfile::TempDir, clock: Arc<dyn Clock>) -> (Parts, Arc<dyn Store>, Writer) {
    let store = Sqlite::open_blocking(&folder.path().join("test.db"), Mode::ReadWrite).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let (writer_handle, writer) =
        Writer::start(Arc::clone(&store), WriterLimits::default(), WallMs::default);
    let parts = Parts {
        poller: Poller::new(PollLimits::default(), Arc::clone(&clock)),
        clock,
        writer: writer_handle,
        live: Arc::new(Live::default()),
        metrics: Arc::new(Metrics::new()),
        policy: Policy::default(),
        hook: None,
    };
    (parts, store, writer)
}

fn start() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Now::default()));
    let (parts, store, writer) = parts(&folder, clock.clone());
    let metrics = Arc::clone(&parts.metrics);
    let (commands, commands_in) = mpsc::channel(COMMAND_QUEUE);
    let (rounds, rounds_in) = mpsc::channel(1);
    let (silent, silenced) = mpsc::channel(1);
    let inputs = Inputs { commands: commands_in, rounds: rounds_in, silent };
    let engine = tokio::spawn(Engine::new(parts).run(inputs));
    Bench { commands, silenced, metrics, clock, store, engine, rounds, writer, _folder: folder }
}

fn installed(text: &str) -> Command {
    installed_as(text, None)
}

/// As an inventory whose hosts the store knows in this state.
fn installed_as(text: &str, state: Option<State>) -> Command {
    let inventory = Arc::new(inventory::parse("test", text).unwrap());
    let known = inventory.hosts.keys().zip(1..).map(|(name, number)| KnownHost {
        id: HostId(number),
        name: name.clone(),
        facts: crate::model::Facts::default(),
        state: state.map(|state| (state, WallMs(0))),
        latest_slot: None,
    });
    let known = known.collect();
    let (in_force, _) = oneshot::channel();
    Command::Install(Box::new(Installed {
        gone_before: HashMap::new(),
        inventory,
        file: Arc::new(InventoryFile { source: "test".into(), text: text.into(), change: None }),
        version: VersionId(1),
        known,
        alarms: Vec::new(),
        pauses: Vec::new(),
        in_force,
    }))
}

#[tokio::test(start_paused = true)]
async fn a_silent_cron_scheduler_is_stood_in_for_and_told() {
    let mut bench = start();
    bench.silenced.recv().await.unwrap();
    assert_eq!(bench.metrics.guarded_rounds.get(), 1);
    bench.silenced.recv().await.unwrap();
    assert_eq!(bench.metrics.guarded_rounds.get(), 2);
    assert_eq!(bench.metrics.rounds.get(), 0);
    bench.commands.send(Command::Stop).await.unwrap();
    bench.engine.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_outlasts_the_stop_is_still_one_row() {
    let bench = start();
    // Accepted by the kernel, never by anybody.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap();
    let text = format!(
        "[defaults]\ninterval = \"1h\"\ntimeout = \"5m\"\n\
         [[host]]\nname = \"mute\"\naddresses = [\"{address}\"]\n"
    );
    bench.commands.send(installed_as(&text, Some(State::Up))).await.unwrap();
    let (asked, row) = oneshot::channel();
    let mute = HostName::new("mute").unwrap();
    bench.commands.send(Command::PollNow(mute, asked)).await.unwrap();
    bench.commands.send(Command::Stop).await.unwrap();
    bench.engine.await.unwrap();
    let row = row.await.unwrap();
    assert_eq!(row.outcome, Outcome::Deadline);
    assert_eq!(row.error.as_deref(), Some("the server stopped before the answer came"));
    assert_eq!(row.state, State::Up, "our stopping is not the host's fault");
}

#[tokio::test(start_paused = true)]
async fn closing_the_commands_stops_the_engine() {
    let bench = start();
    drop(bench.commands);
    bench.engine.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_slot_is_used_twice_even_when_the_clock_stands_still() {
    let bench = start();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = format!("[[host]]\nname = \"gone\"\naddresses = [\"{closed}\"]\n");
    bench.commands.send(installed(&text)).await.unwrap();
    let mut slots = Vec::new();
    for _ in 0..3 {
        let (asked, row) = oneshot::channel();
        let gone = HostName::new("gone").unwrap();
        bench.commands.send(Command::PollNow(gone, asked)).await.unwrap();
        slots.push(row.await.unwrap().slot);
    }
    assert!(slots.windows(2).all(|pair| pair[0] < pair[1]), "{slots:?}");
}

#[tokio::test]
async fn an_hour_of_polls_is_kept_in_short_once_it_is_over() {
    let bench = start();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = format!("[[host]]\nname = \"gone\"\naddresses = [\"{closed}\"]\n");
    bench.commands.send(installed(&text)).await.unwrap();
    let poll = async || {
        let (asked, row) = oneshot::channel();
        let gone = HostName::new("gone").unwrap();
        bench.commands.send(Command::PollNow(gone, asked)).await.unwrap();
        row.await.unwrap().slot
    };
    let mut last = WallMs(0);
    for _ in 0..3 {
        last = poll().await;
    }
    // Another hour, which is open still.
    for later in [std::time::Duration::from_secs(3_600), GRACE] {
        bench.clock.advance(later);
        poll().await;
        let rounds = bench.metrics.rounds.get();
        bench.rounds.send(()).await.unwrap();
        // Answered once the round was opened: commands and rounds come to one loop.
        while bench.metrics.rounds.get() == rounds {
            poll().await;
        }
    }
    bench.commands.send(Command::Stop).await.unwrap();
    bench.engine.await.unwrap();
    bench.writer.flush_and_stop(std::time::Duration::from_secs(60)).await;
    let step = std::time::Duration::from_secs(3_600);
    let columns = Arc::from([Column::CpuBusyPct]);
    let ask = SeriesAsk { host: HostId(1), columns, span: Span::ALL, step, tier: Tier::Hours };
    let hours = bench.store.series(ask).await.unwrap();
    let hours: Vec<_> =
        hours.iter().map(|h| (h.start, h.polls, h.failed, h.stats[0].avg())).collect();
    assert_eq!(hours, [(WallMs(0), 3, 3, None)], "the last was due at {last}");
}

/// Ten thousand hosts at 10 s one of them with the label `mark`, put in force.
fn install_ten_thousand(engine: &mut Engine, mark: &str) {
    let mut text = "[defaults]\ninterval = \"10s\"\n".to_owned();
    for number in 0..10_000 {
        let label = if number == 4_711 { mark } else { "same" };
        let address = format!("127.1.{}.{}", number / 250, number % 250 + 1);
        text += &format!(
            "[[host]]\nname = \"host-{number}\"\naddresses = [\"{address}\"]\nlabels = {{ mark = \"{label}\" }}\n"
        );
    }
    let Command::Install(installed) = installed(&text) else { unreachable!() };
    engine.install(*installed);
    while engine.installing.is_some() {
        engine.install_slice();
    }
}

#[tokio::test]
async fn a_reload_of_ten_thousand_hosts_with_one_change_moves_no_slot() {
    const STEP: Duration = Duration::from_millis(500);
    let clock =
        Arc::new(ManualClock::new(Now { wall: WallMs(1_774_747_800_000), ..Now::default() }));
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [(first, _, _writer), (second, _, _other)] =
        folders.each_ref().map(|f| parts(f, clock.clone()));
    let (mut reloads, mut stays) = (Engine::new(first), Engine::new(second));
    install_ten_thousand(&mut reloads, "before");
    install_ten_thousand(&mut stays, "before");
    let mut seen = 0;
    for step in 0..60 {
        clock.advance(STEP);
        if step % 20 == 3 {
            install_ten_thousand(&mut reloads, &format!("after-{step}"));
        }
        let now = clock.now();
        let due = [&mut reloads, &mut stays].map(|engine| {
            engine.poll_queue.open(now);
            engine.poll_queue.due(now)
        });
        assert_eq!(due[0], due[1], "after {step} steps");
        // Half a second's share of the fleet, give or take the luck of the hash: no burst.
        assert!((350..650).contains(&due[0].len()), "{} due at once", due[0].len());
        seen += due[0].len();
    }
    assert!((29_000..31_000).contains(&seen), "{seen} in thirty seconds");
    assert_eq!(reloads.poll_queue.missed(), 0);
}
