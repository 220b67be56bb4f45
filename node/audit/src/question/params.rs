//! What questions are asked with.

use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Id16, KeyId, Millis, Uscc};

use super::{Question, Words};
use crate::error::AuditError;
use crate::value::Value;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A province, six digits.
    Region,
    /// An authority's credit code.
    Authority,
    /// The id of a record: 32 hexadecimal digits.
    Id,
    /// The id of a key.
    Key,
    /// A commitment: 64 hexadecimal digits.
    Commitment,
    /// The base code of a service item.
    Item,
    /// A day, or a time.
    From,
    /// A day, to its end, or a time.
    To,
    /// A day.
    Day,
    /// A number.
    Number,
    /// A word: the name of a kind, a flag, a subject.
    Word,
}

impl Kind {
    /// What it should be, in words of errors.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Region => "province code",
            Self::Authority => "credit code",
            Self::Id => "record id",
            Self::Key => "key id",
            Self::Commitment => "commitment",
            Self::Item => "base code",
            Self::From | Self::To => "day or time",
            Self::Day => "day",
            Self::Number => "number",
            Self::Word => "word",
        }
    }
}

/// Longest word.
const MAX_WORD: usize = 128;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when not given.
    pub default: Option<i64>,
    /// What it means.
    pub about: Words,
}

impl Param {
    pub(crate) const fn new(
        name: &'static str,
        kind: Kind,
        zh: &'static str,
        en: &'static str,
    ) -> Self {
        Self { name, kind, required: false, default: None, about: Words { zh, en } }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn or(self, default: i64) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The value that a text means.
    pub(crate) fn read(&self, text: &str) -> Result<Value, AuditError> {
        let value = match self.kind {
            Kind::Region => {
                text.parse::<u32>().ok().filter(|code| *code < 1_000_000).map(Value::from)
            }
            Kind::Authority => text.parse::<Uscc>().ok().map(Value::from),
            Kind::Id => {
                text.rsplit(':').next().and_then(|id| id.parse::<Id16>().ok()).map(Value::from)
            }
            Kind::Key => {
                text.rsplit(':').next().and_then(|id| id.parse::<KeyId>().ok()).map(Value::from)
            }
            Kind::Commitment => text.parse::<H32>().ok().map(Value::from),
            Kind::Item => text.parse::<BaseCode>().ok().map(Value::from),
            Kind::From => moment(text, Day::start).map(Value::from),
            Kind::To => moment(text, Day::end).map(Value::from),
            Kind::Day => text.parse::<Day>().ok().map(Value::from),
            Kind::Number => text.parse::<i64>().ok().filter(|number| *number >= 0).map(Value::Int),
            Kind::Word => {
                // Kinds, flags, subjects and codes have no others: a slip must not read as "nothing".
                let sound = (1..=MAX_WORD).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_graphic());
                sound.then(|| text.into())
            }
        };
        let (name, expected) = (self.name, self.kind.expected());
        value.ok_or_else(|| AuditError::BadParameter { name, expected, value: text.to_owned() })
    }
}

fn moment(text: &str, of_day: impl Fn(Day) -> Millis) -> Option<Millis> {
    let day = text.parse::<Day>().ok().map(of_day);
    day.or_else(|| Millis::from_rfc3339(text).ok())
}

impl Question {
    /// All parameters: its own, and those of every question.
    pub fn all_params(&self) -> impl Iterator<Item = &Param> {
        self.params.iter().chain(COMMON)
    }
}

pub(crate) const FROM: Param =
    Param::new("from", Kind::From, "起始日期或时间", "from this day or time on");
pub(crate) const TO: Param =
    Param::new("to", Kind::To, "截止日期(含)或时间", "up to this day, with it, or time");
pub(crate) const CERTIFICATE: Param =
    Param::new("certificate", Kind::Id, "证照存证编号", "the attestation");
/// In the place of [`CERTIFICATE`]: whoever knows identifier and salt computes it, and tells neither.
pub(crate) const COMMITMENT: Param = Param::new(
    "commitment",
    Kind::Commitment,
    "标识承诺(由标识与盐值在本地算出),代替存证编号",
    "the commitment to its identifier, in the place of the attestation",
);
pub(crate) const AUTHORITY: Param =
    Param::new("authority", Kind::Authority, "机关代码", "the authority");

/// Of every question.
const COMMON: &[Param] = &[
    Param::new("at_height", Kind::Number, "按该高度时的已知情况回答", "as known at this height"),
    Param::new("day", Kind::Day, "针对该日", "about this day"),
];
