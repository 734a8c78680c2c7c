//! Where the host's files are. The only place that joins paths, so that the whole probe can be
//! pointed at a container's bind mounts (`--proc /host/proc --rootfs /host`) or at a captured tree.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

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

    /// A path as the host knows it (`/etc/machine-id`, a mount point), as the probe sees it.
    #[must_use]
    pub fn host(&self, path: impl AsRef<OsStr>) -> PathBuf {
        let path = Path::new(path.as_ref());
        self.rootfs.join(path.strip_prefix("/").unwrap_or(path))
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
        assert_eq!(root.host("/etc/machine-id"), Path::new("/host/etc/machine-id"));
        assert_eq!(root.host("/"), Path::new("/host"));
    }
}
