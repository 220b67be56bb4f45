//! Opening some fields of a committed document, and not the rest.
//!
//! An opening carries the chosen fields with their salts and positions, and the hashes of the
//! subtrees that hold none of them, from the leaves up and from left to right: exactly those that
//! are needed, each once. Fields can be read only through [`ContentOpening::verify`].

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::content::{
    self, MAX_CONTENT_BYTES, MAX_DEPTH, MAX_FIELDS, MIN_DEPTH, check_field, leaf_hash, node_hash,
};
use super::{Commitment, Content, ContentError, Field, Salt};
use crate::hash::H32;

/// Chosen fields of a document, provable against its commitment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentOpening {
    #[n(0)]
    depth: u8,
    #[n(1)]
    fields: Vec<OpenedField>,
    #[n(2)]
    siblings: Vec<H32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenedField {
    #[n(0)]
    position: u8,
    #[n(1)]
    salt: Salt,
    #[n(2)]
    field: Field,
}

/// Why an opening could not be made, or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// A field that is not in the document was asked for.
    #[error("the document has no field number {index} of those asked for")]
    Unknown {
        /// Position in the list asked for.
        index: usize,
    },
    /// No field is opened.
    #[error("no field is opened")]
    Empty,
    /// The tree is deeper or flatter than a document's.
    #[error("no document has a tree of depth {depth}")]
    Depth {
        /// Depth found.
        depth: u8,
    },
    /// More fields than the tree has leaves, positions out of order, or one name twice.
    #[error("opened field {index} is out of place")]
    Position {
        /// Which opened field.
        index: usize,
    },
    /// A field over its bounds.
    #[error(transparent)]
    Field(#[from] ContentError),
    /// Too few or too many sibling hashes.
    #[error("the number of hashes is not what the positions need")]
    Length,
    /// The hashes do not lead to the commitment.
    #[error("the opening does not lead to the commitment")]
    Root,
}

impl ContentOpening {
    /// Most bytes an encoded opening has: the content, 64 salts and positions, 32 siblings.
    pub const MAX_BYTES: usize = MAX_CONTENT_BYTES + 48 * MAX_FIELDS + 34 * 32 + 16;

    /// Opens the fields named in `names`; naming one twice opens it once.
    ///
    /// # Errors
    /// [`OpeningError::Unknown`] for a name the document does not have, [`OpeningError::Empty`]
    /// for no names.
    pub fn new(
        content: &Content,
        record_salt: &Salt,
        names: &[&str],
    ) -> Result<Self, OpeningError> {
        let missing = |name: &&str| !content.fields().iter().any(|field| field.name == *name);
        if let Some(index) = names.iter().position(missing) {
            return Err(OpeningError::Unknown { index });
        }
        let leaves = content.leaves(record_salt);
        let mut level: Vec<H32> = leaves.iter().map(|leaf| leaf.hash).collect();
        let depth = level.len().trailing_zeros() as u8;
        let fields: Vec<OpenedField> = (0u8..)
            .zip(leaves)
            .filter_map(|(position, leaf)| {
                let field = leaf.field.filter(|field| names.contains(&field.name.as_str()))?;
                Some(OpenedField { position, salt: leaf.salt, field: field.clone() })
            })
            .collect();
        if fields.is_empty() {
            return Err(OpeningError::Empty);
        }
        let mut known: Vec<usize> =
            fields.iter().map(|opened| usize::from(opened.position)).collect();
        let mut siblings = Vec::new();
        while level.len() > 1 {
            let beside = known.iter().map(|position| position ^ 1);
            siblings.extend(
                beside
                    .filter(|position| !known.contains(position))
                    .filter_map(|position| level.get(position).copied()),
            );
            level = content::parents(&level);
            known.iter_mut().for_each(|position| *position >>= 1);
            known.dedup();
        }
        Ok(Self { depth, fields, siblings })
    }

