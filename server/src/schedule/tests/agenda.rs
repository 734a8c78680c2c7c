use super::*;

/// A server's two clocks, moved by hand.
struct Clocks {
    now: Now,
}

impl Clocks {
    fn at(wall: &str) -> Self {
        Self { now: Now { wall: utc(wall), mono: Mono(seconds(1_000)) } }
    }

    fn pass(&mut self, length: Duration) {
        self.now = Now { wall: self.now.wall.plus(length), mono: self.now.mono.plus(length) };
    }

    fn step(&mut self, ms: i64) {
        self.now.wall.0 += ms;
    }
}

/// What a server does: opens every second, takes what is due on every batch.
struct Server {
    clocks: Clocks,
    agenda: Agenda,
    ticks: u64,
    polls: Vec<(Now, Due)>,
}

impl Server {
    fn new(hosts: i64, schedule: &Schedule) -> Self {
        let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
        let mut server = Self { agenda: Agenda::new(), clocks, ticks: 0, polls: Vec::new() };
        for host in 0..hosts {
            server.add(host, schedule);
        }
        server
    }

    fn add(&mut self, host: i64, schedule: &Schedule) {
        let name = name(&format!("host-{host}"));
        self.agenda.add(HostId(host), &name, schedule, self.clocks.now);
    }

    fn run(&mut self, length: Duration) {
        for _ in 0..length.as_millis() / BATCH.as_millis() {
            if self.ticks.is_multiple_of(50) {
                self.agenda.open(self.clocks.now);
            }
            self.ticks += 1;
            self.take();
            self.clocks.pass(BATCH);
        }
        self.take();
    }

    fn take(&mut self) -> usize {
        let due = self.agenda.due(self.clocks.now);
        let hosts: HashSet<HostId> = due.iter().map(|due| due.host).collect();
        assert_eq!(hosts.len(), due.len(), "one host twice in one take");
        self.polls.extend(due.iter().map(|due| (self.clocks.now, *due)));
        due.len()
    }

    fn assert_no_slot_twice(&self) {
        let keys: HashSet<(HostId, WallMs)> =
            self.polls.iter().map(|(_, due)| (due.host, due.slot)).collect();
        assert_eq!(keys.len(), self.polls.len(), "a slot was handed out twice");
    }

    /// The longest time that a host went without a poll from `since` on.
    fn longest_wait(&self, host: i64, since: Mono) -> Duration {
        let mut times = vec![since];
        times.extend(
            self.polls
                .iter()
                .filter(|(at, due)| due.host.0 == host && at.mono > since)
                .map(|(at, _)| at.mono),
        );
        times.push(self.clocks.now.mono);
        times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap()
    }
}

#[test]
fn every_host_is_polled_once_per_interval_and_never_early() {
    let mut server = Server::new(500, &every(10_000));
    server.run(seconds(60));
    assert_eq!(server.polls.len(), 500 * 6);
    assert_eq!(server.agenda.missed(), 0);
    for (at, due) in &server.polls {
        assert!(due.slot <= at.wall && due.due <= at.mono);
        assert!(at.mono.since(due.due) <= BATCH, "late without a stall");
        assert_eq!(at.mono.since(due.due), at.wall.since(due.slot));
    }
    server.assert_no_slot_twice();
}

#[test]
fn cron_hosts_are_polled_within_their_second() {
    let schedule = cron("*/10 * * * * *", "Europe/Berlin");
    let mut server = Server::new(50, &schedule);
    server.run(seconds(3_600)); // over the end of summer time
    assert_eq!(server.polls.len(), 50 * 360);
    for (_, due) in &server.polls {
        assert_eq!(due.slot.0.div_euclid(1_000) % 10, 0);
    }
    server.assert_no_slot_twice();
}

#[test]
fn the_grid_is_the_same_after_a_restart_or_a_reload() {
    let mut first = Server::new(20, &every(10_000));
    first.run(seconds(30));
    let mut second = Server::new(20, &every(10_000));
    second.clocks.pass(Duration::from_millis(3_210));
    for host in 0..20 {
        second.add(host, &every(10_000)); // again: takes the place of the first
    }
    assert_eq!(second.agenda.len(), 20);
    second.run(seconds(30));
    let grid = |server: &Server| -> HashSet<(i64, i64)> {
        server.polls.iter().map(|(_, due)| (due.host.0, due.slot.0 % 10_000)).collect()
    };
    assert_eq!(grid(&first), grid(&second));
    assert_eq!(grid(&first).len(), 20);
}

