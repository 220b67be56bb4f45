//! The fields of a document, and the one commitment over them.
//!
//! 1. Fields have distinct names and are ordered by them; all lengths are bounded.
//! 2. Each field has a salt of its own, derived from the record's: knowing one says nothing about
//!    another, and destroying the record's salt destroys all.
//! 3. A leaf is `hash(FieldLeaf, field salt ‖ canonical [name, value])`, an inner node
//!    `hash(FieldNode, left ‖ right)`.
//! 4. Leaves are padded to a power of two, 8 at least, with salted leaves that look like any
//!    other, and stand in the order of their hashes, which the salts make random: neither the
//!    number of fields nor a field's position tells anything about the fields kept back.
//!
//! It is the issuer's duty that names are what the certificate type's schema says. This module
//! does not know schemas.

use minicbor::{Decode, Decoder, Encode, decode};
use serde::{Deserialize, Serialize};

use super::{Commitment, Salt};
use crate::codec::Canonical;
use crate::hash::{self, Domain, H32};

/// Most fields of a document.
pub const MAX_FIELDS: usize = 64;
/// Longest name of a field, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 64;
/// Longest value of a field, in bytes of UTF-8.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;
/// Most bytes of all names and values together.
pub const MAX_CONTENT_BYTES: usize = 48 * 1024;

/// Fewest leaves: a document of up to eight fields looks like any other such.
pub(super) const MIN_DEPTH: u8 = 3;
/// Most leaves are `2^MAX_DEPTH`.
pub(super) const MAX_DEPTH: u8 = 6;

/// One field of a document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name, unique in the document.
    #[n(0)]
    pub name: String,
    /// Value, as the document's profile writes it.
    #[n(1)]
    pub value: String,
}

impl core::fmt::Debug for Field {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why fields are not a document's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// No field at all.
    #[error("there is no field")]
    Empty,
    /// More than [`MAX_FIELDS`].
    #[error("{found} fields are too many")]
    TooMany {
        /// Number of fields.
        found: usize,
    },
    /// A name that is empty, too long, or holds control characters.
    #[error("the name of field {index} is not allowed")]
    Name {
        /// Position of the field.
        index: usize,
    },
    /// A value longer than [`MAX_VALUE_BYTES`].
    #[error("the value of field {index} is too long")]
    Value {
        /// Position of the field.
        index: usize,
    },
    /// Names and values together over [`MAX_CONTENT_BYTES`].
    #[error("{found} bytes of names and values are too many")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Two fields of one name, or fields that are not in the order of their names.
    #[error("field {index} has the name of another, or is out of order")]
    Order {
        /// Position of the field.
        index: usize,
    },
}

/// The checked fields of a document, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(try_from = "Vec<Field>", into = "Vec<Field>")]
pub struct Content {
    #[n(0)]
    fields: Vec<Field>,
}

impl Content {
    /// Most bytes the canonical encoding has: names and values, 8 bytes of heads a field.
    pub const MAX_BYTES: usize = MAX_CONTENT_BYTES + 8 * MAX_FIELDS + 8;

    /// Sorts and checks fields.
    ///
    /// # Errors
    /// [`ContentError`] names the first check that failed.
    pub fn new(mut fields: Vec<Field>) -> Result<Self, ContentError> {
        fields.sort();
        check_fields(&fields)?;
        Ok(Self { fields })
    }

    /// The fields, in the order of their names.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The commitment to this content with the record's salt.
    pub fn commit(&self, record_salt: &Salt) -> Commitment {
        let mut level: Vec<H32> =
            self.leaves(record_salt).into_iter().map(|leaf| leaf.hash).collect();
        while level.len() > 1 {
            level = parents(&level);
        }
        level.first().copied().unwrap_or(H32::ZERO).into()
    }

    /// Fields and padding with their salts, in tree order.
    pub(super) fn leaves(&self, record_salt: &Salt) -> Vec<Leaf<'_>> {
        let mut leaves: Vec<Leaf<'_>> =
            self.fields.iter().map(|field| Leaf::of(field, record_salt)).collect();
        let width = leaves.len().next_power_of_two().max(1 << MIN_DEPTH);
        for number in leaves.len()..width {
            leaves.push(Leaf::padding(number, record_salt));
        }
        leaves.sort_by_key(|leaf| leaf.hash);
        leaves
    }
}

