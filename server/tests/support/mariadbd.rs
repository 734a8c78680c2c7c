//! A server of one's own for a test program or a benchmark: its own data directory, socket and port,
//! never the machine's. It is MariaDB, or MySQL where `TEST_MYSQLD` names its `mysqld`.
//!
//! A shell keeps it. When this process ends, however it ends, the shell's input is closed; it then
//! kills the server and removes the directory.
#![allow(clippy::unwrap_used, reason = "a server that does not start is a test that fails")]
#![allow(dead_code, unreachable_pub, reason = "each program uses its own part of this")]

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Starts the server each time it is told to, says its number, waits for its end when told to.
const KEEPER: &str = r#"
trap '' INT TERM HUP
pid=
while read -r word; do
    case $word in
        start) "$@" </dev/null >/dev/null & pid=$!; echo "$pid" ;;
        reap) wait "$pid" 2>/dev/null; echo gone ;;
    esac
done
[ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
wait 2>/dev/null
rm -rf "$ROUNDSMAN_TEST_DATA"
"#;

/// How long the server may take to start, or to say that it cannot.
const START: Duration = Duration::from_secs(120);

/// Lines of its log that are kept, to be shown when it does not start.
const LOG_LINES: usize = 60;

/// How often another port is tried when somebody else took the one that was free.
const PORTS: usize = 5;

/// What is in the way of a fast test: a small machine's server, and no fsync. A process that is
/// killed loses nothing by that.
pub const FLAGS: [&str; 9] = [
    "--innodb-buffer-pool-size=64M",
    "--loose-innodb-log-file-size=16M",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--performance-schema=OFF",
    "--max-connections=500",
    // MariaDB would make a certificate of its own from 11.4 on.
    "--loose-skip-ssl",
];

/// What every data directory of this process is a copy of, made when the first is wanted: that takes
/// longer than the start of the server. The shell that removes it has its input from here.
static TEMPLATE: OnceLock<(PathBuf, ChildStdin)> = OnceLock::new();

/// A running server.
pub struct Mariadbd {
    keeper: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    news: mpsc::Receiver<String>,
    log: Arc<Mutex<VecDeque<String>>>,
    dir: PathBuf,
    port: u16,
    pid: Pid,
}

fn path() -> String {
    // Debian keeps it where only root looks.
    format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default())
}

/// The server of MySQL, when these tests are to run on it: the path of a `mysqld`
/// (`TEST_MYSQLD`).
pub fn mysqld() -> Option<String> {
    std::env::var("TEST_MYSQLD").ok().filter(|path| !path.is_empty())
}

/// The server's own client of this name of MariaDB's (`mariadb`, `mariadb-dump`): MySQL's stand
/// beside its server.
pub fn client(name: &str) -> Command {
    let Some(mysqld) = mysqld() else { return Command::new(name) };
    let name = name.replace("mariadb-", "mysql").replace("mariadb", "mysql");
    Command::new(Path::new(&mysqld).with_file_name(name))
}

/// MySQL has root@localhost alone, and that is nobody from 127.0.0.1 without names.
const MYSQL_ROOT: &str = "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\n\
                          GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

fn as_root(command: &mut Command) {
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
}

/// A folder of one's own, with one for temporary files in it.
fn folder() -> PathBuf {
    let dir = tempfile::Builder::new().prefix("roundsman-mariadb-").tempdir().unwrap().keep();
    fs::create_dir(dir.join("tmp")).unwrap();
    dir
}

/// Makes a data directory that is removed when this process ends.
#[expect(clippy::zombie_processes, reason = "the shell waits for the end of this process")]
fn install() -> (PathBuf, ChildStdin) {
    let dir = folder();
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER]).env("ROUNDSMAN_TEST_DATA", &dir).process_group(0);
    let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut install = match mysqld() {
        Some(mysqld) => {
            fs::write(dir.join("root.sql"), MYSQL_ROOT).unwrap();
            let mut install = Command::new(mysqld);
            install.args(["--no-defaults", "--initialize-insecure", "--auto-generate-certs=OFF"]);
            install.arg(format!("--init-file={}", dir.join("root.sql").display()));
            install
        }
        None => {
            let mut install = Command::new("mariadb-install-db");
            install.env("PATH", path()).args(["--no-defaults", "--skip-test-db"]);
            install.arg("--auth-root-authentication-method=normal");
            install
        }
    };
    let data = dir.join("data");
    install.arg(format!("--datadir={}", data.display()));
    // As below: in /tmp several at a time delete each other's temporary tables.
    install.arg(format!("--tmpdir={}", dir.join("tmp").display()));
    as_root(&mut install);
    let installed = install.output().unwrap_or_else(|error| {
        panic!("mariadb-install-db: {error}; scripts/test.sh installs mariadb-server")
    });
    let said = [&installed.stdout[..], &installed.stderr[..]].concat();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&said));
    (data, keeper.stdin.take().unwrap())
}

