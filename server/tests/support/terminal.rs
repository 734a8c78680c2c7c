//! A real terminal: tmux, with a shell in it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test program uses its own part of this; a broken terminal is a broken test"
)]

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// Long enough for anything that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a terminal is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A terminal with a shell; its own server of tmux, which ends with it.
pub struct Terminal {
    pub folder: TempDir,
}

impl Terminal {
    pub fn open(columns: u16, lines: u16, variables: &[(&str, &str)]) -> Self {
        let terminal = Self { folder: tempfile::tempdir().unwrap() };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let mut command = terminal.command();
        command.args(["new-session", "-d", "-x", &columns, "-y", &lines, "-c"]);
        command.arg(terminal.folder.path()).args(["env", "-i"]);
        command.arg(format!("PATH={}", std::env::var("PATH").unwrap()));
        command.arg(format!("HOME={}", terminal.folder.path().display()));
        command.args(["TERM=screen-256color", "LC_ALL=C.UTF-8", "PS1=ready$ "]);
        command.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
        assert!(command.args(["bash", "--norc", "--noprofile"]).status().unwrap().success());
        terminal.until("a shell", |screen| screen.contains("ready$"));
        terminal
    }

    /// tmux with a socket of our own and nobody's settings.
    pub fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(self.folder.path().join("tmux"));
        command.args(["-f", "/dev/null"]).env_remove("TMUX").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null());
        command
    }

    pub fn tmux(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().expect("tmux is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub fn enter(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.press(&["Enter"]);
    }

    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same with what sets colours.
    pub fn painted(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Looks until the screen is as wanted.
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        const LOOKS: u128 = PATIENCE.as_millis() / LOOK.as_millis();
        for _ in 0..LOOKS {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            std::thread::sleep(LOOK);
        }
        panic!("never saw {what}:\n{}", self.screen());
    }

    pub fn sees(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Keeps all that comes to the terminal from now on, what is written over included.
    pub fn record(&self) -> std::path::PathBuf {
        let kept = self.folder.path().join("record");
        self.tmux(&["pipe-pane", &format!("cat > {}", kept.display())]);
        kept
    }

    pub fn resize(&self, columns: u16, lines: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// Clears the screen, runs a command to its end and returns what it left there.
    pub fn run(&self, line: &str) -> String {
        self.enter("clear");
        self.until("a clear screen", |screen| screen.trim() == "ready$");
        // The words that are typed are not those that are waited for.
        self.enter(&format!("{line}; echo en''ded $?"));
        self.sees("ended ")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").status();
    }
}
