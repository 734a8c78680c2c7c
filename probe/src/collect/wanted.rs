//! A request, checked: which families, which names, how much.

use regex::{Regex, RegexBuilder};
use roundsman_proto::v1::{self, Family};

/// Patterns per list (`include` or `exclude`) of one filter.
pub const MAX_PATTERNS: usize = 64;
/// Longest pattern, bytes.
pub const MAX_PATTERN_BYTES: usize = 1_024;
/// Largest compiled pattern, bytes: bounds what `(a{1000}){1000}` may cost.
const MAX_COMPILED_BYTES: usize = 256 * 1_024;
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

/// A pattern in a request does not compile.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {source}")]
pub struct BadPattern {
    /// `mounts.exclude[2]`
    pub field: String,
    /// What is wrong with it.
    pub source: regex::Error,
}

impl Wanted {
    /// Checks a request.
    ///
    /// # Errors
    /// The first pattern that does not compile, is longer than [`MAX_PATTERN_BYTES`], or is one
    /// more than [`MAX_PATTERNS`].
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

/// Which names to report: any `include` (or none given) and no `exclude`.
#[derive(Debug, Clone, Default)]
pub struct Names {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl Names {
    fn new(field: &str, filter: Option<&v1::Filter>) -> Result<Self, BadPattern> {
        let Some(filter) = filter else { return Ok(Self::default()) };
        Ok(Self {
            include: compile(&format!("{field}.include"), &filter.include)?,
            exclude: compile(&format!("{field}.exclude"), &filter.exclude)?,
        })
    }

    /// Whether `name` is to be reported.
    #[must_use]
    pub fn take(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| pattern.is_match(name)))
            && !self.exclude.iter().any(|pattern| pattern.is_match(name))
    }
}

fn compile(list: &str, patterns: &[String]) -> Result<Vec<Regex>, BadPattern> {
    let refuse = |index: usize, source| BadPattern { field: format!("{list}[{index}]"), source };
    if patterns.len() > MAX_PATTERNS {
        let text = format!("at most {MAX_PATTERNS} patterns, not {}", patterns.len());
        return Err(refuse(MAX_PATTERNS, regex::Error::Syntax(text)));
    }
    let mut compiled = Vec::with_capacity(patterns.len());
    for (index, pattern) in patterns.iter().enumerate() {
        if pattern.len() > MAX_PATTERN_BYTES {
            let text = format!("at most {MAX_PATTERN_BYTES} bytes, not {}", pattern.len());
            return Err(refuse(index, regex::Error::Syntax(text)));
        }
        let regex = RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build();
        compiled.push(regex.map_err(|source| refuse(index, source))?);
    }
    Ok(compiled)
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
    fn no_families_named_is_all_but_processes() {
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
        assert_eq!(field(mounts(&[&"a".repeat(MAX_PATTERN_BYTES + 1)], &[])), "mounts.include[0]");
        assert_eq!(field(mounts(&["a"; MAX_PATTERNS + 1], &[])), "mounts.include[64]");
        assert_eq!(field(mounts(&["(a{1000}){1000}"], &[])), "mounts.include[0]");
    }
}
