//! Roundsman's server: polls the probes of an inventory, computes rates, decides health, keeps
//! every poll.
//!
//! The modules are declared in reading order, and the order is the rule: a module uses only modules
//! above it (`tests/structure.rs` holds it).

// Vocabulary: what things are called.
pub mod error_report;
pub mod text;
pub mod language;
pub mod units;
pub mod model;
pub mod config;
pub mod document;

// Decide: pure. No clock, no async, no I/O, no logging.
pub mod access;
pub mod schedule;
pub mod inventory;
pub mod rates;
pub mod newcomers;
pub mod channel;
pub mod health;
pub mod own_clock;
pub mod alert;
pub mod route;
pub mod rollup;
pub mod board;
pub mod lease;

// Touch: one thing outside each.
pub mod clock;
pub mod resolve;
pub mod outgoing;
pub mod oidc;
pub mod poll;
pub mod discover;
pub mod store;
pub mod lock;
pub mod reload;
pub mod board_folder;
pub mod hook;
pub mod notify;

// Publish: what everybody else may look at.
pub mod live;
pub mod metrics;
pub mod exposition;

// Join: the loop that owns the fleet, the jobs that wake it, what brings its hosts into line with the
// inventory, and what keeps the store in order.
pub mod engine;
pub mod ticker;
pub mod outbox;
pub mod export;
pub mod reconcile;
pub mod upkeep;

// Serve: thin over the live view and the store.
pub mod query;
pub mod web;
pub mod grpc;

// The composition root, and the commands over it.
pub mod app;
pub mod cli;

/// Of the program, and of the benchmarks that measure it. A poll allocates some two hundred times.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
