//! The folder of boards.

use serde::Serialize;

use crate::{board_folder::BoardFolder, cli::output::plural, config::Config};

/// The boards in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Boards {
    pub(super) folder: String,
    pub(super) boards: usize,
}

impl Boards {
    /// In a line.
    pub(super) fn text(&self) -> String {
        format!("boards: {}: {}\n", self.folder, plural(self.boards, "board"))
    }
}

/// Looks at the folder, where there is one.
///
/// # Errors
/// All that is wrong with its files, each with its place.
pub(super) fn read(config: &Config) -> Result<Option<Boards>, Vec<String>> {
    let folder = BoardFolder::beside(&config.inventory);
    let found = folder.look();
    let of_files = found.files.values().flat_map(|file| file.problems.iter().cloned());
    let problems: Vec<String> = found.problems.iter().cloned().chain(of_files).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let boards = found.files.len();
    Ok((boards > 0).then(|| Boards { folder: folder.path().display().to_string(), boards }))
}
