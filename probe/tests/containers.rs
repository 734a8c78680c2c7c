//! Containers that were made by hand for one question each: limits, names of anybody's choice, identity.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
};

use fixture::{containers, replay, report, tree};
use roundsman_proto::v1::{Containers, Family, Snapshot, Status};

/// A host of version 2 in `dir`, without a container yet.
fn host(dir: &Path) -> PathBuf {
    fs::create_dir_all(dir.join("proc")).unwrap();
    let manifest = fs::read(tree("docker-systemd").join("proc/captured.json")).unwrap();
    fs::write(dir.join("proc/captured.json"), manifest).unwrap();
    let groups = dir.join("rootfs/sys/fs/cgroup");
    fs::create_dir_all(&groups).unwrap();
    fs::write(groups.join("cgroup.controllers"), "cpu memory\n").unwrap();
    groups
}

fn group(at: &Path, cpu_us: usize, memory_bytes: usize) {
    fs::create_dir_all(at).unwrap();
    fs::write(at.join("cpu.stat"), format!("usage_usec {cpu_us}\n")).unwrap();
    fs::write(at.join("memory.current"), format!("{memory_bytes}\n")).unwrap();
}

fn id(n: usize) -> String {
    format!("{n:064x}")
}

fn read(dir: &Path) -> (Containers, Status, String) {
    let answer: Snapshot = replay(dir, &containers());
    let (status, error) = report(&answer, Family::Containers);
    (answer.containers.clone().unwrap_or_default(), status, error.to_owned())
}

#[test]
fn containers_are_told_up_to_their_limits() {
    const MOST: usize = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let docker = host(dir.path()).join("docker");
    // The more CPU time the less memory, so that the largest by one are not the largest by the other.
    (0..MOST).for_each(|n| group(&docker.join(id(n)), n, MOST - n));
    let (all, status, error) = read(dir.path());
    assert_eq!((status, error.as_str()), (Status::Ok, ""));
    let largest: Vec<u64> = all.top.iter().filter_map(|one| one.cpu_usage_us).collect();
    assert_eq!(largest, (950..1_000).rev().chain(0..50).collect::<Vec<_>>());
    assert_eq!((all.total, all.other_id.len(), all.other_memory_bytes.len()), (1_000, 900, 900));
    let ids: BTreeSet<_> = all.other_id.iter().chain(all.top.iter().map(|one| &one.id)).collect();
    assert_eq!(ids.len(), MOST);

    (MOST..MOST + 3).for_each(|n| group(&docker.join(id(n)), n, 1));
    let (all, status, error) = read(dir.path());
    assert_eq!((status, error.as_str()), (Status::Partial, "3 containers past the limit of 1000"));
    assert_eq!((all.total, all.top.len() + all.other_id.len()), (1_003, MOST));
}

#[test]
fn containers_are_looked_for_up_to_the_limits() {
    let dir = tempfile::tempdir().unwrap();
    let groups = host(dir.path());
    let mut deep = groups.clone();
    for level in 1..=7 {
        deep.push(format!("level{level}"));
        group(&deep.join(id(level)), level, level);
    }
    // The name of each is shorter than a name may be, that of all is not.
    let long: PathBuf = ["x".repeat(200), "y".repeat(200)].iter().cycle().take(6).collect();
    group(&groups.join(long).join(id(9)), 9, 9);
    let (all, status, error) = read(dir.path());
    let found: Vec<_> = all.top.iter().filter_map(|one| one.cpu_usage_us).collect();
    assert_eq!((found, status), (vec![6, 5, 4, 3, 2, 1], Status::Ok), "{error}");

    for n in 0..1_024 {
        fs::create_dir_all(groups.join(format!("empty{n}"))).unwrap();
    }
    let (_, status, error) = read(dir.path());
    assert_eq!(status, Status::Partial);
    assert!(error.contains("1024 groups with others in them"), "{error}");
    for n in 0..8_192 {
        fs::create_dir(groups.join(format!("level1/unit{n}.service"))).unwrap();
    }
    for n in 0..1_024 {
        fs::remove_dir(groups.join(format!("empty{n}"))).unwrap();
    }
    let (_, status, error) = read(dir.path());
    assert_eq!(status, Status::Partial);
    assert!(error.contains("8192 in all"), "{error}");
}

