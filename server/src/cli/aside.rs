//! What is said beside a command's answer, on standard error.

use std::io::{self, IsTerminal as _};

use roundsman_os::log::say;
use unicode_width::UnicodeWidthStr as _;

use super::fit::wrap;

/// Every line in as many lines as it needs. A line with colours is of a table, and fits.
pub(super) fn folded(text: &str, width: usize) -> String {
    let fits = |line: &str| line.width() <= width || line.contains('\x1b');
    let fold = |line: &str| if fits(line) { line.to_owned() } else { wrap(line, width).join("\n") };
    text.split('\n').map(fold).collect::<Vec<_>>().join("\n")
}

/// Says something beside the answer on standard error, no wider than a terminal there.
pub(super) fn tell(words: &str) {
    let terminal = io::stderr();
    match rustix::termios::tcgetwinsize(&terminal) {
        Ok(size) if terminal.is_terminal() && size.ws_col > 0 => {
            say(&folded(words, usize::from(size.ws_col)));
        }
        _ => say(words),
    }
}
