//! Which members of an answer are wanted: `fields=name,last.outcome`.
//!
//! What members there are is read from the schema that describes the answer, so the two cannot say
//! different things. What is not wanted is passed over while the answer is written: it costs nothing.

use std::{collections::BTreeMap, fmt};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq, SerializeStruct},
};
use serde_json::Value;

use crate::text::did_you_mean;

/// How deep members of members are named at most.
const DEPTH: usize = 4;

/// The members of a shape, and theirs.
#[derive(Debug, Default)]
pub struct Members(BTreeMap<String, Members>);

impl Members {
    /// Those of `T`; of what is in a list when `T` is one.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let schema = generator.into_root_schema_for::<T>().to_value();
        let mut all = Self::default();
        all.add(&schema, &schema, DEPTH);
        all
    }

    fn add(&mut self, schema: &Value, root: &Value, depth: usize) {
        if depth == 0 {
            return;
        }
        if let Some(at) = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            self.add(root.pointer(at).unwrap_or(&Value::Null), root, depth);
        }
        for list in ["allOf", "anyOf", "oneOf"] {
            let parts = schema[list].as_array().into_iter().flatten();
            parts.for_each(|part| self.add(part, root, depth));
        }
        if schema["items"].is_object() {
            self.add(&schema["items"], root, depth);
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            self.0.entry(name.clone()).or_default().add(inner, root, depth - 1);
        }
    }

    /// Those that are meant by a list with commas; `a.b` is the member `b` of the member `a`.
    ///
    /// # Errors
    /// When there is no such member: the nearest one, and all there are.
    pub fn choose(&self, text: &str) -> Result<Fields, String> {
        let mut wanted = Fields::default();
        for name in text.split(',').map(str::trim) {
            let (mut known, mut place) = (self, &mut wanted);
            let mut parts = name.split('.').peekable();
            while let Some(part) = parts.next() {
                let Some((part, inner)) = known.0.get_key_value(part) else {
                    return Err(known.unknown(part, name));
                };
                if parts.peek().is_none() {
                    place.0.insert(part.clone(), None);
                    break;
                }
                let entry = place.0.entry(part.clone());
                // All of it is wanted already.
                let Some(next) = entry.or_insert_with(|| Some(Fields::default())) else { break };
                (known, place) = (inner, next);
            }
        }
        Ok(wanted)
    }

    fn unknown(&self, part: &str, name: &str) -> String {
        let words = || self.0.keys().map(String::as_str);
        let asked = if part == name { String::new() } else { format!(" in {name:?}") };
        let hint = did_you_mean(part, words());
        let list = words().take(LISTED).collect::<Vec<_>>().join(", ");
        let more = if self.0.len() > LISTED { ", …" } else { "" };
        let all = match self.0.len() {
            0 => "; it has none to choose from".to_owned(),
            _ => format!("; there are {list}{more}"),
        };
        format!("no member is called {part:?}{asked}{hint}{all}")
    }
}

/// Members that a message lists at most.
const LISTED: usize = 30;

/// Members that are wanted; none: the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(BTreeMap<String, Option<Fields>>);

impl Fields {
    /// Whether the member is wanted, or some of its own.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// These of what is in the list `list`; the members `whole` beside it are wanted as they are.
    #[must_use]
    pub fn within(self, list: &str, whole: &[&str]) -> Self {
        let beside = whole.iter().map(|name| ((*name).to_owned(), None));
        Self(beside.chain([(list.to_owned(), Some(self))]).collect())
    }

    fn write(&self, before: &str, all: &mut Vec<String>) {
        for (name, inner) in &self.0 {
            match inner {
                None => all.push(format!("{before}{name}")),
                Some(inner) => inner.write(&format!("{before}{name}."), all),
            }
        }
    }
}

/// As it is asked for.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Vec::new();
        self.write("", &mut all);
        f.write_str(&all.join(","))
    }
}

/// A value of which only some members are written.
#[derive(Debug)]
pub struct Chosen<'a, T: ?Sized>(pub &'a T, pub &'a Fields);

impl<T: Serialize + ?Sized> Serialize for Chosen<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Filter { inner: serializer, fields: self.1 })
    }
}

/// Writes on what is wanted.
struct Filter<'a, S> {
    inner: S,
    fields: &'a Fields,
}

macro_rules! pass_on {
    ($($method:ident($($name:ident: $type:ty),*) -> $answer:ident;)*) => {
        $(fn $method(self, $($name: $type),*) -> Result<Self::$answer, Self::Error> {
            self.inner.$method($($name),*)
        })*
    };
}

