//! The parser of alert rules, for cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundsman_fuzz::alerts(bytes));
