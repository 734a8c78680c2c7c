//! Descriptors of the machine's own files of procfs, kept open from one answer to the next: finding
//! such a file, opening and closing it costs more than half of what most of them cost to read.
//!
//! No value is kept. A file of procfs has no contents: the kernel makes them for every read at
//! offset 0, from what it knows then, for whoever reads; which descriptor is read through, and since
//! when it is open, does not enter. So an answer is the same with these descriptors and without.
//! That holds for files of the whole machine alone, and only these are kept:
//!
//! - nothing below a process's directory (`1/`, `2/`, `self/`), which is that process's and stands
//!   for the namespaces it was in when the file was opened ([`Source::is_machines`]);
//! - nothing that is not on procfs by fstatfs(2): a file of a captured tree may be replaced, and
//!   what lxcfs lays over `/proc` in a container is made anew for each open;
//! - nothing longer than [`MAX_KEPT_BYTES`], for whose text the kernel would hold its buffer.
//!
//! What cannot be read through a kept descriptor is opened anew at once, and what that says counts.
//! There is at most one descriptor for each source, none of a file that was never read. One thing is
//! different: a filesystem that is mounted over such a file after it was first read is not seen, and
//! a second procfs, given with `--proc`, is busy for umount(8) while the probe runs.

use std::{path::Path, sync::Mutex};

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::PROC_SUPER_MAGIC,
    io::Errno,
};

use super::{
    file::{self, Extent, Reach},
    source::Source,
};

/// Longest file whose descriptor is kept, bytes; `stat` of 500 cores is shorter. With the kernel's
/// buffer for each, this bounds the kernel memory that is charged to the probe.
pub const MAX_KEPT_BYTES: usize = 64 * 1_024;

/// A place for each source.
#[derive(Debug)]
pub struct Kept {
    files: Vec<Mutex<Option<OwnedFd>>>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { files: Source::ALL.iter().map(|_| Mutex::default()).collect() }
    }
}

