//! Batches: many records under one root, and the proof that one of them is there.
//!
//! Invariants:
//! 1. A leaf is a salted commitment to its body, with a salt of its own, so that the hashes beside it
//!    in a proof tell nothing about its neighbours, however well their bodies can be guessed.
//! 2. The tree is that of RFC 9162, as the audit log's: a proof has exactly one valid length.
//!
//! This module does not know what a leaf's body means.

use hefu_primitives::H32;
use hefu_primitives::commitment::{Commitment, Purpose, Salt};
use hefu_primitives::log::{EMPTY_ROOT, InclusionProof, LogHead, leaf_hash};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Most leaves of a batch: 2^20.
pub const MAX_LEAVES: u32 = 1 << 20;

/// The hash of a leaf in its tree.
pub fn hash(salt: &Salt, body: &[u8]) -> H32 {
    leaf_hash(Commitment::of_bytes(Purpose::Leaf, salt, body).as_bytes())
}

/// Whether a root and a number of leaves can be those of a batch.
pub fn is_batch(root: H32, count: u32) -> bool {
    (1..=MAX_LEAVES).contains(&count) && root != H32::ZERO && root != EMPTY_ROOT
}

/// Proves that a body is a leaf of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafProof {
    /// Place of the leaf, from 0.
    #[n(0)]
    pub leaf: u32,
    /// Salt of the leaf, which is no other's.
    #[n(1)]
    pub salt: Salt,
    /// Hashes beside it, from the leaf up.
    #[n(2)]
    pub path: Vec<H32>,
}

impl LeafProof {
    /// Whether it leads from a body to the root of a batch of `count` leaves.
    pub fn leads(&self, body: &[u8], root: H32, count: u32) -> bool {
        let (index, size) = (u64::from(self.leaf), u64::from(count));
        let proof = InclusionProof { index, size, path: self.path.clone() };
        proof.verify(hash(&self.salt, body), LogHead { size, root }).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::log::{MemoryLog, inclusion_proof};

    #[test]
    fn a_proof_leads_from_one_body_at_one_place_to_one_root() {
        let bodies: Vec<Vec<u8>> = (0..11u8).map(|n| vec![n; 40]).collect();
        let salt = |n: usize| Salt::new([n as u8 + 1; 32]);
        let mut tree = MemoryLog::new();
        for (n, body) in bodies.iter().enumerate() {
            tree.append(hash(&salt(n), body)).unwrap();
        }
        let root = tree.head().root;
        for (n, body) in bodies.iter().enumerate() {
            let path = inclusion_proof(&tree, n as u64, 11).unwrap().path;
            let proof = LeafProof { leaf: n as u32, salt: salt(n), path };
            assert!(proof.leads(body, root, 11));
            assert!(!proof.leads(&bodies[(n + 1) % 11], root, 11), "another body");
            assert!(!proof.leads(body, root, 40), "another size");
            assert!(!proof.leads(body, H32([9; 32]), 11), "another root");
            let moved = LeafProof { leaf: (n as u32 + 1) % 11, ..proof.clone() };
            assert!(!moved.leads(body, root, 11), "another place");
            let salted = LeafProof { salt: Salt::new([0; 32]), ..proof.clone() };
            assert!(!salted.leads(body, root, 11), "another salt");
            let outside = LeafProof { leaf: 11, ..proof };
            assert!(!outside.leads(body, root, 11), "outside");
        }
    }

    #[test]
    fn equal_bodies_do_not_show() {
        assert_ne!(hash(&Salt::new([1; 32]), b"x"), hash(&Salt::new([2; 32]), b"x"));
    }

    #[test]
    fn a_batch_has_leaves_and_a_root() {
        let root = H32([1; 32]);
        assert!(is_batch(root, 1) && is_batch(root, MAX_LEAVES));
        assert!(!is_batch(root, 0) && !is_batch(root, MAX_LEAVES + 1));
        assert!(!is_batch(H32::ZERO, 1) && !is_batch(EMPTY_ROOT, 1));
    }
}
