use proptest::prelude::*;
use prost::Message as _;

use super::*;

/// 2026-03-29T12:00:00Z, nanoseconds.
const NOON: i64 = 1_774_785_600 * NS_PER_S;

fn decoded(frame: &Bytes) -> v1::Snapshot {
    let length = u32::from_be_bytes(frame[1..GRPC_HEAD_BYTES].try_into().unwrap());
    assert_eq!(frame[0], 0, "not compressed");
    assert_eq!(usize::try_from(length).unwrap(), frame.len() - GRPC_HEAD_BYTES);
    v1::Snapshot::decode(&frame[GRPC_HEAD_BYTES..]).unwrap()
}

fn at(machine: &mut Machine, wall_ns: i64) -> v1::Snapshot {
    decoded(&machine.answer(wall_ns, 0, Who::Itself))
}

/// Every counter of an answer, in one order.
fn counters(s: &v1::Snapshot) -> Vec<u64> {
    let (cpu, net, disk) =
        (s.cpu.as_ref().unwrap(), s.network.as_ref().unwrap(), s.disk.as_ref().unwrap());
    let (cores, soft) = (cpu.cores.as_ref().unwrap(), s.softirq.as_ref().unwrap());
    let (system, vm) = (s.system.as_ref().unwrap(), s.vmstat.as_ref().unwrap());
    let total = cpu.total.as_ref().unwrap();
    let mut all = vec![s.clocks.unwrap().boottime_ns];
    for column in [
        &cores.user,
        &cores.system,
        &cores.idle,
        &cores.iowait,
        &soft.timer,
        &soft.net_rx,
        &soft.sched,
        &net.rx_bytes,
        &net.tx_packets,
        &disk.reads,
        &disk.written_sectors,
        &disk.io_ms,
        &disk.weighted_io_ms,
    ] {
        all.extend(column);
    }
    let single = [
        total.user,
        total.idle,
        system.context_switches,
        system.interrupts,
        system.forks,
        vm.page_faults,
        s.sockets.as_ref().unwrap().tcp_in_segments,
    ];
    all.extend(single.iter().map(|value| value.unwrap()));
    all
}

#[test]
fn the_same_seed_is_the_same_machine_and_another_is_another() {
    let answer = |seed, number| Machine::new(seed, number).answer(NOON, 0, Who::Itself);
    assert_eq!(answer(7, 3), answer(7, 3));
    let ids: std::collections::HashSet<_> = (1..=1_000)
        .map(|number| decoded(&answer(7, number)).identity.unwrap().machine_id.unwrap())
        .collect();
    assert_eq!(ids.len(), 1_000);
    assert_ne!(answer(7, 3), answer(8, 3));
}

/// Two stay; the third is another one of the same name each time.
#[test]
fn a_container_comes_and_goes() {
    let mut machine = Machine::new(1, 6);
    let mut jobs = std::collections::BTreeSet::new();
    let (mut with, mut without) = (0, 0);
    for minute in 0..60 {
        let all = at(&mut machine, NOON + minute * 60 * NS_PER_S).containers.unwrap();
        let names: Vec<_> = all.top.iter().map(|one| one.name.as_deref().unwrap()).collect();
        assert_eq!((&names[..2], all.total as usize), (&["api", "cache"][..], names.len()));
        match all.top.get(2) {
            Some(job) => {
                assert_eq!((names[2], job.container_id.len()), ("report", 64));
                jobs.insert(job.id);
                with += 1;
            }
            None => without += 1,
        }
    }
    assert!((6..=7).contains(&jobs.len()) && with > 20 && without > 30, "{jobs:?}");
    assert_eq!(at(&mut Machine::new(1, 1), NOON).containers, Some(v1::Containers::default()));
}

