//! The panel in which columns are chosen. Pure.

use super::{
    field::{self, Choice, Field},
    fleet::TopFleet,
    key::Key,
    list::HostList,
};

/// The panel: which column is looked at.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    pub(super) at: usize,
}

impl Chooser {
    /// A key was pressed; whether the panel stays.
    pub(super) fn press(
        &mut self,
        key: Key,
        list: &mut HostList,
        fleet: &TopFleet,
        (screen, room): (usize, usize),
    ) -> bool {
        let all: Vec<Field> = field::all().collect();
        match key {
            Key::Up | Key::Char('k') => self.at = self.at.saturating_sub(1),
            Key::Down | Key::Char('j') => self.at = (self.at + 1).min(all.len() - 1),
            Key::Home | Key::Char('g') => self.at = 0,
            Key::End | Key::Char('G') => self.at = all.len() - 1,
            Key::Enter | Key::Char(' ') => {
                let seen = list.fields(screen).iter().any(|(field, _)| *field == all[self.at]);
                list.choice.turn(all[self.at], seen);
            }
            Key::Char('s') => list.sort_by(all[self.at], fleet, room),
            Key::Char('0') => list.choice = Choice::default(),
            Key::Esc | Key::Backspace | Key::Char('c') => return false,
            _ => {}
        }
        true
    }
}
