//! The protos by the rules of buf's category STANDARD, under buf's names, and a comment on all that has
//! a name. What `buf.yaml` leaves out is left out here, and must still be needed; buf reads it, too. Its
//! rules about several files of one package are not here, for each has one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sources;

use std::{collections::BTreeSet, fs, path::Path};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
    source_code_info::Location,
};
use sources::{compiled, ours};

/// What stands where, and breaks which rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    rule: &'static str,
    file: String,
    what: String,
}

/// All that is found in `files`.
fn lint(files: &[FileDescriptorProto]) -> BTreeSet<Finding> {
    let mut found = BTreeSet::new();
    let mut used = BTreeSet::new();
    for file in files {
        let mut lint = Lint { file, found: &mut found };
        lint.file();
        for (index, message) in file.message_type.iter().enumerate() {
            lint.message(message, &[4, at(index)]);
        }
        for (index, one) in file.enum_type.iter().enumerate() {
            lint.enumeration(one, &[5, at(index)]);
        }
        for (index, service) in file.service.iter().enumerate() {
            lint.service(service, &[6, at(index)], &mut used);
        }
    }
    found
}

fn at(index: usize) -> i32 {
    i32::try_from(index).unwrap()
}

struct Lint<'a> {
    file: &'a FileDescriptorProto,
    found: &'a mut BTreeSet<Finding>,
}

impl Lint<'_> {
    fn is(&mut self, holds: bool, rule: &'static str, what: &str) {
        if !holds {
            let file = self.file.name().to_owned();
            self.found.insert(Finding { rule, file, what: what.to_owned() });
        }
    }

    /// A comment before what stands at `path` of the file, or behind it on its line.
    fn commented(&mut self, rule: &'static str, path: &[i32], what: &str) {
        let says = |text: &str| !text.trim().is_empty();
        let info = self.file.source_code_info.as_ref().unwrap();
        let has = |one: &Location| says(one.leading_comments()) || says(one.trailing_comments());
        let holds = info.location.iter().any(|one| one.path == path && has(one));
        self.is(holds, rule, what);
    }

    fn file(&mut self) {
        let package = self.file.package().to_owned();
        let path = Path::new(self.file.name());
        let folder = path.parent().unwrap().to_str().unwrap().replace('/', ".");
        let name = path.file_stem().unwrap().to_str().unwrap();
        self.is(self.file.syntax() == "proto3", "SYNTAX_SPECIFIED", self.file.name());
        self.is(lower_snake(name), "FILE_LOWER_SNAKE_CASE", name);
        self.is(!package.is_empty(), "PACKAGE_DEFINED", &package);
        self.is(package == folder, "PACKAGE_DIRECTORY_MATCH", &package);
        self.is(package.split('.').all(lower_snake), "PACKAGE_LOWER_SNAKE_CASE", &package);
        let version = package.rsplit('.').next().unwrap().strip_prefix('v').unwrap_or_default();
        self.is(version.parse::<u32>().is_ok_and(|v| v > 0), "PACKAGE_VERSION_SUFFIX", &package);
        self.is(self.file.public_dependency.is_empty(), "IMPORT_NO_PUBLIC", self.file.name());
        self.is(self.file.weak_dependency.is_empty(), "IMPORT_NO_WEAK", self.file.name());
    }

    fn message(&mut self, message: &DescriptorProto, path: &[i32]) {
        // A map's entry is the compiler's own.
        if message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry) {
            return;
        }
        self.is(pascal(message.name()), "MESSAGE_PASCAL_CASE", message.name());
        self.commented("COMMENT_MESSAGE", path, message.name());
        for (index, field) in message.field.iter().enumerate() {
            let what = format!("{}.{}", message.name(), field.name());
            self.is(lower_snake(field.name()), "FIELD_LOWER_SNAKE_CASE", &what);
            self.commented("COMMENT_FIELD", &[path, &[2, at(index)]].concat(), &what);
        }
        for one in &message.oneof_decl {
            // Of an `optional` field the compiler makes one, `_name`.
            self.is(
                lower_snake(one.name().trim_start_matches('_')),
                "ONEOF_LOWER_SNAKE_CASE",
                one.name(),
            );
        }
        for (index, inner) in message.nested_type.iter().enumerate() {
            self.message(inner, &[path, &[3, at(index)]].concat());
        }
        for (index, inner) in message.enum_type.iter().enumerate() {
            self.enumeration(inner, &[path, &[4, at(index)]].concat());
        }
    }

    fn enumeration(&mut self, one: &EnumDescriptorProto, path: &[i32]) {
        self.is(pascal(one.name()), "ENUM_PASCAL_CASE", one.name());
        self.commented("COMMENT_ENUM", path, one.name());
        let aliases = one.options.as_ref().is_some_and(prost_types::EnumOptions::allow_alias);
        self.is(!aliases, "ENUM_NO_ALLOW_ALIAS", one.name());
        let prefix = format!("{}_", upper_snake_of(one.name()));
        for (index, value) in one.value.iter().enumerate() {
            let what = format!("{}.{}", one.name(), value.name());
            self.is(upper_snake(value.name()), "ENUM_VALUE_UPPER_SNAKE_CASE", &what);
            self.is(value.name().starts_with(&prefix), "ENUM_VALUE_PREFIX", &what);
            let says_nothing = value.number() != 0 || value.name().ends_with("_UNSPECIFIED");
            self.is(says_nothing, "ENUM_ZERO_VALUE_SUFFIX", &what);
            self.commented("COMMENT_ENUM_VALUE", &[path, &[2, at(index)]].concat(), &what);
        }
    }

    fn service(
        &mut self,
        service: &ServiceDescriptorProto,
        path: &[i32],
        used: &mut BTreeSet<String>,
    ) {
        self.is(pascal(service.name()), "SERVICE_PASCAL_CASE", service.name());
        self.is(service.name().ends_with("Service"), "SERVICE_SUFFIX", service.name());
        self.commented("COMMENT_SERVICE", path, service.name());
        for (index, method) in service.method.iter().enumerate() {
            let what = format!("{}.{}", service.name(), method.name());
            self.is(pascal(method.name()), "RPC_PASCAL_CASE", &what);
            self.commented("COMMENT_RPC", &[path, &[2, at(index)]].concat(), &what);
            for (rule, used_type, word) in [
                ("RPC_REQUEST_STANDARD_NAME", method.input_type(), "Request"),
                ("RPC_RESPONSE_STANDARD_NAME", method.output_type(), "Response"),
            ] {
                let name = used_type.rsplit('.').next().unwrap();
                let short = format!("{}{word}", method.name());
                let holds = name == short || name == format!("{}{short}", service.name());
                self.is(holds, rule, &what);
                self.is(used.insert(used_type.to_owned()), "RPC_REQUEST_RESPONSE_UNIQUE", &what);
            }
        }
    }
}

