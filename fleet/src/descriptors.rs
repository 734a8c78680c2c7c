//! How many file descriptors a fleet needs, and the process's limit of them (getrlimit(2)).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors per probe: its listener, and the connection of one server.
pub const PER_PROBE: u64 = 2;

/// Descriptors beside the probes': standard streams, the runtime, the control socket.
pub const BESIDE: u64 = 64;

/// Raises the soft limit to the hard one and says what the limit is now; none: there is no limit.
#[must_use]
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // A soft limit up to the hard one may always be set.
    if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current }
}

/// What to say when `probes` do not fit under `limit`; none when they do.
#[must_use]
pub fn shortage(probes: usize, limit: Option<u64>) -> Option<String> {
    let limit = limit?;
    let needed = u64::try_from(probes).unwrap_or(u64::MAX).saturating_mul(PER_PROBE) + BESIDE;
    (needed > limit).then(|| {
        let fit = limit.saturating_sub(BESIDE) / PER_PROBE;
        format!(
            "{probes} probes need {needed} file descriptors and the hard limit is {limit}: about \
             {fit} fit; raise it (`ulimit -Hn`, `LimitNOFILE=`) or run several fleets with --first"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_said_with_what_fits() {
        assert_eq!(shortage(10_000, None), None);
        assert_eq!(shortage(1_000, Some(2_064)), None);
        let words = shortage(10_000, Some(20_000)).unwrap();
        assert!(words.contains("need 20064") && words.contains("about 9968 fit"), "{words}");
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise(), hard);
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }
}
