//! The audit log: the Merkle tree of RFC 9162 §2.1 over SHA-256, so that any transparency tool can
//! check it.
//!
//! 1. A leaf is `SHA-256(0x00 ‖ data)`, an inner node `SHA-256(0x01 ‖ left ‖ right)`, the empty
//!    tree `SHA-256("")`.
//! 2. Only *complete* subtrees are stored, addressed by (level, index in that level). They never
//!    change once written, so a log is level files that only grow.
//! 3. [`Frontier`] is all that appending needs: one hash for each one-bit of the size.
//! 4. A proof verifies against a [`LogHead`] that the caller took from a certified header; a proof
//!    has exactly one valid length, and any other is refused.
//!
//! This module does not know what a leaf's data is, where the hashes are kept, or who signs a head.

mod frontier;
mod proof;

pub use frontier::Frontier;
pub use proof::{
    ConsistencyProof, InclusionProof, LogProofError, consistency_proof, inclusion_proof,
};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::H32;

/// Most leaves a log may have: far beyond any real one, and small enough that no index arithmetic
/// can overflow.
pub const MAX_LEAVES: u64 = 1 << 48;

/// Root of the log without leaves: SHA-256 of nothing.
pub const EMPTY_ROOT: H32 = H32([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// Hash of a leaf.
pub fn leaf_hash(data: &[u8]) -> H32 {
    H32(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

/// Hash of an inner node.
pub fn node_hash(left: H32, right: H32) -> H32 {
    H32(Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into())
}

/// What the log was at one moment: how many leaves, and the root over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// Number of leaves.
    #[n(0)]
    #[serde(with = "decimal")]
    pub size: u64,
    /// Root over them.
    #[n(1)]
    pub root: H32,
}

/// Access to the stored hashes of complete subtrees.
pub trait HashReader {
    /// The hash of subtree `index` of `level`: the root over the `2^level` leaves from
    /// `index * 2^level`. `None` when it is not there.
    fn hash(&self, level: u8, index: u64) -> Option<H32>;
}

/// Why a log could not answer from its stored hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A stored hash is not there: the log is shorter than asked, or damaged.
    #[error("hash {index} of level {level} is missing")]
    Missing {
        /// Level of the subtree.
        level: u8,
        /// Its index within the level.
        index: u64,
    },
    /// No such leaf.
    #[error("leaf {index} is not in a log of {size} leaves")]
    Index {
        /// The leaf asked for.
        index: u64,
        /// Number of leaves.
        size: u64,
    },
    /// An older log cannot be larger than a newer one.
    #[error("a log of {old} leaves cannot precede one of {new}")]
    Order {
        /// Size said to be the older.
        old: u64,
        /// Size said to be the newer.
        new: u64,
    },
    /// More leaves than [`MAX_LEAVES`].
    #[error("a log of {size} leaves is over the bound")]
    TooLarge {
        /// Number of leaves.
        size: u64,
    },
}

/// A log in memory, for tests, the simulator and small tools.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    levels: Vec<Vec<H32>>,
    frontier: Frontier,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf by its hash.
    ///
    /// # Errors
    /// [`LogError::TooLarge`] when the log is full.
    pub fn append(&mut self, leaf: H32) -> Result<(), LogError> {
        let Self { levels, frontier } = self;
        frontier.append(leaf, &mut |level, _, hash| {
            if let Some(hashes) = levels.get_mut(usize::from(level)) {
                hashes.push(hash);
            } else {
                levels.push(vec![hash]);
            }
        })
    }

    /// The current head.
    pub fn head(&self) -> LogHead {
        self.frontier.head()
    }

    /// What appending continues from.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }
}

impl HashReader for MemoryLog {
    fn hash(&self, level: u8, index: u64) -> Option<H32> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?).copied()
    }
}

/// Sizes and indices are decimal strings in JSON, as every 64-bit number is.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(super) fn serialize<S: Serializer>(number: &u64, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
