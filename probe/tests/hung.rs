//! A mount that does not answer: the rest of the answer is whole and in time, one thread waits, and
//! no other ever will.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use fixture::{CLOCKS, ask, everything, in_time, report, settle, tree};
use roundsman_probe::{
    clock,
    collect::{
        Collector, Wanted,
        host::Host,
        statvfs::{MAX_ASKING, Question, Refusal, Space, StatVfs},
    },
    root::Root,
};
use roundsman_proto::v1::{self, Family, Status};

/// Answers as recorded, but hangs at some mounts until it is let go.
#[derive(Debug)]
struct Hanging {
    manifest: Arc<dyn StatVfs>,
    mounts: &'static [&'static str],
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Debug)]
struct Held {
    hold: bool,
    asked: usize,
    waiting: usize,
}

impl Hanging {
    fn new(root: &Root, mounts: &'static [&'static str]) -> Arc<Self> {
        Arc::new(Self {
            manifest: Host::open(root.clone()).statvfs(),
            mounts,
            held: Mutex::new(Held { hold: true, asked: 0, waiting: 0 }),
            changed: Condvar::new(),
        })
    }

    fn asked(&self) -> usize {
        self.held.lock().unwrap().asked
    }

    /// Lets all go, and waits until they have gone.
    fn release(&self) {
        let mut held = self.held.lock().unwrap();
        held.hold = false;
        self.changed.notify_all();
        drop(self.changed.wait_while(held, |held| held.waiting > 0).unwrap());
    }
}

impl StatVfs for Hanging {
    fn statvfs(&self, question: &Question) -> Result<Space, Refusal> {
        if self.mounts.iter().any(|mount| question.mount_point.as_os_str() == *mount) {
            let mut held = self.held.lock().unwrap();
            held.asked += 1;
            held.waiting += 1;
            held = self.changed.wait_while(held, |held| held.hold).unwrap();
            held.waiting -= 1;
            self.changed.notify_all();
            // Now it answers, as an ordinary mount of its kind.
            return Ok(Space { device: (0, 45), blocks: 7, ..Space::default() });
        }
        self.manifest.statvfs(question)
    }
}

fn soon(budget: Duration) -> Instant {
    clock::now() + budget
}

/// Threads of this process that ask mounts, counted by the kernel.
fn asking_threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter(|task| {
            let comm = task.as_ref().unwrap().path().join("comm");
            std::fs::read_to_string(comm).is_ok_and(|comm| comm.trim_end() == "statvfs")
        })
        .count()
}

fn mount_status(snapshot: &v1::Snapshot, mount: &str) -> Status {
    let table = snapshot.filesystem.as_ref().unwrap();
    let row = table.mount_point.iter().position(|point| point == mount).unwrap();
    Status::try_from(table.status[row]).unwrap()
}

fn without_filesystem(mut snapshot: v1::Snapshot) -> v1::Snapshot {
    snapshot.filesystem = None;
    snapshot.reports.retain(|report| report.family() != Family::Filesystem);
    snapshot
}

