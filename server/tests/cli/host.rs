//! `host`: hosts added, changed and removed in the files of an inventory.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    thread,
};

use super::program::Desk;

const INVENTORY: &str =
    "# The fleet.\n[[group]]\nname = \"web\"  # the web\nhosts = [\"web-[1-3]\"]\n";

fn text(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path().join(name)).unwrap()
}

#[test]
fn hosts_are_added_changed_and_removed_in_their_own_lines() {
    let desk = Desk::new();
    desk.file("inventory.toml", INVENTORY);
    fs::create_dir(desk.path().join("inventory.d")).unwrap();
    desk.file("inventory.d/db.toml", "[[group]]\nname = \"db\"\nlabels = { env = \"prod\" }\n");
    let mut told = String::new();
    for arguments in [
        &["host", "add", "db-1", "10.0.0.7", "--group", "db", "--label", "rack=a1"][..],
        &["host", "add", "web-5", "--group", "web"],
        &["host", "set", "db-1", "interval=5s", "labels.rack="],
        &["host", "remove", "web-2", "--dry-run"],
        &["host", "remove", "web-2"],
        &["host", "add", "web-1"],
        &["host", "set", "db-1", "intervall=5s"],
        &["host", "add", "x", "--file", "other.toml"],
        &["host", "add", "x", "--file", "inventory.d/db.toml"],
        &["host", "set", "db-1", "name=db-2"],
    ] {
        let ended = desk.run(arguments);
        told +=
            &format!("$ {}\n{}{}[{:?}]\n\n", arguments.join(" "), ended.out, ended.err, ended.code);
    }
    insta::assert_snapshot!("host", told);
    assert_eq!(
        text(&desk, "inventory.toml"),
        INVENTORY.replace("[\"web-[1-3]\"]", "[\"web-[1,3]\", \"web-5\"]")
    );
    assert_eq!(
        text(&desk, "inventory.d/db.toml"),
        "[[group]]\nname = \"db\"\nlabels = { env = \"prod\" }\n\n[[host]]\nname = \"db-1\"\ngroup = \"db\"\n\
         addresses = [\"10.0.0.7\"]\ninterval = \"5s\"\n\n[[host]]\nname = \"x\"\n"
    );
    assert_eq!(desk.run(&["check"]).code, Some(0));
    let left: Vec<_> =
        fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is left beside it: {left:?}");
}

/// A link stays a link, and what it leads to keeps its mode.
#[test]
fn the_file_is_replaced_where_it_lies_with_its_mode() {
    let desk = Desk::new();
    fs::create_dir(desk.path().join("real")).unwrap();
    let real = desk.file("real/hosts.toml", INVENTORY);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o660)).unwrap();
    symlink("real/hosts.toml", desk.path().join("inventory.toml")).unwrap();
    assert_eq!(desk.run(&["host", "add", "a"]).code, Some(0));
    assert!(desk.path().join("inventory.toml").is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o660);
    assert!(text(&desk, "real/hosts.toml").ends_with("\n[[host]]\nname = \"a\"\n"));
}

/// Of many who edit at once none undoes what another one did.
#[test]
fn edits_at_the_same_time_are_all_kept() {
    let desk = Desk::new();
    desk.file("inventory.toml", INVENTORY);
    thread::scope(|scope| {
        for number in 0..12 {
            let desk = &desk;
            scope.spawn(move || {
                let ended = desk.run(&["host", "add", &format!("h-{number}")]);
                assert_eq!(ended.code, Some(0), "{ended:?}");
            });
        }
    });
    assert_eq!(text(&desk, "inventory.toml").matches("name = \"h-").count(), 12);
}
