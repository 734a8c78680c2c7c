//! How sources are read to hold the rules that the compiler does not. Shared by the crates.
#![allow(dead_code, unreachable_pub, reason = "each crate holds its own rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

pub fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)
}

/// The code of a file: without comments, and without its tests.
pub fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("\n#[cfg(test)]").next().unwrap();
    let uncommented = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    text.lines().map(uncommented).collect()
}

/// Names of the modules that a file declares, in its order.
pub fn declared(path: &Path) -> Vec<String> {
    code(path)
        .lines()
        .filter_map(|line| {
            let line = line.trim();
            let name = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "))?;
            name.strip_suffix(';').map(str::to_owned)
        })
        .collect()
}

pub fn files(dir: &Path) -> Vec<PathBuf> {
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
pub fn used(code: &str, prefix: &str) -> Vec<String> {
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

pub fn first_name(path: &str) -> String {
    path.trim_start().chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect()
}

/// What uses a module that is declared below it. `scope` is how a module names its neighbours.
pub fn uses_below(order: &[String], dir: &Path, scope: &str) -> Vec<String> {
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
