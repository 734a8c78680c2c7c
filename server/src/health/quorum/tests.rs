//! When the server considers itself cut off, when not, and when that is over.

use proptest::prelude::*;

use super::*;

const INTERVAL: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Mono {
    Mono(Duration::from_secs(seconds))
}

/// A fleet of so many groups of so many hosts, and its clock.
struct Fleet {
    quorum: Quorum,
    groups: Vec<GroupName>,
    hosts: i64,
    now: u64,
}

impl Fleet {
    fn new(groups: usize, hosts: i64) -> Self {
        let group = |n: usize| GroupName::new(&format!("group-{n}")).unwrap();
        let groups = (0..groups).map(group).collect();
        Self { quorum: Quorum::default(), groups, hosts, now: 0 }
    }

    fn all(&self) -> i64 {
        self.hosts * i64::try_from(self.groups.len()).unwrap()
    }

    fn record(&mut self, host: i64, heard: bool, interval: Duration) -> Option<Evidence> {
        let group = self.groups.get(usize::try_from(host / self.hosts).unwrap());
        let host = HostId(host);
        self.quorum.record(QuorumSample { host, group, heard, interval }, at(self.now))
    }

    /// One interval, in which every host is polled once, spread over it.
    fn round(&mut self, answers: impl Fn(i64) -> bool) -> Vec<Evidence> {
        let mut found = Vec::new();
        let per_second = (self.all() + 9) / 10;
        for host in 0..self.all() {
            if host % per_second == 0 {
                self.now += 1;
                self.quorum.is_over(at(self.now));
            }
            found.extend(self.record(host, answers(host), INTERVAL));
        }
        found
    }
}

#[test]
fn a_cut_is_found_once_within_one_interval_and_over_after_one_that_answers() {
    let mut fleet = Fleet::new(4, 25);
    for _ in 0..3 {
        assert!(fleet.round(|_| true).is_empty());
    }
    let found = fleet.round(|_| false);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(fleet.quorum.is_isolated());
    assert!(fleet.round(|_| false).is_empty(), "said once");
    fleet.round(|_| true);
    assert!(fleet.quorum.is_isolated(), "most must answer for a whole interval");
    fleet.round(|_| true);
    assert!(!fleet.quorum.is_isolated());
    assert_eq!(fleet.round(|_| false).len(), 1, "a second cut is told again");
}

#[test]
fn an_outage_of_a_large_fleet_is_found_in_time_and_costs_few_counts() {
    const HOSTS: u64 = 10_000;
    let mut fleet = Fleet::new(4, 2_500);
    let step = INTERVAL / u32::try_from(HOSTS).unwrap();
    let mut record = |turn: u64, heard| {
        // All groups alike at any moment.
        let host = turn % 4 * 2_500 + turn / 4 % 2_500;
        let host = i64::try_from(host).unwrap();
        let group = fleet.groups.get(usize::try_from(host / 2_500).unwrap());
        let sample = QuorumSample { host: HostId(host), group, heard, interval: INTERVAL };
        let now = Mono(step * u32::try_from(turn).unwrap());
        (fleet.quorum.record(sample, now), fleet.quorum.counts)
    };
    for turn in 0..2 * HOSTS {
        record(turn, true);
    }
    let found_at = (1..=HOSTS).find_map(|failed| {
        let (found, counts) = record(2 * HOSTS + failed, false);
        found.map(|_| (failed, counts))
    });
    let (failed, counts) = found_at.expect("an outage of all");
    assert!(failed > HOSTS / 2, "{failed}: not most yet");
    let late = HOSTS / u64::from(COUNTS_PER_WINDOW) + 1;
    assert!(failed <= HOSTS / 2 + late, "{failed} failed before it was found");
    assert!(counts <= COUNTS_PER_WINDOW, "{counts}");
}

#[test]
fn a_group_that_fails_alone_is_its_own_fault() {
    let mut fleet = Fleet::new(4, 25);
    fleet.round(|_| true);
    for _ in 0..3 {
        assert!(fleet.round(|host| host >= 25).is_empty());
    }
    // Even one that is most of the fleet: most of the second are down already.
    let mut fleet = Fleet::new(2, 25);
    fleet.round(|_| true);
    (35..50).for_each(|host| fleet.quorum.remove(HostId(host)));
    fleet.now += 1;
    for host in 0..25 {
        assert_eq!(fleet.record(host, false, INTERVAL), None);
    }
    // Counted again once all of them have failed.
    fleet.now += 1;
    assert_eq!(fleet.record(0, false, INTERVAL), None, "25 of 35, of one group");
}

#[test]
fn four_hosts_of_two_groups_are_the_fewest_that_convict() {
    let mut fleet = Fleet::new(2, 3);
    fleet.round(|_| true);
    fleet.round(|_| true);
    fleet.now += 1;
    let found = [0, 1, 3].map(|host| fleet.record(host, false, INTERVAL));
    assert_eq!(found, [None, None, None]);
    fleet.now += 1;
    let evidence = fleet.record(4, false, INTERVAL).unwrap();
    assert_eq!((evidence.silent, evidence.polled), (4, 6));
}

