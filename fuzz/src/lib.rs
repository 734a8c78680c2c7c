//! What is fuzzed; one function per target.

mod targets;

pub use targets::{alerts, answer, http, inventory, procfs, stop_http};