// One test, because threads are counted over the whole process.
#[test]
fn a_hung_mount_costs_its_own_row_and_one_thread() {
    let root = Root::captured(&tree("no-psi"));
    let healthy = ask(&Collector::new(root.clone()), &everything());
    let hanging = Hanging::new(&root, &["/mnt/nfs"]);
    let collector = Collector::with_statvfs(root, Arc::<Hanging>::clone(&hanging));
    let wanted = Wanted::new(&everything()).unwrap();

    // The first answer waits for it, and is there in time.
    let until = soon(Duration::from_secs(2));
    let answer = collector.collect(&wanted, CLOCKS, until);
    assert!(clock::now() < until, "too late");
    assert_eq!(mount_status(&answer, "/mnt/nfs"), Status::Hung);
    assert_eq!(mount_status(&answer, "/"), Status::Ok);
    assert_eq!(mount_status(&answer, "/boot/efi"), Status::Ok);
    assert_eq!(answer.cost.unwrap().parked_threads, 1);
    let (status, error) = report(&answer, Family::Filesystem);
    assert_eq!(status, Status::Partial);
    assert!(error.contains("/mnt/nfs: does not answer statvfs"), "{error}");
    assert_eq!(without_filesystem(settle(answer)), without_filesystem(healthy.clone()));

    // A thousand more do not wait, do not ask again, and leave no thread behind.
    // (Were each to wait, the time would be over long before.)
    let until = soon(Duration::from_secs(60));
    for _ in 0..1_000 {
        let answer = collector.collect(&wanted, CLOCKS, until);
        assert_eq!(mount_status(&answer, "/mnt/nfs"), Status::Hung);
    }
    assert_eq!(hanging.asked(), 1);
    // vfat, cifs and sshfs were asked on threads of their own, which may be just ending: only the
    // parked one stays.
    while asking_threads() > 1 {
        std::thread::yield_now();
    }
    assert_eq!(asking_threads(), 1);

    // When it answers again, so does the probe, and the thread is gone.
    hanging.release();
    while collector.collect(&wanted, CLOCKS, in_time()).cost.unwrap().parked_threads > 0 {}
    let answer = collector.collect(&wanted, CLOCKS, in_time());
    assert_eq!(mount_status(&answer, "/mnt/nfs"), Status::Ok);
    while asking_threads() > 0 {
        std::thread::yield_now();
    }

    too_many_hung_mounts_stop_at_the_limit();
    a_slow_mount_is_not_hung_to_the_second_server();
}

fn too_many_hung_mounts_stop_at_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let mounts = MAX_ASKING + 10;
    fixture::many_cores::write(dir.path());
    let mut mountinfo = "27 1 8:1 / / rw - xfs /dev/sda1 rw\n".to_owned();
    for mount in 0..mounts {
        mountinfo += &format!(
            "{} 27 0:{} / /nfs/{mount} rw - nfs srv:/{mount} rw\n",
            mount + 100,
            mount + 45
        );
    }
    std::fs::write(dir.path().join("proc/1/mountinfo"), mountinfo).unwrap();
    let root = Root::captured(dir.path());
    let hanging = Arc::new(AllHang(Hanging::new(&root, &[""])));
    let collector = Collector::with_statvfs(root, Arc::<AllHang>::clone(&hanging));
    let wanted = Wanted::new(&everything()).unwrap();
    for _ in 0..3 {
        let answer = collector.collect(&wanted, CLOCKS, soon(Duration::from_millis(200)));
        assert_eq!(answer.cost.unwrap().parked_threads as usize, MAX_ASKING);
        let table = answer.filesystem.as_ref().unwrap();
        let count =
            |status: Status| table.status.iter().filter(|found| **found == status as i32).count();
        assert_eq!((count(Status::Hung), count(Status::Timeout)), (MAX_ASKING, 10));
        assert_eq!(asking_threads(), MAX_ASKING);
    }
    hanging.0.release();
    while asking_threads() > 0 {
        std::thread::yield_now();
    }
}

/// Hangs at every network mount.
#[derive(Debug)]
struct AllHang(Arc<Hanging>);

impl StatVfs for AllHang {
    fn statvfs(&self, question: &Question) -> Result<Space, Refusal> {
        if question.mount_point.starts_with("/nfs") {
            let held = Question { mount_point: "".into(), path: question.path.clone() };
            return self.0.statvfs(&held);
        }
        self.0.statvfs(question)
    }
}

/// A healthy mount that is slow to answer one server is not called hung to another.
fn a_slow_mount_is_not_hung_to_the_second_server() {
    let root = Root::captured(&tree("no-psi"));
    let hanging = Hanging::new(&root, &["/mnt/nfs"]);
    let collector = Collector::with_statvfs(root, Arc::<Hanging>::clone(&hanging));
    let wanted = Wanted::new(&everything()).unwrap();
    std::thread::scope(|scope| {
        let answers: Vec<_> =
            (0..2).map(|_| scope.spawn(|| collector.collect(&wanted, CLOCKS, in_time()))).collect();
        while hanging.asked() == 0 {
            std::thread::yield_now();
        }
        hanging.release();
        for answer in answers {
            assert_eq!(mount_status(&answer.join().unwrap(), "/mnt/nfs"), Status::Ok);
        }
    });
}
