//! Commands to a running fleet: lines of words from standard input or from a socket, one line of
//! answer each (`list` and `inventory` have more, and an empty line at the end).

use std::{io, path::Path, str::FromStr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

use crate::{
    fleet::Fleet,
    personality::{Personality, PersonalityError},
    plan::{Selector, SelectorError},
};

/// The longest command, bytes.
pub const MAX_COMMAND_BYTES: u64 = 4096;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `set HOSTS PERSONALITY`.
    Set(Selector, Personality),
    /// `list`: every probe and its personality.
    List,
    /// `inventory`: as `--print-inventory`.
    Inventory,
    /// `stats`: what was asked so far.
    Stats,
    /// `quit`.
    Quit,
}

/// A line is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such word, or not with these.
    #[error("{0:?}: expected set HOSTS PERSONALITY, list, inventory, stats or quit")]
    Unknown(String),
    /// Nobody is meant.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Nothing is meant.
    #[error(transparent)]
    Personality(#[from] PersonalityError),
}

impl FromStr for Command {
    type Err = CommandError;

    fn from_str(line: &str) -> Result<Self, CommandError> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match words[..] {
            ["set", hosts, personality] => Self::Set(hosts.parse()?, personality.parse()?),
            ["list"] => Self::List,
            ["inventory"] => Self::Inventory,
            ["stats"] => Self::Stats,
            ["quit"] => Self::Quit,
            _ => return Err(CommandError::Unknown(line.to_owned())),
        })
    }
}

/// Does what a line says. The answer, and whether the fleet goes on.
#[must_use]
pub fn obey(fleet: &Fleet, line: &str) -> (String, bool) {
    let command = match line.parse() {
        Ok(command) => command,
        Err(error) => return (format!("error: {error}\n"), true),
    };
    let answer = match command {
        Command::Set(hosts, personality) => match fleet.set(&hosts, personality) {
            0 => format!("error: {hosts} is none of the hosts\n"),
            count => format!("ok {count} {personality}\n"),
        },
        Command::List => {
            let lines = fleet.probes().map(|(name, how)| format!("{name} {how}\n"));
            lines.collect::<String>() + "\n"
        }
        Command::Inventory => fleet.inventory(None) + "\n",
        Command::Stats => {
            let s = fleet.stats();
            format!(
                "ok probes={} accepted={} open={} handshakes={} polls={} checks={}\n",
                s.probes, s.accepted, s.open, s.handshakes, s.polls, s.checks
            )
        }
        Command::Quit => return ("ok\n".to_owned(), false),
    };
    (answer, true)
}

/// One line, without its end; none at the end of the input.
///
/// # Errors
/// When the input breaks, or a line is longer than [`MAX_COMMAND_BYTES`].
async fn line(
    input: &mut (impl AsyncRead + Unpin),
    rest: &mut Vec<u8>,
) -> io::Result<Option<String>> {
    rest.clear();
    let read =
        BufReader::with_capacity(1, input).take(MAX_COMMAND_BYTES).read_until(b'\n', rest).await?;
    if read == 0 {
        return Ok(None);
    }
    if rest.last() != Some(&b'\n') && u64::try_from(read).unwrap_or(0) == MAX_COMMAND_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a command is too long"));
    }
    Ok(Some(String::from_utf8_lossy(rest).trim().to_owned()))
}

/// Takes commands on a Unix socket at `path` until one says `quit`. A socket file that a dead fleet
/// left there is replaced.
///
/// # Errors
/// When the socket cannot be made.
pub async fn listen(path: &Path, fleet: Arc<Fleet>) -> io::Result<()> {
    if UnixStream::connect(path).await.is_err() && path.exists() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    loop {
        // One at a time: commands are short, and their order is that of their coming.
        let (stream, _) = listener.accept().await?;
        if !converse(stream, &fleet).await {
            return std::fs::remove_file(path);
        }
    }
}

/// Whether the fleet goes on.
async fn converse(mut stream: UnixStream, fleet: &Fleet) -> bool {
    let mut rest = Vec::new();
    while let Ok(Some(line)) = line(&mut stream, &mut rest).await {
        let (answer, goes_on) = obey(fleet, &line);
        let told = stream.write_all(answer.as_bytes()).await;
        if !goes_on {
            return false;
        }
        if told.is_err() {
            break;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words() {
        let set = "set 50% slow=2s".parse::<Command>().unwrap();
        let slow = Personality::Slow(std::time::Duration::from_secs(2));
        assert_eq!(set, Command::Set(Selector::Share(5_000), slow));
        assert_eq!("  quit ".parse(), Ok(Command::Quit));
        for (line, words) in [
            ("sing", "expected set HOSTS"),
            ("set all", "expected set HOSTS"),
            ("set all sleepy", "is no personality"),
            ("set a.b healthy", "expected all"),
        ] {
            let error = line.parse::<Command>().unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
