//! `roundsman completions SHELL`, `roundsman completions install` and `roundsman man DIR`: made from the very definition of the
//! arguments, so that they cannot tell of other ones.

use std::{fs, path::PathBuf};

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use roundsman_os::completions::{self as os, install};

use super::{CliError, Runtime, failure::in_one_line};

/// Shown under the help of `completions`.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman completions install
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
    /// For which shell to print them; `install` writes those of $SHELL to where it looks for them
    #[arg(value_name = "SHELL|install")]
    what: What,
}

/// What is to be done with completions.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    Install,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Directory for the pages, one per command; created if missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Prints the completions, or puts them where the shell looks.
pub(super) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
    runtime: &Runtime,
) -> Result<(), CliError> {
    let mut of = |shell: Shell| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, "roundsman", &mut text);
        text
    };
    let text = match args.what {
        What::Bash => of(Shell::Bash),
        What::Elvish => of(Shell::Elvish),
        What::Fish => of(Shell::Fish),
        What::Powershell => of(Shell::PowerShell),
        What::Zsh => of(Shell::Zsh),
        What::Install => {
            let told = install("roundsman", |shell| match shell {
                os::Shell::Bash => of(Shell::Bash),
                os::Shell::Fish => of(Shell::Fish),
                os::Shell::Zsh => of(Shell::Zsh),
            });
            return runtime
                .output
                .print(&told.map_err(|error| CliError::Failed(in_one_line(&error)))?);
        }
    };
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
