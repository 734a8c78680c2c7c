//! A terminal without anybody before it: what is written stays where it is until it is read.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test program uses its own part of this; a broken terminal is a broken test"
)]

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Action, Termios, Winsize, tcflow, tcgetattr, tcsetwinsize},
};

/// Both ends of it.
pub struct Pty {
    person: File,
    program: OwnedFd,
}

impl Pty {
    pub fn open(columns: u16, lines: u16) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let program = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&program, size).unwrap();
        Self { person: person.into(), program }
    }

    fn end(&self) -> Stdio {
        self.program.try_clone().unwrap().into()
    }

    /// Gives a program this terminal; its log goes elsewhere.
    pub fn before(&self, command: &mut Command) {
        command.stdin(self.end()).stdout(self.end()).env("TERM", "xterm");
    }

    /// The same with what it says beside its answer.
    pub fn before_all_of(&self, command: &mut Command) {
        self.before(command);
        command.stderr(self.end());
    }

    /// How it is set.
    pub fn modes(&self) -> Termios {
        tcgetattr(&self.program).unwrap()
    }

    /// Stops its output, as Ctrl-S does.
    pub fn stop(&self) {
        tcflow(&self.program, Action::OOff).unwrap();
    }

    pub fn press(&mut self, keys: &[u8]) {
        self.person.write_all(keys).unwrap();
    }

    /// Waits until there is something to read, which is not read.
    pub fn is_written_to(&self, seconds: i64) -> bool {
        let mut ends = [PollFd::new(&self.person, PollFlags::IN)];
        poll(&mut ends, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })).unwrap() > 0
    }

    /// All that was written to it; its programs have ended.
    pub fn read_to_end(self) -> String {
        let Self { mut person, program } = self;
        drop(program);
        let mut bytes = Vec::new();
        // The last of it is EIO: nobody has the other end any more.
        let _end = person.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
