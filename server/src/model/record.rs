//! The one thing a poll leaves behind, successful or not: one row of the ledger.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Column, Detail, HostId, HostName, Outcome, State, Values, VersionId};
use crate::units::{Micros, WallMs};

/// How long each step of a poll took. A step that was not reached has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// How late the slot was begun: start of waiting less the slot's moment.
    pub late_us: Micros,
    /// Waiting for the limit of polls in flight: our queue, not the host's fault.
    pub queue_us: Micros,
    /// Resolving the name; none when an address or an open channel was used.
    pub resolve_us: Option<Micros>,
    /// Connecting (TCP, TLS); none when an open channel was used.
    pub connect_us: Option<Micros>,
    /// The call itself, from the request to the decoded answer.
    pub call_us: Option<Micros>,
}

impl Timings {
    /// How well a clock skew that was taken at the middle of the call is known, milliseconds: the
    /// probe read its clock at some moment of the call, at most half of it away.
    #[must_use]
    pub fn skew_bound_ms(&self) -> Option<u64> {
        self.call_us.map(|call| (call.0 / 2).div_ceil(1_000))
    }
}

/// One poll of one host: exactly one per attempt, whatever its outcome.
///
/// As a document it is its ledger: values and detail stand apart.
///
/// Invariant: `values` and `detail` are filled if and only if `outcome.has_values()`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The host's number.
    pub host: HostId,
    /// The host's name when it was polled.
    pub name: HostName,
    /// The moment the poll was due; with `host` the key of the row.
    pub slot: WallMs,
    /// The moment it was begun.
    pub started: WallMs,
    /// The inventory in force.
    pub inventory: VersionId,
    /// How it ended.
    pub outcome: Outcome,
    /// The host's state after it.
    pub state: State,
    /// How long its steps took.
    pub timings: Timings,
    /// Size of the encoded answer, bytes.
    pub answer_bytes: Option<u64>,
    /// The address used, `host:port` as in the inventory.
    pub address: Option<Arc<str>>,
    /// What went wrong, in words; also set when the outcome is `partial`.
    pub error: Option<Arc<str>>,
    /// The probe's boot, to tell reboots apart in the ledger.
    pub boot_id: Option<Arc<str>>,
    /// The probe's wall clock less the server's at the middle of the call, milliseconds; known to
    /// within [`Timings::skew_bound_ms`].
    pub clock_skew_ms: Option<i64>,
    /// Time on the probe's boottime clock since the answer that the rates are taken from, ns; none where
    /// there are no rates.
    pub elapsed_ns: Option<u64>,
    /// Host-wide values.
    #[serde(skip)]
    pub values: Option<Values<Column>>,
    /// What repeats per core, interface, disk, mount or process.
    #[serde(skip)]
    pub detail: Option<Detail>,
}
