//! The inventory: which hosts are watched, how often, and what their probes are asked for.
//!
//! [`parse_files`] turns the text of `inventory.toml`, and of the files of the folder beside it, into
//! hosts that cannot be wrong, or into *all* of their problems, each with file, line and column.
//! [`diff`] says what a new inventory changes.
//!
//! Pure: the caller reads the files. Nothing here resolves a name, connects or knows the store.
//!
//! # The file
//!
//! `[defaults]`, any number of `[[group]]` and of `[[host]]`. A setting is taken from the host, else
//! from its group, else from the defaults, else it is built in; labels are merged in that order, and
//! each list of patterns replaces the one below it as a whole.
//!
//! * A group's `hosts` are names or addresses, with a port if it is not the default one, and with
//!   ranges: `web-[01-12]`, `db-[1,3,5-9].example`. **A listed host's name is its text as written**,
//!   port included: two probes of one machine stay two hosts, and no name depends on a default.
//! * A `[[host]]` whose `group` lists it refines that host. Named by both without saying so is an
//!   error: two hosts that share a name are more often a slip than a wish.
//! * A `[[maintenance]]` says when which hosts (by `groups`, `hosts` or `labels`) are left alone:
//!   `schedule` and `duration`, or once `from` a moment `to` another.
//! * Several files are one inventory: what two of them may not both say is what one may not say twice.
//!   `[defaults]`, a group and a host each stand in one file alone, and relative paths begin in the folder
//!   of the first.
//! * The group of a `[[host]]` need not be declared; then it has no settings of its own. A name that
//!   is a slip away from a declared group is an error.

mod address;
mod build;
mod diff;
mod discover;
mod draft;
mod edit;
mod filter;
mod links;
mod maintenance;
mod prometheus;
mod range;
mod discovered;
mod settings;
mod timing;
mod tls;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    document::{self, Problems, SourceFile},
    model::{Address, ContentHash, GroupName, HostName, Labels, Selection},
    schedule::Schedule,
};

pub use diff::{Diff, HostChange, diff};
pub use discovered::{
    DISCOVERED, DiscoveredHosts, DiscoveryWarning, ListedHost, ProbeIdentity, ProbedAddress,
    StoredHost,
};
pub use edit::{Assignment, EditError, Edited, HostEdit, Hunk, edit};
pub use filter::{EXCLUDED_DEVICES, EXCLUDED_INTERFACES, EXCLUDED_MOUNTS, MAX_PATTERNS};
pub(crate) use maintenance::read_recurring;
pub use maintenance::{MAX_MAINTENANCE, Maintenance};
pub use prometheus::{FromPrometheus, MAX_YAML_DEPTH, MAX_YAML_VALUES, from_prometheus};
pub use range::MAX_RANGES;
pub(crate) use settings::read_labels;
pub use tls::LinkTls;

/// The largest inventory, bytes: of all its files together.
pub const MAX_FILE_BYTES: usize = 8 << 20;
/// The most hosts that one inventory names, and that one range expands to.
pub const MAX_HOSTS: usize = 20_000;
/// The most addresses of one host.
pub const MAX_ADDRESSES: usize = 8;
/// The most labels of one host.
pub const MAX_LABELS: usize = 32;
/// The longest label name, bytes.
pub const MAX_LABEL_NAME_BYTES: usize = 64;
/// The longest label value, bytes.
pub const MAX_LABEL_VALUE_BYTES: usize = 256;
/// The most processes that a probe is asked to name.
pub const MAX_TOP_PROCESSES: u32 = 100;
/// The port of a probe when none is given.
pub const DEFAULT_PORT: u16 = 50051;
/// The timeout of a poll when none is given, or three quarters of the schedule's shortest gap when
/// that is less.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
/// The shortest timeout of a poll.
pub const MIN_TIMEOUT: Duration = Duration::from_millis(10);
/// The longest timeout of a poll.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(300);
/// How often names are resolved anew for discovery when it is not given.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(30);
/// The shortest time between two resolutions.
pub const MIN_REFRESH: Duration = Duration::from_secs(1);
/// The longest time between two resolutions.
pub const MAX_REFRESH: Duration = Duration::from_secs(24 * 3600);

/// A whole, valid inventory.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// Every host, by name; shared with whoever polls and shows it.
    pub hosts: BTreeMap<HostName, Arc<Host>>,
    /// Every group that is declared or that a host names.
    pub groups: BTreeMap<GroupName, Group>,
    /// Names whose addresses are hosts, in the order of the file.
    pub discoveries: Vec<Discovery>,
    /// Maintenance windows, in the order of the file.
    pub maintenance: Vec<Arc<Maintenance>>,
    /// Of the text that this was read from ([`whole_text`]).
    pub hash: ContentHash,
}

