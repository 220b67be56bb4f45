//! The licence document as it comes out of a licence library, and what is committed to of it.
//!
//! 1. Parsing is strict: unknown and repeated keys, empty values, control characters, days that do
//!    not exist and anything over its bound are refused. A value that passed is never changed:
//!    texts are committed byte for byte, without any normalisation of Unicode.
//! 2. The content that is committed is the flattened document: the names of its JSON paths, sorted
//!    (`certificate_number`, …, `fields.住所`, `holder.name`, …). The same names head the columns
//!    of CSV. A licence without an end has `valid_until` = `长期`.
//! 3. The holder that is committed is the CBOR array `[code_type, code, name]`.
//!
//! Stock is dirty: whether codes and identifier keep the national rules is asked separately
//! ([`Licence::identifier_checked`]), so that an import can decide. This module does not know
//! certificate types.

use std::collections::BTreeMap;

use hefu_primitives::codes::identifier::{Identifier, IdentifierError};
use hefu_primitives::commitment::{Content, ContentError, Field, MAX_NAME_BYTES, MAX_VALUE_BYTES};
use hefu_primitives::time::Day;
use hefu_primitives::{Region, TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize, Serializer};

use super::document;

/// Longest line of JSON or CSV that holds one licence, in bytes.
pub const MAX_LICENCE_BYTES: usize = 128 * 1024;
/// Longest identifier, as licence libraries store it (GB/T 36904 and dirty ones alike).
pub const MAX_IDENTIFIER_BYTES: usize = 128;
/// Longest certificate number or holder code.
pub const MAX_NUMBER_BYTES: usize = 128;
/// Longest name of a holder.
pub const MAX_HOLDER_NAME_BYTES: usize = 512;
/// What stands before the name of a face field in the flattened document.
pub const FIELD_PREFIX: &str = "fields.";
/// Longest name of a face field: what its prefix leaves.
pub const MAX_FIELD_NAME_BYTES: usize = MAX_NAME_BYTES - FIELD_PREFIX.len();
/// Value of `valid_until` in the content of a licence that has no end.
pub const WITHOUT_END: &str = "长期";

/// Whose licence it is: what the holder commitment commits to.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Kind of code, GB/T 36903: 001 credit code, 111 citizen number, 999 other.
    #[n(0)]
    pub code_type: String,
    /// The code.
    #[n(1)]
    pub code: String,
    /// The name.
    #[n(2)]
    pub name: String,
}

impl core::fmt::Debug for Holder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Holder").field("code_type", &self.code_type).finish_non_exhaustive()
    }
}

/// The fields on the face of a licence, by name.
#[derive(Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct FaceFields(#[n(0)] pub BTreeMap<String, String>);

/// A licence document.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Licence {
    /// The certificate type.
    #[n(0)]
    pub type_code: TypeCode,
    /// Identifier (电子证照标识), as the library has it.
    #[n(1)]
    pub identifier: String,
    /// Number (证照编号), which may be a citizen number: never on the ledger.
    #[n(2)]
    pub certificate_number: String,
    /// Version of this certificate.
    #[n(3)]
    pub version: u16,
    /// The authority that issued it.
    #[n(4)]
    pub issuer_code: Uscc,
    /// Where it belongs, six digits.
    #[n(5)]
    #[serde(serialize_with = "area_text")]
    pub area_code: Region,
    /// Day of issue.
    #[n(6)]
    pub issued_on: Day,
    /// First day of validity.
    #[n(7)]
    pub valid_from: Day,
    /// Last day of validity; `null` without an end. The key must be there.
    #[n(8)]
    pub valid_until: Option<Day>,
    /// Whose it is.
    #[n(9)]
    pub holder: Holder,
    /// Its face.
    #[n(10)]
    pub fields: FaceFields,
}

impl core::fmt::Debug for Licence {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Licence").field("type_code", &self.type_code).finish_non_exhaustive()
    }
}

