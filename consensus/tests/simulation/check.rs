//! What must never happen, and what must at last.

use std::collections::BTreeMap;
use std::fmt;

use hefu_consensus::{Equivocation, Halt, Message};
use hefu_primitives::vote::SignedVote;
use hefu_primitives::{
    Block, BlockId, CommitCertificate, Height, KeyId, Proposal, Round, Vote, VoteKind,
};

use crate::app::{CHAIN, Membership, is_valid};

/// A rule that a run broke.
#[derive(Debug)]
#[allow(dead_code)] // the fields are read through Debug
pub(crate) enum Broken {
    /// Two honest machines stored different blocks.
    Disagreement { height: Height },
    /// An honest validator sent two contradicting signatures.
    DoubleSign { first: String, second: String },
    /// A stored block has no valid certificate, parent or roots.
    BadBlock { height: Height, what: &'static str },
    /// Evidence that does not hold, or against an honest validator.
    BadEvidence(Box<Equivocation>),
    /// An honest machine stopped itself.
    Halted { node: usize, halt: Halt },
    /// A peer was accused that did nothing wrong.
    Accused { node: usize, of: usize, what: String },
    /// Something was acted upon before the log was durable.
    NotDurable,
    /// After the faults stopped, not everything was recorded everywhere in time.
    Stalled { heights: Vec<u64>, missing: usize },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Sees everything that honest machines send and store.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    votes: BTreeMap<(KeyId, VoteKind, Height, Round), Vote>,
    proposals: BTreeMap<(KeyId, Height, Round), Proposal>,
    chain: Vec<(Block, CommitCertificate)>,
    pub(crate) evidence: usize,
}

impl Checker {
    /// What an honest machine sends; liars' signatures among it do not count.
    pub(crate) fn sent(&mut self, message: &Message, liars: &[KeyId]) -> Result<(), Broken> {
        match message {
            Message::Votes(votes) => votes.iter().try_for_each(|vote| self.vote(vote, liars)),
            Message::Proposal { proposal, .. } => {
                let p = proposal.proposal;
                let first = *self.proposals.entry((p.proposer, p.height, p.round)).or_insert(p);
                if first != p && !liars.contains(&p.proposer) {
                    return Err(double(&first, &p));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn vote(&mut self, signed: &SignedVote, liars: &[KeyId]) -> Result<(), Broken> {
        let v = signed.vote;
        let first = *self.votes.entry((v.validator, v.kind, v.height, v.round)).or_insert(v);
        if first != v && !liars.contains(&v.validator) { Err(double(&first, &v)) } else { Ok(()) }
    }

    /// A block that an honest machine stores.
    pub(crate) fn stored(
        &mut self,
        block: &Block,
        certificate: &CommitCertificate,
        members: &Membership,
    ) -> Result<(), Broken> {
        let height = block.header.height;
        let bad = |what| Err(Broken::BadBlock { height, what });
        if certificate.block != block.id() || certificate.height != height {
            return bad("the certificate is of another block");
        }
        if certificate.verify(&CHAIN, &members.at(height)).is_err() {
            return bad("the certificate does not verify");
        }
        if !is_valid(members, block) {
            return bad("the roots");
        }
        let place = (height.0 - 1) as usize;
        match self.chain.get(place) {
            Some((known, _)) if known.id() == block.id() => Ok(()),
            Some(_) => Err(Broken::Disagreement { height }),
            None if place == self.chain.len() && self.parent() == block.header.parent => {
                self.chain.push((block.clone(), certificate.clone()));
                Ok(())
            }
            None => bad("the parent"),
        }
    }

    fn parent(&self) -> BlockId {
        self.chain.last().map_or(BlockId(CHAIN.0), |(block, _)| block.id())
    }

    pub(crate) fn evidence(
        &mut self,
        evidence: &Equivocation,
        members: &Membership,
        liars: &[KeyId],
    ) -> Result<(), Broken> {
        self.evidence += 1;
        let holds = evidence.verify(&CHAIN, &members.at(evidence.height())).is_ok();
        if holds && liars.contains(&evidence.validator()) {
            return Ok(());
        }
        Err(Broken::BadEvidence(Box::new(*evidence)))
    }

    /// The chain that everybody agrees on.
    pub(crate) fn chain(&self) -> &[(Block, CommitCertificate)] {
        &self.chain
    }
}

fn double(first: &dyn fmt::Debug, second: &dyn fmt::Debug) -> Broken {
    Broken::DoubleSign { first: format!("{first:?}"), second: format!("{second:?}") }
}
