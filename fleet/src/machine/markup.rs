//! The answer of a probe that is out to run a script in the browser of whoever looks.

use prost::{
    Message as _,
    bytes::{BufMut as _, Bytes, BytesMut},
};
use roundsman_proto::v1;

use super::{GRPC_HEAD_BYTES, framed};

/// What runs as soon as it becomes part of a page.
pub const MARKUP: &str = "<img src=x onerror=\"document.title='owned'\">";

/// The same answer with [`MARKUP`] in every text that a machine can choose; one family reports it as
/// its error. What is no answer comes back as it is.
#[must_use]
pub fn marked_up(frame: &Bytes) -> Bytes {
    let message = frame.get(GRPC_HEAD_BYTES..).unwrap_or_default();
    let Ok(mut answer) = v1::Snapshot::decode(message) else { return frame.clone() };
    let mark = |text: &mut String| text.push_str(MARKUP);
    if let Some(identity) = &mut answer.identity {
        let facts = [&mut identity.hostname, &mut identity.kernel, &mut identity.os];
        facts.into_iter().flatten().for_each(mark);
    }
    if let Some(network) = &mut answer.network {
        network.interface.iter_mut().for_each(mark);
    }
    if let Some(disk) = &mut answer.disk {
        disk.device.iter_mut().for_each(mark);
    }
    if let Some(filesystem) = &mut answer.filesystem {
        let names = [&mut filesystem.mount_point, &mut filesystem.device, &mut filesystem.fs_type];
        names.into_iter().flatten().for_each(mark);
    }
    if let Some(report) = answer.reports.last_mut() {
        report.status = v1::Status::Partial.into();
        mark(&mut report.error);
    }
    let mut frame = BytesMut::with_capacity(GRPC_HEAD_BYTES + answer.encoded_len());
    frame.put_bytes(0, GRPC_HEAD_BYTES);
    // A `BytesMut` grows: there is always room.
    let _fits = answer.encode(&mut frame);
    framed(frame)
}
