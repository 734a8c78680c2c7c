use super::*;

struct Place {
    dir: tempfile::TempDir,
    watch: FilesWatch,
}

impl Place {
    /// A directory with `hosts.toml` and parts of it, loaded and settled.
    fn with(parts: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts.toml");
        fs::write(&path, "main").unwrap();
        fs::create_dir(dir.path().join("hosts.d")).unwrap();
        let mut place = Self { dir, watch: FilesWatch::new(FileWatch::new(path)) };
        for (name, content) in parts {
            place.write(name, content);
        }
        place.watch.read_now().unwrap();
        assert!(place.seen(2).is_empty());
        place
    }

    /// Puts a file there by a rename, which gives it another inode: never the stamp that it had.
    fn write(&self, name: &str, content: &str) {
        let written = self.dir.path().join("written");
        fs::write(&written, content).unwrap();
        fs::rename(written, self.dir.path().join(name)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.dir.path().join(name)).unwrap();
    }

    /// What the next `looks` looks report, a line each.
    fn seen(&mut self, looks: u32) -> Vec<String> {
        let looks = (0..looks).filter_map(|_| match self.watch.check() {
            Ok(files) => files.map(|files| self.shown(&files)),
            Err(error) => Some(self.cut(&format!("error: {error}"))),
        });
        looks.collect()
    }

    fn shown(&self, files: &[SourceFile]) -> String {
        let text = |file: &SourceFile| {
            self.cut(&format!("{}={}", file.name, String::from_utf8_lossy(&file.bytes)))
        };
        files.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    fn cut(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

#[test]
fn a_part_that_is_added_changed_or_removed_is_reported_with_all_others() {
    let mut place = Place::with(&[("hosts.d/b.toml", "b")]);
    place.write("hosts.d/a.toml", "a");
    assert_eq!(place.seen(4), ["hosts.toml=main hosts.d/a.toml=a hosts.d/b.toml=b"]);
    place.write("hosts.d/b.toml", "other");
    assert_eq!(place.seen(4), ["hosts.toml=main hosts.d/a.toml=a hosts.d/b.toml=other"]);
    place.remove("hosts.d/a.toml");
    assert_eq!(place.seen(4), ["hosts.toml=main hosts.d/b.toml=other"]);
    fs::remove_dir_all(place.dir.path().join("hosts.d")).unwrap();
    assert_eq!(place.seen(4), ["hosts.toml=main"]);
    assert!(place.watch.is_settled() && place.watch.trouble().is_none());
}

#[test]
fn a_folder_that_comes_later_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hosts.toml");
    fs::write(&path, "main").unwrap();
    let mut place = Place { dir, watch: FilesWatch::new(FileWatch::new(path)) };
    assert_eq!(place.seen(4), ["hosts.toml=main"]);
    fs::create_dir(place.dir.path().join("hosts.d")).unwrap();
    place.write("hosts.d/a.toml", "a");
    assert_eq!(place.seen(4), ["hosts.toml=main hosts.d/a.toml=a"]);
}

#[test]
fn what_is_changed_together_is_reported_together() {
    let mut place = Place::with(&[("hosts.d/a.toml", "a"), ("hosts.d/b.toml", "b")]);
    place.write("hosts.toml", "other");
    assert!(place.seen(1).is_empty());
    // The first file has settled at the second look, and this one has not.
    place.write("hosts.d/b.toml", "also");
    assert!(place.seen(1).is_empty());
    assert_eq!(place.seen(3), ["hosts.toml=other hosts.d/a.toml=a hosts.d/b.toml=also"]);
}

#[test]
fn a_part_that_is_moved_away_for_a_moment_is_no_change() {
    let mut place = Place::with(&[("hosts.d/a.toml", "a")]);
    place.remove("hosts.d/a.toml");
    assert!(place.seen(1).is_empty() && place.watch.is_settling() && !place.watch.is_settled());
    place.write("hosts.d/a.toml", "a");
    assert!(place.seen(4).is_empty());
}

#[test]
fn hidden_files_and_those_of_another_ending_are_no_parts() {
    let mut place = Place::with(&[]);
    for name in [".a.toml", "a.toml~", "a.toml.rpmsave", "a.txt", "#a.toml#"] {
        place.write(&format!("hosts.d/{name}"), "a");
    }
    assert!(place.seen(4).is_empty());
}

/// What is right may not come into force while a part of it cannot be read.
#[test]
fn a_part_that_cannot_be_read_holds_the_others_up_and_is_said_once() {
    let mut place = Place::with(&[("hosts.d/a.toml", "a")]);
    fs::create_dir(place.dir.path().join("hosts.d/b.toml")).unwrap();
    place.write("hosts.d/a.toml", "other");
    let words = "hosts.d/b.toml: expected a regular file, found a directory";
    assert_eq!(place.seen(5), [format!("error: {words}")]);
    assert_eq!(place.watch.trouble().map(|said| place.cut(said)).as_deref(), Some(words));
    fs::remove_dir(place.dir.path().join("hosts.d/b.toml")).unwrap();
    assert_eq!(place.seen(4), ["hosts.toml=main hosts.d/a.toml=other"]);
    assert_eq!(place.watch.trouble(), None);
}

#[test]
fn a_folder_that_is_none_is_said_once_and_changes_nothing() {
    let mut place = Place::with(&[("hosts.d/a.toml", "a")]);
    let folder = place.dir.path().join("hosts.d");
    fs::rename(&folder, place.dir.path().join("kept")).unwrap();
    place.write("hosts.d", "a file");
    assert_eq!(place.seen(4), ["error: hosts.d: the folder cannot be read"]);
    assert!(place.watch.trouble().is_some() && !place.watch.is_settled());
    place.remove("hosts.d");
    fs::rename(place.dir.path().join("kept"), &folder).unwrap();
    assert!(place.seen(4).is_empty() && place.watch.trouble().is_none());
}

#[test]
fn parts_are_limited() {
    let mut place = Place::with(&[]);
    for number in 0..MAX_PARTS {
        place.write(&format!("hosts.d/{number}.toml"), "");
    }
    assert_eq!(place.watch.read_now().unwrap().len(), MAX_PARTS + 1);
    place.write("hosts.d/more.toml", "");
    let error = place.watch.read_now().unwrap_err().to_string();
    assert_eq!(
        place.cut(&error),
        "hosts.d: expected at most 256 files that end in .toml, found more; put several into one"
    );
}

/// What was taken away shows in the folder alone.
#[test]
fn a_part_that_was_taken_away_is_a_change_of_this_moment() {
    let place = Place::with(&[("hosts.d/a.toml", "a")]);
    let changed =
        |name: &str| Stamp::of(&fs::metadata(place.dir.path().join(name)).unwrap()).changed_at();
    // Until the clock of the file system has ticked since the files were written.
    while changed("hosts.d") <= changed("hosts.toml").max(changed("hosts.d/a.toml")) {
        place.write("hosts.d/b.toml", "b");
        place.remove("hosts.d/b.toml");
    }
    let now = WallMs(changed("hosts.d").0 + 60_000);
    assert_eq!(place.watch.unchanged_for(now), Duration::from_secs(60));
}
