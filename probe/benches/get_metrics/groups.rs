//! What containers cost. In this process, without gRPC: a captured machine with so many copies of one
//! container, each with a file that names it. What the kernel itself takes for a live group (a sum over all
//! CPUs for `memory.stat` and `cpu.stat`) is not in it.

use std::{error::Error, fs, path::Path};

use prost::Message as _;
use roundsman_probe::{
    clock,
    collect::{Clocks, Collector, Wanted, wanted},
    root::Root,
};
use roundsman_proto::v1;

use crate::{median, met};

/// Numbers of containers, and what an answer with them alone may take, microseconds.
const TARGETS: [(usize, f64); 2] = [(50, 1_500.0), (1_000, 10_000.0)];
/// Bytes that an answer may have.
const MOST_BYTES: usize = 128 * 1_024;
/// Answers per number.
const ANSWERS: u32 = 100;
const TREE: &str = "tests/fixtures/docker-systemd";
const STATES: &str = "rootfs/var/lib/docker/containers";

/// Prints what an answer of containers alone takes; whether it is within its targets.
pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    println!("\ncontainers, wall time of an answer with these alone, medians of {ANSWERS}:");
    let mut within = true;
    for (containers, most_us) in TARGETS {
        let dir = tempfile::tempdir()?;
        write(dir.path(), containers)?;
        let (us, bytes) = answer(dir.path())?;
        within &= met(
            us <= most_us && bytes <= MOST_BYTES,
            &format!(
                "{containers} containers: {us:.0} of at most {most_us:.0} µs, {bytes} of at most {MOST_BYTES} bytes"
            ),
        );
    }
    Ok(within)
}

fn write(dir: &Path, containers: usize) -> Result<(), Box<dyn Error>> {
    let tree = Path::new(TREE);
    fs::create_dir_all(dir.join("proc"))?;
    fs::copy(tree.join("proc/captured.json"), dir.join("proc/captured.json"))?;
    let (groups, states) = (dir.join("rootfs/sys/fs/cgroup"), dir.join(STATES));
    fs::create_dir_all(groups.join("docker"))?;
    fs::copy(
        tree.join("rootfs/sys/fs/cgroup/cgroup.controllers"),
        groups.join("cgroup.controllers"),
    )?;
    let mut all = fs::read_dir(tree.join("rootfs/sys/fs/cgroup/system.slice"))?.flatten();
    let model = all.find(|entry| entry.path().extension().is_some_and(|unit| unit == "scope"));
    let model = model.ok_or("no container in the tree")?.path();
    let state = fs::read_dir(tree.join(STATES))?.next().ok_or("no names in the tree")??.path();
    for n in 0..containers {
        let id = format!("{n:064x}");
        let (group, named) = (groups.join("docker").join(&id), states.join(&id));
        fs::create_dir_all(&group)?;
        fs::create_dir_all(&named)?;
        fs::copy(state.join("config.v2.json"), named.join("config.v2.json"))?;
        for file in fs::read_dir(&model)? {
            let file = file?;
            fs::copy(file.path(), group.join(file.file_name()))?;
        }
    }
    Ok(())
}

/// Microseconds and bytes.
fn answer(tree: &Path) -> Result<(f64, usize), wanted::BadPattern> {
    let collector = Collector::new(Root::captured(tree));
    let families = vec![v1::Family::Containers.into()];
    let wanted =
        Wanted::new(&v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() })?;
    let mut bytes = 0;
    let mut one = || {
        let until = clock::now() + std::time::Duration::from_secs(10);
        let answer = collector.collect(&wanted, Clocks::now(), until);
        bytes = answer.encoded_len();
        answer.cost.map_or(f64::NAN, |cost| f64::from(cost.collect_us))
    };
    let all: Vec<f64> = (0..ANSWERS).map(|_| one()).collect();
    Ok((median(&all), bytes))
}
