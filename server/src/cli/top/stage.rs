//! The terminal while `top` has it: taken once, put back once, however the program ends. Knows
//! nothing of what is drawn.

use std::{
    io::{self, Stdout, stdout},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::Show,
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend};

/// The terminal, put back as it was when this goes, or when the program panics.
pub(super) struct Stage {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: Arc<AtomicBool>,
}

impl Stage {
    /// Takes the terminal: its other screen, and keys as they are pressed.
    pub(super) fn enter() -> io::Result<Self> {
        let taken = Arc::new(AtomicBool::new(true));
        // Who panics says so after the terminal is back: on the other screen nobody would read it.
        let (told, before) = (Arc::clone(&taken), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            leave(&told);
            before(panic);
        }));
        let begin = || {
            enable_raw_mode()?;
            execute!(stdout(), EnterAlternateScreen)?;
            Terminal::new(CrosstermBackend::new(stdout()))
        };
        let terminal = begin().inspect_err(|_| leave(&taken))?;
        Ok(Self { terminal, taken })
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> io::Result<(usize, usize)> {
        let size = self.terminal.size()?;
        Ok((usize::from(size.width), usize::from(size.height)))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        leave(&self.taken);
    }
}

/// Puts the terminal back, unless that is done: leaving the other screen a second time takes the
/// cursor back to where it was before the first (xterm, DEC private mode 1049), over what has been
/// said since.
fn leave(taken: &AtomicBool) {
    if taken.swap(false, Ordering::Relaxed) {
        // Where the terminal is gone nothing can be put back.
        let _gone = disable_raw_mode();
        let _gone = execute!(stdout(), LeaveAlternateScreen, Show);
    }
}
