//! The JSON of one licence, read key by key, so that each thing that can be wrong with it has an
//! error of its own.
//!
//! 1. Every key is wanted, none twice and no other: a library that renames a key must not lose it
//!    silently.
//! 2. An error names the key and never a value; a key that nobody knows is shown only as far as it
//!    cannot be a personal number itself.
//!
//! Does not know which values are allowed: `licence` checks those.

use std::collections::BTreeMap;

use hefu_primitives::codes::personal_data;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::licence::{FaceFields, Holder, Licence, LicenceError, parse_area};

/// Most characters of an unknown key that an error shows.
const SHOWN_KEY_CHARACTERS: usize = 32;

/// Reads a licence; values are parsed, but not yet checked.
pub(super) fn read(bytes: &[u8]) -> Result<Licence, LicenceError> {
    let node = serde_json::from_slice::<Node>(bytes).map_err(|error| {
        // Invalid UTF-8 inside a text is a syntax error to serde; it has another cause.
        match std::str::from_utf8(bytes) {
            Err(_) => LicenceError::NotText,
            Ok(_) => LicenceError::Json { column: error.column() },
        }
    })?;
    let mut top = node.object("{}")?;
    let licence = Licence {
        type_code: top.code("type_code")?,
        identifier: top.text("identifier")?,
        certificate_number: top.text("certificate_number")?,
        version: top.number("version")?,
        issuer_code: top.code("issuer_code")?,
        area_code: top.area("area_code")?,
        issued_on: top.day("issued_on")?,
        valid_from: top.day("valid_from")?,
        valid_until: top.day_or_null("valid_until")?,
        holder: top.holder()?,
        fields: top.fields()?,
    };
    top.end()?;
    Ok(licence)
}

/// A JSON value, as far as a licence needs it.
enum Node {
    Null,
    Number(u64),
    Text(String),
    Object {
        members: BTreeMap<String, Node>,
        repeated: Option<String>,
    },
    /// What no licence has: a list, a fraction, true.
    Other,
}

impl Node {
    fn object(self, name: &str) -> Result<Members, LicenceError> {
        let prefix = if name == "{}" { String::new() } else { format!("{name}.") };
        match self {
            Self::Object { repeated: Some(key), .. } => {
                Err(LicenceError::RepeatedKey { name: format!("{prefix}{}", shown(&key)) })
            }
            Self::Object { members, .. } => Ok(Members { prefix, members }),
            _ => Err(LicenceError::Kind { name: name.to_owned() }),
        }
    }
}

/// The members of an object that nobody took yet.
struct Members {
    prefix: String,
    members: BTreeMap<String, Node>,
}

impl Members {
    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn take(&mut self, key: &str) -> Result<Node, LicenceError> {
        let found = self.members.remove(key);
        found.ok_or_else(|| LicenceError::MissingKey { name: self.name(key) })
    }

    fn text(&mut self, key: &str) -> Result<String, LicenceError> {
        match self.take(key)? {
            Node::Text(text) => Ok(text),
            _ => Err(LicenceError::Kind { name: self.name(key) }),
        }
    }

    fn number(&mut self, key: &str) -> Result<u16, LicenceError> {
        match self.take(key)? {
            Node::Number(number) => {
                u16::try_from(number).map_err(|_| LicenceError::Range { name: self.name(key) })
            }
            _ => Err(LicenceError::Kind { name: self.name(key) }),
        }
    }

    fn code<T: std::str::FromStr>(&mut self, key: &str) -> Result<T, LicenceError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| LicenceError::Code { name: self.name(key) })
    }

    fn area(&mut self, key: &str) -> Result<hefu_primitives::Region, LicenceError> {
        let text = self.text(key)?;
        parse_area(&text).ok_or_else(|| LicenceError::Code { name: self.name(key) })
    }

    fn day(&mut self, key: &str) -> Result<hefu_primitives::time::Day, LicenceError> {
        let text = self.text(key)?;
        text.parse().map_err(|_| LicenceError::Day { name: self.name(key) })
    }

    fn day_or_null(
        &mut self,
        key: &str,
    ) -> Result<Option<hefu_primitives::time::Day>, LicenceError> {
        if matches!(self.members.get(key), Some(Node::Null)) {
            self.members.remove(key);
            return Ok(None);
        }
        self.day(key).map(Some)
    }

    fn holder(&mut self) -> Result<Holder, LicenceError> {
        let mut members = self.take("holder")?.object("holder")?;
        let holder = Holder {
            code_type: members.text("code_type")?,
            code: members.text("code")?,
            name: members.text("name")?,
        };
        members.end()?;
        Ok(holder)
    }

    fn fields(&mut self) -> Result<FaceFields, LicenceError> {
        let members = self.take("fields")?.object("fields")?;
        let text = |(name, node): (String, Node)| match node {
            Node::Text(text) => Ok((name, text)),
            _ => Err(LicenceError::Kind { name: format!("fields.{}", shown(&name)) }),
        };
        members.members.into_iter().map(text).collect::<Result<_, _>>().map(FaceFields)
    }

    fn end(self) -> Result<(), LicenceError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(key) => Err(LicenceError::UnknownKey { name: self.name(&shown(key)) }),
        }
    }
}

/// A key from outside, as an error may show it (rule 2).
pub(super) fn shown(key: &str) -> String {
    match personal_data(key) {
        Some(_) => "…".to_owned(),
        None => key.chars().filter(|c| !c.is_control()).take(SHOWN_KEY_CHARACTERS).collect(),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let (mut members, mut repeated) = (BTreeMap::new(), None);
        while let Some((key, node)) = map.next_entry::<String, Node>()? {
            // The last of two would win silently.
            if members.insert(key.clone(), node).is_some() {
                repeated.get_or_insert(key);
            }
        }
        Ok(Node::Object { members, repeated })
    }
}
