//! A list of which one row is chosen and some rows are seen: what keys, the wheel and news do to it.
//! Pure; knows nothing of what the rows are but what tells them apart.

use super::key::Key;

/// Rows that the wheel goes by one notch.
pub(super) const NOTCH: usize = 3;

/// Which row is chosen, and where the list on the screen begins.
#[derive(Debug)]
pub(super) struct Picked<K> {
    /// None: the first row, whichever that is.
    chosen: Option<K>,
    first: usize,
}

impl<K> Default for Picked<K> {
    fn default() -> Self {
        Self { chosen: None, first: 0 }
    }
}

impl<K: PartialEq + Clone> Picked<K> {
    /// Where the chosen row is among these.
    pub(super) fn position(&self, keys: &[K]) -> usize {
        let chosen = self.chosen.as_ref();
        chosen.and_then(|chosen| keys.iter().position(|key| key == chosen)).unwrap_or(0)
    }

    /// The first row that is seen.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    /// The rows are others, or fewer of them are seen: the choice stays where it was made, if it is still
    /// there, and in sight.
    pub(super) fn settle(&mut self, keys: &[K], room: usize) {
        if self.chosen.as_ref().is_some_and(|chosen| !keys.contains(chosen)) {
            self.chosen = None;
        }
        let at = self.position(keys);
        let last = keys.len().saturating_sub(room);
        self.first = self.first.clamp((at + 1).saturating_sub(room), at).min(last);
    }

    /// Chooses the row at this place, or the last.
    pub(super) fn choose(&mut self, at: usize, keys: &[K], room: usize) {
        let at = at.min(keys.len().saturating_sub(1));
        // The first is whichever comes first from now on.
        self.chosen = keys.get(at).filter(|_| at > 0).cloned();
        self.settle(keys, room);
    }

    /// A row that is seen was clicked: it is chosen; whether it was before.
    pub(super) fn click(&mut self, row: usize, keys: &[K], room: usize) -> bool {
        let (at, before) = (self.first + row, self.position(keys));
        if at < keys.len() {
            self.choose(at, keys, room);
        }
        at == before && at < keys.len()
    }

    /// Takes a key that moves the choice; whether it is one.
    pub(super) fn press(&mut self, key: Key, keys: &[K], room: usize) -> bool {
        let at = self.position(keys);
        let to = match key {
            Key::Up | Key::Char('k') => at.saturating_sub(1),
            Key::Down | Key::Char('j') => at + 1,
            Key::PageUp => at.saturating_sub(room),
            Key::PageDown | Key::Char(' ') => at + room,
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => usize::MAX,
            _ => return false,
        };
        self.choose(to, keys, room);
        true
    }

    /// The wheel moves what is seen; the choice goes along where it would be out of sight.
    pub(super) fn turn(&mut self, down: bool, keys: &[K], room: usize) {
        let last = keys.len().saturating_sub(room);
        let to = if down { self.first + NOTCH } else { self.first.saturating_sub(NOTCH) };
        self.first = to.min(last);
        let seen = self.first..=(self.first + room).saturating_sub(1);
        let at = self.position(keys).clamp(*seen.start(), *seen.end());
        self.choose(at, keys, room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wheel_moves_what_is_seen_and_the_choice_stays_in_sight() {
        let keys: Vec<usize> = (0..100).collect();
        let mut picked = Picked::default();
        picked.turn(true, &keys, 10);
        assert_eq!((picked.first(), picked.position(&keys)), (3, 3), "pushed along");
        picked.choose(8, &keys, 10);
        picked.turn(true, &keys, 10);
        assert_eq!((picked.first(), picked.position(&keys)), (6, 8), "where it was");
        (0..99).for_each(|_| picked.turn(true, &keys, 10));
        assert_eq!((picked.first(), picked.position(&keys)), (90, 90));
        (0..99).for_each(|_| picked.turn(false, &keys, 10));
        assert_eq!((picked.first(), picked.position(&keys)), (0, 9));
        let few = [1, 2];
        picked.turn(true, &few, 10);
        assert_eq!((picked.first(), picked.position(&few)), (0, 0), "there is nothing to scroll");
    }
}
