//! The host under its two roots: reads files and links, and turns errors into faults. The same for
//! a live host and a captured tree; what is not a file comes from the kernel or from the manifest.

use std::{
    borrow::Cow,
    ffi::OsStr,
    os::{fd::AsFd, unix::ffi::OsStrExt},
    path::Path,
    sync::Arc,
};

use roundsman_proto::v1::Status;
use rustix::io::Errno;

use super::{
    file::{self, Extent, Reach},
    kept::Kept,
    manifest::{CaptureManifest, MANIFEST},
    report::Fault,
    source::{Link, Source},
    statvfs::{Kernel, StatVfs},
};
use crate::root::{Place, Root};

/// How much of a file is read, bytes: of what is longer the whole lines within it. `/proc/stat` of
/// 8,192 cores has about 1 MiB; a thousand mounts with names of a user's choice have more than this.
pub const MAX_FILE_BYTES: usize = 4 * 1_024 * 1_024;
/// Longest target of a namespace link, bytes.
const LINK_BYTES: usize = 64;

/// The directory of the host's first process.
const FIRST_PROCESS: &str = "1";
/// What shows the processes of others, process 1 among them: hidepid of proc(5), which a unit's
/// ProtectProc= sets for its service.
const PROCESSES_HIDDEN: &str = "hidden from this user: run the probe as root or in the group of \
                                /proc's gid= option, and without ProtectProc= in its unit";
/// What shows the files of the machine: subset=pid of proc(5), which a unit's ProcSubset= sets.
const MACHINE_HIDDEN: &str = "hidden: every kernel has it: run the probe without ProcSubset= in its \
                              unit, and with the host's procfs as --proc";

/// One host.
#[derive(Debug, Clone)]
pub struct Host {
    root: Root,
    manifest: Option<Arc<Result<CaptureManifest, String>>>,
    kept: Arc<Kept>,
}

impl Host {
    /// The host under `root`: a captured tree when it holds a manifest, and live otherwise.
    #[must_use]
    pub fn open(root: Root) -> Self {
        let path = root.at(MANIFEST);
        let manifest = file::open(&path).ok().map(|file| {
            let manifest =
                read_manifest(file).map_err(|error| format!("{}: {error}", path.display()));
            Arc::new(manifest)
        });
        Self { root, manifest, kept: Arc::default() }
    }

    /// The roots.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it is a captured tree, in which files stand for what the kernel says.
    #[must_use]
    pub fn is_captured(&self) -> bool {
        self.manifest.is_some()
    }

    /// The inode that a group had when the tree was captured; none of a live host, whose kernel says it.
    #[must_use]
    pub fn captured_inode(&self, group: &[u8]) -> Option<u64> {
        let manifest = self.manifest()?;
        Some(manifest.groups.get(&super::scan::text(group)).copied().unwrap_or_default())
    }

    /// Who answers statvfs(2) for this host.
    #[must_use]
    pub fn statvfs(&self) -> Arc<dyn StatVfs> {
        match self.manifest() {
            Some(manifest) => Arc::new(manifest.clone()),
            None => Arc::new(Kernel),
        }
    }

    /// Bytes in a memory page.
    #[must_use]
    pub fn page_size_bytes(&self) -> u32 {
        let live = || u32::try_from(rustix::param::page_size()).unwrap_or(0);
        self.manifest().map_or_else(live, |manifest| manifest.page_size_bytes)
    }

    /// USER_HZ.
    #[must_use]
    pub fn ticks_per_second(&self) -> u32 {
        let live = || u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(0);
        self.manifest().map_or_else(live, |manifest| manifest.ticks_per_second)
    }

    /// The machine's hardware name.
    #[must_use]
    pub fn architecture(&self) -> String {
        let live = || rustix::system::uname().machine().to_string_lossy().into_owned();
        self.manifest().map_or_else(live, |manifest| manifest.architecture.clone())
    }

