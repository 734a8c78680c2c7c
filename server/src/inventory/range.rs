//! Ranges in host names: `web-[01-12]`, `db-[1,3,5-9].r[1-4]`.

use super::MAX_HOSTS;

/// The most ranges in one name.
pub const MAX_RANGES: usize = 4;
/// The longest name with ranges, bytes.
const MAX_TEXT_BYTES: usize = 1024;
/// The most digits of a bound.
const MAX_DIGITS: usize = 9;

/// Why a name with ranges cannot be expanded. The text stands alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RangeError {
    #[error("a name with ranges has at most {MAX_TEXT_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    #[error("{0:?} opens a range with '[' that no ']' closes")]
    Unclosed(String),
    #[error("{0:?} has a ']' that closes no range")]
    Unopened(String),
    #[error("a name has at most {MAX_RANGES} ranges, {text:?} has {count}")]
    TooMany { text: String, count: usize },
    #[error("[{0}] is not a range: expected numbers such as [01-12] or [1,3,5-9]")]
    NotNumbers(String),
    #[error("[{0}] is an IPv6 address: give it in the `addresses` of a [[host]]")]
    Ipv6(String),
    #[error("[{range}] has a number of more than {MAX_DIGITS} digits")]
    TooManyDigits { range: String },
    #[error("the range {first}-{last} runs backwards: expected {last}-{first}")]
    Backwards { first: String, last: String },
    #[error(
        "the ends of {first}-{last} have different widths: pad both to the same number of digits"
    )]
    Widths { first: String, last: String },
    #[error("[{range}] names {number} twice")]
    Twice { range: String, number: String },
    #[error("{text:?} expands to {count} hosts, more than the limit of {MAX_HOSTS}")]
    TooManyHosts { text: String, count: u64 },
}

/// The names that a text stands for, in its order; itself alone when it has no range.
///
/// Never makes more than [`MAX_HOSTS`] names: the number is known before the first one is made.
pub(super) fn expand(text: &str) -> Result<Vec<String>, RangeError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(RangeError::TooLong(text.len()));
    }
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('[') {
        check_closed(before, text)?;
        let (range, after) =
            after.split_once(']').ok_or_else(|| RangeError::Unclosed(text.to_owned()))?;
        pieces.push((before, parse(range)?, range));
        rest = after;
    }
    check_closed(rest, text)?;
    if pieces.len() > MAX_RANGES {
        return Err(RangeError::TooMany { text: text.to_owned(), count: pieces.len() });
    }
    let count = pieces
        .iter()
        .map(|(_, spans, _)| spans.iter().map(Span::len).sum::<u64>())
        .fold(1_u64, u64::saturating_mul);
    if count > MAX_HOSTS as u64 {
        return Err(RangeError::TooManyHosts { text: text.to_owned(), count });
    }
    let mut names = vec![String::new()];
    for (before, spans, range) in pieces {
        let numbers = numbers(&spans, range)?;
        names = names
            .iter()
            .flat_map(|name| numbers.iter().map(move |number| format!("{name}{before}{number}")))
            .collect();
    }
    for name in &mut names {
        name.push_str(rest);
    }
    Ok(names)
}

fn check_closed(plain: &str, text: &str) -> Result<(), RangeError> {
    if plain.contains(']') { Err(RangeError::Unopened(text.to_owned())) } else { Ok(()) }
}

/// `first` to `last`, each with at least `width` digits.
struct Span {
    first: u64,
    last: u64,
    width: usize,
}

impl Span {
    fn len(&self) -> u64 {
        self.last - self.first + 1
    }
}

fn parse(range: &str) -> Result<Vec<Span>, RangeError> {
    if range.contains(':') {
        return Err(RangeError::Ipv6(range.to_owned()));
    }
    range.split(',').map(|part| parse_span(part, range)).collect()
}

fn parse_span(part: &str, range: &str) -> Result<Span, RangeError> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let number = |digits: &str| {
        if digits.len() > MAX_DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RangeError::TooManyDigits { range: range.to_owned() });
        }
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain
            .then(|| digits.parse().ok())
            .flatten()
            .ok_or_else(|| RangeError::NotNumbers(range.to_owned()))
    };
    let span = Span { first: number(first)?, last: number(last)?, width: first.len() };
    let ends = || (first.to_owned(), last.to_owned());
    if span.first > span.last {
        let (first, last) = ends();
        return Err(RangeError::Backwards { first, last });
    }
    let padded =
        (first.len() > 1 && first.starts_with('0')) || (last.len() > 1 && last.starts_with('0'));
    if padded && first.len() != last.len() {
        let (first, last) = ends();
        return Err(RangeError::Widths { first, last });
    }
    Ok(Span { width: if padded { span.width } else { 0 }, ..span })
}

fn numbers(spans: &[Span], range: &str) -> Result<Vec<String>, RangeError> {
    let mut all = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for span in spans {
        for number in span.first..=span.last {
            let number = format!("{number:0width$}", width = span.width);
            if !seen.insert(number.clone()) {
                return Err(RangeError::Twice { range: range.to_owned(), number });
            }
            all.push(number);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_expand_in_order() {
        assert_eq!(expand("web").unwrap(), ["web"]);
        assert_eq!(expand("web-[08-11]").unwrap(), ["web-08", "web-09", "web-10", "web-11"]);
        assert_eq!(expand("[8-10]x").unwrap(), ["8x", "9x", "10x"]);
        assert_eq!(expand("w[1,3,5-6]:90").unwrap(), ["w1:90", "w3:90", "w5:90", "w6:90"]);
        assert_eq!(expand("r[1-2]n[0-1]").unwrap(), ["r1n0", "r1n1", "r2n0", "r2n1"]);
        assert_eq!(expand("x[0-1]").unwrap(), ["x0", "x1"]);
        assert_eq!(expand("x[007]").unwrap(), ["x007"]);
        assert_eq!(expand("x[1-20000]").unwrap().len(), MAX_HOSTS);
        assert!(expand("x[1-999999999][1-999999999][1-999999999]").is_err());
    }

    proptest! {
        #[test]
        fn expansion_is_bounded_and_distinct(text in r"[a-z0-9\[\]\-,:]{0,24}") {
            if let Ok(names) = expand(&text) {
                prop_assert!((1..=MAX_HOSTS).contains(&names.len()));
                let distinct: std::collections::HashSet<&String> = names.iter().collect();
                // Neighbouring ranges ("[1-2][1-2]" never, "[1,11][1,11]" does) may meet.
                prop_assert!(text.contains("][") || distinct.len() == names.len());
                prop_assert!(names.iter().all(|name| !name.contains(['[', ']'])));
            }
        }
    }
}
