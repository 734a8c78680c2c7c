//! The floor: what the kernel takes for handing out the same bytes, with nothing made of them.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::FileExt as _,
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
/// The initial pid namespace.
const INITIAL_PID: &str = "pid:[4026531836]";

/// What the probe reads for a default answer.
pub(crate) struct Floor {
    files: Vec<PathBuf>,
    /// Of these, the machine's, which the probe keeps open, and the others.
    kept: Vec<File>,
    opened: Vec<PathBuf>,
    mounts: Vec<PathBuf>,
    buffer: Vec<u8>,
}

impl Floor {
    /// The files of a default request that this host has, and the mounts that `answer` reports.
    pub(crate) fn of(answer: &v1::Snapshot) -> Self {
        let root = Root::default();
        let init_is_readable = fs::read_link(root.init("ns/pid")).is_ok();
        let own = fs::read_link(root.proc("self/ns/pid"));
        let own_is_initial = own.is_ok_and(|link| link.as_os_str() == INITIAL_PID);
        let is_read = |source: &Source| match source {
            // On request alone.
            Source::Netstat => false,
            // Where no interface is real.
            Source::Route | Source::Route6 => false,
            // Where another source says it: os-release, the nodename, links to namespaces.
            Source::VendorOsRelease | Source::EtcHostname | Source::OwnStatus => false,
            Source::SecondStat => !init_is_readable && !own_is_initial,
            _ => true,
        };
        let files: Vec<(PathBuf, bool)> = Source::ALL
            .iter()
            .filter(|source| is_read(source))
            .map(|source| (root.at(source.place()), source.is_machines()))
            .chain([(PathBuf::from(OWN_STATM), true)])
            .filter(|(path, _)| File::open(path).is_ok())
            .collect();
        let all = |kept| files.iter().filter(move |file| file.1 == kept).map(|file| &file.0);
        let mounts = answer.filesystem.iter().flat_map(|filesystem| &filesystem.mount_point);
        Self {
            kept: all(true).filter_map(|path| File::open(path).ok()).collect(),
            opened: all(false).cloned().collect(),
            files: files.into_iter().map(|file| file.0).collect(),
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
            open_and_read(&self.files, &mut self.buffer);
            ask(&self.mounts);
        }
        cpu_us() - before
    }

    /// The same with the machine's files kept open and read by pread(2), as the probe does.
    pub(crate) fn read_kept(&mut self, times: u32) -> f64 {
        let before = cpu_us();
        for _ in 0..times {
            for file in &self.kept {
                let mut at = 0;
                while let Ok(bytes @ 1..) = file.read_at(&mut self.buffer, at) {
                    at += bytes as u64;
                }
            }
            open_and_read(&self.opened, &mut self.buffer);
            ask(&self.mounts);
        }
        cpu_us() - before
    }
}

fn open_and_read(files: &[PathBuf], buffer: &mut [u8]) {
    for path in files {
        if let Ok(mut file) = File::open(path) {
            while file.read(buffer).is_ok_and(|bytes| bytes > 0) {}
        }
    }
}

fn ask(mounts: &[PathBuf]) {
    for mount in mounts {
        let _ = std::hint::black_box(rustix::fs::statvfs(mount));
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
