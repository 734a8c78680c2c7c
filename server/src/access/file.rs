//! `access.toml`: who has a token, what for, until when; whom a proxy names; what the groups of a provider may do.
//! Read with all its problems at once, each with its place. It holds no secret: a token is known by its SHA-256.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, NaiveTime};

use super::{Digest, Entries, Entry, MemberEntry, UserEntry};
use crate::{
    document::{self, Findings, Located, Problems, Section, quoted},
    model::{GroupName, Role, Scope},
    text::did_you_mean,
    units::WallMs,
};

/// The most tokens of a file; as many users and as many groups of a provider.
pub const MAX_TOKENS: usize = 1_000;

/// The most groups that a token may be limited to.
pub const MAX_TOKEN_GROUPS: usize = 100;

/// The longest name of a token, bytes.
pub const MAX_TOKEN_NAME_BYTES: usize = 64;

/// The longest name of a provider's group, bytes.
pub const MAX_MEMBER_OF_BYTES: usize = 256;

/// Names that mean nobody: who knows the shared token, and who asks a server without one.
const TAKEN: [&str; 2] = ["token", "local"];

const KEYS: [&str; 5] = ["name", "role", "groups", "expires", "sha256"];
const USER_KEYS: [&str; 4] = ["name", "role", "groups", "expires"];
const MEMBER_KEYS: [&str; 3] = ["member_of", "role", "groups"];

/// Whether a text may name somebody; else what a name must be.
///
/// # Errors
/// What a name must be.
pub fn token_name(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    if text.is_empty() || text.len() > MAX_TOKEN_NAME_BYTES || !text.chars().all(allowed) {
        return Err(format!(
            "a name is 1 to {MAX_TOKEN_NAME_BYTES} letters, digits, '-', '_', '.', '@' and '+'"
        ));
    }
    if TAKEN.contains(&text) {
        return Err(format!("{text:?} is what whoever has no name is called: take another name"));
    }
    Ok(())
}

/// The moment from which on a token is refused: a date (its begin in UTC) or a moment of RFC 3339.
fn moment(text: &str) -> Option<WallMs> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(WallMs(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis()));
    }
    DateTime::parse_from_rfc3339(text).ok().map(|moment| WallMs(moment.timestamp_millis()))
}

/// Reads a file; `file` is its name in messages.
///
/// # Errors
/// All problems of it, by position; the syntax errors alone when the text is not TOML.
pub fn parse(file: &str, text: &str) -> Result<Entries, Problems> {
    let mut findings = Findings::new(file, text);
    let document = document::table(text, &mut findings)?;
    let top = Section::new("the file", 0, document.get_ref());
    top.check_keys(&["token", "user", "oidc"], &mut findings);
    let tokens = tokens(&sections(&top, "token", "[[token]]", &mut findings), &mut findings);
    let users = users(&sections(&top, "user", "[[user]]", &mut findings), &mut findings);
    let members = members(&sections(&top, "oidc", "[[oidc]]", &mut findings), &mut findings);
    match findings.take_problems() {
        Some(problems) => Err(problems),
        None => Ok(Entries { tokens, users, members }),
    }
}

/// The entries of one kind, as many as there may be.
fn sections<'t>(
    top: &Section<'t>,
    key: &str,
    title: &'static str,
    findings: &mut Findings<'_>,
) -> Vec<Section<'t>> {
    let mut all = top.sections(key, title, findings);
    if let Some(first) = all.get(MAX_TOKENS) {
        findings.add(first.at, format!("at most {MAX_TOKENS} {key}s, not {}", all.len()));
    }
    all.truncate(MAX_TOKENS);
    all
}

