//! The text of a board, read.

use std::collections::BTreeMap;

use super::{
    Board, Chart, MAX_BOARD_BYTES, MAX_CHART_HOSTS, MAX_CHART_TOP, MAX_CHARTS, MAX_TITLE_BYTES,
    SPANS, is_title,
};
use crate::{
    document::{self, Findings, Located, Problems, Section, quoted},
    model::{Column, ColumnSet as _, DetailTable, GroupName, HostName},
    text::did_you_mean,
};

/// Reads a board.
///
/// # Errors
/// All problems, by position; the syntax errors alone when the text is not TOML.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Board, Problems> {
    if bytes.len() > MAX_BOARD_BYTES {
        let length = bytes.len();
        let message = format!("a board has at most {MAX_BOARD_BYTES} bytes, this one has {length}");
        return Err(Problems::one(file, 1, 1, message));
    }
    let text = document::utf8("a board", file, bytes)?;
    let mut findings = Findings::new(file, text);
    let document = document::table(text, &mut findings)?;
    let top = Section::new("a board", 0, document.get_ref());
    top.check_keys(&["title", "span", "chart"], &mut findings);
    let title = title(&top, &mut findings);
    if top.at("title").is_none() {
        findings.add(0, "a board needs a `title`");
    }
    let span = one_of("span", &SPANS, &top, &mut findings);
    let sections = top.sections("chart", "[[chart]]", &mut findings);
    if let Some(beyond) = sections.get(MAX_CHARTS) {
        let count = sections.len();
        findings.add(
            beyond.at,
            format!("a board has at most {MAX_CHARTS} charts, this one has {count}"),
        );
    }
    let charts = sections.iter().take(MAX_CHARTS).map(|one| chart(one, &mut findings)).collect();
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => Ok(Board { title: title.unwrap_or_default(), span, charts }),
    }
}

fn title(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let title = section.text("title", "a text", findings)?;
    if !is_title(title.value) {
        let words =
            format!("a `title` has 1 to {MAX_TITLE_BYTES} bytes of visible characters in one line");
        findings.add(title.at, words);
    }
    Some(title.value.to_owned())
}

fn one_of(
    key: &str,
    words: &[&str],
    section: &Section<'_>,
    findings: &mut Findings<'_>,
) -> Option<String> {
    let expected = format!("one of {}", words.join(", "));
    let given = section.text(key, &expected, findings)?;
    if !words.contains(&given.value) {
        let text = quoted(given.value);
        findings.add(given.at, format!("`{key}` must be {expected}, not {text}"));
    }
    Some(given.value.to_owned())
}

const KEYS: [&str; 10] =
    ["title", "column", "table", "row", "host", "hosts", "group", "labels", "top", "order"];

fn chart(section: &Section<'_>, findings: &mut Findings<'_>) -> Chart {
    section.check_keys(&KEYS, findings);
    let owned = |text: Option<Located<&str>>| text.map(|text| text.value.to_owned());
    let tables: Vec<&str> = DetailTable::ALL.iter().map(|table| table.as_str()).collect();
    let table = one_of("table", &tables, section, findings);
    let chart = Chart {
        title: title(section, findings),
        column: column(section, table.as_deref(), findings),
        row: owned(section.text("row", "the first label of a row, as a text", findings)),
        host: host(section, findings),
        hosts: hosts(section, findings),
        group: group(section, findings),
        labels: labels(section, findings),
        top: section.whole("top", 1, MAX_CHART_TOP, findings).map(|top| top.value),
        order: one_of("order", &["asc", "desc"], section, findings),
        table,
    };
    exclusions(section, findings);
    chart
}

/// What does not go together, and what is missing.
fn exclusions(section: &Section<'_>, findings: &mut Findings<'_>) {
    let has = |key: &str| section.at(key).is_some();
    let which: Vec<&str> =
        ["host", "hosts", "group", "labels"].into_iter().filter(|key| has(key)).collect();
    if let [first, second, ..] = which[..] {
        let at = section.at(second).unwrap_or(section.at);
        findings.add(at, format!("`{first}` and `{second}` exclude each other: give one"));
    }
    if has("table") && !has("host") {
        findings.add(section.at, "a chart of a `table` is of one `host`: give it");
    }
    for (key, needs) in [("row", "table"), ("order", "top")] {
        if let Some(at) = section.at(key).filter(|_| !has(needs)) {
            findings
                .add(at, format!("`{key}` goes with `{needs}`: give that, or leave `{key}` out"));
        }
    }
    if let Some(at) = section.at("top").filter(|_| has("host")) {
        findings.add(at, "`top` is of several hosts: leave `host` out");
    }
}

fn column(section: &Section<'_>, table: Option<&str>, findings: &mut Findings<'_>) -> String {
    let Some(column) = section.text("column", "the name of a value", findings) else {
        if section.at("column").is_none() {
            findings.add(section.at, "a chart needs a `column`: which value?");
        }
        return String::new();
    };
    let names: Vec<&str> = match table.map(DetailTable::parse) {
        // The table itself is wrong, and said to be.
        Some(None) => return column.value.to_owned(),
        Some(Some(table)) => table.specs().iter().map(|spec| spec.name).collect(),
        None => Column::ALL.iter().map(|column| column.spec().name).collect(),
    };
    if !names.contains(&column.value) {
        let hint = match did_you_mean(column.value, names.iter().copied()) {
            hint if hint.is_empty() => "; /api/v1/columns lists them".to_owned(),
            hint => hint,
        };
        let text = quoted(column.value);
        findings.add(column.at, format!("no value is called {text}{hint}"));
    }
    column.value.to_owned()
}

fn host(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let host = section.text("host", "the name of a host", findings)?;
    check_host(host, findings);
    Some(host.value.to_owned())
}

fn check_host(host: Located<&str>, findings: &mut Findings<'_>) {
    if let Err(error) = HostName::new(host.value) {
        findings.add(host.at, format!("{}: {error}", quoted(host.value)));
    }
}

fn hosts(section: &Section<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    let Some(hosts) = section.texts("hosts", "a list of names of hosts", findings) else {
        return Vec::new();
    };
    if !(1..=MAX_CHART_HOSTS).contains(&hosts.value.len()) {
        let count = hosts.value.len();
        let words = format!("a chart names 1 to {MAX_CHART_HOSTS} hosts, this one {count}");
        findings.add(hosts.at, words);
    }
    for host in &hosts.value {
        check_host(*host, findings);
    }
    hosts.value.iter().map(|host| host.value.to_owned()).collect()
}

fn group(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let group = section.text("group", "the name of a group", findings)?;
    if let Err(error) = GroupName::new(group.value) {
        findings.add(group.at, format!("{}: {error}", quoted(group.value)));
    }
    Some(group.value.to_owned())
}

fn labels(section: &Section<'_>, findings: &mut Findings<'_>) -> BTreeMap<String, String> {
    const EXAMPLE: &str = "a table of texts such as { rack = \"a1\" }";
    let Some(table) = section.section("labels", "labels", EXAMPLE, findings) else {
        return BTreeMap::new();
    };
    let mut labels = BTreeMap::new();
    for key in table.keys() {
        if let Some(value) = table.text(key.value, "a text", findings) {
            labels.insert(key.value.to_owned(), value.value.to_owned());
        }
    }
    if !(1..=MAX_CHART_HOSTS).contains(&table.keys().count()) {
        let count = table.keys().count();
        findings.add(
            table.at,
            format!("a chart names 1 to {MAX_CHART_HOSTS} labels, this one {count}"),
        );
    }
    labels
}
