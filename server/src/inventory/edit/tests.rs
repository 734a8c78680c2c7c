use super::*;

const MAIN: &str = r#"# The fleet.
[defaults]
interval = "10s"   # for all

# The web.
[[group]]
name   = "web"
labels = { env = "prod" }
hosts  = ["web-[01-04]", "gate", "10.0.1.7:50061"]

# The first of the databases.
[[host]]
name      = "db-1"   # in rack 1
addresses = [
  "10.0.0.1",   # the first
  "10.0.0.2",
]
exclude.disk = ['^sdz']

# A host of the web.
[[host]]
name = "web-02"
group = "web"
labels = { rack = "a1" }  # moved in May
timeout = "500ms"

# Nights.
[[maintenance]]
name = "night"
groups = ["web"]
schedule = "0 0 4 * * *"
duration = "1h"
"#;

const PART: &str = r#"[[group]]
name = "office"
hosts = [
  "desk-1",   # by the door
  # by the window
  "desk-2",   # broken
  "desk-3",
]
"#;

fn files(texts: &[(&str, &str)]) -> Vec<SourceFile> {
    let file = |(name, text): &(&str, &str)| SourceFile {
        name: (*name).into(),
        bytes: text.as_bytes().to_vec(),
    };
    texts.iter().map(file).collect()
}

fn fleet() -> Vec<SourceFile> {
    files(&[("i.toml", MAIN), ("i.d/office.toml", PART)])
}

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn settings(all: &[&str]) -> Vec<Assignment> {
    all.iter().map(|one| one.parse().unwrap()).collect()
}

fn add(name: &str, addresses: &[&str], group: &str, given: &[&str]) -> HostEdit {
    HostEdit::Add {
        name: host(name),
        addresses: addresses.iter().map(|one| (*one).to_owned()).collect(),
        group: (!group.is_empty()).then(|| GroupName::new(group).unwrap()),
        settings: settings(given),
        file: None,
    }
}

fn set(name: &str, given: &[&str]) -> HostEdit {
    HostEdit::Set { name: host(name), settings: settings(given) }
}

fn remove(name: &str) -> HostEdit {
    HostEdit::Remove { name: host(name) }
}

/// The lines that change, as a diff shows them, and what that does to the hosts.
fn shown(files: &[SourceFile], wanted: &HostEdit) -> String {
    let edited = match edit(files, wanted) {
        Ok(edited) => edited,
        Err(error) => return format!("refused: {error}"),
    };
    let mut text = String::new();
    for hunk in &edited.hunks {
        text += &format!("{}:{}", files[edited.file].name, hunk.line);
        text.extend(hunk.removed.iter().map(|line| format!("\n- {line}")));
        text.extend(hunk.added.iter().map(|line| format!("\n+ {line}")));
        text.push('\n');
    }
    let Diff { added, retired, changed, .. } = &edited.diff;
    text + &format!("{added:?} {retired:?} {changed:?}")
}

