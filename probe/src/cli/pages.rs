//! `completions` and `man`: made from the definition of the arguments.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use roundsman_os::completions::{self as os, install};

use super::{Cli, PROGRAM};

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell to print it; `install` writes that of $SHELL to where it looks for it
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

fn of(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut text);
    text
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match self.what {
            What::Bash => of(Shell::Bash),
            What::Elvish => of(Shell::Elvish),
            What::Fish => of(Shell::Fish),
            What::Powershell => of(Shell::PowerShell),
            What::Zsh => of(Shell::Zsh),
            What::Install => install(PROGRAM, |shell| match shell {
                os::Shell::Bash => of(Shell::Bash),
                os::Shell::Fish => of(Shell::Fish),
                os::Shell::Zsh => of(Shell::Zsh),
            })?
            .into_bytes(),
        };
        super::print(&String::from_utf8_lossy(&text))?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(super) struct Man {
    /// Where the pages go, one for each command; made when missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Man {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir))
            .with_context(|| format!("cannot write pages to {}", self.dir.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
