//! Two certified blocks of one height: proof, with nothing but the genesis hash, that the ledger
//! forked, and of who signed both.
//!
//! | part | says | checked against |
//! |---|---|---|
//! | anchor | the first validators | its hash is the chain id, which the reader knows |
//! | set changes | who decided later heights | each header's certificate, by the set before it |
//! | ours | a block and its certificate | the set of its height |
//! | theirs | another block of that height and its certificate | the set of the height, or its own set where more than a third of that power signed too |
//!
//! Less than a third of a set in wrong hands can make no such pair. Who signed both **in one round**
//! contradicted itself, and is proven to by [`Equivocation`]. Of those who signed both in different
//! rounds, or the other one alone, some lied, and this file does not show which: an honest validator
//! may sign in a later round what it did not in an earlier one, and one that was misled by a fork
//! further back signs in good faith. They are listed, not accused.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::LightBlock;
use super::verify::{more_than_a_third, overlap, signers};
use crate::block::Header;
use crate::bounds::MAX_CAPSULE_BYTES;
use crate::capsule::{CapsuleError, CertifiedHeader, GenesisAnchor, SetChange, Trust};
use crate::codec::{Canonical, CodecError};
use crate::evidence::Equivocation;
use crate::evidence_file::{EquivocationProof, PROOF_FORMAT};
use crate::hash::{Domain, H32, hash};
use crate::ids::{ChainId, KeyId, Power};
use crate::validators::{Validator, ValidatorSet};
use crate::vote::{CertificateError, CommitCertificate, SignedVote, Vote, VoteKind};

/// Version of the file that this program writes.
const FORK_FORMAT: u16 = 1;

/// Proof of a fork, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ForkProof {
    #[n(0)]
    format: u16,
    #[n(1)]
    anchor: GenesisAnchor,
    #[n(2)]
    set_changes: Vec<SetChange>,
    #[n(3)]
    ours: CertifiedHeader,
    #[n(4)]
    theirs: CertifiedHeader,
    /// The set that their header names, where it is not the set of the height.
    #[n(5)]
    their_validators: Option<ValidatorSet>,
}

/// Why there is no proof of a fork.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// Not such a file.
    #[error("encoding: {0}")]
    Encoding(#[from] CodecError),
    /// The file is not as it was written.
    #[error("digest: the file was changed or damaged")]
    Changed,
    /// Of another format version.
    #[error("format: version {0} is not known")]
    Format(u16),
    /// Anchor, set changes or the first header.
    #[error(transparent)]
    Chain(#[from] CapsuleError),
    /// The two are one block, or of two heights or ledgers.
    #[error("the two headers do not contradict each other")]
    NoFork,
    /// The other header, its certificate and its set do not belong together.
    #[error("the other header's certificate or validator set is of something else")]
    Forged,
    /// The other header's certificate proves nothing.
    #[error("the other header: {0}")]
    Certificate(CertificateError),
    /// Too few of the validators of the height signed the other header: strangers can sign anything.
    #[error("validators with power {found} signed the other header; {needed} make a fork")]
    Strangers {
        /// Power needed.
        needed: Power,
        /// Power that signed.
        found: Power,
    },
    /// Changes of the set were stepped over, so nothing links the genesis with the header.
    #[error("changes of validators were stepped over; a proof needs all of them")]
    Unlinked,
}

/// What a validator of the height signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// Both blocks, in one round: it contradicted itself.
    Contradicted,
    /// Both blocks, in different rounds.
    Both,
    /// The other block alone.
    Other,
}

/// A validator of the height that signed the other block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkSigner {
    /// Who.
    pub validator: Validator,
    /// What it signed.
    pub signed: Signed,
}

/// What a proof of a fork proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenFork {
    /// The ledger.
    pub chain: ChainId,
    /// One block.
    pub ours: Header,
    /// The other block.
    pub theirs: Header,
    /// Who signed the other block, of the validators of the height, ordered by province.
    pub signers: Vec<ForkSigner>,
    /// The contradictions: one for each of [`Signed::Contradicted`], in the same order.
    pub contradictions: Vec<Equivocation>,
    /// How many changes of the validator set came before.
    pub set_changes: usize,
}

#[derive(Encode, Decode)]
struct ForkFile {
    #[n(0)]
    proof: ByteVec,
    #[n(1)]
    digest: H32,
}

impl ForkProof {
    /// Puts the parts together; [`ForkProof::verify`] says whether they prove anything.
    pub(super) fn new(
        anchor: GenesisAnchor,
        set_changes: Vec<SetChange>,
        ours: CertifiedHeader,
        theirs: &LightBlock,
    ) -> Self {
        let same = theirs.certified.header.validators == ours.header.validators;
        let their_validators = (!same).then(|| theirs.validators.clone());
        let theirs = theirs.certified.clone();
        Self { format: FORK_FORMAT, anchor, set_changes, ours, theirs, their_validators }
    }

    /// The bytes of the file.
    pub fn to_file(&self) -> Vec<u8> {
        let proof = self.to_bytes();
        let digest = hash(Domain::ForkProof, &[&proof]);
        ForkFile { proof: proof.into(), digest }.to_bytes()
    }

