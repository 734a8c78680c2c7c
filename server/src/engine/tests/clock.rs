//! The engine over a wall clock that steps, without a network: answers come as the test has them.

use super::*;
use crate::{
    metrics::{Direction, DirectionLabel},
    model::{Cause, Timings},
    poll::Attempt,
    rates::machine,
    schedule::Grids,
    store::ReadOrder,
    units::Mono,
};

const START: WallMs = WallMs(1_774_747_800_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn pause(until: WallMs) -> Pause {
    Pause { since: START, until: Some(until), reason: "".into() }
}

/// An engine with hosts a, b and c, asked by hand.
struct Watch {
    engine: Engine,
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    writer: Writer,
    _folder: tempfile::TempDir,
}

impl Watch {
    fn new() -> Self {
        Self::paused(&[], "", None)
    }

    /// With pauses from before the start, these windows, and polls up to then.
    fn paused(pauses: &[(i64, WallMs)], windows: &str, newest: Option<WallMs>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Now { wall: START, mono: Mono(HOUR) }));
        let (parts, store, writer) = parts(&folder, clock.clone());
        let mut engine = Engine::new(parts);
        let text = format!("[[group]]\nname = \"g\"\nhosts = [\"a\", \"b\", \"c\"]\n{windows}");
        let Command::Install(mut installed) = installed_as(&text, Some(State::Up)) else {
            unreachable!("that is what it makes")
        };
        let earlier = |(host, until): &(i64, WallMs)| (HostId(*host), pause(*until));
        installed.pauses = pauses.iter().map(earlier).collect();
        installed.known.iter_mut().for_each(|known| known.latest_slot = newest);
        engine.install(*installed);
        engine.install_slice();
        Self { engine, clock, store, writer, _folder: folder }
    }

    /// A host answers, its clock so many milliseconds after the server's.
    fn answer(&mut self, host: i64, skew_ms: i64) -> State {
        self.clock.advance(Duration::from_secs(1));
        let now = self.clock.now();
        self.engine.look_at_clock(now);
        let name = self.engine.hosts[&HostId(host)].spec.name.clone();
        let (host, due, asked) = (HostId(host), now.mono, false);
        let flight =
            Flight { host, name: name.clone(), slot: now.wall, due, version: VersionId(1), asked };
        self.clock.advance(Duration::from_millis(10));
        let mut snapshot = machine::snapshot("another", 1);
        snapshot.facts.machine_id = Some(name.as_str().into());
        let attempt = Attempt {
            error: None,
            timings: Timings { call_us: Some(crate::units::Micros(1)), ..Timings::default() },
            clock_skew_ms: Some(skew_ms),
            snapshot: Some(Box::new(snapshot)),
            started: Now { mono: Mono(now.mono.0 + Duration::from_millis(1)), ..now },
            ..Attempt::without_answer(Outcome::Ok, "", now)
        };
        self.engine.settle(&flight, attempt);
        self.engine.hosts[&host].health.state
    }

    /// What a host is found to be at the next round.
    fn next_round(&mut self, host: i64) -> State {
        self.round();
        self.engine.hosts[&HostId(host)].health.state
    }

    fn round(&mut self) {
        self.clock.advance(Duration::from_secs(1));
        self.engine.open();
    }

    /// Steps of the clock that the store has rows of.
    async fn events(self) -> Vec<(WallMs, Arc<str>)> {
        drop(self.engine);
        self.writer.flush_and_stop(Duration::from_secs(10)).await;
        let all =
            self.store.transitions(None, Span::ALL, ReadOrder::OldestFirst, 99).await.unwrap();
        let own = all.into_iter().filter(|event| event.cause == Cause::ClockStepped);
        own.inspect(|event| {
            assert_eq!((event.host, event.from, event.to), (HostId::SERVER, State::Up, State::Up));
        })
        .map(|event| (event.at, event.reason))
        .collect()
    }
}

#[tokio::test]
async fn a_step_of_our_clock_degrades_nobody_and_is_one_event() {
    let mut watch = Watch::new();
    for host in [1, 2, 3] {
        assert_eq!(watch.answer(host, 10), State::Up);
    }
    let ahead = watch.clock.now().wall.plus(HOUR);
    watch.clock.step_wall(ahead);
    let hour_ms = 3_600_000;
    for host in [1, 2, 3, 1, 2, 3] {
        assert_eq!(watch.answer(host, 10 - hour_ms), State::Up);
    }
    watch.round();
    assert!(watch.engine.parts.live.server().clock.is_wrong);
    // One whose own clock is off is seen as before.
    assert_eq!(watch.answer(2, 10 - 2 * hour_ms), State::Degraded);
    let right = watch.clock.now().wall.minus(HOUR);
    watch.clock.step_wall(right);
    for host in [1, 3] {
        assert_eq!(watch.answer(host, 10), State::Up);
    }
    watch.round();
    assert!(!watch.engine.parts.live.server().clock.is_wrong);
    let counted = |direction| {
        watch.engine.parts.metrics.clock_steps.get_or_create(&DirectionLabel { direction }).get()
    };
    assert_eq!((counted(Direction::Forward), counted(Direction::Back)), (1, 1));
    let events = watch.events().await;
    // In the order of the clock that went back.
    let [(_, back), (at, there)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*at, ahead.plus(Duration::from_secs(1)));
    assert_eq!(
        &**there,
        "the server's clock went forward by 1h; by the clocks of 3 hosts it was right before"
    );
    assert_eq!(
        &**back,
        "the server's clock went back by 1h; by the clocks of 3 hosts it is right now"
    );
}

