//! What replicas say to each other: canonical CBOR, at most
//! [`MAX_CONSENSUS_MESSAGE_BYTES`] long.

use hefu_primitives::bounds::{MAX_CONSENSUS_MESSAGE_BYTES, MAX_VALIDATORS};
use hefu_primitives::vote::{CommitSignature, SignedProposal, SignedVote};
use hefu_primitives::{
    Block, BlockId, Canonical, ChainId, CodecError, CommitCertificate, Height, Power, Round,
    ValidatorSet, Vote, VoteKind,
};
use minicbor::{Decode, Encode};

/// Most votes in one message: both votes of every validator in one round, 128 × 145 bytes.
pub const MAX_VOTES_IN_MESSAGE: usize = 2 * MAX_VALIDATORS;

/// A consensus message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    /// A proposal with the block it names.
    #[n(0)]
    Proposal {
        /// The signed proposal.
        #[n(0)]
        proposal: SignedProposal,
        /// The block.
        #[n(1)]
        block: Block,
    },
    /// Votes: one as it is cast, or those a peer lacks.
    #[n(1)]
    Votes(#[n(0)] Vec<SignedVote>),
    /// A quorum of prevotes for one block.
    #[n(2)]
    Polka(#[n(0)] PolkaCertificate),
    /// The certificate of the height that the receiver is still deciding.
    #[n(3)]
    Decided(#[n(0)] CommitCertificate),
    /// Where the sender stands.
    #[n(4)]
    Status(#[n(0)] Status),
}

impl Message {
    /// Decodes a message and checks its counts.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are too many or no canonical message.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let message = Self::from_bytes(bytes, MAX_CONSENSUS_MESSAGE_BYTES)?;
        let count = match &message {
            Self::Votes(votes) if votes.len() > MAX_VOTES_IN_MESSAGE => votes.len(),
            Self::Polka(polka) if polka.signatures.len() > MAX_VALIDATORS => polka.signatures.len(),
            Self::Decided(decided) if decided.signatures.len() > MAX_VALIDATORS => {
                decided.signatures.len()
            }
            _ => return Ok(message),
        };
        Err(CodecError::TooLarge { bound: MAX_VALIDATORS, found: count })
    }
}

/// Where a replica stands, so that a peer can send what it lacks and nothing else.
///
/// Bits of the maps are places in the validator set of the height, lowest bit first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Status {
    /// Height being decided: one above the stored tip.
    #[n(0)]
    pub height: Height,
    /// Round of that height.
    #[n(1)]
    pub round: Round,
    /// Prevotes of the round that the sender holds.
    #[n(2)]
    pub prevotes: u64,
    /// Precommits of the round that the sender holds.
    #[n(3)]
    pub precommits: u64,
    /// Validators the sender is connected with directly.
    #[n(4)]
    pub links: u64,
    /// Whether the sender holds a proposal of the round.
    #[n(5)]
    pub proposal: bool,
    /// Whether the sender holds a quorum of prevotes for one block in the round.
    #[n(6)]
    pub polka: bool,
}

/// Prevotes of more than two thirds of the power for one block in one round.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PolkaCertificate {
    /// Height.
    #[n(0)]
    pub height: Height,
    /// Round.
    #[n(1)]
    pub round: Round,
    /// The block.
    #[n(2)]
    pub block: BlockId,
    /// Signatures by strictly increasing place.
    #[n(3)]
    pub signatures: Vec<CommitSignature>,
}

impl PolkaCertificate {
    /// The prevotes inside, or none when places are out of order or outside the set.
    pub fn votes(&self, validators: &ValidatorSet) -> Option<Vec<SignedVote>> {
        let mut next = 0usize;
        let mut votes = Vec::with_capacity(self.signatures.len());
        for entry in &self.signatures {
            let place = usize::from(entry.index);
            let validator = validators.get(place).filter(|_| place >= next)?;
            next = place.saturating_add(1);
            let vote = Vote {
                kind: VoteKind::Prevote,
                height: self.height,
                round: self.round,
                block: Some(self.block),
                validator: validator.key.id(),
            };
            votes.push(SignedVote { vote, signature: entry.signature });
        }
        Some(votes)
    }

    /// Whether it proves a quorum of prevotes.
    #[must_use]
    pub fn verify(&self, chain: &ChainId, validators: &ValidatorSet) -> bool {
        let Some(votes) = self.votes(validators) else { return false };
        let power = votes.iter().fold(Power(0), |sum, signed| {
            let power = validators.by_key(signed.vote.validator).map_or(0, |(_, v)| v.power.0);
            Power(sum.0.saturating_add(power))
        });
        power >= validators.quorum() && votes.iter().all(|vote| vote.verify(chain, validators))
    }
}
