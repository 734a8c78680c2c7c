//! An answer with everything in it, no two of its counters alike.

use super::*;

/// Consecutive numbers, so that no two fields of a full answer hold the same.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn some(&mut self) -> Option<u64> {
        Some(self.next())
    }

    fn two(&mut self) -> Vec<u64> {
        vec![self.next(), self.next()]
    }

    fn stall(&mut self) -> Option<v1::PressureStall> {
        let hundredths = u32::try_from(self.next()).unwrap();
        Some(v1::PressureStall {
            avg10_hundredths: hundredths,
            avg60_hundredths: 1,
            avg300_hundredths: 2,
            total_us: self.next(),
        })
    }
}

pub(super) fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

pub(super) fn full() -> v1::Snapshot {
    full_from(1_000)
}

/// The same with other counters: those of a later moment, where `first` is greater.
pub(super) fn full_from(first: u64) -> v1::Snapshot {
    let n = &mut Numbers(first);
    v1::Snapshot {
        protocol: PROTOCOL,
        identity: Some(identity()),
        clocks: Some(v1::Clocks {
            wall_ns: 1_774_747_800_250_000_000,
            boottime_ns: 86_400_500_000_000,
        }),
        view: v1::View::Host.into(),
        reports: reports(),
        cost: Some(v1::Cost {
            cpu_user_us: n.next(),
            cpu_system_us: n.next(),
            peak_rss_bytes: n.next(),
            rss_bytes: n.some(),
            collect_us: 250,
            parked_threads: 1,
        }),
        cpu: Some(cpu(n)),
        load: Some(v1::Load {
            load1_hundredths: Some(25),
            load5_hundredths: Some(150),
            load15_hundredths: Some(1),
            runnable_tasks: Some(3),
            total_tasks: Some(400),
        }),
        memory: Some(memory(n)),
        softirq: Some(softirq(n)),
        network: Some(network(n)),
        disk: Some(disk(n)),
        filesystem: Some(filesystem()),
        system: Some(system(n)),
        pressure: Some(v1::Pressure {
            cpu_some: n.stall(),
            cpu_full: n.stall(),
            memory_some: n.stall(),
            memory_full: n.stall(),
            io_some: n.stall(),
            io_full: n.stall(),
            irq_full: n.stall(),
        }),
        vmstat: Some(every(n)),
        sockets: Some(every(n)),
        processes: Some(processes()),
        containers: Some(containers(n)),
    }
}

/// A message of numbers alone, each there: also those that a later contract adds.
fn every<M: prost::Message + Default>(n: &mut Numbers) -> M {
    every_from(n, 1)
}

/// The same of a message whose first fields are no numbers.
fn every_from<M: prost::Message + Default>(n: &mut Numbers, first: u32) -> M {
    const FIELDS: u32 = 100;
    let mut bytes = Vec::new();
    for field in first..=FIELDS {
        prost::encoding::uint64::encode(field, &n.next(), &mut bytes);
    }
    M::decode(&*bytes).unwrap()
}

fn identity() -> v1::Identity {
    v1::Identity {
        machine_id: Some("0123456789ABCDEF0123456789abcdef\n".to_owned()),
        boot_id: Some("8e5f8f7c-1d0b-4e39-9b1a-000000000001".to_owned()),
        hostname: Some("web-1".to_owned()),
        kernel: Some("6.1.0-18-amd64".to_owned()),
        os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        architecture: Some("x86_64".to_owned()),
        probe_version: "0.1.0".to_owned(),
        cpus: Some(2),
        page_size_bytes: 4096,
        ticks_per_second: 100,
        certificate_ends_s: Some(1_900_000_000),
    }
}

fn reports() -> Vec<v1::FamilyReport> {
    vec![
        v1::FamilyReport {
            family: v1::Family::Cpu.into(),
            status: v1::Status::Ok.into(),
            spent_us: 11,
            error: String::new(),
        },
        v1::FamilyReport {
            family: v1::Family::Filesystem.into(),
            status: v1::Status::Hung.into(),
            spent_us: 12,
            error: "/mnt/nfs: statvfs does not return\n".to_owned(),
        },
    ]
}

fn processes() -> v1::Processes {
    v1::Processes {
        running: 1,
        sleeping: 2,
        uninterruptible: 3,
        zombie: 4,
        stopped: 5,
        idle: 6,
        other: 7,
        threads: 8,
        top: vec![v1::Process {
            pid: 4242,
            comm: "mysqld".to_owned(),
            state: "S".to_owned(),
            user_ticks: 70,
            system_ticks: 7,
            rss_pages: 10,
            start_ticks: 99,
            threads: 40,
        }],
    }
}

fn containers(n: &mut Numbers) -> v1::Containers {
    let of_numbers: v1::Container = every_from(n, 11);
    v1::Containers {
        total: 5,
        top: vec![v1::Container {
            id: 7,
            engine: "docker".to_owned(),
            container_id: "4f2a1b3c5d6e7f8091a2b3c4d5e6f70812233445566778899aabbccddeeff001"
                .to_owned(),
            name: Some("api".to_owned()),
            image: Some("api:7".to_owned()),
            ..of_numbers
        }],
        other_id: vec![8, 9],
        other_cpu_us: n.two(),
        other_memory_bytes: n.two(),
    }
}