#[test]
fn failures_that_are_not_fresh_do_not_make_up_the_number() {
    let mut fleet = Fleet::new(2, 2);
    let second = Duration::from_secs(1);
    fleet.round(|_| true);
    // One of four is polled by the hour and failed long ago.
    fleet.record(0, false, Duration::from_secs(3_600));
    fleet.now += 100;
    for host in 1..4 {
        assert_eq!(fleet.record(host, false, second), None, "host {host}");
    }
}

#[test]
fn a_cut_is_not_over_while_nobody_is_heard_or_some_relapse() {
    let cut = || {
        let mut fleet = Fleet::new(2, 10);
        fleet.round(|_| true);
        assert_eq!(fleet.round(|_| false).len(), 1);
        fleet
    };
    let mut silent = cut();
    for _ in 0..100 {
        silent.now += 1;
        assert!(!silent.quorum.is_over(at(silent.now)), "nobody was heard");
    }
    // Most answer for most of a window, then fail again: it begins again.
    let mut relapse = cut();
    let mut all_say = |heard: bool| {
        relapse.now += 9;
        for host in 0..20 {
            relapse.record(host, heard, INTERVAL);
        }
        relapse.quorum.is_over(at(relapse.now))
    };
    let told = [true, false, true, true, true].map(&mut all_say);
    assert_eq!(told, [false, false, false, false, true]);
}

#[test]
fn windows_that_were_counted_are_forgotten() {
    let mut fleet = Fleet::new(2, 200);
    fleet.now = 1;
    for host in 0..400 {
        fleet.record(host, host >= 10, INTERVAL);
    }
    // Each failing host has an interval of its own.
    for turn in 1..200 {
        fleet.now += 10;
        fleet.record(turn % 10, false, INTERVAL + Duration::from_millis(turn.unsigned_abs()));
    }
    assert!(fleet.quorum.counts > 100, "{} counts", fleet.quorum.counts);
    assert_eq!(fleet.quorum.counted.len(), 1);
}

#[test]
fn a_fleet_of_one_group_needs_more_hosts() {
    for (hosts, isolated) in [(9, false), (10, true)] {
        let mut fleet = Fleet::new(1, hosts);
        fleet.round(|_| true);
        fleet.round(|_| false);
        fleet.round(|_| false);
        assert_eq!(fleet.quorum.is_isolated(), isolated, "{hosts} hosts");
    }
}

#[test]
fn a_few_hosts_do_die_together() {
    let mut fleet = Fleet::new(3, 1);
    for _ in 0..5 {
        assert!(fleet.round(|_| false).is_empty());
    }
}

#[test]
fn a_start_without_a_network_is_found_before_any_host_can_be_down() {
    let mut fleet = Fleet::new(2, 10);
    assert!(fleet.round(|_| false).is_empty(), "the window is not full yet");
    for host in 0..2 {
        fleet.now += 1;
        fleet.record(host, false, INTERVAL);
    }
    assert!(fleet.quorum.is_isolated(), "not found at the second poll of the first hosts");
}

#[test]
fn those_that_are_down_already_say_nothing() {
    let mut fleet = Fleet::new(2, 10);
    fleet.round(|_| true);
    // Ten die in the first group and are taken for down: they count no more.
    fleet.round(|host| host >= 10);
    (0..10).for_each(|host| fleet.quorum.remove(HostId(host)));
    for host in 10..14 {
        assert_eq!(fleet.record(host, false, INTERVAL), None, "4 of 10");
    }
}

#[test]
fn answers_from_before_the_cut_do_not_speak_for_the_present() {
    // Twenty hosts are polled every second, a thousand every hour; all was well.
    let mut fleet = Fleet::new(2, 510);
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
    let fast = |n: i64| if n % 2 == 0 { n } else { 510 + n };
    fleet.now = 1;
    for host in 0..1_020 {
        fleet.record(host, true, hour);
    }
    fleet.now = 10;
    let found: Vec<Evidence> =
        (0..20).filter_map(|n| fleet.record(fast(n), false, second)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].window, second);
}

#[test]
fn an_empty_fleet_is_not_cut_off() {
    let mut fleet = Fleet::new(2, 10);
    fleet.round(|_| true);
    fleet.round(|_| false);
    assert!(fleet.quorum.is_isolated());
    (0..20).for_each(|host| fleet.quorum.remove(HostId(host)));
    assert!(fleet.quorum.is_over(at(fleet.now)));
}

proptest! {
    /// However polls fall, who answers by half is never taken for silent.
    #[test]
    fn half_of_the_answers_are_enough(
        polls in prop::collection::vec((0..60_i64, any::<bool>()), 1..400),
    ) {
        let mut fleet = Fleet::new(3, 20);
        for (host, heard) in polls {
            fleet.now += 1;
            let found = fleet.record(host, heard, INTERVAL);
            if let Some(found) = found {
                prop_assert!(found.silent * 2 > found.polled);
                prop_assert!(found.silent >= ISOLATED_HOSTS);
                prop_assert!(!heard, "an answer made it isolated");
            }
            let silent = fleet.quorum.samples.values().filter(|seen| !seen.heard).count();
            prop_assert_eq!(fleet.quorum.silent, silent);
            fleet.quorum.is_over(at(fleet.now));
        }
    }
}
