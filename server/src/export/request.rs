//! What a request is, and in which form.

use axum::body::Bytes;

/// A version of remote_write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteVersion {
    /// 1.0: each series with all its labels.
    First,
    /// 2.0: each text once.
    Second,
}

/// What a request is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestForm {
    /// remote_write, packed by snappy, without frames.
    Write(WriteVersion),
    /// OTLP's metrics, packed by gzip.
    Otlp,
}

impl RequestForm {
    /// A request without a sample, packed.
    pub(super) fn empty(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Write(_) => &[0],
            // RFC 1952: a head of 10 bytes, an empty block, and of nothing both sum and length are 0.
            Self::Otlp => b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0",
        })
    }

    /// Whether whoever takes requests of the other form takes this one, or one that is made of it.
    pub(super) fn is_for_same_receiver(self, other: Self) -> bool {
        matches!((self, other), (Self::Write(_), Self::Write(_)) | (Self::Otlp, Self::Otlp))
    }
}

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackedRequest {
    pub(super) form: RequestForm,
    pub(super) body: Vec<u8>,
    pub(super) samples: u32,
}
