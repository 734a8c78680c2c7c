//! `roundsman host`: hosts of the inventory, added, changed and removed in its files. Works on files alone; a
//! running server takes them up by itself.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use rustix::fs::{Gid, Uid, fchown};

use super::{CliError, Runtime, aside::tell, output::Output, targets};
use crate::{
    document::SourceFile,
    inventory::{self, Assignment, Diff, EditError, Edited, HostEdit},
    model::{GroupName, HostName},
    reload,
    text::shown,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman host add web-1                           at its name, port 50051
  roundsman host add db-1 10.0.0.7 --group db --label rack=a1
  roundsman host set db-1 interval=5s labels.rack=b2 parent=
  roundsman host remove db-1 --dry-run               only shows what would change";

/// Flags of `host`.
#[derive(Debug, Args)]
pub(super) struct HostArgs {
    #[command(subcommand)]
    command: HostCommand,
    /// Print what would change, and write nothing
    #[arg(long, global = true)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum HostCommand {
    /// Add a host
    Add {
        /// Its name
        #[arg(value_name = "NAME", value_parser = host)]
        name: HostName,
        /// Where its probe listens, such as 10.0.0.7 or db-1:50061 [default: its name]
        #[arg(value_name = "ADDRESS")]
        addresses: Vec<String>,
        /// Its group; its lines go into the file of the group
        #[arg(long, value_name = "GROUP", value_parser = group)]
        group: Option<GroupName>,
        /// A label of its own; may be given several times
        #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
        label: Vec<Assignment>,
        /// The file of the inventory for its lines [default: that of its group, else the inventory]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Change settings of a host
    Set {
        /// Its name
        #[arg(value_name = "NAME", value_parser = host)]
        name: HostName,
        /// Settings as in the inventory, such as interval=5s, labels.env=prod, paused=true; KEY= takes one
        /// away
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<Assignment>,
    },
    /// Remove a host; its history stays
    Remove {
        /// Its name
        #[arg(value_name = "NAME", value_parser = host)]
        name: HostName,
    },
}

fn host(text: &str) -> Result<HostName, String> {
    HostName::new(text).map_err(|error| error.to_string())
}

fn group(text: &str) -> Result<GroupName, String> {
    GroupName::new(text).map_err(|error| error.to_string())
}

fn label(text: &str) -> Result<Assignment, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as env=prod")?;
    if value.is_empty() {
        return Err(format!("the label {name:?} has no value"));
    }
    Ok(Assignment::label(name, value))
}

/// Edits, checks, writes and shows what changed.
pub(super) fn run(args: &HostArgs, runtime: &Runtime) -> Result<(), CliError> {
    let path = runtime.start(Vec::new(), true)?.inventory;
    // Two who edit do so one after the other.
    let _turn = turn(&path)?;
    let files = targets::files(&path)?;
    let wanted = wanted(&args.command, &files, &path)?;
    let edited = inventory::edit(&files, &wanted).map_err(failed)?;
    let file = Path::new(&*files[edited.file].name);
    if !args.dry_run {
        replace(file, &files[edited.file], &edited.text).map_err(|error| {
            CliError::Failed(format!("{}: not changed: {error}", file.display()))
        })?;
    }
    runtime.output.show(&text(&edited, file, args.dry_run, runtime.output))
}

/// All that is wrong with an inventory is told, a line each.
fn failed(error: EditError) -> CliError {
    let (problems, words) = match &error {
        EditError::Before(problems) => (problems, "the inventory is wrong as it is; mend it first"),
        EditError::After(problems) => {
            (problems, "nothing is changed: the inventory would be wrong")
        }
        _ => return CliError::Failed(error.to_string()),
    };
    for problem in problems.to_string().lines() {
        tell(&shown(problem));
    }
    CliError::Failed(words.to_owned())
}

fn wanted(command: &HostCommand, files: &[SourceFile], path: &Path) -> Result<HostEdit, CliError> {
    Ok(match command {
        HostCommand::Add { name, addresses, group, label, file } => HostEdit::Add {
            name: name.clone(),
            addresses: addresses.clone(),
            group: group.clone(),
            settings: label.clone(),
            file: file.as_deref().map(|file| place(file, files, path)).transpose()?,
        },
        HostCommand::Set { name, settings } => {
            HostEdit::Set { name: name.clone(), settings: settings.clone() }
        }
        HostCommand::Remove { name } => HostEdit::Remove { name: name.clone() },
    })
}

/// Which file of the inventory is meant.
fn place(file: &Path, files: &[SourceFile], path: &Path) -> Result<usize, CliError> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let wanted = real(file);
    let is_it = |known: &SourceFile| wanted.is_some() && real(Path::new(&*known.name)) == wanted;
    files.iter().position(is_it).ok_or_else(|| {
        CliError::Failed(format!(
            "{} is no file of the inventory: expected {}, or a file that ends in .toml and is there already \
             in {}",
            file.display(),
            path.display(),
            reload::parts_folder(path).display(),
        ))
    })
}

