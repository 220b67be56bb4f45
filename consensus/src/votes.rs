//! The verified messages of one height: what peers are helped with, and where contradictions
//! show.
//!
//! Only verified votes and proposals come in. Of a validator's votes of one round and kind the
//! first two that differ are kept: the second is the evidence, and may be what completes a
//! certificate that the core, which counts only the first, cannot see. Rounds more than
//! [`ROUNDS_KEPT`] behind the latest are dropped: whoever decides on an old round's precommits
//! sends the certificate.

use std::collections::{BTreeMap, BTreeSet};

use hefu_primitives::vote::{CommitSignature, SignedProposal, SignedVote};
use hefu_primitives::{
    BlockId, CommitCertificate, Height, KeyId, Power, Round, ValidatorSet, VoteKind,
};

use crate::message::PolkaCertificate;
use hefu_primitives::Equivocation;

/// Rounds of a height that are kept: 64 × 64 validators × 4 votes of 200 bytes are 3.3 MB.
pub(crate) const ROUNDS_KEPT: u32 = 64;
/// Different proposals of one round that are kept, as in the core; more only for a block that a
/// third of the validators vouch for.
pub(crate) const PROPOSALS_KEPT: usize = 2;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // few exist at a time
pub(crate) enum Added {
    /// New.
    New,
    /// New, and it contradicts an earlier one.
    Contradiction(Equivocation),
    /// Known, or more than is kept.
    Nothing,
}

#[derive(Debug, Default)]
struct RoundBook {
    votes: BTreeMap<(VoteKind, KeyId), (SignedVote, Option<SignedVote>)>,
    proposals: Vec<SignedProposal>,
    /// Positions of the proposals that the core was given; the others' blocks are not validated.
    given: BTreeSet<usize>,
    polka: Option<PolkaCertificate>,
    contradicted: bool,
}

/// The messages of one height.
#[derive(Debug)]
pub(crate) struct Book {
    height: Height,
    validators: ValidatorSet,
    rounds: BTreeMap<Round, RoundBook>,
    reported: BTreeSet<(KeyId, bool)>,
}

impl Book {
    pub(crate) fn new(height: Height, validators: ValidatorSet) -> Self {
        Self { height, validators, rounds: BTreeMap::new(), reported: BTreeSet::new() }
    }

    /// Whether adding the vote would change nothing, so that it need not be verified.
    pub(crate) fn needs_vote(&self, vote: &SignedVote) -> bool {
        let key = (vote.vote.kind, vote.vote.validator);
        match self.rounds.get(&vote.vote.round).and_then(|round| round.votes.get(&key)) {
            None => true,
            Some((first, None)) => first.vote != vote.vote,
            Some((_, Some(_))) => false,
        }
    }

    /// Whether exactly this vote with this signature is here, hence verified.
    pub(crate) fn has_vote(&self, vote: &SignedVote) -> bool {
        let key = (vote.vote.kind, vote.vote.validator);
        let stored = self.rounds.get(&vote.vote.round).and_then(|round| round.votes.get(&key));
        stored.is_some_and(|(first, second)| first == vote || second.as_ref() == Some(vote))
    }