    /// Reads a whole file into `buffer`, which is emptied first.
    ///
    /// # Errors
    /// As `Host::fault` names it.
    pub fn read(&self, source: Source, buffer: &mut Vec<u8>) -> Result<Reach, Fault> {
        let place = source.place();
        let read = if source.is_machines() && self.manifest.is_none() {
            buffer.clear();
            self.kept.read(source, || self.root.at(place), MAX_FILE_BYTES, buffer)
        } else {
            let ends_short = source.comes_whole();
            self.read_place(place, Extent { limit: MAX_FILE_BYTES, ends_short }, buffer)
        };
        read.map_err(|errno| self.fault(place, errno))
    }

    /// Reads a whole file, opened now; the bare error, for `capture` to keep.
    ///
    /// # Errors
    /// open(2)'s or read(2)'s.
    pub fn read_raw(&self, place: Place, buffer: &mut Vec<u8>) -> Result<Reach, Errno> {
        self.read_place(place, Extent::up_to(MAX_FILE_BYTES), buffer)
    }

    /// Reads the first lines of a list that may have no end worth reading to: as many as lie within
    /// `limit` bytes.
    ///
    /// # Errors
    /// open(2)'s or read(2)'s.
    pub fn read_beginning(
        &self,
        source: Source,
        limit: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Errno> {
        self.read_place(source.place(), Extent::up_to(limit), buffer).map(drop)
    }

    fn read_place(
        &self,
        place: Place,
        extent: Extent,
        buffer: &mut Vec<u8>,
    ) -> Result<Reach, Errno> {
        buffer.clear();
        let recorded = self.recorded_error(place);
        // EFBIG on a manifest: the tree holds what was read of a longer file.
        if let Some(errno) = recorded.filter(|errno| *errno != Errno::FBIG) {
            return Err(errno);
        }
        // A link in the host's /etc means a place in the host, not in the probe's container.
        let file = match place {
            Place::Rootfs(file) if self.root.rootfs_dir() != Path::new("/") => {
                file::open_within(self.root.rootfs_dir(), file)?
            }
            Place::Rootfs(_) | Place::Proc(_) => file::open(&self.root.at(place))?,
        };
        let reach = file::read_to_end(file, extent, buffer)?;
        Ok(if recorded.is_some() { Reach::Limit } else { reach })
    }

    /// Reads `stat` of one process.
    ///
    /// # Errors
    /// open(2)'s or read(2)'s: ESRCH or ENOENT when the process has ended.
    pub fn read_process(&self, pid: u32, buffer: &mut Vec<u8>) -> Result<(), Errno> {
        buffer.clear();
        let file = file::open(&self.root.process(pid))?;
        file::read_to_end(file, Extent::up_to(MAX_FILE_BYTES), buffer)?.whole()
    }

    /// Numbers of the processes there are, in no order.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn processes(&self) -> Result<impl Iterator<Item = u32> + use<>, Errno> {
        let dir = std::fs::read_dir(self.root.proc_dir())
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(dir.filter_map(|entry| super::scan::number32(entry.ok()?.file_name().as_bytes())))
    }

    /// The target of a link.
    ///
    /// # Errors
    /// readlink(2)'s.
    pub fn link(&self, link: Link) -> Result<String, Errno> {
        let place = link.place();
        if let Some(errno) = self.recorded_error(place) {
            return Err(errno);
        }
        match self.manifest() {
            Some(manifest) => manifest.links.get(&place.to_string()).cloned().ok_or(Errno::NOENT),
            None => {
                let target =
                    rustix::fs::readlink(self.root.at(place), Vec::with_capacity(LINK_BYTES))?;
                Ok(target.to_string_lossy().into_owned())
            }
        }
    }

    /// What an error means: ABSENT for what this kernel lacks, DENIED for what is there and not shown
    /// to the probe, or MALFORMED for what should have been readable.
    #[must_use]
    pub fn fault(&self, place: Place, errno: Errno) -> Fault {
        if let Some(Err(error)) = self.manifest.as_deref() {
            return Fault { status: Status::Malformed, text: error.clone() };
        }
        let status = status(errno);
        let hidden = match status {
            Status::Absent => self.hidden(place),
            // hidepid=1 shows the directories and refuses what is in them, with EPERM.
            Status::Denied if errno == Errno::PERM && is_of_first_process(place) => {
                Some(PROCESSES_HIDDEN)
            }
            _ => None,
        };
        let (path, words) = (self.root.at(place), words(errno));
        match hidden {
            Some(mend) => Fault {
                status: Status::Denied,
                text: format!("{}: {words}: {mend}", path.display()),
            },
            None => Fault { status, text: format!("{}: {words}", path.display()) },
        }
    }

