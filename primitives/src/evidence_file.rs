//! A proof of equivocation in a file: against which validator, at which height, checked with
//! nothing but the genesis hash.
//!
//! | part | says | checked against |
//! |---|---|---|
//! | anchor | the first validators | its hash is the chain id, which the reader knows |
//! | set changes | who decided later heights | each header's certificate, by the set before it |
//! | decided | header and certificate of the height itself | the set of its height |
//! | evidence | two messages that contradict each other | the key in that set |
//!
//! The header of the height itself is what makes it impossible to leave a change of validators
//! out: a key that no longer votes, in whatever hands, can accuse nobody.
//!
//! It does not show whether the contradiction stands on the ledger, nor why it happened.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::block::Header;
use crate::bounds::MAX_CAPSULE_BYTES;
use crate::capsule::{CapsuleError, CertifiedHeader, GenesisAnchor, SetChange, Trust};
use crate::codec::{Canonical, CodecError};
use crate::evidence::{Equivocation, EvidenceError};
use crate::hash::{Domain, H32, hash};
use crate::ids::{ChainId, Height};
use crate::validators::Validator;

/// Version of the format that this program writes.
pub const PROOF_FORMAT: u16 = 1;

/// A proof of equivocation, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EquivocationProof {
    /// [`PROOF_FORMAT`].
    #[n(0)]
    pub format: u16,
    /// The genesis anchor.
    #[n(1)]
    pub anchor: GenesisAnchor,
    /// Changes of the validator set before the height, oldest first.
    #[n(2)]
    pub set_changes: Vec<SetChange>,
    /// The block that was decided at the height.
    #[n(3)]
    pub decided: CertifiedHeader,
    /// The two messages.
    #[n(4)]
    pub evidence: Equivocation,
}