impl TryFrom<Vec<Field>> for Content {
    type Error = ContentError;

    fn try_from(fields: Vec<Field>) -> Result<Self, Self::Error> {
        Self::new(fields)
    }
}

impl From<Content> for Vec<Field> {
    fn from(content: Content) -> Self {
        content.fields
    }
}

impl<'b, C> Decode<'b, C> for Content {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let fields = Vec::<Field>::decode(d, context)?;
        check_fields(&fields).map_err(|_| decode::Error::message("content: fields not allowed"))?;
        Ok(Self { fields })
    }
}

/// A leaf of the content tree.
pub(super) struct Leaf<'a> {
    /// `None` for padding.
    pub(super) field: Option<&'a Field>,
    pub(super) salt: Salt,
    pub(super) hash: H32,
}

impl<'a> Leaf<'a> {
    fn of(field: &'a Field, record_salt: &Salt) -> Self {
        let salt = derived_salt(record_salt, field.name.len(), field.name.as_bytes());
        let hash = leaf_hash(field, &salt);
        Self { field: Some(field), salt, hash }
    }

    /// No field has an empty name, so length 0 keeps the salts of padding apart from all others,
    /// and what is hashed can never be opened as a field.
    fn padding(number: usize, record_salt: &Salt) -> Self {
        let salt = derived_salt(record_salt, 0, &[number as u8]);
        let nothing = Field { name: String::new(), value: String::new() };
        let hash = leaf_hash(&nothing, &salt);
        Self { field: None, salt, hash }
    }
}

/// The salt of one leaf; names are at most 64 bytes, so their length is one byte.
fn derived_salt(record_salt: &Salt, length: usize, name: &[u8]) -> Salt {
    Salt(hash::hash(Domain::FieldSalt, &[record_salt.reveal(), &[length as u8], name]))
}

pub(super) fn leaf_hash(field: &Field, salt: &Salt) -> H32 {
    hash::hash(Domain::FieldLeaf, &[salt.reveal(), &field.to_bytes()])
}

pub(super) fn node_hash(left: H32, right: H32) -> H32 {
    hash::hash(Domain::FieldNode, &[left.as_bytes(), right.as_bytes()])
}

/// The level above; levels have an even number of nodes.
pub(super) fn parents(level: &[H32]) -> Vec<H32> {
    let pairs = level.as_chunks::<2>().0;
    pairs.iter().map(|[left, right]| node_hash(*left, *right)).collect()
}

/// The bounds on one field, at `index`.
pub(super) fn check_field(field: &Field, index: usize) -> Result<(), ContentError> {
    let name = &field.name;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(ContentError::Name { index });
    }
    if field.value.len() > MAX_VALUE_BYTES {
        return Err(ContentError::Value { index });
    }
    Ok(())
}