/// Why a document is no licence. No variant carries a value of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LicenceError {
    /// More than [`MAX_LICENCE_BYTES`].
    #[error("more than {MAX_LICENCE_BYTES} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("UTF-8")]
    NotText,
    /// Not JSON.
    #[error("column {column}")]
    Json {
        /// Where it stops being JSON.
        column: usize,
    },
    /// A key that licences do not have.
    #[error("{name}")]
    UnknownKey {
        /// The key, flattened.
        name: String,
    },
    /// A key that is not there.
    #[error("{name}")]
    MissingKey {
        /// The key, flattened.
        name: String,
    },
    /// A key that is there twice.
    #[error("{name}")]
    RepeatedKey {
        /// The key, flattened.
        name: String,
    },
    /// A value of another kind: a number where a text belongs.
    #[error("{name}")]
    Kind {
        /// Which value.
        name: String,
    },
    /// A code that is none: of a type, an issuer, an area, a kind of holder code.
    #[error("{name}")]
    Code {
        /// Which value.
        name: String,
    },
    /// A day that does not exist or is written otherwise.
    #[error("{name}")]
    Day {
        /// Which value.
        name: String,
    },
    /// A value that is empty.
    #[error("{name}")]
    Empty {
        /// Which value.
        name: String,
    },
    /// A value that is too long.
    #[error("{name}: at most {bound} bytes")]
    TooLong {
        /// Which value.
        name: String,
        /// The bound, in bytes.
        bound: usize,
    },
    /// A value with control characters.
    #[error("{name}")]
    Control {
        /// Which value.
        name: String,
    },
    /// A number out of its range.
    #[error("{name}")]
    Range {
        /// Which value.
        name: String,
    },
    /// A column of a CSV file is missing, unknown, or there twice.
    #[error("column {name}: {fault}")]
    Column {
        /// Its name.
        name: String,
        /// What is wrong with it.
        fault: ColumnFault,
    },
    /// A line of a CSV file has more or fewer cells than the first.
    #[error("{found} ≠ {expected}")]
    Cells {
        /// Cells of the first line.
        expected: usize,
        /// Cells found.
        found: usize,
    },
    /// `valid_until` is before `valid_from`.
    #[error("valid_until < valid_from")]
    Days,
    /// More or larger fields than can be committed.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// What is wrong with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnFault {
    /// It is needed.
    #[error("is missing")]
    Missing,
    /// Nobody knows it.
    #[error("is unknown")]
    Unknown,
    /// It is there twice.
    #[error("is there twice")]
    Repeated,
}

/// Why an identifier does not identify its licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierFault {
    /// It breaks GB/T 36904.
    #[error(transparent)]
    Form(#[from] IdentifierError),
    /// It names another type than the document.
    #[error("the identifier names another type")]
    Type,
    /// It names another issuer than the document.
    #[error("the identifier names another issuer")]
    Issuer,
    /// It names another version than the document.
    #[error("the identifier names another version")]
    Version,
}

