//! The moving part of an answer: every family of the contract, filled in place from the work done.

use roundsman_proto::v1;

use super::{
    Dice, Role,
    rows::{core_rows, disk_rows, filesystem_rows, network_rows},
    waves::{Now, Work},
};

/// USER_HZ of every machine.
pub(super) const TICKS_PER_S: u32 = 100;
/// The same for arithmetic.
const TICKS: f64 = 100.0;
const BLOCK_BYTES: u64 = 4096;
const GIB_IN_KIB: f64 = 1024.0 * 1024.0;
const DAY_S: f64 = 86_400.0;

/// A quantity as a counter or gauge holds it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts from float saturate, and a saturated counter is one"
)]
pub(super) fn whole(quantity: f64) -> u64 {
    quantity as u64
}

fn small(quantity: f64) -> u32 {
    u32::try_from(whole(quantity)).unwrap_or(u32::MAX)
}

/// One network interface: bytes per second at full work.
#[derive(Debug)]
struct Nic {
    bytes_per_s: f64,
}

/// One disk: operations per second at full work.
#[derive(Debug)]
struct Drive {
    iops: f64,
}

/// How full a disk becomes, of what there is: 84 % as df counts.
const MOST_FULL: f64 = 0.83;

/// One mount: its size, how full it was at boot, and how fast it fills.
#[derive(Debug)]
struct Volume {
    blocks: f64,
    full_at_boot: f64,
    /// Share of its size per day.
    per_day: f64,
}

/// The values of one machine, and the message that they are written into.
#[derive(Debug)]
pub(super) struct Values {
    memory_kib: f64,
    /// How much of the mean a core works; all together are 1 on average.
    cores: Vec<f64>,
    nics: Vec<Nic>,
    drives: Vec<Drive>,
    volumes: Vec<Volume>,
    wire: v1::Snapshot,
}

impl Values {
    pub(super) fn new(dice: &Dice, role: Role, cores: u32) -> Self {
        let shares: Vec<f64> =
            (0..cores).map(|core| 0.6 + 0.8 * dice.fraction_at("core", as_index(core))).collect();
        let names = interfaces(role);
        let nics = (0..names.len())
            .map(|at| Nic {
                // Loopback, the first real one, then idle ones.
                bytes_per_s: [2e6, 250e6].get(at).copied().unwrap_or(0.0),
            })
            .collect();
        let disks = disks(role);
        let drives = (0..disks.len())
            .map(|at| Drive { iops: [800.0, 6_000.0, 200.0].get(at).copied().unwrap_or(50.0) })
            .collect();
        let mounts = mounts(role);
        let volumes = mounts
            .iter()
            .enumerate()
            .map(|(at, (_, gib))| Volume {
                blocks: gib * GIB_IN_KIB / 4.0,
                full_at_boot: 0.15 + 0.5 * dice.fraction_at("full", at),
                // Every other one only fills in weeks.
                per_day: if at % 2 == 0 {
                    0.005
                } else {
                    0.02 + 0.15 * dice.fraction_at("fill", at)
                },
            })
            .collect();
        let wire = template(cores, &names, &disks, &mounts);
        Self {
            memory_kib: f64::from(cores) * 4.0 * GIB_IN_KIB,
            cores: shares,
            nics,
            drives,
            volumes,
            wire,
        }
    }

    /// The message at one moment.
    pub(super) fn at(&mut self, now: &Now, booted_s: i64, clocks: v1::Clocks) -> &v1::Snapshot {
        self.wire.clocks = Some(clocks);
        self.wire.cost = Some(v1::Cost {
            cpu_user_us: whole(now.up_s * 120.0),
            cpu_system_us: whole(now.up_s * 180.0),
            peak_rss_bytes: 5_600_000,
            rss_bytes: Some(5_400_000),
            collect_us: 300,
            parked_threads: 0,
        });
        self.cpu(now);
        self.memory(now);
        self.network(now.net);
        self.disk(now.disk);
        self.filesystems(now.up_s);
        self.rest(now, booted_s);
        &self.wire
    }

