//! The rules of the source that the compiler does not hold.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rules;

use std::fs;

use rules::{circles, code, declared, files, source, uses_below};

#[test]
fn a_module_uses_only_modules_declared_above_it() {
    let order = declared(&source("lib.rs"));
    assert!(order.len() >= 4, "{order:?}");
    assert_eq!(uses_below(&order, &source(""), "crate::"), Vec::<String>::new());
    for module in &order {
        let inner = declared(&source(&format!("{module}.rs")));
        assert_eq!(uses_below(&inner, &source(module), "super::"), Vec::<String>::new());
    }
}

#[test]
fn the_rule_finds_what_breaks_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("first.rs"), "use crate::{\n    first,\n    second::{x, y},\n};\n")
        .unwrap();
    fs::write(dir.path().join("second.rs"), "// crate::third\nfn f() { crate::first::g() }\n")
        .unwrap();
    fs::create_dir(dir.path().join("second")).unwrap();
    fs::write(dir.path().join("second/part.rs"), "use crate::third;\n").unwrap();
    fs::write(dir.path().join("third.rs"), "#[cfg(x)]\n\n#[cfg(test)]\nmod t { use crate::z; }\n")
        .unwrap();
    let order = ["first", "second", "third"].map(str::to_owned);
    let wrong = uses_below(&order, dir.path(), "crate::");
    let wrong: Vec<&str> = wrong.iter().map(|line| line.rsplit('/').next().unwrap()).collect();
    assert_eq!(wrong, ["first.rs uses second", "part.rs uses third"]);
}

#[test]
fn a_circle_is_found_through_trees_folders_and_names_that_the_parent_took() {
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod straight;\nmod room;\n");
    write("straight.rs", "use crate::room::Thing;\n");
    write(
        "room.rs",
        "mod a;\nmod b;\nmod c;\nmod d;\npub use c::{self, inner::Thing as Other, Thing};\n",
    );
    write("room/a.rs", "use super::{\n    d,\n    b::{self, X as Y, Z},\n};\n");
    write(
        "room/b.rs",
        "// super::a\nmod deep;\n#[cfg(test)]\nmod tests { use super::super::d; }\n",
    );
    write("room/b/deep.rs", "fn f() -> super::super::Thing { crate::room::b::g() }\n");
    write("room/c.rs", "pub struct Thing;\nfn f() { crate::room::a::g() }\n");
    write("room/d.rs", "use std::super_::a;\n");
    let wrong = ["a uses b", "b uses c", "c uses a"].map(|uses| format!("room: {uses}"));
    assert_eq!(circles(dir.path()), wrong);
    write("room/c.rs", "pub struct Thing;\n");
    assert_eq!(circles(dir.path()), Vec::<String>::new());
}

/// Only `root` joins paths: nothing that reads a host says where it is.
#[test]
fn no_collector_names_a_path_of_its_own() {
    let mut collectors = files(&source("collect"));
    collectors.extend([source("collect.rs"), source("capture.rs")]);
    collectors.retain(|file| !file.ends_with("tests.rs"));
    for file in collectors {
        let code = code(&file);
        for root in ["\"/proc", "\"/sys", "\"/etc", "\"/dev"] {
            assert!(!code.contains(root), "{}: {root}", file.display());
        }
    }
}

/// What cannot be understood later cannot be kept small: see the limits in the style of this code.
#[test]
fn files_stay_readable() {
    for file in files(&source("")) {
        let lines = code(&file).lines().count();
        assert!(lines <= 360, "{}: {lines} lines before its tests", file.display());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{}: does not say what it is for", file.display());
    }
}
