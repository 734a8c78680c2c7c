//! An error and what caused it, in one line. Knows no error of ours.

use std::{error::Error, iter::successors};

/// The error, then each of its causes, with `: ` between them.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |cause: &&dyn Error| (**cause).source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read it")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_told_in_its_order() {
        let error = Outer(std::io::Error::other(std::fmt::Error));
        let inner = std::fmt::Error.to_string();
        assert_eq!(error_chain(&error), format!("cannot read it: {inner}"));
    }
}