/// The step at which a proof failed, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a proof of a format this program knows.
    #[error("encoding: {0}")]
    Encoding(#[from] CodecError),
    /// The file is not as it was written.
    #[error("digest: the file was changed or damaged")]
    Changed,
    /// A proof of another format version.
    #[error("format: version {0} is not known")]
    Format(u16),
    /// Anchor, set changes or header.
    #[error(transparent)]
    Chain(#[from] CapsuleError),
    /// The header is of another height than the evidence.
    #[error("header: it is of height {header}, the evidence of {evidence}")]
    Height {
        /// Height of the header.
        header: Height,
        /// Height of the evidence.
        evidence: Height,
    },
    /// The two messages.
    #[error("evidence: {0}")]
    Evidence(#[from] EvidenceError),
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEquivocation {
    /// The ledger.
    pub chain: ChainId,
    /// Who, with the key.
    pub validator: Validator,
    /// What.
    pub evidence: Equivocation,
    /// The block that was decided at that height all the same.
    pub decided: Header,
    /// How many changes of the validator set came before.
    pub set_changes: usize,
}

/// The file form: the proof and a digest of it, which makes every changed byte an error.
#[derive(Encode, Decode)]
struct ProofFile {
    #[n(0)]
    proof: ByteVec,
    #[n(1)]
    digest: H32,
}

impl EquivocationProof {
    /// The bytes of the file.
    pub fn to_file(&self) -> Vec<u8> {
        let proof = self.to_bytes();
        let digest = hash(Domain::EquivocationProof, &[&proof]);
        ProofFile { proof: proof.into(), digest }.to_bytes()
    }

    /// Whether bytes are a file of this kind, unchanged: other files have other digests.
    pub fn is_file(bytes: &[u8]) -> bool {
        ProofFile::from_bytes(bytes, MAX_CAPSULE_BYTES)
            .is_ok_and(|file| hash(Domain::EquivocationProof, &[&file.proof]) == file.digest)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ProofError`] for bytes that are none, were changed, or are of another version.
    pub fn from_file(bytes: &[u8]) -> Result<Self, ProofError> {
        let file = ProofFile::from_bytes(bytes, MAX_CAPSULE_BYTES)?;
        if hash(Domain::EquivocationProof, &[&file.proof]) != file.digest {
            return Err(ProofError::Changed);
        }
        let proof = Self::from_bytes(&file.proof, MAX_CAPSULE_BYTES)?;
        match proof.format {
            PROOF_FORMAT => Ok(proof),
            other => Err(ProofError::Format(other)),
        }
    }

    /// Verifies everything against the hash of the genesis.
    ///
    /// # Errors
    /// [`ProofError`] names the first step that fails.
    pub fn verify(&self, genesis: ChainId) -> Result<ProvenEquivocation, ProofError> {
        let found = self.anchor.chain();
        if found != genesis {
            return Err(CapsuleError::Genesis { expected: genesis, found }.into());
        }
        let (header, evidence) = (self.decided.header.height, self.evidence.height());
        if header != evidence {
            return Err(ProofError::Height { header, evidence });
        }
        let trust = Trust::new(genesis, &self.anchor, &self.set_changes);
        trust.check_changes()?;
        let set = trust.check(&self.decided)?;
        self.evidence.verify(&genesis, set)?;
        let found = set.by_key(self.evidence.validator()).ok_or(EvidenceError::Signature)?;
        Ok(ProvenEquivocation {
            chain: genesis,
            validator: *found.1,
            evidence: self.evidence,
            decided: self.decided.header.clone(),
            set_changes: self.set_changes.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyPair;
    use crate::ids::{BlockId, Millis, Round};
    use crate::validators::tests::{pairs, set};
    use crate::vote::{CommitCertificate, CommitSignature, SignedVote, Vote, VoteKind};

    fn anchor() -> GenesisAnchor {
        GenesisAnchor {
            format: 1,
            document: H32([7; 32]),
            created: Millis(1),
            state_root: H32::ZERO,
            validators: set(&old()),
        }
    }

    /// Decide up to height 5.
    fn old() -> Vec<KeyPair> {
        pairs(4)
    }

    /// Decide from height 6 on: the first has left.
    fn new() -> Vec<KeyPair> {
        pairs(5).split_off(1)
    }

    fn vote(key: &KeyPair, height: u64, block: u8) -> SignedVote {
        let (height, round) = (Height(height), Round(0));
        let (kind, block) = (VoteKind::Precommit, Some(BlockId([block; 32])));
        Vote { kind, height, round, block, validator: key.id() }.sign(&anchor().chain(), key)
    }

    fn certified(height: u64, by: &[KeyPair], next: &[KeyPair]) -> CertifiedHeader {
        let header = Header {
            protocol: 1,
            chain: anchor().chain(),
            height: Height(height),
            round: Round(0),
            time: Millis(1_000 + height),
            parent: BlockId([height as u8; 32]),
            bundles_root: H32::ZERO,
            outcomes_root: H32::ZERO,
            log_size: 1,
            log_root: H32::ZERO,
            state_root: H32::ZERO,
            validators: set(by).hash(),
            next_validators: set(next).hash(),
            parameters: H32::ZERO,
            proposer: by[0].id(),
        };
        let (block, chain) = (header.id(), header.chain);
        let sign = |index: u16| {
            let key = &by[usize::from(index)];
            let (kind, round, validator) = (VoteKind::Precommit, Round(0), key.id());
            let vote = Vote { kind, height: Height(height), round, block: Some(block), validator };
            CommitSignature { index, signature: vote.sign(&chain, key).signature }
        };
        let signatures = (0..3).map(sign).collect();
        let certificate =
            CommitCertificate { height: Height(height), round: Round(0), block, signatures };
        CertifiedHeader { header, certificate }
    }

    fn proof(height: u64, key: &KeyPair) -> EquivocationProof {
        let change = SetChange { certified: certified(5, &old(), &new()), next: set(&new()) };
        let (set_changes, decided) = match height {
            0..=5 => (vec![], certified(height, &old(), &old())),
            _ => (vec![change], certified(height, &new(), &new())),
        };
        let evidence = Equivocation::votes(vote(key, height, 1), vote(key, height, 2));
        EquivocationProof { format: PROOF_FORMAT, anchor: anchor(), set_changes, decided, evidence }
    }

    #[test]
    fn proves_before_and_after_a_change_of_validators() {
        let (old, new) = (old(), new());
        for (height, key, changes) in [(3, &old[0], 0), (5, &old[0], 0), (9, &new[3], 1)] {
            let proof = proof(height, key);
            let file = proof.to_file();
            assert!(EquivocationProof::is_file(&file));
            assert_eq!(EquivocationProof::from_file(&file), Ok(proof.clone()));
            let proven = proof.verify(anchor().chain()).unwrap();
            assert_eq!(proven.validator.key, key.public());
            assert_eq!((proven.evidence.height(), proven.set_changes), (Height(height), changes));
        }
    }

    /// A key that has left the set signs what it likes: it accuses nobody any more, however the
    /// file is put together.
    #[test]
    fn a_key_that_has_left_proves_nothing() {
        let first = &old()[0];
        let nothing = Err(ProofError::Evidence(EvidenceError::Signature));
        assert_eq!(proof(9, first).verify(anchor().chain()), nothing);
        let without_change = EquivocationProof { set_changes: vec![], ..proof(9, first) };
        let refused = without_change.verify(anchor().chain());
        assert_eq!(refused, Err(CapsuleError::Header(Height(9)).into()));
        let earlier = EquivocationProof { decided: proof(3, first).decided, ..proof(9, first) };
        let error = ProofError::Height { header: Height(3), evidence: Height(9) };
        assert_eq!(earlier.verify(anchor().chain()), Err(error));
    }

    #[test]
    fn is_of_one_ledger_and_unchanged() {
        let proof = proof(3, &old()[0]);
        let other = ChainId([1; 32]);
        assert!(matches!(
            proof.verify(other),
            Err(ProofError::Chain(CapsuleError::Genesis { .. }))
        ));
        let file = proof.to_file();
        for place in 0..file.len() {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(EquivocationProof::from_file(&changed).is_err(), "byte {place}");
        }
        let later = EquivocationProof { format: 2, ..proof };
        assert_eq!(EquivocationProof::from_file(&later.to_file()), Err(ProofError::Format(2)));
    }

    #[test]
    fn golden_file() {
        let digest = hash(Domain::Digest, &[&proof(9, &new()[3]).to_file()]).to_string();
        assert_eq!(&digest[..16], "cd996001b7e2a4ad");
    }
}