/// Waits for its turn to edit; it ends when this is dropped.
fn turn(path: &Path) -> Result<File, CliError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |error: io::Error| {
        CliError::Failed(format!("cannot open the folder {}: {error}", folder.display()))
    };
    let turn = File::open(folder).map_err(failed)?;
    turn.lock().map_err(failed)?;
    Ok(turn)
}

/// Puts a text in the place of a file, in full or not at all: with its mode and its owner, and only if it
/// is still what was read.
fn replace(path: &Path, before: &SourceFile, text: &str) -> io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(path)?;
    let stat = fs::metadata(&path)?;
    let mut aside = path.clone().into_os_string();
    aside.push(format!(".{}.new", std::process::id()));
    let written = || -> io::Result<()> {
        let mode = stat.mode() & 0o7777;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (stat.uid(), stat.gid()) {
            let (owner, group) = (Uid::from_raw(stat.uid()), Gid::from_raw(stat.gid()));
            fchown(&file, Some(owner), Some(group)).map_err(|error| {
                io::Error::other(format!(
                    "it belongs to another user ({}:{}), and would no longer ({error}); run this as \
                     that user or as root",
                    stat.uid(),
                    stat.gid()
                ))
            })?;
        }
        file.set_permissions(stat.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        if fs::read(&path)? != before.bytes {
            return Err(io::Error::other("somebody else changed it just now; try again"));
        }
        fs::rename(&aside, &path)
    };
    written().inspect_err(|_| drop(fs::remove_file(&aside)))
}

/// The lines that change, and what that does to the hosts.
fn text(edited: &Edited, file: &Path, is_dry: bool, output: Output) -> String {
    let mut text = String::new();
    for hunk in &edited.hunks {
        text.push_str(&format!("{}:{}\n", file.display(), hunk.line));
        text.extend(hunk.removed.iter().map(|line| format!("- {}\n", shown(line))));
        text.extend(hunk.added.iter().map(|line| format!("+ {}\n", shown(line))));
    }
    let Diff { added, retired, changed, .. } = &edited.diff;
    let words = |changes: &std::collections::BTreeSet<inventory::HostChange>| {
        changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let rows =
        added
            .iter()
            .map(|name| ["add".to_owned(), name.to_string(), String::new()])
            .chain(retired.iter().map(|name| {
                ["retire".to_owned(), name.to_string(), "its history stays".to_owned()]
            }))
            .chain(
                changed
                    .iter()
                    .map(|(name, changes)| ["change".to_owned(), name.to_string(), words(changes)]),
            );
    let rows: Vec<[String; 3]> = rows.collect();
    if rows.is_empty() {
        text.push_str("no host is touched\n");
    } else {
        text.push_str(&output.table(&["CHANGE", "HOST", "DETAIL"], rows));
    }
    text.push_str(&match is_dry {
        true => format!("nothing is written; without --dry-run {} is\n", file.display()),
        false => format!("wrote {}; a running server takes it up by itself\n", file.display()),
    });
    text
}
