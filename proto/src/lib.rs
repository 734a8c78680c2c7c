//! The wire between the server and its probes.
//!
//! Everything here is generated from `roundsman/v1/probe.proto`, which is the place to read: every
//! field says its unit, its kernel source and the kernel that first had it. Nothing on the wire is
//! derived: counters are raw, what a kernel lacks is absent.
//!
//! This crate knows neither how values are read (the probe does) nor what is made of them (the
//! server does).

/// Package `roundsman.v1`: the `Probe` service and its messages.
#[allow(missing_docs, unreachable_pub, clippy::all, rustdoc::all)]
pub mod v1 {
    tonic::include_proto!("roundsman.v1");
}

/// The encoded `FileDescriptorSet` of [`v1`], for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/roundsman_v1.bin"));
