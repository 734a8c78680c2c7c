//! A probe whose one filesystem is as full as the test says.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use roundsman::clock::{Clock as _, SystemClock};
use roundsman_proto::v1;

use super::{Behaviour, FakeProbe};

/// Starts one; `used` is how full it is, per cent.
pub async fn filling(used: &Arc<AtomicU64>) -> FakeProbe {
    let (clock, told) = (SystemClock::new(), Arc::clone(used));
    let probe = FakeProbe::start(Behaviour::changed(move |snapshot| {
        snapshot.clocks.as_mut().unwrap().wall_ns = clock.now().wall.0 * 1_000_000;
        let free = 1_000 - 10 * told.load(Ordering::Relaxed);
        snapshot.filesystem = Some(v1::Filesystem {
            mount_point: vec!["/".to_owned()],
            device: vec!["/dev/sda1".to_owned()],
            fs_type: vec!["ext4".to_owned()],
            status: vec![v1::Status::Ok.into()],
            read_only: vec![false],
            block_size_bytes: vec![4_096],
            blocks: vec![1_000],
            blocks_free: vec![free],
            blocks_available: vec![free],
            ..v1::Filesystem::default()
        });
        snapshot.reports.push(v1::FamilyReport {
            family: v1::Family::Filesystem.into(),
            status: v1::Status::Ok.into(),
            spent_us: 10,
            error: String::new(),
        });
    }));
    probe.await
}