impl Mariadbd {
    /// Makes a data directory and starts a server on it, with `flags` of its own.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_prepared(flags, |_| {})
    }

    /// The same, with what `prepare` puts into the data directory.
    pub fn start_prepared(flags: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let dir = folder();
        let template = &TEMPLATE.get_or_init(install).0;
        let copied = Command::new("cp").arg("-a").arg(template).arg(dir.join("data")).status();
        assert!(copied.unwrap().success(), "the data directory cannot be copied");
        // The number of a server of MySQL, which makes another where there is none.
        let _ = fs::remove_file(dir.join("data/auto.cnf"));
        prepare(&dir.join("data"));
        for _ in 0..PORTS {
            if let Some(server) = Self::try_start(&dir, flags) {
                return server;
            }
        }
        panic!("no free port for mariadbd");
    }

    fn try_start(dir: &Path, flags: &[&str]) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut keeper = Command::new("sh");
        let program = mysqld();
        let name = program.as_deref().unwrap_or("mariadbd");
        keeper.args(["-c", KEEPER, "keeper", name, "--no-defaults", "--skip-name-resolve"]);
        if program.is_some() {
            // Its own certificates are made at each start: a second of CPU.
            keeper.args(["--mysqlx=OFF", "--auto-generate-certs=OFF"]);
        }
        as_root(&mut keeper);
        keeper.args([
            format!("--datadir={}", dir.join("data").display()),
            format!("--socket={}", dir.join("socket").display()),
            // In /tmp it would take the temporary tables of another server for its own left-overs.
            format!("--tmpdir={}", dir.join("tmp").display()),
            format!("--pid-file={}", dir.join("pid").display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
        ]);
        keeper.args(flags).env("PATH", path()).env("ROUNDSMAN_TEST_DATA", dir);
        // Away from a signal to the whole group: it must live to clean up.
        keeper.process_group(0);
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let (news_in, news) = mpsc::channel();
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let said = BufReader::new(keeper.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.truncate(LOG_LINES - 1);
                kept.push_front(line.clone());
                // Nobody listens once it has started.
                let _ = news_in.send(line);
            }
        });
        let mut server = Self {
            words: keeper.stdin.take(),
            answers: BufReader::new(keeper.stdout.take().unwrap()),
            keeper,
            news,
            log,
            dir: dir.to_owned(),
            port,
            pid: Pid::INIT,
        };
        server.begin().then_some(server)
    }

    fn tell(&mut self, word: &str) -> String {
        writeln!(self.words.as_mut().unwrap(), "{word}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Starts it; false when its port is taken.
    fn begin(&mut self) -> bool {
        self.pid = Pid::from_raw(self.tell("start").parse().unwrap()).unwrap();
        loop {
            let line = self.news.recv_timeout(START).unwrap_or_else(|_| self.give_up());
            if line.contains("ready for connections") {
                return true;
            }
            if line.contains("Bind on TCP/IP port") {
                self.tell("reap");
                return false;
            }
            if line.contains("Aborting") {
                self.give_up();
            }
        }
    }

    fn give_up(&self) -> ! {
        let log: Vec<String> = self.log.lock().unwrap().iter().rev().cloned().collect();
        panic!("mariadbd did not start:\n{}", log.join("\n"));
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// CPU time that it has used so far, in ticks of a hundredth of a second (proc(5), `stat`).
    pub fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid.as_raw_nonzero())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        kill_process(self.pid, Signal::KILL).unwrap();
        assert_eq!(self.tell("reap"), "gone");
    }

    /// Starts it again on the same data and port.
    pub fn start_again(&mut self) {
        while self.news.try_recv().is_ok() {}
        assert!(self.begin(), "its port is taken");
    }

    /// Stops all of its threads where they are (SIGSTOP).
    pub fn freeze(&self) {
        kill_process(self.pid, Signal::STOP).unwrap();
    }

    /// Lets them go on (SIGCONT).
    pub fn thaw(&self) {
        kill_process(self.pid, Signal::CONT).unwrap();
    }
}

impl Drop for Mariadbd {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.keeper.wait();
    }
}
