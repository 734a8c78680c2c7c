//! Tests of an inventory of several files.

use super::*;

fn read(files: &[(&str, &str)]) -> Result<Inventory, String> {
    let file = |(name, text): &(&str, &str)| SourceFile {
        name: (*name).into(),
        bytes: text.as_bytes().to_vec(),
    };
    let files: Vec<SourceFile> = files.iter().map(file).collect();
    parse_files(&files).map_err(|problems| problems.to_string())
}

const MAIN: &str = "[defaults]\nlabels = { site = \"fra\" }\n";

#[test]
fn what_one_file_says_holds_for_the_others() {
    let inventory = read(&[
        (
            "i.toml",
            "[defaults]\nport = 7\ntls = \"tls\"\nca = \"ca.pem\"\n[[host]]\nname = \"gate\"\n",
        ),
        ("i.d/db.toml", "[[host]]\nname = \"db-1\"\ngroup = \"web\"\nparent = \"gate\"\n"),
        (
            "i.d/web.toml",
            "[[group]]\nname = \"web\"\nlabels = { env = \"prod\" }\nhosts = [\"web-1\"]\n\
             [[maintenance]]\nname = \"move\"\nhosts = [\"gate\"]\nschedule = \"0 0 4 * * *\"\n\
             duration = \"1h\"\n[[host]]\nname = \"own\"\ntls = \"tls\"\nca = \"own.pem\"\n",
        ),
    ])
    .unwrap_or_else(|problems| panic!("{problems}"));
    let shown = |name: &str| {
        let host = &inventory.hosts[name];
        let ca = &host.tls.as_ref().unwrap().files.ca;
        format!("{} {:?} {}", host.addresses[0], host.labels, ca.display())
    };
    assert_eq!(shown("gate"), "gate:7 {} ca.pem");
    assert_eq!(shown("db-1"), "db-1:7 {\"env\": \"prod\"} ca.pem");
    assert_eq!(shown("web-1"), "web-1:7 {\"env\": \"prod\"} ca.pem");
    assert_eq!(shown("own"), "own:7 {} own.pem", "a path begins beside the first file");
    assert_eq!(inventory.maintenance.len(), 1);
    assert_eq!(inventory.groups["web"].hosts.len(), 2);
}

/// Each problem is told with its own file, line and column, and names the other place.
#[test]
fn what_stands_in_two_files_is_refused_with_both_places() {
    let host = "[[host]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\n";
    let group = "# web\n[[group]]\nname = \"web\"\nhosts = [\"a\", \"b\"]\n";
    for (first, second, words) in [
        (
            MAIN,
            MAIN,
            "2.toml:1:1: [defaults] stand in one file: they are at line 1 of 1.toml already",
        ),
        (host, host, "2.toml:2:8: host `a` is already defined at line 2 of 1.toml"),
        (
            group,
            "[[group]]\nname = \"web\"\n",
            "2.toml:2:8: group `web` is already defined at line 3 of 1.toml",
        ),
        (
            group,
            "[[group]]\nname = \"db\"\nhosts = [\"a\"]\n",
            "2.toml:3:10: host `a` is already in group `web` (line 4 of 1.toml)",
        ),
        (
            group,
            "[[host]]\nname = \"a\"\ngroup = \"web\"\n",
            "2.toml:2:8: host `a` is already listed by group `web` (line 4 of 1.toml); settings of its own \
             stand in the same file",
        ),
        (
            // The group is read first, wherever it stands.
            "[[host]]\nname = \"a\"\n",
            group,
            "1.toml:2:8: host `a` is already listed by group `web` (line 4 of 2.toml); to give it settings \
             of its own, say group = \"web\" here",
        ),
        (
            host,
            "# ä\n[[host]]\nname = \"b\"\naddresses = [\"10.0.0.1\"]\n",
            "2.toml:4:14: host `b` has the address 10.0.0.1:50051 of host `a` (line 3 of 1.toml)",
        ),
        (
            host,
            "[[host]]\nname = \"b\"\nrenamed_from = \"a\"\n",
            "2.toml:3:16: host `b` cannot be renamed from `a`: that host still exists (line 2 of 1.toml)",
        ),
        (
            "[[group]]\nname = \"a\"\ndiscover = { dns = \"x\" }\n",
            "[[group]]\nname = \"b\"\ndiscover = { dns = \"x\" }\n",
            "2.toml:3:20: `x` is already discovered at line 3 of 1.toml",
        ),
        (
            "[defaults]\ntimeout = \"2s\"\n",
            "[[host]]\nname = \"a\"\ninterval = \"1s\"\n",
            "2.toml:3:12: the timeout, 2s (line 2 of 1.toml), must be shorter than the interval, 1s",
        ),
    ] {
        assert_eq!(read(&[("1.toml", first), ("2.toml", second)]).unwrap_err(), words);
    }
}

#[test]
fn problems_of_all_files_come_at_once_in_the_order_of_the_files() {
    let said = read(&[
        ("1.toml", "[[host]]\nname = \"a\"\nintervall = \"1s\"\n"),
        ("2.toml", "\n[[host]]\nname = \"ä b\"\n"),
        ("3.toml", "[[host]]\nname = \"c\"\nparent = \"d\"\n"),
    ]);
    let said = said.unwrap_err();
    let places: Vec<&str> =
        said.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(places, ["1.toml:3:1", "2.toml:3:8", "3.toml:3:10"], "{said}");
    let said = read(&[("1.toml", "[[host]]\n"), ("2.toml", "\n=\n"), ("3.toml", "a = \n")]);
    let said = said.unwrap_err();
    assert!(said.starts_with("2.toml:2:1: not TOML") && said.contains("\n3.toml:1:"), "{said}");
}

/// A file that takes part changes what the inventory is known by; one file alone is known by its bytes.
#[test]
fn the_hash_is_of_the_text_of_all_files() {
    let hash = |files: &[(&str, &str)]| read(files).unwrap().hash;
    let alone = hash(&[("i.toml", MAIN)]);
    assert_eq!(alone, ContentHash::of(MAIN.as_bytes()));
    let with = hash(&[("i.toml", MAIN), ("i.d/a.toml", "# a\n")]);
    assert_ne!(alone, with);
    assert_ne!(with, hash(&[("i.toml", MAIN), ("i.d/a.toml", "# b\n")]));
    let files = [("i.toml", MAIN), ("i.d/a.toml", "# a\n")]
        .map(|(name, text)| SourceFile { name: name.into(), bytes: text.as_bytes().to_vec() });
    assert_eq!(whole_text(&files), format!("{MAIN}\n#### i.d/a.toml\n# a\n"));
    assert_eq!(with, ContentHash::of(whole_text(&files).as_bytes()));
}

#[test]
fn all_files_together_have_the_room_of_one() {
    let half = "#".repeat(MAX_FILE_BYTES / 2 + 1);
    assert_eq!(
        read(&[("1.toml", &half), ("2.toml", &half)]).unwrap_err(),
        "2.toml:1:1: an inventory has at most 8388608 bytes, it and those before it have 8388610"
    );
}