    /// Whether processes of others are shown; the fault when they are not.
    ///
    /// # Errors
    /// Process 1 is not to be seen.
    pub fn shows_processes(&self) -> Result<(), Fault> {
        let first = Place::Proc(FIRST_PROCESS);
        if self.is_there(first) { Ok(()) } else { Err(self.fault(first, Errno::NOENT)) }
    }

    /// Why a file is not shown that must be there: process 1 lives as long as its pid namespace, and
    /// some files are every kernel's. Where none of these is to be seen, nothing is known of others.
    fn hidden(&self, place: Place) -> Option<&'static str> {
        let Place::Proc(_) = place else { return None };
        if is_of_first_process(place) {
            return (!self.is_there(Place::Proc(FIRST_PROCESS))).then_some(PROCESSES_HIDDEN);
        }
        let every_kernels = [Source::Stat, Source::Loadavg, Source::Meminfo].map(Source::place);
        let hidden = every_kernels.contains(&place)
            || every_kernels.iter().all(|place| !self.is_there(*place));
        hidden.then_some(MACHINE_HIDDEN)
    }

    fn is_there(&self, place: Place) -> bool {
        self.root.at(place).exists()
    }

    fn manifest(&self) -> Option<&CaptureManifest> {
        self.manifest.as_deref().and_then(|manifest| manifest.as_ref().ok())
    }

    /// The error that the manifest has for this file, if any; any file's, when the manifest is unreadable.
    fn recorded_error(&self, place: Place) -> Option<Errno> {
        match self.manifest.as_deref() {
            None => None,
            Some(Err(_)) => Some(Errno::INVAL),
            Some(Ok(manifest)) if manifest.errors.is_empty() => None,
            Some(Ok(manifest)) => manifest.error(&place.to_string()),
        }
    }
}

fn read_manifest(file: impl AsFd) -> Result<CaptureManifest, String> {
    let mut bytes = Vec::new();
    file::read_to_end(file, Extent::up_to(MAX_FILE_BYTES), &mut bytes)
        .and_then(Reach::whole)
        .map_err(|errno| words(errno).into_owned())?;
    CaptureManifest::parse(&bytes)
}

fn is_of_first_process(place: Place) -> bool {
    matches!(place, Place::Proc(file) if file.split('/').next() == Some(FIRST_PROCESS))
}

/// The status that an error of open(2), read(2) or statvfs(2) stands for.
#[must_use]
pub fn status(errno: Errno) -> Status {
    match errno {
        Errno::ACCESS | Errno::PERM => Status::Denied,
        // NOTSUP: /proc/pressure with psi=0. SRCH: the process has ended meanwhile.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::NXIO
        | Errno::NODEV
        | Errno::NOSYS
        | Errno::OPNOTSUPP
        | Errno::SRCH => Status::Absent,
        _ => Status::Malformed,
    }
}

/// An error in words: `Permission denied (os error 13)`.
#[must_use]
pub fn words(errno: Errno) -> Cow<'static, str> {
    match errno {
        Errno::FBIG => format!("larger than {MAX_FILE_BYTES} bytes").into(),
        _ => std::io::Error::from(errno).to_string().into(),
    }
}

