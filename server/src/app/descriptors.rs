//! The process's limit of file descriptors: every host keeps a connection, and the soft limit that
//! most systems start a process with is 1024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one (getrlimit(2)), and says what it is.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => tracing::debug!(limit = ?limit.maximum, "file descriptors, one per host needed"),
        Err(error) => tracing::warn!(
            %error, limit = ?limit.current,
            "the limit of file descriptors cannot be raised: hosts beyond it cannot be polled",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
