//! Draws the help: as much of it as there is room for.

use super::{Pen, Style, Theme};
use crate::cli::top::{help::lines, model::Model};

/// Draws it from its line `first` on.
pub(super) fn draw(pen: &mut Pen<'_>, model: &Model, first: usize, theme: Theme) {
    pen.fill(&format!(" roundsman top  {}", model.address), theme.bar());
    let lines = lines(pen.width());
    let room = pen.left().saturating_sub(1);
    // A terminal that has grown since shows more of it.
    let first = first.min(lines.len().saturating_sub(room));
    for line in lines.iter().skip(first).take(room) {
        pen.write(&[(line, Style::new())]);
    }
    pen.line = pen.area.height - 1;
    let more = if lines.len() > room {
        format!(
            " arrows scroll, any other key goes back   {}-{} of {}",
            first + 1,
            (first + room).min(lines.len()),
            lines.len()
        )
    } else {
        " any key goes back".to_owned()
    };
    pen.fill(&more, theme.dim());
}
