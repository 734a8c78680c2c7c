//! The probe. Nothing is here yet.

fn main() {}