/// A path from the kernel's bytes.
#[must_use]
pub fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, Mode};

    use super::*;

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/pressure/cpu")).unwrap();
        std::fs::create_dir_all(dir.path().join("rootfs/etc")).unwrap();
        dir
    }

    fn read(dir: &tempfile::TempDir, source: Source) -> Result<Vec<u8>, Fault> {
        let mut buffer = b"left over".to_vec();
        Host::open(Root::captured(dir.path())).read(source, &mut buffer).map(|_| buffer)
    }

    #[test]
    fn a_file_is_read_whole_and_errors_have_a_status_and_a_path() {
        let dir = tree();
        let long = vec![b'x'; 3 * file::READ_BYTES + 1];
        std::fs::write(dir.path().join("proc/stat"), &long).unwrap();
        assert_eq!(read(&dir, Source::Stat).unwrap(), long);
        let absent = read(&dir, Source::Vmstat).unwrap_err();
        assert_eq!(absent.status, Status::Absent);
        assert!(absent.text.contains("/proc/vmstat: No such file"), "{}", absent.text);
        assert_eq!(read(&dir, Source::PressureCpu).unwrap_err().status, Status::Malformed);
    }

    #[test]
    fn of_a_file_past_the_limit_the_whole_lines_within_it_are_read() {
        let dir = tree();
        let line = [&[b'x'; 999][..], b"\n"].concat();
        std::fs::write(dir.path().join("proc/stat"), line.repeat(5_000)).unwrap();
        let host = Host::open(Root::captured(dir.path()));
        let mut buffer = Vec::new();
        assert_eq!(host.read(Source::Stat, &mut buffer), Ok(Reach::Limit));
        assert_eq!(buffer, line.repeat(MAX_FILE_BYTES / 1_000));
        // One line without end is none.
        std::fs::write(dir.path().join("proc/stat"), vec![b'x'; MAX_FILE_BYTES + 1]).unwrap();
        assert_eq!(host.read(Source::Stat, &mut buffer), Ok(Reach::Limit));
        assert_eq!(buffer, b"");
    }

    /// What a probe finds in a procfs with hidepid=2, in one with subset=pid, and in both.
    #[test]
    fn what_every_kernel_has_is_hidden_and_never_absent() {
        let dir = tree();
        let found = |source| {
            let fault = read(&dir, source).unwrap_err();
            let hidden = ["ProtectProc=", "ProcSubset="].map(|unit| fault.text.contains(unit));
            (fault.status, hidden)
        };
        let processes = (Status::Denied, [true, false]);
        let machine = (Status::Denied, [false, true]);
        let absent = (Status::Absent, [false, false]);
        assert_eq!([Source::NetDev, Source::Sockstat6].map(found), [processes; 2]);
        assert_eq!([Source::Meminfo, Source::Vmstat, Source::FileNr].map(found), [machine; 3]);
        assert_eq!(found(Source::OsRelease), absent);

        std::fs::create_dir(dir.path().join("proc/1")).unwrap();
        std::fs::write(dir.path().join("proc/stat"), "cpu 1 2 3 4").unwrap();
        assert_eq!([Source::NetDev, Source::Vmstat, Source::FileNr].map(found), [absent; 3]);
        assert_eq!([Source::Meminfo, Source::Loadavg].map(found), [machine; 2]);
    }

    #[test]
    fn a_link_in_the_hosts_etc_stays_in_the_host() {
        let dir = tree();
        std::fs::write(dir.path().join("rootfs/real"), "the host's").unwrap();
        std::os::unix::fs::symlink("/real", dir.path().join("rootfs/etc/hostname")).unwrap();
        assert_eq!(read(&dir, Source::EtcHostname).unwrap(), b"the host's");
    }

    #[test]
    fn a_fifo_does_not_block() {
        let dir = tree();
        let path = dir.path().join("proc/loadavg");
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert_eq!(read(&dir, Source::Loadavg).unwrap(), b"");
    }

    #[test]
    fn a_bad_manifest_is_said_and_nothing_is_guessed() {
        let dir = tree();
        std::fs::write(dir.path().join("proc/stat"), "cpu 1 2 3 4").unwrap();
        std::fs::write(dir.path().join("proc/captured.json"), "{").unwrap();
        let fault = read(&dir, Source::Stat).unwrap_err();
        assert_eq!(fault.status, Status::Malformed);
        assert!(fault.text.contains("captured.json: EOF"), "{}", fault.text);
    }

    #[test]
    fn a_manifest_past_the_limit_is_told_and_never_taken_for_a_live_host() {
        let dir = tree();
        std::fs::write(dir.path().join("proc/stat"), "cpu 1 2 3 4").unwrap();
        let manifest = std::fs::File::create(dir.path().join("proc/captured.json")).unwrap();
        manifest.set_len(MAX_FILE_BYTES as u64 + 1).unwrap();
        let fault = read(&dir, Source::Stat).unwrap_err();
        assert!(fault.text.ends_with("captured.json: larger than 4194304 bytes"), "{}", fault.text);
    }
}