#[test]
fn near_slots_fire_together() {
    let mut server = Server::new(1_000, &every(1_000));
    server.agenda.open(server.clocks.now);
    let (mut takes, end) = (0, server.clocks.now.mono.plus(seconds(1)));
    while let Some(next) = server.agenda.next_due().filter(|next| *next <= end) {
        assert_eq!(next.0.as_nanos() % BATCH.as_nanos(), 0);
        let length = next.since(server.clocks.now.mono);
        assert!(length > Duration::ZERO, "a wake-up with nothing new");
        server.clocks.pass(length);
        assert!(server.take() > 0, "a wake-up for nothing");
        takes += 1;
    }
    assert_eq!(server.polls.len(), 1_000);
    assert!(takes <= 50, "{takes} wake-ups in a second");
}

#[test]
fn nothing_is_due_that_was_not_opened() {
    let mut server = Server::new(10, &every(1_000));
    server.clocks.pass(seconds(1));
    assert_eq!(server.take(), 0);
    assert_eq!(server.agenda.next_due(), None);
    server.agenda.open(server.clocks.now);
    assert_eq!(server.take(), 10);
}

#[test]
fn a_short_interval_is_whole_between_two_openings() {
    let mut server = Server::new(3, &every(100));
    server.run(seconds(10));
    assert_eq!(server.polls.len(), 300);
    assert_eq!(server.agenda.missed(), 0);
}

#[test]
fn a_removed_host_is_silent_and_the_others_go_on() {
    let mut server = Server::new(2, &every(1_000));
    server.run(seconds(5));
    server.agenda.open(server.clocks.now);
    server.agenda.remove(HostId(0));
    server.agenda.remove(HostId(77));
    let before = server.polls.len();
    server.run(seconds(5));
    let later: Vec<i64> = server.polls[before..].iter().map(|(_, due)| due.host.0).collect();
    assert_eq!(later, [1; 5]);
    let wall = server.clocks.now.wall;
    assert_eq!(server.agenda.next_slot(HostId(0), wall), None);
    let next = server.agenda.next_slot(HostId(1), wall);
    assert!(next > Some(wall));
    // Those that it is left alone for are passed over, up to the one at the very end.
    let fourth = next.unwrap().plus(seconds(3));
    for from in [fourth.minus(Duration::from_millis(999)), fourth] {
        assert_eq!(server.agenda.next_slot(HostId(1), from), Some(fourth));
    }
}

#[test]
fn a_stall_of_many_intervals_is_skipped_and_counted_not_caught_up() {
    let mut server = Server::new(1_000, &every(10_000));
    server.run(seconds(20));
    let before = server.polls.len();
    server.clocks.pass(seconds(95));
    let resumed = server.clocks.now.mono;
    server.agenda.open(server.clocks.now);
    let at_once = server.take();
    // Only hosts whose newest slot is not older than MAX_LATE: a fifth, not all.
    assert!((100..=300).contains(&at_once), "{at_once} polls at once");
    server.run(seconds(20));
    for host in 0..1_000 {
        assert!(server.longest_wait(host, resumed) <= seconds(10) + BATCH);
    }
    // Every slot since then was either handed out or counted.
    let stalled = WallMs(server.clocks.now.wall.0 - 115_000);
    let slots: i64 = (0..1_000)
        .map(|host| {
            let phase = millis(every(10_000).phase(&name(&format!("host-{host}"))));
            let number = |at: WallMs| (at.0 - phase).div_euclid(10_000);
            number(server.clocks.now.wall) - number(stalled)
        })
        .sum();
    let after = server.polls.len() - before;
    assert_eq!(after as u64 + server.agenda.missed(), slots.unsigned_abs());
    server.assert_no_slot_twice();
}

#[test]
fn a_short_stall_loses_nothing() {
    let mut server = Server::new(100, &every(10_000));
    server.run(seconds(20));
    server.clocks.pass(Duration::from_millis(1_900));
    server.run(seconds(30));
    assert_eq!(server.agenda.missed(), 0);
}

#[test]
fn a_server_that_is_always_late_still_polls_every_host() {
    let mut server = Server::new(100, &every(10_000));
    for _ in 0..20 {
        server.agenda.open(server.clocks.now);
        server.take();
        server.clocks.pass(seconds(10)); // always at the same place in the grid
    }
    let polled: HashSet<HostId> = server.polls.iter().map(|(_, due)| due.host).collect();
    assert_eq!(polled.len(), 100);
}

#[test]
fn a_stalled_cron_schedule_goes_on() {
    let mut server = Server::new(10, &cron("* * * * * *", "Europe/Berlin"));
    server.run(seconds(3));
    server.clocks.pass(seconds(3_600));
    assert_eq!(server.take(), 10);
    for (at, due) in &server.polls[server.polls.len() - 10..] {
        assert_eq!(at.mono.since(due.due), at.wall.since(due.slot), "lateness is that of the slot");
    }
    let resumed = server.clocks.now.mono;
    server.run(seconds(10));
    for host in 0..10 {
        assert!(server.longest_wait(host, resumed) <= seconds(1) + BATCH);
    }
    assert!(server.agenda.missed() > 0);
    server.assert_no_slot_twice();
}

