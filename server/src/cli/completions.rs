//! `roundsman completions SHELL` and `roundsman man DIR`: made from the very definition of the
//! arguments, so that they cannot tell of other ones.

use std::{fs, path::PathBuf};

use clap::Args;
use clap_complete::Shell;

use super::{CliError, Runtime};

/// Shown under the help of `completions`.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman completions bash > /etc/bash_completion.d/roundsman
  roundsman completions zsh > /usr/local/share/zsh/site-functions/_roundsman
  roundsman completions fish > ~/.config/fish/completions/roundsman.fish";

/// Shown under the help of `man`.
pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  roundsman man /usr/local/share/man/man1
  roundsman man . && man -l roundsman-history.1";

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Directory for the pages, one per command; created if missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Prints the completions.
pub(super) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
    runtime: &Runtime,
) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "roundsman", &mut text);
    runtime.output.print(&String::from_utf8_lossy(&text))
}

/// Writes the pages.
pub(super) fn man(args: &ManArgs, command: clap::Command) -> Result<(), CliError> {
    let written =
        fs::create_dir_all(&args.dir).and_then(|()| clap_mangen::generate_to(command, &args.dir));
    written.map_err(|error| {
        CliError::Failed(format!("cannot write pages to {}: {error}", args.dir.display()))
    })
}
