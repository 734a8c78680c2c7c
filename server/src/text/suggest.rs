//! "Did you mean …?": the nearest of the words that would have been right.

/// `; did you mean `interval`?`, or nothing when no word is near.
#[must_use]
pub fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    match closest(word, words) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// The nearest word: at most a third of the letters wrong, and at least one letter right. Else the
/// first that begins with it, up to the end of a part: `cpu_busy_pct` for `cpu`.
fn closest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let most = (letters / 3).clamp(1, 3);
    let mut longer = None;
    let begins = |candidate: &&'a str| {
        let rest = candidate.strip_prefix(word).filter(|_| letters > 1);
        if longer.is_none() && rest.is_some_and(|rest| rest.starts_with(['_', '-', '.'])) {
            longer = Some(*candidate);
        }
    };
    let near = words
        .into_iter()
        .inspect(begins)
        // Cheap first: there may be thousands of host names.
        .filter(|candidate| candidate.chars().count().abs_diff(letters) <= most)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| (1..=most).contains(distance) && *distance < letters)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    near.or(longer)
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours; letter
/// case counts for nothing but is seen at the end, so `Interval` is one away from `interval`.
fn distance(left: &str, right: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (left.to_lowercase().chars().collect(), right.to_lowercase().chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let wrong = usize::from(a[i - 1] != b[j - 1]);
            let mut best =
                (rows[i - 1][j - 1] + wrong).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    let case = usize::from(left != right && rows[a.len()][b.len()] == 0);
    rows[a.len()][b.len()] + case
}

/// Whether a group name looks like a slip of another: letter case or separators differ, two
/// neighbours are swapped, or one letter is missing or too many. A changed letter or digit is not:
/// `db-a` beside `db-b` and `web1` beside `web2` are how groups are named.
#[must_use]
pub fn is_slip(name: &str, other: &str) -> bool {
    let plain = |text: &str| -> Vec<char> {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let (a, b) = (plain(name), plain(other));
    if a == b {
        return true;
    }
    let (short, long) = if a.len() < b.len() { (&a, &b) } else { (&b, &a) };
    let differs = short.iter().zip(long).position(|(s, l)| s != l).unwrap_or(short.len());
    match long.len() - short.len() {
        0 => {
            differs + 1 < a.len()
                && a[differs] == b[differs + 1]
                && a[differs + 1] == b[differs]
                && a[differs + 2..] == b[differs + 2..]
                && a[differs].is_ascii_alphabetic()
                && a[differs + 1].is_ascii_alphabetic()
        }
        1 => {
            short.len() >= 2
                && long[differs].is_ascii_alphabetic()
                && short[differs..] == long[differs + 1..]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        let keys = ["interval", "schedule", "timeout", "port", "parent"];
        assert_eq!(closest("intervall", keys), Some("interval"));
        assert_eq!(closest("Interval", keys), Some("interval"));
        assert_eq!(closest("tiemout", keys), Some("timeout"));
        assert_eq!(closest("prot", keys), Some("port"));
        assert_eq!(closest("colour", keys), None);
        let columns = ["load_1", "cpu_busy_pct", "cpu_user_pct", "cpus_online"];
        assert_eq!(closest("cpu", columns), Some("cpu_busy_pct"));
        assert_eq!(closest("cpus", columns), Some("cpus_online"));
        assert_eq!(closest("c", columns), None);
        assert_eq!(closest("cpu_bussy_pct", columns), Some("cpu_busy_pct"));
        assert_eq!(closest("", keys), None);
        assert_eq!(closest("x", ["y"]), None);
    }

    #[test]
    fn slips_of_group_names_are_told_from_siblings() {
        for (name, other) in
            [("Web", "web"), ("wbe", "web"), ("we", "web"), ("d-b", "db"), ("dbb", "db")]
        {
            assert!(is_slip(name, other) && is_slip(other, name), "{name} {other}");
        }
        for (name, other) in [
            ("web1", "web2"),
            ("db-a", "db-b"),
            ("web1", "web"),
            ("web12", "web21"),
            ("db", "web"),
            ("a", "ab"),
            ("", "a"),
        ] {
            assert!(!is_slip(name, other) && !is_slip(other, name), "{name} {other}");
        }
    }
}
