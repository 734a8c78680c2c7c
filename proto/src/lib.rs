//! The wire between the server and its probes.
//!
//! Everything of [`v1`] is generated from `roundsman/v1/probe.proto`, which is the place to read: every
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

/// Package `grpc.health.v1`: the health service that the server offers of its fleet, with `List`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, rustdoc::all)]
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}

/// The encoded `FileDescriptorSet` of [`health`], for gRPC reflection.
pub const HEALTH_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/grpc_health_v1.bin"));

pub mod reflection;