    /// Checks the opening and gives the opened fields, in the order of their names.
    ///
    /// What it proves is that the issuer committed to these fields. It does not prove that there
    /// is no second field of the same name among those kept back: the issuer answers for that.
    ///
    /// # Errors
    /// [`OpeningError`] names the first check that failed.
    pub fn verify(&self, commitment: Commitment) -> Result<Vec<&Field>, OpeningError> {
        self.check_shape()?;
        let mut level: Vec<(u8, H32)> = self
            .fields
            .iter()
            .map(|opened| (opened.position, leaf_hash(&opened.field, &opened.salt)))
            .collect();
        let mut siblings = self.siblings.iter().copied();
        for _ in 0..self.depth {
            level = climb(&level, &mut siblings).ok_or(OpeningError::Length)?;
        }
        if siblings.next().is_some() {
            return Err(OpeningError::Length);
        }
        match level.as_slice() {
            [(0, root)] if Commitment::from(*root) == commitment => {}
            _ => return Err(OpeningError::Root),
        }
        let mut fields: Vec<&Field> = self.fields.iter().map(|opened| &opened.field).collect();
        fields.sort();
        Ok(fields)
    }

    /// Everything that can be refused before a hash is computed.
    fn check_shape(&self) -> Result<(), OpeningError> {
        if !(MIN_DEPTH..=MAX_DEPTH).contains(&self.depth) {
            return Err(OpeningError::Depth { depth: self.depth });
        }
        if self.fields.is_empty() {
            return Err(OpeningError::Empty);
        }
        let width = 1u8.wrapping_shl(u32::from(self.depth));
        let mut names: Vec<&str> = Vec::new();
        let mut lowest = 0;
        for (index, opened) in self.fields.iter().enumerate() {
            let name = opened.field.name.as_str();
            if opened.position < lowest || opened.position >= width || names.contains(&name) {
                return Err(OpeningError::Position { index });
            }
            check_field(&opened.field, index)?;
            names.push(name);
            lowest = opened.position.saturating_add(1);
        }
        Ok(())
    }
}

