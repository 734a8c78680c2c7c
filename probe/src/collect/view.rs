//! Whose `/proc` this is: the host's, a container's, or it cannot be told. Proven, never guessed.
//!
//! `<proc>` is the host's when its process 1 is the host's init, that is, when this procfs belongs
//! to the **initial pid namespace**. (Then `<proc>/1/net` and `<proc>/1/mountinfo` are the host's
//! network and mounts, wherever the probe itself runs.) In order, each deciding when it can be read:
//!
//! 1. `1/mountinfo` must be readable. If it is not (hidepid, an LSM) nothing is known of process 1.
//! 2. The link `1/ns/pid`. The initial pid namespace has a fixed number, `PROC_PID_INIT_INO`
//!    (include/linux/proc_ns.h, since 3.8). Reading it needs ptrace rights over process 1.
//! 3. The link `self/ns/pid`, which everybody may read of himself. A procfs shows processes of its own
//!    pid namespace and of those below it. So one that shows the reader (else `self` leads nowhere),
//!    who is in the initial namespace, below none, belongs to it.
//! 4. `2/stat`, readable by all. In the initial pid namespace process 2 is kthreadd, a kernel thread;
//!    in any other, kernel threads do not appear at all. The flag PF_KTHREAD is the kernel's word,
//!    the name alone would not be: any program may call itself so. That process 2 is missing proves
//!    nothing: hidepid may hide it.
//! 5. `self/status`: a single number in NSpid (since 4.1) says that this procfs is of the reader's
//!    own pid namespace, and so of the one that 3 has named.

use roundsman_proto::v1::View;
use rustix::io::Errno;

use super::{
    processes,
    reading::Reading,
    scan::{lines, words},
    source::{Link, Source},
};

/// The initial pid namespace: `PROC_PID_INIT_INO`, 0xEFFFFFFC.
const INITIAL_PID: &str = "pid:[4026531836]";
/// The initial UTS namespace: `PROC_UTS_INIT_INO`, 0xEFFFFFFE.
const INITIAL_UTS: &str = "uts:[4026531838]";
/// A kernel thread, in the flags of `stat` (include/linux/sched.h).
const PF_KTHREAD: u32 = 0x0020_0000;

/// A view and what it was concluded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Whose values these are.
    pub view: View,
    /// Why, in words, for `doctor`.
    pub because: String,
}

fn evidence(view: View, because: impl Into<String>) -> Evidence {
    Evidence { view, because: because.into() }
}

/// Whose `/proc` is being read.
#[must_use]
pub fn prove(reading: &mut Reading<'_>) -> Evidence {
    if let Err(fault) = reading.mountinfo() {
        return evidence(View::Unknown, fault.text.clone());
    }
    match reading.host().link(Link::InitPid) {
        Ok(link) if link == INITIAL_PID => {
            return evidence(View::Host, "process 1 is in the initial pid namespace");
        }
        Ok(link) => return evidence(View::Container, format!("process 1 is in {link}")),
        Err(_) => {}
    }
    let own = reading.host().link(Link::OwnPid);
    if own.as_deref() == Ok(INITIAL_PID) {
        let because = "the probe itself is in the initial pid namespace, and so is this /proc";
        return evidence(View::Host, because);
    }
    if let Some(found) = by_second_process(reading) {
        return found;
    }
    if let Some(found) = own.ok().and_then(|own| by_own_namespace(reading, &own)) {
        return found;
    }
    evidence(
        View::Unknown,
        "neither the pid namespace of process 1, nor process 2, nor the probe's own place in it \
         can be read",
    )
}

fn by_second_process(reading: &mut Reading<'_>) -> Option<Evidence> {
    let stat = processes::parse(reading.bytes(Source::SecondStat).ok()?)?;
    Some(if stat.flags & PF_KTHREAD != 0 {
        evidence(View::Host, format!("process 2 is the kernel's thread {}", stat.comm))
    } else {
        evidence(View::Container, format!("process 2 is the program {}", stat.comm))
    })
}

/// Of a reader who is in the pid namespace `own`, which is not the initial one.
fn by_own_namespace(reading: &mut Reading<'_>, own: &str) -> Option<Evidence> {
    let status = reading.bytes(Source::OwnStatus).ok()?;
    let pids = lines(status).find_map(|line| line.strip_prefix(b"NSpid:"))?;
    let because = || format!("the probe itself is in {own}, and so is this /proc");
    (words(pids).count() == 1).then(|| evidence(View::Container, because()))
}

/// Whether the reader's nodename is the host's: it runs in the initial UTS namespace, or on a
/// kernel that has no links to namespaces (before 3.0), where containers were not yet known.
#[must_use]
pub fn has_hosts_nodename(reading: &mut Reading<'_>, view: View) -> bool {
    match reading.host().link(Link::OwnUts) {
        Ok(link) => link == INITIAL_UTS,
        Err(Errno::NOENT) => view == View::Host && !has_namespace_links(reading),
        Err(_) => false,
    }
}

fn has_namespace_links(reading: &Reading<'_>) -> bool {
    !matches!(reading.host().link(Link::OwnPid), Err(Errno::NOENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        collect::{host::Host, manifest::CaptureManifest},
        root::Root,
    };

    /// What is concluded from the reader's own namespace, when nothing else can be read.
    fn seen_from(own: &str) -> Evidence {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc/1")).unwrap();
        std::fs::write(dir.path().join("proc/1/mountinfo"), "1 0 8:1 / / rw - ext4 a rw\n")
            .unwrap();
        let mut manifest = CaptureManifest::new(4096, 100, "x86_64".to_owned());
        manifest.errors.insert("proc/1/ns/pid".to_owned(), Errno::ACCESS.raw_os_error());
        manifest.links.insert("proc/self/ns/pid".to_owned(), own.to_owned());
        let manifest = serde_json::to_vec(&manifest).unwrap();
        std::fs::write(dir.path().join("proc/captured.json"), manifest).unwrap();
        prove(&mut Reading::new(&Host::open(Root::captured(dir.path()))))
    }

    #[test]
    fn a_reader_in_the_initial_namespace_sees_its_procfs() {
        let seen = seen_from(INITIAL_PID);
        assert_eq!(seen.view, View::Host);
        assert!(seen.because.starts_with("the probe itself is in the initial"), "{seen:?}");
        // In another, this procfs may be of any namespace above it.
        assert_eq!(seen_from("pid:[4026532411]").view, View::Unknown);
    }
}
