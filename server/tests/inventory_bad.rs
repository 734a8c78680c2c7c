//! Every way in which an inventory can be wrong, with the exact words that its author reads.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::{fs, path::Path};

use roundsman::inventory::{self, EXCLUDED_DEVICES, EXCLUDED_INTERFACES, EXCLUDED_MOUNTS};

/// The files of a folder beside this one, by name.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inventory").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_bad_inventory_is_refused_with_all_its_problems() {
    let files = files("bad");
    assert!(files.len() >= 40, "only {} bad inventories", files.len());
    let mut table = String::new();
    for (name, bytes) in files {
        let problems = inventory::parse_bytes(&name, &bytes).expect_err(&name);
        for problem in problems.iter() {
            let lines = bytes.split(|b| *b == b'\n').count();
            assert!((1..=lines).contains(&problem.line), "{problem}");
            assert!(problem.column >= 1 && !problem.message.contains('\n'), "{problem}");
        }
        table.push_str(&format!("{problems}\n\n"));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_good_inventory_is_read_as_it_was() {
    for (name, bytes) in files("good") {
        let inventory = inventory::parse_bytes(&name, &bytes).unwrap_or_else(|e| panic!("{e}"));
        insta::assert_debug_snapshot!(name, inventory);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let text = "#".repeat(inventory::MAX_FILE_BYTES + 1);
    let problems = inventory::parse("inventory.toml", &text).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "inventory.toml:1:1: an inventory has at most 8388608 bytes, this one has 8388609"
    );
}

/// What a new user starts from must work, and must say what it says.
#[test]
fn the_example_watches_this_machine_alone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inventory.toml");
    let text = fs::read_to_string(path).unwrap();
    let inventory = inventory::parse("inventory.toml", &text).unwrap_or_else(|e| panic!("{e}"));
    let hosts: Vec<String> = inventory
        .hosts
        .values()
        .map(|host| format!("{} {:?} {}", host.name, host.addresses[0].to_string(), host.schedule))
        .collect();
    assert_eq!(hosts, [r#"localhost "127.0.0.1:50051" every 10s"#]);
}

/// Every example that the file shows, with the comment marks taken off, is a valid inventory.
#[test]
fn the_commented_examples_are_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inventory.toml");
    let text = fs::read_to_string(path).unwrap();
    let whole: String = text
        .lines()
        .map(|line| line.strip_prefix("#| ").or(line.strip_prefix("#|")).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(whole.len() < text.len(), "the file shows no examples");
    let inventory = inventory::parse("inventory.toml", &whole).unwrap_or_else(|e| panic!("{e}"));
    assert!(inventory.hosts.len() > 10 && inventory.discoveries.len() == 1);
    // What it says is left out is what is left out.
    let selection = &inventory.hosts["localhost"].selection;
    assert_eq!(selection.devices.exclude, EXCLUDED_DEVICES);
    assert_eq!(selection.mounts.exclude, EXCLUDED_MOUNTS);
    assert_eq!(selection.interfaces.exclude, EXCLUDED_INTERFACES);
}
