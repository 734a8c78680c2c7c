//! Whatever the wall clock and restarts do, a host's polls have moments of their own, and true ones.

use super::*;

#[derive(Debug, Clone)]
enum Event {
    Run(u64),
    Step(i64),
    Ask(i64),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (20_u64..6_000).prop_map(Event::Run),
        2 => (-4_000_000_i64..4_000_000).prop_map(Event::Step),
        // There and back by the same, as by a wrong time server.
        2 => prop_oneof![Just(-3_600_000), Just(3_600_000), Just(-5_000), Just(5_000)]
            .prop_map(Event::Step),
        2 => (0_i64..4).prop_map(Event::Ask),
        1 => Just(Event::Restart),
    ]
}

/// A server whose polls are kept, with what it keeps for its next start.
struct Keeping {
    server: Server,
    claims: Vec<Claims>,
    kept: HashSet<(i64, WallMs)>,
    latest: WallMs,
    file: Grids,
}

impl Keeping {
    fn new(schedules: &[Schedule]) -> Self {
        let mut server = Server::new(0, &every(1_000));
        server.poll_queue = PollQueue::resume(Grids::new(7), WallMs(0), server.clocks.now);
        let file = server.poll_queue.grids().clone();
        let claims = schedules.iter().map(|_| Claims::default()).collect();
        let latest = WallMs(0);
        let mut keeping = Self { server, claims, kept: HashSet::new(), latest, file };
        keeping.take_in(schedules);
        keeping
    }

    fn take_in(&mut self, schedules: &[Schedule]) {
        for (host, schedule) in (0..).zip(schedules) {
            self.server.add(host, schedule);
        }
    }

    /// As the engine does it: what is kept for the next start is written after each step.
    fn note_steps(&mut self) {
        if !self.server.poll_queue.take_steps().is_empty() {
            self.file = self.server.poll_queue.grids().clone();
        }
    }

    fn keep(&mut self, host: i64, slot: WallMs) {
        assert!(self.kept.insert((host, slot)), "host {host} has two polls at {slot}");
        self.latest = self.latest.max(slot);
    }

    fn run(&mut self, length: Duration, schedules: &[Schedule]) {
        for _ in 0..length.as_millis() / BATCH.as_millis() {
            if self.server.ticks.is_multiple_of(50) {
                self.server.poll_queue.open(self.server.clocks.now);
            }
            self.server.ticks += 1;
            let now = self.server.clocks.now;
            for due in self.server.poll_queue.due(now) {
                let index = usize::try_from(due.host.0).unwrap();
                let poll_queue = &self.server.poll_queue;
                let slot =
                    self.claims[index].due(due.slot, |at| poll_queue.is_on_grid(due.host, at));
                let off = (slot.0 - now.wall.0).abs();
                let most = schedules[index].shortest_gap() + seconds(1);
                assert!(off <= millis(most), "kept at {slot} when it is {}", now.wall);
                self.keep(due.host.0, slot);
            }
            self.note_steps();
            self.server.clocks.pass(BATCH);
        }
    }

    fn ask(&mut self, host: i64) {
        let now = self.server.clocks.now;
        self.server.poll_queue.look(now);
        self.note_steps();
        let poll_queue = &self.server.poll_queue;
        let on_grid = |at| poll_queue.is_on_grid(HostId(host), at);
        let slot = self.claims[usize::try_from(host).unwrap()].asked(now.wall, on_grid);
        assert!(slot.0 - now.wall.0 < 1_000, "kept at {slot} when it is {}", now.wall);
        self.keep(host, slot);
    }

    fn restart(&mut self, schedules: &[Schedule]) {
        let now = self.server.clocks.now;
        self.server.poll_queue = PollQueue::resume(self.file.clone(), self.latest, now);
        self.file = self.server.poll_queue.grids().clone();
        self.take_in(schedules);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_clock_and_restarts_do_polls_have_moments_of_their_own_near_the_wall_clock(
        events in prop::collection::vec(event(), 1..40),
        intervals in prop::collection::vec(100_u64..5_000, 4),
    ) {
        let schedules: Vec<Schedule> = intervals.into_iter().map(every).collect();
        let mut keeping = Keeping::new(&schedules);
        for event in events {
            match event {
                Event::Run(ms) => keeping.run(Duration::from_millis(ms), &schedules),
                Event::Step(ms) => keeping.server.clocks.step(ms),
                Event::Ask(host) => keeping.ask(host),
                Event::Restart => keeping.restart(&schedules),
            }
        }
        keeping.run(seconds(12), &schedules);
    }
}

/// An hour back, then on through the hour that comes again: never a moment of the future, never a
/// pause.
#[test]
fn an_hour_back_keeps_polls_at_their_time_and_so_does_a_restart_within_it() {
    let schedules = [every(200), every(10_000)];
    let mut keeping = Keeping::new(&schedules);
    keeping.run(seconds(60), &schedules);
    keeping.server.clocks.step(-3_600_000);
    keeping.run(seconds(20), &schedules);
    keeping.restart(&schedules);
    let before = keeping.kept.len();
    keeping.run(seconds(20), &schedules);
    assert_eq!(keeping.kept.len() - before, 100 + 2);
    keeping.server.clocks.step(-30_000);
    keeping.restart(&schedules);
    let before = keeping.kept.len();
    keeping.run(seconds(20), &schedules);
    assert_eq!(keeping.kept.len() - before, 100 + 2);
}

/// The grid that an earlier step led to was used, too; what is kept for the next start says so.
#[test]
fn a_step_back_after_a_restart_does_not_lead_to_a_grid_used_before_it() {
    let schedules = [every(1_000)];
    let mut keeping = Keeping::new(&schedules);
    keeping.run(seconds(60), &schedules);
    keeping.server.clocks.step(-50_000);
    keeping.run(seconds(120), &schedules);
    keeping.restart(&schedules);
    keeping.server.clocks.step(-60_000);
    keeping.run(seconds(100), &schedules);
}

#[test]
fn two_servers_ask_a_host_at_moments_of_their_own_and_each_keeps_its_own_over_a_restart() {
    let schedule = every(10_000);
    let phases = |seed: u64| -> Vec<Duration> {
        (0..1_000).map(|host| schedule.phase(&host_name(host), seed)).collect()
    };
    let (one, other) = (phases(1), phases(2));
    assert_eq!(one, phases(1));
    let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
    assert!(same < 10, "{same} of 1,000 hosts are asked in one millisecond");
    let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
    let next = |seed: u64| {
        let mut poll_queue = PollQueue::resume(Grids::new(seed), WallMs(0), clocks.now);
        poll_queue.add(HostId(3), &host_name(3), &schedule, clocks.now);
        poll_queue.next_slot(HostId(3), clocks.now.wall).unwrap()
    };
    assert_eq!(next(1).0.rem_euclid(10_000), millis(one[3]));
    assert_eq!(next(2).0.rem_euclid(10_000), millis(other[3]));
}
