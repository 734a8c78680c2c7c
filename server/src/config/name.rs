//! Words that others have given: what a provider calls this server, how a proxy calls a header field.

use http::HeaderName;

use super::setting_type::TextSetting;

/// The longest such word, bytes.
const MAX_NAME_BYTES: usize = 256;

/// A word of visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct VisibleText(String);

impl VisibleText {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextSetting for VisibleText {
    const EXPECTED: &'static str = "1 to 256 visible ASCII characters";

    fn read(text: &str) -> Option<Self> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        (!text.is_empty() && text.len() <= MAX_NAME_BYTES && is_visible).then(|| Self::new(text))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// The name of a header field, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct FieldName(String);

impl FieldName {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextSetting for FieldName {
    const EXPECTED: &'static str = "the name of a header field such as \"x-forwarded-user\"";

    fn read(text: &str) -> Option<Self> {
        let name: HeaderName = text.trim().parse().ok()?;
        // What these hold is looked at already, and for something else.
        let is_taken = ["authorization", "cookie", "host", "origin"].contains(&name.as_str());
        (!is_taken && name.as_str().len() <= MAX_NAME_BYTES).then(|| Self::new(name.as_str()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_short_and_visible() {
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        assert_eq!(VisibleText::read("round/s:man").unwrap().as_str(), "round/s:man");
        for bad in ["", "a b", "ä", "a\n", &long] {
            assert_eq!(VisibleText::read(bad), None, "{bad}");
        }
        assert_eq!(FieldName::read("X-Forwarded-User").unwrap().as_str(), "x-forwarded-user");
        for bad in ["", "a b", "a:", "Cookie", "authorization", &long] {
            assert_eq!(FieldName::read(bad), None, "{bad}");
        }
    }
}
