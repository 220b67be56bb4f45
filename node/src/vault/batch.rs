//! The leaves of batches: what was attested with one act, and proves each of its certificates.
//!
//! 1. A batch has a secret of its own; the salt of each leaf follows from it and from the leaf's
//!    place, so that a salt that is shown tells nothing about another.
//! 2. The body of a leaf is kept as it was committed to, byte for byte: a later version of this
//!    program could write it otherwise, and it would prove nothing.
//! 3. What is kept while a batch is made counts only when the batch is on the ledger; an attestation
//!    that was put into another batch since belongs to that one.

use hefu_primitives::codec::Canonical;
use hefu_primitives::commitment::{Commitment, Purpose, Salt};
use hefu_primitives::ids::Id16;
use hefu_primitives::log::{MemoryLog, inclusion_proof};
use hefu_primitives::{H32, Uscc};
use minicbor::{Decode, Encode};

use hefu_contracts::certificate::Attest;
use hefu_contracts::leaf::{self, LeafProof};

use super::entry::Entry;
use super::log::Position;
use super::{Vault, VaultError, decode};
use crate::keystore::seal::{SealError, random};

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// Its id on the ledger.
    #[n(0)]
    pub id: Id16,
    /// The issuer of all its leaves.
    #[n(1)]
    pub issuer: Uscc,
    /// What the salts of its leaves follow from.
    #[n(2)]
    secret: Salt,
}

impl Batch {
    /// A batch with a fresh id and secret.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn new(issuer: Uscc) -> Result<Self, SealError> {
        Ok(Self { id: random().map(Id16)?, issuer, secret: Salt::new(random()?) })
    }

    /// The salt of a leaf.
    fn salt(&self, leaf: u32) -> Salt {
        let place = [b"salt".as_slice(), &leaf.to_be_bytes()].concat();
        let salt: H32 = Commitment::of_bytes(Purpose::Leaf, &self.secret, &place).into();
        Salt::new(salt.0)
    }
}

/// A leaf, as the ledger takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its batch.
    pub batch: Id16,
    /// The issuer.
    pub issuer: Uscc,
    /// The proof.
    pub proof: LeafProof,
    /// Its body.
    pub body: Attest,
}

impl Vault {
    /// Begins a batch.
    ///
    /// # Errors
    /// [`VaultError::Log`].
    pub fn begin_batch(&mut self, batch: &Batch) -> Result<(), VaultError> {
        self.append(&Entry::Batch(batch.clone()))
    }

    /// Adds the next leaf to a batch that was begun. Durable after [`Vault::sync`].
    ///
    /// # Errors
    /// [`VaultError::Unknown`] when the batch was not begun; [`VaultError::Log`].
    pub fn add_leaf(&mut self, batch: &Batch, body: &Attest) -> Result<(), VaultError> {
        let known = self.index.batches.get(&batch.id);
        let place = known.map(|(_, hashes)| hashes.len()).and_then(|n| u32::try_from(n).ok());
        let leaf = place.ok_or(VaultError::Unknown { att_id: batch.id })?;
        let bytes = body.to_bytes();
        let hash = leaf::hash(&batch.salt(leaf), &bytes);
        let (batch, att_id, body) = (batch.id, body.id, bytes.into());
        self.append(&Entry::Leaf { batch, leaf, att_id, hash, body })
    }

    /// Root and number of the leaves of a batch so far; none when it was not begun.
    pub fn batch_head(&self, batch: Id16) -> Option<(H32, u32)> {
        let (_, hashes) = self.index.batches.get(&batch)?;
        let head = tree(hashes)?.head();
        Some((head.root, u32::try_from(head.size).ok()?))
    }

    /// The leaf that an attestation is, with its proof; none when it is none.
    ///
    /// # Errors
    /// [`VaultError::Entry`] for a log that does not say what it said; [`VaultError::Log`].
    pub fn leaf(&self, att_id: Id16) -> Result<Option<Leaf>, VaultError> {
        let Some((id, leaf, position)) = self.index.leaves.get(&att_id) else { return Ok(None) };
        let (batch, hashes) = self.index.batches.get(id).ok_or(VaultError::Entry)?;
        let tree = tree(hashes).ok_or(VaultError::Entry)?;
        let proof = inclusion_proof(&tree, u64::from(*leaf), tree.head().size);
        let path = proof.map_err(|_| VaultError::Entry)?.path;
        let (salt, body) = (batch.salt(*leaf), self.leaf_body(*position, att_id)?);
        let proof = LeafProof { leaf: *leaf, salt, path };
        Ok(Some(Leaf { batch: *id, issuer: batch.issuer, proof, body }))
    }

