//! The tables of an inventory's text: where a host and a group stand, a host's own lines.

use toml_edit::{ArrayOfTables, Document, DocumentMut, InlineTable, Item, Table, Value};

use super::{
    super::{GroupName, HostName},
    Assignment,
};

fn tables<'d>(document: &'d Table, key: &str) -> impl Iterator<Item = &'d Table> {
    document.get(key).and_then(Item::as_array_of_tables).into_iter().flat_map(ArrayOfTables::iter)
}

/// Every `[[group]]`.
pub(super) fn groups(document: &DocumentMut) -> impl Iterator<Item = &Table> {
    tables(document.as_table(), "group")
}

fn name_of(table: &Table) -> Option<&str> {
    table.get("name")?.as_str()
}

fn is_host(table: &Table, name: &HostName) -> bool {
    name_of(table).is_some_and(|given| HostName::new(given).is_ok_and(|given| given == *name))
}

/// Which `[[group]]` has this name.
pub(super) fn group_named(document: &DocumentMut, name: &GroupName) -> Option<usize> {
    groups(document).position(|group| name_of(group) == Some(name.as_str()))
}

/// Which `[[host]]` has this name.
pub(super) fn host_named(document: &DocumentMut, name: &HostName) -> Option<usize> {
    tables(document.as_table(), "host").position(|host| is_host(host, name))
}

/// The lines of a new `[[host]]`.
///
/// # Errors
/// Which settings cannot be written.
pub(super) fn block(
    name: &HostName,
    group: Option<&GroupName>,
    addresses: &[String],
    settings: &[Assignment],
) -> Result<String, String> {
    let mut host = Table::new();
    host.insert("name", toml_edit::value(name.as_str()));
    if let Some(group) = group {
        host.insert("group", toml_edit::value(group.as_str()));
    }
    if !addresses.is_empty() {
        host.insert("addresses", toml_edit::value(addresses.iter().collect::<toml_edit::Array>()));
    }
    for assignment in settings {
        assign(&mut host, assignment)?;
    }
    Ok(format!("[[host]]\n{host}"))
}

/// The text with settings of a `[[host]]` changed.
///
/// # Errors
/// Which of them cannot be written.
pub(super) fn set(
    document: &DocumentMut,
    place: usize,
    settings: &[Assignment],
) -> Result<String, String> {
    let mut document = document.clone();
    let hosts = document.get_mut("host").and_then(Item::as_array_of_tables_mut);
    let host = hosts.and_then(|hosts| hosts.get_mut(place)).ok_or("it is no [[host]]")?;
    for assignment in settings {
        assign(host, assignment)?;
    }
    Ok(document.to_string())
}

fn assign(host: &mut Table, assignment: &Assignment) -> Result<(), String> {
    let Assignment { path, value } = assignment;
    match path.as_slice() {
        [key] => put(host, key, value.clone()),
        [outer, key] => {
            if host.get(outer).is_none() {
                if value.is_none() {
                    return Ok(());
                }
                host.insert(outer, toml_edit::value(InlineTable::new()));
            }
            let inner = host.get_mut(outer);
            let inner = inner.ok_or_else(|| format!("`{outer}` is no table"))?;
            close_up(inner);
            let inner =
                inner.as_table_like_mut().ok_or_else(|| format!("`{outer}` is no table"))?;
            put(inner, key, value.clone());
            if inner.is_empty() {
                host.remove(outer);
            }
        }
        _ => return Err(format!("`{}` is no setting", path.join("."))),
    }
    Ok(())
}

/// Takes the space behind the last value of `{ a = 1 }`: it is written again behind whatever is the last one then.
fn close_up(item: &mut Item) {
    let Some(table) = item.as_inline_table_mut() else { return };
    if let Some((_, last)) = table.iter_mut().last()
        && last.decor().suffix().and_then(|suffix| suffix.as_str()) == Some(" ")
    {
        last.decor_mut().clear();
    }
}

/// Gives a key its value, in the place and with the comment of the one before it.
fn put(table: &mut dyn toml_edit::TableLike, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(before) => {
            *value.decor_mut() = before.decor().clone();
            *before = value;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
}

/// The text without a `[[host]]`: its lines, and the comments directly above them. None when it has none.
pub(super) fn without(text: &str, name: &HostName) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let host = tables(document.as_table(), "host").find(|host| is_host(host, name))?;
    let line_at = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count());
    let first = line_at(host.span()?.start);
    let last = line_at(end_of(host)?);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_comment = |line: &&&str| line.trim_start().starts_with('#');
    let above = lines[..first].iter().rev().take_while(is_comment).count();
    let (head, tail) = (&lines[..first - above], lines.get(last + 1..).unwrap_or_default());
    let is_empty = |line: Option<&&str>| line.is_none_or(|line| line.trim().is_empty());
    // Of the empty lines around it one stays.
    let tail = match tail.split_first() {
        Some((line, rest)) if line.trim().is_empty() && is_empty(head.last()) => rest,
        _ => tail,
    };
    // At the end of the file none does.
    let head = match head.split_last() {
        Some((line, rest)) if line.trim().is_empty() && tail.is_empty() => rest,
        _ => head,
    };
    Some([head, tail].concat().concat())
}

/// Where the last value of a table ends, those of tables within it included.
fn end_of(table: &Table) -> Option<usize> {
    let ends = table.iter().filter_map(|(_, item)| match item {
        Item::Table(inner) => end_of(inner),
        item => Some(item.span()?.end.saturating_sub(1)),
    });
    ends.max()
}
