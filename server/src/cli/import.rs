//! `roundsman import`: the hosts that another monitor knows, as lines of an inventory.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use roundsman_os::file;

use super::{CliError, Runtime, aside::tell};
use crate::{
    inventory::{self, MAX_FILE_BYTES},
    text::shown,
};

/// Where node_exporter listens when nobody says.
const NODE_EXPORTER: u16 = 9100;

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman import prometheus prometheus.yml targets/*.json > inventory.d/hosts.toml
  roundsman plan                          what that would change

What cannot be carried over is said on standard error. Each host needs a probe in the place of
node_exporter: `roundsman probe-command HOST`.";

/// Flags of `import`.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Read static_configs of a prometheus.yml, or lists of file_sd (YAML or JSON), and print the lines
    Prometheus {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// The port of node_exporter: targets on other ports are not taken
        #[arg(long, value_name = "PORT", default_value_t = NODE_EXPORTER, value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
    },
}

/// Reads, prints, and says what was left out.
pub(super) fn run(args: &ImportArgs, runtime: &Runtime) -> Result<(), CliError> {
    let From::Prometheus { files, port } = &args.from;
    let mut texts = Vec::with_capacity(files.len());
    for path in files {
        let name = path.display().to_string();
        let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
        let text = file::read_text(path, most)
            .map_err(|error| CliError::Failed(format!("{name}: {error}")))?;
        texts.push((name, text));
    }
    let imported = inventory::from_prometheus(&texts, *port).map_err(CliError::Failed)?;
    for remark in &imported.remarks {
        tell(&shown(remark));
    }
    if imported.hosts == 0 {
        return Err(CliError::Failed("these files name no host of node_exporter".to_owned()));
    }
    // What is printed is right by itself; whether it fits beside other files `check` says.
    inventory::parse("these lines", &imported.text)
        .map_err(|problems| CliError::Failed(problems.to_string()))?;
    runtime.output.data(&imported.text)
}
