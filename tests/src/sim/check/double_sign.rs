//! No honest double-sign: whatever an honest validator has ever signed and let out, across all
//! its lives, there is one vote of a kind and one proposal for each height and round.
//!
//! Votes travel inside messages of others and inside certificates too: all of them count.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hefu_consensus::Message;
use hefu_primitives::{Height, KeyId, Proposal, Round, Vote, VoteKind};

use super::{Checker, Fact};

pub(super) struct DoubleSign {
    liars: Vec<KeyId>,
    votes: BTreeMap<(KeyId, VoteKind, Height, Round), Vote>,
    proposals: BTreeMap<(KeyId, Height, Round), Proposal>,
}

impl DoubleSign {
    pub(super) const fn new(liars: Vec<KeyId>) -> Self {
        Self { liars, votes: BTreeMap::new(), proposals: BTreeMap::new() }
    }

    fn vote(&mut self, vote: Vote) -> Result<(), String> {
        if self.liars.contains(&vote.validator) {
            return Ok(());
        }
        let key = (vote.validator, vote.kind, vote.height, vote.round);
        same(*self.votes.entry(key).or_insert(vote), vote)
    }

    fn proposal(&mut self, proposal: Proposal) -> Result<(), String> {
        if self.liars.contains(&proposal.proposer) {
            return Ok(());
        }
        let key = (proposal.proposer, proposal.height, proposal.round);
        same(*self.proposals.entry(key).or_insert(proposal), proposal)
    }
}

fn same<T: PartialEq + Debug>(first: T, second: T) -> Result<(), String> {
    if first == second { Ok(()) } else { Err(format!("{first:?} and {second:?}")) }
}

impl Checker for DoubleSign {
    fn name(&self) -> &'static str {
        "double-sign"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Sent { message: Message::Votes(votes) } => {
                votes.iter().try_for_each(|signed| self.vote(signed.vote))
            }
            Fact::Sent { message: Message::Proposal { proposal, .. } } => {
                self.proposal(proposal.proposal)
            }
            _ => Ok(()),
        }
    }
}
