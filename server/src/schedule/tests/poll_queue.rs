//! A server's poll queue over hours, its clocks moved by hand.

mod claims;
mod grid;
mod properties;
mod restarts;
mod stalls;
mod steps;

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

fn host_name(host: i64) -> HostName {
    name(&format!("host-{host}"))
}

/// Where in its grid a host is polled, in milliseconds.
fn phase_ms(schedule: &Schedule, host: HostId) -> i64 {
    millis(schedule.phase(&host_name(host.0), 0))
}

/// What a server does: opens every second, takes what is due on every batch.
struct Server {
    clocks: Clocks,
    poll_queue: PollQueue,
    ticks: u64,
    polls: Vec<(Now, Due)>,
}

impl Server {
    fn new(hosts: i64, schedule: &Schedule) -> Self {
        let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
        let mut server = Self { poll_queue: PollQueue::new(), clocks, ticks: 0, polls: Vec::new() };
        for host in 0..hosts {
            server.add(host, schedule);
        }
        server
    }

    fn add(&mut self, host: i64, schedule: &Schedule) {
        self.poll_queue.add(HostId(host), &host_name(host), schedule, self.clocks.now);
    }

    fn run(&mut self, length: Duration) {
        for _ in 0..length.as_millis() / BATCH.as_millis() {
            if self.ticks.is_multiple_of(50) {
                self.poll_queue.open(self.clocks.now);
            }
            self.ticks += 1;
            self.take();
            self.clocks.pass(BATCH);
        }
        self.take();
    }

    fn take(&mut self) -> usize {
        let due = self.poll_queue.due(self.clocks.now);
        let hosts: HashSet<HostId> = due.iter().map(|due| due.host).collect();
        assert_eq!(hosts.len(), due.len(), "one host twice in one take");
        self.polls.extend(due.iter().map(|due| (self.clocks.now, *due)));
        due.len()
    }

    /// Steps of the clock since they were asked for last: forward, backward.
    fn steps(&mut self) -> (usize, usize) {
        let steps = self.poll_queue.take_steps();
        let forward = steps.iter().filter(|step| step.by_ms > 0).count();
        (forward, steps.len() - forward)
    }

    fn assert_no_slot_twice(&self) {
        assert_no_slot_twice(&self.polls);
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

fn assert_no_slot_twice(polls: &[(Now, Due)]) {
    let keys: HashSet<(HostId, WallMs)> =
        polls.iter().map(|(_, due)| (due.host, due.slot)).collect();
    assert_eq!(keys.len(), polls.len(), "a slot was handed out twice");
}
