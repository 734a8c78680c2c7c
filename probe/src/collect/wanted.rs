//! A request, checked: which families, which names, how much.
//!
//! Patterns are the one part of a request that can cost more than it weighs: `\w{99}` has six bytes
//! and compiles to thousands of times as many where letters are Unicode's. So names are matched by
//! byte, a class is one of ASCII, and each list of a request is compiled as one, within one limit:
//! six lists, and so a request, compile to less than 1 MiB. The server's inventory has the same limits.

use regex::bytes::{RegexSet, RegexSetBuilder};
use roundsman_proto::v1::{self, Family};

/// Patterns per list (`include` or `exclude`) of one filter.
pub const MAX_PATTERNS: usize = 64;
/// Text of all patterns of a list, bytes: six of these fit a request.
pub const MAX_LIST_BYTES: usize = 2_400;
/// A list compiled, bytes.
const MAX_COMPILED_BYTES: usize = 160 * 1_024;
/// What an ordinary list compiles to at most, bytes: the built-in ones of the server take half.
const ORDINARY_COMPILED_BYTES: usize = 16 * 1_024;
/// What a list may take for matching beside that, bytes, when names lead it through many states.
const MATCHING_BYTES: usize = 256 * 1_024;
/// Most processes named by CPU time and by memory each.
pub const MAX_TOP_PROCESSES: u32 = 100;
/// Families of one request, those of a newer server that this probe does not know included.
const MAX_FAMILIES: usize = 64;

/// A request that was checked: families in order, patterns compiled.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Numbers of [`Family`], in the order of the enum, each once. A newer server may name families
    /// that this probe does not know: they are kept, and reported as absent.
    pub(crate) families: Vec<i32>,
    pub(crate) devices: Names,
    pub(crate) mounts: Names,
    pub(crate) interfaces: Names,
    pub(crate) top_processes: usize,
    pub(crate) tcp_ext: bool,
}

/// A pattern in a request does not compile, or a list of them is too large.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadPattern {
    /// `mounts.exclude[2]`, or the list, `mounts.exclude`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl Wanted {
    /// Checks a request.
    ///
    /// # Errors
    /// The first pattern that does not compile, or the first list that is past its limits.
    pub fn new(request: &v1::GetMetricsRequest) -> Result<Self, BadPattern> {
        let mut families = request.families.clone();
        families.retain(|family| *family != Family::Unspecified as i32);
        families.sort_unstable();
        families.dedup();
        families.truncate(MAX_FAMILIES);
        if families.is_empty() {
            families = (Family::Cpu as i32..Family::Processes as i32).collect();
        }
        let top = request.top_processes.min(MAX_TOP_PROCESSES);
        Ok(Self {
            families,
            devices: Names::new("devices", request.devices.as_ref())?,
            mounts: Names::new("mounts", request.mounts.as_ref())?,
            interfaces: Names::new("interfaces", request.interfaces.as_ref())?,
            top_processes: usize::try_from(top).unwrap_or(0),
            tcp_ext: request.tcp_ext,
        })
    }
}

impl Wanted {
    /// About how much the compiled patterns take, bytes; an upper bound.
    #[must_use]
    pub fn compiled_bytes(&self) -> usize {
        [&self.devices, &self.mounts, &self.interfaces]
            .iter()
            .map(|names| names.compiled_bytes)
            .sum()
    }
}

/// Which names to report: any `include` (or none given) and no `exclude`.
#[derive(Debug, Clone, Default)]
pub struct Names {
    include: RegexSet,
    exclude: RegexSet,
    compiled_bytes: usize,
}

impl Names {
    fn new(field: &str, filter: Option<&v1::Filter>) -> Result<Self, BadPattern> {
        let Some(filter) = filter else { return Ok(Self::default()) };
        let (include, included) = compile(&format!("{field}.include"), &filter.include)?;
        let (exclude, excluded) = compile(&format!("{field}.exclude"), &filter.exclude)?;
        Ok(Self { include, exclude, compiled_bytes: included + excluded })
    }

    /// Whether `name` is to be reported.
    #[must_use]
    pub fn take(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.is_match(name.as_bytes()))
            && !self.exclude.is_match(name.as_bytes())
    }
}

/// Compiles a list, and says what it takes at most.
fn compile(list: &str, patterns: &[String]) -> Result<(RegexSet, usize), BadPattern> {
    let refuse = |field: String, why: String| Err(BadPattern { field, why });
    if patterns.is_empty() {
        return Ok((RegexSet::empty(), 0));
    }
    if patterns.len() > MAX_PATTERNS {
        let why = format!("at most {MAX_PATTERNS} patterns, not {}", patterns.len());
        return refuse(list.to_owned(), why);
    }
    let bytes: usize = patterns.iter().map(String::len).sum();
    if bytes > MAX_LIST_BYTES {
        let why = format!("the patterns have {bytes} bytes, at most {MAX_LIST_BYTES} are taken");
        return refuse(list.to_owned(), why);
    }
    for limit in [ORDINARY_COMPILED_BYTES, MAX_COMPILED_BYTES] {
        if let Ok(set) = within(patterns, limit) {
            return Ok((set, limit));
        }
    }
    for (index, pattern) in patterns.iter().enumerate() {
        if let Err(error) = within(std::slice::from_ref(pattern), MAX_COMPILED_BYTES) {
            return refuse(format!("{list}[{index}]"), words(&error));
        }
    }
    let why = format!("together the patterns compile to more than {MAX_COMPILED_BYTES} bytes");
    refuse(list.to_owned(), why)
}

