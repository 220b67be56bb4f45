//! Proposes one block to the even machines and another to the odd ones, both with correct roots,
//! and votes for each half's block at once, twice, without waiting for anybody.

use std::collections::BTreeMap;

use hefu_consensus::Message;
use hefu_node::core::{Contents, CoreOutput};
use hefu_primitives::{Block, BlockId, Height, Millis, Proposal, Round, VoteKind};

use super::{Attacker, Parcel, Scene, broadcast};
use crate::sim::memory::Remembers;

/// Rounds it remembers.
const REMEMBERED: usize = 32;

#[derive(Default)]
pub(super) struct TwoFaced {
    proposed: BTreeMap<(Height, Round), Vec<BlockId>>,
}

impl Attacker for TwoFaced {
    fn outgoing(&mut self, scene: &mut Scene<'_>, output: CoreOutput) -> Vec<Parcel> {
        match broadcast(&output) {
            Some(Message::Votes(_)) => Vec::new(),
            Some(Message::Proposal { proposal, block })
                if proposal.proposal.pol_round.is_none() =>
            {
                let first = Message::Proposal { proposal, block: block.clone() };
                let Some(other) = other_block(scene, &block) else {
                    return vec![Parcel::Core(output)];
                };
                let twin = Proposal { block: other.id(), ..proposal.proposal };
                let twin = twin.sign(&scene.chain, scene.key);
                let second = Message::Proposal { proposal: twin, block: other };
                let mut parcels = Vec::new();
                scene.did();
                for peer in scene.others {
                    let to_all = scene.liars.contains(peer);
                    if to_all || peer % 2 == 0 {
                        parcels.push(Parcel::message(*peer, &first));
                    }
                    if to_all || peer % 2 == 1 {
                        parcels.push(Parcel::message(*peer, &second));
                    }
                }
                for message in [first, second] {
                    parcels.extend(self.learn(scene, &message));
                }
                parcels
            }
            _ => vec![Parcel::Core(output)],
        }
    }

    fn heard(&mut self, scene: &mut Scene<'_>, bytes: &[u8]) -> Vec<Parcel> {
        Message::decode(bytes).map(|message| self.learn(scene, &message)).unwrap_or_default()
    }
}

impl TwoFaced {
    /// Votes as soon as it knows a block, again when it knows a second one.
    fn learn(&mut self, scene: &mut Scene<'_>, message: &Message) -> Vec<Parcel> {
        let Message::Proposal { proposal, .. } = message else { return Vec::new() };
        let (height, round) = (proposal.proposal.height, proposal.proposal.round);
        if self.proposed.len() >= REMEMBERED {
            self.proposed.pop_first();
        }
        let blocks = self.proposed.entry((height, round)).or_default();
        if height != scene.height() || blocks.contains(&proposal.proposal.block) {
            return Vec::new();
        }
        blocks.push(proposal.proposal.block);
        let mut parcels = Vec::new();
        for peer in scene.others {
            let block = blocks[(peer % 2).min(blocks.len() - 1)];
            for kind in [VoteKind::Prevote, VoteKind::Precommit] {
                let vote = scene.vote(kind, height, round, Some(block));
                parcels.push(Parcel::message(*peer, &Message::Votes(vec![vote])));
            }
        }
        parcels
    }
}

/// A block of the same height and round with nothing in it and another time.
fn other_block(scene: &mut Scene<'_>, block: &Block) -> Option<Block> {
    let proposer = scene.key.id();
    let ledger = scene.core.as_mut()?.ledger_mut();
    let time = Millis(block.header.time.0 + 1);
    Some(ledger.build(block.header.round, time, proposer, Contents::default(), &Remembers))
}
