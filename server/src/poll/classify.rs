//! What a failed poll is called. Told apart by what happened (the source chain of the error and
//! what the peer did on the socket), not by the gRPC code: a client sees CANCELLED for a timeout,
//! for a peer that closes at once and for one that speaks HTTP/1.1 alike.

use std::{error::Error, io, sync::Arc, time::Duration};

use http::StatusCode;
use roundsman_pki::cause::TlsError;
use tonic::{Code, Status};

use super::{
    connection::PlainHttp,
    decode::DecodeError,
    dial::DialErrors,
    socket::{PeerActivity, WireProtocol},
    trace::PollStep,
};
use crate::{model::Outcome, units::Micros};

/// The status of a stream that ended without a message; ours, so it can be told from a probe's.
pub(super) const NO_MESSAGE: &str = "the answer holds no message";

/// Why a poll, or a health check, has no answer. Displays as one sentence without the address.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No address could be connected to.
    #[error("{0}")]
    Dial(DialErrors),
    /// The peer did not process the call, and this proves it: worth one try over a new connection.
    #[error("{0}")]
    Unprocessed(Box<Fault>),
    /// The peer accepts connections and closes them.
    #[error("the peer accepted the connection and closed it without a word")]
    ClosedAtOnce,
    /// The peer speaks gRPC and closed the connection before its answer was complete.
    #[error("the connection was closed before the answer was complete ({0})")]
    BrokenOff(io::ErrorKind),
    /// The two sides do not agree on an encrypted connection.
    #[error("{0}")]
    Tls(TlsError),
    /// The peer speaks TLS, and we do not.
    #[error(
        "TLS: plain peer: the probe wants an encrypted connection; set tls = \"mtls\" for this host, \
         with ca, cert and key"
    )]
    Encrypted,
    /// The peer does not speak HTTP/2.
    #[error("the peer does not speak gRPC: it sent {0} instead of HTTP/2")]
    NotHttp2(WireProtocol),
    /// The peer's HTTP/2 or gRPC breaks the rules.
    #[error("the answer is not valid gRPC: {0}")]
    NotGrpc(String),
    /// The probe reset the call.
    #[error("the probe reset the call: {0}")]
    Reset(String),
    /// The probe gave up before us.
    #[error("the probe ran out of time: {0}")]
    ProbeTimeout(String),
    /// Nothing complete in time.
    #[error("{}", deadline_words(.0, *.1))]
    Deadline(Micros, StalledStep),
    /// The peer is connected and does not answer HTTP/2 pings.
    #[error("connected, but the peer does not even answer HTTP/2 pings")]
    NoPong,
    /// The answer is larger than the limit.
    #[error("the answer is larger than the limit of {0} bytes")]
    TooLarge(usize),
    /// The peer does not know the call.
    #[error("the peer does not know the call (another service, or a probe too old): {0}")]
    Unimplemented(String),
    /// The peer wants another credential.
    #[error("the probe refused the credential: {0}")]
    Unauthenticated(String),
    /// The probe answered with an error.
    #[error("the probe answered {code:?}: {message}")]
    Status {
        /// The gRPC code.
        code: Code,
        /// In the probe's words.
        message: String,
    },
    /// The probe's health service was asked first, and the probe does not serve.
    #[error("the probe's health service says {0}; it was not polled")]
    NotServing(&'static str),
    /// The answer does not hold what the contract says.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// Another machine answered.
    #[error(
        "machine {found} answered, this host is machine {expected}; its answer is not kept; if this \
         machine was installed anew or replaced: roundsman accept HOST"
    )]
    WrongHost {
        /// The host's machine id.
        expected: Arc<str>,
        /// The one that answered.
        found: Arc<str>,
    },
}

/// What a poll was doing when its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StalledStep {
    /// Resolving the name.
    Resolve,
    /// Connecting.
    Connect,
    /// Waiting for an answer to begin.
    Call,
    /// Waiting for the rest of an answer.
    Body,
}

impl StalledStep {
    pub(super) fn at(step: PollStep) -> Self {
        match step {
            PollStep::Resolve => Self::Resolve,
            PollStep::Connect => Self::Connect,
            PollStep::Queue | PollStep::Between | PollStep::Call => Self::Call,
            PollStep::Body => Self::Body,
        }
    }
}

fn deadline_words(after: &Micros, stuck: StalledStep) -> String {
    match stuck {
        StalledStep::Resolve => format!("the name was not resolved within {after}"),
        StalledStep::Connect => format!("no answer to the connection attempt within {after}"),
        StalledStep::Call => format!("connected, but no answer within {after}"),
        StalledStep::Body => format!("the answer began, but was not complete within {after}"),
    }
}

impl Fault {
    /// A poll whose time is over: by what it waited for, and by what the peer had said until then.
    pub(super) fn deadline(timeout: Duration, step: PollStep, peer: Option<&PeerActivity>) -> Self {
        match peer.map(PeerActivity::speech) {
            None | Some(WireProtocol::Silent | WireProtocol::Http2) => {
                Self::Deadline(timeout.into(), StalledStep::at(step))
            }
            Some(other) => Self::not_http2(other),
        }
    }

    fn not_http2(speech: WireProtocol) -> Self {
        match speech {
            WireProtocol::Tls => Self::Encrypted,
            other => Self::NotHttp2(other),
        }
    }

