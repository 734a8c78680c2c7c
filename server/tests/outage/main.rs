//! The database goes away in every way that it can, under the whole server: polling goes on, what
//! is wrong is said, and nothing is lost, also when the server dies meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod annotated;
mod exported;
mod failover;
mod faults;
mod file;
mod restarts;
mod served;
mod site;
mod standby;
mod told;

#[path = "../support/mariadbd.rs"]
mod mariadbd;
#[path = "../cli/program.rs"]
#[allow(dead_code, reason = "another test program uses the rest")]
mod program;
#[path = "../support/replicas.rs"]
mod replicas;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// Hosts, each polled once in this time.
const HOSTS: usize = 3;
const INTERVAL: Duration = Duration::from_secs(1);
