//! What several tests share: fake probes that behave as they are told, over real sockets.
#![allow(clippy::unwrap_used, reason = "a broken fake is a broken test")]
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test program uses its own part of this"
)]

mod authority;
mod disk;
mod dns;
mod fake_probe;
mod peers;
mod receiver;

pub use authority::{acceptor, authority, certificate, mutual};
pub use disk::filling;
pub use dns::{NameServer, Says};
pub use fake_probe::{Behaviour, FakeProbe, MACHINE, answer};
pub use peers::Unanswered;
pub use receiver::{Does, FAILS, PATIENCE, REQUESTS, Receiver, TAKES};
