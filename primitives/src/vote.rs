//! Proposals, votes and the certificate that makes a block final.
//!
//! Everything signed names the chain, so that nothing can be replayed on another ledger.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::codec::Canonical;
use crate::crypto::{KeyPair, PublicKey, Signature, SignatureCheck};
use crate::hash::{Domain, hash};
use crate::ids::{BlockId, ChainId, Height, KeyId, Power, Round};
use crate::validators::ValidatorSet;

/// The two kinds of vote of a round.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum VoteKind {
    /// First vote of a round.
    #[n(0)]
    Prevote,
    /// Second vote of a round; `> 2/3` of them for one block make it final.
    #[n(1)]
    Precommit,
}

/// One validator's word about one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
pub struct Vote {
    /// Prevote or precommit.
    #[n(0)]
    pub kind: VoteKind,
    /// Height voted on.
    #[n(1)]
    pub height: Height,
    /// Round voted in.
    #[n(2)]
    pub round: Round,
    /// The block, or none for nil.
    #[n(3)]
    pub block: Option<BlockId>,
    /// The voter's consensus key.
    #[n(4)]
    pub validator: KeyId,
}

impl Vote {
    /// Signs the vote for a chain.
    pub fn sign(self, chain: &ChainId, key: &KeyPair) -> SignedVote {
        let signature = key.sign_tagged(Domain::Vote, &[chain.as_ref(), &self.to_bytes()]);
        SignedVote { vote: self, signature }
    }
}

/// A vote with its signature, not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
pub struct SignedVote {
    /// The vote.
    #[n(0)]
    pub vote: Vote,
    /// The voter's signature.
    #[n(1)]
    pub signature: Signature,
}

impl SignedVote {
    /// Whether the voter belongs to the set and signed this vote for this chain.
    #[must_use]
    pub fn verify(&self, chain: &ChainId, validators: &ValidatorSet) -> bool {
        self.verify_with(chain, validators, PublicKey::verify)
    }

    /// The same, with another way to check signatures.
    #[must_use]
    pub fn verify_with(
        &self,
        chain: &ChainId,
        validators: &ValidatorSet,
        check: SignatureCheck,
    ) -> bool {
        validators.by_key(self.vote.validator).is_some_and(|(_, validator)| {
            let digest = hash(Domain::Vote, &[chain.as_ref(), &self.vote.to_bytes()]);
            check(&validator.key, digest.as_bytes(), &self.signature)
        })
    }
}

/// The proposer's word for one round: this block, and the round its value was last accepted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
pub struct Proposal {
    /// Height proposed for.
    #[n(0)]
    pub height: Height,
    /// Round proposed in.
    #[n(1)]
    pub round: Round,
    /// The block.
    #[n(2)]
    pub block: BlockId,
    /// The proof-of-lock round of a value proposed again (Tendermint's `validRound`).
    #[n(3)]
    pub pol_round: Option<Round>,
    /// The proposer's consensus key.
    #[n(4)]
    pub proposer: KeyId,
}

impl Proposal {
    /// Signs the proposal for a chain.
    pub fn sign(self, chain: &ChainId, key: &KeyPair) -> SignedProposal {
        let signature = key.sign_tagged(Domain::Proposal, &[chain.as_ref(), &self.to_bytes()]);
        SignedProposal { proposal: self, signature }
    }
}

/// A proposal with its signature, not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
pub struct SignedProposal {
    /// The proposal.
    #[n(0)]
    pub proposal: Proposal,
    /// The proposer's signature.
    #[n(1)]
    pub signature: Signature,
}

impl SignedProposal {
    /// Whether the proposer belongs to the set and signed this proposal for this chain. Whether it
    /// was its turn is for consensus to say.
    #[must_use]
    pub fn verify(&self, chain: &ChainId, validators: &ValidatorSet) -> bool {
        self.verify_with(chain, validators, PublicKey::verify)
    }

    /// The same, with another way to check signatures.
    #[must_use]
    pub fn verify_with(
        &self,
        chain: &ChainId,
        validators: &ValidatorSet,
        check: SignatureCheck,
    ) -> bool {
        validators.by_key(self.proposal.proposer).is_some_and(|(_, validator)| {
            let digest = hash(Domain::Proposal, &[chain.as_ref(), &self.proposal.to_bytes()]);
            check(&validator.key, digest.as_bytes(), &self.signature)
        })
    }
}

/// One precommit inside a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CommitSignature {
    /// The voter's place in the validator set of the height.
    #[n(0)]
    pub index: u16,
    /// The signature of its precommit.
    #[n(1)]
    pub signature: Signature,
}

