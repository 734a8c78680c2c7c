//! Roundsman's probe: a function of the host. Asked, it reads `/proc` at that moment and answers;
//! it keeps nothing between calls, knows no other host, writes nothing and runs no programs.
//!
//! The modules are declared in reading order, and the order is the rule: a module uses only modules
//! above it (`tests/structure.rs` holds it).

pub mod clock;
pub mod root;
pub mod collect;
pub mod capture;
pub mod budget;
pub mod health;
pub mod service;
pub mod doctor;
pub mod show;
