//! Where the host's files are. The only place that joins paths, so that the whole probe can be
//! pointed at a container's bind mounts (`--proc /host/proc --rootfs /host`) or at a captured tree.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
};

/// The probe's own memory, `statm` of its own process: the probe's, whatever host it looks at.
pub const OWN_STATM: &str = "/proc/self/statm";

/// The kernel's tree of devices.
pub const SYSFS: Place = Place::Rootfs("sys");

/// The kernel's tree of control groups.
pub const CGROUPS: Place = Place::Rootfs("sys/fs/cgroup");

/// What sysfs holds of one device: in which class, of which device, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node<'a> {
    /// `net` or `block`.
    pub class: &'static str,
    /// Its name, as in `1/net/dev` or `diskstats`.
    pub device: &'a str,
    /// A file or link of it; none is the device's own entry, which links to its place in the tree.
    pub file: Option<&'static str>,
}

/// Its place below `/sys`: `class/net/eth0`, `class/block/cciss!c0d0`. The kernel has `!` there for a
/// `/` in a name.
impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "class/{}/", self.class)?;
        for (index, part) in self.device.split('/').enumerate() {
            f.write_str(if index == 0 { "" } else { "!" })?;
            f.write_str(part)?;
        }
        self.file.map_or(Ok(()), |file| write!(f, "/{file}"))
    }
}

/// A file of the host: which of the two roots it is under, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Under the host's `/proc`: `stat`, `1/net/dev`.
    Proc(&'static str),
    /// Under the host's `/`: `etc/machine-id`.
    Rootfs(&'static str),
}

impl Place {
    /// Its path below its root.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Proc(file) | Self::Rootfs(file) => file,
        }
    }
}

/// The name of the file inside a captured tree: `proc/1/net/dev`, `rootfs/etc/machine-id`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proc(file) => write!(f, "proc/{file}"),
            Self::Rootfs(file) => write!(f, "rootfs/{file}"),
        }
    }
}

/// The two roots that everything is read under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    proc: PathBuf,
    rootfs: PathBuf,
}

impl Default for Root {
    fn default() -> Self {
        Self::new("/proc", "/")
    }
}

impl Root {
    /// `proc` is the host's `/proc`, `rootfs` the host's `/`, both as the probe sees them.
    pub fn new(proc: impl Into<PathBuf>, rootfs: impl Into<PathBuf>) -> Self {
        Self { proc: proc.into(), rootfs: rootfs.into() }
    }

    /// The two roots of a tree that `capture` made under `dir`: `dir/proc` and `dir/rootfs`.
    #[must_use]
    pub fn captured(dir: &Path) -> Self {
        Self::new(dir.join("proc"), dir.join("rootfs"))
    }

    /// A file under the host's `/proc`, `file` relative: `stat`, `sys/fs/file-nr`.
    #[must_use]
    pub fn proc(&self, file: &str) -> PathBuf {
        self.proc.join(file)
    }

    /// A file of the host's first process, whose namespaces are the host's: `net/dev`, `mountinfo`.
    /// Never `<proc>/net/...`, which is a link to the reader's own namespace.
    #[must_use]
    pub fn init(&self, file: &str) -> PathBuf {
        self.proc.join("1").join(file)
    }

    /// `stat` of one process, by its number in the host's `/proc`.
    #[must_use]
    pub fn process(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string()).join("stat")
    }

    /// A path as the host knows it (`/etc/machine-id`, a mount point), as the probe sees it.
    #[must_use]
    pub fn host(&self, path: impl AsRef<OsStr>) -> PathBuf {
        let path = Path::new(path.as_ref());
        self.rootfs.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A file of the host.
    #[must_use]
    pub fn at(&self, place: Place) -> PathBuf {
        match place {
            Place::Proc(file) => self.proc.join(file),
            Place::Rootfs(file) => self.rootfs.join(file),
        }
    }

    /// The host's `/proc`, as the probe sees it.
    #[must_use]
    pub fn proc_dir(&self) -> &Path {
        &self.proc
    }

    /// The host's `/`, as the probe sees it.
    #[must_use]
    pub fn rootfs_dir(&self) -> &Path {
        &self.rootfs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_under_its_root() {
        let root = Root::new("/host/proc", "/host");
        assert_eq!(root.proc("stat"), Path::new("/host/proc/stat"));
        assert_eq!(root.init("net/dev"), Path::new("/host/proc/1/net/dev"));
        assert_eq!(root.process(42), Path::new("/host/proc/42/stat"));
        assert_eq!(root.host("/etc/machine-id"), Path::new("/host/etc/machine-id"));
        assert_eq!(root.host("/"), Path::new("/host"));
        assert_eq!(root.at(Place::Proc("1/net/dev")), root.init("net/dev"));
        assert_eq!(root.at(Place::Rootfs("etc/hostname")), root.host("/etc/hostname"));
    }

    #[test]
    fn a_device_has_its_place_in_sysfs() {
        let node = |class, device, file| Node { class, device, file }.to_string();
        assert_eq!(node("net", "eth0", None), "class/net/eth0");
        assert_eq!(
            node("net", "eth0", Some("device/subsystem")),
            "class/net/eth0/device/subsystem"
        );
        assert_eq!(node("block", "cciss/c0d0p1", None), "class/block/cciss!c0d0p1");
    }

    #[test]
    fn a_captured_tree_has_both_roots_and_names_its_files_alike() {
        let root = Root::captured(Path::new("/tmp/tree"));
        for place in [Place::Proc("1/mountinfo"), Place::Rootfs("etc/os-release")] {
            assert_eq!(root.at(place), Path::new("/tmp/tree").join(place.to_string()));
        }
    }
}
