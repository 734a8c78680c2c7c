//! A picture on a terminal that is drawn again in place (ECMA-48 control sequences). Survives a
//! terminal that is made smaller or larger between two pictures.

use std::io;

/// The size that is assumed when the terminal does not tell: columns, lines.
const ASSUMED: (usize, usize) = (100, 24);

/// Remembers how wide the lines are that stand on the terminal.
#[derive(Debug, Default)]
pub(super) struct DemoScreen {
    drawn: Vec<usize>,
}

impl DemoScreen {
    /// Columns and lines of the terminal on standard output.
    pub(super) fn size() -> (usize, usize) {
        match rustix::termios::tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => ASSUMED,
        }
    }

    /// The text that puts `lines` where the picture before stood; `width` is the terminal's now.
    pub(super) fn replace(&mut self, lines: &[String], width: usize) -> String {
        // A terminal made narrower since has folded the old lines.
        let rows: usize =
            self.drawn.iter().map(|columns| columns.div_ceil(width.max(1)).max(1)).sum();
        let mut text = String::new();
        if rows > 0 {
            text.push_str(&format!("\x1b[{rows}A"));
        }
        text.push_str("\r\x1b[J");
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        self.drawn = lines.iter().map(|line| columns(line)).collect();
        text
    }
}

/// Columns that a line takes, without its colours.
fn columns(line: &str) -> usize {
    let mut columns = 0;
    let mut in_sequence = false;
    for c in line.chars() {
        match c {
            '\x1b' => in_sequence = true,
            'm' if in_sequence => in_sequence = false,
            _ if in_sequence => {}
            _ => columns += 1,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_picture_starts_where_the_last_one_did_even_on_a_narrower_terminal() {
        let mut screen = DemoScreen::default();
        let lines = ["a".repeat(80), "\x1b[32m● up\x1b[0m".to_owned()];
        assert!(screen.replace(&lines, 80).starts_with("\r\x1b[J"), "nothing to go back over");
        assert!(screen.replace(&lines, 80).starts_with("\x1b[2A\r\x1b[J"));
        assert!(screen.replace(&lines, 40).starts_with("\x1b[3A\r\x1b[J"), "80 columns fold once");
    }
}
