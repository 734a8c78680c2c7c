//! The words of the API that the page shows: each has a Chinese one, and no other has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use roundsman::{inventory::HostChange, model::DeliveryState};
use serde_json::Value;

use crate::site::Served;

/// The page's own vocabularies, which are not the API's.
const OWN: [&str; 2] = ["range", "theme"];

type Words = BTreeMap<String, BTreeSet<String>>;

/// How the page calls the vocabulary of a schema: `AlarmCause` is `alarm_cause`.
fn kind_of(schema: &str) -> String {
    let mut kind = String::new();
    for letter in schema.chars() {
        if letter.is_uppercase() && !kind.is_empty() {
            kind.push('_');
        }
        kind.extend(letter.to_lowercase());
    }
    kind
}

/// The texts of a list.
fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Every closed list of words that an answer may have, by the document that clients are made of.
async fn listed(site: &Served) -> Words {
    let document = site.json("/api/v1/openapi.json").await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    schemas
        .iter()
        .filter(|(_, schema)| schema["enum"].is_array())
        .map(|(name, schema)| (kind_of(name), texts(&schema["enum"])))
        .collect()
}

/// Every column, that of a table by both names.
async fn columns(site: &Served) -> BTreeSet<String> {
    let glossary = site.json("/api/v1/columns").await;
    let names = |list: &Value| -> Vec<String> {
        let all = list.as_array().unwrap().iter();
        all.map(|column| column["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut found: BTreeSet<String> = names(&glossary["poll"]).into_iter().collect();
    found.extend(names(&glossary["values"]));
    for table in glossary["detail"].as_array().unwrap() {
        let of = table["name"].as_str().unwrap();
        found.extend(names(&table["columns"]).iter().map(|column| format!("{of}.{column}")));
    }
    found
}

/// What may change about a host. The match has no arm for a further one: it does not compile until that has
/// its place in the list, too.
fn changes() -> BTreeSet<String> {
    use HostChange::{Addresses, Group, Labels, Parent, Paused, Schedule, Selection, Timeout, Tls};
    let all = [Group, Labels, Addresses, Schedule, Timeout, Parent, Paused, Selection, Tls];
    for one in all {
        match one {
            Group | Labels | Addresses | Schedule | Timeout | Parent | Paused | Selection | Tls => {
            }
        }
    }
    all.iter().map(|one| one.as_str().to_owned()).collect()
}

#[tokio::test]
async fn every_word_and_column_of_the_api_has_a_chinese_one_and_no_other_has() {
    let site = Served::start().await;
    let mut wanted = listed(&site).await;
    assert!(wanted.len() >= 10 && wanted["state"].contains("down"), "{wanted:?}");
    wanted.insert("column".to_owned(), columns(&site).await);
    wanted.insert("host_change".to_owned(), changes());
    let states = DeliveryState::ALL.iter().map(|one| one.as_str().to_owned()).collect();
    wanted.insert("delivery_state".to_owned(), states);

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/zh-CN.json");
    let catalogue: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut there = Words::new();
    for (kind, words) in catalogue["words"].as_object().unwrap() {
        let words = words.as_object().unwrap();
        assert!(words.values().all(|word| word.as_str().is_some_and(|word| !word.is_empty())));
        if !OWN.contains(&kind.as_str()) {
            there.insert(kind.clone(), words.keys().cloned().collect());
        }
    }
    for (kind, words) in &wanted {
        let known = there.remove(kind).unwrap_or_default();
        let missing: Vec<_> = words.difference(&known).collect();
        let spare: Vec<_> = known.difference(words).collect();
        assert!(
            missing.is_empty() && spare.is_empty(),
            "words.{kind} of server/page/zh-CN.json lacks {missing:?}, and needs no {spare:?}"
        );
    }
    assert!(there.is_empty(), "no such vocabulary in the API: {:?}", there.keys());
}
