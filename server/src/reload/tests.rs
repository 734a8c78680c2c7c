use std::{
    io::{Seek as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs::symlink},
};

use super::*;

struct Place {
    dir: tempfile::TempDir,
    watch: FileWatch,
}

impl Place {
    /// A directory with `hosts.toml` in it, loaded and settled.
    fn with(content: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts.toml");
        fs::write(&path, content).unwrap();
        let mut watch = FileWatch::new(path);
        assert_eq!(text(&watch.read_now().unwrap()), content);
        assert_eq!(watch.check().unwrap(), None);
        assert_eq!(watch.check().unwrap(), None);
        Self { dir, watch }
    }

    fn path(&self) -> &Path {
        self.watch.path()
    }

    /// Writes the file until its stamp is another one: a kernel before 6.13 gives all writes within
    /// one tick (1 to 10 ms) the same time, and looks are never that close outside of tests.
    fn edit(&self, content: &str) {
        let stamp = || Stamp::of(&fs::metadata(self.path()).unwrap());
        let before = stamp();
        while stamp() == before {
            fs::write(self.path(), content).unwrap();
        }
    }

    fn beside(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// What the next `looks` looks report.
    fn seen(&mut self, looks: u32) -> Vec<String> {
        (0..looks)
            .filter_map(|_| match self.watch.check() {
                Ok(changed) => changed.map(|changed| text(&changed).to_owned()),
                Err(error) => {
                    let dir = self.dir.path().display().to_string();
                    Some(format!("error: {error}").replace(&dir, "DIR"))
                }
            })
            .collect()
    }
}

fn text(changed: &Changed) -> &str {
    assert_eq!(changed.hash, ContentHash::of(&changed.bytes));
    std::str::from_utf8(&changed.bytes).unwrap()
}

#[test]
fn an_edit_is_reported_once_at_the_second_look() {
    let mut place = Place::with("one");
    place.edit("other");
    assert_eq!(place.watch.check().unwrap(), None, "not settled yet");
    assert_eq!(text(&place.watch.check().unwrap().unwrap()), "other");
    assert!(place.seen(3).is_empty());
}

#[test]
fn the_first_content_is_a_change_without_read_now() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hosts.toml");
    fs::write(&path, "one").unwrap();
    let mut place = Place { watch: FileWatch::new(path), dir };
    assert_eq!(place.seen(4), ["one"]);
}

#[test]
fn an_edit_of_equal_length_is_noticed() {
    let mut place = Place::with("one");
    place.edit("two");
    assert_eq!(place.seen(3), ["two"]);
}

#[test]
fn a_replaced_inode_is_noticed() {
    let mut place = Place::with("one");
    let new = place.beside(".hosts.toml.tmp", "two");
    let before = fs::metadata(place.path()).unwrap().ino();
    fs::rename(new, place.path()).unwrap();
    assert_ne!(fs::metadata(place.path()).unwrap().ino(), before);
    assert_eq!(place.seen(3), ["two"]);
}

#[test]
fn an_editor_that_moves_the_file_away_first_is_no_trouble() {
    let mut place = Place::with("one");
    let backup = place.dir.path().join("hosts.toml~");
    fs::rename(place.path(), &backup).unwrap();
    assert!(place.seen(1).is_empty(), "gone for one look");
    fs::write(place.path(), "two").unwrap();
    assert_eq!(place.seen(3), ["two"]);
    assert_eq!(place.watch.trouble(), None);
}

/// As Kubernetes swaps a config map: `hosts.toml -> ..data/hosts.toml`, `..data -> ..1`.
#[test]
fn a_swapped_symlink_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    for (version, content) in [("..1", "one"), ("..2", "two")] {
        fs::create_dir(dir.path().join(version)).unwrap();
        fs::write(dir.path().join(version).join("hosts.toml"), content).unwrap();
    }
    let (data, path) = (dir.path().join("..data"), dir.path().join("hosts.toml"));
    symlink("..1", &data).unwrap();
    symlink("..data/hosts.toml", &path).unwrap();
    let mut place = Place { watch: FileWatch::new(path), dir };
    assert_eq!(place.seen(3), ["one"]);
    let next = place.dir.path().join("..data_tmp");
    symlink("..2", &next).unwrap();
    fs::rename(next, data).unwrap();
    assert_eq!(place.seen(3), ["two"]);
}

