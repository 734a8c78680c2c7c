//! Certificates between Roundsman's server and its probes: how they are read, what makes one a peer's, how
//! both sides are set up with them, and an authority that issues them.
//!
//! The modules are declared in reading order, and the order is the rule: a module uses only modules
//! above it.

pub mod pem;
pub mod names;
pub mod dates;
pub mod cause;
mod chain;
mod reloaded;
pub mod client;
pub mod server;
#[cfg(feature = "authority")]
pub mod authority;
