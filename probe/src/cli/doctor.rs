//! `doctor`: every family read once, the findings printed.

use std::process::ExitCode;

use clap::Args;
use roundsman_probe::{
    clock::{self, Clocks},
    collect::{Collector, Wanted},
    doctor::{Proof, Surroundings, examine},
    health,
    root::Root,
    service,
};
use roundsman_proto::v1;

/// Exit code 1 when something needed is missing.
#[derive(Debug, Args)]
pub(super) struct Doctor {}

impl Doctor {
    pub(super) fn run(&self, root: Root) -> anyhow::Result<ExitCode> {
        let request = v1::GetMetricsRequest {
            families: health::families().map(Into::into).collect(),
            ..v1::GetMetricsRequest::default()
        };
        let collector = Collector::new(root);
        let until = clock::now() + service::MAX_COLLECT;
        let snapshot = collector.collect(&Wanted::new(&request)?, Clocks::now(), until);
        let proof = Proof { view: collector.view(), rootfs_is_hosts: collector.rootfs_is_hosts() };
        let examination = examine(collector.root(), &proof, &Surroundings::read(), &snapshot);
        super::print(&examination.to_string())?;
        Ok(if examination.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
