//! What Roundsman's programs do with the operating system in the same way: a log that never makes a
//! thread wait, and files that are read without surprises.
//!
//! It must not know what is logged or what is in the files.

pub mod file;
pub mod log;