    /// Adds a verified vote.
    pub(crate) fn add_vote(&mut self, vote: SignedVote) -> Added {
        debug_assert_eq!(vote.vote.height, self.height);
        let round = self.rounds.entry(vote.vote.round).or_default();
        let slot = round.votes.entry((vote.vote.kind, vote.vote.validator));
        let (first, second) = match slot {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert((vote, None));
                return Added::New;
            }
            std::collections::btree_map::Entry::Occupied(slot) => slot.into_mut(),
        };
        if first.vote == vote.vote || second.is_some() {
            return Added::Nothing;
        }
        *second = Some(vote);
        round.contradicted = true;
        Added::Contradiction(Equivocation::votes(*first, vote))
    }

    /// Whether exactly this proposal is here.
    pub(crate) fn has_proposal(&self, proposal: &SignedProposal) -> bool {
        let round = self.rounds.get(&proposal.proposal.round);
        round.is_some_and(|r| r.proposals.iter().any(|p| p.proposal == proposal.proposal))
    }

    /// Whether there is room for one more proposal of its round.
    pub(crate) fn has_room(&self, proposal: &SignedProposal) -> bool {
        let round = self.rounds.get(&proposal.proposal.round);
        let full = round.is_some_and(|round| round.proposals.len() >= PROPOSALS_KEPT);
        !full || self.is_vouched(proposal.proposal.round, &proposal.proposal.block)
    }

    /// Adds a verified proposal.
    pub(crate) fn add_proposal(&mut self, proposal: SignedProposal) -> Added {
        debug_assert_eq!(proposal.proposal.height, self.height);
        if self.has_proposal(&proposal) || !self.has_room(&proposal) {
            return Added::Nothing;
        }
        let round = self.rounds.entry(proposal.proposal.round).or_default();
        let first = round.proposals.first().copied();
        round.proposals.push(proposal);
        first.map_or(Added::New, |first| {
            Added::Contradiction(Equivocation::proposals(first, proposal))
        })
    }

    /// Keeps a verified quorum of prevotes.
    pub(crate) fn add_polka(&mut self, polka: PolkaCertificate) {
        self.rounds.entry(polka.round).or_default().polka.get_or_insert(polka);
    }

    /// Whether this contradiction should be reported: one of each sort for each validator.
    pub(crate) fn report(&mut self, evidence: &Equivocation) -> bool {
        let votes = matches!(evidence, Equivocation::Votes(..));
        self.reported.insert((evidence.validator(), votes))
    }

    /// The proposals of a round, the first one seen first.
    pub(crate) fn proposals(&self, round: Round) -> &[SignedProposal] {
        self.rounds.get(&round).map_or(&[], |round| round.proposals.as_slice())
    }

    /// The proposals for a block, by round.
    pub(crate) fn proposals_for(&self, block: BlockId) -> impl Iterator<Item = &SignedProposal> {
        let all = self.rounds.values().flat_map(|round| &round.proposals);
        all.filter(move |proposal| proposal.proposal.block == block)
    }

    /// The first proposal for a block.
    pub(crate) fn first_proposal_for(&self, block: BlockId) -> Option<SignedProposal> {
        self.proposals_for(block).next().copied()
    }

    /// The proposals for a block that the core has not been given, by round; afterwards it has.
    pub(crate) fn give(&mut self, block: BlockId) -> Vec<SignedProposal> {
        let mut given = Vec::new();
        for round in self.rounds.values_mut() {
            for (position, proposal) in round.proposals.iter().enumerate() {
                if proposal.proposal.block == block && round.given.insert(position) {
                    given.push(*proposal);
                }
            }
        }
        given
    }

    /// Whether somebody contradicted itself in votes of the round.
    pub(crate) fn is_contradicted(&self, round: Round) -> bool {
        self.rounds.get(&round).is_some_and(|round| round.contradicted)
    }

    /// Which validators' votes of a kind and round are here, as bits by place.
    pub(crate) fn bits(&self, kind: VoteKind, round: Round) -> u64 {
        let Some(round) = self.rounds.get(&round) else { return 0 };
        let places = self.validators.ids().iter().enumerate();
        places
            .filter(|(_, id)| round.votes.contains_key(&(kind, **id)))
            .fold(0, |bits, (place, _)| bits | bit(place))
    }

    /// The votes of a kind and round whose bit is not set.
    pub(crate) fn beyond(&self, kind: VoteKind, round: Round, bits: u64) -> Vec<SignedVote> {
        let Some(round) = self.rounds.get(&round) else { return Vec::new() };
        let places = self.validators.ids().iter().enumerate();
        places
            .filter(|(place, _)| bits & bit(*place) == 0)
            .filter_map(|(_, id)| round.votes.get(&(kind, *id)).map(|(first, _)| *first))
            .collect()
    }

    /// The power behind the voters of a round, whatever they voted for.
    pub(crate) fn power(&self, round: Round) -> Power {
        let bits = self.bits(VoteKind::Prevote, round) | self.bits(VoteKind::Precommit, round);
        let places = self.validators.validators().iter().enumerate();
        Power(
            places
                .filter(|(place, _)| bits & bit(*place) != 0)
                .fold(0, |sum, (_, v)| sum.saturating_add(v.power.0)),
        )
    }

    /// Whether a power is more than a third of the whole: at least one honest validator.
    pub(crate) fn is_more_than_a_third(&self, power: Power) -> bool {
        power.0.saturating_mul(3) > self.validators.total_power().0
    }

    /// The signatures of one kind and round for a block, by place, and their power.
    fn behind(
        &self,
        kind: VoteKind,
        round: Round,
        block: &BlockId,
    ) -> (Vec<CommitSignature>, Power) {
        let Some(round) = self.rounds.get(&round) else { return (Vec::new(), Power(0)) };
        let (mut signatures, mut power) = (Vec::new(), 0u64);
        let validators = self.validators.validators().iter().zip(self.validators.ids());
        for (place, (validator, id)) in validators.enumerate() {
            let Some((first, second)) = round.votes.get(&(kind, *id)) else {
                continue;
            };
            let vote = [Some(first), second.as_ref()].into_iter().flatten();
            let mut vote = vote.filter(|vote| vote.vote.block == Some(*block));
            if let (Some(vote), Ok(index)) = (vote.next(), u16::try_from(place)) {
                signatures.push(CommitSignature { index, signature: vote.signature });
                power = power.saturating_add(validator.power.0);
            }
        }
        (signatures, Power(power))
    }

    /// The blocks that somebody voted for in a round.
    fn voted(&self, kind: VoteKind, round: Round) -> BTreeSet<BlockId> {
        let votes = self.rounds.get(&round).into_iter().flat_map(|round| &round.votes);
        votes
            .filter(|((of, _), _)| *of == kind)
            .flat_map(|(_, (first, second))| [first.vote.block, second.and_then(|v| v.vote.block)])
            .flatten()
            .collect()
    }

    /// Whether more than a third prevoted for the block in the round.
    pub(crate) fn is_vouched(&self, round: Round, block: &BlockId) -> bool {
        self.is_more_than_a_third(self.behind(VoteKind::Prevote, round, block).1)
    }

    /// A quorum of prevotes of a round: the one kept, or built from votes.
    pub(crate) fn polka(&self, round: Round) -> Option<PolkaCertificate> {
        if let Some(polka) = self.rounds.get(&round).and_then(|round| round.polka.clone()) {
            return Some(polka);
        }
        self.voted(VoteKind::Prevote, round).into_iter().find_map(|block| {
            let (signatures, power) = self.behind(VoteKind::Prevote, round, &block);
            let height = self.height;
            (power >= self.validators.quorum()).then_some(PolkaCertificate {
                height,
                round,
                block,
                signatures,
            })
        })
    }

    /// The certificate that the precommits of a round make, if they do.
    pub(crate) fn commit(&self, round: Round) -> Option<CommitCertificate> {
        self.voted(VoteKind::Precommit, round).into_iter().find_map(|block| {
            let (signatures, power) = self.behind(VoteKind::Precommit, round, &block);
            let height = self.height;
            (power >= self.validators.quorum()).then_some(CommitCertificate {
                height,
                round,
                block,
                signatures,
            })
        })
    }

    /// Whether so many precommits of a round are for nil that no block of it can be decided,
    /// unless somebody contradicts itself.
    pub(crate) fn rules_out_commit(&self, round: Round) -> bool {
        let Some(round) = self.rounds.get(&round) else { return false };
        let is_nil = |key: KeyId| {
            let votes = round.votes.get(&(VoteKind::Precommit, key));
            votes.is_some_and(|(first, second)| first.vote.block.is_none() && second.is_none())
        };
        let validators = self.validators.validators().iter();
        let nil = validators.filter(|v| is_nil(v.key.id())).map(|v| v.power.0);
        let nil = nil.fold(0, u64::saturating_add);
        nil.saturating_add(self.validators.quorum().0) > self.validators.total_power().0
    }

    /// Whether a proposal for the block is kept.
    pub(crate) fn is_proposed(&self, block: &BlockId) -> bool {
        let mut all = self.rounds.values().flat_map(|round| &round.proposals);
        all.any(|proposal| proposal.proposal.block == *block)
    }

    /// How many votes and proposals are kept.
    pub(crate) fn size(&self) -> (usize, usize) {
        let votes = self.rounds.values().flat_map(|round| round.votes.values());
        let votes = votes.fold(0usize, |sum, (_, second)| {
            sum.saturating_add(1).saturating_add(usize::from(second.is_some()))
        });
        let proposals = self.rounds.values().map(|round| round.proposals.len());
        (votes, proposals.fold(0, usize::saturating_add))
    }

    /// Drops rounds far behind.
    pub(crate) fn prune(&mut self, current: Round) {
        let oldest = Round(current.0.saturating_sub(ROUNDS_KEPT));
        self.rounds.retain(|round, _| *round >= oldest);
    }

    /// The oldest round that is still worth keeping.
    pub(crate) const fn oldest(current: Round) -> Round {
        Round(current.0.saturating_sub(ROUNDS_KEPT))
    }
}

