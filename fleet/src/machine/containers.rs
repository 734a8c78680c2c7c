//! Containers of a machine that runs applications: two that stay, and a job that comes and goes, each time
//! as another one of the same name.

use roundsman_proto::v1;

use super::{Role, values::whole, waves::Now};

/// The job is started so often, and runs so long.
const JOB_EVERY_S: f64 = 600.0;
const JOB_RUNS_S: f64 = 240.0;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// What one is like.
struct Kind {
    name: &'static str,
    image: &'static str,
    /// Cores at full work, and memory.
    cores: f64,
    gib: f64,
}

const STAYING: [Kind; 2] = [
    Kind { name: "api", image: "registry.example.com/api:7.1", cores: 1.5, gib: 2.0 },
    Kind { name: "cache", image: "redis:7.4", cores: 0.2, gib: 1.0 },
];
const JOB: Kind =
    Kind { name: "report", image: "registry.example.com/report:3", cores: 0.9, gib: 0.5 };

/// Those of a machine at a moment.
pub(super) fn at(role: Role, number: u32, now: &Now) -> v1::Containers {
    if role != Role::App {
        return v1::Containers::default();
    }
    let stays = |kind: &Kind| container(kind, number, 0, now.up_s, now.cpu.done_s, now.cpu.level);
    let mut top: Vec<_> = STAYING.iter().map(stays).collect();
    let runs_s = now.up_s % JOB_EVERY_S;
    if runs_s < JOB_RUNS_S {
        top.push(container(&JOB, number, whole(now.up_s / JOB_EVERY_S), runs_s, runs_s, 1.0));
    }
    let total = u32::try_from(top.len()).unwrap_or(0);
    v1::Containers { total, top, ..v1::Containers::default() }
}

/// One that was started `up_s` ago for the `start`-th time, and has done `done_s` of full work.
fn container(
    kind: &Kind,
    number: u32,
    start: u64,
    up_s: f64,
    done_s: f64,
    level: f64,
) -> v1::Container {
    let used_us = done_s * kind.cores * 1e6;
    let memory = kind.gib * GIB * (0.3 + 0.4 * level.min(1.0));
    let place = kind.name.bytes().fold(u64::from(number), |sum, byte| sum * 31 + u64::from(byte));
    let us = |share: f64| Some(whole(done_s * share * 1e6));
    v1::Container {
        id: place.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(start).max(1),
        engine: "docker".to_owned(),
        container_id: format!("{place:016x}{start:048x}"),
        name: Some(kind.name.to_owned()),
        image: Some(kind.image.to_owned()),
        cpu_usage_us: Some(whole(used_us)),
        cpu_user_us: Some(whole(used_us * 0.8)),
        cpu_system_us: Some(whole(used_us * 0.2)),
        throttled_us: us(0.01),
        throttles: Some(whole(done_s * 0.2)),
        memory_bytes: Some(whole(memory)),
        working_set_bytes: Some(whole(memory * 0.8)),
        anon_bytes: Some(whole(memory * 0.7)),
        swap_bytes: Some(0),
        memory_limit_bytes: Some(whole(kind.gib * GIB)),
        memory_high: Some(0),
        memory_max: Some(0),
        ooms: Some(0),
        oom_kills: Some(0),
        read_bytes: Some(whole(done_s * 40_000.0)),
        written_bytes: Some(whole(done_s * 90_000.0)),
        reads: Some(whole(done_s * 3.0)),
        writes: Some(whole(done_s * 9.0)),
        pids: Some(4 + whole(level * 30.0)),
        cpu_some_us: us(0.03),
        cpu_full_us: us(0.0),
        memory_some_us: us(0.001),
        memory_full_us: us(0.0),
        io_some_us: Some(whole(up_s * 0.002 * 1e6)),
        io_full_us: Some(whole(up_s * 0.001 * 1e6)),
        ..v1::Container::default()
    }
}
