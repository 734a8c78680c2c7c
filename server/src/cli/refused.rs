//! A file that is refused: all that is wrong with it.

use super::{CliError, aside::tell, output::plural};
use crate::{document::Problems, text::shown};

/// What is wrong with a file, a line each.
pub(super) fn refused(problems: &Problems) -> CliError {
    problems.iter().for_each(|problem| tell(&shown(&problem.to_string())));
    tell(&format!("roundsman: {} found", plural(problems.len(), "problem")));
    CliError::Shown
}
