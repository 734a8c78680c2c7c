//! Thousands of fake probes in one process: each with its own address, its own machine whose values
//! move, and a personality that can be changed while it runs.
//!
//! It is a test bed for a server and its alerts, and a load generator. It speaks the probe's
//! protocol and knows nothing of servers: whatever polls it is a stranger.
//!
//! The modules are declared in reading order, and a module uses only modules above it
//! (`tests/structure.rs` holds it).

pub mod clock;
pub mod personality;
pub mod machine;
pub mod plan;
pub mod descriptors;
mod grpc;
mod secure;
mod probe;
pub mod fleet;
pub mod control;
pub mod cli;