#[test]
fn an_answer_is_whole_and_within_the_contract() {
    for number in 1..=40 {
        let mut machine = Machine::new(1, number);
        let answer = at(&mut machine, NOON);
        let identity = answer.identity.unwrap();
        let cores = usize::try_from(identity.cpus.unwrap()).unwrap();
        assert!((2..=64).contains(&cores));
        assert_eq!(identity.machine_id.unwrap().len(), 32);
        assert_eq!(identity.hostname.unwrap(), machine.name());
        let table = answer.cpu.unwrap().cores.unwrap();
        assert_eq!((table.core.len(), table.idle.len(), table.user.len()), (cores, cores, cores));
        assert_eq!(answer.reports.len(), 12);
        let fs = answer.filesystem.unwrap();
        for row in 0..fs.blocks.len() {
            assert!(fs.blocks_free[row] > 0 && fs.blocks_free[row] < fs.blocks[row]);
        }
        let memory = answer.memory.unwrap();
        assert!(memory.available_kib.unwrap() < memory.total_kib.unwrap());
    }
}

#[test]
fn another_machine_differs_in_its_id_alone() {
    let mut machine = Machine::new(1, 5);
    let own = at(&mut machine, NOON);
    let mut other = decoded(&machine.answer(NOON, 0, Who::Another));
    let (own_id, other_id) =
        (own.identity.clone().unwrap().machine_id, other.identity.clone().unwrap().machine_id);
    assert_ne!(own_id, other_id);
    other.identity.as_mut().unwrap().machine_id = own_id;
    assert_eq!(other, own);
}

#[test]
fn markup_is_in_every_name_and_the_values_are_as_they_were() {
    let mut machine = Machine::new(1, 5);
    let own = at(&mut machine, NOON);
    let marked = decoded(&marked_up(&machine.answer(NOON, 0, Who::Itself)));
    assert_eq!(counters(&marked), counters(&own));
    let filesystem = marked.filesystem.unwrap();
    let identity = marked.identity.unwrap();
    let names = [
        marked.network.unwrap().interface,
        marked.disk.unwrap().device,
        filesystem.mount_point,
        filesystem.device,
        vec![identity.hostname.unwrap(), identity.os.unwrap()],
        vec![marked.reports.last().unwrap().error.clone()],
    ];
    for name in names.iter().flatten() {
        assert!(name.ends_with(MARKUP), "{name}");
    }
}

#[test]
fn a_clock_ahead_moves_the_wall_clock_alone() {
    let mut machine = Machine::new(1, 5);
    let own = at(&mut machine, NOON);
    let ahead = decoded(&machine.answer(NOON, 90 * NS_PER_S, Who::Itself));
    assert_eq!(ahead.clocks.unwrap().wall_ns, NOON + 90 * NS_PER_S);
    assert_eq!(counters(&ahead), counters(&own));
}

#[test]
fn a_huge_answer_is_a_valid_message() {
    let frame = huge();
    assert_eq!(decoded(&frame).identity.unwrap().hostname.unwrap().len(), HUGE_BYTES);
}

proptest! {
    #[test]
    fn counters_never_fall_within_a_boot(
        seed: u64, number in 1_u32..1_000, into_week in 0_i64..500_000, later_ms in 1_i64..100_000,
    ) {
        let mut machine = Machine::new(seed, number);
        let start = NOON.div_euclid(WEEK_S * NS_PER_S) * WEEK_S * NS_PER_S + into_week * NS_PER_S;
        let before = at(&mut machine, start);
        let after = at(&mut machine, start + later_ms * 1_000_000);
        prop_assert_eq!(
            before.identity.as_ref().unwrap().boot_id.clone(),
            after.identity.as_ref().unwrap().boot_id.clone()
        );
        for (at, (before, after)) in counters(&before).into_iter().zip(counters(&after)).enumerate() {
            prop_assert!(before <= after, "counter {} fell from {} to {}", at, before, after);
        }
        prop_assert!(counters(&after) != counters(&before), "nothing moved");
    }
}
