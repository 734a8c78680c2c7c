//! What is pressed, clicked and turned.

/// A key, whatever terminal it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Tab,
    /// Tab with Shift.
    BackTab,
    Enter,
    Esc,
    Backspace,
    /// Ctrl-C: ends it from anywhere.
    Interrupt,
    Char(char),
}

/// What the mouse does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mouse {
    /// The left button, on this cell.
    Click {
        column: usize,
        line: usize,
    },
    /// The wheel turns, up or down.
    WheelUp,
    WheelDown,
}
