//! How much text a receiver takes, and text that is cut to fit.

use std::time::Duration;

use crate::document::{Findings, Section, quoted};

/// What a receiver counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Bytes of UTF-8.
    Bytes,
    /// Characters.
    Chars,
    /// Units of UTF-16: a character beyond the first 65,536 counts twice.
    Utf16,
    /// Bytes as the text stands in JSON.
    Json,
}

/// What stands in place of a character that would mean something to a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Nothing means anything.
    Plain,
    /// `&`, `<`, `>` and `"` of HTML.
    Html,
    /// `&`, `<` and `>`: all that Slack wants escaped.
    Angles,
    /// A backslash before all that Markdown knows.
    Markdown,
    /// The same, and a line ends in two line ends.
    MarkdownLines,
    /// As in a string of JSON.
    Json,
}

/// How often a channel may be used: a bucket of so many tokens, filled over this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Messages.
    pub count: u32,
    /// In this time.
    pub per: Duration,
}

impl Rate {
    /// Reads `rate = "20/min"`; what is wrong is noted.
    pub(super) fn read(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Self> {
        const EXPECTED: &str = "messages in a time, \"20/min\": at least 1, at most 1000, in \"s\", \
                                \"min\" or \"h\"";
        let text = section.text("rate", EXPECTED, findings)?;
        let rate = text.value.split_once('/').and_then(|(count, per)| {
            let count = count.trim().parse().ok().filter(|count| (1..=1000).contains(count))?;
            let seconds = match per.trim() {
                "s" => 1,
                "min" => 60,
                "h" => 3600,
                _ => return None,
            };
            Some(Self { count, per: Duration::from_secs(seconds) })
        });
        if rate.is_none() {
            let found = quoted(text.value);
            findings.add(text.at, format!("`rate` must be {EXPECTED}, not {found}"));
        }
        rate
    }
}

/// What one kind of receiver takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest title; 0 where there is no place for one beside the text.
    pub title: usize,
    /// The longest text.
    pub length: usize,
    /// What both count.
    pub measure: Measure,
    /// What is written in place of what.
    pub escape: Escape,
    /// The largest body of a request, bytes.
    pub document: usize,
    /// How often.
    pub rate: Rate,
}

/// What marks that something was cut.
const CUT: char = '…';

impl Measure {
    fn of(self, c: char) -> usize {
        match self {
            Self::Bytes => c.len_utf8(),
            Self::Chars => 1,
            Self::Utf16 => c.len_utf16(),
            Self::Json => match c {
                '"' | '\\' | '\n' | '\t' | '\r' => 2,
                c if c.is_control() => 6,
                c => c.len_utf8(),
            },
        }
    }

    /// How long a text is.
    #[must_use]
    pub fn length(self, text: &str) -> usize {
        text.chars().map(|c| self.of(c)).sum()
    }
}

impl Escape {
    /// Appends what stands for a character.
    fn push(self, c: char, out: &mut String) {
        match (self, c) {
            (Self::Html | Self::Angles, '&') => out.push_str("&amp;"),
            (Self::Html | Self::Angles, '<') => out.push_str("&lt;"),
            (Self::Html | Self::Angles, '>') => out.push_str("&gt;"),
            (Self::Html, '"') => out.push_str("&quot;"),
            (Self::MarkdownLines, '\n') => out.push_str("\n\n"),
            (Self::Markdown | Self::MarkdownLines, c) if r"\*_~`|<>[]()#@".contains(c) => {
                out.extend(['\\', c]);
            }
            (Self::Json, '"') => out.push_str("\\\""),
            (Self::Json, '\\') => out.push_str("\\\\"),
            (Self::Json, '\n') => out.push_str("\\n"),
            (Self::Json, c) if c.is_control() => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            (_, c) => out.push(c),
        }
    }

    /// The text as it is written.
    #[must_use]
    pub fn escaped(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        text.chars().for_each(|c| self.push(c, &mut out));
        out
    }
}

/// A text that grows up to a limit. It is cut before it is escaped: never within what stands for one
/// character.
#[derive(Debug)]
pub(super) struct Room {
    text: String,
    left: usize,
    measure: Measure,
    escape: Escape,
}