    fn cpu(&mut self, now: &Now) {
        let up = now.up_s * TICKS;
        let busy = |share: f64| now.cpu.done_s * share * TICKS;
        let Some(v1::Cpu { total: Some(total), cores: Some(c) }) = &mut self.wire.cpu else {
            return;
        };
        let mut sum = [0_u64; 6];
        for (row, share) in self.cores.iter().enumerate() {
            let (user, system) = (busy(0.7 * share), busy(0.2 * share));
            let (iowait, softirq, irq) =
                (busy(0.06 * share), busy(0.03 * share), busy(0.01 * share));
            let idle = up - busy(*share);
            let all = [user, system, iowait, softirq, irq, idle].map(whole);
            [c.user[row], c.system[row], c.iowait[row], c.softirq[row], c.irq[row], c.idle[row]] =
                all;
            for (sum, part) in sum.iter_mut().zip(all) {
                *sum += part;
            }
        }
        let [user, system, iowait, softirq, irq, idle] = sum.map(Some);
        let none = Some(0);
        *total = v1::CpuTimes {
            user,
            nice: none,
            system,
            idle,
            iowait,
            irq,
            softirq,
            steal: none,
            guest: none,
            guest_nice: none,
        };
        if let Some(soft) = &mut self.wire.softirq {
            for (row, share) in self.cores.iter().enumerate() {
                soft.timer[row] = whole(now.up_s * 60.0 + now.cpu.done_s * share * 190.0);
                soft.net_rx[row] = whole(now.net.done_s * share * 4_000.0);
                soft.net_tx[row] = whole(now.net.done_s * share * 12.0);
                soft.block[row] = whole(now.disk.done_s * share * 300.0);
                soft.sched[row] = whole(now.cpu.done_s * share * 400.0 + now.up_s * 20.0);
                soft.rcu[row] = whole(now.cpu.done_s * share * 250.0 + now.up_s * 30.0);
            }
        }
    }

    fn memory(&mut self, now: &Now) {
        let total = self.memory_kib;
        let used = total * (0.25 + 0.4 * now.cpu.level.min(1.0));
        let cached = (total - used) * 0.7;
        let free = total - used - cached;
        let kib = |share: f64| Some(whole(total * share));
        let Some(m) = &mut self.wire.memory else { return };
        m.free_kib = Some(whole(free));
        m.available_kib = Some(whole(free + cached * 0.9));
        m.cached_kib = Some(whole(cached));
        m.active_kib = Some(whole(used * 0.8));
        m.inactive_kib = Some(whole(used * 0.2 + cached * 0.6));
        m.anon_pages_kib = Some(whole(used * 0.85));
        m.dirty_kib = Some(whole(40_000.0 * now.disk.level));
        m.committed_as_kib = Some(whole(used * 1.4));
        m.total_kib = kib(1.0);
    }

    fn network(&mut self, work: Work) {
        let Some(n) = &mut self.wire.network else { return };
        for (row, nic) in self.nics.iter().enumerate() {
            let bytes = work.done_s * nic.bytes_per_s;
            n.rx_bytes[row] = whole(bytes * 0.3);
            n.tx_bytes[row] = whole(bytes * 0.7);
            n.rx_packets[row] = whole(bytes * 0.3 / 700.0);
            n.tx_packets[row] = whole(bytes * 0.7 / 900.0);
            n.rx_dropped[row] = whole(bytes / 5e9);
            n.rx_multicast[row] = whole(bytes / 1e7);
        }
    }

