//! Where the groups of containers are.

use std::{collections::VecDeque, ops::ControlFlow};

use roundsman_proto::v1::Status;
use rustix::io::Errno;

use super::{
    super::{
        cgroup::{self, Tree},
        host::words,
        report::Report,
        scan::{excerpt, split_once},
    },
    path::{self, Named},
};

/// Most groups of containers that are read.
pub const MAX_GROUPS: usize = 1_000;
/// Most groups that are listed to find them.
pub const MAX_LISTED: usize = 1_024;
/// Most groups that are seen in these lists.
pub const MAX_SEEN: usize = 8_192;
/// How deep they are looked for: a user's own engine makes them at the fifth level.
pub const MAX_DEPTH: usize = 6;
/// Longest path of a group below the top, bytes.
pub const MAX_GROUP_PATH_BYTES: usize = 1_024;

/// The two slices that every host with systemd has.
const SYSTEM: &[u8] = b"system.slice";
const USER: &[u8] = b"user.slice";
/// Engines whose containers may be beside them in `system.slice`.
pub const ENGINES: [&str; 3] = [
    "system.slice/docker.service",
    "system.slice/containerd.service",
    "system.slice/snap.docker.dockerd.service",
];
/// What LXC has beside its containers, and what systemd has for instances of one unit.
const NONE_BELOW: [&[u8]; 3] = [b"lxc.monitor.", b"lxc.pivot", b"system-"];

/// Whether it is worth listing every slice: a few looks, on a host without containers.
///
/// # Errors
/// The top cannot be listed.
pub fn may_be_there(tree: &Tree) -> Result<bool, Errno> {
    let (mut is_made, mut is_system, mut is_user) = (false, false, false);
    cgroup::groups_in(tree.group(b"")?, |name, _| {
        match name {
            SYSTEM => is_system = true,
            USER => is_user = true,
            _ => is_made |= is_way(name) || path::container(b"", name).is_some(),
        }
        if is_made { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(is_made
        || (is_system && ENGINES.iter().any(|engine| tree.has(engine)))
        || (is_user && tree.may_hold_groups("user.slice") && is_there_for_users(tree)))
}

/// An engine without root has its containers in the `user.slice` of the user's own manager.
fn is_there_for_users(tree: &Tree) -> bool {
    let mut is_there = false;
    let Ok(users) = tree.group(USER) else { return false };
    let _listed = cgroup::groups_in(users, |name, _| {
        let user = name.strip_prefix(b"user-").and_then(|rest| rest.strip_suffix(b".slice"));
        let user = user.and_then(|user| std::str::from_utf8(user).ok());
        is_there |= user.is_some_and(|user| {
            tree.has(&format!("user.slice/user-{user}.slice/user@{user}.service/user.slice"))
        });
        if is_there { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    is_there
}

/// Whether containers are looked for in a group of this name.
fn is_way(name: &[u8]) -> bool {
    path::leads_on(name) && !NONE_BELOW.iter().any(|begin| name.starts_with(begin))
}

/// A group of a container.
#[derive(Debug)]
pub struct Found {
    /// Its path from the top.
    pub path: Vec<u8>,
    /// Its inode.
    pub inode: u64,
    /// What its path says.
    pub named: Named,
}

/// All that there are, in the order of their paths; of more than [`MAX_GROUPS`] the first that were
/// found, and how many there are.
#[derive(Debug, Default)]
pub struct All {
    /// Those that are read.
    pub groups: Vec<Found>,
    /// How many there are.
    pub count: usize,
}

/// Looks for them. What cannot be listed is told and passed over.
pub fn all(tree: &Tree, report: &mut Report) -> All {
    let mut all = All::default();
    let mut ways = VecDeque::from([(Vec::new(), 0)]);
    let (mut listed, mut seen) = (0, 0);
    while let Some((path, depth)) = ways.pop_front() {
        if listed == MAX_LISTED || seen >= MAX_SEEN {
            let text = format_args!(
                "containers are not looked for past {MAX_LISTED} groups with others in them, or {MAX_SEEN} in all"
            );
            report.note(Status::Partial, text);
            break;
        }
        listed += 1;
        let list = |name: &[u8], inode| {
            seen += 1;
            let below = [&path[..], if path.is_empty() { b"" } else { b"/" }, name].concat();
            if below.len() > MAX_GROUP_PATH_BYTES {
                return ControlFlow::Continue(());
            }
            if let Some(named) = path::container(&path, name) {
                all.count += 1;
                if all.groups.len() < MAX_GROUPS {
                    all.groups.push(Found { path: below, inode, named });
                }
            } else if depth < MAX_DEPTH && ways.len() < MAX_LISTED && is_way(name) {
                ways.push_back((below, depth + 1));
            }
            if seen < MAX_SEEN { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let read = tree.group(&path).and_then(|group| cgroup::groups_in(group, list));
        match read {
            // It has ended since it was listed.
            Ok(()) | Err(Errno::NOENT | Errno::NODEV) => {}
            Err(errno) => {
                let group = excerpt(last(&path));
                let text = format_args!("{group}: not listed: {}", words(errno));
                report.note(super::super::host::status(errno), text);
            }
        }
    }
    let cut = all.count - all.groups.len();
    if cut > 0 {
        report
            .note(Status::Partial, format_args!("{cut} containers past the limit of {MAX_GROUPS}"));
    }
    all.groups.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    all
}

fn last(path: &[u8]) -> &[u8] {
    let mut rest = path;
    while let Some((_, after)) = split_once(rest, b'/') {
        rest = after;
    }
    rest
}
