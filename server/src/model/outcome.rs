//! How a poll ended: a closed list, one word per row of the ledger.

use super::words::words;

words! {
    /// How a poll ended.
    Outcome {
        /// Every family asked for was answered in full.
        Ok = "ok";
        /// An answer with at least one family that is partial, absent where it was before, denied,
        /// late, hung or malformed.
        Partial = "partial";
        /// The name could not be resolved.
        Resolve = "resolve";
        /// The port is closed, or the peer closed the connection at once.
        Refused = "refused";
        /// No route, or the connection attempt was not answered.
        Unreachable = "unreachable";
        /// The TLS handshake failed.
        Tls = "tls";
        /// The probe wants a credential that was not given, or refused the one given.
        Unauthenticated = "unauthenticated";
        /// Connected, but no complete answer within the poll's deadline.
        Deadline = "deadline";
        /// The peer speaks gRPC but does not know this call: another service, or a probe too old.
        Unimplemented = "unimplemented";
        /// The answer is not what the contract says: not HTTP/2, not protobuf, columns of unequal
        /// length, another protocol version.
        Malformed = "malformed";
        /// The answer is larger than the limit.
        TooLarge = "too_large";
        /// Another machine answered than the one this host is known to be.
        WrongHost = "wrong_host";
        /// The probe answered with an error of its own.
        ProbeError = "probe_error";
        /// The slot came while the poll before was still running: nothing was sent.
        Overrun = "overrun";
        /// The server had not what a poll takes: no descriptor, memory, local port or network of its
        /// own. It says nothing of the host.
        Local = "local";
    }
}

impl Outcome {
    /// The same within a sentence, for people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::TooLarge => "answer too large",
            Self::WrongHost => "another machine",
            Self::ProbeError => "probe error",
            Self::Local => "not polled",
            plain => plain.as_str(),
        }
    }

    /// Whether metric values came with it; only these two have values in their row.
    #[must_use]
    pub fn has_values(self) -> bool {
        matches!(self, Self::Ok | Self::Partial)
    }

    /// Whether the host was asked at all: what is no poll of it is no evidence about it.
    #[must_use]
    pub fn was_asked(self) -> bool {
        !matches!(self, Self::Overrun | Self::Local)
    }

    /// Whether it cannot come about without a word of the peer, be it a refusal: then the network
    /// between works. Of a `deadline` only what happened on the socket tells.
    #[must_use]
    pub fn was_heard(self) -> bool {
        match self {
            Self::Ok
            | Self::Partial
            | Self::Refused
            | Self::Tls
            | Self::Unauthenticated
            | Self::Unimplemented
            | Self::Malformed
            | Self::TooLarge
            | Self::WrongHost
            | Self::ProbeError => true,
            Self::Resolve | Self::Unreachable | Self::Deadline | Self::Overrun | Self::Local => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(*outcome));
            assert_eq!(
                serde_json::to_value(outcome).unwrap(),
                serde_json::Value::from(outcome.as_str())
            );
        }
        assert_eq!(Outcome::parse("OK"), None);
    }

    #[test]
    fn in_words_there_is_nothing_of_a_code_and_all_differ() {
        let all: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.in_words()).collect();
        assert!(all.iter().all(|words| !words.contains('_')), "{all:?}");
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
    }
}
