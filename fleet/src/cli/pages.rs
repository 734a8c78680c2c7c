//! `completions` and `man`: made from the definition of the arguments, so that they cannot tell of
//! other ones.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{CommandFactory as _, Subcommand};
use clap_complete::Shell;

use super::{Args, CliError, PROGRAM};

const COMPLETIONS: &str = "\
Examples:
  roundsman-fleet completions bash > /etc/bash_completion.d/roundsman-fleet
  roundsman-fleet completions zsh > /usr/local/share/zsh/site-functions/_roundsman-fleet";

const MAN: &str = "\
Examples:
  roundsman-fleet man /usr/local/share/man/man1
  roundsman-fleet man . && man -l roundsman-fleet.1";

/// What tells of the program instead of running a fleet.
#[derive(Debug, Subcommand)]
pub(super) enum Page {
    /// Print what a shell needs to complete flags
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual pages
    #[command(after_help = MAN)]
    Man {
        /// Where the pages go; made when missing
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

impl Page {
    /// Prints or writes it.
    pub(super) fn make(self) -> Result<(), CliError> {
        match self {
            Self::Completions { shell } => {
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Args::command(), PROGRAM, &mut text);
                Ok(io::stdout().write_all(&text)?)
            }
            Self::Man { dir } => fs::create_dir_all(&dir)
                .and_then(|()| clap_mangen::generate_to(Args::command(), &dir))
                .map_err(|error| CliError::Pages { dir, error }),
        }
    }
}
