//! The two types of the index.

use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, Millis, Region};
use serde::Serialize;

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// None.
    Null,
    /// A number, a time in milliseconds, a day as YYYYMMDD, or yes (1) and no (0).
    Int(i64),
    /// Text: codes, ids in hexadecimal, names of states.
    Text(String),
}

impl Value {
    /// The number, if it is one.
    pub const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

macro_rules! ints {
    ($($name:ty),*) => {$(
        impl From<$name> for Value {
            fn from(number: $name) -> Self {
                Self::Int(i64::from(number))
            }
        }
    )*};
}

ints!(i64, u32, u16, u8, bool);

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Millis> for Value {
    fn from(at: Millis) -> Self {
        at.0.into()
    }
}

impl From<Height> for Value {
    fn from(height: Height) -> Self {
        height.0.into()
    }
}

impl From<Region> for Value {
    fn from(region: Region) -> Self {
        Self::Int(i64::from(region.0))
    }
}

impl From<Day> for Value {
    fn from(day: Day) -> Self {
        day.number().into()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

macro_rules! texts {
    ($($name:ty),*) => {$(
        impl From<$name> for Value {
            fn from(code: $name) -> Self {
                Self::Text(code.to_string())
            }
        }
    )*};
}

texts!(
    Id16,
    hefu_primitives::H32,
    hefu_primitives::KeyId,
    hefu_primitives::TxId,
    hefu_primitives::BlockId,
    hefu_primitives::Uscc,
    hefu_primitives::TypeCode,
    hefu_primitives::BaseCode
);

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The name that serialisation gives a variant.
pub(crate) fn name<T: Serialize>(value: &T) -> Value {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Value::Text(name),
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().next().map(|(k, _)| k).into(),
        _ => Value::Null,
    }
}

/// Several things in one text, apart by blanks.
pub(crate) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> Value {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    Value::Text(items.join(" "))
}
