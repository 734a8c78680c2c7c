//! `top` before nobody: what is shown, keys and drawing without a terminal, a clock or a network, so
//! that what they cost can be measured.

use std::{
    cell::Cell,
    io::{self, Write},
    rc::Rc,
};

use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

use super::{
    fleet::BadEvent,
    key::Key,
    model::Model,
    view::{self, Theme},
};
use crate::{cli::CliError, units::WallMs};

/// A picture of so many columns and lines that nobody sees.
#[derive(Debug)]
pub struct Headless {
    model: Model,
    terminal: Terminal<CrosstermBackend<Counted>>,
    written: Rc<Cell<u64>>,
}

impl Headless {
    /// An empty picture.
    ///
    /// # Errors
    /// None that is known: nothing is written to.
    pub fn new(columns: u16, lines: u16) -> Result<Self, CliError> {
        let written = Rc::new(Cell::new(0));
        let backend = CrosstermBackend::new(Counted(Rc::clone(&written)));
        let viewport = Viewport::Fixed(Rect::new(0, 0, columns, lines));
        let terminal = Terminal::with_options(backend, TerminalOptions { viewport })
            .map_err(CliError::Output)?;
        let size = (usize::from(columns), usize::from(lines));
        let model = Model::new("127.0.0.1:8080".to_owned(), size, WallMs::default());
        Ok(Self { model, terminal, written })
    }

    /// Takes an event of `/api/v1/stream`: its name and its data.
    ///
    /// # Errors
    /// [`CliError::Failed`]: it is none that the server sends.
    pub fn apply(&mut self, name: &str, data: &str) -> Result<(), CliError> {
        let unread = |error: BadEvent| CliError::Failed(error.to_string());
        self.model.fleet.apply(name, data).map_err(unread)?;
        self.model.heard(WallMs::default());
        Ok(())
    }

    /// Presses a key with a sign, or Enter (`\n`) or Esc (`\x1b`).
    pub fn press(&mut self, key: char) {
        self.model.press(match key {
            '\n' => Key::Enter,
            '\u{1b}' => Key::Esc,
            sign => Key::Char(sign),
        });
    }

    /// Draws what has changed since it was drawn last, in colours; bytes that a terminal would get.
    ///
    /// # Errors
    /// None that is known: nothing is written to.
    pub fn draw(&mut self) -> Result<u64, CliError> {
        let before = self.written.get();
        self.terminal
            .draw(|frame| view::draw(frame, &self.model, Theme { colour: true }))
            .map_err(CliError::Output)?;
        Ok(self.written.get() - before)
    }

    /// Hosts that are listed.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.model.list.passed
    }

    /// The title of the column that they are ordered by.
    #[must_use]
    pub fn order(&self) -> &'static str {
        self.model.list.sort.title()
    }
}

/// Takes everything, keeps how much it was.
#[derive(Debug)]
struct Counted(Rc<Cell<u64>>);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.0.set(self.0.get().saturating_add(count));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