impl<'a, S: Serializer> Serializer for Filter<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Picked<'a, S::SerializeSeq>;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = Picked<'a, S::SerializeMap>;
    type SerializeStruct = Picked<'a, S::SerializeStruct>;
    type SerializeStructVariant = S::SerializeStructVariant;

    pass_on! {
        serialize_bool(v: bool) -> Ok;
        serialize_i8(v: i8) -> Ok;
        serialize_i16(v: i16) -> Ok;
        serialize_i32(v: i32) -> Ok;
        serialize_i64(v: i64) -> Ok;
        serialize_u8(v: u8) -> Ok;
        serialize_u16(v: u16) -> Ok;
        serialize_u32(v: u32) -> Ok;
        serialize_u64(v: u64) -> Ok;
        serialize_f32(v: f32) -> Ok;
        serialize_f64(v: f64) -> Ok;
        serialize_char(v: char) -> Ok;
        serialize_str(v: &str) -> Ok;
        serialize_bytes(v: &[u8]) -> Ok;
        serialize_none() -> Ok;
        serialize_unit() -> Ok;
        serialize_unit_struct(name: &'static str) -> Ok;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> Ok;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Chosen(value, self.fields))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &Chosen(value, self.fields))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, index, variant, value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Picked::new(self.inner.serialize_seq(len)?, self.fields))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Picked::new(self.inner.serialize_map(None)?, self.fields))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        Ok(Picked::new(self.inner.serialize_struct(name, len)?, self.fields))
    }
}

/// What is written member by member, or item by item.
struct Picked<'a, W> {
    inner: W,
    fields: &'a Fields,
    /// How the value of the key is wanted that was written last.
    next: Option<&'a Option<Fields>>,
}

impl<'a, W> Picked<'a, W> {
    fn new(inner: W, fields: &'a Fields) -> Self {
        Self { inner, fields, next: None }
    }
}

impl<W: SerializeSeq> SerializeSeq for Picked<'_, W> {
    type Ok = W::Ok;
    type Error = W::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), W::Error> {
        self.inner.serialize_element(&Chosen(value, self.fields))
    }

    fn end(self) -> Result<W::Ok, W::Error> {
        self.inner.end()
    }
}

impl<W: SerializeStruct> SerializeStruct for Picked<'_, W> {
    type Ok = W::Ok;
    type Error = W::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), W::Error> {
        match self.fields.0.get(key) {
            None => self.inner.skip_field(key),
            Some(None) => self.inner.serialize_field(key, value),
            Some(Some(fields)) => self.inner.serialize_field(key, &Chosen(value, fields)),
        }
    }

    fn end(self) -> Result<W::Ok, W::Error> {
        self.inner.end()
    }
}

impl<W: SerializeMap> SerializeMap for Picked<'_, W> {
    type Ok = W::Ok;
    type Error = W::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), W::Error> {
        let name = serde_json::to_value(key).map_err(serde::ser::Error::custom)?;
        self.next = name.as_str().and_then(|name| self.fields.0.get(name));
        if self.next.is_some() { self.inner.serialize_key(key) } else { Ok(()) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), W::Error> {
        match self.next {
            None => Ok(()),
            Some(None) => self.inner.serialize_value(value),
            Some(Some(fields)) => self.inner.serialize_value(&Chosen(value, fields)),
        }
    }

    fn end(self) -> Result<W::Ok, W::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        model::HostId,
        query::{HostShape, PollShape},
        store::sample,
        units::WallMs,
    };

    fn poll(fields: &str) -> Value {
        let record = sample::good(HostId(1), &sample::name("web-1"), WallMs(7));
        let poll = PollShape::new(Arc::new(record), true);
        let fields = Members::of::<PollShape>().choose(fields).unwrap();
        serde_json::from_str(&serde_json::to_string(&Chosen(&poll, &fields)).unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_wanted_is_written_at_every_depth() {
        assert_eq!(poll("slot_ms,outcome"), json!({ "slot_ms": 7, "outcome": "ok" }));
        let whole = poll("values,detail");
        assert!(whole["values"].as_object().unwrap().len() > 100);
        let busy = &whole["values"]["cpu_busy_pct"];
        assert_eq!(poll("values.cpu_busy_pct"), json!({ "values": { "cpu_busy_pct": busy } }));
        let mounts = whole["detail"]["filesystem"].as_array().unwrap();
        assert!(!mounts.is_empty());
        let points: Vec<_> =
            mounts.iter().map(|row| json!({ "mount_point": row["mount_point"] })).collect();
        let chosen = poll("detail.filesystem.mount_point");
        assert_eq!(chosen, json!({ "detail": { "filesystem": points } }));
        // The whole of it has its parts, in whatever order they are named.
        for text in ["values,values.load_1", "values.load_1,values"] {
            assert_eq!(poll(text), json!({ "values": whole["values"] }), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let members = Members::of::<HostShape>();
        let refused = |text: &str| members.choose(text).unwrap_err();
        let message = refused("name,stat");
        assert!(
            message.starts_with(
                "no member is called \"stat\"; did you mean `state`?; there are addresses, "
            ),
            "{message}"
        );
        let message = refused("last.values.cpu_bussy_pct");
        assert!(
            message.contains("in \"last.values.cpu_bussy_pct\"; did you mean `cpu_busy_pct`?"),
            "{message}"
        );
        assert!(message.ends_with(", …"), "{message}");
        assert!(refused("name.first").ends_with("it has none to choose from"));
        for bad in ["", "name,", "name..", ".name", "last.", "*", "hosts"] {
            assert!(members.choose(bad).is_err(), "{bad:?}");
        }
        let asked = "last.error,last.outcome,name";
        assert_eq!(members.choose("name, last.outcome,last.error").unwrap().to_string(), asked);
    }
}
