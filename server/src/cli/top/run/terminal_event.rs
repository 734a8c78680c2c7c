//! What a terminal tells, as keys and the mouse. Pure.

use crossterm::event::{
    Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::cli::top::{
    key::{Key, Mouse},
    model::Model,
};

/// Gives it to the model; whether it was something to it.
pub(super) fn take(model: &mut Model, event: &Event) -> bool {
    match event {
        Event::Resize(columns, lines) => {
            model.resize((usize::from(*columns), usize::from(*lines)));
        }
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let Some(key) = pressed(key.code, key.modifiers) else { return false };
            model.press(key);
        }
        Event::Mouse(mouse) => {
            let Some(mouse) = pointed(mouse) else { return false };
            model.point(mouse);
        }
        _ => return false,
    }
    true
}

fn pressed(code: KeyCode, with: KeyModifiers) -> Option<Key> {
    Some(match code {
        KeyCode::Char('c') if with.contains(KeyModifiers::CONTROL) => Key::Interrupt,
        KeyCode::Char(_) if with.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            return None;
        }
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    })
}

fn pointed(mouse: &MouseEvent) -> Option<Mouse> {
    Some(match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            Mouse::Click { column: usize::from(mouse.column), line: usize::from(mouse.row) }
        }
        MouseEventKind::ScrollUp => Mouse::WheelUp,
        MouseEventKind::ScrollDown => Mouse::WheelDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyEvent, KeyEventState};

    use super::*;
    use crate::{cli::top::model::Over, units::WallMs};

    #[test]
    fn what_is_no_key_and_no_click_is_nothing_to_the_model() {
        let mut model = Model::new("127.0.0.1:8080".to_owned(), (80, 24), WallMs(0));
        let key = |code, modifiers| {
            let (kind, state) = (KeyEventKind::Press, KeyEventState::NONE);
            Event::Key(KeyEvent { code, modifiers, kind, state })
        };
        let mouse = |kind| {
            Event::Mouse(MouseEvent { kind, column: 1, row: 1, modifiers: KeyModifiers::NONE })
        };
        // A letter with Alt is also what a terminal tells of Esc and a letter soon after it.
        for nothing in [
            key(KeyCode::Char('q'), KeyModifiers::ALT),
            key(KeyCode::Char('q'), KeyModifiers::CONTROL),
            key(KeyCode::F(5), KeyModifiers::NONE),
            mouse(MouseEventKind::Moved),
            mouse(MouseEventKind::Up(MouseButton::Left)),
            mouse(MouseEventKind::Down(MouseButton::Right)),
            Event::FocusLost,
        ] {
            assert!(!take(&mut model, &nothing), "{nothing:?}");
        }
        assert!(!model.done);
        assert!(take(&mut model, &mouse(MouseEventKind::ScrollDown)));
        assert!(take(&mut model, &key(KeyCode::Char('?'), KeyModifiers::SHIFT)));
        assert!(matches!(model.over, Some(Over::Help(0))));
        assert!(take(&mut model, &Event::Resize(100, 30)));
        assert_eq!(model.size, (100, 30));
        assert!(take(&mut model, &key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(model.done);
    }
}
