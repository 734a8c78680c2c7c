//! Of `check`: whether the certificates that the inventory names can be used, and which hosts are asked in plain
//! text.

use std::collections::BTreeSet;

use roundsman_pki::client::{Client, ClientFiles};

use crate::{cli::output::plural, inventory::Inventory};

/// Names that are listed before the rest is counted.
const NAMED: usize = 10;

/// What is wrong with the files, each set of them told once.
pub(super) fn problems(inventory: &Inventory) -> Vec<String> {
    let of_hosts = inventory.hosts.values().filter_map(|host| host.tls.as_ref());
    let of_names = inventory.discoveries.iter().filter_map(|discovery| discovery.tls.as_ref());
    let mut seen: Vec<&ClientFiles> = Vec::new();
    let mut problems = BTreeSet::new();
    for tls in of_hosts.chain(of_names) {
        if seen.contains(&&tls.files) {
            continue;
        }
        seen.push(&tls.files);
        if let Err(unfit) = Client::load(tls.files.clone()) {
            problems.insert(unfit.to_string());
        }
    }
    problems.into_iter().collect()
}

/// Those that are asked in plain text, as a line.
pub(super) fn line(plain: &[String]) -> String {
    let (named, rest) = plain.split_at(plain.len().min(NAMED));
    match (named, rest.len()) {
        ([], _) => "encrypted: every host\n".to_owned(),
        (_, 0) => format!("in plain text: {}\n", named.join(", ")),
        (_, more) => {
            let more = plural(more, "more host");
            format!("in plain text: {} and {more}; --json has all\n", named.join(", "))
        }
    }
}