    /// The word for it in the ledger.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Dial(errors) => errors.outcome(),
            Self::Unprocessed(fault) => fault.outcome(),
            Self::ClosedAtOnce | Self::BrokenOff(_) => Outcome::Refused,
            Self::Tls(_) | Self::Encrypted => Outcome::Tls,
            Self::NotHttp2(_) | Self::NotGrpc(_) => Outcome::Malformed,
            Self::Reset(_) | Self::Status { .. } | Self::NotServing(_) => Outcome::ProbeError,
            Self::Deadline(_, StalledStep::Resolve) => Outcome::Resolve,
            Self::Deadline(_, StalledStep::Connect) => Outcome::Unreachable,
            Self::Deadline(_, StalledStep::Call | StalledStep::Body)
            | Self::NoPong
            | Self::ProbeTimeout(_) => Outcome::Deadline,
            Self::TooLarge(_) => Outcome::TooLarge,
            Self::Unimplemented(_) => Outcome::Unimplemented,
            Self::Unauthenticated(_) => Outcome::Unauthenticated,
            Self::Decode(error) => error.outcome(),
            Self::WrongHost { .. } => Outcome::WrongHost,
        }
    }
}

/// Where a call failed: what is known beside the error itself.
pub(super) struct CallContext {
    pub(super) peer: Arc<PeerActivity>,
    /// What had been sent over the connection before the call, bytes.
    pub(super) written_before: u64,
    pub(super) limit_bytes: usize,
}

impl CallContext {
    /// What the failed call is. A status with a source comes from the connection; one without was
    /// sent by the peer, or is one of the few that tonic makes of a bad answer.
    pub(super) fn fault(&self, status: &Status) -> Fault {
        if let Some(plain) = cause::<PlainHttp>(status) {
            return match plain.status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    Fault::Unauthenticated(plain.to_string())
                }
                _ => Fault::NotGrpc(plain.to_string()),
            };
        }
        if let Some(refused) = self.peer.refused() {
            return Fault::Tls(refused);
        }
        let lost = status.source().is_some();
        let fault = self.told(status, lost);
        if lost && self.is_unprocessed(status) {
            return Fault::Unprocessed(Box::new(fault));
        }
        fault
    }

    /// Whether the failure proves that the peer did nothing with the call (RFC 9113 section 8.7): it
    /// refused the stream, said GOAWAY with a last stream before ours (to any other h2 does not fail
    /// the call), or the connection ended before a byte of the request had left. All else may have
    /// been processed.
    fn is_unprocessed(&self, status: &Status) -> bool {
        let said = cause::<h2::Error>(status).is_some_and(|error| {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            error.is_remote() && (refused || error.is_go_away())
        });
        said || self.peer.written_bytes() == self.written_before
    }

    fn told(&self, status: &Status, lost: bool) -> Fault {
        if lost && self.peer.gave_no_pong() {
            return Fault::NoPong;
        }
        match self.peer.speech() {
            WireProtocol::Http2 if lost => self.lost(status),
            WireProtocol::Http2 => said(status, self.limit_bytes),
            WireProtocol::Silent => match self.peer.end() {
                Some(_) => Fault::ClosedAtOnce,
                None => Fault::NotGrpc(words(status)),
            },
            other => Fault::not_http2(other),
        }
    }

    fn lost(&self, status: &Status) -> Fault {
        if reset_by_peer(status) {
            return Fault::Reset(words(status));
        }
        match (self.peer.end(), cause::<h2::Error>(status)) {
            (_, Some(error)) if error.is_library() => Fault::NotGrpc(words(status)),
            (Some(end), _) => Fault::BrokenOff(end),
            (None, Some(error)) if error.is_remote() => {
                Fault::BrokenOff(io::ErrorKind::ConnectionAborted)
            }
            (None, _) => Fault::NotGrpc(words(status)),
        }
    }
}

/// What a status without a source says. tonic makes some of these itself, of answers that are not
/// gRPC; they are told by its words, which `tests/poll_faults` holds still.
fn said(status: &Status, limit_bytes: usize) -> Fault {
    const NOT_GRPC: [&str; 4] = [
        "protocol error: ",
        "Unexpected EOF decoding stream",
        "Content is compressed with",
        NO_MESSAGE,
    ];
    let message = status.message();
    let made_here = NOT_GRPC.iter().any(|start| message.starts_with(start));
    let text = || if message.is_empty() { "no reason given" } else { message }.to_owned();
    match status.code() {
        Code::OutOfRange if message.starts_with("Error, decoded message length too large") => {
            Fault::TooLarge(limit_bytes)
        }
        Code::Unauthenticated | Code::PermissionDenied => Fault::Unauthenticated(text()),
        _ if made_here => Fault::NotGrpc(text()),
        Code::Unimplemented => Fault::Unimplemented(text()),
        // tonic's own server says CANCELLED when a call's grpc-timeout is over.
        Code::DeadlineExceeded | Code::Cancelled => Fault::ProbeTimeout(text()),
        code => Fault::Status { code, message: text() },
    }
}

/// The peer reset this one call and left the connection alone: it lives.
fn reset_by_peer(status: &Status) -> bool {
    cause::<h2::Error>(status).is_some_and(|error| error.is_reset() && error.is_remote())
}

/// The error of this type along the source chain.
fn cause<E: Error + 'static>(status: &Status) -> Option<&E> {
    chain(status).find_map(|error| error.downcast_ref())
}

/// The innermost error that says something, in its words.
fn words(status: &Status) -> String {
    chain(status).last().map_or_else(|| status.message().to_owned(), ToString::to_string)
}

fn chain(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |error: &&(dyn Error + 'static)| (*error).source())
}
