//! The rules of the source that the compiler does not hold.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../probe/tests/rules/mod.rs"]
mod rules;

use std::fs;

use rules::{code, declared, files, source, uses_below};

#[test]
fn a_module_uses_only_modules_declared_above_it() {
    let order = declared(&source("lib.rs"));
    assert!(order.len() >= 8, "{order:?}");
    assert_eq!(uses_below(&order, &source(""), "crate::"), Vec::<String>::new());
}

#[test]
fn machines_personalities_and_plans_read_no_clock_and_do_no_io() {
    let impure = ["async ", ".await", "tokio", "fs::", "::now()", "wall_ns()", "std::env"];
    let mut pure = files(&source("machine"));
    pure.extend(files(&source("plan")));
    pure.extend(["machine.rs", "plan.rs", "personality.rs"].map(source));
    for file in pure.iter().filter(|file| !file.ends_with("tests.rs")) {
        let code = code(file);
        let found: Vec<_> = impure.iter().filter(|word| code.contains(**word)).collect();
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

#[test]
fn files_stay_readable_and_say_what_they_are_for() {
    for file in files(&source("")) {
        let is_test = file.ends_with("tests.rs");
        let text = fs::read_to_string(&file).unwrap();
        assert!(is_test || text.starts_with("//!"), "{}", file.display());
        assert!(is_test || code(&file).lines().count() <= 380, "{}", file.display());
    }
}
