//! Hosts that are pretended, for a look at a fleet: `roundsman-fleet` on a thread and ports of its own, some
//! of its hosts with faults from the beginning.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::mpsc,
    thread,
};

use roundsman_fleet::{fleet::Fleet, plan::Plan};
use tokio::sync::oneshot;

use super::super::CliError;

/// The most hosts of a demo's fleet: each takes a port of 127.0.0.1 and, while it is polled, two descriptors.
pub(super) const MAX_SIMULATED: u32 = 250;

/// Which host has a fault, by number, and which. A small fleet has the first of them.
const FAULTS: [(u32, &str); 6] = [
    (3, "refuse"),
    (5, "flapping=40s/20s"),
    (8, "slow=400ms"),
    (11, "hang-after-accept"),
    (14, "stepping-clock=5s"),
    (17, "dead-window=45s..3m"),
];

/// A running fleet. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub(super) struct DemoFleet {
    /// Its hosts, for an inventory.
    pub(super) inventory: String,
    _stop: oneshot::Sender<()>,
}

impl DemoFleet {
    /// Starts so many probes on free ports of loopback.
    pub(super) fn start(hosts: u32) -> Result<Self, CliError> {
        let failed = |error: &dyn std::fmt::Display| {
            CliError::Failed(format!("cannot start a fleet of {hosts} hosts on 127.0.0.1: {error}"))
        };
        let faults = FAULTS.iter().filter(|(number, _)| *number <= hosts);
        let behave = faults.map(|(number, fault)| format!("#{number}={fault}").parse());
        let behave = behave.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let plan = Plan { hosts, address, port: 0, ports: true, behave, ..Plan::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let (tell, told) = mpsc::sync_channel(1);
        let (stop, stopping) = oneshot::channel::<()>();
        let work = move || {
            runtime.block_on(async move {
                let fleet = Fleet::start(&plan);
                // Whoever starts it waits for this.
                let _ = tell
                    .send(fleet.as_ref().map(|it| it.inventory(None)).map_err(ToString::to_string));
                // Nothing is ever sent: the other end is dropped.
                let _ = stopping.await;
                drop(fleet);
            });
        };
        let spawned = thread::Builder::new().name("fleet".to_owned()).spawn(work);
        spawned.map_err(|error| failed(&error))?;
        let inventory = told.recv().map_err(|error| failed(&error))?;
        Ok(Self { inventory: inventory.map_err(|error| failed(&error))?, _stop: stop })
    }
}
