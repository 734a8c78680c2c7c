use super::*;

fn request(text: &str) -> PackedRequest {
    PackedRequest {
        form: RequestForm::Write(WriteVersion::First),
        body: text.as_bytes().to_vec(),
        samples: 3,
    }
}

fn queue(folder: &Path) -> ExportQueue {
    ExportQueue::open(folder.join("export"), 1_000, 1_000)
}

/// Sends all, as they are.
fn drained(queue: &ExportQueue) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(first) = queue.first() {
        let body = first
            .held()
            .or_else(|| queue.read(&first))
            .map(|body| String::from_utf8(body.to_vec()).unwrap());
        all.push(body.unwrap_or_default());
        queue.done(first.number);
    }
    all
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder.join("export")).into_iter().flatten();
    names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_waits_is_found_again_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let first = queue(folder.path());
    for text in ["a", "b"] {
        first.push(request(text), WallMs(1_000));
    }
    first.keep().unwrap();
    assert_eq!(first.held(), 0);
    first.push(
        PackedRequest { form: RequestForm::Write(WriteVersion::Second), ..request("c") },
        WallMs(2_000),
    );
    first.keep().unwrap();
    // The first is sent before the end.
    first.done(first.first().unwrap().number);
    fs::write(folder.path().join("export/0000000000000009.new"), "half").unwrap();
    fs::write(folder.path().join("export/README"), "not ours").unwrap();
    drop(first);
    let next = queue(folder.path());
    let status = QueueStatus { bytes: 2, oldest: Some(WallMs(1_000)) };
    assert_eq!(next.status(), status);
    next.push(request("d"), WallMs(3_000));
    let first = next.first().unwrap();
    assert_eq!((first.samples, first.form), (3, RequestForm::Write(WriteVersion::First)));
    assert_eq!(drained(&next), ["b", "c", "d"]);
    assert_eq!(files(folder.path()), ["README"]);
}

#[test]
fn nobody_else_reads_what_waits() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    queue.push(request("a"), WallMs(1));
    queue.keep().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let export = folder.path().join("export");
    assert_eq!((mode(&export), mode(&export.join(&files(folder.path())[0]))), (0o700, 0o600));
}

#[test]
fn of_too_many_files_the_oldest_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    for number in 0..6 {
        queue.push(request(&number.to_string().repeat(300)), WallMs(number));
        queue.keep().unwrap();
    }
    assert_eq!(queue.take_dropped(), 9);
    assert_eq!(queue.take_dropped(), 0);
    assert_eq!(files(folder.path()).len(), 3);
    // A restart with less room.
    drop(queue);
    let less = ExportQueue::open(folder.path().join("export"), 400, 1_000);
    assert_eq!(less.take_dropped(), 6);
    let rest = drained(&less);
    assert_eq!(rest.len(), 1);
    assert!(rest[0].starts_with('5'), "{rest:?}");
}

#[test]
fn what_a_disk_does_not_take_waits_in_memory_up_to_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    // No folder can be made where a file is.
    fs::write(folder.path().join("export"), "").unwrap();
    let queue = queue(folder.path());
    let mut under_way = None;
    for number in 0..5 {
        queue.push(request(&number.to_string().repeat(300)), WallMs(number));
        assert!(queue.keep().is_err());
        // The one that is being sent is not dropped.
        under_way = under_way.or_else(|| queue.first());
    }
    assert_eq!(queue.take_dropped(), 6);
    assert!(queue.status().bytes <= 1_000);
    let first: Vec<String> = drained(&queue).iter().map(|text| text[..1].to_owned()).collect();
    assert_eq!(first, ["0", "3", "4"]);
}

#[test]
fn a_damaged_file_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path());
    for text in ["abc", "def"] {
        queue.push(request(text), WallMs(1));
    }
    queue.keep().unwrap();
    let mut names = files(folder.path());
    names.sort();
    fs::write(folder.path().join("export").join(&names[0]), "abd").unwrap();
    assert_eq!(drained(&queue), ["", "def"]);
}
