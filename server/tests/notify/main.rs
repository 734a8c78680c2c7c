//! Channels to real receivers: HTTP that takes, fails, hangs, redirects and talks nonsense; a real mail
//! server; a real Alertmanager.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alertmanager;
mod http;
mod mail;
mod site;
#[path = "../support/mod.rs"]
mod support;
