//! `capture`: this host's files as a tree that the tests can replay.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use roundsman_probe::{capture::capture, root::Root};

#[derive(Debug, Args)]
pub(super) struct Capture {
    /// The directory to write to; it is made, and must not hold a capture already
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Capture {
    pub(super) fn run(&self, root: &Root) -> anyhow::Result<ExitCode> {
        let captured = capture(root, &self.dir)?;
        super::print(&format!("{} files copied to {}\n", captured.files, self.dir.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
