//! The probe's parsers of /proc, for cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundsman_fuzz::procfs(bytes));
