//! `roundsman init`: an inventory to start from.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
};

use super::{CliError, Runtime};

/// The commented inventory that comes along. It watches this machine.
const EXAMPLE: &str = include_str!("../../../inventory.toml");

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman init                           write inventory.toml in this directory
  roundsman init --inventory hosts.toml    write it elsewhere

It watches this machine, and shows in comments all that an inventory can say. A file that exists is not changed.";

/// Writes it where the other commands will read it, and says what comes next.
pub(super) fn run(runtime: &Runtime) -> Result<(), CliError> {
    let path = runtime.start(Vec::new(), true)?.inventory;
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    made.and_then(|mut file| file.write_all(EXAMPLE.as_bytes())).map_err(|error| {
        CliError::Failed(match error.kind() {
            ErrorKind::AlreadyExists => format!(
                "{} exists and is not changed; `roundsman check` says what is in it",
                path.display()
            ),
            _ => format!("cannot write {}: {error}", path.display()),
        })
    })?;
    let flag = match runtime.inventory_flag() {
        Some(given) => format!(" --inventory {}", given.display()),
        None => String::new(),
    };
    runtime.output.show(&format!(
        "Wrote {}: it watches this machine, by the probe that `roundsman-probe` starts.\n\
         Next: roundsman check{flag}; then roundsman serve{flag}\n",
        path.display()
    ))
}
