//! The decoder of a probe's answers, and the rates and flaws of what it lets through, for cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| roundsman_fuzz::answer(bytes));