#[test]
fn a_file_that_is_touched_copied_or_recreated_with_the_same_bytes_is_no_change() {
    let mut place = Place::with("one");
    fs::write(place.path(), "one").unwrap();
    assert!(place.seen(3).is_empty());
    let copy = place.beside("copy", "one");
    fs::rename(copy, place.path()).unwrap();
    assert!(place.seen(3).is_empty());
    fs::remove_file(place.path()).unwrap();
    fs::write(place.path(), "one").unwrap();
    assert!(place.seen(3).is_empty());
}

#[test]
fn a_change_back_to_what_was_is_a_change() {
    let mut place = Place::with("one");
    place.edit("two");
    assert_eq!(place.seen(3), ["two"]);
    place.edit("one");
    assert_eq!(place.seen(3), ["one"]);
}

#[test]
fn a_half_written_file_is_not_loaded() {
    let mut place = Place::with("host a\nhost b\n");
    let mut file = fs::File::create(place.path()).unwrap(); // truncates
    assert!(place.seen(1).is_empty(), "empty for a moment");
    file.write_all(b"host a\n").unwrap();
    assert!(place.seen(1).is_empty(), "half of it");
    file.write_all(b"host c\n").unwrap();
    assert_eq!(place.seen(3), ["host a\nhost c\n"]);
}

#[test]
fn a_write_between_the_two_looks_starts_over() {
    let mut place = Place::with("one");
    place.edit("two");
    assert!(place.seen(1).is_empty());
    place.edit("six");
    assert!(place.seen(1).is_empty());
    assert_eq!(place.seen(2), ["six"]);
}

/// Written in place, same length, with its times put back: only the time of the last change of the
/// inode tells, and nobody can put that back.
#[test]
fn a_write_that_hides_its_time_is_noticed() {
    let mut place = Place::with("one");
    let before = fs::metadata(place.path()).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    while file.metadata().unwrap().ctime_nsec() == before.ctime_nsec() {
        file.rewind().unwrap();
        file.write_all(b"two").unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
    }
    assert_eq!(file.metadata().unwrap().mtime_nsec(), before.mtime_nsec());
    assert_eq!(place.seen(3), ["two"]);
}

#[test]
fn a_file_that_vanished_is_said_once_and_its_return_is_quiet() {
    let mut place = Place::with("one");
    let content = fs::read(place.path()).unwrap();
    fs::remove_file(place.path()).unwrap();
    let said = "error: DIR/hosts.toml: the file is gone; what was loaded last stays in force";
    assert_eq!(place.seen(5), [said]);
    assert!(place.watch.trouble().unwrap().ends_with("stays in force"));
    fs::write(place.path(), content).unwrap();
    assert!(place.seen(3).is_empty(), "it has the content that is in force");
    assert_eq!(place.watch.trouble(), None);
    fs::remove_file(place.path()).unwrap();
    assert_eq!(place.seen(5), [said], "a new loss is said again");
}

#[test]
fn a_file_that_returns_with_other_content_is_a_change() {
    let mut place = Place::with("one");
    fs::remove_file(place.path()).unwrap();
    assert_eq!(place.seen(3).len(), 1);
    fs::write(place.path(), "two").unwrap();
    assert_eq!(place.seen(3), ["two"]);
    assert_eq!(place.watch.trouble(), None);
}

#[test]
fn a_directory_or_a_pipe_in_its_place_neither_blocks_nor_loads() {
    let mut place = Place::with("one");
    fs::remove_file(place.path()).unwrap();
    fs::create_dir(place.path()).unwrap();
    assert_eq!(
        place.seen(4),
        ["error: DIR/hosts.toml: expected a regular file, found a directory"]
    );
    fs::remove_dir(place.path()).unwrap();
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, place.path(), rustix::fs::FileType::Fifo, mode, 0)
        .unwrap();
    assert!(place.seen(4).is_empty(), "the same trouble");
    fs::remove_file(place.path()).unwrap();
    fs::write(place.path(), "two").unwrap();
    assert_eq!(place.seen(3), ["two"]);
}

