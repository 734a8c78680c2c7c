//! What programs in the field have been built against, `tests/wire.txt`, against what the protos say
//! now: a field, a value or a call may be added, and none changes its number, name or type. One that is
//! removed leaves both its number and its name reserved.
//!
//! `WIRE=write cargo test -p roundsman-proto --test wire` takes up what was added. It writes nothing
//! while something breaks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sources;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    ops::RangeInclusive,
};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};
use sources::{compiled, ours};

/// Messages, enums and calls, each under its line in the file.
type Wire = BTreeMap<String, Block>;

/// What is in a message or an enum; nothing, in a call.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    /// Name, and type where it is a field, by number.
    members: BTreeMap<i32, (String, String)>,
    numbers: Vec<RangeInclusive<i32>>,
    names: BTreeSet<String>,
}

fn of_files(files: &[FileDescriptorProto]) -> Wire {
    let mut wire = Wire::new();
    for file in files {
        for message in &file.message_type {
            of_message(file.package(), message, &mut wire);
        }
        for one in &file.enum_type {
            of_enum(file.package(), one, &mut wire);
        }
        for service in &file.service {
            for call in &service.method {
                let stream = |yes: bool| if yes { "stream " } else { "" };
                let line = format!(
                    "call /{}.{}/{}: {}{} -> {}{}",
                    file.package(),
                    service.name(),
                    call.name(),
                    stream(call.client_streaming()),
                    call.input_type().trim_start_matches('.'),
                    stream(call.server_streaming()),
                    call.output_type().trim_start_matches('.'),
                );
                wire.insert(line, Block::default());
            }
        }
    }
    wire
}

fn of_message(scope: &str, message: &DescriptorProto, wire: &mut Wire) {
    let name = format!("{scope}.{}", message.name());
    for inner in &message.nested_type {
        of_message(&name, inner, wire);
    }
    for inner in &message.enum_type {
        of_enum(&name, inner, wire);
    }
    let fields = message.field.iter();
    let block = Block {
        members: fields
            .map(|field| (field.number(), (field.name().to_owned(), of_field(message, field))))
            .collect(),
        // The end of a message's range is not in it; that of an enum's is.
        numbers: message
            .reserved_range
            .iter()
            .map(|range| range.start()..=range.end() - 1)
            .collect(),
        names: message.reserved_name.iter().cloned().collect(),
    };
    wire.insert(format!("message {name}"), block);
}

fn of_field(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let kind = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    match (field.label(), field.oneof_index) {
        (Label::Repeated, _) => format!("repeated {kind}"),
        (Label::Required, _) => format!("required {kind}"),
        _ if field.proto3_optional() => format!("optional {kind}"),
        (_, Some(index)) => {
            let one = &message.oneof_decl[usize::try_from(index).unwrap()];
            format!("oneof {} {kind}", one.name())
        }
        _ => kind,
    }
}

fn of_enum(scope: &str, one: &EnumDescriptorProto, wire: &mut Wire) {
    let values = one.value.iter();
    let block = Block {
        members: values
            .map(|value| (value.number(), (value.name().to_owned(), String::new())))
            .collect(),
        numbers: one.reserved_range.iter().map(|range| range.start()..=range.end()).collect(),
        names: one.reserved_name.iter().cloned().collect(),
    };
    wire.insert(format!("enum {scope}.{}", one.name()), block);
}

fn written(wire: &Wire) -> String {
    let mut text = String::new();
    for (line, block) in wire {
        writeln!(text, "{line}").unwrap();
        for (number, (name, kind)) in &block.members {
            writeln!(text, "{}", format!("  {number} {name} {kind}").trim_end()).unwrap();
        }
        for range in &block.numbers {
            writeln!(text, "  reserved {} to {}", range.start(), range.end()).unwrap();
        }
        for name in &block.names {
            writeln!(text, "  reserved {name}").unwrap();
        }
    }
    text
}

