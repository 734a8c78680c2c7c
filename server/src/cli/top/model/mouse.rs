//! What the mouse does to what is shown: a click chooses, orders and opens, the wheel scrolls.

use super::{Model, Over, Screen};
use crate::cli::top::{
    key::{Key, Mouse},
    pick::NOTCH,
};

impl Model {
    /// The mouse did something.
    pub(in crate::cli::top) fn point(&mut self, mouse: Mouse) {
        let down = match mouse {
            Mouse::Click { column, line } => return self.click(column, line),
            Mouse::WheelUp => false,
            Mouse::WheelDown => true,
        };
        let (room, notch) = (self.room(), isize::try_from(NOTCH).unwrap_or_default());
        match (&mut self.over, &mut self.screen) {
            (Some(Over::Question(_)), _) => {}
            (Some(_), _) => self.press(if down { Key::Down } else { Key::Up }),
            (None, Screen::Fleet) => self.list.turn(down, room),
            (None, Screen::Alarms(list)) => list.turn(down, room),
            (None, Screen::Changes(list)) => list.turn(down, room),
            (None, Screen::Host(detail)) => detail.scroll(if down { notch } else { -notch }, room),
        }
    }

    /// A row is chosen, and, when it is chosen, opened; a title orders; a tab is looked at.
    fn click(&mut self, column: usize, line: usize) {
        // What lies over the rows takes no clicks, and the rows below it get none.
        if self.over.is_some() {
            return;
        }
        self.said = None;
        let (above, room, width) = (self.above(), self.room(), self.size.0);
        let row = line.checked_sub(above).filter(|row| *row < room);
        let opens = match (&mut self.screen, row) {
            (Screen::Fleet, None) if line + 1 == above => {
                let mut left = 0;
                for (field, columns) in self.list.fields(width) {
                    if (left..=left + columns).contains(&column) {
                        self.list.sort_by(field, &self.fleet, room);
                        break;
                    }
                    left += columns + 1;
                }
                false
            }
            (Screen::Host(detail), _) => {
                // Above the titles are the tabs.
                if line + 2 == above {
                    detail.click(column, width);
                }
                false
            }
            (Screen::Fleet, Some(row)) => self.list.click(row, room),
            (Screen::Alarms(list), Some(row)) => list.click(row, room),
            (Screen::Changes(list), Some(row)) => list.click(row, room),
            (_, None) => false,
        };
        if opens {
            self.press(Key::Enter);
        }
    }
}
