//! What Roundsman's programs do with the operating system in the same way: a log that never makes a
//! thread wait, files that are read without surprises, completions that are put where shells look.
//!
//! It must not know what is logged or what is in the files.

pub mod completions;
pub mod file;
pub mod log;
