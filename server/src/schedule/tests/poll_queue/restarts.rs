//! The server starts again: the same grid, and no slot of before.

use super::*;

#[test]
fn the_grid_is_the_same_after_a_restart_or_a_reload() {
    let mut first = Server::new(20, &every(10_000));
    first.run(seconds(30));
    let mut second = Server::new(20, &every(10_000));
    second.clocks.pass(Duration::from_millis(3_210));
    for host in 0..20 {
        second.add(host, &every(10_000)); // again: takes the place of the first
    }
    assert_eq!(second.poll_queue.len(), 20);
    second.run(seconds(30));
    let grid = |server: &Server| -> HashSet<(i64, i64)> {
        server.polls.iter().map(|(_, due)| (due.host.0, due.slot.0 % 10_000)).collect()
    };
    assert_eq!(grid(&first), grid(&second));
    assert_eq!(grid(&first).len(), 20);
}

#[test]
fn an_ordinary_restart_keeps_the_grid() {
    let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
    let latest = WallMs(clocks.now.wall.0 - 4_000);
    let mut server = Server::new(0, &every(10_000));
    server.poll_queue = PollQueue::resume(Grids::default(), latest, clocks.now);
    server.add(0, &every(10_000));
    let phase = every(10_000).phase(&host_name(0), 0);
    let slot = server.poll_queue.next_slot(HostId(0), clocks.now.wall);
    assert_eq!(slot, every(10_000).next_slot(phase, clocks.now.wall));
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
        next.poll_queue = PollQueue::resume(Grids::default(), latest, next.clocks.now);
        for host in 0..10 {
            next.add(host, &every(10_000));
        }
        next.run(seconds(600));
        assert_eq!(next.polls.len(), 10 * 60, "polling goes on at once");
        polls.append(&mut next.polls);
        first.clocks = next.clocks;
    }
    assert_no_slot_twice(&polls);
}

#[test]
fn a_step_back_right_after_a_restart_repeats_no_slot_of_before() {
    let clocks = Clocks::at("2026-10-25T00:30:00.500Z");
    let latest = WallMs(clocks.now.wall.0 - 1);
    let mut server = Server::new(0, &every(1_000));
    server.poll_queue = PollQueue::resume(Grids::default(), latest, clocks.now);
    for host in 0..20 {
        server.add(host, &every(1_000));
    }
    server.clocks.step(-30_000);
    server.run(seconds(40));
    let used_before = |due: &Due| {
        due.slot <= latest && due.slot.0.rem_euclid(1_000) == phase_ms(&every(1_000), due.host)
    };
    assert!(!server.polls.iter().any(|(_, due)| used_before(due)));
    assert!(server.polls.len() >= 20 * 38, "{} polls", server.polls.len());
}
