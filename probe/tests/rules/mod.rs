//! How sources are read to hold the rules that the compiler does not. Shared by the crates.
#![allow(dead_code, unreachable_pub, reason = "each crate holds its own rules")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
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

/// Every path in `code` that begins with one of `starts`, in `use` trees and elsewhere: of
/// `super::{a, b::{c, d}}` `super::a`, `super::b::c` and `super::b::d`.
pub fn paths(code: &str, starts: &[&str]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for start in starts {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|char| char.is_alphanumeric() || "_:.".contains(char)) {
                branch(&code[at..], &[], &mut all);
            }
        }
    }
    all
}

/// One branch of a tree of paths; what follows it.
fn branch<'a>(text: &'a str, stem: &[String], all: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = stem.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut group) = rest.strip_prefix('{') {
            while !group.trim_start().starts_with('}') {
                let after = branch(group, &path, all);
                // What a name is called here, and the comma.
                let end = after.find([',', '}']).unwrap_or(after.len());
                group = after[end..].strip_prefix(',').unwrap_or(&after[end..]);
                if group.is_empty() {
                    return group;
                }
            }
            return &group.trim_start()[1..];
        }
        let name = first_name(rest);
        rest = &rest[name.len()..];
        path.push(name);
        match rest.strip_prefix("::") {
            Some(next) => rest = next,
            None => {
                all.push(path);
                return rest;
            }
        }
    }
}

/// A module's names, from the top: none for `lib.rs` itself.
type Module = Vec<String>;

/// What lies in a circle of uses among the files of one folder, as `folder: one uses another`. The
/// files of a folder's own subfolder count to the file of that name, a name that the folder's own
/// module took from a file (`use file::Name`) counts to that file, and tests do not count.
pub fn circles(root: &Path) -> Vec<String> {
    let mut modules: BTreeMap<Module, String> = BTreeMap::new();
    for file in files(root) {
        let place = file.strip_prefix(root).unwrap().with_extension("");
        let names: Module = place.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if names.iter().any(|name| name == "tests") || names == ["main"] {
            continue;
        }
        modules.insert(if names == ["lib"] { Vec::new() } else { names }, code(&file));
    }
    let mut taken: BTreeMap<Module, Module> = BTreeMap::new();
    for (module, code) in &modules {
        for (child, _) in modules.range(module.clone()..) {
            if child.len() != module.len() + 1 || !child.starts_with(module) {
                continue;
            }
            for name in paths(code, &[child[module.len()].as_str()]) {
                let named = name.last().unwrap().clone();
                taken.insert(module.iter().cloned().chain([named]).collect(), child.clone());
            }
        }
    }
    // By folder: which of its files uses which.
    let mut uses: BTreeMap<Module, BTreeSet<(String, String)>> = BTreeMap::new();
    for (module, code) in &modules {
        for path in paths(code, &["crate", "super"]) {
            let target = taken_from(&absolute(module, &path), &modules, &taken);
            let common = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
            if let (Some(one), Some(other)) = (module.get(common), target.get(common)) {
                let folder = uses.entry(module[..common].to_vec()).or_default();
                folder.insert((one.clone(), other.clone()));
            }
        }
    }
    let mut wrong = Vec::new();
    for (folder, edges) in &uses {
        for (one, other) in edges.iter().filter(|(one, other)| reaches(edges, other, one)) {
            wrong.push(format!("{}: {one} uses {other}", folder.join("/")));
        }
    }
    wrong
}

/// A path from the top of the crate.
fn absolute(module: &[String], path: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let base = if path[0] == "crate" { &[][..] } else { &module[..module.len() - ups] };
    base.iter().chain(&path[ups.max(1)..]).cloned().collect()
}

/// The module that a path leads into.
fn taken_from(
    path: &[String],
    modules: &BTreeMap<Module, String>,
    taken: &BTreeMap<Module, Module>,
) -> Module {
    let mut length = path.len();
    while !modules.contains_key(&path[..length]) {
        length -= 1;
    }
    let mut found = path[..length].to_vec();
    let mut name = path.get(length).cloned();
    while let Some(from) =
        name.and_then(|name| taken.get(&found.iter().cloned().chain([name]).collect::<Module>()))
    {
        found = from.clone();
        name = path.last().cloned();
    }
    found
}

fn reaches(edges: &BTreeSet<(String, String)>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut left = vec![from];
    while let Some(next) = left.pop() {
        let uses = edges.iter().filter(|(one, _)| one == next).map(|(_, other)| other.as_str());
        left.extend(uses.filter(|other| seen.insert(*other)).collect::<Vec<_>>());
    }
    seen.contains(to)
}