fn check_fields(fields: &[Field]) -> Result<(), ContentError> {
    if fields.is_empty() {
        return Err(ContentError::Empty);
    }
    if fields.len() > MAX_FIELDS {
        return Err(ContentError::TooMany { found: fields.len() });
    }
    let mut previous = "";
    let mut bytes = 0usize;
    for (index, field) in fields.iter().enumerate() {
        check_field(field, index)?;
        if field.name.as_str() <= previous {
            return Err(ContentError::Order { index });
        }
        previous = &field.name;
        bytes = bytes.saturating_add(field.name.len()).saturating_add(field.value.len());
    }
    if bytes > MAX_CONTENT_BYTES {
        return Err(ContentError::TooLarge { found: bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        Field { name: name.into(), value: value.into() }
    }

    fn numbered(count: usize) -> Vec<Field> {
        (0..count).map(|number| field(&format!("field-{number:02}"), "value")).collect()
    }

    #[test]
    fn fields_are_sorted_and_checked() {
        let content = Content::new(vec![field("b", "2"), field("a", "1")]).unwrap();
        assert_eq!(content.fields(), [field("a", "1"), field("b", "2")]);
        let refused = |fields: Vec<Field>| Content::new(fields).unwrap_err();
        assert_eq!(refused(vec![]), ContentError::Empty);
        assert_eq!(refused(vec![field("", "1")]), ContentError::Name { index: 0 });
        assert_eq!(refused(vec![field("a\n", "1")]), ContentError::Name { index: 0 });
        assert_eq!(
            refused(vec![field("a", "1"), field("a", "2")]),
            ContentError::Order { index: 1 }
        );
    }

    #[test]
    fn bounds_hold_just_below_and_just_above() {
        assert!(Content::new(numbered(MAX_FIELDS)).is_ok());
        assert_eq!(
            Content::new(numbered(MAX_FIELDS + 1)),
            Err(ContentError::TooMany { found: MAX_FIELDS + 1 })
        );
        assert!(Content::new(vec![field(&"n".repeat(MAX_NAME_BYTES), "")]).is_ok());
        assert!(Content::new(vec![field(&"n".repeat(MAX_NAME_BYTES + 1), "")]).is_err());
        assert!(Content::new(vec![field("n", &"v".repeat(MAX_VALUE_BYTES))]).is_ok());
        assert!(Content::new(vec![field("n", &"v".repeat(MAX_VALUE_BYTES + 1))]).is_err());
        let mut large: Vec<Field> = ["a", "b", "c", "d", "e", "f"]
            .map(|name| field(name, &"v".repeat(MAX_VALUE_BYTES - 1)))
            .to_vec();
        let content = Content::new(large.clone()).unwrap();
        assert!(content.to_bytes().len() <= Content::MAX_BYTES);
        large[0].value.push('v');
        assert_eq!(
            Content::new(large),
            Err(ContentError::TooLarge { found: MAX_CONTENT_BYTES + 1 })
        );
    }

    #[test]
    fn encodings_keep_the_checks() {
        let content = Content::new(numbered(3)).unwrap();
        let bytes = content.to_bytes();
        assert_eq!(Content::from_bytes(&bytes, Content::MAX_BYTES), Ok(content.clone()));
        let mut unsorted = numbered(3);
        unsorted.swap(0, 2);
        assert!(Content::from_bytes(&unsorted.to_bytes(), Content::MAX_BYTES).is_err());
        let json = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content);
        assert!(serde_json::from_str::<Content>("[]").is_err());
    }

    #[test]
    fn every_salt_value_and_name_counts() {
        let (one, two) = (Salt::new([1; 32]), Salt::new([2; 32]));
        let content = Content::new(vec![field("a", "1"), field("b", "2")]).unwrap();
        let root = content.commit(&one);
        assert_ne!(root, content.commit(&two));
        for fields in [
            vec![field("a", "1"), field("b", "3")],
            vec![field("a", "1"), field("c", "2")],
            vec![field("a", "1")],
            vec![field("a", "2"), field("b", "1")],
        ] {
            assert_ne!(Content::new(fields).unwrap().commit(&one), root);
        }
    }

    #[test]
    fn records_share_no_hash_and_width_hides_the_count() {
        let hashes = |count: usize, salt: u8| -> Vec<H32> {
            let content = Content::new(numbered(count)).unwrap();
            content.leaves(&Salt::new([salt; 32])).into_iter().map(|leaf| leaf.hash).collect()
        };
        let (one, two) = (hashes(8, 1), hashes(8, 2));
        assert!(one.iter().all(|hash| !two.contains(hash)));
        assert_eq!(hashes(1, 1).len(), 8);
        assert_eq!(hashes(9, 1).len(), 16);
        assert_eq!(hashes(64, 1).len(), 1 << MAX_DEPTH);
    }

    #[test]
    fn debug_shows_no_value() {
        let content = Content::new(vec![field("name", "secret")]).unwrap();
        let text = format!("{content:?}");
        assert!(text.contains("name") && !text.contains("secret"), "{text}");
    }
}
