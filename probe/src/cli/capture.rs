//! `capture`: this host's files as a tree that the tests can replay.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use roundsman_probe::{capture::capture, root::Root};

#[derive(Debug, Args)]
pub(super) struct Capture {
    /// The directory to write to; made if missing, and must be empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Capture {
    pub(super) fn run(&self, root: &Root) -> anyhow::Result<ExitCode> {
        let captured = capture(root, &self.dir)?;
        let mut text = format!(
            "{} files, {} bytes copied to {}\n",
            captured.files.len(),
            captured.bytes,
            self.dir.display()
        );
        for (file, why) in &captured.unreadable {
            text += &format!("not readable: {}: {why}\n", file.display());
        }
        text += "It names this machine, its interfaces, mounts and processes: look before you \
                 publish it.\n";
        super::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
