//! Tables that are no wider than the terminal: what there is no room for is left out and named, and
//! long text is cut, so that no line is folded. Pure.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Space on both sides of a cell, columns.
pub(super) const SPACE: usize = 2;

/// What may become of a column where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It stays as it is.
    Stays,
    /// It is left out; those with the greatest number first.
    Goes(u8),
    /// Its text is cut, to no less than so many columns.
    Cut(usize),
}

/// A text in at most so many columns: `…` marks what was cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// A text in lines of at most so many columns, broken between words; a word that has room in no line
/// is broken itself.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').flat_map(|word| pieces(word, width)) {
        let space = usize::from(used > 0);
        if used > 0 && used + space + word.width() > width {
            lines.push(String::new());
            used = 0;
        }
        let Some(line) = lines.last_mut() else { break };
        if used > 0 {
            line.push(' ');
        }
        used += usize::from(used > 0) + word.width();
        line.push_str(word);
    }
    lines
}

/// A word, in pieces of at most so many columns; one character at least is in each.
fn pieces(word: &str, width: usize) -> Vec<&str> {
    let (mut all, mut begin, mut used) = (Vec::new(), 0, 0);
    for (at, c) in word.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > width && at > begin {
            all.push(&word[begin..at]);
            (begin, used) = (at, 0);
        }
        used += wide;
    }
    all.push(&word[begin..]);
    all
}

/// A table that is to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FittedTable {
    titles: Vec<String>,
    fits: Vec<Fit>,
    rows: Vec<Vec<String>>,
}

impl FittedTable {
    /// With these columns.
    pub(super) fn new<T: Into<String>>(columns: impl IntoIterator<Item = (T, Fit)>) -> Self {
        let columns = columns.into_iter().map(|(title, fit)| (title.into(), fit));
        let (titles, fits) = columns.unzip();
        Self { titles, fits, rows: Vec::new() }
    }

    /// With one more row, a cell per column.
    pub(super) fn add(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The titles.
    pub(super) fn titles(&self) -> Vec<&str> {
        self.titles.iter().map(String::as_str).collect()
    }

    /// The rows.
    pub(super) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |at: usize| self.rows.iter().filter_map(move |row| row.get(at));
        let widest = |(at, title): (usize, &String)| {
            cells(at).map(|cell| cell.width()).max().unwrap_or(0).max(title.width())
        };
        self.titles.iter().enumerate().map(widest).collect()
    }

    fn remove(&mut self, at: usize) -> String {
        self.fits.remove(at);
        for row in &mut self.rows {
            if at < row.len() {
                row.remove(at);
            }
        }
        self.titles.remove(at)
    }

    /// Makes it at most `width` columns wide; says which columns were left out for that. What only
    /// has columns that stay may be wider.
    pub(super) fn squeeze(&mut self, width: usize) -> Vec<String> {
        let mut left_out = Vec::new();
        loop {
            let widths = self.widths();
            let least = |at: usize| match self.fits[at] {
                Fit::Cut(least) => widths[at].min(least),
                Fit::Stays | Fit::Goes(_) => widths[at],
            };
            let needed: usize = (0..widths.len()).map(|at| least(at) + SPACE).sum();
            let goes = |at: usize| match self.fits[at] {
                Fit::Goes(rank) => Some((rank, at)),
                Fit::Stays | Fit::Cut(_) => None,
            };
            let next = (0..widths.len()).filter_map(goes).max();
            match next.filter(|_| needed > width) {
                Some((_, at)) => left_out.push(self.remove(at)),
                None => {
                    self.cut(&widths, width.saturating_sub(needed));
                    left_out.reverse();
                    return left_out;
                }
            }
        }
    }

    /// Cuts what may be cut to its least and its part of the room that is left.
    fn cut(&mut self, widths: &[usize], mut room: usize) {
        for (at, widest) in widths.iter().enumerate() {
            let Fit::Cut(least) = self.fits[at] else { continue };
            let more = widest.saturating_sub(least).min(room);
            room -= more;
            for cell in self.rows.iter_mut().filter_map(|row| row.get_mut(at)) {
                *cell = cut(cell, least + more);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_broken_between_words_and_a_word_that_is_too_long_in_it() {
        assert_eq!(wrap("one two three", 80), ["one two three"]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 3), ["one", "two", "thr", "ee"]);
        assert_eq!(wrap("漢字 漢", 4), ["漢字", "漢"]);
        assert_eq!(wrap("", 4), [""]);
    }

    fn sheet() -> FittedTable {
        let columns = [
            ("HOST", Fit::Cut(8)),
            ("STATE", Fit::Stays),
            ("GROUP", Fit::Goes(2)),
            ("CPU", Fit::Goes(1)),
        ];
        let mut sheet = FittedTable::new(columns);
        sheet.add(["a-very-long-name.example", "up", "web", "12.5 %"].map(str::to_owned));
        sheet
    }

    #[test]
    fn text_is_cut_first_and_columns_go_by_their_rank() {
        let mut wide = sheet();
        assert_eq!(wide.squeeze(80), Vec::<String>::new());
        assert_eq!(wide, sheet());
        let mut less = sheet();
        assert_eq!(less.squeeze(32), Vec::<String>::new());
        assert_eq!(less.rows(), [["a-very-…", "up", "web", "12.5 %"]]);
        let mut least = sheet();
        assert_eq!(least.squeeze(26), ["GROUP"]);
        assert_eq!(least.titles(), ["HOST", "STATE", "CPU"]);
        assert_eq!(least.rows(), [["a-very-l…", "up", "12.5 %"]]);
        let mut tiny = sheet();
        assert_eq!(tiny.squeeze(3), ["CPU", "GROUP"]);
    }
}
