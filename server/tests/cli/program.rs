//! Runs the real binary, away from the machine's own settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// A run that takes longer than this hangs: no command of these tests needs a tenth of it.
pub(crate) const HANGS: Duration = Duration::from_secs(120);

/// A directory to work in, and the program that works there.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The program: no variables of the caller's but PATH, in this directory, no terminal anywhere.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A server takes a fixed port for gRPC unless it is told otherwise.
        if arguments.first() == Some(&"serve") {
            command.env("ROUNDSMAN_GRPC__LISTEN", "127.0.0.1:0");
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments).end(self.path())
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running(Some(self.command(arguments).spawn().unwrap()))
    }
}

/// A run that has not ended yet; killed when it is dropped, so that no failing test leaves a
/// server behind.
pub(crate) struct Running(Option<Child>);

impl Running {
    #[allow(dead_code, reason = "another test program uses it")]
    pub(crate) fn of(child: Child) -> Self {
        Self(Some(child))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(self.child()), signal).unwrap();
    }

    /// Waits for its end. A run that hangs is killed, and then fails for its exit code.
    pub(crate) fn end(mut self, dir: &Path) -> Ended {
        let child = self.0.take().unwrap();
        let output = watched(Pid::from_child(&child), || child.wait_with_output().unwrap());
        Ended::new(output, dir)
    }

    /// The same, while nobody reads what it says.
    #[allow(dead_code, reason = "another test program uses it")]
    pub(crate) fn end_unread(mut self) -> Option<i32> {
        let mut child = self.0.take().unwrap();
        watched(Pid::from_child(&child), || child.wait().unwrap().code())
    }
}

/// Waits for a process, which is killed when it hangs.
fn watched<T>(pid: Pid, wait: impl FnOnce() -> T) -> T {
    let (ended, waits) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if waits.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let waited = wait();
    drop(ended);
    watchdog.join().unwrap();
    waited
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    /// Standard error, the directory's name replaced by `DIR`.
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn new(output: Output, dir: &Path) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let plain = |text: String| text.replace(&dir.display().to_string(), "DIR");
        Self {
            code: output.status.code(),
            out: plain(text(output.stdout)),
            err: plain(text(output.stderr)),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}