fn words(text: &str, fits: fn(&char) -> bool) -> bool {
    let begins = text.chars().next().is_some_and(|first| first.is_ascii_alphabetic());
    begins && text.split('_').all(|word| !word.is_empty() && word.chars().all(|one| fits(&one)))
}

fn lower_snake(text: &str) -> bool {
    words(text, |one| one.is_ascii_lowercase() || one.is_ascii_digit())
}

fn upper_snake(text: &str) -> bool {
    words(text, |one| one.is_ascii_uppercase() || one.is_ascii_digit())
}

fn pascal(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|one| one.is_ascii_alphanumeric())
}

/// `ServingStatus` as `SERVING_STATUS`.
fn upper_snake_of(name: &str) -> String {
    let mut snake = String::new();
    for one in name.chars() {
        if one.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(one.to_ascii_uppercase());
    }
    snake
}

/// What `buf.yaml` leaves out.
#[derive(Default)]
struct Exceptions {
    /// Folders of which buf looks at nothing.
    folders: Vec<String>,
    /// Rules, each with a file that breaks it.
    rules: Vec<(String, String)>,
    /// Lines of the file without a reason above them.
    without_reason: Vec<String>,
}

fn exceptions() -> Exceptions {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("buf.yaml");
    let mut all = Exceptions::default();
    let (mut key, mut rule, mut reason) = (String::new(), String::new(), false);
    for line in fs::read_to_string(path).unwrap().lines() {
        let deep = line.len() - line.trim_start().len();
        let said = line.trim();
        if said.starts_with('#') {
            reason = true;
            continue;
        }
        match (deep, key.as_str(), said.strip_prefix("- "), said.strip_suffix(':')) {
            (2, _, None, Some(name)) => key = name.to_owned(),
            (4, "ignore", Some(folder), _) => all.folders.push(folder.to_owned()),
            (4, "ignore_only", None, Some(name)) => {
                name.clone_into(&mut rule);
                if !reason {
                    all.without_reason.push(said.to_owned());
                }
            }
            (6, "ignore_only", Some(file), _) => all.rules.push((rule.clone(), file.to_owned())),
            _ => {}
        }
        if deep == 4 && key == "ignore" && !reason {
            all.without_reason.push(said.to_owned());
        }
        reason = false;
    }
    all
}

