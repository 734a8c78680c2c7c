//! The terminal while `top` has it: taken once, put back once, however the program ends. Knows
//! nothing of what is drawn.

use std::{
    cell::RefCell,
    fmt,
    io::{self, Write},
    panic,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    Command,
    cursor::Show,
    queue,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};

use crate::cli::printer::{Printer, Printing};

/// The terminal, put back as it was when this goes, or when the program panics.
pub(super) struct TerminalGuard {
    terminal: Terminal<CrosstermBackend<Drawn>>,
    drawn: Drawn,
    printer: Printer,
    taken: Arc<AtomicBool>,
}

/// What was drawn and is not on its way yet.
#[derive(Clone, Default)]
struct Drawn(Rc<RefCell<Vec<u8>>>);

impl Write for Drawn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Clicks and the wheel (xterm, DEC private modes 1000 and 1006), or not any more. crossterm's own command
/// asks for every move of the mouse besides, of which a terminal tells hundreds a second.
struct Clicks(bool);

impl Command for Clicks {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str(if self.0 { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" })
    }
}

impl TerminalGuard {
    /// Takes the terminal: its other screen, clicks, and keys as they are pressed.
    pub(super) fn enter() -> io::Result<Self> {
        let (printer, taken) = (Printer::start()?, Arc::new(AtomicBool::new(true)));
        // Who panics says so after the terminal is back: on the other screen nobody would read it.
        let (told, last) = (Arc::clone(&taken), printer.clone());
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            leave(&told, &last);
            before(panic);
        }));
        let mut drawn = Drawn::default();
        let mut begin = || {
            enable_raw_mode()?;
            queue!(drawn, EnterAlternateScreen, Clicks(true))?;
            Terminal::new(CrosstermBackend::new(drawn.clone()))
        };
        let terminal = begin().inspect_err(|_| leave(&taken, &printer))?;
        Ok(Self { terminal, drawn, printer, taken })
    }

    /// Draws a picture and sends what is new in it on its way.
    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<Printing> {
        self.terminal.draw(picture)?;
        Ok(self.printer.print(self.drawn.0.take()))
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> io::Result<(usize, usize)> {
        let size = self.terminal.size()?;
        Ok((usize::from(size.width), usize::from(size.height)))
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        leave(&self.taken, &self.printer);
    }
}

/// Puts the terminal back, unless that is done: leaving the other screen a second time takes the
/// cursor back to where it was before the first (xterm, DEC private mode 1049), over what has been
/// said since.
fn leave(taken: &AtomicBool, printer: &Printer) {
    if taken.swap(false, Ordering::Relaxed) {
        // Where the terminal is gone nothing can be put back.
        let _gone = disable_raw_mode();
        let mut words = Vec::new();
        // Into memory: this cannot fail.
        let _written = queue!(words, Clicks(false), LeaveAlternateScreen, Show);
        printer.finish(&words);
    }
}
