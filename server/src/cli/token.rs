//! `roundsman token`: who may ask the server, in a file. A token is shown once, and its SHA-256 is kept.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use ring::rand::{SecureRandom as _, SystemRandom};
use roundsman_os::file;
use serde::Serialize;
use serde_json::Value;

use super::{CliError, Runtime, ask::Asker, parse};
use crate::{
    access::{self, Digest, Entries, Entry, RANDOM_BYTES},
    config::Config,
    model::{GroupName, Role},
    query::Rfc3339,
    reload::MAX_FILE_BYTES,
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman token new alice --role operator         may change things, and see all hosts
  roundsman token new ci --group web --for 90d      may look at the hosts of one group, for 90 days
  roundsman token list
  roundsman token revoke alice                      ends the sessions of its browsers, too

A running server reads the file again within seconds; roundsman reload makes it do so now.";

/// Users may read the file and nobody else: it holds no secret, but says who there is.
const MODE: u32 = 0o600;

/// Flags of `token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token, add it to the file and print it, once
    New {
        /// Whose it is
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do: look; and pause, silence, accept; and reload, see who has a token
        #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = role())]
        role: Role,
        /// Groups whose hosts it may see; more than once for several [default: all hosts]
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
        /// How long it is good for, such as 90d [default: for ever]
        #[arg(long = "for", value_name = "LENGTH", value_parser = parse::length)]
        length: Option<Duration>,
    },
    /// List tokens: role, groups, expiry, and when a running server saw them last
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Take a token out of the file
    Revoke {
        /// Whose
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// A token as it is listed.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    role: Role,
    groups: Option<Vec<&'a str>>,
    expires: Option<Rfc3339>,
    is_expired: bool,
    /// None: not since the server started, or no server says so.
    last_used: Option<String>,
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.iter().map(|role| role.as_str())).map(|word| {
        // clap has let only words of this list through.
        Role::parse(&word).unwrap_or(Role::Viewer)
    })
}

/// Makes, lists or revokes.
pub(super) fn run(args: &TokenArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let path = config.http.access_file.clone().ok_or_else(|| {
        CliError::Failed(
            "no file of tokens is named: set http.access_file = \"access.toml\" in roundsman.toml"
                .to_owned(),
        )
    })?;
    match &args.command {
        TokenCommand::New { name, role, groups, length } => {
            let entry = NewEntry { name, role: *role, groups, length: *length };
            let token = entry.add(&path, runtime.now())?;
            runtime.output.print(&format!("{token}\n"))
        }
        TokenCommand::List { json } => list(&config, &path, *json, runtime),
        TokenCommand::Revoke { name } => {
            revoke(&path, name)?;
            runtime.output.show(&format!("revoked the token of {name}\n"))
        }
    }
}

fn failed(path: &Path, what: &dyn std::fmt::Display) -> CliError {
    CliError::Failed(format!("{}: {what}", path.display()))
}

/// The file; empty when it is not there yet.
fn read(path: &Path) -> Result<(String, Entries), CliError> {
    let text = match file::read_text(path, MAX_FILE_BYTES) {
        Ok(text) => text,
        Err(error) if error.is_missing() => String::new(),
        Err(error) => return Err(failed(path, &error)),
    };
    let entries = access::parse(&path.display().to_string(), &text);
    let entries = entries.map_err(|problems| CliError::Failed(problems.to_string()))?;
    Ok((text, entries))
}

/// Writes the file in full or not at all; a new one is for its user alone.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let aside = path.with_extension("toml.new");
    let mode = fs::metadata(path).map_or(MODE, |known| known.mode() & 0o777);
    let written = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    written().map_err(|error| failed(path, &error))
}

/// A token that is to be made.
struct NewEntry<'a> {
    name: &'a str,
    role: Role,
    groups: &'a [String],
    length: Option<Duration>,
}

impl NewEntry<'_> {
    /// Adds it to the file; the token.
    fn add(&self, path: &Path, now: WallMs) -> Result<String, CliError> {
        let Self { name, role, groups, length } = self;
        access::token_name(name).map_err(CliError::Usage)?;
        for group in *groups {
            GroupName::new(group).map_err(|error| CliError::Usage(format!("--group: {error}")))?;
        }
        let (mut text, entries) = read(path)?;
        if entries.iter().any(|entry| *entry.name == **name) {
            let words = format!("{name} has a token already: revoke it, or take another name");
            return Err(failed(path, &words));
        }
        let mut random = [0; RANDOM_BYTES];
        SystemRandom::new().fill(&mut random).map_err(|_unspecified| {
            CliError::Failed("the system gives no random numbers".to_owned())
        })?;
        let token = access::secret(&random);
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
        }
        text.push_str(&format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\n"));
        if !groups.is_empty() {
            let names: Vec<String> = groups.iter().map(|group| format!("\"{group}\"")).collect();
            text.push_str(&format!("groups = [{}]\n", names.join(", ")));
        }
        if let Some(length) = length {
            text.push_str(&format!("expires = \"{}\"\n", now.plus(*length)));
        }
        text.push_str(&format!("sha256 = \"{}\"\n", Digest::of(token.as_bytes())));
        access::parse(&path.display().to_string(), &text)
            .map_err(|problems| CliError::Failed(problems.to_string()))?;
        write(path, &text)?;
        Ok(token)
    }
}

