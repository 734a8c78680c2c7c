//! How a poll ended: a closed list, one word per row of the ledger.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! outcomes {
    ($( $(#[doc = $doc:literal])* $Variant:ident = $word:literal; )*) => {
        /// How a poll ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Outcome { $( $(#[doc = $doc])* $Variant, )* }

        impl Outcome {
            /// Every outcome, in the order of the list.
            pub const ALL: &'static [Self] = &[$( Self::$Variant, )*];

            /// The word that stands in the tables and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word, )* }
            }

            /// The outcome with this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$Variant), )* _ => None }
            }
        }
    };
}

outcomes! {
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
}

impl Outcome {
    /// Whether metric values came with it; only these two have values in their row.
    #[must_use]
    pub fn has_values(self) -> bool {
        matches!(self, Self::Ok | Self::Partial)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
}
