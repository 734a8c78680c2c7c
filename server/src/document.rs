//! A TOML file that a person wrote, read so that every problem of it is found at once, each with its
//! line and column.
//!
//! `Section` takes typed values out of a table and notes what is wrong; `Findings` keeps what was
//! noted, by byte offset, and gives it out as [`Problems`], which know their places in the file.

mod problem;
mod read;

use std::sync::Arc;

use toml::{Spanned, de::DeTable};

pub(crate) use problem::Findings;
pub use problem::{MAX_PROBLEMS, Problem, Problems};
pub(crate) use read::{Located, Section, quoted};

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name in messages.
    pub name: Arc<str>,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// The text of a file's bytes; `what` is the file in a sentence: "an inventory".
///
/// # Errors
/// The first byte that is not UTF-8, with its place.
pub fn utf8<'b>(what: &str, file: &str, bytes: &'b [u8]) -> Result<&'b str, Problems> {
    std::str::from_utf8(bytes).map_err(|e| {
        let good = String::from_utf8_lossy(&bytes[..e.valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        let bad = bytes.get(e.valid_up_to()).copied().unwrap_or_default();
        let message = format!("{what} is UTF-8 text, byte 0x{bad:02x} is not");
        Problems::one(file, line, column, message)
    })
}

/// The table that a text is. What a broken text means is not guessed: its syntax errors are all that
/// is told.
///
/// # Errors
/// What of it is not TOML.
pub(crate) fn table<'t>(
    text: &'t str,
    findings: &mut Findings<'_>,
) -> Result<Spanned<DeTable<'t>>, Problems> {
    let document = recovered(0, text, findings);
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => Ok(document),
    }
}

/// The tables that the texts of `findings` are, each with the offset of its text, for
/// [`Section::of_part`].
///
/// # Errors
/// What of any of them is not TOML.
pub(crate) fn tables<'t>(
    findings: &mut Findings<'t>,
) -> Result<Vec<(usize, Spanned<DeTable<'t>>)>, Problems> {
    let mut tables = Vec::new();
    for (start, text) in findings.texts() {
        tables.push((start, recovered(start, text, findings)));
    }
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => Ok(tables),
    }
}

/// The table of a text that begins at `start`, and what of it is not TOML.
fn recovered<'t>(start: usize, text: &'t str, findings: &mut Findings<'_>) -> Spanned<DeTable<'t>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = start + error.span().map_or(0, |span| span.start);
        findings.add(at, format!("not TOML: {}", error.message()));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each `!` of the value stands where the file has it, however the string is written.
    #[test]
    fn a_place_in_a_string_is_found_in_the_file() {
        for text in [
            r#"key = "ab!c""#,
            r#"key = 'ab!c'"#,
            r#"key = "\"quoted\" \u00e4\\ \U0001F600 \t!""#,
            "key = \"\"\"\nfirst\n  second! \"\"\"",
            "key = '''\r\nfirst\r\n\\ ä!'''",
            "key = \"\"\"one \\\n      two!\"\"\"",
            "# ä\nkey = \"ä!\"",
        ] {
            let mut findings = Findings::new("file", text);
            let document = table(text, &mut findings).unwrap();
            let section = Section::new("the file", 0, document.get_ref());
            let value = section.text("key", "a text", &mut findings).unwrap();
            let inner = value.value.find('!').unwrap();
            assert_eq!(findings.inside(value.at, inner), text.find('!').unwrap(), "{text}");
        }
    }
}