/// Precommits of more than two thirds of the power for one block: the block is final.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CommitCertificate {
    /// Height decided.
    #[n(0)]
    pub height: Height,
    /// Round decided in.
    #[n(1)]
    pub round: Round,
    /// The block decided on.
    #[n(2)]
    pub block: BlockId,
    /// Signatures by strictly increasing place.
    #[n(3)]
    pub signatures: Vec<CommitSignature>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Places are not strictly increasing, or one is outside the set.
    #[error("signature {0} is out of order or names no validator")]
    Place(usize),
    /// A signature does not verify.
    #[error("the signature of validator {0} does not verify")]
    Signature(u16),
    /// Too little power signed.
    #[error("power {found} signed; {needed} are needed")]
    Power {
        /// Power needed.
        needed: Power,
        /// Power that signed.
        found: Power,
    },
}

impl CommitCertificate {
    /// Verifies every signature against the validator set of the height.
    ///
    /// # Errors
    /// [`CertificateError`] names the first thing that is wrong.
    pub fn verify(
        &self,
        chain: &ChainId,
        validators: &ValidatorSet,
    ) -> Result<(), CertificateError> {
        self.verify_with(chain, validators, PublicKey::verify)
    }

    /// The same, with another way to check signatures.
    ///
    /// # Errors
    /// As [`CommitCertificate::verify`].
    pub fn verify_with(
        &self,
        chain: &ChainId,
        validators: &ValidatorSet,
        check: SignatureCheck,
    ) -> Result<(), CertificateError> {
        self.verify_votes(validators, |vote| vote.verify_with(chain, validators, check))
    }

    /// Verifies that the certificate is made of good precommits of enough validators, with
    /// whatever tells a good one: somebody who keeps the votes that it has verified need not verify
    /// them again.
    ///
    /// # Errors
    /// As [`CommitCertificate::verify`].
    pub fn verify_votes(
        &self,
        validators: &ValidatorSet,
        is_good: impl Fn(&SignedVote) -> bool,
    ) -> Result<(), CertificateError> {
        let mut power = Power(0);
        let mut next = 0usize;
        for (position, entry) in self.signatures.iter().enumerate() {
            let place = usize::from(entry.index);
            let (validator, id) = validators
                .get(place)
                .zip(validators.ids().get(place))
                .filter(|_| place >= next)
                .ok_or(CertificateError::Place(position))?;
            next = place.saturating_add(1);
            let vote = Vote {
                kind: VoteKind::Precommit,
                height: self.height,
                round: self.round,
                block: Some(self.block),
                validator: *id,
            };
            let signed = SignedVote { vote, signature: entry.signature };
            if !is_good(&signed) {
                return Err(CertificateError::Signature(entry.index));
            }
            power = Power(power.0.saturating_add(validator.power.0));
        }
        let needed = validators.quorum();
        if power < needed {
            return Err(CertificateError::Power { needed, found: power });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validators::tests::{pairs, set};

    const CHAIN: ChainId = ChainId([9; 32]);

    fn certificate(signers: &[usize]) -> (CommitCertificate, ValidatorSet) {
        let pairs = pairs(4);
        let validators = set(&pairs);
        let (height, round, block) = (Height(5), Round(1), BlockId([3; 32]));
        let signatures = signers
            .iter()
            .map(|&index| {
                let vote = Vote {
                    kind: VoteKind::Precommit,
                    height,
                    round,
                    block: Some(block),
                    validator: pairs[index].id(),
                };
                let signature = vote.sign(&CHAIN, &pairs[index]).signature;
                CommitSignature { index: index as u16, signature }
            })
            .collect();
        (CommitCertificate { height, round, block, signatures }, validators)
    }

    #[test]
    fn three_of_four_decide() {
        let (certificate, validators) = certificate(&[0, 1, 3]);
        assert_eq!(certificate.verify(&CHAIN, &validators), Ok(()));
        assert_eq!(
            certificate.verify(&ChainId([8; 32]), &validators),
            Err(CertificateError::Signature(0))
        );
    }

    #[test]
    fn two_of_four_do_not() {
        let (certificate, validators) = certificate(&[0, 2]);
        assert_eq!(
            certificate.verify(&CHAIN, &validators),
            Err(CertificateError::Power { needed: Power(3), found: Power(2) })
        );
    }

    #[test]
    fn one_vote_counts_once() {
        let (certificate, validators) = certificate(&[0, 1, 1]);
        assert_eq!(certificate.verify(&CHAIN, &validators), Err(CertificateError::Place(2)));
    }

    #[test]
    fn every_field_is_signed() {
        let (good, validators) = certificate(&[0, 1, 2]);
        for broken in [
            CommitCertificate { height: Height(6), ..good.clone() },
            CommitCertificate { round: Round(0), ..good.clone() },
            CommitCertificate { block: BlockId([4; 32]), ..good.clone() },
        ] {
            assert_eq!(broken.verify(&CHAIN, &validators), Err(CertificateError::Signature(0)));
        }
    }
}