    fn leaf_body(&self, position: Position, of: Id16) -> Result<Attest, VaultError> {
        match decode(&self.log.read(position)?)? {
            Entry::Leaf { att_id, body, .. } if att_id == of => {
                let most = hefu_primitives::bounds::MAX_ACT_BYTES;
                Attest::from_bytes(&body, most).map_err(|_| VaultError::Entry)
            }
            _ => Err(VaultError::Entry),
        }
    }
}

fn tree(hashes: &[H32]) -> Option<MemoryLog> {
    let mut tree = MemoryLog::new();
    hashes.iter().try_for_each(|hash| tree.append(*hash)).ok()?;
    Some(tree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keystore::{Passphrase, Profile};
    use hefu_contracts::certificate::{Ident, Marks};
    use hefu_primitives::{Millis, Region};

    fn body(number: u8) -> Attest {
        Attest {
            id: Id16([number; 16]),
            type_code: "11100000HEFU90025A003".parse().unwrap(),
            type_version: 1,
            region: Region(320_000),
            ident: Ident::Committed(H32([number; 32])),
            holder: H32([1; 32]),
            content: H32([2; 32]),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: "2026-04-20".parse().unwrap(),
            valid_from: "2026-04-20".parse().unwrap(),
            valid_until: None,
            previous: None,
            marks: Marks::default(),
            occurred_at: Millis(1_700_000_000_000),
        }
    }

    #[test]
    fn leaves_prove_themselves_after_reopening_and_compaction() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        let passphrase = Passphrase::new("correct horse battery".to_owned()).unwrap();
        let mut vault = Vault::create(&path, &passphrase, Profile::InsecureFast).unwrap();
        let issuer = "11320000HEFU0203X4".parse().unwrap();
        let batch = Batch::new(issuer).unwrap();
        assert!(vault.add_leaf(&batch, &body(1)).is_err(), "not begun");
        vault.begin_batch(&batch).unwrap();
        for number in 1..=7 {
            vault.add_leaf(&batch, &body(number)).unwrap();
        }
        vault.sync().unwrap();
        let (root, count) = vault.batch_head(batch.id).unwrap();
        assert_eq!(count, 7);
        drop(vault);
        let mut vault = Vault::open(&path, &passphrase).unwrap();
        for compacted in [false, true] {
            if compacted {
                vault.compact().unwrap();
            }
            for number in 1..=7 {
                let leaf = vault.leaf(Id16([number; 16])).unwrap().unwrap();
                assert_eq!((leaf.batch, leaf.issuer), (batch.id, issuer));
                assert!(leaf.proof.leads(&leaf.body.to_bytes(), root, count));
                assert_eq!(leaf.body, body(number));
            }
            assert_eq!(vault.leaf(Id16([9; 16])).unwrap(), None);
        }
    }

    #[test]
    fn no_two_leaves_share_a_salt() {
        let issuer = "11320000HEFU0203X4".parse().unwrap();
        let (one, two) = (Batch::new(issuer).unwrap(), Batch::new(issuer).unwrap());
        assert_ne!(one.salt(0), one.salt(1));
        assert_ne!(one.salt(0), two.salt(0));
    }

    #[test]
    fn the_last_batch_of_an_attestation_counts() {
        let folder = tempfile::tempdir().unwrap();
        let passphrase = Passphrase::new("correct horse battery".to_owned()).unwrap();
        let path = folder.path().join("vault");
        let mut vault = Vault::create(&path, &passphrase, Profile::InsecureFast).unwrap();
        let issuer = "11320000HEFU0203X4".parse().unwrap();
        let (given_up, sent) = (Batch::new(issuer).unwrap(), Batch::new(issuer).unwrap());
        for batch in [&given_up, &sent] {
            vault.begin_batch(batch).unwrap();
            vault.add_leaf(batch, &body(1)).unwrap();
        }
        assert_eq!(vault.leaf(Id16([1; 16])).unwrap().unwrap().batch, sent.id);
    }
}
