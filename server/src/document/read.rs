//! Typed access to a TOML table that notes every wrong key and type and goes on.

use std::time::Duration;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::Findings;
use crate::text::did_you_mean;

/// The most bytes of the user's text that a message repeats.
const MAX_QUOTED_BYTES: usize = 80;

/// A value and the byte offset where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// One table of the file.
pub(crate) struct Section<'t> {
    /// As it is called in messages: `[[group]]`.
    pub(crate) title: &'static str,
    pub(crate) at: usize,
    /// The offset of the text in which it stands: 0, unless several are read together.
    start: usize,
    table: &'t DeTable<'t>,
}

impl<'t> Section<'t> {
    pub(crate) fn new(title: &'static str, at: usize, table: &'t DeTable<'t>) -> Self {
        Self { title, at, start: 0, table }
    }

    /// All of one of several texts, which begins at the offset `start`.
    pub(crate) fn of_part(title: &'static str, start: usize, table: &'t DeTable<'t>) -> Self {
        Self { title, at: start, start, table }
    }

    /// A table within this one.
    fn inner(&self, title: &'static str, at: usize, table: &'t DeTable<'t>) -> Self {
        Self { title, at, start: self.start, table }
    }

    /// Where a value of this table begins.
    fn begin<T>(&self, spanned: &Spanned<T>) -> usize {
        self.start + spanned.span().start
    }

    /// Notes every key that is not one of `known`.
    pub(crate) fn check_keys(&self, known: &[&str], findings: &mut Findings<'_>) {
        for key in self.table.keys() {
            let word: &str = key.get_ref();
            if known.contains(&word) {
                continue;
            }
            let hint = match did_you_mean(word, known.iter().copied()) {
                hint if hint.is_empty() => format!("; expected one of {}", known.join(", ")),
                hint => hint,
            };
            let title = self.title;
            findings.add(self.begin(key), format!("unknown key {} in {title}{hint}", quoted(word)));
        }
    }

    /// Where a key's value stands, if the key is there.
    pub(crate) fn at(&self, key: &str) -> Option<usize> {
        self.table.get(key).map(|value| self.begin(value))
    }

    /// All keys with the place of the key.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Located<&'t str>> {
        let (table, start) = (self.table, self.start);
        table.keys().map(move |key| {
            let at = start + key.span().start;
            Located { value: key.get_ref().as_ref(), at }
        })
    }

    /// A text. None when it is absent, or wrong and noted; `expected` says what it should be.
    pub(crate) fn text(
        &self,
        key: &str,
        expected: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Located<&'t str>> {
        let (at, value) = self.value(key)?;
        match value {
            DeValue::String(text) => Some(Located { value: text.as_ref(), at }),
            other => wrong(key, expected, other, at, findings),
        }
    }

    /// A moment, as a text or as TOML's own date; `expected` says what it should be.
    pub(crate) fn moment(
        &self,
        key: &str,
        expected: &str,
        findings: &mut Findings<'_>,
    ) -> Option<String> {
        let (at, value) = self.value(key)?;
        match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Datetime(moment) => Some(moment.to_string()),
            other => wrong(key, expected, other, at, findings),
        }
    }

    /// A length of time.
    pub(crate) fn duration(
        &self,
        key: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Located<Duration>> {
        const EXPECTED: &str = "a duration such as \"10s\" or \"500ms\"";
        let text = self.text(key, EXPECTED, findings)?;
        match humantime::parse_duration(text.value) {
            Ok(value) => Some(Located { value, at: text.at }),
            Err(_) => {
                let given = quoted(text.value);
                findings.add(text.at, format!("`{key}` must be {EXPECTED}, not {given}"));
                None
            }
        }
    }

    /// A whole number between two limits.
    pub(crate) fn whole(
        &self,
        key: &str,
        least: u32,
        most: u32,
        findings: &mut Findings<'_>,
    ) -> Option<Located<u32>> {
        let expected = format!("a whole number from {least} to {most}");
        let (at, value) = self.value(key)?;
        let DeValue::Integer(number) = value else {
            return wrong(key, &expected, value, at, findings);
        };
        match i128::from_str_radix(number.as_str(), number.radix()).ok().map(u32::try_from) {
            Some(Ok(value)) if (least..=most).contains(&value) => Some(Located { value, at }),
            _ => {
                findings.add(
                    at,
                    format!(
                        "`{key}` must be {expected}, not {}",
                        quoted_plain(&number.to_string())
                    ),
                );
                None
            }
        }
    }

    /// True or false.
    pub(crate) fn truth(&self, key: &str, findings: &mut Findings<'_>) -> Option<bool> {
        let (at, value) = self.value(key)?;
        match value {
            DeValue::Boolean(value) => Some(*value),
            other => wrong(key, "true or false", other, at, findings),
        }
    }

    /// A list of texts; those elements that are none are noted and left out.
    pub(crate) fn texts(
        &self,
        key: &str,
        expected: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Located<Vec<Located<&'t str>>>> {
        let (at, value) = self.value(key)?;
        let DeValue::Array(elements) = value else {
            return wrong(key, expected, value, at, findings);
        };
        let mut texts = Vec::with_capacity(elements.len());
        for element in elements.iter() {
            let at = self.begin(element);
            match element.get_ref() {
                DeValue::String(text) => texts.push(Located { value: text.as_ref(), at }),
                other => findings
                    .add(at, format!("`{key}` must be {expected}, found {} in it", kind(other))),
            }
        }
        Some(Located { value: texts, at })
    }

    /// A table within this one; `title` is what messages call it.
    pub(crate) fn section(
        &self,
        key: &str,
        title: &'static str,
        expected: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Section<'t>> {
        let (at, value) = self.value(key)?;
        match value {
            DeValue::Table(table) => Some(self.inner(title, at, table)),
            other => wrong(key, expected, other, at, findings),
        }
    }

    /// An array of tables: `[[group]]`.
    pub(crate) fn sections(
        &self,
        key: &str,
        title: &'static str,
        findings: &mut Findings<'_>,
    ) -> Vec<Section<'t>> {
        let Some((at, value)) = self.value(key) else { return Vec::new() };
        let expected = format!("written as {title} tables, with two brackets");
        let DeValue::Array(elements) = value else {
            findings.add(at, format!("`{key}` must be {expected}, found {}", kind(value)));
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(elements.len());
        for element in elements.iter() {
            let at = self.begin(element);
            match element.get_ref() {
                DeValue::Table(table) => sections.push(self.inner(title, at, table)),
                other => {
                    findings.add(
                        at,
                        format!("`{key}` must be {expected}, found {} in it", kind(other)),
                    );
                }
            }
        }
        sections
    }

    fn value(&self, key: &str) -> Option<(usize, &'t DeValue<'t>)> {
        self.table.get(key).map(|value| (self.begin(value), value.get_ref()))
    }
}

fn wrong<T>(
    key: &str,
    expected: &str,
    found: &DeValue<'_>,
    at: usize,
    findings: &mut Findings<'_>,
) -> Option<T> {
    findings.add(at, format!("`{key}` must be {expected}, found {}", kind(found)));
    None
}

/// What a value is, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The user's own text, escaped and cut.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

fn quoted_plain(text: &str) -> String {
    cut(text).to_owned()
}

fn cut(text: &str) -> &str {
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= MAX_QUOTED_BYTES);
    &text[..end.last().unwrap_or(0)]
}
