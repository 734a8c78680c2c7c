//! `show`: two readings of this host, printed.

use std::{process::ExitCode, thread, time::Duration};

use anyhow::Context as _;
use clap::Args;
use roundsman_probe::{
    clock::{self, Clocks},
    collect::{Collector, Wanted},
    root::Root,
    service, show,
};
use roundsman_proto::v1;

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Time between the two readings that rates are computed from: 200ms, 1s, 1m
    #[arg(
        long,
        value_name = "TIME",
        env = "ROUNDSMAN_PROBE_INTERVAL",
        hide_env_values = true,
        default_value = "1s",
        value_parser = super::time
    )]
    interval: Duration,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(&self, root: Root) -> anyhow::Result<ExitCode> {
        let collector = Collector::new(root);
        let wanted = Wanted::new(&v1::GetMetricsRequest::default())?;
        let read =
            || collector.collect(&wanted, Clocks::now(), clock::now() + service::MAX_COLLECT);
        let before = read();
        thread::sleep(self.interval);
        let document = show::document(&before, &read());
        if self.json {
            let text = serde_json::to_string_pretty(&document).context("cannot write JSON")?;
            super::print(&format!("{text}\n"))?;
        } else {
            super::print(&show::tables(&document))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
