//! The rules of the source that the compiler does not hold.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)
}

/// The code of a file: without comments, and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("\n#[cfg(test)]").next().unwrap();
    let uncommented = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(uncommented).collect()
}

/// Names of the modules that a file declares, in its order.
fn declared(path: &Path) -> Vec<String> {
    code(path)
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let name = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "))?;
            name.strip_suffix(';').map(str::to_owned)
        })
        .collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// The first names after `prefix`, in `use` trees and in paths: of `crate::{a, b::c}` a and b.
fn used(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|char| char.is_alphanumeric() || char == '_' || char == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(first_name(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (index, char) in group.char_indices() {
            match char {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.push(first_name(&group[start..index]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(first_name(&group[start..index]));
                    start = index + 1;
                }
                _ => {}
            }
        }
    }
    names
}

fn first_name(path: &str) -> String {
    path.trim_start().chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// What uses a module that is declared below it. `scope` is how a module names its neighbours.
fn uses_below(order: &[String], dir: &Path, scope: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, module) in order.iter().enumerate() {
        let mut of_module = vec![dir.join(format!("{module}.rs"))];
        // Below the top, `super` means another level in the files of a module's own directory.
        if scope == "crate::" {
            of_module.extend(files(&dir.join(module)));
        }
        for file in of_module {
            for name in used(&code(&file), scope) {
                if order.iter().position(|other| *other == name).is_some_and(|other| other > place)
                {
                    wrong.push(format!("{} uses {name}", file.display()));
                }
            }
        }
    }
    wrong
}

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

/// Only `root` joins paths: nothing that reads a host says where it is.
#[test]
fn no_collector_names_a_path_of_its_own() {
    for file in
        files(&source("collect")).iter().chain([&source("collect.rs"), &source("capture.rs")])
    {
        let code = code(file);
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
