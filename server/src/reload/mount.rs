//! Reads the table of mounts for one question: is this file a mount whose source was deleted?

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

/// What the kernel appends to the root of a mount whose source has no name left (proc(5)).
const DELETED: &str = "//deleted";

/// Whether `mountinfo` (the text of `/proc/self/mountinfo`) says that the mount at `path` shows a
/// file that was deleted. Of several mounts at one place the last is on top.
pub(super) fn is_deleted(mountinfo: &str, path: &Path) -> bool {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = path.canonicalize().unwrap_or(path);
    mountinfo
        .lines()
        .filter_map(|line| {
            // 36 35 98:0 /root /mount/point options … : root and mount point are fields 4 and 5.
            let mut fields = line.split(' ').skip(3);
            Some((fields.next()?, fields.next()?))
        })
        .rfind(|(_, mount_point)| unescape(mount_point) == path)
        .is_some_and(|(root, _)| root.ends_with(DELETED))
}

/// A path as the kernel escapes it: space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(octal.unwrap_or(bytes[at]));
        at += if octal.is_some() { 4 } else { 1 };
    }
    PathBuf::from(OsStr::from_bytes(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
90 22 254:1 /srv/hosts.toml//deleted /etc/gone.toml rw - ext4 /dev/vda1 rw
91 22 254:1 /srv/a\\040b.toml//deleted /etc/a\\040b.toml rw - ext4 /dev/vda1 rw
92 22 254:1 /srv/there.toml /etc/there.toml rw - ext4 /dev/vda1 rw
93 22 254:1 /srv/old.toml//deleted /etc/again.toml rw - ext4 /dev/vda1 rw
94 22 254:1 /srv/new.toml /etc/again.toml rw - ext4 /dev/vda1 rw
short line
";

    #[test]
    fn the_mount_on_top_at_the_place_counts() {
        let deleted = |path: &str| is_deleted(MOUNTS, Path::new(path));
        assert!(deleted("/etc/gone.toml"));
        assert!(deleted("/etc/a b.toml"));
        assert!(!deleted("/etc/there.toml"));
        assert!(!deleted("/etc/again.toml"));
        assert!(!deleted("/etc/other.toml"));
        assert!(!is_deleted("", Path::new("/etc/gone.toml")));
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape("/a\\040b\\134c"), Path::new("/a b\\c"));
        assert_eq!(unescape("/a\\04"), Path::new("/a\\04"));
        assert_eq!(unescape("/a\\xyz"), Path::new("/a\\xyz"));
    }
}