fn tokens(sections: &[Section<'_>], findings: &mut Findings<'_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut digests: HashMap<Digest, &str> = HashMap::new();
    for section in sections {
        section.check_keys(&KEYS, findings);
        let name = name(section, findings);
        let role = role(section, findings);
        let scope = scope(section, findings);
        let expires = expires(section, findings);
        let digest = digest(section, findings);
        if let Some(name) = name
            && names.insert(name.value, name.at).is_some()
        {
            let words =
                format!("there are two tokens named {}: give each a name", quoted(name.value));
            findings.add(name.at, words);
        }
        let (Some(name), Some(role), Some(scope), Some(digest)) = (name, role, scope, digest)
        else {
            continue;
        };
        if let Some(other) = digests.insert(digest.value, name.value) {
            let words = format!(
                "this is the token of {}, too: make each its own (roundsman token new)",
                quoted(other)
            );
            findings.add(digest.at, words);
        }
        let (name, digest) = (Arc::from(name.value), digest.value);
        entries.push(Entry { name, role, scope, expires, digest });
    }
    entries
}

fn users(sections: &[Section<'_>], findings: &mut Findings<'_>) -> Vec<UserEntry> {
    let mut entries: Vec<UserEntry> = Vec::new();
    for section in sections {
        section.check_keys(&USER_KEYS, findings);
        let name = name(section, findings);
        let role = role(section, findings);
        let scope = scope(section, findings);
        let expires = expires(section, findings);
        let (Some(name), Some(role), Some(scope)) = (name, role, scope) else { continue };
        if entries.iter().any(|entry| *entry.name == *name.value) {
            let words = format!("there are two users named {}: keep one", quoted(name.value));
            findings.add(name.at, words);
        }
        entries.push(UserEntry { name: name.value.into(), role, scope, expires });
    }
    entries
}

fn members(sections: &[Section<'_>], findings: &mut Findings<'_>) -> Vec<MemberEntry> {
    let mut entries: Vec<MemberEntry> = Vec::new();
    for section in sections {
        section.check_keys(&MEMBER_KEYS, findings);
        let group = member_of(section, findings);
        let role = role(section, findings);
        let scope = scope(section, findings);
        let (Some(group), Some(role), Some(scope)) = (group, role, scope) else { continue };
        if entries.iter().any(|entry| *entry.member_of == *group.value) {
            let words =
                format!("there are two entries for {}: the first counts", quoted(group.value));
            findings.add(group.at, words);
        }
        entries.push(MemberEntry { member_of: group.value.into(), role, scope });
    }
    entries
}

/// As [`parse`], from bytes that may not be UTF-8.
///
/// # Errors
/// As [`parse`].
pub fn parse_bytes(file: &str, bytes: &[u8]) -> Result<Entries, Problems> {
    parse(file, document::utf8("a file of tokens", file, bytes)?)
}

/// Notes that a key is missing.
fn missing(section: &Section<'_>, key: &str, expected: &str, findings: &mut Findings<'_>) {
    if section.at(key).is_none() {
        findings.add(section.at, format!("{} needs `{key}`: {expected}", section.title));
    }
}

fn name<'t>(section: &Section<'t>, findings: &mut Findings<'_>) -> Option<Located<&'t str>> {
    const EXPECTED: &str = "whose it is, such as \"alice\"";
    missing(section, "name", EXPECTED, findings);
    let text = section.text("name", EXPECTED, findings)?;
    if let Err(wrong) = token_name(text.value) {
        findings.add(text.at, format!("`name`: {wrong}, not {}", quoted(text.value)));
        return None;
    }
    Some(text)
}

fn member_of<'t>(section: &Section<'t>, findings: &mut Findings<'_>) -> Option<Located<&'t str>> {
    const EXPECTED: &str = "a group of the provider, such as \"sre\"";
    missing(section, "member_of", EXPECTED, findings);
    let text = section.text("member_of", EXPECTED, findings)?;
    if text.value.is_empty() || text.value.len() > MAX_MEMBER_OF_BYTES {
        let words = format!("`member_of` has 1 to {MAX_MEMBER_OF_BYTES} bytes: it is {EXPECTED}");
        findings.add(text.at, words);
        return None;
    }
    Some(text)
}

fn role(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Role> {
    const EXPECTED: &str = "\"viewer\", \"operator\" or \"admin\"";
    missing(section, "role", EXPECTED, findings);
    let text = section.text("role", EXPECTED, findings)?;
    let role = Role::parse(text.value);
    if role.is_none() {
        let hint = did_you_mean(text.value, Role::ALL.iter().map(|role| role.as_str()));
        let given = quoted(text.value);
        findings.add(text.at, format!("`role` must be {EXPECTED}, not {given}{hint}"));
    }
    role
}

fn scope(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Scope> {
    const EXPECTED: &str =
        "a list of groups of the inventory, such as [\"web\"]; without it, all hosts";
    if section.at("groups").is_none() {
        return Some(Scope::All);
    }
    let texts = section.texts("groups", EXPECTED, findings)?;
    let mut groups = BTreeSet::new();
    for text in &texts.value {
        match GroupName::new(text.value) {
            Ok(group) => drop(groups.insert(group)),
            Err(error) => {
                findings.add(text.at, format!("`groups`: {}: {error}", quoted(text.value)));
            }
        }
    }
    if texts.value.len() > MAX_TOKEN_GROUPS {
        let given = texts.value.len();
        findings
            .add(texts.at, format!("`groups` has at most {MAX_TOKEN_GROUPS} groups, not {given}"));
    }
    // An empty list says that nothing limits it; one that is wrong must not come to mean that.
    match texts.value.is_empty() {
        true => Some(Scope::All),
        false => Some(Scope::Groups(Arc::new(groups))),
    }
}

fn expires(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<WallMs> {
    const EXPECTED: &str =
        "a date such as \"2027-01-31\" (its begin in UTC) or a moment of RFC 3339";
    let text = section.moment("expires", EXPECTED, findings)?;
    let moment = moment(&text);
    if moment.is_none() {
        let at = section.at("expires").unwrap_or(section.at);
        findings.add(at, format!("`expires` must be {EXPECTED}, not {}", quoted(&text)));
    }
    moment
}

fn digest(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Located<Digest>> {
    const EXPECTED: &str =
        "the SHA-256 of the token, 64 hexadecimal digits (roundsman token new writes it)";
    missing(section, "sha256", EXPECTED, findings);
    let text = section.text("sha256", EXPECTED, findings)?;
    let digest = Digest::parse(text.value);
    if digest.is_none() {
        // What stands there may be the token itself.
        findings.add(text.at, format!("`sha256` must be {EXPECTED}"));
    }
    digest.map(|value| Located { value, at: text.at })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn hash(text: &str) -> String {
        Digest::of(text.as_bytes()).to_string()
    }

    #[test]
    fn each_token_has_what_its_entry_says() {
        let (one, two) = (hash("1"), hash("2"));
        let text = format!(
            "[[token]]\nname = \"alice\"\nrole = \"operator\"\ngroups = [\"web\", \"db\"]\nexpires = \"2027-01-31\"\n\
             sha256 = \"{one}\"\n\n[[token]]\nname = \"backup@ci\"\nrole = \"viewer\"\ngroups = []\n\
             expires = 2027-01-31T10:00:00+01:00\nsha256 = \"{two}\"\n"
        );
        let all = parse("access.toml", &text).unwrap();
        let alice = all.find(&Digest::of(b"1")).unwrap();
        assert_eq!((&*alice.name, alice.role), ("alice", Role::Operator));
        assert_eq!(alice.scope.groups().unwrap().len(), 2);
        let expires = alice.expires.unwrap();
        assert_eq!(expires.to_string(), "2027-01-31T00:00:00.000Z");
        assert!(!alice.is_expired(WallMs(expires.0 - 1)) && alice.is_expired(expires));
        let backup = all.find(&Digest::of(b"2")).unwrap();
        assert_eq!((backup.scope.clone(), backup.role), (Scope::All, Role::Viewer));
        assert_eq!(backup.expires.unwrap().to_string(), "2027-01-31T09:00:00.000Z");
        assert_eq!(all.find(&Digest::of(b"3")), None);
        assert_eq!(parse("access.toml", "").unwrap().iter().count(), 0);
    }

    #[test]
    fn all_problems_are_told_at_once_with_their_places_and_no_token_is_repeated() {
        let one = hash("1");
        let text = format!(
            "[[token]]\nname = \"alice\"\nrole = \"viewr\"\nsha256 = \"rm_secret\"\ngroup = \"web\"\n\
             [[token]]\nname = \"a b\"\nrole = \"admin\"\ngroups = [\"a b\", 7]\nexpires = \"soon\"\nsha256 = \"{one}\"\n\
             [[token]]\nname = \"bob\"\nrole = \"admin\"\nsha256 = \"{one}\"\n\
             [[token]]\nname = \"bob\"\nrole = \"admin\"\nsha256 = \"{one}\"\n\
             [[token]]\nname = \"token\"\n[other]\n"
        );
        let told = parse("access.toml", &text).unwrap_err().to_string();
        for what in [
            "access.toml:3:8: `role` must be \"viewer\", \"operator\" or \"admin\", not \"viewr\"; did you mean `viewer`?",
            "access.toml:4:10: `sha256` must be the SHA-256 of the token",
            "access.toml:5:1: unknown key \"group\" in [[token]]",
            "access.toml:7:8: `name`: a name is 1 to 64 letters",
            "access.toml:9:11: `groups`: \"a b\"",
            "`groups` must be a list of groups of the inventory",
            "access.toml:10:11: `expires` must be a date",
            "access.toml:17:8: there are two tokens named \"bob\"",
            "access.toml:19:10: this is the token of \"bob\", too",
            "access.toml:20:1: [[token]] needs `role`",
            "`name`: \"token\" is what whoever has no name is called",
            "access.toml:22:2: unknown key \"other\"",
        ] {
            assert!(told.contains(what), "{what} is not in\n{told}");
        }
        assert!(!told.contains("rm_secret"), "{told}");
    }

    #[test]
    fn users_and_groups_of_a_provider_have_entries_and_the_first_of_the_file_counts() {
        let text = "[[user]]\nname = \"alice\"\nrole = \"operator\"\nexpires = \"2027-01-31\"\n\
             [[oidc]]\nmember_of = \"CN=SRE, Ops\"\nrole = \"viewer\"\n\
             [[oidc]]\nmember_of = \"dba\"\nrole = \"admin\"\ngroups = [\"db\"]\n";
        let all = parse("access.toml", text).unwrap();
        assert_eq!(all.user("alice").unwrap().role, Role::Operator);
        assert_eq!((all.user("Alice"), all.user("")), (None, None));
        let of = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            all.member(&groups)
        };
        assert_eq!(of(&["x", "dba"]).unwrap().role, Role::Admin);
        let both = of(&["dba", "CN=SRE, Ops"]).unwrap();
        assert_eq!((both.role, &both.scope), (Role::Viewer, &Scope::All), "not added up");
        assert_eq!((of(&[]), of(&["DBA", "sre", ""])), (None, None));
        // A session follows from what an entry says.
        let digest = of(&["dba"]).unwrap().digest();
        assert_eq!(all.same_member(&digest), of(&["dba"]));
        for (said, other) in [("admin", "operator"), ("groups = [\"db\"]", ""), ("dba", "dbb")] {
            let changed = parse("access.toml", &text.replace(said, other)).unwrap();
            assert_eq!(changed.same_member(&digest), None, "{said}");
        }
        let wrong = "[[user]]\nname = \"a b\"\nsha256 = \"x\"\n[[user]]\nname = \"bob\"\nrole = \"viewer\"\n\
             [[user]]\nname = \"bob\"\nrole = \"admin\"\n[[oidc]]\nrole = \"admin\"\n\
             [[oidc]]\nmember_of = \"\"\nrole = \"admin\"\nexpires = \"2027-01-31\"\n\
             [[oidc]]\nmember_of = \"a\"\nrole = \"admin\"\n[[oidc]]\nmember_of = \"a\"\nrole = \"viewer\"\n";
        let told = parse("access.toml", wrong).unwrap_err().to_string();
        for what in [
            "access.toml:2:8: `name`: a name is 1 to 64 letters",
            "access.toml:1:1: [[user]] needs `role`",
            "unknown key \"sha256\" in [[user]]",
            "there are two users named \"bob\"",
            "[[oidc]] needs `member_of`: a group of the provider",
            "`member_of` has 1 to 256 bytes",
            "unknown key \"expires\" in [[oidc]]",
            "there are two entries for \"a\"",
        ] {
            assert!(told.contains(what), "{what} is not in\n{told}");
        }
    }

    #[test]
    fn a_file_has_no_more_tokens_and_a_token_no_more_groups_than_the_limits() {
        let all = |tokens: usize| {
            (0..tokens).fold(String::new(), |mut text, number| {
                let hash = hash(&number.to_string());
                let _ = writeln!(
                    text,
                    "[[token]]\nname = \"t{number}\"\nrole = \"viewer\"\nsha256 = \"{hash}\""
                );
                text
            })
        };
        assert_eq!(parse("a", &all(MAX_TOKENS)).unwrap().iter().count(), MAX_TOKENS);
        let told = parse("a", &all(MAX_TOKENS + 1)).unwrap_err().to_string();
        assert!(told.contains("at most 1000 tokens, not 1001"), "{told}");
        let groups = |count: usize| {
            let names: Vec<String> = (0..count).map(|number| format!("\"g{number}\"")).collect();
            format!("{}groups = [{}]\n", all(1), names.join(", "))
        };
        assert!(parse("a", &groups(MAX_TOKEN_GROUPS)).is_ok());
        let told = parse("a", &groups(MAX_TOKEN_GROUPS + 1)).unwrap_err().to_string();
        assert!(told.contains("at most 100 groups, not 101"), "{told}");
        let member = |length: usize| {
            format!("[[oidc]]\nmember_of = \"{}\"\nrole = \"viewer\"\n", "g".repeat(length))
        };
        assert!(parse("a", &member(MAX_MEMBER_OF_BYTES)).is_ok());
        let told = parse("a", &member(MAX_MEMBER_OF_BYTES + 1)).unwrap_err().to_string();
        assert!(told.contains("has 1 to 256 bytes"), "{told}");
        assert!(token_name(&"a".repeat(MAX_TOKEN_NAME_BYTES)).is_ok());
        assert!(token_name(&"a".repeat(MAX_TOKEN_NAME_BYTES + 1)).is_err());
    }
}