#[test]
fn a_forward_step_skips_without_a_burst_or_a_pause() {
    for schedule in [every(10_000), cron("*/10 * * * * *", "America/New_York")] {
        let mut server = Server::new(200, &schedule);
        server.run(seconds(25));
        server.clocks.step(3_600_000);
        let stepped = server.clocks.now.mono;
        assert_eq!(server.take(), 0, "no burst");
        server.run(seconds(30));
        for host in 0..200 {
            assert!(server.longest_wait(host, stepped) <= seconds(10) + BATCH);
        }
        assert_eq!(server.agenda.clock_steps(), (1, 0));
        assert_eq!(server.agenda.missed(), 0);
        server.assert_no_slot_twice();
    }
}

#[test]
fn a_backward_step_goes_on_at_once_and_repeats_no_slot() {
    for schedule in [every(10_000), every(100), cron("*/10 * * * * *", "America/New_York")] {
        let mut server = Server::new(20, &schedule);
        server.run(seconds(60));
        server.clocks.step(-50_000);
        let stepped = server.clocks.now.mono;
        server.run(seconds(40));
        server.clocks.step(-30_000); // and again within the repeated time
        server.run(seconds(120)); // and out of it
        for host in 0..20 {
            // At most the rest of one grid's interval and one of the next grid's.
            assert!(server.longest_wait(host, stepped) <= 2 * schedule.shortest_gap() + BATCH);
        }
        assert_eq!(server.agenda.clock_steps(), (0, 2));
        server.assert_no_slot_twice();
    }
}

#[test]
fn an_hour_back_moves_every_phase_by_one_millisecond() {
    let mut server = Server::new(5, &every(10_000));
    server.run(seconds(20));
    let before = server.polls.len();
    server.clocks.step(-3_600_000);
    server.run(seconds(10));
    for (_, due) in &server.polls[before..] {
        let phase = every(10_000).phase(&name(&format!("host-{}", due.host.0)));
        assert_eq!(due.slot.0.rem_euclid(10_000), (millis(phase) + 1) % 10_000);
    }
    assert_eq!(server.polls.len() - before, 5);
}

#[test]
fn the_first_grid_is_taken_again_once_its_times_are_over() {
    let mut server = Server::new(5, &every(1_000));
    server.run(seconds(10));
    server.clocks.step(-5_000);
    server.run(seconds(20)); // past all that was used under the first grid
    server.clocks.step(-2_000);
    server.run(seconds(10));
    server.assert_no_slot_twice();
    let last = server.polls.last().unwrap().1;
    let phase = every(1_000).phase(&name(&format!("host-{}", last.host.0)));
    assert_eq!(last.slot.0.rem_euclid(1_000), millis(phase));
}

#[test]
fn steps_beyond_all_shifts_pause_rather_than_repeat() {
    let mut server = Server::new(2, &every(100));
    server.run(seconds(130 * 2));
    for _ in 0..130 {
        server.run(seconds(2));
        server.clocks.step(-4_000); // ever deeper into used time
    }
    server.run(seconds(300));
    assert_eq!(server.agenda.clock_steps(), (0, 130));
    server.assert_no_slot_twice();
    let end = server.clocks.now.mono;
    assert!(server.polls.last().unwrap().0.mono.plus(seconds(1)) > end, "polling goes on");
}

#[test]
fn slews_only_move_what_is_not_open() {
    let mut server = Server::new(50, &every(1_000));
    for round in 0..30 {
        server.run(seconds(2));
        server.clocks.step(if round % 3 == 0 { 900 } else { -900 });
    }
    assert_eq!(server.agenda.clock_steps(), (0, 0));
    server.assert_no_slot_twice();
    // Taken out and put in again right after a backward slew: the old slot is not given again.
    server.run(seconds(2));
    server.clocks.step(-900);
    for host in 0..50 {
        server.add(host, &every(1_000));
    }
    server.run(seconds(5));
    server.assert_no_slot_twice();
}

#[test]
fn a_restart_within_a_repeated_hour_uses_new_keys() {
    let mut first = Server::new(10, &every(10_000));
    first.run(seconds(3_600));
    first.clocks.step(-3_600_000);
    first.run(seconds(600));
    first.clocks.step(-300_000); // the second grid, too, has used times that come again
    first.run(seconds(60));
    let latest = first.polls.iter().map(|(_, due)| due.slot).max().unwrap();
    let mut polls = first.polls;
    for _ in 0..2 {
        let mut next = Server::new(0, &every(10_000));
        next.clocks = Clocks { now: first.clocks.now };
        next.agenda = Agenda::resume_after(latest, next.clocks.now);
        for host in 0..10 {
            next.add(host, &every(10_000));
        }
        next.run(seconds(600));
        assert_eq!(next.polls.len(), 10 * 60, "polling goes on at once");
        polls.append(&mut next.polls);
        first.clocks = next.clocks;
    }
    let keys: HashSet<(HostId, WallMs)> =
        polls.iter().map(|(_, due)| (due.host, due.slot)).collect();
    assert_eq!(keys.len(), polls.len());
}

