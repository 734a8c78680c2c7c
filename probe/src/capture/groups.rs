//! The part of a tree that containers are read from: their groups, and of the files that name them no
//! more than that.

use std::collections::BTreeSet;

use super::{CaptureError, Tree};
use crate::{
    collect::{
        cgroup::{self, CONTROLLERS, MAX_GROUP_FILE_BYTES},
        containers::{
            find::{self, ENGINES},
            names::Names,
            sweep::{DEVICES, FILES, open_rootfs},
        },
        host::Host,
        report::Report,
        scan::{lines, text, words},
    },
    root::{CGROUPS, Place},
};

/// Copies the groups of containers, with what says that there are some.
pub(super) fn copy(host: &Host, tree: &mut Tree<'_>) -> Result<(), CaptureError> {
    let Ok(groups) = cgroup::Tree::open(host) else { return Ok(()) };
    let mut buffer = Vec::new();
    copy_file(&groups, b"", CONTROLLERS, &mut buffer, tree)?;
    for engine in ENGINES {
        copy_file(&groups, engine.as_bytes(), CONTROLLERS, &mut buffer, tree)?;
    }
    let rootfs = open_rootfs(host);
    let mut names = Names::new(rootfs.as_ref());
    let (mut devices, mut named) = (BTreeSet::new(), BTreeSet::new());
    for found in find::all(&groups, &mut Report::default()).groups {
        for file in FILES {
            let is_there = copy_file(&groups, &found.path, file, &mut buffer, tree)?;
            if is_there && file == "io.stat" {
                devices.extend(lines(&buffer).filter_map(|line| words(line).next()).map(text));
            }
        }
        for (file, kept) in names.captured(&found.named) {
            if named.insert(file.clone()) {
                tree.write(&format!("{}{file}", Place::Rootfs("")), &kept)?;
            }
        }
        let inode = host.captured_inode(&found.path).unwrap_or(found.inode);
        tree.manifest.groups.insert(text(&found.path), inode);
    }
    for device in devices.iter().filter(|device| is_number(device)) {
        let link = format!("{DEVICES}/{device}");
        let Some(rootfs) = &rootfs else { continue };
        if let Ok(target) = rustix::fs::readlinkat(rootfs, &link, Vec::new()) {
            tree.link(&format!("{}{link}", Place::Rootfs("")), &target.to_string_lossy())?;
        }
    }
    Ok(())
}

/// Copies a file of a group; whether it is there. A group whose name is no text has no place in a tree.
fn copy_file(
    groups: &cgroup::Tree,
    path: &[u8],
    file: &str,
    buffer: &mut Vec<u8>,
    tree: &mut Tree<'_>,
) -> Result<bool, CaptureError> {
    let Ok(name) = std::str::from_utf8(path) else { return Ok(false) };
    // Of what is too long so much that it is too long in the copy.
    let limit = 2 * MAX_GROUP_FILE_BYTES;
    let read = groups.group(path).and_then(|group| cgroup::read(group, file, limit, buffer));
    if read.is_err() {
        return Ok(false);
    }
    let below = if name.is_empty() { String::new() } else { format!("{name}/") };
    tree.write(&format!("{CGROUPS}/{below}{file}"), buffer)?;
    Ok(true)
}

/// Major and minor: the kernel writes nothing else, but a tree may have been made by hand.
fn is_number(device: &str) -> bool {
    device.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
}