#[test]
fn a_file_of_names_past_its_limit_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let groups = host(dir.path());
    let podman = groups.join(format!("machine.slice/libpod-{}.scope", id(1)));
    group(&groups.join("docker").join(id(2)), 2, 2);
    group(&podman, 1, 1);
    let rootfs = dir.path().join("rootfs");
    let state = rootfs.join(format!("var/lib/docker/containers/{}/config.v2.json", id(2)));
    let list = rootfs.join("var/lib/containers/storage/overlay-containers/containers.json");
    for (file, text) in [
        (&state, r#"{"Name":"/web"}"#.to_owned()),
        (&list, format!(r#"[{{"id":"{}","names":["db"]}}]"#, id(1))),
    ] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let names = || -> Vec<Option<String>> {
        read(dir.path()).0.top.into_iter().map(|one| one.name).collect()
    };
    assert_eq!(names(), [Some("web".to_owned()), Some("db".to_owned())]);
    for (file, limit) in [(&state, 256 * 1_024), (&list, 2 * 1_024 * 1_024)] {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, text + &" ".repeat(limit)).unwrap();
    }
    assert_eq!(names(), [None, None]);
}

/// What is no file, and a group that has ended, cost themselves.
#[test]
fn what_cannot_be_read_costs_its_own_row() {
    let dir = tempfile::tempdir().unwrap();
    let docker = host(dir.path()).join("docker");
    (0..3).for_each(|n| group(&docker.join(id(n)), n, n));
    fs::remove_file(docker.join(id(1)).join("cpu.stat")).unwrap();
    fs::create_dir(docker.join(id(1)).join("cpu.stat")).unwrap();
    fs::remove_file(docker.join(id(2)).join("memory.current")).unwrap();
    fs::create_dir(docker.join(id(2)).join("memory.current")).unwrap();
    let (all, status, error) = read(dir.path());
    assert_eq!((all.total, all.top.len(), status), (3, 2, Status::Partial));
    assert_eq!((all.top[0].cpu_usage_us, all.top[0].memory_bytes), (Some(2), None));
    assert!(error.contains("cpu.stat: Is a directory"), "{error}");
}

/// Whatever somebody calls a container, it is one row with a name within the limit, and no two are one.
#[test]
fn names_of_anybodys_choice_cost_nothing_but_their_own_row() {
    let dir = tempfile::tempdir().unwrap();
    let groups = host(dir.path());
    let names: [&[u8]; 6] =
        [b"new\nline", b"\x1b[2J\x07", "\u{202e}txt.exe".as_bytes(), b"\xff\xfe", b"..", b"a\\xFF"];
    for name in names {
        let at = [b"lxc.payload.", name].concat();
        group(&groups.join(OsStr::from_bytes(&at)), 1, 1);
    }
    // A link leads nowhere, wherever it leads.
    symlink("/", groups.join("lxc.payload.link")).unwrap();
    symlink("..", groups.join("up")).unwrap();
    let (all, status, error) = read(dir.path());
    assert_eq!((status, all.total), (Status::Ok, 6), "{error}");
    let found: BTreeSet<_> = all.top.iter().map(|one| one.container_id.clone()).collect();
    assert_eq!(found.len(), 6);
    assert!(
        found.iter().all(|name| name.len() <= 256) && found.contains("\\xFF\\xFE"),
        "{found:?}"
    );
}

#[test]
fn a_container_that_was_started_again_is_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let groups = host(dir.path());
    group(&groups.join("docker").join(id(1)), 1, 1);
    let of = |inode: u64| {
        let file = dir.path().join("proc/captured.json");
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        manifest["groups"] = serde_json::json!({ format!("docker/{}", id(1)): inode });
        fs::write(&file, serde_json::to_vec(&manifest).unwrap()).unwrap();
        read(dir.path()).0.top[0].id
    };
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}
