//! What may be sent to page and API before it is known who sends it, for cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundsman_fuzz::http(bytes));
