//! What is fuzzed; one function per target.

mod targets;

pub use targets::{answer, inventory, procfs};
