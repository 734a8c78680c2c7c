//! The floor: what the kernel takes for handing out the same bytes, with nothing made of them.

use std::{
    fs::{self, File},
    io::Read as _,
    path::PathBuf,
};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use roundsman_probe::{
    collect::source::Source,
    root::{OWN_STATM, Root},
};
use roundsman_proto::v1;

/// Room for the longest file in one read(2).
const BUFFER_BYTES: usize = 64 * 1024;

/// What the probe reads for a default answer.
pub(crate) struct Floor {
    files: Vec<PathBuf>,
    mounts: Vec<PathBuf>,
    buffer: Vec<u8>,
}

impl Floor {
    /// The files of a default request that this host has, and the mounts that `answer` reports.
    pub(crate) fn of(answer: &v1::Snapshot) -> Self {
        let root = Root::default();
        let init_is_readable = fs::read_link(root.init("ns/pid")).is_ok();
        let is_read = |source: &Source| match source {
            // On request alone.
            Source::Netstat => false,
            // Where another source says it: os-release, the nodename, the first process.
            Source::VendorOsRelease | Source::EtcHostname | Source::OwnStatus => false,
            Source::SecondStat => !init_is_readable,
            _ => true,
        };
        let files = Source::ALL
            .iter()
            .filter(|source| is_read(source))
            .map(|source| root.at(source.place()))
            .chain([PathBuf::from(OWN_STATM)])
            .filter(|path| File::open(path).is_ok());
        let mounts = answer.filesystem.iter().flat_map(|filesystem| &filesystem.mount_point);
        Self {
            files: files.collect(),
            mounts: mounts.map(|mount| root.host(mount)).collect(),
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn mounts(&self) -> usize {
        self.mounts.len()
    }

    /// Reads everything `times` times; the CPU time it took, microseconds.
    pub(crate) fn read(&mut self, times: u32) -> f64 {
        let before = cpu_us();
        for _ in 0..times {
            for path in &self.files {
                if let Ok(mut file) = File::open(path) {
                    while file.read(&mut self.buffer).is_ok_and(|bytes| bytes > 0) {}
                }
            }
            for mount in &self.mounts {
                let _ = std::hint::black_box(rustix::fs::statvfs(mount));
            }
        }
        cpu_us() - before
    }
}

/// User and system time of this process, microseconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds of one run")]
fn cpu_us() -> f64 {
    let us = |usage: Usage| {
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) as f64 * 1e6 + (user.tv_usec() + system.tv_usec()) as f64
    };
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, us)
}