/// Takes an entry out of the file and leaves the rest as it is.
fn revoke(path: &Path, name: &str) -> Result<(), CliError> {
    let (text, entries) = read(path)?;
    if !entries.iter().any(|entry| *entry.name == *name) {
        return Err(failed(path, &format!("no token is named {name:?}")));
    }
    let rest = without(&text, name);
    let is_right = access::parse("", &rest).is_ok_and(|left| {
        let kept = entries.iter().filter(|entry| *entry.name != *name);
        kept.eq(left.iter())
            && entries.users().eq(left.users())
            && entries.members().eq(left.members())
    });
    if !is_right {
        let words =
            format!("the entry of {name} is written in a way of its own: take it out by hand");
        return Err(failed(path, &words));
    }
    write(path, &rest)
}

/// A file's text without the entry of `name`; comments before the next entry stay.
fn without(text: &str, name: &str) -> String {
    let mut blocks: Vec<String> = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            blocks.push(String::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
        }
    }
    let is_of = |block: &str| {
        let read = access::parse("", block);
        read.is_ok_and(|entries| entries.iter().any(|entry| *entry.name == *name))
    };
    let keep = |block: String| {
        if !is_of(&block) {
            return block;
        }
        // What stands after its last key is about what follows.
        let keys = block.rfind("\n\n").map_or("", |at| &block[at + 2..]);
        if keys.trim_start().starts_with('#') { keys.to_owned() } else { String::new() }
    };
    blocks.into_iter().map(keep).collect()
}

fn list(config: &Config, path: &Path, json: bool, runtime: &Runtime) -> Result<(), CliError> {
    let (_, entries) = read(path)?;
    let now = runtime.now();
    let used = runtime.block_on(last_used(config));
    let listed = entries.iter().map(|entry: &Entry| {
        let told = used
            .as_ref()
            .and_then(Value::as_array)
            .and_then(|all| all.iter().find(|one| one["name"].as_str() == Some(&*entry.name)));
        let groups = entry.scope.groups();
        Listed {
            name: &entry.name,
            role: entry.role,
            groups: groups.map(|all| all.iter().map(GroupName::as_str).collect()),
            expires: entry.expires.map(Rfc3339),
            is_expired: entry.is_expired(now),
            last_used: told.and_then(|one| one["last_used"].as_str()).map(str::to_owned),
        }
    });
    if json {
        return runtime.output.json(&listed.collect::<Vec<_>>());
    }
    let rows = listed.map(|one| {
        let groups = one.groups.map_or("all hosts".to_owned(), |groups| groups.join(", "));
        let expires = match one.expires {
            None => "never".to_owned(),
            Some(Rfc3339(at)) if one.is_expired => {
                format!("{} (expired)", runtime.output.moment(at))
            }
            Some(Rfc3339(at)) => runtime.output.moment(at),
        };
        let used = one.last_used.unwrap_or_else(|| "-".to_owned());
        [one.name.to_owned(), one.role.to_string(), groups, expires, used]
    });
    let header = ["NAME", "ROLE", "GROUPS", "EXPIRES", "LAST USED"];
    runtime.output.show(&runtime.output.table(&header, rows))
}

/// What a running server says of the tokens; none when none answers, or it says nothing to us.
async fn last_used(config: &Config) -> Option<Value> {
    let asker = Asker::new(&config.http).ok()?;
    let mut told = asker.get("/api/v1/tokens").await.ok()?;
    Some(told["tokens"].take())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const NOW: WallMs = WallMs(1_774_747_800_000);

    fn new(path: &Path, name: &str, groups: &[String]) -> Result<String, CliError> {
        let length = Some(Duration::from_secs(86_400));
        NewEntry { name, role: Role::Operator, groups, length }.add(path, NOW)
    }

    #[test]
    fn a_token_that_was_made_is_known_by_its_digest_and_nothing_else_of_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        let alice = new(&path, "alice", &["web".to_owned()]).unwrap();
        let bob = new(&path, "bob", &[]).unwrap();
        let (text, entries) = read(&path).unwrap();
        assert!(!text.contains(&alice) && !text.contains(&bob), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        let known = entries.find(&Digest::of(alice.as_bytes())).unwrap();
        assert_eq!((&*known.name, known.role), ("alice", Role::Operator));
        assert!(known.scope.is_limited() && known.expires == Some(WallMs(NOW.0 + 86_400_000)));
        assert!(new(&path, "bob", &[]).unwrap_err().to_string().contains("has a token already"));
        assert!(new(&path, "b\"ob", &[]).unwrap_err().to_string().contains("a name is 1 to 64"));
        assert_eq!(read(&path).unwrap().0, text, "what is refused changes nothing");

        let others = "[[user]]\nname = \"carol\"\nrole = \"viewer\"\n\n[[oidc]]\nmember_of = \"sre\"\nrole = \"admin\"\n";
        let text = text.replacen("\n\n[[token]]", &format!("\n\n{others}\n[[token]]"), 1);
        let commented = text
            .replace("\n\n[[token]]\nname = \"bob\"", "\n\n# of bob\n[[token]]\nname = \"bob\"");
        write(&path, &format!("# who may ask\n{commented}\n")).unwrap();
        revoke(&path, "alice").unwrap();
        let (text, entries) = read(&path).unwrap();
        let rest = format!("# who may ask\n{others}\n# of bob\n[[token]]\nname = \"bob\"");
        assert!(text.starts_with(&rest), "{text}");
        assert_eq!((entries.iter().count(), entries.users().count()), (1, 1));
        assert!(revoke(&path, "alice").unwrap_err().to_string().contains("no token is named"));
        fs::write(
            &path,
            "token = [{ name = \"x\", role = \"viewer\", sha256 = \"SUM\" }, \
             { name = \"y\", role = \"viewer\", sha256 = \"OTHER\" }]\n"
                .replace("SUM", &Digest::of(b"x").to_string())
                .replace("OTHER", &Digest::of(b"y").to_string()),
        )
        .unwrap();
        assert!(revoke(&path, "x").unwrap_err().to_string().contains("by hand"));
    }
}