#[test]
fn the_protos_hold_the_rules_but_for_exceptions_that_are_needed() {
    let left_out = exceptions();
    assert_eq!(left_out.without_reason, Vec::<String>::new(), "each needs a reason above it");
    assert_eq!((left_out.folders.len(), left_out.rules.len()), (1, 2));
    let all = lint(&ours());
    let is_left_out = |one: &Finding| {
        let in_folder =
            left_out.folders.iter().any(|folder| Path::new(&one.file).starts_with(folder));
        // What has a name is explained there as well: comments are ours.
        let by_folder = in_folder && !one.rule.starts_with("COMMENT_");
        by_folder || left_out.rules.contains(&(one.rule.to_owned(), one.file.clone()))
    };
    let found: Vec<_> = all.iter().filter(|one| !is_left_out(one)).collect();
    assert!(found.is_empty(), "mend it, or give buf.yaml an exception with its reason: {found:#?}");
    for (rule, file) in &left_out.rules {
        let needed = all.iter().any(|one| one.rule == rule && one.file == *file);
        assert!(needed, "{file} holds {rule}: its exception in buf.yaml can go");
    }
    for folder in &left_out.folders {
        let needed = all.iter().any(|one| Path::new(&one.file).starts_with(folder));
        assert!(needed, "{folder} holds all rules: its exception in buf.yaml can go");
    }
}

/// A contract without a fault.
const GOOD: &str = "\
syntax = \"proto3\";
package acme.v1;
// One.
service ThingService {
  // One.
  rpc GetThing(GetThingRequest) returns (GetThingResponse);
}
// One.
message GetThingRequest {
  string full_name = 1; // One.
  oneof found_by {
    uint32 by_id2 = 2; // One.
  }
  optional bool all = 3; // One.
}
// One.
message GetThingResponse {}
// One.
enum SortOrder {
  SORT_ORDER_UNSPECIFIED = 0; // One.
  SORT_ORDER_UP = 1; // One.
}
";

#[test]
fn each_rule_finds_what_breaks_it() {
    let name = "acme/v1/thing.proto";
    assert_eq!(lint(&compiled(name, GOOD).unwrap()), BTreeSet::new());
    for (rule, from, to) in [
        ("SYNTAX_SPECIFIED", GOOD, "package acme.v1;"),
        ("PACKAGE_LOWER_SNAKE_CASE", "acme.v1", "Acme.v1"),
        ("PACKAGE_VERSION_SUFFIX", "acme.v1", "acme"),
        ("PACKAGE_VERSION_SUFFIX", "acme.v1", "acme.v0"),
        ("PACKAGE_DIRECTORY_MATCH", "acme.v1", "acme.v2"),
        ("PACKAGE_DEFINED", "package acme.v1;", ""),
        ("SERVICE_PASCAL_CASE", "ThingService", "thingService"),
        ("SERVICE_SUFFIX", "ThingService", "Thing"),
        ("RPC_PASCAL_CASE", "rpc GetThing(", "rpc getThing("),
        ("RPC_REQUEST_STANDARD_NAME", "GetThingRequest", "Thing"),
        ("RPC_RESPONSE_STANDARD_NAME", "GetThingResponse", "Thing"),
        ("RPC_REQUEST_RESPONSE_UNIQUE", "(GetThingResponse)", "(GetThingRequest)"),
        ("MESSAGE_PASCAL_CASE", "GetThingResponse", "Get_thing_response"),
        ("FIELD_LOWER_SNAKE_CASE", "full_name", "fullName"),
        ("FIELD_LOWER_SNAKE_CASE", "full_name", "full__name"),
        ("ONEOF_LOWER_SNAKE_CASE", "found_by", "foundBy"),
        ("ENUM_PASCAL_CASE", "enum SortOrder", "enum Sort_Order"),
        ("ENUM_VALUE_UPPER_SNAKE_CASE", "SORT_ORDER_UP", "SORT_ORDER_Up"),
        ("ENUM_VALUE_PREFIX", "SORT_ORDER_UP", "UP"),
        ("ENUM_ZERO_VALUE_SUFFIX", "SORT_ORDER_UNSPECIFIED", "SORT_ORDER_DOWN"),
        (
            "ENUM_NO_ALLOW_ALIAS",
            "UP = 1; // One.",
            "UP = 1; // One.
  SORT_ORDER_HIGHER = 1; // One.\n  option allow_alias = true;",
        ),
        ("COMMENT_SERVICE", "// One.\nservice", "service"),
        ("COMMENT_RPC", "// One.\n  rpc", "rpc"),
        ("COMMENT_MESSAGE", "// One.\nmessage GetThingResponse", "message GetThingResponse"),
        ("COMMENT_FIELD", "full_name = 1; // One.", "full_name = 1;"),
        ("COMMENT_ENUM", "// One.\nenum", "enum"),
        ("COMMENT_ENUM_VALUE", "UP = 1; // One.", "UP = 1;"),
    ] {
        let bad = GOOD.replace(from, to);
        assert_ne!(bad, GOOD, "{rule}: nothing was replaced");
        let found = lint(&compiled(name, &bad).unwrap());
        assert!(found.iter().any(|one| one.rule == rule), "{rule}: {from} as {to}: {found:?}");
    }
    let found = lint(&compiled("acme/v1/Thing.proto", GOOD).unwrap());
    assert!(found.iter().all(|one| one.rule == "FILE_LOWER_SNAKE_CASE"), "{found:?}");
    assert_eq!(found.len(), 1);
}
