//! Roundsman's server: polls the probes of an inventory, computes rates, decides health, keeps
//! every poll.
//!
//! The modules are declared in reading order, and the order is the rule: a module uses only modules
//! above it (`tests/structure.rs` holds it).

// Vocabulary: what things are called.
pub mod model;
pub mod units;

// Touch: the world outside.
pub mod store;
