//! Which disks, mounts and interfaces are reported: the user's patterns and the built-in ones.

use crate::{
    document::{Findings, Section, quoted},
    model::{Family, NameFilter},
    text::did_you_mean,
};

/// The most patterns of one list.
pub const MAX_PATTERNS: usize = 64;
/// Text of all patterns of one list, bytes.
const MAX_LIST_BYTES: usize = 2_400;
/// The largest list when it is compiled, bytes: what the probe takes, which compiles it again.
const MAX_COMPILED_BYTES: usize = 160 * 1_024;

/// Block devices left out unless `exclude.disk` says otherwise: loop, RAM, floppy and optical
/// devices and memory-backed swap. Partitions are reported.
pub const EXCLUDED_DEVICES: &[&str] = &[r"^(loop|ram|zram|fd|sr)\d+$"];
/// Mount points left out unless `exclude.filesystem` says otherwise: the kernel's own, and what
/// container runtimes, snaps and login sessions mount and unmount.
pub const EXCLUDED_MOUNTS: &[&str] = &[
    r"^/(dev|proc|sys)($|/)",
    r"^/run/(credentials|docker|containerd|netns|user)($|/)",
    r"^/var/lib/(docker|containers/storage|containerd|kubelet)/.+",
    r"^/(var/lib/)?snap(d/snap)?/",
];
/// Interfaces left out unless `exclude.network` says otherwise: the host's ends of containers'
/// interfaces and Docker's per-network bridges. The loopback is reported.
pub const EXCLUDED_INTERFACES: &[&str] =
    &[r"^(veth|cali|lxc[0-9a-f]{12})", r"^br-[0-9a-f]{12}$", r"^vx-[0-9a-f]+-"];

/// The families whose rows have names to filter by, and what else people call them.
const FILTERED: &[(Family, &[&str])] = &[
    (Family::Disk, &["disks", "device", "devices"]),
    (Family::Filesystem, &["filesystems", "mount", "mounts", "mountpoint", "fs"]),
    (Family::Network, &["net", "networks", "interface", "interfaces"]),
];

/// One layer's patterns; a list that is not given is taken from the layer below.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    disk: Lists,
    filesystem: Lists,
    network: Lists,
}

#[derive(Debug, Clone, Default)]
struct Lists {
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
}

impl Filters {
    /// Reads `include` and `exclude` of a section.
    pub(super) fn read(section: &Section<'_>, findings: &mut Findings<'_>) -> Self {
        const EXAMPLE: &str = "a table of lists by family such as { disk = [\"^loop\"] }";
        let mut filters = Self::default();
        if let Some(include) = section.section("include", "include", EXAMPLE, findings) {
            for (family, patterns) in read_lists(&include, findings) {
                filters.of(family).include = Some(patterns);
            }
        }
        if let Some(exclude) = section.section("exclude", "exclude", EXAMPLE, findings) {
            for (family, patterns) in read_lists(&exclude, findings) {
                filters.of(family).exclude = Some(patterns);
            }
        }
        filters
    }

    pub(super) fn over(&self, base: &Self) -> Self {
        let lists = |own: &Lists, base: &Lists| Lists {
            include: own.include.as_ref().or(base.include.as_ref()).cloned(),
            exclude: own.exclude.as_ref().or(base.exclude.as_ref()).cloned(),
        };
        Self {
            disk: lists(&self.disk, &base.disk),
            filesystem: lists(&self.filesystem, &base.filesystem),
            network: lists(&self.network, &base.network),
        }
    }

    pub(super) fn devices(&self) -> NameFilter {
        self.disk.filter(EXCLUDED_DEVICES)
    }

    pub(super) fn mounts(&self) -> NameFilter {
        self.filesystem.filter(EXCLUDED_MOUNTS)
    }

    pub(super) fn interfaces(&self) -> NameFilter {
        self.network.filter(EXCLUDED_INTERFACES)
    }

