//! Which mounts become rows, under which point, and what a mount table may hold.

use procfs::FromBufRead;

use super::*;

fn chosen(text: &str) -> Vec<(String, u32, bool)> {
    let mounts = parse(text.as_bytes(), &mut Report::default()).unwrap();
    let row = |row: &Chosen<'_>| {
        let point = String::from_utf8_lossy(&row.mount.mount_point).into_owned();
        (point, row.aliases, row.answers_from_memory)
    };
    choose(&mounts).iter().map(row).collect()
}

fn row(point: &str, aliases: u32, answers_from_memory: bool) -> (String, u32, bool) {
    (point.to_owned(), aliases, answers_from_memory)
}

/// The procfs crate leaves the mount point escaped.
#[test]
fn spaces_in_mount_points_are_unescaped() {
    let line = "40 27 8:1 / /mnt/my\\040disk\\134\\011x rw shared:1 master:2 - ext4 /dev/disk\\040one rw,errors=continue\n";
    let theirs = procfs::process::MountInfos::from_buf_read(line.as_bytes()).unwrap().0;
    assert!(theirs[0].mount_point.to_string_lossy().contains("\\040"), "no trap left");
    let ours = parse(line.as_bytes(), &mut Report::default()).unwrap();
    assert_eq!(*ours[0].mount_point, *b"/mnt/my disk\\\tx");
    assert_eq!(*ours[0].source, *b"/dev/disk one");
    assert_eq!(*unescape(b"\\04\\999\\"), *b"\\04\\999\\");
}

fn only(line: &[u8]) -> Mount<'_> {
    let mut report = Report::default();
    let mounts = parse(line, &mut report).unwrap();
    assert!(report.is_clean(), "{report:?}");
    mounts.into_iter().next().unwrap()
}

/// `mount -t tmpfs "" /mnt/test`, with and without optional fields; and what a copy of the file on
/// another system may end its lines with.
#[test]
fn an_empty_source_moves_no_field() {
    for (line, read_only) in [
        (&b"21 1 0:53 / /mnt/test rw,relatime - tmpfs  ro\n"[..], true),
        (b"21 1 0:53 / /mnt/test rw shared:1 master:2 - tmpfs  rw,size=4k\r\n", false),
        (b"21 1 0:53  /mnt/test rw - tmpfs  ro\r\n", true),
    ] {
        let mount = only(line);
        assert_eq!((&*mount.source, &*mount.fs_type), (&b""[..], &b"tmpfs"[..]));
        assert_eq!((mount.read_only, mount.superblock_read_only), (read_only, read_only));
    }
}

#[test]
fn a_type_is_unescaped_as_every_name_of_a_user_is() {
    let mount = only(b"2 1 0:50 / /home/u/x rw - fuse.a\\040b\\043 s\\134 rw\n");
    assert_eq!((&*mount.fs_type, &*mount.source), (&b"fuse.a b#"[..], &b"s\\"[..]));
}

/// What the filesystem says of itself follows behind commas, and may be called "ro".
#[test]
fn read_only_is_the_first_option() {
    for (options, superblock, expected) in [
        ("ro,relatime", "rw", (true, false)),
        ("rw", "ro,size=4k", (true, true)),
        ("rw,ro", "rw,lowerdir=/a\\,ro", (false, false)),
        ("rw,ro", "rw,ro", (false, false)),
    ] {
        let line = format!("2 1 0:50 / /x {options} - ext4 s {superblock}\n");
        let mount = only(line.as_bytes());
        assert_eq!((mount.read_only, mount.superblock_read_only), expected, "{line}");
    }
}

#[test]
fn of_bind_mounts_the_whole_then_the_writable_then_the_short_one_speaks() {
    let speaker = |lines: &[&str]| {
        let text = lines.iter().enumerate().fold(String::new(), |text, (at, line)| {
            let [root, point, options] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            text + &format!("{} 1 8:2 {root} {point} {options} - xfs /dev/sdb rw\n", at + 2)
        });
        let rows = chosen(&text);
        assert_eq!((rows.len(), rows[0].1 as usize), (1, lines.len() - 1));
        rows[0].0.clone()
    };
    let (whole, bind) = ("/ /srv/a/long/way rw", "/sub /s rw");
    assert_eq!(speaker(&[whole, bind]), "/srv/a/long/way");
    assert_eq!(speaker(&[bind, whole]), "/srv/a/long/way");
    // A read-only bind mount of the whole is still the whole; of two wholes the writable one.
    assert_eq!(speaker(&[bind, "/ /ro ro"]), "/ro");
    assert_eq!(speaker(&["/ /ro ro", whole]), "/srv/a/long/way");
    assert_eq!(speaker(&["/sub /s ro", "/other /longer rw"]), "/longer");
    assert_eq!(speaker(&["/ /bb rw", "/ /aa rw", "/ /ccc rw"]), "/aa");
}