#[test]
fn an_ordinary_restart_keeps_the_grid() {
    let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
    let latest = WallMs(clocks.now.wall.0 - 4_000);
    let mut server = Server::new(0, &every(10_000));
    server.agenda = Agenda::resume_after(latest, clocks.now);
    server.add(0, &every(10_000));
    let phase = every(10_000).phase(&name("host-0"));
    let slot = server.agenda.next_slot(HostId(0), clocks.now.wall);
    assert_eq!(slot, every(10_000).next_slot(phase, clocks.now.wall));
}

#[test]
fn a_step_back_right_after_a_restart_repeats_no_slot_of_before() {
    let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
    let latest = WallMs(clocks.now.wall.0 - 1);
    let mut server = Server::new(0, &every(1_000));
    server.agenda = Agenda::resume_after(latest, clocks.now);
    for host in 0..20 {
        server.add(host, &every(1_000));
    }
    server.clocks.step(-30_000);
    server.run(seconds(40));
    let used_before = |due: &Due| {
        let phase = millis(every(1_000).phase(&name(&format!("host-{}", due.host.0))));
        due.slot <= latest && due.slot.0.rem_euclid(1_000) == phase
    };
    assert!(!server.polls.iter().any(|(_, due)| used_before(due)));
    assert!(server.polls.len() >= 20 * 38, "{} polls", server.polls.len());
}

#[test]
fn nothing_is_left_of_a_schedule_that_was_replaced() {
    let mut server = Server::new(20, &every(100));
    server.run(seconds(1));
    server.agenda.open(server.clocks.now);
    for host in 0..20 {
        server.add(host, &every(60_000));
    }
    let before = server.polls.len();
    server.run(seconds(60));
    for (at, due) in &server.polls[before..] {
        assert!(due.slot <= at.wall, "early");
    }
    assert_eq!(server.polls.len() - before, 20, "each once a minute");
}

#[derive(Debug, Clone)]
enum Event {
    Run(u64),
    Stall(u64),
    Step(i64),
    Add(i64),
    Remove(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (20_u64..4_000).prop_map(Event::Run),
        1 => (0_u64..30_000).prop_map(Event::Stall),
        2 => (-20_000_i64..20_000).prop_map(Event::Step),
        1 => (0_i64..6).prop_map(Event::Add),
        1 => (0_i64..6).prop_map(Event::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_slot_comes_twice_and_none_early(
        events in prop::collection::vec(event(), 1..60),
        intervals in prop::collection::vec(100_u64..5_000, 6),
    ) {
        let mut server = Server::new(0, &every(1_000));
        for (host, interval) in (0..).zip(&intervals) {
            server.add(host, &every(*interval));
        }
        for event in events {
            match event {
                Event::Run(ms) => server.run(Duration::from_millis(ms)),
                Event::Stall(ms) => server.clocks.pass(Duration::from_millis(ms)),
                Event::Step(ms) => server.clocks.step(ms),
                // The same interval for good: another grid is another set of keys.
                Event::Add(host) => {
                    server.add(host, &every(intervals[usize::try_from(host).unwrap()]));
                }
                Event::Remove(host) => server.agenda.remove(HostId(host)),
            }
        }
        server.assert_no_slot_twice();
        for (at, due) in &server.polls {
            prop_assert!(due.due <= at.mono);
        }
    }

    #[test]
    fn without_stalls_no_host_waits_longer_than_its_interval(
        intervals in prop::collection::vec(100_u64..5_000, 1..8), length in 5_000_u64..20_000,
    ) {
        let mut server = Server::new(0, &every(1_000));
        for (host, interval) in (0..).zip(&intervals) {
            server.add(host, &every(*interval));
        }
        let start = server.clocks.now.mono;
        server.run(Duration::from_millis(length));
        for (host, interval) in (0..).zip(&intervals) {
            let most = Duration::from_millis(*interval) + BATCH;
            prop_assert!(server.longest_wait(host, start) <= most);
            let mut slots: Vec<i64> = server.polls.iter()
                .filter(|(_, due)| due.host.0 == host).map(|(_, due)| due.slot.0).collect();
            prop_assert!(slots.windows(2).all(|pair| pair[1] - pair[0] == interval.cast_signed()));
            slots.dedup();
            let phase = millis(every(*interval).phase(&name(&format!("host-{host}"))));
            prop_assert!(slots.iter().all(|slot| slot.rem_euclid(interval.cast_signed()) == phase));
        }
        prop_assert_eq!(server.agenda.missed(), 0);
    }
}
