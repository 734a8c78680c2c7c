//! Every host has its slots: once per interval, never early, and no longer than it is there.

use super::*;

#[test]
fn every_host_is_polled_once_per_interval_and_never_early() {
    let mut server = Server::new(500, &every(10_000));
    server.run(seconds(60));
    assert_eq!(server.polls.len(), 500 * 6);
    assert_eq!(server.poll_queue.missed(), 0);
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
fn a_short_interval_is_whole_between_two_openings() {
    let mut server = Server::new(3, &every(100));
    server.run(seconds(10));
    assert_eq!(server.polls.len(), 300);
    assert_eq!(server.poll_queue.missed(), 0);
}

#[test]
fn near_slots_fire_together() {
    let mut server = Server::new(1_000, &every(1_000));
    server.poll_queue.open(server.clocks.now);
    let (mut takes, end) = (0, server.clocks.now.mono.plus(seconds(1)));
    while let Some(next) = server.poll_queue.next_due().filter(|next| *next <= end) {
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
    assert_eq!(server.poll_queue.next_due(), None);
    server.poll_queue.open(server.clocks.now);
    assert_eq!(server.take(), 10);
}

#[test]
fn a_removed_host_is_silent_and_the_others_go_on() {
    let mut server = Server::new(2, &every(1_000));
    server.run(seconds(5));
    server.poll_queue.open(server.clocks.now);
    server.poll_queue.remove(HostId(0));
    server.poll_queue.remove(HostId(77));
    let before = server.polls.len();
    server.run(seconds(5));
    let later: Vec<i64> = server.polls[before..].iter().map(|(_, due)| due.host.0).collect();
    assert_eq!(later, [1; 5]);
    let wall = server.clocks.now.wall;
    assert_eq!(server.poll_queue.next_slot(HostId(0), wall), None);
    let next = server.poll_queue.next_slot(HostId(1), wall);
    assert!(next > Some(wall));
    // Those that it is left alone for are passed over, up to the one at the very end.
    let fourth = next.unwrap().plus(seconds(3));
    for from in [fourth.minus(Duration::from_millis(999)), fourth] {
        assert_eq!(server.poll_queue.next_slot(HostId(1), from), Some(fourth));
    }
}

#[test]
fn nothing_is_left_of_a_schedule_that_was_replaced() {
    let mut server = Server::new(20, &every(100));
    server.run(seconds(1));
    server.poll_queue.open(server.clocks.now);
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