impl Licence {
    /// Reads a licence from JSON.
    ///
    /// # Errors
    /// [`LicenceError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, LicenceError> {
        if bytes.len() > MAX_LICENCE_BYTES {
            return Err(LicenceError::TooLarge);
        }
        let licence = document::read(bytes)?;
        licence.check()?;
        Ok(licence)
    }

    /// The licence as one line of JSON.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks lengths, characters and days. Everything that reads a licence has called it.
    ///
    /// # Errors
    /// [`LicenceError`] names the first value that is wrong.
    pub fn check(&self) -> Result<(), LicenceError> {
        let code_type = &self.holder.code_type;
        let three_digits = code_type.len() == 3 && code_type.bytes().all(|c| c.is_ascii_digit());
        for (name, value, bound) in [
            ("identifier", &self.identifier, MAX_IDENTIFIER_BYTES),
            ("certificate_number", &self.certificate_number, MAX_NUMBER_BYTES),
            ("holder.code", &self.holder.code, MAX_NUMBER_BYTES),
            ("holder.name", &self.holder.name, MAX_HOLDER_NAME_BYTES),
        ] {
            check_text(name, value, bound)?;
        }
        if !(1..=999).contains(&self.version) {
            return Err(LicenceError::Range { name: "version".to_owned() });
        }
        if !(100_000..=999_999).contains(&self.area_code.get()) {
            return Err(LicenceError::Code { name: "area_code".to_owned() });
        }
        if !three_digits {
            return Err(LicenceError::Code { name: "holder.code_type".to_owned() });
        }
        for (name, value) in &self.fields.0 {
            // The name may be as wrong as the value: no more of it is shown than fits.
            let full = format!("{FIELD_PREFIX}{}", document::shown(name));
            check_text(&full, name, MAX_FIELD_NAME_BYTES)?;
            check_text(&full, value, MAX_VALUE_BYTES)?;
        }
        if self.valid_until.is_some_and(|until| until < self.valid_from) {
            return Err(LicenceError::Days);
        }
        self.content().map(|_| ())
    }

    /// What is committed to, field by field (rule 2).
    ///
    /// # Errors
    /// [`LicenceError::Content`] for more than fits a commitment.
    pub fn content(&self) -> Result<Content, LicenceError> {
        let face = self.fields.0.iter();
        let face = face.map(|(name, value)| (format!("{FIELD_PREFIX}{name}"), value.clone()));
        let fields = self.columns().map(|(name, value)| (name.to_owned(), value));
        let fields = fields.into_iter().chain(face).map(|(name, value)| Field { name, value });
        Ok(Content::new(fields.collect())?)
    }

    /// The identifier, if it keeps GB/T 36904 and names the type, issuer and version of this
    /// document.
    ///
    /// # Errors
    /// [`IdentifierFault`].
    pub fn identifier_checked(&self) -> Result<Identifier, IdentifierFault> {
        let identifier: Identifier = self.identifier.parse()?;
        if identifier.type_code() != self.type_code {
            return Err(IdentifierFault::Type);
        }
        if identifier.issuer() != self.issuer_code {
            return Err(IdentifierFault::Issuer);
        }
        if identifier.version() != self.version {
            return Err(IdentifierFault::Version);
        }
        Ok(identifier)
    }

    /// The values outside the face, under their flattened names.
    fn columns(&self) -> [(&'static str, String); COLUMNS.len()] {
        [
            ("type_code", self.type_code.to_string()),
            ("identifier", self.identifier.clone()),
            ("certificate_number", self.certificate_number.clone()),
            ("version", self.version.to_string()),
            ("issuer_code", self.issuer_code.to_string()),
            ("area_code", self.area_code.to_string()),
            ("issued_on", self.issued_on.to_string()),
            ("valid_from", self.valid_from.to_string()),
            (
                "valid_until",
                self.valid_until.map_or_else(|| WITHOUT_END.to_owned(), |day| day.to_string()),
            ),
            ("holder.code_type", self.holder.code_type.clone()),
            ("holder.code", self.holder.code.clone()),
            ("holder.name", self.holder.name.clone()),
        ]
    }
}

/// The flattened names outside the face, which every CSV file has as columns.
pub const COLUMNS: [&str; 12] = [
    "type_code",
    "identifier",
    "certificate_number",
    "version",
    "issuer_code",
    "area_code",
    "issued_on",
    "valid_from",
    "valid_until",
    "holder.code_type",
    "holder.code",
    "holder.name",
];

/// The flattened name of a field somebody asks for: a column, a flattened name, or the bare name
/// of a face field.
pub fn flattened_name(name: &str) -> String {
    if COLUMNS.contains(&name) || name.starts_with(FIELD_PREFIX) {
        name.to_owned()
    } else {
        format!("{FIELD_PREFIX}{name}")
    }
}

/// A text can be committed to when it is not empty, bounded, and without control characters.
fn check_text(name: &str, text: &str, bound: usize) -> Result<(), LicenceError> {
    let name = || name.to_owned();
    if text.is_empty() {
        return Err(LicenceError::Empty { name: name() });
    }
    if text.len() > bound {
        return Err(LicenceError::TooLong { name: name(), bound });
    }
    if text.chars().any(char::is_control) {
        return Err(LicenceError::Control { name: name() });
    }
    Ok(())
}

impl Serialize for FaceFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Six digits as text.
fn area_text<S: Serializer>(region: &Region, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(region)
}