fn read(text: &str) -> Wire {
    let mut wire = Wire::new();
    let mut block = &mut Block::default();
    for line in text.lines() {
        let Some(said) = line.strip_prefix("  ") else {
            block = wire.entry(line.to_owned()).or_default();
            continue;
        };
        let (first, rest) = said.split_once(' ').unwrap();
        match (first, rest.split_once(" to ")) {
            ("reserved", Some((from, to))) => {
                block.numbers.push(from.parse().unwrap()..=to.parse().unwrap());
            }
            ("reserved", None) => _ = block.names.insert(rest.to_owned()),
            (number, _) => {
                let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
                let number = number.parse().unwrap();
                block.members.insert(number, (name.to_owned(), kind.to_owned()));
            }
        }
    }
    wire
}

/// What of `before` programs rely on and `now` takes from them.
fn breaks(before: &Wire, now: &Wire) -> Vec<String> {
    let mut all = Vec::new();
    for (line, before) in before {
        match now.get(line) {
            Some(now) => block_breaks(line, before, now, &mut all),
            None => all.push(format!("\"{line}\" is gone or is another")),
        }
    }
    all
}

fn block_breaks(line: &str, before: &Block, now: &Block, all: &mut Vec<String>) {
    let is_reserved = |number: i32| now.numbers.iter().any(|range| range.contains(&number));
    // Of names the compiler does not see to it.
    for (_, (name, _)) in now.members.iter().filter(|(_, (name, _))| now.names.contains(name)) {
        all.push(format!("{line}: \"{name}\" is reserved: give the new one another name"));
    }
    for (number, member) in &before.members {
        let (name, kind) = member;
        match now.members.get(number) {
            Some(is) if is == member => {}
            Some((other, of)) => all.push(format!(
                "{line}: {number} was \"{name} {kind}\" and is \"{other} {of}\": give the new one a free \
                 number"
            )),
            None if is_reserved(*number) && now.names.contains(name) => {}
            None => all.push(format!(
                "{line}: {number} was {name} and is gone: reserve {number} and \"{name}\" for ever"
            )),
        }
    }
    for range in &before.numbers {
        let mut next = *range.start();
        while let Some(has) = now.numbers.iter().find(|has| has.contains(&next)) {
            if has.end() >= range.end() {
                next = *range.end();
                break;
            }
            next = has.end() + 1;
        }
        if next != *range.end() || !is_reserved(next) {
            all.push(format!("{line}: {next} was reserved and is not: reserve it for ever"));
        }
    }
    for name in before.names.difference(&now.names) {
        all.push(format!("{line}: \"{name}\" was reserved and is not: reserve it for ever"));
    }
}

#[test]
fn nothing_that_programs_rely_on_has_changed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire.txt");
    let before = read(&fs::read_to_string(path).unwrap());
    let now = of_files(&ours());
    assert_eq!(breaks(&before, &now), Vec::<String>::new(), "older probes and servers would break");
    if env::var_os("WIRE").is_some_and(|value| value == "write") {
        fs::write(path, written(&now)).unwrap();
        return;
    }
    let changed: Vec<_> =
        now.iter().filter(|(line, block)| before.get(*line) != Some(block)).collect();
    assert!(
        before == now,
        "this is new and breaks nothing, but tests/wire.txt has not taken it up: \
         WIRE=write cargo test -p roundsman-proto --test wire\n{changed:#?}"
    );
}

/// What programs were built against.
const BEFORE: &str = "\
syntax = \"proto3\";
package acme.v1;
message Thing {
  reserved 9 to 11, 13;
  reserved \"old\";
  string name = 1;
  repeated uint64 size = 2;
  optional Colour colour = 3;
  oneof way { bool up = 4; bool down = 5; }
  map<string, Thing> parts = 6;
  message Inner { int64 at = 1; }
}
enum Colour {
  COLOUR_UNSPECIFIED = 0;
  COLOUR_RED = 1;
  COLOUR_BLUE = 2;
}
service Things { rpc Get(Thing) returns (stream Thing); }
";

/// `BEFORE` with `to` in the place of `from`, against it.
fn changed(from: &str, to: &str) -> Vec<String> {
    let now = BEFORE.replace(from, to);
    assert_ne!(now, BEFORE, "{from}: nothing was replaced");
    let wire = |text| of_files(&compiled("acme/v1/thing.proto", text).unwrap());
    breaks(&wire(BEFORE), &wire(&now))
}

