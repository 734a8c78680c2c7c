//! The rules of the source that the compiler does not hold.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../probe/tests/rules/mod.rs"]
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use rules::{circles, code, declared, files, source, uses_below};

/// A module's own file and those in its folder, tests left out.
fn module(name: &str) -> Vec<PathBuf> {
    let mut all = files(&source(name));
    all.push(source(&format!("{name}.rs")));
    all.retain(|file| {
        !["tests.rs", "sample.rs", "properties.rs", "machine.rs"]
            .iter()
            .any(|test| file.ends_with(test))
            && !file.components().any(|part| part.as_os_str() == "tests")
    });
    all
}

/// Where any of `words` stands in the code of `files`.
fn found(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    for file in files {
        let code = code(file);
        for word in words.iter().filter(|word| code.contains(**word)) {
            places.push(format!("{}: {word}", file.display()));
        }
    }
    places
}

#[test]
fn a_module_uses_only_modules_declared_above_it() {
    let order = declared(&source("lib.rs"));
    assert!(order.len() >= 15, "{order:?}");
    assert_eq!(uses_below(&order, &source(""), "crate::"), Vec::<String>::new());
}

/// A file can be read, moved and tested without those that use it.
#[test]
fn no_files_of_a_folder_use_each_other_in_a_circle() {
    for library in ["os", "pki", "proto", "probe", "fleet", "server"] {
        let sources = source("../..").join(library).join("src");
        assert!(!files(&sources).is_empty(), "{library}");
        assert_eq!(circles(&sources), Vec::<String>::new(), "{library}");
    }
}

#[test]
fn what_decides_reads_no_clock_awaits_nothing_and_does_no_io() {
    let impure = [
        "async ",
        ".await",
        "tokio",
        "tracing",
        "std::fs",
        "fs::",
        "std::io",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "::now()",
        "std::env",
        "thread::",
    ];
    for name in [
        "error_report",
        "text",
        "units",
        "model",
        "document",
        "access",
        "schedule",
        "inventory",
        "rates",
        "newcomers",
        "channel",
        "health",
        "own_clock",
        "alert",
        "route",
        "rollup",
        "board",
        "lease",
    ] {
        let files = module(name);
        assert!(!files.is_empty());
        assert_eq!(found(&files, &impure), Vec::<String>::new());
    }
}

#[test]
fn sql_stands_in_the_backends_alone() {
    let sql = ["SELECT ", "INSERT ", "DELETE FROM", "CREATE TABLE", "rusqlite", "mysql_async"];
    let mut others = files(&source(""));
    for backend in ["store/sqlite", "store/mysql", "store/spool"] {
        others.retain(|file| !file.starts_with(source(backend)));
        others.retain(|file| *file != source(&format!("{backend}.rs")));
        assert!(!found(&module(backend), &sql).is_empty());
    }
    // What people ask in SQL: examples in the help, and what each backend owes them.
    let asked = ["cli/sql.rs", "store/conformance/statements.rs"].map(source);
    others.retain(|file| !asked.contains(file));
    assert_eq!(found(&others, &sql), Vec::<String>::new());
}

#[test]
fn the_wire_is_known_to_the_decoder_alone() {
    let mut others = files(&source(""));
    others.retain(|file| !file.starts_with(source("poll/decode")));
    others.retain(|file| *file != source("poll/decode.rs"));
    assert!(!found(&module("poll/decode"), &["roundsman_proto::v1"]).is_empty());
    assert_eq!(found(&others, &["roundsman_proto::v1"]), Vec::<String>::new());
    // The health that the server itself serves, and who asks for it.
    others.retain(|file| !file.starts_with(source("grpc")));
    others.retain(|file| *file != source("grpc.rs") && *file != source("cli/health.rs"));
    assert_eq!(found(&others, &["roundsman_proto"]), Vec::<String>::new());
}

/// The table of ARCHITECTURE.md and the dependencies of the workspace are one list.
#[test]
fn every_package_has_its_reason() {
    let text = |file: &str| {
        fs::read_to_string(source("../..").join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    };
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let used: BTreeSet<String> = manifest["workspace"]["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .filter(|name| !name.starts_with("roundsman-"))
        .cloned()
        .collect();
    assert!(used.len() > 40, "{used:?}");
    let page = text("ARCHITECTURE.md");
    let (_, table) = page.split_once("## Packages").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let of_rust = rows.skip(1).filter(|packages| !packages.contains("(npm)"));
    let named: BTreeSet<String> = of_rust
        .flat_map(|packages| packages.split(','))
        .filter_map(|package| package.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert_eq!(named, used);
}

/// An image that is built of the source gets all of it: what is not let in here is not sent to the engine.
#[test]
fn every_crate_is_sent_to_the_engine() {
    let text = |file: &str| fs::read_to_string(source("../..").join(file)).unwrap();
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let sent = text(".dockerignore");
    let sent: BTreeSet<&str> = sent.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for member in members.iter().map(|member| member.as_str().unwrap()) {
        assert!(sent.contains(member), "{member}");
    }
}

/// One name, one thing: a name that is declared more often says too little wherever it is read. Two are
/// let be, for backends of one trait call what they have in common the same.
#[test]
fn no_name_of_a_type_is_declared_more_than_twice() {
    for library in ["os", "proto", "probe", "fleet", "server"] {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files(&source("../..").join(library).join("src")) {
            for name in code(&file).lines().filter_map(public_type) {
                places.entry(name.to_owned()).or_default().push(file.display().to_string());
            }
        }
        assert!(places.len() > 1, "{library}: {places:?}");
        places.retain(|_, files| files.len() > 2);
        assert_eq!(places, BTreeMap::new(), "{library}");
    }
}

/// The name of the public type that a line declares; none where a macro gives it.
fn public_type(line: &str) -> Option<&str> {
    let public = line.trim_start().strip_prefix("pub")?;
    let declared = match public.strip_prefix('(') {
        Some(within) => within.split_once(')')?.1,
        None => public,
    };
    let (kind, name) = declared.strip_prefix(' ')?.split_once(' ')?;
    ["struct", "enum", "trait", "type"].contains(&kind).then_some(())?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

#[test]
fn the_probe_is_in_the_demo_alone() {
    let mut others = files(&source(""));
    others.retain(|file| !file.starts_with(source("cli/demo")));
    assert_eq!(found(&others, &["roundsman_probe::"]), Vec::<String>::new());
}

#[test]
fn files_stay_readable_and_say_what_they_are_for() {
    for file in files(&source("")) {
        let text = fs::read_to_string(&file).unwrap();
        let is_test =
            file.ends_with("tests.rs") || file.components().any(|p| p.as_os_str() == "tests");
        assert!(
            is_test || text.starts_with("//!"),
            "{}: does not say what it is for",
            file.display()
        );
        let lines = code(&file).lines().count();
        assert!(lines <= 380 || is_test, "{}: {lines} lines before its tests", file.display());
    }
}