#[test]
fn an_edit_changes_the_lines_of_its_host_and_nothing_else() {
    let wanted = [
        ("a host", add("db-2", &["10.0.0.9"], "", &[])),
        ("by its name", add("db-2", &[], "", &[])),
        ("into a group's list", add("web-09", &[], "web", &[])),
        ("into a list of lines", add("desk-4", &["desk-4"], "office", &[])),
        ("of a group, with settings", add("desk-4", &["10.1.0.4"], "office", &["labels.floor=2"])),
        ("of a group that is new", add("sw-1", &[], "net", &["interval=30s", "port=7"])),
        ("a value", set("db-1", &["addresses=10.0.0.3,10.0.0.4"])),
        ("several values", set("web-02", &["timeout=1s", "paused=true", "labels.site=fra"])),
        ("a label", set("web-02", &["labels.rack=b2"])),
        ("the last label goes", set("web-02", &["labels.rack="])),
        ("a value goes", set("web-02", &["timeout="])),
        ("a table", set("db-1", &["exclude.disk=[\"^sdy\"]"])),
        ("of a range", set("web-03", &["interval=5s"])),
        ("of another file", set("desk-2", &["paused=true"])),
        ("a host with its comment", remove("db-1")),
        ("listed and with lines", remove("web-02")),
        ("the first of a range", remove("web-01")),
        ("an entry", remove("gate")),
        ("the last entry", remove("10.0.1.7:50061")),
        ("the first of the lines", remove("desk-1")),
        ("with the comments that are its own", remove("desk-2")),
        ("the last of the lines", remove("desk-3")),
    ];
    let shown = wanted.map(|(what, wanted)| format!("## {what}\n{}\n", shown(&fleet(), &wanted)));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_cannot_be_done_is_refused_and_says_why() {
    let parents =
        files(&[("i.toml", "[[host]]\nname = \"a\"\n\n[[host]]\nname = \"b\"\nparent = \"a\"\n")]);
    let ranges = files(&[("i.toml", "[[group]]\nname = \"g\"\nhosts = [\"r[1-2]n[1-2]\"]\n")]);
    let inline = files(&[("i.toml", "host = [{ name = \"a\" }, { name = \"b\" }]\n")]);
    let wrong = files(&[("i.toml", "[[host]]\nnam = \"a\"\n")]);
    let shown = [
        shown(&fleet(), &add("web-03", &[], "", &[])),
        shown(&fleet(), &set("web-3", &["paused=true"])),
        shown(&fleet(), &set("web-02", &["labels.rack=a1"])),
        shown(&fleet(), &set("web-02", &["intervall=1s"])),
        shown(&fleet(), &add("x", &["10.0.0.1"], "", &[])),
        shown(&parents, &remove("a")),
        shown(&ranges, &remove("r1n2")),
        shown(&inline, &remove("a")),
        shown(&wrong, &add("x", &[], "", &[])),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}

/// A file of Windows keeps its line ends, and one without a last line end gets a block of its own.
#[test]
fn ends_of_lines_stay_as_they_are() {
    let windows = files(&[("i.toml", "[[host]]\r\nname = \"a\"\r\n")]);
    let edited = edit(&windows, &add("b", &[], "", &[])).unwrap();
    let whole = "[[host]]\r\nname = \"a\"\r\n\r\n[[host]]\r\nname = \"b\"\r\n";
    assert_eq!(edited.text, whole);
    let mixed = files(&[("i.toml", "[[host]]\r\nname = \"a\"\nport = 7\r\n")]);
    let error = edit(&mixed, &add("b", &[], "", &[])).unwrap_err();
    assert_eq!(error.to_string(), "i.toml: its lines end in two ways: edit it by hand");
    let open = files(&[("i.toml", "[[host]]\nname = \"a\"")]);
    let edited = edit(&open, &add("b", &[], "", &[])).unwrap();
    assert_eq!(edited.text, "[[host]]\nname = \"a\"\n\n[[host]]\nname = \"b\"\n");
}

/// Where two hosts share one line the other one would go, too.
#[test]
fn an_edit_that_would_touch_another_host_is_not_made() {
    let shared = files(&[(
        "i.toml",
        "[[group]]\nname = \"g\"\nhosts = [\"a\"]\n[[host]]\nname = \"b\"\ngroup = \"h\"\n",
    )]);
    // To declare a group that a host only names is no edit of a host alone: it is not done here.
    let edited = edit(&shared, &add("c", &[], "h", &[])).unwrap();
    assert_eq!(edited.diff.added, [host("c")]);
    assert!(edited.diff.changed.is_empty());
    let before = parse_files(&shared).unwrap();
    let after =
        parse_files(&files(&[("i.toml", "[[host]]\nname = \"b\"\ngroup = \"h\"\n")])).unwrap();
    assert!(is_as_meant(&remove("a"), &diff(&before, &after), &before, &after));
    assert!(!is_as_meant(&remove("b"), &diff(&before, &after), &before, &after));
    assert!(!is_as_meant(&set("a", &[]), &diff(&before, &after), &before, &after));
}

#[test]
fn an_assignment_knows_what_its_key_takes() {
    for (text, expected) in [
        ("interval=5s", "interval = \"5s\""),
        ("port=50061", "port = 50061"),
        ("port=many", "port = \"many\""),
        ("paused = true", "paused = true"),
        ("labels.rack=12", "labels = { rack = \"12\" }"),
        ("labels.note=true", "labels = { note = \"true\" }"),
        ("addresses=a:1, b", "addresses = [\"a:1\", \"b\"]"),
        ("families=[\"cpu\"]", "families = [\"cpu\"]"),
        ("server_name=7", "server_name = \"7\""),
    ] {
        let block = table::block(&host("a"), None, &[], &settings(&[text])).unwrap();
        assert_eq!(block, format!("[[host]]\nname = \"a\"\n{expected}\n"));
    }
    for text in ["interval", "=5s", "a.b.c=1", "a b=1", "name=x", "families=[\"cpu\""] {
        assert!(text.parse::<Assignment>().is_err(), "{text}");
    }
}
