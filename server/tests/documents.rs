//! The documents that people read: links that lead somewhere, a front page that stays one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use roundsman::{
    model::Family,
    query::{ColumnShape, Glossary},
};

/// The longest front page, lines: what a newcomer reads before the first command is typed.
const README_LINES: usize = 150;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every document of the project.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/zh-CN", "docker", "fuzz"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The text without what stands between fences.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Where the links of a document lead: `](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let starts = prose.match_indices("](");
    starts.filter_map(|(at, _)| Some(prose[at + 2..].split_once(')')?.0.to_owned())).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            words
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if link.starts_with("http://") || link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(file)
            };
            let there = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !there {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_front_page_stays_one() {
    for name in ["README.md", "README.zh-CN.md"] {
        let readme = fs::read_to_string(root().join(name)).unwrap();
        assert!(readme.lines().count() <= README_LINES, "{name}: {} lines", readme.lines().count());
    }
}

/// What stands between fences: the lines to be typed, without what is said of them.
fn commands(text: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            let typed = line.split("  #").next().unwrap().trim_end();
            if !typed.is_empty() && !typed.starts_with('#') {
                found.insert(typed.to_owned());
            }
        }
    }
    found
}

/// The English documents are tried out; what a translation says to type is what they say.
#[test]
fn what_the_chinese_documents_say_to_type_stands_in_the_english_ones() {
    let (chinese, english): (Vec<_>, Vec<_>) =
        documents().into_iter().partition(|path| path.to_string_lossy().contains("zh-CN"));
    let all = |paths: &[PathBuf]| -> BTreeSet<String> {
        paths.iter().flat_map(|path| commands(&fs::read_to_string(path).unwrap())).collect()
    };
    let (said, known) = (all(&chinese), all(&english));
    assert!(chinese.len() >= 2 && said.len() >= 15, "{chinese:?}: {said:?}");
    assert_eq!(said.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A table of columns, as a document has it.
fn table(title: &str, columns: &[&ColumnShape]) -> String {
    let mut text = format!(
        "\n### {title}\n\n| column | kind | unit | from | since Linux | node_exporter | meaning |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for column in columns {
        let quoted = |word: Option<&str>| word.map_or_else(String::new, |word| format!("`{word}`"));
        let unit = serde_json::to_value(column.unit).unwrap();
        text += &format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            column.name,
            column.kind,
            unit.as_str().unwrap().replace('_', " "),
            quoted(column.source),
            column.since_kernel.unwrap_or_default(),
            quoted(column.node_exporter),
            column.meaning
        );
    }
    text
}

/// Every column of every poll, from the program's own list: what `/api/v1/columns` answers.
fn columns() -> String {
    let Glossary { values, detail, .. } = Glossary::new();
    let mut text = String::new();
    for family in Family::ALL {
        let all: Vec<_> = values.iter().filter(|column| column.family == Some(*family)).collect();
        if !all.is_empty() {
            text += &table(&format!("Host: {family}"), &all);
        }
    }
    for of in detail {
        let labels = of.labels.join("`, `");
        let title = format!("Each of `{}`, named by `{labels}`", of.name);
        text += &table(&title, &of.columns.iter().collect::<Vec<_>>());
    }
    text
}

#[test]
fn the_tables_of_columns_are_those_of_the_program() {
    const BEGIN: &str = "<!-- The tables from here on are made from the program's list of columns by \
                         INSTA_UPDATE=always cargo test -p roundsman --test documents -->\n";
    let path = root().join("docs/schema.md");
    let text = fs::read_to_string(&path).unwrap();
    let (by_hand, made) = text.split_once(BEGIN).unwrap();
    if env::var("INSTA_UPDATE").is_ok_and(|wish| wish == "always") {
        fs::write(&path, format!("{by_hand}{BEGIN}{}", columns())).unwrap();
    } else {
        assert_eq!(made, columns(), "run it with INSTA_UPDATE=always, and read the difference");
    }
}

#[test]
fn the_book_has_every_document_and_no_other() {
    let summary = fs::read_to_string(root().join("docs/book/SUMMARY.md")).unwrap();
    let chapters: BTreeSet<PathBuf> =
        links(&summary).iter().map(|link| root().join(link)).collect();
    assert_eq!(chapters, documents().into_iter().collect());
}

/// The rows of the document of attacks, at least.
const ATTACKS: usize = 60;

#[test]
fn every_attack_of_the_document_is_tried_by_a_test() {
    let text = fs::read_to_string(root().join("docs/attacks.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack"));
    let tests: Vec<&str> = rows.filter_map(|row| row.rsplit('`').nth(1)).collect();
    assert!(tests.len() >= ATTACKS, "{}", tests.len());
    let folders = ["os", "pki", "probe", "fleet", "server/src", "server/tests", "server/page/test"];
    let mut sources = String::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs" || end == "mjs") {
            sources += &fs::read_to_string(path).unwrap();
        }
    }
    let is_test = |name: &&str| {
        sources.contains(&format!("fn {name}(")) || sources.contains(&format!("test('{name}'"))
    };
    let missing: Vec<&str> = tests.into_iter().filter(|name| !is_test(name)).collect();
    assert!(missing.is_empty(), "no test has these names: {missing:#?}");
}