    /// Whether bytes are a file of this kind, unchanged: other files have other digests.
    pub fn is_file(bytes: &[u8]) -> bool {
        ForkFile::from_bytes(bytes, MAX_CAPSULE_BYTES)
            .is_ok_and(|file| hash(Domain::ForkProof, &[&file.proof]) == file.digest)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ForkError`] for bytes that are none, were changed, or are of another version.
    pub fn from_file(bytes: &[u8]) -> Result<Self, ForkError> {
        let file = ForkFile::from_bytes(bytes, MAX_CAPSULE_BYTES)?;
        if hash(Domain::ForkProof, &[&file.proof]) != file.digest {
            return Err(ForkError::Changed);
        }
        let proof = Self::from_bytes(&file.proof, MAX_CAPSULE_BYTES)?;
        match proof.format {
            FORK_FORMAT => Ok(proof),
            other => Err(ForkError::Format(other)),
        }
    }

    /// Verifies everything against the hash of the genesis.
    ///
    /// # Errors
    /// [`ForkError`] names the first step that fails.
    pub fn verify(&self, genesis: ChainId) -> Result<ProvenFork, ForkError> {
        let found = self.anchor.chain();
        if found != genesis {
            return Err(CapsuleError::Genesis { expected: genesis, found }.into());
        }
        let trust = Trust::new(genesis, &self.anchor, &self.set_changes);
        trust.check_changes()?;
        let set = trust.check(&self.ours)?;
        let theirs = self.check_theirs(genesis, set)?;
        let (signers, contradictions) = self.judge(genesis, set, &theirs);
        Ok(ProvenFork {
            chain: genesis,
            ours: self.ours.header.clone(),
            theirs: self.theirs.header.clone(),
            signers,
            contradictions,
            set_changes: self.set_changes.len(),
        })
    }

    /// That the other block is another, and final in the eyes of whoever believed more than a third
    /// of the set.
    pub(super) fn check_theirs(
        &self,
        chain: ChainId,
        set: &ValidatorSet,
    ) -> Result<LightBlock, ForkError> {
        let (ours, theirs) = (&self.ours.header, &self.theirs.header);
        if theirs.chain != chain || theirs.height != ours.height || theirs == ours {
            return Err(ForkError::NoFork);
        }
        // The set of the height is known already: saying it again would be a second encoding.
        if self.their_validators.as_ref() == Some(set) {
            return Err(CodecError::NotCanonical.into());
        }
        let validators = self.their_validators.clone().unwrap_or_else(|| set.clone());
        let (certificate, id) = (&self.theirs.certificate, theirs.id());
        let belongs = theirs.validators == validators.hash()
            && certificate.height == theirs.height
            && certificate.block == id;
        if !belongs {
            return Err(ForkError::Forged);
        }
        certificate.verify(&chain, &validators).map_err(ForkError::Certificate)?;
        let block = LightBlock { certified: self.theirs.clone(), validators, next: None };
        let (needed, found) = (more_than_a_third(set), overlap(&block, set));
        if found < needed {
            return Err(ForkError::Strangers { needed, found });
        }
        Ok(block)
    }

    /// Who signed what.
    fn judge(
        &self,
        chain: ChainId,
        set: &ValidatorSet,
        theirs: &LightBlock,
    ) -> (Vec<ForkSigner>, Vec<Equivocation>) {
        let other: std::collections::BTreeSet<KeyId> = signers(theirs).collect();
        let (ours, theirs_set) = (&self.ours.certificate, &theirs.validators);
        let mut listed = Vec::new();
        let mut contradictions = Vec::new();
        for (validator, key) in set.validators().iter().zip(set.ids()) {
            if !other.contains(key) {
                continue;
            }
            let first = precommit(ours, set, *key);
            let second = precommit(&self.theirs.certificate, theirs_set, *key);
            let both = first.zip(second).map(|(a, b)| Equivocation::votes(a, b));
            let proven = both.filter(|both| both.verify(&chain, set).is_ok());
            let signed = match (proven, first) {
                (Some(proven), _) => {
                    contradictions.push(proven);
                    Signed::Contradicted
                }
                (None, Some(_)) => Signed::Both,
                (None, None) => Signed::Other,
            };
            listed.push(ForkSigner { validator: *validator, signed });
        }
        (listed, contradictions)
    }

    /// The proofs against each of those who contradicted themselves, as files of their own.
    ///
    /// # Errors
    /// As [`ForkProof::verify`].
    pub fn contradictions(&self, genesis: ChainId) -> Result<Vec<EquivocationProof>, ForkError> {
        let proven = self.verify(genesis)?;
        let proof = |evidence| EquivocationProof {
            format: PROOF_FORMAT,
            anchor: self.anchor.clone(),
            set_changes: self.set_changes.clone(),
            decided: self.ours.clone(),
            evidence,
        };
        Ok(proven.contradictions.into_iter().map(proof).collect())
    }
}

/// The precommit of a key in a certificate.
fn precommit(
    certificate: &CommitCertificate,
    set: &ValidatorSet,
    validator: KeyId,
) -> Option<SignedVote> {
    let (place, _) = set.by_key(validator)?;
    let entry = certificate.signatures.iter().find(|entry| usize::from(entry.index) == place)?;
    let vote = Vote {
        kind: VoteKind::Precommit,
        height: certificate.height,
        round: certificate.round,
        block: Some(certificate.block),
        validator,
    };
    Some(SignedVote { vote, signature: entry.signature })
}