/// The known nodes of the level above: pairs are joined, and a lone node takes the next sibling.
fn climb(level: &[(u8, H32)], siblings: &mut impl Iterator<Item = H32>) -> Option<Vec<(u8, H32)>> {
    let mut above = Vec::with_capacity(level.len());
    let mut rest = level;
    while let [(position, hash), tail @ ..] = rest {
        let (position, hash) = (*position, *hash);
        let (left, right) = match tail.first() {
            Some((next, other)) if position & 1 == 0 && *next == position | 1 => {
                rest = tail.get(1..)?;
                (hash, *other)
            }
            _ => {
                rest = tail;
                let sibling = siblings.next()?;
                if position & 1 == 0 { (hash, sibling) } else { (sibling, hash) }
            }
        };
        above.push((position >> 1, node_hash(left, right)));
    }
    Some(above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Canonical;
    use crate::hash::{self, Domain};
    use proptest::prelude::*;

    const SALT: Salt = Salt::new([9; 32]);

    fn content(count: usize) -> Content {
        Content::new(
            (0..count)
                .map(|number| Field {
                    name: format!("field-{number:02}"),
                    value: format!("value-of-{number:02}"),
                })
                .collect(),
        )
        .unwrap()
    }

    fn names(content: &Content, chosen: u64) -> Vec<&str> {
        let fields = content.fields().iter().enumerate();
        fields
            .filter(|(index, _)| chosen >> index & 1 == 1)
            .map(|(_, field)| field.name.as_str())
            .collect()
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn any_subset_opens_and_shows_nothing_else(count in 1..=64usize, chosen: u64) {
            let content = content(count);
            let root = content.commit(&SALT);
            let names = names(&content, chosen);
            let Ok(opening) = ContentOpening::new(&content, &SALT, &names) else {
                prop_assert!(names.is_empty());
                return Ok(());
            };
            let bytes = opening.to_bytes();
            prop_assert!(bytes.len() <= ContentOpening::MAX_BYTES);
            let read = ContentOpening::from_bytes(&bytes, ContentOpening::MAX_BYTES).unwrap();
            prop_assert_eq!(&read, &opening);
            let opened = read.verify(root).unwrap();
            prop_assert_eq!(opened.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), names.clone());
            let json = serde_json::to_string(&opening).unwrap();
            prop_assert_eq!(&serde_json::from_str::<ContentOpening>(&json).unwrap(), &opening);

            for leaf in content.leaves(&SALT) {
                let Some(field) = leaf.field else {
                    prop_assert!(!contains(&bytes, leaf.salt.reveal()));
                    continue;
                };
                let shown = names.contains(&field.name.as_str());
                prop_assert_eq!(contains(&bytes, field.name.as_bytes()), shown);
                prop_assert_eq!(contains(&bytes, field.value.as_bytes()), shown);
                prop_assert_eq!(contains(&bytes, leaf.salt.reveal()), shown);
            }
            prop_assert!(!contains(&bytes, SALT.reveal()));
        }
    }

    #[test]
    fn all_subsets_of_a_small_document() {
        let content = content(6);
        let root = content.commit(&SALT);
        for chosen in 1..64 {
            let names = names(&content, chosen);
            let opening = ContentOpening::new(&content, &SALT, &names).unwrap();
            assert_eq!(opening.verify(root).unwrap().len(), names.len());
        }
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let content = content(11);
        let root = content.commit(&SALT);
        for chosen in [0b1u64, 0b101_0000_0011, 0b111_1111_1111] {
            let bytes =
                ContentOpening::new(&content, &SALT, &names(&content, chosen)).unwrap().to_bytes();
            for position in 0..bytes.len() {
                for mask in [0x01, 0x80] {
                    let mut changed = bytes.clone();
                    changed[position] ^= mask;
                    let accepted = ContentOpening::from_bytes(&changed, ContentOpening::MAX_BYTES)
                        .is_ok_and(|opening| opening.verify(root).is_ok());
                    assert!(!accepted, "byte {position} ^ {mask:#x}");
                }
            }
        }
    }

    #[test]
    fn refusals_name_their_reason() {
        let content = content(5);
        let root = content.commit(&SALT);
        let new = |names: &[&str]| ContentOpening::new(&content, &SALT, names);
        assert_eq!(new(&["field-01", "x"]), Err(OpeningError::Unknown { index: 1 }));
        assert_eq!(new(&[]), Err(OpeningError::Empty));
        let good = new(&["field-01", "field-03", "field-01"]).unwrap();
        assert_eq!(good.verify(root).unwrap().len(), 2);
        assert_eq!(good.verify(content.commit(&Salt::new([8; 32]))), Err(OpeningError::Root));

        let refused = |change: fn(&mut ContentOpening)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed.verify(root).unwrap_err()
        };
        assert_eq!(refused(|opening| opening.depth = 2), OpeningError::Depth { depth: 2 });
        assert_eq!(refused(|opening| opening.depth = 7), OpeningError::Depth { depth: 7 });
        assert_eq!(refused(|opening| opening.depth = 4), OpeningError::Length);
        assert_eq!(refused(|opening| opening.fields.clear()), OpeningError::Empty);
        assert_eq!(
            refused(|opening| opening.fields.swap(0, 1)),
            OpeningError::Position { index: 1 }
        );
        assert_eq!(
            refused(|opening| opening.fields[1].position = 8),
            OpeningError::Position { index: 1 }
        );
        assert_eq!(
            refused(|opening| opening.fields[1].field.name = opening.fields[0].field.name.clone()),
            OpeningError::Position { index: 1 }
        );
        assert_eq!(
            refused(|opening| opening.fields[0].field.name.clear()),
            OpeningError::Field(ContentError::Name { index: 0 })
        );
        assert_eq!(refused(|opening| opening.siblings.push(H32::ZERO)), OpeningError::Length);
        assert_eq!(
            refused(|opening| {
                opening.siblings.pop();
            }),
            OpeningError::Length
        );
        assert_eq!(refused(|opening| opening.siblings.swap(0, 1)), OpeningError::Root);
        assert_eq!(refused(|opening| opening.fields[0].salt = SALT), OpeningError::Root);
        assert_eq!(refused(|opening| opening.fields[0].field.value.push('!')), OpeningError::Root);
    }

    /// Frozen: an opening must verify against the ledger for ever.
    #[test]
    fn golden() {
        let content = content(5);
        assert_eq!(
            content.commit(&SALT).to_string(),
            "c9b32a3bb6ccfdef4ca30b8848b7796077a9d547ac69cc066f3982b099a48c20"
        );
        let opening = ContentOpening::new(&content, &SALT, &["field-01", "field-03"]).unwrap();
        let digest = hash::hash(Domain::Digest, &[&opening.to_bytes()]);
        assert_eq!(
            digest.to_string(),
            "063e7ab988c10541436d3adace7f55378157d57e4278007811896fad1f692439"
        );
    }
}
