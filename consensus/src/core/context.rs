//! Our words in the core's grammar: the types the core is generic over, and the conversions.
//!
//! Nothing here leaves `core`; none of it has an encoding.

use core::fmt;

use hefu_primitives::vote::{SignedProposal, SignedVote};
use hefu_primitives::{
    BlockId, Height, KeyId, Proposal, PublicKey, Round, Signature, ValidatorSet, Vote, VoteKind,
};
use malachite_types as mt;

use crate::rotation::turn;

/// The core's context.
#[derive(Clone, Debug)]
pub(super) struct Ctx;

/// A validator's address: the id of its consensus key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Addr(pub(super) KeyId);

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl mt::Address for Addr {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CoreHeight(pub(super) Height);

impl fmt::Display for CoreHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl mt::Height for CoreHeight {
    const ZERO: Self = Self(Height(0));
    const INITIAL: Self = Self(Height(1));

    fn increment_by(&self, n: u64) -> Self {
        Self(Height(self.0.0.saturating_add(n)))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.0.checked_sub(n).map(|height| Self(Height(height)))
    }

    fn as_u64(&self) -> u64 {
        self.0.0
    }
}

/// A block, by its id: the core never sees more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CoreValue(pub(super) BlockId);

impl mt::Value for CoreValue {
    type Id = BlockId;

    fn id(&self) -> BlockId {
        self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CoreProposal {
    height: CoreHeight,
    round: mt::Round,
    value: CoreValue,
    pol_round: mt::Round,
    proposer: Addr,
}

impl mt::Proposal<Ctx> for CoreProposal {
    fn height(&self) -> CoreHeight {
        self.height
    }

    fn round(&self) -> mt::Round {
        self.round
    }

    fn value(&self) -> &CoreValue {
        &self.value
    }

    fn take_value(self) -> CoreValue {
        self.value
    }

    fn pol_round(&self) -> mt::Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Addr {
        &self.proposer
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CoreVote {
    kind: mt::VoteType,
    height: CoreHeight,
    round: mt::Round,
    value: mt::NilOrVal<BlockId>,
    validator: Addr,
}

impl mt::Vote<Ctx> for CoreVote {
    fn height(&self) -> CoreHeight {
        self.height
    }

    fn round(&self) -> mt::Round {
        self.round
    }

    fn value(&self) -> &mt::NilOrVal<BlockId> {
        &self.value
    }

    fn take_value(self) -> mt::NilOrVal<BlockId> {
        self.value
    }

    fn vote_type(&self) -> mt::VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Addr {
        &self.validator
    }

    fn extension(&self) -> Option<&mt::SignedExtension<Ctx>> {
        None
    }

    fn take_extension(&mut self) -> Option<mt::SignedExtension<Ctx>> {
        None
    }

    fn extend(self, _: mt::SignedExtension<Ctx>) -> Self {
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CoreValidator {
    address: Addr,
    key: PublicKey,
    power: u64,
}

impl mt::Validator<Ctx> for CoreValidator {
    fn address(&self) -> &Addr {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// The validator set in its own order. The sum of powers is below 2^60, so that the core's
/// threshold arithmetic (times three) cannot overflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CoreSet(Vec<CoreValidator>);

impl From<&ValidatorSet> for CoreSet {
    fn from(set: &ValidatorSet) -> Self {
        let validator = |v: &hefu_primitives::Validator| CoreValidator {
            address: Addr(v.key.id()),
            key: v.key,
            power: v.power.0,
        };
        Self(set.validators().iter().map(validator).collect())
    }
}

impl mt::ValidatorSet<Ctx> for CoreSet {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.iter().fold(0, |sum, v| sum.saturating_add(v.power))
    }

    fn get_by_address(&self, address: &Addr) -> Option<&CoreValidator> {
        self.0.iter().find(|v| v.address == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&CoreValidator> {
        self.0.get(index)
    }
}

/// Parts of proposals travel outside the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoParts;

impl mt::ProposalPart<Ctx> for NoParts {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

/// Our signatures; the core neither encodes nor decodes any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scheme;

impl mt::SigningScheme for Scheme {
    type DecodingError = &'static str;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = ();

    fn decode_signature(bytes: &[u8]) -> Result<Signature, &'static str> {
        bytes.try_into().map(Signature).map_err(|_| "a signature has 64 bytes")
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, &'static str> {
        bytes.try_into().map(PublicKey::ed25519).map_err(|_| "a key has 32 bytes")
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

impl mt::Context for Ctx {
    type Address = Addr;
    type Height = CoreHeight;
    type ProposalPart = NoParts;
    type Proposal = CoreProposal;
    type Validator = CoreValidator;
    type ValidatorSet = CoreSet;
    type Timeouts = mt::LinearTimeouts;
    type Value = CoreValue;
    type Vote = CoreVote;
    type Extension = ();
    type SigningScheme = Scheme;

    #[allow(clippy::indexing_slicing)] // a set is never empty, and a turn is below its length
    fn select_proposer<'a>(
        &self,
        set: &'a CoreSet,
        height: CoreHeight,
        round: mt::Round,
    ) -> &'a CoreValidator {
        &set.0[turn(set.0.len(), height.0, Round(round.as_u32().unwrap_or(0)))]
    }

    fn new_proposal(
        &self,
        height: CoreHeight,
        round: mt::Round,
        value: CoreValue,
        pol_round: mt::Round,
        proposer: Addr,
    ) -> CoreProposal {
        CoreProposal { height, round, value, pol_round, proposer }
    }

    fn new_prevote(
        &self,
        height: CoreHeight,
        round: mt::Round,
        value: mt::NilOrVal<BlockId>,
        validator: Addr,
    ) -> CoreVote {
        CoreVote { kind: mt::VoteType::Prevote, height, round, value, validator }
    }

    fn new_precommit(
        &self,
        height: CoreHeight,
        round: mt::Round,
        value: mt::NilOrVal<BlockId>,
        validator: Addr,
    ) -> CoreVote {
        CoreVote { kind: mt::VoteType::Precommit, height, round, value, validator }
    }
}

pub(super) const fn to_core_round(round: Round) -> mt::Round {
    mt::Round::Some(round.0)
}

/// The core's rounds are defined wherever a message is concerned.
pub(super) fn round(round: mt::Round) -> Round {
    Round(round.as_u32().unwrap_or(0))
}

pub(super) fn vote(vote: &CoreVote) -> Vote {
    Vote {
        kind: match vote.kind {
            mt::VoteType::Prevote => VoteKind::Prevote,
            mt::VoteType::Precommit => VoteKind::Precommit,
        },
        height: vote.height.0,
        round: round(vote.round),
        block: match vote.value {
            mt::NilOrVal::Nil => None,
            mt::NilOrVal::Val(block) => Some(block),
        },
        validator: vote.validator.0,
    }
}

pub(super) fn proposal(proposal: &CoreProposal) -> Proposal {
    Proposal {
        height: proposal.height.0,
        round: round(proposal.round),
        block: proposal.value.0,
        pol_round: proposal.pol_round.as_u32().map(Round),
        proposer: proposal.proposer.0,
    }
}

pub(super) fn to_core_vote(signed: &SignedVote) -> mt::SignedVote<Ctx> {
    let vote = signed.vote;
    let message = CoreVote {
        kind: match vote.kind {
            VoteKind::Prevote => mt::VoteType::Prevote,
            VoteKind::Precommit => mt::VoteType::Precommit,
        },
        height: CoreHeight(vote.height),
        round: to_core_round(vote.round),
        value: vote.block.map_or(mt::NilOrVal::Nil, mt::NilOrVal::Val),
        validator: Addr(vote.validator),
    };
    mt::SignedMessage::new(message, signed.signature)
}

pub(super) fn to_core_proposal(signed: &SignedProposal) -> mt::SignedProposal<Ctx> {
    let proposal = signed.proposal;
    let message = CoreProposal {
        height: CoreHeight(proposal.height),
        round: to_core_round(proposal.round),
        value: CoreValue(proposal.block),
        pol_round: proposal.pol_round.map_or(mt::Round::Nil, to_core_round),
        proposer: Addr(proposal.proposer),
    };
    mt::SignedMessage::new(message, signed.signature)
}

pub(super) fn signed_vote(signed: &mt::SignedVote<Ctx>) -> SignedVote {
    SignedVote { vote: vote(&signed.message), signature: signed.signature }
}

pub(super) fn signed_proposal(signed: &mt::SignedProposal<Ctx>) -> SignedProposal {
    SignedProposal { proposal: proposal(&signed.message), signature: signed.signature }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHAIN, keys};

    #[test]
    fn votes_and_proposals_survive_the_journey() {
        let key = &keys(1)[0];
        for block in [None, Some(BlockId([3; 32]))] {
            for kind in [VoteKind::Prevote, VoteKind::Precommit] {
                let (height, round) = (Height(u64::MAX), Round(7));
                let vote = Vote { kind, height, round, block, validator: key.id() };
                let signed = vote.sign(&CHAIN, key);
                assert_eq!(signed_vote(&to_core_vote(&signed)), signed);
            }
        }
        for pol_round in [None, Some(Round(0)), Some(Round(2))] {
            let proposal = Proposal {
                height: Height(3),
                round: Round(4),
                block: BlockId([5; 32]),
                pol_round,
                proposer: key.id(),
            };
            let signed = proposal.sign(&CHAIN, key);
            assert_eq!(signed_proposal(&to_core_proposal(&signed)), signed);
        }
    }
}
