//! Edits of one host in the files of an inventory, as a person would make them: its own lines change, and
//! comments stay.
//!
//! Pure: texts go in, and the text of the one file that changes comes out. What was written is read again
//! like any other inventory, and must change that host alone. Else nothing is written, and the
//! error says to do it by hand.

mod assignment;
mod entry;
mod table;

use std::sync::Arc;

use toml_edit::DocumentMut;

pub use assignment::Assignment;

use super::{Diff, Inventory, diff, parse_files, range};
use crate::{
    document::{Problems, SourceFile},
    model::{GroupName, HostName},
    text::did_you_mean,
};

/// What is to be done about one host.
#[derive(Debug, Clone, PartialEq)]
pub enum HostEdit {
    /// It comes.
    Add {
        /// Its name.
        name: HostName,
        /// Where its probe is asked; none: at its name.
        addresses: Vec<String>,
        /// Its group.
        group: Option<GroupName>,
        /// Settings of its own.
        settings: Vec<Assignment>,
        /// The file that it is to stand in, by its place among all; none: that of its group, else the first.
        file: Option<usize>,
    },
    /// Settings of its own change.
    Set {
        /// Its name.
        name: HostName,
        /// Which, and to what.
        settings: Vec<Assignment>,
    },
    /// It goes.
    Remove {
        /// Its name.
        name: HostName,
    },
}

impl HostEdit {
    fn name(&self) -> &HostName {
        match self {
            Self::Add { name, .. } | Self::Set { name, .. } | Self::Remove { name } => name,
        }
    }
}

/// What an edit does to the text of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first line of it, from 1.
    pub line: usize,
    /// Lines that go.
    pub removed: Vec<String>,
    /// Lines that come in their place.
    pub added: Vec<String>,
}

/// An edit that is right.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The file that changes, by its place among all.
    pub file: usize,
    /// Its new text.
    pub text: String,
    /// What of its lines changes, in the order in which it was done.
    pub hunks: Vec<Hunk>,
    /// What it changes about the hosts.
    pub diff: Diff,
}

/// Why there is no edit. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The inventory is wrong as it is.
    #[error("the inventory is wrong as it is; mend it first:\n{0}")]
    Before(Problems),
    /// It would be wrong.
    #[error("nothing is changed, for the inventory would be wrong:\n{0}")]
    After(Problems),
    /// It is there.
    #[error("host `{0}` is in the inventory already; `roundsman host set` changes it")]
    Exists(HostName),
    /// It is not there.
    #[error(
        "no host of the inventory is called `{0}`{1} (one that was discovered has no lines of its own)"
    )]
    Unknown(HostName, String),
    /// What is wanted is so.
    #[error("nothing to change: host `{0}` is so already")]
    Nothing(HostName),
    /// The file is written in another way than this knows.
    #[error("{file}: {what}: edit it by hand")]
    ByHand {
        /// The file.
        file: Arc<str>,
        /// What is in the way.
        what: String,
    },
}

/// Makes an edit; `files` are all of the inventory, as for [`parse_files`].
///
/// # Errors
/// Why it cannot be made, or what would be wrong after it.
pub fn edit(files: &[SourceFile], edit: &HostEdit) -> Result<Edited, EditError> {
    let before = parse_files(files).map_err(EditError::Before)?;
    let name = edit.name();
    let is_there = before.hosts.contains_key(name);
    match edit {
        HostEdit::Add { .. } if is_there => return Err(EditError::Exists(name.clone())),
        HostEdit::Set { .. } | HostEdit::Remove { .. } if !is_there => {
            let hint = did_you_mean(name.as_str(), before.hosts.keys().map(HostName::as_str));
            return Err(EditError::Unknown(name.clone(), hint));
        }
        _ => {}
    }
    let documents: Vec<DocumentMut> =
        files.iter().map(document).collect::<Result<_, EditError>>()?;
    let (file, steps) = steps(files, &documents, edit)?;
    let mut text = plain(&files[file]);
    let mut hunks = Vec::new();
    for step in steps {
        hunks.extend(hunk(&text, &step));
        text = step;
    }
    if is_windows(&files[file]) {
        text = text.replace('\n', "\r\n");
    }
    let mut after = files.to_vec();
    after[file].bytes = text.clone().into_bytes();
    let parsed = parse_files(&after).map_err(EditError::After)?;
    let diff = diff(&before, &parsed);
    if hunks.is_empty() {
        return Err(EditError::Nothing(name.clone()));
    }
    if !is_as_meant(edit, &diff, &before, &parsed) {
        return Err(by_hand(&files[file], "another host would change, too"));
    }
    Ok(Edited { file, text, hunks, diff })
}

fn by_hand(file: &SourceFile, what: impl Into<String>) -> EditError {
    EditError::ByHand { file: Arc::clone(&file.name), what: what.into() }
}

