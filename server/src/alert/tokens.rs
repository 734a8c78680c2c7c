//! The words, numbers, texts and signs that a condition is made of.

use std::ops::Range;

use super::units::{UNITS, Units};
use crate::text::did_you_mean;

/// What is wrong with a condition, and at which of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte offset in the text of the condition.
    pub at: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl Fault {
    /// A problem at a byte.
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'t> {
    Number(f64, Option<(Units, f64)>),
    Text(&'t str),
    Word(&'t str),
    Sign(&'static str),
    End,
}

impl Token<'_> {
    /// As it stands in a sentence.
    pub(super) fn spoken(self) -> String {
        match self {
            Self::Number(number, _) => format!("the number {number}"),
            Self::Text(text) => format!("the text {text:?}"),
            Self::Word(word) => format!("`{word}`"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

const SIGNS: [&str; 13] = [">=", "<=", "==", "!=", ">", "<", "(", ")", ",", "+", "-", "*", "/"];

/// The words that are no names.
pub(super) const KEYWORDS: [&str; 3] = ["and", "or", "not"];

/// The parts of a text, with the bytes at which each begins and ends.
pub(super) fn tokens(text: &str) -> Result<Vec<(Range<usize>, Token<'_>)>, Fault> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (length, token) = if first.is_ascii_digit() {
            number(rest).map_err(|fault| Fault { at: at + fault.at, ..fault })?
        } else if first.is_ascii_alphabetic() || first == '_' {
            let word = word(rest);
            (word.len(), Token::Word(word))
        } else if first == '\'' || first == '"' {
            let Some(length) = rest[1..].find(first) else {
                return Err(Fault::new(at, format!("this text has no end: expected {first}")));
            };
            (length + 2, Token::Text(&rest[1..=length]))
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (sign.len(), Token::Sign(sign))
        } else {
            return Err(Fault::new(at, format!("unexpected {first:?}{}", meant(rest))));
        };
        all.push((at..at + length, token));
        at += length;
    }
    all.push((text.len()..text.len(), Token::End));
    Ok(all)
}

/// What is written in other languages.
fn meant(rest: &str) -> &'static str {
    match rest.as_bytes() {
        [b'=', ..] => "; equal is written ==",
        [b'&', ..] => "; write `and`",
        [b'|', ..] => "; write `or`",
        [b'!', ..] => "; write `not`",
        [b'%', ..] => "; the sign % goes after a number: 90 %",
        _ => "",
    }
}

fn word(rest: &str) -> &str {
    let part = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    &rest[..rest.find(part).unwrap_or(rest.len())]
}

/// A number with its unit, and how long both are.
fn number(rest: &str) -> Result<(usize, Token<'_>), Fault> {
    let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let value: f64 = match rest[..digits].parse() {
        Ok(value) if f64::is_finite(value) => value,
        _ => return Err(Fault::new(0, "not a number: expected one such as 90 or 1.5")),
    };
    let after = &rest[digits..];
    let gap = after.len() - after.trim_start().len();
    let after = &after[gap..];
    let plain = Ok((digits, Token::Number(value, None)));
    let letters = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
    let mut length = letters;
    if after[letters..].starts_with('%') && letters == 0 {
        length = 1;
    } else if after[letters..].starts_with("/s") {
        let ends = after[letters + 2..].chars().next();
        if !ends.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            length = letters + 2;
        }
    }
    let unit = &after[..length];
    // A unit has letters alone: what goes on is a name.
    let is_name =
        after[length..].starts_with(['_', '.']) || unit.contains(|c: char| c.is_ascii_digit());
    if unit.is_empty() || is_name || KEYWORDS.contains(&unit) {
        return plain;
    }
    match UNITS.iter().find(|(word, ..)| *word == unit) {
        Some((_, units, factor)) => {
            Ok((digits + gap + length, Token::Number(value, Some((*units, *factor)))))
        }
        None => {
            let same = UNITS.iter().find(|(word, ..)| word.eq_ignore_ascii_case(unit));
            let hint = match same {
                Some((word, ..)) => format!("; did you mean `{word}`?"),
                None => did_you_mean(unit, UNITS.iter().map(|(word, ..)| *word)),
            };
            let hint = if hint.is_empty() {
                "; expected %, B to PiB, /s, ms, s, m, h, d, w or polls".to_owned()
            } else {
                hint
            };
            Err(Fault::new(digits + gap, format!("unknown unit `{unit}`{hint}")))
        }
    }
}

/// A text with white space and marks of quotation as they are of no matter: two conditions that say the
/// same in the same words are equal.
pub(super) fn canonical(text: &str) -> String {
    let Ok(all) = tokens(text) else { return text.to_owned() };
    all.iter().map(|(_, token)| format!("{token:?} ")).collect()
}
