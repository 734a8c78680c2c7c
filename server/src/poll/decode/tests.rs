//! What an answer becomes, and what is not taken.

mod asked;
mod full;
mod limits;
mod values;

use full::{full, full_from, texts};
use prost::Message as _;

use super::*;

/// What is changed in an answer.
type Change = fn(&mut v1::Snapshot);

/// The least that is an answer.
fn least() -> v1::Snapshot {
    v1::Snapshot {
        protocol: PROTOCOL,
        identity: Some(v1::Identity { ticks_per_second: 100, ..v1::Identity::default() }),
        clocks: Some(v1::Clocks { wall_ns: 1, boottime_ns: 1 }),
        ..v1::Snapshot::default()
    }
}

fn decode(wire: &v1::Snapshot) -> Result<Box<Snapshot>, DecodeError> {
    snapshot(wire.encode_to_vec().as_slice())
}
