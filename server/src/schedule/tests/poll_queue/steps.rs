//! The wall clock is stepped: polling goes on at once, and no slot comes twice.

use super::*;

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
        assert_eq!(server.steps(), (1, 0));
        assert_eq!(server.poll_queue.missed(), 0);
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
        assert_eq!(server.steps(), (0, 2));
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
        let phase = phase_ms(&every(10_000), due.host);
        assert_eq!(due.slot.0.rem_euclid(10_000), (phase + 1) % 10_000);
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
    assert_eq!(last.slot.0.rem_euclid(1_000), phase_ms(&every(1_000), last.host));
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
    assert_eq!(server.steps(), (0, 130));
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
    assert_eq!(server.steps(), (0, 0));
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