    fn of(&mut self, family: Family) -> &mut Lists {
        match family {
            Family::Disk => &mut self.disk,
            Family::Network => &mut self.network,
            _ => &mut self.filesystem,
        }
    }
}

impl Lists {
    fn filter(&self, built_in: &[&str]) -> NameFilter {
        let built_in = || built_in.iter().map(|pattern| (*pattern).to_owned()).collect();
        NameFilter {
            include: self.include.clone().unwrap_or_default(),
            exclude: self.exclude.clone().unwrap_or_else(built_in),
        }
    }
}

fn read_lists(section: &Section<'_>, findings: &mut Findings<'_>) -> Vec<(Family, Vec<String>)> {
    let mut lists = Vec::new();
    for key in section.keys() {
        let family = FILTERED.iter().find(|(family, _)| family.as_str() == key.value);
        let Some((family, _)) = family else {
            findings.add(
                key.at,
                format!(
                    "{} cannot be filtered: expected disk, filesystem or network{}",
                    quoted(key.value),
                    hint(key.value)
                ),
            );
            continue;
        };
        if let Some(patterns) = read_patterns(section, key.value, findings) {
            lists.push((*family, patterns));
        }
    }
    lists
}

/// Another word for one of the three, or a slip of one.
fn hint(word: &str) -> String {
    let alias = FILTERED.iter().find(|(_, aliases)| aliases.contains(&word));
    match alias {
        Some((family, _)) => format!("; did you mean `{family}`?"),
        None => did_you_mean(word, FILTERED.iter().map(|(family, _)| family.as_str())),
    }
}

fn read_patterns(
    section: &Section<'_>,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<Vec<String>> {
    let list = section.texts(key, "a list of regular expressions", findings)?;
    if list.value.len() > MAX_PATTERNS {
        findings.add(
            list.at,
            format!(
                "`{key}` has {} patterns, more than the limit of {MAX_PATTERNS}",
                list.value.len()
            ),
        );
        return None;
    }
    let patterns: Vec<String> = list.value.iter().map(|pattern| pattern.value.to_owned()).collect();
    let bytes: usize = patterns.iter().map(String::len).sum();
    if bytes > MAX_LIST_BYTES {
        findings.add(
            list.at,
            format!(
                "the patterns of `{key}` have {bytes} bytes, at most {MAX_LIST_BYTES} are taken"
            ),
        );
        return None;
    }
    let mut each_is_good = true;
    for pattern in &list.value {
        if let Err(why) = check_pattern(pattern.value) {
            findings.add(pattern.at, format!("bad pattern {}: {why}", quoted(pattern.value)));
            each_is_good = false;
        }
    }
    if each_is_good && compile(&patterns).is_err() {
        findings.add(
            list.at,
            format!(
                "the patterns of `{key}` together compile to more than {MAX_COMPILED_BYTES} bytes; \
                 give fewer or simpler ones"
            ),
        );
    }
    Some(patterns)
}

fn check_pattern(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Err("an empty pattern matches every name; leave it out".to_owned());
    }
    match compile(std::slice::from_ref(&pattern)) {
        Ok(()) => Ok(()),
        Err(regex::Error::CompiledTooBig(limit)) => {
            Err(format!("compiled it is larger than {limit} bytes"))
        }
        // The crate's message is a picture over several lines; the last one says what is wrong.
        Err(e) => {
            let text = e.to_string();
            let last = text.lines().last().unwrap_or_default();
            let why = last.strip_prefix("error: ").unwrap_or(last);
            Err(match why {
                "Unicode not allowed here" => {
                    "patterns are matched byte by byte, without classes of Unicode: name the \
                     letters, as in (ä|ö), or the range, as in [a-z]"
                        .to_owned()
                }
                why => why.to_owned(),
            })
        }
    }
}

/// Compiles patterns as the probe will: a list as one, by byte, a class being one of ASCII.
fn compile(patterns: &[impl AsRef<str>]) -> Result<(), regex::Error> {
    regex::bytes::RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map(drop)
}