impl Kept {
    /// Reads the whole file of a source, which is at `path`; appends to `buffer`.
    ///
    /// # Errors
    /// open(2)'s or read(2)'s.
    pub fn read(
        &self,
        source: Source,
        path: impl FnOnce() -> std::path::PathBuf,
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<Reach, Errno> {
        // The kernel remembers in the descriptor how far a list was read, so two answers may not
        // read through one at a time: the second one opens the file for itself.
        let place = self.files.get(source as usize).filter(|_| source.is_machines());
        let Some(mut kept) = place.and_then(|place| place.try_lock().ok()) else {
            return read_once(&path(), limit, buffer);
        };
        let extent = Extent { limit, ends_short: source.comes_whole() };
        let read = |file: &OwnedFd, buffer: &mut Vec<u8>| match source.is_value() {
            true => file::read_value(file, extent, buffer),
            false => file::read_from_start(file, extent, buffer),
        };
        if let Some(file) = kept.take()
            && let Ok(reach) = read(&file, buffer)
        {
            *kept = is_short(buffer).then_some(file);
            return Ok(reach);
        }
        let file = file::open(&path())?;
        if !is_on_procfs(&file) {
            return file::read_to_end(&file, Extent::up_to(limit), buffer);
        }
        let reach = read(&file, buffer)?;
        *kept = is_short(buffer).then_some(file);
        Ok(reach)
    }
}

fn read_once(path: &Path, limit: usize, buffer: &mut Vec<u8>) -> Result<Reach, Errno> {
    file::read_to_end(file::open(path)?, Extent::up_to(limit), buffer)
}

fn is_short(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_KEPT_BYTES
}

fn is_on_procfs(file: impl AsFd) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|found| found.f_type == PROC_SUPER_MAGIC)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::PathBuf, process::Command, thread};

    use super::*;
    use crate::root::Root;

    const LIMIT: usize = 4 * 1_024 * 1_024;

    fn read_at(kept: &Kept, source: Source, path: PathBuf) -> Result<Vec<u8>, Errno> {
        let mut buffer = Vec::new();
        kept.read(source, || path, LIMIT, &mut buffer).map(|_| buffer)
    }

    fn read(kept: &Kept, source: Source) -> Result<Vec<u8>, Errno> {
        read_at(kept, source, Root::default().at(source.place()))
    }

    fn is_kept(kept: &Kept, source: Source) -> bool {
        kept.files[source as usize].lock().unwrap().is_some()
    }

    /// The first word of every line: what stays the same while numbers move.
    fn names(bytes: &[u8]) -> BTreeSet<&[u8]> {
        bytes
            .split(|byte| *byte == b'\n')
            .map(|line| line.trim_ascii_start().split(|byte| *byte == b' ').next().unwrap())
            .collect()
    }

    #[test]
    fn a_kept_descriptor_gives_what_a_fresh_one_gives() {
        let kept = Kept::default();
        for source in Source::ALL.iter().copied().filter(|source| source.is_machines()) {
            let path = Root::default().at(source.place());
            let Ok(first) = read(&kept, source) else {
                assert!(!is_kept(&kept, source), "{source:?}");
                continue;
            };
            assert!(is_kept(&kept, source), "{source:?}");
            let (again, fresh) = (read(&kept, source).unwrap(), std::fs::read(&path).unwrap());
            match source {
                Source::Osrelease | Source::BootId | Source::Nodename => {
                    assert_eq!((&again, &first), (&fresh, &fresh), "{source:?}");
                }
                // Nothing but numbers.
                Source::Loadavg | Source::FileNr | Source::Entropy => {
                    let words = |bytes: &[u8]| bytes.split(u8::is_ascii_whitespace).count();
                    assert_eq!(words(&again), words(&fresh), "{source:?}");
                }
                _ => assert_eq!(names(&again), names(&fresh), "{source:?}"),
            }
            assert_eq!(again.ends_with(b"\n"), fresh.ends_with(b"\n"), "{source:?}");
        }
        assert!(is_kept(&kept, Source::Stat) && is_kept(&kept, Source::Vmstat));
    }

    #[test]
    fn what_a_kept_descriptor_says_is_of_now() {
        let forks = |kept: &Kept| -> u64 {
            let text = String::from_utf8(read(kept, Source::Stat).unwrap()).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("processes ")).unwrap();
            line.parse().unwrap()
        };
        let kept = Kept::default();
        let before = forks(&kept);
        assert!(is_kept(&kept, Source::Stat));
        Command::new("true").status().unwrap();
        assert!(forks(&kept) > before);
    }

    #[test]
    fn a_process_has_nothing_kept() {
        let kept = Kept::default();
        let mut processes = 0;
        for source in Source::ALL.iter().copied().filter(|source| !source.is_machines()) {
            processes += usize::from(read(&kept, source).is_ok());
            assert!(!is_kept(&kept, source), "{source:?}");
        }
        assert!(processes > 0, "1/net/dev is readable by all");
        for source in [Source::NetDev, Source::Mountinfo, Source::SecondStat, Source::OwnStatus] {
            assert!(!source.is_machines());
        }
    }

    #[test]
    fn a_plain_file_is_opened_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let (path, next) = (dir.path().join("stat"), dir.path().join("next"));
        let kept = Kept::default();
        for text in ["cpu 1\n", "cpu 2\n"] {
            std::fs::write(&next, text).unwrap();
            std::fs::rename(&next, &path).unwrap();
            assert_eq!(read_at(&kept, Source::Stat, path.clone()).unwrap(), text.as_bytes());
            assert!(!is_kept(&kept, Source::Stat));
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read_at(&kept, Source::Stat, path), Err(Errno::NOENT));
    }

    #[test]
    fn a_descriptor_that_fails_is_replaced_at_once() {
        let kept = Kept::default();
        let folder = file::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        *kept.files[Source::Osrelease as usize].lock().unwrap() = Some(folder);
        let fresh = std::fs::read(Root::default().at(Source::Osrelease.place())).unwrap();
        for _ in 0..2 {
            assert_eq!(read(&kept, Source::Osrelease).unwrap(), fresh);
            assert!(is_kept(&kept, Source::Osrelease));
        }
    }

    #[test]
    fn answers_at_one_time_do_not_cut_each_other_short() {
        let kept = Kept::default();
        let whole = read(&kept, Source::Vmstat).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let bytes = read(&kept, Source::Vmstat).unwrap();
                        assert_eq!(names(&bytes), names(&whole));
                    }
                });
            }
        });
    }
}