/// A region of six digits.
pub(super) fn parse_area(text: &str) -> Option<Region> {
    let digits = text.len() == 6 && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().map(Region).filter(|_| digits)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use hefu_primitives::codec::Canonical;

    pub(crate) const SAMPLE: &str = r#"{"type_code": "11100000HEFU90025A001", "identifier": "1.2.156.3005.2.11100000HEFU90025A001.11320000HEFU0203X4.P3E2Z8IQ9Y7JZB6CN6Z4.001.S", "certificate_number": "P3E2Z8IQ9Y7JZB6CN6Z4", "version": 1, "issuer_code": "11320000HEFU0203X4", "area_code": "320100", "issued_on": "2025-06-21", "valid_from": "2025-06-21", "valid_until": null, "holder": {"code_type": "001", "code": "91320100HEFUJ1K62G", "name": "示例00001有限公司(虚构)"}, "fields": {"证照名称": "营业执照", "住所": "320100示例路509号", "许可范围": "软件开发", "备注": "样例"}}"#;

    pub(crate) fn sample() -> Licence {
        Licence::from_json(SAMPLE.as_bytes()).unwrap()
    }

    /// The sample under another number.
    pub(crate) fn numbered(number: usize) -> Licence {
        let mut licence = sample();
        licence.certificate_number = format!("NUMBER{number:06}");
        let serial = &licence.certificate_number;
        let (type_code, issuer) = (licence.type_code, licence.issuer_code);
        let identifier = Identifier::new(type_code, issuer, serial, 1).unwrap();
        licence.identifier = identifier.to_string();
        licence
    }

    #[test]
    fn json_round_trips() {
        let licence = sample();
        assert_eq!(Licence::from_json(licence.to_json().as_bytes()).unwrap(), licence);
        let same: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
        assert_eq!(serde_json::to_value(&licence).unwrap(), same);
        let bytes = licence.to_bytes();
        assert_eq!(Licence::from_bytes(&bytes, MAX_LICENCE_BYTES), Ok(licence));
    }

    #[test]
    fn content_is_the_flattened_document_in_order() {
        let content = sample().content().unwrap();
        let names: Vec<&str> = content.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "area_code",
                "certificate_number",
                "fields.住所",
                "fields.备注",
                "fields.许可范围",
                "fields.证照名称",
                "holder.code",
                "holder.code_type",
                "holder.name",
                "identifier",
                "issued_on",
                "issuer_code",
                "type_code",
                "valid_from",
                "valid_until",
                "version",
            ]
        );
        let value =
            |name: &str| &content.fields().iter().find(|field| field.name == name).unwrap().value;
        assert_eq!(value("valid_until"), WITHOUT_END);
        assert_eq!(value("area_code"), "320100");
        assert_eq!(value("version"), "1");
        assert!(COLUMNS.iter().all(|column| names.contains(column)));
        assert_eq!(flattened_name("住所"), "fields.住所");
        assert_eq!(flattened_name("holder.name"), "holder.name");
        assert_eq!(flattened_name("fields.住所"), "fields.住所");
    }

    #[test]
    fn what_is_not_a_licence_is_refused() {
        let with = |from: &str, to: &str| {
            assert!(SAMPLE.contains(from), "{from}");
            Licence::from_json(SAMPLE.replacen(from, to, 1).as_bytes())
        };
        assert!(with("营业执照", "营业执照(副本)").is_ok());
        macro_rules! refused {
            ($from:literal => $to:literal, $variant:ident $name:literal) => {
                assert_eq!(
                    with($from, $to),
                    Err(LicenceError::$variant { name: $name.to_owned() }),
                    "{}",
                    $to
                );
            };
        }
        refused!("\"version\": 1" => "\"version\": 1, \"extra\": 1", UnknownKey "extra");
        refused!("\"code_type\": \"001\"" => "\"x\": 1, \"code_type\": \"001\"", UnknownKey "holder.x");
        refused!("\"version\": 1" => "\"version\": 1, \"version\": 1", RepeatedKey "version");
        refused!("\"备注\": \"样例\"" => "\"备注\": \"a\", \"备注\": \"b\"", RepeatedKey "fields.备注");
        refused!("\"valid_until\": null, " => "", MissingKey "valid_until");
        refused!("\"code_type\": \"001\", " => "", MissingKey "holder.code_type");
        refused!("\"备注\": \"样例\"" => "\"备注\": 1", Kind "fields.备注");
        refused!("\"version\": 1" => "\"version\": \"1\"", Kind "version");
        refused!("\"version\": 1" => "\"version\": 1.5", Kind "version");
        refused!("\"identifier\": \"1.2" => "\"identifier\": [1, {\"a\": 2}], \"x\": \"1.2", Kind "identifier");
        refused!("2025-06-21" => "2025-02-29", Day "issued_on");
        refused!("\"valid_until\": null" => "\"valid_until\": \"soon\"", Day "valid_until");
        refused!("\"320100\"" => "\"32010\"", Code "area_code");
        refused!("\"320100\"" => "\"020100\"", Code "area_code");
        refused!("\"issuer_code\": \"11320000HEFU0203X4" => "\"issuer_code\": \"11320000hefu0203X4", Code "issuer_code");
        refused!("\"type_code\": \"11100000HEFU90025A001" => "\"type_code\": \"x", Code "type_code");
        refused!("\"001\"" => "\"01\"", Code "holder.code_type");
        refused!("样例" => "", Empty "fields.备注");
        refused!("样例" => "a\\u0000b", Control "fields.备注");
        refused!("\"version\": 1" => "\"version\": 1000", Range "version");
        refused!("\"version\": 1" => "\"version\": 0", Range "version");
        refused!("\"version\": 1" => "\"version\": 70000", Range "version");
        let hidden = with("\"version\": 1", "\"version\": 1, \"999999194901010000\": 1");
        assert_eq!(hidden, Err(LicenceError::UnknownKey { name: "…".to_owned() }));
        let not_text = [&SAMPLE.as_bytes()[..SAMPLE.len() - 4], b"\xff\"}}"].concat();
        assert_eq!(Licence::from_json(&not_text), Err(LicenceError::NotText));
        assert!(matches!(Licence::from_json(b"[]"), Err(LicenceError::Kind { .. })));
        assert!(matches!(Licence::from_json(b"nonsense"), Err(LicenceError::Json { .. })));
        let half = &SAMPLE.as_bytes()[..100];
        assert!(matches!(Licence::from_json(half), Err(LicenceError::Json { .. })));
        assert_eq!(
            with("\"valid_until\": null", "\"valid_until\": \"2025-06-20\""),
            Err(LicenceError::Days)
        );
        assert!(matches!(with("}}", "}} x"), Err(LicenceError::Json { .. })));
    }

    #[test]
    fn bounds_hold_just_below_and_just_above() {
        let field = |name: String, value: String| {
            let mut licence = sample();
            licence.fields.0.insert(name, value);
            licence.check()
        };
        assert!(field("n".repeat(MAX_FIELD_NAME_BYTES), "v".into()).is_ok());
        assert!(field("n".repeat(MAX_FIELD_NAME_BYTES + 1), "v".into()).is_err());
        assert!(field("n".into(), "v".repeat(MAX_VALUE_BYTES)).is_ok());
        assert!(field("n".into(), "v".repeat(MAX_VALUE_BYTES + 1)).is_err());
        let many = |count: usize| {
            let mut licence = sample();
            licence.fields.0 = (0..count).map(|n| (n.to_string(), "v".into())).collect();
            licence.check()
        };
        assert!(many(64 - COLUMNS.len()).is_ok());
        assert!(matches!(many(65 - COLUMNS.len()), Err(LicenceError::Content(_))));
        let padded = |length: usize| {
            let text = format!("{SAMPLE}{}", " ".repeat(length - SAMPLE.len()));
            Licence::from_json(text.as_bytes())
        };
        assert!(padded(MAX_LICENCE_BYTES).is_ok());
        assert_eq!(padded(MAX_LICENCE_BYTES + 1), Err(LicenceError::TooLarge));
    }

    #[test]
    fn identifiers_are_checked_against_the_document() {
        let licence = sample();
        assert_eq!(licence.identifier_checked().unwrap().to_string(), licence.identifier);
        let fault = |change: fn(&mut Licence)| {
            let mut licence = sample();
            change(&mut licence);
            licence.identifier_checked().unwrap_err()
        };
        assert_eq!(fault(|licence| licence.version = 2), IdentifierFault::Version);
        let other_type = |licence: &mut Licence| {
            licence.type_code = "11100000HEFU90025A002".parse().unwrap();
        };
        assert_eq!(fault(other_type), IdentifierFault::Type);
        let other_issuer = |licence: &mut Licence| {
            licence.issuer_code = "11310000HEFU01037L".parse().unwrap();
        };
        assert_eq!(fault(other_issuer), IdentifierFault::Issuer);
        assert!(matches!(fault(|licence| licence.identifier.push('X')), IdentifierFault::Form(_)));
    }

    #[test]
    fn debug_shows_nobody() {
        let text = format!("{:?} {:?}", sample(), sample().holder);
        assert!(!text.contains("示例") && !text.contains("HEFUJ1K62G"), "{text}");
    }
}
