//! Text of a probe, or of whatever else answers, as it is kept.

use std::sync::Arc;

use crate::text::one_line;

/// The longest error text of a poll, bytes.
pub const MAX_ERROR_BYTES: usize = 512;

/// [`one_line`], or nothing when nothing is left.
pub(super) fn known(text: Option<&str>, limit: usize) -> Option<Arc<str>> {
    let line = one_line(text?, limit);
    (!line.is_empty()).then(|| line.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_unknown() {
        assert_eq!(known(Some(" \t"), 9), None);
        assert_eq!(known(None, 9), None);
        assert_eq!(known(Some("x"), 9).as_deref(), Some("x"));
    }
}