/// Whether that host has changed and no other, and nothing but hosts.
fn is_as_meant(edit: &HostEdit, diff: &Diff, before: &Inventory, after: &Inventory) -> bool {
    let name = edit.name();
    let alone = std::slice::from_ref(name);
    let others_stay = diff.renamed.is_empty() && diff.changed.keys().all(|changed| changed == name);
    let (added, retired): (&[HostName], &[HostName]) = match edit {
        HostEdit::Add { .. } => (alone, &[]),
        HostEdit::Set { .. } => (&[], &[]),
        HostEdit::Remove { .. } => (&[], alone),
    };
    let is_rest_the_same =
        before.discoveries == after.discoveries && before.maintenance == after.maintenance;
    others_stay && is_rest_the_same && diff.added == added && diff.retired == retired
}

/// The new texts of the one file that changes, one after each step.
fn steps(
    files: &[SourceFile],
    documents: &[DocumentMut],
    edit: &HostEdit,
) -> Result<(usize, Vec<String>), EditError> {
    match edit {
        HostEdit::Add { name, addresses, group, settings, file } => {
            let declared = group.as_ref().and_then(|group| {
                let find = |document| table::group_named(document, group);
                documents.iter().position(|document| find(document).is_some())
            });
            let at = file.or(declared).unwrap_or(0);
            let is_plain =
                settings.is_empty() && addresses.iter().all(|address| *address == *name.as_str());
            if is_plain
                && declared == Some(at)
                && let Some(group) = group
                && let Some(text) = entry::added(&documents[at], group, name)
            {
                return Ok((at, vec![text]));
            }
            let block = table::block(name, group.as_ref(), addresses, settings)
                .map_err(|what| by_hand(&files[at], what))?;
            Ok((at, vec![appended(&plain(&files[at]), &block)]))
        }
        HostEdit::Set { name, settings } => {
            for (at, document) in documents.iter().enumerate() {
                if let Some(place) = table::host_named(document, name) {
                    let text = table::set(document, place, settings)
                        .map_err(|what| by_hand(&files[at], what))?;
                    return Ok((at, vec![text]));
                }
            }
            let (at, group) = listed(documents, name)
                .ok_or_else(|| by_hand(&files[0], format!("host `{name}` has no lines here")))?;
            let block = table::block(name, Some(&group), &[], settings)
                .map_err(|what| by_hand(&files[at], what))?;
            Ok((at, vec![appended(&plain(&files[at]), &block)]))
        }
        HostEdit::Remove { name } => {
            for (at, document) in documents.iter().enumerate() {
                let mut texts = Vec::new();
                let mut now = plain(&files[at]);
                if entry::holder(document, name).is_some() {
                    now =
                        entry::without(document, name).map_err(|what| by_hand(&files[at], what))?;
                    texts.push(now.clone());
                }
                if let Some(rest) = table::without(&now, name) {
                    texts.push(rest);
                }
                if !texts.is_empty() {
                    return Ok((at, texts));
                }
            }
            Err(by_hand(&files[0], format!("host `{name}` has no lines here")))
        }
    }
}

/// The file and the group that list a host.
fn listed(documents: &[DocumentMut], name: &HostName) -> Option<(usize, GroupName)> {
    documents.iter().enumerate().find_map(|(at, document)| {
        let group = entry::holder(document, name)?;
        Some((at, GroupName::new(&group).ok()?))
    })
}

/// A file as it is edited.
fn document(file: &SourceFile) -> Result<DocumentMut, EditError> {
    let text = plain(file);
    let windows = text.replace('\n', "\r\n");
    let is_mixed = is_windows(file) && windows.trim_end().as_bytes() != file.bytes.trim_ascii_end();
    if is_mixed {
        return Err(by_hand(file, "its lines end in two ways"));
    }
    match text.parse::<DocumentMut>() {
        Ok(document) if document.to_string() == text => Ok(document),
        _ => Err(by_hand(file, "it is written in a way of its own")),
    }
}

fn is_windows(file: &SourceFile) -> bool {
    file.bytes.windows(2).any(|pair| pair == b"\r\n")
}

/// Its text, with the line ends of Unix, also at its end.
fn plain(file: &SourceFile) -> String {
    let mut text = String::from_utf8_lossy(&file.bytes).replace("\r\n", "\n");
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// A text with a block at its end, below an empty line.
fn appended(text: &str, block: &str) -> String {
    let gap = match text {
        "" => "",
        text if text.ends_with("\n\n") => "",
        _ => "\n",
    };
    format!("{text}{gap}{block}")
}

/// What of the lines differs, in one piece; none when nothing does.
fn hunk(old: &str, new: &str) -> Option<Hunk> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[head..], &new[head..]);
    let same = |(old, new): &(&&str, &&str)| old == new;
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let (removed, added): (Vec<String>, Vec<String>) =
        (owned(&old[..old.len() - tail]), owned(&new[..new.len() - tail]));
    let is_same = removed.is_empty() && added.is_empty();
    (!is_same).then_some(Hunk { line: head + 1, removed, added })
}

/// Whether an entry of a group's `hosts` stands for a host, alone or among others.
fn stands_for(entry: &str, name: &HostName) -> bool {
    let names = range::expand(entry).unwrap_or_default();
    names.iter().any(|one| HostName::new(one).is_ok_and(|one| one == *name))
}

#[cfg(test)]
mod tests;