fn within(patterns: &[String], limit: usize) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .size_limit(limit)
        .dfa_size_limit(MATCHING_BYTES)
        .build()
}

fn words(error: &regex::Error) -> String {
    let text = error.to_string();
    if text.contains("Unicode not allowed here") {
        return format!(
            "{text}; patterns are matched byte by byte, so name the letters, as in (ä|ö), or the range, \
             as in [a-z]"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(include: &[&str], exclude: &[&str]) -> v1::GetMetricsRequest {
        let owned = |list: &[&str]| list.iter().map(|&pattern| pattern.to_owned()).collect();
        v1::GetMetricsRequest {
            mounts: Some(v1::Filter { include: owned(include), exclude: owned(exclude) }),
            ..v1::GetMetricsRequest::default()
        }
    }

    #[test]
    fn no_families_named_is_all_but_processes_and_containers() {
        let wanted = Wanted::new(&v1::GetMetricsRequest::default()).unwrap();
        assert_eq!(wanted.families, (1..=11).collect::<Vec<_>>());
    }

    #[test]
    fn families_are_in_order_and_once_and_unknown_ones_are_kept() {
        let families = vec![99, 12, 1, 0, 1];
        let request = v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() };
        assert_eq!(Wanted::new(&request).unwrap().families, [1, 12, 99]);
    }

    #[test]
    fn families_over_the_limit_are_passed_over() {
        let families = (1..=1_000).collect();
        let request = v1::GetMetricsRequest { families, ..v1::GetMetricsRequest::default() };
        assert_eq!(Wanted::new(&request).unwrap().families, (1..=64).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_included_then_excluded() {
        let wanted = Wanted::new(&mounts(&["^/srv", "^/$"], &["/scratch$"])).unwrap();
        let taken = ["/", "/srv", "/srv/scratch", "/home"].map(|name| wanted.mounts.take(name));
        assert_eq!(taken, [true, true, false, false]);
        assert!(wanted.devices.take("sda"));
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let field = |request| Wanted::new(&request).unwrap_err().field;
        assert_eq!(field(mounts(&[], &["ok", "("])), "mounts.exclude[1]");
        assert_eq!(field(mounts(&["(a{1000}){1000}"], &[])), "mounts.include[0]");
    }

    /// At the limits, and one beyond.
    #[test]
    fn a_list_is_taken_up_to_its_limits() {
        let refused = |list: &[&str]| Wanted::new(&mounts(&[], list)).unwrap_err().to_string();
        Wanted::new(&mounts(&["a"; MAX_PATTERNS], &["a"; MAX_PATTERNS])).unwrap();
        let why = refused(&["a"; MAX_PATTERNS + 1]);
        assert_eq!(why, "mounts.exclude: at most 64 patterns, not 65");

        let half = "(?x)a".to_owned() + &" ".repeat(MAX_LIST_BYTES / 2 - 5);
        Wanted::new(&mounts(&[], &[&half, &half])).unwrap();
        let why = refused(&[&half, &half, "a"]);
        assert_eq!(why, "mounts.exclude: the patterns have 2401 bytes, at most 2400 are taken");

        let large = "[a-z]{1600}";
        Wanted::new(&mounts(&[large], &[large])).unwrap();
        let why = refused(&[large, large]);
        assert_eq!(why, "mounts.exclude: together the patterns compile to more than 163840 bytes");
    }

    #[test]
    fn names_are_matched_by_byte_and_classes_of_unicode_are_refused_in_words() {
        let wanted = Wanted::new(&mounts(&["^/mnt/(ä|ö)$", r"^/\w$"], &[])).unwrap();
        let taken = ["/mnt/ä", "/mnt/ü", "/b", "/é"].map(|name| wanted.mounts.take(name));
        assert_eq!(taken, [true, false, true, false]);
        for pattern in [r"\p{L}", "[äö]"] {
            let bad = Wanted::new(&mounts(&["ok", pattern], &[])).unwrap_err();
            assert_eq!(bad.field, "mounts.include[1]");
            assert!(bad.why.contains("name the letters"), "{}", bad.why);
        }
    }

    #[test]
    fn what_patterns_take_is_bounded() {
        let plain = Wanted::new(&v1::GetMetricsRequest::default()).unwrap();
        assert_eq!(plain.compiled_bytes(), 0);
        let ordinary = Wanted::new(&mounts(&["^/srv"], &["/scratch$"])).unwrap();
        assert_eq!(ordinary.compiled_bytes(), 2 * ORDINARY_COMPILED_BYTES);
        let large = Wanted::new(&mounts(&["[a-z]{1000}"], &[])).unwrap();
        assert_eq!(large.compiled_bytes(), MAX_COMPILED_BYTES);
        const { assert!(6 * MAX_COMPILED_BYTES <= 1 << 20) };
    }
}