/// A loop of symlinks cannot be read by anybody, root included.
#[test]
fn what_cannot_be_read_is_said_once() {
    let mut place = Place::with("one");
    fs::remove_file(place.path()).unwrap();
    symlink("hosts.toml", place.path()).unwrap();
    assert_eq!(place.seen(4), ["error: DIR/hosts.toml: the file cannot be read"]);
    assert!(matches!(place.watch.read_now(), Err(ReloadError::Unreadable { .. })));
}

#[test]
fn one_trouble_after_another_is_said_each() {
    let mut place = Place::with("one");
    fs::remove_file(place.path()).unwrap();
    let mut said = place.seen(3);
    fs::create_dir(place.path()).unwrap();
    said.extend(place.seen(3));
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let mut place = Place::with("one");
    let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap(); // sparse
    let said = "error: DIR/hosts.toml: expected at most 67108864 bytes, found 67108865";
    assert_eq!(place.seen(3), [said]);
}

/// A file of procfs has no size, so what is read never is what `stat` told: as in a file that is
/// written to at each look.
#[test]
fn a_file_that_changes_at_every_read_is_refused() {
    let mut watch = FileWatch::new("/proc/self/status");
    let error = watch.read_now().unwrap_err();
    assert!(matches!(error, ReloadError::Unsettled { .. }), "{error}");
    assert_eq!(error.to_string(), "/proc/self/status: the file changed during each of 10 reads");
    assert_eq!(watch.check().unwrap(), None, "the next look may find it settled");
}

/// A file with no name left, as an orphaned bind mount shows it: reached through its descriptor.
#[test]
fn a_file_with_no_name_left_is_warned_of_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hosts.toml");
    fs::write(&path, "one").unwrap();
    let file = fs::File::open(&path).unwrap();
    let mut watch = FileWatch::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    assert_eq!(text(&watch.read_now().unwrap()), "one");
    assert_eq!(watch.check().unwrap(), None);
    assert_eq!(watch.trouble(), None);
    fs::remove_file(&path).unwrap();
    let warnings: Vec<_> = (0..6).filter_map(|_| watch.check().err()).collect();
    assert!(matches!(warnings[..], [ReloadError::Orphaned { .. }]), "{warnings:?}");
    assert!(watch.trouble().unwrap().contains("mount its directory instead"));
    assert_eq!(text(&watch.read_now().unwrap()), "one", "the old file can still be read");
}

#[test]
fn a_mount_of_a_deleted_file_is_warned_of_once() {
    let mut place = Place::with("one");
    let line = |root: &str| {
        let path = place.path().canonicalize().unwrap();
        format!("90 22 254:1 {root} {} rw - ext4 /dev/vda1 rw\n", path.display())
    };
    let (deleted, there) = (line("/srv/hosts.toml//deleted"), line("/srv/hosts.toml"));
    place.watch.mountinfo = place.beside("mountinfo", &deleted);
    let said = place.seen(2 * MOUNT_LOOK_EVERY);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("mounted by itself and has been replaced outside"), "{said:?}");
    // Of a table without end nothing is read.
    let large = fs::OpenOptions::new().write(true).open(place.beside("mountinfo", &deleted));
    large.unwrap().set_len(MAX_MOUNTS_BYTES + 1).unwrap();
    assert!(place.seen(2 * MOUNT_LOOK_EVERY).is_empty());
    assert_eq!(place.watch.trouble(), None);
    place.beside("mountinfo", &there);
    assert!(place.seen(2 * MOUNT_LOOK_EVERY).is_empty());
    assert_eq!(place.watch.trouble(), None);
}

#[test]
fn read_now_counts_as_reported() {
    let mut place = Place::with("one");
    fs::write(place.path(), "two").unwrap();
    assert_eq!(text(&place.watch.read_now().unwrap()), "two");
    assert!(place.seen(4).is_empty());
    fs::remove_file(place.path()).unwrap();
    assert!(matches!(place.watch.read_now(), Err(ReloadError::Vanished { .. })));
}

#[test]
fn a_hash_is_the_sha_256_in_hex() {
    assert_eq!(
        ContentHash::of(b"abc").to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