/// One host with everything that applies to it, layers already merged.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: HostName,
    /// Its group.
    pub group: Option<GroupName>,
    /// Its own, its group's and the default labels; shared with every view of the host.
    pub labels: Arc<Labels>,
    /// Where its probe is asked, one at least, in the order of the file.
    pub addresses: Vec<Address>,
    /// When it is polled.
    pub schedule: Schedule,
    /// The deadline of a whole poll; shorter than the schedule's shortest gap.
    pub timeout: Duration,
    /// The host without which this one cannot be reached; it exists, and no chain of parents is a
    /// ring.
    pub parent: Option<HostName>,
    /// Known, but not polled.
    pub paused: bool,
    /// The name under which its history was written until now; no host of the inventory has it.
    pub renamed_from: Option<HostName>,
    /// What its probe is asked for; shared by all hosts that are asked the same.
    pub selection: Arc<Selection>,
    /// How its connection is encrypted; none when it is not.
    pub tls: Option<Arc<LinkTls>>,
}

/// A group of hosts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// Labels that all its hosts have, those of the defaults included.
    pub labels: Labels,
    /// Its hosts, without those that are discovered.
    pub hosts: BTreeSet<HostName>,
}

/// A DNS name of which every address is a host, and what applies to these hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// The group of the hosts found.
    pub group: GroupName,
    /// The name to resolve.
    pub dns: Arc<str>,
    /// The port of the probes found.
    pub port: u16,
    /// How often to resolve.
    pub refresh: Duration,
    /// Labels of the hosts found.
    pub labels: Labels,
    /// When the hosts found are polled.
    pub schedule: Schedule,
    /// The deadline of a whole poll.
    pub timeout: Duration,
    /// The parent of the hosts found.
    pub parent: Option<HostName>,
    /// Resolved, but not polled.
    pub paused: bool,
    /// What their probes are asked for.
    pub selection: Arc<Selection>,
    /// How their connections are encrypted; none when they are not.
    pub tls: Option<Arc<LinkTls>>,
}

impl Inventory {
    /// Hosts, and names that are discovered, whose probes are asked in plain text.
    #[must_use]
    pub fn in_plain_text(&self) -> Vec<String> {
        let hosts = self.hosts.values().filter(|host| host.tls.is_none() && !host.paused);
        let names = self.discoveries.iter().filter(|discovery| discovery.tls.is_none());
        let hosts = hosts.map(|host| host.name.to_string());
        hosts.chain(names.map(|discovery| discovery.dns.to_string())).collect()
    }
}

/// Parses and checks an inventory. `file` is its name for the messages.
///
/// # Errors
/// All problems of the text, by position. When the text is not TOML these are the syntax errors
/// alone: what a broken text means is not guessed.
pub fn parse(file: &str, text: &str) -> Result<Inventory, Problems> {
    parse_texts(&[(file, text)])
}

/// As [`parse`], from bytes that may not be UTF-8.
///
/// # Errors
/// As [`parse`].
pub fn parse_bytes(file: &str, bytes: &[u8]) -> Result<Inventory, Problems> {
    parse(file, document::utf8("an inventory", file, bytes)?)
}

/// As [`parse`], from several files that are one inventory; the first is `inventory.toml` itself.
///
/// # Errors
/// As [`parse`]: the problems of all files, or of the first that is not UTF-8.
pub fn parse_files(files: &[SourceFile]) -> Result<Inventory, Problems> {
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let text = document::utf8("an inventory", &file.name, &file.bytes)?;
        texts.push((file.name.as_ref(), text));
    }
    parse_texts(&texts)
}

fn parse_texts(texts: &[(&str, &str)]) -> Result<Inventory, Problems> {
    let mut bytes = 0;
    for (file, text) in texts {
        bytes += text.len();
        if bytes > MAX_FILE_BYTES {
            let these =
                if texts.len() > 1 { "it and those before it have" } else { "this one has" };
            let message =
                format!("an inventory has at most {MAX_FILE_BYTES} bytes, {these} {bytes}");
            return Err(Problems::one(file, 1, 1, message));
        }
    }
    build::build(texts, ContentHash::of(whole(texts).as_bytes()))
}

/// The text of several files in one, under which an inventory is kept and known: the first as it is, and
/// each other one below a line with its name.
#[must_use]
pub fn whole_text(files: &[SourceFile]) -> String {
    let text = |file: &SourceFile| String::from_utf8_lossy(&file.bytes).into_owned();
    let texts: Vec<_> = files.iter().map(|file| (file.name.as_ref(), text(file))).collect();
    whole(&texts)
}

fn whole(texts: &[(&str, impl AsRef<str>)]) -> String {
    let mut whole = String::new();
    for (index, (name, text)) in texts.iter().enumerate() {
        if index > 0 {
            whole.push_str(&format!("\n#### {name}\n"));
        }
        whole.push_str(text.as_ref());
    }
    whole
}

#[cfg(test)]
mod several;
#[cfg(test)]
mod tests;