fn cpu(n: &mut Numbers) -> v1::Cpu {
    v1::Cpu {
        total: Some(v1::CpuTimes {
            user: n.some(),
            nice: n.some(),
            system: n.some(),
            idle: n.some(),
            iowait: n.some(),
            irq: n.some(),
            softirq: n.some(),
            steal: n.some(),
            guest: n.some(),
            guest_nice: None,
        }),
        cores: Some(v1::Cores {
            core: vec![0, 2],
            user: n.two(),
            nice: n.two(),
            system: n.two(),
            idle: n.two(),
            iowait: n.two(),
            irq: n.two(),
            softirq: n.two(),
            steal: n.two(),
            guest: n.two(),
            guest_nice: vec![],
        }),
    }
}

fn memory(n: &mut Numbers) -> v1::Memory {
    v1::Memory {
        total_kib: Some(8_000_000),
        free_kib: n.some(),
        available_kib: Some(2_000_000),
        buffers_kib: n.some(),
        cached_kib: n.some(),
        swap_cached_kib: n.some(),
        active_kib: n.some(),
        inactive_kib: n.some(),
        active_anon_kib: n.some(),
        inactive_anon_kib: n.some(),
        active_file_kib: n.some(),
        inactive_file_kib: n.some(),
        dirty_kib: n.some(),
        writeback_kib: n.some(),
        anon_pages_kib: n.some(),
        mapped_kib: n.some(),
        k_reclaimable_kib: n.some(),
        s_reclaimable_kib: n.some(),
        s_unreclaim_kib: n.some(),
        shmem_kib: n.some(),
        slab_kib: n.some(),
        kernel_stack_kib: n.some(),
        page_tables_kib: n.some(),
        swap_total_kib: Some(1000),
        swap_free_kib: Some(250),
        commit_limit_kib: n.some(),
        committed_as_kib: n.some(),
        unevictable_kib: n.some(),
        mlocked_kib: n.some(),
        anon_huge_pages_kib: n.some(),
        // Of which the next are free.
        huge_pages_total: n.some().map(|pages| pages + 1000),
        huge_pages_free: n.some(),
        huge_pages_reserved: n.some(),
        huge_pages_surplus: n.some(),
        huge_page_size_kib: Some(2048),
        hardware_corrupted_kib: Some(0),
    }
}

fn softirq(n: &mut Numbers) -> v1::Softirq {
    v1::Softirq {
        core: vec![0, 2],
        hi: n.two(),
        timer: n.two(),
        net_tx: n.two(),
        net_rx: n.two(),
        block: n.two(),
        irq_poll: n.two(),
        tasklet: n.two(),
        sched: n.two(),
        hrtimer: n.two(),
        rcu: n.two(),
    }
}

fn network(n: &mut Numbers) -> v1::Network {
    v1::Network {
        interface: texts(["eth0", "lo"]),
        rx_bytes: n.two(),
        rx_packets: n.two(),
        rx_errors: n.two(),
        rx_dropped: n.two(),
        rx_fifo: n.two(),
        rx_frame: n.two(),
        rx_compressed: n.two(),
        rx_multicast: n.two(),
        tx_bytes: n.two(),
        tx_packets: n.two(),
        tx_errors: n.two(),
        tx_dropped: n.two(),
        tx_fifo: n.two(),
        tx_collisions: n.two(),
        tx_carrier: n.two(),
        tx_compressed: n.two(),
        layer: vec![v1::Layer::Physical.into(), v1::Layer::Virtual.into()],
    }
}

fn disk(n: &mut Numbers) -> v1::Disk {
    v1::Disk {
        device: texts(["sda", "nvme0n1"]),
        major: vec![8, 259],
        minor: vec![0, 0],
        reads: n.two(),
        reads_merged: n.two(),
        read_sectors: n.two(),
        read_ms: n.two(),
        writes: n.two(),
        writes_merged: n.two(),
        written_sectors: n.two(),
        write_ms: n.two(),
        in_flight: n.two(),
        io_ms: n.two(),
        weighted_io_ms: n.two(),
        discards: n.two(),
        discards_merged: n.two(),
        discarded_sectors: n.two(),
        discard_ms: n.two(),
        flushes: n.two(),
        flush_ms: n.two(),
        layer: vec![v1::Layer::Physical.into(); 2],
    }
}

/// A disk that is three quarters full, an image that always is, a share that hangs.
fn filesystem() -> v1::Filesystem {
    v1::Filesystem {
        mount_point: texts(["/", "/snap/core", "/mnt/nfs"]),
        device: texts(["/dev/sda1", "/dev/loop0", "nas:/export"]),
        fs_type: texts(["ext4", "squashfs", "nfs4"]),
        status: vec![v1::Status::Ok.into(), v1::Status::Ok.into(), v1::Status::Hung.into()],
        read_only: vec![false, true, false],
        block_size_bytes: vec![4096, 131_072, 0],
        blocks: vec![1000, 10, 0],
        blocks_free: vec![300, 0, 0],
        blocks_available: vec![200, 0, 0],
        inodes: vec![500, 0, 0],
        inodes_free: vec![400, 0, 0],
        aliases: vec![2, 0, 0],
        superblock_read_only: vec![false, true, false],
    }
}

fn system(n: &mut Numbers) -> v1::System {
    v1::System { boot_time_s: Some(1_774_661_399), ..every(n) }
}
