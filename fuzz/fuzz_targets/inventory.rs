//! The parser of inventories, for cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundsman_fuzz::inventory(bytes));