/// Ubuntu's and Debian's layout, as the kernel prints it, while a backup has the top level mounted; a
/// directory of a subvolume is a part, as elsewhere.
#[test]
fn a_btrfs_speaks_at_a_subvolume_as_well_as_at_its_top_level() {
    let line = |id: u32, root: &str, point: &str, subvolume: &str| {
        let parent = if point == "/" { 1 } else { 2 };
        format!(
            "{id} {parent} 0:26 {root} {point} rw,relatime shared:1 - btrfs /dev/sda2 \
             rw,ssd,space_cache=v2,subvolid=25{id},subvol={subvolume}\n"
        )
    };
    let (root, home) = (line(2, "/@", "/", "/@"), line(3, "/@home", "/home", "/@home"));
    let top = line(4, "/", "/run/timeshift/1/backup", "/");
    let bind = line(5, "/@home/me", "/m", "/@home");
    for text in [[&root, &home, &top, &bind], [&root, &bind, &top, &home]] {
        assert_eq!(chosen(&text.map(String::as_str).concat()), [row("/", 3, true)]);
    }
    assert_eq!(chosen(&(bind.clone() + &home)), [row("/home", 1, true)]);
    // A name with a space is escaped in both places; "subvol=" of another filesystem means nothing.
    let spaced = line(6, "/a\\040b", "/long/way", "/a\\040b");
    assert_eq!(chosen(&(bind.clone() + &spaced)), [row("/long/way", 1, true)]);
    let other = |text: &str| text.replace("btrfs", "xfs");
    assert_eq!(chosen(&other(&(bind + &home))), [row("/m", 1, true)]);
}

#[test]
fn bind_mounts_are_one_row_at_the_shortest_point() {
    let text = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                2 1 8:2 / /var/lib/docker/volumes/a rw - xfs /dev/sdb rw\n\
                3 1 8:2 / /data rw - xfs /dev/sdb rw\n\
                4 1 8:2 /sub /srv/other rw - xfs /dev/sdb rw\n\
                5 1 8:2 / /aaaa rw - xfs /dev/sdb rw\n";
    assert_eq!(chosen(text), [row("/", 0, true), row("/aaaa", 3, true)]);
}

#[test]
fn pseudo_filesystems_autofs_and_inner_overlays_are_left_out() {
    let text = "1 0 0:50 / / rw - overlay overlay rw\n\
                2 1 0:5 / /proc rw - proc proc rw\n\
                3 1 0:6 / /net rw - autofs auto.net rw\n\
                4 1 0:51 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n\
                5 1 0:7 / /run rw - tmpfs tmpfs rw\n";
    assert_eq!(chosen(text), [row("/", 0, true), row("/run", 0, true)]);
}

#[test]
fn what_is_mounted_over_hides_what_is_below() {
    let text = "1 0 0:2 / / rw - rootfs rootfs rw\n\
                2 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                3 2 0:30 / /dev/shm rw - tmpfs old rw\n\
                4 3 0:31 / /dev/shm rw - tmpfs new rw\n\
                5 2 8:3 / /a/b rw - ext4 /dev/sdc rw\n\
                6 2 8:4 / /a rw - ext4 /dev/sdd rw\n\
                7 5 8:5 / /a/b/c rw - ext4 /dev/sde rw\n\
                8 2 8:6 / /ab rw - ext4 /dev/sdf rw\n";
    let mounts = parse(text.as_bytes(), &mut Report::default()).unwrap();
    let seen: Vec<u32> = choose(&mounts).iter().map(|row| row.mount.id).collect();
    assert_eq!(seen, [2, 4, 6, 8]);
    assert_eq!(at_root(text.as_bytes()).unwrap().id, 2);
}

#[test]
fn the_way_through_a_network_mount_may_block_too() {
    let text = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                2 1 0:40 / /mnt/nfs rw - nfs4 server:/export rw\n\
                3 2 8:2 / /mnt/nfs/disk rw - ext4 /dev/sdb rw\n\
                4 1 8:3 / /mnt/nfs2 rw - ext4 /dev/sdc rw\n\
                5 1 8:4 / /boot/efi rw - vfat /dev/sdd rw\n\
                6 1 0:41 / /home/u/m rw - fuse.portal m rw\n\
                7 6 8:5 / /home/u/m/disk rw - ext4 /dev/sde rw\n";
    let expected = [
        row("/", 0, true),
        row("/mnt/nfs", 0, false),
        row("/mnt/nfs/disk", 0, false),
        row("/mnt/nfs2", 0, true),
        row("/boot/efi", 0, false),
        // A user gives a FUSE mount any type behind the dot.
        row("/home/u/m/disk", 0, false),
    ];
    assert_eq!(chosen(text), expected);
}

