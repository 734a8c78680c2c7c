//! `roundsman init`: an inventory and settings to start from.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{CliError, Runtime, output::plural, targets};
use crate::inventory::Inventory;

/// The commented inventory that comes along. It watches this machine.
const INVENTORY: &str = include_str!("../../../inventory.toml");
/// Every setting with its default, behind a `#`.
const SETTINGS: &str = include_str!("../../../docker/roundsman.toml");
/// What the files are called where nobody says.
const INVENTORY_FILE: &str = "inventory.toml";
const SETTINGS_FILE: &str = "roundsman.toml";

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman init                           inventory.toml and roundsman.toml in this directory
  roundsman init /etc/roundsman            in that one
  roundsman init --inventory hosts.toml    an inventory of that name

The inventory watches this machine, and shows in comments all that it can say; so do the settings. A file that exists
is not changed: a second run says what is there.";

/// Flags of `init`.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Directory for the two files; made if missing [default: this one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What became of a file.
enum Written {
    New,
    /// It is there already.
    Kept,
}

/// Writes them where the other commands will read them, and says what comes next.
pub(super) fn run(args: &InitArgs, runtime: &Runtime) -> Result<(), CliError> {
    let named = runtime.inventory_flag();
    let (inventory, settings) = match &args.dir {
        Some(dir) => {
            fs::create_dir_all(dir).map_err(|error| unwritten(dir, &error))?;
            (dir.join(named.unwrap_or(Path::new(INVENTORY_FILE))), dir.join(SETTINGS_FILE))
        }
        None => {
            let settings = runtime.config_flag().unwrap_or(Path::new(SETTINGS_FILE));
            (runtime.start(Vec::new(), true)?.inventory, settings.to_path_buf())
        }
    };
    let mut text = match write(&inventory, INVENTORY)? {
        Written::New => format!(
            "Wrote {}: it watches this machine, by the probe that `roundsman-probe serve` starts.\n",
            inventory.display()
        ),
        Written::Kept => {
            let there = targets::read(&inventory);
            let words = there.map_or("it has problems".to_owned(), |there| summary(&there));
            format!("{} is there and stays as it is: {words}.\n", inventory.display())
        }
    };
    text.push_str(&match write(&settings, SETTINGS)? {
        Written::New => {
            format!("Wrote {}: every setting with its default, behind a #.\n", settings.display())
        }
        Written::Kept => format!("{} is there and stays as it is.\n", settings.display()),
    });
    let dir = match &args.dir {
        Some(dir) => format!("cd {}; ", dir.display()),
        None => String::new(),
    };
    let flag = match named {
        Some(given) => format!(" --inventory {}", given.display()),
        None => String::new(),
    };
    text.push_str(&format!(
        "Next: {dir}roundsman check{flag}; then roundsman serve{flag}\n\
         More hosts: roundsman host add NAME, and roundsman probe-command NAME\n"
    ));
    runtime.output.show(&text)
}

fn summary(inventory: &Inventory) -> String {
    let hosts = plural(inventory.hosts.len(), "host");
    format!("{hosts} in {}", plural(inventory.groups.len(), "group"))
}

/// Writes a file that is not there.
fn write(path: &Path, text: &str) -> Result<Written, CliError> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(Written::New),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Written::Kept),
        Err(error) => Err(unwritten(path, &error)),
    }
}

fn unwritten(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot write {}: {error}", path.display()))
}
