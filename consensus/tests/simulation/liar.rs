//! A Byzantine validator that sees everything: it votes both ways, tells each half of its peers
//! something else, proposes two blocks where it is its turn, answers requests for blocks with
//! forged ones, and repeats old messages.

use std::collections::BTreeSet;

use hefu_consensus::{Message, SyncedBlock, proposer};
use hefu_primitives::{
    Block, BlockId, BundleId, Canonical, CommitCertificate, Height, KeyPair, Millis, Proposal,
    Round, Vote, VoteKind,
};

use crate::app::{CHAIN, Membership, build};
use crate::rng::Rng;

pub(crate) struct Liar {
    pub(crate) key: KeyPair,
    seen: BTreeSet<(Height, Round, u8)>,
    heard: Vec<Vec<u8>>,
}

/// A message and the peers it is for.
pub(crate) type Lies = Vec<(usize, Vec<u8>)>;

impl Liar {
    pub(crate) fn new(key: KeyPair) -> Self {
        Self { key, seen: BTreeSet::new(), heard: Vec::new() }
    }

    /// Reacts to a message. `tip` is the block before the height, if the world knows it.
    pub(crate) fn hear(
        &mut self,
        bytes: &[u8],
        members: &Membership,
        tip: impl Fn(Height) -> Option<(BlockId, Millis)>,
        peers: usize,
        rng: &mut Rng,
    ) -> Lies {
        let mut lies = Lies::new();
        if rng.chance(50) && self.heard.len() < 200 {
            self.heard.push(bytes.to_vec());
        }
        if rng.chance(20) && !self.heard.is_empty() {
            let old = self.heard[rng.below(self.heard.len() as u64) as usize].clone();
            lies.push((rng.below(peers as u64) as usize, old));
        }
        let Ok(message) = Message::decode(bytes) else { return lies };
        let (height, round, block) = match &message {
            Message::Votes(votes) => match votes.first() {
                Some(vote) => (vote.vote.height, vote.vote.round, vote.vote.block),
                None => return lies,
            },
            Message::Proposal { proposal: p, .. } => {
                (p.proposal.height, p.proposal.round, Some(p.proposal.block))
            }
            Message::Status(status) => (status.height, status.round, None),
            _ => return lies,
        };
        if members.at(height).by_key(self.key.id()).is_none() {
            return lies;
        }
        if let Some(block) = block
            && self.seen.insert((height, round, 0))
        {
            self.vote_both_ways(height, round, block, peers, rng, &mut lies);
        }
        for turn in [round, round.next()] {
            if proposer(&members.at(height), height, turn) == self.key.id()
                && let Some((parent, time)) = tip(height.previous())
                && self.seen.insert((height, turn, 1))
            {
                for salt in 0..2 {
                    let bundle = BundleId([rng.next() as u8; 32]);
                    let time = Millis(time.0 + 1 + salt);
                    let block = build(members, height, turn, time, parent, vec![bundle]);
                    self.propose(height, turn, block, peers, rng, &mut lies);
                }
            }
        }
        lies
    }

    fn vote_both_ways(
        &self,
        height: Height,
        round: Round,
        block: BlockId,
        peers: usize,
        rng: &mut Rng,
        lies: &mut Lies,
    ) {
        for kind in [VoteKind::Prevote, VoteKind::Precommit] {
            for peer in 0..peers {
                let choice = match rng.below(4) {
                    0 => None,
                    1 => Some(BlockId([rng.next() as u8; 32])),
                    _ => Some(block),
                };
                let vote = Vote { kind, height, round, block: choice, validator: self.key.id() };
                let message = Message::Votes(vec![vote.sign(&CHAIN, &self.key)]);
                lies.push((peer, message.to_bytes()));
            }
        }
    }

    fn propose(
        &self,
        height: Height,
        round: Round,
        mut block: Block,
        peers: usize,
        rng: &mut Rng,
        lies: &mut Lies,
    ) {
        if rng.chance(300) {
            block.header.state_root.0[0] ^= 1;
        }
        let proposer = self.key.id();
        let proposal = Proposal { height, round, block: block.id(), pol_round: None, proposer };
        let message = Message::Proposal { proposal: proposal.sign(&CHAIN, &self.key), block };
        for peer in 0..peers {
            if rng.chance(500) {
                lies.push((peer, message.to_bytes()));
            }
        }
    }

    /// Forged blocks: the header, the certificate or the order is wrong, or there are none.
    pub(crate) fn forge(
        &self,
        honest: &[(Block, CommitCertificate)],
        from: Height,
        rng: &mut Rng,
    ) -> Vec<SyncedBlock> {
        let start = (from.0 - 1) as usize;
        let mut blocks: Vec<_> = honest
            .iter()
            .skip(start)
            .take(3)
            .map(|(block, certificate)| SyncedBlock {
                block: block.clone(),
                certificate: certificate.clone(),
                body: Vec::new(),
            })
            .collect();
        let Some(first) = blocks.first_mut() else { return blocks };
        match rng.below(4) {
            0 => first.block.header.state_root.0[0] ^= 1,
            1 => first.certificate.signatures.truncate(1),
            2 => first.certificate.round = first.certificate.round.next(),
            _ => blocks.reverse(),
        }
        blocks
    }
}