/// The bit of a place.
pub(crate) fn bit(place: usize) -> u64 {
    u32::try_from(place).ok().and_then(|place| 1u64.checked_shl(place)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHAIN, keys, set};
    use hefu_primitives::{KeyPair, Vote};

    fn vote(key: &KeyPair, kind: VoteKind, round: u32, block: Option<u8>) -> SignedVote {
        let block = block.map(|byte| BlockId([byte; 32]));
        Vote { kind, height: Height(1), round: Round(round), block, validator: key.id() }
            .sign(&CHAIN, key)
    }

    #[test]
    fn keeps_two_contradicting_votes_and_certifies_with_the_second() {
        let pairs = keys(4);
        let validators = set(&pairs);
        let mut book = Book::new(Height(1), validators.clone());
        let kind = VoteKind::Precommit;
        let nil = vote(&pairs[3], kind, 0, None);
        assert_eq!(book.add_vote(nil), Added::New);
        assert!(!book.needs_vote(&nil) && book.has_vote(&nil));
        for key in &pairs[..2] {
            assert_eq!(book.add_vote(vote(key, kind, 0, Some(1))), Added::New);
        }
        assert_eq!(book.commit(Round(0)), None);
        let second = vote(&pairs[3], kind, 0, Some(1));
        assert!(book.needs_vote(&second) && !book.has_vote(&second));
        let Added::Contradiction(evidence) = book.add_vote(second) else { panic!() };
        assert_eq!(evidence.verify(&CHAIN, &validators), Ok(()));
        assert!(book.report(&evidence) && !book.report(&evidence));
        let certificate = book.commit(Round(0)).unwrap();
        assert_eq!(certificate.verify(&CHAIN, &validators), Ok(()));
        assert!(!book.needs_vote(&vote(&pairs[3], kind, 0, Some(9))));
        assert_eq!(book.add_vote(vote(&pairs[3], kind, 0, Some(9))), Added::Nothing);
    }

    #[test]
    fn bits_and_what_is_beyond_them() {
        let pairs = keys(4);
        let mut book = Book::new(Height(1), set(&pairs));
        let votes: Vec<_> =
            pairs[..3].iter().map(|key| vote(key, VoteKind::Prevote, 2, Some(1))).collect();
        votes.iter().for_each(|vote| assert_eq!(book.add_vote(*vote), Added::New));
        assert_eq!(book.bits(VoteKind::Prevote, Round(2)), 0b111);
        assert_eq!(book.bits(VoteKind::Precommit, Round(2)), 0);
        assert_eq!(book.beyond(VoteKind::Prevote, Round(2), 0b101), vec![votes[1]]);
        let polka = book.polka(Round(2)).unwrap();
        assert!(polka.verify(&CHAIN, &set(&pairs)));
        assert!(book.is_vouched(Round(2), &BlockId([1; 32])));
        assert_eq!(book.power(Round(2)), Power(3));
        book.prune(Round(2 + ROUNDS_KEPT));
        assert!(book.polka(Round(2)).is_some());
        book.prune(Round(3 + ROUNDS_KEPT));
        assert!(book.polka(Round(2)).is_none());
    }
}
