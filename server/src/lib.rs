//! Roundsman's server: polls the probes of an inventory, computes rates, decides health, keeps
//! every poll.
//!
//! The modules are declared in reading order, and the order is the rule: a module uses only modules
//! above it (`tests/structure.rs` holds it).

// Vocabulary: what things are called.
pub mod units;

pub mod model;

pub mod config;

// Decide: pure, no clock, no async, no I/O, no logging.
pub mod rates;

pub mod health;

// Join.
pub mod reload;
