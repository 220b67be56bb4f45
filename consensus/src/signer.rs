//! The key, and the second lock on it: nothing is signed that contradicts what was signed before.
//!
//! The first lock is the log, from which the core derives the same votes again. This one does not
//! trust the core: it remembers every message signed at the height and refuses a different one
//! for the same round and kind. It is restored from the log before anything is signed.

use std::collections::BTreeMap;

use hefu_primitives::vote::{SignedProposal, SignedVote};
use hefu_primitives::{ChainId, Height, KeyId, KeyPair, Proposal, Round, Vote, VoteKind};

use crate::output::Halt;
use crate::wal::WalEntry;

/// Signs votes and proposals of one height at a time.
#[derive(Debug)]
pub(crate) struct Signer {
    chain: ChainId,
    key: Option<KeyPair>,
    id: KeyId,
    height: Height,
    votes: BTreeMap<(VoteKind, Round), Vote>,
    proposals: BTreeMap<Round, Proposal>,
}

impl Signer {
    pub(crate) fn new(chain: ChainId, key: Option<KeyPair>, height: Height) -> Self {
        let id = key.as_ref().map_or(KeyId::ZERO, KeyPair::id);
        Self { chain, key, id, height, votes: BTreeMap::new(), proposals: BTreeMap::new() }
    }

    /// Our id; [`KeyId::ZERO`] for an observer.
    pub(crate) const fn id(&self) -> KeyId {
        self.id
    }

    /// Forgets the height before: everything of it is stored, and heights only grow.
    pub(crate) fn begin(&mut self, height: Height) {
        debug_assert!(height > self.height);
        self.height = height;
        self.votes.clear();
        self.proposals.clear();
    }

    /// Restores what an entry of the log says we signed.
    pub(crate) fn recall(&mut self, entry: &WalEntry) -> Result<(), Halt> {
        match entry {
            WalEntry::Vote(signed) if signed.vote.validator == self.id => {
                self.remember_vote(signed.vote)
            }
            WalEntry::Proposal(signed) if signed.proposal.proposer == self.id => {
                self.remember_proposal(signed.proposal)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn sign_vote(&mut self, vote: Vote) -> Result<SignedVote, Halt> {
        self.check(vote.height, vote.validator)?;
        self.remember_vote(vote)?;
        let key = self.key.as_ref().ok_or(Halt::Contract("an observer does not sign"))?;
        Ok(vote.sign(&self.chain, key))
    }

    pub(crate) fn sign_proposal(&mut self, proposal: Proposal) -> Result<SignedProposal, Halt> {
        self.check(proposal.height, proposal.proposer)?;
        self.remember_proposal(proposal)?;
        let key = self.key.as_ref().ok_or(Halt::Contract("an observer does not sign"))?;
        Ok(proposal.sign(&self.chain, key))
    }

    /// Whether a vote that bears our valid signature is one we remember.
    pub(crate) fn knows_vote(&self, vote: &Vote) -> bool {
        self.votes.get(&(vote.kind, vote.round)) == Some(vote)
    }

    /// Whether a proposal that bears our valid signature is one we remember.
    pub(crate) fn knows_proposal(&self, proposal: &Proposal) -> bool {
        self.proposals.get(&proposal.round) == Some(proposal)
    }

    fn check(&self, height: Height, signer: KeyId) -> Result<(), Halt> {
        if height == self.height && signer == self.id {
            return Ok(());
        }
        Err(Halt::Core { height, reason: "asked to sign for another height or key".into() })
    }

    fn remember_vote(&mut self, vote: Vote) -> Result<(), Halt> {
        let before = *self.votes.entry((vote.kind, vote.round)).or_insert(vote);
        if before == vote {
            return Ok(());
        }
        Err(Halt::DoubleSign { what: vote_name(vote.kind), height: vote.height, round: vote.round })
    }

    fn remember_proposal(&mut self, proposal: Proposal) -> Result<(), Halt> {
        let before = *self.proposals.entry(proposal.round).or_insert(proposal);
        if before == proposal {
            return Ok(());
        }
        let (height, round) = (proposal.height, proposal.round);
        Err(Halt::DoubleSign { what: "proposal", height, round })
    }
}

/// The kind of a vote for messages to the operator.
pub(crate) const fn vote_name(kind: VoteKind) -> &'static str {
    match kind {
        VoteKind::Prevote => "prevote",
        VoteKind::Precommit => "precommit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHAIN, keys};
    use hefu_primitives::BlockId;

    fn vote(signer: &Signer, round: u32, block: Option<u8>) -> Vote {
        Vote {
            kind: VoteKind::Prevote,
            height: Height(5),
            round: Round(round),
            block: block.map(|byte| BlockId([byte; 32])),
            validator: signer.id(),
        }
    }

    #[test]
    fn signs_again_but_never_otherwise() {
        let mut signer = Signer::new(CHAIN, Some(keys(1)[0].clone()), Height(5));
        let first = vote(&signer, 0, Some(1));
        let signed = signer.sign_vote(first).unwrap();
        assert_eq!(signer.sign_vote(first), Ok(signed));
        let other = vote(&signer, 0, None);
        assert!(matches!(signer.sign_vote(other), Err(Halt::DoubleSign { .. })));
        assert!(signer.sign_vote(vote(&signer, 1, None)).is_ok());
        let precommit = Vote { kind: VoteKind::Precommit, ..other };
        assert!(signer.sign_vote(precommit).is_ok());
        assert!(signer.knows_vote(&first) && !signer.knows_vote(&other));
    }

    #[test]
    fn remembers_what_the_log_says() {
        let key = keys(1)[0].clone();
        let mut signer = Signer::new(CHAIN, Some(key.clone()), Height(5));
        let first = vote(&signer, 0, Some(1));
        signer.recall(&WalEntry::Vote(first.sign(&CHAIN, &key))).unwrap();
        assert!(signer.sign_vote(vote(&signer, 0, None)).is_err());
        let proposal = Proposal {
            height: Height(5),
            round: Round(0),
            block: BlockId([1; 32]),
            pol_round: None,
            proposer: key.id(),
        };
        signer.recall(&WalEntry::Proposal(proposal.sign(&CHAIN, &key))).unwrap();
        let other = Proposal { block: BlockId([2; 32]), ..proposal };
        assert!(signer.sign_proposal(other).is_err());
        assert!(signer.sign_proposal(proposal).is_ok());
        assert!(signer.knows_proposal(&proposal) && !signer.knows_proposal(&other));
    }

    #[test]
    fn signs_only_for_its_height_and_key() {
        let pairs = keys(2);
        let mut signer = Signer::new(CHAIN, Some(pairs[0].clone()), Height(5));
        let good = vote(&signer, 0, None);
        assert!(signer.sign_vote(Vote { height: Height(4), ..good }).is_err());
        assert!(signer.sign_vote(Vote { height: Height(6), ..good }).is_err());
        assert!(signer.sign_vote(Vote { validator: pairs[1].id(), ..good }).is_err());
        signer.begin(Height(6));
        assert!(signer.sign_vote(Vote { height: Height(6), ..good }).is_ok());
    }
}