#[test]
fn what_breaks_is_found() {
    for (from, to, said) in [
        ("name = 1", "name = 7", "1 was name and is gone: reserve 1 and \"name\""),
        ("name = 1", "title = 1", "1 was \"name string\" and is \"title string\""),
        ("string name", "bytes name", "1 was \"name string\" and is \"name bytes\""),
        ("string name", "optional string name", "and is \"name optional string\""),
        ("repeated uint64", "uint64", "2 was \"size repeated uint64\" and is \"size uint64\""),
        ("uint64 size", "fixed64 size", "is \"size repeated fixed64\""),
        ("Colour colour", "Thing colour", "is \"colour optional acme.v1.Thing\""),
        (
            "bool down = 5; }",
            "} bool down = 5;",
            "5 was \"down oneof way bool\" and is \"down bool\"",
        ),
        ("map<string, Thing>", "map<string, string>", "PartsEntry: 2 was \"value acme.v1.Thing\""),
        ("  string name = 1;\n", "", "1 was name and is gone"),
        ("  string name = 1;\n", "  reserved 1;\n", "1 was name and is gone"),
        ("  string name = 1;\n", "  reserved \"name\";\n", "1 was name and is gone"),
        ("int64 at = 1;", "", "message acme.v1.Thing.Inner: 1 was at and is gone"),
        ("  message Inner { int64 at = 1; }\n", "", "\"message acme.v1.Thing.Inner\" is gone"),
        ("9 to 11, 13", "9 to 10, 13", "11 was reserved and is not"),
        ("9 to 11, 13", "10 to 11, 13", "9 was reserved and is not"),
        ("9 to 11, 13", "9, 11, 13", "10 was reserved and is not"),
        ("9 to 11, 13", "9 to 11", "13 was reserved and is not"),
        ("  reserved \"old\";\n", "", "\"old\" was reserved and is not"),
        ("name = 1;", "name = 1; string old = 20;", "\"old\" is reserved: give the new one"),
        ("RED = 1", "RED = 3", "enum acme.v1.Colour: 1 was COLOUR_RED and is gone"),
        ("  COLOUR_BLUE = 2;\n", "", "2 was COLOUR_BLUE and is gone"),
        ("COLOUR_BLUE = 2", "COLOUR_GREEN = 2", "and is \"COLOUR_GREEN \""),
        ("rpc Get(", "rpc Fetch(", "\"call /acme.v1.Things/Get: acme.v1.Thing -> stream"),
        ("returns (stream Thing)", "returns (Thing)", "is gone or is another"),
        ("service Things", "service Stuff", "is gone or is another"),
        ("package acme.v1", "package acme.v2", "\"message acme.v1.Thing\" is gone"),
    ] {
        let found = changed(from, to).join("\n");
        assert!(found.contains(said), "{from} as {to}: {found:?} does not say {said:?}");
    }
}

#[test]
fn a_reserved_number_is_refused_by_the_compiler() {
    let bad = BEFORE.replace("string name = 1;", "string name = 1; string other = 9;");
    let said = compiled("acme/v1/thing.proto", &bad).unwrap_err().to_string();
    assert!(said.contains("reserved"), "{said}");
}

#[test]
fn what_breaks_nothing_is_none() {
    for (from, to) in [
        ("string name = 1;", "string name = 1; string other = 7;"),
        ("COLOUR_BLUE = 2;", "COLOUR_BLUE = 2; COLOUR_GREEN = 3;"),
        ("service Things { ", "service Things { rpc Put(Thing) returns (Thing); "),
        ("  string name = 1;\n", "  reserved 1;\n  reserved \"name\";\n"),
        ("  COLOUR_BLUE = 2;\n", "  reserved 2;\n  reserved \"COLOUR_BLUE\";\n"),
        ("9 to 11, 13", "9, 10 to 12, 13 to 20"),
        ("enum Colour", "message More { string name = 1; }\nenum Colour"),
    ] {
        assert_eq!(changed(from, to), Vec::<String>::new(), "{from} as {to}");
    }
}

#[test]
fn the_file_reads_as_it_was_written() {
    let wire = of_files(&compiled("acme/v1/thing.proto", BEFORE).unwrap());
    assert_eq!(read(&written(&wire)), wire);
}