#[test]
fn a_bad_line_costs_one_mount_and_read_only_is_either() {
    let mut report = Report::default();
    let text =
        b"1 0 8:1 / / ro - ext4 /dev/sda1 rw\nrubbish\n2 1 8:2 / /b rw - ext4 /dev/sdb ro,x\n\
                 3 1 8:3 / /c rw,road - ext4 /dev/sdc\n";
    let mounts = parse(text, &mut report).unwrap();
    let read_only: Vec<bool> = mounts.iter().map(|mount| mount.read_only).collect();
    assert_eq!(read_only, [true, true, false]);
    assert_eq!(report.close(true), (Status::Partial, "not understood: \"rubbish\"".to_owned()));
}

#[test]
fn agrees_with_procfs_on_this_machine() {
    let bytes = std::fs::read("/proc/1/mountinfo").unwrap();
    let theirs = procfs::process::MountInfos::from_buf_read(&bytes[..]).unwrap().0;
    let mut report = Report::default();
    let ours = parse(&bytes, &mut report).unwrap();
    assert!(report.is_clean());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(format!("{}:{}", ours.device.0, ours.device.1), theirs.majmin);
        assert_eq!(super::super::scan::text(&ours.fs_type), theirs.fs_type);
        assert_eq!(u32::try_from(theirs.mnt_id).unwrap(), ours.id);
    }
}

/// Who hides whom, and what leads through what, each mount against each other one.
fn naive(mounts: &[Mount<'_>]) -> Vec<Way> {
    let leads_to = |above: &Mount<'_>, path: &[u8]| match path.strip_prefix(&*above.mount_point) {
        Some(rest) => rest.is_empty() || rest[0] == b'/' || *above.mount_point == *b"/",
        None => false,
    };
    let way = |mount: &Mount<'_>| Way {
        is_hidden: mounts.iter().any(|other| {
            let over = other.parent == mount.id && other.mount_point == mount.mount_point;
            let above = other.parent == mount.parent
                && other.mount_point != mount.mount_point
                && leads_to(other, &mount.mount_point);
            other.id != mount.id && (over || above)
        }),
        is_quick: !mounts
            .iter()
            .any(|above| leads_to(above, &mount.mount_point) && above.may_block()),
    };
    let mut ways: Vec<Way> = mounts.iter().map(way).collect();
    for at in 0..mounts.len() {
        let parent = mounts.iter().position(|other| other.id == mounts[at].parent);
        if let Some(parent) = parent.filter(|parent| *parent != at)
            && ways[parent].is_hidden
            && mounts[parent].mount_point != mounts[at].mount_point
        {
            ways[at].is_hidden = true;
        }
    }
    ways
}

#[derive(Debug, Clone)]
struct Line {
    parent: usize,
    path: String,
    fs_type: &'static str,
}

fn line() -> impl proptest::strategy::Strategy<Value = Line> {
    use proptest::{sample::select, strategy::Strategy as _};
    // "-" sorts before the slash, and "é" behind all else.
    let path = proptest::collection::vec(select(vec!["a", "b", "a-", "\u{e9}"]), 0..4);
    let fs_type = select(vec!["ext4", "nfs", "proc", "autofs", "overlay"]);
    (0usize..9, path, fs_type).prop_map(|(parent, path, fs_type)| Line {
        parent,
        path: format!("/{}", path.join("/")),
        fs_type,
    })
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(2_000))]
    #[test]
    fn the_way_found_by_order_is_the_one_found_by_looking_at_all(
        lines in proptest::collection::vec(line(), 0..12),
    ) {
        let text = lines.iter().enumerate().fold(String::new(), |text, (at, line)| {
            let Line { parent, path, fs_type } = line;
            text + &format!("{at} {parent} 8:{at} / {path} rw - {fs_type} x rw\n")
        });
        let mounts = parse(text.as_bytes(), &mut Report::default()).unwrap_or_default();
        assert_eq!(mounts.len(), lines.len());
        assert_eq!(ways(&mounts), naive(&mounts), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(
        bytes: Vec<u8>,
        text in "([0-3] [0-3] 8:[0-2] / /[ab/]{0,4} rw - (ext4|nfs|proc) x rw\n){0,8}",
    ) {
        for bytes in [&bytes[..], text.as_bytes()] {
            if let Some(mounts) = parse(bytes, &mut Report::default()) {
                let rows = choose(&mounts).len();
                assert!(rows <= mounts.len());
            }
        }
    }
}
