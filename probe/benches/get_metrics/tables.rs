//! What long mount tables cost: nodes with thousands of pods, snaps and bind mounts have them, and a
//! user can make one. In this process, without gRPC: a captured machine whose table is written here,
//! so that no mount is asked anything by the kernel.

use std::{error::Error, fs, path::Path, time::Duration};

use roundsman_probe::{
    clock,
    collect::{Clocks, Collector, Wanted},
    root::Root,
};
use roundsman_proto::v1;

use crate::{median, met};

/// Lines of the tables.
const LINES: [u32; 3] = [50, 1_000, 4_000];
/// Answers per table.
const ANSWERS: u32 = 100;
/// What a line may cost that is no row of its own, beyond the first hundred, microseconds.
const MOST_US_A_LINE: f64 = 1.0;
const FREE_LINES: u32 = 100;

/// Makes the line of a number.
type Line = fn(u32) -> String;

/// The tables' kinds, and one line of each.
const KINDS: [(&str, Line); 3] = [
    ("bind mounts of one filesystem", |n| {
        format!(
            "{n} 27 254:0 /pods/{n} /var/lib/kubelet/pods/{n}/volumes/x rw shared:1 - ext4 /dev/vda rw"
        )
    }),
    ("stacked on one mount point", |n| {
        format!("{n} {} 254:0 / /srv/data rw shared:1 - ext4 /dev/vda rw", n - 1)
    }),
    ("filesystems of their own", |n| {
        format!("{n} 27 0:{n} / /var/lib/kubelet/pods/{n}/volumes/x rw shared:1 - tmpfs tmpfs rw")
    }),
];

/// Prints what an answer of mounts alone takes for each table; whether the first kind is within its
/// target.
pub(crate) fn measure() -> Result<bool, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    copy(Path::new("tests/fixtures/debian-12"), dir.path())?;
    println!(
        "\nmount tables, wall time of an answer with filesystems alone, medians of {ANSWERS}:"
    );
    let mut within = true;
    for (kind, line) in KINDS {
        let mut costs = Vec::new();
        for lines in LINES {
            let root = "27 1 254:0 / / rw - ext4 /dev/vda rw".to_owned();
            let table: Vec<String> = [root].into_iter().chain((28..28 + lines).map(line)).collect();
            fs::write(dir.path().join("proc/1/mountinfo"), table.join("\n") + "\n")?;
            costs.push((lines, answer_us(dir.path())?));
        }
        let cells = costs.iter().map(|(lines, us)| format!("{lines} lines {us:.0} µs"));
        println!("  {kind:34} {}", cells.collect::<Vec<_>>().join(", "));
        let (few, many) = (costs[0], costs[LINES.len() - 1]);
        let each = (many.1 - few.1) / f64::from(many.0 - FREE_LINES);
        if kind == KINDS[0].0 {
            within &= met(
                each <= MOST_US_A_LINE,
                &format!("{each:.2} of at most {MOST_US_A_LINE} µs a line beyond {FREE_LINES}"),
            );
        }
    }
    Ok(within)
}

fn answer_us(tree: &Path) -> Result<f64, Box<dyn Error>> {
    let collector = Collector::new(Root::captured(tree));
    let families = vec![v1::Family::Filesystem.into()];
    let wanted =
        Wanted::new(&v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() })?;
    let one = || {
        let until = clock::now() + Duration::from_secs(10);
        let answer = collector.collect(&wanted, Clocks::now(), until);
        answer.cost.map_or(f64::NAN, |cost| f64::from(cost.collect_us))
    };
    Ok(median(&(0..ANSWERS).map(|_| one()).collect::<Vec<_>>()))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