    fn disk(&mut self, work: Work) {
        let Some(d) = &mut self.wire.disk else { return };
        for (row, drive) in self.drives.iter().enumerate() {
            let operations = work.done_s * drive.iops;
            let (reads, writes) = (operations * 0.4, operations * 0.6);
            d.reads[row] = whole(reads);
            d.writes[row] = whole(writes);
            d.read_sectors[row] = whole(reads * 48.0);
            d.written_sectors[row] = whole(writes * 80.0);
            d.read_ms[row] = whole(reads * 0.4);
            d.write_ms[row] = whole(writes * 1.1);
            d.io_ms[row] = whole(work.done_s * 700.0);
            d.weighted_io_ms[row] = whole(reads * 0.4 + writes * 1.1);
            d.writes_merged[row] = whole(writes * 0.3);
            d.in_flight[row] = whole(work.level * 8.0);
            d.flushes[row] = whole(writes * 0.01);
            d.flush_ms[row] = whole(writes * 0.02);
        }
    }

    fn filesystems(&mut self, up_s: f64) {
        let Some(f) = &mut self.wire.filesystem else { return };
        for (row, volume) in self.volumes.iter().enumerate() {
            // Somebody makes room before it is so full that an alert rule that comes along would speak: whether
            // a machine is well must not depend on the day.
            let grown = volume.full_at_boot - 0.15 + volume.per_day * up_s / DAY_S;
            let full = 0.15 + grown.rem_euclid(MOST_FULL - 0.15);
            f.blocks_free[row] = whole(volume.blocks * (1.0 - full));
            f.blocks_available[row] = whole(volume.blocks * (1.0 - full) * 0.95);
            f.inodes_free[row] = whole(volume.blocks / 4.0 * (1.0 - full * 0.3));
        }
    }

    fn rest(&mut self, now: &Now, booted_s: i64) {
        let (cpu, net, disk) = (now.cpu, now.net, now.disk);
        let cores = f64::from(u32::try_from(self.cores.len()).unwrap_or(1));
        let load = small(cpu.level * cores * 100.0);
        self.wire.load = Some(v1::Load {
            load1_hundredths: Some(load),
            load5_hundredths: Some(load / 8 * 7),
            load15_hundredths: Some(load / 4 * 3),
            runnable_tasks: Some(1 + load / 100),
            total_tasks: Some(150 + small(cores) * 20),
        });
        if let Some(s) = &mut self.wire.system {
            s.boot_time_s = u64::try_from(booted_s).ok();
            s.context_switches = Some(whole(cpu.done_s * cores * 3_000.0 + now.up_s * 200.0));
            s.interrupts = Some(whole(cpu.done_s * cores * 2_000.0 + now.up_s * 300.0));
            s.softirqs = Some(whole(cpu.done_s * cores * 1_500.0 + now.up_s * 200.0));
            s.forks = Some(whole(cpu.done_s * 12.0));
            s.procs_running = Some(u64::from(1 + load / 100));
            s.procs_blocked = Some(whole(disk.level * 4.0));
            s.file_handles = Some(1_500 + whole(net.level * 4_000.0));
        }
        let stall = |work: Work, share: f64| {
            let avg = small(work.level * share * 10_000.0);
            Some(v1::PressureStall {
                avg10_hundredths: avg,
                avg60_hundredths: avg,
                avg300_hundredths: avg / 2,
                total_us: whole(work.done_s * share * 1e6),
            })
        };
        self.wire.pressure = Some(v1::Pressure {
            cpu_some: stall(cpu, 0.05),
            cpu_full: stall(cpu, 0.0),
            memory_some: stall(cpu, 0.002),
            memory_full: stall(cpu, 0.001),
            io_some: stall(disk, 0.2),
            io_full: stall(disk, 0.15),
            irq_full: None,
        });
        if let Some(v) = &mut self.wire.vmstat {
            v.page_faults = Some(whole(cpu.done_s * cores * 2_500.0));
            v.major_page_faults = Some(whole(disk.done_s * 0.5));
            v.paged_in_kib = Some(whole(disk.done_s * 9_000.0));
            v.paged_out_kib = Some(whole(disk.done_s * 40_000.0));
        }
        if let Some(s) = &mut self.wire.sockets {
            s.used = Some(300 + whole(net.level * 2_000.0));
            s.tcp_in_use = Some(40 + whole(net.level * 1_500.0));
            s.tcp_time_wait = Some(whole(net.level * 900.0));
            s.tcp_established = Some(20 + whole(net.level * 1_200.0));
            s.tcp_active_opens = Some(whole(net.done_s * 60.0));
            s.tcp_passive_opens = Some(whole(net.done_s * 400.0));
            s.tcp_in_segments = Some(whole(net.done_s * 60_000.0));
            s.tcp_out_segments = Some(whole(net.done_s * 90_000.0));
            s.tcp_retransmitted_segments = Some(whole(net.done_s * 20.0));
            s.udp_in_datagrams = Some(whole(net.done_s * 50.0));
            s.udp_out_datagrams = Some(whole(net.done_s * 50.0));
        }
    }
}

