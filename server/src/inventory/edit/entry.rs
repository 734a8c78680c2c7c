//! The entries of a group's `hosts`: one more, one less.

use toml_edit::{Array, DocumentMut, Table, Value};

use super::{
    super::{GroupName, HostName, range},
    stands_for,
    table::{group_named, groups},
};

fn hosts(group: &Table) -> Option<&Array> {
    group.get("hosts")?.as_array()
}

fn entry_of(group: &Table, name: &HostName) -> Option<usize> {
    let stands = |entry: &Value| entry.as_str().is_some_and(|entry| stands_for(entry, name));
    hosts(group)?.iter().position(stands)
}

/// The group that lists a host.
pub(super) fn holder(document: &DocumentMut, name: &HostName) -> Option<String> {
    let group = groups(document).find(|group| entry_of(group, name).is_some())?;
    Some(group.get("name")?.as_str()?.to_owned())
}

/// The text with one more entry at the end of a group's `hosts`; none when the group has no such list.
pub(super) fn added(document: &DocumentMut, group: &GroupName, name: &HostName) -> Option<String> {
    let mut document = document.clone();
    let place = group_named(&document, group)?;
    let hosts = document["group"][place].get_mut("hosts")?.as_array_mut()?;
    let last = hosts.get(hosts.len().checked_sub(1)?)?;
    let prefix = last.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    let suffix = last.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default();
    let trailing = hosts.trailing().as_str().unwrap_or_default().to_owned();
    if suffix.contains('\n') {
        // A last entry without a comma, and a comment after it: the comma would come below that.
        return None;
    }
    // On a line of its own, where the one before it is.
    let indent = match (prefix.rfind('\n'), hosts.len()) {
        (Some(at), _) => &prefix[at..],
        (None, 1) => " ",
        (None, _) => prefix,
    };
    // A comment behind the last entry stays behind that one.
    let (comment, rest) = match trailing.find('\n') {
        Some(at) if trailing[..at].contains('#') => trailing.split_at(at),
        _ => ("", trailing.as_str()),
    };
    let value = Value::from(name.as_str()).decorated(format!("{comment}{indent}"), "");
    hosts.push_formatted(value);
    hosts.set_trailing(rest);
    Some(document.to_string())
}

/// The text without a host in its group's `hosts`; a range is written without it.
///
/// # Errors
/// What is in the way.
pub(super) fn without(document: &DocumentMut, name: &HostName) -> Result<String, String> {
    let mut document = document.clone();
    let places = groups(&document).enumerate();
    let found = places.filter_map(|(place, group)| Some((place, entry_of(group, name)?))).next();
    let Some((place, at)) = found else { return Ok(document.to_string()) };
    let group = &mut document["group"][place];
    let Some(hosts) = group.get_mut("hosts").and_then(|hosts| hosts.as_array_mut()) else {
        return Ok(document.to_string());
    };
    let entry = hosts.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rest = rest_of(&entry, name).ok_or_else(|| {
        format!("{entry:?} has several ranges, which are not written without `{name}`")
    })?;
    match rest.split_first() {
        Some((first, more)) => {
            hosts.replace(at, first.as_str());
            for (offset, entry) in more.iter().enumerate() {
                hosts.insert_formatted(at + 1 + offset, Value::from(entry).decorated(" ", ""));
            }
        }
        None if hosts.len() == 1 => {
            if let Some(group) = group.as_table_like_mut() {
                group.remove("hosts");
            }
        }
        None => take_out(hosts, at),
    }
    Ok(document.to_string())
}

/// Takes an entry out of a list: with the comments above it and behind it, and with no others.
fn take_out(hosts: &mut Array, at: usize) {
    let prefix_of = |value: &Value| {
        let prefix = value.decor().prefix().and_then(|prefix| prefix.as_str());
        prefix.unwrap_or_default().to_owned()
    };
    let gone = prefix_of(&hosts.remove(at));
    // Up to the end of its line, what stands before an entry is of the entry before it.
    let head = gone.find('\n').map_or("", |end| &gone[..end]);
    let joined = |next: &str| next.find('\n').map(|end| format!("{head}{}", &next[end..]));
    match hosts.get_mut(at) {
        Some(next) => {
            let prefix = joined(&prefix_of(next)).unwrap_or(gone);
            next.decor_mut().set_prefix(prefix);
        }
        None => {
            let trailing = hosts.trailing().as_str().and_then(joined);
            if let Some(trailing) = trailing {
                hosts.set_trailing(trailing);
            }
        }
    }
}

/// What an entry is without one of its hosts: nothing, another range, or several. None when it cannot be
/// said: with more than one range in it.
fn rest_of(entry: &str, name: &HostName) -> Option<Vec<String>> {
    let Some((before, after)) = entry.split_once('[') else { return Some(Vec::new()) };
    let (_, after) = after.split_once(']')?;
    if after.contains('[') {
        return None;
    }
    let names = range::expand(entry).ok()?;
    let left = names.iter().filter(|one| HostName::new(one).is_ok_and(|one| one != *name));
    let numbers = left.map(|one| one.strip_prefix(before)?.strip_suffix(after));
    let numbers: Vec<&str> = numbers.collect::<Option<_>>()?;
    let spans = spans(&numbers);
    Some(match spans.as_slice() {
        [] => Vec::new(),
        [one] if !one.contains('-') => vec![format!("{before}{one}{after}")],
        more => vec![format!("{before}[{}]{after}", more.join(","))],
    })
}

/// Numbers as a range writes them: those that follow each other as their first and their last.
fn spans(numbers: &[&str]) -> Vec<String> {
    let mut spans: Vec<(&str, &str)> = Vec::new();
    for number in numbers {
        let value = |digits: &str| digits.parse::<u64>().ok();
        let is_padded = number.len() > 1 && number.starts_with('0');
        match spans.last_mut() {
            Some((first, last))
                if value(last).map(|last| last + 1) == value(number)
                    && (first.len() == number.len()
                        || !(is_padded || first.len() > 1 && first.starts_with('0'))) =>
            {
                *last = number;
            }
            _ => spans.push((number, number)),
        }
    }
    let shown = |(first, last): (&str, &str)| match first == last {
        true => first.to_owned(),
        false => format!("{first}-{last}"),
    };
    spans.into_iter().map(shown).collect()
}
