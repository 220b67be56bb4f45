//! Proof of what the map holds at a path, or that it holds nothing there.
//!
//! A proof lists the siblings on the way from the root to where the path ends, an empty sibling as
//! `null`, and then what stands there: nothing, the value, or another key's leaf. Each map has
//! exactly one proof for each path, and only that one is accepted.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{MAX_DEPTH, bit};
use crate::hash::{self, Domain, H32};

/// What the map holds at a path.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapProof {
    /// The sibling at each depth, from the root down; `None` where there is none.
    #[n(0)]
    pub siblings: Vec<Option<H32>>,
    /// What stands where the siblings end.
    #[n(1)]
    pub end: ProofEnd,
}

/// What stands where a path ends.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofEnd {
    /// Nothing: the path is absent.
    #[n(0)]
    Empty,
    /// The path's own leaf, with this value hash.
    #[n(1)]
    Value(#[n(0)] H32),
    /// The leaf of another path, alone in this subtree: the path is absent.
    #[n(2)]
    Other {
        /// The other path.
        #[n(0)]
        path: H32,
        /// Its value hash.
        #[n(1)]
        value: H32,
    },
}

/// Why a map proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapProofError {
    /// More siblings than a path has bits.
    #[error("{found} siblings are more than a path has bits")]
    TooDeep {
        /// Siblings found.
        found: usize,
    },
    /// A shape no map has: an empty sibling next to a single leaf or nothing, or one written as
    /// zeros.
    #[error("no map has this shape")]
    Shape,
    /// The other leaf is not in the subtree where the path ends.
    #[error("the other key does not stand in the way of this path")]
    Elsewhere,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

impl MapProof {
    /// Most bytes an encoded proof has: 256 siblings of 34 bytes, two hashes and the heads.
    pub const MAX_BYTES: usize = 9 * 1024;

    /// Checks the proof and tells the value hash at `path`, or `None` if there is none.
    ///
    /// # Errors
    /// [`MapProofError`] names the first check that failed.
    pub fn verify(&self, root: H32, path: H32) -> Result<Option<H32>, MapProofError> {
        let found = self.siblings.len();
        if found > MAX_DEPTH {
            return Err(MapProofError::TooDeep { found });
        }
        // A leaf or nothing beside nothing would have been one level higher.
        if self.siblings.contains(&Some(H32::ZERO)) || self.siblings.last() == Some(&None) {
            return Err(MapProofError::Shape);
        }
        let climbed = self.siblings.iter().enumerate().rev().fold(
            self.end_hash(path)?,
            |hash, (depth, sibling)| {
                let sibling = sibling.unwrap_or(H32::ZERO);
                let (left, right) =
                    if bit(&path, depth) { (sibling, hash) } else { (hash, sibling) };
                hash::hash(Domain::MapNode, &[left.as_bytes(), right.as_bytes()])
            },
        );
        if climbed != root {
            return Err(MapProofError::Root);
        }
        Ok(match self.end {
            ProofEnd::Value(value) => Some(value),
            ProofEnd::Empty | ProofEnd::Other { .. } => None,
        })
    }

    /// The hash of what stands at the end of `path`.
    fn end_hash(&self, path: H32) -> Result<H32, MapProofError> {
        let leaf = |path: H32, value: H32| {
            hash::hash(Domain::MapLeaf, &[path.as_bytes(), value.as_bytes()])
        };
        match self.end {
            ProofEnd::Empty => Ok(H32::ZERO),
            ProofEnd::Value(value) => Ok(leaf(path, value)),
            ProofEnd::Other { path: other, value } => {
                let agrees =
                    (0..self.siblings.len()).all(|depth| bit(&other, depth) == bit(&path, depth));
                if other == path || !agrees {
                    return Err(MapProofError::Elsewhere);
                }
                Ok(leaf(other, value))
            }
        }
    }
}