/// A start with a wrong clock, and no step to tell of it.
#[tokio::test]
async fn a_fleet_that_differs_is_no_fault_of_its_hosts() {
    let mut watch = Watch::new();
    for host in [1, 2, 3, 1, 2, 3] {
        assert_eq!(watch.answer(host, 86_400_000), State::Up);
    }
    watch.round();
    let standing = watch.engine.parts.live.server().clock;
    assert!(standing.is_wrong && standing.doubt(watch.clock.now()).is_some(), "{standing:?}");
    assert_eq!(watch.events().await, []);
}

/// Who works on a host is not to be woken because of it.
#[tokio::test]
async fn a_clock_that_is_wrong_for_a_moment_ends_no_pause_and_closes_no_window() {
    let window = "[[maintenance]]\nname = \"w\"\nhosts = [\"b\"]\n\
                  from = 2026-03-29T01:30:00Z\nto = 2026-03-29T02:30:00Z\n";
    let mut watch = Watch::paused(&[], window, None);
    let (done, _) = oneshot::channel();
    watch.engine.pause(HostId(1), Some(pause(START.plus(HOUR))), done);
    for host in [1, 2] {
        assert_eq!(watch.next_round(host), State::Paused, "{host}");
    }
    for wrong in [watch.clock.now().wall.plus(24 * HOUR), watch.clock.now().wall] {
        watch.clock.step_wall(wrong);
        for host in [1, 2] {
            assert_eq!(watch.next_round(host), State::Paused, "{host}");
        }
    }
    // The clock is in doubt for an hour more; an hour is over by either.
    watch.clock.advance(HOUR);
    for host in [1, 2] {
        assert_ne!(watch.next_round(host), State::Paused, "{host}");
    }
}

/// Until it is known that the clock is right, a pause from before the start is not over by it.
#[tokio::test]
async fn a_start_by_a_clock_in_doubt_ends_no_pause() {
    let (three_days, over) = (START.minus(72 * HOUR), START.minus(HOUR));
    let mut watch = Watch::paused(&[(1, over)], "", Some(three_days));
    assert_eq!(watch.next_round(1), State::Paused);
    for host in [2, 3] {
        watch.answer(host, 0);
    }
    assert_ne!(watch.next_round(1), State::Paused, "others say that it is right");
}

#[tokio::test]
async fn what_the_next_start_must_know_is_handed_on_with_each_step_back() {
    let mut watch = Watch::new();
    let kept = tokio::sync::watch::Sender::new(Grids::new(7));
    let mut heard = kept.subscribe();
    watch.engine = watch.engine.keeping(kept);
    watch.round();
    assert!(!heard.has_changed().unwrap());
    watch.clock.step_wall(START.minus(HOUR));
    watch.round();
    assert!(heard.has_changed().unwrap());
    let grids = heard.borrow_and_update().clone();
    assert_eq!((grids.seed(), &grids), (7, watch.engine.poll_queue.grids()));
}

/// Asked for at any time of a clock that went back, a poll is kept under that time.
#[tokio::test]
async fn after_a_step_back_a_poll_is_kept_at_its_time() {
    let mut watch = Watch::new();
    watch.round();
    watch.clock.step_wall(START.minus(HOUR));
    let mut slots = Vec::new();
    for _ in 0..100 {
        watch.clock.advance(Duration::from_millis(500));
        let now = watch.clock.now();
        watch.engine.look_at_clock(now);
        watch.engine.poll_queue.open(now);
        for due in watch.engine.poll_queue.due(now) {
            let entry = watch.engine.hosts.get_mut(&due.host).unwrap();
            let poll_queue = &watch.engine.poll_queue;
            let slot = entry.claims.due(due.slot, |at| poll_queue.is_on_grid(due.host, at));
            assert!(now.wall.since(slot) <= Duration::from_secs(1) && slot <= now.wall);
            slots.push((due.host, slot));
        }
    }
    assert_eq!(slots.len(), 3 * 5);
    slots.sort_unstable();
    slots.dedup();
    assert_eq!(slots.len(), 3 * 5);
}
