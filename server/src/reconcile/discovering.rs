//! A task per discovered name: looks at its addresses again and again, and hands on what it saw.
//! A name server that is silent holds up nothing but its own name.

use std::{collections::HashSet, sync::Arc};

use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use crate::{
    discover::{Finder, LookError},
    inventory::{Discovery, MIN_REFRESH, ProbedAddress},
    live::Live,
};

/// Looks that may wait to be heard; a task whose look is not heard makes no other.
pub(crate) const LOOKS: usize = 16;

/// What one look showed.
#[derive(Debug)]
pub(crate) struct DiscoveryResult {
    pub(super) discovery: Discovery,
    pub(super) seen: Result<Vec<ProbedAddress>, LookError>,
}

/// The tasks.
pub(super) struct Discovering {
    finder: Finder,
    live: Arc<Live>,
    looks: mpsc::Sender<DiscoveryResult>,
    tasks: Vec<(Discovery, JoinHandle<()>)>,
}

impl Discovering {
    /// No name is followed yet.
    pub(super) fn new(
        finder: Finder,
        live: Arc<Live>,
        looks: mpsc::Sender<DiscoveryResult>,
    ) -> Self {
        Self { finder, live, looks, tasks: Vec::new() }
    }

    /// Follows these names and no others. One that is followed already goes on undisturbed.
    pub(super) fn follow(&mut self, discoveries: &[Discovery]) {
        self.tasks.retain(|(discovery, task)| {
            let stays = discoveries.contains(discovery);
            if !stays {
                task.abort();
            }
            stays
        });
        for discovery in discoveries {
            if self.tasks.iter().any(|(followed, _)| followed == discovery) {
                continue;
            }
            let (finder, live) = (self.finder.clone(), Arc::clone(&self.live));
            let following = follow(finder, live, discovery.clone(), self.looks.clone());
            self.tasks.push((discovery.clone(), tokio::spawn(following)));
        }
    }
}

impl Drop for Discovering {
    fn drop(&mut self) {
        for (_, task) in &self.tasks {
            task.abort();
        }
    }
}

async fn follow(
    finder: Finder,
    live: Arc<Live>,
    discovery: Discovery,
    looks: mpsc::Sender<DiscoveryResult>,
) {
    loop {
        let seen = finder.look(&discovery, || well(&live)).await;
        // A name that is not there yet, as when its service is just being started, comes any moment.
        let pause = if seen.is_ok() { discovery.refresh } else { MIN_REFRESH };
        if looks.send(DiscoveryResult { discovery: discovery.clone(), seen }).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}

/// The addresses at which a host answered when it was polled last.
fn well(live: &Live) -> HashSet<Arc<str>> {
    let answers = |host: &Arc<crate::live::HostView>| {
        let last = host.last.as_ref().filter(|last| last.outcome.has_values())?;
        last.address.clone()
    };
    live.hosts().iter().filter_map(answers).collect()
}
