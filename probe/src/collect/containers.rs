//! Containers: the groups that engines make for them, with their names where these may be read. Without
//! root and without an engine's socket.
//!
//! Off by default: a host without containers costs a list and a few looks, about 20 us. On others the rest is done aside, on a thread
//! that may be left to itself: names lie on a disk. Every group is read for its CPU time and memory, and
//! only the largest by these in full: `memory.stat` costs the kernel a sum over all CPUs.

pub mod path;
pub mod find;
pub mod values;
pub mod names;
pub mod sweep;

use std::{sync::Arc, time::Instant};

use roundsman_proto::v1::{self, Status};

use self::sweep::read;
use super::{
    aside::{Aside, Begun},
    cgroup::Tree,
    host::{Host, status, words},
    report::Report,
};
use crate::root::CGROUPS;

/// The values, and what was wrong.
type Outcome = (Option<v1::Containers>, Status, String);

/// Where they are read.
pub type Reader = Aside<Arc<Outcome>>;

/// Containers that are being read; none where there are none.
#[derive(Debug)]
pub struct Survey(Option<Begun<Arc<Outcome>>>);

/// Looks whether there may be containers, and if so begins to read them: what is not read by `until` is
/// left out.
pub fn begin(
    host: &Host,
    reader: &Arc<Reader>,
    until: Instant,
    report: &mut Report,
) -> Option<Survey> {
    let tree = match Tree::open(host) {
        Ok(tree) => tree,
        Err(fault) => {
            report.note(fault.status, fault.text);
            return None;
        }
    };
    match find::may_be_there(&tree) {
        Ok(false) => Some(Survey(None)),
        Ok(true) => {
            let host = host.clone();
            Some(Survey(Some(reader.begin(move || Arc::new(read(&host, &tree, until))))))
        }
        Err(errno) => {
            let path = host.root().at(CGROUPS);
            report.note(status(errno), format_args!("{}: {}", path.display(), words(errno)));
            None
        }
    }
}

impl Survey {
    /// Waits until `until`.
    #[must_use]
    pub fn finish(self, until: Instant) -> Outcome {
        match self.0.map(|begun| begun.finish(until)) {
            None => (Some(v1::Containers::default()), Status::Ok, String::new()),
            Some(Ok(outcome)) => Outcome::clone(&outcome),
            Some(Err(none)) => (None, Status::Hung, format!("containers: {none}")),
        }
    }
}
