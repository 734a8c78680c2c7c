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

/// What tells of the program instead of running a fleet.
#[derive(Debug, Subcommand)]
pub(super) enum Page {
    /// Print what a shell needs to complete flags
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Write the manual pages
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
