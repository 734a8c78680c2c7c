//! What holds whatever happens.

use super::*;

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
                Event::Remove(host) => server.poll_queue.remove(HostId(host)),
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
            let phase = phase_ms(&every(*interval), HostId(host));
            prop_assert!(slots.iter().all(|slot| slot.rem_euclid(interval.cast_signed()) == phase));
        }
        prop_assert_eq!(server.poll_queue.missed(), 0);
    }
}
