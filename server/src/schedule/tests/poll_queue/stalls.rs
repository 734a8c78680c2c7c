//! The server was held up: what is too late is skipped and counted, the rest goes on.

use super::*;

#[test]
fn a_stall_of_many_intervals_is_skipped_and_counted_not_caught_up() {
    let mut server = Server::new(1_000, &every(10_000));
    server.run(seconds(20));
    let before = server.polls.len();
    server.clocks.pass(seconds(95));
    let resumed = server.clocks.now.mono;
    server.poll_queue.open(server.clocks.now);
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
            let phase = phase_ms(&every(10_000), HostId(host));
            let number = |at: WallMs| (at.0 - phase).div_euclid(10_000);
            number(server.clocks.now.wall) - number(stalled)
        })
        .sum();
    let after = server.polls.len() - before;
    assert_eq!(after as u64 + server.poll_queue.missed(), slots.unsigned_abs());
    server.assert_no_slot_twice();
}

#[test]
fn a_short_stall_loses_nothing() {
    let mut server = Server::new(100, &every(10_000));
    server.run(seconds(20));
    server.clocks.pass(Duration::from_millis(1_900));
    server.run(seconds(30));
    assert_eq!(server.poll_queue.missed(), 0);
}

#[test]
fn a_server_that_is_always_late_still_polls_every_host() {
    let mut server = Server::new(100, &every(10_000));
    for _ in 0..20 {
        server.poll_queue.open(server.clocks.now);
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
    assert!(server.poll_queue.missed() > 0);
    server.assert_no_slot_twice();
}