fn as_index(core: u32) -> usize {
    usize::try_from(core).unwrap_or(0)
}

fn interfaces(role: Role) -> Vec<&'static str> {
    match role {
        Role::Web | Role::Build => vec!["lo", "eth0", "eth1"],
        Role::App => vec!["lo", "ens5", "docker0"],
        Role::Db => vec!["lo", "bond0", "enp1s0f0", "enp1s0f1"],
    }
}

fn disks(role: Role) -> Vec<&'static str> {
    match role {
        Role::Web => vec!["vda", "vda1"],
        Role::App | Role::Build => vec!["nvme0n1", "nvme0n1p1", "nvme0n1p2"],
        Role::Db => vec!["sda", "nvme0n1", "nvme1n1", "dm-0"],
    }
}

/// Mount points and sizes in GiB.
fn mounts(role: Role) -> Vec<(&'static str, f64)> {
    match role {
        Role::Web => vec![("/", 20.0), ("/var/log", 40.0)],
        Role::App => vec![("/", 40.0), ("/var/lib/docker", 120.0)],
        Role::Db => vec![("/", 20.0), ("/srv/data", 2000.0), ("/srv/wal", 100.0)],
        Role::Build => vec![("/", 40.0), ("/build", 500.0), ("/boot", 1.0)],
    }
}

/// Names and lengths of everything, and what stands still; the numbers come later.
fn template(
    cores: u32,
    interfaces: &[&str],
    disks: &[&str],
    mounts: &[(&'static str, f64)],
) -> v1::Snapshot {
    let rows = as_index(cores);
    let volumes: Vec<_> =
        mounts.iter().map(|(mount, gib)| (*mount, whole(gib * GIB_IN_KIB / 4.0))).collect();
    v1::Snapshot {
        cpu: Some(v1::Cpu { total: Some(v1::CpuTimes::default()), cores: Some(core_rows(cores)) }),
        memory: Some(v1::Memory {
            swap_total_kib: Some(0),
            swap_free_kib: Some(0),
            huge_pages_total: Some(0),
            huge_page_size_kib: Some(2048),
            ..v1::Memory::default()
        }),
        softirq: Some(v1::Softirq {
            core: (0..cores).collect(),
            hi: vec![0; rows],
            timer: vec![0; rows],
            net_tx: vec![0; rows],
            net_rx: vec![0; rows],
            block: vec![0; rows],
            irq_poll: vec![0; rows],
            tasklet: vec![0; rows],
            sched: vec![0; rows],
            hrtimer: vec![0; rows],
            rcu: vec![0; rows],
        }),
        network: Some(network_rows(interfaces)),
        disk: Some(disk_rows(disks)),
        filesystem: Some(filesystem_rows(&volumes, BLOCK_BYTES)),
        system: Some(v1::System {
            file_handles_max: Some(9_223_372_036_854_775_807),
            entropy_bits: Some(256),
            ..v1::System::default()
        }),
        vmstat: Some(v1::Vmstat {
            swapped_in_pages: Some(0),
            swapped_out_pages: Some(0),
            oom_kills: Some(0),
            ..v1::Vmstat::default()
        }),
        sockets: Some(v1::Sockets::default()),
        ..v1::Snapshot::default()
    }
}