impl Room {
    pub(super) fn new(length: usize, limits: &Limits) -> Self {
        let (measure, escape) = (limits.measure, limits.escape);
        Self { text: String::new(), left: length, measure, escape }
    }

    /// How much of the limit is left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Whether nothing was written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// An address of a page as it is written: a backslash in it would lead elsewhere.
    pub(super) fn link(&self, url: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'+,;=%".contains(c);
        let is_link = url.starts_with("https://") || url.starts_with("http://");
        let is_marked = matches!(self.escape, Escape::Markdown | Escape::MarkdownLines);
        match is_marked && is_link && url.chars().all(is_plain) {
            true => url.to_owned(),
            false => self.escape.escaped(url),
        }
    }

    /// How a text is written.
    pub(super) fn written(&self, text: &str) -> String {
        self.escape.escaped(text)
    }

    /// How much a text takes.
    pub(super) fn cost(&self, text: &str) -> usize {
        self.measure.length(&self.escape.escaped(text))
    }

    /// Appends a text as a whole, if it fits.
    pub(super) fn push(&mut self, text: &str) -> bool {
        let cost = self.cost(text);
        if cost > self.left {
            return false;
        }
        text.chars().for_each(|c| self.escape.push(c, &mut self.text));
        self.left -= cost;
        true
    }

    /// Appends what is not to be escaped, if it fits.
    pub(super) fn push_raw(&mut self, text: &str) -> bool {
        let cost = self.measure.length(text);
        if cost > self.left {
            return false;
        }
        self.text.push_str(text);
        self.left -= cost;
        true
    }

    /// The same, if it takes at most `most`.
    pub(super) fn push_raw_within(&mut self, text: &str, most: usize) -> bool {
        self.measure.length(text) <= most && self.push_raw(text)
    }

    /// Appends as much of a text as `most` and the limit allow; `…` marks what was cut.
    pub(super) fn push_cut(&mut self, text: &str, most: usize) {
        let most = most.min(self.left);
        if self.cost(text) <= most {
            self.push(text);
            return;
        }
        let mut room = most.saturating_sub(self.measure.of(CUT));
        if most < self.measure.of(CUT) {
            return;
        }
        let mut piece = String::new();
        for c in text.chars() {
            piece.clear();
            self.escape.push(c, &mut piece);
            let cost = self.measure.length(&piece);
            if cost > room {
                break;
            }
            self.text.push_str(&piece);
            (room, self.left) = (room - cost, self.left - cost);
        }
        self.text.push(CUT);
        self.left -= self.measure.of(CUT);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The text as it is written in a place of its own, at most this long.
pub(super) fn fitted(text: &str, length: usize, measure: Measure, escape: Escape) -> String {
    let mut room = Room { text: String::new(), left: length, measure, escape };
    room.push_cut(text, length);
    room.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ESCAPES: [Escape; 6] = [
        Escape::Plain,
        Escape::Html,
        Escape::Angles,
        Escape::Markdown,
        Escape::MarkdownLines,
        Escape::Json,
    ];
    const MEASURES: [Measure; 4] = [Measure::Bytes, Measure::Chars, Measure::Utf16, Measure::Json];

    #[test]
    fn each_receiver_counts_in_its_own_way() {
        let lengths = MEASURES.map(|measure| measure.length("ä\u{1f4bf}\"\n"));
        assert_eq!(lengths, [8, 4, 5, 10]);
    }

    #[test]
    fn an_escape_is_never_cut() {
        let cut = |length| fitted("a<b", length, Measure::Chars, Escape::Html);
        assert_eq!(cut(6), "a&lt;b");
        assert_eq!(cut(5), "a…");
        assert_eq!(cut(1), "…");
        assert_eq!(cut(0), "");
    }

    proptest! {
        #[test]
        fn what_is_cut_fits_and_what_fits_is_whole(text in "\\PC{0,60}", length in 0_usize..80) {
            for escape in ESCAPES {
                for measure in MEASURES {
                    let whole = escape.escaped(&text);
                    let cut = fitted(&text, length, measure, escape);
                    prop_assert!(measure.length(&cut) <= length);
                    if measure.length(&whole) <= length {
                        prop_assert_eq!(cut, whole);
                    } else if let Some(kept) = cut.strip_suffix(CUT) {
                        prop_assert!(whole.starts_with(kept));
                    }
                }
            }
        }
    }
}
